"""A page as it is searched, embedded and read by the model, and where that stands on the page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag import furniture, words
from rag.arrays import IntArray
from rag.furniture import Running
from rag.types import Page
from rag.words import Edit


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """raw: the page's text. text: the same as it is read. at: (len(raw) + 1,) for each place of
    `raw` the one in `text`, ascending; None where the two are the same. running: the page's
    running lines; those of them that are not read again are `silent`."""

    page: int
    raw: str
    text: str
    at: IntArray | None = None
    running: tuple[Running, ...] = ()

    @property
    def silent(self) -> tuple[tuple[int, int], ...]:
        return tuple((line.start, line.end) for line in self.running if not line.first)

    def place(self, offset: int) -> int:
        """Where the raw `offset` stands in `text`."""
        return offset if self.at is None else int(self.at[offset])

    def back(self, place: int) -> int:
        """The last raw offset up to which no more than text[:place] is read."""
        return place if self.at is None else int(np.searchsorted(self.at, place, "right")) - 1

    def read(self, start: int, end: int) -> str:
        """How raw[start:end] is read."""
        return self.text[self.place(start) : self.place(end)]

    def is_one_word(self, end: int, start: int) -> bool:
        """Whether the blanks at raw[end:start] only divide a word."""
        return self.at is not None and end < start and self.place(end) == self.place(start)


def read(pages: Sequence[Page]) -> tuple[Reading, ...]:
    """One for each page."""
    running = furniture.find(pages)
    edited = words.edits(pages)
    return tuple(
        _read(page, running.get(page.number, ()), edited.get(page.number, [])) for page in pages
    )


def _read(page: Page, running: tuple[Running, ...], edits: Sequence[Edit]) -> Reading:
    silent = [(line.start, line.end, "") for line in running if not line.first]
    kept = [e for e in edits if not any(s < e[1] and e[0] < end for s, end, _ in silent)]
    text, at = _apply(page.text, sorted([*silent, *kept]))
    return Reading(page.number, page.text, text, at, running)


def _apply(raw: str, edits: Sequence[Edit]) -> tuple[str, IntArray | None]:
    if not edits:
        return raw, None
    at = np.arange(len(raw) + 1, dtype=np.int32)
    pieces: list[str] = []
    done = shift = 0
    for start, end, new in edits:
        pieces += [raw[done:start], new]
        at[done:start] += shift
        at[start:end] = np.minimum(np.arange(end - start), len(new)) + (start + shift)
        shift += len(new) - (end - start)
        done = end
    at[done:] += shift
    return "".join([*pieces, raw[done:]]), at
