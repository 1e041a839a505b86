"""Headings found by the size of lines: which lines are, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import headings
from rag.headings import TypedLine, is_numbered
from rag.types import Heading, Page

BODY = "The body of the text goes on and on, as it does in every document that people write."
Typed = tuple[str, float] | tuple[str, float, bool]


def find(*pages: list[Typed]) -> tuple[Heading, ...]:
    """pages: their lines as (text, size, bold), each followed by two lines of body."""
    made, lines = [], {}
    for number, page in enumerate(pages, 1):
        text, typed = "", []
        for line, size, *bold in page:
            for piece, piece_pt, is_bold in [(line, size, bool(bold)), *[(BODY, 10.0, False)] * 2]:
                typed.append(TypedLine(len(text), len(text) + len(piece), piece_pt, is_bold))
                text += piece + "\n"
        made.append(Page(number, f"page {number}", text, (600, 800)))
        lines[number] = typed
    return headings.find(made, lines)


def titles(*pages: list[Typed]) -> list[str]:
    return [heading.title for heading in find(*pages)]


def test_larger_lines_are_headings_and_size_gives_their_level() -> None:
    found = find(
        [("Part one", 20), ("Chapter", 16), ("Detail", 12)],
        [("Part two", 20), ("Another chapter", 16), ("More detail", 12)],
    )
    assert [(h.title, h.level, h.page) for h in found] == [
        ("Part one", 1, 1),
        ("Chapter", 2, 1),
        ("Detail", 3, 1),
        ("Part two", 1, 2),
        ("Another chapter", 2, 2),
        ("More detail", 3, 2),
    ]


def test_a_heading_starts_where_its_line_does() -> None:
    text = f"{BODY}\nA heading\nin two lines\n{BODY}"
    lines = [TypedLine(m, m + n, pt) for m, n, pt in _spans(text, [10, 14, 14, 10])]
    (found,) = headings.find([Page(1, "page 1", text, (600, 800))], {1: lines})
    assert found == Heading("A heading in two lines", 1, 1, len(BODY) + 1)


def _spans(text: str, sizes: list[float]) -> list[tuple[int, int, float]]:
    spans, start = [], 0
    for line, size in zip(text.split("\n"), sizes, strict=True):
        spans.append((start, len(line), size))
        start += len(line) + 1
    return spans


def test_a_block_of_three_large_lines_is_a_lead_or_a_quote() -> None:
    text = "Large words\nLarge words\nLarge words\n" + BODY
    lines = [TypedLine(m, m + n, pt) for m, n, pt in _spans(text, [14, 14, 14, 10])]
    assert headings.find([Page(1, "page 1", text, (600, 800))], {1: lines}) == ()


@pytest.mark.parametrize(
    "line",
    [
        "$4.2 billion",
        "45%",
        "12,345 678 910",
        "lower case begins a piece of a sentence",
        "This is a whole sentence that is set in large type.",
        "A piece of a line,",
        "Write to us at someone@example.org",
        "www.example.org",
        "Introduction ........ 4",
        "The School of",
        "Contents",
        "“A quotation in large type",
        "Words " * 17,
    ],
)
def test_what_is_large_but_no_title_is_no_heading(line: str) -> None:
    assert titles([(line, 16.0)]) == []


def test_running_headers_are_no_headings() -> None:
    pages = [[("Annual report 2022", 14.0), (name, 14.0)] for name in ("Alpha", "Beta", "Gamma")]
    assert titles(*pages) == ["Alpha", "Beta", "Gamma"]


def test_a_size_that_one_page_alone_has_is_its_title_s() -> None:
    pages: list[list[Typed]] = [[("Name of the whole report", 30.0)]]
    pages += [[(name, 14.0)] for name in ("Alpha", "Beta", "Gamma")]
    assert titles(*pages) == ["Alpha", "Beta", "Gamma"]


def test_a_page_full_of_large_lines_has_no_headings() -> None:
    assert titles([(f"Entry {name}", 14.0) for name in "abcdefghij"], [("Alpha", 14.0)]) == [
        "Alpha"
    ]


def test_bold_numbered_lines_are_headings_below_the_larger_ones() -> None:
    found = find(
        [
            ("A large heading", 14.0),
            ("Part I", 10.0, True),
            ("Item 1. Business", 10.0, True),
            ("Our people", 10.0, True),
        ]
    )
    assert [(h.title, h.level) for h in found] == [
        ("A large heading", 1),
        ("Part I", 2),
        ("Item 1. Business", 3),
    ]


def test_numbers_with_dots_give_the_level() -> None:
    found = find([("1. Alpha", 10.0, True), ("1.1 Beta", 10.0, True), ("1.1.1 Gamma", 10.0, True)])
    assert [heading.level for heading in found] == [1, 2, 3]


def test_bold_lines_of_a_table_of_contents_are_no_headings() -> None:
    contents: list[Typed] = [(f"Item {i}. Name {i * 7}", 10.0, True) for i in range(1, 6)]
    assert titles([*contents, ("Item 6. Name", 10.0, True)]) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Item 1A. Risk Factors", True),
        ("PART II", True),
        ("Note 5 – Debt", True),
        ("2.3 Methods", True),
        ("4 Related Work", True),
        ("12. Income Taxes", True),
        ("Section 906 of the Act", False),
        ("Item 1. Business 5", False),
        ("18 people came to the meeting and went home", False),
        ("2022 2021", False),
        ("Notes", False),
        ("Item 1. " + "Long " * 40, False),
    ],
)
def test_numbered_lines_are_known(line: str, expected: bool) -> None:
    assert is_numbered(line) is expected


def test_a_document_without_lines_has_no_headings() -> None:
    assert headings.find([Page(1, "page 1", "", (600, 800))], {}) == ()


@given(
    st.lists(
        st.lists(
            st.tuples(st.text("Aa1. \x1f", min_size=1), st.sampled_from([8.0, 10.0, 12.0, 30.0])),
            max_size=6,
        ),
        max_size=6,
    )
)
def test_headings_come_in_order_with_three_levels_at_most(
    pages: list[list[tuple[str, float]]],
) -> None:
    found = find(*pages)
    places = [(heading.page, heading.start or 0) for heading in found]
    assert places == sorted(places)
    assert {heading.level for heading in found} <= {1, 2, 3}
