"""What one sentence of an answer claims, as bits that lines of a source bear out or do not."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag import facts, figures
from rag.evidence import Line, Stretch
from rag.facts import Day, Facts, Name
from rag.figures import Asked, Number

TOPIC_WEIGHT = 0.4
"""Of a word that the question holds too, against one that only the answer brings."""
CONTEXT_WEIGHT = 0.5
"""Of a word in a file name, heading or table heading, against one in the quote."""
NEIGHBOURS = 3
"""Words and figures on either side by which one figure or name is told from another."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Each part of the sentence has a bit of its own in every mask.

    said: the sentence. words: bits by stem. weights: by bit, 0 for figures and dates. aliases:
    initials of a name, to the bits of its words. required: bits that must all be borne out. named:
    bits of names. brought: bits of words that are neither names nor in the question. subject: stems
    of the first name. owners: by the bit of a figure, the stem of the last name before it. years:
    those that the figures must belong to. short: the sentence says little beside names and figures,
    and is placed with the help of the question.
    """

    said: Facts
    words: dict[str, int]
    weights: tuple[float, ...]
    aliases: dict[str, int]
    numbers: tuple[tuple[Number, int], ...]
    days: tuple[tuple[frozenset[Day], int], ...]
    months: tuple[tuple[int, int], ...]
    required: int
    named: int
    brought: int
    new: int
    subject: frozenset[str]
    owners: dict[int, str]
    years: frozenset[int]
    sequence: tuple[str | Number, ...]
    short: bool

    @property
    def subject_bits(self) -> int:
        return union(self.words[stem] for stem in self.subject)

    @property
    def word_bits(self) -> int:
        return (1 << len(self.words)) - 1

    @property
    def figure_bits(self) -> int:
        return union(bit for _, bit in (*self.numbers, *self.days))

    @property
    def digits(self) -> frozenset[int]:
        """Of its figures, as Number has them."""
        return frozenset(number.digits for number, _ in self.numbers)

    def covered(self, own: int, around: int) -> float:
        """Share of the words' weight that the quote and its headings hold; 1 without words."""
        total = sum(self.weights)
        if not total:
            return 1.0
        lent = around & ~own
        held = weigh(own | (lent & self.named), self.weights)
        return (held + CONTEXT_WEIGHT * weigh(lent & ~self.named, self.weights)) / total

    def worth(self, mask: int) -> float:
        """Names and figures first, then words."""
        return weigh(mask, self.weights) + 2.0 * (mask & self.required).bit_count()

    def keys(self, mask: int) -> list[str | int]:
        """The names and figures among the bits, as `beside` knows them."""
        names = [stem for stem, bit in self.words.items() if bit & mask & self.named]
        return [*names, *(number.digits for number, bit in self.numbers if bit & mask)]


class Vocabulary:
    """The words of all passages: which are rare, and which are names."""

    def __init__(self, stretches: Sequence[Stretch], question: Facts) -> None:
        lines = [line.facts for stretch in stretches for line in stretch.lines]
        self._question = question
        self._n_lines = len(lines)
        self._frequency = Counter(stem for line in lines for stem in line.stems)
        self._lower = frozenset(stem for line in lines for stem in line.lower)
        self._proper = frozenset(
            name.stem for line in lines for name in line.names if not name.opening
        )

    def weight(self, stem: str) -> float:
        """Rare words tell more; one that no passage holds counts like one held once."""
        return math.log1p(self._n_lines / self._frequency.get(stem, 1))

    def is_name(self, name: Name) -> bool:
        """Whether a capital in the answer makes a name, which the source must hold."""
        if not name.opening:
            return True
        if name.stem in self._lower:
            return False
        if name.paired or name.stem in self._proper:
            return True
        known = name.stem in self._frequency or name.stem in self._question.lower
        return not (name.ordinary or known)

    def has_rival(self, claim: Claim, names: Iterable[Name]) -> bool:
        """Whether any of a line's names is of someone or something that the claim leaves out."""
        known = claim.words.keys() | self._question.stems
        return any(
            name.stem not in known
            and name.stem not in self._lower
            and (not name.opening or name.paired or not name.ordinary)
            for name in names
        )

    def claim(self, said: Facts, topic: Facts) -> Claim:
        """topic: what the sentence answers; its words count for less."""
        names = [name for name in said.names if self.is_name(name)]
        stems = sorted(said.stems)
        words = {stem: 1 << i for i, stem in enumerate(stems)}
        dated = [*said.numbers, *said.days, *sorted(said.months)]
        bits = iter([1 << (len(stems) + i) for i in range(len(dated))])
        numbers = tuple((number, next(bits)) for number in said.numbers)
        days = tuple((readings, next(bits)) for readings in said.days)
        months = tuple((month, next(bits)) for month in sorted(said.months))
        named = union(words[name.stem] for name in names)
        brought = union(words[stem] for stem in said.stems - topic.stems) & ~named
        few = len(stems) <= 2 and not said.auxiliary
        return Claim(
            said=said,
            words=words,
            weights=(*(self._scaled(stem, topic) for stem in stems), *[0.0] * len(dated)),
            aliases=_aliases(names, words),
            numbers=numbers,
            days=days,
            months=months,
            required=named | union(bit for _, bit in (*numbers, *days, *months)),
            named=named,
            brought=brought,
            new=union(words[stem] for stem in said.stems - topic.stems),
            subject=_subject(names),
            owners=_owners(said.sequence, numbers, {name.stem for name in names}),
            years=said.years or topic.years,
            sequence=said.sequence,
            short=not brought or (few and brought.bit_count() == 1),
        )

    def _scaled(self, stem: str, topic: Facts) -> float:
        return self.weight(stem) * (TOPIC_WEIGHT if stem in topic.stems else 1.0)


def held_by_line(claim: Claim, line: Line, asked: Asked) -> int:
    """Bits that the line bears out by itself."""
    mask = _words(claim, line.facts) | _dates(claim, line.facts)
    scales = line.table.scales if line.table else frozenset()
    for number, bit in claim.numbers:
        for figure in (*line.facts.numbers, *line.facts.parts):
            if figures.bears(
                number, figure, in_table=line.table is not None, scales=scales, asked=asked
            ) and (number.year or _in_column(claim, line, figure)):
                mask |= bit
    if not line.cells:
        return mask
    mask |= _bits(claim, frozenset[str]().union(*(name.stems for name, _ in line.cells)))
    return mask & ~_misplaced(claim, line)


def held_by_heading(claim: Claim, heading: Facts, plain_name: str = "") -> int:
    """Bits that a heading or file name bears out: words, dates and years, but no figures."""
    mask = _words(claim, heading) | _dates(claim, heading)
    if plain_name:
        inside = (stem for stem in claim.words if len(stem) > 3 and stem in plain_name)
        mask |= union(claim.words[stem] for stem in inside)
    values = {int(part.value) for part in heading.parts} | heading.years
    return mask | union(bit for number, bit in claim.numbers if number.value in values)


def held_by_table(claim: Claim, heading: Facts) -> int:
    """The same of what stands above a table, which tells no times of day of its rows."""
    return held_by_heading(claim, heading) & ~_bits(claim, facts.times(claim.words))


def beside(sequence: Sequence[str | Number], key: str | int) -> set[str | int]:
    """What stands within NEIGHBOURS of `key`; a number is known by its digits."""
    keys = [item if isinstance(item, str) else item.digits for item in sequence]
    near = [
        keys[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1] for i, k in enumerate(keys) if k == key
    ]
    return {item for run in near for item in run if item != key}


def weigh(mask: int, weights: Sequence[float]) -> float:
    total = 0.0
    while mask:
        low = mask & -mask
        total += weights[low.bit_length() - 1]
        mask ^= low
    return total


def union(masks: Iterable[int]) -> int:
    joined = 0
    for mask in masks:
        joined |= mask
    return joined


def _aliases(names: Sequence[Name], words: dict[str, int]) -> dict[str, int]:
    aliases: dict[str, int] = {}
    for name in names:
        if name.initials:
            aliases[name.initials] = aliases.get(name.initials, 0) | words[name.stem]
    return aliases


def _subject(names: Sequence[Name]) -> frozenset[str]:
    names = [name for name in names if name.stem.isalpha()] or names
    if not names:
        return frozenset()
    run = [name.stem for name in names if name.initials and name.initials == names[0].initials]
    return frozenset({names[0].stem, *run})


def _owners(
    sequence: Sequence[str | Number],
    numbers: Sequence[tuple[Number, int]],
    names: Collection[str],
) -> dict[int, str]:
    bits = {id(number): bit for number, bit in numbers}
    owners: dict[int, str] = {}
    owner = ""
    for item in sequence:
        if isinstance(item, str):
            owner = item if item in names else owner
        elif owner and id(item) in bits:
            owners[bits[id(item)]] = owner
    return owners


def _words(claim: Claim, known: Facts) -> int:
    held = (known.stems | known.coined) & claim.words.keys()
    mask = union(claim.words[stem] for stem in held)
    return mask | union(claim.aliases[stem] for stem in known.stems & claim.aliases.keys())


def _dates(claim: Claim, known: Facts) -> int:
    if not (claim.days or claim.months):
        return 0
    days = frozenset(day for readings in known.days for day in readings)
    months = known.months | {month for month, _ in days}
    held = [bit for readings, bit in claim.days if readings & days]
    return union([*held, *(bit for month, bit in claim.months if month in months)])


def _in_column(claim: Claim, line: Line, figure: Number) -> bool:
    year = line.year_of(figure)
    if year is not None and claim.years and year not in claim.years:
        return False
    name = line.name_of(figure)
    return name is None or _is_named(claim, name) or not _names_another(claim, line, name)


def _misplaced(claim: Claim, line: Line) -> int:
    """Bits of words that a row has under another column than the claim says. "Wednesday: PE |
    Friday: Art" bears out no art on Wednesday, nor that Wednesday is meant.

    Where the claim names a column but not what stands there, it says the name with a capital for
    another reason, or the question's name of a column, or one right in front of another value."""
    told = [(name, value) for name, value in line.cells if says_of(claim, value)]
    said = frozenset[str]().union(*(value.stems for _, value in told))
    named = [name for name, _ in line.cells if _is_named(claim, name) and name.stems - said]
    unsaid = [name for name in named if not any(name is other for other, _ in told)]
    # Figures are held to their columns one by one.
    if not any(value.stems for name, value in told if name is not line.cells[0][0]):
        unsaid = [name for name, value in line.cells if name in unsaid and value.stems]
    names = _bits(claim, frozenset[str]().union(*(name.stems for name in unsaid)) - said)
    if not told or not unsaid:
        return names & claim.named
    right = [name.stems | value.stems for name, value in told if name in named]
    kept = _bits(claim, frozenset[str]().union(*right))
    # "The flight from Leeds" is as "Flight: TP1321 | From: Leeds" has it, whose name is no word.
    known = [name for name, _ in line.cells[:1]] + [name for name, _ in line.cells if name.stems]
    others = (value.stems for name, value in told if name in known and name not in named)
    loose = frozenset[str]().union(*others)
    behind = {b for a, b in pairwise(claim.sequence) if any(a in n.stems for n in unsaid)}
    values = _bits(claim, loose if not names & claim.new else loose & behind) & claim.new
    return (names & claim.named | values) & ~kept


def _bits(claim: Claim, stems: frozenset[str]) -> int:
    return union(claim.words[stem] for stem in stems & claim.words.keys())


def says_of(claim: Claim, value: Facts) -> bool:
    """Whether the claim says anything of a cell."""
    numbers = {number.digits for number in value.numbers}
    days = frozenset(day for readings in value.days for day in readings)
    return bool(
        value.stems & claim.words.keys()
        or numbers & claim.digits
        or any(readings & days for readings, _ in claim.days)
    )


def _is_named(claim: Claim, name: Facts) -> bool:
    """Whether the claim says all of the name of a column, which may be but "No." or "#"."""
    return bool(name) and name.stems <= claim.words.keys() and name.years <= claim.years


def _names_another(claim: Claim, line: Line, name: Facts) -> bool:
    """Whether the claim says the name of another column of the row."""
    return any(_is_named(claim, other) for other, _ in line.named if other is not name)
