"""The passages given to the model, read line by line for what each line states."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from types import MappingProxyType

from rag import edges, facts, figures, sentences
from rag.facts import Facts
from rag.figures import Number
from rag.types import Hit, Span

MOST_ABOVE = 3000
"""Characters above a passage, on its page, in which a table's heading is looked for."""
PERIODS = (3, 6, 9, 12, 13, 26, 39, 52, 53)
"""Months and weeks in the heading of a table."""
YEAR_LINE = re.compile(r"(?:19|20)\d\d(?: Change)?")
DAY_LINE = re.compile(r"(?:as of |for the )?[A-Z][a-z]{2,8}\.? \d\d?,?", re.IGNORECASE)
HEAD_LINES = 16
LONGEST_HEAD_LINE = 110
PERIOD_LINE = re.compile(r"(?:months?|weeks?|quarters?|years?|periods?) ended\b", re.IGNORECASE)
SCALE = re.compile(r"\([^()]*\bin (?:thousands|millions|billions)\b[^()]*\)", re.IGNORECASE)

PRONOUN = re.compile(
    r"\W*(?:he|she|it|they|his|her|hers|its|their|theirs|this|these|that|those)\b", re.IGNORECASE
)
OWN_VOICE = re.compile(
    r"\b(?:we|our|us|the (?:company|group|corporation|registrant|firm|bank|partnership|trust))\b",
    re.IGNORECASE,
)

TO_PERSON = re.compile(r"\b(?:you|your)\b|\|", re.IGNORECASE)
SOMEONE = re.compile(
    r"\b(?:(?:grand)?(?:mother|father|parent)|brother|sister|son|daughter|wife|husband|spouse"
    r"|partner|child|children|doctor|nurse|employer|landlord|tenant|driver|manager|party)\b",
    re.IGNORECASE,
)
"""Someone else than a form's person."""
TIME_SPAN = re.compile(r"\s*\d+\s*(?:hour|day|week|month|quarter|year)s?\s*", re.IGNORECASE)
ITEM = re.compile(r"[;,](?:\s+(?:and|or))?\s+(?=\((?:[a-z]|[ivx]{1,4}|\d{1,2})\)\s)")
"""Between two items of a list in one sentence."""
PERSON = re.compile(
    r"(?m:^|[.;|])[ *]*(?i:(?:full )?name|patient|tax ?payer|(?:policy|account|card) ?holder"
    r"|(?:the )?insured|customer|client|member|borrower|employee|pupil|student|child|claimant"
    r"|applicant)(?i:(?:'s)? name)?:[ *]*"
    r"((?:(?:Mr|Mrs|Ms|Miss|Dr|Prof)\b\.? )?[A-Z][\w'’-]+(?: [A-Z][\w'’-]+\b(?!:)){0,3})"
)
"""Whom a form is about."""
ROLE = re.compile(r"""\([^()"“”]{0,40}["“](?:the )?(?P<role>[A-Z][\w-]+)["”]""")
"""What a contract calls somebody: (the "Buyer")."""
COVER = 1500
"""Characters of a document's first page that may say whose it is."""
TITLE = 8
"""Words in a line that is a title."""
SMALL = 3
"""Letters in a word that a title may have small."""


@dataclass(frozen=True, slots=True)
class Table:
    """What stands above a row. years: of its columns, from the left, empty where unclear.
    text: its lines, the nearest last."""

    text: str
    facts: Facts
    scales: frozenset[int]
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, line or table row of a source. table: None for prose.
    columns: (index from the left, figure) of a row. named: (name, figure) of each cell that says
    its column's name, as in "Q1: 120 | Q2: 130"; cells: (name, value) of all of them. refers_back:
    it begins with a pronoun. own_voice: it speaks of the document's owner without the name, as "we"
    or in a table. to_person: of a form's person without the name, as "you" or in a row. item_of: in
    a list, where its sentence begins in the passage; -1 elsewhere. like_row: it has words among its
    figures, and stands in a table if it stands in one at all."""

    span: Span
    facts: Facts
    table: Table | None = None
    columns: tuple[tuple[int, Number], ...] = ()
    n_columns: int = 0
    named: tuple[tuple[Facts, Number], ...] = ()
    cells: tuple[tuple[Facts, Facts], ...] = ()
    refers_back: bool = False
    own_voice: bool = False
    to_person: bool = False
    item_of: int = -1
    like_row: bool = False

    @property
    def is_row(self) -> bool:
        return self.table is not None or self.like_row

    def year_of(self, number: Number) -> int | None:
        """The year above the column that shows `number`, where each column has one."""
        if self.table and len(self.table.years) == self.n_columns:
            for index, figure in self.columns:
                if figure is number:
                    return self.table.years[index]
        return None

    def name_of(self, number: Number) -> Facts | None:
        """What the cell that shows `number` says its column is."""
        return next((name for name, figure in self.named if figure is number), None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a hit holds of one page, whose whole text is `page`. context: file name, label (the
    name of a sheet, the subject of a mail) and headings.
    plain_name: letters and digits of the file name alone, as names run together there. titles:
    lines of the document's cover that say whose it is, for later pages; they speak of "the
    Company". person: whom a form is about; empty where it names nobody or several. roles: by the
    stem of what a contract calls somebody on its cover, the stems of who that is."""

    hit: Hit
    lines: tuple[Line, ...]
    context: Facts
    plain_name: str
    page: str
    titles: str
    person: str
    roles: Mapping[str, frozenset[str]]


Cells = Mapping[Span, Mapping[str, str]]
"""By the span of a row that does not name its columns itself: its cells from the left, by these
names. Of the line that names them: none."""


def read(
    hits: Sequence[Hit],
    page_text: Callable[[str, int], str],
    cells: Cells = MappingProxyType({}),
) -> list[Stretch]:
    """One Stretch for each span of each hit, best hit first; no line is read twice."""
    seen: set[Span] = set()
    titles = cache(lambda doc_id: titles_of(cover_of(doc_id, page_text)))
    persons = cache(lambda doc_id: person_of(cover_of(doc_id, page_text)))
    roles = cache(lambda doc_id: roles_of(cover_of(doc_id, page_text)))
    stretches = []
    for hit in hits:
        name = facts.words_of(hit.document)
        context = facts.read("\n".join([name, hit.label, hit.chunk.context, *hit.chunk.heading]))
        plain_name = re.sub(r"[\W_]", "", hit.document.casefold())
        for span in hit.chunk.spans:
            page = page_text(span.doc_id, span.page)
            own = edges.own(hit.chunk, span, page)
            if lines := tuple(_lines(own, page, seen, cells)):
                above = titles(span.doc_id) if span.page > 1 else ""
                person, parties = persons(span.doc_id), roles(span.doc_id)
                stretches.append(
                    Stretch(hit, lines, context, plain_name, page, above, person, parties)
                )
    return stretches


def cover_of(doc_id: str, page_text: Callable[[str, int], str]) -> str:
    """The head of its first page: whose it is and of when, which later pages take as known."""
    return page_text(doc_id, 1)[:COVER]


def titles_of(cover: str) -> str:
    """Its short lines in which every word has a capital but the small ones."""
    lines = (line.split() for line in cover.splitlines() if not sentences.is_row(line))
    return "\n".join(" ".join(w) for w in lines if len(w) <= TITLE and all(map(_may_head, w)))


def person_of(cover: str) -> str:
    """Name of the one person whom it is about; empty where it names several."""
    named = {found[1].casefold(): found[1] for found in PERSON.finditer(cover)}
    return "".join(named.values()) if len(named) == 1 else ""


def roles_of(cover: str) -> dict[str, frozenset[str]]:
    """By the stem of each role, those of the clause that gives it to somebody."""
    roles: dict[str, frozenset[str]] = {}
    start = 0
    for found in ROLE.finditer(cover):
        for name in facts.read(found["role"]).stems:
            roles.setdefault(name, facts.read(cover[start : found.start()]).stems)
        start = found.end()
    return roles


def _is_to_person(text: str) -> bool:
    return bool(TO_PERSON.search(text)) and not SOMEONE.search(text)


def _may_head(word: str) -> bool:
    return len(word) <= SMALL or not word[0].islower()


def _lines(span: Span, page: str, seen: set[Span], cells: Cells) -> Iterator[Line]:
    head: tuple[str, ...] = ()
    table: Table | None = None
    above: tuple[str, ...] | None = None
    placed = [row for row in cells if row.meets(span)]
    for start, end, sentence in _cut(_items(page[span.start : span.end]), span.start, placed):
        here = Span(span.doc_id, span.page, span.start + start, span.start + end)
        text = page[here.start : here.end]
        told = cells.get(here)
        # What names the columns is said by each cell.
        if here in seen or (told is not None and not told):
            continue
        seen.add(here)
        if not (told or sentences.is_row(text)):
            head, table = _with(head, text), None
            yield Line(
                here,
                facts.read(text),
                refers_back=bool(PRONOUN.match(text)),
                own_voice=bool(OWN_VOICE.search(text)),
                to_person=_is_to_person(text),
                item_of=sentence,
                like_row=sentences.is_like_row(text),
            )
            continue
        known = facts.read(text)
        if above is None:
            above = _head_above(page, span.start)
        table = table or _table((*above, *head))
        columns = _columns(text, known)
        n_columns = len(sentences.cells(text))
        yield Line(
            here,
            known,
            table,
            columns,
            n_columns,
            _in_columns(told, known) if told else _named(text, known),
            _read_cells(told.items()) if told else _cells(text),
            own_voice=True,
            to_person=_is_to_person(text),
        )
        if _is_heading_row(known):
            head, table = _with(head, text), None


def _items(text: str) -> Iterator[tuple[int, int, int]]:
    """Sentences, lines and rows, and of a sentence that is a list, "(a) ...; (b) ...", each item:
    what one of them says is not said of another. The third is where that sentence begins, or -1."""
    for start, end in sentences.split(text):
        ends = [(item.start() + 1, item.end()) for item in ITEM.finditer(text, start, end)]
        of = start if ends else -1
        starts = [start, *(after for _, after in ends)]
        for first, last in zip(starts, [*(e for e, _ in ends), end], strict=True):
            yield first, last, of


def _cut(
    items: Iterable[tuple[int, int, int]], shift: int, rows: Sequence[Span]
) -> Iterator[tuple[int, int, int]]:
    """The items, as `_items` gives them, with rows of tables cut out of them, which the text alone
    does not always tell from their heading. shift: where the text begins on its page."""
    edges = sorted({edge - shift for row in rows for edge in (row.start, row.end)})
    for start, end, of in items:
        cuts = [start, *(edge for edge in edges if start < edge < end), end]
        yield from ((first, last, of) for first, last in pairwise(cuts))


def _head_above(page: str, start: int) -> tuple[str, ...]:
    head: tuple[str, ...] = ()
    for line in page[max(0, start - MOST_ABOVE) : start].splitlines():
        if line.strip() and (not sentences.is_row(line) or _is_heading_row(facts.read(line))):
            head = _with(head, line)
    return head


def _with(head: tuple[str, ...], text: str) -> tuple[str, ...]:
    """text: a sentence or row. Of a long one, which is prose or has prose in front, only the lines
    that tell of periods and scales."""
    lines = text.splitlines()
    if len(text) > LONGEST_HEAD_LINE:
        told = [line for line in lines if len(line) <= LONGEST_HEAD_LINE and _tells_when(line)]
        lines = [*SCALE.findall(text), *told]
    return (*head, *lines)[-HEAD_LINES:]


def _tells_when(line: str) -> bool:
    plain = line.strip()
    return bool(
        PERIOD_LINE.search(plain) or YEAR_LINE.fullmatch(plain) or DAY_LINE.fullmatch(plain)
    )


def _is_heading_row(known: Facts) -> bool:
    """Years and dates, and no figure or time of day: "Note 2018 2017", "Three months ended June 30,
    2018 2017"."""
    if facts.times(known.stems):
        return False
    others = [number.value for number in known.numbers if not number.year]
    if len(others) == len(known.numbers):
        return bool(known.days) and not others
    return all(value in PERIODS for value in others)


def _table(head: tuple[str, ...]) -> Table:
    years: tuple[int, ...] = ()
    for line in reversed(head):
        known = facts.read(line)
        years = tuple(int(number.value) for number in known.numbers if number.year)
        if len(years) > 1:
            break
    else:
        years = _stacked(head)
    text = "\n".join(head)
    return Table(
        text, facts.read(text), figures.stated_scales(text), years if len(years) > 1 else ()
    )


def are_stacked(table: Table) -> bool:
    """Whether each of its years stands on a line of its own."""
    return table.years == _stacked(table.text.splitlines())


def _stacked(head: Sequence[str]) -> tuple[int, ...]:
    """The years of columns whose dates take two lines each: "July 1,", "2023", "June 25,"."""
    years: list[int] = []
    for line in reversed(head):
        if YEAR_LINE.fullmatch(line.strip()):
            years.insert(0, int(line.strip()[:4]))
        elif years and not DAY_LINE.fullmatch(line.strip()):
            break
    return tuple(years)


def _columns(text: str, known: Facts) -> tuple[tuple[int, Number], ...]:
    """Figures stand in `known.numbers` in order; dashes take a column but are no number."""
    filled = [i for i, cell in enumerate(sentences.cells(text)) if any(c.isdigit() for c in cell)]
    if len(filled) > len(known.numbers):
        return ()
    return tuple(zip(filled, known.numbers[len(known.numbers) - len(filled) :], strict=True))


def _cells(text: str) -> tuple[tuple[Facts, Facts], ...]:
    """Of a row whose cells all say what their columns are called."""
    cells = [cell.partition(": ") for cell in text.split(" | ")]
    if len(cells) < 2 or not all(value for _, _, value in cells):
        return ()
    return _read_cells((name, value) for name, _, value in cells)


def _read_cells(cells: Iterable[tuple[str, str]]) -> tuple[tuple[Facts, Facts], ...]:
    return tuple((facts.read(name), facts.read(value)) for name, value in cells)


def _in_columns(cells: Mapping[str, str], known: Facts) -> tuple[tuple[Facts, Number], ...]:
    """Cells of one figure each; none where it is not plain which figure stands in which cell."""
    n_in_cell = [len(facts.read(value).numbers) for value in cells.values()]
    if sum(n_in_cell) != len(known.numbers):
        return ()
    return tuple(
        (facts.read(name), known.numbers[end - 1])
        for name, n, end in zip(cells, n_in_cell, accumulate(n_in_cell), strict=True)
        if name and n == 1
    )


def _named(text: str, known: Facts) -> tuple[tuple[Facts, Number], ...]:
    """Cells of one figure each; none where it is not plain which figure stands in which cell. A
    span of time in the first one says what row it is: "Age: 6 months | Weight: 7.2"."""
    cells = [cell.partition(":") for cell in text.split("|")]
    names = [facts.read(name) for name, _, _ in cells]
    n_in_cell = [len(facts.read("".join(cell)).numbers) for cell in cells]
    if "|" not in text or sum(n_in_cell) != len(known.numbers):
        return ()
    ends = accumulate(n_in_cell)
    labelled = bool(TIME_SPAN.fullmatch(cells[0][2]))
    return tuple(
        (name, known.numbers[end - 1])
        for name, n, end in [*zip(names, n_in_cell, ends, strict=True)][labelled:]
        if name and n == len(name.numbers) + 1
    )
