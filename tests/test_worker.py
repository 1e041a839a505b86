import threading
from collections.abc import Iterator

import pytest
from waiting import until

from rag.errors import StoreFull
from rag.types import Progress
from rag.worker import Worker


class Queue:
    """Work to do, a step each; None stands for an error of our own, an exception for a fault."""

    def __init__(self, *items: str | Exception) -> None:
        self.items = list(items)
        self.done: list[str] = []
        self.gate = threading.Semaphore(1000)

    def __call__(self) -> Iterator[Progress]:
        while self.items:
            self.gate.acquire()
            item = self.items.pop(0)
            if isinstance(item, Exception):
                raise item
            self.done.append(item)
            yield Progress(f"{item}.pdf", item, "embedded")


@pytest.fixture
def queue() -> Queue:
    return Queue("a", "b")


@pytest.fixture
def worker(queue: Queue) -> Iterator[Worker]:
    made = Worker(queue)
    yield made
    made.close()


def test_what_was_left_undone_is_done_at_the_start(worker: Worker, queue: Queue) -> None:
    worker.start()
    until(lambda: not worker.busy)

    assert queue.done == ["a", "b"]
    assert worker.progress("b") == Progress("b.pdf", "b", "embedded")
    assert worker.progress("c") is None


def test_waking_it_does_what_has_come_meanwhile(worker: Worker, queue: Queue) -> None:
    worker.start()
    until(lambda: not worker.busy)

    queue.items.append("c")
    worker.wake()
    until(lambda: not worker.busy)

    assert queue.done == ["a", "b", "c"]


def test_it_is_busy_until_all_is_done(worker: Worker, queue: Queue) -> None:
    queue.gate = threading.Semaphore(1)
    worker.start()
    until(lambda: queue.done == ["a"])
    assert worker.busy

    queue.gate.release()
    until(lambda: not worker.busy)
    assert queue.done == ["a", "b"]


def test_it_is_busy_though_it_is_woken_at_the_moment_when_all_is_done(
    worker: Worker, queue: Queue
) -> None:
    class WokenWhenLookedAt(threading.Event):
        woken = False

        def is_set(self) -> bool:
            was_set = super().is_set()
            if not self.woken:
                self.woken = True
                queue.gate = threading.Semaphore(0)
                queue.items.append("c")
                waker = threading.Thread(target=worker.wake)
                waker.start()
                waker.join(0.3)
            return was_set

    worker._wake = WokenWhenLookedAt()
    worker.start()
    until(lambda: worker._wake.woken and not worker._wake.is_set())
    until(lambda: queue.done == ["a", "b"])
    threading.Event().wait(0.3)
    was_busy = worker.busy

    queue.gate.release()
    until(lambda: queue.done == ["a", "b", "c"])
    assert was_busy
    until(lambda: not worker.busy)


def test_an_error_is_shown_until_it_is_woken_again(worker: Worker, queue: Queue) -> None:
    queue.items = [StoreFull("The disk is full."), "b"]
    worker.start()
    until(lambda: not worker.busy)
    assert (worker.error, queue.done) == ("The disk is full.", [])

    worker.wake()
    until(lambda: not worker.busy)
    assert (worker.error, queue.done) == ("", ["b"])


def test_a_fault_is_shown_and_does_not_end_it(worker: Worker, queue: Queue) -> None:
    queue.items = [ZeroDivisionError("odd document"), "b"]
    worker.start()
    until(lambda: not worker.busy)
    assert "odd document" in worker.error

    worker.wake()
    until(lambda: queue.done == ["b"])


def test_closing_waits_for_the_step_in_hand_and_leaves_the_rest(
    worker: Worker, queue: Queue
) -> None:
    queue.gate = threading.Semaphore(0)
    worker.start()
    closing = threading.Thread(target=worker.close)
    closing.start()
    queue.gate.release(2)
    closing.join(20)

    assert (closing.is_alive(), queue.done, queue.items) == (False, ["a"], ["b"])


def test_closing_one_that_was_never_started_or_twice_does_nothing(queue: Queue) -> None:
    worker = Worker(queue)
    worker.close()
    worker.close()

    assert queue.done == []
