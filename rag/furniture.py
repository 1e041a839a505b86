"""Running headers and footers: lines at the edges of pages that come back from page to page.

A line counts as one only when it stands at the same edge of several pages close together, and
everything between it and that edge is one too. It is either the same each time, or it carries
the number of the page. Rows, dates, labels and items of a list are left alone.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from operator import itemgetter
from typing import Literal

from rag import sentences
from rag.edges import DEPTH, LINE
from rag.sentences import word_set
from rag.tables import is_head
from rag.types import Page

Edge = Literal["top", "bottom"]

LEAST_PAGES = 2
FEW_PAGES = 4
"""In a document with fewer a number at the edge must be said to be the page's, or stand alone."""
LEAST_RUN = 3
"""Pages close together on which a line with the number of the page must stand, if there are as
many, and on which any other line must stand at all."""
LONG_RUN = 8
"""The same of any other line: what stands at an edge of fewer may be a table that goes on."""
NEAR = 2
"""Pages from one of a run to the next: left and right pages often differ."""
COMMON = 0.4
"""Share of all pages from which a line counts though its run is short."""
LONGEST = 240

NUMBER = re.compile(r"\d+")
ROMAN = re.compile(r"\W*(?=[ivxl])(x{0,3}|xl)(ix|iv|v?i{0,3})\W*")
WORD = re.compile(r"[^\W\d_]{3,}")
BULLET = re.compile(r"[-*+•‣◦▪●○■□·–—➢✓\uf0b7]\s")
IN_DATE = re.compile(r"\d[/.:-]$")
GOES_ON_AS_DATE = re.compile(r"[/.:-]\d|(?:st|nd|rd|th)?\.?,?\s+(?:of\s+)?(?:{months})".format(
    months="jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
))  # fmt: skip
COUNTED = re.compile(
    r"(?:\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
    r"|\b(?:day|week|month|quarter|year|chapter|section|part|item|exhibit|figure|fig|table|note"
    r"|question|lesson|step|invoice|no|nr|number|case|form|appendix|annex|unit|module|lecture"
    r"|slide|problem|exercise|session|level|room|article|act|scene|volume|vol|version|phase"
    r"|example|task|test|round|game|group|team|order|receipt|account|claim|rule|clause|schedule"
    r"|record|entry|row|line|grade|stage|floor|lot|plot|block|building|patient|sample)s?\.?"
    r"|\#)\s*$"
)
"""In front of a number that counts something else than pages."""
OF_PAGES = re.compile(r"\b\d+ ?(?:/|of|von|de|sur|di|van|z|av) ?(?P<pages>\d+)\b")
PAGE_WORDS = word_set("page pages seite seiten pagina página paginas páginas side sida strona")


@dataclass(frozen=True, slots=True)
class Running:
    """A running line at text[start:end] of its page. first: here the document says it for the
    first time, without cutting a sentence in two; elsewhere nothing is lost without it."""

    start: int
    end: int
    first: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """shape: without its numbers. counting: what lines have in common that carry the number of
    their page. says_page: such a number is said to be the page's, or stands alone. plain: what
    lines have in common that are the same each time; empty where it may be a row or a label.
    is_head: it may be the head of a table that goes on."""

    start: int
    end: int
    shape: str
    counting: tuple[Hashable, ...]
    says_page: bool
    plain: str
    is_head: bool

    @property
    def keys(self) -> tuple[Hashable, ...]:
        return (*self.counting, self.plain) if self.plain else self.counting


@dataclass(frozen=True, slots=True)
class _Edges:
    """top, bottom: the outermost lines of a page, from its edge inwards."""

    top: tuple[_Line, ...]
    bottom: tuple[_Line, ...]
    page: Page


def find(pages: Sequence[Page]) -> dict[int, tuple[Running, ...]]:
    """The running lines of each page that has any, by its number, in the order of the text.

    Only of pages that are pages of paper: a slide, a mail or a part of a sheet has no such lines.
    """
    paper = [page for page in pages if page.label.startswith("page")]
    if len(paper) < LEAST_PAGES:
        return {}
    edges = [_edges(i, page, len(paper)) for i, page in enumerate(paper)]
    tops = list(_outermost([e.top for e in edges]))
    bottoms = list(_outermost([e.bottom for e in edges]))
    return _told_once(edges, tops, bottoms)


def _edges(index: int, page: Page, n_pages: int) -> _Edges:
    lines = list(LINE.finditer(page.text))
    top, bottom = lines[:DEPTH], lines[: -DEPTH - 1 : -1]
    return _Edges(
        tuple(_line(index, found, n_pages) for found in top),
        tuple(_line(index, found, n_pages) for found in bottom),
        page,
    )


def _line(index: int, found: re.Match[str], n_pages: int) -> _Line:
    text = " ".join(found.group().split())
    plain = text.casefold()
    shape = "#" if ROMAN.fullmatch(plain) else NUMBER.sub("#", plain)
    is_odd = len(text) > LONGEST or (BULLET.match(text) and WORD.search(text))
    counting = () if is_odd else tuple(_page_number_keys(index, plain))
    if is_odd or text[-1] == ":" or not WORD.search(text) or len(sentences.cells(text)) > 1:
        plain = ""
    says_page = _says_page(text.casefold(), n_pages)
    return _Line(found.start(), found.end(), shape, counting, says_page, plain, is_head(text))


def _says_page(text: str, n_pages: int) -> bool:
    words = WORD.findall(text)
    is_alone = not words and n_pages >= LEAST_RUN
    is_of_all = any(int(found["pages"]) == n_pages for found in OF_PAGES.finditer(text))
    return is_alone or is_of_all or not PAGE_WORDS.isdisjoint(words)


def _page_number_keys(index: int, text: str) -> Iterator[Hashable]:
    """Equal on two pages where a number in the line counts on as the pages do."""
    if (roman := ROMAN.fullmatch(text)) is not None:
        yield "roman", _roman(roman) - index
    numbers = [found for found in NUMBER.finditer(text) if len(found.group()) < 6]
    starts = {found.start() for found in OF_PAGES.finditer(text)}
    told = [found for found in numbers if found.start() in starts]
    for found in {*numbers[:1], *told, *numbers[-1:]}:
        if _may_be_page(text, found):
            shape = f"{text[: found.start()]}#{text[found.end() :]}"
            yield shape, int(found.group()) - index
    if numbers and not WORD.search(text):  # two pages of a book on one
        yield NUMBER.sub("#", text), tuple(int(found.group()) - 2 * index for found in numbers)


def _may_be_page(text: str, found: re.Match[str]) -> bool:
    before, after = text[: found.start()], text[found.end() :]
    return not (IN_DATE.search(before) or GOES_ON_AS_DATE.match(after) or COUNTED.search(before))


def _roman(found: re.Match[str]) -> int:
    tens = {"": 0, "x": 10, "xx": 20, "xxx": 30, "xl": 40}[found[1]]
    ones = {"": 0, "ix": 9, "iv": 4}.get(found[2])
    if ones is None:
        ones = 5 * found[2].count("v") + found[2].count("i")
    return tens + ones


def _outermost(pages: Sequence[tuple[_Line, ...]]) -> Iterator[list[_Line]]:
    """For each page its running lines at one edge, from the edge inwards, up to the first other."""
    places: dict[Hashable, list[int]] = {}
    for index, lines in enumerate(pages):
        for key in {key for line in lines for key in line.keys}:
            places.setdefault(key, []).append(index)
    least = min(LEAST_RUN, len(pages))
    runs = {key: _runs(indices) for key, indices in places.items() if len(indices) >= least}
    for index, lines in enumerate(pages):
        are_running = [_is_running(line, runs, index, len(pages)) for line in lines]
        yield [line for line, _ in takewhile(itemgetter(1), zip(lines, are_running, strict=True))]


def _is_running(
    line: _Line, runs: Mapping[Hashable, Mapping[int, int]], index: int, n_pages: int
) -> bool:
    least = min(LEAST_RUN, n_pages)
    if (n_pages >= FEW_PAGES or line.says_page) and any(
        runs.get(key, {}).get(index, 0) >= least for key in line.counting
    ):
        return True
    run = runs.get(line.plain, {})
    is_common = len(run) >= max(LEAST_RUN, COMMON * n_pages) and not line.is_head
    return is_common or run.get(index, 0) >= LONG_RUN


def _runs(indices: Sequence[int]) -> dict[int, int]:
    """For each page with a line, how many pages with it lie close together there."""
    runs: list[list[int]] = [[indices[0]]]
    for before, index in pairwise(indices):
        if index - before > NEAR:
            runs.append([])
        runs[-1].append(index)
    return {index: len(run) for run in runs for index in run}


def _told_once(
    edges: Sequence[_Edges], tops: Sequence[list[_Line]], bottoms: Sequence[list[_Line]]
) -> dict[int, tuple[Running, ...]]:
    told: set[str] = set()
    found: dict[int, tuple[Running, ...]] = {}
    goes_on = [
        _starts_small(e.page.text, [*top, *bottom])
        for e, top, bottom in zip(edges, tops, bottoms, strict=True)
    ]
    for i, edge in enumerate(edges):
        on_page: dict[int, Running] = {}
        for line, cuts in [
            *((line, goes_on[i]) for line in tops[i]),
            *((line, goes_on[i + 1 : i + 2] == [True]) for line in bottoms[i]),
        ]:
            first = line.shape not in told and not cuts and _says_something(line.shape)
            if line.start not in on_page:
                on_page[line.start] = Running(line.start, line.end, first)
            if first:
                told.add(line.shape)
        if on_page:
            found[edge.page.number] = tuple(on_page[start] for start in sorted(on_page))
    return found


def _starts_small(text: str, running: Iterable[_Line]) -> bool:
    """Whether the page's own text goes on in the middle of a sentence."""
    ends = {line.start: line.end for line in running}
    at = 0
    for found in LINE.finditer(text):
        if found.start() not in ends:
            at = found.start()
            break
    return text[at : at + 40].lstrip()[:1].islower()


def _says_something(shape: str) -> bool:
    return any(word not in PAGE_WORDS for word in WORD.findall(shape))
