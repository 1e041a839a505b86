"""Tables of a page told by where their cells stand: what has a gap on either side, row by row.

The text of a page says "up to 5 kg 7.20 14.80 19.30" and nothing of columns. Only tables are read
whose rows all fit the columns of most of them, and whose first row names these.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import numpy as np

from rag import grid, records
from rag.arrays import FloatArray
from rag.records import Record, Table
from rag.types import Span

GAP = 0.6
"""Of the height of a line: blanks that are wider part two cells."""
LEAST_ROWS = 3
"""With the one that names the columns."""
FAR = 3.0
"""Times the height of a line, from one row's middle to the next: more ends a table."""
NEXT = 1.3
"""Of the step from row to row: a line that is as near may be a row, too."""
NEAR = 1.35
"""The same within a cell of several lines."""
LONGEST = 400
"""Characters of a row."""
SHORT = 80
"""Characters of a line that may be a row."""
MOST_SHARED = 0.3
"""Of the width of the narrower of two columns, or of a piece, that may reach into the next."""
BELOW = 2
"""Rows below a table at the end of a page, such as the number of the page."""
FIGURE = 3
"""Characters of a cell, with a digit among them where it is a figure."""
YEAR = re.compile(r"(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two gaps. start, end: in the text of the page."""

    text: str
    start: int
    end: int
    x0: float
    x1: float
    y0: float
    y1: float

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


Row = list[Piece]


def read(
    doc_id: str, number: int, text: str, boxes: FloatArray, *, is_last: bool = False
) -> list[Table]:
    """boxes: as in `Page.boxes`, of the text. is_last: no page follows on which a table might go
    on."""
    rows = _rows([*_pieces(text, boxes)])
    found = []
    done = 0
    for first, last in _runs(rows):
        if table := _table(doc_id, number, rows[first:last]):
            above = [row[0].text for row in rows[done:first] if len(row) == 1]
            ends_page = len(rows) - last <= BELOW and not is_last
            goes_on = ends_page or (last < len(rows) and _is_next(rows[first : last + 1]))
            below = records.table_below(above)
            found.append(replace(table, titles=below.titles, above=below.above, goes_on=goes_on))
        done = last
    return found


def stand_in(text: str) -> bool:
    """Whether the text may have such a table: several short lines that end no sentence."""
    lines = (line.rstrip() for line in text.splitlines())
    return sum(0 < len(line) < SHORT and line[-1] not in ".;:" for line in lines) >= LEAST_ROWS


def _pieces(text: str, boxes: FloatArray) -> Iterator[Piece]:
    for line in re.finditer(r"[^\n]+", text):
        words = [
            piece
            for found in re.finditer(r"\S+", line.group())
            if (piece := _piece(text, boxes, *(line.start() + at for at in found.span())))
        ]
        held: list[Piece] = []
        for word in words:
            if held and _is_apart(held[-1], word):
                yield _joined(text, held)
                held = []
            held.append(word)
        if held:
            yield _joined(text, held)


def _piece(text: str, boxes: FloatArray, start: int, end: int) -> Piece | None:
    own = boxes[start:end]
    own = own[~np.isnan(own).any(axis=1)]
    if not len(own):
        return None
    x0, y0 = own[:, :2].min(axis=0).tolist()
    x1, y1 = own[:, 2:].max(axis=0).tolist()
    return Piece(text[start:end], start, end, x0, x1, y0, y1)


def _is_apart(one: Piece, other: Piece) -> bool:
    height = max(one.y1 - one.y0, other.y1 - other.y0)
    beside = abs(one.middle - other.middle) < height / 2
    return not beside or not -height < other.x0 - one.x1 < GAP * height


def _joined(text: str, words: Sequence[Piece]) -> Piece:
    start, end = words[0].start, words[-1].end
    return Piece(
        text[start:end],
        start,
        end,
        min(w.x0 for w in words),
        max(w.x1 for w in words),
        min(w.y0 for w in words),
        max(w.y1 for w in words),
    )


def _rows(pieces: Sequence[Piece]) -> list[Row]:
    """Those that stand side by side, from the left, from the top of the page."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.middle):
        if rows and abs(rows[-1][0].middle - piece.middle) < (piece.y1 - piece.y0) / 2:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.x0) for row in rows]


def _runs(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """(first, end) of rows of two pieces and more, one below the other, with what cells of several
    lines leave between."""
    first = 0
    for i, row in enumerate(rows):
        if first < i:
            above = rows[i - 1]
            if not _is_far(above, row) and (len(row) > 1 or _is_within(row[0], above)):
                continue
            yield first, i
            first = i
        if len(row) == 1:
            first = i + 1
    if first < len(rows):
        yield first, len(rows)


def _is_next(rows: Sequence[Row]) -> bool:
    """Whether the last of the rows stands as near to the one above as these to one another: it may
    be one of them, of another form."""
    steps = [below[0].middle - above[0].middle for above, below in pairwise(rows)]
    return len(steps) > 1 and steps[-1] < NEXT * median(steps[:-1])


def _is_far(above: Row, below: Row) -> bool:
    return below[0].middle - above[0].middle > FAR * (below[0].y1 - below[0].y0)


def _is_within(piece: Piece, above: Row) -> bool:
    """Whether it stands below one cell alone, and not the first."""
    over = [other for other in above if piece.x0 < other.x1 and other.x0 < piece.x1]
    return len(over) == 1 and piece.x0 > above[0].x1


def _table(doc_id: str, number: int, run: Sequence[Row]) -> Table | None:
    usual, n = Counter(map(len, run)).most_common(1)[0] if run else (0, 0)
    if usual < 2 or n < LEAST_ROWS - 1:
        return None
    # Names are often set to another side than the figures below.
    full = [row for row in run if len(row) == usual]
    bands = _bands([row for row in full if row is not run[0]] or full)
    if not bands:
        return None
    placed: list[list[list[Piece]]] = []
    last = run[0]
    for row in run:
        cells = _placed(row, bands)
        if cells is None:
            return None
        if placed and not cells[0] and _goes_on(last, row):
            placed[-1] = [above + more for above, more in zip(placed[-1], cells, strict=True)]
        else:
            placed.append(cells)
        last = row
    told = [[" ".join(piece.text for piece in cell) for cell in row] for row in placed]
    if (
        grid.names_at(told, table=True) != 0
        or len(placed) < LEAST_ROWS
        or any(map(YEAR.match, told[0]))
    ):
        return None
    names = told[0]
    if len({*names}) < len(names) or not all(names[1:]) or not _has_figures(told[1:]):
        return None
    found = [
        Record(
            {name: value for name, value in zip(names, values, strict=True) if value},
            "  ".join(values),
            _span(doc_id, number, cells),
        )
        for values, cells in zip(told[1:], placed[1:], strict=True)
    ]
    whole = all(values[0] for values in told[1:])
    whole = whole and all(r.span.end - r.span.start <= LONGEST for r in found)
    return Table(names, "", "", found, whole, head=_span(doc_id, number, placed[0]))


def _has_figures(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column has them: between words alone the first row may be like the others."""
    columns = list(zip(*rows, strict=True))[1:]
    return any(2 * sum(map(_is_figure, column)) > len(column) for column in columns)


def _is_figure(text: str) -> bool:
    return any(character.isdigit() for character in text[:FIGURE])


def _bands(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """From where to where columns reach, of rows that have a piece in each; empty where two of them
    do not stand apart."""
    columns = zip(*rows, strict=True)
    bands = [(min(p.x0 for p in pieces), max(p.x1 for p in pieces)) for pieces in columns]
    for (x0, x1), (y0, y1) in pairwise(bands):
        if x1 - y0 > MOST_SHARED * min(x1 - x0, y1 - y0):
            return []
    return bands


def _placed(row: Row, bands: Sequence[tuple[float, float]]) -> list[list[Piece]] | None:
    """The pieces of a row, column by column; None where one may stand in two, or two in one."""
    cells: list[list[Piece]] = [[] for _ in bands]
    for piece in row:
        shared = [min(piece.x1, x1) - max(piece.x0, x0) for x0, x1 in bands]
        best, *others = sorted(range(len(bands)), key=lambda i: -shared[i])
        second = max((shared[i] for i in others), default=0.0)
        if cells[best] or second > MOST_SHARED * (piece.x1 - piece.x0):
            return None
        cells[best].append(piece)
    return cells


def _goes_on(above: Row, row: Row) -> bool:
    """Whether it is a further line of cells of the row above."""
    height = median(piece.y1 - piece.y0 for piece in row)
    return row[0].middle - above[0].middle < NEAR * height


def _span(doc_id: str, number: int, cells: Sequence[Sequence[Piece]]) -> Span:
    pieces = [piece for cell in cells for piece in cell]
    return Span(doc_id, number, min(p.start for p in pieces), max(p.end for p in pieces))
