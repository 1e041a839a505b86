"""A question that spans several documents, asked of each by itself: understood and put together.

Few passages fit into a prompt, and a small model takes what it finds first for all there is. Asked
of one document at a time it mixes none up, and each is answered for. English wordings only.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from rag.types import Answer, Hit, Sentence

NOTHING = "No sure answer was found in it."

WHOSE = r"(?:the|these|those|my|our)"
COUNT = r"(?:two|three|four|five|six)"
EACH = rf"(?:each|every)(?: of {WHOSE})?"
MANY = (
    rf"(?:{EACH}|(?:all|both)(?: {COUNT})?(?: of)?(?: {WHOSE})?(?: {COUNT})?"
    rf"|(?:these|those)(?: {COUNT})?|(?:my|our) {COUNT}"
    rf"|the (?:different|various|several|{COUNT}|given|provided|selected|chosen|reported))"
)
KIND = r"(?:quarterly|annual|monthly|interim|yearly|published|reported|different|\d+)"
ONES = (
    "document file report filing 10-?[qk] paper contract agreement letter policy lease invoice "
    "manual article offer quote"
).split()
ONE = f"(?:{'|'.join(ONES)})"
NOUN = f"(?:{'|'.join(re.sub('y$', 'ie', one) + 's' for one in ONES)}|minutes)"
TIMES = r"(?:quarters?|years?|months?|periods?|timeframe)"
WITHIN = r"(?:over|across|throughout|during|in|for|from|between|by)"

WHAT = (
    r"(?:(?!(?:in|of|on|at|to|for|from|with|by|and|or|that|which|who|are|is|were|was|do|does|did|have"
    r"|has|had|not|my|our|your|the)\b)[\w’'-]+ ){0,2}"
)
"""What kind they are of: "the two tenancy agreements", "both car insurance policies"."""
COUNTED = re.compile(
    r"\b(?:(?:which|what|how many) |(?:which|how many|any|none|one|most|some|number) of )"
    rf"(?:{MANY} |the |my |our )?{WHAT}{NOUN}\b",
    re.IGNORECASE,
)
"""Asks which documents, or how many: no question to one of them."""
PERIODS = re.compile(
    rf" \b(?:{WITHIN} )?(?:{MANY} (?:(?:reported|reporting|past|last|\d+) )?{TIMES}"
    r"|(?:the|its) report(?:ed|ing) (?:periods?|quarters|years|timeframe))\b",
    re.IGNORECASE,
)
EARLIER = re.compile(
    r"(?: in the (?:most recent|latest) [\w-]+(?: report)?)?"
    r" (?:compared|relative|in comparison)(?: (?:to|with)) (?:the )?"
    rf"(?:previous|prior|past|earlier) (?:quarters|years|periods|months|{NOUN})\b",
    re.IGNORECASE,
)
OWN = (
    rf"(?<!and )(?:my|our) {WHAT}(?!(?:document|file|paper|letter)s|minutes){NOUN}"
    r"(?! (?:to|from|with)\b)"
)
"""Of a kind; "my documents" are just where to look, and "my letters to Anna" what was written."""
SEVERAL = rf"(?:{MANY} {WHAT}{NOUN}|{OWN}|the {KIND} {NOUN}|the 10-[qk]s)"
CALLED = re.compile(
    rf"\b(?:(?:{MANY}|my|our) (?P<kind>{WHAT}{NOUN})"
    rf"|(?:{EACH}|which(?: of)?(?: the| my| our)?) (?P<one>{WHAT}(?:{NOUN}|{ONE})))\b",
    re.IGNORECASE,
)
DOCUMENTS = re.compile(rf"\b(?:{SEVERAL}|{EACH} {WHAT}{ONE})\b", re.IGNORECASE)
IN = r"(?:in|across|of|between|among|for|over)"
ON = r"(?:in|on|as to|about|regarding|concerning|with (?:regard|respect) to|when it comes to)"
DIFFER = r"(?:differ|vary|compare|change)s?"
GIVES = r"(?:has|have|had|gives?|names?|requires?|asks? for|allows?|offers?|charges?)"
MOST = (
    r"(?:longest|shortest|highest|lowest|largest|smallest|greatest|biggest|earliest|latest|most|least"
    r"|best|worst|cheapest|longer|shorter|higher|lower|larger|smaller|greater|bigger|more|less|better"
    r"|worse|cheaper)"
)
COMPARED = [
    re.compile(wording, re.IGNORECASE)
    for wording in (
        rf"(?:please )?compare (?P<what>.+?) {IN} {SEVERAL}",
        rf"how (?:do|does) (?P<what>.+?) {DIFFER} {IN} {SEVERAL}",
        rf"how (?:do|does) {SEVERAL} {DIFFER} {ON} (?P<what>.+)",
        rf"what (?:is|are) the differences? (?:of|{ON}) (?P<what>.+?) {IN} {SEVERAL}",
    )
]
BEST = re.compile(
    rf"which (?:(?:of )?(?:{SEVERAL}|(?:the )?{WHAT}{NOUN})|{WHAT}{ONE}) {GIVES} (?:the |a )?"
    rf"{MOST} (?P<what>.+)",
    re.IGNORECASE,
)
"""What each says about it is told; the reader compares."""
TOGETHER = re.compile(
    r"\b(?:altogether|in total|combined|(?:total|sum|average) of this document"
    r"|differ\w*|compar\w+|same|similar\w*|in common|contradict\w*|(?:in)?consisten\w+"
    rf"|between {SEVERAL})\b",
    re.IGNORECASE,
)
"""Can be asked of several only."""
WHICH = re.compile(
    rf"which (?:of )?(?:{SEVERAL}|(?:the )?{WHAT}{NOUN}) "
    r"(?:(?P<verb>are|were|can|may|must|will)|(?:allow|permit|forbid|require|need|contain|include"
    r"|exclude|cover|provide|name|state|say)s?|have|has) "
    r"(?P<rest>(?!(?:I|me|we|us|you|required|needed)\b).+)",
    re.IGNORECASE,
)
VERBS = {"are": "Is", "were": "Was", "can": "Can", "may": "May", "must": "Must", "will": "Will"}
REPORTED = re.compile(
    r",? as (?:per|shown|given|\w+ed)(?: (?:in|by))? this document\b"
    r"|(?<!ed) (?:in|across|throughout|within|from|over) this document(?=[.,;?!]|$)",
    re.IGNORECASE,
)
"""Where to look, which is that document anyway."""
CHANGED = re.compile(
    r",? and (?:describe |explain |show )?how (?:they|it|these|this) (?:have|has) \w+(?=[.?!]|$)",
    re.IGNORECASE,
)
"""Asks for what only several documents tell."""
ASKS = re.compile(r"\b(do|are|were|have)(?= this document\b)", re.IGNORECASE)
OF_ONE = {"do": "does", "are": "is", "were": "was", "have": "has"}
OWNED = re.compile(rf"(?<='s) (?:{KIND} {NOUN}|10-[qk]s)\b", re.IGNORECASE)
"""In "Acme's quarterly reports": whose they are is kept."""


def asked(question: str) -> str | None:
    """What to ask of one document where the question spans several; None where it does not."""
    text = " ".join(question.split())
    bare = text.rstrip(" .?!")
    for wording in COMPARED:
        if found := wording.fullmatch(bare):
            return f"What does this document say about {found['what']}?"
    if found := BEST.fullmatch(bare):
        return f"What does this document say about the {found['what']}?"
    if found := WHICH.fullmatch(bare):
        if found["verb"]:
            return f"{VERBS[found['verb'].lower()]} this document {found['rest']}?"
        # What a model quotes is borne out more often than its Yes or No.
        return f"What does this document say about {found['rest']}?"
    alone = DOCUMENTS.sub("this document", EARLIER.sub("", PERIODS.sub("", text)))
    alone = OWNED.sub(" report", alone)
    if alone == text or COUNTED.search(text) or TOGETHER.search(alone):
        return None
    alone = CHANGED.sub("", REPORTED.sub("", alone))
    return ASKS.sub(_of_one, alone)


def _of_one(verb: re.Match[str]) -> str:
    word = OF_ONE[verb[1].lower()]
    return word.capitalize() if verb[1][0].isupper() else word


def of_documents(question: str) -> bool:
    """Whether it speaks of several documents, not of several periods only."""
    text = question.strip().rstrip(" .?!")
    whole = any(wording.fullmatch(text) for wording in (*COMPARED, BEST, WHICH))
    return whole or bool(DOCUMENTS.search(text) or OWNED.search(text))


def kind(question: str) -> str:
    """What the documents are called that it speaks of, "tenancy agreements"; empty where they are
    called nothing."""
    found = CALLED.search(question)
    return (found["kind"] or found["one"]) if found else ""


def ranked(several: Iterable[Sequence[Hit]]) -> tuple[Hit, ...]:
    """The hits of all documents, one document behind the other."""
    hits = (hit for found in several for hit in found)
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))


def opening(document: str, n_before: int) -> str:
    """What stands in front of the answer for one document. n_before: documents before it."""
    return "\n\n" * bool(n_before) + f"{document}:\n"


class Begun(NamedTuple):
    """What stands in front of a part, and in place of one without an answer."""

    opening: str
    nothing: str = NOTHING


def merged(question: str, parts: Sequence[Answer], begun: Sequence[Begun], refusal: str) -> Answer:
    """One answer of several, a paragraph each; `refusal` where none has an answer.

    parts: the markers of their citations are all different.
    """
    shown = [part for part in parts if part.stop != "no_evidence"]
    text = marked = ""
    sentences: list[Sentence] = []
    for part, (opening, nothing) in zip(parts, begun, strict=True):
        is_shown = part.stop != "no_evidence"
        start = len(text) + len(opening)
        sentences += (replace(s, start=s.start + start, end=s.end + start) for s in part.sentences)
        text += opening + (part.text if is_shown else nothing)
        marked += opening + (part.marked if is_shown else nothing)
    stops = {part.stop for part in shown}
    sure = [part.confidence for part in shown or parts if part.confidence is not None]
    return replace(
        parts[0],
        question=question,
        text=text if shown else refusal,
        marked=marked if shown else refusal,
        sentences=tuple(sentences),
        citations=tuple(citation for part in shown for citation in part.citations),
        hits=ranked(part.hits for part in parts),
        stop=next((s for s in ("cancelled", "length", "complete") if s in stops), "no_evidence"),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        confidence=min(sure, default=None),
        withheld="" if shown else "\n".join(part.withheld for part in parts if part.withheld),
    )
