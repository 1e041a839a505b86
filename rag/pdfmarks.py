"""What stands on a PDF page beside its text: filled form fields, notes, attached files."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

from rag.rawtext import one_line

MAX_MARKS = 5000
"""Annotations of one page, or attached files, that are looked at; the rest is left out."""
CONCEALED = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
PASSWORD = 1 << 13
"""A field's flag: what is typed into it is not for showing (ISO 32000-1, table 228)."""
DRAWINGS = (
    pdfium.FPDF_ANNOT_STAMP,
    pdfium.FPDF_ANNOT_INK,
    pdfium.FPDF_ANNOT_FREETEXT,
    pdfium.FPDF_ANNOT_LINE,
    pdfium.FPDF_ANNOT_SQUARE,
    pdfium.FPDF_ANNOT_CIRCLE,
    pdfium.FPDF_ANNOT_POLYGON,
    pdfium.FPDF_ANNOT_POLYLINE,
)
NOTES = (
    *DRAWINGS,
    pdfium.FPDF_ANNOT_TEXT,
    pdfium.FPDF_ANNOT_HIGHLIGHT,
    pdfium.FPDF_ANNOT_UNDERLINE,
    pdfium.FPDF_ANNOT_SQUIGGLY,
    pdfium.FPDF_ANNOT_STRIKEOUT,
    pdfium.FPDF_ANNOT_CARET,
    pdfium.FPDF_ANNOT_FILEATTACHMENT,
)
TYPED = (
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
)
Rect = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """text: one line, such as "Name: Jane Doe"; empty where nothing is written there. rect: left,
    top, right, bottom in the page's own space. is_drawing: shows more than its text. attached:
    name of the file that hangs on it."""

    text: str
    rect: Rect
    is_drawing: bool = False
    attached: str = ""


def marks(page: Any, form: Any) -> tuple[Mark, ...]:
    """In the file's order. form: of the document, None where it has no fields."""
    count = min(int(pdfium.FPDFPage_GetAnnotCount(page)), MAX_MARKS)
    return tuple(mark for i in range(count) for mark in _mark(page, form, i))


def attachments(document: Any) -> Iterator[str]:
    """Names of the files attached to the document as a whole."""
    for i in range(min(int(pdfium.FPDFDoc_GetAttachmentCount(document)), MAX_MARKS)):
        yield _name(pdfium.FPDFDoc_GetAttachment(document, i))


def utf16(get: Callable[..., int], *arguments: Any) -> str:
    """The text behind a pdfium function that fills a buffer and says how many bytes it needs."""
    n_bytes = int(get(*arguments, None, 0))
    buffer = ctypes.create_string_buffer(n_bytes)
    get(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), n_bytes)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0")


def _mark(page: Any, form: Any, index: int) -> Iterator[Mark]:
    with _annotation(page, index) as annotation:
        if not annotation or pdfium.FPDFAnnot_GetFlags(annotation) & CONCEALED:
            return
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET and form:
            yield Mark(_field(form, annotation), _rect(annotation))
        elif kind in NOTES:
            attached = kind == pdfium.FPDF_ANNOT_FILEATTACHMENT
            yield Mark(
                _note(annotation),
                _rect(annotation),
                is_drawing=kind in DRAWINGS,
                attached=_name(pdfium.FPDFAnnot_GetFileAttachment(annotation)) if attached else "",
            )


@contextmanager
def _annotation(page: Any, index: int) -> Iterator[Any]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _rect(annotation: Any) -> Rect:
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rect)
    left, right = sorted((rect.left, rect.right))
    bottom, top = sorted((rect.bottom, rect.top))
    return left, top, right, bottom


def _note(annotation: Any) -> str:
    words = one_line(utf16(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents"))
    return f"Note: {words}" if words else ""


def _field(form: Any, annotation: Any) -> str:
    """ "Name: Jane Doe", "Agree: yes"; empty where nothing was filled in."""
    if pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD:
        return ""
    value = _value(form, annotation)
    label = _label(form, annotation)
    return f"{label}: {value}" if label and value else value


def _value(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in TYPED:
        return one_line(utf16(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation))
    if kind == pdfium.FPDF_FORMFIELD_LISTBOX:
        return ", ".join(_chosen(form, annotation))
    if kind == pdfium.FPDF_FORMFIELD_CHECKBOX:
        return "yes" if _is_on(annotation) else ""
    if kind == pdfium.FPDF_FORMFIELD_RADIOBUTTON and _is_on(annotation):
        return one_line(utf16(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)) or "yes"
    return ""


def _is_on(annotation: Any) -> bool:
    """By the look that is shown: FPDFAnnot_IsChecked wants the page to be open for typing."""
    return utf16(pdfium.FPDFAnnot_GetStringValue, annotation, b"AS") not in ("", "Off")


def _chosen(form: Any, annotation: Any) -> Iterator[str]:
    for i in range(min(pdfium.FPDFAnnot_GetOptionCount(form, annotation), MAX_MARKS)):
        if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, i):
            yield one_line(utf16(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, i))


def _label(form: Any, annotation: Any) -> str:
    """What a viewer shows for the field, else the last part of its name: Name of form1.Name[0]."""
    shown = one_line(utf16(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation))
    name = one_line(utf16(pdfium.FPDFAnnot_GetFormFieldName, form, annotation))
    return shown.rstrip(": ") or name.rpartition(".")[2].partition("[")[0]


def _name(attachment: Any) -> str:
    return one_line(utf16(pdfium.FPDFAttachment_GetName, attachment)) if attachment else ""
