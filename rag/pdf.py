"""PDF files: text, character boxes, headings, page labels, pictures of pages.

pdfium reads everything but the outline (rag/outline.py). pdfium is imported here and in
rag/pdfmarks.py, which reads fields and notes.
"""

import ctypes
import math
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from rag import headings, pdfmarks, pixels
from rag.arrays import FloatArray
from rag.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    NoTextDocument,
    UnreadableDocument,
    UnsupportedDocument,
)
from rag.geometry import displayed
from rag.headings import TypedLine
from rag.outline import outline
from rag.pdfmarks import Mark, utf16
from rag.pixels import PixelReader, Pixels
from rag.rawtext import clean, is_legible, kept, one_line, title_of
from rag.types import Box, Document, Heading, Line, Page, ReadLimits

MEDIA_TYPE = "application/pdf"
MAX_PIXELS = 40_000_000
MAX_LISTED = 20
"""Runs of page numbers, or names of files, in one warning."""
OCR_DPI = 150
PICTURE_CHARS = 100
"""A page with fewer that a picture covers is a scan with a number or a court's line stamped on."""
PICTURE_SHARE = 0.8
MAX_STRIPS = 500
LINE = re.compile(r"\S(?:[^\n]*\S)?")
BOLD = re.compile(rb"bold|black|heavy|demi|medi(?!um)|cmbx", re.IGNORECASE)
FORCE_BOLD = 1 << 18
"""A font's flag (ISO 32000-1, table 123)."""
MAX_CODE_POINT = 0x10FFFF
LETTER_PT = (612.0, 792.0)

_PDFIUM = threading.Lock()
_NEXT = threading.Lock()


@contextmanager
def _turn() -> Iterator[None]:
    """One use of pdfium, which is not thread-safe.

    Who waits holds _NEXT, so that a reader who comes straight back for its next page queues
    behind a person who wants to see one.
    """
    with _NEXT:
        _PDFIUM.acquire()
    try:
        yield
    finally:
        _PDFIUM.release()


@dataclass(frozen=True, slots=True)
class _File:
    """form: state of the form fields; None where there are none."""

    document: Any
    form: Any


@dataclass(frozen=True, slots=True)
class _Found:
    """A page before its marks are written below its text, and what only the whole document tells
    what to make of. lines: of its text. is_picture: it shows more than its text says. marks: one
    line each in `notes`; places: where these stand, offsets into `notes`."""

    page: Page
    lines: tuple[TypedLine, ...]
    is_picture: bool
    attached: tuple[str, ...]
    notes: str
    places: tuple[Line, ...]


def read(
    path: Path,
    *,
    doc_id: str,
    name: str,
    password: str | None = None,
    limits: ReadLimits,
    skip: Collection[int] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Document:
    """The text of all pages, without boxes, with title, headings and warnings.

    skip: numbers of pages to leave blank without looking at them, 0 for the outline.
    progress: called with pages done and pages in all, before the first page and after each; pdfium
    is free meanwhile.
    Raises UnreadableDocument, UnsupportedDocument, DamagedDocument, EncryptedDocument,
    EmptyDocument, DocumentTooLarge, and NoTextDocument where nothing is drawn on any page either.
    """
    looked: list[_Found | None] = []
    with _opened(path, name, password) as file:
        total = _count(file, name, limits.pages)
        progress(0, total)
        for index in range(total):
            looked.append(None if index + 1 in skip else _look(file, index))
            progress(index + 1, total)
        with _turn():
            first = pdfium.FPDFBookmark_GetFirstChild(file.document, None)
            told = utf16(pdfium.FPDF_GetMetaText, file.document, b"Title")
            attached = [*pdfmarks.attachments(file.document)]
    found = [it for it in looked if it]
    unread = tuple(it.page.number for it in found if it.is_picture)
    damaged = [number for number, it in enumerate(looked, 1) if it is None]
    attached += [file_name for it in found for file_name in it.attached]
    pages = tuple(_whole(it) if it else _missing(index) for index, it in enumerate(looked))
    _check_shown(name, pages, n_damaged=len(damaged), n_unread=len(unread))
    damaged = [number for number in damaged if number not in skip]
    has_outline = bool(first) and 0 not in skip
    outlined = outline(path, password, total) if has_outline else ()
    return Document(
        id=doc_id,
        name=name,
        media_type=MEDIA_TYPE,
        pages=pages,
        title=_title(told, name, outlined or ()),
        headings=outlined or headings.find(pages, {it.page.number: it.lines for it in found}),
        warnings=tuple(_warnings(total, damaged, attached, lost_outline=outlined is None)),
        unread=unread,
    )


def read_page(path: Path, number: int, *, password: str | None = None, name: str = "") -> Page:
    """Page `number`, from 1, with the box of each character; the text is the one `read` gives.

    name: for messages, where the file on disk has another. Raises what `read` raises on opening,
    and DamagedDocument where there is no such page.
    """
    name = name or path.name
    with _opened(path, name, password) as file:
        found = _look(file, number - 1, with_boxes=True)
    if found is None:
        raise _no_page(name, number)
    return _whole(found)


def picture(
    path: Path,
    number: int,
    *,
    width_px: int,
    boxes: Sequence[Box] = (),
    password: str | None = None,
    name: str = "",
) -> bytes:
    """Page `number`, from 1, as PNG, `width_px` wide, with a highlighter drawn over `boxes`.

    boxes: in points, origin at the displayed page's top left. A page of extreme shape comes
    narrower, so that it has MAX_PIXELS at most. Raises as `read_page`.
    """
    name = name or path.name
    with _opened(path, name, password) as file, _turn():
        drawn = _drawn(file, number - 1, lambda _size: width_px, MAX_PIXELS)
    if drawn is None:
        raise _no_page(name, number)
    picture, size = drawn
    pixels.highlight(picture, boxes, size)
    return pixels.png(picture)


def ocr_page(
    path: Path,
    number: int,
    *,
    reader: PixelReader,
    password: str | None = None,
    name: str = "",
    limits: ReadLimits,
) -> Page:
    """Page `number`, from 1, as `reader` reads its picture, with what was filled in and noted on
    it. pdfium is free while the reader is at work.

    The page's own text is left out, but kept where a few words stand on a picture of which less
    was read. Raises as `read_page`.
    """
    name = name or path.name
    with _opened(path, name, password) as file:
        found = _look(file, number - 1)
        with _turn():
            drawn = _drawn(file, number - 1, _ocr_width, min(limits.pixels, pixels.OCR_MOST))
    if found is None or drawn is None:
        raise _no_page(name, number)
    shown, size = drawn
    text, lines = ("", ()) if pixels.is_blank(shown) else reader.read(shown, size)
    if len(text) < len(found.page.text) < PICTURE_CHARS:
        return _whole(found)
    label = f"{found.page.label} (OCR)"
    return _whole(replace(found, page=Page(number, label, text, size, lines=lines)))


def _ocr_width(size: tuple[float, float]) -> int:
    return round(size[0] * max(OCR_DPI / 72, pixels.OCR_LEAST_PX / max(size)))


# -- opening ---------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path, name: str, password: str | None) -> Iterator[_File]:
    """A file that pdfium has open. The lock is held while it is opened and closed, not in
    between."""
    _check_header(path, name)
    secret = (password or "").encode("utf-8", "replace")
    with _turn():
        document = _load(path, secret)
        if secret and not document:  # one that is not needed, given for a whole folder
            document = _load(path, b"")
        code = pdfium.FPDF_GetLastError()
    if not document:
        raise _refusal(code, name, password)
    info = pdfium.FPDF_FORMFILLINFO(version=2)  # must outlive the form
    with _turn():
        has_form = pdfium.FPDF_GetFormType(document) != pdfium.FORMTYPE_NONE
        form = pdfium.FPDFDOC_InitFormFillEnvironment(document, info) if has_form else None
    try:
        yield _File(document, form)
    finally:
        with _turn():
            if form:
                pdfium.FPDFDOC_ExitFormFillEnvironment(form)
            pdfium.FPDF_CloseDocument(document)


def _load(path: Path, secret: bytes) -> Any:
    return pdfium.FPDF_LoadDocument(os.fsencode(path), secret)


def _check_header(path: Path, name: str) -> None:
    try:
        if path.exists() and not path.is_file():
            raise UnreadableDocument(f"{name} is not a file. Choose a PDF file.")
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise UnreadableDocument(
            f"{name} cannot be read ({error.strerror}). Check that it is there and may be read."
        ) from error
    if b"%PDF-" not in head:
        raise UnsupportedDocument(
            f"{name} is not a PDF file, whatever it is called. Print it to a PDF and add that."
        )


def _refusal(code: int, name: str, password: str | None) -> DocumentError:
    if code == pdfium.FPDF_ERR_PASSWORD and password:
        return EncryptedDocument(f"The password for {name} is wrong. Check it and try again.")
    if code == pdfium.FPDF_ERR_PASSWORD:
        return EncryptedDocument(f"{name} needs a password. Give it and try again.")
    if code == pdfium.FPDF_ERR_SECURITY:
        return EncryptedDocument(
            f"{name} is protected by other means than a password, such as a certificate. "
            "Save a copy without protection and add that."
        )
    if code == pdfium.FPDF_ERR_FILE:
        return UnreadableDocument(f"{name} cannot be read. Check that it is there.")
    return DamagedDocument(
        f"{name} is damaged: its structure cannot be followed. Open it in a PDF viewer, "
        "print it to a new PDF and add that, or get another copy."
    )


def _count(file: _File, name: str, max_pages: int) -> int:
    with _turn():
        total = int(pdfium.FPDF_GetPageCount(file.document))
    if total < 1:
        raise EmptyDocument(f"{name} has no pages. Check that it is the right file.")
    if total > max_pages:
        raise DocumentTooLarge(
            f"{name} has {total} pages, over the limit of {max_pages}. "
            "Split it, or raise max_pages in the settings."
        )
    return total


def _no_page(name: str, number: int) -> DamagedDocument:
    return DamagedDocument(
        f"Page {number} of {name} is damaged or not there. Add the file again from a good copy."
    )


# -- text and boxes --------------------------------------------------------------------------------


def _look(file: _File, index: int, *, with_boxes: bool = False) -> _Found | None:
    """None where pdfium cannot follow the page."""
    with _turn(), _loaded(file.document, index) as page, _text_layer(page) as layer:
        if not layer:
            return None
        raw, hyphens = _characters(layer)
        text = clean(raw)
        raw_places = np.flatnonzero(kept(raw))
        page_marks = pdfmarks.marks(page, file.form)
        notes, places = _notes(page, page_marks)
        return _Found(
            page=Page(
                number=index + 1,
                label=f"page {_printed(file.document, index) or index + 1}",
                text=text,
                size=_size(page),
                boxes=_boxes(page, layer, raw) if with_boxes else None,
                hyphens=tuple(np.searchsorted(raw_places, hyphens).tolist()),
            ),
            lines=() if with_boxes else tuple(_typed_lines(layer, text, raw_places)),
            is_picture=_is_picture(page, text, page_marks),
            attached=tuple(mark.attached for mark in page_marks if mark.attached),
            notes=notes,
            places=places,
        )


def _whole(found: _Found) -> Page:
    """The page with what was filled in and noted on it below its text."""
    page = found.page
    if not found.notes:
        return page
    text = f"{page.text}\n{found.notes}" if page.text else found.notes
    shift = len(text) - len(found.notes)
    places = [replace(at, start=at.start + shift, end=at.end + shift) for at in found.places]
    if page.boxes is None:
        return replace(page, text=text, lines=(*page.lines, *places) if page.lines else ())
    boxes = np.full((len(text), 4), np.nan, np.float32)
    boxes[: len(page.text)] = page.boxes
    for at in places:
        boxes[at.start : at.end] = at.x0, at.y0, at.x1, at.y1
    return replace(page, text=text, boxes=boxes)


def _notes(page: Any, marks: Sequence[Mark]) -> tuple[str, tuple[Line, ...]]:
    """The lines that say what the marks do, and where they stand on the page as displayed."""
    said = [mark for mark in marks if mark.text]
    if not said:
        return "", ()
    boxes = _placed(page, np.array([mark.rect for mark in said], np.float32))
    lines: list[Line] = []
    start = 0
    for mark, box in zip(said, boxes.tolist(), strict=True):
        if not math.isnan(box[0]):
            lines.append(Line(start, start + len(mark.text), *box))
        start += len(mark.text) + 1
    return "\n".join(mark.text for mark in said), tuple(lines)


def _printed(document: Any, index: int) -> str:
    return one_line(utf16(pdfium.FPDF_GetPageLabel, document, index))


def _missing(index: int) -> Page:
    return Page(number=index + 1, label=f"page {index + 1}", text="", size=LETTER_PT)


@contextmanager
def _loaded(document: Any, index: int) -> Iterator[Any]:
    page = pdfium.FPDF_LoadPage(document, index)
    try:
        yield page
    finally:
        if page:
            pdfium.FPDF_ClosePage(page)


@contextmanager
def _text_layer(page: Any) -> Iterator[Any]:
    layer = pdfium.FPDFText_LoadPage(page) if page else None
    try:
        yield layer
    finally:
        if layer:
            pdfium.FPDFText_ClosePage(layer)


def _size(page: Any) -> tuple[float, float]:
    return float(pdfium.FPDF_GetPageWidthF(page)), float(pdfium.FPDF_GetPageHeightF(page))


def _is_picture(page: Any, text: str, marks: Sequence[Mark]) -> bool:
    """Whether the page shows what its text does not say: it has none, or a few words stamped on a
    scan."""
    n_chars = len("".join(text.split()))
    if n_chars == 0:
        return pdfium.FPDFPage_CountObjects(page) > 0 or any(mark.is_drawing for mark in marks)
    return n_chars < PICTURE_CHARS and _image_share(page) >= PICTURE_SHARE


def _image_share(page: Any) -> float:
    """Of the page's area. Some scanners cut a page into strips."""
    bounds = [ctypes.c_float() for _ in range(4)]
    covered = 0.0
    for i in range(min(int(pdfium.FPDFPage_CountObjects(page)), MAX_STRIPS)):
        item = pdfium.FPDFPage_GetObject(page, i)
        if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_IMAGE:
            pdfium.FPDFPageObj_GetBounds(item, *bounds)
            left, bottom, right, top = (bound.value for bound in bounds)
            covered += (right - left) * (top - bottom)
    width, height = _size(page)
    return covered / max(width * height, 1.0)


def _typed_lines(layer: Any, text: str, raw_places: NDArray[np.intp]) -> Iterator[TypedLine]:
    for line in LINE.finditer(text):
        start, end = line.span()
        size_pt = _type_size(layer, int(raw_places[start]))
        bold = False
        if end - start <= headings.MAX_CHARS:
            last = int(raw_places[end - 1])
            size_pt = min(size_pt, _type_size(layer, last))
            bold = headings.is_numbered(line.group()) and all(
                _is_bold(layer, int(raw_places[at])) for at in (start, end - 1)
            )
        if size_pt > 0:
            yield TypedLine(start, end, size_pt, bold)


def _type_size(layer: Any, index: int) -> float:
    """In points, as displayed: files of some programs set type of size 1 and enlarge it."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(layer, index, matrix)
    return float(pdfium.FPDFText_GetFontSize(layer, index)) * math.hypot(matrix.c, matrix.d)


def _is_bold(layer: Any, index: int) -> bool:
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(layer, index, name, len(name), flags)
    return bool(flags.value & FORCE_BOLD or BOLD.search(name.value))


def _characters(layer: Any) -> tuple[str, list[int]]:
    """One Python character for each of pdfium's, which are UTF-16 units or code points, and the
    offsets of the hyphens that divide a word at the end of a line."""
    codes = _codes(layer)
    hyphens = []
    # These hyphens come as either of these, and so do glyphs without meaning.
    for i in np.flatnonzero((codes == 0x0002) | (codes == 0xFFFE)).tolist():
        if pdfium.FPDFText_IsHyphen(layer, i) == 1:
            codes[i] = ord("-")
            hyphens.append(i)
        else:
            codes[i] = 0
    raw = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return (raw, hyphens) if is_legible(raw) else ("", [])


def _codes(layer: Any) -> NDArray[np.uint32]:
    """FPDFText_GetText takes a twentieth of the time of asking for each character, but leaves
    some control characters out, and then its offsets are not those of the boxes."""
    count = max(int(pdfium.FPDFText_CountChars(layer)), 0)
    units = np.zeros(count + 1, np.uint16)
    target = units.ctypes.data_as(ctypes.POINTER(ctypes.c_ushort))
    if count == 0 or pdfium.FPDFText_GetText(layer, 0, count, target) == count + 1:
        return units[:count].astype(np.uint32)
    each = [pdfium.FPDFText_GetUnicode(layer, i) for i in range(count)]
    return np.array([code if code <= MAX_CODE_POINT else 0 for code in each], np.uint32)


def _boxes(page: Any, layer: Any, raw: str) -> FloatArray:
    """(len(text), 4) for the text that `raw` is normalised to."""
    rects = (pdfium.FS_RECTF * len(raw))()
    for i in range(len(raw)):
        pdfium.FPDFText_GetLooseCharBox(layer, i, rects[i])
    # FS_RECTF is left, top, right, bottom.
    return _placed(page, np.frombuffer(rects, np.float32).reshape(-1, 4))[kept(raw)]


def _placed(page: Any, rects: FloatArray) -> FloatArray:
    """(n, 4) boxes on the page as displayed. rects: likewise left, top, right, bottom."""
    crop = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, crop)
    window = (crop.left, crop.top, crop.right, crop.bottom)
    return displayed(rects, window, int(pdfium.FPDFPage_GetRotation(page)))


# -- pictures --------------------------------------------------------------------------------------


def _drawn(
    file: _File, index: int, width_of: Callable[[tuple[float, float]], int], most: int
) -> tuple[Pixels, tuple[float, float]] | None:
    """The page's picture, of `most` pixels at most, and its size in points. width_of: gives the
    picture's width for that size. None where there is no such page."""
    with _loaded(file.document, index) as page:
        size = _size(page) if page else (0.0, 0.0)
        if min(size) <= 0:
            return None
        width, height = _pixel_size(size, width_of(size), most)
        shown = np.full((height, width, 4), 255, np.uint8)
        bitmap = pdfium.FPDFBitmap_CreateEx(
            width, height, pdfium.FPDFBitmap_BGRx, shown.ctypes.data, width * 4
        )
        place = (0, 0, width, height, 0, pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, *place)
        if file.form:
            pdfium.FORM_OnAfterLoadPage(page, file.form)
            pdfium.FPDF_FFLDraw(file.form, bitmap, page, *place)
            pdfium.FORM_OnBeforeClosePage(page, file.form)
        pdfium.FPDFBitmap_Destroy(bitmap)
    return np.ascontiguousarray(shown[:, :, :3]), size


def _pixel_size(size: tuple[float, float], width_px: int, most: int) -> tuple[int, int]:
    ratio = size[1] / size[0]
    width = min(width_px, math.isqrt(int(most / ratio)))
    return max(width, 1), min(max(round(width * ratio), 1), most)


# -- title, warnings ----------------------------------------------------------------------


def _title(told: str, name: str, headings: Sequence[Heading]) -> str:
    """The metadata's title, else that of an entry with the whole outline below it."""
    tops = [heading.title for heading in headings if heading.level == 1]
    above_all = tops[0] if len(tops) == 1 and len(headings) > 1 else ""
    stem = Path(name).stem
    return title_of(told, stem) or title_of(above_all, stem)


def _check_shown(name: str, pages: Sequence[Page], *, n_damaged: int, n_unread: int) -> None:
    if n_damaged == len(pages):
        raise DamagedDocument(
            f"{name} is damaged: none of its pages can be followed. Get another copy."
        )
    if not n_unread and not any(page.text.strip() for page in pages):
        raise NoTextDocument(
            f"{name} has no text: its pages are blank. Check that it is the right file."
        )


def _warnings(
    total: int, damaged: Sequence[int], attached: Sequence[str], *, lost_outline: bool
) -> Iterator[str]:
    if damaged:
        verb = "is" if len(damaged) == 1 else "are"
        yield f"{len(damaged)} of {_pages(total)} {verb} damaged and left out: {_listed(damaged)}."
    if attached:
        yield _attachments(attached)
    if lost_outline:
        yield "The outline cannot be followed, so headings are taken from the text alone."


def _attachments(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_LISTED]) + (" and more" if len(names) > MAX_LISTED else "")
    if len(names) == 1:
        return f"Holds 1 attached file, which is not read: {shown}. Save it and add it by itself."
    return (
        f"Holds {len(names)} attached files, which are not read: {shown}. "
        "Save them and add them by themselves."
    )


def _pages(n: int) -> str:
    return "1 page" if n == 1 else f"{n} pages"


def _listed(numbers: Sequence[int]) -> str:
    """ "page 4", "pages 4, 9, 12-20": runs are shortened."""
    runs = [[n, n] for n in numbers[:1]]
    for n in numbers[1:]:
        if n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    parts = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    shown = ", ".join(parts[:MAX_LISTED]) + (" and more" if len(parts) > MAX_LISTED else "")
    return f"page {shown}" if len(numbers) == 1 else f"pages {shown}"
