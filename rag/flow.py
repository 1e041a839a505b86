"""Blocks of text in reading order, and how they are cut into the parts that stand for pages."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.rawtext import clean, one_line

PART = 3000
"""Characters of a part, about; a block that is longer is cut."""
LONGEST_HEADING = 300
_BLANKS = re.compile("[ \xa0\u2002-\u200a\u202f\u3000]+")
_INVISIBLE = re.compile("[\xad\u200b\u2060\ufeff]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, an item, a heading or a line of a table. level: of a heading, from 1; else 0.
    tight: no blank line parts it from the block before. row: it is a line of a table."""

    text: str
    level: int = 0
    tight: bool = False
    row: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A heading of `level`, whose title stands at text[start:] of its part."""

    title: str
    level: int
    start: int


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes a page. label: as a citation shows it."""

    text: str
    label: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Title:
    """What a file says that its title is."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should know about a file that was read."""

    text: str


Item = Part | Title | Remark


def paragraph(raw: str, *, tight: bool = False) -> Iterator[Block]:
    """The block of a paragraph, lines kept; none where it is blank."""
    lines = (_BLANKS.sub(" ", line).strip() for line in _visible(raw).split("\n"))
    if text := "\n".join(line for line in lines if line):
        yield Block(text, tight=tight)


def heading(raw: str, level: int) -> Iterator[Block]:
    """The block of a heading; an overlong one is a paragraph that someone formatted so."""
    title = _BLANKS.sub(" ", one_line(_visible(raw)))
    if title:
        yield Block(title, level=min(level, 9) if len(title) <= LONGEST_HEADING else 0)


def _visible(raw: str) -> str:
    return _INVISIBLE.sub("", clean(raw))


def indented(blocks: Iterable[Block], marker: str) -> Iterator[Block]:
    """The blocks of a list's item, the first one behind its marker."""
    for i, block in enumerate(blocks):
        yield block if i else replace(block, text=f"{marker} {block.text}", level=0, tight=True)


def cut(blocks: Iterable[Block], size: int = PART) -> Iterator[Part]:
    """Parts of about `size` characters. They end between blocks, before a heading where one is
    near, never behind one; no character but blanks is lost."""
    held: list[Block] = []
    length = 0
    for block in _short(blocks, size):
        full = length + len(block.text) > size
        if held and (full or (block.level and 2 * length >= size)):
            n_last = 0 if block.level else _trailing_headings(held)
            if n_last < len(held):
                yield join(held[: len(held) - n_last])
                held = held[len(held) - n_last :]
                length = sum(len(b.text) for b in held)
            elif length > size:  # nothing but headings
                yield join(held)
                held, length = [], 0
        held.append(block)
        length += len(block.text) + 2
    if held:
        yield join(held)


def join(blocks: Sequence[Block]) -> Part:
    """One part of all the blocks."""
    pieces, marks, at = list[str](), list[Mark](), 0
    for i, block in enumerate(blocks):
        gap = "" if i == 0 else "\n" if block.tight else "\n\n"
        at += len(gap)
        if block.level:
            marks.append(Mark(block.text, block.level, at))
        pieces += (gap, block.text)
        at += len(block.text)
    return Part("".join(pieces), marks=tuple(marks))


def numbered(parts: Iterable[Part]) -> Iterator[Part]:
    """Labelled "part 1" and so on."""
    return (replace(part, label=f"part {i}") for i, part in enumerate(parts, 1))


def labelled(parts: Iterable[Part], label: str) -> Iterator[Part]:
    """All under one label, which says which part it is where there are several."""
    found = tuple(parts)
    several: Callable[[int], str] = lambda i: f", part {i}" if len(found) > 1 else ""  # noqa: E731
    return (replace(part, label=label + several(i)) for i, part in enumerate(found, 1))


def split(text: str, size: int) -> Iterator[str]:
    """Pieces of at most `size` characters, ended at a line, a sentence or a word where possible."""
    start = 0
    while len(text) - start > size:
        stop = _stop(text, start, start + size)
        yield text[start:stop]
        start = stop
    yield text[start:]


def _stop(text: str, start: int, hard: int) -> int:
    middle = (start + hard) // 2
    for end in ("\n", ". ", " "):
        found = text.rfind(end, middle, hard)
        if found > start:
            return found + len(end)
    return hard


def _short(blocks: Iterable[Block], size: int) -> Iterator[Block]:
    for block in blocks:
        if len(block.text) <= size:
            yield block
            continue
        pieces = (piece.strip() for piece in split(block.text, size))
        for i, piece in enumerate(p for p in pieces if p):
            yield replace(block, text=piece, tight=block.tight or i > 0, level=0)


def _trailing_headings(blocks: Sequence[Block]) -> int:
    n = 0
    while n < len(blocks) and blocks[-1 - n].level:
        n += 1
    return n
