"""Finds the figures that a sum is made of in the tables and sentences of the pages found.

A figure is taken only when the row says what the question says and nothing else, its column has the
year, and no other row that says the same shows another figure. In any doubt nothing is taken.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rag import evidence, facts, figures, sentences, sums
from rag.evidence import Line, Stretch, Table
from rag.figures import Number
from rag.sums import Operand, Task
from rag.types import Hit, Span

PageText = Callable[[str, int], str]

COVER = 1500
"""Characters of a document's first page that may say whose it is."""

PLAIN = facts.read(
    "total consolidated company segment amount value balance figure number annual dollars usd fy"
).stems
"""Stems that neither ask for a row nor tell it from another."""
SAME = {
    stem: words.split()[0]
    for words in ("revenue sales turnover", "income profit earnings", "cost expense")
    for stem in facts.read(words).stems
}
"""Words of reports that name one thing."""
NET_OF = "revenue"
"""Of which "net" makes no other figure."""

LONGEST = 20
"""Characters of a figure."""
CAPTION = 200
"""Characters right above a table that may say what its figures are of."""
ARTICLE = re.compile(r"^(?:the|a|an) ", re.IGNORECASE)
MEMBER = re.compile(r" (?:from|of|for|by) ", re.IGNORECASE)
DIGIT = re.compile(r"\d")
NUMBER = re.compile(figures.PATTERN, re.VERBOSE)
CURRENCY = re.compile(r"([$€£¥₹])[\s(]*$")
NOTE = re.compile(r"\(\d{1,2}\)")
"""Of a footnote, in front of a row's figures."""
FOOTNOTE = re.compile(r"\s*\((?:\d{1,2}|[a-z])\)|[.\s…]+$")
QUARTER = "three months"
THEN_MORE = re.compile(rf"\b{QUARTER}\b.*\b(?:six|nine) months\b", re.IGNORECASE | re.DOTALL)
QUARTERLY = re.compile(r"\bquarterly (?:report|period)\b|\b10-q\b", re.IGNORECASE)
ENDS_GROUP = re.compile(r"\W*(?:total\b|net\b|[^a-z]*$)", re.IGNORECASE)
BRACKETED = re.compile(r"\([^()]*\)")
CHANGE = re.compile(r"\b(?:increase|decrease|change)s?\b", re.IGNORECASE)
"""Of the line above rows: their figures are changes, as in a statement of cash flows."""
TOTAL = re.compile(r"\btotal\b", re.IGNORECASE)
PER = re.compile(r"\bper\b", re.IGNORECASE)
UNSCALED = re.compile(r"\b(?:per|shares?|ratio|number|employees|headcount)\b", re.IGNORECASE)
"""Of a row's label: its figures may not be in the table's scale."""
RATE = re.compile(r"%|\b(?:percent(?:age)?|rate|margin|yield)\b", re.IGNORECASE)
"""Of a row's label: its figures may be percentages without saying so."""
SAID = re.compile(
    r"^(?P<label>.{3,100}?) (?:was|were|totaled|totalled|amounted to|came to|is|are|of) "
    r"(?:approximately |about )?(?=[$€£¥]?\s?\d)",
    re.IGNORECASE,
)
FOR_YEARS = re.compile(r",? (?:for|in|during) (?:the )?(?:fiscal |years? |ended |[A-Z][a-z]+ \d)")
"""In a sentence's label: the years that its figures are of, "respectively"."""
IN_YEAR = re.compile(r"[^.;\d]{0,40}?\b(?:in|for|at|during|of)\b[^.;\d]{0,30}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table, or a sentence, with its figures by year.

    group: the line above rows that belong together ("Cost of sales:"). known: stems of the file
    name, and of names in the question that the cover or the headings hold too. caption: stems of
    what stands right above the table.
    """

    label: str
    cells: dict[int, Operand]
    table: object
    group: str = ""
    known: frozenset[str] = frozenset()
    caption: frozenset[str] = frozenset()


def find(
    task: Task,
    hits: Sequence[Hit],
    page_text: PageText,
) -> tuple[Operand, ...]:
    """What the task wants, label by label and year by year; empty where it is not certain.

    Whole pages are read, not only the passages found, for a second row may contradict the first.
    """
    rows = [
        row
        for stretch in evidence.read(_whole_pages(hits, page_text), page_text)
        for row in _rows(stretch, task, page_text)
    ]
    in_tables = [row for row in rows if isinstance(row.table, Table)]
    for some in (in_tables, rows):
        by_label = [_matching(label, task, some) or _members(label, some) for label in task.labels]
        if all(by_label):
            break
    if len(by_label) == 1:
        return _of_one(by_label[0], task)
    return _of_several(by_label, task.years[0])


def _whole_pages(hits: Sequence[Hit], page_text: PageText) -> list[Hit]:
    pages: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        for span in hit.chunk.spans:
            pages.setdefault((span.doc_id, span.page), hit)
    return [
        replace(
            hit,
            chunk=replace(hit.chunk, spans=(Span(doc_id, page, 0, len(page_text(doc_id, page))),)),
        )
        for (doc_id, page), hit in pages.items()
    ]


def _of_one(rows: Sequence[_Row], task: Task) -> tuple[Operand, ...]:
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


def _of_several(by_label: Sequence[Sequence[_Row]], year: int) -> tuple[Operand, ...]:
    """One row for each label, all of one table."""
    sets: list[tuple[Operand, ...]] = []
    for first in by_label[0]:
        rows = [[row for row in some if row.table is first.table] for some in by_label[1:]]
        if all(len(some) == 1 for some in rows):
            chosen = [first, *(some[0] for some in rows)]
            if all(year in row.cells for row in chosen):
                sets.append(tuple(row.cells[year] for row in chosen))
    return _agreed(sets)


def _agreed(sets: Sequence[tuple[Operand, ...]]) -> tuple[Operand, ...]:
    """The one set of figures that all show, with its scale if any says it; else nothing."""
    values = {tuple(operand.value.normalize() for operand in some) for some in sets}
    scales = {operand.scale for some in sets for operand in some if operand.scale}
    if len(values) != 1 or len(scales) > 1:
        return ()
    return max(sets, key=lambda some: min(operand.scale for operand in some))


# -- rows ------------------------------------------------------------------------------------------


def _rows(stretch: Stretch, task: Task, page_text: PageText) -> Iterator[_Row]:
    cover = page_text(stretch.hit.chunk.doc_id, 1)[:COVER]
    if QUARTERLY.search(cover) and not task.interim:
        return
    named = {name for name in task.names if facts.speaks_of(cover, name)}
    known = frozenset(
        (task.names & stretch.context.stems) | named | facts.read(_words(stretch)).stems
    )
    table: Table | None = None
    columns: tuple[int, ...] = ()
    group, caption = "", frozenset[str]()
    for line in stretch.lines:
        text = stretch.page[line.span.start : line.span.end]
        if line.table is None:
            row = _said(stretch, line, text) if sums.interim_in(text) == task.interim else None
        else:
            if line.table is not table:
                group, columns = _group(line.table), _columns(line.table, _words(stretch), task)
                caption = _stems(line.table.text[-CAPTION:])
            row = _row(stretch, line, text, columns)
        table = line.table
        if row is not None and not CHANGE.search(group):
            yield replace(row, group=group, known=known, caption=caption)
        if ENDS_GROUP.match(text):
            group = ""


def _columns(table: Table, file_name: str, task: Task) -> tuple[int, ...]:
    """The years of the columns that are of the part of a year asked for, from the left; empty where
    that is not certain.

    A quarterly report has three months and then nine; which quarter it is the file's name tells.
    """
    told = sums.interim_in(table.text)
    if told == task.interim:
        return table.years
    known = facts.read(file_name)
    named = task.interim <= known.stems and {*task.years[-1:]} <= known.years
    if not task.interim or not (named or task.interim == {QUARTER}):
        return ()
    if told == {QUARTER}:
        return table.years
    half = len(table.years) // 2
    if THEN_MORE.search(table.text) and len(told) == 2 and table.years[:half] == table.years[half:]:
        return table.years[:half]
    return ()


def _group(table: Table) -> str:
    """The line right above the rows, where it is one like "Cost of sales:"."""
    last = table.text.rstrip().rsplit("\n", 1)[-1].strip()
    return last.rstrip(":") if last.endswith(":") else ""


def _words(stretch: Stretch) -> str:
    """Of the file name."""
    return re.sub(r"[_.\-]+", " ", stretch.hit.document)


def _row(stretch: Stretch, line: Line, text: str, columns: Sequence[int]) -> _Row | None:
    """columns: years, from the left; the table may have as many again of another period."""
    table = line.table
    offsets = sentences.cell_offsets(text)
    if table is None or not offsets or not _are_a_year_apart(table):
        return None
    if len(offsets) > len(table.years) > 0 and NOTE.fullmatch(text, *offsets[0]):
        offsets = offsets[1:]
    label = FOOTNOTE.sub("", text[: offsets[0][0]].rstrip(" $€£¥₹("))
    numbers = [_number(text, *offset) for offset in offsets]
    if _are_pairs(numbers):
        offsets, numbers = offsets[::2], numbers[::2]
    if len(numbers) == len(table.years) == 2 * len(columns):
        numbers = numbers[: len(columns)]
    years = _years(columns, numbers)
    if not years or not re.search(r"[^\W\d_]{2}", label):
        return None
    (scale,) = table.scales if len(table.scales) == 1 else (0,)
    cells = {
        year: _operand(stretch, line, label, year, offset, scale)
        for year, offset in zip(years, offsets, strict=False)
        if (number := _number(text, *offset)) and (number.percent or not RATE.search(label))
    }
    return _Row(label, cells, table)


def _are_a_year_apart(table: Table) -> bool:
    """Whether the dates above the columns are of one time of the year: the balance of a quarter
    stands beside that of the last year's end. Years of 52 weeks end in one of two months."""
    months = {month for readings in table.facts.days for month, _ in readings}
    first, last = min(months, default=0), max(months, default=0)
    return len(months) < 2 or (len(months) == 2 and last - first in (1, 11))


def _are_pairs(numbers: Sequence[Number | None]) -> bool:
    """Whether a percentage follows each amount: "1,617 2% 1,434 1%"."""
    told = [number is not None and number.percent for number in numbers]
    return len(told) > 2 and told == [False, True] * (len(told) // 2)


def _years(years: Sequence[int], numbers: Sequence[Number | None]) -> Sequence[int]:
    """The year of each column from the left; columns behind them must be seen to be changes."""
    if len(set(years)) != len(years):
        return ()
    if len(years) == len(numbers):
        return years
    values = [_value(number) for number in numbers if number]
    if len(years) == 2 and 2 < len(numbers) <= 4 and len(values) == len(numbers):
        first, second, *changes = values
        if all(_is_change(abs(first - second), second, abs(value)) for value in changes):
            return years
    return ()


def _is_change(change: Decimal, base: Decimal, shown: Decimal) -> bool:
    """Whether a column shows the change itself, or the percentage that it is of `base`."""
    if change == shown:
        return True
    return bool(base) and abs(100 * change / abs(base) - shown) <= Decimal("0.51")


def _number(text: str, start: int, end: int) -> Number | None:
    """The cell's figure; None where it has none, more than one, or one too long to be one."""
    found = NUMBER.search(text, start, end)
    if found is None or len(found.group()) > LONGEST or DIGIT.search(text, found.end(), end):
        return None
    return figures.read(text, found)


def _value(number: Number) -> Decimal:
    value = Decimal(number.digits).scaleb(number.place - number.scale)
    places = max(0, number.scale - number.place_shown)
    value = value.quantize(Decimal(1).scaleb(-places))
    return -value if number.minus or number.bracketed else value


def _operand(
    stretch: Stretch, line: Line, label: str, year: int, offset: tuple[int, int], scale: int
) -> Operand:
    """scale: of the table."""
    text = stretch.page[line.span.start : line.span.end]
    start, end = offset
    found = NUMBER.search(text, start, end)
    assert found is not None  # the caller has read a number there
    number = figures.read(text, found)
    currency = CURRENCY.search(text[: found.start()])
    scale = number.scale or (0 if number.percent or UNSCALED.search(label) else scale)
    return Operand(
        label=" ".join(label.split()),
        year=year,
        value=_value(number),
        shown=f"{found.group()} %" if number.percent else found.group(),
        span=replace(line.span, start=line.span.start + start, end=line.span.start + end),
        document=stretch.hit.document,
        scale=scale,
        percent=number.percent,
        # "$411" of a table that does not say that it is in thousands would be wrong.
        currency=currency[1] if currency and (scale or PER.search(label)) else "",
    )


def _said(stretch: Stretch, line: Line, text: str) -> _Row | None:
    """ "Net sales were $1,577 million in 2018, compared with $1,437 million in 2017." """
    text = text.replace("\n", " ")
    begun = SAID.match(text)
    if not begun or len(text) > 300:
        return None
    days = {at for day in facts.DAY.finditer(text) for at in range(*day.span())}
    found = [
        (m.span(), figures.read(text, m))
        for m in NUMBER.finditer(text, begun.end())
        if m.start() not in days and len(m.group()) <= LONGEST
    ]
    years = [(span, int(number.value)) for span, number in found if number.year]
    spans = [span for span, number in found if not number.year]
    label = begun["label"]
    if "respectively" in text:
        # "Rent for fiscal years 2018 and 2017 was $2 million and $1 million, respectively."
        early = [*map(int, sums.YEARS.findall(label))]
        label = FOR_YEARS.split(label)[0] if early else label
        named = early or [year for span, year in years if span > max(spans, default=(0, 0))]
    elif [number.year for _, number in found] == [False, True] * len(years) and all(
        IN_YEAR.match(text[one[1] : year[0]]) for one, (year, _) in zip(spans, years, strict=True)
    ):
        named = [year for _, year in years]
    else:
        return None
    if not named or len(set(named)) != len(named) or len(named) != len(spans):
        return None
    cells = {
        year: _operand(stretch, line, label, year, span, 0)
        for year, span in zip(named, spans, strict=True)
    }
    return _Row(label, cells, line)


# -- what a row says -------------------------------------------------------------------------------


def _matching(label: str, task: Task, rows: Sequence[_Row]) -> list[_Row]:
    """The rows that say what the label does, those that say most of it in their own words."""
    need, numbers = _stems(label), _plain_numbers(label)
    rest = _stems(task.rest) - need
    for other in task.labels:
        rest -= _stems(other)
    best: dict[int, list[_Row]] = {}
    for row in rows:
        if _plain_numbers(row.label) != numbers:
            continue
        if own := _own(need, rest, row):
            best.setdefault(own, []).append(row)
    found = best[max(best)] if best else []
    # "Total cost of sales" stands below "Cost of sales" and may be more.
    total = bool(TOTAL.search(label))
    return [row for row in found if bool(TOTAL.search(row.label)) == total] or found


def _members(label: str, rows: Sequence[_Row]) -> list[_Row]:
    """The rows "Cheese" for "net sales from cheese", below "Net sales by product:"."""
    for at in MEMBER.finditer(label):
        words = ARTICLE.sub("", label[: at.start()])
        measure, member = _stems(words), _stems(label[at.end() :])
        found = [
            replace(row, cells={y: _of(words, cell) for y, cell in row.cells.items()})
            for row in rows
            if member and _stems(row.label) == member and member.isdisjoint(row.caption)
            if measure and measure - row.known <= row.caption
        ]
        if found:
            return found
    return []


def _of(measure: str, operand: Operand) -> Operand:
    return replace(operand, label=f"{operand.label} ({measure})")


def _own(need: frozenset[str], rest: frozenset[str], row: _Row) -> int:
    """How many of the stems the row itself says; 0 where it says another thing."""
    known = {SAME.get(stem, stem) for stem in row.known}
    for label in (row.label, f"{row.group} {row.label}"):
        said = _stems(label)
        extra = said - need - rest - ({"net"} if NET_OF in need else set())
        if need & said and not extra and (need | rest) - said <= known:
            return len(need & said)
    return 0


def _stems(text: str) -> frozenset[str]:
    stems = facts.read(BRACKETED.sub(" ", text)).stems
    return frozenset(SAME.get(stem, stem) for stem in stems if stem not in PLAIN)


def _plain_numbers(text: str) -> frozenset[int]:
    return frozenset(n.digits for n in facts.read(text).numbers if not n.year)
