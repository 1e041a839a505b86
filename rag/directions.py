"""Directions on how to answer, behind a question: "Answer in one sentence. If none, say no."

What is searched for, worked out and weighed is the question itself: no document says "in order of
the alphabet", and no passage is the worse for it.
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


def bare(question: str) -> str:
    """The question without directions behind it."""
    return _without(question, NOTHING, STYLE)


def for_model(question: str) -> str:
    """Without what to do when there is no answer, for which the model has its instructions."""
    return _without(question, NOTHING)


def _without(question: str, *kinds: re.Pattern[str]) -> str:
    first, *rest = SENTENCE.split(question.strip())
    kept = [s for s in rest if len(s) > LONGEST or not any(k.fullmatch(s) for k in kinds)]
    return " ".join([first, *kept]) if len(kept) < len(rest) else question
