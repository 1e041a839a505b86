"""Whether the page that holds the answer is found: a table, then one line of JSON.

Each question that has pages is searched for twice: in its own documents alone, and in a library of
all PDFs of the folder. Beside it stands BM25 over whole pages, of the same text. Exits with 1 under
--check when a floor is missed. benchmarks/README.md says what each figure means.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Literal

import bm25s
import evaluation
import machine
from evaluation import Question
from shares import Z_95, Share

from rag import __version__, seal, threads
from rag.errors import RagError
from rag.types import Hit

if TYPE_CHECKING:
    from rag.library import Library

Setting = Literal["one", "shared"]
SETTINGS: tuple[Setting, ...] = ("one", "shared")
ABOUT = {"one": "only the question's own documents", "shared": "all documents together"}
Place = tuple[str, int]
"""(document, physical page)."""
DEPTHS = (1, 5, 10)
PASSAGES = 40
"""Asked for, so that ten distinct pages are among them."""
WARM_UP = 3
MIN_GAIN = 15.0
"""Points of hit@5 above BM25."""
MAX_MS = 50.0
"""Of the median query."""
ROW = "{:22} {:>5}  {:>5} {:>5} {:>5}  {:>9}   {:>7} {:>7} {:>8}   {:>7}  {:>14}"
BM25_HEADS = ("BM25 @1", "BM25 @5", "BM25 @10")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question in one setting. first: place, from 1, of the first right page among the pages
    that were found, None where there is none; bm25_first: the same of BM25. ms: of our query."""

    question: Question
    setting: Setting
    first: int | None
    bm25_first: int | None
    ms: float


def main() -> int:
    options = _options()
    # Before the first import of a library that reads its switch.
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    try:
        told = _measure(options)
    except (RagError, OSError) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 2
    if not options.json:
        _print_tables(told)
    print(json.dumps(told))
    return int(options.check and bool(told["missed"]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure whether the right pages are found.")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--pdfs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--datasets", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--limit", type=int, metavar="N", help="questions, spread over the file")
    parser.add_argument("--library", type=Path, metavar="DIR", help="kept, and used again")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    parser.add_argument("--json", action="store_true", help="print no table")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    with_pages = [q for q in evaluation.read(options.questions) if q.pages]
    questions = evaluation.choose(with_pages, datasets=options.datasets, limit=options.limit)
    if not questions:
        raise RagError(f"{options.questions} has no question with pages of these datasets.")
    with evaluation.library_of(options.pdfs, options.library) as (library, ids):
        _check_there(questions, ids)
        outcomes = list(_outcomes(library, questions, ids))
        records = library.catalog.documents()
    figures = {setting: _figures(outcomes, setting) for setting in SETTINGS}
    query_ms = {setting: _times(outcomes, setting) for setting in SETTINGS}
    return {
        "version": __version__,
        "machine": machine.name(),
        "questions": options.questions.name,
        "documents": len(records),
        "refused": sum(record.state == "failed" for record in records),
        "pages": sum(record.n_pages for record in records),
        "passages": sum(record.n_chunks for record in records),
        "figures": figures,
        "query_ms": {"filtered": query_ms["one"], "unfiltered": query_ms["shared"]},
        "missed": missed(outcomes),
    }


def _check_there(questions: Sequence[Question], ids: Mapping[str, str]) -> None:
    absent = sorted({pdf for q in questions for pdf in q.pdfs} - set(ids))
    if absent:
        raise RagError(f"{len(absent)} PDFs are not in the folder, the first is {absent[0]}.")


# --- Searching -----------------------------------------------------------------------------------


def _outcomes(
    library: "Library", questions: Sequence[Question], ids: Mapping[str, str]
) -> Iterator[Outcome]:
    pages = _page_texts(library)
    library.embedder()
    for question in questions[:WARM_UP]:
        library.search(question.text, doc_ids=[ids[pdf] for pdf in question.pdfs])
        library.search(question.text)
    bm25 = cache(lambda doc_ids: Bm25({p: t for p, t in pages.items() if p[0] in doc_ids}))
    for question in questions:
        own = frozenset(ids[pdf] for pdf in question.pdfs)
        right = {(ids[pdf], number) for pdf, number in question.pages}
        for setting in SETTINGS:
            searched = own if setting == "one" else None
            started = time.perf_counter()
            hits = library.search(
                question.text, top_k=PASSAGES, doc_ids=sorted(searched) if searched else None
            )
            ms = 1000 * (time.perf_counter() - started)
            found = pages_of(hits)
            baseline = bm25(searched or frozenset(ids.values())).pages(question.text)
            yield Outcome(question, setting, first(found, right), first(baseline, right), ms)


def _page_texts(library: "Library") -> dict[Place, str]:
    return {
        (record.id, number): page.text
        for record in library.catalog.documents()
        for number in range(1, record.n_pages + 1)
        if (page := library.catalog.page(record.id, number))
    }


class Bm25:
    """BM25 over whole pages, with the defaults of bm25s and its English stop words left out."""

    def __init__(self, texts: Mapping[Place, str]) -> None:
        self._places = list(texts)
        tokens = self._tokens(list(texts.values()))
        self._index = bm25s.BM25() if tokens.vocab else None
        if self._index:
            self._index.index(tokens, show_progress=False)

    def pages(self, question: str) -> list[Place]:
        """Best first, as many as are looked at."""
        if self._index is None:
            return []
        n = min(max(DEPTHS), len(self._places))
        found, _ = self._index.retrieve(self._tokens([question]), k=n, show_progress=False)
        return [self._places[i] for i in found[0]]

    def _tokens(self, texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", show_progress=False)


def pages_of(hits: Sequence[Hit]) -> list[Place]:
    """Each once, best first."""
    return distinct((hit.chunk.doc_id, page) for hit in hits for page in hit.pages)


def distinct(found: Iterable[Place]) -> list[Place]:
    """In the order of their first appearance."""
    return list(dict.fromkeys(found))


def first(found: Sequence[Place], right: set[Place]) -> int | None:
    """Place from 1 of the first right page."""
    return next((i for i, place in enumerate(found, start=1) if place in right), None)


# --- Figures -------------------------------------------------------------------------------------


def _figures(outcomes: Sequence[Outcome], setting: Setting) -> dict[str, dict[str, object]]:
    """By dataset, and "all" of them last."""
    own = [o for o in outcomes if o.setting == setting]
    names = sorted({o.question.dataset for o in own})
    groups = {name: [o for o in own if o.question.dataset == name] for name in names}
    return {name: _figure(group) for name, group in {**groups, "all": own}.items()}


def _figure(group: Sequence[Outcome]) -> dict[str, object]:
    gain, half = gain_at_5(group)
    points = {"points": gain, "low": gain - half, "high": gain + half}
    return {
        "n": len(group),
        **{f"hit@{k}": _told(_share(group, k, lambda o: o.first)) for k in DEPTHS},
        **{f"bm25_hit@{k}": _told(_share(group, k, lambda o: o.bm25_first)) for k in DEPTHS},
        "gain@5": {name: round(value, 1) for name, value in points.items()},
    }


def _share(group: Sequence[Outcome], k: int, of: Callable[[Outcome], int | None]) -> Share:
    return Share(sum(1 for o in group if (of(o) or k + 1) <= k), len(group))


def _told(share: Share) -> dict[str, float]:
    low, high = share.interval or (0.0, 1.0)
    values = {"percent": share.value or 0.0, "low": low, "high": high}
    return {name: round(100 * value, 1) for name, value in values.items()}


def gain_at_5(group: Sequence[Outcome]) -> tuple[float, float]:
    """Points of hit@5 above BM25 on the same questions, and half of the 95 % interval."""
    gains = [100 * (((o.first or 6) <= 5) - ((o.bm25_first or 6) <= 5)) for o in group]
    n = len(gains)
    mean = sum(gains) / n
    spread = sum((gain - mean) ** 2 for gain in gains) / max(n - 1, 1)
    return mean, Z_95 * math.sqrt(spread / n)


def _times(outcomes: Sequence[Outcome], setting: Setting) -> dict[str, float]:
    times = [o.ms for o in outcomes if o.setting == setting]
    cuts = quantiles(times, n=20, method="inclusive") if len(times) > 1 else times * 19
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


def missed(outcomes: Sequence[Outcome]) -> list[str]:
    """The floors that these do not reach, in words."""
    told = []
    for setting in SETTINGS:
        own = [o for o in outcomes if o.setting == setting]
        gain, _ = gain_at_5(own)
        if gain < MIN_GAIN:
            told.append(f"{setting}: hit@5 {gain:+.1f} points beside BM25, floor +{MIN_GAIN:g}")
        if (p50 := _times(own, setting)["p50"]) >= MAX_MS:
            told.append(f"{setting}: a query takes {p50:g} ms, to be under {MAX_MS:g}")
    return told


def _print_tables(told: Mapping[str, Any]) -> None:
    print(
        f"{told['documents']} documents ({told['refused']} refused), {told['pages']} pages, "
        f"{told['passages']} passages\n{told['machine']}\n"
    )
    for setting, figures in told["figures"].items():
        print(f"{setting}: {ABOUT[setting]}. Right page among the first k pages, %")
        print(ROW.format("", "n", "@1", "@5", "@10", "@5, 95 %", *BM25_HEADS, "@5 more", "95 %"))
        for name, figure in figures.items():
            print(ROW.format(name, figure["n"], *_cells(figure)))
        print()
    for kind, times in told["query_ms"].items():
        print(f"query, {kind}: median {times['p50']} ms, 95th percentile {times['p95']} ms")
    print(
        "\n".join(f"missed: {floor}" for floor in told["missed"]) or "no floor is missed",
        end="\n\n",
    )


def _cells(figure: Mapping[str, Any]) -> list[str]:
    at_5, gain = figure["hit@5"], figure["gain@5"]
    return [
        *(f"{figure[f'hit@{k}']['percent']:.1f}" for k in DEPTHS),
        f"{at_5['low']:.0f} to {at_5['high']:.0f}",
        *(f"{figure[f'bm25_hit@{k}']['percent']:.1f}" for k in DEPTHS),
        f"{gain['points']:+.1f}",
        f"{gain['low']:+.1f} to {gain['high']:+.1f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
