"""Headings, and the path of them at each place of a document."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from rag.types import Heading, Page

Offsets = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Breaks:
    """The heading paths of one page. offsets: from where on each holds, ascending from 0."""

    offsets: tuple[int, ...]
    paths: tuple[tuple[str, ...], ...]

    def at(self, offset: int) -> tuple[str, ...]:
        return self.paths[bisect_right(self.offsets, offset) - 1]


class Trail:
    """Walks through the pages in order and knows the heading path at each place."""

    def __init__(self, headings: Iterable[Heading]) -> None:
        self._by_page: dict[int, list[Heading]] = {}
        for heading in headings:
            self._by_page.setdefault(heading.page, []).append(heading)
        self._path: tuple[tuple[int, str], ...] = ()

    def enter(self, page: Page, running: Iterable[Offsets] = ()) -> Breaks:
        """running: lines that may repeat a heading's words but are none."""
        offsets, paths = [0], [self._titles()]
        headings = self._by_page.get(page.number, ())
        text = _masked(page.text, running) if headings else page.text
        for heading in headings:
            offsets.append(max(offsets[-1], _place(heading, page.text, text, offsets[-1])))
            self._path = (
                *((level, title) for level, title in self._path if level < heading.level),
                (heading.level, heading.title),
            )
            paths.append(self._titles())
        return Breaks(tuple(offsets), tuple(paths))

    def _titles(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._path)


def _masked(text: str, running: Iterable[Offsets]) -> str:
    for start, end in running:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _place(heading: Heading, text: str, masked: str, start: int) -> int:
    if heading.start is None:
        return _find(heading.title, masked, start)
    place = min(max(heading.start, 0), len(text))
    while place and not text[place - 1].isspace():
        place -= 1  # a word is never cut in two
    return place


def _find(title: str, text: str, start: int) -> int:
    """Where the title stands from `start` on, best at the start of a line and behind its number,
    as far as its first words tell; else `start`."""
    words = [re.escape(word) for word in title.split()]
    if not words:
        return start
    first = [r"\s+".join(words[:n]) for n in (len(words), 4, 2)]
    patterns = [
        rf"^(?:\d[\d.]*\s+)?{first[0]}(?!\w)",
        *(rf"(?<!\w){some}(?!\w)" for some in first),
    ]
    for pattern in patterns:
        match = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(text, start)
        if match:
            return match.start()
    return start
