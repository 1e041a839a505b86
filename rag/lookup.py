"""Cells of tables that a question asks for, found by code: what stands where a row and a column
meet, which rows have a value, how many they are, which has the most.

A small model takes the cell beside the one that is meant, and some rows of many. English wordings
only, and only where every word of the question is accounted for: by the name of a column, by a
value of the row, or by the name of the document or what stands above the table. In any doubt
nothing is told.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from rag import facts, wording
from rag.records import Record, Table
from rag.sentences import word_set

MOST_TOLD = 20
"""Rows in one answer."""
LONGEST = 200
"""Characters of a question for a cell."""
LEAST_DAYS = 3
"""Columns that are called as days or months, in a timetable."""
LEAST_COLUMNS = 3
"""Of a table in which a row tells more than what it was looked for by."""
LEAST_RANKED = 2
SHORT = 2
"""Letters of the name of a row that tells little without the name of its column."""

WORD = re.compile(r"\d\d?:\d\d|[^\W_]+(?:[.,'’&/-][^\W_]+)*")
HOW_MANY = "how many"
OPENING = re.compile(
    r"\W*(?:(?:and|so|please|in|on|at|for|by|from|to|of) )?(?:tell me |show me |give me )?"
    r"(?P<word>who|whom|whose|when|where|what|which|how (?:many|much))\b",
    re.IGNORECASE,
)
MORE_IS_ASKED = re.compile(
    r"\b(?:not|no|nor|never|without|except|excluding|other|than|more|less|fewer|under|over|above"
    r"|below|before|after|until|since|between|during|within|average|mean|total|sum|altogether"
    r"|combined|together|difference|why|how (?!many\b|much\b)\w+|if|compared?|percentage|ratio"
    r"|both|or|each|per|another|else|only|last|next|previous|again|still"
    r"|would|should|could|used|was(?=.*\bbefore\b))\b|n't\b|[;:]",
    re.IGNORECASE,
)
"""What the cells of a row do not answer as they are."""
AT_A_TIME = re.compile(r" at (?:a|one) time$", re.IGNORECASE)
EXTREMES = {
    **dict.fromkeys(word_set("highest largest biggest greatest most maximum newest dearest"), 1),
    **dict.fromkeys(word_set("lowest smallest least minimum fewest cheapest"), -1),
    "latest": 1,
    "earliest": -1,
}
PLAIN = {"most": "highest", "least": "lowest"}
EXTREME = re.compile(rf"\b({'|'.join(EXTREMES)})\b", re.IGNORECASE)


@lru_cache(maxsize=1 << 14)
def _key(token: str) -> str:
    """Of one word or figure, as it is compared."""
    if not any(c.isdigit() for c in token):
        return facts.stem_of(token)
    plain = token.casefold().replace("-", "").replace(",", "").replace("’", "").replace("'", "")
    if re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return f"{Decimal(plain).normalize():f}"
    return plain


def _keys(words: str) -> frozenset[str]:
    return frozenset(map(_key, words.split()))


MEANT = {
    _key(said): _keys(names)
    for said, names in {
        "cost": "price cost fee fare rate charge amount",
        "expensive": "price cost fee fare rate charge amount",
        "cheap": "price cost fee fare rate charge amount",
        "dear": "price cost fee fare rate charge amount",
        "cheapest": "price cost fee fare rate charge amount",
        "dearest": "price cost fee fare rate charge amount",
        "work": "office department location site team branch employer company workplace",
        "report": "manager supervisor boss",
        "live": "address city town country",
        "supplies": "supplier vendor",
        "sells": "supplier vendor seller",
        "keep": "shelf location place room bay",
        "store": "shelf location place room bay",
        "newest": "start joined hired added",
        "latest": "date day",
        "earliest": "date day",
        "job": "role position title job",
        "phone": "phone telephone extension mobile",
        "boss": "manager supervisor boss",
        "for": "for use purpose indication",
    }.items()
}
"""What columns are called that a word of a question means."""
OF_KEY = _keys("report work live")
"""Behind "who", what they mean tells whom: "Who reports to Ann?"."""
BRACKETED = re.compile(r"\([^()]*\)")
OF_SUBJECT = re.compile(
    r"\s*(?:do|does|did|is|are|was|were|has|have|had|may|can|must)\b", re.IGNORECASE
)
"""Behind "who" and "which": someone else does it."""
UNITS = {
    _key(short): _keys(names)
    for short, names in {
        "cm": "centimetres centimeters",
        "mm": "millimetres millimeters",
        "m": "metres meters",
        "km": "kilometres kilometers",
        "g": "grams grammes",
        "kg": "kilograms kilos",
        "ml": "millilitres milliliters",
        "l": "litres liters",
    }.items()
}
BY_OPENING = {
    "who": "name person employee contact member",
    "whom": "name person employee contact member",
    "when": "when date time day",
    "where": "where location place room shelf office address site",
}
"""What columns are called that hold what is asked for."""
IMPLIED = {word: _keys(names) for word, names in BY_OPENING.items()}
GENERIC = _keys("number no date name code id unit line full title of")
"""What the name of a column may have besides, where a question leaves it out."""
PEOPLE = _keys("people person staff employee employees member members colleague colleagues")
DAYS = _keys("monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun")
MONTHS = frozenset(map(_key, facts.MONTHS))
TIMES = _keys("day days time times month months weekday")
THINGS = _keys("lesson lessons subject subjects class classes event events activity activities")
"""What stands in the cells of a timetable."""
MONEY = _keys("spend pay bill cost charge amount price")
"""Of what a figure is, where its column says the rest."""
MOVES = _keys("leave depart reach arrive go sail run open close begin end")
"""What is done at a time that the column and the row tell."""
IS_AMOUNT = re.compile(r".*\d|\W*(?:free|none|nothing|included)\b", re.IGNORECASE)
IS_TIME = re.compile(r".*\b\d\d?[:.]\d\d\b|.*\b(?:noon|midnight)\b", re.IGNORECASE)
FREE = _keys("take need have list entry row table show get number")
"""Words that tell neither a row nor a column."""
TELL_LITTLE = FREE | MONEY | MOVES | THINGS | TIMES | PEOPLE | MEANT.keys()
START = 4
"""Letters that the forms of a word have in common."""

FIGURE = re.compile(r"(?P<sign>[-−(]?[$€£¥₹]?-?)(?P<n>\d[\d,]*(?:\.\d+)?)(?P<unit>\D{0,12})")
ISO = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Query:
    """opening: "who" or the like, in small letters. noun: the word behind "which" and "how many",
    or empty. sequence: the words that tell something, in order. extreme: 1 for the most, -1 for the
    least, 0 for neither; extreme_word says it. of_subject: what is asked for does something itself,
    as in "Who reports to Ann?"."""

    opening: str
    noun: str
    sequence: tuple[str, ...]
    extreme: int = 0
    extreme_word: str = ""
    of_subject: bool = False

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.sequence)

    def may_be_in(self, text: str) -> bool:
        """Whether the text has all but one of its words, as far as the first letters tell."""
        plain = text.casefold().replace("-", "").replace(",", "")
        told = self.words - TELL_LITTLE
        return sum(word[:START] not in plain for word in told) <= min(1, len(told) - 1)

    def says(self, words: frozenset[str]) -> bool:
        """Whether they stand side by side in it."""
        n = len(words)
        starts = range(len(self.sequence) - n + 1) if n else ()
        return any(words == {*self.sequence[at : at + n]} for at in starts)


@dataclass(frozen=True, slots=True)
class Found:
    """text: the answer. records: the rows that it is from, in the order of the text."""

    text: str
    records: tuple[Record, ...]


def asked(question: str) -> Query | None:
    """What is asked of a table; None of any other question."""
    text = " ".join(question.replace("’", "'").split()).rstrip(" ?.!")
    opening = OPENING.match(text)
    if not opening or len(text) > LONGEST or MORE_IS_ASKED.search(text) or "? " in text:
        return None
    word = opening["word"].casefold()
    rest = AT_A_TIME.sub("", text[opening.end() :].removeprefix("'s")).strip()
    extreme = 0
    said = ""
    if found := EXTREME.search(rest):
        said, extreme = found[1].casefold(), EXTREMES[found[1].casefold()]
    tokens = list(_told(rest))
    if word == "what" and rest.casefold().endswith(" for"):
        tokens.append("for")
    noun = tokens[0] if word in ("what", "which", HOW_MANY) and tokens else ""
    if not tokens and not said:
        return None
    does = word in ("who", "which", HOW_MANY) and not OF_SUBJECT.match(rest)
    return Query(word, noun, tuple(tokens), extreme, said, does)


def answer(query: Query, tables: Sequence[Table], name: str) -> Found | None:
    """What the tables of one document show; None where that is not certain. name: of the document,
    as words."""
    found: dict[str, Found] = {}
    for table in tables:
        if not table.whole or len(table.records) < 2:
            continue
        context = _words(name) | _words(table.titles)
        if seen := _Search(query, _Grid(table), context, _words(table.above)).found():
            found[seen.text] = seen
    return next(iter(found.values())) if len(found) == 1 else None


class _Grid:
    """A table with the words of its names and cells, read when they are asked for."""

    def __init__(self, table: Table) -> None:
        self.names = table.names
        self.records = table.records
        self.goes_on = table.goes_on
        self.called = [_words(name) or _words(name, whole=True) for name in table.names]
        plain = [
            _words(BRACKETED.sub(" ", name)) or words
            for name, words in zip(table.names, self.called, strict=True)
        ]
        self.core = [(words - GENERIC) or words for words in plain]
        self._cells: dict[tuple[int, int], frozenset[str]] = {}

    def cell(self, row: int, column: int) -> frozenset[str]:
        at = row, column
        if at not in self._cells:
            self._cells[at] = _words(self.value(row, column), whole=True)
        return self._cells[at]

    def value(self, row: int, column: int) -> str:
        return self.records[row].values.get(self.names[column], "")

    def own(self, row: int) -> str:
        """What the row is called: its first cell, behind the column's name where that is short."""
        value = self.value(row, 0)
        plain = len(value) > SHORT and any(c.isalpha() for c in value)
        return value if plain else f"{self.names[0]} {value}"

    @property
    def rows(self) -> range:
        return range(len(self.records))

    @property
    def columns(self) -> range:
        return range(len(self.names))

    def holds(self, word: str) -> bool:
        """Whether any cell has the word."""
        start = word[:3]
        return any(
            word in self.cell(row, column)
            for row in self.rows
            if start in self.records[row].text.casefold().replace("-", "").replace(",", "")
            for column in self.columns
        )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Rows, and the columns by which they were chosen for their words."""

    grid: _Grid
    rows: tuple[int, ...]
    by: frozenset[int]
    words: frozenset[str]

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self.grid.records[row] for row in self.rows)

    @property
    def label(self) -> str:
        """What stands in these columns."""
        if self.by == {0}:
            return "; ".join(dict.fromkeys(map(self.grid.own, self.rows)))
        return ", ".join(
            f"{self.grid.names[k]}: {'; '.join(values)}"
            for k in sorted(self.by)
            if (values := self._values(k))
        )

    def _values(self, column: int) -> dict[str, None]:
        return dict.fromkeys(
            self.grid.value(row, column)
            for row in self.rows
            if self.grid.cell(row, column) & self.words
        )


@dataclass(frozen=True, slots=True)
class _Search:
    """What a query finds in one table. context: words of the document's name, and of the titles
    above the table. above: words right above it."""

    query: Query
    grid: _Grid
    context: frozenset[str]
    above: frozenset[str]

    def found(self) -> Found | None:
        """What the first way to read the query finds, if it is one thing."""
        word = _key(self.query.extreme_word)
        is_there = any(word in called for called in self.grid.called) or self.grid.holds(word)
        for way in self._ways() if is_there or not self.query.extreme else [self._extreme]:
            if found := {one.text: one for one in way()}:
                return next(iter(found.values())) if len(found) == 1 else None
        return None

    def _ways(self) -> list[Callable[[], Iterable[Found]]]:
        return [
            lambda: (found for k in self._explicit() for found in self._cells(k)),
            lambda: (found for k in self._implied() for found in self._cells(k)),
            self._counted,
            self._in_calendar,
            self._rows_of,
        ]

    def _explicit(self) -> list[int]:
        """The columns that the question names, by the noun behind "which" if that does."""
        grid, words = self.grid, self.query.words
        named = [k for k in grid.columns if self.query.says(grid.core[k])]
        if by_noun := [k for k in named if self.query.noun in grid.called[k]]:
            return by_noun
        most = max((len(grid.called[k] & words) for k in named), default=0)
        return [k for k in named if len(grid.called[k] & words) == most]

    def _implied(self) -> list[int]:
        """The one column that the question means without its name."""
        grid, query = self.grid, self.query
        verbs = query.words & MEANT.keys() - (OF_KEY if query.of_subject else frozenset())
        meant = frozenset[str]().union(*(MEANT[word] for word in verbs))
        counted = [k for k in grid.columns if query.opening == HOW_MANY and self._counts(k)]
        if len(counted) == 1:
            return counted
        asked = IMPLIED.get(query.opening, frozenset())
        for names in (meant, asked):
            found = [k for k in grid.columns if (grid.core[k] | grid.called[k]) & names]
            if len(found) == 1:
                return found
        return found[:1] if asked == IMPLIED["who"] else []

    def _counts(self, column: int) -> bool:
        """Whether cells tell how many of what is asked for: "2 tablets"."""
        grid, noun = self.grid, self.query.noun
        return any(
            noun in grid.cell(row, column) and _has_digit(grid.value(row, column))
            for row in grid.rows
        )

    def _cells(self, column: int) -> Iterator[Found]:
        """What stands in the column, in the rows that the other words of the question tell."""
        grid, query = self.grid, self.query
        rest = query.words - grid.called[column] - FREE
        if grid.called[column] <= DAYS | MONTHS:
            rest -= THINGS
        if self._counts(column):
            rest -= {query.noun}
        kinds = [(MONEY, IS_AMOUNT)]
        if query.opening == "when" or query.noun in TIMES:
            kinds.append((MOVES | TIMES, IS_TIME))
        of_kind = [shape for words, shape in kinds if rest & words]
        rest -= frozenset[str]().union(*(words for words, _ in kinds))
        chosen = self._chosen(self._besides(rest, column), column)
        values = [grid.value(row, column) for row in chosen.rows]
        if not values or not all(values) or (grid.goes_on and len(values) > 1):
            return
        of_kind += [IS_AMOUNT] if query.opening in (HOW_MANY, "how much") else []
        if any(not shape.match(value) for shape in of_kind for value in values):
            return
        # "The Finance manager" is no line manager of people in Finance.
        half_named = column != 0 and not grid.called[column] <= query.words
        if query.opening == "who" and half_named and len({*values}) > 1:
            return
        name, label = grid.names[column], chosen.label
        opening = f"{label} – {name}" if name else label
        if len(values) == 1 or (len(set(values)) == 1 and column != 0):
            yield Found(_closed(f"{opening}: {values[0]}"), chosen.records[:MOST_TOLD])
        elif column == 0 or query.opening in ("who", "which"):
            told = values if column == 0 else [*dict.fromkeys(values)]
            yield _list(opening, told, chosen.records)
        else:
            told = [f"{grid.own(row)}: {v}" for row, v in zip(chosen.rows, values, strict=True)]
            yield _list(name, told, chosen.records)

    def _counted(self) -> Iterator[Found]:
        """How many rows there are of that kind."""
        grid, query = self.grid, self.query
        are_people = query.noun in PEOPLE and IMPLIED["who"] & grid.called[0]
        if query.opening != HOW_MANY or not (are_people or query.noun in grid.called[0]):
            return
        rest = query.words - {query.noun} - grid.called[0] - FREE - MONEY
        chosen = self._chosen(rest, 0)
        values = [grid.value(row, 0) for row in chosen.rows]
        if values and all(values) and len(set(values)) == len(values) and not grid.goes_on:
            yield _list(f"{len(values)} ({chosen.label}) – {grid.names[0]}", values, chosen.records)

    def _rows_of(self) -> Iterator[Found]:
        """What there is with a value of a column that is named: "What is on shelf A4?"."""
        grid, query = self.grid, self.query
        if query.opening != "what" or grid.goes_on or len(grid.names) < LEAST_COLUMNS:
            return
        chosen = self._chosen(query.words - FREE, 0)
        named = [k for k in chosen.by if query.says(grid.core[k])]
        if chosen.rows and [*chosen.by] == named:
            second = next(k for k in grid.columns[1:] if k not in named)
            told = [f"{grid.own(row)}, {grid.value(row, second)}" for row in chosen.rows]
            yield _list(chosen.label, told, chosen.records)

    def _in_calendar(self) -> Iterator[Found]:
        """When something is that stands in the cells of a timetable, or what there is on a day."""
        grid, query = self.grid, self.query
        days = [k for k in grid.columns if grid.called[k] and grid.called[k] <= DAYS | MONTHS]
        if len(days) < LEAST_DAYS or 0 in days or grid.goes_on:
            return
        if query.opening in ("what", "which"):
            rest = query.words - FREE - THINGS - self.context
            for k in (k for k in days if rest == grid.called[k]):
                rows = [row for row in grid.rows if grid.value(row, k)]
                told = [f"{grid.own(row)}: {grid.value(row, k)}" for row in rows]
                yield _list(grid.names[k], told, tuple(grid.records[row] for row in rows))
        if query.opening == "when" or query.noun in TIMES:
            rest = query.words - FREE - TIMES - self.context
            at = [(r, k) for k in days for r in grid.rows if rest and grid.cell(r, k) == rest]
            told = [f"{grid.names[k]}, {grid.own(row)}" for row, k in at]
            for row, k in at[:1]:
                yield _list(grid.value(row, k), told, tuple(grid.records[r] for r, _ in at))

    def _extreme(self) -> Iterator[Found]:
        """The rows with the most or the least of a column."""
        grid, query = self.grid, self.query
        said = [_key(query.extreme_word), *query.words]
        meant = frozenset[str]().union(*(MEANT.get(word, frozenset()) for word in said))
        measures = {k: sizes for k in grid.columns[1:] if (sizes := _sizes(grid, k))}
        ranked = [k for k in measures if query.says(grid.core[k])]
        ranked = ranked or [k for k in measures if grid.core[k] & meant]
        if len(ranked) != 1 or grid.goes_on:
            return
        by = ranked[0]
        rest = query.words - {said[0]} - grid.called[by] - grid.called[0] - FREE - TIMES - MONEY
        rest = self._besides(rest, by)
        if IMPLIED["who"] & grid.called[0]:
            rest -= PEOPLE
        rows = self._chosen(rest, by).rows if rest - self.context else (*grid.rows,)
        if len(rows) < LEAST_RANKED:
            return
        ranks = {row: query.extreme * measures[by][row] for row in rows}
        first = [row for row, rank in ranks.items() if rank == max(ranks.values())]
        told = [f"{grid.own(row)} – {grid.names[by]}: {grid.value(row, by)}" for row in first]
        which = PLAIN.get(query.extreme_word, query.extreme_word)
        text = _closed(f"{'; '.join(told)}, the {which} of {len(rows)}")
        yield Found(text, tuple(grid.records[row] for row in first[:MOST_TOLD]))

    def _besides(self, words: frozenset[str], column: int) -> frozenset[str]:
        """The words without those that mean the column."""
        meant = self.grid.core[column]
        if IMPLIED["who"] & self.grid.called[column]:
            words -= PEOPLE
        return frozenset(word for word in words if not MEANT.get(word, frozenset()) & meant)

    def _chosen(self, words: frozenset[str], column: int) -> _Chosen:
        """The rows that the words tell by their cells in other columns than this one; none where a
        word is left over, or two columns have them and nothing tells which is meant."""
        grid = self.grid
        nothing = _Chosen(grid, (), frozenset(), frozenset())
        others = [k for k in grid.columns if k != column]
        named = [k for k in others if grid.core[k] <= words and self.query.says(grid.core[k])]
        must = [frozenset({k}) for k in named]
        words -= frozenset[str]().union(*(grid.called[k] for k in named))
        for word in words & MEANT.keys():
            if of := frozenset(k for k in others if grid.core[k] & MEANT[word]):
                must.append(of)
                words -= {word}
        held = frozenset(word for word in words if grid.holds(word))
        left = words - held - self.context
        if not held or any(not UNITS.get(word, frozenset()) & self.above for word in left):
            return nothing
        is_who = column == 0 or bool(IMPLIED["who"] & grid.called[column])
        if is_who and not must and any(held <= grid.cell(row, column) for row in grid.rows):
            return nothing
        rows = [
            row
            for row in grid.rows
            if all(any(grid.cell(row, k) & held for k in of) for of in must)
            and held <= frozenset[str]().union(*(grid.cell(row, k) for k in others))
        ]
        within = {k: [row for row in rows if held <= grid.cell(row, k)] for k in others}
        within = {k: some for k, some in within.items() if some}
        if not within:
            return _Chosen(grid, tuple(rows), frozenset(others), held)
        meant = [k for k in within if any(k in of for of in must)]
        exact = [k for k, some in within.items() if any(grid.cell(r, k) == held for r in some)]
        first, *more = meant or exact or [*within]
        if more and first != 0:
            return nothing
        same = [row for row in within[first] if grid.cell(row, first) == held]
        rows = same if same and column != 0 else within[first]
        return _Chosen(grid, tuple(rows), frozenset({first}), held)


def _sizes(grid: _Grid, column: int) -> list[Decimal]:
    """Of its cells, as numbers or days; empty where one of them is neither, or units differ."""
    values = [grid.value(row, column) for row in grid.rows]
    if all(ISO.fullmatch(value) for value in values):
        return [Decimal(value.replace("-", "")) for value in values]
    read = [FIGURE.fullmatch(value) for value in values]
    found = [figure for figure in read if figure]
    if len(found) < len(read) or len({(f["sign"], f["unit"].strip()) for f in found}) != 1:
        return []
    return [Decimal(figure["n"].replace(",", "")) for figure in found]


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _list(opening: str, values: Sequence[str], records: tuple[Record, ...]) -> Found:
    shown = values[:MOST_TOLD]
    more = f"; and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return Found(_closed(f"{opening}: {'; '.join(shown)}{more}"), records[:MOST_TOLD])


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _told(text: str) -> Iterator[str]:
    """The words of a question that tell something; little ones only where they have a capital."""
    for found in WORD.finditer(text):
        token = found.group().removesuffix("'s")
        token = wording.ORDINALS.get(token.casefold(), token)
        little = token.casefold() in wording.STOP_WORDS
        if not little or (token[0].isupper() and token not in ("I", "A")):
            yield from _parts(token)


def _parts(token: str) -> Iterator[str]:
    if "-" in token and not any(c.isdigit() for c in token):
        yield from map(_key, token.split("-"))
    else:
        yield _key(token)


def _words(text: str, *, whole: bool = False) -> frozenset[str]:
    """whole: little words, too."""
    return frozenset(
        part
        for found in WORD.finditer(text)
        if whole or found.group().casefold() not in wording.STOP_WORDS
        for part in _parts(found.group().removesuffix("'s"))
    )
