"""What a question asks to be looked for: its telling words, and places that it names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

STOP_WORDS = frozenset(
    """a about all an and any are as at be been being but by can could did do does doing for from
    had has have having he her him his how i if in into is it its let many may me might more most
    much must my no nor not of off on or our out over own shall she should so some such tell than
    that the their them then there these they this those to too under until up us was we were what
    when where which while who whom whose why will with would you your""".split()
)
"""Words that stand in nearly every question and tell nothing of what it is about."""
ENGLISH = re.compile(
    r"\b(?:the|what|when|where|which|who|whose|why|how|does|did|my|should|would)\b", re.IGNORECASE
)
"""A word that questions in other languages do not have."""
MIN_LETTERS = 5
"""Of a word that may be a misspelt name; in shorter ones too much is alike."""
ALIKE = 0.8
"""Of 1, how much of a misspelt name is that name."""
FIGURE = re.compile(
    r"\b(fig(?:ure)?|table|chart|exhibit|appendix|section|note|item)s?\.?\s*(\d+(?:[.-]\d+)*)\b"
)
ORDINALS = {
    word: str(number)
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth".split(), start=1
    )
}
PLACE = re.compile(
    r"\b(page|slide)\s+(\d+|[ivxlc]+)\b"
    rf"|\b({'|'.join(ORDINALS)})\s+(?:cover\s+)?(page|slide)\b",
    re.IGNORECASE,
)
ENDING = re.compile(r"(?:ings?|edly|ed|ies|es|s|e|y|ly|ions?|ments?)$")
MIN_START = 4
"""Letters that the forms of a word share, at least."""
ASKS_YES_OR_NO = re.compile(
    r"\W*(?:is|are|was|were|does|do|did|has|have|had|can|could|will|would|should|may|must)(?:n't)? "
    r"(?!you\b|\d)(?!.*\bor\b(?! not\b))",
    re.IGNORECASE | re.DOTALL,
)
"""A question with "or" mostly names what to choose from; "Can you list" asks for something else."""

RELATE = (
    r"(?:relat|correlat|correspond|align|reflect|connect|link)(?:es|ed|e|s)?\b"
    r"(?:\s+(?:in|up|back))?(?:\s+(?:to|with|on))?"
)
RELATED = re.compile(
    rf"\bhow\b(.+?)\b(?<!-){RELATE}\s(.+)"
    r"|\b(?:relationships?|correlations?|connections?|links?)\s+between\b(.+?)\band\b(.+)"
    r"|(?:^|(?<!\W)(?=[^\w,]*+,))\W*+(?:relate|correlate|align|link|connect)\s(.+?)\b(?:to|with)\b(.+)",
    re.IGNORECASE | re.DOTALL,
)
COMPARED = re.compile(
    r"\bhow\b(.+?)\b(?<!-)compares?\s+(?:to|with|against)\s(.+?)(?:\band (?:what|how|why)\b|$)",
    re.IGNORECASE | re.DOTALL,
)
PARTS = frozenset(
    """areas aspects details discussed discussion documents figures information insights mentioned
    notes outlined overview pages parts provided reported reports sections shared statements text
    earlier historical last latest month months previous prior quarter quarters recent year years
    """.split()
)
"""Words for parts of a document, what stands there and periods, which tell nothing of what it is
about."""


@dataclass(frozen=True, slots=True)
class Named:
    """Places that a question names. labels: of pages and slides, "page 4", "page iv". figures:
    match "Figure 4" and the like where they are printed."""

    labels: frozenset[str] = frozenset()
    figures: tuple[re.Pattern[str], ...] = ()

    def are_at(self, number: int, label: str, text: str) -> bool:
        """Whether it is this page, by its physical number or its label, or stands on it."""
        names = {label.casefold(), f"page {number}", f"slide {number}"}
        return bool(self.labels & names) or any(figure.search(text) for figure in self.figures)


def telling(question: str) -> list[str]:
    """Its words without stop words, or with them where there are no others; of two forms of one
    word the first."""
    words = re.findall(r"\w+", question.casefold())
    kept = [word for word in words if word not in STOP_WORDS] or words
    first: dict[str, str] = {}
    for word in kept:
        first.setdefault(start(word), word)
    return list(first.values())


def named(question: str) -> Named:
    """The pages, slides, figures, tables and so on that a question names by their number."""
    folded = question.casefold()
    labels = {
        f"{before or after} {number or ORDINALS[ordinal]}"
        for before, number, ordinal, after in PLACE.findall(folded)
    }
    figures = dict.fromkeys(FIGURE.findall(folded))
    return Named(frozenset(labels), tuple(_printed(kind, number) for kind, number in figures))


def without_places(question: str) -> str:
    """Without the pages and slides that it names, whose numbers are no figures."""
    return PLACE.sub(" ", question)


def sides(question: str, pattern: re.Pattern[str]) -> tuple[frozenset[str], frozenset[str]] | None:
    """Of a question for how one thing relates or compares to another, as RELATED or COMPARED find
    it, the words of either, as `start` gives them, without names, numbers and words of both. None
    of other questions, and where one of the two has no words of its own."""
    found = pattern.search(question)
    if not found:
        return None
    one, other = (
        {start(word) for word in re.findall(r"\b[a-z]{3,}\b", side)} - TELL_NOTHING
        for side in found.groups()
        if side
    )
    both = (frozenset(one - other), frozenset(other - one))
    return both if all(both) else None


def may_be_misspelt(word: str) -> bool:
    return len(word) >= MIN_LETTERS and word.isalpha()


def name_words(name: str) -> list[str]:
    """The words of a file's name or a title, in small letters."""
    return re.findall(r"[^\W\d_]+", name.casefold())


def corrected(unknown: Iterable[str], names: Iterable[str]) -> list[str]:
    """For words that stand nowhere, the words of names that they are most like.

    Documents are asked about by name, and a name that is misspelt finds none of them.
    """
    words = {w for name in names for w in name_words(name)}
    found: list[str] = []
    for word in filter(may_be_misspelt, unknown):
        near = [
            w
            for w in words
            if w[0] == word[0] and may_be_misspelt(w) and abs(len(w) - len(word)) <= 2
        ]
        found += get_close_matches(word, sorted(near), 1, ALIKE)
    return found


def start(word: str) -> str:
    """The start that the forms of a word share; short words and numbers as they are."""
    shared = ENDING.sub("", word)
    return shared if len(shared) >= MIN_START and word.isalpha() else word


def starts(text: str) -> frozenset[str]:
    """Of its telling words."""
    return frozenset(map(start, telling(text)))


def _printed(kind: str, number: str) -> re.Pattern[str]:
    written = r"fig(?:ure)?" if kind.startswith("fig") else kind
    return re.compile(rf"\b{written}s?\.?\s*{re.escape(number)}\b(?![.-]?\d)", re.IGNORECASE)


TELL_NOTHING = frozenset(map(start, PARTS | STOP_WORDS))
