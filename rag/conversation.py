"""A question in its conversation: what leans on the turn before is made to stand alone first."""

import collections.abc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rag import followup
from rag.types import AnswerEvent, Done, Generator, Turn, Understood, Waiting


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
    if alone == question:
        yield from answer(question)
        return
    yield Understood(alone)
    before_s = time.perf_counter() - start
    for event in answer(alone):
        if not isinstance(event, Done):
            yield event
            continue
        done, first_s = event.answer, event.answer.first_token_s
        yield Done(
            replace(
                done,
                question=question,
                understood=alone,
                first_token_s=None if first_s is None else first_s + before_s,
                total_s=done.total_s + before_s,
            )
        )


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
