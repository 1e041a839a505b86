"""A conversation as plain text, to be kept or passed on: pure.

Plain, because in a format that can hold links and pictures what a document says could come alive
in the program that opens it.
"""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent

from rag import prompt, refusal, scope
from rag.job import UNFINISHED
from rag.refusal import Rule
from rag.types import (
    CONFLICTS,
    NEAREST,
    NEAREST_ELSEWHERE,
    QUALIFIERS,
    SURE,
    UNSUPPORTED,
    UNSURE,
    Answer,
    Citation,
    Conversation,
    Turn,
)

LONGEST_NAME = 60
OPEN = (
    "[2?] means that passage 2 comes nearest but does not say all of it, [?] that none comes near."
)


def file_name(conversation: Conversation) -> str:
    """What the file may be called: the title, without what a file system may not take."""
    kept = "".join(c if c.isalnum() or c in " -_" else " " for c in conversation.title)
    return f"{' '.join(kept.split())[:LONGEST_NAME].strip() or 'Conversation'}.txt"


def written(conversation: Conversation, rule: Rule, names: Mapping[str, str]) -> str:
    """Its questions and answers, each with the passages behind it. rule: how sure one has to be of
    an answer. names: of documents, by id."""
    turns = [_turn(turn, rule, names) for turn in conversation.turns]
    notes = [OPEN] if any("?]" in t.answer.marked for t in conversation.turns if t.answer) else []
    return "\n\n\n".join([conversation.title, *turns, *notes]) + "\n"


def _turn(turn: Turn, rule: Rule, names: Mapping[str, str]) -> str:
    parts = [f"Question: {turn.question}"]
    if not turn.within.is_empty:
        parts.append(f"Asked in: {scope.in_words(turn.within, names)}")
    if turn.answer is None:
        parts.append(turn.note or UNFINISHED)
    else:
        parts += _answer(turn.answer, rule)
    return "\n\n".join(parts)


def _answer(answer: Answer, rule: Rule) -> Iterator[str]:
    if answer.understood:
        yield f"Understood as: {answer.understood}"
    declined = answer.stop == "no_evidence"
    yield f"Answer: {prompt.DECLINED if declined and answer.nearest else answer.marked}"
    sure = refusal.is_sure(answer, rule)
    if answer.is_unsupported:
        yield UNSUPPORTED
    elif sure is not None:
        yield SURE if sure else UNSURE
    for citation in answer.citations:
        yield _quote(citation, f"[{citation.mark}] ")
    yield from _others(answer.nearest, NEAREST if declined else NEAREST_ELSEWHERE)
    yield from _others(answer.conflicts, CONFLICTS)
    yield from _others(answer.qualifiers, QUALIFIERS)


def _others(citations: Sequence[Citation], what: str) -> Iterator[str]:
    if citations:
        yield what
        yield from map(_quote, citations)


def _quote(citation: Citation, mark: str = "") -> str:
    lines = "\n".join(" ".join(line.split()) for line in citation.quote.splitlines())
    return f"{mark}{citation.document}, {citation.label}\n{indent(f'“{lines}”', '    ')}"
