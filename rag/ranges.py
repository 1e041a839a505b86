"""Ranges in words, as the rows of a table have them: "over two years and up to five years".

Which row is that of three years is told by their limits. English only; what is not understood whole
is no range.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from rag import facts

UNITS = {
    form: unit
    for unit, forms in {
        "year": "year years yr yrs y",
        "month": "month months mth mths",
        "week": "week weeks wk wks",
        "day": "day days",
        "hour": "hour hours hr hrs h",
        "minute": "minute minutes min mins",
        "kg": "kg kgs kilo kilos kilogram kilograms",
        "g": "g gram grams",
        "km": "km kms kilometre kilometres kilometer kilometers",
        "mile": "mile miles",
        "m": "m metre metres meter meters",
        "cm": "cm centimetre centimetres centimeter centimeters",
        "mm": "mm millimetre millimetres millimeter millimeters",
        "person": "person persons people guest guests",
    }.items()
    for form in forms.split()
}
NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?|\b(?:{'|'.join(facts.CARDINALS)})\b)"
FORMS = "|".join(sorted(UNITS, key=len, reverse=True))
UNIT = rf"(?:(?:completed? |full |whole )?(?P<{{0}}>{FORMS})\b)"
OVER = r"(?P<over>over|more than|above|longer than|greater than|exceeding|after|>)"
FROM = r"(?P<least>at least|from|not less than|no less than|minimum(?: of)?|min\.?|≥|between|aged)"
UNDER = (
    r"(?P<under{0}>(?:but |to )?(?:under|less than|below|fewer than|shorter than|lighter than|<))"
)
MOST = (
    r"(?P<most{0}>up to(?: and including)?|at most|not more than|no more than|not exceeding"
    r"|maximum(?: of)?|max\.?|within|≤|to|and|until|-|–)"
)
RANGE = re.compile(
    rf"(?:the )?(?:"
    rf"(?:(?:{OVER}|{FROM}) ?)?(?P<low>{NUMBER}) ?{UNIT.format('u1')}?"
    rf"(?P<open> ?\+| ?(?:or|and) (?:more|over|above|longer|older|greater|upwards|heavier))?"
    rf" ?{UNIT.format('u4')}?"
    rf"(?P<shut> ?(?:or|and) (?:less|under|below|younger|fewer|lighter))?"
    rf"(?:,? ?(?:and |but )?(?:{UNDER.format(1)}|{MOST.format(1)}) ?(?P<high>{NUMBER})"
    rf" ?{UNIT.format('u2')}?)?"
    rf"|(?:{UNDER.format(2)}|{MOST.format(2)}) ?(?P<only>{NUMBER}) ?{UNIT.format('u3')}?"
    r")(?P<rest>[^\d]*)",
)
MEASURE = re.compile(rf"(?<![$€£¥₹\d.,-])(?P<n>{NUMBER})[ -]?{UNIT.format('unit')}", re.IGNORECASE)
LONGEST_REST = 3
"""Words behind a range, "of service", that are no part of it."""


@dataclass(frozen=True, slots=True)
class Range:
    """low, high: None where there is no limit. with_low, with_high: the limit is in it. unit: empty
    where none is told."""

    low: Decimal | None = None
    high: Decimal | None = None
    with_low: bool = True
    with_high: bool = True
    unit: str = ""

    def holds(self, value: Decimal) -> bool:
        if self.low is not None and (value < self.low or (value == self.low and not self.with_low)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.with_high)


def read(text: str) -> Range | None:
    """The range that a cell is; None of one that is one value or anything else."""
    found = RANGE.fullmatch(" ".join(text.casefold().split()))
    if not found or len(found["rest"].split()) > LONGEST_REST:
        return None
    units = {UNITS[found[group]] for group in ("u1", "u2", "u3", "u4") if found[group]}
    limits = _limits(found) if len(units) <= 1 else None
    return replace(limits, unit=units.pop()) if limits and units else limits


def _limits(found: re.Match[str]) -> Range | None:
    if found["only"]:
        return Range(high=_value(found["only"]), with_high=not found["under2"])
    low, is_open, is_shut = _value(found["low"]), found["open"], found["shut"]
    if found["high"]:
        high = _value(found["high"])
        fits = high > low and not (is_open or is_shut)
        return Range(low, high, not found["over"], not found["under1"]) if fits else None
    begins = found["over"] or found["least"]
    if is_shut:
        return None if begins else Range(high=low)
    return Range(low, with_low=not found["over"]) if is_open or begins else None


def of_cell(name: str, value: str) -> Range | None:
    """The same, with the unit that the name of the column tells, if the cell tells none."""
    found = read(value)
    if found is None or found.unit:
        return found
    words = re.findall(r"[a-z]+", name.casefold())
    units = {UNITS[word] for word in words if word in UNITS}
    units |= {"year"} if {"age", "aged", "ages"} & {*words} else set()
    return replace(found, unit=units.pop()) if len(units) == 1 else found


def measure(text: str) -> tuple[Decimal, str] | None:
    """The one figure with a unit that a text tells, as "three years"; None of several."""
    found = {(_value(m["n"]), UNITS[m["unit"].casefold()]) for m in MEASURE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _value(number: str) -> Decimal:
    word = number.casefold()
    return Decimal(facts.CARDINALS.get(word) or word.replace(",", ""))
