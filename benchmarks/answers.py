"""How good the answers are, on files of questions with accepted answers: a table, then JSON.

Two kinds of file. With passages given, the file's distinct contexts are taken in as text documents
and asked together. With PDFs, each question is asked over its own PDFs. benchmarks/README.md says
what each figure means. Exits with 1 under --check when a floor is missed.
"""

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

import evaluation
import matching
from evaluation import Kind, Question
from shares import Share

from rag import prompt, seal, settings, threads
from rag.types import Answer, Citation, Done

if TYPE_CHECKING:
    from rag.library import Library

PageText = Callable[[str, int], str]

BALANCED_FLOOR = 0.75
WRONG_FLOOR = 1 / 3


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one question. verdict, f1, exact, found: of rules, see matching.py.
    confidence, withheld: of the Answer. on_page: whether a citation is of a gold page, None where
    there is none to be on.
    n_stated: sentences that state something; n_supported: of them, those borne out."""

    id: str
    dataset: str
    kind: Kind
    question: str
    golds: tuple[str, ...]
    answerable: bool
    text: str
    marked: str
    stop: str
    refused: bool
    verdict: matching.Verdict
    f1: float
    exact: bool
    found: bool
    on_page: bool | None
    n_stated: int
    n_supported: int
    n_quotes: int
    n_verbatim: int
    confidence: float | None
    withheld: str
    seconds: float


def main() -> int:
    options = _options()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    seal.seal()
    known = _kept(options.keep)
    results: list[Result] = []
    with ExitStack() as opened:
        folder = options.library or Path(
            opened.enter_context(TemporaryDirectory(prefix="strongroom-answers-"))
        )
        keep = opened.enter_context(options.keep.open("a")) if options.keep else None
        rooms = Rooms(folder, model=options.model)
        for path in options.questions:
            chosen = [
                q
                for q in evaluation.read(path)
                if options.datasets in (None, []) or q.dataset in options.datasets
            ]
            asked = sample(chosen, options.limit, seed=options.seed)
            results += _ask_all(rooms, path, chosen, asked, options.pdfs, known, keep)
    return _report(results, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the answers to files of questions.")
    parser.add_argument("--questions", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument(
        "--pdfs",
        type=Path,
        metavar="DIR",
        help="folder that the questions' PDFs are in (default: pdfs/ beside their file)",
    )
    parser.add_argument("--datasets", nargs="*", metavar="NAME", help="only these")
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="questions of each file, in the proportions of its datasets and of the answerable",
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: 0)")
    parser.add_argument(
        "--library",
        type=Path,
        metavar="DIR",
        help="keep the libraries here, and use those that are there",
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="of the catalogue, or a GGUF file")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="add each result here as a line of JSON; questions that it holds are not asked again",
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    parser.add_argument("--json", action="store_true", help="print no table")
    return parser.parse_args()


# -- questions -------------------------------------------------------------------------------------


def sample(questions: Sequence[Question], limit: int | None, *, seed: int) -> list[Question]:
    """Up to `limit` questions, in the proportions of datasets and of what can be answered.

    A larger limit adds to what a smaller one chose. The order is that of the file.
    """
    if limit is None or limit >= len(questions):
        return list(questions)
    strata: dict[tuple[str, bool], list[Question]] = defaultdict(list)
    for question in questions:
        strata[question.dataset, question.answerable].append(question)
    ranked: list[tuple[float, str]] = []
    for key, members in sorted(strata.items()):
        Random(f"{seed} {key}").shuffle(members)
        ranked += [((i + 0.5) / len(members), q.id) for i, q in enumerate(members)]
    chosen = {question_id for _, question_id in sorted(ranked)[:limit]}
    return [question for question in questions if question.id in chosen]


# -- asking ----------------------------------------------------------------------------------------


class Rooms:
    """One library for each collection, below one folder; the models are loaded once."""

    def __init__(self, folder: Path, *, model: str | None) -> None:
        chosen = settings.load(os.environ)
        self._settings = replace(chosen, model=model or chosen.model)
        self._folder = folder
        self._first: Library | None = None

    def open(self, name: str, paths: Sequence[Path]) -> "Library":
        """A library of these files, which are taken in unless they are there already."""
        from rag.library import open_library

        chosen = replace(self._settings, library=self._folder / name)
        chosen.library.parent.mkdir(parents=True, exist_ok=True)
        library = open_library(chosen, command="benchmark")
        if self._first is None:
            self._first = library
        library.generator = self._first.generator
        library.embedder = self._first.embedder
        for progress in library.ingest.take_in(paths):
            if progress.step == "failed":
                _tell(f"{progress.name}: {progress.message}\n")
        return library


def _ask_all(
    rooms: Rooms,
    path: Path,
    questions: Sequence[Question],
    asked: Sequence[Question],
    pdfs: Path | None,
    known: dict[tuple[str, str], Result],
    keep: TextIO | None,
) -> Iterator[Result]:
    n = 0
    for name, files, group in collected(path, questions, asked, pdfs or path.parent / "pdfs"):
        left = [q for q in group if (q.dataset, q.id) not in known]
        yield from (known[q.dataset, q.id] for q in group if (q.dataset, q.id) in known)
        n += len(group) - len(left)
        if not left:
            continue
        with (
            TemporaryDirectory(prefix="strongroom-contexts-") as folder,
            closing(rooms.open(name, files(Path(folder)))) as library,
        ):
            for question in left:
                n += 1
                _tell(f"\r{path.name}: {n} of {len(asked)} ")
                result = ask(library, question)
                if keep:
                    keep.write(json.dumps(asdict(result)) + "\n")
                    keep.flush()
                yield result
    _tell("\n")


Collection = tuple[str, Callable[[Path], list[Path]], list[Question]]


def collected(
    path: Path, questions: Sequence[Question], asked: Sequence[Question], pdfs: Path
) -> Iterator[Collection]:
    """(name, what gives its files, questions) of each library that these questions need."""
    passages = [q for q in asked if q.kind == "passages"]
    if passages:
        yield path.stem, partial(_write_contexts, questions), passages
    groups: dict[tuple[str, ...], list[Question]] = defaultdict(list)
    for question in asked:
        if question.kind == "pdfs":
            groups[tuple(sorted(question.pdfs))].append(question)
    for names, group in groups.items():
        paths = [pdfs / name for name in names]
        library = re.sub(r"[^\w.-]+", "_", " ".join(path.stem for path in paths))[:100]
        yield library, partial(_as_they_are, paths), group


def _as_they_are(paths: list[Path], _folder: Path) -> list[Path]:
    return paths


def _write_contexts(questions: Sequence[Question], folder: Path) -> list[Path]:
    """The distinct contexts, each in a text file named by its title."""
    titles = {q.context: q.title for q in questions if q.context}
    paths = []
    for number, (context, title) in enumerate(titles.items(), start=1):
        name = re.sub(r"[^\w.-]+", " ", title)[:60].strip() or "Passage"
        paths.append(folder / f"{name} {number:04}.txt")
        paths[-1].write_text(context, encoding="utf-8")
    return paths


def ask(library: "Library", question: Question) -> Result:
    answer = next(e.answer for e in library.ask(question.text) if isinstance(e, Done))
    return judge(question, answer, library.pages.text)


def judge(question: Question, answer: Answer, page_text: PageText) -> Result:
    refused = answer.stop == "no_evidence" or prompt.is_refusal(answer.text)
    stated = [s for s in answer.sentences if s.markers or not s.supported]
    shown = "" if refused else answer.text
    return Result(
        id=question.id,
        dataset=question.dataset,
        kind=question.kind,
        question=question.text,
        golds=question.answers,
        answerable=question.answerable,
        text=answer.text,
        marked=answer.marked,
        stop=answer.stop,
        refused=refused,
        verdict=matching.judge(
            question.text,
            answer.text,
            question.answers,
            answerable=question.answerable,
            refused=refused,
        ),
        f1=matching.f1(shown, question.answers),
        exact=matching.exact_match(shown, question.answers),
        found=matching.found(question.text, shown, question.answers),
        on_page=any(_is_of(c, place) for c in answer.citations for place in question.pages)
        if question.pages
        else None,
        n_stated=len(stated),
        n_supported=sum(s.supported for s in stated),
        n_quotes=len(answer.citations),
        n_verbatim=sum(_is_verbatim(c, page_text) for c in answer.citations),
        confidence=answer.confidence,
        withheld=answer.withheld,
        seconds=round(answer.total_s, 2),
    )


def _is_of(citation: Citation, place: tuple[str, int]) -> bool:
    pdf, page = place
    return (citation.document, citation.span.page) == (Path(pdf).name, page)


def _is_verbatim(citation: Citation, page_text: PageText) -> bool:
    return bool(citation.quote) and citation.quote in page_text(
        citation.span.doc_id, citation.span.page
    )


def _kept(path: Path | None) -> dict[tuple[str, str], Result]:
    if path is None or not path.exists():
        return {}
    with path.open(encoding="utf-8") as lines:
        results = [_result(json.loads(line)) for line in lines]
    return {(result.dataset, result.id): result for result in results}


def _result(row: dict[str, Any]) -> Result:
    return Result(**{**row, "golds": tuple(row["golds"])})


# -- figures ---------------------------------------------------------------------------------------


def share(results: Sequence[Result], test: Callable[[Result], bool]) -> Share:
    return Share(sum(map(test, results)), len(results))


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of one dataset, all of whose questions are of one kind."""
    can = [r for r in results if r.answerable]
    cannot = [r for r in results if not r.answerable]
    answered = [r for r in results if not r.refused]
    right_refusals, false_refusals = share(cannot, _refused), share(can, _refused)
    figures: dict[str, Any] = {
        "n": len(results),
        "right_refusals": right_refusals,
        "false_refusals": false_refusals,
        "balanced_accuracy": balanced_accuracy(right_refusals, false_refusals),
        "supported_sentences": Share(
            sum(r.n_supported for r in answered), sum(r.n_stated for r in answered)
        ),
        "quotes_verbatim": Share(
            sum(r.n_verbatim for r in results), sum(r.n_quotes for r in results)
        ),
        "median_s": sorted(r.seconds for r in results)[len(results) // 2],
    }
    if results[0].kind == "passages":
        figures |= {
            "f1": _mean(r.f1 for r in can),
            "exact_match": share(can, lambda r: r.exact),
            "found_answer": share(can, lambda r: r.found),
        }
    else:
        right = [
            r for r in can if r.verdict == "correct" and not r.refused and r.on_page is not None
        ]
        figures |= {
            "correct": share(can, lambda r: r.verdict == "correct"),
            "refused": share(can, lambda r: r.verdict == "refused"),
            "wrong": share(results, lambda r: r.verdict == "wrong"),
            "cited_page": share(right, lambda r: bool(r.on_page)),
        }
    return figures


def balanced_accuracy(right_refusals: Share, false_refusals: Share) -> float | None:
    """The mean of the shares of unanswerable questions refused and answerable ones answered."""
    if right_refusals.value is None or false_refusals.value is None:
        return None
    return (right_refusals.value + 1 - false_refusals.value) / 2


def _refused(result: Result) -> bool:
    return result.refused


def _mean(values: Iterator[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def misses(figures: dict[str, dict[str, Any]]) -> list[str]:
    """The floors that are missed, in words."""
    missed = []
    n_correct = n_wrong = 0
    for dataset, of in figures.items():
        verbatim: Share = of["quotes_verbatim"]
        if verbatim.k < verbatim.n:
            missed.append(f"{dataset}: {verbatim.n - verbatim.k} quotes are not on their page")
        balanced = of["balanced_accuracy"]
        if "f1" in of and balanced is not None and balanced < BALANCED_FLOOR:
            missed.append(f"{dataset}: balanced accuracy of refusal {balanced:.3f}")
        if "wrong" in of:
            n_correct, n_wrong = n_correct + of["correct"].k, n_wrong + of["wrong"].k
    if n_wrong > WRONG_FLOOR * n_correct:
        missed.append(f"PDFs: {n_wrong} answers wrong and {n_correct} correct")
    return missed


def _report(results: Sequence[Result], options: argparse.Namespace) -> int:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[result.dataset].append(result)
    figures = {dataset: summary(group) for dataset, group in groups.items()}
    if not options.json:
        for dataset, of in figures.items():
            _print_table(dataset, of)
    missed = misses(figures)
    line = {
        "seed": options.seed,
        "limit": options.limit,
        "model": options.model or settings.load(os.environ).model,
        "datasets": {d: {k: _plain(v) for k, v in of.items()} for d, of in figures.items()},
        "missed": missed,
    }
    print(json.dumps(line))
    for miss in missed if options.check else []:
        _tell(f"floor missed: {miss}\n")
    return int(options.check and bool(missed))


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        return value.as_json()
    return round(value, 4) if isinstance(value, float) else value


def _print_table(dataset: str, figures: dict[str, Any]) -> None:
    print(f"{dataset}")
    for name, value in figures.items():
        shown = "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        print(f"  {name.replace('_', ' '):<20} {shown}")


def _tell(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
