"""Office, web and mail files for tests: small, made on the spot, sound or broken in one way."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from xml.sax.saxutils import escape

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OPEN = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "presentation")
)
OPEN += ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def paragraph(text: str, *, style: str = "", properties: str = "", bold: bool = False) -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    run = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return (
        f"<w:p><w:pPr>{named}{properties}</w:pPr>"
        f'<w:r>{run}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'
    )


def table(*rows: Sequence[str], bold: bool = False) -> str:
    """Cells are text, or XML that begins with "<". bold: the first row is."""
    lines = (
        "".join(
            f"<w:tc>{c if c.startswith('<') else paragraph(c, bold=bold and not i)}</w:tc>"
            for c in row
        )
        for i, row in enumerate(rows)
    )
    return "<w:tbl>" + "".join(f"<w:tr>{line}</w:tr>" for line in lines) + "</w:tbl>"


def docx(*body: str, title: str = "", head: str = "", **parts: str) -> bytes:
    """body: XML of paragraphs and tables. head: what stands before the root. parts: XML inside
    the roots of word/<part>.xml."""
    core = f'<c xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></c>'
    return zipped(
        {
            "[Content_Types].xml": TYPES,
            "docProps/core.xml": core,
            "word/document.xml": (
                f'<?xml version="1.0"?>{head}<w:document {W}>'
                f"<w:body>{''.join(body)}</w:body></w:document>"
            ),
            **{
                f"word/{name}.xml": f"<w:{name} {W}>{xml}</w:{name}>" for name, xml in parts.items()
            },
        }
    )


def opened(kind: str, body: str) -> bytes:
    """An OpenDocument file. kind: text or presentation."""
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": "<manifest/>",
            "content.xml": (
                f"<office:document-content {OPEN}><office:body><office:{kind}>{body}"
                f"</office:{kind}></office:body></office:document-content>"
            ),
        }
    )


def xlsx(sheets: Mapping[str, Mapping[str, object]], *, dimension: str = "") -> bytes:
    """Sheets by name, and values by cell, such as {"Costs": {"A1": "Item", "B1": 2.5}}."""
    said = f'<dimension ref="{dimension}"/>' if dimension else ""
    listed = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{i}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    return zipped(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": (
                f'<Relationships {RELATIONS}><Relationship Id="rId1" '
                f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
            ),
            "xl/workbook.xml": (
                f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'
            ),
            "xl/_rels/workbook.xml.rels": f"<Relationships {RELATIONS}>{related}</Relationships>",
            **{
                f"xl/worksheets/sheet{i}.xml": (
                    f'<worksheet xmlns="{SHEET}">{said}<sheetData>{_rows(cells)}</sheetData>'
                    "</worksheet>"
                )
                for i, cells in enumerate(sheets.values(), 1)
            },
        }
    )


def _rows(cells: Mapping[str, object]) -> str:
    rows: dict[int, str] = {}
    for place, value in cells.items():
        number = int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        if isinstance(value, str):
            cell = f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        else:
            cell = f'<c r="{place}"><v>{value!r}</v></c>'
        rows[number] = rows.get(number, "") + cell
    return "".join(f'<row r="{n}">{cells}</row>' for n, cells in sorted(rows.items()))


def epub(*chapters: str, title: str = "") -> bytes:
    """Chapters are the insides of bodies, in the order of the book."""
    items = "".join(f'<item id="c{i}" href="ch%20{i}.xhtml"/>' for i in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(chapters)))
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<c><rootfile full-path="OPS/book.opf"/></c>',
            "OPS/book.opf": (
                f'<package xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
                f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
            ),
            # Stored back to front: the spine has the order.
            **{
                f"OPS/ch {i}.xhtml": page.format(chapter)
                for i, chapter in reversed(list(enumerate(chapters)))
            },
        }
    )


def mail(
    text: str | None = "Hello",
    *,
    subject: str = "Rent",
    date: str | None = "Fri, 01 Mar 2024 10:22:00 +0100",
    html: str | None = None,
    attachments: Sequence[tuple[str, bytes]] = (),
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann <ann@example.org>"
    message["To"] = "Bob <bob@example.org>"
    message["Subject"] = subject
    if date is not None:
        message["Date"] = date
    if text is not None:
        message.set_content(text)
    if html is not None:
        if text is None:
            message.set_content(html, subtype="html")
        else:
            message.add_alternative(html, subtype="html")
    for name, data in attachments:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message
