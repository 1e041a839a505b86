import io

import files
import pytest

from rag import word
from rag.errors import DamagedDocument, DocumentTooLarge
from rag.flow import Part, Title

NUMBERED = """<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl>
</w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>"""


def read(data: bytes) -> Part:
    _, part = word.read(io.BytesIO(data), "a.docx", 1 << 20)
    assert isinstance(part, Part)
    return part


def body(xml: str) -> str:
    return read(files.docx(xml)).text


def run(inner: str) -> str:
    return f"<w:p><w:r>{inner}</w:r></w:p>"


def numbered(level: int) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="5"/></w:numPr>'


def test_characters_that_xml_escapes_are_kept() -> None:
    assert body(files.paragraph("R&D costs <5%")) == "R&D costs <5%"


def test_tabs_and_breaks_part_words() -> None:
    xml = run("<w:t>Total</w:t><w:tab/><w:t>100</w:t><w:br/><w:t>a</w:t><w:noBreakHyphen/>")

    assert body(xml) == "Total 100\na-"


def test_insertions_are_read_and_deletions_are_not() -> None:
    xml = (
        "<w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>"
    )

    assert body(xml) == "new"


def test_the_text_beside_a_text_box_is_kept_and_the_box_is_read_once() -> None:
    box = f"<x><w:txbxContent>{files.paragraph('in the box')}</w:txbxContent></x>"
    xml = run(
        f"<w:t>beside</w:t><AlternateContent><Choice>{box}</Choice><Fallback>{box}</Fallback>"
        "</AlternateContent>"
    )

    assert body(xml) == "beside\n\nin the box"


def test_headings_are_known_by_style_and_outline_level() -> None:
    styles = """<w:style w:styleId="b1"><w:name w:val="heading 1"/></w:style>
    <w:style w:styleId="mine"><w:basedOn w:val="b1"/><w:name w:val="mine"/></w:style>"""
    outlined = '<w:outlineLvl w:val="1"/>'
    part = read(
        files.docx(
            files.paragraph("One", style="b1"),
            files.paragraph("Two", style="mine"),
            files.paragraph("Three", properties=outlined),
            files.paragraph("Four", style="Heading3"),
            files.paragraph("text"),
            styles=styles,
        )
    )

    assert [(m.title, m.level) for m in part.marks] == [
        ("One", 1), ("Two", 1), ("Three", 2), ("Four", 3),
    ]  # fmt: skip
    assert all(part.text[m.start :].startswith(m.title) for m in part.marks)


def test_numbers_that_are_only_described_are_counted() -> None:
    part = read(
        files.docx(
            files.paragraph("Rent", style="Heading1", properties=numbered(0)),
            files.paragraph("due", properties=numbered(1)),
            files.paragraph("late", properties=numbered(1)),
            files.paragraph("Heat", properties=numbered(0)),
            files.paragraph("on", properties=numbered(1)),
            numbering=NUMBERED,
        )
    )

    assert part.text.split() == "3. Rent 3.a) due 3.b) late 4. Heat 4.a) on".split()


def test_a_table_names_its_columns() -> None:
    table = files.table(["Item", "Payer"], ["Rent", "Ann"], bold=True)

    assert body(table) == "Item: Rent | Payer: Ann"


def test_merged_cells_keep_columns_in_place() -> None:
    def cell(text: str, merge: str) -> str:
        return f"<w:tc><w:tcPr>{merge}</w:tcPr>{files.paragraph(text)}</w:tc>"

    rows = (
        cell("both", '<w:vMerge w:val="restart"/>') + cell("wide", '<w:gridSpan w:val="2"/>'),
        cell("", "<w:vMerge/>") + cell("x", "") + cell("y", ""),
    )
    xml = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"

    assert body(xml) == "both | wide\nboth | x | y"


def test_notes_and_comments_follow_the_text() -> None:
    note = f'<w:footnote w:id="2">{files.paragraph("Since 2020.")}</w:footnote>'
    separator = f'<w:footnote w:type="separator">{files.paragraph("---")}</w:footnote>'
    comment = f"<w:comment>{files.paragraph('Check this')}</w:comment>"
    data = files.docx(files.paragraph("Text"), footnotes=separator + note, comments=comment)

    assert read(data).text == "Text\n\nNote: Since 2020.\n\nComment: Check this"


def test_the_title_is_the_file_s_own() -> None:
    title, _ = word.read(io.BytesIO(files.docx(files.paragraph("x"), title="Lease")), "a", 1 << 20)

    assert title == Title("Lease")


def test_entities_are_neither_expanded_nor_loaded() -> None:
    declared = "".join(
        f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' if i else '<!ENTITY e0 "lol">' for i in range(12)
    )
    head = f'<!DOCTYPE x [{declared}<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    xml = "<w:p><w:r><w:t>safe</w:t><w:t>&e11;</w:t><w:t>&f;</w:t></w:r></w:p>"

    assert read(files.docx(xml, head=head)).text == "safe"


def test_no_text_part_is_damage() -> None:
    data = files.zipped({"[Content_Types].xml": files.TYPES, "word/x.xml": "<x/>"})

    with pytest.raises(DamagedDocument, match=r"a\.docx is damaged"):
        list(word.read(io.BytesIO(data), "a.docx", 1 << 20))


def test_what_unpacks_to_too_much_is_refused() -> None:
    data = files.docx(files.paragraph("a" * 2_000_000))

    with pytest.raises(DocumentTooLarge, match=r"more than 1 MB.*max_unpacked_mb"):
        list(word.read(io.BytesIO(data), "a.docx", 1 << 20))


def test_a_document_without_sound_styles_is_still_read() -> None:
    data = files.docx(files.paragraph("Text"), styles="<w:style/>")
    broken = data.replace(b"word/styles.xml", b"word/stylez.xml", 1)  # the directory says otherwise

    assert read(broken).text == "Text"
