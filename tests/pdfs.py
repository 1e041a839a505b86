"""PDF files for tests: small, made on the spot, sound or broken in one way."""

import io
import random
from collections.abc import Sequence

from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import RectangleObject
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

WIDTH_PT, HEIGHT_PT = 300, 400
LEFT_PT, TOP_PT = 150, 200
"""Where the first line starts: the middle of the page, so that turned text stays on it."""


def make(*pages: str, title: str = "", turn_text: int = 0) -> bytes:
    """One page for each text, in Helvetica 12. turn_text: degrees against the clock."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH_PT, HEIGHT_PT), invariant=True)
    canvas.setTitle(title)
    for page in pages:
        canvas.setFont("Helvetica", 12)
        canvas.translate(LEFT_PT, HEIGHT_PT - TOP_PT)
        canvas.rotate(turn_text)
        for i, line in enumerate(page.split("\n")):
            canvas.drawString(0, -15 * i, line)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def no_pages() -> bytes:
    return _written(PdfWriter())


def pictures(n_pages: int = 1) -> bytes:
    """A scan: a picture on each page and no text."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH_PT, HEIGHT_PT))
    for _ in range(n_pages):
        canvas.drawImage(ImageReader(Image.new("L", (30, 40), 128)), 50, 50, 200, 300)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def blank() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(WIDTH_PT, HEIGHT_PT)
    return _written(writer)


def stamped(words: str, *, share: float) -> bytes:
    """A picture on the left `share` of the page, and words of text, cut into lines, on top."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH_PT, HEIGHT_PT))
    picture = ImageReader(Image.linear_gradient("L"))
    canvas.drawImage(picture, 0, 0, WIDTH_PT * share, HEIGHT_PT)
    canvas.setFont("Helvetica", 4)
    canvas.drawString(10, 10, words.strip())
    canvas.save()
    return stream.getvalue()


def form(value: str, *, label: str = "Name", flag: str = "") -> bytes:
    """A label, and a text field that holds `value` with its lower left corner at (100, 100).

    flag: "password" or "hidden".
    """
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH_PT, HEIGHT_PT))
    if label:
        canvas.setFontSize(4)
        canvas.drawString(10, HEIGHT_PT - TOP_PT, label)
    canvas.acroForm.textfield(
        value=value,
        x=100,
        y=100,
        width=150,
        height=30,
        borderWidth=0,
        fieldFlags=flag if flag == "password" else "",
        annotationFlags="hidden" if flag == "hidden" else "print",
    )
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def filled() -> bytes:
    """A form with a field of each kind, some of them left empty, and a note."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(WIDTH_PT, HEIGHT_PT))
    canvas.drawString(20, 350, "An application")
    fields = canvas.acroForm
    fields.textfield(
        name="form1.name", tooltip="Name of the applicant:", value="Jane Doe", x=20, y=300
    )
    fields.textfield(name="empty", x=20, y=260)
    fields.checkbox(name="Agree", checked=True, x=20, y=240)
    fields.checkbox(name="Refuse", checked=False, x=60, y=240)
    for i, colour in enumerate(["red", "blue"]):
        fields.radio(name="Colour", value=colour, selected=colour == "blue", x=20 + 40 * i, y=200)
    fields.choice(name="Country", value="Chile", options=["Peru", "Chile"], x=20, y=160)
    canvas.textAnnotation("Call her back", Rect=[20, 100, 40, 120])
    canvas.save()
    return stream.getvalue()


def attached(data: bytes, *names: str) -> bytes:
    writer = _writer(data)
    for name in names:
        writer.add_attachment(name, b"content")
    return _written(writer)


def typeset(*pages: Sequence[tuple[str, float, str]], enlarge: bool = False) -> bytes:
    """Lines of (font, size, text) from the top. enlarge: set in size 1 and scaled."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(612, 792))
    for page in pages:
        y = 720.0
        for font, size, line in page:
            canvas.saveState()
            canvas.translate(50, y)
            if enlarge:
                canvas.scale(size, size)
            canvas.setFont(font, 1 if enlarge else size)
            canvas.drawString(0, 0, line)
            canvas.restoreState()
            y -= size * 2
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def tabled(*rows: Sequence[str], above: Sequence[str] = (), below: Sequence[str] = ()) -> bytes:
    """A table with a column every 110 points, a line of text for each of `above` and `below`. A
    cell with a line break takes two lines."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(612, 792), invariant=True)
    canvas.setFont("Helvetica", 11)
    y = 700
    for at, line in enumerate((*above, *rows, *below)):
        cells = [line] if isinstance(line, str) else line
        y -= 20 if at == len(above) + len(rows) else 0
        for i, cell in enumerate(cells):
            for k, part in enumerate(cell.split("\n")):
                canvas.drawString(60 + 110 * i, y - 13 * k, part)
        y -= 9 + 13 * max(cell.count("\n") + 1 for cell in cells)
    canvas.save()
    return stream.getvalue()


def joined(*files: bytes) -> bytes:
    writer = PdfWriter()
    for data in files:
        writer.append(io.BytesIO(data))
    return _written(writer)


def turned(data: bytes, degrees: int) -> bytes:
    """Pages shown turned clockwise."""
    writer = _writer(data)
    for page in writer.pages:
        page.rotate(degrees)
    return _written(writer)


def cropped(data: bytes, left: float, bottom: float, right: float, top: float) -> bytes:
    """Only this part of each page is shown; in points from the lower left corner."""
    writer = _writer(data)
    for page in writer.pages:
        page.cropbox = RectangleObject((left, bottom, right, top))
    return _written(writer)


def outlined(data: bytes, entries: Sequence[tuple[str, int, int]]) -> bytes:
    """entries: title, level from 1, page from 1, depth first."""
    writer = _writer(data)
    above = [None]
    for title, level, page in entries:
        del above[level:]
        above.append(writer.add_outline_item(title=title, page_number=page - 1, parent=above[-1]))
    return _written(writer)


def labelled(data: bytes, *, n_roman: int) -> bytes:
    """Roman page labels on the first pages, then decimal ones from 1."""
    writer = _writer(data)
    last = len(writer.pages) - 1
    writer.set_page_label(0, n_roman - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(n_roman, last, style=PageLabelStyle.DECIMAL, start=1)
    return _written(writer)


def encrypted(data: bytes, *, user: str, owner: str = "owner", algorithm: str = "AES-256") -> bytes:
    """user: the password to open it; "" where there is only one that guards printing and such."""
    writer = _writer(data)
    writer.encrypt(user, owner, algorithm=algorithm)
    return _written(writer)


def truncated(data: bytes, share: float = 0.5) -> bytes:
    return data[: int(len(data) * share)]


def noise(n_bytes: int = 5000, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(n_bytes)


def garbage_after_header() -> bytes:
    return b"%PDF-1.7\n" + noise()


def mapped(meanings: Sequence[str]) -> bytes:
    """One line of text of which the i-th glyph means meanings[i], surrogates and controls too.

    At most 200 meanings. An empty one leaves the glyph without meaning.
    """
    codes = [bytes([33 + i]) for i in range(len(meanings))]
    units = [meaning.encode("utf-16-be", "surrogatepass").hex() for meaning in meanings]
    entries = [f"<{c.hex()}> <{u}>" for c, u in zip(codes, units, strict=True) if u]
    table = f"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Test def /CMapType 2 def
1 begincodespacerange <00> <ff> endcodespacerange
{len(entries)} beginbfchar
{chr(10).join(entries)}
endbfchar endcmap end end"""
    content = b"BT /F1 12 Tf 40 340 Td <" + b"".join(codes).hex().encode() + b"> Tj ET"
    return assembled(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 300 400] >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        _stream(content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>",
        _stream(table.encode()),
    )


def linked(*items: str, catalog: str = "", extra: Sequence[str] = (), n_pages: int = 2) -> bytes:
    """An outline from its bare dictionaries, to break it at will.

    Object 1 is the catalog, 2 the page tree, 3 the outline; pages are 10, 11 and so on, `items`
    20, 21 and so on, `extra` objects 30, 31 and so on. The first item is the outline's first.
    """
    pages = [
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
    ]
    kids = " ".join(f"{10 + i} 0 R" for i in range(n_pages))
    objects = {
        1: f"<< /Type /Catalog /Pages 2 0 R /Outlines 3 0 R {catalog} >>".encode(),
        2: f"<< /Type /Pages /Kids [{kids}] /Count {n_pages} /MediaBox [0 0 300 400] >>".encode(),
        3: b"<< /Type /Outlines /First 20 0 R /Last 20 0 R >>",
        4: _stream(b"BT /F1 12 Tf 40 340 Td (Some text) Tj ET"),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        **dict(enumerate(pages * n_pages, 10)),
        **{20 + i: item.encode() for i, item in enumerate(items)},
        **{30 + i: item.encode() for i, item in enumerate(extra)},
    }
    return assembled(*(objects.get(i, b"null") for i in range(1, max(objects) + 1)))


def assembled(*objects: bytes) -> bytes:
    """A file of these objects, numbered from 1; the first is the catalog."""
    body, offsets = b"%PDF-1.7\n", []
    for number, item in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return body + head + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)


def _writer(data: bytes) -> PdfWriter:
    return PdfWriter(clone_from=PdfReader(io.BytesIO(data)))


def _written(writer: PdfWriter) -> bytes:
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()
