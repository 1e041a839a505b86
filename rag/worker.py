"""Takes documents in behind the page, one at a time. Knows nothing of the page."""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator

from rag.errors import RagError
from rag.types import Progress

log = logging.getLogger(__name__)


class Worker:
    """A thread that does all unfinished work whenever it is woken, and at its start.

    work: yields progress until nothing is left to do; the library itself is the queue.
    """

    def __init__(self, work: Callable[[], Iterator[Progress]]) -> None:
        self._work = work
        self._wake = threading.Event()
        self._closing = False
        self._progress: dict[str, Progress] = {}
        self._error = ""
        self._idle = threading.Event()
        # Both events together: who is woken between two looks at them must not seem idle.
        self._waking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        self.wake()
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._error = ""
        with self._waking:
            self._idle.clear()
            self._wake.set()

    def progress(self, doc_id: str) -> Progress | None:
        """The latest step of a document since the worker started."""
        return self._progress.get(doc_id)

    @property
    def error(self) -> str:
        """Why work stopped, for the person; empty while all is well. `wake` tries again."""
        return self._error

    def wait(self) -> None:
        """Until there is nothing left to do."""
        self._idle.wait()

    @property
    def busy(self) -> bool:
        return not self._idle.is_set()

    def close(self) -> None:
        """Stop after the step in hand; what is unfinished is done after the next start."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while self._wake.wait() and not self._closing:
            self._wake.clear()
            try:
                self._drain()
            except RagError as error:
                self._error = str(error)
            except Exception as error:  # noqa: BLE001
                # The thread's end: whatever it is, the page must hear of it and can go on.
                # Its message could hold words of a document; a log must not.
                log.error(
                    "Taking documents in stopped with %s\n%s",
                    type(error).__name__,
                    "".join(traceback.format_tb(error.__traceback__)),
                )
                self._error = f"Taking documents in stopped ({error!r}). Start Strongroom again."
            with self._waking:
                if not self._wake.is_set():
                    self._idle.set()
        self._idle.set()

    def _drain(self) -> None:
        for progress in self._work():
            self._progress[progress.doc_id] = progress
            if self._closing:
                return
