"""A question to ranked passages: by meaning and by words, fused."""

from collections.abc import Callable, Collection

from rag import rank
from rag.catalog import Catalog
from rag.types import Chunk, Embedder, Hit, Origin, VectorIndex

CANDIDATES = 40
"""Taken from each ranking before they are fused."""
SCANNED = 10_000
"""Chunks of chosen documents, up to which their vectors are compared one by one: the index finds
the nearest of all documents, and has to be asked for too many to have enough of a few."""
WIDER = 2
"""Times as many as are needed on average are then asked of the index."""


def retrieve(
    question: str,
    *,
    catalog: Catalog,
    vectors: VectorIndex,
    embedder: Callable[[], Embedder],
    top_k: int,
    doc_ids: Collection[str] | None = None,
) -> tuple[Hit, ...]:
    """Up to top_k hits, best first. Documents without vectors yet are found by their words.

    doc_ids: of the documents to look in; None means all. score: of the fused ranking, comparable
    within one call only.
    """
    chosen = None if doc_ids is None else sorted(set(doc_ids))
    dense = _nearest(question, catalog, vectors, embedder, chosen)
    lexical = catalog.search(question, CANDIDATES, doc_ids=chosen)
    fused = rank.fuse([chunk_id for chunk_id, _ in dense], lexical)
    found = {chunk_id: (score, origin) for chunk_id, score, origin in fused}
    chunks = rank.distinct(catalog.chunks(list(found)))[:top_k]
    return tuple(
        _hit(catalog, chunk, i, *found[chunk.id]) for i, chunk in enumerate(chunks, start=1)
    )


def _nearest(
    question: str,
    catalog: Catalog,
    vectors: VectorIndex,
    embedder: Callable[[], Embedder],
    doc_ids: list[str] | None,
) -> list[tuple[str, float]]:
    """(chunk id, cosine similarity), best first."""
    n_all = vectors.count()
    if not n_all:
        return []
    vector = embedder().embed([question])[0]
    if doc_ids is None:
        return vectors.query(vector, CANDIDATES)
    n_chosen = catalog.n_chunks(doc_ids)
    if n_chosen > SCANNED:
        found = vectors.query(vector, WIDER * CANDIDATES * n_all // n_chosen)
        inside = [(i, s) for i, s in found if i.partition(":")[0] in set(doc_ids)]
        if len(inside) >= CANDIDATES:
            return inside[:CANDIDATES]
    ids, rows = catalog.vectors_of(doc_ids)
    return rank.nearest(ids, rows, vector, CANDIDATES)


def _hit(catalog: Catalog, chunk: Chunk, rank: int, score: float, origin: Origin) -> Hit:
    name, label = catalog.place(chunk.doc_id, chunk.spans[0].page)
    return Hit(chunk, score, rank, origin, name, label)
