"""A question to ranked passages: by meaning and by words, fused."""

from collections.abc import Callable

from rag import rank
from rag.catalog import Catalog
from rag.types import Chunk, Embedder, Hit, Origin, VectorIndex

CANDIDATES = 40
"""Taken from each ranking before they are fused."""


def retrieve(
    question: str,
    *,
    catalog: Catalog,
    vectors: VectorIndex,
    embedder: Callable[[], Embedder],
    top_k: int,
) -> tuple[Hit, ...]:
    """Up to top_k hits, best first. Documents without vectors yet are found by their words.

    score: of the fused ranking, comparable within one call only.
    """
    dense = []
    if vectors.count():
        dense = vectors.query(embedder().embed([question])[0], CANDIDATES)
    lexical = catalog.search(question, CANDIDATES)
    fused = rank.fuse([chunk_id for chunk_id, _ in dense], lexical)
    found = {chunk_id: (score, origin) for chunk_id, score, origin in fused}
    chunks = rank.distinct(catalog.chunks(list(found)))[:top_k]
    return tuple(
        _hit(catalog, chunk, i, *found[chunk.id]) for i, chunk in enumerate(chunks, start=1)
    )


def _hit(catalog: Catalog, chunk: Chunk, rank: int, score: float, origin: Origin) -> Hit:
    name, label = catalog.place(chunk.doc_id, chunk.spans[0].page)
    return Hit(chunk, score, rank, origin, name, label)
