import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pdfs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import GARDEN, HARBOUR, CutHere, answer_from, assemble, steps

from rag import extract, ingest
from rag.arrays import FloatArray, IntArray
from rag.extract import incoming, waiting
from rag.ingest import Ingest
from rag.library import Library
from rag.readers import Readers
from rag.settings import Settings
from rag.testing import HashEmbedder, ScriptedGenerator, WordTokenizer
from rag.types import Document, Page, Progress, ReadLimits, VectorIndex

Open = Callable[..., Library]
Write = Callable[..., Path]

MANY = tuple(" ".join(f"word{page}x{i}" for i in range(60)) for page in range(3))
"""Fifteen chunks."""


class Killed(Exception):
    """Stands for the process's end."""


def state(library: Library) -> dict[str, object]:
    """All that a library knows, but for the moment when a document was added."""
    path = library.settings.library / "library.db"
    with closing(sqlite3.connect(path)) as db:
        tables = {
            "meta": "*",
            "documents": "id, name, media_type, title, state, n_bytes, password, warnings, error",
            "pages": "*",
            "chunks": "id, doc_id, ordinal, text, context, heading, spans, n_tokens, embedded",
            "turn_documents": "*",
        }
        rows = {name: db.execute(f"SELECT {columns} FROM {name} ORDER BY 1, 2").fetchall()
                for name, columns in tables.items()}  # fmt: skip
        n_words = db.execute("SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH 'word1x1'")
        rows["found"] = n_words.fetchall()
    documents = library.catalog.document_ids()
    return {
        **rows,
        "vectors": {doc_id: sorted(library.ingest.vectors.ids(doc_id)) for doc_id in documents},
        "n_vectors": library.ingest.vectors.count(),
        "originals": sorted(path.name for path in library.ingest.originals.iterdir()),
    }


def take_in(library: Library, *paths: Path, password: str | None = None) -> list[Progress]:
    return list(library.ingest.take_in(paths, password=password))


# Taking in


def test_all_files_can_be_searched_before_the_first_is_embedded(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()

    taken = take_in(library, write_pdf("a.pdf", *GARDEN), write_pdf("b.pdf", *HARBOUR))

    for name in ("a.pdf", "b.pdf"):
        own = [step for of, step in steps(taken) if of == name and step != "embedding"]
        # A step that takes long is told again.
        assert list(dict.fromkeys(own)) == ["queued", "extracting", "searchable", "embedded"]
    kinds = [step for _, step in steps(taken)]
    assert kinds.index("embedding") > max(i for i, s in enumerate(kinds) if s == "searchable")
    assert [record.state for record in library.catalog.documents()] == ["embedded", "embedded"]


def test_more_files_than_are_read_at_once_are_all_read(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()
    paths = [write_pdf(f"{i}.pdf", f"Tree number {i}.") for i in range(9)]
    for path in paths:
        library.ingest.stage(path)

    list(library.ingest.resume())

    assert len(library.catalog.in_state("embedded")) == 9


def test_progress_counts_pages_and_then_chunks(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)

    taken = take_in(fake_library(), write_pdf("many.pdf", *MANY))

    told = [(p.step, p.done, p.total) for p in taken]
    # How often reading is told depends on how long it takes.
    assert [t for t in told if t[0] != "extracting"] == [
        ("queued", 0, 0),
        ("searchable", 3, 3),
        ("embedding", 0, 15),
        ("embedding", 6, 15),
        ("embedding", 12, 15),
        ("embedded", 15, 15),
    ]


def test_the_same_bytes_again_change_nothing(fake_library: Open, write_pdf: Write) -> None:
    library = fake_library()
    take_in(library, write_pdf("a.pdf", *GARDEN))
    before = state(library)

    (again,) = take_in(library, write_pdf("other name.pdf", *GARDEN))

    assert (again.name, again.step, again.unchanged) == ("a.pdf", "embedded", True)
    assert state(library) == before


@settings(max_examples=8)
@given(st.lists(st.text("abcdefg .\n", min_size=1).filter(str.strip), min_size=1, max_size=3))
def test_adding_twice_equals_adding_once(pages: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.pdf")
        path.write_bytes(pdfs.make(*pages))
        library = assemble(
            Settings(Path(folder, "library"), Path(folder, "models")),
            embedder=HashEmbedder(),
            generator=ScriptedGenerator(""),
            tokenizer=WordTokenizer(),
        )
        with closing(library):
            take_in(library, path)
            once = state(library)
            take_in(library, path, path)
            assert state(library) == once


def test_bad_files_are_named_and_the_good_ones_go_in(
    fake_library: Open, write_pdf: Write, tmp_path: Path
) -> None:
    library = fake_library()
    bad = {
        "secret.pdf": pdfs.encrypted(pdfs.make("Sales rose."), user="pw"),
        "damaged.pdf": pdfs.garbage_after_header(),
        "empty.pdf": pdfs.no_pages(),
        "blank.pdf": pdfs.blank(),
        "program.pdf": b"\x7fELF\x02\x01\x01",
        "nothing.pdf": b"",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in (*bad, "gone.pdf")]

    taken = take_in(library, write_pdf("a.pdf", *GARDEN), *paths, write_pdf("b.pdf", *HARBOUR))

    failed = {p.name: p.message for p in taken if p.step == "failed"}
    assert set(failed) == {*bad, "gone.pdf"}
    assert {name for name, message in failed.items() if name not in message} == set()
    assert "password" in failed["secret.pdf"]
    assert "blank" in failed["blank.pdf"].removeprefix("blank.pdf")
    records = {r.name: (r.state, r.error_kind) for r in library.catalog.documents()}
    assert records == {
        "a.pdf": ("embedded", ""),
        "b.pdf": ("embedded", ""),
        "secret.pdf": ("failed", "EncryptedDocument"),
        "damaged.pdf": ("failed", "DamagedDocument"),
        "empty.pdf": ("failed", "EmptyDocument"),
        "blank.pdf": ("failed", "NoTextDocument"),
        "nothing.pdf": ("failed", "EmptyDocument"),
    }


def test_text_that_its_cutting_cannot_cope_with_costs_that_document_alone(tmp_path: Path) -> None:
    names = ("cut-stuck", "cut-segfault", "fine")
    for name in names:
        (tmp_path / name).write_text(f"Sales of {name} rose.")
    program = Path(__file__).with_name("bad_reader.py")
    readers = Readers(
        1,
        limits=ReadLimits(),
        memory_mb=400,
        file_s=2,
        page_s=30,
        tokenizer=tmp_path,
        command=(sys.executable, "-P", str(program)),
    )
    library = assemble(
        Settings(tmp_path / "library", tmp_path / "models"),
        embedder=HashEmbedder(),
        generator=ScriptedGenerator(""),
        tokenizer=WordTokenizer(),
        reader=readers,
    )
    with closing(readers), closing(library):
        taken = take_in(library, *(tmp_path / name for name in names))

        told = {p.name: p.message.partition(". ")[0] for p in taken if p.step == "failed"}
        assert told == {
            "cut-stuck": "cut-stuck was not read in 2 seconds, the limit for one file; its reader "
            "was stopped",
            "cut-segfault": "cut-segfault was not read: its reader crashed",
        }
        records = {r.name: r.state for r in library.catalog.documents()}
        assert records == {"cut-stuck": "failed", "cut-segfault": "failed", "fine": "embedded"}
        assert [hit.document for hit in library.search("sales")] == ["fine"]


def test_a_failed_document_added_again_with_its_password_goes_in(
    fake_library: Open, tmp_path: Path
) -> None:
    library = fake_library()
    path = tmp_path / "secret.pdf"
    path.write_bytes(pdfs.encrypted(pdfs.make("Sales rose."), user="pw"))
    take_in(library, path)

    assert take_in(library, path, password="wrong")[-1].step == "failed"
    assert take_in(library, path, password="pw")[-1].step == "embedded"
    assert [r.state for r in library.catalog.documents()] == ["embedded"]


def test_a_document_over_the_page_limit_is_refused(fake_library: Open, write_pdf: Write) -> None:
    taken = take_in(fake_library(max_pages=2), write_pdf("long.pdf", "one", "two", "three"))

    assert taken[-1].step == "failed"
    assert "long.pdf" in taken[-1].message


def test_a_name_that_is_no_text_is_made_one(fake_library: Open, write_pdf: Write) -> None:
    path = write_pdf("a.pdf", "Sales rose.")
    odd = path.with_name(os.fsdecode(b"r\xe9sum\xe9.pdf"))
    try:
        path.rename(odd)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    library = fake_library()

    take_in(library, odd)

    assert [record.name for record in library.catalog.documents()] == ["r?sum?.pdf"]


def test_a_name_is_one_line_and_gives_a_terminal_no_orders(
    fake_library: Open, write_pdf: Write
) -> None:
    path = write_pdf("a.pdf", "Sales rose.")
    odd = path.rename(path.with_name("red \x1b[31m\n and  \x9b2J\u2028blue.pdf"))
    library = fake_library()

    take_in(library, odd)

    assert [record.name for record in library.catalog.documents()] == [
        "red  [31m  and   2J blue.pdf"
    ]


def test_what_is_queued_meanwhile_is_read_before_embedding_goes_on(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    library = fake_library()
    library.ingest.stage(write_pdf("many.pdf", *MANY))
    work = library.ingest.resume()
    seen = [next(work) for _ in range(3)]

    library.ingest.stage(write_pdf("late.pdf", *GARDEN))
    seen += work

    assert steps(seen)[2:6] == [
        ("many.pdf", "embedding"),
        ("late.pdf", "extracting"),
        ("late.pdf", "searchable"),
        ("many.pdf", "embedding"),
    ]


def test_way_is_given_before_each_batch(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    given_way: list[int] = []
    library = fake_library(give_way=lambda: given_way.append(library.ingest.vectors.count()))

    take_in(library, write_pdf("many.pdf", *MANY))

    assert given_way == [0, 6, 12]


# Kills


def abandoned(fake_library: Open, paths: Sequence[Path], n_steps: int) -> None:
    """A process that is gone after so many steps."""
    library = fake_library()
    work = library.ingest.take_in(paths)
    for _ in range(n_steps):
        next(work)
    work.close()
    library.close()


def test_a_kill_after_any_step_loses_nothing_and_doubles_nothing(
    fake_library: Open, write_pdf: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    paths = [write_pdf("many.pdf", *MANY), write_pdf("b.pdf", *HARBOUR)]
    whole = fake_library()
    n_steps = len(take_in(whole, *paths))
    expected = state(whole)
    whole.close()

    for n in range(1, n_steps + 1):
        (tmp_path / "library").rename(tmp_path / f"library-{n}")
        abandoned(fake_library, paths, n)
        library = fake_library()
        list(library.ingest.resume())
        take_in(library, *paths)
        assert (n, state(library)) == (n, expected)
        library.close()


def test_resuming_alone_finishes_all_that_was_queued(fake_library: Open, write_pdf: Write) -> None:
    paths = [write_pdf("a.pdf", *GARDEN), write_pdf("b.pdf", *HARBOUR)]
    library = fake_library()
    for path in paths:
        library.ingest.stage(path)
    library.close()

    library = fake_library()
    list(library.ingest.resume())

    assert [record.state for record in library.catalog.documents()] == ["embedded", "embedded"]
    assert list(library.ingest.resume()) == []


class DyingEmbedder(HashEmbedder):
    """Embeds so many batches, then the process is gone."""

    def __init__(self, n_batches: int) -> None:
        super().__init__()
        self.n_batches = n_batches

    def embed(self, texts: Sequence[str]) -> FloatArray:
        if self.n_batches == 0:
            raise Killed
        self.n_batches -= 1
        return super().embed(texts)


@pytest.mark.parametrize("n_batches", [0, 1, 2])
def test_a_kill_while_embedding_repeats_only_the_batch_in_hand(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch, n_batches: int
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    path = write_pdf("many.pdf", *MANY)
    library = fake_library(embedder=DyingEmbedder(n_batches))
    with pytest.raises(Killed):
        take_in(library, path)
    library.close()

    library = fake_library()
    (doc_id,) = library.catalog.in_state("searchable")
    assert library.catalog.search("word2x59", 1) == [f"{doc_id}:14"]
    first, *_, last = library.ingest.resume()

    assert (first.step, first.done, last.step) == ("embedding", 6 * n_batches, "embedded")
    assert library.ingest.vectors.count() == library.catalog.n_embedded() == 15


class DyingVectors:
    """Stands for the vectors of a process that is gone before or after one call of `method`."""

    def __init__(self, real: VectorIndex, method: str, *, after: bool) -> None:
        self._real, self._method, self._after = real, method, after

    def __getattr__(self, name: str) -> object:
        if name != self._method:
            return getattr(self._real, name)
        return self._die

    def _die(self, *arguments: object) -> None:
        if self._after:
            getattr(self._real, self._method)(*arguments)
        raise Killed


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_around_writing_vectors_doubles_nothing_and_embeds_nothing_again(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    library = fake_library()
    work = library.ingest.take_in([write_pdf("many.pdf", *MANY)])
    while next(work).done < 6:
        pass
    dying = replace(
        library.ingest, vectors=DyingVectors(library.ingest.vectors, "add", after=after)
    )
    with pytest.raises(Killed):
        list(dying.resume())
    assert library.ingest.vectors.count() == (12 if after else 6)
    library.close()

    library = fake_library()
    assert library.catalog.n_embedded() == 12
    list(library.ingest.resume())

    assert library.ingest.vectors.count() == library.catalog.n_embedded() == 15


def test_a_copy_that_was_not_entered_before_a_kill_is_gone_after_opening(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()
    take_in(library, write_pdf("a.pdf", *GARDEN))
    before = state(library)
    originals = library.ingest.originals
    for path in (incoming(originals), waiting(originals, "f" * 64)):
        path.write_bytes(b"%PDF-")
    library.close()

    library = fake_library()
    assert state(library) == before
    assert library.healed == ("Removed 2 copies of files not entered yet.",)


@pytest.mark.parametrize("after", ["queue", "put_in_place"])
def test_a_kill_while_a_document_is_entered_loses_neither_its_copy_nor_its_name(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    real = extract.put_in_place

    def killed(*arguments: Any, **named: Any) -> None:
        if after == "put_in_place":
            real(*arguments, **named)
        raise Killed

    library = fake_library()
    with monkeypatch.context() as patch:
        patch.setattr(extract, "put_in_place", killed)
        with pytest.raises(Killed):
            library.ingest.stage(write_pdf("a.pdf", *GARDEN))
    library.close()

    library = fake_library()
    list(library.ingest.resume())

    assert [(r.name, r.state) for r in library.catalog.documents()] == [("a.pdf", "embedded")]


def test_copies_that_an_older_library_db_does_not_know_are_entered_again(
    fake_library: Open, write_pdf: Write, tmp_path: Path
) -> None:
    library = fake_library()
    take_in(library, write_pdf("a.pdf", *GARDEN))
    (doc_id,) = library.catalog.document_ids()
    library.close()
    for path in (tmp_path / "library").glob("library.db*"):
        path.unlink()

    library = fake_library()
    assert library.healed[0].startswith("Entered 1 copy that library.db did not know")
    list(library.ingest.resume())

    (record,) = library.catalog.documents()
    assert (record.id, record.name, record.state) == (doc_id, doc_id[:12], "embedded")
    assert library.ingest.vectors.count() == 2


def test_what_is_queued_without_its_copy_in_place_is_not_read_yet(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fake_library()
    real = extract.put_in_place
    reading = threading.Thread(target=lambda: list(library.ingest.resume()))

    def slowly(*arguments: Any, **named: Any) -> None:
        reading.start()
        reading.join(0.3)
        real(*arguments, **named)

    monkeypatch.setattr(extract, "put_in_place", slowly)
    library.ingest.stage(write_pdf("a.pdf", *GARDEN))
    reading.join()

    assert [(r.name, r.state) for r in library.catalog.documents()] == [("a.pdf", "embedded")]


def test_a_start_after_a_kill_says_what_it_did(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    monkeypatch.setattr(Ingest, "close", lambda self: None)
    library = fake_library()
    assert library.healed == ()
    work = library.ingest.take_in([write_pdf("many.pdf", *MANY)])
    # The second batch begins when the first one is in the index.
    assert len([*islice((p for p in work if p.step == "embedding"), 2)]) == 2
    library.ingest.vectors.clear()
    library.close()

    for _ in range(2):
        library = fake_library()
        assert library.healed == (
            "Strongroom was not closed properly last time.",
            "The index of vectors is put right from the library.",
            "1 document still to be read or embedded.",
        )
        library.close()


@pytest.mark.parametrize("method", ["add", "discard"])
def test_a_kill_while_healing_is_healed_by_the_next_start(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(ingest, "INDEXED", 4)
    monkeypatch.setattr(Ingest, "close", lambda self: None)
    library = fake_library()
    take_in(library, write_pdf("many.pdf", *MANY))
    expected = state(library)
    library.ingest.vectors.clear()
    library.ingest.vectors.add(["gone:0"], ["gone"], np.eye(64, dtype=np.float32)[:1])
    for _ in range(2):
        dying = replace(
            library.ingest, vectors=DyingVectors(library.ingest.vectors, method, after=True)
        )
        with pytest.raises(Killed):
            list(dying.resume())
        library.close()
        library = fake_library()

    list(library.ingest.resume())

    assert {**state(library), "meta": []} == {**expected, "meta": []}


def test_an_index_that_is_begun_anew_meanwhile_is_whole_in_the_end(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    library = fake_library()
    for progress in library.ingest.take_in([write_pdf("many.pdf", *MANY)]):
        if (progress.step, progress.done) == ("embedding", 12):
            library.ingest.vectors.clear()

    assert library.ingest.vectors.count() == library.catalog.n_embedded() == 15


def test_a_document_read_again_leaves_nothing_of_its_former_chunks(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()
    take_in(library, write_pdf("many.pdf", *MANY))
    (doc_id,) = library.catalog.document_ids()
    library.close()

    library = fake_library(tokenizer=WordTokenizer(window=128))
    library.ingest.read_again(doc_id)
    list(library.ingest.resume())

    record = library.catalog.document(doc_id)
    assert record is not None
    assert (record.state, record.n_chunks) == ("embedded", 3)
    assert library.ingest.vectors.ids() == library.catalog.embedded_ids()


def test_a_document_that_cannot_be_read_again_keeps_what_was_read(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()
    take_in(library, write_pdf("garden.pdf", "Forty trees."))
    (doc_id,) = library.catalog.document_ids()
    (library.ingest.originals / doc_id).unlink()

    library.ingest.read_again(doc_id)
    steps = [progress.step for progress in library.ingest.resume()]

    record = library.catalog.document(doc_id)
    assert record is not None
    assert "failed" in steps
    assert (record.state, record.error_kind) == ("embedded", "UnreadableDocument")
    assert library.pages.text(doc_id, 1) == "Forty trees."
    assert library.ingest.vectors.ids() == library.catalog.embedded_ids()
    assert library.search("trees")


def test_a_folder_that_was_not_empty_keeps_what_was_in_it(
    fake_library: Open, tmp_path: Path
) -> None:
    names = ["photo.jpg", "originals/photo.jpg", "originals/.hidden", "chroma/photos/1.jpg"]
    for path in (tmp_path / "library" / name for name in names):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")

    library = fake_library()
    library.ingest.remove(["f" * 64])
    library.close()
    fake_library()

    assert [(tmp_path / "library" / name).read_bytes() for name in names] == [b"mine"] * 4


# OCR


class HalfScanned(CutHere):
    """Every document has one page of text and one that is a picture."""

    scanned = 0

    def read(self, path: Path, *, doc_id: str, name: str, **_: Any) -> Document:
        pages = (Page(1, "page 1", "Sales rose.", (1.0, 1.0)), Page(2, "page 2", "", (1.0, 1.0)))
        return Document(doc_id, name, "application/pdf", pages, unread=(2,))

    def ocr_page(self, path: Path, number: int, **_: Any) -> Page:
        HalfScanned.scanned += 1
        return Page(number, f"page {number} (OCR)", "Rent fell.", (1.0, 1.0))


def test_pages_that_wait_for_ocr_are_not_read_by_it_once_it_is_switched_off(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HalfScanned, "scanned", 0)
    library = fake_library()
    reader = HalfScanned(library.readers, WordTokenizer())
    library.ingest.pause()
    list(replace(library.ingest, reader=reader).take_in([write_pdf("a.pdf", "x")]))
    ((doc_id, waiting_pages),) = library.catalog.unread()
    assert waiting_pages == [2]

    library.ingest.pause(False)
    list(replace(library.ingest, reader=reader, ocr="never").resume())

    record = library.catalog.document(doc_id)
    assert record is not None
    assert (HalfScanned.scanned, library.catalog.unread(), record.state) == (0, [], "embedded")
    assert record.warnings == ("1 page without text: OCR is switched off.",)
    assert library.catalog.work().is_done


# Removing

SECRET = "Quuxberry was paid by Zyzzyva.\nVrombaut signed."
TOLD = "Quuxberry paid Vrombaut."


def traces(folder: Path, needles: dict[str, bytes]) -> set[tuple[str, str]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        (what, path.name)
        for path in files
        for what, needle in needles.items()
        if needle in path.read_bytes() or needle in path.name.encode()
    }


def needles(library: Library, doc_id: str) -> dict[str, bytes]:
    words = ["Quuxberry", "quuxberri", "Zyzzyva", "zyzzyva", "Vrombaut", "vrombaut", "ledger"]
    (chunk,) = library.catalog.chunks([f"{doc_id}:0"])
    kept = HashEmbedder().embed([chunk.embedded_text])[0].astype(np.float16)
    indexed = kept.astype(np.float32)
    return {
        "id": doc_id.encode(),
        "password": b"opensesame",
        "vector, kept": kept[:16].tobytes(),
        "vector, kept, end": kept[-16:].tobytes(),
        "vector, indexed": indexed[:16].tobytes(),
        "vector, indexed, end": indexed[-16:].tobytes(),
        **{word: word.encode() for word in words},
    }


def with_secret(library: Library, write_pdf: Write) -> str:
    """A library with a document to keep and one to remove, and answers from both."""
    secret = write_pdf("ledger.pdf", SECRET)
    secret.write_bytes(pdfs.encrypted(secret.read_bytes(), user="opensesame"))
    take_in(library, write_pdf("garden.pdf", *GARDEN))
    *_, last = take_in(library, secret, password="opensesame")
    for question, text in (("Whose ledger?", TOLD), ("How many apple trees?", "Forty trees.")):
        found = library.search(question, top_k=1)
        turn_id = library.catalog.begin_turn("c", "Who?")
        library.catalog.end_turn(turn_id, answer_from(*found, question="Who?", text=text))
    return last.doc_id


@pytest.fixture
def library(fake_library: Open) -> Iterator[Library]:
    return fake_library()


def test_removing_a_document_leaves_no_byte_of_it(library: Library, write_pdf: Write) -> None:
    folder = library.settings.library
    doc_id = with_secret(library, write_pdf)
    sought = needles(library, doc_id)
    assert {what for what, _ in traces(folder, sought)} == set(sought)

    library.ingest.remove([doc_id])

    assert traces(folder, sought) == set()
    library.close()
    assert traces(folder, sought) == set()


def test_bytes_that_another_process_keeps_in_the_log_are_erased_once_it_is_done(
    library: Library, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = library.settings.library
    doc_id = with_secret(library, write_pdf)
    sought = needles(library, doc_id)
    rewritten: list[bool] = []
    rewrite = type(library.ingest.vectors).rewrite
    monkeypatch.setattr(
        type(library.ingest.vectors),
        "rewrite",
        lambda self, *given: rewritten.append(True) or rewrite(self, *given),
    )
    with closing(sqlite3.connect(folder / "library.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM pages").fetchall()
        library.ingest.remove([doc_id])
        assert {name for _, name in traces(folder, sought)} <= {"library.db", "library.db-wal"}
        assert traces(folder, sought) != set()
        assert library.ingest.has_traces
        assert library.ingest.erase_traces() is False

    assert library.ingest.erase_traces() is True
    assert (traces(folder, sought), library.ingest.has_traces) == (set(), False)
    assert rewritten == [True]


def test_removing_a_document_removes_its_answers_and_keeps_the_others(
    library: Library, write_pdf: Write
) -> None:
    doc_id = with_secret(library, write_pdf)

    library.ingest.remove([doc_id])

    conversation = library.catalog.conversation("c")
    assert conversation is not None
    assert [t.answer and t.answer.text for t in conversation.turns] == [None, "Forty trees."]
    assert [r.name for r in library.catalog.documents()] == ["garden.pdf"]
    assert {hit.document for hit in library.search("Quuxberry apple")} == {"garden.pdf"}
    assert library.ingest.vectors.count() == library.catalog.n_embedded()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("method", ["remove", "rewrite"])
def test_a_removal_broken_off_by_a_kill_is_finished_at_the_next_opening(
    library: Library, fake_library: Open, write_pdf: Write, method: str, after: bool
) -> None:
    folder = library.settings.library
    doc_id = with_secret(library, write_pdf)
    sought = needles(library, doc_id)
    dying = replace(
        library.ingest, vectors=DyingVectors(library.ingest.vectors, method, after=after)
    )
    with pytest.raises(Killed):
        dying.remove([doc_id])
    library.close()

    library = fake_library()

    assert traces(folder, sought) == set()
    assert [r.state for r in library.catalog.documents()] == ["embedded"]
    assert library.ingest.vectors.count() == library.catalog.n_embedded()


def test_a_document_removed_between_two_steps_does_not_come_back(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 6)
    path = write_pdf("many.pdf", *MANY)
    library = fake_library()
    empty = state(library)

    for n_steps in range(1, 7):
        work = library.ingest.take_in([path])
        doc_id = [next(work) for _ in range(n_steps)][-1].doc_id
        library.ingest.remove([doc_id])
        list(work)
        assert (n_steps, {**state(library), "meta": []}) == (n_steps, {**empty, "meta": []})


def test_a_document_removed_while_it_is_read_does_not_come_back(
    fake_library: Open, write_pdf: Write
) -> None:
    class Removing(WordTokenizer):
        def token_ends(self, text: str) -> IntArray:
            library.ingest.remove(library.catalog.document_ids())
            return super().token_ends(text)

    library = fake_library(tokenizer=Removing())

    taken = take_in(library, write_pdf("a.pdf", *GARDEN))

    assert set(steps(taken)) == {("a.pdf", "queued"), ("a.pdf", "extracting")}
    assert library.search("apple") == ()
    assert list(library.ingest.originals.iterdir()) == []


def test_removing_nothing_or_what_is_not_there_changes_nothing(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()
    take_in(library, write_pdf("a.pdf", *GARDEN))
    library.ingest.remove(["f" * 64])
    before = state(library)

    library.ingest.remove([])
    library.ingest.remove(["f" * 64])

    assert state(library) == before


# Vectors that are gone


def test_vectors_that_are_gone_are_made_again(
    fake_library: Open, write_pdf: Write, tmp_path: Path
) -> None:
    library = fake_library()
    take_in(library, write_pdf("a.pdf", *GARDEN), write_pdf("b.pdf", *HARBOUR))
    expected = state(library)
    library.close()
    (tmp_path / "library" / "chroma").rename(tmp_path / "gone")

    library = fake_library()
    assert library.ingest.vectors.count() == 0
    assert library.healed == ("The index of vectors is put right from the library.",)
    assert [hit.origin for hit in library.search("lighthouse")] == ["lexical"]
    list(library.ingest.resume())

    assert {**state(library), "meta": []} == {**expected, "meta": []}
