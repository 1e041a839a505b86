from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sums import Operand, Task, asked, result
from rag.types import Span


def operand(value: str, *, label: str = "Net sales", year: int = 2018, **more: object) -> Operand:
    number = Decimal(value)
    shown = f"{abs(number):,}"
    return Operand(label, year, number, shown, Span("d", 1, 0, 1), "acme.pdf", **more)  # type: ignore[arg-type]


def change(*years: int) -> Task:
    return Task("change", ("net sales",), years)


@pytest.mark.parametrize(
    ("question", "kind", "years"),
    [
        ("By how much did net sales grow from 2017 to 2018?", "change", (2017, 2018)),
        ("How much did net sales fall in 2018?", "change", (2017, 2018)),
        ("What percentage did memberships increase from 2014 to 2015?", "change", (2014, 2015)),
        ("What was the growth rate in net sales in 2018?", "change", (2017, 2018)),
        ("What is the percentage change in net sales from 2016 to 2018?", "change", (2016, 2018)),
        ("what is the net change in net sales between 2016 and 2018", "change", (2016, 2018)),
        ("What was the net sales growth in FY2018?", "change", (2017, 2018)),
        ("What is the difference in net sales between 2017 and 2018?", "change", (2017, 2018)),
        ("What is the ratio of debt to total assets in 2018?", "ratio", (2018,)),
        ("What was the debt-to-equity ratio in 2018?", "ratio", (2018,)),
        ("What percentage of net sales was cost of sales in 2018?", "share", (2018,)),
        ("What share of revenue did the Cloud segment represent in 2018?", "share", (2018,)),
        ("What was cost of sales as a percentage of net sales in 2018?", "share", (2018,)),
        ("What is the difference between net sales and costs in 2018?", "difference", (2018,)),
        ("What was the average of net sales for 2017 and 2018?", "mean", (2017, 2018)),
        ("What were average net sales from 2016 to 2018?", "mean", (2016, 2017, 2018)),
        ("What is the sum of net sales in 2016, 2017 and 2018?", "total", (2016, 2017, 2018)),
        ("What were net sales in 2017 and 2018 combined?", "total", (2017, 2018)),
        ("What was total rent for fiscal years 2016 to 2018?", "total", (2016, 2017, 2018)),
        ("What is the sum of cash and inventory in 2018?", "total", (2018,)),
        ("What is the total of tax fees and all other fees in 2018?", "total", (2018,)),
        ("What were net sales in 2018?", "value", (2018,)),
        ("In 2018, what were Acme's net sales?", "value", (2018,)),
        ("How much were net sales for the year ended December 31, 2018?", "value", (2018,)),
        ("What were total assets in 2018 and 2017, respectively?", "value", (2017, 2018)),
    ],
)
def test_a_question_for_a_sum_is_understood(
    question: str, kind: str, years: tuple[int, ...]
) -> None:
    task = asked(question)
    assert task is not None
    assert (task.kind, task.years) == (kind, years)


@pytest.mark.parametrize(
    "question",
    [
        "Why did net sales grow from 2017 to 2018?",
        "By how much did net sales grow in 2018, and what drove it?",
        "By how much did net sales grow?",
        "How did net sales change from 2017 to 2018?",
        "What growth is expected in 2018?",
        "What was the average price?",
        "What were net sales?",
        "What drove net sales in 2018?",
        "What was the percentage of net sales from lamps in 2018?",
        "What were the reasons for net sales in 2018?",
        "What would net sales be in 2018?",
        "What were the average rates in 2017 and 2018 respectively?",
        "By how much did net sales grow from 2016 to 2017 to 2018?",
        "How many people live in Vexmoor?",
        "What changed in 2018?",
        "What is the compound growth in net sales from 2014 to 2018?",
        "By how much did net sales grow in 2017/18?",
    ],
)
def test_a_question_that_no_figures_answer_is_left_to_the_model(question: str) -> None:
    assert asked(question) is None


def test_a_long_question_is_no_sum_and_takes_no_time() -> None:
    assert asked("What is the ratio of a to b " + "to a " * 800 + " in 2018?") is None


def test_how_the_answer_is_to_be_given_is_no_part_of_the_question() -> None:
    plain = asked("What is the ratio of debt to equity in 2018?")
    assert asked("What is the ratio of debt to equity in 2018? Round to two decimal places.") == (
        plain
    )


def test_a_part_of_a_year_is_kept() -> None:
    task = asked("How much did net sales grow in the three months ended June 30, 2018?")
    assert task is not None
    assert task.interim == {"three months"}


def test_a_change_shows_its_operands_and_goes_over_the_earlier_year() -> None:
    operands = [operand("1437", year=2017, scale=6), operand("1577", scale=6)]

    assert result(change(2017, 2018), operands) == (
        "Net sales rose by 140 million (+9.74 %) from 2017 to 2018: 1,577 − 1,437 = 140 million."
    )


def test_a_figure_is_given_as_it_stands() -> None:
    operands = [
        operand("-45", year=2017, currency="$", scale=6),
        operand("1577", currency="$", scale=6),
    ]

    assert result(Task("value", ("net sales",), (2018,)), operands[1:]) == (
        "Net sales: $1,577 million in 2018."
    )
    assert result(Task("value", ("net sales",), (2017, 2018)), operands) == (
        "Net sales: −$45 million in 2017 and $1,577 million in 2018."
    )


def test_a_fall_has_a_minus() -> None:
    operands = [operand("1577", year=2017, currency="$"), operand("1437", currency="$")]

    assert result(change(2017, 2018), operands) == (
        "Net sales fell by $140 (−8.88 %) from 2017 to 2018: 1,437 − 1,577 = −$140."
    )


def test_no_percentage_is_given_over_a_loss_or_across_zero() -> None:
    over_a_loss = [operand("-45", year=2017), operand("123")]
    into_a_loss = [operand("45", year=2017), operand("-123")]
    from_nothing = [operand("0", year=2017), operand("5")]

    assert result(change(2017, 2018), over_a_loss) == (
        "Net sales rose by 168 from 2017 to 2018: 123 − (−45) = 168."
    )
    assert "%" not in result(change(2017, 2018), into_a_loss)
    assert "%" not in result(change(2017, 2018), from_nothing)


def test_percentages_change_by_points() -> None:
    operands = [
        operand("21.5", year=2017, percent=True),
        operand("20.3", percent=True),
    ]
    assert result(change(2017, 2018), operands) == (
        "Net sales fell by 1.2 percentage points from 2017 to 2018: 20.3 − 21.5 = −1.2."
    )


def test_a_share_and_a_ratio_divide_the_first_by_the_second() -> None:
    operands = [operand("900", label="Cost of sales", scale=6), operand("1577", scale=6)]

    assert result(Task("share", ("a", "b"), (2018,)), operands) == (
        "Cost of sales was 57.1 % of Net sales in 2018: 900 / 1,577 = 57.1 %."
    )
    assert result(Task("ratio", ("a", "b"), (2018,)), operands) == (
        "Cost of sales to Net sales, 2018: 900 / 1,577 = 0.571, or 57.1 %."
    )


def test_totals_and_means_show_every_operand() -> None:
    operands = [operand("1300", year=2016), operand("1437", year=2017), operand("1577")]
    years = (2016, 2017, 2018)

    assert result(Task("total", ("a",), years), operands) == (
        "Net sales, 2016, 2017 and 2018 together: 1,300 + 1,437 + 1,577 = 4,314."
    )
    assert result(Task("mean", ("a",), years), operands) == (
        "Net sales, 2016, 2017 and 2018, average: (1,300 + 1,437 + 1,577) / 3 = 1,438.0."
    )


def test_figures_of_different_scales_or_signs_are_not_mixed() -> None:
    share = Task("share", ("a", "b"), (2018,))

    assert result(change(2017, 2018), [operand("1", scale=3), operand("2", scale=6)]) == ""
    assert result(share, [operand("-900"), operand("1577")]) == ""
    assert result(share, [operand("900"), operand("0")]) == ""


figure = st.decimals(0, 10**9, places=1)


@given(figure, figure)
def test_a_change_is_exact(one: Decimal, other: Decimal) -> None:
    text = result(change(2017, 2018), [operand(str(one), year=2017), operand(str(other))])

    shown = text.rpartition(" = ")[2].rstrip(".").replace(",", "").replace("−", "-")
    assert Decimal(shown) == other - one


@given(st.text())
def test_no_question_is_too_odd(text: str) -> None:
    asked(text)
    asked(f"What is the ratio of {text} to {text} in 2018?")
