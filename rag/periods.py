"""Lengths of time and rates: whether a sentence tells another unit than its source. English only.

"£900 a year" is not what "£900 a month" says, nor are six months six weeks. Words of time are too
common to count among the telling ones, so they are looked at by themselves.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from rag import facts

HOURS, MONTHS = "hours", "months"
UNITS = {
    "hour": (HOURS, 1),
    "day": (HOURS, 24),
    "week": (HOURS, 168),
    "fortnight": (HOURS, 336),
    "month": (MONTHS, 1),
    "quarter": (MONTHS, 3),
    "year": (MONTHS, 12),
}
UNIT = "|".join(UNITS)
OTHER_FORMS = {"dai": "day", "annual": "year", "annum": "year", "anniversary": "year"}
"""Of a unit, without "-ly"."""
NUMBER = rf"\d+(?:\.\d+)?|{'|'.join(facts.CARDINALS)}"
LENGTH = re.compile(
    rf"(?<![\d.,$€£¥₹-])\b(?P<n>{NUMBER})(?: \(\d+\))?[\s-]+"
    rf"(?:(?:full|whole|complete|consecutive|successive|more|further|additional|calendar|working"
    rf"|business|clear|school)\s+)?(?P<unit>{UNIT})s?\b",
    re.IGNORECASE,
)
RATE = re.compile(
    rf"\b(?:(?:per|each|every|an?)\s+(?:(?:calendar|policy|leave|full|financial|tax|school|working)"
    rf"\s+)?(?P<unit>{UNIT})\b(?! of\b)|(?P<form>(?:hour|dai|week|fortnight|month|quarter|year)ly"
    r"|annual(?:ly)?|annum)\b)",
    re.IGNORECASE,
)
MENTION = re.compile(
    rf"\b(?:(?P<unit>{UNIT})(?:s|ly)?|(?P<form>daily|annual(?:ly)?|annum|anniversary))\b",
    re.IGNORECASE,
)

Length = tuple[str, Fraction]
"""Hours or months, and how many: a month is no number of days."""


def differ(said: str, source: str, question: str) -> bool:
    """Whether `said` tells a number of the source's with another unit, or a rate whose unit the
    source does not have while it has one that is not said. Lengths of the question are left out."""
    lengths = [*_lengths(source)]
    told = {length for _, _, length in lengths}
    asked = {length for _, _, length in _lengths(question)}
    units: dict[str, set[str]] = {}
    for n, unit, _ in lengths:
        units.setdefault(n, set()).add(unit)
    for n, unit, length in _lengths(said):
        if n in units and unit not in units[n] and length not in told | asked:
            return True
    there, asked_for = _units(MENTION, source), _units(MENTION, question)
    for unit in _units(RATE, said) - there:
        # What the question has already may be said of what has other units, too.
        others = _units(RATE, source) if unit in asked_for else there - asked_for
        if others - _units(MENTION, said) and _length(1, unit) not in told:
            return True
    return False


def _lengths(text: str) -> Iterator[tuple[str, str, Length]]:
    """Number, unit and length of each."""
    for found in LENGTH.finditer(text):
        word, unit = found["n"].casefold(), found["unit"].casefold()
        n = Fraction(facts.CARDINALS.get(word, word))
        yield str(n), unit, _length(n, unit)


def _length(n: Fraction | int, unit: str) -> Length:
    base, of_it = UNITS[unit]
    return base, Fraction(n) * of_it


def _units(form: re.Pattern[str], text: str) -> set[str]:
    return {_unit(found["unit"] or found["form"]) for found in form.finditer(text)}


def _unit(form: str) -> str:
    plain = form.casefold().removesuffix("ly")
    return OTHER_FORMS.get(plain, plain)
