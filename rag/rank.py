"""Two rankings of passages to one, in which a passage stands for its page and its document."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.arrays import FloatArray
from rag.types import Chunk, Hit, Origin

Scored = Sequence[tuple[str, float]]
"""(chunk id, score), best first."""
Place = tuple[str, int]
"""(document, physical page)."""

WHOLE_DOCUMENT = 0.3
"""What the best document adds to its passages; one is worth at most 1 by itself."""
BEST = 5
"""Pages of a document that tell how good it is."""
NEAR = 0.65
"""Share of the best passage's score from which another is worth reading too."""
LEAST = 2
SAME = 0.9
"""Share of runs of three words that passages have in common which say nearly the same."""
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Found:
    """A passage by itself. score: 0 to 1."""

    score: float
    origin: Origin


def fuse(dense: Scored, lexical: Scored) -> dict[str, Found]:
    """By chunk id, best first: the mean of both scores, each from 0 for its last passage to 1 for
    its first, and 0 where a ranking lacks one.

    The scores tell more than the places alone: whether the first is far ahead, or one of many.
    """
    by_meaning, by_words = _scaled(dense), _scaled(lexical)
    scores = {
        chunk_id: (by_meaning.get(chunk_id, 0.0) + by_words.get(chunk_id, 0.0)) / 2
        for chunk_id in [*by_meaning, *by_words]
    }
    return {
        chunk_id: Found(score, _origin(chunk_id in by_meaning, chunk_id in by_words))
        for chunk_id, score in sorted(scores.items(), key=lambda item: -item[1])
    }


def together(
    found: Mapping[str, Found],
    places: Mapping[str, Collection[Place]],
    worth: Mapping[Place, float],
) -> list[tuple[str, float]]:
    """(chunk id, score), best first: of the passage, its page and its document together.

    places: the pages of each passage. worth: what a page adds to its passages.
    """
    scores = {i: f.score + max(worth.get(p, 0.0) for p in places[i]) for i, f in found.items()}
    documents = _documents(scores, places)
    total = {i: s + WHOLE_DOCUMENT * documents[_doc_id(places[i])] for i, s in scores.items()}
    return sorted(total.items(), key=lambda item: -item[1])


def nearest(
    ids: Sequence[str], vectors: FloatArray, vector: FloatArray, n: int
) -> list[tuple[str, float]]:
    """Up to n (chunk id, cosine similarity), best first, of unit vectors (len(ids), dim)."""
    if not ids:
        return []
    scores = vectors @ vector
    best = np.argsort(-scores, kind="stable")[:n]
    return [(ids[i], float(scores[i])) for i in best]


def telling(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits, best first, that come near the best, LEAST at least: where it is far ahead, more of
    them cost time and mislead."""
    near = sum(hit.score >= NEAR * hits[0].score for hit in hits)
    return tuple(hits[: max(near, LEAST)])


def distinct(chunks: Iterable[Chunk], n: int) -> list[Chunk]:
    """The first n, without those that say nearly what an earlier one says: the same words but for
    a few, and the very same numbers, for those are what documents that are alike differ in."""
    kept: list[tuple[Chunk, list[str], frozenset[tuple[str, ...]]]] = []
    for chunk in chunks:
        if len(kept) == n:
            break
        words = WORD.findall(chunk.reading.casefold())
        numbers = sorted(word for word in words if word[0].isdigit())
        runs = frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset(
            [tuple(words)]
        )
        if not any(numbers == n_of and _alike(runs, of) for _, n_of, of in kept):
            kept.append((chunk, numbers, runs))
    return [chunk for chunk, _, _ in kept]


def _alike(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> bool:
    return len(a & b) >= SAME * max(len(a), len(b))


def _scaled(ranking: Scored) -> dict[str, float]:
    """From 0 for the last to 1 for the first; 1 where none is better than another."""
    best = max((score for _, score in ranking), default=0.0)
    worst = min((score for _, score in ranking), default=0.0)
    return {i: (s - worst) / (best - worst) if best > worst else 1.0 for i, s in ranking}


def _documents(
    scores: Mapping[str, float], places: Mapping[str, Collection[Place]]
) -> dict[str, float]:
    """Each document by its best pages, 1 for the best of them."""
    pages: dict[Place, float] = {}
    for chunk_id, score in scores.items():
        for page in places[chunk_id]:
            pages[page] = max(score, pages.get(page, 0.0))
    by_document: dict[str, list[float]] = defaultdict(list)
    for (doc_id, _), score in pages.items():
        by_document[doc_id].append(score)
    sums = {i: sum(sorted(of, reverse=True)[:BEST]) for i, of in by_document.items()}
    most = max(sums.values(), default=0.0) or 1.0
    return {doc_id: total / most for doc_id, total in sums.items()}


def _doc_id(places: Collection[Place]) -> str:
    return next(iter(places))[0]


def _origin(dense: bool, lexical: bool) -> Origin:
    if dense and lexical:
        return "both"
    return "dense" if dense else "lexical"
