"""Cuts a document into chunks that follow headings, sentences and tables and fit the embedder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from rag import packing, units
from rag.packing import Group, Unit
from rag.types import Chunk, Document, Span, Tokenizer
from rag.units import CountedPage

SPECIAL_TOKENS = 2
CONTEXT_TOKENS = 48
"""Most tokens of the line that says where a chunk stands; the rest of the window is text."""
HYPHENS = ("-", "\u2010")


def chunk(document: Document, tokenizer: Tokenizer) -> tuple[Chunk, ...]:
    """Chunks in reading order; every non-blank character of every page lies in exactly one.

    A chunk holds text of one heading, or of small sections next to each other, and runs on over a
    page break only while it is less than half full, or to end a sentence. One that starts inside
    a table says the table's head again.
    """
    most = tokenizer.window - SPECIAL_TOKENS - CONTEXT_TOKENS
    pages = {page.reading.page: page for page in units.count(document, tokenizer)}
    contexts: dict[tuple[str, ...], tuple[str, int]] = {}
    chunks = []
    for i, group in enumerate(packing.pack(units.split(document, pages, tokenizer, most), most)):
        if group.heading not in contexts:
            line = context_line(document.name, document.title, group.heading)
            context = cut(line, CONTEXT_TOKENS, tokenizer)
            contexts[group.heading] = context, len(tokenizer.token_ends(context))
        context, n_context = contexts[group.heading]
        bare = _chunk(document.id, i, group, pages, context)
        n_text = _n_tokens(group, bare.spans, pages)
        if n_text is None:
            n_text = len(tokenizer.token_ends(bare.embedded_text)) - n_context
        chunks.append(replace(bare, n_tokens=n_context + n_text + SPECIAL_TOKENS))
    return tuple(chunks)


def context_line(name: str, title: str, heading: Sequence[str]) -> str:
    """Where a chunk stands: file name, title and heading path, for search and embedding."""
    stem = PurePath(name).stem.replace("_", " ")
    parts = [stem, title if title.casefold() != stem.casefold() else "", *heading]
    return " · ".join(" ".join(part.split()) for part in parts if part.strip())


def named(chunk: Chunk, *, name: str, title: str, tokenizer: Tokenizer) -> Chunk:
    """The chunk as it is in a document of this file name and title."""
    line = context_line(name, title, chunk.heading)
    placed = replace(chunk, context=cut(line, CONTEXT_TOKENS, tokenizer))
    n_tokens = len(tokenizer.token_ends(placed.embedded_text)) + SPECIAL_TOKENS
    return replace(placed, n_tokens=n_tokens)


def cut(text: str, n_tokens: int, tokenizer: Tokenizer) -> str:
    """The start of `text` that has at most n_tokens tokens."""
    ends = tokenizer.token_ends(text)
    return text if len(ends) <= n_tokens else text[: ends[n_tokens - 1]]


def _chunk(
    doc_id: str, ordinal: int, group: Group, pages: Mapping[int, CountedPage], context: str
) -> Chunk:
    spans = _spans(doc_id, group.units)
    text = "\n".join(pages[s.page].reading.raw[s.start : s.end] for s in spans)
    clean = _clean(group, spans, pages)
    return Chunk(
        id=f"{doc_id}:{ordinal}",
        doc_id=doc_id,
        text=text,
        spans=spans,
        n_tokens=0,
        heading=group.heading,
        context=context,
        clean=None if clean == text else clean,
    )


def _spans(doc_id: str, group: Sequence[Unit]) -> tuple[Span, ...]:
    return tuple(
        Span(doc_id, page, on_page[0].start, on_page[-1].end)
        for page in dict.fromkeys(unit.page for unit in group)
        if (on_page := [unit for unit in group if unit.page == page])
    )


def _clean(group: Group, spans: Sequence[Span], pages: Mapping[int, CountedPage]) -> str:
    """The head of the table that the chunk starts in, and its pages' text without what is silent.

    A sentence that runs over a page break is not broken there.
    """
    pieces = [group.head]
    for span in spans:
        piece = pages[span.page].reading.read(span.start, span.end).strip()
        if piece and _runs_in(group, span) and pieces[-1].endswith(HYPHENS):
            pieces[-1] = pieces[-1][:-1]
        elif piece:
            pieces.append(" " if _runs_in(group, span) else "\n")
        pieces.append(piece)
    return "".join(pieces).strip()


def _runs_in(group: Group, span: Span) -> bool:
    return any(unit.runs_on and unit.page == span.page for unit in group.units)


def _n_tokens(group: Group, spans: Sequence[Span], pages: Mapping[int, CountedPage]) -> int | None:
    """Tokens of a chunk's text, as its pages were counted; None where it breaks inside a word,
    whose parts can have more tokens by themselves."""
    total = group.n_head
    for span in spans:
        page = pages[span.page]
        if not page.is_apart(span.start, span.end):
            return None
        total += page.n_tokens(span.start, span.end)
    return None if any(unit.runs_on for unit in group.units) else total
