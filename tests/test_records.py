from rag.records import Table, read, stand_in

STAFF = """\
Name: Ann Lee | Office: Leeds | Extension: 2101
Name: Tom Hall | Office: York
Name: Li Wen | Office: Goole | Extension: 2311"""


def tables(*pages: str, label: str = "part 1") -> list[Table]:
    return read("d", [(number, label, text) for number, text in enumerate(pages, 1)])


def test_rows_that_name_their_columns_are_a_table() -> None:
    (table,) = tables(STAFF)
    assert table.names == ["Name", "Office", "Extension"]
    assert [record.values["Name"] for record in table.records] == ["Ann Lee", "Tom Hall", "Li Wen"]
    assert "Extension" not in table.records[1].values
    assert table.whole
    for record in table.records:
        assert STAFF[record.span.start : record.span.end] == record.text


def test_a_table_goes_on_over_pages() -> None:
    first, _, rest = STAFF.partition("\n")
    (table,) = tables(first, rest)
    assert [record.span.page for record in table.records] == [1, 2, 2]


def test_what_stands_between_parts_two_tables() -> None:
    found = tables(f"{STAFF}\n\nVisitors\n\n{STAFF}")
    assert [len(table.records) for table in found] == [3, 3]
    assert "Visitors" not in found[0].titles
    assert "Visitors" in found[1].titles


def test_each_sheet_has_tables_of_its_own() -> None:
    pages = [(1, "sheet 7A, A2:C4", STAFF), (2, "sheet 7B, A2:C4", STAFF)]
    assert [table.titles for table in read("d", pages)] == ["7A", "7B"]


def test_other_columns_make_another_table() -> None:
    found = tables(f"{STAFF}\nPart: BR-1 | Price: 38.5\nPart: BR-2 | Price: 61")
    assert [table.names[0] for table in found] == ["Name", "Part"]


def test_titles_are_no_sentences_but_sentences_may_tell_units() -> None:
    note = "All lengths are in centimetres."
    (table,) = tables(f"Size chart\n\n{note}\n\n{STAFF}")
    assert "Size chart" in table.titles
    assert note not in table.titles
    assert note in table.above


def test_a_row_with_a_cell_without_a_name_leaves_the_table_in_doubt() -> None:
    (table,) = tables(f"{STAFF}\nName: Eva Moss | Office: Leeds | on leave | Extension: 4")
    assert not table.whole


def test_prose_and_rows_without_names_are_no_tables() -> None:
    for text in ("Ann Lee works in Leeds: room 4.", "Ann Lee | Leeds | 2101", "a | b: c", ""):
        assert not stand_in(text)
        assert tables(text) == []
    assert stand_in(f"Staff\n{STAFF}")
