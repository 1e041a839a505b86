import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import cells, is_row, split


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


def test_prose_ends_at_full_stops_question_and_exclamation_marks() -> None:
    text = "The tide rose. Did the wall hold? It did! Nobody slept."
    assert pieces(text) == ["The tide rose.", "Did the wall hold?", "It did!", "Nobody slept."]


@pytest.mark.parametrize(
    "text",
    [
        "Harbour Inc. and Quay Corp. merged in the U.S. market.",
        "See No. 5 and Fig. 3 on p. 12, e.g. the crane, i.e. the tall one.",
        "Mr. Lund met Dr. J. R. Voss vs. the board, approx. 40 people.",
        "Sales rose by $1.5 million, or 3.25 percent, on Jan. 5, 2020.",
        "It cost 1.577.000,50 euros in version 3.2.1 of the plan.",
        "She waited ... and then left.",
        "The firm Yahoo! grew and the quiz What? was dropped.",
        "Er kam am 3. März 1999 an.",
        "Item 7. Management's Discussion",
        "3.2. Results of the survey",
        "1. Freight",
        "Lund et al. (2020) disagree.",
        "A new supplier is found by P. Nair, by 19 July 2024.",
        "Hospital no. W448120 is that of Mr Ashworth.",
    ],
)
def test_a_stop_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert pieces(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was sold to Quay Inc. The price was low.", 2),
        ("They moved to the U.S. However, he stayed.", 2),
        ("No. The documents differ.", 2),
        ("It happened in 2018. Ships were few.", 2),
        ("It is explained in Note 12. The rest follows.", 2),
        ("He said “no.” She left.", 2),
        ("It ended (badly.) Then it rained.", 2),
        ("It ended.[5] Then it rained. [6] Now it is dry.", 3),
        ("Dann kam Regen... Alles wurde nass.", 2),
    ],
)
def test_an_abbreviation_before_a_usual_opening_word_ends_a_sentence(
    text: str, expected: int
) -> None:
    assert len(split(text)) == expected


def test_stops_of_other_scripts_end_sentences() -> None:
    assert pieces("港口很大。船很多！真的吗？「是。」他说。") == [
        "港口很大。",
        "船很多！",
        "真的吗？",
        "「是。」",
        "他说。",
    ]
    assert pieces("هل وصلت السفينة؟ نعم وصلت.") == ["هل وصلت السفينة؟", "نعم وصلت."]
    assert pieces("जहाज आया। माल उतरा।") == ["जहाज आया।", "माल उतरा।"]


def test_a_line_break_inside_a_paragraph_is_no_end_but_a_blank_line_is() -> None:
    text = "The pier was built of oak and\nstands to this day\n\nA second one followed"
    assert pieces(text) == [
        "The pier was built of oak and\nstands to this day",
        "A second one followed",
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_all_kinds_of_line_ends_are_read(newline: str) -> None:
    text = f"- salt{newline}- tar and{newline}  pitch{newline}{newline}The end"
    assert pieces(text) == ["- salt", f"- tar and{newline}  pitch", "The end"]


def test_list_items_are_sentences_of_their_own() -> None:
    text = "We carry:\n• salt\n• tar and\npitch\n1. rope\n(b) iron\n2) coal"
    assert pieces(text) == [
        "We carry:",
        "• salt",
        "• tar and\npitch",
        "1. rope",
        "(b) iron",
        "2) coal",
    ]


def test_rows_of_a_table_are_taken_line_by_line() -> None:
    text = (
        "(In millions) 2018 2017\nNet sales $ 4,120 $ 3,988\nCost of sales (2,077) (1,950)\n"
        "Gain on sale of harbour cranes, net\nof tax — 14\nTotal assets $ 9,001\nSee the notes."
    )
    assert pieces(text) == [
        "(In millions) 2018 2017",
        "Net sales $ 4,120 $ 3,988",
        "Cost of sales (2,077) (1,950)",
        "Gain on sale of harbour cranes, net\nof tax — 14",
        "Total assets $ 9,001",
        "See the notes.",
    ]


def test_a_short_heading_does_not_run_into_the_paragraph_below() -> None:
    text = (
        "Storage of goods\nThe sheds are dry, and goods of every kind can be left there for up to\n"
        "ninety days without charge. Longer stays are charged by the week and by the\nweight."
    )
    assert pieces(text)[0] == "Storage of goods"


def test_markdown_headings_and_tables_are_split_by_line() -> None:
    text = "## Freight\nIt rose.\n**Ports**\nMany ports.\n| Port | Ships |\n|---|---|\n| Oslo | 5 |"
    assert pieces(text) == [
        "## Freight",
        "It rose.",
        "**Ports**",
        "Many ports.",
        "| Port | Ships |",
        "|---|---|",
        "| Oslo | 5 |",
    ]


def test_text_without_stops_is_cut_into_its_lines_when_it_gets_long() -> None:
    lines = [f"crate of goods number {n} and more of it and" for n in range(40)]
    assert pieces("\n".join(lines)) == lines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Net sales $ 4,120 $ 3,988", ["4,120", "3,988"]),
        ("Other income (12) — 3.5 %", ["(12)", "—", "3.5"]),
        ("In 2018 the pier was closed", []),
        ("", []),
    ],
)
def test_cells_are_the_figures_at_the_end_of_a_line(line: str, expected: list[str]) -> None:
    assert cells(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Net sales 4,120 3,988", True),
        ("| Oslo | 5 |", True),
        ("December 31, 2018 December 31, 2017 % change", True),
        ("of $650 million of notes due 2023, $850 million due 2027 and others", False),
        ("The pier was closed in October 2017", False),
        ("2016, $249 million for 2015 and $309 million for 2014.", False),
        ("", False),
    ],
)
def test_rows_are_told_from_prose(line: str, expected: bool) -> None:
    assert is_row(line) == expected


TEXT = st.text(
    st.sampled_from("aB1.?!。 \n\r\t-•|()[]\"'%$,—#* ") | st.characters(exclude_categories=["Cs"]),
    max_size=300,
)


@given(TEXT)
def test_sentences_are_in_order_trimmed_and_cover_every_visible_character(text: str) -> None:
    found = split(text)
    covered = [i for start, end in found for i in range(start, end)]

    assert covered == sorted(set(covered))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in found)
    assert {i for i, c in enumerate(text) if not c.isspace()} <= set(covered)


@pytest.mark.parametrize("unit", [".", "?", "- ", "1,", "A.", "(", "\n", "a. ", "1 2\n", "“", "|"])
def test_hostile_text_takes_no_longer_than_plain_text(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.process_time()
    split(text)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "lines",
    [
        ["10:42 door opened by A. Kern", "10:47 alarm switched off", "11:05 door closed"],
        ["Monday to Friday: 9:00 to 18:00", "Saturday: 10:00 - 14:00", "Sun: closed"],
        ["09.15 Registration and coffee", "9.45 Opening words"],
    ],
)
def test_entries_of_a_log_and_opening_hours_stand_by_themselves(lines: list[str]) -> None:
    assert pieces("\n".join(lines)) == lines


def test_rows_with_words_among_their_figures_stand_by_themselves() -> None:
    rows = [
        "Check oil level, drain condensate 8 daily 1",
        "Change oil filter 2,000 every 6 months 2",
        "Change oil (synthetic, VS-46) 6,000 every 24 months 2",
        "Overhaul of airend 24,000 every 6 years Veltron service",
    ]
    assert pieces("\n".join(rows)) == rows
    prose = "The crew of 12 sailed in May of 1999\nThe ship of 80 tons was lost in 2003."
    assert len(pieces(prose)) == 1


def test_a_time_at_the_start_of_one_line_of_prose_ends_nothing() -> None:
    text = "The museum in the old harbour opens its doors to all visitors at\n10:30 on a Sunday."
    assert pieces(text) == [text]
