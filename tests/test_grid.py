import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import grid
from rag.flow import Block


def test_each_row_says_the_names_of_its_columns() -> None:
    rows = [["Item", "Price", "Paid by"], ["Rent", "1,200", "Ann"], ["Heat", "", "Bob"]]

    assert grid.lines(rows) == [
        "Item: Rent | Price: 1,200 | Paid by: Ann",
        "Item: Heat | Paid by: Bob",
    ]


def test_names_are_found_below_a_title() -> None:
    rows = [["Costs of 2024", "", ""], ["Item", "Price", "Payer"], ["Rent", "9", "Ann"]]

    assert grid.lines(rows) == ["Costs of 2024", "Item: Rent | Price: 9 | Payer: Ann"]


def test_years_are_names() -> None:
    rows = [["Region", "2022", "2023"], ["North", "10", "20"]]

    assert grid.lines(rows) == ["Region: North | 2022: 10 | 2023: 20"]


def test_figures_are_no_names() -> None:
    assert grid.lines([["1", "2"], ["3", "4"]]) == ["1 | 2", "3 | 4"]


def test_a_form_is_not_taken_for_a_table() -> None:
    assert grid.lines([["Tenant", "Ann"], ["Landlord", "Bob"]]) == [
        "Tenant | Ann",
        "Landlord | Bob",
    ]


def test_a_name_without_any_value_is_not_lost() -> None:
    rows = [["Item", "Price", "Signature"], ["Rent", "9", ""]]

    assert grid.lines(rows) == ["Item | Price | Signature", "Item: Rent | Price: 9"]


def test_one_row_alone_has_no_names() -> None:
    assert grid.lines([["Item", "Price", "Payer"]], named=True) == ["Item | Price | Payer"]


@given(st.lists(st.lists(st.sampled_from(["", "a", "b c", "7", "2024"]), max_size=4), max_size=8))
def test_no_value_is_lost(rows: list[list[str]]) -> None:
    words = " ".join(grid.lines(rows)).replace("|", " ").replace(":", " ").split()

    assert set(words) == {word for row in rows for cell in row for word in cell.split()}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1577.0, "1577"),
        (0.1 + 0.2, "0.3"),
        (12345678901234567890.0, "12345678901234567000"),
        (1e-5, "0.00001"),
        (float("nan"), ""),
        (True, "TRUE"),
        (dt.date(2024, 3, 1), "2024-03-01"),
        (dt.datetime(2024, 3, 1), "2024-03-01"),  # noqa: DTZ001
        (dt.datetime(2024, 3, 1, 10, 22), "2024-03-01 10:22"),  # noqa: DTZ001
        (dt.time(10, 22), "10:22"),
        (dt.timedelta(hours=30), "30:00:00"),
        ("text", "text"),
    ],
)
def test_values_are_shown_as_a_person_writes_them(value: object, shown: str) -> None:
    assert grid.shown(value) == shown


@given(st.integers(0, 20_000))
def test_letters_of_a_column_count_in_base_26_without_a_zero(index: int) -> None:
    total = 0
    for letter in grid.column(index):
        total = 26 * total + ord(letter) - ord("A") + 1

    assert total == index + 1


def test_a_cell_over_rows_stands_in_each_and_one_over_columns_once() -> None:
    table = grid.Table()
    table.start_row()
    table.add([Block("both")], rows=2)
    table.add([Block("wide")], columns=2)
    table.start_row()
    table.add([Block("x")])
    table.add([Block("y")])

    texts = [["".join(b.text for b in cell) for cell in row] for row in table.rows]
    assert texts == [["both", "wide", ""], ["both", "x", "y"]]


def test_spans_that_are_cheap_to_write_are_not_dear_to_follow() -> None:
    table = grid.Table()
    for _ in range(300):
        table.start_row()
        table.add([Block("x")], columns=10**9, rows=10**9)

    assert sum(map(len, table.rows)) < 300 * 301


def test_a_table_that_lays_out_a_page_is_read_cell_by_cell() -> None:
    inner = [Block("Item: Rent", row=True)]
    blocks = list(grid.blocks([[[Block("Menu")], inner], [[Block("a")], [Block("b")]]]))

    assert [block.text for block in blocks] == ["Menu", "Item: Rent", "a | b"]


def test_a_dash_with_blanks_without_end_behind_it_is_no_figure() -> None:
    rows = [["Item", "Price"], ["Rent", f"-{' ' * 300_000}none"]]

    assert grid.lines(rows)[0].startswith("Item | Price")
