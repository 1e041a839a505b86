"""A document to measure with: the same 60 pages or so of prose, headings and tables every time.

The text comes from the small grammar below. It says nothing about anything real.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

SEED = 7
CHAPTERS = 11
TITLE = "Report of the Tidewatch Network"
PLACES = (
    "Arnholt Beck",
    "Cairn Ferry",
    "Dunmarrow",
    "Eastling Bar",
    "Fellgate",
    "Greyshoal",
    "Hask Island",
    "Ivermouth",
    "Kestle Sound",
    "Lorn Weir",
    "Mirehaven",
    "Norsted Point",
    "Oxlow Reach",
    "Pellworth",
)
TOPICS = (
    "Instruments and their upkeep",
    "Staff, training and duty",
    "Water levels",
    "Costs against the plan",
    "Incidents and repairs",
)

GRAMMAR = {
    "sentence": (
        "{Opening} {agent} {past} {object}, {reason}.",
        "{Agent} {past} {number} {things} {when}, {contrast}.",
        "{Object} rose from {number} to {number} {unit} {when}.",
        "{Opening} the {measure} was {amount}, {contrast}.",
        "The {measure} of {place} came to {amount}, of which {amount} fell {when}.",
        "{Reason}, {agent} {past} {object} and {past} {object}.",
        "What remains is {object}; {agent} expects it to take {number} {span}.",
        "Of {number} {things} {number} were sound, and {agent} {past} the others {when}.",
        "If {condition}, {object} will cost {amount} more than planned.",
        "{Agent} found no fault with {object}, though {condition} {when}.",
        "Neither {object} nor {object} met the rule of the year before, {reason}.",
    ),
    "opening": (
        "during the survey",
        "after two calm seasons",
        "on the advice of the harbour board",
        "at the close of the period",
        "under the new schedule",
        "as in earlier years",
        "contrary to what was foreseen",
        "with the help of volunteers",
    ),
    "agent": (
        "the keeper at {place}",
        "the night crew",
        "a visiting surveyor",
        "the workshop",
        "our contractor",
        "the office of records",
        "the {adjective} team",
        "one apprentice",
        "the boat service",
    ),
    "past": (
        "replaced",
        "inspected",
        "recorded",
        "postponed",
        "paid for",
        "calibrated",
        "moved",
        "described",
        "returned",
        "rebuilt",
        "compared",
        "approved",
    ),
    "object": (
        "the {adjective} {thing}",
        "a {adjective} {thing}",
        "the {thing} at {place}",
        "the {measure} for {place}",
        "the lease of the {thing}",
        "the log of the {adjective} {thing}",
    ),
    "things": (
        "gauges",
        "moorings",
        "readings",
        "visits",
        "batteries",
        "complaints",
        "cables",
        "drills",
    ),
    "thing": (
        "tide gauge",
        "signal mast",
        "slipway",
        "radio hut",
        "sluice",
        "tender",
        "generator",
        "sea wall",
        "weather vane",
        "chart room",
        "pump",
    ),
    "adjective": (
        "northern",
        "older",
        "temporary",
        "shared",
        "brass",
        "automatic",
        "unlit",
        "second",
        "heated",
        "reserve",
        "listed",
        "salvaged",
    ),
    "measure": (
        "mean level",
        "cost of fuel",
        "rate of failure",
        "time to repair",
        "count of passages",
        "allowance for travel",
        "depth at low water",
        "share of night work",
    ),
    "amount": (
        "{number} thousand crowns",
        "{number} {unit}",
        "{number}.{digit} per cent",
        "about {number} {unit}",
    ),
    "unit": ("millimetres", "hours", "litres", "crowns", "kilograms", "metres"),
    "span": ("weeks", "days", "working months", "tides"),
    "when": (
        "in {month}",
        "between {month} and {month}",
        "before the storm of {month}",
        "by the end of {month}",
        "in the {ordinal} quarter",
        "within {number} days",
    ),
    "ordinal": ("first", "second", "third", "last"),
    "month": ("January", "March", "April", "June", "July", "September", "October", "November"),
    "reason": (
        "because {agent} had found rust in it",
        "since {condition}",
        "to keep within the allowance",
        "as the agreement with {place} requires",
        "so that {agent} could work in daylight",
        "for want of a spare part",
    ),
    "contrast": (
        "against {amount} the year before",
        "which is less than {place} needed",
        "although {condition}",
        "a little above the average of {number} years",
        "while {place} reported {amount}",
    ),
    "condition": (
        "the ferry did not run",
        "the harbour froze",
        "prices held",
        "the grant was late",
        "two keepers were on leave",
        "the ice came early",
        "nobody had asked for it",
    ),
}

Styles = dict[str, ParagraphStyle]


def write(path: Path) -> None:
    """Write the document to `path`, as PDF with an outline."""
    # invariant: no date and no random id in the file.
    template = _Template(str(path), pagesize=A4, title=TITLE, invariant=1)
    template.build(list(_story(Random(SEED))))


class _Template(SimpleDocTemplate):  # type: ignore[misc]  # reportlab has no types
    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802  # reportlab calls it so
        """Enter headings into the outline as they are placed."""
        name = getattr(getattr(flowable, "style", None), "name", "")
        if name not in ("Heading1", "Heading2"):
            return
        key = f"heading-{self.canv.getPageNumber()}-{flowable.getPlainText()}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(flowable.getPlainText(), key, int(name[-1]) - 1, 0)


def _story(random: Random) -> Iterator[Any]:
    styles = _styles()
    yield Paragraph(TITLE, styles["Title"])
    for n, place in enumerate(PLACES[:CHAPTERS], 1):
        yield Paragraph(f"{n} {place}", styles["Heading1"])
        yield _prose(random, styles)
        for m, topic in enumerate(TOPICS, 1):
            yield Paragraph(f"{n}.{m} {topic}", styles["Heading2"])
            for _ in range(random.randint(4, 6)):
                yield _prose(random, styles)
            yield from _table(random)
        yield PageBreak()


def _styles() -> Styles:
    sheet = getSampleStyleSheet()
    body = ParagraphStyle("Prose", sheet["BodyText"], fontSize=10, leading=13, spaceAfter=6)
    return {"Prose": body, **{name: sheet[name] for name in ("Title", "Heading1", "Heading2")}}


def _prose(random: Random, styles: Styles) -> Paragraph:
    sentences = (_expand("sentence", random) for _ in range(random.randint(4, 8)))
    return Paragraph(" ".join(_capital(text) for text in sentences), styles["Prose"])


def _table(random: Random) -> Iterator[Any]:
    months = GRAMMAR["month"][:4]
    rows = [
        [_capital(measure), *(f"{random.randint(100, 99_999):,}" for _ in months)]
        for measure in GRAMMAR["measure"][: random.randint(4, 8)]
    ]
    grid = ("GRID", (0, 0), (-1, -1), 0.25, colors.grey)
    right = ("ALIGN", (1, 0), (-1, -1), "RIGHT")
    yield Table([["", *months], *rows], style=[grid, right], hAlign="LEFT")
    yield Spacer(1, 12)


def _expand(symbol: str, random: Random) -> str:
    """A random text for a symbol of the grammar; capitalised where the symbol is."""
    if symbol == "number":
        return str(random.randint(2, 980))
    if symbol == "digit":
        return str(random.randint(0, 9))
    if symbol == "place":
        return random.choice(PLACES)
    rule = random.choice(GRAMMAR[symbol.lower()])
    text = re.sub(r"\{(\w+)\}", lambda match: _expand(match[1], random), rule)
    return _capital(text) if symbol[0].isupper() else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
