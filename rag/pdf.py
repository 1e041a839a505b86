"""PDF files: text, character boxes, outline, page labels, pictures of pages.

The only importer of pypdf and pypdfium2. pdfium reads everything but the outline. pypdf reads that,
and is opened only where pdfium says that there is one: opening a file can take pypdf longer than
pdfium needs for all the text.
"""

import ctypes
import io
import logging
import math
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from PIL import Image
from pypdf import PdfReader, apply_configuration
from pypdf.generic import IndirectObject

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
from rag.rawtext import clean, is_legible, kept, one_line, title_of
from rag.types import Box, Document, Heading, Page

MEDIA_TYPE = "application/pdf"
MAX_OUTLINE = 20_000
"""Entries of an outline that are looked at; the rest is left out."""
MAX_PIXELS = 40_000_000
MAX_LISTED = 20
"""Runs of page numbers in one warning."""
HIGHLIGHT = np.array([255, 214, 92], np.uint16)
"""Amber. Multiplied into the picture, so black text under it stays black."""
HIGHLIGHT_PAD_PT = 1.0
MAX_CODE_POINT = 0x10FFFF
LETTER_PT = (612.0, 792.0)

T = TypeVar("T")
PdfDictionary = dict[str, Any]
Pixels = NDArray[np.uint8]

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


def read(
    path: Path,
    *,
    doc_id: str,
    name: str,
    password: str | None = None,
    max_pages: int,
    skip: Collection[int] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Document:
    """The text of all pages, without boxes, with title, outline and warnings.

    skip: numbers of pages to leave blank without looking at them, 0 for the outline.
    progress: called with pages done and pages in all, before the first page and after each; pdfium
    is free meanwhile.
    Raises UnreadableDocument, UnsupportedDocument, DamagedDocument, EncryptedDocument,
    EmptyDocument, NoTextDocument, DocumentTooLarge.
    """
    found: list[Page | None] = []
    with _opened(path, name, password) as document:
        total = _count(document, name, max_pages)
        progress(0, total)
        for index in range(total):
            found.append(None if index + 1 in skip else _page(document, index))
            progress(index + 1, total)
        pages = tuple(page or _missing(index) for index, page in enumerate(found))
        damaged = [number for number, page in enumerate(found, 1) if page is None]
        silent = [page.number for page in found if page and not page.text.strip()]
        pictures = [number for number in silent if _is_drawn(document, number - 1)]
        with _turn():
            has_outline = 0 not in skip and bool(pdfium.FPDFBookmark_GetFirstChild(document, None))
            told = _utf16(pdfium.FPDF_GetMetaText, document, b"Title")
    _check_text(name, total, damaged=len(damaged), silent=len(silent), pictures=len(pictures))
    damaged = [number for number in damaged if number not in skip]
    headings = _attempt(_outline, path, password, total) if has_outline else ()
    return Document(
        id=doc_id,
        name=name,
        media_type=MEDIA_TYPE,
        pages=pages,
        title=_title(told, name, headings or ()),
        headings=headings or (),
        warnings=tuple(_warnings(total, pictures, damaged, lost_outline=headings is None)),
    )


def read_page(path: Path, number: int, *, password: str | None = None, name: str = "") -> Page:
    """Page `number`, from 1, with the box of each character; the text is the one `read` gives.

    name: for messages, where the file on disk has another. Raises what `read` raises on opening,
    and DamagedDocument where there is no such page.
    """
    name = name or path.name
    with _opened(path, name, password) as document:
        page = _page(document, number - 1, with_boxes=True)
    if page is None:
        raise _no_page(name, number)
    return page


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
    with _opened(path, name, password) as document, _turn(), _form(document) as form:
        drawn = _drawn(document, form, number - 1, width_px)
    if drawn is None:
        raise _no_page(name, number)
    pixels, size = drawn
    _highlight(pixels, boxes, size)
    return _png(pixels)


# -- opening ---------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path, name: str, password: str | None) -> Iterator[Any]:
    """A pdfium document. The lock is held while it is opened and closed, not in between."""
    _check_header(path, name)
    secret = (password or "").encode("utf-8", "replace")
    with _turn():
        document = _load(path, secret)
        if secret and not document:  # one that is not needed, given for a whole folder
            document = _load(path, b"")
        code = pdfium.FPDF_GetLastError()
    if not document:
        raise _refusal(code, name, password)
    try:
        yield document
    finally:
        with _turn():
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


def _count(document: Any, name: str, max_pages: int) -> int:
    with _turn():
        total = int(pdfium.FPDF_GetPageCount(document))
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


def _page(document: Any, index: int, *, with_boxes: bool = False) -> Page | None:
    """None where pdfium cannot follow the page."""
    with _turn(), _loaded(document, index) as page, _text_layer(page) as layer:
        if not layer:
            return None
        raw = _characters(layer)
        return Page(
            number=index + 1,
            label=f"page {_printed(document, index) or index + 1}",
            text=clean(raw),
            size=_size(page),
            boxes=_boxes(page, layer, raw) if with_boxes else None,
        )


def _printed(document: Any, index: int) -> str:
    return one_line(_utf16(pdfium.FPDF_GetPageLabel, document, index))


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


def _is_drawn(document: Any, index: int) -> bool:
    """Whether anything at all is on the page; one without text may simply be blank."""
    with _turn(), _loaded(document, index) as page:
        return int(pdfium.FPDFPage_CountObjects(page)) > 0


def _utf16(get: Callable[..., int], *arguments: Any) -> str:
    """The text behind a pdfium function that fills a buffer and says how many bytes it needs."""
    n_bytes = get(*arguments, None, 0)
    buffer = ctypes.create_string_buffer(n_bytes)
    get(*arguments, buffer, n_bytes)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0")


def _characters(layer: Any) -> str:
    """One Python character for each of pdfium's, which are UTF-16 units or code points."""
    codes = _codes(layer)
    # Hyphens at the end of a line come as either of these, and so do glyphs without meaning.
    for i in np.flatnonzero((codes == 0x0002) | (codes == 0xFFFE)).tolist():
        codes[i] = ord("-") if pdfium.FPDFText_IsHyphen(layer, i) == 1 else 0
    raw = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return raw if is_legible(raw) else ""


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
    crop = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, crop)
    # FS_RECTF is left, top, right, bottom.
    glyphs = np.frombuffer(rects, np.float32).reshape(-1, 4)
    window = (crop.left, crop.top, crop.right, crop.bottom)
    placed = displayed(glyphs, window, int(pdfium.FPDFPage_GetRotation(page)))
    return placed[kept(raw)]


# -- pictures --------------------------------------------------------------------------------------


@contextmanager
def _form(document: Any) -> Iterator[Any]:
    """The form fields' drawing state; None where there is no form."""
    if pdfium.FPDF_GetFormType(document) == pdfium.FORMTYPE_NONE:
        yield None
        return
    info = pdfium.FPDF_FORMFILLINFO(version=2)
    form = pdfium.FPDFDOC_InitFormFillEnvironment(document, info)
    try:
        yield form
    finally:
        pdfium.FPDFDOC_ExitFormFillEnvironment(form)


def _drawn(
    document: Any, form: Any, index: int, width_px: int
) -> tuple[Pixels, tuple[float, float]] | None:
    """(height, width, 3) and the page's size in points."""
    with _loaded(document, index) as page:
        size = _size(page) if page else (0.0, 0.0)
        if min(size) <= 0:
            return None
        width, height = _pixel_size(size, width_px)
        pixels = np.full((height, width, 4), 255, np.uint8)
        bitmap = pdfium.FPDFBitmap_CreateEx(
            width, height, pdfium.FPDFBitmap_BGRx, pixels.ctypes.data, width * 4
        )
        place = (0, 0, width, height, 0, pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, *place)
        if form:
            pdfium.FORM_OnAfterLoadPage(page, form)
            pdfium.FPDF_FFLDraw(form, bitmap, page, *place)
            pdfium.FORM_OnBeforeClosePage(page, form)
        pdfium.FPDFBitmap_Destroy(bitmap)
    return np.ascontiguousarray(pixels[:, :, :3]), size


def _pixel_size(size: tuple[float, float], width_px: int) -> tuple[int, int]:
    ratio = size[1] / size[0]
    width = min(width_px, math.isqrt(int(MAX_PIXELS / ratio)))
    return max(width, 1), min(max(round(width * ratio), 1), MAX_PIXELS)


def _highlight(pixels: Pixels, boxes: Iterable[Box], size: tuple[float, float]) -> None:
    height, width = pixels.shape[:2]
    across, down, pad = width / size[0], height / size[1], HIGHLIGHT_PAD_PT
    marked = np.zeros((height, width), bool)
    for box in boxes:
        x0, x1 = max((box.x0 - pad) * across, 0), max((box.x1 + pad) * across, 0)
        y0, y1 = max((box.y0 - pad) * down, 0), max((box.y1 + pad) * down, 0)
        marked[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)] = True
    pixels[marked] = pixels[marked] * HIGHLIGHT // 255


def _png(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


# -- title, outline, warnings ----------------------------------------------------------------------


def _attempt(step: Callable[..., T], *arguments: Any) -> T | None:
    """None where pypdf fails, which on broken files may be with anything that Python can raise."""
    try:
        return step(*arguments)
    except Exception:  # noqa: BLE001 - KeyError, RecursionError, zlib.error and more were seen
        return None


def _outline(path: Path, password: str | None, n_pages: int) -> tuple[Heading, ...] | None:
    """Depth first. None where pypdf and pdfium see different pages, or pypdf none at all."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings quote the document
    # Tagged files of a few hundred pages have arrays longer than pypdf's own limit.
    limits = apply_configuration(array_maximum_element_count=2_000_000)
    with path.open("rb") as file, limits:
        reader = PdfReader(file)
        if reader.is_encrypted:
            reader.decrypt(password or "") or reader.decrypt("")
        if len(reader.pages) != n_pages:
            return None
        pages = {_number(page.indirect_reference): i for i, page in enumerate(reader.pages, 1)}
        return tuple(_headings(reader.root_object, pages))


def _headings(root: PdfDictionary, pages: Mapping[int, int]) -> Iterator[Heading]:
    named = cache(partial(_named, root))
    for item, level in _items(root):
        title = one_line(_decoded(item.get("/Title")))
        page = _attempt(_page_of, item, pages, named)
        if title and page:
            yield Heading(title=title, level=level, page=page)


def _items(root: PdfDictionary) -> Iterator[tuple[PdfDictionary, int]]:
    """Outline entries with their level from 1; each one once, however they are linked."""
    waiting = [(_resolved(root.get("/Outlines")).get("/First"), 1)]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_OUTLINE:
        link, level = waiting.pop()
        item = _attempt(_resolved, link)
        if isinstance(item, dict) and id(item) not in seen:
            seen.add(id(item))
            waiting += [(item.get("/Next"), level), (item.get("/First"), level + 1)]
            yield item, level


def _page_of(
    item: PdfDictionary, pages: Mapping[int, int], named: Callable[[], Mapping[str, Any]]
) -> int | None:
    """The page from 1 that an entry leads to, by itself or by an action, in place or by name."""
    action = item.get("/A") if "/Dest" not in item else None
    if action and item["/A"]["/S"] != "/GoTo":
        return None
    goal = item["/A"]["/D"] if action else item["/Dest"]
    if isinstance(goal, str | bytes):
        goal = _resolved(named()[_decoded(goal)])
    if isinstance(goal, dict):
        goal = goal["/D"]
    place = goal[0]
    number = pages.get(place.idnum) if isinstance(place, IndirectObject) else place + 1
    return number if number and 1 <= number <= len(pages) else None


def _named(root: PdfDictionary) -> dict[str, Any]:
    """Unresolved destinations by name, from the old dictionary and from the name tree."""
    found = dict(_resolved(root.get("/Dests")) or {})
    waiting = [(_resolved(root.get("/Names")) or {}).get("/Dests")]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_OUTLINE:
        node = _resolved(waiting.pop())
        if isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            waiting += _resolved(node.get("/Kids")) or []
            pairs = _resolved(node.get("/Names")) or []
            found |= zip(map(_decoded, map(_resolved, pairs[::2])), pairs[1::2], strict=False)
    return found


def _resolved(value: Any) -> Any:
    return value.get_object() if isinstance(value, IndirectObject) else value


def _number(reference: IndirectObject | None) -> int:
    return reference.idnum if reference else 0


def _decoded(value: Any) -> str:
    value = _resolved(value)
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "")


def _title(told: str, name: str, headings: Sequence[Heading]) -> str:
    """The metadata's title, else that of an entry with the whole outline below it."""
    tops = [heading.title for heading in headings if heading.level == 1]
    above_all = tops[0] if len(tops) == 1 and len(headings) > 1 else ""
    stem = Path(name).stem
    return title_of(told, stem) or title_of(above_all, stem)


def _check_text(name: str, total: int, *, damaged: int, silent: int, pictures: int) -> None:
    if damaged == total:
        raise DamagedDocument(
            f"{name} is damaged: none of its pages can be followed. Get another copy."
        )
    if damaged + silent < total:
        return
    if not pictures:
        raise NoTextDocument(
            f"{name} has no text: its pages are blank, or carry only form fields and notes, which "
            "are not read. Print it to a new PDF and add that."
        )
    raise NoTextDocument(
        f"{name} has no text that can be read: its pages are pictures, such as scans. "
        "OCR is needed: run it with a scanning program and add the result."
    )


def _warnings(
    total: int, pictures: Sequence[int], damaged: Sequence[int], *, lost_outline: bool
) -> Iterator[str]:
    if pictures:
        verb = "has" if len(pictures) == 1 else "have"
        yield (
            f"{len(pictures)} of {_pages(total)} {verb} no text that can be read; "
            f"OCR is needed for {_listed(pictures)}."
        )
    if damaged:
        verb = "is" if len(damaged) == 1 else "are"
        yield f"{len(damaged)} of {_pages(total)} {verb} damaged and left out: {_listed(damaged)}."
    if lost_outline:
        yield "The outline cannot be followed, so the headings are missing."


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
