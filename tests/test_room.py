import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pdfs
import pytest
from libraries import GARDEN, HARBOUR
from waiting import SlowGenerator, until

import rag.room
from rag import ingest
from rag.arrays import FloatArray
from rag.catalog import REMOVED
from rag.errors import StoreFull, UnreadableDocument
from rag.library import Library
from rag.room import Room
from rag.testing import HashEmbedder
from rag.types import Turn

Open = Callable[..., Library]
Write = Callable[..., Path]


@pytest.fixture
def open_room(fake_library: Open) -> Iterator[Callable[..., Room]]:
    rooms: list[Room] = []

    def make(*answers: str, **parts: object) -> Room:
        room = Room(fake_library(*answers, **parts))
        rooms.append(room)
        room.start()
        return room

    yield make
    for room in rooms:
        room.close()


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when models are loaded ahead of the first question."""
    event = threading.Event()
    monkeypatch.setattr(Library, "warm_up", lambda _: event.set())
    monkeypatch.setattr(rag.room, "DRAWING_S", 0.01)
    return event


def settled(room: Room) -> None:
    until(lambda: not room.worker.busy)


def turns(room: Room, conversation_id: str = "c") -> tuple[Turn, ...]:
    conversation = room.library.catalog.conversation(conversation_id)
    assert conversation is not None
    return conversation.turns


def texts(room: Room) -> list[str | None]:
    return [turn.answer and turn.answer.text for turn in turns(room)]


def states(room: Room) -> dict[str, str]:
    return {record.name: record.state for record in room.library.catalog.documents()}


# Start


def test_the_models_are_loaded_once_the_page_is_shown(
    loaded: threading.Event, open_room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.room, "PATIENCE_S", 60)
    room = open_room()
    assert not loaded.wait(0.2)
    room.shown()
    assert loaded.wait(10)


def test_the_models_are_loaded_without_a_page_too(
    loaded: threading.Event, open_room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.room, "PATIENCE_S", 0.01)
    open_room()
    assert loaded.wait(10)


def test_no_model_is_loaded_for_a_room_that_is_closed(
    loaded: threading.Event, open_room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.room, "PATIENCE_S", 60)
    open_room().close()
    assert not loaded.wait(0.2)


# Documents


def test_added_files_are_taken_in_behind_the_page(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room()

    staged = room.add([write_pdf("a.pdf", *GARDEN), write_pdf("gone.pdf", "x").with_name("no.pdf")])
    settled(room)

    assert [(p.name, p.step) for p in staged] == [("a.pdf", "queued"), ("no.pdf", "failed")]
    assert states(room) == {"a.pdf": "embedded"}
    progress = room.worker.progress(staged[0].doc_id)
    assert progress is not None
    assert progress.step == "embedded"


def test_a_folder_is_added_with_how_many_files_were_passed_over(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room()
    folder = write_pdf("a.pdf", *GARDEN).parent
    (folder / "data.zzz").write_text("x")

    staged, passed_over = room.add_path(folder)
    settled(room)

    assert ([p.name for p in staged], passed_over) == (["a.pdf"], 1)
    assert states(room) == {"a.pdf": "embedded"}


def test_a_folder_that_was_added_is_a_source_and_its_files_are_followed(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room()
    path = write_pdf("a.pdf", *GARDEN)
    room.add_path(path.parent)
    settled(room)
    (source,) = room.sources()
    assert (source.path, source.watched, source.n_documents) == (path.parent, False, 1)
    assert (source.problem, abs(source.last_look - time.time()) < 60) == ("", True)

    path.rename(path.with_name("b.pdf"))
    room.sync()
    until(lambda: states(room) == {"b.pdf": "embedded"})

    room.forget_source(path.parent)
    assert (room.sources(), states(room)) == ([], {"b.pdf": "embedded"})


def test_a_source_is_added_behind_the_page_and_watched_when_that_is_switched_on(
    open_room: Callable[..., Room], fake_library: Open, write_pdf: Write
) -> None:
    room = open_room()
    path = write_pdf("a.pdf", *GARDEN)
    room.add_source(path.parent)
    until(lambda: states(room) == {"a.pdf": "embedded"})
    room.watch(path.parent, True)
    assert room.sources()[0].watched
    room.close()

    # Before the room is open: a look that found the folder empty would keep what it knows.
    path.unlink()
    write_pdf("b.pdf", *HARBOUR)
    os.utime(path.with_name("b.pdf"), (1e9, 1e9))
    room = open_room()
    until(lambda: states(room) == {"b.pdf": "embedded"})
    assert room.sources()[0].watched
    room.watch(path.parent, False)
    assert not room.sources()[0].watched


def test_what_is_wrong_with_a_source_is_shown(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room()
    folder = write_pdf("a.pdf", *GARDEN).parent
    room.add_source(folder, watched=True)
    until(lambda: states(room) == {"a.pdf": "embedded"})

    folder.rename(folder.with_name("elsewhere"))
    room.sync(folder)
    until(lambda: "is not there" in room.sources()[0].problem)
    assert (room.sources()[0].n_held, len(states(room))) == (1, 1)

    room.sync(folder, retire=True)
    until(lambda: states(room) == {})
    with pytest.raises(UnreadableDocument, match=r"elsewhere/a\.pdf is not a folder"):
        room.add_source(folder.with_name("elsewhere") / "a.pdf")


def test_a_document_of_a_source_that_is_tried_again_still_goes_with_its_file(
    open_room: Callable[..., Room], tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    path = folder / "a.pdf"
    path.write_bytes(pdfs.encrypted(pdfs.make("Sales rose."), user="pw"))
    room = open_room()
    (staged,), _ = room.add_path(folder)
    settled(room)
    room.retry(staged.doc_id, password="pw")
    until(lambda: states(room) == {"a.pdf": "embedded"})

    path.unlink()
    room.sync(folder, retire=True)
    until(lambda: states(room) == {})


def test_an_upload_is_taken_in_under_its_bare_name_and_leaves_nothing_else(
    open_room: Callable[..., Room],
) -> None:
    room = open_room()

    staged = room.add_bytes("../../etc/report.pdf", pdfs.make("Sales rose."))
    settled(room)

    assert (staged.name, states(room)) == ("report.pdf", {"report.pdf": "embedded"})
    originals = room.library.ingest.originals
    assert [path.name for path in originals.iterdir()] == [staged.doc_id]


def test_an_upload_of_an_unknown_kind_is_refused_by_name(open_room: Callable[..., Room]) -> None:
    room = open_room()

    staged = room.add_bytes("letter.pdf", b"\x7fELF\x02\x01\x01")

    assert staged.step == "failed"
    assert staged.message.startswith("letter.pdf is no document")
    assert states(room) == {}


def test_a_failed_document_is_read_again_with_its_password(open_room: Callable[..., Room]) -> None:
    room = open_room()
    doc_id = room.add_bytes("a.pdf", pdfs.encrypted(pdfs.make("Sales rose."), user="pw")).doc_id
    settled(room)
    assert states(room) == {"a.pdf": "failed"}

    room.retry(doc_id, password="pw")
    settled(room)

    assert states(room) == {"a.pdf": "embedded"}
    room.retry("f" * 64)


def test_trying_again_leaves_the_text_of_what_did_not_fail(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room()
    (staged,), _ = room.add_path(write_pdf("garden.pdf", "Forty trees."))
    settled(room)
    (room.library.ingest.originals / staged.doc_id).unlink()
    room.library.catalog.mark(staged.doc_id, "Its copy is gone.", "UnreadableDocument")

    room.retry(staged.doc_id)
    settled(room)

    assert states(room) == {"garden.pdf": "embedded"}
    assert room.library.pages.text(staged.doc_id, 1) == "Forty trees."


def test_a_removed_document_is_gone(open_room: Callable[..., Room], write_pdf: Write) -> None:
    room = open_room()
    (staged,) = room.add([write_pdf("a.pdf", *GARDEN)])
    settled(room)

    room.remove([staged.doc_id])

    assert (states(room), room.library.search("apple")) == ({}, ())

    until(lambda: room.library.catalog.meta(ingest.TRACES) == "0")


def test_what_closing_left_of_a_removed_document_is_erased_soon_after_the_next_start(
    fake_library: Open, open_room: Callable[..., Room], write_pdf: Write
) -> None:
    library = fake_library()
    *_, last = library.ingest.take_in([write_pdf("a.pdf", *GARDEN)])
    library.ingest.remove([last.doc_id], leave_traces=True)
    library.close()

    room = open_room()

    until(lambda: not room.library.ingest.has_traces)


def test_what_a_kill_left_undone_is_done_when_the_room_opens(
    fake_library: Open, open_room: Callable[..., Room], write_pdf: Write
) -> None:
    library = fake_library()
    library.ingest.stage(write_pdf("a.pdf", *GARDEN))
    library.close()

    room = open_room()
    settled(room)

    assert states(room) == {"a.pdf": "embedded"}


# Answers


@pytest.fixture
def slow() -> SlowGenerator:
    return SlowGenerator("The garden has forty apple trees.")


@pytest.fixture
def garden(open_room: Callable[..., Room], write_pdf: Write, slow: SlowGenerator) -> Room:
    room = open_room(generator=slow)
    room.add([write_pdf("garden.pdf", *GARDEN), write_pdf("harbour.pdf", *HARBOUR)])
    settled(room)
    return room


def test_an_answer_is_written_and_kept_though_no_page_looks(
    garden: Room, slow: SlowGenerator
) -> None:
    turn_id = garden.ask("c", "How many apple trees?")
    assert garden.job(turn_id) is not None
    assert texts(garden) == [None]

    slow.go_on()
    until(lambda: garden.job(turn_id) is None)

    assert texts(garden) == ["The garden has forty apple trees."]
    (turn,) = turns(garden)
    assert turn.answer is not None
    (citation,) = turn.answer.citations
    assert (citation.document, citation.label, citation.quote) == (
        "garden.pdf", "page 1", "The garden has forty apple trees.",
    )  # fmt: skip
    assert citation.boxes != ()


def test_a_page_that_comes_back_finds_what_was_written_meanwhile(
    garden: Room, slow: SlowGenerator
) -> None:
    turn_id = garden.ask("c", "How many apple trees?")
    slow.go_on(3)
    until(lambda: (job := garden.job(turn_id)) and job.text == "The garden has ")

    job = garden.job(turn_id)
    assert job is not None
    assert job.hits
    assert job.running


def test_a_second_question_waits_for_the_first(garden: Room, slow: SlowGenerator) -> None:
    first = garden.ask("c", "How many apple trees?")
    slow.go_on(1)
    until(lambda: (job := garden.job(first)) and job.text)
    second = garden.ask("c", "How many trees has the garden?")

    until(lambda: (job := garden.job(second)) and job.ahead == 1)
    waiting = garden.job(second)
    assert waiting is not None
    assert waiting.text == ""

    slow.go_on()
    until(lambda: garden.job(first) is garden.job(second) is None)
    assert texts(garden) == ["The garden has forty apple trees."] * 2


def test_a_stopped_answer_keeps_its_words(garden: Room, slow: SlowGenerator) -> None:
    turn_id = garden.ask("c", "How many apple trees?")
    slow.go_on(2)
    until(lambda: (job := garden.job(turn_id)) and job.text == "The garden ")

    job = garden.job(turn_id)
    assert job is not None
    job.cancel()
    job.wait()

    (turn,) = turns(garden)
    assert turn.answer is not None
    assert (turn.answer.stop, turn.answer.text) == ("cancelled", "The garden ")


def test_an_answer_at_once_is_not_shown_as_being_written(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room("Forty.")
    for _ in range(20):
        turn_id = room.ask("c", "How many?")
        until(lambda turn_id=turn_id: room.job(turn_id) is None)

    assert len(texts(room)) == 20


def test_a_question_that_cannot_be_answered_says_why(garden: Room) -> None:
    turn_id = garden.ask("c", "why " * 5000)
    until(lambda: garden.job(turn_id) is None)

    (turn,) = turns(garden)
    assert (turn.answer, "Shorten it" in turn.note) == (None, True)


def test_a_document_removed_while_it_is_read_from_leaves_no_answer(
    garden: Room, slow: SlowGenerator
) -> None:
    turn_id = garden.ask("c", "How many apple trees?")
    slow.go_on(1)
    until(lambda: (job := garden.job(turn_id)) and job.text)

    garden.remove([record.id for record in garden.library.catalog.documents()])
    slow.go_on()
    until(lambda: garden.job(turn_id) is None)

    assert [(turn.answer, turn.note) for turn in turns(garden)] == [(None, REMOVED)]


def test_an_answer_that_cannot_be_saved_does_not_stay_on_the_page_and_says_why(
    garden: Room, slow: SlowGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise StoreFull("The disk is full. Free some space.")

    monkeypatch.setattr(garden.library.catalog, "end_turn", full)
    turn_id = garden.ask("c", "How many apple trees?")
    slow.go_on()

    until(lambda: garden.job(turn_id) is None)
    assert texts(garden) == [None]
    assert turns(garden)[0].note == (
        "The answer could not be saved. The disk is full. Free some space. Then ask again."
    )


@pytest.mark.parametrize("error", [StoreFull("full"), ZeroDivisionError("a bug")])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_cannot_even_be_noted_holds_nothing_up(
    garden: Room, slow: SlowGenerator, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(garden.library.catalog, "end_turn", fail)
    monkeypatch.setattr(garden.library.catalog, "note_turn", fail)
    turn_id = garden.ask("c", "How many apple trees?")
    slow.go_on()

    until(lambda: garden.job(turn_id) is None)
    until(lambda: not garden._jobs)
    assert garden.preparing._busy() is False


def test_a_figure_over_time_goes_with_a_document_that_it_says_it_was_not_found_in(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room(top_k=2)
    pages = {
        "report 2017.pdf": "(in millions)\n2017 2016\nNet sales 1,437 1,300",
        "report 2019.pdf": "(in millions)\n2019 2018\nNet sales 1,600 1,577",
        "report 2020.pdf": "The garden has forty trees of many kinds.",
    }
    staged = room.add([write_pdf(name, text) for name, text in pages.items()])
    settled(room)
    turn_id = room.ask("c", "How have net sales changed over the years?")
    until(lambda: room.job(turn_id) is None)
    (turn,) = turns(room)
    assert turn.answer is not None
    assert "Not found for certain in report 2020.pdf." in turn.answer.text
    assert {hit.document for hit in turn.answer.hits} == {"report 2017.pdf", "report 2019.pdf"}

    room.remove([staged[2].doc_id])

    assert [(turn.answer, turn.note) for turn in turns(room)] == [(None, REMOVED)]


# Closing


def test_closing_stops_answers_at_the_next_word_and_keeps_them(
    garden: Room, slow: SlowGenerator, fake_library: Open
) -> None:
    garden.ask("c", "How many apple trees?")
    garden.ask("c", "When were the trees planted?")
    slow.go_on(2)
    until(lambda: any(job.text == "The garden " for job in garden._jobs.values()))

    start = time.monotonic()
    garden.close()
    assert time.monotonic() - start < 20

    conversation = fake_library().catalog.conversation("c")
    assert conversation is not None
    stopped = [turn.answer for turn in conversation.turns]
    assert [a and a.stop for a in stopped] == ["cancelled", "cancelled"]
    assert {a and a.text for a in stopped} == {"The garden ", ""}


class SlowEmbedder(HashEmbedder):
    def embed(self, texts: list[str]) -> FloatArray:  # type: ignore[override]
        time.sleep(0.02)
        return super().embed(texts)


def test_closing_stops_embedding_after_the_batch_in_hand_and_loses_nothing(
    open_room: Callable[..., Room],
    fake_library: Open,
    write_pdf: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 1)
    words = " ".join(f"word{i}" for i in range(900))
    room = open_room(embedder=SlowEmbedder())
    room.add([write_pdf("many.pdf", words)])
    until(lambda: room.library.ingest.vectors.count() > 2)

    room.close()

    library = fake_library()
    (stopped,) = library.catalog.documents()
    assert (stopped.state, 2 < stopped.n_embedded < stopped.n_chunks) == ("searchable", True)
    list(library.ingest.resume())
    (finished,) = library.catalog.documents()
    assert (finished.state, finished.n_embedded) == ("embedded", stopped.n_chunks)
    assert library.ingest.vectors.count() == stopped.n_chunks
