import pytest

from rag import facts
from rag.figures import Asked, Number, asked_in, bears, stated_scales


def number(text: str) -> Number:
    (found,) = facts.read(text).numbers
    return found


@pytest.mark.parametrize(
    "same",
    [
        ("1,577", "1577"),
        ("$1,577.00", "1577"),
        ("1.577 billion", "1,577 million"),
        ("$ 1.5 million", "1,500,000"),
        ("$5M", "5 million"),
        ("(123)", "-123"),
        ("123", "(123)"),
        ("37.1%", "37.1 percent"),
        ("37.10 %", "37.1 per cent"),
        ("1,00,000", "100000"),
        ("1.577.000,5", "1577000.5"),
        ("1’577", "1577"),
        ("three", "3"),
        ("twelfth", "12th"),
        ("٤٢", "42"),
    ],
)
def test_the_same_value_in_another_form_is_borne_out(same: tuple[str, str]) -> None:
    said, found = map(number, same)
    assert bears(said, found)


@pytest.mark.parametrize(
    "different",
    [
        ("1,577", "1,578"),
        ("1,577", "15.77"),
        ("1,577 million", "1,577"),
        ("1,577", "1,577 million"),
        ("37.1%", "37.1"),
        ("-123", "123"),
        ("5 million", "5 billion"),
        ("1.6 billion", "1,577"),
    ],
)
def test_another_value_is_not_borne_out(different: tuple[str, str]) -> None:
    said, found = map(number, different)
    assert not bears(said, found)


def test_a_figure_of_a_table_may_leave_out_its_scale_and_percent_sign() -> None:
    assert bears(number("$1,577 million"), number("1,577"), in_table=True)
    assert bears(number("1.577 billion"), number("1,577"), in_table=True)
    assert bears(number("37.1%"), number("37.1"), in_table=True)
    assert not bears(number("5 million"), number("5"), in_table=True)


def test_a_scale_that_the_table_states_is_the_only_one() -> None:
    millions = frozenset({6})
    assert bears(number("$5 million"), number("5"), in_table=True, scales=millions)
    assert bears(number("1,577,000,000"), number("1,577"), in_table=True, scales=millions)
    assert not bears(number("$1,577 thousand"), number("1,577"), in_table=True, scales=millions)


def test_rounding_to_the_digits_shown_needs_a_scale_on_both_sides() -> None:
    assert bears(number("1.6 billion"), number("1,577 million"))
    assert bears(number("1.58 billion"), number("1,577"), in_table=True, scales=frozenset({6}))
    assert not bears(number("1.7 billion"), number("1,577 million"))
    assert not bears(number("2 billion"), number("1,577 million"))
    assert not bears(number("1.577 billion"), number("1.6 billion"))
    assert not bears(number("1,600"), number("1,577"))


def test_a_question_can_fix_scale_and_percentage_for_its_answer() -> None:
    asked = asked_in("What is the margin, and what are sales in millions?")
    assert asked == Asked(frozenset({6}), percent=True)
    assert bears(number("1,577"), number("1,577 million"), asked=asked)
    assert bears(number("37.1"), number("37.1%"), asked=asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(In millions, except per share)", {6}),
        ("Amounts in thousands of dollars", {3}),
        ("£m 2018 2017", {6}),
        ("$'000", {3}),
        ("EUR (in billions)", {9}),
        ("Costs by department, thousand euro", {3}),
        ("He won 2 million in 1999", set()),
    ],
)
def test_the_heading_of_a_table_states_its_scale(text: str, expected: set[int]) -> None:
    assert stated_scales(text) == expected


def test_figures_with_commas_between_them_are_read_however_many_they_are() -> None:
    listed = facts.read(f"{'83,' * 80_000} 1,577.5 and 1,00,000").numbers

    assert [float(one.value) for one in listed[-2:]] == [1577.5, 100_000]
