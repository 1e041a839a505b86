import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import astuple, replace
from datetime import date, datetime, timedelta
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import answer_from, document, hit

from rag.catalog import REMOVED, Catalog, path_from_text, path_to_text
from rag.chunk import chunk
from rag.errors import (
    FilterError,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMismatch,
)
from rag.schema import MIGRATIONS, SCHEMA, VERSION
from rag.scope import GONE, TYPES
from rag.testing import WordTokenizer
from rag.types import Collection, Document, FileRecord, Filter, Line, Page

A, B, C = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    with closing(Catalog(path)) as opened:
        yield opened


def store(catalog: Catalog, made: Document) -> list[str]:
    """Queue and store it. Returns the chunks' ids."""
    chunks = chunk(made, WordTokenizer())
    catalog.queue(made.id, made.name, 100, None)
    catalog.store(made, chunks)
    return [c.id for c in chunks]


def embed(catalog: Catalog, chunk_ids: list[str]) -> None:
    catalog.store_vectors(chunk_ids, np.eye(len(chunk_ids), 4, dtype=np.float32))


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE sql > ''")]
        return {
            name: db.execute(f"SELECT * FROM {name}").fetchall()
            for name in tables
            if name in ("meta", "documents", "pages", "chunks", "turns", "turn_documents")
        }


# Documents


def test_a_document_goes_from_queued_to_searchable_to_embedded(catalog: Catalog) -> None:
    catalog.queue(A, "report.pdf", 1234, "secret")
    assert catalog.in_state("queued") == [A]

    made = replace(
        document("Sales rose.", doc_id=A), title="Report", warnings=("Page 2 is empty.",)
    )
    (chunk_id,) = store(catalog, made)
    assert catalog.in_state("searchable") == [A]

    embed(catalog, [chunk_id])
    (record,) = catalog.documents()
    assert (record.id, record.name, record.title) == (A, "report.pdf", "Report")
    assert record.state == "embedded"
    assert (record.n_pages, record.n_chunks, record.n_embedded) == (1, 1, 1)
    assert record.warnings == ("Page 2 is empty.",)
    assert catalog.password(A) == "secret"


def test_a_document_is_embedded_only_with_its_last_chunk(catalog: Catalog) -> None:
    ids = store(catalog, document("Sales rose. " * 20, doc_id=A))

    embed(catalog, ids[:-1])
    assert catalog.in_state("searchable") == [A]
    assert [c.id for c in catalog.unembedded(9)] == ids[-1:]
    assert catalog.n_embedded() == len(ids) - 1

    embed(catalog, ids[-1:])
    assert catalog.in_state("embedded") == [A]
    assert catalog.unembedded(9) == []


def test_pages_and_chunks_come_back_as_they_were_stored(catalog: Catalog) -> None:
    made = document("Sales\x00 rose “much”. ", "資産 👩‍👩‍👧", doc_id=A)
    ids = store(catalog, made)

    for page in made.pages:
        stored = catalog.page(A, page.number)
        assert stored is not None
        assert (stored.number, stored.label, stored.text, stored.size) == (
            page.number, page.label, page.text, page.size,
        )  # fmt: skip
    assert catalog.chunks(ids) == list(chunk(made, WordTokenizer()))


def test_what_is_not_there_is_none_or_left_out(catalog: Catalog) -> None:
    (chunk_id,) = store(catalog, document("Sales rose.", doc_id=A))

    assert catalog.document(B) is None
    assert catalog.password(B) is None
    assert catalog.page(A, 2) is None
    assert catalog.place(B, 1) == ("", "")
    assert [c.id for c in catalog.chunks(["gone", chunk_id])] == [chunk_id]
    assert catalog.chunks([]) == []
    assert catalog.conversation("gone") is None


def test_storing_twice_equals_storing_once(path: Path, catalog: Catalog) -> None:
    made = document("Sales rose.", doc_id=A)
    store(catalog, made)
    before = rows(path)

    catalog.store(made, chunk(made, WordTokenizer()))

    assert rows(path) == before
    assert catalog.search("sales", 9) == [f"{A}:0"]


def test_a_failed_document_keeps_its_reason_and_none_of_its_text(catalog: Catalog) -> None:
    store(catalog, document("Sales rose.", doc_id=A))

    catalog.fail(A, "report.pdf is damaged. Get it again.", "DamagedDocument")

    (record,) = catalog.documents()
    assert (record.state, record.error_kind) == ("failed", "DamagedDocument")
    assert record.error == "report.pdf is damaged. Get it again."
    assert (record.n_pages, record.n_chunks, catalog.search("sales", 9)) == (0, 0, [])


def test_pages_of_a_failed_document_are_not_kept_nor_counted_for_another(catalog: Catalog) -> None:
    for doc_id in (A, B):
        made = document("Sales rose.", "", "", doc_id=doc_id)
        catalog.queue(doc_id, "report.pdf", 1, None)
        catalog.store(made, chunk(made, WordTokenizer()), unread=[2, 3])
    catalog.store_scan(A, SCAN)
    catalog.store_scan(A, replace(SCAN, number=3))
    catalog.store_scan(B, SCAN)
    work = catalog.work()
    assert (work.scans_left, work.scans_done) == (1, 3)

    catalog.fail(A, "report.pdf is damaged. Get it again.", "DamagedDocument")

    work = catalog.work()
    assert (catalog.scans(A), work.scans_left, work.scans_done) == ([], 1, 1)


def test_pages_that_a_failed_document_has_kept_from_earlier_are_not_counted(
    catalog: Catalog,
) -> None:
    made = document("Sales rose.", "", doc_id=B)
    catalog.queue(A, "a.pdf", 1, None)
    catalog.queue(B, "b.pdf", 1, None)
    catalog.store(made, chunk(made, WordTokenizer()), unread=[2])
    catalog.fail(A, "a.pdf is damaged. Get it again.", "DamagedDocument")
    catalog.store_scan(A, SCAN)

    work = catalog.work()
    assert (work.scans_left, work.scans_done) == (1, 0)


def test_queueing_a_failed_document_again_forgets_the_failure_but_not_the_password(
    catalog: Catalog,
) -> None:
    catalog.queue(A, "report.pdf", 100, "secret")
    catalog.fail(A, "wrong", "EncryptedDocument")

    catalog.queue(A, "report.pdf", 100, None)

    (record,) = catalog.documents()
    assert (record.state, record.error, record.error_kind) == ("queued", "", "")
    assert catalog.password(A) == "secret"


def test_documents_come_newest_first_and_work_oldest_first(catalog: Catalog) -> None:
    catalog.queue(A, "first.pdf", 1, None)
    catalog.queue(B, "second.pdf", 1, None)

    assert [record.id for record in catalog.documents()] == [B, A]
    assert catalog.in_state("queued") == [A, B]
    assert catalog.document_ids() == {A, B}


def test_forgetting_vectors_makes_every_document_searchable_again(catalog: Catalog) -> None:
    ids = store(catalog, document("Sales rose.", doc_id=A))
    embed(catalog, ids)

    catalog.forget_vectors()

    assert catalog.in_state("searchable") == [A]
    assert catalog.n_embedded() == 0


def test_removing_a_document_leaves_the_others(path: Path, catalog: Catalog) -> None:
    store(catalog, document("Sales rose.", doc_id=B))
    before = rows(path)
    store(catalog, document("Costs fell.", doc_id=A))

    catalog.remove(A)

    assert rows(path) == before
    assert (catalog.search("costs", 9), catalog.search("sales", 9)) == ([], [f"{B}:0"])


# Search


def test_search_ranks_by_words_and_knows_word_forms_and_accents(catalog: Catalog) -> None:
    store(catalog, document("The café paid dividends.", doc_id=A, name="a.pdf"))
    store(catalog, document("A dividend, dividend, dividend.", doc_id=B, name="b.pdf"))

    assert catalog.search("Which dividend?", 9) == [f"{B}:0", f"{A}:0"]
    assert catalog.search("CAFE", 9) == [f"{A}:0"]
    assert catalog.search("dividend", 1) == [f"{B}:0"]


def test_search_looks_in_the_chosen_documents_alone(catalog: Catalog) -> None:
    for doc_id in (A, B, C):
        store(catalog, document("Sales rose.", "Costs fell.", doc_id=doc_id))

    found = {chosen: catalog.holding(["sales"], 9, doc_ids=chosen) for chosen in (None, (C, A), ())}

    assert {i[0] for i, _ in found[None]} == {"a", "b", "c"}
    assert {i[0] for i, _ in found[C, A]} == {"a", "c"}
    assert found[()] == []
    assert (catalog.n_chunks(), catalog.n_chunks([A, B])) == (3, 2)


def test_words_are_counted_in_all_their_forms(catalog: Catalog) -> None:
    for doc_id, text in zip((A, B, C), ("Sales rose.", "A sale.", "Costs fell."), strict=True):
        store(catalog, document(text, doc_id=doc_id, name="a.pdf"))

    assert catalog.n_holding(["sales", "cost", "2019"]) == {"sales": 2, "cost": 1, "2019": 0}


def test_chunks_tell_their_pages_and_pages_their_text(catalog: Catalog) -> None:
    (chunk_id,) = store(catalog, document("Sales rose.", "Costs fell.", doc_id=A))

    assert catalog.places([chunk_id, "gone"]) == {chunk_id: ((A, 1), (A, 2))}
    assert catalog.pages([(A, 2), (B, 1)]) == {(A, 2): ("2", "Costs fell.")}


def test_every_document_that_holds_the_words_is_counted(catalog: Catalog) -> None:
    first = store(catalog, document("Net sales rose. " * 40, "Net sales fell.", doc_id=A))
    store(catalog, document("Sales, net of tax, rose.", doc_id=B, name="net sales.pdf"))
    store(catalog, document("Net sale.", doc_id=C))

    exact = catalog.mentions([["net", "sales"]], exact=True)
    apart = catalog.mentions([["net", "sales"]], exact=False)

    assert [(m.doc_id, m.chunk_id) for m in exact] == [(A, first[0]), (C, f"{C}:0")]
    assert exact[0].n_passages == len(first) > 1
    assert {m.doc_id for m in apart} == {A, B, C}
    either = catalog.mentions([["tax"], ["fell"]], exact=True)
    assert {m.doc_id: m.n_passages for m in either} == {A: 1, B: 1}
    assert {m.doc_id for m in catalog.mentions([["net"]], exact=True, doc_ids=[B, C])} == {B, C}


def test_vectors_of_chosen_documents_come_with_their_chunks(catalog: Catalog) -> None:
    ids = [i for d in (A, B) for i in store(catalog, document("Sales rose.", doc_id=d))]
    embed(catalog, ids)
    store(catalog, document("Costs fell.", doc_id=C))

    found, vectors = catalog.vectors_of([B, C])

    assert (found, catalog.n_chunks([B, C])) == (ids[1:], 2)
    assert vectors.tolist() == catalog.vectors(found)[1].tolist()
    assert catalog.vectors_of([C])[0] == []


def test_search_finds_the_file_name(catalog: Catalog) -> None:
    store(catalog, document("Sales rose.", doc_id=A, name="3M_2018_10K.pdf"))

    assert catalog.search("What is in the 3M report?", 9) == [f"{A}:0"]


@pytest.mark.parametrize(
    "question",
    ["", "___", "² ½ ③", '"', "a AND NOT (b", "col:x*", "\x00sales", "\udcff", "w " * 9000],
)
def test_no_question_breaks_the_search(catalog: Catalog, question: str) -> None:
    store(catalog, document("Nothing of that kind.", doc_id=A, name="plain.pdf"))

    assert catalog.search(question, 9) == []


@given(question=st.text(max_size=200))
def test_any_text_can_be_searched_for(
    tmp_path_factory: pytest.TempPathFactory, question: str
) -> None:
    with closing(Catalog(tmp_path_factory.getbasetemp() / "empty.db")) as catalog:
        assert catalog.search(question, 9) == []


# Conversations


def test_an_answer_comes_back_as_it_was(catalog: Catalog) -> None:
    store(catalog, document("Forty trees.", doc_id=A))
    answer = answer_from(hit("Forty trees.", doc_id=A))
    turn_id = catalog.begin_turn("c1", answer.question)

    waiting = catalog.conversation("c1")
    catalog.end_turn(turn_id, answer)
    finished = catalog.conversation("c1")

    assert waiting is not None
    assert [(t.id, t.question, t.answer) for t in waiting.turns] == [(turn_id, "How many?", None)]
    assert finished is not None
    assert [t.answer for t in finished.turns] == [answer]


def test_a_conversation_is_named_by_its_first_question_and_the_latest_comes_first(
    catalog: Catalog,
) -> None:
    catalog.begin_turn("c1", "How many? " + "x" * 100)
    catalog.begin_turn("c2", "Who?")
    catalog.begin_turn("c1", "And then?")

    found = catalog.conversations()

    assert [(c.id, len(c.title)) for c in found] == [("c1", 80), ("c2", 4)]


def test_a_turn_without_an_answer_says_why(catalog: Catalog) -> None:
    turn_id = catalog.begin_turn("c1", "How many?")

    catalog.note_turn(turn_id, "The model is missing.")

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert conversation.turns[0].note == "The model is missing."


def test_removing_a_document_removes_the_answers_that_drew_on_it_and_no_others(
    catalog: Catalog,
) -> None:
    for doc_id in (A, B):
        store(catalog, document("Forty trees.", doc_id=doc_id))
        turn_id = catalog.begin_turn("c1", "How many?")
        catalog.end_turn(turn_id, answer_from(hit("Forty trees.", doc_id=doc_id)))

    catalog.remove(A)

    conversation = catalog.conversation("c1")
    assert conversation is not None
    found = [(t.answer is None, t.note) for t in conversation.turns]
    assert found == [(True, REMOVED), (False, "")]


@pytest.mark.parametrize("told", ["citations", "nearest", "conflicts"])
def test_an_answer_goes_with_a_document_that_it_quotes_beside_those_read(
    catalog: Catalog, told: str
) -> None:
    for doc_id in (A, B):
        store(catalog, document("Forty trees.", doc_id=doc_id))
    read, other = hit("Forty trees.", doc_id=A), hit("Forty trees.", doc_id=B)
    (quote,) = answer_from(other).citations
    turn_id = catalog.begin_turn("c1", "How many?")
    catalog.end_turn(turn_id, replace(answer_from(read), **{told: (quote,)}))

    catalog.remove(B)

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert [(turn.answer, turn.note) for turn in conversation.turns] == [(None, REMOVED)]


def test_an_answer_is_not_saved_when_its_document_was_removed_meanwhile(catalog: Catalog) -> None:
    store(catalog, document("Forty trees.", doc_id=A))
    turn_id = catalog.begin_turn("c1", "How many?")
    catalog.remove(A)

    catalog.end_turn(turn_id, answer_from(hit("Forty trees.", doc_id=A)))

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert [(t.answer, t.note) for t in conversation.turns] == [(None, REMOVED)]


def test_an_answer_goes_with_a_document_that_it_only_names(catalog: Catalog) -> None:
    for doc_id in (A, B):
        store(catalog, document("Forty trees.", doc_id=doc_id))
    found = replace(answer_from(hit("Forty trees.", doc_id=A)), named=(B,))
    catalog.end_turn(catalog.begin_turn("c1", "How many in each?"), found)

    catalog.remove(B)

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert [(turn.answer, turn.note) for turn in conversation.turns] == [(None, REMOVED)]


def followed_up(catalog: Catalog, *, understood: str) -> tuple[int, int]:
    """A turn that drew on A, a running one behind it, and one that drew on C behind that."""
    for doc_id in (A, B, C):
        store(catalog, document("Forty trees.", doc_id=doc_id))
    first = catalog.begin_turn("c1", "Who is the manager?")
    catalog.end_turn(first, answer_from(hit("Priya Nair is the manager.", doc_id=A)))
    second = catalog.begin_turn("c1", "What does she earn?")
    answer = replace(answer_from(hit("Not told.", doc_id=B)), understood=understood)
    catalog.end_turn(second, answer)
    third = catalog.begin_turn("c1", "And in 2024?")
    return second, third


def test_an_answer_goes_with_a_document_that_the_turn_it_leans_on_drew_on(
    path: Path, catalog: Catalog
) -> None:
    _, third = followed_up(catalog, understood="What does Priya Nair earn?")
    leaning = answer_from(hit("Forty.", doc_id=C))
    catalog.end_turn(third, replace(leaning, understood="What does Priya Nair earn in 2024?"))

    catalog.remove(A)
    catalog.erase_free_space()

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert [(t.answer, t.note) for t in conversation.turns] == [(None, REMOVED)] * 3
    assert b"Priya" not in path.read_bytes()


def test_an_answer_that_leans_on_nothing_stays(catalog: Catalog) -> None:
    _, third = followed_up(catalog, understood="")
    catalog.note_turn(third, "The model is missing.")

    catalog.remove(A)

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert [(bool(t.answer), t.note) for t in conversation.turns] == [
        (False, REMOVED), (True, ""), (False, "The model is missing."),
    ]  # fmt: skip


@pytest.mark.parametrize("understood", ["What does Priya Nair earn in 2024?", ""])
def test_an_answer_is_saved_only_if_what_it_leans_on_is_still_there(
    catalog: Catalog, understood: str
) -> None:
    _, third = followed_up(catalog, understood="What does Priya Nair earn?")
    catalog.remove(A)
    answer = replace(answer_from(hit("Forty.", doc_id=C)), understood=understood)

    catalog.end_turn(third, answer)

    conversation = catalog.conversation("c1")
    assert conversation is not None
    last = conversation.turns[-1]
    assert (last.answer, last.note) == ((None, REMOVED) if understood else (answer, ""))


def test_removing_a_conversation_removes_its_turns(path: Path, catalog: Catalog) -> None:
    before = rows(path)
    store(catalog, document("Forty trees.", doc_id=A))
    catalog.end_turn(catalog.begin_turn("c1", "How?"), answer_from(hit("Forty trees.", doc_id=A)))

    catalog.remove_conversation("c1")
    catalog.remove(A)

    assert (rows(path), catalog.conversations()) == (before, [])


# The file


def test_a_reader_sees_what_a_writer_has_done(path: Path, catalog: Catalog) -> None:
    with closing(Catalog(path, readonly=True)) as reader:
        catalog.queue(A, "report.pdf", 1, None)
        assert [record.id for record in reader.documents()] == [A]
        with pytest.raises(StoreCorrupt):
            reader.queue(B, "other.pdf", 1, None)


def test_a_reader_may_come_when_no_writer_is_there(path: Path) -> None:
    with closing(Catalog(path)) as writer:
        writer.queue(A, "report.pdf", 1, None)

    with closing(Catalog(path, readonly=True)) as reader:
        assert reader.document_ids() == {A}


def test_many_threads_may_use_it_at_once(catalog: Catalog) -> None:
    def work(n: int) -> None:
        for i in range(10):
            store(catalog, document(f"Sales rose {n} {i}.", doc_id=f"{n}-{i}"))
            catalog.search("sales", 9)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(catalog.documents()) == 40


def test_meta_values_are_kept(path: Path) -> None:
    with closing(Catalog(path)) as catalog:
        catalog.set_meta("embedder", "old")
        catalog.set_meta("embedder", "new")

    with closing(Catalog(path)) as catalog:
        assert (catalog.meta("embedder"), catalog.meta("other")) == ("new", None)


def test_a_library_of_a_newer_version_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")

    with pytest.raises(StoreMismatch, match=rf"newer Strongroom \(format {VERSION + 1}; this one"):
        Catalog(path)


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"x" * 5000]
)
def test_a_file_that_is_no_library_is_refused_by_name(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    for readonly in (False, True):
        with pytest.raises(StoreCorrupt, match=f"The library {path} cannot be used"):
            Catalog(path, readonly=readonly)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE photos (id)")
    before = path.read_bytes()

    for readonly in (False, True):
        with pytest.raises(StoreMismatch, match=f"{path} belongs to another program"):
            Catalog(path, readonly=readonly)
    assert path.read_bytes() == before


def test_a_reader_may_open_a_file_while_it_is_laid_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()
    read = Catalog._version

    def read_just_before_the_layout(catalog: Catalog) -> int:
        version = read(catalog)
        layout = f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
        # It may be made to wait.
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=0)) as db:
            db.executescript(layout)
        return version

    monkeypatch.setattr(Catalog, "_version", read_just_before_the_layout)
    with closing(Catalog(path, readonly=True)) as catalog:
        assert catalog.is_blank


def test_a_folder_in_its_place_is_refused_by_name(path: Path) -> None:
    path.mkdir()

    with pytest.raises(StoreCorrupt, match="unable to open database file"):
        Catalog(path)


def test_a_damaged_library_gives_its_own_error_whatever_is_asked(path: Path) -> None:
    with closing(Catalog(path)) as catalog:
        for i in range(30):
            store(catalog, document("Sales rose. " * 50, doc_id=f"{i}"))
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)

    with pytest.raises(StoreCorrupt, match="cannot be used"), closing(Catalog(path)) as catalog:
        catalog.documents()


def test_a_full_disk_changes_nothing_and_says_so(path: Path, catalog: Catalog) -> None:
    store(catalog, document("Sales rose.", doc_id=A))
    before = rows(path)
    fill(catalog)

    with pytest.raises(StoreFull, match=f"The disk with {path} is full. Free some space"):
        catalog.store(document("lorem ipsum " * 4_000, doc_id=A), ())

    assert rows(path) == before
    assert catalog.search("sales", 9) == [f"{A}:0"]


def test_after_a_full_disk_work_goes_on_when_there_is_space(catalog: Catalog) -> None:
    n_pages = fill(catalog)
    catalog.queue(A, "report.pdf", 1, None)
    with pytest.raises(StoreFull):
        catalog.store(document("lorem ipsum " * 4_000, doc_id=A), ())

    catalog._db.execute(f"PRAGMA max_page_count = {n_pages}")

    assert store(catalog, document("lorem ipsum " * 4_000, doc_id=A))
    assert catalog.in_state("searchable") == [A]


def fill(catalog: Catalog) -> int:
    """Let the file grow by little more. Returns the limit there was: SQLite then behaves as it
    does when the disk is full."""
    limit = int(catalog._db.execute("PRAGMA max_page_count").fetchone()[0])
    now = int(catalog._db.execute("PRAGMA page_count").fetchone()[0])
    catalog._db.execute(f"PRAGMA max_page_count = {now + 5}")
    return limit


# Pages that OCR reads

SCAN = Page(
    2, "page 2 (OCR)", "Rent rose.", (300.0, 400.0), lines=(Line(0, 10, 1.0, 2.0, 3.0, 4.0),)
)


def test_a_document_is_whole_only_with_ocr_and_keeps_each_page_meanwhile(
    catalog: Catalog,
) -> None:
    made = document("Sales rose.", "", doc_id=A)
    catalog.queue(A, "report.pdf", 1, None)
    catalog.store(made, chunk(made, WordTokenizer()), unread=[2])
    embed(catalog, [c.id for c in catalog.unembedded(9)])
    assert catalog.in_state("searchable") == [A]
    assert catalog.unread() == [(A, [2])]

    catalog.store_scan(A, SCAN)
    assert catalog.unread() == [(A, [])]
    assert [astuple(page) for page in catalog.scans(A)] == [astuple(SCAN)]
    record = catalog.document(A)
    assert record is not None
    assert (record.n_unread, record.n_scanned) == (1, 1)

    whole = replace(made, pages=(made.pages[0], SCAN))
    catalog.store(whole, chunk(whole, WordTokenizer()))
    assert catalog.unread() == []
    assert catalog.scans(A) == []
    stored = catalog.page(A, 2)
    assert stored is not None
    assert astuple(stored) == astuple(SCAN)
    assert catalog.search("rent", 1) == [f"{A}:0"]


def test_chunks_that_stay_as_they_were_keep_their_vectors(catalog: Catalog) -> None:
    sales = " ".join(f"Sales of {year} rose." for year in range(1900, 1940))
    before = document("", sales, doc_id=A)
    ids = store(catalog, before)
    given = np.arange(len(ids) * 4, dtype=np.float32).reshape(-1, 4)
    catalog.store_vectors(ids, given)
    after = replace(before, pages=(replace(before.pages[0], text="Rent. " * 60), before.pages[1]))
    chunks = chunk(after, WordTokenizer())

    kept = catalog.store(after, chunks)

    texts = {c.id: c.text for c in chunks}
    same = [c.text for c in chunk(before, WordTokenizer())][-len(kept) :]
    assert [texts[i] for i in kept] == same
    assert 0 < len(kept) < len(chunks)
    assert catalog.vectors(kept)[1].tolist() == given[-len(kept) :].tolist()
    assert [c.id for c in catalog.unembedded(99)] == [c.id for c in chunks if c.id not in kept]


def test_a_scan_of_a_document_that_was_removed_meanwhile_is_not_kept(catalog: Catalog) -> None:
    catalog.store_scan(A, SCAN)

    assert catalog.scans(A) == []


# Vectors


def test_a_vector_of_another_size_is_left_out(catalog: Catalog) -> None:
    ids = store(catalog, document("Sales rose. " * 200, doc_id=A))
    catalog.store_vectors(ids, np.ones((len(ids), 3), np.float32))
    catalog.store_vectors(ids[:1], np.ones((1, 2), np.float32))

    assert len(ids) > 2
    for found, vectors in (catalog.vectors(ids), catalog.vectors_of([A])):
        assert (sorted(found), vectors.shape) == (sorted(ids[1:]), (len(ids) - 1, 3))


def test_vectors_come_back_in_the_order_asked_for(catalog: Catalog) -> None:
    ids = store(catalog, document("Sales rose. " * 20, doc_id=A))
    given = np.arange(len(ids) * 3, dtype=np.float32).reshape(-1, 3) / 8
    catalog.store_vectors(ids, given)

    found, vectors = catalog.vectors([*ids[::-1], "gone:0"])
    assert (found, vectors.tolist()) == (ids[::-1], given[::-1].tolist())
    assert catalog.embedded_ids() == set(ids)


def test_the_clean_text_of_a_chunk_is_what_is_searched(catalog: Catalog) -> None:
    made = document("The agree-ment ends. Page 3 of 9", doc_id=A)
    (cut,) = chunk(made, WordTokenizer())
    catalog.queue(A, "report.pdf", 1, None)
    catalog.store(made, [replace(cut, clean="The agreement ends.")])

    assert catalog.search("agreement", 1) == [f"{A}:0"]
    assert catalog.search("9", 1) == []
    (stored,) = catalog.chunks([f"{A}:0"])
    assert (stored.text, stored.reading) == (cut.text, "The agreement ends.")
    catalog.remove(A)
    assert catalog.search("agreement", 1) == []


# Older formats

FORMAT_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, media_type TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL, password TEXT,
    warnings TEXT NOT NULL, error TEXT NOT NULL, error_kind TEXT NOT NULL
);
CREATE TABLE pages (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, label TEXT NOT NULL, text TEXT NOT NULL,
    width REAL NOT NULL, height REAL NOT NULL,
    PRIMARY KEY (doc_id, number)
) WITHOUT ROWID;
CREATE TABLE chunks (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ordinal INTEGER NOT NULL,
    text TEXT NOT NULL, context TEXT NOT NULL, heading TEXT NOT NULL, spans TEXT NOT NULL,
    n_tokens INTEGER NOT NULL, embedded INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX chunks_of_document ON chunks (doc_id, ordinal);
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    text, context, content='chunks', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts (rowid, text, context) VALUES (new.rowid, new.text, new.context);
END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, text, context)
    VALUES ('delete', old.rowid, old.text, old.context);
END;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, updated_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE turns (
    id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL REFERENCES conversations
    ON DELETE CASCADE, question TEXT NOT NULL, answer TEXT, note TEXT NOT NULL
);
CREATE TABLE turn_documents (
    turn_id INTEGER NOT NULL REFERENCES turns ON DELETE CASCADE, doc_id TEXT NOT NULL,
    PRIMARY KEY (turn_id, doc_id)
) WITHOUT ROWID;
INSERT INTO documents VALUES
    ('a', 'a.pdf', 'application/pdf', '', 'embedded', 1, 1.0, NULL, '[]', '', ''),
    ('b', 'b.pdf', 'application/pdf', '', 'failed', 1, 2.0, NULL, '[]', 'Damaged.', 'Damaged');
INSERT INTO pages VALUES ('a', 1, 'iv', 'Sales rose.', 10.0, 10.0);
INSERT INTO chunks VALUES (1, 'a:0', 'a', 0, 'Sales rose.', 'a', '[]', '[[1, 0, 11]]', 5, 1);
PRAGMA user_version = 1;
"""


def test_a_library_of_format_1_is_brought_to_today(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FORMAT_1)

    with closing(Catalog(path)) as catalog:
        newer, older = catalog.documents()
        assert (newer.state, older.state) == ("failed", "searchable")
        assert (older.n_pages, older.n_chunks, older.n_embedded) == (1, 1, 0)
        assert catalog.place("a", 1) == ("a.pdf", "page iv")
        assert catalog.search("sale", 9) == ["a:0"]
        assert [c.id for c in catalog.unembedded(9)] == ["a:0"]
        catalog.remove("a")
        assert catalog.search("sale", 9) == []
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_the_documents_of_format_2_get_their_days(path: Path) -> None:
    noon_ns = 1_700_000_000 * 1_000_000_000
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FORMAT_1)
        db.executescript(MIGRATIONS[1])
        db.executescript(f"""
            INSERT INTO pages VALUES ('b', 1, 'mail of 2001-02-03 10:00, Rent', '', 0, 0, NULL);
            INSERT INTO pages VALUES ('b', 2, 'mail of 1999-12-31 10:00', '', 0, 0, NULL);
            INSERT INTO sources (path, watched, added_at) VALUES ('/papers', 0, 0);
            INSERT INTO files VALUES ('/papers/a.pdf', '/papers', 'a', 1, {noon_ns}, '', 0);
            PRAGMA user_version = 2;
        """)

    with closing(Catalog(path)) as catalog:
        mails, a = catalog.documents()
        assert (mails.first_day, mails.last_day) == ("1999-12-31", "2001-02-03")
        assert a.first_day == a.last_day == time.strftime("%Y-%m-%d", time.localtime(1_700_000_000))
        assert catalog.faults() == []


def test_an_older_library_ends_with_the_tables_of_a_new_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as db:
        db.executescript(FORMAT_1)

    assert columns(old) == columns(new)


def columns(path: Path) -> dict[str, set[str]]:
    Catalog(path).close()
    with closing(sqlite3.connect(path)) as db:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type != 'index'")]
        return {n: {row[1] for row in db.execute(f"PRAGMA table_info({n})")} for n in names}


# Collections and filters


def names_in(catalog: Catalog, *collections: str) -> set[str]:
    return set(catalog.matching(Filter(collections=collections)))


def test_a_document_may_be_in_any_number_of_collections(catalog: Catalog) -> None:
    for doc_id in (A, B):
        catalog.queue(doc_id, "a.pdf", 100, None)
    catalog.put_in("Leases", [A, B, "gone"])
    catalog.put_in("leases", [A])
    catalog.put_in("  Year  2024 ", [A])
    assert catalog.collections() == [Collection("Leases", 2), Collection("Year 2024", 1)]
    assert {r.id: r.collections for r in catalog.documents()} == {
        A: ("Leases", "Year 2024"), B: ("Leases",),
    }  # fmt: skip
    assert names_in(catalog, "LEASES") == {A, B}
    assert names_in(catalog, "Year 2024", "Leases") == {A, B}

    catalog.take_out("Leases", [A])
    assert (names_in(catalog, "Leases"), names_in(catalog, "Year 2024")) == ({B}, {A})


def test_a_collection_goes_and_its_documents_stay(catalog: Catalog) -> None:
    catalog.queue(A, "a.pdf", 100, None)
    catalog.put_in("Leases", [A])
    catalog.remove_collection("Leases")
    assert (catalog.collections(), catalog.document_ids()) == ([], {A})


def test_a_document_goes_and_its_collections_stay(catalog: Catalog) -> None:
    catalog.queue(A, "a.pdf", 100, None)
    catalog.put_in("Leases", [A])
    catalog.remove(A)
    assert catalog.collections() == [Collection("Leases", 0)]


def test_documents_of_pinned_collections_are_prepared_first(catalog: Catalog) -> None:
    for doc_id in (A, B, C):
        embed(catalog, store(catalog, document("Text.", doc_id=doc_id)))
    newest_first = catalog.by_use()
    assert len(newest_first) == 3
    catalog.put_in("Leases", [newest_first[-1]])
    assert catalog.by_use() == newest_first

    catalog.pin_collection("leases", pinned=True)
    assert catalog.by_use() == [newest_first[-1], *newest_first[:-1]]
    assert catalog.collections() == [Collection("Leases", 1, pinned=True)]
    catalog.rename_collection("Leases", "Contracts")
    assert catalog.collections() == [Collection("Contracts", 1, pinned=True)]

    catalog.pin_collection("Contracts", pinned=False)
    assert catalog.by_use() == newest_first


def test_two_collections_never_get_the_same_name(catalog: Catalog) -> None:
    catalog.put_in("Leases")
    catalog.put_in("Rents")
    with pytest.raises(FilterError, match="called Leases already"):
        catalog.rename_collection("Rents", "leases")
    catalog.rename_collection("Leases", "LEASES")
    assert [c.name for c in catalog.collections()] == ["LEASES", "Rents"]
    with pytest.raises(FilterError, match="needs a name"):
        catalog.put_in(" \n ")


def test_what_a_source_gives_goes_into_its_collection(catalog: Catalog) -> None:
    folder = Path("/papers")
    catalog.add_source(folder)
    for doc_id in (A, B):
        catalog.queue(doc_id, "a.pdf", 100, None, kept=False)
    catalog.put_file(FileRecord("/papers/a.pdf", "/papers", A, 100, 1))
    catalog.put_in("Leases")
    catalog.collect_source(folder, "Leases")
    assert names_in(catalog, "Leases") == {A}
    assert [source.collection for source in catalog.sources()] == ["Leases"]

    catalog.put_file(FileRecord("/papers/b.pdf", "/papers", B, 100, 1))
    assert names_in(catalog, "Leases") == {A, B}
    catalog.take_out("Leases", [B])
    catalog.put_file(FileRecord("/papers/b.pdf", "/papers", B, 100, 2))
    assert names_in(catalog, "Leases") == {A}

    catalog.collect_source(folder, "")
    catalog.queue(C, "c.pdf", 100, None, kept=False)
    catalog.put_file(FileRecord("/papers/c.pdf", "/papers", C, 100, 1))
    assert names_in(catalog, "Leases") == {A}


def test_what_a_changed_file_gives_is_where_the_document_before_it_was(catalog: Catalog) -> None:
    catalog.add_source(Path("/papers"))
    for doc_id in (A, B):
        catalog.queue(doc_id, "a.pdf", 100, None, kept=False)
    catalog.put_file(FileRecord("/papers/a.pdf", "/papers", A, 100, 1))
    catalog.put_in("Leases", [A])
    catalog.put_file(FileRecord("/papers/a.pdf", "/papers", B, 101, 2))
    catalog.remove(A)
    assert names_in(catalog, "Leases") == {B}


def test_a_document_bears_the_day_of_its_file_and_a_mail_its_own(catalog: Catalog) -> None:
    catalog.queue(A, "a.pdf", 100, None, changed_at=1_700_000_000)
    catalog.queue(B, "b.mbox", 100, None, changed_at=1_700_000_000)
    catalog.queue(C, "c.pdf", 100, None, changed_at=1e30)
    labels = ("mail of 2001-02-03 10:00, Rent", "mail of 1999-12-31 10:00", "undated mail, Rent")
    pages = tuple(Page(i, label, "Rent.", (0.0, 0.0)) for i, label in enumerate(labels, 1))
    catalog.store(Document(B, "b.mbox", "application/mbox", pages), [])

    days = {record.id: (record.first_day, record.last_day) for record in catalog.documents()}
    assert days[A][0][:7] == "2023-11"
    assert days[B] == ("1999-12-31", "2001-02-03")
    assert days[C][0] == date.today().isoformat()  # noqa: DTZ011
    assert catalog.matching(Filter(since=date(2000, 1, 1), until=date(2000, 1, 2))) == [B]


DAYS = st.none() | st.dates(date(2024, 1, 1), date(2024, 1, 6))
KEPT = [
    (letter * 64, f"{letter}.x", media_type, date(2024, 1, day), collections)
    for letter, media_type, day, collections in (
        ("a", "application/pdf", 1, ("Leases",)),
        ("b", "image/png", 2, ("Leases", "Rents")),
        ("c", "message/rfc822", 4, ()),
        ("d", "application/vnd.ms-excel.sheet.binary.macroenabled.12", 5, ("Rents",)),
    )
]


@given(
    documents=st.sets(st.sampled_from([A, B, C, "e" * 64])),
    collections=st.sets(st.sampled_from(["Leases", "Rents", "Gone"])),
    types=st.sets(st.sampled_from(sorted(TYPES))),
    since=DAYS,
    until=DAYS,
)
def test_those_match_that_fit_every_part(
    documents: set[str],
    collections: set[str],
    types: set[str],
    since: date | None,
    until: date | None,
) -> None:
    matching = kept_library().matching(
        Filter(tuple(documents), tuple(collections), tuple(types), since, until)
    )

    assert set(matching) == {
        doc_id
        for doc_id, _, media_type, day, inside in KEPT
        if (not documents or doc_id in documents)
        and (not collections or collections.intersection(inside))
        and (not types or any(fnmatch(media_type, p) for t in types for p in TYPES[t]))
        and (since is None or day >= since)
        and (until is None or day <= until)
    }


@cache
def kept_library() -> Catalog:
    catalog = Catalog(Path(mkdtemp(), "library.db"))
    for doc_id, name, media_type, day, collections in KEPT:
        noon = datetime(day.year, day.month, day.day, 12).timestamp()  # noqa: DTZ001
        catalog.queue(doc_id, name, 100, None, changed_at=noon)
        pages = (Page(1, "page 1", "Rent.", (0.0, 0.0)),)
        catalog.store(Document(doc_id, name, media_type, pages), [])
        for collection in collections:
            catalog.put_in(collection, [doc_id])
    return catalog


def test_documents_are_found_by_the_day_they_were_added(catalog: Catalog) -> None:
    catalog.queue(A, "a.pdf", 100, None, changed_at=0)
    today = date.today()  # noqa: DTZ011
    assert catalog.matching(Filter(added_since=today, added_until=today)) == [A]
    assert catalog.matching(Filter(added_since=today + timedelta(1))) == []
    assert catalog.matching(Filter(added_until=today - timedelta(1))) == []


def test_a_turn_keeps_what_it_was_asked_of(catalog: Catalog) -> None:
    catalog.queue(A, "a.pdf", 1, None)
    within = Filter(documents=(A,), collections=("Leases",), since=date(2024, 1, 1))
    catalog.begin_turn("c", "How many?", within=within)
    catalog.begin_turn("c", "And before?")

    conversation = catalog.conversation("c")
    assert conversation is not None
    assert [turn.within for turn in conversation.turns] == [within, Filter()]


def test_a_turn_does_not_keep_the_id_of_a_removed_document_nor_become_one_of_all(
    path: Path, catalog: Catalog
) -> None:
    for doc_id in (A, B):
        store(catalog, document("Forty trees.", doc_id=doc_id))
    catalog.begin_turn("c", "How many?", within=Filter(documents=(A,), types=("pdf",)))
    catalog.begin_turn("c", "How many here?", within=Filter(documents=(A, B, C)))

    catalog.remove(A)
    catalog.begin_turn("c", "Chosen before it was removed?", within=Filter(documents=(A,)))
    catalog.erase_free_space()

    conversation = catalog.conversation("c")
    assert conversation is not None
    kept = [turn.within for turn in conversation.turns]
    assert kept == [
        Filter(documents=(GONE,), types=("pdf",)), Filter(documents=(GONE, B)),
        Filter(documents=(GONE,)),
    ]  # fmt: skip
    assert [catalog.matching(within) for within in kept] == [[], [B], []]
    assert A.encode() not in path.read_bytes()


# Sources


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name))
def test_any_path_can_be_kept_and_two_are_never_kept_alike(name: bytes) -> None:
    path = os.fsdecode(name)
    text = path_to_text(path)

    assert path_from_text(text) == path
    assert text.encode().decode() == text
    assert "\\" in path or path != name.decode("utf-8", "replace") or text == path


def test_a_renamed_document_is_found_by_its_new_name_and_says_it(catalog: Catalog) -> None:
    (chunk_id,) = store(catalog, document("Forty apple trees.", doc_id=A, name="orchard.pdf"))
    embed(catalog, [chunk_id])
    (before,) = catalog.chunks([chunk_id])
    catalog.rename(A, "garden.pdf", [replace(before, context="garden", n_tokens=7)])

    record = catalog.document(A)
    assert record is not None
    assert (record.name, record.state) == ("garden.pdf", "embedded")
    assert catalog.chunks([chunk_id]) == [replace(before, context="garden", n_tokens=7)]
    assert (catalog.search("garden", 9), catalog.search("orchard", 9)) == ([chunk_id], [])


def test_the_reason_why_a_document_failed_names_its_file_of_today(catalog: Catalog) -> None:
    catalog.queue(A, "a.pdf", 100, None)
    catalog.fail(A, "a.pdf is damaged. Save it again.", "DamagedDocument")
    catalog.rename(A, "b.pdf", [])

    record = catalog.document(A)
    assert record is not None
    assert record.error == "b.pdf is damaged. Save it again."


def test_an_orphan_is_a_document_that_no_file_gives_and_no_person_added(catalog: Catalog) -> None:
    catalog.add_source(Path("/papers"))
    for doc_id, kept in ((A, False), (B, False), ("c" * 64, True)):
        catalog.queue(doc_id, "a.pdf", 100, None, kept=kept)
    catalog.put_file(FileRecord("/papers/b.pdf", "/papers", B, 100, 1))
    assert catalog.orphans() == [A]

    catalog.forget_source(Path("/papers"), keep=True)
    assert (catalog.orphans(), catalog.files(Path("/papers"))) == ([A], {})


def test_bringing_a_library_to_today_is_done_whole_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FORMAT_1)
    killed = f"""
import os, signal, sqlite3
from pathlib import Path
from rag import catalog
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
real = sqlite3.connect
def connect(*arguments, **named):
    db = real(*arguments, **named)
    db.create_function("die", 0, die)
    return db
sqlite3.connect = connect
catalog.MIGRATIONS = {{1: catalog.MIGRATIONS[1] + "SELECT die();"}}
catalog.Catalog(Path({str(path)!r}))
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -9

    with closing(Catalog(path)) as catalog:
        assert catalog.search("sale", 9) == ["a:0"]
        assert catalog.faults() == []
        assert catalog.words_are_whole()


def test_an_older_library_is_not_read_before_it_is_brought_to_today(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FORMAT_1)

    with pytest.raises(
        StoreMismatch, match=rf"older Strongroom \(format 1; this one reads {VERSION}\)"
    ):
        Catalog(path, readonly=True)


# Power cuts and full disks


def test_commits_wait_for_the_disk(catalog: Catalog) -> None:
    (row,) = catalog._all("PRAGMA synchronous")

    assert row[0] == 2


def test_an_error_of_input_and_output_on_a_full_disk_says_that_it_is_full(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(free: int) -> type[BaseException]:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr("rag.catalog.shutil.disk_usage", lambda _: usage)
        with pytest.raises(StoreError) as caught, catalog._translated():
            raise error
        return caught.type

    assert (fail(0), fail(1 << 30)) == (StoreFull, StoreCorrupt)


def test_a_library_that_another_program_locks_is_said_to_be_locked(
    path: Path, catalog: Catalog
) -> None:
    store(catalog, document("Sales rose.", doc_id=A))
    catalog._db.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for use in (
            lambda: catalog.set_meta("key", "value"),
            lambda: catalog.remove(A),
            catalog.words_are_whole,
            catalog.rebuild_words,
        ):
            with pytest.raises(StoreLocked, match=r"keeps the library .* locked\. Close what"):
                use()

    catalog.set_meta("key", "value")
    assert catalog.document_ids() == {A}


def test_a_library_that_was_closed_is_not_said_to_be_damaged(path: Path) -> None:
    catalog = Catalog(path)
    catalog.close()

    for use in (catalog.documents, lambda: catalog.set_meta("key", "value")):
        with pytest.raises(StoreError, match="was closed meanwhile") as caught:
            use()
        assert type(caught.value) is StoreError
