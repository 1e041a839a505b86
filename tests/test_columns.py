from collections.abc import Sequence
from pathlib import Path

import pdfs
import pytest

from rag import columns, pdf
from rag.records import Table

PLANS = [
    ("", "Basic", "Plus", "Premium"),
    ("Price per month", "24", "31", "45"),
    ("Setup fee", "30", "15", "none"),
    ("Support", "email", "email, phone", "phone"),
]
BELOW = ["Prices rise each April by the rate of inflation."] * 4


def tables(
    folder: Path, *rows: Sequence[str], above: Sequence[str] = (), below: Sequence[str] = BELOW
) -> list[Table]:
    path = folder / "table.pdf"
    path.write_bytes(pdfs.tabled(*rows, above=above, below=below))
    page = pdf.read_page(path, 1)
    assert page.boxes is not None
    assert columns.stand_in(page.text)
    found = columns.read("d", 1, page.text, page.boxes)
    for record in (record for table in found for record in table.records):
        quote = page.text[record.span.start : record.span.end]
        assert all(part in quote for value in record.values.values() for part in value.split())
    return found


def test_a_table_is_told_by_its_gaps(tmp_path: Path) -> None:
    (table,) = tables(tmp_path, *PLANS, above=["Our plans"])
    assert table.names == ["", "Basic", "Plus", "Premium"]
    assert [tuple(record.values.values()) for record in table.records] == PLANS[1:]
    assert table.titles.strip() == "Our plans"
    assert table.whole
    assert not table.goes_on


def test_a_table_at_the_end_of_its_page_may_go_on(tmp_path: Path) -> None:
    (table,) = tables(tmp_path, *PLANS, below=["Page 3 of 9"])
    assert table.goes_on


def test_on_the_last_page_a_table_ends(tmp_path: Path) -> None:
    path = tmp_path / "table.pdf"
    path.write_bytes(pdfs.tabled(*PLANS, below=["Page 9 of 9"]))
    page = pdf.read_page(path, 1)
    assert page.boxes is not None
    assert [t.goes_on for t in columns.read("d", 1, page.text, page.boxes)] == [True]
    (table,) = columns.read("d", 1, page.text, page.boxes, is_last=True)
    assert not table.goes_on


def test_a_line_right_below_may_be_a_row_of_another_form(tmp_path: Path) -> None:
    (table,) = tables(tmp_path, *PLANS, ("Offers for new customers",), ("Price", "9", "9", "9"))
    assert len(table.records) == 3
    assert table.goes_on


def test_the_line_that_names_the_columns_is_told(tmp_path: Path) -> None:
    (table,) = tables(tmp_path, *PLANS)
    assert table.head is not None
    text = pdf.read_page(tmp_path / "table.pdf", 1).text
    assert text[table.head.start : table.head.end].split() == ["Basic", "Plus", "Premium"]


def test_a_blank_cell_has_no_value(tmp_path: Path) -> None:
    rows = [*PLANS, ("Router", "", "12", "0")]
    (table,) = tables(tmp_path, *rows)
    assert table.records[-1].values == {"": "Router", "Plus": "12", "Premium": "0"}


def test_a_cell_may_have_several_lines(tmp_path: Path) -> None:
    rows = [*PLANS[:-1], ("Support", "email", "email, phone", "phone, around\nthe clock")]
    (table,) = tables(tmp_path, *rows)
    assert table.records[-1].values["Premium"] == "phone, around the clock"
    assert len(table.records) == 3


@pytest.mark.parametrize(
    "rows",
    [
        [("", "2018", "2017"), ("Net sales", "1577", "1437"), ("Cost of sales", "900", "850")],
        [("Ann", "Lee"), ("Tom", "Hall"), ("Li", "Wen"), ("Eva", "Moss")],
        [("Ann", "1"), ("Tom", "2"), ("Li", "3"), ("Eva", "4")],
        [("", "Basic", "Basic"), ("Price", "24", "31"), ("Setup fee", "30", "15")],
    ],
    ids=["years", "words alone", "no names", "one name twice"],
)
def test_other_rows_are_no_table(tmp_path: Path, rows: list[Sequence[str]]) -> None:
    assert tables(tmp_path, *rows) == []


def test_prose_has_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "prose.pdf"
    path.write_bytes(pdfs.make("The harbour opened in 1911.\nIts lighthouse is painted red."))
    page = pdf.read_page(path, 1)
    assert page.boxes is not None
    assert not columns.stand_in(page.text)
    assert columns.read("d", 1, page.text, page.boxes) == []
