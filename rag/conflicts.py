"""What else is said of the figure that an answer tells: another one in another document, as in two
versions of a contract, or what makes another of it, further on in the same.

Passages of several documents look alike to a model, which takes what it finds in one of them.
Nothing here says which is right, but a person has to know that there are two.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from rag import excerpts, facts, figures, wording
from rag.excerpts import Excerpt, PageText
from rag.types import Answer, Citation, Hit

MOST = 3
LEAST_ALIKE = 0.05
LEAST_ALIKE_IN_ONE = 0.1
"""Share of the words of two sentences, telling ones, that both have; the latter where they have but
one word of the question."""
UNITS = {
    "kilometre": "km",
    "kilometer": "km",
    "meter": "metre",
    "kilogram": "kg",
    "people": "person",
}
UNIT = re.compile(
    r"[ -]?(?:calendar |working )?(?P<unit>minute|hour|day|week|month|year|mile|km|kilomet(?:re|er)"
    r"|met(?:re|er)|mg|ml|kg|kilogram|gram|litre|person|people|page|seat|tablet|dose)s?\b(?!-)",
    re.IGNORECASE,
)
NUMBER = re.compile(figures.PATTERN, re.VERBOSE)
COUNT = re.compile(
    rf"(?<![\w-])(?P<count>{'|'.join(facts.CARDINALS)}){UNIT.pattern}", re.IGNORECASE
)
CURRENCIES = {"$": "usd", "€": "eur", "£": "gbp", "¥": "jpy", "₹": "inr"}
BEFORE = re.compile(r"(?:([$€£¥₹])|\b(EUR|GBP|USD|CHF))[ \u00a0]?$")
BEHIND = re.compile(
    r"[ \u00a0]?(?:([$€£¥₹])|(EUR|GBP|USD|CHF|euros?|pounds?|dollars?)\b)", re.IGNORECASE
)
SPOKEN = {"euro": "eur", "pound": "gbp", "dollar": "usd"}
CHANGES = re.compile(
    r"\b(?:increas\w+|rais\w+|reduc\w+|instead of|from\b.*\bto|new)\b", re.IGNORECASE
)
"""In a sentence that tells what was before and what is now."""
MODIFIES = re.compile(
    r"\b(?:reduc\w+|increas\w+|halv\w+|doubl\w+|trebl\w+|twice|instead|except\w*|unless|plus"
    r"|deduct\w*|(?:does|do) not apply|applies only|apply only)\b",
    re.IGNORECASE,
)
"""In a sentence that makes another figure of one that stands elsewhere."""
TELL_LITTLE = wording.starts("get cost pay paid take receive amount monthly total price much")
"""Words of a question that one document may have and another not, of the same matter."""


class Figure(NamedTuple):
    """kind: money, percent, date, time, or a unit. value: compared for equality only."""

    kind: str
    value: object


def find(
    question: str, answer: Answer, hits: Sequence[Hit], page_text: PageText
) -> tuple[Citation, ...]:
    """Of each document that is not cited the sentence most like the one cited, of those that have
    as much of the question and another figure of the kind that is told, in the order of the hits,
    MOST at most; none of a document that has the same figure too, but for one that tells of its
    change. Without labels and boxes; nothing says that they answer, so that none is `supported`."""
    told = {*read(answer.text)}
    stated = [c for c in answer.citations if c.supported and told & {*read(c.quote)}]
    if not stated or len({c.span.doc_id for c in answer.citations}) > 1:
        return ()
    asked = _asked(question, answer)
    quoted = max(stated, key=lambda c: len(asked & excerpts.words(c.quote)))
    told &= {*read(quoted.quote)}
    own_id, words = quoted.span.doc_id, excerpts.words(quoted.quote)
    named = [hit for hit in hits if hit.chunk.doc_id == own_id]
    matter = asked & words.union(*map(_around, named))
    least = LEAST_ALIKE if len(matter) > 1 else LEAST_ALIKE_IN_ONE
    alike: dict[str, tuple[float, Excerpt]] = {}
    agreeing: set[str] = set()
    for excerpt in excerpts.read(hits, page_text):
        doc_id, own = excerpt.span.doc_id, excerpts.words(excerpt.text)
        if doc_id == own_id or not matter & own or not matter <= own | _around(excerpt.hit):
            continue
        here = {*read(excerpt.text)}
        if not _conflict(here, told, changes=bool(CHANGES.search(excerpt.text))):
            agreeing |= {doc_id} if here & told else set()
        else:
            likeness = len(own & words) / len(own | words)
            if likeness >= max(least, alike.get(doc_id, (0.0, excerpt))[0]):
                alike[doc_id] = likeness, excerpt
    others = [excerpt for doc_id, (_, excerpt) in alike.items() if doc_id not in agreeing]
    return _cited(others[:MOST], page_text)


def qualifiers(
    question: str, answer: Answer, hits: Sequence[Hit], page_text: PageText
) -> tuple[Citation, ...]:
    """What the cited document says elsewhere that may make another figure of the one that is told:
    "for oiled threads reduce the torque by 15%", to a question for oiled ones. Of words of the
    question that no quote has, a sentence has two, or one beside a word that a quote has as well.
    The likeliest first, without labels and boxes; none is `supported`."""
    if not answer.citations or not _tells_figure(answer.text):
        return ()
    quoted = [citation.span for citation in answer.citations]
    known = frozenset[str]().union(*(excerpts.words(c.quote) for c in answer.citations))
    doc_ids = {span.doc_id for span in quoted}
    asked = _asked(question, answer)
    found: list[tuple[int, Excerpt]] = []
    for excerpt in excerpts.read(hits, page_text):
        if excerpt.span.doc_id not in doc_ids:
            continue
        if any(span.meets(excerpt.span) for span in quoted) or not MODIFIES.search(excerpt.text):
            continue
        shared = asked & excerpts.words(excerpt.text)
        new = len(shared - known)
        if new and len(shared) > 1:
            found.append((new, excerpt))
    best = sorted(found, key=lambda one: -one[0])[:MOST]
    return _cited([excerpt for _, excerpt in best], page_text)


def _asked(question: str, answer: Answer) -> frozenset[str]:
    """The question's words that tell which figure is meant."""
    return excerpts.words(question) - TELL_LITTLE - _amounts(answer.text)


def _cited(found: Sequence[Excerpt], page_text: PageText) -> tuple[Citation, ...]:
    return tuple(excerpts.cited(one, i, page_text) for i, one in enumerate(found, start=1))


def _tells_figure(text: str) -> bool:
    known = facts.read(text)
    return bool(known.numbers or known.days or facts.times(known.stems))


def read(text: str) -> Iterator[Figure]:
    """Sums of money, percentages, times, days, and numbers with a unit."""
    for found in NUMBER.finditer(text):
        number = figures.read(text, found)
        amount = (number.digits, number.place)
        if currency := _currency(text, found):
            yield Figure("money", (currency, amount))
        elif number.percent:
            yield Figure("percent", amount)
        elif unit := UNIT.match(text, found.end()):
            yield Figure(_unit(unit), amount)
    for count in COUNT.finditer(text):
        number = figures.plain(facts.CARDINALS[count["count"].casefold()])
        yield Figure(_unit(count), (number.digits, number.place))
    known = facts.read(text)
    years = frozenset(known.years)
    yield from (Figure("date", (readings, years)) for readings in known.days)
    yield from (Figure("time", time.removesuffix("am")) for time in facts.times(known.stems))


def _currency(text: str, found: re.Match[str]) -> str:
    at = BEFORE.search(text, max(0, found.start() - 5), found.start())
    at = at or BEHIND.match(text, found.end())
    if not at:
        return ""
    said = (at[1] or at[2]).casefold().removesuffix("s")
    return CURRENCIES.get(said) or SPOKEN.get(said, said)


def _unit(found: re.Match[str]) -> str:
    unit = found["unit"].casefold()
    return UNITS.get(unit, unit)


def _conflict(here: set[Figure], told: set[Figure], *, changes: bool) -> bool:
    """Whether a kind of figure that is told is here, and none that is the same; or, where a change
    is told of, another besides."""
    for kind in {figure.kind for figure in told}:
        ours = {figure for figure in told if figure.kind == kind}
        theirs = {figure for figure in here if figure.kind == kind}
        if theirs and (not ours & theirs or (changes and theirs - ours)):
            return True
    return False


def _amounts(text: str) -> frozenset[str]:
    """The numbers of a text that are no years, as words of a question."""
    numbers = [found for found in NUMBER.finditer(text) if not figures.read(text, found).year]
    return wording.starts(" ".join(found.group() for found in numbers))


def _around(hit: Hit) -> frozenset[str]:
    """Words of its file's name and of the headings above it."""
    name = facts.words_of(PurePath(hit.document).stem)
    return wording.starts(" ".join([name, *hit.chunk.heading]))
