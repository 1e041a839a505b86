import io
import zipfile

import files
import pytest

from rag import archive
from rag.errors import DamagedDocument, DocumentTooLarge


def test_members_are_found_whatever_their_case_and_slashes() -> None:
    data = io.BytesIO(files.zipped({"Word\\Document one.xml": "x", "/ü.xml": "y"}))

    with archive.opened(data, "a", 100) as opened:
        assert opened.read("word/document%20one.xml") == b"x"
        assert opened.read("%C3%BC.xml") == b"y"
        assert "no.xml" not in opened


def test_a_missing_member_is_damage() -> None:
    with (
        archive.opened(io.BytesIO(files.zipped({})), "a.docx", 100) as opened,
        pytest.raises(DamagedDocument, match=r"a\.docx is damaged.*x\.xml is missing"),
    ):
        opened.read("word/x.xml")


def test_the_limit_counts_all_members() -> None:
    data = files.zipped({"a": "x" * 60, "b": "x" * 60})

    with (
        pytest.raises(DocumentTooLarge, match="max_unpacked_mb"),
        archive.opened(io.BytesIO(data), "a", 100),
    ):
        pass


def test_a_member_gives_no_more_than_the_directory_says() -> None:
    data = files.zipped({"a": "x" * 70_000})
    lying = data.replace((70_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))

    with (
        archive.opened(io.BytesIO(lying), "a", 100) as opened,
        pytest.raises(DamagedDocument) as raised,
    ):
        opened.read("a")
    assert isinstance(raised.value.__cause__, zipfile.BadZipFile)


def test_the_file_is_left_at_its_beginning() -> None:
    data = io.BytesIO(files.zipped({"a": "x"}))
    with archive.opened(data, "a", 100):
        pass

    assert data.tell() == 0


def test_a_spare_member_may_be_damaged_or_missing() -> None:
    data = files.zipped({"a": "x" * 70_000})
    lying = data.replace((70_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))

    with archive.opened(io.BytesIO(lying), "a", 100) as opened:
        assert [opened.spare("a"), opened.spare("b")] == [None, None]


def test_pictures_are_not_looked_through() -> None:
    data = files.zipped({"xl/media/a.png": "x", "xl/workbook.xml": "y"})

    with archive.opened(io.BytesIO(data), "a", 100) as opened:
        found = {member: b"".join(blocks) for member, blocks in opened.unpacked()}
    assert found == {"xl/workbook.xml": b"y"}
