"""The sentences of passages that come nearest to a question, for a person to read until there is an
answer, or where none is sure: nothing is written, only chosen."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag import edges, facts, sentences, wording
from rag.arrays import FloatArray, IntArray
from rag.evidence import PRONOUN
from rag.types import Citation, Hit, Span

PageText = Callable[[str, int], str]
Embed = Callable[[Sequence[str]], FloatArray]

MOST = 3
MOST_READ = 64
"""Sentences that are embedded, those with the most of the question's words."""
WORDS = 0.5
"""What a sentence that has all telling words of the question adds to its cosine similarity."""
FAR = 0.5
"""Share of the best one's score below which another is not worth reading."""
LONGEST = 600
"""Characters of sentences that are made one quote."""
HEADING_WORDS = 6
"""At most, in a line that is a heading for want of a full stop, a colon and figures."""
SAYS = re.compile(r"[.!?;:\d。！？；।؟]\W*\Z|: |\||\d\d")
NAME = re.compile(r"(?<=[\w,:&] )[A-Z][\w&'’-]*")
"""In a question."""
PAGE_LINE = re.compile(r"\bpage \d+(?: ?(?:of|/) ?\d+)?\W*\Z", re.IGNORECASE)
ITEM = re.compile(r"[-*+•‣◦▪●○■□·–—➢✓]\s")
"""Of a list, not of numbered headings."""
MAY = re.compile(r"(?<=[\w,:] )May\b(?! [a-z]+ (?:not|be|have)\b)")
UNSPACED = re.compile(rf"[{facts.UNSPACED}]+")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A sentence of a hit, in one line. lead: where the one before it begins, if it goes on from
    that."""

    span: Span
    lead: int
    text: str
    hit: Hit


def nearest(
    question: str,
    hits: Sequence[Hit],
    page_text: PageText,
    embed: Embed | None = None,
    most: int = MOST,
) -> tuple[Citation, ...]:
    """The best first, `most` at most; sentences one right behind the other are one quote. None of
    them is said to answer: `supported` is False. embed: unit rows; without it they are told by
    the question's words alone, in a moment."""
    found, scores = _scored(question, read(hits, page_text), embed)
    if not found:
        return ()
    order = _best(scores, most)
    best = [found[i] for i in order if scores[i] >= FAR * scores[order[0]] > 0]
    return tuple(
        _cited(span, document, marker, page_text)
        for marker, (span, document) in enumerate(_joined(best, page_text), start=1)
    )


def nearness(
    question: str,
    hits: Sequence[Hit],
    spans: Sequence[Span],
    page_text: PageText,
    embed: Embed | None = None,
) -> float:
    """How near what stands at the spans comes to the question, as a share of what the nearest
    sentence of the hits does, one that has but names of the question aside: 0 to 1. 1 where that
    cannot be told."""
    every = read(hits, page_text)
    said = {e.text.casefold() for e in every if any(map(e.span.meets, spans))}
    found, scores = _scored(question, every, embed, said)
    own = [s for e, s in zip(found, scores, strict=True) if e.text.casefold() in said]
    names = words(" ".join(NAME.findall(question)))
    asked = words(question) - names
    others = [
        s
        for e, s in zip(found, scores, strict=True)
        if not (held := words(e.text)) & names or held & asked
    ]
    best = max([*own, *others], default=0.0)
    return max(0.0, float(max(own) / best)) if own and best > 0 else 1.0


def cited(excerpt: Excerpt, marker: int, page_text: PageText) -> Citation:
    """One sentence, without what it goes on from, as `nearest` gives them."""
    return _cited(excerpt.span, excerpt.hit.document, marker, page_text)


def adjoin(a: Span, b: Span, page_text: PageText) -> bool:
    """Whether nothing but white space stands between the end of a and b, on one page."""
    same_page = (a.doc_id, a.page) == (b.doc_id, b.page)
    return same_page and not page_text(a.doc_id, a.page)[a.end : b.start].strip()


def _cited(span: Span, document: str, marker: int, page_text: PageText) -> Citation:
    return Citation(marker, span, _slice(span, page_text), False, document, label="")


def _scored(
    question: str, excerpts: Sequence[Excerpt], embed: Embed | None, wanted: Collection[str] = ()
) -> tuple[list[Excerpt], FloatArray]:
    """Of several that say the same the first, and how near each is; none where the question has no
    telling word. wanted: texts of some that are among them in any case."""
    once: dict[str, Excerpt] = {}
    for excerpt in excerpts:
        once.setdefault(excerpt.text.casefold(), excerpt)
    found = [*once.values()]
    if not found or not words(question):
        return [], np.zeros(0, np.float32)
    scores = _shared(question, found)
    if embed:
        sought = [i for i, e in enumerate(found) if e.text.casefold() in wanted]
        likely = np.union1d(_best(scores, MOST_READ), np.array(sought, np.int32))
        found, scores = [found[i] for i in likely], scores[likely]
        vectors = embed([question, *(sentence.text for sentence in found)])
        scores = vectors[1:] @ vectors[0] + np.float32(WORDS) * scores
    return found, scores


def _shared(question: str, found: Sequence[Excerpt]) -> FloatArray:
    """Of each, the share of the question's telling words that it has."""
    asked = words(question)
    n_shared = [len(asked & words(sentence.text)) for sentence in found]
    return np.array(n_shared, np.float32) / np.float32(max(len(asked), 1))


def words(text: str) -> frozenset[str]:
    """Telling ones, and the month of May; of scripts without spaces, pairs of characters."""
    runs = UNSPACED.findall(text)
    pairs = {run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))}
    months = {found.casefold() for found in MAY.findall(text)}
    return wording.starts(UNSPACED.sub(" ", text) if runs else text) | pairs | months


def _best(scores: FloatArray, n: int) -> IntArray:
    """Places of the n highest, the first of equal ones first."""
    return np.argsort(-scores, kind="stable")[:n].astype(np.int32)


def read(hits: Sequence[Hit], page_text: PageText) -> list[Excerpt]:
    """The sentences that say something, each text once of each document."""
    found: dict[tuple[str, str], Excerpt] = {}
    for hit in hits:
        headings = {" ".join(heading.split()).casefold() for heading in hit.chunk.heading}
        for whole in hit.chunk.spans:
            at = edges.own(hit.chunk, whole, page_text(whole.doc_id, whole.page))
            body, before = _slice(at, page_text), 0
            for start, end in sentences.split(body):
                text = " ".join(body[start:end].split())
                span = replace(at, start=at.start + start, end=at.start + end)
                lead = at.start + (before if PRONOUN.match(text) else start)
                before = start
                if _says(text) and text.casefold() not in headings:
                    found.setdefault((at.doc_id, text.casefold()), Excerpt(span, lead, text, hit))
    return list(found.values())


def _says(text: str) -> bool:
    """Whether it is no heading and no footer. Of scripts without spaces two characters count as a
    word."""
    n_words = len(text.split()) + sum(map(len, UNSPACED.findall(text))) // 2
    says = n_words > HEADING_WORDS or SAYS.search(text) or ITEM.match(text)
    return bool(says) and not PAGE_LINE.search(text)


def _joined(best: Sequence[Excerpt], page_text: PageText) -> list[tuple[Span, str]]:
    """With the documents that they are of, the best of each first."""
    runs: list[tuple[int, Span, str]] = []
    for rank, excerpt in sorted(enumerate(best), key=lambda ranked: _place(ranked[1])):
        span = excerpt.span
        if span.end - excerpt.lead <= LONGEST:
            span = replace(span, start=excerpt.lead)
        if runs and (whole := _whole(runs[-1][1], span, page_text)):
            runs[-1] = min(runs[-1][0], rank), whole, excerpt.hit.document
        else:
            runs.append((rank, span, excerpt.hit.document))
    return [(span, document) for _, span, document in sorted(runs, key=lambda run: run[0])]


def _place(excerpt: Excerpt) -> tuple[str, int, int]:
    return excerpt.span.doc_id, excerpt.span.page, excerpt.span.start


def _whole(a: Span, b: Span, page_text: PageText) -> Span | None:
    """Both as one, where b stands right behind a, or they have something in common."""
    if b.end - a.start > LONGEST or not adjoin(a, b, page_text):
        return None
    return replace(a, end=max(a.end, b.end))


def _slice(span: Span, page_text: PageText) -> str:
    return page_text(span.doc_id, span.page)[span.start : span.end]
