"""Headings of a document that brings no outline, found by how large its lines are set.

A wrong heading spoils every passage below it, and a missing one costs little, so what is in doubt
is none.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.rawtext import one_line
from rag.types import Heading, Page

LARGER = 1.15
"""Times the body's size, at least, that a heading is set in."""
ALIKE = 1.06
"""Sizes closer than this are one level."""
MAX_LEVELS = 3
MAX_LINES = 2
MAX_CHARS = 120
MAX_WORDS = 16
ON_ONE_PAGE = 6
"""More is a table of contents, a cover or a poster."""
EACH_PAGE = 3.0
"""Headings for each page, at most; beyond that the smallest are body text of some kind."""
RUNNING = 3
"""Pages with the same line, from which on it is a running header."""

FEW_PAGES = 3
"""Up to here a size may stand on one page alone; beyond it is a cover's, or a picture's."""
IN_CONTENTS = 4
"""Numbered lines that end in a page number; so many on a page make a table of contents."""

NUMBERED = re.compile(
    r"""(?: (?P<part>part|chapter|appendix|annex) | (?P<item>item|note|section|article|schedule) )
        \s+ (?: \d+ | [ivxlc]+ | [a-z] ) (?: \.?[a-z] )? \b (?! \s+ of \b ) [.:)\s–—-]*
        (?: [^\W\d_].* )?$
      | (?: \d{1,2} (?: \.\d{1,2} )* [.)] | \d{1,2} (?: \.\d{1,2} )+ ) \s+ [^\W\d_].*$
      | \d{1,2} \s+ [^\W\d_]\S* (?: \s+ \S+ ){0,5}$""",
    re.IGNORECASE | re.VERBOSE,
)
NUMBER = re.compile(r"^\d{1,2}(\.\d{1,2})*[.)]?\s+")
PAGE_NUMBER = re.compile(r"[\s.]\d{1,3}$")
FOREIGN = re.compile(r"\.\.|@|://|www\.|^(table of )?contents$|^index$", re.IGNORECASE)
HALF = re.compile(r"\b(of|and|the|for|to|in|by|with|an?|or|on|at|from)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TypedLine:
    """page.text[start:end], set in size_pt throughout. bold: likewise; looked at in numbered lines
    alone."""

    start: int
    end: int
    size_pt: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class _Candidate:
    title: str
    page: int
    start: int
    size_pt: float
    """0 where it is no larger than the body and told by its number alone."""


def find(pages: Iterable[Page], lines: Mapping[int, Sequence[TypedLine]]) -> tuple[Heading, ...]:
    """In reading order, at most MAX_LEVELS levels. lines: of each page, by its number."""
    pages = tuple(pages)
    body_pt = _body(line for page in pages for line in lines.get(page.number, ()))
    found = [_on_page(page, lines.get(page.number, ()), body_pt) for page in pages]
    kept = _thinned(_without_running([c for on_page in found for c in on_page]), len(pages))
    level_of = _levels(kept)
    return tuple(Heading(c.title, level_of(c), c.page, c.start) for c in kept)


def is_numbered(line: str) -> bool:
    """ "Item 1A. Risk Factors", "2.3 Methods": what can be a heading without being larger."""
    return bool(len(line) <= MAX_CHARS and NUMBERED.match(line) and not PAGE_NUMBER.search(line))


def _body(lines: Iterable[TypedLine]) -> float:
    """The size of most characters."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[_half_points(line.size_pt)] += line.end - line.start
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _half_points(size_pt: float) -> float:
    return round(size_pt * 2) / 2


def _on_page(page: Page, lines: Sequence[TypedLine], body_pt: float) -> list[_Candidate]:
    large = [
        candidate
        for block in _blocks(lines, body_pt * LARGER)
        if len(block) <= MAX_LINES
        and (candidate := _candidate(page, block[0], block[-1].end, block[0].size_pt))
        and not HALF.search(candidate.title)
    ]
    bold = [
        candidate
        for line in ([] if _is_contents(page, lines) else lines)
        if line.bold
        and is_numbered(page.text[line.start : line.end])
        and body_pt * 0.95 <= line.size_pt < body_pt * LARGER
        and (candidate := _candidate(page, line, line.end, 0.0))
    ]
    if len(large) > ON_ONE_PAGE:
        large = []
    return sorted(large + bold, key=lambda candidate: candidate.start)


def _is_contents(page: Page, lines: Iterable[TypedLine]) -> bool:
    texts = [page.text[line.start : line.end] for line in lines]
    return sum(bool(PAGE_NUMBER.search(t) and NUMBERED.match(t)) for t in texts) >= IN_CONTENTS


def _blocks(lines: Sequence[TypedLine], least_pt: float) -> Iterator[list[TypedLine]]:
    """Runs of lines of one size, of at least least_pt."""
    block: list[TypedLine] = []
    for line in lines:
        if block and not block[-1].size_pt / ALIKE < line.size_pt < block[-1].size_pt * ALIKE:
            yield block
            block = []
        if line.size_pt >= least_pt:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _candidate(page: Page, first: TypedLine, end: int, size_pt: float) -> _Candidate | None:
    title = one_line(page.text[first.start : end])
    return _Candidate(title, page.number, first.start, size_pt) if _is_title(title) else None


def _is_title(text: str) -> bool:
    """Words with a capital or a number in front, not a sentence, an amount or an address."""
    text = NUMBER.sub("", text)
    letters, n_words = sum(map(str.isalpha, text)), len(text.split())
    return (
        len(text) <= MAX_CHARS
        and n_words <= MAX_WORDS
        and letters >= 3
        and letters * 5 >= len(text.replace(" ", "")) * 3
        and not text[0].islower()
        and text[0].isalnum()
        and text[-1] not in ",;-–—"
        and not (text[-1] == "." and n_words > 6)
        and not FOREIGN.search(text)
    )


def _without_running(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    pages = defaultdict(set)
    for candidate in candidates:
        pages[_key(candidate)].add(candidate.page)
    return [c for c in candidates if len(pages[_key(c)]) < RUNNING]


def _key(candidate: _Candidate) -> str:
    return re.sub(r"\d+|\W+", " ", candidate.title.casefold()).strip()


def _thinned(candidates: Sequence[_Candidate], n_pages: int) -> list[_Candidate]:
    """Without sizes that one page alone has, and without the smallest while there are more than a
    document has headings."""
    pages = defaultdict(set)
    for candidate in candidates:
        pages[_half_points(candidate.size_pt)].add(candidate.page)
    kept = [
        c
        for c in candidates
        if n_pages <= FEW_PAGES or not c.size_pt or len(pages[_half_points(c.size_pt)]) > 1
    ]
    while len(kept) > EACH_PAGE * max(n_pages, 2):
        least = min(c.size_pt for c in kept) * ALIKE
        kept = [c for c in kept if c.size_pt > least]
    return kept


def _levels(candidates: Sequence[_Candidate]) -> Callable[[_Candidate], int]:
    """Gives the level of each: by size, the sizes that most headings have making the steps; those
    told by number come below, by their number."""
    counts = Counter(_half_points(c.size_pt) for c in candidates if c.size_pt)
    steps: list[float] = []
    for size, _ in counts.most_common():
        if len(steps) < MAX_LEVELS and all(_differ(size, step) for step in steps):
            steps.append(size)
    in_items = any(c.size_pt == 0 and _kind(c.title)["item"] for c in candidates)

    def level_of(candidate: _Candidate) -> int:
        size = candidate.size_pt
        if size:
            return 1 + sum(size < step and _differ(size, step) for step in steps[:MAX_LEVELS])
        return min(len(steps) + 1 + _depth(candidate.title, in_items), MAX_LEVELS)

    return level_of


def _differ(size: float, other: float) -> bool:
    return max(size, other) > min(size, other) * ALIKE


def _kind(title: str) -> dict[str, str | None]:
    numbered = NUMBERED.match(title)
    return numbered.groupdict() if numbered else {"part": None, "item": None}


def _depth(title: str, in_items: bool) -> int:
    """Below "Part I" stands "Item 1", and "1." too where there are items; below "1." "1.1"."""
    kind = _kind(title)
    if kind["part"]:
        return 0
    if kind["item"]:
        return 1
    return int(in_items) + title.split(maxsplit=1)[0].rstrip(".)").count(".")
