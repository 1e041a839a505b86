"""Finds, for each sentence of an answer, the shortest passage that bears it out, and marks it.

A sentence is supported when the passage holds all its names, numbers and dates and enough of its
other words, and does not say the opposite in plain words ("no", "forbidden"). That catches wrong
figures, wrong years and invented names. It does not read: an opposite in other words, or two facts
swapped within one sentence of the source, goes unseen.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from rag import evidence, facts, negation, periods, ranges, rivals, sentences
from rag.facts import Facts
from rag.support import Run, Source
from rag.types import Box, Citation, Hit, Sentence, Span

SOURCE_WORD = r"(?:passages?|sources?|documents?|docs?|citations?|refs?|excerpts?|quotes?)"
LIST = rf"(?:{SOURCE_WORD}\s*)?\#?\d{{1,2}}\??"
LISTS = rf"{LIST}(?:\s*(?:,|;|-|–|and|&)\s*{LIST})*"
MARK = rf"""(?:
    \[\s*\^?{LISTS}\s*\] | \[\?\]                            # [1], [2, 3], [Source 4], [?]
  | \[[^\[\]\n]{{0,200}}\bpage\s+[^\[\]\n]{{1,100}}\]        # [report.pdf, page 5]
  | \((?:see\s+)?{SOURCE_WORD}\s*{LISTS}\s*\)                # (Passage 2)
  | 【[^【】\n]{{0,40}}】 )"""
PRINTED = re.compile(
    rf"(?<![ \t])[ \t]*{MARK}(?:[ \t]*(?:,|;|and|&)?[ \t]*{MARK})*",
    re.IGNORECASE | re.VERBOSE,
)
"""Marks that a model prints by itself, or copies from the line above a passage."""

LISTED = re.compile(r",[^,.;:]+,?\s+(?:and|or)\s")
"""In a sentence that lists several things."""
BETWEEN = re.compile(r",\s+(?:(?:and|or)\s+)?|\s+(?:and|or)\s+")
"""Two of them."""
COMPARED = re.compile(
    r"\b(?:more|less|fewer|(?:high|low|great|larg|small|long|short|cheap|dear|old|young)e?r)\b"
    r".*\bthan\b",
    re.IGNORECASE,
)
WAY = re.compile(r"(?:^|\| )(From|To): ([^|]+)", re.IGNORECASE)
"""A cell of a row that tells a journey."""
CALLED = re.compile(r"(?P<name>[^|:]+): (?P<value>[^|]+?) \| [^|:]+: ")
"""The first cell of a row, which tells which row it is."""
WENT = re.compile(r"\b(from|to) ([A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*)")
MOST_IN_ITEM = 3
"""Words, or it is a clause, which may say it in its own words."""
OTHERS = frozenset("other others both similar more rest forth like".split())
"""Which stand for items that are not named."""
PART = 4
"""Letters of a word that may be a part of another one."""
EITHER = re.compile(r"\bor\b", re.IGNORECASE)
YES = re.compile(r"\W*(?:yes|true|correct)\b", re.IGNORECASE)
POLARITY = re.compile(r"\W*(?:yes|no|true|false|correct|incorrect)\b\W*", re.IGNORECASE)
ITEM = re.compile(rf"\s*(?:{sentences.MARKER.pattern})", re.VERBOSE)
LEAD_IN = re.compile(r".*:[\s*_]*", re.DOTALL)
HEADING = re.compile(r"\s*(?:#.*|\*\*[^*]+\*\*)\s*")
TABLE_RULE = re.compile(r"[ \t]*\r?\n[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*(?:[\r\n]|$)")
"""The line under the column names of a Markdown table."""


@dataclass(frozen=True, slots=True)
class Cited:
    """marked: the answer as shown, with " [1]" after a supported sentence, " [2?]" after one that
    its nearest passage does not bear out, and " [?]" after one that no passage comes near; marks
    that the model printed are gone. sentences: offsets into the answer as written; one that states
    nothing to check has no markers and counts as supported. citations: by marker, without boxes.
    opposed: what the source says where a sentence says the opposite, by the sentence's place."""

    marked: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    opposed: dict[int, str] = field(default_factory=dict)


def cite(
    question: str,
    text: str,
    hits: Sequence[Hit],
    page_text: Callable[[str, int], str],
    *,
    is_meta: Callable[[str], bool] = lambda _: False,
    without: Callable[[str], str] = lambda _: "",
    first: int = 1,
    cells: evidence.Cells = MappingProxyType({}),
) -> Cited:
    """Check the answer `text` against the pages that `hits` point into.

    page_text(doc_id, page): the text that spans point into. is_meta: tells sentences that speak of
    the documents rather than from them, such as a refusal; they are neither cited nor marked.
    without: what is left of a sentence without a figure that follows from its others, which no
    passage need hold; empty where there is none. first: the marker of the first citation. cells:
    as for `evidence.read`.
    """
    source = Source(question, evidence.read(hits, cache(page_text), cells))
    topic = source.question
    kept = _without_printed(text)
    found: list[Sentence] = []
    citations: list[Citation] = []
    opposed: dict[int, str] = {}
    for start, end in _sentences(text):
        said = "".join(text[i] for i in kept[bisect_left(kept, start) : bisect_left(kept, end)])
        known, asked = facts.read(_without_item(said)), topic
        if POLARITY.fullmatch(said) or (not known and POLARITY.match(said)):
            known, asked = source.question, Facts()
        elif _announces(said, known, topic, text[end:]):
            topic, known = _merged(source.question, known), Facts()
        if not known or is_meta(said.strip()) or _in_code(text, start):
            found.append(Sentence(start, end, (), supported=True))
            continue
        runs, supported = source.find(known, asked)
        if not supported and (rest := without(said)) and source.find(facts.read(rest), asked)[1]:
            runs, supported = source.find(facts.read(rest), asked)
        quoted = " ".join(run.quote for run in runs)
        bare = YES.match(said) and known == source.question and not EITHER.search(question)
        stated = question if bare else said
        if supported and negation.contradicts(stated, quoted):
            supported, opposed[len(found)] = False, quoted
        elif supported and (
            _lists_more(said, runs)
            or _compares_a_cell(said, known, runs)
            or _goes_the_other_way(said, runs)
            or _is_of_another_range(question, runs)
            or periods.differ(said, quoted, question)
            or rivals.differ(said, quoted, question)
        ):
            supported = False
        markers = [_marker(run, citations, first, supported=supported) for run in runs]
        found.append(Sentence(start, end, tuple(dict.fromkeys(markers)), supported))
    return Cited(_marked(text, kept, found), tuple(found), tuple(citations), opposed)


def _lists_more(said: str, runs: Sequence[Run]) -> bool:
    """Whether one of the items that it lists stands in none of the quotes, and others do."""
    if not LISTED.search(said):
        return False
    known = {stem for run in runs for line in run.lines for stem in line.facts.stems}
    known |= {stem for run in runs for stem in run.stretch.context.stems}
    # The first item stands behind what is said of all.
    items = [
        stems for item in BETWEEN.split(said)[1:] if (stems := facts.read(item).stems - OTHERS)
    ]
    held = [any(_alike(stem, other) for stem in stems for other in known) for stems in items]
    return max(map(len, items), default=0) <= MOST_IN_ITEM and any(held) and not all(held)


def _compares_a_cell(said: str, known: Facts, runs: Sequence[Run]) -> bool:
    """Whether it tells how much more one thing is than another by what a cell says of one: that is
    no difference."""
    rows = all(line.cells for run in runs for line in run.lines)
    return rows and len(known.numbers) == 1 and bool(COMPARED.search(said))


def _rows(runs: Sequence[Run]) -> list[str]:
    return [run.stretch.page[line.span.start : line.span.end] for run in runs for line in run.lines]


def _is_of_another_range(question: str, runs: Sequence[Run]) -> bool:
    """Whether a row is of "more than five years", and what is asked for is that of three."""
    asked = ranges.measure(question)
    if asked is None:
        return False
    value, unit = asked
    called = [cell for row in _rows(runs) if (cell := CALLED.match(row))]
    found = [ranges.of_cell(cell["name"], cell["value"]) for cell in called]
    return any(seen and seen.unit == unit and not seen.holds(value) for seen in found)


def _goes_the_other_way(said: str, runs: Sequence[Run]) -> bool:
    """Whether it says "from" of what a row has under "To", or the other way round."""
    ways = [{name.casefold(): place for name, place in WAY.findall(row)} for row in _rows(runs)]
    for name, place in WENT.findall(said):
        other = "from" if name == "to" else "to"
        told = any(place in way.get(name, "") for way in ways)
        if not told and any(place in way.get(other, "") for way in ways if name in way):
            return True
    return False


def _alike(stem: str, other: str) -> bool:
    """Whether they are the same, or one is a part of the other: "phone" and "telephone"."""
    return stem == other or (
        min(len(stem), len(other)) >= PART and (stem in other or other in stem)
    )


def placed(
    citations: Sequence[Citation],
    label: Callable[[str, int], str],
    boxes: Callable[[Span], tuple[Box, ...]],
) -> tuple[Citation, ...]:
    """The citations with the label of their page, and boxes."""
    return tuple(
        replace(c, label=label(c.span.doc_id, c.span.page), boxes=boxes(c.span)) for c in citations
    )


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Sentences of an answer: a model ends its lines on purpose, unless it copies a page."""
    start = 0
    for found in re.finditer(r"[\r\n]+\s*", text):
        if not text[found.end() : found.end() + 1].islower():
            yield from _shifted(text, start, found.start())
            start = found.end()
    yield from _shifted(text, start, len(text))


def _shifted(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for first, last in sentences.split(text[start:end]):
        yield start + first, start + last


def _without_item(said: str) -> str:
    """Without the bullet or number of a list item, which claims nothing."""
    item = ITEM.match(said)
    return said[item.end() :] if item else said


def _announces(said: str, known: Facts, topic: Facts, after: str) -> bool:
    """Whether the sentence only announces what follows: a heading, column names, "The risks are:".

    One that brings a figure of its own is checked like any other."""
    new = [n for n in known.numbers if n not in topic.numbers and n.shown > 1 and not n.year]
    if new or not after.strip():
        return False
    return bool(LEAD_IN.fullmatch(said) or HEADING.fullmatch(said) or TABLE_RULE.match(after))


def _merged(question: Facts, lead_in: Facts) -> Facts:
    return replace(
        question,
        stems=question.stems | lead_in.stems,
        numbers=question.numbers + lead_in.numbers,
    )


def _in_code(text: str, start: int) -> bool:
    return "```" in text and (text.count("```", 0, start) % 2 == 1 or text.startswith("```", start))


def _marker(run: Run, citations: list[Citation], first: int, *, supported: bool) -> int:
    """The number of the citation for `run`, which is added to `citations` if none covers it."""
    span, hit = run.span, run.stretch.hit
    for i, known in enumerate(citations):
        inside = known.span.start <= span.start and span.end <= known.span.end
        if inside and (known.span.doc_id, known.span.page) == (span.doc_id, span.page):
            citations[i] = replace(known, supported=known.supported or supported)
            return known.marker
    marker = first + len(citations)
    citations.append(Citation(marker, span, run.quote, supported, hit.document, label=""))
    return marker


def _without_printed(text: str) -> list[int]:
    """Offsets of the characters that are not part of a mark printed by the model."""
    kept = list(range(len(text)))
    while True:
        shown = "".join(text[i] for i in kept)
        printed = [found for found in PRINTED.finditer(shown) if not _is_index(shown, found)]
        if not printed:
            return kept
        for found in reversed(printed):
            del kept[found.start() : found.end()]


def _is_index(text: str, found: re.Match[str]) -> bool:
    """`x[1]` in code: a mark never stands in backticks right behind a word."""
    start = found.start()
    return text.count("`", 0, start) % 2 == 1 and (
        text[start - 1].isalnum() or text[start - 1] in "_)]"
    )


def _marked(text: str, kept: Sequence[int], found: Sequence[Sentence]) -> str:
    shown = "".join(text[i] for i in kept)
    pieces: list[str] = []
    done = 0
    for sentence in found:
        end = _place(shown, bisect_left(kept, sentence.end))
        if not (sentence.markers or not sentence.supported) or end <= bisect_left(
            kept, sentence.start
        ):
            continue
        doubt = "" if sentence.supported else "?"
        marks = "".join(f"[{marker}{doubt}]" for marker in sentence.markers) or "[?]"
        pieces += [shown[done:end], " ", marks]
        done = end
    return "".join([*pieces, shown[done:]])


def _place(shown: str, end: int) -> int:
    """Behind the last character of a sentence; in front of the bar that closes a table row."""
    end = len(shown[:end].rstrip())
    return len(shown[: end - 1].rstrip()) if shown[:end].endswith("|") else end
