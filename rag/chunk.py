"""Cuts a document into chunks that follow its headings and sentences and fit the embedder."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from rag import sentences
from rag.arrays import IntArray
from rag.types import Chunk, Document, Heading, Page, Span, Tokenizer

SPECIAL_TOKENS = 2
CONTEXT_TOKENS = 48
"""Most tokens of the line that says where a chunk stands; the rest of the window is text."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or a piece of one too long for the window, at page.text[start:end]."""

    page: int
    start: int
    end: int
    n_tokens: int
    heading: tuple[str, ...]


def chunk(document: Document, tokenizer: Tokenizer) -> tuple[Chunk, ...]:
    """Chunks in reading order; every non-blank character of every page lies in exactly one.

    A chunk never holds text of two headings, and runs on over a page break only while it is
    less than half full.
    """
    most = tokenizer.window - SPECIAL_TOKENS - CONTEXT_TOKENS
    texts = {page.number: page.text for page in document.pages}
    groups = _pack(_units(document, tokenizer, most), most)
    return tuple(
        _chunk(document, i, _spans(document.id, group), group, texts, tokenizer)
        for i, group in enumerate(groups)
    )


def context_line(name: str, title: str, heading: Sequence[str]) -> str:
    """Where a chunk stands: file name, title and heading path, for search and embedding."""
    stem = PurePath(name).stem.replace("_", " ")
    parts = [stem, title if title.casefold() != stem.casefold() else "", *heading]
    return " · ".join(" ".join(part.split()) for part in parts if part.strip())


def cut(text: str, n_tokens: int, tokenizer: Tokenizer) -> str:
    """The start of `text` that has at most n_tokens tokens."""
    ends = tokenizer.token_ends(text)
    return text if len(ends) <= n_tokens else text[: ends[n_tokens - 1]]


def _units(document: Document, tokenizer: Tokenizer, most: int) -> Iterator[Unit]:
    trail = _Trail(document.headings)
    for page in document.pages:
        ends = tokenizer.token_ends(page.text)
        breaks = trail.enter(page)
        for start, end in _split_at(sentences.split(page.text), [b for b, _ in breaks], page.text):
            heading = trail.at(breaks, start)
            for s, e, n in _fit(page.text, start, end, ends, most, tokenizer):
                yield Unit(page.number, s, e, n, heading)


def _pack(units: Iterable[Unit], most: int) -> Iterator[list[Unit]]:
    group: list[Unit] = []
    n_tokens = 0
    for unit in units:
        if group and (
            n_tokens + unit.n_tokens > most
            or unit.heading != group[-1].heading
            or (unit.page != group[-1].page and 2 * n_tokens >= most)
        ):
            yield group
            group, n_tokens = [], 0
        group.append(unit)
        n_tokens += unit.n_tokens
    if group:
        yield group


def _spans(doc_id: str, group: Sequence[Unit]) -> tuple[Span, ...]:
    return tuple(
        Span(doc_id, page, on_page[0].start, on_page[-1].end)
        for page in dict.fromkeys(unit.page for unit in group)
        if (on_page := [unit for unit in group if unit.page == page])
    )


def _chunk(
    document: Document,
    ordinal: int,
    spans: tuple[Span, ...],
    group: Sequence[Unit],
    texts: Mapping[int, str],
    tokenizer: Tokenizer,
) -> Chunk:
    heading = group[0].heading
    context = cut(context_line(document.name, document.title, heading), CONTEXT_TOKENS, tokenizer)
    bare = Chunk(
        id=f"{document.id}:{ordinal}",
        doc_id=document.id,
        text="\n".join(texts[span.page][span.start : span.end] for span in spans),
        spans=spans,
        n_tokens=0,
        heading=heading,
        context=context,
    )
    return replace(bare, n_tokens=len(tokenizer.token_ends(bare.embedded_text)) + SPECIAL_TOKENS)


class _Trail:
    """Walks through the pages and knows the heading path at each place."""

    def __init__(self, headings: Iterable[Heading]) -> None:
        self._by_page: dict[int, list[Heading]] = {}
        for heading in headings:
            self._by_page.setdefault(heading.page, []).append(heading)
        self._path: tuple[tuple[int, str], ...] = ()

    def enter(self, page: Page) -> list[tuple[int, tuple[str, ...]]]:
        """(offset, heading path from there on) for the page, from offset 0, in order."""
        breaks = [(0, self._titles())]
        position = 0
        for heading in self._by_page.get(page.number, ()):
            position = _find(heading.title, page.text, position)
            self._path = (
                *((level, title) for level, title in self._path if level < heading.level),
                (heading.level, heading.title),
            )
            breaks.append((position, self._titles()))
        return breaks

    def at(self, breaks: Sequence[tuple[int, tuple[str, ...]]], offset: int) -> tuple[str, ...]:
        return breaks[bisect_right([b for b, _ in breaks], offset) - 1][1]

    def _titles(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._path)


def _find(title: str, text: str, start: int) -> int:
    """Where the title stands from `start` on, as far as its first words tell; else `start`."""
    words = [re.escape(word) for word in title.split()]
    for n in (len(words), 4, 2):
        pattern = r"(?<!\w)" + r"\s+".join(words[:n]) + r"(?!\w)"
        match = words and re.compile(pattern, re.IGNORECASE).search(text, start)
        if match:
            return match.start()
    return start


def _split_at(
    pieces: Iterable[tuple[int, int]], offsets: Sequence[int], text: str
) -> Iterator[tuple[int, int]]:
    for start, end in pieces:
        inner = [o for o in offsets if start < o < end]
        for s, e in zip([start, *inner], [*inner, end], strict=True):
            yield from _trimmed(text, s, e)


def _fit(
    text: str, start: int, end: int, ends: IntArray, most: int, tokenizer: Tokenizer
) -> Iterator[tuple[int, int, int]]:
    """(start, end, n_tokens) of at most `most` tokens each, broken at a line end or space."""
    while start < end:
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(ends, end, side="right"))
        if last - first <= most:
            yield start, end, last - first
            return
        stop = _break_before(text, start, int(ends[first + most - 1]))
        for s, e in _trimmed(text, start, stop):
            yield s, e, int(np.searchsorted(ends, e, side="right")) - first
        start = next((s for s, _ in _trimmed(text, stop, end)), end)
        if start == stop:
            # Broken inside a word, whose rest can have more tokens by itself.
            ends = start + tokenizer.token_ends(text[start:end])


def _break_before(text: str, start: int, hard: int) -> int:
    if text[hard : hard + 1].isspace():
        return hard
    middle = start + (hard - start) // 2
    for blank in ("\n", " "):
        found = text.rfind(blank, middle, hard)
        if found > start:
            return found
    return hard


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        left = len(piece) - len(piece.lstrip())
        yield start + left, start + len(piece.rstrip())
