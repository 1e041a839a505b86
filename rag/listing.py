"""Which documents mention something: understood and told by code, found in the index of words.

A model reads six passages; the index knows every one, so the list is complete. English wordings,
and only those that ask for documents by what they mention.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag import sentences
from rag.types import Answer, Citation, Hit, Mention, Sentence, Span

MOST_SHOWN = 20
MOST_WORDS = 8

DOCUMENTS = r"(?:of (?:my |the |these |our )?)?(?:documents?|docs|files?|pdfs?)"
THAT = r"(?:(?:that|which) )?"
SPEAK = (
    r"(?:mention(?:s|ed|ing)?|contain(?:s|ing)?|refer(?:s|ring)? to|discuss(?:es|ing)?|"
    r"talk(?:s|ing)? about|speak(?:s|ing)? (?:of|about)|deal(?:s|ing)? with|"
    r"(?:is|are) about|use(?:s)? the (?:word|words|term|phrase))"
)
BE = r"(?:is|are|does|do|was|were)"
APPEAR = r"(?:mentioned|named|discussed|referred to|appear|appears|occur|occurs|found|come up)"
WITH = rf"(?:{SPEAK}|about|with(?: the (?:word|words|term|phrase))?)"
LIST = r"(?:please )?(?:list|show|name|find|give)(?: me)?(?: all| every| the)*"
PATTERNS = tuple(
    re.compile(rf"^\W*{pattern}\W*$", re.IGNORECASE)
    for pattern in (
        rf"(?:(?:in )?(?:which|what)|how many) {DOCUMENTS} {THAT}(?:do |does )?{SPEAK} (?P<x>.+?)",
        rf"(?:in )?(?:which|what|how many) {DOCUMENTS} {BE} (?P<x>.+?) {APPEAR}",
        rf"{LIST} {DOCUMENTS} {THAT}{WITH} (?P<x>.+?)",
    )
)
CLAUSE = re.compile(r"(?:that|how|why|when|what|whether|who|where|if)\b", re.IGNORECASE)
"""What begins with one of these is meant, not written."""
WORD_OF = re.compile(
    r"^(?:(?:the )?(?:word|words|term|phrase|name|expression)s? |the |an? |any |some )",
    re.IGNORECASE,
)
QUOTES = "\"'“”‘’«»„"


@dataclass(frozen=True, slots=True)
class Listing:
    """phrases: any of which a document is to mention, as asked for."""

    phrases: tuple[str, ...]

    @property
    def shown(self) -> str:
        return " or ".join(f"“{phrase}”" for phrase in self.phrases)


def asked(question: str) -> Listing | None:
    """What documents are asked for by what they mention; None for any other question."""
    text = " ".join(question.split())
    for pattern in PATTERNS:
        if found := pattern.match(text):
            return _listing(found["x"])
    return None


def answer(
    question: str,
    listing: Listing,
    mentions: Sequence[Mention],
    hits: Sequence[Hit],
    page_text: Callable[[str, int], str],
    label: Callable[[str, int], str],
    *,
    exact: bool,
    n_unread: int,
) -> Answer:
    """The list. hits: the first passage of each of the first mentions, in their order. exact: the
    words were found one behind the other, not only in one passage. n_unread: documents and pages
    that are still to be read."""
    lines = [_opening(listing, len(mentions), exact=exact)]
    marked, found, citations = [lines[0]], [], []
    for marker, (mention, hit) in enumerate(zip(mentions, hits, strict=False), start=1):
        span = place(hit, listing.phrases, page_text)
        passages = "1 passage" if mention.n_passages == 1 else f"{mention.n_passages} passages"
        line = f"- {hit.document}: {passages}, the first on {label(span.doc_id, span.page)}"
        start = sum(len(above) + 1 for above in lines)
        lines.append(line)
        marked.append(f"{line} [{marker}]")
        found.append(Sentence(start, start + len(line), (marker,), supported=True))
        quote = page_text(span.doc_id, span.page)[span.start : span.end]
        citations.append(Citation(marker, span, quote, True, hit.document, label=""))
    if n_unread:
        closing = "Not everything is read yet; ask again later for the rest."
        lines.append(closing)
        marked.append(closing)
    return Answer(
        question=question,
        text="\n".join(lines),
        marked="\n".join(marked),
        sentences=tuple(found),
        citations=tuple(citations),
        hits=tuple(hits),
        stop="complete",
        prompt_tokens=0,
        output_tokens=0,
        retrieve_s=0.0,
        first_token_s=None,
        total_s=0.0,
        maker="index",
    )


def place(hit: Hit, phrases: Sequence[str], page_text: Callable[[str, int], str]) -> Span:
    """The first sentence or line of the passage that holds one of the phrases, or else a word."""
    for pattern in [*map(_phrase, phrases), *(_phrase(w) for p in phrases for w in words(p))]:
        for span in hit.chunk.spans:
            text = page_text(span.doc_id, span.page)
            if found := pattern.search(text, span.start, span.end):
                return _sentence(span, text, found.start(), found.end())
    return hit.chunk.spans[0]


def words(phrase: str) -> list[str]:
    return re.findall(r"\w+", phrase)


def _listing(said: str) -> Listing | None:
    phrases = []
    for part in re.split(r"\s+or\s+", said):
        phrase = WORD_OF.sub("", part.strip(f" {QUOTES}"), count=1).strip(f" .,!?{QUOTES}")
        if not words(phrase) or CLAUSE.match(phrase) or len(words(phrase)) > MOST_WORDS:
            return None
        phrases.append(phrase)
    return Listing(tuple(phrases))


def _opening(listing: Listing, n: int, *, exact: bool) -> str:
    if not n:
        return f"No document mentions {listing.shown}."
    who = "1 document mentions" if n == 1 else f"{n} documents mention"
    how = "" if exact else ", the words in one passage, if not one behind the other"
    shown = f" The first {MOST_SHOWN}, those with the most passages first:"
    if n > MOST_SHOWN:
        return f"{who} {listing.shown}{how}.{shown}"
    return f"{who} {listing.shown}{how}:"


def _phrase(phrase: str) -> re.Pattern[str]:
    """The words in a row, whatever their endings and what stands between them."""
    stems = [re.escape(word[: max(3, len(word) - 3)]) for word in words(phrase)]
    return re.compile(r"\W+".join(rf"\b{stem}\w*" for stem in stems), re.IGNORECASE)


def _sentence(span: Span, text: str, start: int, end: int) -> Span:
    for first, last in sentences.split(text[span.start : span.end]):
        if span.start + first <= start < span.start + last:
            return Span(span.doc_id, span.page, span.start + first, max(end, span.start + last))
    return span
