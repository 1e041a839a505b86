"""Spreadsheets and CSV files: blocks of whole rows, with the range of cells they stand in.

The only user of calamine.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby, islice
from typing import BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from rag import archive, charset, flow, grid, plain, sniff
from rag.errors import DocumentTooLarge
from rag.flow import Item, Part, Remark
from rag.rawtext import clean, one_line

ROWS = 1500
"""Characters of rows in one part, about."""
MAX_CELLS = 60_000_000
"""Cells between the first and the last of a sheet; the library makes room for each."""
MAX_LINE = 1 << 20
"""Characters of a line beyond which a file is no table, whatever it is called."""
_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*(?<!/)>")
_TAIL = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row that is not blank. number: from 1. first: column of cells[0], from 0."""

    number: int
    cells: Sequence[str]
    first: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of text, and the row and the columns, from 0, that it comes from."""

    text: str
    row: int
    first: int
    last: int


def read_workbook(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Item]:
    """XLSX, XLSB and ODS."""
    with archive.opened(file, name, max_bytes) as opened:
        archive.check_open(opened, name)
        for member, blocks in opened.unpacked():
            _check_extent(member, blocks, name)
    yield from read_old_workbook(file)


def read_old_workbook(file: BinaryIO) -> Iterator[Item]:
    """XLS, which is not compressed and whose sheets are small."""
    workbook = CalamineWorkbook.from_filelike(file)
    failed: CalamineError | None = None
    for title in workbook.sheet_names:
        try:
            sheet = workbook.get_sheet_by_name(title)
        except CalamineError as error:
            yield Remark(f"Sheet {one_line(title)} cannot be followed and is left out.")
            failed = error
            continue
        yield from listed(_rows(sheet), sheet=one_line(title))
    if failed and len(workbook.sheet_names) == 1:
        raise failed


def read_csv(file: BinaryIO) -> Iterator[Item]:
    text = charset.decoded(file.read())
    told = re.match(r"sep=(.)\r?\n", text)
    delimiter = told.group(1) if told else sniff.delimiter(text[: sniff.HEAD])
    lines = text[told.end() if told else 0 :].splitlines(keepends=True)
    if delimiter is None or max(map(len, lines), default=0) > MAX_LINE:
        yield from flow.numbered(flow.cut(plain.paragraphs(text)))
        return
    csv.field_size_limit(len(text) + 1)
    rows = csv.reader(lines, delimiter=delimiter)
    yield from listed(Row(number, cells) for number, cells in enumerate(rows, 1))


def listed(rows: Iterable[Row], *, sheet: str | None = None) -> Iterator[Part]:
    """Parts of about ROWS characters, each with the place of its cells; blank rows are left out.

    sheet: its name; None where the rows are those of a CSV file.
    """
    held = list[Piece]()
    n_chars = 0
    for piece in _pieces(rows, is_csv=sheet is None):
        if held and n_chars + len(piece.text) > ROWS:
            yield _part(held, sheet)
            held, n_chars = [], 0
        held.append(piece)
        n_chars += len(piece.text) + 1
    if held:
        yield _part(held, sheet)


def place(rows: tuple[int, int], columns: tuple[int, int], sheet: str | None) -> str:
    """Where cells stand, for a label. rows: from 1. columns: from 0."""
    top, bottom = rows
    if sheet is None:
        return f"rows {top}-{bottom}" if top != bottom else f"row {top}"
    first, last = (f"{grid.column(column)}{row}" for column, row in zip(columns, rows, strict=True))
    return f"sheet {sheet}, {first}" + (f":{last}" if first != last else "")


def _part(pieces: Sequence[Piece], sheet: str | None) -> Part:
    rows = pieces[0].row, pieces[-1].row
    columns = min(piece.first for piece in pieces), max(piece.last for piece in pieces)
    return Part("\n".join(piece.text for piece in pieces), place(rows, columns, sheet))


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    if sheet.start is None:
        return
    left = sheet.start[1]
    # Rows come from the sheet's first one on, columns from the first that is filled.
    for number, values in enumerate(sheet.iter_rows(), 1):
        if any(value != "" for value in values):
            yield Row(number, [_cell(value) for value in values], left)


def _cell(value: object) -> str:
    return value and clean(value).strip() if isinstance(value, str) else grid.shown(value)


def _pieces(rows: Iterable[Row], *, is_csv: bool) -> Iterator[Piece]:
    names: Sequence[str] = ()
    for band in _bands(rows):
        head = list(islice(band, 2 * grid.LOOK))
        at = grid.names_at([row.cells for row in head], table=is_csv)
        if at is not None:
            names = head[at].cells
            used = {i for row in head[at + 1 :] for i, c in enumerate(row.cells) if c.strip()}
            lost = any(name.strip() for i, name in enumerate(names) if i not in used)
            yield from _lines(head[: at + 1 if lost else at], ())
            head = head[at + 1 :]
        elif not _goes_on(head[0], names):
            yield from _lines(chain(head, band), ())
            if len(head) == 1 and grid.are_names(head[0].cells):  # of a table below a blank row
                names = head[0].cells
            continue
        yield from _lines(chain(head, band), names)


def _lines(rows: Iterable[Row], names: Sequence[str]) -> Iterator[Piece]:
    for row in rows:
        yield from _cut(row, names)


def _bands(rows: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """Runs of rows without a blank one between them."""
    filled = (row for row in rows if any(cell.strip() for cell in row.cells))
    for _, band in groupby(enumerate(filled), key=lambda pair: pair[1].number - pair[0]):
        yield (row for _, row in band)


def _goes_on(row: Row, names: Sequence[str]) -> bool:
    """Whether a row behind a blank one looks like more of the table before."""
    columns = [i for i, cell in enumerate(row.cells) if cell.strip()]
    return len(columns) > 1 and all(i < len(names) and names[i].strip() for i in columns)


def _cut(row: Row, names: Sequence[str]) -> Iterator[Piece]:
    """A row's line; several where it is too long for one part."""
    start = 0
    filled = [i for i, cell in enumerate(row.cells) if cell.strip()]
    while start < len(filled):
        stop, n_chars = start, 0
        while stop < len(filled):
            name = names[filled[stop]] if filled[stop] < len(names) else ""
            n_chars += len(row.cells[filled[stop]]) + len(name) + 5
            if n_chars > flow.PART and stop > start:
                break
            stop += 1
        first, last = filled[start], filled[stop - 1]
        text = grid.line(row.cells[first : last + 1], names[first : last + 1])
        for piece in flow.split(text, flow.PART):
            yield Piece(piece, row.number, row.first + first, row.first + last)
        start = stop


def _check_extent(member: str, blocks: Iterable[bytes], name: str) -> None:
    """Raises DocumentTooLarge where values stand so far apart that the table between them, which
    the library makes, would not fit into memory."""
    tail = b""
    rows = columns = 0
    is_sheet = member.startswith("xl/worksheets/") and member.endswith(".xml")
    for block in blocks:
        if not is_sheet:
            continue
        for letters, row in _CELL.findall(tail + block):
            rows = max(rows, int(row))
            columns = max(columns, _index(letters))
        tail = block[-_TAIL:]
    if rows * columns > MAX_CELLS:
        raise DocumentTooLarge(
            f"{name} has a sheet with values as far out as row {rows} and column "
            f"{grid.column(columns - 1)}. Delete what stands far from the table, save it and add "
            "it again."
        )


@cache
def _index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = 26 * index + letter - ord("A") + 1
    return index
