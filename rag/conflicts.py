"""Where another document has another figure for what an answer tells: two versions of a contract.

Passages of several documents look alike to a model, which takes what it finds in one of them.
Nothing here says which is right, but a person has to know that there are two.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from rag import excerpts, facts, figures, wording
from rag.excerpts import Excerpt, PageText
from rag.types import Answer, Citation, Hit

MOST = 3
LEAST_ALIKE = 0.05
"""Share of the words of two sentences, telling ones, that both have."""
UNITS = (
    "minute|hour|day|week|month|year|mile|km|kilomet|metre|meter|mg|ml|kg|gram|litre|person|people"
    "|page|seat|tablet|dose"
)
NUMBER = re.compile(figures.PATTERN, re.VERBOSE)
UNIT = re.compile(rf"[ -]?(?:calendar |working )?(?P<unit>{UNITS})", re.IGNORECASE)
COUNTS = {"one": 1, **facts.COUNTS}
COUNT = re.compile(rf"\b(?P<count>{'|'.join(COUNTS)}){UNIT.pattern}", re.IGNORECASE)
Figure = tuple[str, object]
"""What it is of, as "money" and "month", and how much."""


def find(
    question: str, answer: Answer, hits: Sequence[Hit], page_text: PageText
) -> tuple[Citation, ...]:
    """Of each document that is not cited the sentence most like the one cited, of those that have
    as much of the question and another figure of the kind that is told, in the order of the hits,
    MOST at most; none of a document that has the same figure too. Without labels and boxes; nothing
    says that they answer, so that none is `supported`."""
    told = {*read(answer.text)}
    stated = [c for c in answer.citations if c.supported and told & {*read(c.quote)}]
    if not stated or len({c.span.doc_id for c in answer.citations}) > 1:
        return ()
    quoted = stated[0]
    told &= {*read(quoted.quote)}
    words = wording.starts(quoted.quote)
    around = _around(hits)
    matter = wording.starts(question) & (words | around.get(quoted.span.doc_id, frozenset()))
    alike: dict[str, tuple[float, Excerpt]] = {}
    agreeing = {quoted.span.doc_id}
    for excerpt in excerpts.read(hits, page_text):
        doc_id, own = excerpt.span.doc_id, wording.starts(excerpt.text)
        if not matter & own or not matter <= own | around[doc_id]:
            continue
        here = {*read(excerpt.text)}
        if here & told:
            agreeing.add(doc_id)
        elif _kinds(here) & _kinds(told):
            likeness = len(own & words) / len(own | words)
            if likeness > alike.get(doc_id, (LEAST_ALIKE, excerpt))[0]:
                alike[doc_id] = likeness, excerpt
    others = [excerpt for doc_id, (_, excerpt) in alike.items() if doc_id not in agreeing]
    return tuple(
        excerpts.cited(excerpt, marker, page_text)
        for marker, excerpt in enumerate(others[:MOST], start=1)
    )


def read(text: str) -> Iterator[Figure]:
    """Sums of money, percentages, times, days, and numbers with a unit."""
    for found in NUMBER.finditer(text):
        number = figures.read(text, found)
        unit = UNIT.match(text, found.end())
        amount = (number.digits, number.place)
        if figures.CURRENCY.search(text, max(0, found.start() - 2), found.start()):
            yield "money", amount
        elif number.percent:
            yield "percent", amount
        elif unit:
            yield unit["unit"].casefold(), amount
    for count in COUNT.finditer(text):
        number = figures.plain(COUNTS[count["count"].casefold()])
        yield count["unit"].casefold(), (number.digits, number.place)
    known = facts.read(text)
    yield from (("date", readings) for readings in known.days)
    yield from (("time", time) for time in facts.times(known.stems))


def _kinds(told: set[Figure]) -> set[str]:
    return {kind for kind, _ in told}


def _around(hits: Sequence[Hit]) -> dict[str, frozenset[str]]:
    """By document, the words of its file name and of the headings found."""
    around: dict[str, frozenset[str]] = {}
    for hit in hits:
        said = " ".join([facts.words_of(PurePath(hit.document).stem), *hit.chunk.heading])
        known = around.get(hit.chunk.doc_id, frozenset())
        around[hit.chunk.doc_id] = known | wording.starts(said)
    return around
