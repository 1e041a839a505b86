"""Reading PDF files: text, boxes, outline, labels, pictures, and everything that can be wrong."""

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pdfs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from rag import outline, pdf, pixels
from rag.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    NoTextDocument,
    RagError,
    UnreadableDocument,
    UnsupportedDocument,
)
from rag.geometry import lines_of
from rag.types import Box, Document, Heading, Line, Page, ReadLimits

LOST_OUTLINE = "The outline cannot be followed, so headings are taken from the text alone."

on_disk = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "original"


def read(path: Path, data: bytes, *, password: str | None = None, max_pages: int = 100) -> Document:
    path.write_bytes(data)
    return pdf.read(
        path, doc_id="id", name="a.pdf", password=password, limits=ReadLimits(pages=max_pages)
    )


def first_page(path: Path, data: bytes) -> Page:
    path.write_bytes(data)
    return pdf.read_page(path, 1)


def seen(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


# -- text ------------------------------------------------------------------------------------------


def test_every_page_is_read_with_its_text_and_size(path: Path) -> None:
    document = read(path, pdfs.make("One\nand two", "Three"))
    assert [(page.number, page.text) for page in document.pages] == [
        (1, "One\nand two"),
        (2, "Three"),
    ]
    assert {page.size for page in document.pages} == {(300.0, 400.0)}
    assert {page.boxes for page in document.pages} == {None}
    assert (document.id, document.name, document.media_type) == ("id", "a.pdf", "application/pdf")


def test_progress_is_told_at_the_start_and_after_each_page(path: Path) -> None:
    path.write_bytes(pdfs.make("One", "Two"))
    told: list[tuple[int, int]] = []
    pdf.read(
        path, doc_id="", name="", limits=ReadLimits(), progress=lambda *step: told.append(step)
    )
    assert told == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("meanings", "expected"),
    [
        (["a", "fi", "b"], "afib"),
        (["a", "\U0001d400", "b"], "a\U0001d400b"),
        ([*"abcd", "\ud835"], "abcd\ufffd"),
        ([*"abcd", "\x00", "e"], "abcd e"),
        ([*"abcd", "\x02", "e"], "abcd e"),
        ([*"abcd", "\ufffe", "\x07", "e"], "abcd  e"),
    ],
)
def test_what_fonts_map_to_becomes_clean_text(
    path: Path, meanings: list[str], expected: str
) -> None:
    assert read(path, pdfs.mapped(meanings)).pages[0].text == expected


def test_a_hyphen_at_the_end_of_a_line_is_a_hyphen_and_pdfium_leaves_out_the_newline(
    path: Path,
) -> None:
    page = read(path, pdfs.make("A well-known word that is hyphen-\nated here")).pages[0]
    assert page.text == "A well-known word that is hyphen-ated here"
    assert page.hyphens == (page.text.index("-ated"),)
    assert first_page(path, pdfs.make("hyphen-\nated")).hyphens == (6,)


def test_offsets_of_hyphens_hold_behind_characters_that_become_one(path: Path) -> None:
    data = pdfs.mapped([*"a\U0001d400\U0001d401 hyphen-", "\n", *"ated"])
    page = read(path, data).pages[0]
    assert all(page.text[at] == "-" for at in page.hyphens)


@on_disk
@given(st.lists(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), min_size=1, max_size=60))
def test_one_page_read_alone_has_the_same_text_and_a_box_for_each_character(
    path: Path, meanings: list[str]
) -> None:
    page = first_page(path, pdfs.joined(pdfs.mapped(meanings), pdfs.make("Another page")))
    whole = pdf.read(path, doc_id="", name="", limits=ReadLimits()).pages[0]
    assert (page.number, page.label, page.text, page.size) == (
        whole.number,
        whole.label,
        whole.text,
        whole.size,
    )
    assert page.boxes is not None
    assert page.boxes.shape == (len(page.text), 4)
    assert page.boxes.dtype == np.float32


# -- title, outline, labels ------------------------------------------------------------------------


def test_labels_are_the_printed_ones(path: Path) -> None:
    document = read(path, pdfs.labelled(pdfs.make(*"abcd"), n_roman=2))
    assert [page.label for page in document.pages] == ["page i", "page ii", "page 1", "page 2"]
    assert pdf.read_page(path, 2).label == "page ii"


def test_pages_without_labels_are_numbered(path: Path) -> None:
    assert [page.label for page in read(path, pdfs.make(*"ab")).pages] == ["page 1", "page 2"]


def test_the_outline_is_read_depth_first(path: Path) -> None:
    entries = [("Part I", 1, 1), ("First  things", 2, 1), ("Detail", 3, 2), ("Part II", 1, 3)]
    document = read(path, pdfs.outlined(pdfs.make(*"abc"), entries))
    assert document.headings == (
        Heading("Part I", 1, 1),
        Heading("First things", 2, 1),
        Heading("Detail", 3, 2),
        Heading("Part II", 1, 3),
    )
    assert document.warnings == ()


def test_destinations_by_action_by_name_and_by_number_are_followed(path: Path) -> None:
    data = pdfs.linked(
        "<< /Title (Action) /A << /S /GoTo /D [11 0 R /Fit] >> /Next 21 0 R >>",
        "<< /Title (Name) /Dest (there) /Next 22 0 R >>",
        "<< /Title (Old name) /Dest /there-too /Next 23 0 R >>",
        "<< /Title (Number) /Dest [1 /Fit] >>",
        catalog="/Names << /Dests << /Kids [30 0 R] >> >> /Dests << /there-too 31 0 R >>",
        extra=["<< /Names [(there) 31 0 R] >>", "<< /D [11 0 R /XYZ 0 0 0] >>"],
    )
    titles = ["Action", "Name", "Old name", "Number"]
    assert read(path, data).headings == tuple(Heading(title, 1, 2) for title in titles)


def test_entries_that_lead_nowhere_are_skipped_and_those_below_them_kept(path: Path) -> None:
    data = pdfs.linked(
        "<< /Title (No page) /Dest [99 0 R /Fit] /First 24 0 R /Next 21 0 R >>",
        "<< /Title (No name) /Dest (nowhere) /Next 22 0 R >>",
        "<< /Title (Elsewhere) /A << /S /URI /URI (x) >> /Next 23 0 R >>",
        "<< /Title () /Dest [10 0 R /Fit] /Next 25 0 R >>",
        "<< /Title (Below) /Dest [11 0 R /Fit] >>",
        "<< /Title (Far) /Dest [-3 /Fit] /Next 26 0 R >>",
        "<< /Title (Last) /Dest [10 0 R /Fit] >>",
    )
    assert read(path, data).headings == (Heading("Below", 2, 2), Heading("Last", 1, 1))


def test_an_outline_that_runs_in_circles_is_read_once(path: Path) -> None:
    data = pdfs.linked(
        "<< /Title (A) /Dest [10 0 R /Fit] /First 20 0 R /Next 21 0 R >>",
        "<< /Title (B) /Dest [10 0 R /Fit] /First 21 0 R /Next 20 0 R >>",
    )
    assert read(path, data).headings == (Heading("A", 1, 1), Heading("B", 1, 1))


def test_an_enormous_outline_is_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "MAX_OUTLINE", 3)
    document = read(path, pdfs.outlined(pdfs.make("a"), [(str(i), 1, 1) for i in range(9)]))
    assert [heading.title for heading in document.headings] == ["0", "1", "2"]


def test_an_outline_that_pypdf_cannot_read_costs_a_warning_only(path: Path) -> None:
    data = pdfs.linked("<< /Title (A) /Dest [10 0 R /Fit] >>", n_pages=2)
    document = read(path, data.replace(b"/Count 2", b"/Count 1"))
    assert document.headings == ()
    assert document.warnings == (LOST_OUTLINE,)


def test_the_outline_of_an_encrypted_file_is_read(path: Path) -> None:
    data = pdfs.encrypted(pdfs.outlined(pdfs.make("a"), [("Start", 1, 1)]), user="secret")
    assert read(path, data, password="secret").headings == (Heading("Start", 1, 1),)


def test_the_title_is_the_metadata_s(path: Path) -> None:
    assert read(path, pdfs.make("a", title="Lease of a house")).title == "Lease of a house"


@pytest.mark.parametrize("title", ["untitled", "lease_v2.docx", "A"])
def test_a_file_name_or_filler_is_not_taken_for_a_title(path: Path, title: str) -> None:
    assert read(path, pdfs.make("a", title=title)).title == ""


def test_an_entry_above_the_whole_outline_is_the_title_where_there_is_none(path: Path) -> None:
    book = [("A book", 1, 1), ("Chapter", 2, 1)]
    chapters = [("Introduction", 1, 1), ("Methods", 1, 1)]
    assert read(path, pdfs.outlined(pdfs.make("a"), book)).title == "A book"
    assert read(path, pdfs.outlined(pdfs.make("a"), chapters)).title == ""


# -- pages without text ----------------------------------------------------------------------------


def test_pages_that_only_ocr_can_read_are_listed(path: Path) -> None:
    text, scans = pdfs.make("a", "b"), pdfs.pictures(3)
    document = read(path, pdfs.joined(text, scans, text, pdfs.pictures(1)))
    assert document.unread == (3, 4, 5, 8)
    assert document.warnings == ()
    assert [page.text for page in document.pages] == ["a", "b", "", "", "", "a", "b", ""]


def test_a_document_of_scans_alone_is_read(path: Path) -> None:
    document = read(path, pdfs.pictures(2))
    assert document.unread == (1, 2)
    assert [page.text for page in document.pages] == ["", ""]


@pytest.mark.parametrize(
    "meanings",
    [
        [chr(1 + i % 8) for i in range(50)],
        [chr(0xE000 + i) for i in range(50)],
        ["\ufffd"] * 50,
    ],
)
def test_a_page_whose_fonts_say_nothing_needs_ocr(path: Path, meanings: list[str]) -> None:
    document = read(path, pdfs.joined(pdfs.mapped(meanings), pdfs.make("a")))
    assert [page.text for page in document.pages] == ["", "a"]
    assert document.unread == (1,)
    boxes = pdf.read_page(path, 1).boxes
    assert boxes is not None
    assert boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("words", "share", "unread"),
    [
        ("ABC-000123", 1.0, (1,)),
        ("ABC-000123", 0.5, ()),
        ("A page of words with a picture behind them. " * 3, 1.0, ()),
    ],
)
def test_a_scan_with_a_few_words_stamped_on_needs_ocr(
    path: Path, words: str, share: float, unread: tuple[int, ...]
) -> None:
    document = read(path, pdfs.stamped(words, share=share))
    assert document.unread == unread
    assert document.pages[0].text == words.strip()


def test_blank_pages_need_no_ocr(path: Path) -> None:
    assert read(path, pdfs.joined(pdfs.make("a"), pdfs.blank())).unread == ()


def test_a_page_that_is_not_there_costs_a_warning_only(path: Path) -> None:
    data = pdfs.linked("null", n_pages=2).replace(
        b"/Kids [10 0 R 11 0 R]", b"/Kids [10 0 R 98 0 R]"
    )
    document = read(path, data)
    assert [page.text for page in document.pages] == ["Some text", ""]
    assert document.warnings == ("1 of 2 pages is damaged and left out: page 2.",)
    for look in (pdf.read_page, lambda *place: pdf.picture(*place, width_px=50)):
        with pytest.raises(DamagedDocument, match=r"Page 2 of original"):
            look(path, 2)


# -- files that cannot be read ---------------------------------------------------------------------

REFUSED = {
    "empty": (b"", UnsupportedDocument),
    "noise": (pdfs.noise(), UnsupportedDocument),
    "another kind": (b"PK\x03\x04" + pdfs.noise(), UnsupportedDocument),
    "header too late": (b" " * 2000 + pdfs.make("a"), UnsupportedDocument),
    "garbage after header": (pdfs.garbage_after_header(), DamagedDocument),
    "truncated": (pdfs.truncated(pdfs.make("a", "b")), DamagedDocument),
    "no pages": (pdfs.no_pages(), EmptyDocument),
    "blank": (pdfs.blank(), NoTextDocument),
    "locked": (pdfs.encrypted(pdfs.make("a"), user="secret"), EncryptedDocument),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_by_name_and_with_advice(
    path: Path, case: str
) -> None:
    data, kind = REFUSED[case]
    with pytest.raises(DocumentError) as caught:
        read(path, data)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.startswith("a.pdf ")
    assert message.count(". ") >= 1  # what happened, then what to do


def test_too_many_pages_are_refused_before_any_is_read(path: Path) -> None:
    with pytest.raises(DocumentTooLarge, match=r"a\.pdf has 3 pages, over the limit of 2"):
        read(path, pdfs.make(*"abc"), max_pages=2)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_what_is_no_file_is_unreadable(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(UnreadableDocument, match=r"a\.pdf"):
        pdf.read(path, doc_id="", name="a.pdf", limits=ReadLimits())


def test_a_header_after_some_junk_is_found(path: Path) -> None:
    assert read(path, b"junk\n" * 20 + pdfs.make("a")).pages[0].text == "a"


@pytest.mark.parametrize("algorithm", ["AES-256", "AES-128", "RC4-128", "RC4-40"])
def test_an_encrypted_file_opens_with_its_password_alone(path: Path, algorithm: str) -> None:
    data = pdfs.encrypted(pdfs.make("a"), user="öffne", owner="boss", algorithm=algorithm)
    with pytest.raises(EncryptedDocument, match=r"a\.pdf needs a password"):
        read(path, data)
    with pytest.raises(EncryptedDocument, match=r"The password for a\.pdf is wrong"):
        read(path, data, password="wrong")
    assert read(path, data, password="öffne").pages[0].text == "a"
    assert read(path, data, password="boss").pages[0].text == "a"
    assert pdf.read_page(path, 1, password="öffne").text == "a"
    assert pdf.picture(path, 1, password="öffne", width_px=20).startswith(b"\x89PNG")


@pytest.mark.parametrize("password", [None, "", "one for the whole folder"])
def test_a_password_that_is_not_needed_does_no_harm(path: Path, password: str | None) -> None:
    guarded = pdfs.encrypted(pdfs.make("a"), user="", owner="boss")
    for data in (guarded, pdfs.make("a")):
        assert read(path, data, password=password).pages[0].text == "a"


WHOLE = pdfs.labelled(
    pdfs.outlined(
        pdfs.joined(pdfs.make("Some text", "More"), pdfs.form("x"), pdfs.mapped(["a", "\ud800"])),
        [("A", 1, 1), ("B", 2, 2)],
    ),
    n_roman=1,
)
GUARDED = pdfs.encrypted(WHOLE, user="", algorithm="RC4-128")


@settings(on_disk, max_examples=150)
@given(st.data())
def test_no_damage_raises_anything_but_our_own_errors(path: Path, data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from([WHOLE, GUARDED])))
    for _ in range(data.draw(st.integers(1, 20))):
        start = data.draw(st.integers(0, len(damaged)))
        length = data.draw(st.integers(0, 6))
        damaged[start : start + length] = data.draw(
            st.sampled_from([b"", b"0", b"9", b"-1", b"R", b"<<", b"]", b"/Kids", b"null"])
            | st.binary(max_size=6)
        )
    for look in (
        lambda: read(path, bytes(damaged)),
        lambda: pdf.read_page(path, 1),
        lambda: pdf.picture(path, 2, width_px=50),
    ):
        try:
            look()
        except RagError as error:
            assert str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("failure", [KeyError, RecursionError, ValueError, EOFError, MemoryError])
def test_whatever_pypdf_raises_costs_the_outline_only(
    path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def fail(_reader: PdfReader) -> None:
        raise failure

    monkeypatch.setattr(PdfReader, "root_object", property(fail))
    path.write_bytes(WHOLE)
    document = pdf.read(path, doc_id="", name="", limits=ReadLimits())
    assert document.pages[0].text == "Some text"
    assert document.warnings == (LOST_OUTLINE,)


# -- boxes and pictures ----------------------------------------------------------------------------


@pytest.mark.parametrize("crop", [None, (30, 50, 290, 380)])
@pytest.mark.parametrize("turn_text", [0, 90, 180, 270])
@pytest.mark.parametrize("turn_page", [0, 90, 180, 270])
def test_each_box_lies_on_the_ink_of_its_character(
    path: Path, turn_page: int, turn_text: int, crop: tuple[float, float, float, float] | None
) -> None:
    data = pdfs.make("HWMNEB", turn_text=turn_text)
    page = first_page(path, pdfs.turned(pdfs.cropped(data, *crop) if crop else data, turn_page))
    shown = seen(pdf.picture(path, 1, width_px=round(page.size[0] * 2)))
    ink = shown.sum(axis=2) < 300
    assert page.boxes is not None
    assert sorted(page.text) == sorted("HWMNEB")
    covered = np.zeros_like(ink)
    for x0, y0, x1, y1 in (page.boxes * 2).tolist():
        inside = np.s_[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
        assert 20 < ink[inside].sum() < ink.sum() / 3
        covered[inside] = True
    assert not (ink & ~covered).any()


def test_made_up_characters_have_no_box(path: Path) -> None:
    page = first_page(path, pdfs.make("ab\ncd"))
    assert page.boxes is not None
    assert page.text == "ab\ncd"
    assert np.isnan(page.boxes).all(axis=1).tolist() == [False, False, True, False, False]


def test_text_outside_the_crop_box_has_no_box(path: Path) -> None:
    hidden = pdfs.cropped(pdfs.make("out"), 0, 0, 100, 100)
    page = first_page(path, hidden)
    assert page.size == (100.0, 100.0)
    assert page.boxes is not None
    assert np.isnan(page.boxes).all()


def test_a_highlight_colours_the_paper_and_leaves_the_ink(path: Path) -> None:
    page = first_page(path, pdfs.make("Quote me"))
    assert page.boxes is not None
    (line,) = lines_of(page.boxes[:5])
    plain = seen(pdf.picture(path, 1, width_px=600))
    marked = seen(pdf.picture(path, 1, width_px=600, boxes=[line]))
    changed = (plain != marked).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # Two pixels to the point, and a point of padding all round.
    assert [columns[0], rows[0]] == pytest.approx([line.x0 * 2 - 2, line.y0 * 2 - 2], abs=1)
    assert [columns[-1], rows[-1]] == pytest.approx([line.x1 * 2 + 2, line.y1 * 2 + 2], abs=1)
    assert marked[rows[0], columns[0]].tolist() == pixels.HIGHLIGHT.tolist()
    assert (marked[plain.sum(axis=2) == 0] == 0).all()


def test_a_highlight_that_sticks_out_is_cut(path: Path) -> None:
    path.write_bytes(pdfs.make("a"))
    everywhere = Box(-50, -50, 900, 900)
    marked = seen(pdf.picture(path, 1, width_px=100, boxes=[everywhere, everywhere]))
    assert marked[0, 0].tolist() == marked[-1, -1].tolist() == pixels.HIGHLIGHT.tolist()


@pytest.mark.parametrize(("degrees", "shape"), [(0, (800, 600, 3)), (90, (450, 600, 3))])
def test_a_picture_is_as_wide_as_asked(path: Path, degrees: int, shape: tuple[int, ...]) -> None:
    path.write_bytes(pdfs.turned(pdfs.make("a"), degrees))
    assert seen(pdf.picture(path, 1, width_px=600)).shape == shape


def test_a_page_of_extreme_shape_gives_a_picture_within_the_limit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "MAX_PIXELS", 10_000)
    path.write_bytes(pdfs.cropped(pdfs.make("a"), 0, 0, 2, 400))
    height, width, _ = seen(pdf.picture(path, 1, width_px=600)).shape
    assert height * width <= 10_000
    assert height / width == pytest.approx(200, rel=0.05)


def test_filled_in_form_fields_are_drawn(path: Path) -> None:
    pictures = []
    for value in ("", "Filled in by hand"):
        path.write_bytes(pdfs.form(value))
        pictures.append(seen(pdf.picture(path, 1, width_px=300)))
    field = np.s_[270:300, 100:250]
    assert (pictures[0] != pictures[1])[field].any()


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_page_number_beyond_the_file_is_refused(path: Path, number: int) -> None:
    path.write_bytes(pdfs.make("a"))
    with pytest.raises(DamagedDocument, match=f"Page {number} of a.pdf"):
        pdf.read_page(path, number, name="a.pdf")
    with pytest.raises(DamagedDocument, match=f"Page {number} of a.pdf"):
        pdf.picture(path, number, name="a.pdf", width_px=50)


# -- forms, notes, attachments ---------------------------------------------------------------------


def test_what_was_filled_into_a_form_stands_below_the_text(path: Path) -> None:
    document = read(path, pdfs.filled())
    assert document.pages[0].text.split("\n") == [
        "An application",
        "Name of the applicant: Jane Doe",
        "Agree: yes",
        "Colour: blue",
        "Country: Chile",
        "Note: Call her back",
    ]


def test_each_character_of_a_filled_field_has_the_field_s_box(path: Path) -> None:
    page = first_page(path, pdfs.form("Jane"))
    assert page.boxes is not None
    assert page.text.endswith("Jane")
    at = page.text.index("\n") + 1
    assert page.boxes[at:].tolist() == pytest.approx(
        np.tile([100, 270, 250, 300], (len(page.text) - at, 1)), abs=2
    )
    assert np.isnan(page.boxes[at - 1]).all()


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_field_s_box_turns_with_the_page(path: Path, degrees: int) -> None:
    data = pdfs.turned(pdfs.form("X" * 20), degrees)
    page = first_page(path, data)
    assert page.boxes is not None
    x0, y0, x1, y1 = (page.boxes[-1] * 2).round().astype(int).tolist()
    filled, empty = seen(pdf.picture(path, 1, width_px=round(page.size[0] * 2))), None
    path.write_bytes(pdfs.turned(pdfs.form(""), degrees))
    empty = seen(pdf.picture(path, 1, width_px=round(page.size[0] * 2)))
    rows, columns = np.nonzero((filled != empty).any(axis=2))
    assert x0 - 2 <= columns.min() < columns.max() <= x1 + 2
    assert y0 - 2 <= rows.min() < rows.max() <= y1 + 2


def test_a_page_of_filled_fields_alone_has_text(path: Path) -> None:
    document = read(path, pdfs.form("Jane", label=""))
    assert document.pages[0].text.endswith("Jane")
    assert document.unread == ()


@pytest.mark.parametrize("flag", ["password", "hidden"])
def test_fields_that_are_not_for_showing_are_left_out(path: Path, flag: str) -> None:
    text = read(path, pdfs.form("secret", flag=flag)).pages[0].text
    assert text == "Name"


def test_attached_files_are_named_in_a_warning(path: Path) -> None:
    data = pdfs.attached(pdfs.make("a"), "a.xlsx", "b.xml")
    assert read(path, data).warnings == (
        (
            "Holds 2 attached files, which are not read: a.xlsx, b.xml. "
            "Save them and add them by themselves."
        ),
    )
    assert read(path, pdfs.attached(pdfs.make("a"), "a.xlsx")).warnings == (
        "Holds 1 attached file, which is not read: a.xlsx. Save it and add it by itself.",
    )


# -- headings by size ------------------------------------------------------------------------------

REPORT = [
    [("Helvetica", 18, "First things"), ("Helvetica", 10, "Body of the text. " * 4)],
    [("Helvetica", 18, "Second things"), ("Helvetica", 10, "More of the text. " * 4)],
    [("Helvetica", 18, "Last things"), ("Helvetica", 10, "End of the text. " * 4)],
]


def test_headings_of_a_document_without_an_outline_are_found_by_size(path: Path) -> None:
    document = read(path, pdfs.typeset(*REPORT))
    assert document.headings == (
        Heading("First things", 1, 1, 0),
        Heading("Second things", 1, 2, 0),
        Heading("Last things", 1, 3, 0),
    )


def test_enlarged_type_counts_as_large(path: Path) -> None:
    document = read(path, pdfs.typeset(*REPORT, enlarge=True))
    assert [heading.title for heading in document.headings] == [
        "First things",
        "Second things",
        "Last things",
    ]


def test_bold_numbered_lines_are_headings_at_the_size_of_the_text(path: Path) -> None:
    bold, plain = "Helvetica-Bold", "Helvetica"
    page = [
        (bold, 10, "Item 1. Business"),
        (plain, 10, "Item 2 is described in the text that follows here, at length."),
        (bold, 10, "Total assets"),
        (plain, 10, "Item 3. Properties"),
    ]
    document = read(path, pdfs.typeset(page))
    assert [heading.title for heading in document.headings] == ["Item 1. Business"]


def test_an_outline_goes_before_what_is_found_by_size(path: Path) -> None:
    document = read(path, pdfs.outlined(pdfs.typeset(*REPORT), [("Told", 1, 1)]))
    assert document.headings == (Heading("Told", 1, 1),)


# -- OCR -------------------------------------------------------------------------------------------


class Recorder:
    """Reads every page as "seen", on one line, and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[tuple[int, ...], tuple[float, float]]] = []

    def read(self, shown: pixels.Pixels, size: tuple[float, float]) -> tuple[str, tuple[Line, ...]]:
        self.shown.append((shown.shape, size))
        return "seen", (Line(0, 4, 10, 20, 50, 30),)


def ocr(path: Path, reader: Recorder, **chosen: str) -> Page:
    return pdf.ocr_page(path, 1, reader=reader, name="a.pdf", limits=ReadLimits(), **chosen)


def test_ocr_is_shown_the_page_and_gives_its_text_and_lines(path: Path) -> None:
    path.write_bytes(pdfs.labelled(pdfs.joined(pdfs.pictures(2)), n_roman=1))
    reader = Recorder()
    page = ocr(path, reader)
    assert (page.label, page.text, page.size) == ("page i (OCR)", "seen", (300.0, 400.0))
    assert page.lines == (Line(0, 4, 10, 20, 50, 30),)
    ((height, width, depth), size) = reader.shown[0]
    assert height == pytest.approx(pixels.OCR_LEAST_PX, abs=2)
    assert (depth, size) == (3, (300.0, 400.0))
    assert width / height == pytest.approx(300 / 400, abs=0.01)


def test_blank_pages_are_not_shown_to_ocr(path: Path) -> None:
    path.write_bytes(pdfs.blank())
    reader = Recorder()
    assert ocr(path, reader).text == ""
    assert reader.shown == []


def test_the_page_s_own_text_is_left_out_of_ocr_but_fields_are_kept(path: Path) -> None:
    path.write_bytes(pdfs.form("Jane", label="A long text that the page has of its own. " * 4))
    page = ocr(path, Recorder())
    assert page.text.startswith("seen\n")
    assert page.text.endswith("Jane")
    field = page.lines[1]
    assert page.text[field.start : field.end] == page.text[5:]
    assert [field.x0, field.y0, field.x1, field.y1] == pytest.approx([100, 270, 250, 300], abs=2)


def test_a_stamp_is_kept_where_ocr_reads_less(path: Path) -> None:
    path.write_bytes(pdfs.stamped("ABC-000123", share=1.0))
    page = ocr(path, Recorder())
    assert (page.label, page.text) == ("page 1", "ABC-000123")


def test_ocr_opens_what_a_password_protects(path: Path) -> None:
    path.write_bytes(pdfs.encrypted(pdfs.pictures(), user="secret"))
    assert ocr(path, Recorder(), password="secret").text == "seen"
    with pytest.raises(EncryptedDocument):
        ocr(path, Recorder())


def test_a_page_of_extreme_shape_is_shown_within_the_limit(path: Path) -> None:
    path.write_bytes(pdfs.cropped(pdfs.pictures(), 50, 0, 52, 400))
    reader = Recorder()
    pdf.ocr_page(path, 1, reader=reader, limits=ReadLimits(pixels=10_000))
    assert all(height * width <= 10_000 for (height, width, _), _ in reader.shown)


# -- taking turns ----------------------------------------------------------------------------------


def test_pdfium_is_free_between_two_pages(path: Path) -> None:
    path.write_bytes(pdfs.make("a", "b"))
    seen: list[str] = []

    def look(_done: int, _total: int) -> None:
        seen.append(pdf.read_page(path, 1).text)

    pdf.read(path, doc_id="", name="", limits=ReadLimits(), progress=look)
    assert seen == ["a", "a", "a"]


def test_who_waits_for_pdfium_comes_before_who_comes_back_for_more() -> None:
    order: list[str] = []

    def look() -> None:
        with pdf._turn():
            order.append("viewer")

    viewer = threading.Thread(target=look)
    with pdf._turn():
        viewer.start()
        while not pdf._NEXT.locked():
            time.sleep(0.001)
    with pdf._turn():
        order.append("reader")
    viewer.join()
    assert order == ["viewer", "reader"]
