"""Whether an answer is given at all: a few signs, weighed into the probability that it is one.

A small model answers nearly everything. How its sentences were borne out, whether the passages
speak of what the question names, and what the model says to them when it is asked afresh tell
together whether the documents hold the answer. Decision 0017 says how the weights were found.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag import facts, wording
from rag.types import Answer, Citation, Hit, Sentence, Strictness

MOST_ABSENT = 2
NEAR = 0.9
"""What is as near as that is as good as the nearest sentence."""
LEAST_SURE, MOST_SURE = -3.0, 1.5
"""Doubts count for more: with as much assurance, nothing would have to be borne out."""
WHEN = re.compile(
    r"\W*(?:in |on |at |by |since |for )?"
    r"(?:when|(?:what|which) (?:year|date|day|month|century|decade))\b",
    re.IGNORECASE,
)
TIMES = (
    "before after during since until upon once when while today tonight now never always early "
    "late then prior following ago noon midnight centuries century decade era age period reign "
    "year month week day hour spring summer autumn fall winter morning evening night beginning "
    "start end time january february march april may june july august september october "
    "november december monday tuesday wednesday thursday friday saturday sunday christmas "
    "easter"
)
TIME = re.compile(rf"\b(?:{TIMES.replace(' ', '|')})s?\b", re.IGNORECASE)
HOW_MANY = re.compile(r"\W*how many\b", re.IGNORECASE)
COUNTED = re.compile(
    r"\d|\b(?:one|single|only|sole|couple|pair|both|no|none|all|half|dozens?|several|few|many"
    r"|hundreds?|thousands?|millions?|billions?|unlimited|unanimous(?:ly)?)\b",
    re.IGNORECASE,
)
YEAR = re.compile(r"\b(?:in|of|since|by|during|until|for|from|to|and) (?:1[5-9]|20)\d\d\b(?!,\d)")
NUMBERED = re.compile(
    r"\W*(?:\d+(?:\.\d+)*[.)]?\s|(?:part|section|chapter|schedule|appendix|annex)\b)", re.IGNORECASE
)
RATE = re.compile(
    r"\b(?:what|which) (?:percentage|per ?cent|proportion|share)\b"
    r"|\b(?:growth|interest|inflation|tax|discount|exchange) rates?\b",
    re.IGNORECASE,
)
MONEY = re.compile(r"[$€£¥₹][ ]?\d[\d.,]*")
SHARE = re.compile(
    r"\d|\b(?:half|thirds?|quarters?|fifths?|tenths?|all|none|no|most)\b", re.IGNORECASE
)
CHOICE = re.compile(r",|\b(?:or|and|between|than)\b", re.IGNORECASE)
"""A question that may name what it is to be answered with."""
ASKS_CHANGE = re.compile(
    r"\band (?:(?:describe|explain|show) )?"
    r"(?:how (?:they|it|these|this|that) (?:have |has )?"
    r"(?:changed|evolved|shifted|varied|fluctuated|developed)"
    r"|the evolution of (?:these|those|this|that|the|its|their))\b",
    re.IGNORECASE,
)
"""Of something that is to be described as well, which a model is content with."""
CHANGE = re.compile(
    r"\b(?:increas|decreas|declin|reduc|improv|worsen|expand|doubl|tripl|halv|fluctuat|evolv|shift"
    r"|differ|chang|unchang|grow|drop|remov|replac|remain|intensif|weaken|strengthen|rais|lift|climb"
    r"|jump|amend|revis|introduc|mov|gain|accelerat|slow|extend)\w*"
    r"|\b(?:rose|risen|rises?|rising|fell|fallen|falls?|falling|grew|became|becomes?|began|begun"
    r"|stopped|went|lost|cut|new|newly|added|no longer|same|still|stable|steady|constant"
    r"|consistent|more|less|fewer|higher|lower|larger|smaller|than|up|down|previously|formerly"
    r"|varied|varies|from)\b",
    re.IGNORECASE,
)
EXTREME = re.compile(
    r"\b(?:most|least|fewest|(?:high|low|larg|small|bigg|great|new|old|long|short|earli|lat|cheap"
    r"|heavi|tall|fast|slow|young)est)\b",
    re.IGNORECASE,
)
AMOUNT = re.compile(r"[$€£¥₹] ?\d[\d.,]*|\d[\d.,]*(?= ?(?:%|per ?cent|[mb]illion\b))|\d+[.,]\d+")
MAY_BE = re.compile(
    r"\b(?:can|could|may|might|will|would|should)\b(?: (?:not|also|be|\w+ly|and))* \w+",
    re.IGNORECASE,
)
"""What may happen has not."""
LEANING: dict[Strictness, float] = {"strict": 0.7, "normal": 0.0, "lenient": -0.7}
"""Log-odds by which the threshold moves."""


@dataclass(frozen=True, slots=True)
class Signs:
    """supported: share of the sentences that state something which were borne out, 0 to 1; a half
    where none states anything, nothing where they do not say what was asked. absent: names and
    figures of the question that the passages cited do not hold, MOST_ABSENT at most. sure: log-odds
    that what the answer cites answers the question, as the model sees it when it is asked afresh
    (rag/opinion.py), LEAST_SURE to MOST_SURE; None where it was not asked. near: how near what is
    cited comes to the question, as a share of what the nearest sentence read does, 0 to 1."""

    supported: float
    absent: int
    sure: float | None = None
    near: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Weights of the signs, in log-odds; near: of what is short of NEAR. threshold: the probability
    from which an answer is given. With sure = 0 the model is not asked for a second opinion."""

    bias: float
    supported: float
    absent: float
    sure: float = 0.0
    near: float = 0.0
    threshold: float = 0.5


DEFAULT = Rule(bias=-0.85, supported=2.0, absent=-2.0, near=3.0, threshold=0.45)
"""For a model that the catalogue has no weights for: the signs that do not depend on the model."""


def read(
    question: str,
    text: str,
    hits: Sequence[Hit],
    sentences: Sequence[Sentence],
    citations: Sequence[Citation],
    *,
    cover: Callable[[str], str] = lambda _: "",
    chances: Sequence[float] = (),
    near: float = 1.0,
) -> Signs:
    """text: the answer. hits: what the model read; where nothing was cited, the first of them
    counts as cited. cover(doc_id): what says whose a document is, for its later pages may speak of
    "the Company" where the question names it. chances: logarithms of the probabilities of
    `opinion.OPENINGS`; empty where not asked for. near: of `excerpts.nearness`."""
    stated = [s.supported for s in sentences if s.markers or not s.supported]
    quotes = [citation.quote for citation in citations]
    if (
        lacks_answer(question, text)
        or _is_heading(text, hits)
        or not states_relation(question, quotes)
        or compares_one_row(question, quotes)
    ):
        stated = [False]
    cited = [hit for hit in hits if any(_holds(hit, citation) for citation in citations)]
    cited = cited or [*hits[:1]]
    later = [hit.chunk.doc_id for hit in cited if hit.chunk.spans[0].page > 1]
    covers = [cover(doc_id) for doc_id in dict.fromkeys(later)]
    return Signs(
        supported=sum(stated) / len(stated) if stated else 0.5,
        absent=min(MOST_ABSENT, n_absent(question, cited, covers)),
        sure=max(min(chances[0] - chances[1], MOST_SURE), LEAST_SURE) if chances else None,
        near=near,
    )


def lacks_answer(question: str, text: str) -> bool:
    """Whether the answer plainly does not say what was asked, however well it is borne out: it
    tells no time, number or rate where one is asked for, or only the question's own words again.
    """
    new = {token for token in re.findall(r"\w*\d\w*", text) if token not in question}
    if WHEN.match(question):
        return not new and not TIME.search(text)
    if _is_circular(question, text) or lacks_change(question, text):
        return True
    if HOW_MANY.match(question):
        dateless = YEAR.sub("", text)
        return not COUNTED.search(dateless) and not facts.read(dateless).numbers
    if RATE.search(question) and MONEY.search(text):
        return not SHARE.search(MONEY.sub("", text))
    if new or wording.ASKS_YES_OR_NO.match(question) or CHOICE.search(question):
        return False
    asked, said = facts.read(question), facts.read(text)
    figures = {number.value for number in said.numbers} - {n.value for n in asked.numbers}
    return bool(asked) and not figures and said.stems <= asked.stems


def lacks_change(question: str, text: str) -> bool:
    """Whether the question is also how something has changed, and the answer tells of no change:
    by no word, nor by two amounts."""
    if not ASKS_CHANGE.search(question) or CHANGE.search(MAY_BE.sub("", text)):
        return False
    return len(set(AMOUNT.findall(text))) < 2


def _is_circular(question: str, text: str) -> bool:
    """Whether it tells what was asked for by itself: "The hourly rate is twice the hourly rate"."""
    said = [wording.start(word) for word in re.findall(r"\w+", text.casefold())]
    asked = wording.starts(question)
    return len(asked) > 1 and ". " not in text and all(said.count(word) > 1 for word in asked)


def states_relation(question: str, quotes: Sequence[str]) -> bool:
    """Whether a quote speaks of both things whose relation is asked for: what is put together from
    two places is the model's own guess. Things that are to be compared may stand in several quotes.
    True of all other questions."""
    for pattern, texts in (
        (wording.RELATED, quotes),
        (wording.COMPARED, [" ".join(quotes)]),
    ):
        if sides := wording.sides(question, pattern):
            held = (wording.starts(text) for text in texts)
            return any(all(2 * len(side & words) >= len(side) for side in sides) for words in held)
    return True


def compares_one_row(question: str, quotes: Sequence[str]) -> bool:
    """Whether the most or the least of something is asked for, and all that is cited is one row of
    a table that names its columns: others may have more."""
    found = EXTREME.search(question)
    if not found or len(quotes) != 1 or found[0].casefold() in quotes[0].casefold():
        return False
    cells = quotes[0].split(" | ")
    return len(cells) > 1 and all(": " in cell for cell in cells)


def n_absent(question: str, hits: Sequence[Hit], covers: Sequence[str] = ()) -> int:
    """Names and figures of the question that neither the passages nor what they stand under hold,
    and names that the documents' covers do not hold either.

    The question's first word is no name: it has its capital in any case. A name counts as held
    that is like one there but for a letter or two.
    """
    asked = facts.read(wording.without_places(question))
    held = facts.read("\n".join(_surroundings(hit) for hit in hits))
    stems = held.stems | held.coined
    values = {number.value for number in (*held.numbers, *held.parts)}
    names = {name.stem for name in asked.names if not name.opening} - stems
    names -= {name for name in names if any(facts.speaks_of(cover, name) for cover in covers)}
    names -= {name for name in names if wording.corrected([name], stems)}
    return len(names) + sum(number.value not in values for number in asked.numbers)


def confidence(signs: Signs, rule: Rule) -> float:
    """The probability that the documents hold the answer, 0 to 1."""
    return _chance(
        rule.bias
        + rule.supported * signs.supported
        + rule.absent * signs.absent
        + rule.sure * (signs.sure or 0.0)
        + rule.near * min(signs.near - NEAR, 0.0)
    )


def needed(rule: Rule, strictness: Strictness) -> float:
    """The confidence from which an answer is given."""
    return _chance(math.log(rule.threshold / (1 - rule.threshold)) + LEANING[strictness])


def is_sure(answer: Answer, rule: Rule) -> bool | None:
    """Whether an answer of the model would be given at the strictest, all of it is borne out, and
    nothing else is said of its figure. None where there is no such answer: declined, broken off,
    made by code, or borne out by nothing."""
    if answer.stop != "complete" or answer.confidence is None or answer.is_unsupported:
        return None
    return (
        answer.confidence >= needed(rule, "strict")
        and not (answer.conflicts or answer.qualifiers)
        and all(sentence.supported for sentence in answer.sentences)
    )


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _is_heading(text: str, hits: Sequence[Hit]) -> bool:
    """Whether the answer is but a heading of the passages that has a number: "7. Sickness"."""
    if not NUMBERED.match(text):
        return False
    headings = {_plain(heading) for hit in hits for heading in hit.chunk.heading}
    return _plain(text) in headings


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip("*#.: ")


def _holds(hit: Hit, citation: Citation) -> bool:
    return any(span.meets(citation.span) for span in hit.chunk.spans)


def _surroundings(hit: Hit) -> str:
    name = facts.words_of(hit.document)
    return "\n".join([name, hit.label, hit.chunk.context, *hit.chunk.heading, hit.chunk.reading])
