import io
import re

import files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import grid, sheets
from rag.errors import DamagedDocument, DocumentTooLarge
from rag.flow import Part
from rag.sheets import Row


def workbook(data: bytes, max_bytes: int = 1 << 24) -> list[Part]:
    return list(sheets.read_workbook(io.BytesIO(data), "a.xlsx", max_bytes))


def table(data: bytes) -> list[Part]:
    return list(sheets.read_csv(io.BytesIO(data)))


def test_a_sheet_below_titles_names_its_columns_and_its_place() -> None:
    cells = {
        "B2": "Costs of 2024",
        "B4": "Item", "C4": "Price", "D4": "Payer",
        "B5": "Rent", "C5": 1577.0, "D5": "Ann",
        "B6": "Heat", "C6": 0.1 + 0.2,
    }  # fmt: skip

    (part,) = workbook(files.xlsx({"Costs": cells}))

    assert part.label == "sheet Costs, B2:D6"
    assert part.text == (
        "Costs of 2024\nItem: Rent | Price: 1577 | Payer: Ann\nItem: Heat | Price: 0.3"
    )


def test_every_sheet_is_read_and_one_cell_has_no_range() -> None:
    parts = workbook(files.xlsx({"One": {"A1": "x"}, "None": {}, "Two": {"C3": 2}}))

    assert [(part.label, part.text) for part in parts] == [
        ("sheet One, A1", "x"),
        ("sheet Two, C3", "2"),
    ]


def test_rows_behind_a_blank_one_are_still_of_the_table() -> None:
    cells = {"A1": "Item", "B1": "Price", "A2": "Rent", "B2": 1, "A4": "Total", "B4": 1}

    (part,) = workbook(files.xlsx({"S": cells}))

    assert part.text == "Item: Rent | Price: 1\nItem: Total | Price: 1"


CELLS = st.dictionaries(
    st.tuples(st.integers(1, 60), st.integers(0, 40)), st.integers(0, 10**40), max_size=60
)


@given(CELLS)
def test_a_value_lies_in_the_range_that_its_part_tells(values: dict[tuple[int, int], int]) -> None:
    rows = [
        Row(number, [str(values.get((number, column), "")) for column in range(41)])
        for number in range(1, 61)
    ]

    parts = list(sheets.listed(rows, sheet="S"))

    found = " | ".join(part.text.replace("\n", " | ") for part in parts if part.text).split(" | ")
    assert sorted(filter(None, found)) == sorted(str(value) for value in values.values())
    for part in parts:
        left, top, right, bottom = _range(part.label)
        inside = {
            str(value)
            for (row, column), value in values.items()
            if top <= row <= bottom and left <= column <= right
        }
        assert set(part.text.replace("\n", " | ").split(" | ")) <= inside


def _range(label: str) -> tuple[int, int, int, int]:
    first, last = re.fullmatch(r"sheet S, (\w+?)(?::(\w+))?", label).groups()
    corners = [re.fullmatch(r"([A-Z]+)(\d+)", corner).groups() for corner in (first, last or first)]
    columns = {grid.column(i): i for i in range(41)}
    return columns[corners[0][0]], int(corners[0][1]), columns[corners[1][0]], int(corners[1][1])


def test_parts_have_whole_rows_and_about_the_same_length() -> None:
    rows = [Row(1, ["Name", "Amount", "Date"])]
    rows += [Row(i, [f"Person {i}", str(i), "2024-01-01"]) for i in range(2, 402)]

    parts = list(sheets.listed(rows, sheet="S"))

    assert all(len(part.text) <= sheets.ROWS for part in parts)
    assert all(line.startswith("Name: ") for part in parts for line in part.text.split("\n"))
    assert parts[0].label.startswith("sheet S, A2:C")


def test_a_row_too_long_for_a_part_is_cut_between_cells() -> None:
    parts = list(sheets.listed([Row(1, ["x" * 900] * 10)], sheet="S"))

    assert [part.label for part in parts] == [
        "sheet S, A1:C1", "sheet S, D1:F1", "sheet S, G1:I1", "sheet S, J1",
    ]  # fmt: skip


def test_a_dimension_of_a_million_rows_costs_nothing() -> None:
    data = files.xlsx({"S": {"A1": "x"}}, dimension="A1:XFD1048576")

    assert [part.label for part in workbook(data)] == ["sheet S, A1"]


def test_values_too_far_apart_are_refused_before_they_take_the_memory() -> None:
    with pytest.raises(DocumentTooLarge, match=r"row 1048576 and column XFD"):
        workbook(files.xlsx({"S": {"A1": 1, "XFD1048576": 2}}))


def test_what_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match="max_unpacked_mb"):
        workbook(files.xlsx({"S": {"A1": "x" * 100_000}}), 50_000)


def test_a_member_larger_than_the_directory_says_is_damage() -> None:
    data = files.xlsx({"S": {"A1": "x" * 100_000}})
    size = next(i for i in range(100_000, 100_400) if data.count(i.to_bytes(4, "little")) == 2)
    lying = data.replace(size.to_bytes(4, "little"), (200).to_bytes(4, "little"))

    with pytest.raises(DamagedDocument, match="cannot be unpacked"):
        workbook(lying)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_of_a_csv_file_name_their_columns(delimiter: str) -> None:
    text = "Name,Role\nAnn,Cook\n\nBob,Driver\n".replace(",", delimiter)

    assert table(text.encode()) == [
        Part("Name: Ann | Role: Cook\nName: Bob | Role: Driver", "rows 2-4")
    ]


def test_quoted_fields_may_hold_delimiters_and_line_ends() -> None:
    (part,) = table(b'Name,Note,Sum\nAnn,"a, b\nc",1\nBob,x,2\n')

    assert part.text == "Name: Ann | Note: a, b c | Sum: 1\nName: Bob | Note: x | Sum: 2"


def test_one_enormous_line_is_read_as_text() -> None:
    parts = table(b"a,b\n" + b"word " * 500_000)

    assert parts[0].label == "part 1"
    assert max(len(part.text) for part in parts) <= 3000


def test_a_quotation_mark_that_never_ends_loses_nothing() -> None:
    text = 'Name,Note\nAnn,"open\n' + "Bob,x\n" * 3000

    assert sum(part.text.count("Bob") for part in table(text.encode())) == 3000
