"""Turns two rankings into one."""

from collections.abc import Sequence

import numpy as np

from rag.arrays import FloatArray
from rag.types import Chunk, Origin

RRF_K = 60
"""Cormack, Clarke and Buettcher, "Reciprocal rank fusion", SIGIR 2009."""


def fuse(dense: Sequence[str], lexical: Sequence[str]) -> list[tuple[str, float, Origin]]:
    """(chunk id, score, origin) by reciprocal rank fusion of two rankings, best first.

    score: sum of 1 / (60 + rank), ranks from 1. Ties keep the order of first appearance.
    """
    scores: dict[str, float] = {}
    for ranking in (dense, lexical):
        for rank, chunk_id in enumerate(ranking, start=1):
            scores[chunk_id] = scores.get(chunk_id, 0.0) + 1 / (RRF_K + rank)
    in_dense, in_lexical = set(dense), set(lexical)
    fused = sorted(scores.items(), key=lambda item: -item[1])
    return [
        (chunk_id, score, _origin(chunk_id in in_dense, chunk_id in in_lexical))
        for chunk_id, score in fused
    ]


def nearest(
    ids: Sequence[str], vectors: FloatArray, vector: FloatArray, n: int
) -> list[tuple[str, float]]:
    """Up to n (chunk id, cosine similarity), best first, of unit vectors (len(ids), dim)."""
    if not ids:
        return []
    scores = vectors @ vector
    best = np.argsort(-scores, kind="stable")[:n]
    return [(ids[i], float(scores[i])) for i in best]


def distinct(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Without chunks that say, up to case and spacing, what an earlier one said."""
    seen: dict[str, Chunk] = {}
    for chunk in chunks:
        seen.setdefault(" ".join(chunk.reading.casefold().split()), chunk)
    return list(seen.values())


def _origin(dense: bool, lexical: bool) -> Origin:
    if dense and lexical:
        return "both"
    return "dense" if dense else "lexical"
