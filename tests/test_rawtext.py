"""Cleaning characters without losing their places; titles that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.rawtext import clean, is_legible, kept, one_line, title_of

raw_text = st.text(st.characters() | st.sampled_from("\r\n\0\x02\x7f\ud83d\uddf8\ufffe"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("a\n\rb", "a\n\nb"),
        ("a\x00b\tc\x7fd\x85e", "a b c d e"),
        ("\ud835\udc00", "\U0001d400"),
        ("\ud835x\udc00", "\ufffdx\ufffd"),
        ("na\u00efve \u65e5\u672c", "na\u00efve \u65e5\u672c"),
    ],
)
def test_characters_are_cleaned(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@given(raw_text)
def test_clean_text_has_one_character_for_each_kept_one(raw: str) -> None:
    assert len(clean(raw)) == kept(raw).sum()


@given(raw_text)
def test_clean_text_stays_as_it_is_and_can_be_stored(raw: str) -> None:
    text = clean(raw)
    assert clean(text) == text
    assert text.encode("utf-8").decode("utf-8") == text
    assert not any(c < " " and c != "\n" for c in text)


def test_only_text_that_is_mostly_control_characters_is_illegible() -> None:
    assert is_legible("Plain text,\r\n\twith one \x07 odd glyph")
    assert is_legible("")
    assert not is_legible("\x01\x02 \x03\x04 a")


def test_one_line_joins_lines_and_blanks() -> None:
    assert one_line(" A \r\n title\x00 ") == "A title"


@pytest.mark.parametrize(
    "title",
    [
        "Annual Report 2022",
        "Constitution",
        "Owner's Manual",
        "Hello \u0645\u062d\u0645\u062f World",
    ],
)
def test_a_title_is_taken(title: str) -> None:
    assert title_of(title, "scan0001") == title


@pytest.mark.parametrize(
    "told",
    [
        "",
        " ",
        "untitled",
        "(anonymous)",
        "Document1",
        "2019",
        "Table of Contents",
        "Proxy FINAL AS FILED.pdf",
        "Microsoft Word - letter.doc",
        "C:\\Users\\me\\letter",
        "/home/me/letter draft",
        "fy2018_10k_final",
        "DOC0042",
        "UG",
        "Lease",
    ],
)
def test_a_file_name_or_filler_is_no_title(told: str) -> None:
    assert title_of(told, "lease") == ""


def test_a_title_may_be_a_line_without_end() -> None:
    line = "- " * 50_000

    assert title_of(line, "x") == ""
    assert title_of(f"{line}Annual Report", "x") == f"{line}Annual Report"


def test_the_program_s_name_is_taken_off_a_title() -> None:
    assert title_of("Microsoft Word - Letter of intent", "x") == "Letter of intent"
