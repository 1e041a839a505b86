"""Rows that say what their columns are called, "Name: Ann Lee | Extension: 2117", as tables.

So are rows of spreadsheets, CSV files, and tables of other files written in the text of a page.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag import grid
from rag.types import Span

BETWEEN = " | "
SHEET = re.compile(r"sheet (.+), [A-Z]+\d+(?::[A-Z]+\d+)?$")
"""Label of a page of a spreadsheet."""
SENTENCE = re.compile(r"[.;]\s|[.;,]$")
ABOVE = 3
"""Titles above a table that may say what it is of, and lines right above."""
LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Record:
    """A row. values: as they stand there, by the names of their columns; blank cells have none.
    text: of the row."""

    values: dict[str, str]
    text: str
    span: Span


@dataclass(slots=True)
class Table:
    """names: of its columns, from the left. titles: the name of its sheet, and titles above it.
    above: the lines right above it, which may tell its units. whole: False where a row is not
    plain, such as one with a cell that has no name. goes_on: there may be more rows than these.
    head: the line that names the columns, where the rows do not."""

    names: list[str]
    titles: str
    above: str
    records: list[Record] = field(default_factory=list)
    whole: bool = True
    goes_on: bool = False
    head: Span | None = None


def stand_in(text: str) -> bool:
    """Whether there are such rows in the text."""
    return any(_values(line) for line in text.splitlines())


def read(doc_id: str, pages: Iterable[tuple[int, str, str]]) -> list[Table]:
    """The tables of a document, those with rows on several pages put together. pages: (number,
    label, text) in order."""
    tables: list[Table] = []
    sheet = ""
    goes_on = False
    for number, label, text in pages:
        before = sheet
        found = SHEET.match(label)
        sheet = found[1] if found else ""
        goes_on = goes_on and sheet == before
        above: list[str] = []
        for span, line in _lines(doc_id, number, text):
            values = _values(line)
            if values is None:
                if goes_on and BETWEEN in line:
                    tables[-1].whole = False
                else:
                    above, goes_on = [*above, line], False
                continue
            if not (goes_on and _are_of(tables[-1], values)):
                tables.append(table_below(above, sheet))
                above = []
            table, goes_on = tables[-1], True
            table.names += [name for name in values if name not in table.names]
            table.records.append(Record(values, line, span))
    return tables


def table_below(lines: Sequence[str], sheet: str = "") -> Table:
    """An empty one below these lines. Titles are no sentences."""
    told = [line for line in lines if len(line) <= LONGEST_TITLE and not SENTENCE.search(line)]
    return Table([], "\n".join([sheet, *told[-ABOVE:]]), "\n".join(lines[-ABOVE:]))


def _lines(doc_id: str, number: int, text: str) -> Iterator[tuple[Span, str]]:
    for found in re.finditer(r"\S[^\n]*", text):
        line = found.group().rstrip()
        yield Span(doc_id, number, found.start(), found.start() + len(line)), line


def _values(line: str) -> dict[str, str] | None:
    """By the names of columns; None where the line is no such row, or one name stands twice."""
    if BETWEEN not in line:
        return None
    cells = [cell.partition(": ") for cell in line.split(BETWEEN)]
    values = {name.strip(): value.strip() for name, _, value in cells}
    plain = all(value and 0 < len(name) <= grid.LONGEST_NAME for name, value in values.items())
    return values if plain and len(values) == len(cells) else None


def _are_of(table: Table, values: dict[str, str]) -> bool:
    """Whether a row has columns of the table; blank cells are left out of either."""
    return 2 * len(values.keys() & table.names) >= min(len(values), len(table.names))
