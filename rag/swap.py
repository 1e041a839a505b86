"""Whether a line gives a figure or name to something else than a sentence does.

"Hotels up to £110 a night, £160 in London" holds all of "The limit in London is £110". Which of
several figures of a kind is meant is told by the words of the question that stand behind them: one
belongs to the figure in front of it when that is the nearest too, and what stands in brackets to
the name in front. "Respectively" gives the first figure to the first year, the second to the
second. A time of day is that of the word closely in front of it: "opens at 8:30 and closes at
17:00" does not open at 17:00. In doubt nothing is swapped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rag import facts
from rag.facts import Facts

TOKEN = re.compile(r"[,;]|[$€£¥₹]?\s?\d(?:[\d.,’]*\d)?\s?%?|[^\W\d_]+(?:['’-][^\W\d_]+)*")
CROSSING = 3
"""Words that a comma or semicolon is as far as."""
CLOSELY = 3
"""Words in front of a time of day that say what it is the time of."""
MONEY = frozenset("dollar euro pound penny pence cent".split())
CLAUSE = re.compile(r"\s*(?:\(?\d+(?:\.\d+)*[.)]|\d+(?:\.\d+)+)\s+(?=[A-Z])")
"""The number of a clause in front of its text: no figure of it."""
IN_TURN = re.compile(r"\brespectively\b", re.IGNORECASE)
BRACKETED = re.compile(
    r"(?<![^(),;])(?:(?![^\W\d_])[^(),;])*+"
    r"([^\W\d_](?:[^(),;\s]|\s++(?!\())*+)\s*+\(([^()]+)\)"
)


@dataclass(frozen=True, slots=True)
class _Token:
    """at: its place, separators counted. stems: of a word. digits, kind: of a figure. year: one, or
    0."""

    at: int
    stems: frozenset[str] = frozenset()
    digits: int | None = None
    kind: str = ""
    year: int = 0


def is_swapped(line: str, said: Facts, asked: Facts) -> bool:
    """line: a sentence of prose that holds what is said."""
    clause = CLAUSE.match(line)
    line = line[clause.end() :] if clause else line
    return (
        _is_figure_swapped(line, said, asked)
        or _is_name_swapped(line, said, asked)
        or _is_time_swapped(line, said, asked)
    )


def _is_figure_swapped(line: str, said: Facts, asked: Facts) -> bool:
    known = {number.digits for number in asked.numbers}
    new = {number.digits for number in said.numbers if not number.year} - known
    tokens = list(_tokens(line)) if new else []
    ours = [token for token in tokens if token.digits in new]
    if len({token.digits for token in ours}) != 1:
        return False
    kinds = {token.kind for token in ours}
    others = [
        token
        for token in tokens
        if token.digits is not None and token.digits not in new | known and token.kind in kinds
    ]
    if not others:
        return False
    if IN_TURN.search(line):
        return _is_out_of_turn(line, ours[0].digits, kinds, said.years or asked.years)
    numbers = {number.digits for number in said.numbers} & known
    words = [[t.at for t in tokens if stem in t.stems] for stem in asked.stems & said.stems]
    words += [[t.at for t in tokens if t.digits == digits] for digits in numbers]
    return any(
        all(_stand_behind(place, others, ours) for place in places)
        and _nearest(places, others) < _nearest(places, ours)
        for places in filter(None, words)
    )


def _is_out_of_turn(line: str, digits: int | None, kinds: set[str], years: frozenset[int]) -> bool:
    """Whether the one year that is meant has another figure, where there are as many as years."""
    listed: list[int] = []
    for part in IN_TURN.split(line)[:-1]:
        tokens = list(_tokens(part))
        listed = [token.year for token in tokens if token.year] or listed
        told = [token.digits for token in tokens if token.kind in kinds and not token.year]
        if digits in told:
            meant = [i for i, year in enumerate(listed) if year in years]
            even = len(told) == len(listed) and len(meant) == 1
            return even and told[meant[0]] != digits
    return False


def _stand_behind(place: int, some: list[_Token], others: list[_Token]) -> bool:
    before = [-1, *(token.at for token in some if token.at < place)]
    return before[-1] > max([-1, *(token.at for token in others if token.at < place)])


def _is_name_swapped(line: str, said: Facts, asked: Facts) -> bool:
    named = {name.stem for name in said.names} - asked.stems
    common = asked.stems & said.stems
    for whom, what in BRACKETED.findall(line) if named else ():
        words, names = facts.read(what).stems, {name.stem for name in facts.read(whom).names}
        if words and words <= common and names and not names & named:
            return True
    return False


def _is_time_swapped(line: str, said: Facts, asked: Facts) -> bool:
    """Whether what is asked stands closely in front of another time, and words that nobody said in
    front of the one that is told."""
    told = facts.read(line)
    times = facts.times(told.stems)
    ours = {time for time in times if _is_said(time, said)}
    if len(ours) != 1 or not times - ours or any(_is_said(time, asked) for time in ours):
        return False
    words = [item for item in told.sequence if isinstance(item, str)]
    places = [-1, *(i for i, word in enumerate(words) if word in times)]
    fronts = {
        words[place]: words[max(before, place - CLOSELY - 1) + 1 : place]
        for before, place in pairwise(places)
    }
    own = set(fronts[ours.pop()])
    if not own or own & said.stems:
        return False
    common = asked.stems & said.stems
    return any(common & {*front} for time, front in fronts.items() if not _is_said(time, said))


def _is_said(time: str, known: Facts) -> bool:
    return bool({time, *facts.other_clocks(time)} & facts.times(known.stems | known.coined))


def _nearest(places: list[int], figures: list[_Token]) -> int:
    return min(abs(place - figure.at) for place in places for figure in figures)


def _tokens(line: str) -> Iterator[_Token]:
    days = facts.places_of_days(line)
    found = [(match.start(), match.group().strip()) for match in TOKEN.finditer(line)]
    known = [facts.read(text) for _, text in found]
    at = 0
    for i, (start, text) in enumerate(found):
        at += CROSSING if text in ",;" else 1
        if text[-1].isdigit() or text[-1] == "%":
            behind = known[i + 1].stems if i + 1 < len(known) else frozenset()
            for number in known[i].numbers:
                if number.year or start not in days:
                    year = int(number.value) if number.year else 0
                    yield _Token(at, digits=number.digits, kind=_kind(text, behind), year=year)
        elif text not in ",;":
            yield _Token(at, known[i].stems)


def _kind(text: str, behind: frozenset[str]) -> str:
    if not text[0].isdigit() or behind & MONEY:
        return "money"
    return "%" if text[-1] == "%" else " ".join(sorted(behind))
