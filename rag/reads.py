"""Work that several threads do at once, taken back as it is finished."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Reads(Generic[K, T]):
    """Pieces of work by key, each key once at a time. at_once: threads."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="read")
        self._running: dict[Future[T], K] = {}

    @property
    def keys(self) -> set[K]:
        """Of what is begun or waits."""
        return set(self._running.values())

    @property
    def has_room(self) -> bool:
        """Whether a thread would soon have nothing to do."""
        return len(self._running) < 2 * self.at_once

    def begin(self, key: K, work: Callable[[], T]) -> None:
        self._running[self._pool.submit(work)] = key

    def finished(self, limit_s: float) -> list[tuple[K, Callable[[], T]]]:
        """(key, function that gives the result or raises), waiting up to limit_s for the first."""
        done, _ = wait(self._running, limit_s, FIRST_COMPLETED)
        in_order = [future for future in self._running if future in done]
        return [(self._running.pop(future), future.result) for future in in_order]

    def close(self) -> None:
        """Begin nothing more. What is under way ends by itself, and nobody hears of it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
