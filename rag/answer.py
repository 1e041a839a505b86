"""A question to a cited answer, as events: passages found, words written, done."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rag import cite, prompt
from rag.errors import ContextOverflow
from rag.types import (
    Answer,
    AnswerEvent,
    Box,
    Delta,
    Done,
    Generator,
    Hit,
    Sources,
    Span,
    Stop,
    Waiting,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens of the model: prompt_tokens for instructions, passages and question together."""

    prompt_tokens: int
    answer_tokens: int


def ask(
    question: str,
    *,
    retrieve: Callable[[str], tuple[Hit, ...]],
    generator: Callable[[], Generator],
    page_text: Callable[[str, int], str],
    label: Callable[[str, int], str],
    boxes: Callable[[Span], tuple[Box, ...]],
    limits: Limits,
    seed: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[AnswerEvent]:
    """Sources, then Waiting if others are first, then Deltas, then Done, always last.

    When nothing is found, or the model says that the passages do not answer, the answer's stop is
    "no_evidence". page_text(doc_id, page) gives the text that spans point into, label
    what a citation of that page shows.
    Raises ModelError, StoreError.
    """
    start = time.perf_counter()
    found = retrieve(question)
    retrieve_s = time.perf_counter() - start
    yield Sources(found)
    if not found:
        yield Delta(prompt.NO_ANSWER)
        yield Done(_nothing_found(question, retrieve_s, time.perf_counter() - start))
        return
    model = generator()
    budget = min(limits.prompt_tokens, model.n_context - limits.answer_tokens)
    built, hits = prompt.build(question, found, count_tokens=model.count_tokens, budget=budget)
    if not hits:
        raise ContextOverflow(
            f"The question leaves no room for a passage within {budget} tokens. Shorten it."
        )
    if ahead := model.n_ahead:
        yield Waiting(ahead)

    text, n_tokens, stop, first_token_s = "", 0, "complete", None
    pieces = model.generate(built, max_tokens=limits.answer_tokens, seed=seed, cancelled=cancelled)
    for piece in pieces:
        n_tokens += piece.n_tokens
        stop = piece.stop or stop
        if piece.text:
            if first_token_s is None:
                first_token_s = time.perf_counter() - start
            text += piece.text
            yield Delta(piece.text)

    cited = cite.cite(question, text, hits, page_text, is_meta=prompt.is_refusal)
    citations = tuple(
        replace(c, label=label(c.span.doc_id, c.span.page), boxes=boxes(c.span))
        for c in cited.citations
    )
    yield Done(
        Answer(
            question=question,
            text=text,
            marked=cited.marked,
            sentences=cited.sentences,
            citations=citations,
            hits=hits,
            stop=_stop(stop, text),
            prompt_tokens=model.prompt_tokens(built),
            output_tokens=n_tokens,
            retrieve_s=retrieve_s,
            first_token_s=first_token_s,
            total_s=time.perf_counter() - start,
        )
    )


def _stop(stop: str, text: str) -> Stop:
    if stop == "complete" and prompt.is_refusal(text):
        return "no_evidence"
    return stop  # type: ignore[return-value]


def _nothing_found(question: str, retrieve_s: float, total_s: float) -> Answer:
    return Answer(
        question=question,
        text=prompt.NO_ANSWER,
        marked=prompt.NO_ANSWER,
        sentences=(),
        citations=(),
        hits=(),
        stop="no_evidence",
        prompt_tokens=0,
        output_tokens=0,
        retrieve_s=retrieve_s,
        first_token_s=None,
        total_s=total_s,
    )
