import threading
from collections.abc import Callable, Iterator

import pytest
from libraries import answer_from, hit
from waiting import until

from rag.errors import ModelMissing
from rag.job import UNFINISHED, Job
from rag.types import Answer, AnswerEvent, Delta, Done, Reading, Sources, Waiting

HIT = hit("Forty trees.")
ANSWER = answer_from(HIT)


class Paced:
    """Yields an event each time it is told to go on."""

    def __init__(self, *events: AnswerEvent) -> None:
        self.events = events
        self.go_on = threading.Semaphore(0)

    def __call__(self, cancelled: Callable[[], bool]) -> Iterator[AnswerEvent]:
        for event in self.events:
            self.go_on.acquire()
            yield event


Ask = Callable[[Callable[[], bool]], Iterator[AnswerEvent]]


def run(ask: Ask) -> tuple[Job, list[Answer | str]]:
    outcomes: list[Answer | str] = []
    return Job(ask, outcomes.append), outcomes


def test_what_it_has_so_far_can_be_read_while_it_runs() -> None:
    ask = Paced(Sources((HIT,)), Waiting(1), Delta("Forty "), Delta("trees."), Done(ANSWER))
    job, outcomes = run(ask)

    assert (job.running, job.hits, job.text) == (True, None, "")
    ask.go_on.release()
    until(lambda: job.hits == (HIT,))
    ask.go_on.release()
    until(lambda: job.ahead == 1)
    ask.go_on.release()
    until(lambda: job.text == "Forty ")
    assert (job.ahead, outcomes) == (0, [])
    ask.go_on.release(2)
    job.wait()

    assert (job.running, job.text, outcomes) == (False, "Forty trees.", [ANSWER])
    assert job.elapsed_s > 0


def test_sources_are_waited_for_until_they_are_there_or_there_are_none() -> None:
    ask = Paced(Sources((HIT,)), Done(ANSWER))
    job, _ = run(ask)

    job.wait_for_sources(0.01)
    assert job.hits is None
    ask.go_on.release()
    job.wait_for_sources(60)
    assert job.hits == (HIT,)
    ask.go_on.release()
    job.wait()

    broken, _ = run(lambda _: iter(()))
    broken.wait_for_sources(60)
    assert broken.hits is None


def test_nothing_is_expected_once_words_come() -> None:
    ask = Paced(Reading(600), Delta("Forty."), Done(ANSWER))
    job, _ = run(ask)
    ask.go_on.release()
    until(lambda: job.expected_s is not None)

    ask.go_on.release()
    until(lambda: job.text == "Forty.")
    assert job.expected_s is None
    ask.go_on.release()
    job.wait()


def test_when_the_first_word_is_expected_is_known_until_that_is_over() -> None:
    ask = Paced(Sources((HIT,)), Reading(0.3), Done(ANSWER))
    job, _ = run(ask)
    ask.go_on.release()
    until(lambda: job.hits is not None)
    assert job.expected_s is None

    ask.go_on.release()
    until(lambda: job.expected_s is not None)
    expected_s = job.expected_s
    assert expected_s is not None
    assert job.elapsed_s < expected_s <= job.elapsed_s + 0.3

    until(lambda: job.expected_s is None)
    assert job.elapsed_s >= expected_s
    ask.go_on.release()
    job.wait()


def test_it_finishes_though_nobody_looks() -> None:
    finished = threading.Event()
    Job(lambda _: iter([Done(ANSWER)]), lambda _: finished.set())

    assert finished.wait(20)


def test_an_error_becomes_its_message() -> None:
    def ask(cancelled: Callable[[], bool]) -> Iterator[AnswerEvent]:
        yield Sources(())
        raise ModelMissing("The model is missing. Fetch it.")

    job, outcomes = run(ask)
    job.wait()

    assert outcomes == ["The model is missing. Fetch it."]


def test_an_answer_that_ends_without_being_done_says_so() -> None:
    job, outcomes = run(lambda _: iter([Sources(())]))
    job.wait()

    assert outcomes == [UNFINISHED]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_ends_the_answer_too() -> None:
    def ask(cancelled: Callable[[], bool]) -> Iterator[AnswerEvent]:
        yield Sources(())
        raise ZeroDivisionError

    job, outcomes = run(ask)
    job.wait()

    assert outcomes == [UNFINISHED]


def test_cancelling_reaches_the_one_who_answers() -> None:
    def ask(cancelled: Callable[[], bool]) -> Iterator[AnswerEvent]:
        until(cancelled)
        yield Done(ANSWER)

    job, outcomes = run(ask)
    assert not job.cancelled
    job.cancel()
    job.wait()

    assert (job.cancelled, outcomes) == (True, [ANSWER])
