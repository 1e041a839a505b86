"""A question for the documents that mention something, answered from the index of words."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rag import cite, listing
from rag.catalog import Catalog
from rag.listing import Listing
from rag.types import AnswerEvent, Box, Delta, Done, Hit, Mention, Sources, Span


def ask(
    question: str,
    wanted: Listing,
    *,
    catalog: Catalog,
    doc_ids: Sequence[str] | None,
    page_text: Callable[[str, int], str],
    label: Callable[[str, int], str],
    boxes: Callable[[Span], tuple[Box, ...]],
) -> Iterator[AnswerEvent]:
    """Sources, the whole text as one Delta, Done. doc_ids: of the documents to look in; None means
    all. Raises StoreError."""
    start = time.perf_counter()
    mentions, exact = _mentions(catalog, wanted, doc_ids)
    found = _found(catalog, mentions[: listing.MOST_SHOWN])
    hits = tuple(hit for _, hit in found)
    mentions = [*(mention for mention, _ in found), *mentions[listing.MOST_SHOWN :]]
    yield Sources(hits)
    work = catalog.work()
    answer = listing.answer(
        question,
        wanted,
        mentions,
        hits,
        page_text,
        label,
        exact=exact,
        n_unread=work.queued + work.scans_left,
    )
    yield Delta(answer.text)
    citations = cite.placed(answer.citations, label, boxes)
    total_s = time.perf_counter() - start
    yield Done(replace(answer, citations=citations, retrieve_s=total_s, total_s=total_s))


def _mentions(
    catalog: Catalog, wanted: Listing, doc_ids: Sequence[str] | None
) -> tuple[list[Mention], bool]:
    """Of the words one behind the other; of all of them in one passage where there are none."""
    phrases = [listing.words(phrase) for phrase in wanted.phrases]
    if found := catalog.mentions(phrases, exact=True, doc_ids=doc_ids):
        return found, True
    apart = catalog.mentions(phrases, exact=False, doc_ids=doc_ids)
    return apart, not apart


def _found(catalog: Catalog, mentions: list[Mention]) -> list[tuple[Mention, Hit]]:
    """Each with its first passage, without those whose document was removed meanwhile."""
    chunks = {c.id: c for c in catalog.chunks([mention.chunk_id for mention in mentions])}
    found: list[tuple[Mention, Hit]] = []
    for mention in mentions:
        chunk = chunks.get(mention.chunk_id)
        name, label = catalog.place(mention.doc_id, chunk.spans[0].page) if chunk else ("", "")
        if chunk and name:
            score, rank = float(mention.n_passages), len(found) + 1
            found.append((mention, Hit(chunk, score, rank, "lexical", name, label)))
    return found
