"""Whether an answer says what an accepted answer says: pure, and aware of numbers.

Words are compared by SQuAD's rules (Rajpurkar et al., 2016), or by stem where an answer may be
put in other words. A judge by rules errs both ways: RESULTS.md says how often it was overruled by
eye.
"""

import ast
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from rag import facts, figures
from rag.facts import Facts
from rag.figures import Number

Verdict = Literal["correct", "refused", "wrong"]

SHORT = 12
"""Words of an accepted answer that must nearly all be said; of a longer one, the gist."""
NEARLY_ALL, GIST = 0.75, 0.4
FEWEST_FIGURES = 3
"""Of an accepted answer that is said when all its figures are."""
FEWEST_DIGITS = 3
"""Significant digits that an answer must show when it rounds the accepted one."""

NUMBER = re.compile(figures.PATTERN, re.VERBOSE)
FIGURE = re.compile(
    rf"[\s(]*[-−–+]?\s?(?:US)?[$€£¥₹]?\s?[-−–]?(?:{figures.PATTERN})\s?"
    r"(?:%|percent|thousand|million|billion|trillion)?s?[\s)]*(?:[^\W\d]+\s?){0,2}[.\s]*",
    re.VERBOSE | re.IGNORECASE,
)
"""An accepted answer that is one figure: "$1,577 million", "-5.2%", "14 days"."""
PER_CENT = re.compile(r"\s*[*×x]\s*100\b(?!\s*%)")
"""How a share becomes a percentage, "(21 / 82) * 100", is no figure of the answer."""
YES = re.compile(r"\W*(?:yes|true|correct|right)\b", re.IGNORECASE)
NO = re.compile(r"\W*(?:no|false|incorrect|wrong)\b", re.IGNORECASE)
NEGATION = re.compile(
    r"\b(?:no|not|never|none|neither|nor|without|cannot)\b|n['’]t\b", re.IGNORECASE
)
FALLING = re.compile(
    r"\b(?:decreas|declin|fell|fall|drop|reduc|loss|lost|lower|less|fewer|down|negative|outflow"
    r"|used)",
    re.IGNORECASE,
)
NOTHING = re.compile(
    r"\W*(?:n/a|not (?:answerable|available|applicable)|none|unanswerable)\W*$"
    r"|.{0,160}\b(?:is|are|do|does)(?:\s+not|n't)(?:\s+\w+ly)?\s+(?:provide|specif|contain|mention"
    r"|disclos|state|given|available|discuss)",
    re.IGNORECASE | re.DOTALL,
)
"""An accepted answer that itself says that there is none."""


def judge(
    question: str, text: str, golds: Sequence[str], *, answerable: bool, refused: bool
) -> Verdict:
    """golds: the accepted answers, any of which will do. refused: the app says that it has none.

    A refusal is correct where there is nothing to answer; an answer there is wrong.
    """
    none_accepted = not answerable or any(NOTHING.match(gold) for gold in golds)
    if refused:
        return "correct" if none_accepted else "refused"
    if not answerable:
        return "wrong"
    return "correct" if any(says(question, text, gold) for gold in golds) else "wrong"


def says(question: str, text: str, gold: str) -> bool:
    """Whether `text` says what `gold` says. A list must be complete, in any order."""
    if len(items := as_list(gold)) > 1 or items != [gold]:
        return bool(items) and all(says(question, text, item) for item in items)
    if (expected := _polarity(gold)) is not None:
        return _stance(text) == expected
    if FIGURE.fullmatch(gold.strip()):
        return _gives(question, text, next(_numbers(gold)))
    return _tells(question, text, gold)


def as_list(gold: str) -> list[str]:
    """The items of "['a', 'b']" or "[16, 19]"; anything else is its own only item."""
    plain = gold.strip()
    if not (plain.startswith("[") and plain.endswith("]")):
        return [gold]
    try:
        items = ast.literal_eval(plain)
    except (ValueError, SyntaxError):
        items = plain[1:-1].split(",")
    return [str(item).strip() for item in items if str(item).strip()]


def same(said: Number, gold: Number, *, scales: Iterable[int] = (), falling: bool = False) -> bool:
    """Whether two figures are one: 1.577 billion and $1,577 million, 12.8% and 12.76.

    scales: powers of ten in which the question asks for its answer. falling: the answer speaks of
    a fall, so that its figure may stand without a sign.
    """
    if _is_negative(gold) != said.minus and not (
        _is_negative(gold) and (said.bracketed or falling)
    ):
        return False
    return any(
        _meet(a, b, shown=said.shown)
        for a in _readings(said, other=gold, scales=())
        for b in _readings(gold, other=said, scales=scales)
    )


def exact_match(text: str, golds: Sequence[str]) -> bool:
    return any(squad_words(text) == squad_words(gold) for gold in golds)


def f1(text: str, golds: Sequence[str]) -> float:
    """The best over `golds`, 0 to 1."""
    return max((_f1(squad_words(text), squad_words(gold)) for gold in golds), default=0.0)


def found(question: str, text: str, golds: Sequence[str]) -> bool:
    """Whether an accepted answer stands in `text`, word by word, or as the same figure."""
    said = f" {' '.join(squad_words(text))} "
    return any(
        f" {' '.join(squad_words(gold))} " in said or says(question, text, gold) for gold in golds
    )


def squad_words(text: str) -> list[str]:
    """Lower case, without punctuation and articles."""
    plain = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(?:a|an|the)\b", " ", plain).split()


def _f1(said: list[str], gold: list[str]) -> float:
    n_common = sum((Counter(said) & Counter(gold)).values())
    return 2 * n_common / (len(said) + len(gold)) if n_common else float(said == gold)


def _polarity(text: str) -> bool | None:
    if YES.fullmatch(text.strip().rstrip(".")):
        return True
    return False if NO.fullmatch(text.strip().rstrip(".")) else None


def _stance(text: str) -> bool:
    """Of an answer to a yes-or-no question that need not begin with either."""
    if YES.match(text):
        return True
    return not (NO.match(text) or NEGATION.search(re.split(r"(?<=[.!?])\s", text)[0]))


def _gives(question: str, text: str, gold: Number) -> bool:
    scales = figures.asked_in(question).scales
    falling = bool(FALLING.search(text))
    known = {number.value for number in _numbers(question)} - {gold.value}
    return any(
        same(number, gold, scales=scales, falling=falling)
        for number in _numbers(text)
        if number.value not in known
    )


def _tells(question: str, text: str, gold: str) -> bool:
    """Names, words and figures of an accepted answer that is not one figure."""
    gold = PER_CENT.sub("", gold)
    said, wanted, asked = facts.read(text), facts.read(gold), facts.read(question)
    if wanted.stems and f" {' '.join(squad_words(gold))} " in f" {' '.join(squad_words(text))} ":
        return True
    short = len(wanted.stems) <= SHORT
    held = [_gives(question, text, number) for number in _new(wanted, asked)]
    if _gives_all(question, text, _new(wanted, asked)):
        return True
    held += [any(readings & other for other in said.days) for readings in wanted.days]
    if sum(held) < (len(held) if short else len(held) / 2):
        return False
    new = wanted.stems - asked.stems
    if not new and all(held) and _gives_new(question, text, wanted, asked):
        return True
    stems = new or wanted.stems
    if not stems:
        return bool(held)
    share = len(stems & (said.stems | said.coined)) / len(stems)
    return share >= (NEARLY_ALL if short else GIST)


def _gives_new(question: str, text: str, wanted: Facts, asked: Facts) -> bool:
    """Whether a figure is all that the accepted answer adds to the question's words."""
    known = {number.value for number in asked.numbers}
    return any(n.value not in known and _gives(question, text, n) for n in wanted.numbers)


def _gives_all(question: str, text: str, numbers: Sequence[Number]) -> bool:
    """Whether the figures of an accepted answer, three at least besides years, are all there: what
    is around them is how it is put."""
    figures_alone = [number for number in numbers if not number.year]
    return len(figures_alone) >= FEWEST_FIGURES and all(
        _gives(question, text, number) for number in figures_alone
    )


def _new(wanted: Facts, asked: Facts) -> Sequence[Number]:
    """The figures that the question does not hold already; all where it holds them all."""
    known = {number.value for number in asked.numbers}
    return [n for n in wanted.numbers if n.value not in known] or wanted.numbers


def _numbers(text: str) -> Iterator[Number]:
    """Every figure of `text`, those in words and dates included."""
    for match in NUMBER.finditer(text):
        yield figures.read(text, match)
    words = facts.read(re.sub(r"\d", " ", text)).numbers
    yield from words


def _is_negative(number: Number) -> bool:
    return number.minus or number.bracketed


def _readings(
    number: Number, *, other: Number, scales: Iterable[int]
) -> Iterator[tuple[float, float]]:
    """(value, worth of the last digit shown): also without a scale that the other one lacks, in
    the scale asked for, and as a fraction of one where only this one is a percentage."""
    value, unit = number.value, 10.0**number.place_shown
    yield value, unit
    if number.scale and not other.scale:
        yield value / 10**number.scale, unit / 10**number.scale
    if not number.scale:
        for scale in scales:
            yield value * 10**scale, unit * 10**scale
    if number.percent and not other.percent:
        yield value / 100, unit / 100


def _meet(said: tuple[float, float], gold: tuple[float, float], *, shown: int) -> bool:
    """Equal when rounded to the digits of the accepted answer, or to those of the answer if it
    shows enough of them."""
    (value, unit), (accepted, accepted_unit) = said, gold
    gap = abs(value - accepted)
    if gap <= 0.5 * accepted_unit * (1 + 1e-9) and unit <= accepted_unit:
        return True
    if gap <= 1e-9 * max(abs(value), abs(accepted)):
        return True
    return shown >= FEWEST_DIGITS and gap <= 0.5 * unit * (1 + 1e-9)
