"""Units of text into groups that fit the embedder's window, each the text of one chunk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag import sentences, tables

TINY = 6
"""A section that fills less than one part in this of a chunk may share one with its neighbours."""
MOST_MOVED = 4
LONGEST_TITLE = 110
MOST_TITLE_WORDS = 14
MOST_LEAD_IN_WORDS = 60


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, a table row, or a piece of one too long for the window, at raw text[start:end]
    of a page.

    text: as it is read; empty where it is not. heading: outermost first. runs_on: it ends a
    sentence that began on the page before. head: what is said again above a chunk that starts
    with it, of n_head tokens. whole: tokens of the table that it begins, else 0.
    """

    page: int
    start: int
    end: int
    text: str
    n_tokens: int
    heading: tuple[str, ...] = ()
    runs_on: bool = False
    head: str = ""
    n_head: int = 0
    whole: int = 0

    @property
    def leads_on(self) -> bool:
        """Whether it says little without what follows: a title, column names, "as follows:"."""
        words = self.text.split()
        if not words or self.text[-1] == ":":
            return len(words) <= MOST_LEAD_IN_WORDS
        if len(words) > MOST_TITLE_WORDS or len(self.text) > LONGEST_TITLE:
            return False
        if tables.is_head(self.text):
            return True
        opens = self.text[0].isupper() or self.text[0].isdigit()
        return opens and self.text[-1] not in ".,;!?…" and not sentences.is_row(self.text)


@dataclass(frozen=True, slots=True)
class Group:
    """units: of one chunk, in order. heading: path that holds for all of them."""

    units: tuple[Unit, ...]
    heading: tuple[str, ...]

    @property
    def head(self) -> str:
        return next((unit.head for unit in self.units if unit.text), "")

    @property
    def n_head(self) -> int:
        return next((unit.n_head for unit in self.units if unit.text), 0)

    @property
    def n_tokens(self) -> int:
        return _size(self.units)

    @property
    def is_title(self) -> bool:
        return all(unit.leads_on for unit in self.units)

    def prints(self, titles: Iterable[str]) -> bool:
        """Whether the group's own text says these titles."""
        text = " ".join(" ".join(unit.text for unit in self.units).casefold().split())
        return all(" ".join(title.casefold().split()) in text for title in titles)


def pack(units: Iterable[Unit], most: int) -> list[Group]:
    """Groups in order that hold each unit once. most: tokens of one, table head included.

    What is not read goes with its neighbours on its page.
    """
    groups = [
        Group(tuple(g), next((u.heading for u in g if u.text), ())) for g in _split(units, most)
    ]
    return _joined(groups, most)


def _split(units: Iterable[Unit], most: int) -> Iterator[list[Unit]]:
    group: list[Unit] = []
    waiting: list[Unit] = []
    for unit in units:
        if not unit.text:
            ends_page = group and not waiting and group[-1].page == unit.page
            (group if ends_page else waiting).append(unit)
            continue
        moved = _breaks(group, unit, most)
        if moved is not None:
            kept = group[: len(group) - moved]
            if not moved:
                kept += [u for u in waiting if u.page != unit.page]
                waiting = [u for u in waiting if u.page == unit.page]
            yield kept
            group = group[len(group) - moved :]
        group += [*waiting, unit]
        waiting = []
    if group or waiting:
        yield group + waiting


def _breaks(group: Sequence[Unit], unit: Unit, most: int) -> int | None:
    """How many units at the end of the group begin a new one together with `unit`; None where
    it goes on."""
    last = next((u for u in reversed(group) if u.text), None)
    if last is None:
        return None
    if unit.heading != last.heading:
        return 0
    n_tokens = _size(group)
    is_new_page = unit.page != last.page and not unit.runs_on
    if n_tokens + unit.n_tokens > most or (is_new_page and 2 * n_tokens >= most):
        return _n_moved(group, unit, most, unit.n_tokens)
    if unit.whole <= most < n_tokens + unit.whole:
        # A table that fits into a chunk of its own is not cut in two; what leads up to it comes
        # along, and where that does not fit either, cutting is the lesser evil.
        moved = _n_moved(group, unit, most, unit.whole)
        return moved if moved or not last.leads_on else None
    return None


def _n_moved(group: Sequence[Unit], unit: Unit, most: int, n_tokens: int) -> int:
    """Units at the end of the group that say little without what follows, if they fit with it."""
    moved = n_real = 0
    following = unit
    for i in range(len(group) - 1, 0, -1):
        candidate = group[i]
        if not candidate.text:
            continue
        if n_real == MOST_MOVED or not (following.runs_on or candidate.leads_on):
            break
        n_tokens += candidate.n_tokens
        if n_tokens + candidate.n_head > most or not any(u.text for u in group[:i]):
            break
        moved, n_real, following = len(group) - i, n_real + 1, candidate
    return moved


def _size(units: Iterable[Unit]) -> int:
    read = [unit for unit in units if unit.text]
    return (read[0].n_head if read else 0) + sum(unit.n_tokens for unit in read)


# -- small sections --------------------------------------------------------------------------------


def _joined(groups: Sequence[Group], most: int) -> list[Group]:
    """A title alone goes with what it is the title of, and tiny sections with each other."""
    done: list[Group] = []
    paths = [None, *(group.heading for group in groups), None]
    whole = True
    for i, group in enumerate(groups):
        is_whole = paths[i] != group.heading != paths[i + 2]
        joined = _join(done[-1], group, most, whole and is_whole) if done else None
        if joined:
            done[-1] = joined
        else:
            done.append(group)
            whole = is_whole
    return done


def _join(first: Group, second: Group, most: int, are_whole: bool) -> Group | None:
    sizes = first.n_tokens, second.n_tokens
    if sum(sizes) > most or first.heading == second.heading:
        return None
    common = _common(first.heading, second.heading)
    if first.is_title and common == first.heading:
        return Group(first.units + second.units, second.heading)
    if not are_whole or TINY * min(sizes) > most or 2 * sum(sizes) > most:
        return None
    are_siblings = len(first.heading) == len(second.heading) == len(common) + 1
    if not are_siblings and common not in (first.heading, second.heading):
        return None
    if not all(group.prints(group.heading[len(common) :]) for group in (first, second)):
        return None
    return Group(first.units + second.units, common)


def _common(a: Sequence[str], b: Sequence[str]) -> tuple[str, ...]:
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return tuple(a[:n])
