"""Looks at sources every few seconds, in a thread of its own, and takes in what has changed."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import RagError
from rag.sources import Look, Sources, Sync, Tally
from rag.types import Progress

log = logging.getLogger(__name__)

LOOK_S = 3.0
SHARE = 20
"""Looking takes at most one part in so many of the time, however slow the drive."""
ERASE_S = 600.0
"""How long bytes of retired documents may stay in files of the indexes: to erase them is to write
the indexes anew, and nobody can change them meanwhile."""
SOON_S = 5.0
"""How long after the start bytes that were left before it are erased, if nothing else goes on."""
LOG_S = 60.0
"""How long until it is tried again where another process had kept the log."""
NOTE_S = 60.0
"""While nothing changes, how often the library notes when a source was last looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look at a source. waits: for something that was still under way. at: Unix seconds.
    noted_at: the last time that the library was told."""

    found: Look = field(default_factory=lambda: Look({}))
    waits: bool = True
    at: float = 0.0
    noted_at: float = 0.0
    problem: str = ""


class Watch:
    """Stages what is new in the watched sources, so that a worker, which is woken, reads it.

    paths: watch these sources, and not those that the library says. tell, done: called with each
    step and each tally; not when nothing has changed. busy: whether what was left to erase at the
    start is to wait.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        wake: Callable[[], None],
        paths: Collection[Path] | None = None,
        tell: Callable[[Progress], None] = lambda _progress: None,
        done: Callable[[Path, Tally], None] = lambda _source, _tally: None,
        every_s: float = LOOK_S,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sources = sources
        self._wake_worker = wake
        self._paths = paths
        self._tell, self._done = tell, done
        self._every_s = every_s
        self._busy = busy
        self._seen: dict[Path, Seen] = {}
        self._asked: dict[Path, bool] = {}
        self._asking = threading.Lock()
        self._now = threading.Event()
        self._closing = False
        self._error = ""
        self._begun = time.monotonic()
        self._erase_at = self._begun + ERASE_S
        # Whether the process before has left something to erase; None until the first look.
        self._left_before: bool | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask(self, source: Path, *, retire: bool = False) -> None:
        """Have a source looked at now, watched or not."""
        with self._asking:
            self._asked[source] = retire or self._asked.get(source, False)
        self._now.set()

    def take(
        self, source: Path, *, retire: bool = False, password: str | None = None
    ) -> tuple[list[Progress], Tally]:
        """Look at a source and stage what is new, in the caller's thread. Raises StoreError."""
        with self._sources.looking:
            sync = self._sources.sync(source, retire=retire, password=password, leave_traces=True)
            return self._carry_out(sync), sync.tally

    def erase_traces(self) -> None:
        """Have bytes of what was removed erased now."""
        self._erase_at = 0.0
        self._now.set()

    def last_look(self, source: Path) -> float:
        """Unix seconds; 0 when there was none since the start."""
        return self._seen.get(source, Seen()).at

    @property
    def error(self) -> str:
        """Why the last round of looks was broken off, for the person; empty while all is well."""
        return self._error

    def close(self) -> None:
        """Stop after the file in hand; the next look finds what is left."""
        self._closing = True
        self._now.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            start = time.monotonic()
            self._now.clear()
            try:
                if self._left_before is None:
                    self._left_before = self._sources.ingest.has_traces
                self._look_at_all()
                self._erase_traces()
                self._error = ""
            except RagError as error:
                self._error = str(error)
            except Exception as error:  # noqa: BLE001
                # The thread's end: whatever it is, the person must hear of it and the next look
                # may go well. Its message could hold words of a document; a log must not.
                if not self._error:
                    log.error(
                        "Looking at folders stopped with %s\n%s",
                        type(error).__name__,
                        "".join(traceback.format_tb(error.__traceback__)),
                    )
                self._error = f"Looking at folders stopped ({error!r}). It is tried again."
            took_s = time.monotonic() - start
            self._now.wait(max(self._every_s, SHARE * took_s))

    def _look_at_all(self) -> None:
        with self._asking:
            asked, self._asked = self._asked, {}
        for source, watched in self._sources.catalog.source_paths().items():
            if self._closing:
                return
            if source in asked:
                self._look_at(source, asked=True, retire=asked[source])
            elif watched if self._paths is None else source in self._paths:
                self._look_at(source)

    def _look_at(self, source: Path, *, asked: bool = False, retire: bool = False) -> None:
        seen = self._seen.get(source, Seen())
        found = self._sources.look(source)
        if not asked and not seen.waits and found == seen.found:
            self._still(source, seen)
            return
        with self._sources.looking:
            earlier = None if asked else seen.found
            sync = self._sources.sync(
                source, retire=retire, found=found, earlier=earlier, leave_traces=True
            )
            steps = self._carry_out(sync)
        if self._closing:
            return
        now, tally = time.time(), sync.tally
        self._seen[source] = Seen(found, sync.waits, now, now, tally.problem)
        if steps or asked or not seen.at or tally.problem != seen.problem:
            self._done(source, tally)

    def _erase_traces(self) -> None:
        ingest, start = self._sources.ingest, time.monotonic()
        if self._left_before and start > self._begun + SOON_S and not self._busy():
            self._left_before, self._erase_at = False, 0.0
        if start <= self._erase_at or self._closing:
            return
        try:
            ingest.erase_traces(lambda: self._closing)
        finally:
            end = time.monotonic()
            self._erase_at = end + max(ERASE_S, SHARE * (end - start))
        if ingest.has_traces:
            self._erase_at = end + LOG_S

    def _still(self, source: Path, seen: Seen) -> None:
        """Nothing has changed."""
        now, noted_at = time.time(), seen.noted_at
        if now - noted_at > NOTE_S:
            self._sources.catalog.note_look(source, now, seen.problem)
            noted_at = now
        self._seen[source] = Seen(seen.found, False, now, noted_at, seen.problem)

    def _carry_out(self, sync: Sync) -> list[Progress]:
        steps = []
        for progress in sync.run():
            steps.append(progress)
            self._tell(progress)
            if progress.step == "queued":
                self._wake_worker()
            if self._closing:
                break
        return steps
