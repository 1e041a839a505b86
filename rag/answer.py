"""A question to a cited answer, as events: passages found, words written, done."""

import collections.abc
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, islice
from pathlib import PurePath
from typing import Literal

import numpy as np

from rag import (
    apart,
    asking,
    cite,
    conflicts,
    derived,
    directions,
    evidence,
    excerpts,
    facts,
    lookup,
    negation,
    operands,
    opinion,
    prompt,
    rank,
    refusal,
    sentences,
    series,
    sums,
    wording,
)
from rag.arrays import FloatArray
from rag.errors import ContextOverflow
from rag.records import Table
from rag.sums import Operand
from rag.types import (
    Answer,
    AnswerEvent,
    Box,
    Citation,
    Delta,
    Done,
    Generator,
    Hit,
    Prompt,
    Reading,
    Sentence,
    Sources,
    Span,
    Strictness,
    Waiting,
)

PageText = Callable[[str, int], str]
Tables = Callable[[Sequence[Hit], Callable[[str], bool]], Iterable[tuple[Hit, Sequence[Table]]]]
Rows = Callable[[Sequence[Hit], str], evidence.Cells]
Each = Callable[[Sequence[str]], Iterable[tuple[Hit, ...]]]
Apart = Callable[[str], Iterable[tuple[Hit, ...]]]

BULLET = re.compile(r"\A\s*[-*•–]\s+")
GUESS = re.compile(r"\W*(?:(?P<yes>yes)|no)(?:[,.:;!]\s*|\s*\n\s*)(?=\S)", re.IGNORECASE)
"""A Yes or No in front of more; "No driving for a week" has none."""
AGAIN = "\n\nAt a second look:"
"""In a draft, between a refusal of the model and what it is made to say after it."""
THEIRS = 0.5
"""How far the source's own words count as borne out where the model only said Yes or No: they are
what comes nearest, whatever that is."""
DOUBTED = -1.0
"""Log-odds of the second opinion above which what a withheld draft cites is shown first."""
SHORTEST_S = 2.0
"""Of readings whose length is worth telling."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens of the model: prompt_tokens for instructions, passages and question together."""

    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class _Desk:
    """What an answer by the model is written with."""

    model: Generator
    page_text: PageText
    limits: Limits
    rows: Rows
    cells: Callable[[str, Sequence[Hit]], tuple[str, ...]]
    embed: excerpts.Embed | None
    rule: refusal.Rule
    strictness: Strictness
    seed: int
    cancelled: Callable[[], bool]
    start: float


def ask(
    question: str,
    *,
    retrieve: Callable[[str], tuple[Hit, ...]],
    generator: Callable[[], Generator],
    page_text: PageText,
    label: Callable[[str, int], str],
    boxes: Callable[[Span], tuple[Box, ...]],
    limits: Limits,
    each: Each = lambda _rows: (),
    alone: Apart = lambda _question: (),
    tables: Tables = lambda _hits, _may_be_in: (),
    rows: Rows = lambda _hits, _answer: {},
    cells: Callable[[str, Sequence[Hit]], tuple[str, ...]] = lambda _stamp, _hits: (),
    embed: excerpts.Embed | None = None,
    rule: refusal.Rule = refusal.DEFAULT,
    strictness: Strictness = "normal",
    seed: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[AnswerEvent]:
    """Sources, then Waiting if others are first or Reading if that takes a while, then Deltas, then
    Done, always last.

    When nothing is found, or the model says that the passages do not answer, or `rule` says that
    what it wrote is no answer, the answer's stop is "no_evidence" and its text says so. What was
    streamed before is then a draft that did not hold.
    each(rows) gives, for each document that rows of these names may be in, the passages and pages
    to look for them, the likeliest document first.
    tables(hits, may_be_in) gives the tables of the documents found, with the first passage of each;
    only of pages whose text may_be_in says may have what is asked for.
    rows(hits, answer) gives the rows of tables whose columns the text of the pages does not tell.
    alone(question) gives the passages found in each document by itself, where the question may be
    asked of each; of one that spans several, each is answered for.
    cells(stamp, hits) names what the model keeps of the hits' passages.
    embed gives unit rows for texts, to tell what comes nearest where nothing answers.
    page_text(doc_id, page) gives the text that spans point into, label what a citation of that
    page shows.
    Raises ModelError, StoreError.
    """
    start = time.perf_counter()
    asked = directions.bare(question)
    embed = _remembered(embed) if embed else None
    found = retrieve(question)
    retrieve_s = time.perf_counter() - start
    first = excerpts.nearest(asked, found, page_text)
    yield Sources(found, cite.placed(first, label, lambda _span: ()))
    if not found:
        yield Delta(prompt.NO_DOCUMENTS)
        yield Done(_nothing_found(question, retrieve_s, time.perf_counter() - start))
        return
    of_one = ""
    several: tuple[tuple[Hit, ...], ...] = ()
    answer = (
        _worked_out(asked, found, page_text, each)
        or _over_time(asked, found, page_text, each)
        or _looked_up(asked, found, page_text, tables)
    )
    if answer:
        yield Delta(answer.text)
    else:
        desk = _Desk(
            generator(), page_text, limits, cache(rows), cells, embed, rule, strictness, seed,
            cancelled, start,
        )  # fmt: skip
        of_one = apart.asked(asked) or ""
        several = tuple(alone(of_one)) if of_one else ()
        if len(several) > 1:
            first = _nearest_of_each(of_one, several, page_text)
            yield Sources(apart.ranked(several), cite.placed(first, label, lambda _span: ()))
            answer = yield from _of_each(question, of_one, several, desk)
        else:
            answer = yield from _by_model(question, found, desk)
    near: tuple[Citation, ...] = ()
    others: tuple[Citation, ...] = ()
    besides: tuple[Citation, ...] = ()
    if len(several) > 1:
        if answer.stop != "cancelled":
            cited = {citation.span.doc_id for citation in answer.citations}
            left = [found for found in several if found[0].chunk.doc_id not in cited]
            near = _nearest_of_each(of_one, left, page_text, embed)
    elif answer.stop == "no_evidence":
        near = answer.nearest or excerpts.nearest(asked, answer.hits, page_text, embed)
    else:
        others = conflicts.find(asked, answer, found, page_text)
        besides = conflicts.qualifiers(asked, answer, found, page_text)
    yield Done(
        replace(
            answer,
            question=question,
            nearest=cite.placed(near, label, boxes),
            conflicts=cite.placed(others, label, boxes),
            qualifiers=cite.placed(besides, label, boxes),
            citations=cite.placed(answer.citations, label, boxes),
            retrieve_s=retrieve_s,
            total_s=time.perf_counter() - start,
        )
    )


def _of_each(
    question: str, of_one: str, several: Sequence[tuple[Hit, ...]], desk: _Desk
) -> collections.abc.Generator[AnswerEvent, None, Answer]:
    """One after the other, as it is asked of one document; each begins with the document's name."""
    parts: list[Answer] = []
    first = 1
    for found in several:
        yield Delta(apart.opening(found[0].document, len(parts)))
        part = yield from _by_model(of_one, found, desk, first=first)
        if part.stop == "complete" and refusal.lacks_change(question, part.text):
            part = replace(_refused(part), confidence=0.0, withheld=part.text)
        parts.append(part)
        first += len(part.citations)
        if part.stop == "cancelled":
            break
    nearest = [found[0] for found in several]
    names = [part.hits[0].document for part in parts]
    begun = [apart.Begun(apart.opening(name, i)) for i, name in enumerate(names)]
    return apart.merged(question, parts, begun, prompt.refusal(nearest))


def _nearest_of_each(
    of_one: str,
    several: Sequence[tuple[Hit, ...]],
    page_text: PageText,
    embed: excerpts.Embed | None = None,
) -> tuple[Citation, ...]:
    """The one that comes nearest in each document."""
    best = [excerpts.nearest(of_one, found, page_text, embed)[:1] for found in several]
    return tuple(replace(c, marker=i) for i, c in enumerate(chain(*best), start=1))


def _by_model(
    question: str, found: Sequence[Hit], desk: _Desk, *, first: int = 1
) -> collections.abc.Generator[AnswerEvent, None, Answer]:
    """first: the marker of the first citation."""
    model, limits = desk.model, desk.limits
    budget = min(limits.prompt_tokens, model.n_context - limits.answer_tokens)
    built, hits = prompt.build(
        directions.for_model(question),
        rank.telling(found),
        count_tokens=model.count_tokens,
        budget=budget,
    )
    if not hits:
        raise ContextOverflow(
            f"The question leaves no room for a passage within {budget} tokens. Shorten it."
        )
    built = replace(built, cells=desk.cells(model.stamp, hits))
    if ahead := model.n_ahead:
        yield Waiting(ahead)
    # What there is to read behind others depends on what they leave.
    elif (seconds := model.reading_s(built) or 0.0) >= SHORTEST_S:
        yield Reading(seconds)

    draft = yield from _written(built, _Draft(), desk)
    if draft.stop == "complete" and prompt.is_refusal(draft.text) and _asks_again(question, desk):
        yield Delta(AGAIN)
        draft = yield from _written(prompt.insisting(built), replace(draft, text=""), desk)
    text, cited, is_theirs = _cited(question, draft.text, hits, desk, first)
    answer = Answer(
        question=question,
        text=text,
        marked=cited.marked,
        sentences=cited.sentences,
        citations=cited.citations,
        hits=hits,
        stop=draft.stop,
        prompt_tokens=model.prompt_tokens(built),
        output_tokens=draft.n_tokens,
        retrieve_s=0.0,
        first_token_s=draft.first_token_s,
        total_s=0.0,
    )
    if draft.stop == "cancelled":
        return answer
    return _weighed(answer, desk, most=THEIRS if is_theirs else 1.0)


def _cited(
    question: str, text: str, hits: tuple[Hit, ...], desk: _Desk, first: int
) -> tuple[str, cite.Cited, bool]:
    """The text as checked, with figures that follow from others put right where these others are
    borne out, and sentences of a source where the text says their opposite, or a Yes or No that is
    more than they say. The last tells whether it is but what comes nearest."""

    cells = desk.rows(hits, text)

    def check(checked: str) -> cite.Cited:
        return cite.cite(
            question,
            checked,
            hits,
            desk.page_text,
            is_meta=prompt.is_refusal,
            without=derived.without,
            first=first,
            cells=cells,
        )

    right = derived.corrected(text)
    if right != text:
        cited = check(right)
        if all(sentence.supported for sentence in cited.sentences):
            return right, cited, False
    cited = check(text)
    in_its_words = partial(_in_its_words, lambda: _nearest(question, hits, desk))
    betters: list[Callable[[str, cite.Cited], str]] = [_put_right]
    if prompt.asks_yes_or_no(question):
        betters.append(in_its_words)
    betters.append(partial(_without_guess, question))
    is_theirs = False
    for better in betters:
        if (put := better(text, cited)) != text:
            text, cited = put, check(put)
            is_theirs |= better is in_its_words
    return text, cited, is_theirs


def _put_right(text: str, cited: cite.Cited) -> str:
    """With what the source says in the place of its opposite, and without a Yes or No in front."""
    begun = len(text)
    for i, quote in sorted(cited.opposed.items(), reverse=True):
        said, before = cited.sentences[i], cited.sentences[i - 1] if i else None
        if said.end > begun:
            continue
        alone = before and cite.POLARITY.fullmatch(text, before.start, before.end)
        start = begun = before.start if before and alone else said.start
        text = f"{text[:start]}{_in_a_line(quote)}{text[said.end :]}"
    return text


def _in_its_words(nearest: Callable[[], str], text: str, cited: cite.Cited) -> str:
    """What comes nearest in the documents, in place of a Yes or No that says no more, or that
    nothing bears out: whether it answers is for the second opinion."""
    stated = [s for s in cited.sentences if s.markers or not s.supported]
    if not cite.POLARITY.fullmatch(text) and any(s.supported for s in stated):
        return text
    quote = nearest()
    has_row = any(map(sentences.is_row, quote.splitlines()))
    return text if not quote or has_row else _in_a_line(quote)


def _nearest(question: str, hits: Sequence[Hit], desk: _Desk) -> str:
    """The sentence of what was read that comes nearest; empty where there is none."""
    asked = directions.bare(question)
    found = excerpts.nearest(asked, hits, desk.page_text, desk.embed, most=1)
    return found[0].quote if found else ""


def _in_a_line(quote: str) -> str:
    """Without the mark of a list before it, and what parts it from the next item."""
    return " ".join(BULLET.sub("", quote).split()).rstrip(";,")


def _without_guess(question: str, text: str, cited: cite.Cited) -> str:
    """Without a Yes or No in front of a sentence that is borne out and leaves that open: "Yes,
    damage is covered only where the schedule says so", or that is not on what was asked."""
    guess = GUESS.match(text)
    behind = [s for s in cited.sentences if guess and s.end > guess.end()]
    if not guess or not behind or not (behind[0].markers and behind[0].supported):
        return text
    said = text[guess.end() : behind[0].end]
    asked = wording.starts(question)
    restated = 2 * len(asked & wording.starts(said)) >= len(asked)
    if restated and not negation.leaves_open(guess["yes"] is not None, said):
        return text
    return f"{said[0].upper()}{said[1:]}{text[behind[0].end :]}"


def _worked_out(
    question: str, hits: tuple[Hit, ...], page_text: PageText, each: Each
) -> Answer | None:
    """The answer to a question for a sum whose operands the pages show for certain: those of the
    passages found, or else any of the one document that these are of."""
    task = sums.asked(question)
    if task is None:
        return None
    found = operands.find(task, hits, page_text)
    if not found and len({hit.chunk.doc_id for hit in hits}) == 1:
        for more in islice(each(task.labels), 1):
            found = operands.find(task, more, page_text)
    text = sums.result(task, found) if found else ""
    if not text:
        return None
    citations = tuple(
        _cited_operand(operand, i, page_text) for i, operand in enumerate(found, start=1)
    )
    return _by_code(question, [(text, range(1, len(found) + 1))], hits, citations)


def _over_time(
    question: str, hits: tuple[Hit, ...], page_text: PageText, each: Each
) -> Answer | None:
    """The answer to a question for a figure over time, where half of the documents that it may be
    in show it for certain."""
    wanted = series.asked(question)
    if wanted is None:
        return None
    found = [some for some in each([wanted.label]) if series.may_be_of(wanted, some[0].document)]
    told = [
        (some[0], operands.over_time(wanted, some, page_text, alone=len(found) == 1))
        for some in found
    ]
    points = series.merged([point for _, own in told for point in own])
    without = tuple(hit for hit, own in told if not own)
    if not series.suffice(wanted, points, n_without=len(without), n=len(told)):
        return None
    if wanted.pick == "latest":
        points = points[-1:]
    opening, *figures = series.lines(wanted, points, [hit.document for hit in without])
    closing = figures.pop() if figures else ""
    lines: list[tuple[str, Sequence[int]]] = [(opening, () if figures else (1,))]
    lines += ((line, (marker,)) for marker, line in enumerate(figures, start=1))
    if closing:
        lines.append((closing, (1, len(points))))
    citations = tuple(
        _cited_operand(p.operand, i, page_text) for i, p in enumerate(points, start=1)
    )
    made = _by_code(question, lines, hits, citations)
    return replace(made, named=tuple(hit.chunk.doc_id for hit in without))


def _looked_up(
    question: str, hits: tuple[Hit, ...], page_text: PageText, tables: Tables
) -> Answer | None:
    """The answer to a question for cells of a table, where the tables show them for certain: of
    each document by its name, where several do and differ."""
    query = asking.asked(question)
    if query is None:
        return None
    found: dict[str, tuple[Hit, lookup.Found]] = {}
    for hit, some in tables(hits, query.may_be_in):
        if seen := lookup.answer(query, some, facts.words_of(PurePath(hit.document).stem)):
            found.setdefault(seen.text, (hit, seen))
    lines: list[tuple[str, Sequence[int]]] = []
    citations: list[Citation] = []
    for hit, seen in found.values():
        first = len(citations) + 1
        for marker, at in enumerate(_together([r.span for r in seen.records], page_text), first):
            citations.append(_cited_at(at, hit.document, marker, page_text))
        text = seen.text if len(found) == 1 else f"{hit.document}: {seen.text}"
        lines.append((text, range(first, len(citations) + 1)))
    return _by_code(question, lines, hits, tuple(citations)) if lines else None


def _together(spans: Iterable[Span], page_text: PageText) -> list[Span]:
    """Rows one right below the other as one."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else span
        if joined and last.end < span.start and excerpts.adjoin(last, span, page_text):
            joined[-1] = replace(last, end=span.end)
        else:
            joined.append(span)
    return joined


def _cited_operand(operand: Operand, marker: int, page_text: PageText) -> Citation:
    return _cited_at(operand.span, operand.document, marker, page_text)


def _cited_at(span: Span, document: str, marker: int, page_text: PageText) -> Citation:
    quote = page_text(span.doc_id, span.page)[span.start : span.end]
    return Citation(marker, span, quote, True, document, label="")


def _by_code(
    question: str,
    lines: Sequence[tuple[str, Sequence[int]]],
    hits: tuple[Hit, ...],
    citations: tuple[Citation, ...],
) -> Answer:
    """lines: each with the markers of what it is made of; with none it states nothing."""
    sentences, marked, start = [], [], 0
    for line, markers in lines:
        if markers:
            sentences.append(Sentence(start, start + len(line), tuple(markers), supported=True))
        marked.append(" ".join([line, "".join(f"[{marker}]" for marker in markers)]).rstrip())
        start += len(line) + 1
    return Answer(
        question=question,
        text="\n".join(line for line, _ in lines),
        marked="\n".join(marked),
        sentences=tuple(sentences),
        citations=citations,
        hits=hits,
        stop="complete",
        prompt_tokens=0,
        output_tokens=0,
        retrieve_s=0.0,
        first_token_s=None,
        total_s=0.0,
        maker="figures",
    )


@dataclass(slots=True)
class _Draft:
    """What the model wrote."""

    text: str = ""
    n_tokens: int = 0
    stop: Literal["complete", "length", "cancelled"] = "complete"
    first_token_s: float | None = None


def _written(
    built: Prompt, draft: _Draft, desk: _Desk
) -> collections.abc.Generator[AnswerEvent, None, _Draft]:
    pieces = desk.model.generate(
        built,
        max_tokens=desk.limits.answer_tokens,
        seed=desk.seed,
        cancelled=desk.cancelled,
    )
    for piece in pieces:
        draft.n_tokens += piece.n_tokens
        draft.stop = piece.stop or draft.stop
        if piece.text:
            if draft.first_token_s is None:
                draft.first_token_s = time.perf_counter() - desk.start
            draft.text += piece.text
            yield Delta(piece.text)
    if built.opening:
        draft.text = prompt.without_opening(draft.text)
    return draft


def _asks_again(question: str, desk: _Desk) -> bool:
    """Whether a model that declined is made to answer: where a second opinion stands behind it,
    and in English, in which it is made to begin."""
    return bool(desk.rule.sure and wording.ENGLISH.search(question))


def _weighed(answer: Answer, desk: _Desk, *, most: float) -> Answer:
    """The answer with its confidence, or the refusal in its place. most: to count as borne out."""
    if prompt.is_refusal(answer.text):
        return _refused(answer)
    asked = directions.bare(answer.question)
    signs = refusal.read(
        asked,
        answer.text,
        answer.hits,
        answer.sentences,
        answer.citations,
        cover=lambda doc_id: evidence.cover_of(doc_id, desk.page_text),
        chances=_second(asked, answer, desk),
        near=_nearness(asked, answer, desk),
    )
    signs = replace(signs, supported=min(signs.supported, most))
    confidence = refusal.confidence(signs, desk.rule)
    if confidence < refusal.needed(desk.rule, desk.strictness):
        near = excerpts.nearest(asked, answer.hits, desk.page_text, desk.embed)
        leads = signs.sure is None or signs.sure > DOUBTED
        return replace(
            _refused(answer),
            confidence=confidence,
            withheld=answer.text,
            nearest=_with_own(_leant_on(answer, desk), near, leads=leads),
        )
    return replace(answer, confidence=confidence)


def _leant_on(answer: Answer, desk: _Desk) -> tuple[Citation, ...]:
    """The first citation that is no heading or running line."""
    read = excerpts.read(answer.hits, desk.page_text)
    said = (c for c in answer.citations if any(e.span.meets(c.span) for e in read))
    return tuple(islice(said, 1))


def _with_own(
    own: tuple[Citation, ...], near: tuple[Citation, ...], *, leads: bool
) -> tuple[Citation, ...]:
    """What comes nearest, and what a withheld draft cites in front of it or behind the first."""
    others = [c for c in near if not any(c.span.meets(cited.span) for cited in own)]
    n = 0 if leads else 1
    return tuple(
        replace(citation, marker=marker, supported=False)
        for marker, citation in enumerate(
            [*others[:n], *own, *others[n:]][: excerpts.MOST], start=1
        )
    )


def _second(question: str, answer: Answer, desk: _Desk) -> tuple[float, ...]:
    """Asked for only of a model whose rule heeds it: it takes about a second."""
    if not desk.rule.sure or not answer.citations:
        return ()
    cells = desk.rows(answer.hits, answer.text)
    quotes = [_told(citation, cells) for citation in answer.citations]
    names = [facts.words_of(PurePath(c.document).stem) for c in answer.citations]
    befores = [_before(citation, answer.hits, desk.page_text) for citation in answer.citations]
    asked = opinion.asked(question, quotes, names, befores)
    return desk.model.weigh(asked, opinion.OPENINGS, cancelled=desk.cancelled)


def _nearness(question: str, answer: Answer, desk: _Desk) -> float:
    """Of what the answer cites, where its rule heeds it and it can be embedded."""
    if not desk.rule.near or desk.embed is None:
        return 1.0
    spans = [citation.span for citation in answer.citations]
    return excerpts.nearness(question, answer.hits, spans, desk.page_text, desk.embed)


def _remembered(embed: excerpts.Embed) -> excerpts.Embed:
    """The same, once for each text: the sentences of a passage are looked at more than once."""
    kept: dict[str, FloatArray] = {}

    def embedded(texts: Sequence[str]) -> FloatArray:
        if new := [text for text in dict.fromkeys(texts) if text not in kept]:
            kept.update(zip(new, embed(new), strict=True))
        return np.stack([kept[text] for text in texts])

    return embedded


def _told(citation: Citation, cells: evidence.Cells) -> str:
    """The quote; of a row that does not name its columns, its cells with their names."""
    named = cells.get(citation.span, {})
    return " | ".join(f"{name}: {cell}" for name, cell in named.items()) or citation.quote


def _before(citation: Citation, hits: Sequence[Hit], page_text: PageText) -> str:
    """What stands in front of the quote in its passage."""
    quoted = citation.span
    page = page_text(quoted.doc_id, quoted.page)
    spans = (span for hit in hits for span in hit.chunk.spans)
    starts = (span.start for span in spans if span.meets(quoted))
    return page[next(starts, quoted.start) : quoted.start]


def _refused(answer: Answer) -> Answer:
    text = prompt.refusal(answer.hits)
    return replace(answer, text=text, marked=text, sentences=(), citations=(), stop="no_evidence")


def _nothing_found(question: str, retrieve_s: float, total_s: float) -> Answer:
    return Answer(
        question=question,
        text=prompt.NO_DOCUMENTS,
        marked=prompt.NO_DOCUMENTS,
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
