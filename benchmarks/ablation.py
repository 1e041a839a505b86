"""What each ingredient of the ranking is worth: a table with each of them off in turn, then JSON.

The questions, the documents and the library are those of benchmarks/retrieval.py, as are the two
settings. An ingredient that costs nothing when it is off should go.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import evaluation
import retrieval
from evaluation import Question
from retrieval import SETTINGS

from rag import forms, rank, seal, terms, threads, wording
from rag import retrieve as module
from rag.catalog import Catalog
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.library import Library

DEPTHS = (1, 5)
ROW = "{:44}" + "  {:>7}" * 4

INGREDIENTS: Mapping[str, tuple[object, str, object]] = {
    "search by meaning": (module, "_nearest", lambda *_: []),
    "search by words": (Catalog, "holding", lambda *_, **__: []),
    "the words of the whole page": (module, "WHOLE_PAGE", 0.0),
    "the other pages of the document": (rank, "WHOLE_DOCUMENT", 0.0),
    "pages and figures that the question names": (wording, "named", lambda _: wording.Named()),
    "documents that the question names": (module, "_meant", lambda *_: []),
    "what accounts print": (terms, "printed", lambda _: ()),
    "misspelt names": (wording, "corrected", lambda *_: []),
    "other forms of numbers and dates": (forms, "of", lambda _: []),
}


def main() -> int:
    options = _options()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    with_pages = [q for q in evaluation.read(options.questions) if q.pages]
    questions = evaluation.choose(with_pages, limit=options.limit)
    try:
        with evaluation.library_of(options.pdfs, options.library) as (library, ids):
            told = dict(_measured(library, questions, ids))
    except (RagError, OSError) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"questions": len(questions), "hits": told}))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what each ingredient is worth.")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--pdfs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--limit", type=int, metavar="N", help="questions, spread over the file")
    parser.add_argument("--library", type=Path, metavar="DIR", help="kept, and used again")
    return parser.parse_args()


def _measured(
    library: "Library", questions: Sequence[Question], ids: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, float]]]:
    print(ROW.format("off", *(f"{setting} @{k}" for setting in SETTINGS for k in DEPTHS)))
    whole: dict[str, float] = {}
    for name in ("nothing", *INGREDIENTS):
        with _without(name):
            figures = _figures(library, questions, ids)
        whole = whole or figures
        shown = figures if name == "nothing" else {k: v - whole[k] for k, v in figures.items()}
        form = "{:.1f}" if name == "nothing" else "{:+.1f}"
        print(ROW.format(name, *map(form.format, shown.values())), flush=True)
        yield name, figures


@contextmanager
def _without(name: str) -> Iterator[None]:
    if name not in INGREDIENTS:
        yield
        return
    target, attribute, off = INGREDIENTS[name]
    with patch.object(target, attribute, off):
        yield


def _figures(
    library: "Library", questions: Sequence[Question], ids: Mapping[str, str]
) -> dict[str, float]:
    """Per cent of the questions with a right page among the first k, by setting and k."""
    firsts: dict[str, list[int | None]] = {setting: [] for setting in SETTINGS}
    for question in questions:
        own = sorted({ids[pdf] for pdf in question.pdfs})
        right = {(ids[pdf], number) for pdf, number in question.pages}
        for setting in SETTINGS:
            doc_ids = own if setting == "one" else None
            hits = library.search(question.text, top_k=retrieval.PASSAGES, doc_ids=doc_ids)
            firsts[setting].append(retrieval.first(retrieval.pages_of(hits), right))
    return {
        f"{setting}@{k}": round(100 * sum((f or k + 1) <= k for f in of) / len(of), 1)
        for setting, of in firsts.items()
        for k in DEPTHS
    }


if __name__ == "__main__":
    sys.exit(main())
