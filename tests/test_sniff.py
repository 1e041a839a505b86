import io
import zipfile
from pathlib import Path

import files
import pdfs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import sniff
from rag.errors import DamagedDocument, EmptyDocument, UnsupportedDocument

MAIL = b"From: a@example.org\r\nSubject: Rent\r\nDate: Fri, 1 Mar 2024 10:22:00 +0100\r\n\r\nHello"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def kind(data: bytes, name: str = "file") -> str:
    return sniff.kind_of(io.BytesIO(data), name)


@pytest.mark.parametrize(
    ("head", "family"),
    [
        (b"junk %PDF-1.7", "pdf"),
        (b"PK\x03\x04", "zip"),
        (OLE, "ole"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"II*\0", "picture"),
        (b"RIFF\0\0\0\0WEBP", "picture"),
        (b"GIF89a", "picture"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "picture"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "picture"),
        (b"{\\rtf1 text}", "text"),
        ("Größe".encode("cp1252"), "text"),
        ("Größe".encode("utf-16"), "text"),
        ("Hello there".encode("utf-16-le"), "text"),
        ("Größe".encode("utf-32"), "text"),
        (b"BMW sells cars.", "text"),
        (b"", "text"),
        (b"\x7fELF\x02\x01", None),
        (b"MZ\x90\0\x03\0\0\0", None),
        (b"\x1f\x8b\x08\0", None),
        (b"\0\0\0\x20ftypmp42", None),
        (bytes(range(256)), None),
    ],
)
def test_the_first_bytes_tell_the_family(head: bytes, family: str | None) -> None:
    assert sniff.family(head) == family


@given(st.binary(max_size=3000))
def test_any_bytes_have_a_family_or_none(head: bytes) -> None:
    assert sniff.family(head) in ("pdf", "zip", "ole", "picture", "text", None)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (pdfs.make("x"), "a.docx", "pdf"),
        (files.docx(files.paragraph("x")), "a.txt", "docx"),
        (files.xlsx({"S": {"A1": 1}}), "a", "xlsx"),
        (files.zipped({"[Content_Types].xml": "", "xl/workbook.bin": ""}), "a", "xlsb"),
        (files.zipped({"[Content_Types].xml": "", "ppt/presentation.xml": ""}), "a", "pptx"),
        (files.opened("text", ""), "a", "odt"),
        (files.opened("presentation", ""), "a", "odp"),
        (files.opened("spreadsheet", ""), "a", "ods"),
        (files.epub("x"), "a", "epub"),
        (b"{\\rtf1 x}", "a.txt", "rtf"),
        (b"<!DOCTYPE html><p>x", "a.txt", "html"),
        (b"<?xml version='1.0'?><html><p>x", "a", "html"),
        (MAIL, "a.txt", "eml"),
        (b"From a@b Fri Mar  1 10:22:00 2024\n" + MAIL, "a", "mbox"),
        (b"From a@b Fri Mar  1 10:22:00 2024\n" + MAIL, "a.eml", "eml"),
        (b"From here on: 10:22 is late.", "a", "text"),
        (b"# Title", "a.md", "markdown"),
        (b"a,b\n1,2\n", "a.csv", "csv"),
        (b"a;b;c\n1;2;3\n4;5;6\n", "a", "csv"),
        (b"a,b\n1,2\n", "a.txt", "text"),
        (b"Subject: only a note to self\n\nText", "a", "text"),
    ],
)
def test_the_content_tells_the_kind_and_the_name_breaks_ties(
    data: bytes, name: str, expected: str
) -> None:
    assert kind(data, name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{'<!-- a -->' * 5_000}<html>", "html"),
        (f"{'<!-- a -->' * 5_000}Dear all", "text"),
        (f"From a@b {'2024' * 16_000}\nDear all", "text"),
    ],
)
def test_no_beginning_takes_longer_to_tell_than_to_read(text: str, expected: str) -> None:
    assert kind(text.encode(), "a") == expected


def test_an_empty_file_is_refused_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.touch()

    with pytest.raises(EmptyDocument, match=r"a\.txt is empty"):
        sniff.kind(path, "a.txt")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (files.zipped({"a.txt": "x"}), "zip archive, not a document. Unpack it"),
        (files.zipped({"Index/Document.iwa": "x"}), "Pages, Numbers or Keynote"),
        (files.zipped({"[Content_Types].xml": "", "visio/document.xml": ""}), "a program whose"),
        (b"\x7fELF\x02" + bytes(50), "is a program"),
        (b"\x1f\x8b\x08" + bytes(50), "a compressed archive"),
        (b"\0\0\0\x20ftypmp42" + bytes(50), "a video"),
        (pdfs.noise(), "not a kind of file that Strongroom knows"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, said: str) -> None:
    with pytest.raises(UnsupportedDocument, match=said):
        kind(data, "thing")


@pytest.mark.parametrize("data", [files.docx(files.paragraph("x"))[:200], OLE + bytes(2000)])
def test_a_container_that_cannot_be_opened_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedDocument, match="thing is damaged"):
        kind(data, "thing")


def test_the_file_is_left_at_its_beginning() -> None:
    file = io.BytesIO(files.docx(files.paragraph("x")))
    sniff.kind_of(file, "a")

    assert file.tell() == 0
    assert zipfile.is_zipfile(file)


def test_every_kind_has_a_media_type() -> None:
    assert set(sniff.MEDIA_TYPES) == set(sniff.Kind.__args__)


def test_logs_are_not_taken_from_folders() -> None:
    assert {".pdf", ".docx", ".eml", ".png", ".md"} <= sniff.SUFFIXES
    assert ".log" not in sniff.SUFFIXES


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2", ","),
        ("a;b\n1,5;2,5", ";"),
        ("a\tb\n1\t2", "\t"),
        ("just text, here\nmore", None),
    ],
)
def test_the_delimiter_is_what_cuts_all_lines_alike(text: str, delimiter: str | None) -> None:
    assert sniff.delimiter(text) == delimiter
