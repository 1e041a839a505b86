"""Tables to lines that keep what stands in one row together, under the names of the columns."""

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import median

from rag.flow import Block
from rag.rawtext import one_line

Row = Sequence[str]
Cells = Sequence[Block]
"""What a cell of a document holds."""

LOOK = 15
"""Rows among which the names of the columns are looked for; titles may stand above them."""
LONGEST_NAME = 80
LONGEST_CELL = 1000
"""A cell with more is a place on a page rather than a value."""
MAX_SPAN = 100
MAX_WIDTH = 200
"""Columns to which cells can reach; spans are cheap to write and dear to follow."""
_FIGURE = re.compile(
    r"[-+(]?\s*+[$€£¥₹]?\s*+[-+]?\d[\d.,'’ \xa0:/%)–-]*+\s*+[$€£¥%)]?"
    r"|\d{4}-\d\d-\d\d.*|(true|false)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(19|20)\d\d")


def lines(rows: Sequence[Row], *, named: bool | None = None) -> list[str]:
    """A line for each row that is not blank. named: whether the first row names the columns;
    None where that must be guessed."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    at = names_at(filled) if named is None else 0 if named and len(filled) > 1 else None
    if at is None:
        return [line(row) for row in filled]
    names = filled[at]
    used = {i for row in filled[at + 1 :] for i, cell in enumerate(row) if cell.strip()}
    # A column without a single value would else not be mentioned at all.
    lost = any(name.strip() for i, name in enumerate(names) if i not in used)
    above = filled[: at + 1] if lost else filled[:at]
    return [line(row) for row in above] + [line(row, names) for row in filled[at + 1 :]]


def line(row: Row, names: Row = ()) -> str:
    """`Name: value | Name: value`, or `value | value` without names; blank cells are left out."""
    return " | ".join(
        f"{name}: {value}" if name and name != value else value
        for i, cell in enumerate(row)
        if (value := one_line(cell))
        for name in [one_line(names[i]).rstrip(":") if i < len(names) else ""]
    )


def names_at(rows: Sequence[Row], *, table: bool = False) -> int | None:
    """Which row names the columns, if any does. table: the rows are sure to be those of a table
    with names, such as of a CSV file, so that words above words are names, too."""
    for i, row in enumerate(rows[:LOOK]):
        below = rows[i + 1 : i + 1 + LOOK]
        if below and _may_name(row, below):
            return i if table or _is_told_apart(row, below) else None
    return None


def _may_name(row: Row, below: Sequence[Row]) -> bool:
    names = [cell.strip() for cell in row if cell.strip()]
    usual = median(sum(bool(cell.strip()) for cell in other) for other in below)
    return len(names) >= max(2, 0.6 * usual) and are_names(names)


def are_names(row: Row) -> bool:
    """Whether cells can be the names of columns: short words, or years in a row."""
    names = [cell.strip() for cell in row if cell.strip()]
    if any(len(name) > LONGEST_NAME for name in names) or len(set(names)) * 4 < len(names) * 3:
        return False
    figures = [name for name in names if _FIGURE.fullmatch(name)]
    if len(figures) > 1 and all(map(_YEAR.fullmatch, figures)):
        steps = {int(b) - int(a) for a, b in pairwise(figures)}
        return len(steps) == 1 and steps <= {1, -1}
    return len(names) > 1 and not figures and any(c.isalpha() for name in names for c in name)


def _is_told_apart(row: Row, below: Sequence[Row]) -> bool:
    """Two columns of words may as well be a form: the name of a thing, and the thing."""
    columns = [i for i, cell in enumerate(row) if cell.strip()]
    if len(columns) > 2:
        return True
    if any(row[i].strip().endswith(":") for i in columns):
        return False
    values = [other[columns[1]].strip() for other in below if columns[1] < len(other)]
    return sum(bool(_FIGURE.fullmatch(value)) for value in values) * 2 > len(values)


def blocks(rows: Sequence[Sequence[Cells]], *, named: bool | None = None) -> Iterator[Block]:
    """A document's table as blocks. Where cells hold tables, headings or long text, it only lays
    out the page: those rows are given cell by cell."""
    plain = [row for row in rows if not any(map(_is_layout, row))]
    if len(plain) == len(rows) and max(map(len, rows), default=0) > 1:
        found = lines([[_text(cell) for cell in row] for row in rows], named=named)
        yield from (Block(text, tight=i > 0, row=True) for i, text in enumerate(found))
        return
    for row in rows:
        if any(map(_is_layout, row)) or len(row) == 1:
            for cell in row:
                yield from cell
        elif text := line([_text(cell) for cell in row]):
            yield Block(text, row=True)


def _is_layout(cell: Cells) -> bool:
    return any(block.row or block.level for block in cell) or (
        sum(len(block.text) for block in cell) > LONGEST_CELL
    )


def _text(cell: Cells) -> str:
    return one_line(" ".join(block.text for block in cell))


class Table:
    """Rows as they come from a document, with cells that reach over several columns and rows.

    A value that reaches over rows stands in each of them; one that reaches over columns, in the
    first, so that it is not said twice in one row.
    """

    def __init__(self) -> None:
        self.rows: list[list[Cells]] = []
        self._above: dict[int, tuple[int, Cells]] = {}
        self._reaching: dict[int, tuple[int, Cells]] = {}

    def start_row(self) -> None:
        for at, (left, cell) in self._above.items():  # of a row that ended early
            if left > 1:
                self._reaching.setdefault(at, (left - 1, cell))
        self._above, self._reaching = self._reaching, {}
        self.rows.append([])
        self._fill()

    def add(self, cell: Cells, *, columns: int = 1, rows: int = 1) -> None:
        if not self.rows:
            self.start_row()
        row = self.rows[-1]
        for i in range(min(max(columns, 1), MAX_SPAN)):
            if i and len(row) >= MAX_WIDTH:
                break
            content = () if i else cell
            if rows > 1 and len(row) < MAX_WIDTH:
                self._reaching[len(row)] = (min(rows, MAX_SPAN) - 1, content)
            row.append(content)
        self._fill()

    def _fill(self) -> None:
        row = self.rows[-1]
        while (at := len(row)) in self._above:
            left, cell = self._above.pop(at)
            if left > 1:
                self._reaching[at] = (left - 1, cell)
            row.append(cell)


def shown(value: object) -> str:
    """A value as a person would write it: whole numbers whole, dates as ISO 8601."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _figure(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else _moment(value)
    if isinstance(value, dt.timedelta):
        return _duration(value)
    if isinstance(value, dt.time):
        return value.isoformat("minutes" if not value.second else "seconds")
    return "" if value is None else str(value)


def _figure(value: float) -> str:
    if not math.isfinite(value):
        return ""
    if value.is_integer() and abs(value) < 1e21:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    text = f"{value:.15g}"  # as many digits as a spreadsheet keeps
    if "e" not in text:
        return text
    return f"{Decimal(text):f}" if 1e-9 < abs(value) < 1e21 else text


def _moment(value: dt.datetime) -> str:
    return value.isoformat(" ", "minutes" if not value.second else "seconds")


def _duration(value: dt.timedelta) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def column(index: int) -> str:
    """The letters of a column, from index 0: A, B, … Z, AA."""
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters
