import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from libraries import GARDEN, HARBOUR

from rag import check as checking
from rag.check import Finding, Report, check, repair
from rag.library import Library
from rag.testing import HashEmbedder
from rag.types import Progress

Open = Callable[..., Library]
Write = Callable[..., Path]


@pytest.fixture
def library(fake_library: Open, write_pdf: Write) -> Library:
    opened = fake_library()
    paths = [write_pdf("garden.pdf", *GARDEN), write_pdf("harbour.pdf", *HARBOUR)]
    list(opened.ingest.take_in(paths))
    return opened


def found(report: Report) -> list[tuple[str, str]]:
    return [(finding.kind, finding.document) for finding in report.findings]


def mended(library: Library) -> Report:
    list(repair(library, check(library)))
    return check(library)


def garden(library: Library) -> str:
    return next(r.id for r in library.catalog.documents() if r.name == "garden.pdf")


def change(library: Library, *statements: str) -> None:
    """As a bad disk or another program would, behind the library's back."""
    with closing(sqlite3.connect(library.settings.library / "library.db")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def contents(library: Library) -> dict[str, object]:
    """All that the library knows and can find."""
    catalog, vectors = library.catalog, library.ingest.vectors
    ids = sorted(catalog.embedded_ids())
    return {
        "documents": catalog.documents(),
        "pages": [library.pages.text(r.id, n) for r in catalog.documents() for n in (1, 2)],
        "chunks": catalog.chunks(ids),
        "kept": catalog.kept_bytes(ids),
        "index": {i: row.tobytes() for i, row in vectors.get(ids).items()},
        "n": vectors.count(),
        "words": [catalog.search(word, 9) for word in ("apple", "lighthouse", "cellar")],
    }


def test_a_whole_library_has_nothing_wrong_with_it(library: Library) -> None:
    assert check(library) == Report((), n_documents=2, n_pages=3, n_chunks=3, n_vectors=3)


def test_an_empty_library_has_nothing_wrong_with_it(fake_library: Open) -> None:
    assert check(fake_library()) == Report((), 0, 0, 0, 0)


def test_looking_changes_nothing(library: Library) -> None:
    change(library, "DELETE FROM pages WHERE number = 2", "UPDATE documents SET n_embedded = 7")
    library.ingest.vectors.clear()
    before = contents(library)

    assert not check(library).ok
    assert contents(library) == before


def test_repairing_what_is_whole_changes_nothing(library: Library) -> None:
    before = contents(library)

    list(repair(library, check(library)))

    assert contents(library) == before


@pytest.mark.parametrize(
    ("damage", "kind", "document"),
    [
        ("INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')", "words", ""),
        ("DELETE FROM chunks_fts_data", "words", ""),
        ("DELETE FROM chunks_fts_docsize", "words", ""),
        ("DROP TABLE chunks_fts", "words", ""),
        ("DELETE FROM pages WHERE number = 2", "text", "garden.pdf"),
        ("UPDATE pages SET text = 'x' || text WHERE number = 2", "text", "garden.pdf"),
        ("UPDATE chunks SET spans = '[[1, 0, 5]]' WHERE text LIKE 'Pears%'", "text", "garden.pdf"),
        ("UPDATE chunks SET spans = 'x' WHERE text LIKE 'Pears%'", "text", "garden.pdf"),
        ("UPDATE chunks SET id = 'x' WHERE text LIKE 'Pears%'", "text", "garden.pdf"),
        ("UPDATE documents SET n_chunks = 3 WHERE name = 'garden.pdf'", "text", "garden.pdf"),
        ("UPDATE documents SET n_pages = 1 WHERE name = 'garden.pdf'", "text", "garden.pdf"),
        ("UPDATE documents SET n_embedded = 1 WHERE name = 'garden.pdf'", "count", "garden.pdf"),
        ("UPDATE documents SET state = 'searchable' WHERE name = 'garden.pdf'", "count",
         "garden.pdf"),
        ("UPDATE vectors SET vector = x'00' WHERE chunk = 1", "vector", "garden.pdf"),
        ("UPDATE vectors SET vector = zeroblob(128) WHERE chunk = 1", "vector", "garden.pdf"),
        ("DELETE FROM vectors WHERE chunk = 1", "vector", "garden.pdf"),
        ("INSERT INTO scans VALUES ('gone', 1, '', '', 0, 0, '')", "file", ""),
    ],
)  # fmt: skip
def test_damage_to_library_db_is_found_and_mended(
    library: Library, damage: str, kind: str, document: str
) -> None:
    before = contents(library)
    change(library, damage)

    report = check(library)

    assert (kind, document) in found(report)
    assert all(finding.remedy for finding in report.findings)
    assert mended(library).findings == ()
    assert contents(library) == before


def test_a_source_whose_collection_is_gone_stays_with_its_documents(
    library: Library, write_pdf: Write
) -> None:
    folder = write_pdf("inside/pears.pdf", "Pears ripen in September.").parent
    source, _ = library.sources.add(folder)
    list(library.sources.sync(source).run())
    list(library.ingest.resume())
    change(library, "UPDATE sources SET collection = 77")
    assert [finding.kind for finding in check(library).findings] == ["file"]

    assert mended(library).ok
    assert [(s.path, s.n_documents, s.collection) for s in library.catalog.sources()] == [
        (source, 1, "")
    ]
    list(library.sources.sync(source).run())
    assert {r.name for r in library.catalog.documents()} == {
        "garden.pdf", "harbour.pdf", "pears.pdf",
    }  # fmt: skip


def test_vectors_that_are_no_numbers_are_made_again(library: Library) -> None:
    before = contents(library)
    nan = np.full(HashEmbedder().dim, np.nan, np.float16).tobytes().hex()
    change(library, f"UPDATE vectors SET vector = x'{nan}' WHERE chunk = 2")

    (finding,) = check(library).findings

    doc_id = garden(library)
    assert finding == Finding(
        "vector",
        "1 vector of it in library.db cannot be used.",
        "embeds these chunks again",
        "garden.pdf",
        doc_id,
        (f"{doc_id}:1",),
    )
    assert mended(library).ok
    assert contents(library) == before


def test_only_chunks_with_bad_vectors_are_embedded_again(
    fake_library: Open, write_pdf: Write
) -> None:
    embedded: list[str] = []

    class Counting(HashEmbedder):
        def embed(self, texts):
            embedded.extend(texts)
            return super().embed(texts)

    library = fake_library(embedder=Counting())
    list(library.ingest.take_in([write_pdf("garden.pdf", *GARDEN)]))
    embedded.clear()
    change(library, "UPDATE vectors SET vector = zeroblob(128) WHERE chunk = 2")
    library.ingest.vectors.clear()

    assert mended(library).ok
    assert [text.splitlines()[1] for text in embedded] == ["Pears ripen in September."]


# Chroma


def test_vectors_that_the_index_lacks_are_put_back(library: Library) -> None:
    before = contents(library)
    library.ingest.vectors.remove(garden(library))

    assert found(check(library)) == [("index", "garden.pdf")]
    assert mended(library).ok
    assert contents(library) == before


def test_an_index_with_more_or_other_vectors_is_made_what_library_db_keeps(
    library: Library,
) -> None:
    before = contents(library)
    doc_id = garden(library)
    row = np.eye(64, dtype=np.float32)[:1]
    library.ingest.vectors.add([f"{doc_id}:0"], [doc_id], row)
    library.ingest.vectors.add(["gone:0"], ["gone"], row)

    assert [(f.document, f.what) for f in check(library).findings] == [
        ("garden.pdf", "1 vector of it not the same in the index as in library.db."),
        ("", "1 vector in the index of no embedded chunk."),
    ]
    assert mended(library).ok
    assert contents(library) == before


@pytest.mark.parametrize("damage", ["folder gone", "rubbish"])
def test_a_broken_chroma_folder_is_filled_from_library_db(
    library: Library, fake_library: Open, damage: str
) -> None:
    before = contents(library)
    library.close()
    folder = library.settings.library / "chroma"
    if damage == "rubbish":
        for path in folder.rglob("chroma.sqlite3"):
            path.write_bytes(b"rubbish" * 5000)
    else:
        shutil.rmtree(folder)

    library = fake_library(embedder=None)

    assert [(f.kind, f.what) for f in check(library).findings] == [
        ("index", "The index of vectors is empty, and library.db has some.")
    ]
    assert mended(library).ok
    assert contents(library) == before


# Originals


@pytest.mark.parametrize(
    ("damage", "what"), [("gone", "is gone"), ("altered", "was altered"), ("folder", "cannot be")]
)
def test_a_document_without_its_original_is_marked_and_keeps_its_text(
    library: Library, write_pdf: Write, damage: str, what: str
) -> None:
    before = contents(library)
    original = library.ingest.originals / garden(library)
    original.unlink()
    if damage == "altered":
        original.write_bytes(b"something else")
    if damage == "folder":
        original.mkdir()

    left = mended(library)

    assert found(left) == [("original", "garden.pdf")]
    assert what in left.findings[0].what
    assert left.findings[0].remedy == ""
    record = library.catalog.document(garden(library))
    assert record is not None
    assert (record.state, record.error) == ("embedded", left.findings[0].what)
    assert [hit.document for hit in library.search("apple trees", top_k=1)] == ["garden.pdf"]

    if damage == "folder":
        original.rmdir()
    list(library.ingest.take_in([write_pdf("garden.pdf", *GARDEN)]))
    assert check(library).ok
    assert contents(library) == before


def test_the_mark_goes_when_the_original_is_back(library: Library) -> None:
    before = contents(library)
    original = library.ingest.originals / garden(library)
    original.rename(original.with_name("aside"))
    mended(library)

    original.with_name("aside").rename(original)

    assert mended(library).ok
    assert contents(library) == before


def test_wrong_text_stays_where_there_is_no_original_to_read_it_from(library: Library) -> None:
    change(library, "UPDATE pages SET text = 'x' || text WHERE number = 2")
    (library.ingest.originals / garden(library)).unlink()

    left = mended(library)

    assert found(left) == [("original", "garden.pdf"), ("text", "garden.pdf")]
    assert [finding.remedy for finding in left.findings] == ["", ""]
    assert library.pages.text(garden(library), 2).startswith("xPears")


def test_a_copy_that_is_not_what_its_name_says_is_left_to_the_person(library: Library) -> None:
    path = library.ingest.originals / ("f" * 64)
    path.write_bytes(b"not these bytes")
    (library.ingest.originals / "notes.txt").write_text("mine")

    left = mended(library)

    assert found(left) == [("copy", "")]
    assert str(path) in left.findings[0].what
    assert path.read_bytes() == b"not these bytes"


# Kills, and size


def test_a_repair_broken_off_after_any_step_can_be_done_again(
    library: Library, fake_library: Open
) -> None:
    before = contents(library)
    damage = (
        "INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')",
        "UPDATE pages SET text = 'x' || text WHERE number = 2",
        "DELETE FROM vectors WHERE chunk = 3",
    )
    n_steps = 0
    while True:
        change(library, *damage)
        library.ingest.vectors.clear()
        work = repair(library, check(library))
        taken: list[Progress] = [p for p, _ in zip(work, range(n_steps), strict=False)]
        work.close()
        library.close()
        library = fake_library()

        assert mended(library).ok
        assert contents(library) == before
        if len(taken) < n_steps:
            return
        n_steps += 1


def test_large_documents_are_looked_at_a_part_at_a_time(
    fake_library: Open, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "SOME", 2)
    library = fake_library()
    pages = [" ".join(f"word{page}x{i}" for i in range(60)) for page in range(3)]
    list(library.ingest.take_in([write_pdf("many.pdf", *pages)]))
    assert check(library) == Report((), 1, 3, 15, 15)

    change(library, "UPDATE vectors SET vector = zeroblob(128) WHERE chunk IN (1, 2, 3, 14)")

    (finding,) = check(library).findings
    assert len(finding.chunk_ids) == 4
