"""A question in its conversation: what leans on the turn before is made to stand alone first, and
what is two questions is answered as two."""

import collections.abc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rag import followup, halves
from rag.errors import ModelError
from rag.types import (
    Answer,
    AnswerEvent,
    Delta,
    Done,
    Generator,
    Turn,
    Understood,
    Waiting,
)


def ask(
    question: str,
    earlier: Sequence[Turn],
    *,
    answer: Callable[[str], Iterator[AnswerEvent]],
    generator: Callable[[], Generator],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[AnswerEvent]:
    """The events of `answer`, behind Understood where the question is not answered as it stands.

    Of the earlier turns only the last is looked at, and none of them ever stands in a prompt with
    passages. Raises what `answer` raises.
    """
    start = time.perf_counter()
    alone = yield from _alone(question, earlier, generator, cancelled)
    parts = halves.split(alone)
    if alone == question and not parts:
        yield from answer(question)
        return
    if alone != question:
        yield Understood(alone)
    before_s = time.perf_counter() - start
    if parts:
        done = yield from _of_both(parts, answer, generator, cancelled)
    else:
        done = yield from _of_one(alone, answer)
    first_s = done.first_token_s
    yield Done(
        replace(
            done,
            question=question,
            understood=done.understood or (alone if alone != question else ""),
            first_token_s=None if first_s is None else first_s + before_s,
            total_s=done.total_s + before_s,
        )
    )


def _of_one(
    question: str, answer: Callable[[str], Iterator[AnswerEvent]]
) -> collections.abc.Generator[AnswerEvent, None, Answer]:
    for event in answer(question):
        if isinstance(event, Done):
            return event.answer
        yield event
    raise ModelError("The answer was not finished. Ask again.")


def _of_both(
    parts: tuple[str, str],
    answer: Callable[[str], Iterator[AnswerEvent]],
    generator: Callable[[], Generator],
    cancelled: Callable[[], bool],
) -> collections.abc.Generator[AnswerEvent, None, Answer]:
    """One after the other; the second may lean on the first, and then not on one without answer."""
    first = yield from _of_one(parts[0], answer)
    lost = first.stop == "no_evidence" and halves.LEANING.search(parts[1])
    if lost or first.stop == "cancelled" or cancelled():
        return first
    start = time.perf_counter()
    yield Delta(halves.BETWEEN)
    alone = yield from _alone(parts[1], [Turn(0, parts[0], first)], generator, cancelled)
    understood = alone if parts[0] in alone else f"{parts[0]} {alone}"
    yield Understood(understood)
    between_s = time.perf_counter() - start
    second = yield from _of_one(alone, answer)
    done = halves.joined(understood, (first, second))
    return replace(done, understood=understood, total_s=done.total_s + between_s)


def _alone(
    question: str,
    earlier: Sequence[Turn],
    generator: Callable[[], Generator],
    cancelled: Callable[[], bool],
) -> collections.abc.Generator[AnswerEvent, None, str]:
    """The question as one of its own: by code, else by the model, else with the one before it."""
    if not earlier or not followup.leans(question):
        return question
    turn = earlier[-1]
    before, said = turn.question, ""
    if turn.answer:
        before = turn.answer.understood or turn.question
        said = "" if turn.answer.stop == "no_evidence" else turn.answer.text
    if made := followup.by_code(question, before):
        return made
    model = generator()
    if ahead := model.n_ahead:
        yield Waiting(ahead)
    pieces = model.generate(
        followup.rewriting(question, before, said),
        max_tokens=followup.MOST_TOKENS,
        cancelled=cancelled,
    )
    text = "".join(piece.text for piece in pieces)
    if made := followup.rewritten(text, question, before, said):
        return made
    return followup.joined(question, before)
