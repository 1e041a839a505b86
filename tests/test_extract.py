import hashlib
import os
from pathlib import Path

import pdfs
import pytest

from rag import disk
from rag.errors import (
    DocumentTooLarge,
    StoreError,
    StoreFull,
    UnreadableDocument,
    UnsupportedDocument,
)
from rag.extract import (
    _read,
    _writing,
    copy_in,
    is_supported,
    put_in_place,
    read,
    save,
    waiting,
)
from rag.sniff import HEAD
from rag.types import ReadLimits


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "originals"
    folder.mkdir()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdfs.make("Sales rose."))
    return path


def copied(file: Path, originals: Path) -> tuple[str, int]:
    doc_id, n_bytes = copy_in(file, originals, name="report.pdf", max_bytes=1 << 20)
    put_in_place(originals, doc_id, name="report.pdf")
    return doc_id, n_bytes


def test_a_copy_waits_under_another_name_until_it_is_put_in_place(
    file: Path, originals: Path
) -> None:
    doc_id, _ = copy_in(file, originals, name="report.pdf", max_bytes=1 << 20)
    assert list(originals.iterdir()) == [waiting(originals, doc_id)]

    for _ in range(2):
        put_in_place(originals, doc_id, name="report.pdf")
        assert [path.name for path in originals.iterdir()] == [doc_id]


def test_a_copy_and_its_name_are_on_the_disk_before_it_is_entered(
    file: Path, originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        disk,
        "sync",
        lambda path: synced.append((path.name[:10], [p.name[:10] for p in originals.iterdir()])),
    )

    copied(file, originals)

    doc_id = hashlib.sha256(file.read_bytes()).hexdigest()
    assert synced == [
        (".incoming-", [".incoming-"]),
        ("originals", [".incoming-"]),
        ("originals", [doc_id[:10]]),
    ]


def test_a_copy_is_named_by_the_hash_of_its_bytes_and_only_its_owner_may_read_it(
    file: Path, originals: Path
) -> None:
    data = file.read_bytes()

    doc_id, n_bytes = copied(file, originals)

    assert (doc_id, n_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert [path.name for path in originals.iterdir()] == [doc_id]
    assert (originals / doc_id).read_bytes() == data
    assert (originals / doc_id).stat().st_mode & 0o777 == 0o600


def test_copying_twice_equals_copying_once(file: Path, originals: Path) -> None:
    first = copied(file, originals)

    assert copied(file, originals) == first
    assert [path.name for path in originals.iterdir()] == [first[0]]


def test_what_was_copied_can_be_read(file: Path, originals: Path) -> None:
    doc_id, _ = copied(file, originals)

    made = read(originals / doc_id, doc_id=doc_id, name="report.pdf", limits=ReadLimits())

    assert (made.id, made.name, [page.text for page in made.pages]) == (
        doc_id, "report.pdf", ["Sales rose."],
    )  # fmt: skip


def test_a_file_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, expected in (
        (b"%PDF-1.7\n", True),
        (b"\x00" * 1000 + b"%PDF-1.4", True),
        (b"\x00" * HEAD + b"%PDF-1.4", False),
        (b"PK\x03\x04", True),
        (b"Dear Ada,", True),
        (b"\x7fELF\x02\x01\x01", False),
        (b"", True),  # it is then refused as empty, not as unknown
    ):
        path.write_bytes(content)
        assert is_supported(path) is expected


def test_another_kind_of_file_is_refused_by_name(tmp_path: Path, originals: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(b"\x7fELF\x02\x01\x01")

    with pytest.raises(UnsupportedDocument, match=r"letter\.pdf is no document, table, mail"):
        copy_in(path, originals, name="letter.pdf", max_bytes=1 << 20)
    assert list(originals.iterdir()) == []


def test_a_file_over_the_limit_is_refused_by_name(file: Path, originals: Path) -> None:
    with pytest.raises(DocumentTooLarge, match=r"report\.pdf is larger than 0 MB") as caught:
        copy_in(file, originals, name="report.pdf", max_bytes=100)

    assert "raise max_file_mb in the settings" in str(caught.value)
    assert list(originals.iterdir()) == []


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path, originals: Path) -> None:
    path = tmp_path / "gone.pdf"

    with pytest.raises(UnreadableDocument, match=rf"{path} cannot be read \(No such file"):
        copy_in(path, originals, name="gone.pdf", max_bytes=1 << 20)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, originals: Path) -> None:
    pipe = tmp_path / "pipe.pdf"
    os.mkfifo(pipe)

    for path in (pipe, tmp_path, Path("/dev/null")):
        with pytest.raises(UnreadableDocument, match=f"{path} is not a file"):
            copy_in(path, originals, name=path.name, max_bytes=1 << 20)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that fails when read")
def test_a_file_that_fails_in_the_middle_is_named() -> None:
    path = Path("/proc/self/mem")

    with path.open("rb") as file, pytest.raises(UnreadableDocument, match=f"{path} cannot be read"):
        _read(file, path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_with_the_files_name() -> None:
    with (
        pytest.raises(StoreFull, match=r"report\.pdf was not added: the disk .* is full"),
        _writing("report.pdf"),
        Path("/dev/full").open("wb") as file,
    ):
        file.write(b"x" * 100_000)


def test_a_folder_that_cannot_be_written_is_an_error_of_our_own(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"report\.pdf was not added: .* \(No such file"):
        save(b"data", tmp_path / "gone" / "upload", name="report.pdf")


def test_saved_bytes_are_for_the_owner_alone(tmp_path: Path) -> None:
    save(b"data", tmp_path / "upload", name="report.pdf")

    assert (tmp_path / "upload").read_bytes() == b"data"
    assert (tmp_path / "upload").stat().st_mode & 0o777 == 0o600
