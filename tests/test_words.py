from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.types import Page
from rag.words import edits


def page(text: str, hyphens: Sequence[int] = (), number: int = 1) -> Page:
    return Page(number, f"page {number}", text, (1.0, 1.0), hyphens=tuple(hyphens))


def read(*pages: Page) -> str:
    """The last page as it is read."""
    text = pages[-1].text
    for start, end, new in reversed(edits(pages).get(pages[-1].number, [])):
        text = text[:start] + new + text[end:]
    return text


def marked(text: str) -> Page:
    """A page of a PDF: `|` stands for a hyphen that the reader knows to end a line."""
    parts = text.split("|")
    offsets = [len("-".join(parts[:i])) for i in range(1, len(parts))]
    return page("-".join(parts), offsets)


def test_a_word_that_the_end_of_a_line_divides_is_whole() -> None:
    assert read(page("The termi-\nnal and the terminal")) == "The terminal and the terminal"
    assert read(marked("The termi|nal and the terminal")) == "The terminal and the terminal"


def test_a_hyphen_that_the_document_writes_elsewhere_stays() -> None:
    assert read(page("a well-known man, well-\nknown here")) == "a well-known man, well-known here"
    assert read(marked("a well-known man, well|known")) == "a well-known man, well-known"


def test_what_stands_elsewhere_may_stand_on_another_page() -> None:
    assert read(page("a terminal", number=1), page("the termi-\nnal", number=2)) == "the terminal"


@pytest.mark.parametrize(
    "text",
    ["COVID|19", "Q3|2020", "Dodd|Frank", "AAA|rated", "30|day", "state-of-the|art", "self|made"],
)
def test_a_hyphen_beside_figures_capitals_or_in_a_compound_stays(text: str) -> None:
    assert read(marked(f"of {text} things")) == f"of {text.replace('|', '-')} things"


def test_a_hyphen_between_two_words_of_the_document_stays() -> None:
    text = "The grain price and the price index: the grain|price story, long|term"

    assert read(marked(text)) == text.replace("|", "-")


def test_where_the_document_divides_words_an_unknown_one_is_joined() -> None:
    text = "har|bour ter|minal light|house harbour terminal lighthouse"

    assert read(marked(f"{text} pi|lots")).endswith("pilots")


def test_where_its_hyphens_belong_to_words_an_unknown_one_is_not() -> None:
    text = "long|term low|cost well|known long-term low-cost well-known"

    assert read(marked(f"{text} pi|lots")).endswith("pi-lots")


def test_figures_on_two_lines_are_left_as_they_stand() -> None:
    assert read(page("from 2013-\n2014 and 333-\n75243")) == "from 2013-\n2014 and 333-\n75243"


def test_a_dash_is_no_hyphen() -> None:
    text = "Restructuring -\nLoss - 12\n- item"

    assert read(page(text)) == text


def test_soft_hyphens_go_but_not_those_that_join_figures() -> None:
    assert read(page("har\u00adbour, ha\u00ad\nven, harbour, haven")) == (
        "harbour, haven, harbour, haven"
    )
    assert (
        read(page("in 2019\u00ad2020, pre\u00ad and postwar")) == "in 2019-2020, pre- and postwar"
    )


def test_ligatures_and_odd_blanks_are_plain() -> None:
    assert read(page("The ﬁrst oﬃce\u00a0of  the\u00a0 ﬂeet")) == "The first office of the fleet"


@pytest.mark.parametrize("text", ["1\u00a0577 km", "a\u00a0−5", "−5 + 3 ± 2 ½ x²", "¼  ¾"])
def test_figures_and_signs_stay(text: str) -> None:
    kept = [c for c in text if not c.isspace()]

    assert [c for c in read(page(text)) if not c.isspace()] == kept
    assert "1\u00a0577" in read(page("1\u00a0577 km"))


def test_columns_kept_apart_by_many_blanks_stay_apart() -> None:
    assert read(page("Oil     12      13")) == "Oil     12      13"


@given(st.text("ab1A-\u00ad\u2010 \n\u00a0ﬁ", max_size=60), st.data())
def test_edits_are_in_order_apart_and_leave_letters_and_figures(
    text: str, data: st.DataObject
) -> None:
    hyphens = [i for i, c in enumerate(text) if c == "-"]
    chosen = data.draw(st.lists(st.sampled_from(hyphens), unique=True)) if hyphens else []
    made = page(text, sorted(chosen))

    found = edits([made]).get(1, [])

    ends = [0] + [end for _, end, _ in found]
    assert all(end <= start < stop for end, (start, stop, _) in zip(ends, found, strict=False))
    plain = [c for c in text.replace("ﬁ", "fi") if c.isalnum()]
    assert [c for c in read(made) if c.isalnum()] == plain
