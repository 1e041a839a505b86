"""Schedules: what is due year by year, a row for each, "2017 $ 290", and the total of all.

One is read only where its rows add up to its total.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from rag import figures, rows
from rag.evidence import Stretch
from rag.sums import Operand
from rag.types import Span

LEAST_YEARS = 3
ABOVE = 400
"""Characters above the first row that may say what is due."""
SENTENCE = re.compile(r"(?<=[.!?])\s+")
LEAST_WORDS = 3
"""Of a heading that says by itself what is due; "in millions" has a sentence above it."""
BLANKS = r"[^\S\n]*+"
AMOUNT = rf"{BLANKS}(?P<currency>[$€£¥₹])?{BLANKS}(?P<amount>\d[\d,]*+(?:\.\d++)?+){BLANKS}"
YEAR = rf"{BLANKS}(?:(?:fiscal|year) )*+(?P<year>(?:19|20)\d\d)(?:[^\S\n]|[.:…])*+"
YEARLY = re.compile(rf"{YEAR}{AMOUNT}", re.IGNORECASE)
LATER = r"\b(?:thereafter|beyond|later years)\b"
REST = re.compile(rf"[^\n]*?{LATER}(?:[^\S\n]++|(?!{LATER})[^\d\s])*?{AMOUNT}", re.IGNORECASE)
TOTAL = re.compile(rf"{BLANKS}(?P<label>(?:[^\S\n]++|[^\d\s])*?){AMOUNT}")


@dataclass(frozen=True, slots=True)
class Schedule:
    """about: stems of what stands above it and beside its total. due: by year."""

    about: frozenset[str]
    due: dict[int, Operand]
    total: Operand


def read(stretch: Stretch) -> Iterator[Schedule]:
    """Those on the page."""
    lines = [*re.finditer(r"[^\n]+", stretch.page)]
    start = 0
    while start < len(lines):
        years: list[re.Match[str]] = []
        for line in islice(lines, start, None):
            found = YEARLY.fullmatch(stretch.page, *line.span())
            if not found or (years and int(found["year"]) != int(years[-1]["year"]) + 1):
                break
            years.append(found)
        end = start + len(years)
        if len(years) >= LEAST_YEARS and (read := _schedule(stretch, years, lines[end : end + 2])):
            yield read
        start = end + 1 if not years else end


def _schedule(
    stretch: Stretch, years: list[re.Match[str]], below: list[re.Match[str]]
) -> Schedule | None:
    """below: the two lines behind the years."""
    rest = next((REST.fullmatch(stretch.page, *line.span()) for line in below[:1]), None)
    last = next(iter(below[1:] if rest else below), None)
    total = TOTAL.fullmatch(stretch.page, *last.span()) if last else None
    parts = [*years, rest] if rest else years
    if not total or sum(map(_value, parts)) != _value(total):
        return None
    begin = years[0].start()
    above = stretch.page[max(0, begin - ABOVE) : begin]
    scales = figures.stated_scales(above)
    scale = next(iter(scales)) if len(scales) == 1 else 0

    def operand(found: re.Match[str], year: int, label: str) -> Operand:
        span = Span(stretch.lines[0].span.doc_id, stretch.lines[0].span.page, *found.span("amount"))
        sign = years[0]["currency"] or total["currency"] or ""
        return Operand(
            label, year, _value(found), found["amount"], span, stretch.hit.document, scale,
            currency=sign if scale else "",
        )  # fmt: skip

    due = {int(found["year"]): operand(found, int(found["year"]), "due") for found in years}
    *_, before, heading = ("", *SENTENCE.split(above))
    about = rows.stems(heading)
    if len(about) < LEAST_WORDS:
        about |= rows.stems(before)
    return Schedule(about | rows.stems(total["label"]), due, operand(total, 0, "the total"))


def _value(found: re.Match[str]) -> Decimal:
    return Decimal(found["amount"].replace(",", ""))
