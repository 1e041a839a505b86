"""One figure over time, in one document or several: what a question asks for, and the answer to it.

By code, never by the model: "How have net sales changed over the years?" Only English wordings that
leave no doubt are understood.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from rag import directions, facts, figures, sums
from rag.sums import Operand

LONGEST = 250
"""Characters of a question for a series."""
MOST_WORDS = 9
"""Of what a row is called."""

UNITS = r"(?:years?|quarters?|months?|periods?|reports?|filings?|documents?)"
EACH = (
    r"(?:each|every|all|these|those|the (?:different|various|reported|two|three|four|five|six"
    r"|(?:last|past) \w+))(?: of)?(?: the| these| those)?(?: (?:last|past))?(?: \w+)?"
)
WHICH = (
    r"(?:(?:the|these|those|all|each|every|its|their|last|past|previous|prior|recent|several|few"
    r"|reported|reporting|historical|different|various|given|two|three|four|five|\d) )*"
)
Pick = Literal["all", "latest", "highest", "lowest", "less", "more"]

TIME = (
    rf"(?:(?:over|through(?:out)?|across|during|in|for|between|from|by) {WHICH}"
    rf"(?:time|timeframe|{UNITS})"
    r"|(?:from )?(?:quarter|year|month|period)[- ](?:to|by|over|on)[- ]"
    r"(?:quarter|year|month|period))"
)
MOVE = (
    r"(?:chang|trend|evolv|fluctuat|develop|var[iy]|progress|shift|mov|grow|grew|rise|rose|fall|fell"
    r"|declin|increas|decreas|differ|seen variations)\w*"
)
COURSE = r"(?:trends?|patterns?|changes?|variations?|fluctuations?|developments?|shifts?)"
SEEN = r"(?:identified|identifiable|discerned|seen|observed|found|noted)"
HOW = r"(?:how|in what (?:ways?|manner))"


def _wordings(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """Each of a whole question."""
    return tuple(re.compile(rf"^\W*{pattern}\W*$", re.IGNORECASE) for pattern in patterns)


WORDINGS = _wordings(
    # How have net sales changed over the years
    rf"{HOW} (?:has|have|had|did|do|does) (?P<label>.+?) {MOVE}(?: {TIME})+",
    rf"{HOW} (?:has|have) (?P<label>.+?) (?:trended|evolved|fluctuated|developed)",
    # Can any trends be identified in net sales over the reported periods
    (
        r"(?:can |could )?(?:(?:are|is) there )?(?:what |which )?(?:any |an? |the )?(?:\w+ )?"
        rf"{COURSE} (?:(?:can |could )?(?:be )?{SEEN} )?(?:in|of|for|from) (?P<label>.+?)"
        rf"(?: {TIME})+"
    ),
    # What were net sales reported by Acme in each of the years
    (
        r"(?:what|how (?:high|large|big|much)) (?:is|are|was|were) (?P<label>.+?)"
        r"(?: (?:reported|recorded|stated|shown|disclosed))?(?: by [\w.&' ]+?)? "
        rf"(?:in|for|across|of|over|during) {EACH} {UNITS}"
    ),
    # What tax rate has Acme reported in these quarters
    (
        r"what (?P<label>.+?) (?:has|have|did) [\w.&' ]+? "
        r"(?:report(?:ed)?|record(?:ed)?|shown?|had) "
        rf"(?:in|for|across|over|during) {EACH} {UNITS}"
    ),
    # How do net sales in the latest quarter compare to previous quarters
    (
        r"(?:how (?:does|do|did) |compare )(?P<label>.+?) (?:in|for|of) the "
        rf"(?:most recent|latest|last|current) {UNITS}(?: (?:compare|stack up|measure up))? "
        rf"(?:to|with|against|and) (?:the )?(?:previous|prior|past|earlier) (?:{UNITS}|ones)"
    ),
    # Compare net sales across the reports
    rf"(?:compare|show|list|give|track|tabulate)(?: me)? (?P<label>.+?) {TIME}",
)
REPORT = (
    r"(?:(?:quarterly|annual|fiscal) )?(?:10-?[qk]|report|filing|quarter|year|period|statement)"
    r"(?: (?:report|filing))?"
)
NEWEST = _wordings(
    # What were net sales in the latest quarter
    (
        r"(?:what|how (?:high|large|big|much)) (?:is|are|was|were) (?P<label>.+?)(?: as)?"
        r"(?: (?:reported|recorded|stated|shown|disclosed))?"
        rf" (?:in|for|as of|at the end of) (?:the|its|their|our) {directions.LATEST} {REPORT}"
    ),
    (
        rf"(?:in|for) (?:the|its|their|our) {directions.LATEST} {REPORT},? "
        r"(?:what|how (?:high|large|big|much)) (?:is|are|was|were) (?P<label>.+?)"
    ),
    rf"what (?:is|was|are|were) the {directions.LATEST} (?P<label>.+?)",
)
FIGURE = _wordings(
    r"(?:what|how (?:high|large|big|much)) (?:is|are|was|were) (?P<label>.+?)",
    r"what (?:did|does) .+? (?:report|record|disclose|state|show|give) (?:as|for) (?P<label>.+?)",
    r"how much (?P<label>.+?) (?:did|does) .+? (?:report|record|disclose|generate|have|earn|make)",
)
FOR = re.compile(r"^for [^,]+(?:, (?:inc|ltd|llc|plc)\b\.?)?, (?=what|how)", re.IGNORECASE)
EXTREME = _wordings(
    # Which year had the highest net sales
    (
        r"(?:in )?(?:which|what) (?:year|quarter|period) (?:has|had|shows?|saw|reported) "
        r"(?:the |a )?(?P<most>high|low|great|larg|bigg|small)(?:er|est) (?P<label>.+?)"
    ),
    (
        r"(?:in )?(?:which|what) (?:year|quarter|period) (?:is|was|were|are) (?P<label>.+?) "
        r"(?:the )?(?P<most>high|low|great|larg|bigg|small)(?:er|est)"
    ),
)
BOUND = _wordings(
    # In which years were net sales less than 500 million
    (
        r"(?:in )?(?:which|what) (?:years?|quarters?|periods?) (?:is|was|were|are|did|do|has|have) "
        r"(?P<label>.+?) (?:(?:stay|remain)(?:ed)? )?"
        r"(?:(?P<less>(?:less|lower|smaller) than|below|under)"
        r"|(?:(?:more|greater|higher|larger) than|above|over|exceed(?:ed)?)) "
        r"[$€£¥₹]?(?P<bound>\d[\d,]*(?:\.\d+)?)"
        r"(?: ?(?P<scale>thousand|million|billion|trillion)s?)?(?: dollars)?"
    ),
)
UPWARDS = ("high", "great", "larg", "bigg")
JUDGEMENT = re.compile(
    r",? and (?:what|how|why|whether|describe|explain)\b(?P<rest>.*)$", re.IGNORECASE
)
"""A second question behind the first."""
ASIDE = re.compile(
    r"\b(?:compare|differ|over time|across|between|period to period|each|previous|prior)\b",
    re.IGNORECASE,
)
"""Of a second question that the figures answer as well."""
ARTICLE = re.compile(r"^(?:the |our |my |its |their )+", re.IGNORECASE)
MADE = re.compile(
    r"(?: (?:reported|recorded|stated|disclosed|figures?|numbers?|amounts?|values?))+$"
    r"|^(?:reported|recorded) ",
    re.IGNORECASE,
)
NO_FIGURE = re.compile(
    r"\b(?:risks?|factors?|polic(?:y|ies)|strateg\w+|proceedings?|impact|effects?|reasons?|drivers?|"
    r"structure|position|status|it|they|this|that|you|we|i|discussion|information|disclosures?)\b",
    re.IGNORECASE,
)
"""What has no row in a table."""


@dataclass(frozen=True, slots=True)
class Series:
    """label: the question's words for the figure. names: stems of its capitalised words.
    judgement: it asks besides what the figures mean, which they do not say. pick: which of the
    figures it asks for. bound: that they are to be less or more than, in `scale`, a power of ten
    or 0 for that of the figures. report: words and years that name the report it is to be of, "q3"
    and 2022."""

    label: str
    names: frozenset[str] = frozenset()
    judgement: bool = False
    pick: Pick = "all"
    bound: Decimal = Decimal(0)
    scale: int = 0
    report: frozenset[str | int] = frozenset()


@dataclass(frozen=True, slots=True)
class Point:
    """A figure and its period. when: its last day, as 20230701; 20230000 where only the year is
    told. part: of a year, as the table's heading has it ("three months"); empty for none."""

    operand: Operand
    when: int
    part: str = ""

    @property
    def period(self) -> str:
        year, day = divmod(self.when, 10_000)
        if not day and self.part:
            return f"{self.part} of {year} ({self.operand.document})"
        if not day:
            return str(year)
        month, day = divmod(day, 100)
        shown = f"{date(year, month, 1):%B} {day}, {year}"
        return f"{self.part} to {shown}" if self.part else shown

    @property
    def at(self) -> str:
        """What stands in front of the period: a balance is of a day."""
        return "on" if self.when % 10_000 and not self.part else "in"


def asked(question: str) -> Series | None:
    """The series that a question asks for; None where it asks for none, for more, or unclearly."""
    text = " ".join(question.replace("’", "'").split()).rstrip(" ?.")
    if len(text) > LONGEST or "?" in text:
        return None
    text, judgement, compared = _alone(text)
    for wording in (*WORDINGS, *NEWEST, *EXTREME, *BOUND):
        if found := wording.match(text):
            pick = "all" if compared else _picked(wording, found)
            wanted = Series(found["label"], frozenset(), judgement, pick, *_bound(wording, found))
            return _called(wanted, text)
    return _reported(text)


def may_be_of(wanted: Series, file_name: str) -> bool:
    """Whether a file so named is the report that the series is to be of."""
    known = facts.read(facts.words_of(file_name))
    return wanted.report <= known.stems | known.years


def merged(points: Sequence[Point]) -> tuple[Point, ...]:
    """In order of time, each period once; none of a period that two documents tell apart."""
    by_period: dict[str, list[Point]] = {}
    for point in points:
        by_period.setdefault(point.period, []).append(point)
    agreed = [
        same[0]
        for same in by_period.values()
        if len({(p.operand.value, p.operand.scale) for p in same}) == 1
    ]
    return tuple(sorted(agreed, key=lambda point: (point.when, point.operand.document)))


def suffice(wanted: Series, points: Sequence[Point], *, n_without: int, n: int) -> bool:
    """Whether the points are enough for an answer. n_without: of n documents, those without any.

    A document that shows nothing may be the one with the latest figure, or the highest.
    """
    if wanted.pick == "all":
        return len(points) > 1 and 2 * n_without <= n
    alike = {(p.part, p.operand.scale, p.operand.percent) for p in points}
    return not n_without and len(alike) == 1 and (len(points) > 1 or wanted.pick == "latest")


def lines(wanted: Series, points: Sequence[Point], without: Sequence[str] = ()) -> tuple[str, ...]:
    """The answer line by line: an opening, one line for each point, a closing, which may be empty.

    points: in order of time, two at least unless the latest is asked for. without: documents that
    do not show it for certain.
    """
    if wanted.pick == "latest":
        last = points[-1]
        return (f"{last.operand.label}, {last.period}: {sums.shown(last.operand)}.",)
    labels = {point.operand.label.casefold() for point in points}
    told = [f"- {p.period}: {sums.shown(p.operand)}" for p in points]
    if len(labels) > 1:
        told = [f"{line} ({p.operand.label})" for line, p in zip(told, points, strict=True)]
    closing = [_moved(points)]
    if without:
        closing.append(f"Not found for certain in {', '.join(without)}.")
    if wanted.judgement:
        closing.append("What this means the figures do not say.")
    opening = f"{points[0].operand.label}, in order of time:"
    if wanted.pick in ("less", "more"):
        opening = _within(wanted, points)
    elif wanted.pick != "all":
        opening = _extreme(wanted.pick, points)
    return (opening, *told, " ".join(filter(None, closing)))


def _reported(text: str) -> Series | None:
    """The figure that one report tells of its own period: "What is the revenue in the report?"."""
    where = directions.IN_REPORT.search(text)
    if where is None:
        return None
    rest = directions.OWN_PERIOD.sub("", sums.around(text, where))
    rest = FOR.sub("", " ".join(rest.split()).lstrip(" ,"))
    found = next(filter(None, (wording.match(rest) for wording in FIGURE)), None)
    if found is None or sums.is_sum(rest):
        return None
    quarters = sums.interim_in(where["which"]) - {"quarterly"}
    report = frozenset[str | int]([*quarters, *sums.years_in(where["which"])])
    return _called(Series(found["label"], pick="latest", report=report), text)


def _called(wanted: Series, text: str) -> Series | None:
    """With its label alone and the names of the question; None where it is no figure's label."""
    label = MADE.sub("", ARTICLE.sub("", wanted.label))
    names = frozenset(n.stem for n in facts.read(text).names if not n.opening)
    return replace(wanted, label=label, names=names) if _is_figure(label) else None


def _picked(wording: re.Pattern[str], found: re.Match[str]) -> Pick:
    if wording in EXTREME:
        return "highest" if found["most"].casefold() in UPWARDS else "lowest"
    if wording in BOUND:
        return "less" if found["less"] else "more"
    return "latest" if wording in NEWEST else "all"


def _bound(wording: re.Pattern[str], found: re.Match[str]) -> tuple[Decimal, int]:
    if wording not in BOUND:
        return Decimal(0), 0
    scale = figures.SCALES[found["scale"].casefold()] if found["scale"] else 0
    return Decimal(found["bound"].replace(",", "")), scale


def _alone(text: str) -> tuple[str, bool, bool]:
    """Without a second question; whether that asks for a judgement, or for a comparison."""
    found = JUDGEMENT.search(text)
    if not found:
        return text, False, False
    compared = bool(ASIDE.search(found["rest"]))
    return text[: found.start()], not compared, compared


def _is_figure(label: str) -> bool:
    few = 0 < len(label.split()) <= MOST_WORDS
    return few and not NO_FIGURE.search(label) and not sums.years_in(label)


def _extreme(pick: Pick, points: Sequence[Point]) -> str:
    values = [point.operand.value for point in points]
    most = max(values) if pick == "highest" else min(values)
    when = [f"{p.at} {p.period}" for p in points if p.operand.value == most]
    return f"{points[0].operand.label} was {pick} {' and '.join(when)}:"


def _within(wanted: Series, points: Sequence[Point]) -> str:
    """A table that does not tell its scale is in that of the question, and the other way round."""
    told = points[0].operand.scale
    bound = wanted.bound.scaleb(wanted.scale - told) if wanted.scale and told else wanted.bound
    sign = 1 if wanted.pick == "more" else -1
    when = [f"{p.at} {p.period}" for p in points if sign * p.operand.value > sign * bound]
    # 500.000 as 500, and 5E+2 too.
    shown = sums.shown(replace(points[0].operand, value=bound.normalize() + 0))
    times = " and ".join(when) or "in none of these"
    return f"{points[0].operand.label} was {wanted.pick} than {shown} {times}:"


def _moved(points: Sequence[Point]) -> str:
    """From the first to the last, where all are of parts of the same length and in one unit."""
    if len({(p.part, p.operand.scale, p.operand.percent) for p in points}) > 1:
        return ""
    over = "between the first and the last" if len(points) > 2 else "between the two"
    return sums.moved(points[0].operand, points[-1].operand, over)
