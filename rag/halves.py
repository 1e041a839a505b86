"""A question that is two: "When does it start and how much is it?".

A small model answers the first or mixes the two. So each is answered by itself, the second as one
that may lean on the first. English wordings; a question that code reads as one of several documents
or of a comparison stays whole.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag import apart
from rag.types import Answer, Citation

ASKING = (
    r"(?:what|when|where|who|whom|whose|which|why|how|is|are|was|were|do|does|did|can|could|will"
    r"|would|must|should|has|have)"
)
BOTH = re.compile(
    rf"(?P<first>{ASKING}\b[^?;]*?[\w)’'\"]),? and (?P<second>{ASKING}\b[^?;]*)\?*",
    re.IGNORECASE,
)
TOGETHER = re.compile(
    r"\b(?:between|both|compared?|differ\w*|than|if|whether|documents?)\b|^\W*who\b.*\band who\b",
    re.IGNORECASE,
)
"""In what is one question, however many verbs it has."""
LEANING = re.compile(r"\b(?:it|its|they|them|their|he|she|him|his|her|that|this|those|these)\b")
LEAST = 3
"""Words of each."""
LEAST_ALONE = 5
"""Words of a second question that points back to nothing."""
MARK = re.compile(r"\[(\d+)(\??)\]")
NOTHING = "No sure answer was found to: {}"
BETWEEN = "\n\n"


def split(question: str) -> tuple[str, str] | None:
    """The two questions that it is; None of one question."""
    text = " ".join(question.split())
    found = BOTH.fullmatch(text)
    if not found or TOGETHER.search(text) or apart.asked(text):
        return None
    first, second = found["first"], found["second"]
    least = LEAST if LEANING.search(second) else LEAST_ALONE
    if len(first.split()) < LEAST or len(second.split()) < least or BOTH.fullmatch(second):
        return None
    return f"{first}?", f"{second[0].upper()}{second[1:]}?"


def joined(question: str, parts: Sequence[Answer]) -> Answer:
    """One answer of those to each, a paragraph each. Where neither has one, that of the first, with
    all that was withheld and that comes nearest."""
    shown = [part for part in parts if part.stop != "no_evidence"]
    first, second = parts
    numbered = [first, _behind(second, len(first.citations))]
    begun = [apart.Begun("", "")] * 2
    if shown:
        begun = [
            apart.Begun(BETWEEN * bool(i), NOTHING.format(part.understood or part.question))
            for i, part in enumerate(parts)
        ]
    made = apart.merged(question, numbered, begun, first.text)
    return replace(
        made,
        maker="model" if any(part.maker == "model" for part in parts) else first.maker,
        nearest=_once(part.nearest for part in parts),
        conflicts=_once(part.conflicts for part in parts),
        qualifiers=_once(part.qualifiers for part in parts),
        total_s=sum(part.total_s for part in parts),
    )


def _once(several: Iterable[Sequence[Citation]]) -> tuple[Citation, ...]:
    found = {citation.span: citation for some in several for citation in some}
    return tuple(replace(c, marker=i) for i, c in enumerate(found.values(), start=1))


def _behind(part: Answer, n_before: int) -> Answer:
    """With markers that go on from those of another."""

    def later(mark: re.Match[str]) -> str:
        known = int(mark[1]) <= len(part.citations)
        return f"[{int(mark[1]) + n_before}{mark[2]}]" if known else mark.group()

    return replace(
        part,
        marked=MARK.sub(later, part.marked),
        citations=tuple(replace(c, marker=c.marker + n_before) for c in part.citations),
        sentences=tuple(
            replace(s, markers=tuple(marker + n_before for marker in s.markers))
            for s in part.sentences
        ),
    )
