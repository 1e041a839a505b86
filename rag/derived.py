"""Figures that a sentence of an answer derives from two others of its own: by how much, in percent.

A model does sums in its head, and badly. Where the sentence says which figure is the earlier and
which the later, the change is worked out anew; in any doubt it is left as it is.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from rag import figures, sentences
from rag.figures import Number

NUMBER = re.compile(figures.PATTERN, re.VERBOSE)
AMOUNT = re.compile(
    rf"(?:(?:[-−–+]|[$€£¥₹])\s?)*(?P<number>{figures.PATTERN})"
    r"(?:\s?%|\s?(?:percent|per cent)\b|\s(?:thousand|million|billion|trillion)\b)?",
    re.VERBOSE | re.IGNORECASE,
)
RISE = re.compile(
    r"\b(?:grew|grow|grown|increas\w+|rose|risen|rise|gain\w*|growth|higher|up)\b", re.IGNORECASE
)
FALL = re.compile(
    r"\b(?:fell|fall|fallen|decreas\w+|declin\w+|dropp?\w*|reduc\w+|shr[aiu]nk|lower|down)\b",
    re.IGNORECASE,
)
DERIVED = re.compile(
    r"\(?\b(?:(?:a|an|the)\s+)?(?:\w+\s+)?(?:by|of)\s+(?:(?:approximately|about|around|roughly|"
    r"nearly|some)\s+)?$|\($",
    re.IGNORECASE,
)
"""In front of the figure that is derived: "grew by", "an increase of", a bracket."""
FROM = re.compile(r"\bfrom\s+(?:[^\d.;]{0,20}\s)?$", re.IGNORECASE)
TO = re.compile(r"\bto\s+(?:[^\d.;]{0,20}\s)?$", re.IGNORECASE)
COMPARED = re.compile(
    r"\b(?:compared\s+(?:to|with)|versus|vs\.?|against)\s+(?:\S+\s)?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Figure:
    """text[start:end]: with its sign, currency and unit."""

    start: int
    end: int
    number: Number

    @property
    def value(self) -> Decimal:
        value = Decimal(self.number.digits).scaleb(self.number.place)
        return -value if self.number.minus or self.number.bracketed else value


@dataclass(frozen=True, slots=True)
class _Change:
    """A figure that is said to be the change from one to another. start: of what goes with it."""

    said: _Figure
    start: int
    is_right: bool
    right: str


def without(said: str) -> str:
    """The sentence without the figure that follows from its others; empty where none does."""
    change = _change(said)
    if change is None or not change.is_right:
        return ""
    return said[: change.start] + said[change.said.end :]


def corrected(text: str) -> str:
    """The text with each derived figure as it follows from those that its sentence gives."""
    for start, end in reversed(sentences.split(text)):
        change = _change(text[start:end])
        if change and not change.is_right:
            at, to = start + change.said.start, start + change.said.end
            text = text[:at] + change.right + text[to:]
    return text


def _change(said: str) -> _Change | None:
    rises, falls = bool(RISE.search(said)), bool(FALL.search(said))
    if rises == falls:
        return None
    found = [_Figure(*m.span(), figures.read(said, _inner(said, m))) for m in AMOUNT.finditer(said)]
    plain = [figure for figure in found if not figure.number.year]
    derived = [f for f in plain if DERIVED.search(said, max(0, f.start - 40), f.start)]
    operands = [figure for figure in plain if figure not in derived]
    if len(derived) != 1 or len(operands) != 2 or any(f.number.percent for f in operands):
        return None
    order = _in_order(said, operands[0], operands[1])
    if order is None:
        return None
    return _judged(said, derived[0], *order, rises=rises)


def _inner(said: str, amount: re.Match[str]) -> re.Match[str]:
    found = NUMBER.match(said, amount.start("number"))
    assert found is not None  # the same pattern has just matched there
    return found


def _in_order(said: str, one: _Figure, other: _Figure) -> tuple[_Figure, _Figure] | None:
    """(earlier, later), as "from … to …" or "…, compared with …" has them."""
    before, between = said[: one.start], said[one.end : other.start]
    if FROM.search(before) and TO.search(between):
        return one, other
    if TO.search(before) and FROM.search(between):
        return other, one
    return (other, one) if COMPARED.search(between) else None


def _judged(
    said: str, derived: _Figure, earlier: _Figure, later: _Figure, *, rises: bool
) -> _Change | None:
    change = later.value - earlier.value
    if change == 0 or (change > 0) != rises or earlier.value <= 0:
        return None
    number = derived.number
    opening = DERIVED.search(said, max(0, derived.start - 40), derived.start)
    start = opening.start() if opening else derived.start
    if number.percent:
        places, value = max(1, -number.place_shown), abs(100 * change / earlier.value)
        right = f"{_rounded(value, places):,f}%"
    else:
        places = number.scale - number.place_shown
        value = abs(change).scaleb(-number.scale)
        unit = said[derived.start : derived.end]
        right = NUMBER.sub(f"{_rounded(value, places):,f}", unit, count=1)
    shown = abs(derived.value).scaleb(0 if number.percent else -number.scale)
    is_right = _rounded(value, number.scale - number.place_shown) == shown
    return _Change(derived, start, is_right, right)


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-max(places, 0)), ROUND_HALF_UP)
