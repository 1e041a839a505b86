"""Cells of tables that a question asks for, found by code: what stands where a row and a column
meet, which rows have a value, how many they are, which has the most, and what they come to.

A small model takes the cell beside the one that is meant, and some rows of many. But a wrong cell
told by code is worse than none. So every word of the question must be accounted for: by the name of
a column, by the cell that tells the row, or by the name of the document and the titles above the
table; what is asked of a row is taken only of the row that is called so, not of one that has the
name in another column; and rows are listed only by cells that say the value and nothing else.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rag import asking, worded
from rag.asking import Query
from rag.records import Record, Table
from rag.worded import Grid, has_digit

MOST_TOLD = 20
"""Rows in one answer."""
LEAST_DAYS = 3
"""Columns that are called as days or months, in a timetable."""
SHORT_DAY = 3
"""Letters."""
LEAST_RANKED = 2

DID = "did"
DOES = asking.keys("do does did will can")
PRICES = asking.keys(asking.PRICES)
FIGURE = re.compile(r"(?P<sign>[-−(]?[$€£¥₹]?-?)(?P<n>\d[\d,]*(?:\.\d+)?)(?P<unit>[^\d,.–-]{0,12})")
WHOLE = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d+)?|\d+(?:\.\d+)?")
"""A figure whose comma is none of decimals."""
ISO = re.compile(r"\d{4}-\d\d-\d\d")
MONEY = re.compile(r".*[$€£¥₹%].*|\d[\d,]*\.\d\d", re.DOTALL)
SEVERAL = re.compile(r"\b(?:and|or)\b|[&,+]", re.IGNORECASE)
"""In the name of a document that is of more than one thing."""
LIMIT = re.compile(
    r"\b(?:over|under|above|below|up|to|from|until|till|least|most|max|min|more|less|than|between"
    r"|before|after|within)\b|\d\s[-–]\s\d|[<>≤≥+]",
    re.IGNORECASE,
)
"""In a cell that stands for many values."""
UP_TO = re.compile(r"up to (?P<n>\d+(?:\.\d+)?) ?(?P<unit>[a-z]+)", re.IGNORECASE)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
IS_AMOUNT = re.compile(
    r"[-−(]?[$€£¥₹]\s?\d[\d,.]*\)?(?:\s?(?:an?|per|each|pp|/|p\.)\b.*)?"
    r"|[-−]?\d[\d,.]*(?:\s?(?:[$€£¥₹]|eur|gbp|usd|euros?|pounds?|dollars?|pence|p))?"
    r"|\W*(?:free|none|nothing|included)\W*",
    re.IGNORECASE,
)
FREE = re.compile(r"(?:free|nothing|none|nil)\W*", re.IGNORECASE)
EVERY = re.compile(
    r"\b(?:every|all|any|both|daily|weekdays?|weekends?|various|most|mon(?:day)?s?\b.*\bfri)\w*"
    r"|\+",
    re.IGNORECASE,
)
"""In a cell that stands for more than it names."""
HOUR = re.compile(r"\d\s?(?:am|pm)\b|\d:\d\d", re.IGNORECASE)
IS_TIME = re.compile(r"\d\d?[:.]\d\d\b.*|noon|midnight", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """text: the answer. records: the rows that it is from, in the order of the text. of_all: it
    depends on rows that it does not tell."""

    text: str
    records: tuple[Record, ...]
    of_all: bool = False


def answer(query: Query, tables: Sequence[Table], name: str) -> Found | None:
    """What the tables of one document show; None where that is not certain. name: of the document,
    as words."""
    if query.total and len(tables) > 1:
        return None
    # What is most of two things, or both together, is not told of one.
    of_all = query.extreme or query.total
    of_one = not (of_all and (SEVERAL.search(name) or len(tables) > 1))
    context = asking.words_of(name) if of_one else frozenset[str]()
    found = [
        (table, seen)
        for table in tables
        if table.whole and len(table.records) > 1 and not _is_of_two_ends(table)
        if (seen := _Search(query, Grid(table), context).found())
    ]
    if len({seen.text for _, seen in found}) != 1:
        return None
    told, seen = found[0]
    alike = [table for table in tables if table.names[0] == told.names[0]]
    return None if seen.of_all and len(alike) > 1 else seen


@dataclass(frozen=True, slots=True)
class _Search:
    """What a query finds in one table. context: words of the document's name."""

    query: Query
    grid: Grid
    context: frozenset[str]

    def found(self) -> Found | None:
        """What the first way to read the query finds, if it is one thing."""
        if self.query.total:
            ways: list[Callable[[], Iterable[Found]]] = [self._total]
        elif self.query.apart:
            ways = [self._difference]
        elif self.query.extreme and not self._has(asking.key(self.query.extreme_word)):
            ways = [self._extreme]
        else:
            ways = [self._cells, self._rows, self._counted, self._in_calendar]
        for way in ways:
            if found := {one.text: one for one in way()}:
                return next(iter(found.values())) if len(found) == 1 else None
        return None

    def _has(self, word: str) -> bool:
        return any(word in called for called in self.grid.called) or self.grid.holds(word)

    # -- what the words mean -----------------------------------------------------------------------

    def _says(self, column: int) -> bool:
        """Whether the question has the name of the column; "second" may be 2 there."""
        core = self.grid.core[column]
        counted = frozenset(f"#{word}" if word.isdigit() else word for word in core)
        return self.query.says(core) or self.query.says(counted)

    def _said(self, column: int) -> frozenset[str]:
        called = self.grid.called[column]
        return called | {f"#{word}" for word in called if word.isdigit()}

    def _named(self) -> list[int]:
        """The columns that the question names, by the noun behind "which" if that does."""
        named = [k for k in self.grid.columns if self._says(k)]
        if by_noun := [k for k in named if self.query.noun in self.grid.called[k]]:
            return by_noun
        most = max((len(self._said(k) & self.query.words) for k in named), default=0)
        return [k for k in named if len(self._said(k) & self.query.words) == most]

    def _meant(self) -> list[int]:
        """The one column that the question means without its name."""
        query, grid = self.query, self.grid
        known = asking.OF_KEY if query.of_subject else frozenset[str]()
        verbs = (query.words & asking.MEANT.keys()) - known
        meant = frozenset[str]().union(*(asking.MEANT[word] for word in verbs))
        if query.opening == "who":
            meant &= asking.OF_PERSONS
        if meant & PRICES or (query.opening == "how much" and not meant):
            columns = self._prices()
        elif query.opening == "where":
            known = meant & asking.WHERE or asking.WHERE
            columns = [k for k in grid.columns if grid.called[k] <= known]
        elif query.opening == "when" and not meant:
            columns = [k for k in grid.columns if grid.is_only(k, asking.WHEN)]
        else:
            columns = [k for k in grid.columns if grid.is_plainly(k, meant)]
        return columns if len(columns) == 1 else []

    def _prices(self) -> list[int]:
        """The column of what things cost, where no other may be, nor a quantity."""
        grid = self.grid
        if any(grid.is_of(k, asking.QUANTITIES | asking.SUMS) for k in grid.columns):
            return []
        dear = [k for k in grid.columns[1:] if any(map(MONEY.fullmatch, grid.values(k)))]
        plain = PRICES | asking.PERIODS
        found = [k for k in grid.columns if grid.is_of(k, PRICES) and grid.is_plainly(k, plain)]
        found = [k for k in found if "%" not in "".join(grid.values(k))]
        # "Heart rate" is no price, but "Day rate £25" is.
        found = [
            k for k in found if k in dear or grid.is_of(k, PRICES - asking.keys("rate charge"))
        ]
        return [] if {*dear} - {*found} else found

    def _is_kind(self, column: int, values: Sequence[str]) -> bool:
        """Whether what stands in the column is of the kind that is asked for."""
        grid, noun = self.grid, self.query.noun
        timely = asking.WHEN | asking.MEANT["start"]
        are_times = all(map(IS_TIME.fullmatch, values))
        kinds = {
            "who": not grid.is_only(column, asking.DATED) and not any(map(has_digit, values)),
            "where": grid.is_of(column, asking.WHERE),
            "when": are_times or grid.is_of(column, timely),
            "how much": all(map(IS_AMOUNT.fullmatch, values)),
            asking.HOW_MANY: grid.are_numbers(column) and not grid.is_of(column, asking.RANKS),
        }
        if noun in asking.TIMES:
            on_day = grid.is_of(column, asking.TIMES | timely) and not any(map(HOUR.search, values))
            return are_times if noun == "time" else on_day
        return kinds.get(self.query.opening, True)

    def _rest(self, column: int, loose: frozenset[str]) -> frozenset[str]:
        """The words that tell the row: without those that mean the column, and without loose ones
        that stand nowhere in the table."""
        grid = self.grid
        meant = frozenset(
            word
            for word in self.query.words & asking.MEANT.keys()
            if asking.MEANT[word] & grid.called[column]
        )
        elsewhere = frozenset[str]().union(*(grid.called[k] for k in grid.columns if k != column))
        named = grid.titles | self.context
        little = (asking.FREE | loose | meant) - self.query.names
        free = (word for word in self.query.words & (named | little))
        lost = {word for word in free if word not in elsewhere and not grid.holds(word)}
        return self.query.words - self._said(column) - lost

    # -- rows --------------------------------------------------------------------------------------

    def _called(self, words: frozenset[str], besides: int) -> dict[int, str]:
        """The rows that are called so, wholly if any is, each with what it is called."""
        grid = self.grid
        for k in grid.keys:
            told = words - grid.called[k] if self._says(k) else words
            if k == besides or not told:
                continue
            rows = [row for row in grid.having(told, k) if self._is_value(row, k, told)]
            rows = [row for row in rows if not worded.NEGATED.search(grid.value(row, k))]
            rows = [row for row in rows if grid.cell(row, k) == told] or rows
            rows = rows or self._up_to(told, k)
            if rows:
                return {row: grid.shown(row, k) for row in rows}
        return {}

    def _is_value(self, row: int, column: int, words: frozenset[str]) -> bool:
        """Whether the cell stands for one value, or the question says its limits too."""
        limited = LIMIT.search(self.grid.value(row, column)) and any(map(has_digit, words))
        return not limited or self.grid.cell(row, column) <= self.query.little

    def _up_to(self, words: frozenset[str], column: int) -> list[int]:
        """The row of the least limit that a figure and its unit do not exceed, where every row has
        one: "up to 2 kg", "up to 5 kg"."""
        limits = [UP_TO.fullmatch(value) for value in self.grid.values(column)]
        units = {asking.key(found["unit"]) for found in limits if found}
        numbers = [word for word in words if NUMBER.fullmatch(word)]
        if not all(limits) or len(units) != 1 or words != {*numbers, *units} or len(numbers) != 1:
            return []
        sizes = [Decimal(found["n"]) for found in limits if found]
        fitting = [size for size in sizes if size >= Decimal(numbers[0])]
        return [
            r for r, s in zip(self.grid.rows, sizes, strict=True) if s == min(fitting, default=0)
        ]

    def _with(self, words: frozenset[str], besides: int) -> tuple[list[int], int]:
        """The rows with a cell that says these words and nothing else, in the one column that the
        question names or means, and that column; none where another cell of it says more."""
        grid, query = self.grid, self.query
        if any(grid.is_of(k, asking.STATES) and not self._says(k) for k in grid.columns):
            return [], 0
        verbs = query.words & asking.OF_KEY if query.of_subject else frozenset[str]()
        for column in grid.columns:
            if column == besides:
                continue
            by_verb = {w for w in verbs if grid.is_plainly(column, asking.MEANT[w])}
            behind = asking.BEHIND.get(query.behind, frozenset())
            behind = behind if grid.is_plainly(column, behind) else frozenset()
            said = self._said(column) if self._says(column) else frozenset[str]()
            if not (said or by_verb or (behind and not verbs)):
                continue
            told = words - said - by_verb
            told -= self._units(told)
            # "Ann's contact" is not whose contact Ann is.
            if not told or (said and not by_verb and not query.has_before(said, told)):
                continue
            if any(map(EVERY.search, grid.values(column))) or not self._are_single(told, column):
                return [], 0
            rows = grid.having(told, column)
            if rows and all(grid.cell(row, column) == told for row in rows):
                return rows, column
        return [], 0

    def _are_single(self, words: frozenset[str], column: int) -> bool:
        """Whether every cell names one day, written alike, where a day is asked for."""
        if not words & asking.DAYS:
            return True
        cells = [self.grid.cell(row, column) for row in self.grid.rows]
        short = {len(next(iter(cell))) == SHORT_DAY for cell in cells if cell}
        return all(len(cell) == 1 and cell <= asking.DAYS for cell in cells) and len(short) == 1

    def _units(self, words: frozenset[str]) -> frozenset[str]:
        """Units of figures that stand above the table."""
        units = (word for word in words & asking.UNITS.keys())
        return frozenset(word for word in units if asking.UNITS[word] & self.grid.above)

    # -- answers -----------------------------------------------------------------------------------

    def _cells(self) -> Iterator[Found]:
        """What stands in a column, in the rows that are called so."""
        grid, query = self.grid, self.query
        named = self._named()
        others = [k for k in named if k not in grid.keys]
        for column in others or self._meant() or named:
            # "When are you open?" asks for both ends.
            of_both = grid.is_of(column, asking.MOVES) and not query.little & DOES
            if self._asks_when and of_both:
                continue
            rest = self._rest(column, self._loose(column, is_named=column in named))
            rows = self._called(rest, column) if rest else {}
            values = [grid.value(row, column) for row in rows]
            if not values or not all(map(_is_told, values)):
                continue
            if not self._is_kind(column, values) or not self._fits(column, values):
                continue
            name, records = grid.names[column], grid.records(rows)
            told = [f"{own}: {v}" for own, v in zip(rows.values(), values, strict=True)]
            if len(told) == 1:
                terms = self._terms(next(iter(rows)), column)
                text = f"{next(iter(rows.values()))} – {name}: {values[0]}{terms}"
                yield Found(_closed(text), records)
            elif len(values) <= MOST_TOLD and not grid.table.goes_on:
                yield Found(_closed(f"{name}: {'; '.join(told)}"), records)

    @property
    def _asks_when(self) -> bool:
        return self.query.opening == "when" or self.query.noun in asking.TIMES

    def _loose(self, column: int, *, is_named: bool) -> frozenset[str]:
        """Words that tell no row where they stand nowhere in the table, as the column and its kind
        say them too."""
        grid, query = self.grid, self.query
        loose = asking.THINGS if grid.is_only(column, asking.DATED) else frozenset[str]()
        if query.opening == "how much" or query.words & asking.MONEY:
            loose |= asking.MONEY
        if self._asks_when:
            loose |= asking.TIMES
            of_things = is_named and not grid.is_only(column, asking.TIMES | asking.WHEN)
            moves = any(grid.is_of(k, asking.MOVES) for k in grid.columns)
            loose |= asking.MOVES if of_things and not moves else frozenset[str]()
        return loose

    def _terms(self, row: int, column: int) -> str:
        """What an amount is for, where another column says that: "(per: week)"."""
        grid = self.grid
        if not self._is_amount(column):
            return ""
        others = [k for k in grid.columns[1:] if k != column and grid.is_of(k, asking.TERMS)]
        told = [f"{grid.names[k]}: {grid.value(row, k)}" for k in others if not self._is_amount(k)]
        return f" ({', '.join(told)})" if told and all(grid.value(row, k) for k in others) else ""

    def _is_amount(self, column: int) -> bool:
        return all(map(IS_AMOUNT.fullmatch, self.grid.values(column)))

    def _fits(self, column: int, values: Sequence[str]) -> bool:
        """Whether the values are amounts where the question speaks of money, and times where it
        speaks of times."""
        words, grid = self.query.words, self.grid
        others = [k for k in grid.columns if k != column]
        paying = words & asking.PAYING or (DID in self.query.little and "cost" in words)
        if paying and (
            any(grid.is_of(k, asking.PAYING) for k in others)
            or (grid.is_of(column, PRICES) and any(map(grid.are_numbers, others)))
        ):
            return False
        unpaid = grid.is_of(column, asking.UNPAID) or grid.called[column] <= asking.DAYS
        if unpaid and words & (asking.MONEY | asking.PAYING):
            return False
        if words & asking.MONEY and not all(map(IS_AMOUNT.fullmatch, values)):
            return False
        is_timely = bool(words & asking.MOVES) and self.query.opening == "when"
        return not is_timely or all(has_digit(v) or IS_TIME.fullmatch(v) for v in values)

    def _is_of(self, noun: str) -> bool:
        """Whether rows are called so."""
        grid = self.grid
        people = noun in asking.PEOPLE and grid.is_of_people
        return people or noun in grid.called[0] | grid.called[grid.first]

    def _rows(self) -> Iterator[Found]:
        """The rows of what is asked for that have a value: "Who works in Leeds?"."""
        grid, query = self.grid, self.query
        is_asked = self._is_of(query.noun) or (query.opening == "which" and self._says(0))
        if query.opening == "who":
            is_asked = grid.is_of_people
        if not is_asked or query.opening not in ("who", "what", "which") or grid.table.goes_on:
            return
        loose = asking.PEOPLE if grid.is_of_people else frozenset[str]()
        rows, column = self._with(self._rest(0, loose) - {query.noun}, 0)
        values = [grid.value(row, 0) for row in rows]
        if values and all(map(_is_told, values)):
            yield self._told(rows, f"{grid.names[column]}: {grid.value(rows[0], column)}")

    def _counted(self) -> Iterator[Found]:
        """How many rows there are of that kind with a value."""
        grid, query = self.grid, self.query
        if query.opening != asking.HOW_MANY or grid.table.goes_on or not grid.are_named:
            return
        if not self._is_of(query.noun):
            return
        rows, column = self._with(self._rest(0, asking.MONEY) - {query.noun}, 0)
        values = [grid.value(row, 0) for row in rows]
        if values and len({*values}) == len(values):
            label = f"{grid.names[column]}: {grid.value(rows[0], column)}"
            yield self._told(rows, f"{len(rows)} ({label})")

    def _told(self, rows: Sequence[int], label: str) -> Found:
        """The names of the rows, behind what they have in common."""
        grid = self.grid
        values = [grid.value(row, 0) for row in rows]
        more = f"; and {len(values) - MOST_TOLD} more" if len(values) > MOST_TOLD else ""
        text = f"{label} – {grid.names[0]}: {'; '.join(values[:MOST_TOLD])}{more}"
        return Found(_closed(text), grid.records(rows[:MOST_TOLD]), of_all=True)

    def _in_calendar(self) -> Iterator[Found]:
        """When something is that stands in the cells of a timetable, or what there is on a day."""
        grid, query = self.grid, self.query
        days = [k for k in grid.columns if grid.is_only(k, asking.DATED)]
        if len(days) < LEAST_DAYS or 0 in days or grid.table.goes_on:
            return
        known = asking.FREE | self.context | grid.titles
        if query.opening in ("what", "which"):
            rest = query.words - known - asking.THINGS
            for k in (k for k in days if rest == grid.called[k]):
                rows = [row for row in grid.rows if grid.value(row, k)]
                told = [f"{grid.own(row)}: {grid.value(row, k)}" for row in rows]
                text = f"{grid.names[k]}: {'; '.join(told)}"
                yield Found(_closed(text), grid.records(rows), of_all=True)
        if self._asks_when:
            rest = query.words - known - asking.TIMES
            at = [(r, k) for k in days for r in grid.rows if rest and rest <= grid.cell(r, k)]
            if at and all(grid.cell(*place) == rest for place in at):
                told = [f"{grid.names[k]}, {grid.own(row)}" for row, k in at]
                text = f"{grid.value(*at[0])}: {'; '.join(told)}"
                yield Found(_closed(text), grid.records(row for row, _ in at), of_all=True)

    def _extreme(self) -> Iterator[Found]:
        """The rows with the most or the least of a column."""
        grid, query = self.grid, self.query
        word = asking.key(query.extreme_word)
        said = (asking.MEANT.get(w, frozenset()) for w in (word, *query.words))
        meant = frozenset[str]().union(*said)
        sizes = {k: found for k in grid.columns[1:] if (found := self._sizes(k))}
        ranked = [k for k in sizes if self._says(k)]
        # What is "the cheapest" must be what rows are.
        if not ranked and any(map(self._is_of, query.words)):
            ranked = [k for k in sizes if grid.is_plainly(k, meant)]
            ranked = [k for k in self._prices() if k in sizes] if meant & PRICES else ranked
        if len(ranked) != 1 or self._is_mixed(ranked[0]):
            return
        by = ranked[0]
        # "The charge of the biggest room" is not the biggest charge.
        of_another = self._says(by) and self._is_of(query.ranked) and by != grid.first
        if of_another or query.opening not in ("who", "what", "which"):
            return
        if query.opening == "who" and not (grid.is_of_people or grid.first):
            return
        loose = asking.MONEY | (asking.PEOPLE if grid.is_of_people else frozenset())
        rest = self._rest(by, loose | {word}) - grid.called[0] - grid.called[grid.first]
        if rest or len(grid.rows) < LEAST_RANKED:
            return
        best = max(query.extreme * size for size in sizes[by])
        first = [
            row
            for row, size in zip(grid.rows, sizes[by], strict=True)
            if query.extreme * size == best
        ]
        told = [f"{grid.own(row)} – {grid.names[by]}: {grid.value(row, by)}" for row in first]
        which = asking.PLAIN.get(query.extreme_word, query.extreme_word)
        text = _closed(f"{'; '.join(told)}, the {which} of {len(grid.rows)}")
        yield Found(text, grid.records(first[:MOST_TOLD]), of_all=True)

    def _is_mixed(self, column: int) -> bool:
        """Whether its figures may not be ranked or added: others may follow, or another column says
        what each is of, or that it counts no more."""
        grid = self.grid
        others = asking.TERMS | asking.STATES | asking.keys("currency")
        return (
            grid.table.goes_on
            or not grid.are_named
            or any(grid.is_of(k, others) for k in grid.columns if k != column)
        )

    def _sizes(self, column: int) -> list[Decimal]:
        """Of its cells, as numbers or days; empty where one of them is neither, or their units
        differ, or they are no sizes."""
        values = self.grid.values(column)
        timely = asking.WHEN - asking.keys("date") | asking.MOVES
        if self.grid.is_of(column, asking.RANKS):
            return []
        if self.grid.is_of(column, timely) and not all(map(ISO.fullmatch, values)):
            return []
        if values and all(map(ISO.fullmatch, values)):
            return [Decimal(value.replace("-", "")) for value in values]
        figures = {row: value for row, value in enumerate(values) if not FREE.fullmatch(value)}
        numbers = [number for number, _, _ in _figures([*figures.values()])]
        sizes = dict(zip(figures, numbers, strict=False))
        return [sizes.get(row, Decimal(0)) for row in range(len(values))] if sizes else []

    def _total(self) -> Iterator[Found]:
        """What the cells of a column come to, in all rows, from one to another, or in those with
        one value."""
        grid, query = self.grid, self.query
        columns = self._named() or self._spent()
        if len(columns) != 1 or columns[0] == 0 or self._is_mixed(columns[0]):
            return
        column = columns[0]
        of_one = grid.is_of(column, PRICES) and not grid.is_of(column, asking.SUMS)
        meters = asking.RANKS | asking.METERS
        others = [k for k in grid.columns[1:] if k != column and not grid.is_of(k, meters)]
        if of_one and any(
            grid.are_numbers(k) or grid.is_of(k, asking.QUANTITIES | asking.SUMS) for k in others
        ):  # a price of one, of several
            return
        unadded = grid.is_of(column, asking.UNADDED | meters)
        rest = self._rest(column, asking.MONEY | asking.PAYING)
        if unadded or (rest and query.ends):
            return
        rows, label = self._alike(rest, column) if rest else (grid.rows, f"all {len(grid.rows)}")
        if query.ends:
            at = [[row for row in rows if end == grid.cell(row, 0)] for end in query.ends]
            if any(len(some) != 1 for some in at) or at[0] >= at[1]:
                return
            rows = [row for row in rows if at[0][0] <= row <= at[1][0]]
            label = f"{grid.own(rows[0])} to {grid.own(rows[-1])}"
        figures = _figures([grid.value(row, column) for row in rows])
        if LEAST_RANKED <= len(figures) <= MOST_TOLD:
            total = sum((number for number, _, _ in figures), Decimal(0))
            terms = " + ".join(grid.value(row, column) for row in rows)
            text = f"{grid.names[column]}, {label}: {terms} = {_shown(total, figures)}"
            yield Found(_closed(text), grid.records(rows), of_all=True)

    def _spent(self) -> list[int]:
        """The one column of amounts in a list of payments, each with its day."""
        grid, asks = self.grid, self.query.words & asking.SPENDING
        if not asks or not grid.is_only(0, asking.DAY) or not all(map(has_digit, grid.values(0))):
            return []
        found = [k for k in grid.columns if any(map(MONEY.fullmatch, grid.values(k)))]
        named = [k for k in grid.columns if grid.is_of(k, asking.PAID)]
        one = found[0] if found == named and len(found) == 1 else 0
        return [one] if one and self._is_amount(one) else []

    def _alike(self, words: frozenset[str], besides: int) -> tuple[list[int], str]:
        """The rows with a cell that says these words and nothing else, and what they have in
        common; none where another cell has one of the words, or says more."""
        grid = self.grid
        columns = [k for k in grid.columns if k != besides]
        at = [(r, k) for k in columns for r in grid.rows if words & grid.cell(r, k)]
        if len({k for _, k in at}) != 1 or any(grid.cell(*place) != words for place in at):
            return [], ""
        column = at[0][1]
        return [row for row, _ in at], f"{grid.names[column]}: {grid.value(*at[0])}"

    def _difference(self) -> Iterator[Found]:
        """Of one column in two rows, or of one row in two columns."""
        grid = self.grid
        cells = self._in_two_rows() or self._in_two_columns()
        values = [grid.value(*cell) for cell in cells]
        figures = _figures(values)
        if len(figures) != len(self.query.apart):
            return
        (row, column), (other_row, other_column) = cells
        if grid.is_of(column, asking.RANKS) or any(
            grid.is_of(k, asking.TERMS) for k in grid.columns if k not in (column, 0)
        ):
            return
        if column == other_column:
            of, one, other = grid.names[column], grid.own(row), grid.own(other_row)
        else:
            of, one, other = grid.own(row), grid.names[column], grid.names[other_column]
        less = _shown(figures[0][0] - figures[1][0], figures)
        text = f"{of}, {one} less {other}: {values[0]} − {values[1]} = {less}"
        yield Found(_closed(text), grid.records(dict.fromkeys((row, other_row))))

    def _in_two_rows(self) -> list[tuple[int, int]]:
        columns = [k for k in self._named() if k not in self.grid.keys]
        if not columns and self.query.words & asking.MEANT.keys():
            columns = self._meant()
        if len(columns) != 1:
            return []
        rest = self._rest(columns[0], asking.MONEY)
        rows = [[*self._called(rest & words, columns[0])] for words in self.query.apart]
        if any(len(some) != 1 for some in rows) or rest - self.query.apart[0] - self.query.apart[1]:
            return []
        return [(some[0], columns[0]) for some in rows]

    def _in_two_columns(self) -> list[tuple[int, int]]:
        grid = self.grid
        columns = [
            [k for k in grid.columns[1:] if grid.core[k] and grid.core[k] <= words]
            for words in self.query.apart
        ]
        if any(len(some) != 1 for some in columns) or columns[0] == columns[1]:
            return []
        pair = [k for some in columns for k in some]
        rest = self._rest(pair[0], frozenset()) - self._said(pair[1])
        of_price = rest - {"cost"}
        rows = [
            row
            for row in grid.rows
            if rest <= (cell := grid.cell(row, 0)) or (of_price <= cell and cell & PRICES)
        ]
        return [(rows[0], k) for k in pair] if rest and len(rows) == 1 else []


def _is_of_two_ends(table: Table) -> bool:
    """Whether two of its columns hold names of one kind: of whence and whither, or of two sides."""
    called = [asking.key(name) for name in table.names]
    return sum(name in asking.DIRECTIONS for name in called) > 1


def _figures(values: Sequence[str]) -> list[tuple[Decimal, str, str]]:
    """(number, what stands in front of it, what behind it) of each; empty where one is no figure,
    or their units differ."""
    read = [FIGURE.fullmatch(value) for value in values]
    found = [figure for figure in read if figure]
    if len(found) < len(read) or len({(f["sign"], f["unit"].strip()) for f in found}) != 1:
        return []
    if not all(WHOLE.fullmatch(figure["n"]) for figure in found):
        return []
    return [(Decimal(f["n"].replace(",", "")), f["sign"], f["unit"]) for f in found]


def _shown(number: Decimal, figures: Sequence[tuple[Decimal, str, str]]) -> str:
    """With the unit of the figures that it is made of."""
    _, sign, unit = figures[0]
    return f"{'−' if number < 0 else ''}{sign}{abs(number):,f}{unit}"


def _is_told(value: str) -> bool:
    """Whether the cell is not blank, nor "-"."""
    return any(c.isalnum() for c in value)


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
