"""The sentences of passages that come nearest to a question, for a person to read until there is an
answer, or where none is sure: nothing is written, only chosen."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag import facts, sentences, wording
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
HEADING_WORDS = 6
"""At most, in a line that is a heading for want of a full stop, a colon and figures."""
SAYS = re.compile(r"[.!?;:\d。！？；।؟]\W*\Z|: |\||\d\d")
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
) -> tuple[Citation, ...]:
    """The best first, MOST at most; sentences one right behind the other are one quote. None of
    them is said to answer: `supported` is False. embed: unit rows; without it they are told by
    the question's words alone, in a moment."""
    found = read(hits, page_text)
    if not found:
        return ()
    scores = _shared(question, found)
    if embed:
        likely = np.sort(_best(scores, MOST_READ))
        found, scores = [found[i] for i in likely], scores[likely]
        vectors = embed([question, *(sentence.text for sentence in found)])
        scores = vectors[1:] @ vectors[0] + WORDS * scores
    order = _best(scores, MOST)
    best = [found[i] for i in order if scores[i] >= FAR * scores[order[0]] > 0]
    return tuple(
        Citation(marker, span, _slice(span, page_text), False, document, label="")
        for marker, (span, document) in enumerate(_joined(best, page_text), start=1)
    )


def cited(excerpt: Excerpt, marker: int, page_text: PageText) -> Citation:
    """One sentence, without what it goes on from, as `nearest` gives them."""
    quote = _slice(excerpt.span, page_text)
    return Citation(marker, excerpt.span, quote, False, excerpt.hit.document, label="")


def _shared(question: str, found: Sequence[Excerpt]) -> FloatArray:
    """Of each, the share of the question's telling words that it has."""
    asked = _words(question)
    n_shared = [len(asked & _words(sentence.text)) for sentence in found]
    return np.array(n_shared, np.float32) / np.float32(max(len(asked), 1))


def _words(text: str) -> frozenset[str]:
    """Telling ones; of scripts without spaces, pairs of characters."""
    runs = UNSPACED.findall(text)
    pairs = {run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))}
    return wording.starts(UNSPACED.sub(" ", text) if runs else text) | pairs


def _best(scores: FloatArray, n: int) -> IntArray:
    """Places of the n highest, the first of equal ones first."""
    return np.argsort(-scores, kind="stable")[:n].astype(np.int32)


def read(hits: Sequence[Hit], page_text: PageText) -> list[Excerpt]:
    """The sentences that say something, each text once."""
    found: dict[str, Excerpt] = {}
    for hit in hits:
        headings = {" ".join(heading.split()).casefold() for heading in hit.chunk.heading}
        for at in hit.chunk.spans:
            body, before = _slice(at, page_text), 0
            for start, end in sentences.split(body):
                text = " ".join(body[start:end].split())
                span = replace(at, start=at.start + start, end=at.start + end)
                lead = at.start + (before if PRONOUN.match(text) else start)
                before = start
                if _says(text) and text.casefold() not in headings:
                    found.setdefault(text.casefold(), Excerpt(span, lead, text, hit))
    return list(found.values())


def _says(text: str) -> bool:
    return len(text.split()) > HEADING_WORDS or bool(SAYS.search(text))


def _joined(best: Sequence[Excerpt], page_text: PageText) -> list[tuple[Span, str]]:
    """With the documents that they are of."""
    joined: list[tuple[Span, str]] = []
    for sentence in best:
        span = replace(sentence.span, start=sentence.lead)
        for i, (other, document) in enumerate(joined):
            if whole := _whole(other, span, page_text):
                joined[i] = whole, document
                break
        else:
            joined.append((span, sentence.hit.document))
    return joined


def _whole(a: Span, b: Span, page_text: PageText) -> Span | None:
    """Both as one, where they stand together."""
    first, last = sorted((a, b), key=lambda span: span.start)
    if (a.doc_id, a.page) != (b.doc_id, b.page):
        return None
    if page_text(a.doc_id, a.page)[first.end : last.start].strip():
        return None
    return replace(first, end=max(a.end, b.end))


def _slice(span: Span, page_text: PageText) -> str:
    return page_text(span.doc_id, span.page)[span.start : span.end]
