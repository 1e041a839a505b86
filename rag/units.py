"""Pages, their tokens counted, cut into sentences, table rows and running lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from rag import reading, sentences, tables
from rag.arrays import IntArray
from rag.packing import Unit
from rag.reading import Reading
from rag.tables import Table
from rag.trail import Trail
from rag.types import Document, Tokenizer

BLANKS = ("", " ", "\n")
HEAD_SHARE = 3
"""The head of a table that is said again takes no more than one part in this of a chunk."""


@dataclass(frozen=True, slots=True)
class CountedPage:
    """A page as it is read, with the ends of its tokens and its tables. inherited: the head of
    the table that goes on from the page before, and its tokens."""

    reading: Reading
    ends: IntArray
    tables: tuple[Table, ...]
    inherited: tuple[str, int]

    def n_tokens(self, start: int, end: int) -> int:
        places = [self.reading.place(start), self.reading.place(end)]
        first, last = np.searchsorted(self.ends, places, side="right")
        return int(last - first)

    def is_apart(self, start: int, end: int) -> bool:
        """Whether blanks stand around raw[start:end], as it is read."""
        text, first, last = self.reading.text, self.reading.place(start), self.reading.place(end)
        return text[max(0, first - 1) : first] in BLANKS and text[last : last + 1] in BLANKS

    def head(self, table: Table, offset: int) -> tuple[str, int]:
        """The lines of the table's head above `offset`, and their tokens."""
        if table.continued:
            return self.inherited
        lines = [(start, end) for start, end in table.head if end <= offset]
        text = "\n".join(self.reading.read(start, end).strip() for start, end in lines)
        return text, sum(self.n_tokens(start, end) for start, end in lines)


def _page(reading: Reading, tokenizer: Tokenizer, before: CountedPage | None) -> CountedPage:
    running = [(line.start, line.end) for line in reading.running]
    above = before.tables[-1] if before and before.tables else None
    if before and above and not tables.ends_page(above, before.reading.raw, before.reading.silent):
        above = None
    found = tuple(tables.find(reading.raw, running, above))
    inherited = before.head(above, above.end) if before and above else ("", 0)
    return CountedPage(reading, tokenizer.token_ends(reading.text), found, inherited)


def count(document: Document, tokenizer: Tokenizer) -> Iterator[CountedPage]:
    """The pages in order."""
    before: CountedPage | None = None
    for read in reading.read(document.pages):
        before = _page(read, tokenizer, before)
        yield before


def split(
    document: Document, pages: Mapping[int, CountedPage], tokenizer: Tokenizer, most: int
) -> Iterator[Unit]:
    """Sentences, rows and running lines in order, of at most `most` tokens each; every non-blank
    character lies in exactly one."""
    trail = Trail(document.headings)
    last: Unit | None = None
    for page in document.pages:
        here = pages[page.number]
        read = here.reading
        breaks = trail.enter(page, [(line.start, line.end) for line in read.running])
        begins = {table.start: table for table in here.tables if not table.continued}
        for start, end in _pieces(read, [*breaks.offsets, *begins]):
            for s, e, n in _fit(here, start, end, most, tokenizer):
                unit = Unit(page.number, s, e, read.read(s, e).strip(), n, breaks.at(start))
                if here.tables:
                    unit = _in_table(unit, here, begins, most)
                if unit.text:
                    if last and _runs_on(last, unit):
                        unit = replace(unit, runs_on=True)
                    last = unit
                yield unit


def _in_table(unit: Unit, page: CountedPage, begins: Mapping[int, Table], most: int) -> Unit:
    """With what the unit owes to the table that it stands in, if any."""
    if table := begins.get(unit.start):
        return replace(unit, whole=page.n_tokens(table.start, table.end))
    for table in page.tables:
        if table.start <= unit.start < table.end:
            head, n_head = page.head(table, unit.start)
            fits = n_head + unit.n_tokens <= most and n_head * HEAD_SHARE <= most
            return replace(unit, head=head, n_head=n_head) if fits else unit
    return unit


def _runs_on(last: Unit, unit: Unit) -> bool:
    """Whether `unit` goes on with a sentence that `last` leaves open at the end of its page."""
    if last.page == unit.page or last.heading != unit.heading or not unit.text[0].islower():
        return False
    line = last.text[last.text.rfind("\n") + 1 :]
    return (line[-1].isalnum() or line[-1] in ",-–—’") and not sentences.is_row(line)


def _pieces(read: Reading, offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Running lines and sentences, these also broken at `offsets`, in the order of the page."""
    pieces: list[tuple[int, int]] = []
    done = 0
    for line in (*read.running, None):
        end = line.start if line else len(read.raw)
        found = [(done + s, done + e) for s, e in sentences.split(read.raw[done:end])]
        pieces += _split_at(found, offsets, read.raw)
        if line:
            pieces += _trimmed(read.raw, line.start, line.end)
            done = line.end
    return _whole_words(pieces, read)


def _whole_words(pieces: Sequence[tuple[int, int]], read: Reading) -> Iterator[tuple[int, int]]:
    """Sentences are taken line by line where they are long; that must not cut a word again."""
    start = -1
    for (s, e), (following, _) in pairwise([*pieces, (len(read.raw) + 1, 0)]):
        start = s if start < 0 else start
        if following > len(read.raw) or not read.is_one_word(e, following):
            yield start, e
            start = -1


def _split_at(
    pieces: Iterable[tuple[int, int]], offsets: Iterable[int], text: str
) -> Iterator[tuple[int, int]]:
    places = sorted(set(offsets))
    for start, end in pieces:
        inner = [o for o in places if start < o < end]
        for s, e in pairwise([start, *inner, end]):
            yield from _trimmed(text, s, e)


def _fit(
    page: CountedPage, start: int, end: int, most: int, tokenizer: Tokenizer
) -> Iterator[tuple[int, int, int]]:
    """(start, end, n_tokens) of at most `most` tokens each, broken at a line end or space."""
    read, ends = page.reading, page.ends
    while start < end:
        first = int(np.searchsorted(ends, read.place(start), side="right"))
        last = int(np.searchsorted(ends, read.place(end), side="right"))
        if last - first <= most:
            yield start, end, last - first
            return
        stop = _break_before(read.raw, start, read.back(int(ends[first + most - 1])))
        for s, e in _trimmed(read.raw, start, stop):
            yield s, e, int(np.searchsorted(ends, read.place(e), side="right")) - first
        start = next((s for s, _ in _trimmed(read.raw, stop, end)), end)
        if start == stop:
            # Broken inside a word, whose rest can have more tokens by itself.
            ends = read.place(start) + tokenizer.token_ends(read.read(start, end))


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
