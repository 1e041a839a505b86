import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import answer_from, document, hit

from rag.catalog import REMOVED, VERSION, Catalog, match_expression
from rag.chunk import chunk
from rag.errors import StoreCorrupt, StoreFull, StoreMismatch
from rag.testing import WordTokenizer
from rag.types import Document

A, B = "a" * 64, "b" * 64


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

    catalog.mark_embedded(A, [chunk_id])
    (record,) = catalog.documents()
    assert (record.id, record.name, record.title) == (A, "report.pdf", "Report")
    assert record.state == "embedded"
    assert (record.n_pages, record.n_chunks, record.n_embedded) == (1, 1, 1)
    assert record.warnings == ("Page 2 is empty.",)
    assert catalog.password(A) == "secret"


def test_a_document_is_embedded_only_with_its_last_chunk(catalog: Catalog) -> None:
    ids = store(catalog, document("Sales rose. " * 20, doc_id=A))

    catalog.mark_embedded(A, ids[:-1])
    assert catalog.in_state("searchable") == [A]
    assert [c.id for c in catalog.unembedded(A, 9)] == ids[-1:]
    assert catalog.n_embedded() == len(ids) - 1

    catalog.mark_embedded(A, ids[-1:])
    assert catalog.in_state("embedded") == [A]
    assert catalog.unembedded(A, 9) == []


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
    catalog.mark_embedded(A, ids)

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


def test_search_finds_the_file_name(catalog: Catalog) -> None:
    store(catalog, document("Sales rose.", doc_id=A, name="3M_2018_10K.pdf"))

    assert catalog.search("What is in the 3M report?", 9) == [f"{A}:0"]


def test_words_that_stand_in_every_question_count_only_when_there_is_nothing_else() -> None:
    assert match_expression("What is the total?") == '"total"'
    assert match_expression("To be or not to be") == '"to" OR "be" OR "or" OR "not"'
    assert match_expression("…?!") == ""


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


def test_an_answer_is_not_saved_when_its_document_was_removed_meanwhile(catalog: Catalog) -> None:
    store(catalog, document("Forty trees.", doc_id=A))
    turn_id = catalog.begin_turn("c1", "How many?")
    catalog.remove(A)

    catalog.end_turn(turn_id, answer_from(hit("Forty trees.", doc_id=A)))

    conversation = catalog.conversation("c1")
    assert conversation is not None
    assert [(t.answer, t.note) for t in conversation.turns] == [(None, REMOVED)]


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

    with closing(Catalog(path)) as catalog, pytest.raises(StoreCorrupt, match="cannot be used"):
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
