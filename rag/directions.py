"""Directions in a question: how to answer, "If there is none, say no", and where to look.

What is searched for, worked out and weighed is the question itself: no document says "in order of
the alphabet", and no passage is the worse for it. "According to the annual report" leads a search
to the pages that speak of the report.
"""

import re

LONGEST = 100
"""Characters of a direction; a longer one may say what is asked as well."""
SENTENCE = re.compile(r"(?<=[?])\s*(?=\S)|(?<=[.!])(?<![A-Z]\.)\s+(?=[A-Z\"'(])")
ANSWER = r"(?:answers?|response|output|reply|integer|float|whole number|decimals?|list format|json)"
POLITE = r"\W*(?:please |kindly |directly |just |only |simply )*"
NOTHING = re.compile(
    rf"{POLITE}(?:if|when|where|in case|should) .+?,? (?:then )?(?:please )?"
    r"(?:return|say|answer|write|respond|reply|output|state|put|give|tell)\b.*",
    re.IGNORECASE,
)
"""For when there is no answer."""
STYLE = re.compile(
    rf"{POLITE}(?:answer|respond|reply)\b(?! to\b).*"
    rf"|{POLITE}(?:write|give|return|provide|save|output|express|present|round|put|format)\b"
    rf".{{0,30}}\b{ANSWER}\b.*"
    rf"|{POLITE}format (?:the|all|your|each)\b.* (?:as|in|like)\b.*"
    rf"|\W*your (?:answer|response)\b.* (?:should|must)\b.*"
    rf"|{POLITE}(?:list|enumerate|name) (?:all of )?them(?: all)?(?: (?:in|as) (?:a|the) .*)?\W*",
    re.IGNORECASE,
)
"""For the form of an answer."""
LATEST = r"(?:latest|most recent|newest|last reported)"
IN_REPORT = re.compile(
    r"(?<!\W)\W*+(?:\bas )?"
    r"(?:\b(?:reported|recorded|stated|shown|disclosed|listed|revealed|given) )?"
    r"\b(?:in|by|from|per|as per|according to|based on) (?:(?:the|this|its|their|our|my) )?"
    r"(?P<which>(?:(?:annual|quarterly|interim|fiscal|financial"
    rf"|{LATEST}|q[1-4]|(?:19|20)\d\d) )*)"
    r"(?:10-?[qk]|report|filing|(?<=al )(?:statements?|accounts))(?: (?:report|filing))?(?!\w)",
    re.IGNORECASE,
)
"""Where to look; a figure of it is of its own period."""
OWN_PERIOD = re.compile(
    r",? ?(?:\((?:within|in|for|at) [^)]*\)|\bat (?:the )?(?:end of the period|year[- ]end))"
    r"|\b(?:in|for|during) the report(?:ing|ed) (?:period|year)\b",
    re.IGNORECASE,
)
"""What goes without saying of such a figure, or says how to tell it."""
AMOUNT = re.compile(
    r"\bwhat (?:is|was|are|were) the (?:value|total|amount)(?: of)?\b", re.IGNORECASE
)


def bare(question: str) -> str:
    """The question without directions behind it."""
    return _without(question, NOTHING, STYLE)


def for_model(question: str) -> str:
    """Without what to do when there is no answer, for which the model has its instructions."""
    return _without(question, NOTHING)


def sought(question: str) -> str:
    """What of a question is searched for: without directions, and without where to look."""
    asked = bare(question)
    kept = IN_REPORT.sub(_which, asked)
    for told in (OWN_PERIOD, AMOUNT):
        kept = told.sub(" ", kept)
    return " ".join(kept.split()) if any(map(str.isalnum, kept)) else asked


def _which(report: re.Match[str]) -> str:
    """The words with a figure, which tell one report from another: " Q3 2022 "."""
    return f" {' '.join(word for word in report['which'].split() if not word.isalpha())} "


def _without(question: str, *kinds: re.Pattern[str]) -> str:
    first, *rest = SENTENCE.split(question.strip())
    kept = [s for s in rest if len(s) > LONGEST or not any(k.fullmatch(s) for k in kinds)]
    return " ".join([first, *kept]) if len(kept) < len(rest) else question
