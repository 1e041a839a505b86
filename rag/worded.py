"""A table with the words of its names and cells, as questions are compared with them."""

import re
from collections.abc import Iterable

from rag import asking
from rag.records import Record, Table

SEPARATOR = re.compile(r"[-,]")
START = 3
"""Letters, or figures, that a word begins with wherever it stands."""
SHORT = 2
"""Letters of the name of a row that tells little without the name of its column."""
LONGEST_TITLE = 6
"""Words."""
ARTICLES = asking.keys("of the a an and")
"""Without which a cell says the same."""
BRACKETED = re.compile(
    r"\([^()]*\)|,\s*(?:[cmk]?m|[mk]?g|[mc]?l|[$€£¥]|eur|gbp|usd|%|hours?|minutes?|years?)\s*$",
    re.IGNORECASE,
)
"""In the name of a column, besides what it is: "Price (EUR)", "Length, cm"."""
TOTALS = re.compile(r"\b(?:sub-?total|total|sum|average|mean|overall)s?\b", re.IGNORECASE)
"""In what a row is called that may be made of others."""
TOTAL = re.compile(
    r"(?:grand |sub-? ?)?(?:totals?|sums?|averages?|means?|overall|year|annual|all|combined)\W*",
    re.IGNORECASE,
)
"""Of a row that is."""
IT = asking.keys("it")
BARE = re.compile(r"\d[\d,]*(?:\.\d+)?")
SERIAL = re.compile(r"\d{1,5}\.?")
NEGATED = re.compile(
    r"\b(?:not|no|non|without|except|exclud\w*|excl|until|from|before|after)\b", re.IGNORECASE
)
"""In the name of a column, which is said with it only, or in a title."""


class Grid:
    """A table with the words of its names and cells, read when they are asked for."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = table.names
        self.columns = range(len(table.names))
        plain = [BRACKETED.sub(" ", name) for name in table.names]
        self.called = [_called(name) for name in plain]
        generic = [asking.GENERIC if k else asking.GENERIC_KEY for k in self.columns]
        self.core = [(w - g) or w for w, g in zip(self.called, generic, strict=True)]
        lines = table.titles.splitlines()
        titles = (t for t in lines if len(t.split()) <= LONGEST_TITLE and not NEGATED.search(t))
        self.titles = asking.words_of("\n".join(titles))
        self.above = asking.words_of(table.above)
        self._cells: dict[tuple[int, int], frozenset[str]] = {}
        self._held: dict[str, bool] = {}
        texts = [" ".join(record.values.values()).casefold() for record in table.records]
        self._texts = [f"{text} {SEPARATOR.sub('', text)}" for text in texts]
        # Rows without those that are made of others.
        self.rows = [row for row in range(len(table.records)) if not self._is_total(row)]
        self.first = 1 if self._is_numbered() else 0
        self.keys = self._keys()
        self.are_named = all(self.value(row, 0) for row in self.rows)
        # "Total gym" may be an item, and "Total sales" a sum.
        self.are_named &= not any(map(TOTALS.search, self.values(0)))

    def cell(self, row: int, column: int) -> frozenset[str]:
        at = row, column
        if at not in self._cells:
            self._cells[at] = asking.words_of(self.value(row, column), whole=True) - ARTICLES
        return self._cells[at]

    def value(self, row: int, column: int) -> str:
        return self.table.records[row].values.get(self.names[column], "")

    def own(self, row: int) -> str:
        """What the row is called."""
        return self.shown(row, self.first)

    def shown(self, row: int, column: int) -> str:
        """The cell, behind the name of its column where that is short."""
        value = self.value(row, column)
        plain = len(value) > SHORT and any(c.isalpha() for c in value)
        return value if plain else f"{self.names[column]} {value}"

    def records(self, rows: Iterable[int]) -> tuple[Record, ...]:
        return tuple(self.table.records[row] for row in rows)

    def holds(self, word: str) -> bool:
        """Whether any cell has the word."""
        if word not in self._held:
            self._held[word] = any(
                word in self.cell(row, column)
                for row in self._like(range(len(self._texts)), word)
                for column in self.columns
            )
        return self._held[word]

    def having(self, words: Iterable[str], column: int) -> list[int]:
        """The rows whose cell has all the words."""
        wanted = frozenset(words)
        rows: Iterable[int] = self.rows
        for word in wanted:
            rows = self._like(rows, word)
        return [row for row in rows if wanted <= self.cell(row, column)]

    def _like(self, rows: Iterable[int], word: str) -> list[int]:
        """Those of the rows that may have the word, which is much faster to see."""
        start = word[:START]
        return [row for row in rows if start in self._texts[row]]

    def is_of(self, column: int, names: frozenset[str]) -> bool:
        return bool(self.called[column] & names)

    def is_only(self, column: int, names: frozenset[str]) -> bool:
        """Whether it is called so, in these words alone."""
        called = self.called[column]
        return bool(called) and called <= names

    def is_plainly(self, column: int, names: frozenset[str]) -> bool:
        """Whether its name says one of these and nothing else."""
        called = self.called[column]
        return bool(called & names) and called <= names | asking.GENERIC | asking.LITTLE | IT

    def are_numbers(self, column: int) -> bool:
        return all(map(BARE.fullmatch, self.values(column)))

    @property
    def is_of_people(self) -> bool:
        """Whether its rows are persons."""
        named = self.is_of(0, asking.PERSONS | asking.PEOPLE)
        return named and not any(map(has_digit, self.values(0)))

    def values(self, column: int) -> list[str]:
        return [self.value(row, column) for row in self.rows]

    def _is_total(self, row: int) -> bool:
        return any(TOTAL.fullmatch(self.value(row, column)) for column in (*self.columns,)[:2])

    def _is_numbered(self) -> bool:
        """Whether the rows' names stand behind numbers."""
        numbers = all(map(SERIAL.fullmatch, self.values(0)))
        if not numbers or len(self.columns) == 1 or (self.called[0] - asking.SERIAL):
            return False
        return all(self.values(1)) and not any(map(has_digit, self.values(1)))

    def _keys(self) -> list[int]:
        """The columns whose cells tell which row it is."""
        named = [k for k in self.columns[1:] if self.is_of(k, asking.NAMES)]
        return [*dict.fromkeys([0, self.first, *named])]


def _called(name: str) -> frozenset[str]:
    """Words of the name of a column, without little ones where it means the same."""
    words = asking.words_of(name, whole=True)
    told = asking.words_of(name)
    same = not NEGATED.search(name) and words - told <= asking.LITTLE
    return told if told and same else words


def has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)
