"""How often what the app shows as nearest to a question holds an accepted answer.

    python benchmarks/nearest.py --questions squad.jsonl clapnq.jsonl --library DIR

By the question's words alone, as while the model reads, and with embeddings, as where it declines.
No language model is asked. Prints a table, then one line of JSON.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import answers
import evaluation
import matching
from evaluation import Question
from rich.console import Console
from rich.table import Table

from rag import directions, excerpts, seal, threads

if TYPE_CHECKING:
    from rag.library import Library

BY = ("words", "embeddings")


@dataclass(frozen=True, slots=True)
class Result:
    """first: an accepted answer stands in the first quote; any: in one of them."""

    dataset: str
    by: str
    first: bool
    any: bool
    n_quotes: int
    ms: float


def main() -> int:
    options = _options()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    kept = nullcontext(str(options.library)) if options.library else TemporaryDirectory()
    results: list[Result] = []
    with kept as folder:
        rooms = answers.Rooms(Path(folder), model=None)
        for path in options.questions:
            questions = evaluation.read(path)
            can = [q for q in questions if q.answerable]
            asked = answers.sample(can, options.limit, seed=options.seed)
            results += _of_file(rooms, path, questions, asked, options.pdfs)
    _report(results)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what is shown as nearest to questions.")
    parser.add_argument("--questions", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--pdfs", type=Path, metavar="DIR", help="default: pdfs/ beside the file")
    parser.add_argument("--limit", type=int, metavar="N", help="questions of each file")
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: 0)")
    parser.add_argument("--library", type=Path, metavar="DIR", help="keep the libraries here")
    return parser.parse_args()


def _of_file(
    rooms: answers.Rooms,
    path: Path,
    questions: Sequence[Question],
    asked: Sequence[Question],
    pdfs: Path | None,
) -> Iterator[Result]:
    folders = pdfs or path.parent / "pdfs"
    for name, files, group in answers.collected(path, questions, asked, folders):
        with (
            TemporaryDirectory(prefix="strongroom-contexts-") as folder,
            closing(rooms.open(name, files(Path(folder)))) as library,
        ):
            for question in group:
                for by in BY:
                    yield _look(library, question, by)


def _look(library: "Library", question: Question, by: str) -> Result:
    hits = library.search(question.text)
    asked = directions.bare(question.text)
    embed = library.embedder().embed if by == "embeddings" else None
    start = time.perf_counter()
    found = excerpts.nearest(asked, hits, library.pages.text, embed)
    ms = (time.perf_counter() - start) * 1000
    holds = [matching.found(question.text, c.quote, question.answers) for c in found]
    return Result(question.dataset, by, any(holds[:1]), any(holds), len(found), ms)


def _report(results: Sequence[Result]) -> None:
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.dataset, result.by].append(result)
    table = Table("dataset", "by", "n", "in the first, %", "in any, %", "quotes", "ms, median")
    rows = []
    for (dataset, by), some in groups.items():
        n = len(some)
        row = {
            "dataset": dataset,
            "by": by,
            "n": n,
            "first": sum(r.first for r in some) / n,
            "any": sum(r.any for r in some) / n,
            "quotes": sum(r.n_quotes for r in some) / n,
            "ms": round(median(r.ms for r in some), 1),
        }
        rows.append(row)
        table.add_row(
            dataset, by, str(n), f"{row['first']:.1%}", f"{row['any']:.1%}",
            f"{row['quotes']:.1f}", str(row["ms"]),
        )  # fmt: skip
    Console(file=sys.stdout).print(table)
    print(json.dumps(rows))


if __name__ == "__main__":
    sys.exit(main())
