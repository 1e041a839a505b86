"""Tables in the text of a page, without their geometry: rows of figures and the lines above them.

Told by text alone and therefore with care: three rows at least, and lines above that name years,
periods, units or columns.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag import sentences

Offsets = tuple[int, int]

LEAST_ROWS = 3
MOST_BETWEEN = 2
"""Lines without figures, such as a label above its rows, that do not end a table."""
MOST_ABOVE = 14
LONGEST_HEAD = 110

YEAR = r"(?:19|20)\d\d"
MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
HEAD = re.compile(
    rf"""\b(?:three|six|nine|twelve|\d+|fiscal|half|full)[\s-]+(?:months?|weeks?|quarters?|years?)\b
    | \b(?:months?|weeks?|quarters?|years?|periods?)[\s-]+(?:ended|ending|to)\b
    | ^\W*(?:for\ the|as\ (?:at|of))\b | ^\W*(?:q[1-4]|[12]h|h[12]|fy|ytd)\b
    | \b{MONTH}\s+\d{{1,2}}\b | \b\d{{1,2}}\s+{MONTH}\s+{YEAR}
    | \(?\b(?:in|[$€£¥])\s*(?:\w+\s+){{0,3}}(?:thousands?|millions?|billions?|'?000s?)\b
    | ^\(in\s[^()]+\)$
    | ^\W*(?:[$€£¥]\s*)?(?:thousands?|millions?|'?000|[$€£¥]?m)\W*$
    | ^(?:\W|notes?|fy|restated|change|{YEAR}|000|(?<=[$€£¥])m|(?<=[$€£¥]\s)m)*+$""",
    re.IGNORECASE | re.VERBOSE,
)
YEARS = re.compile(rf"(?:.*?\b{YEAR}\b){{2}}")
YEAR_CELL = re.compile(rf"{YEAR}[\d)*]?")
NAME = re.compile(r"[(]?[A-Z$€£¥%]")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows at text[start:end] of a page, with the lines above them that name their columns.

    head: their offsets, inside start:end. n_columns: of most rows. continued: it goes on from the
    page before, which has its head.
    """

    start: int
    end: int
    head: tuple[Offsets, ...]
    n_columns: int
    continued: bool = False


def is_head(line: str) -> bool:
    """Whether a line reads as one above the columns of a table: periods, units or years alone."""
    if len(line) > LONGEST_HEAD or not re.search(r"\w\w", line):
        return False
    return bool(HEAD.search(line.strip()) or YEARS.match(line)) and not _is_figures(line)


def find(text: str, silent: Iterable[Offsets] = (), before: Table | None = None) -> list[Table]:
    """The tables of a page in order; those without a head are left out.

    silent: lines to be passed over. before: the last table of the page before, if nothing stands
    below it; rows at the top of this page belong to it where they have as many columns.
    """
    skipped = tuple(silent)
    lines = [
        (found.start(), found.end())
        for found in re.finditer(r"\S[^\n]*", text)
        if not any(start <= found.start() < end for start, end in skipped)
    ]
    tables = []
    for first, last in _runs(text, lines):
        columns = [len(sentences.cells(text[s:e])) for s, e in lines[first : last + 1]]
        n_columns = max(set(columns) - {0}, key=columns.count, default=0)
        head = _head(text, lines[max(0, first - MOST_ABOVE) : first], n_columns)
        table = Table(lines[first][0], lines[last][1], (), n_columns)
        if head:
            tables.append(replace(table, start=head[0][0], head=head))
        elif before and first <= MOST_BETWEEN and before.n_columns == n_columns:
            tables.append(replace(table, start=lines[0][0], head=before.head, continued=True))
    return tables


def ends_page(table: Table, text: str, silent: Iterable[Offsets]) -> bool:
    """Whether nothing but running lines stands below the table."""
    rest = text[table.end :]
    for start, end in silent:
        if start >= table.end:
            rest = rest.replace(text[start:end], "", 1)
    return not rest.strip()


def _runs(text: str, lines: Sequence[Offsets]) -> list[tuple[int, int]]:
    """(first, last) line of each table: rows with few lines between, up to the next head."""
    runs: list[tuple[int, int, int]] = []
    first = last = -1
    n_rows = 0
    for i, (start, end) in enumerate(lines):
        line = text[start:end]
        if first >= 0 and (i - last > MOST_BETWEEN + 1 or is_head(line)):
            runs.append((first, last, n_rows))
            first, n_rows = -1, 0
        if _is_figures(line):
            first = i if first < 0 else first
            last = i
            n_rows += 1
    runs.append((first, last, n_rows))
    return [(first, last) for first, last, n_rows in runs if n_rows >= LEAST_ROWS]


def _is_figures(line: str) -> bool:
    """A row with two figures at least, or a short label and one that is no year."""
    cells = sentences.cells(line)
    if not cells or all(YEAR_CELL.fullmatch(cell) for cell in cells):
        return False
    if len(cells) > 1:
        return True
    words = line.split()
    return 1 < len(words) <= 12 and bool(re.search(r"[,.$€£¥%)]", "".join(words[-2:])))


def _head(text: str, above: Sequence[Offsets], n_columns: int) -> tuple[Offsets, ...]:
    """From the topmost line that names periods, units or years down to the last one that names
    columns; without the labels of rows that stand between."""
    near: list[Offsets] = []
    for start, end in reversed(above):
        line = text[start:end].rstrip()
        is_other = _is_figures(line) or line[0].islower() or line[-1] in ".;!?"
        if is_other or len(line) > LONGEST_HEAD:
            break
        near.insert(0, (start, end))
    strong = [i for i, (start, end) in enumerate(near) if is_head(text[start:end])]
    first = strong[0] if strong else max(len(near) - 1, 0)
    named = [i for i in range(first, len(near)) if _names_columns(text[slice(*near[i])], n_columns)]
    last = max([*strong, *named], default=-1)
    head = near[first : last + 1]
    says = any(re.search(r"[^\W\d_]{3}|\d{4}", text[start:end]) for start, end in head)
    return tuple(head) if says else ()


def _names_columns(line: str, n_columns: int) -> bool:
    words = line.split()
    if not any(character.isalnum() for character in line):
        return True  # "$ %"
    capitals = sum(bool(NAME.match(word)) for word in words)
    return n_columns > 1 and line[-1] != ":" and min(n_columns, 3) <= capitals > len(words) // 2
