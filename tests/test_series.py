from decimal import Decimal

import pytest

from rag.series import Pick, Point, Series, asked, lines, may_be_of, merged, suffice
from rag.sums import Operand
from rag.types import Span


def point(
    when: int,
    value: str,
    *,
    part: str = "",
    document: str = "a.pdf",
    label: str = "Net sales",
    percent: bool = False,
) -> Point:
    span = Span("d" * 64, 1, 0, len(value))
    scale = 0 if percent else 6
    return Point(
        Operand(label, when // 10_000, Decimal(value), value, span, document, scale, percent),
        when,
        part,
    )


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("How have Acme's net sales changed over the years?", "Acme's net sales"),
        ("How has revenue from lamps fluctuated across quarters?", "revenue from lamps"),
        ("How has the operating margin evolved?", "operating margin"),
        ("How did inventories develop from quarter to quarter?", "inventories"),
        ("Can any trends be identified in net sales over the reported periods?", "net sales"),
        ("Are there identifiable trends in rent across the reports?", "rent"),
        ("What patterns can be discerned from revenue throughout the periods?", "revenue"),
        ("What is the tax rate reported by Acme in these quarters?", "tax rate"),
        ("What were net sales in each of the last five years?", "net sales"),
        ("What tax rate has Acme reported in these quarters?", "tax rate"),
        ("How do net sales in the latest quarter compare to previous quarters?", "net sales"),
        ("Compare net income across the four reports.", "net income"),
        ("Show me the net sales for every year", "net sales"),
    ],
)  # fmt: skip
def test_a_figure_over_time_is_understood_in_common_wordings(question: str, label: str) -> None:
    found = asked(question)

    assert found is not None
    assert (found.label, found.judgement) == (label, False)


@pytest.mark.parametrize(
    ("question", "label", "pick"),
    [
        ("What were net sales in the latest quarter?", "net sales", "latest"),
        ("What was Acme's gross margin as reported in its most recent 10-Q?",
         "Acme's gross margin", "latest"),
        ("For the latest quarter, what was the rent?", "rent", "latest"),
        ("Which year had the highest net sales?", "net sales", "highest"),
        ("In which year was rent lowest?", "rent", "lowest"),
        ("Which year has a higher value of land?", "value of land", "highest"),
    ],
)  # fmt: skip
def test_the_latest_and_the_highest_are_asked_for(question: str, label: str, pick: str) -> None:
    found = asked(question)

    assert found is not None
    assert (found.label, found.pick) == (label, pick)


@pytest.mark.parametrize(
    ("question", "label", "report"),
    [
        ("What is the total revenue according to the annual report?", "total revenue", set()),
        ("According to the annual report, what is the revenue (in USD) for Acme (at the period)?",
         "revenue for Acme", set()),
        ("For Acme, Inc., what was the number of stores at year-end in the annual report?",
         "number of stores", set()),
        ("What was Acme's operating cash flow as reported in the Q3 2022 10-Q?",
         "Acme's operating cash flow", {"q3", 2022}),
        ("What did Acme report as its net income in the 2022 annual report?",
         "net income", {2022}),
        ("How much revenue did Acme report in its latest quarterly report?", "revenue", set()),
    ],
)  # fmt: skip
def test_a_figure_of_a_report_is_of_its_own_period(
    question: str, label: str, report: set[str | int]
) -> None:
    found = asked(question)

    assert found is not None
    assert (found.label, found.report, found.pick) == (label, report, "latest")


def test_a_report_is_known_by_its_file_name_where_the_question_says_which() -> None:
    third = Series("sales", report=frozenset({"q3", 2022}))

    assert may_be_of(third, "2022 Q3 ACME.pdf")
    assert may_be_of(third, "acme_q3_2022.pdf")
    assert not may_be_of(third, "2023 Q3 ACME.pdf")
    assert may_be_of(Series("sales"), "anything.pdf")


def test_the_latest_is_told_alone_and_the_highest_in_front_of_all() -> None:
    points = (point(20170000, "3"), point(20180000, "1"), point(20190000, "3"))

    def opening(pick: Pick) -> str:
        return lines(Series("net sales", pick=pick), points)[0]

    assert opening("latest") == "Net sales, 2019: 3 million."
    assert opening("highest") == "Net sales was highest in 2017 and in 2019:"
    assert opening("lowest") == "Net sales was lowest in 2018:"
    balances = (point(20230401, "3"), point(20230701, "4"))
    assert lines(Series("x", pick="highest"), balances)[0] == (
        "Net sales was highest on July 1, 2023:"
    )


def test_a_document_without_the_figure_may_have_the_latest_or_highest() -> None:
    points = (point(20170000, "1"), point(20180000, "2"))
    mixed = (point(20170000, "1"), point(20180000, "2", percent=True))

    def enough(pick: Pick, points: tuple[Point, ...], n_without: int = 0) -> bool:
        return suffice(Series("x", pick=pick), points, n_without=n_without, n=4)

    assert enough("all", points)
    assert enough("all", points, 2)
    assert not enough("all", points, 3)
    assert not enough("all", points[:1])
    assert enough("latest", points[:1])
    assert not enough("latest", points, 1)
    assert enough("highest", points)
    assert not enough("highest", points, 1)
    assert not enough("highest", mixed)
    assert not enough("highest", points[:1])
    assert not enough("latest", ())


@pytest.mark.parametrize(
    "question",
    [
        "How have Acme's risk factors changed over time?",
        "What is the share of lamps in total revenue in the annual report?",
        "What was the strategy in the annual report?",
        "How has it changed over the years?",
        "How have net sales changed from 2017 to 2018?",  # a sum
        "Why have net sales changed over the years?",
        "What was net income?",
        "How have Acme's accounting policies evolved?",
        "What role have exchange rates played in the results over the quarters?",
        "How has Acme's liquidity position changed over the reported quarters?",
        "",
    ],
)
def test_other_questions_are_left_alone(question: str) -> None:
    assert asked(question) is None


def test_a_question_for_what_the_figures_mean_is_heard_but_not_answered() -> None:
    question = (
        "How have Acme's inventory levels changed over the quarters, and what might this mean?"
    )
    both = "What tax rate did Acme report in these quarters and how does it compare across them?"

    assert asked(question) == Series("Acme's inventory levels", frozenset({"acme"}), judgement=True)
    assert asked(both) == Series("tax rate", frozenset({"acme"}))
    told = lines(Series("x", judgement=True), (point(20170000, "1"), point(20180000, "2")))
    assert told[-1].endswith("What this means the figures do not say.")


def test_periods_are_told_in_order_with_the_change_over_all_of_them() -> None:
    points = merged([point(20180000, "1577"), point(20160000, "1300"), point(20170000, "1437")])

    assert lines(Series("net sales"), points) == (
        "Net sales, in order of time:",
        "- 2016: 1,300 million",
        "- 2017: 1,437 million",
        "- 2018: 1,577 million",
        (
            "Net sales rose by 277 million (+21.3 %) between the first and the last: "
            "1577 − 1300 = 277 million."
        ),
    )


def test_parts_of_a_year_are_told_with_their_last_day() -> None:
    months = "three months"
    points = merged(
        [point(20230701, "12.5", part=months, percent=True), point(20230401, "14.9", part=months,
         percent=True), point(20220000, "15", part=months, percent=True, document="q1.pdf")]
    )  # fmt: skip

    assert [p.period for p in points] == [
        "three months of 2022 (q1.pdf)",
        "three months to April 1, 2023",
        "three months to July 1, 2023",
    ]
    assert point(20230701, "1").period == "July 1, 2023"
    assert "percentage points" in lines(Series("tax rate"), points)[-1]


def test_what_two_documents_tell_apart_is_left_out() -> None:
    restated = point(20170000, "1440", document="b.pdf")
    again = point(20180000, "1577", document="b.pdf")

    assert merged([point(20170000, "1437"), restated, point(20180000, "1577"), again]) == (
        point(20180000, "1577"),
    )


def test_nothing_is_said_of_the_change_between_unlike_periods() -> None:
    told = lines(
        Series("net sales"),
        (point(20230401, "100", part="three months"), point(20230701, "220", part="six months")),
        without=("2022 Q3.pdf",),
    )

    assert told[-1] == "Not found for certain in 2022 Q3.pdf."


def test_figures_of_rows_with_other_names_are_told_with_them() -> None:
    points = (point(20170000, "1"), point(20180000, "2", label="Total net sales"))

    assert lines(Series("net sales"), points)[1:3] == (
        "- 2017: 1 million (Net sales)",
        "- 2018: 2 million (Total net sales)",
    )


@pytest.mark.parametrize(
    ("question", "opening"),
    [
        ("In which years were net sales less than 2 million?", "less than 2 million in 2018:"),
        ("Which years did net sales exceed $2,000 thousand?", "more than 2 million in 2017 and"),
        ("In what year was the net sales figure below 2?", "less than 2 million in 2018:"),
        ("In which year were net sales above 1 billion?", "more than 1,000 million in none of"),
    ],
)
def test_years_are_told_by_a_bound(question: str, opening: str) -> None:
    points = (point(20170000, "3"), point(20180000, "1"), point(20190000, "3.5"))
    wanted = asked(question)

    assert wanted is not None
    assert wanted.label.startswith("net sales")
    assert suffice(wanted, points, n_without=0, n=1)
    told = lines(wanted, points)
    assert told[0].startswith(f"Net sales was {opening}")
    assert told[1] == "- 2017: 3 million"
