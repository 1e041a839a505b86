import pytest
import speed
from answers import Question

SOON, LATE = 1.0, 20.0


def run(
    i: int, path: str, *, first_s: float, rate: float = 20.0, f1: float = 0.5, quotes: bool = True
) -> speed.Run:
    return speed.Run(
        f"q{i}",
        "d",
        path,
        1000,
        30,
        first_s,
        rate,
        first_s,
        rate,
        first_s + 2,
        f1,
        quotes=quotes,
        text="It is.",
    )


def runs(**by_path: list[speed.Run]) -> dict[str, dict[str, speed.Run]]:
    return {path: {run.id: run for run in by_path.get(path, [])} for path in speed.PATHS}


def several(path: str, **figures: float | bool) -> list[speed.Run]:
    return [run(i, path, **figures) for i in range(4)]  # type: ignore[arg-type]


def good() -> dict[str, list[speed.Run]]:
    return {
        "plain": several("plain", first_s=LATE),
        "cold": several("cold", first_s=0.7 * LATE),
        "prepared": several("prepared", first_s=SOON, rate=26.0),
    }


def test_no_floor_is_missed_where_all_is_as_it_should_be() -> None:
    assert speed.misses(runs(**good())) == []


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        (several("prepared", first_s=3.0, rate=26.0), "prepared: first word"),
        (several("prepared", first_s=SOON, rate=26.0, f1=0.48), "prepared: F1"),
        (several("cold", first_s=0.9 * LATE), "cold: first word"),
        (several("cold", first_s=SOON, f1=0.499), "cold: F1"),
        (several("prepared", first_s=SOON, rate=22.0), "that quote"),
        (several("prepared", first_s=SOON, rate=19.0, quotes=False), "that do not quote"),
    ],
)
def test_each_floor_that_is_missed_is_named(changed: list[speed.Run], missed: str) -> None:
    (miss,) = speed.misses(runs(**{**good(), changed[0].path: changed}))

    assert missed in miss


def test_nothing_measured_meets_no_floor() -> None:
    assert len(speed.misses(runs())) == 4


def test_figures_are_compared_question_by_question() -> None:
    plain = {f"q{i}": run(i, "plain", first_s=10.0 * (i + 1)) for i in range(3)}
    fast = {f"q{i}": run(i, "prepared", first_s=1.0 + i) for i in (0, 2, 5)}

    assert speed.ratios(fast, plain, lambda r: r.first_s) == pytest.approx([0.1, 0.1])
    assert speed.f1s(fast, plain) == (0.5, 0.5)


def test_the_order_of_the_paths_turns_and_the_question_after_comes_last() -> None:
    assert speed.in_turn(speed.PATHS, 1) == ["plain", "cold", "half", "prepared", "again"]
    assert speed.in_turn(speed.PATHS, 2) == ["prepared", "half", "cold", "plain", "again"]


def test_questions_are_taken_from_all_of_the_first_titles_in_turn() -> None:
    questions = [
        Question(f"{title}{n}", "d", "?", ("x",), answerable=n != 1, title=title)
        for title in "abc"
        for n in range(4 if title == "a" else 3)
    ]

    chosen = speed.choose(questions, titles=2, limit=None)

    assert [q.id for q in chosen] == ["a0", "b0", "a2", "b2", "a3"]
    assert speed.choose(questions, titles=None, limit=2) == chosen[:2]
