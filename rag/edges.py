"""What of a chunk's pages is its own: not the running lines at their edges."""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile

from rag.types import Chunk, Span

DEPTH = 4
"""Lines from an edge of a page that may be running ones."""
LINE = re.compile(r"(?<![^\n])[^\S\n]*+\S[^\n]*+")
"""One that is not blank."""


def own(chunk: Chunk, span: Span, page: str) -> Span:
    """One of the chunk's spans without the lines at its ends that the chunk is read without.
    page: the text that the span is of."""
    if chunk.clean is None:
        return span
    read = _bare(chunk.clean)
    lines = list(LINE.finditer(page[span.start : span.end]))
    n_above = _n_silent(lines[:DEPTH], read)
    kept = lines[n_above : len(lines) - _n_silent(lines[: -DEPTH - 1 : -1], read)]
    if not kept:
        return span
    return replace(span, start=span.start + kept[0].start(), end=span.start + kept[-1].end())


def _n_silent(lines: Iterable[re.Match[str]], read: str) -> int:
    return sum(1 for _ in takewhile(lambda line: _bare(line.group()) not in read, lines))


def _bare(text: str) -> str:
    """Letters and digits alone: words may be joined where they are read."""
    return "".join(filter(str.isalnum, text.casefold()))
