"""Other ways to print the numbers and dates of a question: 1,577 million as 1.577 billion."""

from collections.abc import Iterable, Iterator

from rag import facts
from rag.facts import MONTHS, Day
from rag.figures import Number

MIN_DIGITS = 3
"""Of a number that tells what to look for; "5 million" is printed in too many ways."""
MOST_DECIMALS = 3
LARGEST = 10**15
SCALES = (0, 3, 6, 9)
MOST = 2
"""Numbers, and dates, of one question that are looked for in other forms."""


def of(question: str) -> list[str]:
    """Phrases in lower case, their words as a word index cuts them, separated by spaces: "1,577"
    is "1 577". Those that the question has are among them."""
    known = facts.read(question)
    telling = [n for n in known.numbers if not n.year and n.shown >= MIN_DIGITS]
    numbers = [form for number in telling[:MOST] for form in _number(number)]
    days = [
        form
        for readings in known.days[:MOST]
        for day in sorted(readings)
        for form in _day(day, sorted(known.years))
    ]
    return list(dict.fromkeys(numbers + days))


def _number(number: Number) -> Iterator[str]:
    """In the scale that it is written in and, where it is large, in thousands, millions and so
    on."""
    for scale in SCALES:
        place = number.place - scale
        whole, fraction = _cut(number.digits, place)
        if -place <= MOST_DECIMALS and bool(scale) <= whole < LARGEST and (whole > 99 or fraction):
            tail = f" {fraction}" if fraction else ""
            yield f"{whole}{tail}"
            yield f"{whole:,}".replace(",", " ") + tail


def _cut(digits: int, place: int) -> tuple[int, str]:
    """The whole part and the decimals of digits × 10**place."""
    if place >= 0:
        return int(digits * 10**place) if place < 16 else LARGEST, ""
    text = str(digits).rjust(1 - place, "0")
    return int(text[:place]), text[place:]


def _day(day: Day, years: Iterable[int]) -> Iterator[str]:
    month, number = day
    for year in years:
        for name in (name for name, of in MONTHS.items() if of == month):
            yield f"{name} {number} {year}"
            yield f"{number} {name} {year}"
        for a, b in ((month, number), (number, month)):
            yield f"{a} {b} {year}"
            yield f"{a:02} {b:02} {year}"
        yield f"{year} {month:02} {number:02}"
