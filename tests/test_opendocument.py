import io

import files
import pytest

from rag import opendocument
from rag.errors import EncryptedDocument
from rag.flow import Part


def cell(text: str, said: str = "") -> str:
    return f"<table:table-cell {said}><text:p>{text}</text:p></table:table-cell>"


def text(body: str) -> Part:
    data = io.BytesIO(files.opened("text", body))
    (part,) = [
        item for item in opendocument.read_text(data, "a.odt", 1 << 20) if isinstance(item, Part)
    ]
    return part


def slides(body: str) -> list[Part]:
    data = io.BytesIO(files.opened("presentation", body))
    items = opendocument.read_slides(data, "a.odp", 1 << 20)
    return [item for item in items if isinstance(item, Part)]


def test_blanks_tabs_and_breaks_that_are_elements_are_read() -> None:
    part = text("<text:p>R&amp;D<text:s/>costs<text:tab/>9<text:line-break/>more</text:p>")

    assert part.text == "R&D costs 9\nmore"


def test_headings_lists_sections_and_frames_are_read_in_order() -> None:
    part = text(
        """<text:h text:outline-level="2">Title</text:h>
        <text:section><text:p>in a section</text:p></text:section>
        <text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>inner
        </text:p></text:list-item></text:list></text:list-item></text:list>
        <text:p>beside <draw:frame><draw:text-box><text:p>in a box</text:p></draw:text-box>
        </draw:frame></text:p>"""
    )

    assert part.text == "Title\n\nin a section\n- one\n- inner\n\nbeside\n\nin a box"
    assert [(mark.title, mark.level) for mark in part.marks] == [("Title", 2)]


def test_deleted_text_and_remarks_are_left_out_and_notes_come_last() -> None:
    part = text(
        """<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
        <text:p>a<office:annotation><text:p>remark</text:p></office:annotation><text:note>
        <text:note-citation>1</text:note-citation><text:note-body><text:p>A note.</text:p>
        </text:note-body></text:note>b</text:p><text:p>c</text:p>"""
    )

    assert part.text == "ab\n\nc\n\nNote: A note."


def test_tables_name_their_columns_and_spans_keep_them_in_place() -> None:
    header = f"<table:table-row>{cell('Item')}{cell('Payer')}</table:table-row>"
    part = text(
        f"""<table:table><table:table-header-rows>{header}</table:table-header-rows>
        <table:table-row>{cell("Rent")}{cell("Ann", 'table:number-rows-spanned="2"')}
        </table:table-row><table:table-row>{cell("Heat")}<table:covered-table-cell/>
        </table:table-row></table:table>"""
    )

    assert part.text == "Item: Rent | Payer: Ann\nItem: Heat | Payer: Ann"


def test_slides_have_titles_shapes_tables_and_notes() -> None:
    one, two = slides(
        f"""<draw:page><draw:custom-shape><text:p>a shape</text:p></draw:custom-shape>
        <draw:frame presentation:class="title"><draw:text-box><text:p>Title</text:p></draw:text-box>
        </draw:frame><draw:frame><table:table><table:table-row>{cell("a")}{cell("b")}
        </table:table-row></table:table></draw:frame><presentation:notes><draw:frame><draw:text-box>
        <text:p>say this</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>
        <draw:page><draw:g><draw:frame><draw:text-box><text:p>in a group</text:p></draw:text-box>
        </draw:frame></draw:g></draw:page>"""
    )

    assert (one.label, one.text) == ("slide 1", "Title\n\na shape\n\na | b\n\nNotes: say this")
    assert (two.label, two.text) == ("slide 2", "in a group")


def test_a_file_behind_a_password_is_refused_as_such() -> None:
    data = files.zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": "<m><encryption-data/></m>",
            "content.xml": b"\x8f\x01\x02",
        }
    )

    with pytest.raises(EncryptedDocument, match=r"a\.odt is protected by a password"):
        list(opendocument.read_text(io.BytesIO(data), "a.odt", 1 << 20))
