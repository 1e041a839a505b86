import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pdfs
import pytest
from libraries import GARDEN, HARBOUR
from waiting import until

from rag import ingest, watch
from rag.errors import StoreFull
from rag.library import Library
from rag.sources import Sources, Tally
from rag.types import Progress
from rag.watch import Watch
from rag.worker import Worker

Open = Callable[..., Library]


class Watched:
    """A library that watches a folder, and what it tells."""

    def __init__(self, library: Library, folder: Path, **options: object) -> None:
        self.library, self.folder = library, folder
        self.told: list[tuple[str, str]] = []
        self.tallies: list[Tally] = []
        self.source, _ = library.sources.add(folder)
        self.worker = Worker(library.ingest.resume)
        self.watch = Watch(
            library.sources,
            wake=self.worker.wake,
            tell=self.tell,
            done=lambda _, tally: self.tallies.append(tally),
            **{"every_s": 0.02, "paths": [self.source], **options},  # type: ignore[arg-type]
        )

    def tell(self, progress: Progress) -> None:
        self.told.append((progress.name, progress.step))

    def start(self) -> None:
        self.worker.start()
        self.watch.start()

    def look_again(self, n: int = 2) -> None:
        """Wait until it has looked so many times more."""
        for _ in range(n):
            before = self.watch.last_look(self.source)
            until(lambda before=before: self.watch.last_look(self.source) > before)

    @property
    def states(self) -> dict[str, str]:
        return {record.name: record.state for record in self.library.catalog.documents()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "papers").mkdir()
    return tmp_path / "papers"


@pytest.fixture
def watched(fake_library: Open, folder: Path) -> Iterator[Watched]:
    made = Watched(fake_library(), folder)
    yield made
    made.watch.close()
    made.worker.close()


def write(path: Path, *pages: str, old: bool = True) -> Path:
    path.write_bytes(pdfs.make(*pages))
    if old:
        os.utime(path, (1e9, 1e9))
    return path


def test_changes_are_taken_in_as_they_come(watched: Watched, folder: Path) -> None:
    write(folder / "a.pdf", *GARDEN)
    watched.start()
    until(lambda: watched.states == {"a.pdf": "embedded"})

    write(folder / "b.pdf", *HARBOUR)
    until(lambda: watched.states == {"a.pdf": "embedded", "b.pdf": "embedded"})
    (folder / "b.pdf").rename(folder / "c.pdf")
    until(lambda: watched.states == {"a.pdf": "embedded", "c.pdf": "embedded"})
    (folder / "a.pdf").unlink()
    until(lambda: len(watched.told) >= 4)

    assert watched.states == {"c.pdf": "embedded"}
    assert watched.told == [
        ("a.pdf", "queued"), ("b.pdf", "queued"), ("c.pdf", "renamed"), ("a.pdf", "retired"),
    ]  # fmt: skip
    assert watched.tallies[0] == Tally(new=1)


def test_in_real_time_a_new_file_is_taken_in_within_ten_seconds(
    fake_library: Open, folder: Path
) -> None:
    made = Watched(fake_library(), folder, every_s=watch.LOOK_S)
    made.start()
    until(lambda: made.watch.last_look(made.source))

    write(folder / "a.pdf", *GARDEN, old=False)
    start = time.monotonic()
    until(lambda: made.states == {"a.pdf": "embedded"})
    took_s = time.monotonic() - start
    made.watch.close()
    made.worker.close()

    # Waiting for it to be whole is part of it.
    assert 2 < took_s < 30


def test_a_file_that_is_still_being_written_waits(watched: Watched, folder: Path) -> None:
    watched.start()
    watched.look_again()
    path = write(folder / "a.pdf", *GARDEN)
    os.utime(path)
    watched.look_again(5)
    assert (watched.told, watched.states) == ([], {})

    os.utime(path, (1e9, 1e9))
    until(lambda: watched.states == {"a.pdf": "embedded"})


def test_a_file_that_is_replaced_in_two_steps_is_not_retired_between_them(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(folder / "a.pdf", *GARDEN)
    write(folder / "b.pdf", *HARBOUR)
    watched.start()
    until(lambda: set(watched.states.values()) == {"embedded"} and len(watched.states) == 2)

    watched.watch._every_s = 0.5
    watched.look_again(1)
    aside = path.rename(folder.parent / "a.pdf")
    watched.look_again(1)
    aside.rename(path)
    watched.watch._every_s = 0.02
    watched.look_again(4)

    assert [step for _, step in watched.told] == ["queued", "queued"]


def test_while_nothing_changes_the_library_is_not_asked(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a.pdf", *GARDEN)
    watched.start()
    until(lambda: watched.states == {"a.pdf": "embedded"})
    watched.look_again(2)

    asked: list[Path] = []
    monkeypatch.setattr(Sources, "sync", lambda self, source, **_: asked.append(source))
    watched.look_again(5)

    assert asked == []


def test_only_watched_sources_are_looked_at_unless_asked_for(
    fake_library: Open, folder: Path
) -> None:
    made = Watched(fake_library(), folder, paths=None)
    write(folder / "a.pdf", *GARDEN)
    made.start()
    time.sleep(0.2)
    assert made.watch.last_look(made.source) == 0

    made.watch.ask(made.source)
    until(lambda: made.states == {"a.pdf": "embedded"})
    write(folder / "b.pdf", *HARBOUR)
    time.sleep(0.2)
    assert set(made.states) == {"a.pdf"}

    made.library.catalog.watch(made.source, True)
    until(lambda: set(made.states) == {"a.pdf", "b.pdf"})
    made.watch.close()
    made.worker.close()


def test_traces_of_what_was_retired_are_erased_later_and_all_at_once(
    fake_library: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "ERASE_S", 1.0)
    made = Watched(fake_library(), folder)
    index = made.library.ingest.vectors
    rewritten: list[tuple[float, set[str]]] = []

    def rewrite(cancelled: object) -> bool:
        rewritten.append((time.monotonic(), set(made.states)))
        return True

    monkeypatch.setattr(index, "rewrite", rewrite)
    for name in "abcd":
        write(folder / f"{name}.pdf", f"Tree {name}.")
    made.start()
    until(lambda: list(made.states.values()) == ["embedded"] * 4)

    for name in "abc":
        (folder / f"{name}.pdf").unlink()
        until(lambda name=name: f"{name}.pdf" not in made.states)
        assert f"{name}.pdf" not in {hit.document for hit in made.library.search("Tree")}
    until(lambda: rewritten and rewritten[-1][1] == {"d.pdf"})
    made.watch.close()
    made.worker.close()

    assert all(later - earlier >= 1.0 for (earlier, _), (later, _) in pairwise(rewritten))
    assert made.library.ingest.erase_traces() is False


def with_traces(fake_library: Open, folder: Path) -> Library:
    """As when Strongroom was closed before what a person had removed was erased."""
    library = fake_library()
    *_, last = library.ingest.take_in([write(folder / "a.pdf", *GARDEN)])
    library.ingest.remove([last.doc_id], leave_traces=True)
    library.close()
    return fake_library()


def test_what_was_left_to_erase_is_erased_soon_after_the_start_when_nothing_goes_on(
    fake_library: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SOON_S", 0.5)
    library = with_traces(fake_library, folder)
    is_busy = [True]
    made = Watched(library, folder, paths=[], busy=lambda: is_busy[0])
    made.start()
    time.sleep(1.0)
    assert library.ingest.has_traces

    is_busy[0] = False
    until(lambda: not library.ingest.has_traces)
    made.watch.close()
    made.worker.close()


def test_the_log_is_tried_again_where_another_process_reads_it(
    fake_library: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SOON_S", 0.0)
    monkeypatch.setattr(watch, "LOG_S", 0.1)
    library = with_traces(fake_library, folder)
    with closing(sqlite3.connect(library.settings.library / "library.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM documents").fetchall()
        made = Watched(library, folder, paths=[])
        made.start()
        until(lambda: library.catalog.meta(ingest.TRACES) == ingest.LOG)
        time.sleep(1.0)
        assert library.ingest.has_traces

    until(lambda: not library.ingest.has_traces)
    made.watch.close()
    made.worker.close()


def test_an_error_is_told_and_the_next_look_tries_again(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [StoreFull("The disk is full."), ValueError("a bug")]
    shown: list[str] = []
    stage = watched.library.ingest.stage

    def broken(self: object, *arguments: object, **named: object) -> Progress:
        if watched.watch.error:
            shown.append(watched.watch.error)
        if errors:
            raise errors.pop(0)
        return stage(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(watched.library.ingest), "stage", broken)
    write(folder / "a.pdf", *GARDEN)
    watched.start()
    until(lambda: watched.states == {"a.pdf": "embedded"})
    until(lambda: not watched.watch.error)

    assert shown == [
        "The disk is full.",
        "Looking at folders stopped (ValueError('a bug')). It is tried again.",
    ]


def test_a_missing_folder_is_told_once_and_again_when_it_is_back(
    watched: Watched, folder: Path
) -> None:
    write(folder / "a.pdf", *GARDEN)
    watched.start()
    until(lambda: watched.states == {"a.pdf": "embedded"})
    watched.look_again(2)
    folder.rename(folder.with_name("elsewhere"))
    until(lambda: len(watched.tallies) == 2)
    watched.look_again(3)
    folder.with_name("elsewhere").rename(folder)
    until(lambda: len(watched.tallies) == 3)
    watched.look_again(3)

    assert [bool(tally.problem) for tally in watched.tallies] == [False, True, False]
    assert (watched.states, len(watched.told)) == ({"a.pdf": "embedded"}, 1)


def test_closing_stops_after_the_file_in_hand(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(50):
        write(folder / f"{i}.pdf", f"Tree number {i}.")

    def slow(progress: Progress) -> None:
        watched.told.append((progress.name, progress.step))
        time.sleep(0.05)

    monkeypatch.setattr(watched.watch, "_tell", slow)
    watched.start()
    until(lambda: watched.told)
    watched.watch.close()

    assert len(watched.told) < 50
    watched.watch = Watch(watched.library.sources, wake=watched.worker.wake, paths=[folder])
    watched.watch.start()
    until(lambda: list(watched.states.values()).count("embedded") == 50)
