import io
import resource
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import files
import msoffcrypto
import pdfs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msoffcrypto.format.ooxml import OOXMLFile

from rag import convert, pdf, sniff
from rag.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    NoTextDocument,
    UnsupportedDocument,
)
from rag.types import Document, Heading, ReadLimits

LIMITS = ReadLimits()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Document]:
    def read(data: bytes, name: str = "file", **more: object) -> Document:
        path = tmp_path / "original"
        path.write_bytes(data)
        kind = sniff.kind(path, name)
        options = {"password": None, "limits": LIMITS, "read_pdf": pdf.read, **more}
        return convert.read(path, doc_id="id", name=name, kind=kind, **options)

    return read


def locked(data: bytes, password: str) -> bytes:
    padded, stream = io.BytesIO(data), io.BytesIO()
    with zipfile.ZipFile(padded, "a") as archive:  # the library locks no file below 4 KB
        archive.writestr("padding", bytes(5000))
    OOXMLFile(padded).encrypt(password, stream)
    return stream.getvalue()


def test_a_document_has_pages_headings_and_a_title(read: Callable[..., Document]) -> None:
    data = files.docx(
        files.paragraph("The lease", style="Heading1"),
        files.paragraph("word " * 500),
        files.paragraph("Rent and heat", style="Heading2"),
        files.paragraph("word " * 500),
    )

    document = read(data, "lease.docx")

    assert document.media_type == sniff.MEDIA_TYPES["docx"]
    assert [(page.number, page.label, page.size) for page in document.pages] == [
        (1, "part 1", (0.0, 0.0)),
        (2, "part 2", (0.0, 0.0)),
    ]
    assert document.headings == (
        Heading("The lease", 1, 1, 0),
        Heading("Rent and heat", 2, 2, 0),
    )
    assert document.title == "The lease"


def test_the_same_bytes_give_the_same_document(read: Callable[..., Document]) -> None:
    data = files.mail(attachments=[("a.xlsx", files.xlsx({"S": {"A1": 1}}))]).as_bytes()

    assert [p.text for p in read(data).pages] == [p.text for p in read(data).pages]
    assert replace(read(data), pages=()) == replace(read(data), pages=())


@pytest.mark.parametrize(
    ("data", "name", "error"),
    [
        (b"", "a.txt", EmptyDocument),
        (b" \n ", "a.txt", NoTextDocument),
        (b"<html><script>x</script>", "a.html", NoTextDocument),
        (files.docx(), "a.docx", NoTextDocument),
        (files.zipped({"[Content_Types].xml": "", "ppt/x": ""}), "a.pptx", DamagedDocument),
        (files.zipped({"[Content_Types].xml": "", "xl/workbook.xml": "<"}), "a", DamagedDocument),
        (files.zipped({"[Content_Types].xml": "", "word/document.xml": ""}), "a", DamagedDocument),
        (files.docx("<w:sdt>" * 20_000 + "</w:sdt>" * 20_000), "a", DamagedDocument),
        (pdfs.make("x"), "a.pdf", UnsupportedDocument),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    data: bytes, name: str, error: type[DocumentError], read: Callable[..., Document]
) -> None:
    with pytest.raises(error, match=name):
        read(data, name)


def test_too_many_pages_are_refused(read: Callable[..., Document]) -> None:
    with pytest.raises(DocumentTooLarge, match=r"more than 3 pages.*max_pages"):
        read(b"A sentence.\n\n" * 5000, limits=replace(LIMITS, pages=3))


@given(st.binary(max_size=300), st.integers(0, 3000))
def test_a_file_with_broken_bytes_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("broken") / "file"
    for data in (
        files.docx(files.paragraph("x"), styles="<w:style/>"),
        files.xlsx({"S": {"A1": 1}}),
        files.opened("text", "<text:p>x</text:p>"),
        files.mail(attachments=[("a.docx", files.docx(files.paragraph("x")))]).as_bytes(),
        b"{\\rtf1 x" + noise,
    ):
        path.write_bytes(data[:at] + noise + data[at + len(noise) :])
        try:
            kind = sniff.kind(path, "file")
            document = convert.read(
                path, doc_id="id", name="file", kind=kind, password=None, limits=LIMITS
            )
        except DocumentError:
            continue
        assert document.pages


# -- passwords -------------------------------------------------------------------------------------


def test_a_locked_file_opens_with_its_password(read: Callable[..., Document]) -> None:
    data = locked(files.docx(files.paragraph("secret text")), "sesame")

    assert sniff.kind_of(io.BytesIO(data), "a") == "encrypted-office"
    assert read(data, password="sesame").pages[0].text == "secret text"


def test_a_locked_file_without_its_password_is_refused(read: Callable[..., Document]) -> None:
    data = locked(files.docx(files.paragraph("secret")), "sesame")

    with pytest.raises(EncryptedDocument, match=r"a\.docx needs a password. Give it"):
        read(data, "a.docx")
    with pytest.raises(EncryptedDocument, match=r"The password for a\.docx is wrong"):
        read(data, "a.docx", password="wrong")


def test_a_workbook_that_anyone_may_read_opens(read: Callable[..., Document]) -> None:
    data = locked(files.xlsx({"S": {"A1": "open"}}), convert.OPEN_TO_ALL)

    assert read(data).pages[0].text == "open"
    assert msoffcrypto.OfficeFile(io.BytesIO(data)).is_encrypted()


# -- attachments -----------------------------------------------------------------------------------


def test_attachments_are_read_as_files_of_their_kind(read: Callable[..., Document]) -> None:
    book = files.xlsx({"Costs": {"A2": "Rent", "B2": 950}})
    data = files.mail(attachments=[("rent.xlsx", book), ("a.pdf", pdfs.make("in PDF"))]).as_bytes()

    pages = read(data).pages

    assert [page.label for page in pages] == [
        "mail of 2024-03-01 10:22, Rent",
        "mail of 2024-03-01 10:22, Rent, attachment rent.xlsx, sheet Costs, A2:B2",
        "mail of 2024-03-01 10:22, Rent, attachment a.pdf, page 1",
    ]
    assert [page.text for page in pages[1:]] == ["Rent | 950", "in PDF"]


def test_an_attachment_that_cannot_be_read_is_named_and_fails_nothing(
    read: Callable[..., Document],
) -> None:
    data = files.mail(
        attachments=[
            ("bad.docx", files.docx(files.paragraph("x"))[:100]),
            ("locked.docx", locked(files.docx(files.paragraph("x")), "sesame")),
            ("tool.exe", b"MZ\x90\0" + bytes(50)),
            ("scan.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
            ("broken.pdf", pdfs.garbage_after_header()),
        ]
    ).as_bytes()

    document = read(data)

    assert len(document.pages) == 1
    for name, said in [
        ("bad.docx", "is damaged"),
        ("locked.docx", "needs a password"),
        ("tool.exe", "is a program"),
        ("scan.png", "is a picture"),
        ("broken.pdf", "is damaged"),
    ]:
        assert [w for w in document.warnings if name in w and said in w], name


class PanicException(BaseException):
    """As libraries in Rust raise it."""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(5, "Input/output error"), "is damaged"),
        (MemoryError(), "needs more memory"),
        (RuntimeError("not foreseen"), "is damaged"),
        (PanicException("not foreseen"), "is damaged"),
        (EncryptedDocument("a.pdf needs a password."), "needs a password"),
    ],
)
def test_whatever_goes_wrong_in_an_attached_pdf_the_mail_keeps_its_text(
    read: Callable[..., Document], fault: BaseException, said: str
) -> None:
    def read_pdf(path: Path, **options: object) -> Document:
        raise fault

    data = files.mail("The rent.", attachments=[("a.pdf", pdfs.make("x")), ("b.txt", b"Heat")])

    document = read(data.as_bytes(), read_pdf=read_pdf)

    assert [page.text.split()[-1] for page in document.pages] == ["rent.", "Heat"]
    (warning,) = document.warnings
    assert "a.pdf" in warning
    assert said in warning


def test_an_attached_pdf_larger_than_a_reader_may_write_is_named(tmp_path: Path) -> None:
    big = pdfs.make("big") + bytes(1 << 20)
    path = tmp_path / "mail"
    attachments = [("big.pdf", big), ("small.pdf", pdfs.make("small"))]
    path.write_bytes(files.mail("The rent.", attachments=attachments).as_bytes())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(big) - 1, hard))
    try:
        document = convert.read(
            path, doc_id="id", name="mail", kind="eml", limits=LIMITS, read_pdf=pdf.read
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [page.text.split()[-1] for page in document.pages] == ["rent.", "small"]
    (warning,) = document.warnings
    assert "big.pdf cannot be taken out of the mail: File too large." in warning


def test_a_picture_of_a_signature_is_not_worth_a_word(read: Callable[..., Document]) -> None:
    message = files.mail("x", html="<img src=cid:logo>")
    message.get_payload()[1].add_related(
        b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", cid="<logo>"
    )

    assert read(message.as_bytes()).warnings == ()


def test_mails_in_mails_are_read_as_deep_as_the_limit(read: Callable[..., Document]) -> None:
    message = files.mail("level 4", subject="Level 4")
    for level in (3, 2, 1):
        outer = files.mail(f"level {level}", subject=f"Level {level}")
        outer.add_attachment(message)
        message = outer

    document = read(message.as_bytes(), limits=replace(LIMITS, nesting=2))

    assert document.pages[-1].label == (
        "mail of 2024-03-01 10:22, Level 1, attached mail of 2024-03-01 10:22, Level 2, "
        "attached mail of 2024-03-01 10:22, Level 3"
    )
    assert len(document.pages) == 3
    assert "max_nesting" in document.warnings[0]


def test_what_is_attached_counts_towards_the_limits(read: Callable[..., Document]) -> None:
    data = files.mail(attachments=[("a.docx", files.docx(files.paragraph("a" * 5000)))]).as_bytes()

    document = read(data, limits=replace(LIMITS, unpacked_bytes=1000))

    assert "max_unpacked_mb" in document.warnings[0]
