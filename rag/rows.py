"""Rows of tables, and sentences, as figures by period: "Net sales 1,577 1,437" below "2018 2017".

A row is read only where it is plain which figure is of which column.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rag import facts, figures, sentences, sums
from rag.evidence import Line, Stretch, Table
from rag.figures import Number
from rag.sums import Operand

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

APART = re.compile(r"\b(?:before|after|excluding|without|below|above|than)\b", re.IGNORECASE)
"""Little words that tell rows apart: "income before taxes" is no tax on income."""

DAYS = 10_000
"""A day is a number of so many for its year, as 20230701."""
LONGEST = 20
"""Characters of a figure."""
LEAST_AMOUNT = 1000
CAPTION = 200
"""Characters right above a table that may say what its figures are of."""
DIGIT = re.compile(r"\d")
NUMBER = re.compile(figures.PATTERN, re.VERBOSE)
CURRENCY = re.compile(r"([$€£¥₹])[\s(]*$")
NOTE = re.compile(r"\(\d{1,2}\)")
"""Of a footnote, in front of a row's figures."""
FOOTNOTE = re.compile(r"(?<!\s)\s*+\((?:\d{1,2}|[a-z])\)|(?<![.\s…])[.\s…]++$")
ENDS_GROUP = re.compile(r"\W*(?:total\b|net\b|[^a-z]*$)", re.IGNORECASE)
BRACKETED = re.compile(r"\([^()]*\)")
CHANGE = re.compile(r"\b(?:increase|decrease|change)s?\b", re.IGNORECASE)
"""Of the line above rows: their figures are changes, as in a statement of cash flows."""
CASH = re.compile(
    r"\W*(?:net )?cash (?:flows? )?(?:\(?used|generated|provided|from)\b", re.IGNORECASE
)
"""Below changes of assets and liabilities, what they come to is none."""
PER = re.compile(r"\bper\b", re.IGNORECASE)
UNSCALED = re.compile(
    r"\b(?:per|shares?|ratio|number|employees|headcount|staff|personnel|people|stores|days)\b",
    re.IGNORECASE,
)
"""Of a row's label: its figures may not be in the table's scale."""
RATE = re.compile(r"%|\b(?:percent(?:age)?|rate|margin|yield)\b", re.IGNORECASE)
"""Of a row's label: its figures may be percentages without saying so."""
PAID = re.compile(
    r"(?!.*\b(?:proceeds|receipts|net)\b)(?:cash )?"
    r"(?:purchases?|payments?|paid|repayments?|repurchases?|acquisitions?|dividends paid)\b",
    re.IGNORECASE,
)
"""Begins a row of a statement of cash flows: "Purchases of equipment (1,577)", of 1,577."""
RULE = re.compile(r"\bin (thousands|millions|billions),? except\b", re.IGNORECASE)
"""Of a table of two scales: "in millions, except shares, which are in thousands"."""
SAID = re.compile(
    r"^(?P<label>.{3,100}?) "
    r"(?:was|were|totaled|totalled|approximated|amounted to|came to|is|are|of) "
    r"(?:approximately |about )?(?=[$€£¥]?\s?\d)",
    re.IGNORECASE,
)
FOR_YEARS = re.compile(r",? (?:for|in|during) (?:the )?(?:fiscal |years? |ended |[A-Z][a-z]+ \d)")
"""In a sentence's label: the years that its figures are of, "respectively"."""
LED_IN = re.compile(r"^(?:as of|at|in|for|during)\b.*\b(?:19|20)\d\d, ", re.IGNORECASE)
"""In front of a sentence's label: of when it speaks."""
IN_YEAR = re.compile(r"[^.;\d]{0,40}?\b(?:in|for|at|during|of)\b[^.;\d]{0,30}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, or a sentence, with its figures by period: by year, or by what `columns`
    gave for the columns.

    group: the line above rows that belong together ("Cost of sales:"). caption: stems of what
    stands right above the table. known: stems that a question may say and the row need not.
    """

    label: str
    cells: dict[int, Operand]
    table: Table | Line
    group: str = ""
    caption: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


def read(stretch: Stretch, columns: Callable[[Table], Sequence[int]]) -> Iterator[Row]:
    """The rows of tables, and the sentences that tell figures of years.

    columns: what the columns of a table are of, from the left; empty where that is not certain. The
    table may have as many again behind them.
    """
    table: Table | None = None
    whens: Sequence[int] = ()
    group, caption = "", frozenset[str]()
    for line in stretch.lines:
        text = stretch.page[line.span.start : line.span.end]
        if line.table is None:
            row = _said(stretch, line, text)
        else:
            if line.table is not table:
                group, whens = _group(line.table), columns(line.table)
                caption = stems(line.table.text[-CAPTION:])
            row = _row(stretch, line, text, whens)
        table = line.table
        if CASH.match(text):
            group = ""
        if row is not None and not CHANGE.search(group):
            yield replace(row, group=group, caption=caption)
        if ENDS_GROUP.match(text):
            group = ""


def stems(text: str) -> frozenset[str]:
    """Of the words that tell one row from another."""
    text = BRACKETED.sub(" ", text)
    found = (SAME.get(stem, stem) for stem in facts.read(text).stems if stem not in PLAIN)
    return frozenset((*found, *map(str.casefold, APART.findall(text))))


def _group(table: Table) -> str:
    """The line right above the rows, where it is one like "Cost of sales:"."""
    last = table.text.rstrip().rsplit("\n", 1)[-1].strip()
    return last.rstrip(":") if last.endswith(":") else ""


def _row(stretch: Stretch, line: Line, text: str, columns: Sequence[int]) -> Row | None:
    """columns: years, from the left; the table may have as many again of another period."""
    table = line.table
    offsets = sentences.cell_offsets(text)
    if table is None or not offsets:
        return None
    if len(offsets) > len(table.years) > 0 and NOTE.fullmatch(text, *offsets[0]):
        offsets = offsets[1:]
    label = FOOTNOTE.sub("", text[: offsets[0][0]].rstrip(" $€£¥₹("))
    numbers = [_number(text, *offset) for offset in offsets]
    if _are_pairs(numbers):
        offsets, numbers = offsets[::2], numbers[::2]
    if len(table.years) == 2 * len(columns) and len(numbers) % 2 == 0:
        numbers = numbers[: len(numbers) // 2]
    whens = _whens(columns, numbers)
    if not whens or not re.search(r"[^\W\d_]{2}", label):
        return None
    scale = _scale(table)
    is_amount = not RATE.search(label)
    cells = {
        when: _operand(stretch, line, label, when, offset, scale)
        for when, offset in zip(whens, offsets, strict=False)
        if (number := _number(text, *offset)) and (is_amount or number.percent or _is_large(number))
    }
    if PAID.match(label) and all(cell.value <= 0 for cell in cells.values()):
        cells = {when: replace(cell, value=-cell.value) for when, cell in cells.items()}
    return Row(label, cells, table)


def _is_large(number: Number) -> bool:
    """Whether it is too large for a percentage that does not say so."""
    return abs(_value(number)) >= LEAST_AMOUNT


def _scale(table: Table) -> int:
    """Of its figures; 0 where it tells none, or two of which neither is the rule."""
    if len(table.scales) == 1:
        return next(iter(table.scales))
    if ruling := RULE.search(table.text):
        return next(iter(figures.stated_scales(f"in {ruling[1]}")), 0)
    return 0


def _are_pairs(numbers: Sequence[Number | None]) -> bool:
    """Whether a percentage follows each amount: "1,617 2% 1,434 1%"."""
    told = [number is not None and number.percent for number in numbers]
    return len(told) > 2 and told == [False, True] * (len(told) // 2)


def _whens(columns: Sequence[int], numbers: Sequence[Number | None]) -> Sequence[int]:
    """What each column is of, from the left; columns behind them must be seen to be changes."""
    if len(set(columns)) != len(columns):
        return ()
    if len(columns) == len(numbers):
        return columns
    values = [_value(number) for number in numbers if number]
    if len(columns) == 2 and 2 < len(numbers) <= 4 and len(values) == len(numbers):
        first, second, *changes = values
        change = abs(first - second)
        if any(all(_is_change(change, base, abs(v)) for v in changes) for base in (second, first)):
            return columns
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
    stretch: Stretch, line: Line, label: str, when: int, offset: tuple[int, int], scale: int
) -> Operand:
    """when: a year, or a day as 20230701. scale: of the table."""
    text = stretch.page[line.span.start : line.span.end]
    start, end = offset
    found = NUMBER.search(text, start, end)
    assert found is not None  # the caller has read a number there
    number = figures.read(text, found)
    currency = CURRENCY.search(text[: found.start()])
    scale = number.scale or (0 if number.percent or UNSCALED.search(label) else scale)
    return Operand(
        label=" ".join(label.split()),
        year=when if when < DAYS else when // DAYS,
        value=_value(number),
        shown=f"{found.group()} %" if number.percent else found.group(),
        span=replace(line.span, start=line.span.start + start, end=line.span.start + end),
        document=stretch.hit.document,
        scale=scale,
        percent=number.percent,
        # "$411" of a table that does not say that it is in thousands would be wrong.
        currency=currency[1] if currency and (scale or PER.search(label)) else "",
    )


def _said(stretch: Stretch, line: Line, text: str) -> Row | None:
    """ "Net sales were $1,577 million in 2018, compared with $1,437 million in 2017." """
    text = text.replace("\n", " ")
    begun = SAID.match(text)
    if not begun or len(text) > 300:
        return None
    days = facts.places_of_days(text)
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
    label = LED_IN.sub("", label)
    cells = {
        year: _operand(stretch, line, label, year, span, 0)
        for year, span in zip(named, spans, strict=True)
    }
    return Row(label, cells, line)
