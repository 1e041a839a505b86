"""Waiting for what other threads do."""

import threading
import time
from collections.abc import Callable, Iterator

from rag.testing import ScriptedGenerator
from rag.types import Piece, Prompt

LIMIT_S = 60.0


def until(happened: Callable[[], object]) -> None:
    """Return as soon as `happened()` is true; fail when that takes too long."""
    end = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


class SlowGenerator(ScriptedGenerator):
    """Says a word each time it is told to `go_on`. One answer at a time, the others wait."""

    def __init__(self, *answers: str) -> None:
        super().__init__(*answers)
        self._words = threading.Semaphore(0)
        self._turn = threading.Lock()
        self._line = threading.Lock()

    def go_on(self, n_words: int = 1000) -> None:
        self._words.release(n_words)

    def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        seed: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        with self._line:
            self.n_ahead += 1
        try:
            with self._turn:
                for piece in super().generate(
                    prompt, max_tokens=max_tokens, seed=seed, cancelled=cancelled
                ):
                    while piece.text and not self._words.acquire(timeout=0.01):
                        if cancelled():
                            yield Piece("", 0, "cancelled")
                            return
                    yield piece
        finally:
            with self._line:
                self.n_ahead -= 1
