"""An answer being written in a thread of its own, so that a page may come, go and come back."""

import threading
import time
from collections.abc import Callable, Iterator

from rag.errors import RagError
from rag.types import (
    Answer,
    AnswerEvent,
    Citation,
    Delta,
    Done,
    Hit,
    Reading,
    Sources,
    Understood,
    Waiting,
)

UNFINISHED = "The answer was not finished. Ask again."


class Job:
    """Runs `ask` at once. What it has so far can be read at any time from any thread.

    ask: given the function that tells whether to stop, yields the answer's events.
    finished: called once with the answer, or with the message of what went wrong.
    """

    def __init__(
        self,
        ask: Callable[[Callable[[], bool]], Iterator[AnswerEvent]],
        finished: Callable[[Answer | str], None],
    ) -> None:
        self.understood = ""
        self.hits: tuple[Hit, ...] | None = None
        self.nearest: tuple[Citation, ...] = ()
        self.ahead = 0
        self.text = ""
        self._writes_at_s: float | None = None
        self._told = threading.Event()
        self._ask = ask
        self._finished = finished
        self._started = time.monotonic()
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answer", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def expected_s(self) -> float | None:
        """When the first word is expected, in seconds from the start; None where nobody knows, or
        when that is over."""
        expected = self._writes_at_s
        return expected if expected is not None and self.elapsed_s < expected else None

    def cancel(self) -> None:
        """Stop at the next token. What was written so far becomes the answer."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def wait(self) -> None:
        self._thread.join()

    def wait_for_sources(self, most_s: float) -> None:
        """Until they are there, there are none, or so much time is over."""
        self._told.wait(most_s)

    def _run(self) -> None:
        outcome: Answer | str = UNFINISHED
        try:
            for event in self._ask(self._cancel.is_set):
                match event:
                    case Understood(question):
                        self.ahead = 0
                        self.understood = question
                    case Sources(hits, nearest):
                        self.hits, self.nearest = hits, nearest or self.nearest
                        self._told.set()
                    case Waiting(ahead):
                        self.ahead = ahead
                    case Reading(seconds):
                        self._writes_at_s = self.elapsed_s + seconds
                    case Delta(text):
                        self.ahead = 0
                        self._writes_at_s = None
                        self.text += text
                    case Done(answer):
                        outcome = answer
        except RagError as error:
            outcome = str(error)
        finally:
            self._told.set()
            self._finished(outcome)
