"""A question that leans on the one before it, made one that stands alone.

By code where a year, a part of one or a name stands in for another; what code cannot do is left to
the model, and only for a question that shows signs of leaning. English wordings.
"""

import re

from rag import facts
from rag.types import Prompt

LONGEST = 300
"""Characters of a question as the model rewrites it."""
MOST_TOKENS = 80
LONGEST_ANSWER = 600
"""Characters of the answer before, as the model is shown it."""

LEAD = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|so|well|thanks|thank you)\W+)?(?:and|or|but|also|then|plus|what about|"
    r"how about|what of|same for|the same for|now)\b[\s,:]*(?:what about|how about|for|in|of|with|"
    r"then|also)?\s*",
    re.IGNORECASE,
)
"""How a question begins that goes on from another."""
WHY = re.compile(
    r"^\W*(?:and |but )?(?:why|how come|how so|why not|why so|why is that)\W*$", re.IGNORECASE
)
PREPOSITIONS = [*"in for of at from to with on since under during by".split(), "as of"]
PREPOSITION = re.compile(rf"^\W*(?:{'|'.join(PREPOSITIONS)})\b", re.IGNORECASE)
QUESTION_WORD = re.compile(
    r"\b(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|"
    r"can|could|will|would|should|list|show|name|give|tell|find|explain|describe|summari[sz]e|"
    r"compare)\b",
    re.IGNORECASE,
)
"""Nearly every whole question has one."""

PRONOUN = re.compile(
    r"\b(?:he|she|it|they|him|them|his|hers?|its|theirs?|himself|herself|itself|themselves)\b"
    r"|\b(?:this|that|these|those|the (?:same|former|latter|others?|rest))(?=\W*(?:$|\?|\.))"
    r"|\b(?:that|this|the same) (?:year|quarter|month|period|time|date|day|one|person|company|"
    r"amount|figure|number|case)\b"
    r"|\bthe (?:first|second|third|last|other|next) one\b"
    r"|\b(?:then|there)(?=\W*(?:$|\?))",
    re.IGNORECASE,
)
AUXILIARY = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)"
SUBJECT = re.compile(rf"\b{AUXILIARY}(?:n't)? $", re.IGNORECASE)
"""In front of a pronoun that is the question's own subject."""
DUMMY = re.compile(
    rf"\b{AUXILIARY} it (?:true|possible|necessary|legal|allowed|required|permitted|the case|take|"
    r"mean|get|called)\b|\bis it when\b",
    re.IGNORECASE,
)
ANTECEDENT = re.compile(
    rf"\b{AUXILIARY} (?:the|a|an|this|our|my|your|each|every) \w+|\w['’]s?\b"
    rf"|\b(?:which|what|whose|how many) \w+ (?!{AUXILIARY}\b)\w+|\b(?:people|someone|anyone)\b",
    re.IGNORECASE,
)
"""In front of a pronoun: someone or something in the same question that it may stand for."""
WHO = re.compile(r"\bwho\b", re.IGNORECASE)
OWN = re.compile(r"(?:his|hers?|their|himself|herself|themselves)\b", re.IGNORECASE)
"""Pronouns that may stand for "who"."""
NEW_CLAUSE = re.compile(r",|;|\b(?:and|but|or|if|when|because|after|before)\b", re.IGNORECASE)
FEW = 2
"""Words without which a question that points back is not worth searching for alone."""
ENOUGH_AHEAD = 2
"""Words in front of a pronoun that is not the subject, one of which it may stand for."""

YEAR = re.compile(r"\b(?:19|20)\d\d\b")
QUARTER = re.compile(
    r"\bQ[1-4]\b|\b(?:the )?(?:first|second|third|fourth) quarter\b", re.IGNORECASE
)
BEFORE = re.compile(
    r"\b(?:the |a )?(?:year before|previous year|prior year|preceding year|year earlier|"
    r"last year)\b(?: that)?",
    re.IGNORECASE,
)
AFTER = re.compile(
    r"\b(?:the |a )?(?:year after|next year|following year|subsequent year|year later)\b(?: that)?",
    re.IGNORECASE,
)
NAME = re.compile(
    r"\b[A-Z][\w&.'’-]*(?:\s+(?:of|the|and|for|de|van|von|&)(?=\s+[A-Z])|\s+[A-Z][\w&.'’-]*)*"
)
AND = re.compile(r"\band\b", re.IGNORECASE)
NO_THING = [
    *PREPOSITIONS,
    *"""is are was were be been do does did has have had can could may might will would must should
    due next last latest first second third fourth other another one ones two three who what wife
    husband mother father son daughter brother sister partner boss landlord tenant""".split(),
]
"""What is said of a thing, tells which of several, or is a person."""
OWNER = r"(?:the|my|our|your|his|her|their)"
THING = rf"{OWNER}(?: (?!(?:{'|'.join(NO_THING)})\b)[\w'’-]+){{1,3}}"
OF_THING = re.compile(rf"what (?P<verb>is|are|was|were) {THING}\W*", re.IGNORECASE)
"""A question for one thing that nothing tells apart from others of its kind."""
PLURAL = re.compile(r"[^su]s$")
POSSESSIVE = re.compile(r"['’]s?$")

REWRITE = """\
Rewrite the last question so that it can be understood without the conversation. Put names, things \
and years in the place of words that point back. Ask for nothing else. Write only the question.

"""


def leans(question: str) -> bool:
    """Whether the question shows signs of depending on what came before."""
    plain = " ".join(question.split())
    return bool(LEAD.match(plain)) or _is_fragment(plain) or _points_back(plain)


def by_code(question: str, before: str) -> str:
    """The question as one of its own, made of the one before; empty where code cannot tell.

    question: one that `leans`. before: the question before it, itself standing alone.
    """
    plain = " ".join(question.split())
    if WHY.match(plain):
        return f"{before} {plain[0].upper()}{plain[1:]}"
    rest = LEAD.sub("", plain, count=1).strip(" ?.,!")
    if _points_back(rest) and not (BEFORE.search(rest) or AFTER.search(rest)):
        return ""
    return _other_period(rest, before) or _other_name(rest, before) or _other_thing(rest, before)


def rewriting(question: str, before: str, answer: str) -> Prompt:
    """What the model is asked where code cannot tell. answer: to the question before."""
    shown = " ".join(answer.split())[:LONGEST_ANSWER]
    told = f"Earlier question: {before}\nEarlier answer: {shown}\nLast question: {question}"
    return Prompt(REWRITE, (), f"{told}\nThe last question, rewritten:")


def rewritten(text: str, question: str, before: str, answer: str) -> str:
    """The question that the model wrote; empty where it is none of its own, has lost what was
    asked, or names or counts what neither turn does."""
    lines = [line.strip(" \"'*") for line in text.splitlines() if line.strip()]
    line = lines[0] if lines else ""
    if not 0 < len(line) <= LONGEST or not line.endswith("?") or leans(line):
        return ""
    new, known = facts.read(line), facts.read(f"{question}\n{before}\n{answer}")
    names = {name.stem for name in new.names if not name.opening}
    numbers = {number.value for number in new.numbers}
    brings_its_own = not (
        names <= known.stems | known.coined and numbers <= {n.value for n in known.numbers}
    )
    if brings_its_own or not _said(question) <= new.stems or _asks_both(line, question, before):
        return ""
    in_step = _has_step(line) or new.years - facts.read(before).years
    return line if in_step or not _has_step(question) else ""


def _has_step(text: str) -> bool:
    return bool(BEFORE.search(text) or AFTER.search(text))


def _asks_both(line: str, question: str, before: str) -> bool:
    """Whether it asks anew what was answered: "And the deposit?" is not "What are the rent and
    the deposit?"."""
    joins = len(AND.findall(line)) > len(AND.findall(f"{LEAD.sub('', question)} {before}"))
    return joins and facts.read(before).stems <= facts.read(line).stems


def _said(question: str) -> frozenset[str]:
    """Stems that a rewritten question must keep: names, and all of a question that is a scrap."""
    known = facts.read(LEAD.sub("", question, count=1))
    if LEAD.match(question) or _is_fragment(question):
        return known.stems
    return frozenset(name.stem for name in known.names if not name.opening)


def joined(question: str, before: str) -> str:
    """The last resort: both questions, where the last says too little to be searched for; the last
    alone where it says enough, for it may lean on nothing."""
    few = len(facts.read(question).stems) <= FEW
    return f"{before} {question}" if few or LEAD.match(question) else question


def _is_fragment(question: str) -> bool:
    """Whether it is too short to be a question, or has no word of one."""
    known, n_words = facts.read(question), len(question.split())
    if not known:
        return True
    if QUESTION_WORD.search(question):
        return False
    few = len(known.stems) <= 1 and n_words <= 3
    return few or (n_words <= 6 and bool(PREPOSITION.match(question)))


def _points_back(text: str) -> bool:
    """Whether a pronoun stands for nothing in the same question."""
    text = DUMMY.sub(" ", text)
    for found in PRONOUN.finditer(text):
        ahead = text[: found.start()]
        known = facts.read(ahead)
        named = any(not name.opening for name in known.names)
        own = not SUBJECT.search(ahead) or bool(NEW_CLAUSE.search(ahead))
        told = len(known.stems) >= ENOUGH_AHEAD and own
        asker = OWN.match(found.group()) and WHO.search(ahead)
        if not (named or told or asker or ANTECEDENT.search(ahead)):
            return True
    return False


def _other_period(rest: str, before: str) -> str:
    """The question before, asked of another year or quarter."""
    years = sorted({int(year) for year in YEAR.findall(before)})
    step = -1 if BEFORE.search(rest) else 1 if AFTER.search(rest) else 0
    if step:
        if facts.read(AFTER.sub("", BEFORE.sub("", rest))) or not years:
            return ""
        return YEAR.sub(lambda found: str(int(found[0]) + step), before)
    asked_years, quarter = YEAR.findall(rest), QUARTER.search(rest)
    if facts.read(QUARTER.sub(" ", YEAR.sub(" ", rest))) or len(asked_years) > 1:
        return ""
    asked = before
    if quarter:
        asked = _put(QUARTER, quarter[0], asked)
    if asked_years and asked:
        asked = _put(YEAR, asked_years[0], asked)
    return asked if asked != before else ""


def _put(pattern: re.Pattern[str], new: str, question: str) -> str:
    """In the place of the one thing of its kind, or at the end; empty where there are several."""
    old = set(pattern.findall(question))
    if len(old) > 1:
        return ""
    if old:
        return pattern.sub(new, question)
    return f"{question.rstrip(' ?.')} in {new}?"


def _other_name(rest: str, before: str) -> str:
    """The question before, asked of someone or something else with a name."""
    new = NAME.fullmatch(re.sub(r"^the\s+(?=[A-Z])", "", rest))
    # The first word has its capital in any case.
    old = [*NAME.finditer(before, len(before.partition(" ")[0]))]
    if new is None or len(old) != 1:
        return ""
    (place,) = old
    ending = POSSESSIVE.search(place[0])
    name = POSSESSIVE.sub("", new[0]) + (ending[0] if ending else "")
    return before[: place.start()] + name + before[place.end() :]


def _other_thing(rest: str, before: str) -> str:
    """The question before, asked of another thing: "What is the rent?", "And the deposit?"."""
    found = OF_THING.fullmatch(before)
    if not found or not re.fullmatch(THING, rest, re.IGNORECASE) or POSSESSIVE.search(rest):
        return ""
    was, many = found["verb"].casefold().startswith("w"), PLURAL.search(rest)
    verb = ("were" if was else "are") if many else ("was" if was else "is")
    return f"What {verb} {rest}?"
