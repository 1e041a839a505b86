"""How long what is left will take, from how fast it went lately."""

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 60.0
"""What lies further back tells nothing about now."""
LEAST_S = 2.0
"""Less than this tells nothing yet."""


class Pace:
    """Watches a count of things done. It may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: deque[tuple[float, int]] = deque()

    def remaining_s(self, done: int, left: int) -> float | None:
        """Seconds that `left` more will take; None while that is unknown."""
        now = self._clock()
        with self._lock:
            if self._seen and done < self._seen[-1][1]:  # something was removed
                self._seen.clear()
            self._seen.append((now, done))
            while now - self._seen[0][0] > WINDOW_S and len(self._seen) > 2:
                self._seen.popleft()
            since, before = self._seen[0]
        if now - since < LEAST_S or done == before:
            return None
        return left * (now - since) / (done - before)
