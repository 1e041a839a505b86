"""Finds the lines of the passages that bear out one sentence of an answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag import facts, figures, swap
from rag.claims import (
    NEIGHBOURS,
    Claim,
    Vocabulary,
    beside,
    held_by_heading,
    held_by_line,
    held_by_table,
    says_of,
    union,
    weigh,
)
from rag.evidence import Line, Stretch
from rag.facts import Facts
from rag.types import Span

LONGEST_RUN = 3
"""Source sentences in one quote."""
LONGEST_LIST = 12
"""Items of one that is a list."""
IN_FULL = 0.8
"""Share of its words with which an item of a list is said in full."""
MOST_QUOTES = 3
"""Quotes behind one sentence."""
MOST_BASES = 3
"""Best runs from which a set of several quotes is tried."""
ENOUGH = 0.5
"""Share, by weight, of a sentence's words that its quotes must hold."""
ENOUGH_ALONE = 0.6
"""The same for a sentence without any name, figure or date."""
ENOUGH_REPEATED = 0.7
"""The same for one that moreover has no word which the question does not have."""
LEAST_SAID = 0.5
"""Share, by weight, of its words that are no names, which quotes without a heading must hold: names
alone bear out nothing that is said of them."""
LEAST_STATED = 4
"""Words and figures in a line without an auxiliary verb that is no mere heading."""
NEAREST = 0.2
"""Share from which a passage that does not bear a sentence out is shown all the same."""
RELEVANT = 0.5
"""Least share of the best line's likeness to the question for what bears out a short sentence."""
TELLING = 0.3
"""Likeness that some line must reach, or the question ("And in 2017?") leads nowhere."""
REFERS = re.compile(
    r"(?:\W*+\w++){0,6}?\W*+\b(?:it|he|she|they|this|these|that|those)\b", re.IGNORECASE
)
LEADING = re.compile(
    r"\W*(?:after|as|at|before|by|during|for|from|if|in|on|since|under|until|when|with)\b",
    re.IGNORECASE,
)
"""Behind one of these at the start the first words do not tell who does it."""
OPENING = 3
"""Words before a verb that tell who does it."""
AKIN = 0.25
"""Share of a sentence's words that a further quote holds beside the names it is there for."""
LENGTH_COST = 0.1
RANK_COST = 0.01
"""Of a score that is about 1 for a perfect fit: for each further line, for each rank."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive lines of a stretch. all_masks: for each line of the stretch, the bits of the
    claim that it bears out itself; around: those that the headings of the run do. near: likeness
    of its main line to the question. score: higher fits better."""

    stretch: Stretch
    first: int
    last: int
    all_masks: Sequence[int]
    around: int
    near: float
    score: float

    @property
    def lines(self) -> tuple[Line, ...]:
        return self.stretch.lines[self.first : self.last + 1]

    @property
    def masks(self) -> Sequence[int]:
        return self.all_masks[self.first : self.last + 1]

    @property
    def own(self) -> int:
        return union(self.masks)

    @property
    def span(self) -> Span:
        return replace(self.lines[0].span, end=self.lines[-1].span.end)

    @property
    def quote(self) -> str:
        return self.stretch.page[self.span.start : self.span.end]


@dataclass(frozen=True, slots=True)
class Held:
    """One line of a set of runs, and the bits that it bears out itself."""

    run: Run
    line: Line
    mask: int

    @property
    def text(self) -> str:
        return self.run.stretch.page[self.line.span.start : self.line.span.end]


class Source:
    """The passages behind one answer, weighed for one question."""

    def __init__(self, question: str, stretches: Sequence[Stretch]) -> None:
        self.question = facts.read(question)
        self._asked = figures.asked_in(question)
        self._stretches = stretches
        self._vocabulary = Vocabulary(stretches, self.question)
        self._likeness: dict[frozenset[str], list[list[float]]] = {}
        lines = [line for stretch in stretches for line in stretch.lines if not line.table]
        self._openings = {line.span: _openings(line.facts) for line in lines}
        self._roles = {stretch.hit.chunk.doc_id: stretch.roles for stretch in stretches}
        self._found: dict[tuple[Facts, Facts], tuple[tuple[Run, ...], bool]] = {}

    def find(self, said: Facts, topic: Facts) -> tuple[tuple[Run, ...], bool]:
        """The quotes behind a sentence, and whether they bear it out.

        Without support: the nearest run alone, or none where nothing comes near.
        topic: what the sentence answers; its words count for less.
        """
        # Small models repeat themselves.
        if (said, topic) not in self._found:
            self._found[said, topic] = self._search(said, topic)
        return self._found[said, topic]

    def _search(self, said: Facts, topic: Facts) -> tuple[tuple[Run, ...], bool]:
        claim = self._vocabulary.claim(said, topic)
        likeness = self._like(topic.stems)
        runs = sorted(self._runs(claim, likeness), key=lambda run: -run.score)
        best_like = max((like for likes in likeness for like in likes), default=0.0)
        fitting = [run for run in runs if _is_relevant(claim, run, best_like)]
        for run in fitting:
            if self._bear_out(claim, [run]):
                return (run,), True
        if joined := self._join(claim, fitting):
            return joined, True
        near = [run for run in runs if _comes_near(claim, run)]
        return tuple([*filter(_is_statement, near), *near][:1]), False

    def _like(self, topic: frozenset[str]) -> list[list[float]]:
        """For each line, the share of the topic's words in it, beside it and in its headings."""
        if topic not in self._likeness:
            stems = sorted(topic)
            weights = [self._vocabulary.weight(stem) for stem in stems]
            bits = {stem: 1 << i for i, stem in enumerate(stems)}
            self._likeness[topic] = [_likes(stretch, bits, weights) for stretch in self._stretches]
        return self._likeness[topic]

    def _runs(self, claim: Claim, likeness: Sequence[Sequence[float]]) -> Iterator[Run]:
        near_weight = 1.0 if claim.short else 0.3
        for stretch, likes in zip(self._stretches, likeness, strict=True):
            own = [held_by_line(claim, line, self._asked) for line in stretch.lines]
            context = held_by_heading(claim, stretch.context, stretch.plain_name)
            context |= self._titled(claim, stretch)
            tables = {id(line.table): line.table for line in stretch.lines if line.table}
            heads = {key: held_by_table(claim, table.facts) for key, table in tables.items()}
            owner = self._is_owner(stretch, claim) and not _is_of_table(stretch, claim)
            subject = claim.subject_bits if owner else 0
            named = [stem for stem, bit in claim.words.items() if bit & claim.named]
            person = union(claim.words[s] for s in named if facts.speaks_of(stretch.person, s))
            for first, last in _windows(stretch.lines, own):
                around = context
                for line in stretch.lines[first : last + 1]:
                    around |= heads[id(line.table)] if line.table else 0
                    around |= subject if line.own_voice else 0
                    around |= person if line.to_person else 0
                main = max(range(first, last + 1), key=lambda i: claim.worth(own[i]))
                score = _fit(claim, union(own[first : last + 1]), around)
                score += near_weight * likes[main]
                score -= LENGTH_COST * (last - first) + RANK_COST * stretch.hit.rank
                yield Run(stretch, first, last, own, around, likes[main], score)

    def _titled(self, claim: Claim, stretch: Stretch) -> int:
        """Bits of the question's names that the cover says."""
        names = {name.stem for name in self.question.names} & claim.words.keys()
        said = (stem for stem in names if facts.speaks_of(stretch.titles, stem))
        return union(claim.words[stem] for stem in said) & claim.named

    def _is_owner(self, stretch: Stretch, claim: Claim) -> bool:
        """Whether the document's pages name the subject, so that its "we" may mean the subject."""
        doc_id = stretch.hit.chunk.doc_id
        pages = [other.page for other in self._stretches if other.hit.chunk.doc_id == doc_id]
        return all(any(facts.speaks_of(page, stem) for page in pages) for stem in claim.subject)

    def _join(self, claim: Claim, runs: Sequence[Run]) -> tuple[Run, ...]:
        """Up to MOST_QUOTES runs that bear the sentence out together; empty where none do."""
        if claim.required & ~union(run.own | run.around for run in runs):
            return ()
        single = [run for run in runs if run.first == run.last]
        for base in runs[:MOST_BASES]:
            joined = [base]
            while single and len(joined) < MOST_QUOTES:
                held = union(run.own for run in joined)
                further = max(single, key=lambda run: claim.worth(run.own & ~held))
                if not claim.worth(further.own & ~held):
                    break
                joined.append(further)
                if self._bear_out(claim, joined):
                    return tuple(joined)
        return ()

    def _bear_out(self, claim: Claim, runs: Sequence[Run]) -> bool:
        own, around = union(run.own for run in runs), union(run.around for run in runs)
        if claim.required & ~(own | around):
            return False
        least = ENOUGH if claim.required else ENOUGH_ALONE if claim.brought else ENOUGH_REPEATED
        if claim.covered(own, around) < least:
            return False
        lines = [
            Held(run, line, mask)
            for run in runs
            for line, mask in zip(run.lines, run.masks, strict=True)
        ]
        says = any(held.line.table for held in lines) or _says(claim, own, around)
        if not (
            says and self._is_on_topic(claim, lines, around) and _are_of_one_item(claim, lines)
        ):
            return False
        main = max(lines, key=lambda held: claim.worth(held.mask))
        lent = claim.named & around & ~own
        if (
            any(_has_better_row(claim, run) for run in runs)
            or self._tells_of_another(claim, main.line, lent)
            or any(self._is_of_someone_else(claim, held) for held in lines)
            or (not main.line.table and swap.is_swapped(main.text, claim.said, self.question))
        ):
            return False
        if len(lines) == 1:
            return True
        together = not claim.short or self._stands_together(claim, lines, around)
        return together and self._agree(claim, main, lines, own & ~main.mask & ~around)

    def _is_on_topic(self, claim: Claim, lines: Sequence[Held], around: int) -> bool:
        """Whether the lines have a word that the sentence repeats of the question: what is said of
        the boat is not said of the piano."""
        stems = claim.words.keys() & self.question.stems
        topic = union(claim.words[stem] for stem in stems)
        held = union(held.mask for held in lines) | around
        return not topic or bool(topic & held) or any(h.line.refers_back for h in lines)

    def _stands_together(self, claim: Claim, lines: Sequence[Held], around: int) -> bool:
        """Whether whom a short sentence names beyond the question stands with what it says of them,
        and not a line before: "The tenant pays for gas. Water is included." tells nobody who pays
        for water."""
        known = union(claim.words[stem] for stem in claim.words.keys() & self.question.stems)
        new = claim.named & ~known & ~around
        if not new or any(held.line.refers_back for held in lines):
            return True
        named = [held for held in lines if held.mask & new]
        return any(held.line.table or _says(claim, held.mask, around) for held in named)

    def _agree(self, claim: Claim, main: Held, lines: Sequence[Held], taken: int) -> bool:
        """Whether several lines speak of one matter. taken: bits that `main` does not hold."""
        about = union(held.mask for held in lines if self._is_about(claim, lines, held))
        figures_held = union(held.mask for held in lines) & claim.figure_bits
        if (figures_held | main.mask) & ~about:
            return False
        if self._displaces(claim, main.line, taken, [h.line for h in lines if h is not main]):
            return False
        if any(_lends_words(claim, main, h) or _lends_label(claim, h) for h in lines):
            return False
        if any(_tells_another_time(claim, held.line) for held in lines):
            return False
        if len({_names_its_row(claim, h.line) for h in lines if h.line.cells}) > 1:
            return False
        further = {id(held.run): held.run for held in lines if held.run is not main.run}
        return all(_belongs(claim, main.run, run) for run in further.values())

    def _tells_of_another(self, claim: Claim, main: Line, lent: int) -> bool:
        """Whether `main` names someone else than the claim does with a name lent by a heading."""
        if not lent or main.table:
            return False
        roles = self._roles.get(main.span.doc_id, {})
        unsaid = (name.stem for name in main.facts.names if name.stem not in claim.words)
        if role := next((stem for stem in unsaid if stem in roles), ""):
            return not roles[role] & {stem for stem, bit in claim.words.items() if bit & lent}
        if lent & ~claim.subject_bits:
            return self._vocabulary.has_rival(claim, main.facts.names)
        opening = main.facts.sequence[:NEIGHBOURS]
        names = [name for name in main.facts.names if name.stem in opening]
        return self._vocabulary.has_rival(claim, names)

    def _is_of_someone_else(self, claim: Claim, held: Held) -> bool:
        """Whether a line has the claim's verb behind other words for who does it, and another one
        has it behind the claim's: "The tenants pay for gas. The landlord pays for water." tells
        nothing of tenants who pay for water."""
        line = held.line
        told = self._openings.get(line.span)
        if told is None or REFERS.match(held.text) or LEADING.match(held.text):
            return False
        names = {name.stem for name in line.facts.names if not name.opening}
        return any(
            whom
            and told.get(verb)
            and not whom & line.facts.stems
            and not told[verb] & (claim.words.keys() | names)
            and any(whom <= opening.get(verb, set()) for opening in self._openings.values())
            for verb, whom in _openings(claim.said).items()
        )

    def _displaces(self, claim: Claim, main: Line, taken: int, lenders: Sequence[Line]) -> bool:
        """Whether a figure or name from another line stands where `main` has one of its own.

        It does when `main` has one that the claim leaves out, unless the claim's has a neighbour
        in common with the line that lends it, or is whom `main` refers back to.
        """
        said = claim.digits
        displaced: list[str | int] = []
        if any(number.digits not in said for number in main.facts.numbers):
            displaced += claim.keys(taken & ~claim.named)
        if self._vocabulary.has_rival(claim, main.facts.names):
            meant = claim.subject_bits if main.refers_back else 0
            displaced += claim.keys(taken & claim.named & ~meant)
        return not all(_shares_neighbour(claim, key, lenders) for key in displaced)

    def _is_about(self, claim: Claim, lines: Sequence[Held], held: Held) -> bool:
        """Whether a line, one of several, speaks of the claim's subject and years."""
        line = held.line
        if line.facts.years and claim.years and not line.facts.years & claim.years:
            return False
        if line.table is not None:
            return not line.facts.stems or bool(held.mask & claim.word_bits)
        if not claim.subject or claim.subject & line.facts.stems:
            return True
        owners = {owner for bit, owner in claim.owners.items() if bit & held.mask}
        if owners and owners <= line.facts.stems:
            return True
        doc_id = line.span.doc_id
        known = union(h.mask | h.run.around for h in lines if h.line.span.doc_id == doc_id)
        if not known & claim.subject_bits:
            return False
        return line.refers_back or not self._vocabulary.has_rival(claim, line.facts.names)


def _likes(stretch: Stretch, bits: dict[str, int], weights: Sequence[float]) -> list[float]:
    total = sum(weights) or 1.0
    around = union(bits[stem] for stem in stretch.context.stems & bits.keys())
    own = [union(bits[s] for s in line.facts.stems & bits.keys()) for line in stretch.lines]
    likes = []
    for i, (line, mask) in enumerate(zip(stretch.lines, own, strict=True)):
        head = line.table.facts.stems & bits.keys() if line.table else ()
        near = around | union(own[max(0, i - 1) : i + 2]) | union(bits[stem] for stem in head)
        likes.append((weigh(mask, weights) + 0.5 * weigh(near & ~mask, weights)) / total)
    return likes


def _windows(lines: Sequence[Line], own: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs in which the first and the last line each bring something. Two rows never join."""
    for first in range(len(lines)):
        held = 0
        for last in range(first, len(lines)):
            line = lines[last]
            is_list = line.item_of == lines[first].item_of >= 0
            if last - first >= (LONGEST_LIST if is_list else LONGEST_RUN):
                break
            if last > first and line.is_row and line.facts.stems and lines[last - 1].is_row:
                break
            if own[last] & ~held:
                yield first, last
            held |= own[last]
            if not held:
                break


def _fit(claim: Claim, own: int, around: int) -> float:
    n_required = claim.required.bit_count()
    held = (claim.required & (own | around)).bit_count()
    return claim.covered(own, around) + (0.5 * held / n_required if n_required else 0.0)


def _is_relevant(claim: Claim, run: Run, best_like: float) -> bool:
    """A short sentence needs a place that the question leads to, or a row with its label, or one
    that holds all of its several words: a question of two parts leads to one of them more."""
    if claim.word_bits.bit_count() > 1 and not claim.word_bits & ~run.own:
        return True
    least = RELEVANT * best_like if best_like >= TELLING else 0.0
    if not claim.short or run.near >= least:
        return True
    return any(
        line.table is not None and bool(mask & claim.brought)
        for line, mask in zip(run.lines, run.masks, strict=True)
    )


def _has_better_row(claim: Claim, run: Run) -> bool:
    """Whether another row's label says all that this row's says and more, but not its figures."""
    for line, mask in zip(run.lines, run.masks, strict=True):
        if line.is_row and mask & ~claim.word_bits:
            for other, held in zip(run.stretch.lines, run.all_masks, strict=True):
                more = held & claim.word_bits & ~mask
                if other.is_row and more and mask & ~held and not mask & claim.word_bits & ~held:
                    return True
    return False


def _belongs(claim: Claim, main: Run, run: Run) -> bool:
    """Whether a further quote speaks of the claim's matter, and does not just hold a name of it.

    One that adds no name, figure or date must come from the same passage."""
    taken = run.own & ~(main.own | main.around)
    if not taken & claim.required and run.stretch is not main.stretch:
        return False
    rest = run.own & ~(taken & claim.required)
    if weigh(rest, claim.weights) >= AKIN * sum(claim.weights):
        return True
    return all(_shares_neighbour(claim, key, run.lines) for key in claim.keys(taken))


def _are_of_one_item(claim: Claim, lines: Sequence[Held]) -> bool:
    """Whether each item of a list that is among the lines brings a name, figure or date of its own,
    or they are said one after the other: "(a) my piano to the school; (b) my boat to Simon" gives
    Simon no piano."""
    if _are_said_in_turn(claim, [held.line for held in lines]):
        return True
    for held in lines:
        others = [o for o in lines if o is not held and o.line.item_of == held.line.item_of >= 0]
        own = held.mask & claim.required & ~union(other.mask for other in others)
        if others and not own:
            return False
    return True


def _are_said_in_turn(claim: Claim, lines: Sequence[Line]) -> bool:
    """Whether the claim says all lines in full, none before it is done with the one before."""
    places: dict[str, list[int]] = {}
    for place, item in enumerate(claim.sequence):
        if isinstance(item, str):
            places.setdefault(item, []).append(place)
    done = -1
    for line in lines:
        stems = {stem for stem in line.facts.stems if len(stem) > 1}  # "(a)" is no word
        others = frozenset[str]().union(*(o.facts.stems for o in lines if o is not line))
        own = [place for stem in stems - others for place in places.get(stem, ())]
        n_said = len(stems & places.keys())
        if n_said < IN_FULL * len(stems) or not own or min(own) < done:
            return False
        done = max(own)
    return True


def _lends_words(claim: Claim, main: Held, held: Held) -> bool:
    """Whether a line that tells figures of its own adds but words to the claim's figures: "The
    value assumed: £310,000. The rate is fixed at 4.39%." tells no rate of £310,000."""
    said, others = claim.digits, held.line.facts.numbers
    adds_words = held.mask & ~main.mask and not held.mask & (claim.figure_bits | claim.named)
    return bool(said and adds_words) and any(n.digits not in said for n in others if not n.year)


def _lends_label(claim: Claim, held: Held) -> bool:
    """Whether a row tells but what row it is: "Age: 6 months | Weight: 7.2" lends no six months to
    the weight in the next."""
    told = [figure for _, figure in held.line.named]
    if not told or held.line.facts.numbers[0] in told:
        return False
    values = {figure.digits for figure in told}
    return not any(bit & held.mask and n.digits in values for n, bit in claim.numbers)


def _tells_another_time(claim: Claim, line: Line) -> bool:
    """Whether a line tells times of day and none of the claim's: "To: York | Leaves: 9:40" is no
    place for a bus at 8:15, beside the row that has one."""
    known = line.facts.stems | line.facts.coined
    said, told = facts.times(claim.words), facts.times(known)
    return bool(said and told) and not said & told


def _names_its_row(claim: Claim, line: Line) -> bool:
    """Whether all that the claim says of a row is what it is called: beside a row of which it says
    more, that is put together from two."""
    return not any(says_of(claim, value) for _, value in line.cells[1:])


def _openings(known: Facts) -> dict[str, set[str]]:
    """Of the first words, any of which may be the verb, those that stand before each."""
    words = [item for item in known.sequence[: OPENING + 1] if isinstance(item, str)]
    return {word: set(words[:i]) for i, word in reversed([*enumerate(words)])}


def _is_of_table(stretch: Stretch, claim: Claim) -> bool:
    """Whether the subject is a column or in a cell of a table, and so nobody whom the others are
    of."""
    cells = (cell for line in stretch.lines for cell in line.cells)
    return any(claim.subject & (name.stems | value.stems) for name, value in cells)


def _says(claim: Claim, mask: int, around: int = 0) -> bool:
    """Whether the mask has enough of the words that are no names and do not stand around: of those
    that the question does not have, where there are any, for it is asked in other words."""
    said = claim.brought & ~around or claim.word_bits & ~claim.required & ~around
    return weigh(said & mask, claim.weights) >= LEAST_SAID * weigh(said, claim.weights)


def _shares_neighbour(claim: Claim, key: str | int, lines: Sequence[Line]) -> bool:
    said = beside(claim.sequence, key)
    return any(said & beside(line.facts.sequence, key) for line in lines)


def _is_statement(run: Run) -> bool:
    """Whether it says more than a heading does: "Driving.", "2. Before you take it"."""
    told = (line.facts for line in run.lines)
    return any(known.auxiliary or len(known.sequence) >= LEAST_STATED for known in told)


def _comes_near(claim: Claim, run: Run) -> bool:
    held = run.own & (claim.figure_bits | claim.named)
    return bool(held) or claim.covered(run.own, run.around) >= NEAREST
