"""Figures and sums that a question asks for, and the answers to it: by code, never by the model.

Only English wordings that leave no doubt are understood; any other question is the model's. A wrong
figure that was worked out is worse than none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from rag import facts
from rag.types import Span

Kind = Literal["value", "change", "difference", "ratio", "share", "total", "mean"]

MOST_YEARS = 12
LONGEST = 300
"""Characters of a question for a sum."""
MANY = Decimal("0.1")
"""Of a share or more: three digits are shown either way."""

YEAR = r"(?:19|20)\d\d"
VERB = (
    r"(?:grow|grew|grown|increased?|rise|rose|risen|changed?|declined?|decreased?|fall|fell|fallen|"
    r"drop|dropped|shrink|shrunk|improved?|go up|go down|gone up|gone down)"
)
NOUN = r"(?:growth|change|increase|decrease|decline|rise|drop|reduction|difference)"
CHANGES = (
    re.compile(
        r"\b(?:by )?(?:how much|how many|what percent(?:age)?|what amount) (?:did|has|have|had) "
        rf"(?P<label>.+?) {VERB}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:(?:net|percent(?:age)?|relative|annual|absolute|year[- ]over[- ]year) )*{NOUN}"
        r"(?: rate)? (?:in|of|between) (?P<label>.+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:what|how (?:much|large|big)) (?:was|is|were|are) (?P<label>.+?) "
        r"(?:(?:percent(?:age)?|annual) )?(?:growth|change|increase|decrease)(?: rate)?\b",
        re.IGNORECASE,
    ),
)
"""Wordings of a question for a change, the surest first."""
END = r"(?=\s*(?:\b(?:in|for|at|as of|as at|during|over|on)\b(?! (?:total|sum)\b)|[?.]|$))"
RATIO = re.compile(
    rf"\bratio of (?P<a>.+?) to (?P<b>.+?){END}|\b(?P<a2>[\w ]+?)[- ]to[- ](?P<b2>[\w ]+?) ratio\b",
    re.IGNORECASE,
)
PART = r"(?:percentage|percent|share|proportion|portion|fraction)"
SHARE = re.compile(
    rf"\b{PART} of (?P<b>.+?) (?:is|are|was|were|did|does|do|came from|comes from) "
    rf"(?:made up of |made up by |comprised of |attributable to |due to |from )?(?P<a>.+?)"
    rf"(?: (?:represent|contribute|account for|make up|comprise|constitute)\b)?{END}"
    rf"|\b(?P<a2>[^?]+?) as a {PART} of (?P<b2>.+?){END}"
    rf"|\b{PART} (?:constitution |contribution )?of (?P<a3>.+?) (?:among|out of|in|relative to) "
    rf"(?P<b3>(?:the )?total .+?){END}",
    re.IGNORECASE,
)
DUE = re.compile(
    rf"\b{PART} of (?:the |all )?(?:total )?(?P<of>.+?) (?:is|are|was|were|will be|falls?|comes?) "
    rf"(?:due|payable)(?: in| during)? (?:fiscal )?(?:year )?{YEAR}\b",
    re.IGNORECASE,
)
"""A year's part of what is due year by year."""
DIFFERENCE = re.compile(
    rf"\bdifference between (?P<a>.+?) and (?P<b>.+?){END}"
    r"|\bhow much (?:more|higher|greater|larger|less|lower|smaller) (?:is|was|are|were) "
    rf"(?P<a2>.+?) than (?P<b2>.+?){END}",
    re.IGNORECASE,
)
BETWEEN = re.compile(
    rf"\bdifference (?:in|of) (?P<of>.+?) between (?P<a>.+?) and (?P<b>.+?){END}", re.IGNORECASE
)
"""Two of a kind: "the difference in net sales between cheese and butter"."""
MEAN = re.compile(r"\b(?:average|mean)\b(?: of\b)?", re.IGNORECASE)
TOTAL = re.compile(
    r"\b(?:sum(?: of)?|total of|combined|altogether|cumulative(?:ly)?|all together|in total|"
    r"added (?:up|together))\b",
    re.IGNORECASE,
)
OVER = re.compile(r"\btotal\b(?: amount of\b)?", re.IGNORECASE)
"""Of a span of years; "total assets in 2017 and 2018" is a row that is called so."""
A_TOTAL = re.compile(r"\btotal\b", re.IGNORECASE)
OF_SEVERAL: tuple[tuple[Kind, re.Pattern[str]], ...] = (("mean", MEAN), ("total", TOTAL))
OF_TWO: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("ratio", RATIO),
    ("share", SHARE),
    ("difference", DIFFERENCE),
)
PAIRS = (("a", "a2", "a3"), ("b", "b2", "b3"))
"""Names of the groups in these."""
VALUE = re.compile(
    rf"^(?:(?:in|for|at|as of|during)\b[^?]{{0,60}}\b{YEAR} ?,? )?"
    r"(?:what|how much) (?:is|was|were|are) (?P<label>.+)$",
    re.IGNORECASE,
)
TWO = re.compile(rf"^\s*(?P<a>.+?) and (?P<b>.+?){END}", re.IGNORECASE)

YEARS = re.compile(rf"(?<![\d/.,$])(?:FY ?)?({YEAR})(?![\d%]|[,.]\d)", re.IGNORECASE)
RANGE = re.compile(
    rf"\b({YEAR})\s?(?:[-–]|to|through|until)\s?({YEAR})\b|\bbetween ({YEAR}) and ({YEAR})\b",
    re.IGNORECASE,
)
SPLIT_YEAR = re.compile(rf"\b{YEAR}/\d\d")
INTERIM = re.compile(
    r"\b(?:(?:three|six|nine|[369]|13|26|39)[- ](?:months?|weeks?)"
    r"|(?:first|second|third|fourth) quarter|quarter(?:s|ly)?|half|q[1-4]|[12]h|h[12]"
    r"|months?|monthly|weekly|daily)\b",
    re.IGNORECASE,
)
QUARTERS = {"first": "q1", "second": "q2", "third": "q3", "fourth": "q4"}
FORM = re.compile(
    r"\banswer in [^.?]*|\bround(?:ed)? (?:your answer |it )?(?:off )?to [^.?]*"
    r"|,? ?\bin (?:thousands|millions|billions|percent(?:age)?(?: terms?)?|usd|dollars)\b ?,?"
    r"|,? as a percent(?:age)?(?=\s*(?:[?.]|$))",
    re.IGNORECASE,
)
"""How the answer is to be given."""
IN_TURN = re.compile(r",? ?\b(?:respectively|in (?:chronological )?order)\b", re.IGNORECASE)
"""That several figures are to be given one after the other, as they are in any case."""
PERCENT = re.compile(r"%|\bpercent(?:age)?\b", re.IGNORECASE)
NO_PART = re.compile(
    r"\b(?:(?:twelve|12)[- ]months?|5[23][- ]weeks?|quarterly (?:report|period))\b", re.IGNORECASE
)
MORE_IS_ASKED = re.compile(
    r"\b(?:why|reasons?|drivers?|drove|driven|explain|explains?|because|causes?|caused|factors?|"
    r"impact|expected|projected|forecast|estimated|would|if|should|compare|trends?|how did|"
    r"respectively|each|per year|cagr|compound|adjusted|excluding|constant currency|organic)\b",
    re.IGNORECASE,
)
"""What no sum of two figures answers."""


@dataclass(frozen=True, slots=True)
class Task:
    """Figures to be found and what to do with them: one of each label for each year.

    labels: the question's words for a row, one or more. years: in order. interim: words of a part
    of a year ("three months"), lower case, that the table's heading must have too. rest: the
    question's other words. names: stems of its capitalised words. of_all: the second
    label means all years together of the first.
    """

    kind: Kind
    labels: tuple[str, ...]
    years: tuple[int, ...]
    interim: frozenset[str] = frozenset()
    rest: str = ""
    names: frozenset[str] = frozenset()
    of_all: bool = False

    def period(self, year: int) -> str:
        """The year, or the part of it that is asked for: "Q3 2018", "three months of 2018"."""
        part = next(iter(sorted(self.interim)), "")
        if re.fullmatch(r"q\d", part):
            return f"{part.upper()} {year}"
        return f"{part} of {year}" if part else str(year)


@dataclass(frozen=True, slots=True)
class Operand:
    """A figure as found. label: of its row. value: without `scale`, the power of ten that its
    table is in, 0 where it does not say. currency: the sign in front of it, if any."""

    label: str
    year: int
    value: Decimal
    shown: str
    span: Span
    document: str
    scale: int = 0
    percent: bool = False
    currency: str = ""


def asked(question: str) -> Task | None:
    """The sum that a question asks for; None where it asks for none, for more, or unclearly."""
    text = " ".join(FORM.sub(" ", question.replace("’", "'")).split()).rstrip(" ?.")
    if len(text) > LONGEST:
        return None
    if SPLIT_YEAR.search(text) or "?" in text:
        return None
    task = None if MORE_IS_ASKED.search(text) else _of_two(text) or _over_years(text)
    task = task or _value(text)
    if task is None:
        return None
    names = frozenset(name.stem for name in facts.read(text).names if not name.opening)
    return replace(task, interim=interim_in(text), names=names)


def years_in(text: str) -> list[int]:
    """The years that the text names, in order, each once."""
    return sorted({int(year) for year in YEARS.findall(text)})


def interim_in(text: str) -> frozenset[str]:
    """Words that tell of a part of a year; "q3" for the third quarter."""
    part = [found.casefold() for found in INTERIM.findall(NO_PART.sub("", text))]
    return frozenset(QUARTERS.get(found.split()[0], found.replace("-", " ")) for found in part)


def is_sum(text: str) -> bool:
    """Whether the text may ask for more than a figure as it is printed."""
    wordings = (PERCENT, MORE_IS_ASKED, RATIO, SHARE, DIFFERENCE, MEAN, TOTAL, *CHANGES)
    return any(wording.search(text) for wording in wordings)


def around(text: str, found: re.Match[str]) -> str:
    """The rest of the text."""
    return f"{text[: found.start()]} {text[found.end() :]}"


def result(task: Task, operands: Sequence[Operand]) -> str:
    """The sentence that gives the result with its operands; empty where there is no sense in it.

    operands: as `task` wants them, label by label, and year by year within a label.
    """
    first = operands[0]
    differ = any((o.scale, o.percent) != (first.scale, first.percent) for o in operands)
    # Tables show costs with and without a minus.
    if differ or (len(task.labels) > 1 and any(o.value < 0 for o in operands)):
        return ""
    if task.kind == "value":
        return _shown(task, operands)
    if task.kind == "change":
        over = f"from {task.period(first.year)} to {task.period(operands[1].year)}"
        return moved(first, operands[1], over)
    if task.kind == "difference":
        return _difference(task, first, operands[1])
    if task.kind in ("total", "mean"):
        return _together(task, operands)
    return _part(task, first, operands[1])


def moved(earlier: Operand, later: Operand, over: str) -> str:
    """The sentence that tells the change with its working. over: "from 2017 to 2018"."""
    change = later.value - earlier.value
    verb = "rose" if change > 0 else "fell" if change < 0 else "did not change"
    working = f"{_term(later)} − {_term(earlier, inner=True)}"
    if earlier.percent:
        size = f" by {_number(abs(change), _places(earlier, later))} percentage points"
        working += f" = {_number(change, _places(earlier, later))}"
    else:
        size = f" by {_amount(abs(change), earlier, later)}"
        if earlier.value > 0 and later.value >= 0:
            size += f" ({_percent(change / earlier.value, signed=True)})"
        working += f" = {_amount(change, earlier, later)}"
    return f"{later.label} {verb}{size if change else ''} {over}: {working}."


def shown(operand: Operand) -> str:
    """With its currency and scale."""
    return _amount(operand.value, operand)


def _pair(text: str) -> tuple[Kind, str, str, str] | None:
    """(kind, one label, the other, the rest of the text) of a question about two rows."""
    if (found := BETWEEN.search(text)) and not YEARS.search(found["a"]):
        a, b = (f"{found['of']} from {found[name]}" for name in ("a", "b"))
        return "difference", a, b, around(text, found)
    for kind, pattern in OF_TWO:
        if found := pattern.search(text):
            a, b = (next(filter(None, map(found.groupdict().get, names))) for names in PAIRS)
            return kind, a, b, around(text, found)
    for kind, opening in OF_SEVERAL:
        if (found := opening.search(text)) and (two := TWO.match(text[found.end() :])):
            rest = f"{text[: found.start()]} {text[found.end() + two.end() :]}"
            if not YEARS.search(two["a"]) and not YEARS.search(two["b"]):
                return kind, two["a"], two["b"], rest
    return None


def _of_two(text: str) -> Task | None:
    """A sum of two rows in one year."""
    years = years_in(text)
    if len(years) != 1:
        return None
    if due := DUE.search(text):
        return Task("share", (due["of"], f"total {due['of']}"), tuple(years), of_all=True)
    pair = _pair(text)
    if pair is None:
        return None
    kind, a, b, rest = pair
    return Task(kind, (a, b), tuple(years), rest=rest)


def _over_years(text: str) -> Task | None:
    """A sum of one row in several years."""
    if RATIO.search(text) or SHARE.search(text):
        return None
    years = years_in(text)
    if found := next(filter(None, (pattern.search(text) for pattern in CHANGES)), None):
        if len(years) == 1:
            years = [years[0] - 1, years[0]]
        task = Task("change", (found["label"],), tuple(years), rest=around(text, found))
        return task if len(years) == 2 else None
    openings = OF_SEVERAL
    if between := RANGE.search(text):
        first, last = (int(year) for year in between.groups() if year)
        years = [*range(first, last + 1)]
        openings = (*OF_SEVERAL, ("total", OVER))
    for kind, pattern in openings:
        if found := pattern.search(text):
            task = Task(kind, (around(text, found),), tuple(years))
            return task if 2 <= len(years) <= MOST_YEARS else None
    return None


def _value(text: str) -> Task | None:
    """One row in one year or several, as it stands there."""
    text = IN_TURN.sub(" ", text)
    found, years = VALUE.match(text), years_in(text)
    if not found or not 1 <= len(years) <= MOST_YEARS:
        return None
    return None if is_sum(text) else Task("value", (found["label"],), tuple(years))


def _difference(task: Task, one: Operand, other: Operand) -> str:
    working = f"{_term(one)} − {_term(other, inner=True)}"
    value = _amount(one.value - other.value, one, other)
    return f"{one.label} less {other.label}, {task.period(one.year)}: {working} = {value}."


def _part(task: Task, part: Operand, whole: Operand) -> str:
    if not whole.value or part.percent:
        return ""
    share = part.value / whole.value
    working = f"{_term(part)} / {_term(whole)}"
    when = task.period(part.year)
    if task.of_all:
        return f"{part.label} in {when}, of {whole.label}: {working} = {_percent(share)}."
    if task.kind == "share":
        return (
            f"{part.label} was {_percent(share)} of {whole.label} in {when}: "
            f"{working} = {_percent(share)}."
        )
    digits = _number(share, 2 if share >= 1 else 3)
    return f"{part.label} to {whole.label}, {when}: {working} = {digits}, or {_percent(share)}."


def _together(task: Task, operands: Sequence[Operand]) -> str:
    names = _listed(list(dict.fromkeys(o.label for o in operands)))
    years = _listed([task.period(year) for year in task.years])
    terms, total = _added(operands)
    if task.kind == "mean":
        mean = _amount(total / len(operands), *operands, places=_places(*operands) + 1)
        return f"{names}, {years}, average: ({terms}) / {len(operands)} = {mean}."
    if operands[0].percent:
        return ""
    return f"{names}, {years} together: {terms} = {_amount(total, *operands)}."


def _shown(task: Task, operands: Sequence[Operand]) -> str:
    label, several = operands[0].label, len(operands) > 1 and not operands[0].percent
    told = f"{label}: {_listed([f'{shown(o)} in {task.period(o.year)}' for o in operands])}"
    # "Total rent for 2018 and 2017", of a row that is not called so, may mean their sum.
    if several and A_TOTAL.search(task.labels[0]) and not A_TOTAL.search(label):
        terms, total = _added(operands)
        return f"{told}; together {terms} = {_amount(total, *operands)}."
    return f"{told}."


def _added(operands: Sequence[Operand]) -> tuple[str, Decimal]:
    """The terms of the sum, and the sum."""
    terms = " + ".join(_term(o, inner=i > 0) for i, o in enumerate(operands))
    return terms, sum((o.value for o in operands), Decimal(0))


def _term(operand: Operand, *, inner: bool = False) -> str:
    """inner: behind a sign of its own."""
    if operand.value >= 0:
        return operand.shown
    shown = f"−{operand.shown}"
    return f"({shown})" if inner else shown


def _amount(value: Decimal, *operands: Operand, places: int | None = None) -> str:
    """With the currency and the scale that all operands share."""
    number = _number(abs(value), _places(*operands) if places is None else places)
    if operands[0].percent:
        return f"{'−' if value < 0 else ''}{number} %"
    signs = {o.currency for o in operands}
    sign = signs.pop() if len(signs) == 1 else ""
    scale = {3: " thousand", 6: " million", 9: " billion", 12: " trillion"}
    return f"{'−' if value < 0 else ''}{sign}{number}{scale.get(operands[0].scale, '')}"


def _percent(share: Decimal, *, signed: bool = False) -> str:
    number = _number(abs(100 * share), 1 if abs(share) >= MANY else 2)
    return f"{'−' if share < 0 else '+' if signed and share > 0 else ''}{number} %"


def _places(*operands: Operand) -> int:
    return max(-int(o.value.as_tuple().exponent) for o in operands)


def _number(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-max(places, 0)), ROUND_HALF_UP)
    return f"{rounded:,f}".replace("-", "−")


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
