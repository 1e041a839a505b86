import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from libraries import answer_from
from waiting import SlowGenerator, until

from rag import cells, prepare, prompt
from rag.errors import StoreFull
from rag.library import Library, open_library
from rag.room import Room
from rag.settings import Settings
from rag.tape import Tape
from rag.testing import ScriptedGenerator
from rag.types import Cells, Hit, Prompt

Write = Callable[..., Path]
LONG = " ".join(f"The year {year} brought {year % 7} ships." for year in range(1700, 1800))
"""A page of a few dozen chunks of the fake tokenizer."""


class Preparer(ScriptedGenerator):
    """Keeps the text of a passage as its cells. prepared: the prompts, in order."""

    def __init__(self, *answers: str) -> None:
        super().__init__(*answers or ("Forty.",))
        self.stamp = "stamp"
        self.library: Library | None = None
        self.prepared: list[Prompt] = []
        self.may_end = threading.Event()
        self.may_end.set()

    def prepare(self, prompt: Prompt, *, cancelled: Callable[[], bool] = lambda: False) -> bool:
        assert self.library is not None
        while not self.may_end.wait(0.005):
            if cancelled():
                return False
        self.prepared.append(prompt)
        return self.library.cells.save(prompt.cells[-1], Cells((1,), prompt.passages[-1].encode()))


@pytest.fixture
def open_room(fake_library: Callable[..., Library]) -> Iterator[Callable[..., Room]]:
    rooms: list[Room] = []

    def make(preparer: Preparer, **chosen: object) -> Room:
        library = fake_library(generator=preparer, **chosen)
        preparer.library = library
        library.generator()
        rooms.append(Room(library))
        rooms[-1].start()
        return rooms[-1]

    yield make
    for room in rooms:
        room.close()


def add(room: Room, path: Path) -> str:
    (staged,) = room.add([path])
    room.worker.wait()
    return staged.doc_id


def n_chunks(room: Room, doc_id: str) -> int:
    return len(room.library.catalog.chunks_of(doc_id))


def cells_on_disk(room: Room) -> list[str]:
    folder = room.library.settings.library / "cells"
    return [path.name for path in folder.rglob("*") if path.is_file()]


def hits(room: Room, doc_id: str) -> list[Hit]:
    places = room.library.catalog.place
    return [
        Hit(c, 1.0, 1, "both", *places(doc_id, c.spans[0].page))
        for c in room.library.catalog.chunks_of(doc_id)
    ]


def test_each_passage_is_read_behind_those_before_it_and_then_behind_nothing(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    room = open_room(preparer)
    doc_id = add(room, write_pdf("a.pdf", LONG))
    n = n_chunks(room, doc_id)
    assert n > prepare.BEFORE + 2
    until(lambda: len(preparer.prepared) == 2 * n - 1)

    found = hits(room, doc_id)
    passages = [prompt.passage(hit, hit.chunk.reading) for hit in found]
    names = prepare.names(room.library.catalog, "stamp", found)
    for i, built in enumerate(preparer.prepared[:n]):
        first = max(i - prepare.BEFORE, 0)
        assert built.instructions == prompt.INSTRUCTIONS
        assert built.passages == tuple(passages[first : i + 1])
        assert built.cells == names[first : i + 1]
    for i, built in enumerate(preparer.prepared[n:], 1):
        assert built.instructions == prompt.INSTRUCTIONS
        assert built.passages == (passages[i],)
        assert built.cells == prepare.names(room.library.catalog, "stamp", found[i : i + 1])


def test_cells_are_named_by_whether_a_passage_comes_first(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room(Preparer())
    doc_id = add(room, write_pdf("a.pdf", LONG))
    a, b, c, *_ = hits(room, doc_id)
    named = functools.partial(prepare.names, room.library.catalog, "stamp")

    assert named([b, c])[1] == named([a, c])[1] != named([c])[0]
    assert named([c, b])[0] == named([c, a])[0] == named([c])[0]
    assert named([b, a])[1] == named([a, b])[0]  # the first of its document


def test_a_question_names_the_cells_of_its_passages(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    room = open_room(preparer)
    add(room, write_pdf("a.pdf", LONG))

    list(room.library.ask("How many ships came in 1750?"))

    (asked,) = preparer.prompts
    until(lambda: all(name in room.library.cells for name in asked.cells))
    assert len(asked.cells) == len(asked.passages) > 0
    for name, passage in zip(asked.cells, asked.passages, strict=True):
        kept = room.library.cells.load(name)
        assert kept is not None
        assert kept.data.decode().startswith(passage.rstrip()[:40])


def test_names_change_with_the_text_before_and_the_name_of_the_document(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room(Preparer())
    doc_id = add(room, write_pdf("a.pdf", LONG))
    catalog = room.library.catalog
    before = prepare.names(catalog, "stamp", hits(room, doc_id))

    room.library.ingest.rename(doc_id, "b.pdf")

    assert set(before).isdisjoint(prepare.names(catalog, "stamp", hits(room, doc_id)))
    assert prepare.names(catalog, "", hits(room, doc_id)) == ()


def test_what_was_asked_about_comes_first_and_then_what_is_newest(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    room = open_room(preparer)
    room.preparing.switch(False)
    ids = [add(room, write_pdf(f"{name}.pdf", f"{name} brought ships.")) for name in "abc"]
    catalog = room.library.catalog
    turn = catalog.begin_turn("c", "How many?")
    catalog.end_turn(turn, answer_from(*hits(room, ids[0])))

    room.preparing.switch(True)
    until(lambda: len(preparer.prepared) == 3)

    order = [p.cells[-1].split("/")[1] for p in preparer.prepared]
    assert order == [ids[0], ids[2], ids[1]]


def test_nothing_is_prepared_while_an_answer_is_written(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    class Slow(Preparer, SlowGenerator):
        pass

    slow = Slow("Forty ships came.")
    slow.may_end.clear()
    room = open_room(slow)
    add(room, write_pdf("a.pdf", LONG))
    turn = room.ask("c", "How many ships?")
    slow.may_end.set()
    until(lambda: slow.prompts)
    n = len(slow.prepared)
    threading.Event().wait(3 * prepare.PAUSE_S)
    assert len(slow.prepared) == n <= 1

    slow.go_on()
    until(lambda: room.job(turn) is None)
    until(lambda: len(slow.prepared) > n)


def test_preparing_is_switched_off_and_stays_so(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room(Preparer())
    room.preparing.switch(False)
    add(room, write_pdf("a.pdf", LONG))
    room.close()

    preparer = Preparer()
    again = open_room(preparer)
    threading.Event().wait(3 * prepare.PAUSE_S)
    progress = again.preparing.progress()
    assert progress is not None
    assert (preparer.prepared, progress.is_on, progress.n) == ([], False, 0)
    assert progress.of > 0


def test_progress_is_of_all_passages_and_ends(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    room = open_room(Preparer())
    n = n_chunks(room, add(room, write_pdf("a.pdf", LONG)))
    until(lambda: (p := room.preparing.progress()) and p.n == n)

    progress = room.preparing.progress()
    assert progress is not None
    assert (progress.of, progress.remaining_s) == (n, 0.0)
    assert len(cells_on_disk(room)) == 2 * n - 1
    assert progress.n_bytes == room.library.cells.n_bytes > 0


def test_a_model_that_can_keep_nothing_prepares_nothing(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    preparer.stamp = ""
    room = open_room(preparer)
    add(room, write_pdf("a.pdf", LONG))
    threading.Event().wait(2 * prepare.PAUSE_S)

    assert (preparer.prepared, room.preparing.progress()) == ([], None)


def test_a_removed_document_leaves_no_cells_not_even_those_being_made(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    room = open_room(preparer)
    doc_id = add(room, write_pdf("a.pdf", LONG))
    until(lambda: len(cells_on_disk(room)) > 2)

    room.remove([doc_id])
    threading.Event().wait(2 * prepare.PAUSE_S)

    assert cells_on_disk(room) == []


def test_cells_of_a_text_that_has_changed_are_dropped(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    room = open_room(preparer)
    doc_id = add(room, write_pdf("a.pdf", LONG))
    n = 2 * n_chunks(room, doc_id) - 1
    until(lambda: len(cells_on_disk(room)) == n)
    before = set(cells_on_disk(room))

    room.library.ingest.rename(doc_id, "b.pdf")
    add(room, write_pdf("c.pdf", "Another."))
    until(lambda: len(preparer.prepared) == 2 * n + 1)

    assert before.isdisjoint(cells_on_disk(room))
    assert len(cells_on_disk(room)) == n + 1


def test_the_model_finds_out_how_to_be_fastest_while_nothing_else_goes_on(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    class Tuned(SlowGenerator):
        begun = ended = 0

        def tune(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
            self.begun += 1
            until(cancelled)
            self.ended += 1

    slow = Tuned("Forty.")
    room = open_room(slow, cells_gb=0)  # type: ignore[arg-type]
    add(room, write_pdf("garden.pdf", "Forty trees."))
    until(lambda: slow.begun > slow.ended)

    turn = room.ask("c", "How many trees?")
    until(lambda: slow.ended == slow.begun)
    threading.Event().wait(2 * prepare.PAUSE_S)
    assert slow.ended == slow.begun
    slow.go_on()
    until(lambda: room.job(turn) is None)
    until(lambda: slow.begun > slow.ended)


def test_a_budget_that_is_spent_goes_to_what_was_asked_about(
    open_room: Callable[..., Room], write_pdf: Write
) -> None:
    preparer = Preparer()
    room = open_room(preparer)
    room.preparing.switch(False)
    older = add(room, write_pdf("a.pdf", "a brought ships."))
    newer = add(room, write_pdf("b.pdf", "b brought ships."))
    room.library.cells.max_bytes = 150
    room.preparing._size = lambda: 100  # type: ignore[method-assign]

    room.preparing.switch(True)
    until(lambda: preparer.prepared)
    threading.Event().wait(2 * prepare.PAUSE_S)
    assert [p.cells[0].split("/")[1] for p in preparer.prepared] == [newer]

    catalog = room.library.catalog
    catalog.end_turn(catalog.begin_turn("c", "?"), answer_from(*hits(room, older)))
    until(lambda: len(preparer.prepared) == 2)
    threading.Event().wait(2 * prepare.PAUSE_S)
    assert [p.cells[0].split("/")[1] for p in preparer.prepared] == [newer, older]
    assert room.library.cells.count("stamp") == 1


def test_a_full_disk_is_told_and_preparing_goes_on_when_there_is_space(
    open_room: Callable[..., Room], write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "RETRY_S", 0.2)

    class Full(Preparer):
        is_full = threading.Event()

        def tune(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
            if self.is_full.is_set():
                raise StoreFull("The disk is full.")  # what it found out cannot be noted

    preparer = Full()
    preparer.is_full.set()
    room = open_room(preparer)
    n = n_chunks(room, add(room, write_pdf("a.pdf", LONG)))
    until(lambda: (p := room.preparing.progress()) and p.problem)

    progress = room.preparing.progress()
    assert progress is not None
    assert (progress.problem, progress.remaining_s) == ("The disk is full.", 0.0)
    preparer.is_full.clear()
    until(lambda: len(preparer.prepared) == 2 * n - 1)
    until(lambda: (p := room.preparing.progress()) and not p.problem)


def test_what_had_no_room_on_the_disk_is_prepared_once_there_is_some(
    open_room: Callable[..., Room], write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "SPARE", 1 << 60)
    preparer = Preparer()
    room = open_room(preparer)
    n = n_chunks(room, add(room, write_pdf("a.pdf", LONG)))
    threading.Event().wait(3 * prepare.PAUSE_S)
    progress = room.preparing.progress()
    assert progress is not None
    assert (progress.problem, progress.remaining_s) == (prepare.DISK_FULL, 0.0)
    assert preparer.prepared == []

    monkeypatch.setattr(cells, "SPARE", 0)
    until(lambda: len(preparer.prepared) == 2 * n - 1)
    progress = room.preparing.progress()
    assert progress is not None
    assert progress.problem == ""


@pytest.mark.real
def test_the_real_model_prepares_what_is_added_and_then_reads_only_the_question(
    real_settings: Settings, write_pdf: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = open_library(real_settings, command="test")
    room = Room(library)
    room.start()
    add(room, write_pdf("harbour.pdf", LONG))
    until(lambda: (p := room.preparing.progress()) and p.n == p.of > 0)
    reads: list[int] = []
    read = Tape.read

    def counted(tape: Tape, tokens: Sequence[int], *, each: bool = False) -> None:
        reads.append(len(tokens))
        read(tape, tokens, each=each)

    monkeypatch.setattr(Tape, "read", counted)

    turn = room.ask("c", "How many ships came?")
    until(lambda: room.job(turn) is None)

    conversation = library.catalog.conversation("c")
    assert conversation is not None
    answer = conversation.turns[0].answer
    assert answer is not None
    assert reads[0] < 60 < answer.prompt_tokens / 4
    assert len(reads) < 60  # the rest was written, token by token
    assert len(cells_on_disk(room)) > 0

    instructions = {path.name for path in (library.settings.library / "cells").rglob("common/*")}
    room.remove([record.id for record in library.catalog.documents()])
    assert {*cells_on_disk(room)} == instructions != set()
    room.close()
