"""Words that the end of a line divides, made whole again, and characters that hide words.

A hyphen at the end of a line may belong to the word (long-term) or not (ter-minal). The document
itself tells: by how it writes the word elsewhere, and by which of the two it has more of.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.sentences import word_set
from rag.types import Page

Edit = tuple[int, int, str]
"""text[start:end] is read as what comes third."""

LETTER = r"[^\W\d_]"
HYPHEN = "\u2010\u00ad-"
AT_LINE_END = re.compile(rf"(?<=\w)[{HYPHEN}][ \u00a0]?\n[ \u00a0]*(?=\w)")
SOFT = re.compile("\u00ad")
BREAK = re.compile(r"[ \u00a0]*\n?[ \u00a0]*")
LEFT = re.compile(rf"[\w/.@{HYPHEN}]*\w$")
RIGHT = re.compile(rf"\w[\w/.@{HYPHEN}]*")
WORDS = re.compile(rf"{LETTER}+(?:[{HYPHEN}]{LETTER}+)*")
LEAST_PART = 3
"""Letters of a word that may be part of a hyphenated one; "in" and "re" are mostly syllables."""
LONGEST_WORD = 60
FIRST_PARTS = word_set("self cross non half quasi")
LAST_PARTS = word_set("based related term driven oriented specific free wide level")
"""Of words that are mostly written with a hyphen."""

LIGATURES = dict(zip("ﬀﬁﬂﬃﬄﬅﬆ", ["ff", "fi", "fl", "ffi", "ffl", "st", "st"], strict=True))
ODD = re.compile(
    r"[ﬀ-ﬆ]|(?<!\d)[\u00a0\u202f\u2009]|[\u00a0\u202f\u2009](?!\d)|[\u200b\u2060\ufeff]"
)
BLANKS = re.compile(r"(?<=\S)(?=[ \u00a0]{2}(?![ \u00a0]{2}))[ \u00a0]{2,3}(?=\S)")


@dataclass(frozen=True, slots=True)
class _Division:
    """A hyphen at text[start:end], the break included, between `left` and `right`, each up to
    the nearest blank. soft: one that is only there to be seen at the end of a line."""

    page: int
    start: int
    end: int
    left: str
    right: str
    soft: bool


def edits(pages: Sequence[Page]) -> dict[int, list[Edit]]:
    """What is read differently, by the number of the page, in order and without overlap."""
    divisions = [division for page in pages for division in _divisions(page)]
    found: dict[int, list[Edit]] = {page.number: list(_tidied(page.text)) for page in pages}
    if divisions:
        hyphens = _hyphens(divisions, _vocabulary(pages, divisions))
        for division, hyphen in zip(divisions, hyphens, strict=True):
            found[division.page].append((division.start, division.end, hyphen))
    return {number: _apart(made) for number, made in found.items() if made}


def _tidied(text: str) -> Iterator[Edit]:
    if not text.isascii():
        for found in ODD.finditer(text):
            blank = " " if found.group().isspace() else ""
            yield found.start(), found.end(), LIGATURES.get(found.group(), blank)
    if "  " in text or "\u00a0" in text:
        for found in BLANKS.finditer(text):
            yield found.start(), found.end(), " "


def _apart(made: list[Edit]) -> list[Edit]:
    """The longer of two edits that overlap."""
    kept: list[Edit] = []
    for edit in sorted(made, key=lambda edit: (edit[0], -edit[1])):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


def _divisions(page: Page) -> Iterator[_Division]:
    text = page.text
    places = {found.start(): found.end() for found in SOFT.finditer(text)}
    places |= {found.start(): found.end() for found in AT_LINE_END.finditer(text)}
    for at in page.hyphens:
        broken = BREAK.match(text, at + 1)
        places[at] = broken.end() if broken and "\n" in broken.group() else at + 1
    for start, end in sorted(places.items()):
        left = LEFT.search(text, max(0, start - LONGEST_WORD), start)
        right = RIGHT.match(text, end, end + LONGEST_WORD)
        before, after = left.group() if left else "", right.group() if right else ""
        if not (before[-1:].isdigit() and after[:1].isdigit() and "\n" in text[start:end]):
            yield _Division(page.number, start, end, before, after, text[start] == "\u00ad")


def _vocabulary(pages: Iterable[Page], divisions: Iterable[_Division]) -> set[str]:
    """Words, and pairs of words with a hyphen, of all the text that no line end divides."""
    by_page: dict[int, list[_Division]] = {}
    for division in divisions:
        by_page.setdefault(division.page, []).append(division)
    known: set[str] = set()
    for page in pages:
        at = 0
        for d in by_page.get(page.number, ()):
            known.update(WORDS.findall(page.text[at : max(at, d.start - len(d.left))].casefold()))
            at = d.end + len(d.right)
        known.update(WORDS.findall(page.text[at:].casefold()))
    compounds = [re.split(f"[{HYPHEN}]", word) for word in known if not word.isalpha()]
    for parts in compounds:
        known.update(f"{a}-{b}" for a, b in pairwise(parts))
    return known


def _hyphens(divisions: Sequence[_Division], known: set[str]) -> list[str]:
    """What is read in the place of each: nothing, or a hyphen."""
    told = [_told(division, known) for division in divisions]
    counts = Counter(told)
    usual = "" if counts[""] >= counts["-"] else "-"
    return [
        _guess(d, known, usual) if t is None else t for d, t in zip(divisions, told, strict=True)
    ]


def _told(division: _Division, known: set[str]) -> str | None:
    """What the document itself says, None where it does not."""
    a, b = _parts(division)
    if not (a.isalpha() and b.isalpha() and b[0].islower()):
        return "-"
    joined, hyphenated = (a + b).casefold() in known, f"{a}-{b}".casefold() in known
    if joined == hyphenated:
        return None
    return "" if joined else "-"


def _parts(division: _Division) -> tuple[str, str]:
    """The letters and digits on either side."""
    a = re.search(r"\w*$", division.left)
    b = re.match(r"\w*", division.right)
    return (a.group() if a else ""), (b.group() if b else "")


def _guess(division: _Division, known: set[str], usual: str) -> str:
    is_shouted = len(_parts(division)[0]) > 1 and _parts(division)[0].isupper()
    a, b = (part.casefold() for part in _parts(division))
    if is_shouted or a in FIRST_PARTS or b in LAST_PARTS:
        return "-"
    both = min(len(a), len(b)) >= LEAST_PART and a in known and b in known
    compound = re.search(rf"[/@{HYPHEN}]", division.left + division.right)
    if both or compound:
        return "-"
    return "" if division.soft else usual
