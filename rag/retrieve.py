"""A question to ranked passages: by meaning and by words, with their pages and documents."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rag import bm25, directions, forms, rank, terms, wording
from rag.arrays import FloatArray
from rag.catalog import Catalog
from rag.rank import Place, Scored
from rag.types import Chunk, Embedder, Hit, Origin, VectorIndex

CANDIDATES = 40
"""Taken from each ranking before they are fused."""
SIGHT = 400
"""Neighbours that the index gives at least, of which the nearest are found. Asked for fewer, it
lost its way among 200,000 vectors in one of ten questions (decision 20)."""
WHOLE_PAGE = 0.2
"""What the question's words on all of its page add to a passage, which is worth at most 1."""
NAMED = 0.3
"""What being named by the question adds: "page 4", "Figure 2"."""
OTHER = 0.3
"""What being of another document than the one that is named takes away. Passages of that one keep
their scores, by which is told how many of them are worth reading."""
MIN_NAME = 3
"""Letters of a word that names a document."""
ELSEWHERE = 0.1
"""Of as many chunks as a document has, in how many others a word that names it may stand."""

SPARE = 3
"""Times as many passages as are wanted are read, for some may say what an earlier one says."""
WIDER = 2
"""The index finds the nearest of all documents. So many times as many are asked of it as are needed
on average to have enough of the chosen documents."""
FURTHER = 4
"""Times as many again when there are not enough."""
CHEAPER = 8
"""Vectors that are read and compared one by one in the time that one from the index takes."""


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

    doc_ids: of the documents to look in; None means all. score: of passage, page and document
    together, comparable within one call only.
    """
    chosen = None if doc_ids is None else sorted(set(doc_ids))
    question = directions.sought(question)
    asked, holding = _asked(question, catalog)
    n_all = catalog.n_chunks()
    weights = {word: bm25.weight(n, n_all) for word, n in holding.items() if n}
    vector = embedder().embed([asked])[0] if vectors.count() else None
    n_chosen = n_all if chosen is None else catalog.n_chunks(chosen)
    with ThreadPoolExecutor(1) as beside:  # Chroma works outside of the interpreter's lock
        seen = beside.submit(_seen, vector, vectors, chosen, n_chosen)
        by_words = catalog.holding(list(weights), CANDIDATES, doc_ids=chosen)
    near = _nearest(vector, seen.result(), catalog, chosen)
    meant = _meant(holding, catalog, chosen)
    n_meant = catalog.n_chunks(meant) if meant else 0
    if 0 < n_meant < n_chosen:  # what comes near in them is looked at, whatever others hold
        of_them = _seen(vector, vectors, meant, n_meant)
        near = _joined(near, _nearest(vector, of_them, catalog, meant))
        own = catalog.holding(list(weights), CANDIDATES, doc_ids=meant)
        by_words = _joined(by_words, own)
    fused = rank.fuse(near, by_words)
    places = catalog.places(list(fused))
    # The index may still have what the catalogue has no more.
    found = {chunk_id: fused[chunk_id] for chunk_id in fused if chunk_id in places}
    pages = catalog.pages({page for on in places.values() for page in on})
    worth = _worth(question, weights, pages, meant)
    scores = dict(rank.together(found, places, worth))
    chunks = rank.distinct(catalog.chunks(list(scores)[: SPARE * top_k]), top_k)
    return tuple(
        _hit(catalog, chunk, i, scores[chunk.id], found[chunk.id].origin, worth)
        for i, chunk in enumerate(chunks, start=1)
    )


def _asked(question: str, catalog: Catalog) -> tuple[str, dict[str, int]]:
    """The question with what else it may be found by; how many chunks hold each telling word."""
    asked = " ".join([question, *terms.printed(question)])
    holding = catalog.n_holding([*wording.telling(asked), *forms.of(question)])
    unknown = [word for word, n in holding.items() if not n and wording.may_be_misspelt(word)]
    if unknown and (meant := wording.corrected(unknown, catalog.names())):
        asked = " ".join([asked, *meant])
        holding |= catalog.n_holding(meant)
    return asked, holding


def _meant(holding: Mapping[str, int], catalog: Catalog, chosen: Sequence[str] | None) -> list[str]:
    """Documents that the question names, by a word that is theirs alone."""
    if chosen is not None and len(chosen) < 2:
        return []
    words = {w: n for w, n in holding.items() if n and w.isalpha() and len(w) >= MIN_NAME}
    called = catalog.called(words, elsewhere=ELSEWHERE)
    return called if chosen is None else sorted({*called}.intersection(chosen))


def _joined(some: Scored, more: Scored) -> list[tuple[str, float]]:
    return sorted((dict(some) | dict(more)).items(), key=lambda item: -item[1])


def _seen(
    vector: FloatArray | None, vectors: VectorIndex, doc_ids: Sequence[str] | None, n_chosen: int
) -> list[str] | None:
    """What the index finds near, best first; None where to compare all vectors of these documents
    takes less time. n_chosen: chunks of these documents."""
    if vector is None:
        return []
    if doc_ids is None:
        return vectors.query(vector, SIGHT)
    wanted = max(SIGHT, WIDER * CANDIDATES * vectors.count() // max(n_chosen, 1))
    if n_chosen <= CHEAPER * wanted:
        return None
    # Neighbours come from few documents, of which none need be chosen.
    near = _inside(vectors.query(vector, wanted), doc_ids)
    if len(near) < CANDIDATES:
        near = _inside(vectors.query(vector, FURTHER * wanted), doc_ids)
    return near[:SIGHT] or None


def _nearest(
    vector: FloatArray | None,
    seen: Sequence[str] | None,
    catalog: Catalog,
    doc_ids: Sequence[str] | None,
) -> list[tuple[str, float]]:
    """(chunk id, cosine similarity), best first, by the whole vectors of what was seen, or of all
    chunks of these documents."""
    if vector is None:
        return []
    found = catalog.vectors_of(doc_ids or ()) if seen is None else catalog.vectors(seen)
    return rank.nearest(*found, vector, CANDIDATES)


def _worth(
    question: str,
    weights: Mapping[str, float],
    pages: Mapping[Place, tuple[str, str]],
    meant: Collection[str],
) -> dict[Place, float]:
    """What pages add to their passages. pages: (label, text). meant: documents that are named."""
    whole = bm25.scores({page: text for page, (_, text) in pages.items()}, weights)
    named = wording.named(question)
    return {
        page: WHOLE_PAGE * whole[page]
        + NAMED * named.are_at(page[1], label, text)
        - (OTHER if meant and page[0] not in meant else 0.0)
        for page, (label, text) in pages.items()
    }


def _inside(found: Sequence[str], doc_ids: Sequence[str]) -> list[str]:
    chosen = set(doc_ids)
    return [chunk_id for chunk_id in found if chunk_id.partition(":")[0] in chosen]


def _hit(
    catalog: Catalog,
    chunk: Chunk,
    rank: int,
    score: float,
    origin: Origin,
    worth: Mapping[Place, float],
) -> Hit:
    name, label = catalog.place(chunk.doc_id, chunk.spans[0].page)
    on = dict.fromkeys(span.page for span in chunk.spans)
    pages = sorted(on, key=lambda page: -worth.get((chunk.doc_id, page), 0.0))
    return Hit(chunk, score, rank, origin, name, label, tuple(pages))
