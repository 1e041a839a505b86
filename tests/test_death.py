import pytest

from rag.death import Bounds, Death, Why, failure, warning

BOUNDS = Bounds(memory_mb=3000, file_s=600, page_s=60, reply_mb=200)


@pytest.mark.parametrize(
    ("death", "part", "where"),
    [
        (Death("crash"), None, ""),
        (Death("crash", 0, 9), 1, " at page 1 of 9"),
        (Death("memory", 8, 9), 9, " at page 9 of 9"),
        (Death("slow", 9, 9), 0, " after the last of 9 pages"),
        (Death("late", 3, 9), None, " at page 4 of 9"),
        (Death("flood", 9, 9), None, " after the last of 9 pages"),
    ],
)
def test_what_is_left_out_is_where_the_reader_was(
    death: Death, part: int | None, where: str
) -> None:
    assert (death.part, death.where) == (part, where)


@pytest.mark.parametrize(
    ("why", "setting"), [("memory", "reader_mb"), ("slow", "page_s"), ("late", "file_s")]
)
def test_a_limit_is_told_with_its_setting(why: Why, setting: str) -> None:
    told = str(failure("a.pdf", Death(why, 6, 9), BOUNDS))

    assert told.startswith("a.pdf was not read")
    assert " at page 7 of 9" in told
    assert f"Raise {setting} in the settings" in told


@pytest.mark.parametrize("why", ["crash", "killed", "flood", "junk", "gone"])
def test_every_end_says_what_to_do_next(why: Why) -> None:
    told = str(failure("Page 3 of a.pdf", Death(why), BOUNDS))

    assert told.startswith("Page 3 of a.pdf was not read: ")
    assert told.count(". ") == 1
    assert told.endswith(".")


def test_what_is_left_out_is_named() -> None:
    assert warning(7, Death("slow", 6, 9), BOUNDS) == (
        "Page 7 took longer than 60 seconds and is left out."
    )
    assert warning(0, Death("killed", 9, 9), BOUNDS) == (
        "The outline crashed its reader and is left out."
    )
