"""What a page works with: an open library, documents taken in behind it, answers being written."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rag import extract
from rag.errors import RagError, StoreError
from rag.job import Job
from rag.library import Library
from rag.pace import Pace
from rag.prepare import Preparing
from rag.types import EVERYTHING, Answer, Filter, Progress, SourceRecord, Work
from rag.watch import Watch
from rag.worker import Worker

PATIENCE_S = 5.0
"""How long the models wait for the first page, where none is opened."""
DRAWING_S = 1.0
"""What a browser needs to draw the page from what the server has sent."""
UNSAVED = "The answer could not be saved. {} Then ask again."


class Room:
    """One for each process. Its methods may be called from any thread.

    problem: why no question can be answered, for the person; empty while all is well.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.worker = Worker(library.ingest.resume)
        self._warm = threading.Event()
        self._watch = Watch(
            library.sources,
            wake=self.worker.wake,
            busy=lambda: self._is_busy or not self._warm.is_set(),
        )
        self.problem = ""
        self._shown = threading.Event()
        self._closing = threading.Event()
        self._jobs: dict[int, Job] = {}
        self._embedding, self._scanning = Pace(), Pace()
        self.preparing = Preparing(
            library.catalog,
            library.cells,
            generator=lambda: library.generator.made,
            busy=lambda: self._is_busy,
        )

    @property
    def _is_busy(self) -> bool:
        """Whether documents are taken in or an answer is written."""
        return self.worker.busy or any(job.running for job in list(self._jobs.values()))

    def start(self) -> None:
        """Go on with unfinished documents, and load the models ahead of the first question."""
        self.worker.start()
        self._watch.start()
        self.preparing.start()
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def shown(self) -> None:
        """The page has been sent. Loading models would have made it wait for a processor."""
        self._shown.set()

    def _warm_up(self) -> None:
        if self._shown.wait(PATIENCE_S):
            self._closing.wait(DRAWING_S)
        if self._closing.is_set():
            return
        try:
            self.library.warm_up()
        except RagError as error:
            self.problem = str(error)
        finally:
            self._warm.set()

    def add(
        self, paths: Iterable[Path], *, password: str | None = None, collection: str = ""
    ) -> list[Progress]:
        """Copy files in and have them read behind the page. One Progress for each file.

        collection: that they are put into; empty for none.
        """
        staged = [self.library.ingest.stage(path, password=password) for path in paths]
        self._put_in(collection, staged)
        self.worker.wake()
        return staged

    def add_path(self, path: Path, *, collection: str = "") -> tuple[list[Progress], int]:
        """A file, or a folder, which is a source from then on. Returns one Progress for each file
        that was not there before, and how many others were passed over. collection: as for `add`,
        and for what a folder holds later."""
        if not path.is_dir():
            return self.add([path], collection=collection), 0
        source, _ = self.library.sources.add(path)
        self.library.sources.collect(path, collection)
        steps, tally = self._watch.take(source)
        self.library.sources.collect(path, collection)
        return steps, tally.others

    def add_bytes(self, name: str, data: bytes, *, collection: str = "") -> Progress:
        """A file that came through the browser. collection: as for `add`."""
        path = extract.incoming(self.library.ingest.originals)
        try:
            extract.save(data, path, name=name)
            staged = self.library.ingest.stage(path, name=Path(name).name)
        finally:
            path.unlink(missing_ok=True)
        self._put_in(collection, [staged])
        self.worker.wake()
        return staged

    def _put_in(self, collection: str, staged: Iterable[Progress]) -> None:
        if collection:
            ids = [progress.doc_id for progress in staged if progress.doc_id]
            self.library.catalog.put_in(collection, ids)

    def work(self) -> Work:
        """What is left to do behind the page, and how long it will take."""
        left = self.library.catalog.work()
        times = [
            self._embedding.remaining_s(left.done, left.left) if left.left else 0.0,
            self._scanning.remaining_s(left.scans_done, left.scans_left)
            if left.scans_left
            else 0.0,
        ]
        known = None if None in times else sum(time for time in times if time)
        return replace(left, paused=self.library.ingest.is_paused, remaining_s=known)

    def pause(self, paused: bool = True) -> None:
        """Have embedding and OCR wait, or go on. Kept over a restart."""
        self.library.ingest.pause(paused)
        self.worker.wake()

    def retry(self, doc_id: str, *, password: str | None = None) -> None:
        """Read a document again that failed. The text of one that did not stays as it is."""
        record = self.library.catalog.document(doc_id)
        if record is not None and record.state == "failed":
            # Whether it stays when its file is gone is as it was.
            self.library.catalog.queue(doc_id, record.name, record.n_bytes, password, kept=False)
            self.worker.wake()

    def remove(self, doc_ids: Iterable[str]) -> None:
        """Erase documents. Bytes of them in files of the indexes go behind the page."""
        self.library.ingest.remove(doc_ids, leave_traces=True)
        self._watch.erase_traces()

    def sources(self) -> list[SourceRecord]:
        """The folders that are taken in again and again, in order of their paths."""
        return [
            replace(
                source,
                last_look=max(source.last_look, self._watch.last_look(source.path)),
                problem=source.problem or (self._watch.error if source.watched else ""),
            )
            for source in self.library.catalog.sources()
        ]

    def add_source(self, path: Path, *, watched: bool = False) -> None:
        """Make a folder a source and take it in behind the page. Raises UnreadableDocument."""
        source, _ = self.library.sources.add(path)
        if watched:
            self.library.catalog.watch(source, True)
        self._watch.ask(source)

    def watch(self, path: Path, on: bool) -> None:
        """Look at a source every few seconds, or no more. Kept over a restart."""
        self.library.catalog.watch(path, on)
        if on:
            self._watch.ask(path)

    def sync(self, path: Path | None = None, *, retire: bool = False) -> None:
        """Look at a source now, or at every one. retire: the documents of files that are gone go,
        however many they are."""
        for source in self.library.catalog.source_paths() if path is None else [path]:
            self._watch.ask(source, retire=retire)

    def forget_source(self, path: Path, *, erase: bool = False) -> None:
        """Take a folder off the list. erase: with the documents that nothing else gives."""
        self.library.sources.forget(path, erase=erase)

    def ask(self, conversation_id: str, question: str, *, within: Filter = EVERYTHING) -> int:
        """Begin an answer from the documents that are `within`. Returns the turn's id; `job` gives
        what there is of it so far."""
        catalog = self.library.catalog
        conversation = catalog.conversation(conversation_id)
        earlier = conversation.turns if conversation else ()
        turn_id = catalog.begin_turn(conversation_id, question, within=within)

        def finished(outcome: Answer | str) -> None:
            try:
                self._end(turn_id, outcome)
            finally:
                self._jobs.pop(turn_id, None)

        job = Job(
            lambda cancelled: self.library.ask(
                question, earlier=earlier, within=within, cancelled=cancelled
            ),
            finished,
        )
        self._jobs[turn_id] = job
        if not job.running:
            # It may have been finished before it was entered.
            self._jobs.pop(turn_id, None)
        return turn_id

    def _end(self, turn_id: int, outcome: Answer | str) -> None:
        """Save the answer, or why there is none."""
        catalog = self.library.catalog
        try:
            if isinstance(outcome, str):
                catalog.note_turn(turn_id, outcome)
            else:
                catalog.end_turn(turn_id, outcome)
        except StoreError as error:
            # Where even that cannot be written, the page says that it was not finished.
            with suppress(StoreError):
                catalog.note_turn(turn_id, UNSAVED.format(error))

    def job(self, turn_id: int) -> Job | None:
        """The answer being written, None when it is finished or was broken off by a restart."""
        job = self._jobs.get(turn_id)
        return job if job is not None and job.running else None

    def wait(self) -> None:
        """Until every answer begun so far is finished."""
        for job in list(self._jobs.values()):
            job.wait()

    def close(self) -> None:
        """Stop answers and reading at the next step, and close the library."""
        self._closing.set()
        self._shown.set()
        for job in list(self._jobs.values()):
            job.cancel()
        self.wait()
        self.preparing.close()
        self._watch.close()
        self.worker.close()
        self.library.close()
