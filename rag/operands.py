"""Finds the figures that a sum is made of in the tables and sentences of the pages found.

A figure is taken only when the row says what the question says and nothing else, its column has the
year, and no other row that says the same shows another figure. In any doubt nothing is taken.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath

from rag import evidence, facts, rows, schedule, sums, terms
from rag.evidence import Stretch, Table
from rag.facts import Day
from rag.rows import Row
from rag.schedule import Schedule
from rag.series import Point, Series
from rag.sums import Operand, Task
from rag.types import Hit, Span

PageText = Callable[[str, int], str]

OWNERS = re.compile(r"((?:[A-Z][\w&.-]*(?:,? and |, | ))*[A-Z][\w&.-]*)['’]s\b")
"""In "Apple and Microsoft's Cloud revenue": whose it is, before what it is called."""
SHARE = re.compile(r"(?:%|\bpercent(?:age)?) of\b", re.IGNORECASE)
DUE = rows.stems("due payable owed")
"""What a schedule need not say."""
ASPECTS = rows.stems("fair carrying book gross unrealized realized average")
"""Which of two figures of one thing: what stands above a table may name both."""
QUARTER = "three months"
THEN_MORE = re.compile(rf"\b{QUARTER}\b.*\b(?:six|nine) months\b", re.IGNORECASE | re.DOTALL)
QUARTERLY = re.compile(r"\bquarterly (?:report|period)\b|\b10-q\b", re.IGNORECASE)
LETTERS = re.compile(r"[^\W\d_]{2,}")
ROW = re.compile(r"(\D{3,90}?)[\s$€£¥(]*\d")
"""A line that may be a row of a table: its label, and a figure."""
PART, FAR = 1000, 2000
"""How near a row is to a label: a part of it, and no nearer than other rows."""
MOST_PAGES = 8
PARTS = (QUARTER, "", "six months", "nine months")
"""Of a year, as tables tell them; in this order they are looked for."""


def find(task: Task, hits: Sequence[Hit], page_text: PageText) -> tuple[Operand, ...]:
    """What the task wants, label by label and year by year; empty where it is not certain.

    Whole pages are read, not only the passages found, for a second row may contradict the first.
    """
    found: list[Row] = []
    stretches = evidence.read(_whole_pages(hits, page_text), page_text)
    for stretch in stretches:
        cover = evidence.cover_of(stretch.hit.chunk.doc_id, page_text)
        if QUARTERLY.search(cover) and not task.interim:
            continue
        name, known = facts.words_of(stretch.hit.document), _known(stretch, cover, task.names)
        columns = partial(_columns, file_name=name, task=task)
        found += (
            replace(row, known=known)
            for row in rows.read(stretch, columns)
            if isinstance(row.table, Table) or _interim(row, stretch) == task.interim
        )
    in_tables = [row for row in found if isinstance(row.table, Table)]
    for some in (in_tables, found):
        by_label = [_called(label, task, some) for label in task.labels]
        if all(by_label):
            break
    else:
        due = (_due(task, each) for stretch in stretches for each in schedule.read(stretch))
        return _agreed([*filter(None, due)])
    if len(by_label) == 1:
        return _of_one(by_label[0], task)
    return _of_several(by_label, task.years[0])


def over_time(
    wanted: Series, hits: Sequence[Hit], page_text: PageText, *, alone: bool = False
) -> tuple[Point, ...]:
    """What one document tells of the series: of a report on a part of a year, its own period, or
    that and the one that stands beside it where the document is `alone`; of any other, all years of
    its tables. Empty where it is not certain. hits: of that document, one at least.
    """
    task = Task("value", (wanted.label,), (), names=wanted.names)
    cover = evidence.cover_of(hits[0].chunk.doc_id, page_text)
    quarterly = bool(QUARTERLY.search(cover))
    ends = frozenset(day for readings in facts.read(cover).days for day in readings)
    stretches = evidence.read(_whole_pages(hits, page_text), page_text)
    known = [(stretch, _known(stretch, cover, wanted.names)) for stretch in stretches]
    in_tables, said = _by_part(known, _dated if quarterly else _yearly)
    # A sentence may leave out what the table has; of one figure that is no matter.
    for found in (in_tables, said) if alone or wanted.pick == "latest" else (in_tables,):
        for part in PARTS:
            called = _called(wanted.label, task, found.get(part, ()))
            latest = _latest(called, ends)
            if latest is None:
                continue
            own_only = (quarterly or part) and not (alone and wanted.pick == "all")
            if points := tuple(_points(called, part, [latest] if own_only else None)):
                return points
    return ()


def _by_part(
    stretches: Iterable[tuple[Stretch, frozenset[str]]],
    columns: Callable[[Table], Sequence[int]],
) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
    """The rows of tables and the sentences, by the part of a year that they are of, their periods
    as days. stretches: of one document, each with what its rows need not say."""
    in_tables: dict[str, list[Row]] = {}
    said: dict[str, list[Row]] = {}
    for stretch, known in stretches:
        for row in rows.read(stretch, columns):
            if isinstance(row.table, Table):
                part, found, cells = _part(row.table), in_tables, row.cells
            else:
                part, found = _said_of(row, stretch), said
                cells = {rows.DAYS * year: cell for year, cell in row.cells.items()}
            if part is not None:
                found.setdefault(part, []).append(replace(row, known=known, cells=cells))
    return in_tables, said


def named(
    question: str, doc_ids: Iterable[str], names: Mapping[str, str], page_text: PageText
) -> list[str]:
    """Those of the documents that the question names best, by file name or a title on the cover,
    as whose something is if that can be; none where it names none. names: of files, by id."""
    asked = {name.stem for name in facts.read(question).names if not name.opening}
    owners = facts.read(" ".join(OWNERS.findall(question))).stems
    said = {i: _said(i, names[i], asked, page_text) for i in doc_ids}
    for wanted in (asked & owners, asked):
        n_said = {i: len(wanted & stems) for i, stems in said.items()}
        if most := max(n_said.values(), default=0):
            return [i for i, n in n_said.items() if n == most]
    return []


def called(
    kind: str, doc_ids: Iterable[str], names: Mapping[str, str], page_text: PageText
) -> list[str]:
    """The documents that are called so, "tenancy agreements", by file name or a title on the cover;
    none where it is one at most."""
    wanted = facts.read(kind.casefold()).stems
    of_kind = [i for i in doc_ids if wanted and wanted <= _titled(i, names[i], page_text)]
    return of_kind if len(of_kind) > 1 else []


def _titled(doc_id: str, file_name: str, page_text: PageText) -> frozenset[str]:
    titles = evidence.titles_of(evidence.cover_of(doc_id, page_text))
    return facts.read(facts.words_of(file_name)).stems | facts.read(titles).stems


def alike(doc_ids: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """These, and all whose files are called as one of these but for numbers."""
    chosen = dict.fromkeys(doc_ids)
    kinds = {_kind(names[i]) for i in chosen} - {frozenset()}
    return [*(chosen | dict.fromkeys(i for i in names if _kind(names[i]) in kinds))]


def _said(doc_id: str, file_name: str, asked: set[str], page_text: PageText) -> set[str]:
    titles = evidence.titles_of(evidence.cover_of(doc_id, page_text))
    known = facts.read(facts.words_of(file_name)).stems
    return {stem for stem in asked if stem in known or facts.speaks_of(titles, stem)}


def _kind(file_name: str) -> frozenset[str]:
    """Its words, without months and the ending; empty where there are none."""
    words = LETTERS.findall(PurePath(file_name).stem.casefold())
    return frozenset(word for word in words if word not in facts.MONTHS)


def pages_with(labels: Sequence[str], pages: Iterable[tuple[int, str]]) -> tuple[int, ...]:
    """Numbers of the pages that have a row of about one of these labels, the nearest to it first;
    behind them those that have a row of a part of it and say the rest of it elsewhere.

    Search finds what a passage is about; a statement of fifty rows is about none of them.
    pages: (number, text) of a document.
    """
    called = [
        facts.read(name).stems - rows.PLAIN - {name.stem for name in facts.read(label).names}
        for label in labels
        for name in (label, *terms.rows(label))
    ]
    spare: dict[int, int] = {}
    for number, text in pages:
        page = text.casefold()
        said = [stems for stems in called if stems and all(stem in page for stem in stems)]
        for line in page.splitlines() if said else ():
            if row := ROW.match(line):
                extra = min(_spare(row[1], stems) for stems in said)
                spare[number] = min(extra, spare.get(number, extra))
    near = sorted(spare, key=lambda number: (spare[number], number))
    return tuple([number for number in near if spare[number] < FAR][:MOST_PAGES])


def _spare(row: str, stems: frozenset[str]) -> int:
    """How much else the row says, less than PART; or PART and how much it leaves to others, where
    it says nothing else; or FAR."""
    if all(stem in row for stem in stems):
        return len(row) - sum(map(len, stems))
    said = facts.read(rows.BRACKETED.sub(" ", row)).stems - rows.PLAIN
    return PART + len(stems - said) if said and said <= stems else FAR


def on_pages(hit: Hit, numbers: Iterable[int]) -> tuple[Hit, ...]:
    """The hit as of these pages of its document, whole."""
    return tuple(_at(hit, Span(hit.chunk.doc_id, number, 0, 1)) for number in numbers)


def _at(hit: Hit, span: Span) -> Hit:
    return replace(hit, chunk=replace(hit.chunk, spans=(span,)))


def _whole_pages(hits: Sequence[Hit], page_text: PageText) -> list[Hit]:
    pages: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        for span in hit.chunk.spans:
            pages.setdefault((span.doc_id, span.page), hit)
    return [
        _at(hit, Span(doc_id, page, 0, len(page_text(doc_id, page))))
        for (doc_id, page), hit in pages.items()
    ]


def _of_one(rows: Sequence[Row], task: Task) -> tuple[Operand, ...]:
    """One row for all years, or rows of one label for each; of two documents only where the
    question names whose figures they are."""
    if whole := [row for row in rows if {*task.years} <= row.cells.keys()]:
        return _agreed([tuple(row.cells[year] for year in task.years) for row in whole])
    found: list[Operand] = []
    for year in task.years:
        found += _agreed([(row.cells[year],) for row in rows if year in row.cells])
    labels = {operand.label.casefold() for operand in found}
    documents = {operand.span.doc_id for operand in found}
    same = len(labels) == 1 and (len(documents) == 1 or bool(task.names))
    return tuple(found) if same and len(found) == len(task.years) else ()


def _of_several(by_label: Sequence[Sequence[Row]], year: int) -> tuple[Operand, ...]:
    """One row for each label, all of one table."""
    sets: list[tuple[Operand, ...]] = []
    for first in by_label[0]:
        rows = [[row for row in some if row.table is first.table] for some in by_label[1:]]
        if all(len(some) == 1 for some in rows):
            chosen = [first, *(some[0] for some in rows)]
            if all(year in row.cells for row in chosen):
                sets.append(tuple(row.cells[year] for row in chosen))
    return _agreed(sets)


def _due(task: Task, due: Schedule) -> tuple[Operand, ...]:
    """What is due in the years asked for, or in one of them and all in all; nothing where the
    schedule may be of something else."""
    label = task.labels[0]
    need = rows.stems(label) - DUE
    wanted = [due.due[year] for year in task.years if year in due.due]
    total = len(task.labels) > 1
    if len(need) < 2 or not need <= due.about or len(wanted) < len(task.years):
        return ()
    if task.interim or (total and not task.of_all) or sums.A_TOTAL.search(label):
        return ()
    name = _without(label, DUE, due.about)
    named = [replace(operand, label=f"{name[:1].upper()}{name[1:]} due") for operand in wanted]
    return (*named, replace(due.total, year=task.years[0])) if total else tuple(named)


def _agreed(sets: Sequence[tuple[Operand, ...]]) -> tuple[Operand, ...]:
    """The one set of figures that all show, with its scale if any says it; else nothing.

    Percentages stand beside amounts under one name, in tables of shares: the amounts are meant.
    """
    sets = [some for some in sets if not any(o.percent for o in some)] or sets
    values = {tuple(operand.value.normalize() for operand in some) for some in sets}
    scales = {operand.scale for some in sets for operand in some if operand.scale}
    if len(values) != 1 or len(scales) > 1:
        return ()
    return max(sets, key=lambda some: min(operand.scale for operand in some))


# -- columns ---------------------------------------------------------------------------------------


def _columns(table: Table, *, file_name: str, task: Task) -> tuple[int, ...]:
    """The years of the columns that are of the part of a year asked for, from the left; empty where
    that is not certain.

    A quarterly report has three months and then nine; which quarter it is the file's name tells.
    """
    if not _are_a_year_apart(table):
        return ()
    told = sums.interim_in(table.text)
    if told == task.interim:
        return table.years
    known = facts.read(file_name)
    named = task.interim <= known.stems and {*task.years[-1:]} <= known.years
    if not task.interim or not (named or task.interim == {QUARTER}):
        return ()
    if told == {QUARTER}:
        return table.years
    return table.years[: len(table.years) // 2] if _has_two_parts(table) else ()


def _has_two_parts(table: Table) -> bool:
    """Whether three months stand in its first half, and the same years of more months behind."""
    half = len(table.years) // 2
    told = _lengths(table)
    same = table.years[:half] == table.years[half:]
    return bool(THEN_MORE.search(table.text)) and len(told) == 2 and same


def _part(table: Table) -> str | None:
    """Of a year, that the first columns are of; empty for none, None where it is not plain."""
    if not _are_a_year_apart(table):
        return ""  # balances of two days
    if _has_two_parts(table):
        return QUARTER
    told = _lengths(table)
    part = next(iter(told), "")
    return part if len(told) < 2 and part in PARTS else None


def _said_of(row: Row, stretch: Stretch) -> str | None:
    """The part of a year that a sentence is of; None where it tells none, or several."""
    told = _interim(row, stretch)
    return next(iter(told)) if len(told) == 1 and told <= {*PARTS} else None


def _yearly(table: Table) -> tuple[int, ...]:
    return tuple(rows.DAYS * year for year in table.years) if _are_a_year_apart(table) else ()


def _lengths(table: Table) -> frozenset[str]:
    """Of its periods; the text above may speak of a quarter besides."""
    told = sums.interim_in(table.text)
    return frozenset(part for part in told if part in PARTS) or told


def _dated(table: Table) -> tuple[int, ...]:
    """The last day of each column's period, as 20230701; 20230000 where only the year is told."""
    years = table.years
    days = _days(table, len(years))
    n = len(years) // 2 if _has_two_parts(table) else len(years)
    return tuple(
        rows.DAYS * year + 100 * month + day
        for year, (month, day) in zip(years[:n], days[:n], strict=True)
    )


def _days(table: Table, n: int) -> list[Day]:
    """(month, day) above each of n columns; (0, 0) where that is not plain."""
    lines = [line for line in map(_days_in, table.text.splitlines()) if line]
    days = [day for line in lines for day in line][-n:] if evidence.are_stacked(table) else []
    days = days or (lines[-1] if lines else [])
    if len(days) == 1:
        return days * n
    return days if len(days) == n else [(0, 0)] * n


def _days_in(line: str) -> list[Day]:
    return [next(iter(readings)) for readings in facts.read(line).days if len(readings) == 1]


def _are_a_year_apart(table: Table) -> bool:
    """Whether the dates above the columns are of one time of the year: the balance of a quarter
    stands beside that of the last year's end. Years of 52 weeks end in one of two months."""
    months = {month for month, _ in _days(table, len(table.years)) if month}
    months = months or {month for readings in table.facts.days for month, _ in readings}
    first, last = min(months, default=0), max(months, default=0)
    return len(months) < 2 or (len(months) == 2 and last - first in (1, 11))


def _latest(found: Sequence[Row], ends: Collection[Day]) -> int | None:
    """The latest period of the rows that ends on a day that the cover names, where it names any:
    a report may tell figures of others, of other periods."""
    whens = {when for row in found for when in row.cells}
    own = [when for when in whens if not ends or not _day(when)[0] or _day(when) in ends]
    return max(own, default=None)


def _day(when: int) -> Day:
    month, day = divmod(when % rows.DAYS, 100)
    return month, day


def _points(
    found: Sequence[Row], part: str, whens: Collection[int] | None = None
) -> Iterator[Point]:
    """whens: of which periods; None for all."""
    for when in sorted({when for row in found for when in row.cells} if whens is None else whens):
        for operand in _agreed([(row.cells[when],) for row in found if when in row.cells]):
            yield Point(operand, when, part)


# -- what a row says -------------------------------------------------------------------------------


def _known(stretch: Stretch, cover: str, names: frozenset[str]) -> frozenset[str]:
    """Stems of the file name, and of names in the question that the cover or the headings hold."""
    named = {name for name in names if facts.speaks_of(cover, name)}
    file_name = facts.read(facts.words_of(stretch.hit.document)).stems
    return frozenset((names & stretch.context.stems) | named | file_name)


def _interim(row: Row, stretch: Stretch) -> frozenset[str]:
    """Of a row that is a sentence."""
    assert not isinstance(row.table, Table)
    span = row.table.span
    return sums.interim_in(stretch.page[span.start : span.end])


def _called(label: str, task: Task, found: Sequence[Row]) -> list[Row]:
    """The rows that the label means, as it is or as statements call the same."""
    for name in (label, *terms.rows(label)):
        if called := _matching(name, task, found) or _members(name, found):
            return called
    return []


def _matching(label: str, task: Task, found: Sequence[Row]) -> list[Row]:
    """The rows that say what the label does, those that say most of it in their own words."""
    need, numbers = rows.stems(label), _plain_numbers(label)
    rest = rows.stems(task.rest) - need
    for other in task.labels:
        rest -= rows.stems(other)
    best: dict[int, list[Row]] = {}
    for row in found:
        if _plain_numbers(row.label) != numbers or _is_share(row.label) != _is_share(label):
            continue
        for named in (row, _in_group(row)):
            if own := _own(need, rest, named):
                best.setdefault(own, []).append(named)
                break
    nearest = best[max(best)] if best else []
    # "Total cost of sales" stands below "Cost of sales" and may be more.
    total = bool(sums.A_TOTAL.search(label))
    return [row for row in nearest if bool(sums.A_TOTAL.search(row.label)) == total] or nearest


def _is_share(label: str) -> bool:
    """Whether it is of parts of something, "% of net revenue", and no amount of that."""
    return bool(SHARE.search(label))


def _members(label: str, found: Sequence[Row]) -> list[Row]:
    """The rows "Cheese" for "net sales from cheese", below "Net sales by product:", those that say
    most of it themselves."""
    need = rows.stems(label)
    best: dict[int, list[Row]] = {}
    for row in found:
        said = rows.stems(row.label)
        rest = need - said - row.known
        above = row.caption - rows.stems(row.group)
        told = rest <= row.caption and rest.isdisjoint(ASPECTS)
        if said and said <= need and said.isdisjoint(above) and rest and told:
            of = partial(_of, _without(label, said, row.caption))
            cells = {when: of(cell) for when, cell in row.cells.items()}
            best.setdefault(len(said), []).append(replace(row, cells=cells))
    return best[max(best)] if best else []


def _without(label: str, said: frozenset[str], caption: frozenset[str]) -> str:
    """Of "the provision for state and local taxes in 2018" what the caption says: "provision for
    taxes"."""
    kept: list[tuple[str, bool]] = []
    told = {*said}
    for word in label.split():
        stems = rows.stems(word)
        little = not stems and (not kept or not kept[-1][0])
        kept.append(("" if little or stems & told else word, bool(stems & caption - told)))
        told |= stems
    at = [i for i, (_, is_caption) in enumerate(kept) if is_caption]
    return " ".join(word for word, _ in kept[at[0] : at[-1] + 1] if word) if at else label


def _of(measure: str, operand: Operand) -> Operand:
    return replace(operand, label=f"{operand.label} ({measure})")


def _in_group(row: Row) -> Row:
    """ "Services" below "Net sales:" as "Services (Net sales)"."""
    if not row.group:
        return row
    cells = {when: _of(row.group, cell) for when, cell in row.cells.items()}
    return replace(row, label=f"{row.group} {row.label}", cells=cells)


def _own(need: frozenset[str], rest: frozenset[str], row: Row) -> int:
    """How many of the stems the row itself says; 0 where it says another thing."""
    known = {rows.SAME.get(stem, stem) for stem in row.known}
    either = {"net"} if rows.NET_OF in need else set()
    said = rows.stems(row.label)
    extra = said - need - rest - either
    fits = need & said and not extra and (need | rest) - said - either <= known
    return len(need & said) if fits else 0


def _plain_numbers(text: str) -> frozenset[int]:
    return frozenset(n.digits for n in facts.read(text).numbers if not n.year)
