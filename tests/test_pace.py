from rag.pace import Pace


def test_what_is_left_takes_as_long_as_what_was_done() -> None:
    times = iter([0.0, 10.0])
    pace = Pace(lambda: next(times))

    assert pace.remaining_s(100, 300) is None
    assert pace.remaining_s(150, 250) == 50.0


def test_nothing_is_said_before_anything_was_done() -> None:
    times = iter([0.0, 1.0, 30.0])
    pace = Pace(lambda: next(times))

    assert [pace.remaining_s(done, 9) for done in (0, 1, 0)] == [None, None, None]


def test_what_was_long_ago_does_not_count() -> None:
    times = iter([0.0, 100.0, 110.0])
    pace = Pace(lambda: next(times))
    pace.remaining_s(0, 0)
    pace.remaining_s(1, 0)

    assert pace.remaining_s(11, 10) == 10.0
