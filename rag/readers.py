"""The processes that read files: a crash, a bomb or an endless loop in a parser costs one file, or
one page of it, and never the app (docs/decisions/0011)."""

import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from rag import cores, wire
from rag.child import Child
from rag.death import Bounds, Death, warning
from rag.death import failure as failed
from rag.errors import DocumentError, DocumentTooLarge, RagError
from rag.types import Box, Chunk, Document, Page, ReadLimits

T = TypeVar("T")

MAX_REPLY_MB = 200
"""20,000 pages of 3,000 letters, three bytes each, are 180. What the main process makes of a reply
can be some times as large."""
URGENT = 1
"""Processes beside those that read, so that who looks at a page never waits for a reading."""
IDLE_S = 50.0
"""After which one is not used again. It leaves by itself soon after: rag.reader.IDLE_S."""
MOST_ASKED = 200
"""Requests after which a process makes room for a fresh one: parsers leak."""
RETRIES = 3
"""Pages that are left out of a document, each after it brought a reader down."""
ONE_THREAD = dict.fromkeys(
    (
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "TOKIO_WORKER_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
) | {"MALLOC_ARENA_MAX": "2"}  # an arena takes up 64 MB of what RLIMIT_AS counts


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one attempt at a document, at a page of it, or at cutting it. doc_id: the name of its
    copy. peak_mb: resident memory of the process that read it, 0 where the system does not tell."""

    doc_id: str
    seconds: float
    peak_mb: float


class Readers:
    """Reads files, and cuts documents, in `n` processes, 0 meaning one for each core, started as
    they are needed.

    Its methods may be called from any thread, and wait while all processes are busy. They raise
    DocumentError; ReadingFailed is the one for a reader that crashed or went over a limit.
    RagError itself is about no document: readers cannot be started, or `close` was called.
    memory_mb: of each process. file_s, page_s: what a file, and one page of it, may take; cutting
    a document may take file_s again. tokenizer: folder of the embedder's.
    command, max_reply_mb: the program, and the most it may say at once; for tests.
    observed: told what each attempt cost.
    """

    def __init__(
        self,
        n: int,
        *,
        limits: ReadLimits,
        memory_mb: int,
        file_s: float,
        page_s: float,
        tokenizer: Path,
        command: Sequence[str] = (sys.executable, "-P", "-m", "rag.reader"),
        max_reply_mb: int = MAX_REPLY_MB,
        observed: Callable[[Cost], None] = lambda _cost: None,
    ) -> None:
        self.observed = observed
        self.n = n or cores.logical()
        self._limits = limits
        self._tokenizer = tokenizer
        self._bounds = Bounds(memory_mb, file_s, page_s, max_reply_mb)
        self._command = (*command, str(memory_mb))
        self._changed = threading.Condition()
        self._n_reading = 0
        self._n_busy = 0
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._closed = False
        # A process dies with the thread that started it (rag.cage): this one stays to the end.
        self._starter = ThreadPoolExecutor(1, "readers")
        self._at_exit = weakref.finalize(self, _end_all, self._all)

    def read(
        self,
        path: Path,
        *,
        doc_id: str,
        name: str,
        password: str | None = None,
        progress: wire.Progress = lambda _done, _total: None,
    ) -> Document:
        """A whole document; a page that brings its reader down is left out, with a warning.

        progress: called in this thread with pages done and pages in all, by kinds that know. After
        a crash it starts again.
        """
        request = wire.Read(path, doc_id, name, password, self._limits)
        left_s = self._bounds.file_s
        left_out: dict[int, str] = {}
        failure: DocumentError | None = None
        while True:
            try:
                asked = replace(request, skip=tuple(left_out))
                document = self._ask(
                    asked,
                    Document,
                    step_s=self._bounds.page_s,
                    total_s=left_s,
                    progress=progress,
                )
            except Death as death:
                failure = failed(name, death, self._bounds)
                left_s -= death.spent_s
                part = death.part
                in_vain = part in left_out or len(left_out) == RETRIES or left_s <= 0
                if part is None or in_vain:
                    raise failure from death
                left_out[part] = warning(part, death, self._bounds)
            except DocumentError as error:
                # Without the pages left out nothing may be there; what befell them says more.
                raise failure or error from error
            else:
                return _checked(document, request, left_out.values())

    def chunk(self, document: Document) -> tuple[Chunk, ...]:
        """Its chunks, as `rag.chunk.chunk` gives them. What is in its pages is still a stranger's,
        and may be made so that no end of the work is in sight."""
        request = wire.Cut(document, self._tokenizer)
        try:
            return self._ask(request, tuple, step_s=math.inf, total_s=self._bounds.file_s)
        except Death as death:
            raise failed(document.name, Death(death.why), self._bounds) from death

    def ocr_page(self, path: Path, number: int, *, name: str, password: str | None = None) -> Page:
        """Page `number`, from 1, as read off its picture."""
        request = wire.OcrPage(path, number, name, password, self._limits)
        return self._ask_page(request, Page)

    def page(self, path: Path, number: int, *, name: str, password: str | None = None) -> Page:
        """Page `number`, from 1, with the box of each character. Waits for no reading."""
        request = wire.BoxedPage(path, number, name, password, self._limits)
        return self._ask_page(request, Page)

    def picture(
        self,
        path: Path,
        number: int,
        *,
        name: str,
        width_px: int,
        boxes: Sequence[Box] = (),
        password: str | None = None,
    ) -> bytes:
        """Page `number`, from 1, as PNG with the boxes highlighted. Waits for no reading."""
        request = wire.Picture(path, number, name, password, self._limits, width_px, tuple(boxes))
        return self._ask_page(request, bytes)

    def close(self) -> None:
        """End all processes, busy or not, and return when they are gone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            for child in self._all:
                child.kill()
            self._changed.wait_for(lambda: not self._n_busy, 10)
        self._at_exit()
        self._starter.shutdown(wait=False)

    # -- asking ------------------------------------------------------------------------------------

    def _ask_page(self, request: wire.OcrPage | wire.BoxedPage | wire.Picture, kind: type[T]) -> T:
        try:
            return self._ask(request, kind, step_s=self._bounds.page_s)
        except Death as death:
            subject = f"Page {request.number} of {request.name}"
            raise failed(subject, Death(death.why), self._bounds) from death

    def _ask(
        self,
        request: wire.Request,
        kind: type[T],
        *,
        step_s: float,
        total_s: float = math.inf,
        progress: wire.Progress = lambda _done, _total: None,
    ) -> T:
        """Raises Death and DocumentError."""
        while True:
            try:
                with self._child(request) as child:
                    given = child.ask(request, step_s=step_s, total_s=total_s, progress=progress)
                    if not isinstance(given, kind):
                        raise Death("junk")
                    return given
            except Death as death:
                if self._closed:
                    raise _closing() from death
                if death.why != "gone":
                    raise

    @contextmanager
    def _child(self, request: wire.Request) -> Iterator[Child]:
        """A process for one request. It goes on to the next one only if it gave an answer."""
        reading = isinstance(request, wire.Read | wire.OcrPage | wire.Cut)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._is_free(reading))
            if self._closed:
                raise _closing()
            self._n_busy += 1
            self._n_reading += reading
        child, reusable = None, False
        started = time.monotonic()
        try:
            child = self._pick(request.ask) or self._start()
            yield child
            reusable = True
        except DocumentError:
            reusable = True
            raise
        finally:
            self._put_back(child, reading=reading, reusable=reusable)
            if child is not None:
                self.observed(Cost(_doc_id(request), time.monotonic() - started, child.peak_mb))

    def _is_free(self, reading: bool) -> bool:
        if reading and self._n_reading >= self.n:
            return False
        return self._n_busy < self.n + URGENT

    def _pick(self, task: str) -> Child | None:
        """An idle process, rather one that has what this task needs in its memory."""
        with self._changed:
            good = [child for child in self._idle if child.alive and not _is_stale(child)]
            gone = [child for child in self._idle if child not in good]
            picked = max(good, key=lambda c: (task in c.tasks, c.idle_since), default=None)
            self._idle = [child for child in good if child is not picked]
        self._end(*gone)
        return picked

    def _start(self) -> Child:
        try:
            child = self._starter.submit(
                Child, self._command, _environ(), self._bounds.reply_mb << 20
            ).result()
        except OSError as error:
            raise _no_start(str(error)) from error
        with self._changed:
            self._all.add(child)
            if self._closed:  # `close` has not seen it
                child.kill()
        try:
            child.await_start()
        except Death as death:
            self._end(child)
            raise (_closing() if self._closed else _no_start(child.last_words)) from death
        return child

    def _put_back(self, child: Child | None, *, reading: bool, reusable: bool) -> None:
        if child is not None and not (reusable and self._is_fit(child)):
            self._end(child)
        with self._changed:
            self._n_busy -= 1
            self._n_reading -= reading
            if child is not None and child in self._all:
                self._idle.append(child)
            self._changed.notify_all()

    def _is_fit(self, child: Child) -> bool:
        return child.n_asked < MOST_ASKED and child.memory_mb("VmSize") < self._bounds.memory_mb / 2

    def _end(self, *children: Child) -> None:
        for child in children:
            child.end()
        with self._changed:
            self._all.difference_update(children)


def _checked(document: Document, request: wire.Read, warnings: Iterable[str]) -> Document:
    """A reader has no say in which document it is, and how long it may be."""
    if len(document.pages) > request.limits.pages:
        raise DocumentTooLarge(
            f"{request.name} has {len(document.pages)} pages, over the limit of "
            f"{request.limits.pages}. Split it, or raise max_pages in the settings."
        )
    return replace(
        document,
        id=request.doc_id,
        name=request.name,
        warnings=(*document.warnings, *warnings),
    )


def _doc_id(request: wire.Request) -> str:
    return request.document.id if isinstance(request, wire.Cut) else request.path.name


def _closing() -> RagError:
    return RagError("Reading was broken off, because Strongroom is closing. Start it again.")


def _no_start(reason: str) -> RagError:
    return RagError(
        f"The processes that read files cannot be started ({reason or 'no reason was given'}). "
        "Raise reader_mb in the settings, or install Strongroom again."
    )


def _is_stale(child: Child) -> bool:
    return time.monotonic() - child.idle_since > IDLE_S


def _environ() -> dict[str, str]:
    """With this process's sys.path, however it came to find this package."""
    path = [str(entry) or str(Path.cwd()) for entry in sys.path]
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path)}


def _end_all(children: Iterable[Child]) -> None:
    for child in list(children):
        child.end()
