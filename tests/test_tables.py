import pytest

from rag.tables import Table, ends_page, find, is_head

ROWS = "Grain 1,875 1,618\nTimber 902 877\nWool 55 61"


def heads(text: str) -> list[list[str]]:
    return [[text[s:e].strip() for s, e in table.head] for table in find(text)]


@pytest.mark.parametrize(
    "line",
    [
        "2018 2017 2016",
        "Three Months Ended",
        "Years ended December 31,",
        "(in millions)",
        "$ in thousands",
        "As of June 30, 2022 and 2021",
        "Note 2022 2021",
        "(Dollars in millions, except per share amounts)",
        "Q1 Q2 Q3 Q4",
    ],
)
def test_periods_units_and_years_stand_above_columns(line: str) -> None:
    assert is_head(line)


@pytest.mark.parametrize(
    "line",
    ["", "$", "Grain 1,875 1,618", "Assets:", "In 2018 the harbour was rebuilt from scratch."],
)
def test_rows_labels_and_sentences_do_not(line: str) -> None:
    assert not is_head(line)


def test_a_long_row_of_signs_is_looked_through_once() -> None:
    assert is_head(f"{'%' * 90} 2022 2021")
    assert not is_head(f"{'%' * 90} Main")


def test_a_table_has_the_lines_that_name_its_columns() -> None:
    text = (
        f"Cargo grew.\nThree Months Ended\nMay 31, 2022 May 31, 2021\n(in tons)\n{ROWS}\nIt was so."
    )

    (table,) = find(text)

    assert text[table.start : table.end] == text[text.index("Three") : text.index("\nIt was")]
    assert heads(text) == [["Three Months Ended", "May 31, 2022 May 31, 2021", "(in tons)"]]


def test_column_names_alone_are_a_head() -> None:
    assert heads(f"Cargo grew.\nCargo Tons Crates\n{ROWS}") == [["Cargo Tons Crates"]]


def test_labels_between_head_and_rows_are_no_part_of_it() -> None:
    assert heads(f"2022 2021\nGoods:\n{ROWS}") == [["2022 2021"]]


@pytest.mark.parametrize(
    "text",
    [
        "2022 2021\nGrain 1,875 1,618\nTimber 902 877",  # two rows
        f"It ended well.\n{ROWS}",  # nothing names the columns
        "In 2022\nships came.\nIn 2021\nnone came.\nIn 2020\none came.",
        f"$\n%\n{ROWS}",
    ],
)
def test_what_may_be_no_table_is_left_alone(text: str) -> None:
    assert find(text) == []


def test_a_second_head_begins_a_second_table() -> None:
    text = f"2022 2021\n{ROWS}\n2020 2019\n{ROWS}"

    assert heads(text) == [["2022 2021"], ["2020 2019"]]


def test_rows_at_the_top_of_a_page_belong_to_the_table_of_the_page_before() -> None:
    (before,) = find(f"2022 2021\n{ROWS}")

    (table,) = find(ROWS, before=before)

    assert table == Table(0, len(ROWS), before.head, 2, continued=True)
    assert find("Grain 1 2 3\nWool 4 5 6\nOil 7 8 9", before=before) == []


def test_a_table_ends_its_page_when_only_running_lines_follow() -> None:
    text = f"2022 2021\n{ROWS}\nGull Harbour\n12"
    (table,) = find(text)
    at = text.index("Gull")

    assert ends_page(table, text, [(at, at + 12), (at + 13, at + 15)])
    assert not ends_page(table, text, [(at + 13, at + 15)])
