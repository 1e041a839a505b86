"""Numbers as they are written, and when one of them bears out another."""

import re
from dataclasses import dataclass
from typing import Any

SCALES = {"thousand": 3, "million": 6, "mn": 6, "billion": 9, "bn": 9, "trillion": 12, "tn": 12}
LETTER_SCALES = {"k": 3, "m": 6, "b": 9, "t": 12}
MOST_DIGITS = 40

PATTERN = r"""
    \d{1,3}(?:(?:,\d\d(?=,)){0,18}+,\d{3}(?!\d))++(?:\.\d+)?       # 1,577.5 and 1,00,000
  | \d{1,3}(?:['’\u00a0\u202f\u2009]\d{3})+(?!\d)(?:[.,]\d+)?      # 1’577
  | \d{1,3}(?:\.\d{3}){2,}(?!\d)(?:,\d+)? | \d{1,3}(?:\.\d{3})+,\d+  # 1.577.000 and 1.577,5
  | (?<![\d,])\d+,\d{1,2}(?![\d,])                                 # 15,5
  | \d+(?:\.\d+)? | (?<![\w.])\.\d+
"""
"""A number, for a verbose regular expression."""

TAIL = re.compile(
    r"\s?\)?\s?(?P<percent>%|(?:percent(?:age)?|per\s?cent|pct)\b)"
    r"|[\s-]?(?P<scale>thousand|million|billion|trillion|mn|bn|tn)s?\b|(?P<letter>[KMBTkmbt])\b",
    re.IGNORECASE,
)
MINUS = re.compile(r"(?:^|[\s(])[-−–][$€£¥₹]?$")
OPENED = re.compile(r"\([ ]?[$€£¥₹]?[ ]?$")
CLOSED = re.compile(r"[ ]?%?[ ]?\)")
CURRENCY = re.compile(r"[$€£¥₹][ ]?$")

SCALE_WORD = re.compile(r"\b(thousand|million|billion|trillion)s?\b", re.IGNORECASE)
IN_SCALE = re.compile(
    r"(?:\bin|[(,;:–—])\s*(?:[^\W\d]+\s+){0,3}[$€£¥]?\s?(?:of\s)?$", re.IGNORECASE
)
SCALE_MARK = re.compile(r"[$€£¥]\s?'?(000|k|mn|m|bn)\b", re.IGNORECASE)
PERCENTAGES = re.compile(
    r"%|\b(?:percent|per cent|percentages?|rates?|margins?|shares?)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Number:
    """digits × 10**place, digits without zeros at its end: $1,577.00 million is 1577 × 10**6.

    shown: how many digits stand in the text. place_shown: the place of the last one.
    scale: 3, 6, 9 or 12 where a word such as million follows, and is already in `place`.
    minus: has a minus sign. bracketed: (123). year: reads as one.
    """

    digits: int
    place: int
    shown: int = 1
    place_shown: int = 0
    scale: int = 0
    percent: bool = False
    minus: bool = False
    bracketed: bool = False
    year: bool = False

    @property
    def value(self) -> float:
        return self.digits * 10.0**self.place


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question fixes for its answer: "in millions", "what percentage"."""

    scales: frozenset[int] = frozenset()
    percent: bool = False


NOTHING_ASKED = Asked()


def plain(value: int, *, year: bool = False) -> Number:
    """A whole number without any sign or unit."""
    return _shorn(value, 0, shown=len(str(value)), year=year)


def read(text: str, found: re.Match[str]) -> Number:
    """The number that PATTERN found in `text`, with the signs and words around it."""
    start, end, token = found.start(), found.end(), found.group()[:MOST_DIGITS]
    whole, _, fraction = _decimal(token).partition(".")
    tail = TAIL.match(text, end)
    money = bool(CURRENCY.search(text, max(0, start - 2), start))
    scale = _scale(tail, money=money)
    place = scale - len(fraction)
    bare = not (tail or money or fraction) and whole == token
    return _shorn(
        int(whole + fraction),
        place,
        shown=len((whole + fraction).lstrip("0")),
        place_shown=place,
        scale=scale,
        percent=bool(tail and tail["percent"]),
        minus=bool(MINUS.search(text, max(0, start - 3), start)),
        bracketed=bool(OPENED.search(text, max(0, start - 4), start) and CLOSED.match(text, end)),
        year=bare and len(token) == 4 and "1500" <= token <= "2100",
    )


def bears(
    said: Number,
    found: Number,
    *,
    in_table: bool = False,
    scales: frozenset[int] = frozenset(),
    asked: Asked = NOTHING_ASKED,
) -> bool:
    """Whether a source that shows `found` bears out an answer that says `said`.

    in_table: `found` is a table's figure, which may leave out its scale and percent sign.
    scales: powers of ten that the table says its figures are in, empty where it does not say.
    """
    if said.minus and not (found.minus or found.bracketed):
        return False
    if said.percent != found.percent and not (in_table if said.percent else asked.percent):
        return False
    unscaled = in_table and not found.scale
    if said.digits == found.digits:
        shift = said.place - found.place
        if shift == 0 or (not said.scale and -shift in asked.scales):
            return True
        guessed = {*SCALES.values()} if said.scale and found.shown > 2 else frozenset[int]()
        return unscaled and shift in (scales or guessed)
    if not said.scale or said.percent or said.shown < 2:
        return False
    possible = (0,) if found.scale else tuple(scales) if unscaled else ()
    return any(_rounds_to(said, found, scale) for scale in possible)


def stated_scales(text: str) -> frozenset[int]:
    """Powers of ten that a table's heading gives: "(in millions)", "£m", "$'000"."""
    words = [
        SCALES.get(found[1].casefold(), 0)
        for found in SCALE_WORD.finditer(text)
        if IN_SCALE.search(text, max(0, found.start() - 40), found.start())
    ]
    marks = [mark.casefold() for mark in SCALE_MARK.findall(text)]
    return frozenset([*words, *(SCALES.get(m) or LETTER_SCALES.get(m, 3) for m in marks)])


def asked_in(question: str) -> Asked:
    """The scales that the question names, and whether it asks for a percentage."""
    scales = frozenset(SCALES.get(word.casefold(), 0) for word in SCALE_WORD.findall(question))
    return Asked(scales, bool(PERCENTAGES.search(question)))


def _shorn(digits: int, place: int, **shown: Any) -> Number:
    if digits == 0:
        return Number(0, 0, **shown)
    while digits % 10 == 0:
        digits, place = digits // 10, place + 1
    return Number(digits, place, **shown)


def _decimal(token: str) -> str:
    """Without thousands separators, with a decimal point."""
    token = re.sub(r"['’\u00a0\u202f\u2009]", "", token)
    european = token.count(".") > 1 or -1 < token.find(".") < token.rfind(",")
    if european or re.fullmatch(r"\d+,\d\d?", token):
        return token.replace(".", "").replace(",", ".")
    return token.replace(",", "")


def _scale(tail: re.Match[str] | None, *, money: bool) -> int:
    if tail and tail["scale"]:
        return SCALES.get(tail["scale"].casefold(), 0)
    return (
        LETTER_SCALES.get(tail["letter"].casefold(), 0) if tail and tail["letter"] and money else 0
    )


def _rounds_to(said: Number, found: Number, scale: int) -> bool:
    """Whether `found` gives `said` when rounded to the digits that `said` shows."""
    drop = said.place_shown - found.place_shown - scale
    if not 0 < drop <= MOST_DIGITS:
        return False
    unit: int = 10**drop
    return (2 * _as_shown(found) + unit) // (2 * unit) == _as_shown(said)


def _as_shown(number: Number) -> int:
    zeros: int = 10 ** max(0, number.place - number.place_shown)
    return number.digits * zeros
