from decimal import Decimal

import pytest

from rag.ranges import measure, of_cell, read


@pytest.mark.parametrize(
    ("text", "within", "outside"),
    [
        ("Up to two years", "0 1 2", "2.5 3"),
        ("Over two years and up to five years", "3 5", "2 6"),
        ("More than five years", "6", "5"),
        ("more than 5 years of service", "6", "5"),
        ("Under 18", "17", "18"),
        ("65 and over", "65 80", "64"),
        ("5+ years", "5 9", "4"),
        ("5 years or more", "5", "4"),
        ("10 or fewer", "10", "11"),
        ("2–5 years", "2 5", "1 6"),
        ("2 to under 5 kg", "2 4", "5"),
        ("Over 2 kg, up to 5 kg", "3 5", "2"),
        ("between 1,000 and 2,500", "1000 2500", "999"),
        ("at least 10 people", "10", "9"),
        ("aged 5 to 11", "5 11", "4 12"),
        ("> 10 mm", "11", "10"),
    ],
)
def test_what_is_within_a_range_is_told_by_its_limits(text: str, within: str, outside: str) -> None:
    found = read(text)
    assert found is not None
    assert [value for value in within.split() if not found.holds(Decimal(value))] == []
    assert [value for value in outside.split() if found.holds(Decimal(value))] == []


@pytest.mark.parametrize(
    "text",
    [
        "3 years", "During probation", "none", "", "First year", "2 years old", "5-1",
        "From 6 months to 2 years", "Three days must be kept back", "1998", "A to C",
        "from 9 to 5 o'clock on every weekday but Friday",
    ],
)  # fmt: skip
def test_a_value_or_what_is_not_understood_is_no_range(text: str) -> None:
    assert read(text) is None


def test_the_unit_is_that_of_the_cell_or_else_of_its_column() -> None:
    units = [of_cell(*cell) for cell in (
        ("Service", "up to 5 years"), ("Weight (kg)", "up to 5"), ("Age", "5-11"), ("Band", "5-11"),
    )]  # fmt: skip
    assert [found and found.unit for found in units] == ["year", "kg", "year", ""]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What do I get after three years there?", (Decimal(3), "year")),
        ("What does a 12 kg parcel cost?", (Decimal(12), "kg")),
        ("What does a 2.5kg parcel cost?", (Decimal("2.5"), "kg")),
        ("What is it for a five-year-old?", (Decimal(5), "year")),
        ("Is it 2 kg or 3 kg?", None),
        ("What did they pay in 2023?", None),
        ("What is £3 a year?", None),
    ],
)
def test_a_measure_is_one_figure_with_its_unit(
    question: str, told: tuple[Decimal, str] | None
) -> None:
    assert measure(question) == told
