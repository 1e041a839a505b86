from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import hit

from rag import series
from rag.operands import alike, called, find, named, on_pages, over_time, pages_with
from rag.sums import asked, result
from rag.types import Hit

INCOME = """\
Acme Corporation
Consolidated statements of income
(in millions, except per share amounts)
Years ended December 31, 2018 2017 2016
Net sales $ 1,577 $ 1,437 $ 1,300
Cost of sales 900 850 800
Operating income 677 587 500
Net (loss) income (123) 45 12
Tax rate 21.3 24.5 25.0
Effective margin 21.3% 24.5% 25.0%
Diluted earnings per share $ 1.23 $ 0.45 $ 0.12"""


def sum_of(question: str, *pages: str, hits: Sequence[Hit] = ()) -> str:
    """The result of the sum that the question asks for; empty where nothing is worked out."""
    found = hits or [hit(text, page=i, rank=i) for i, text in enumerate(pages, 1)]
    task = asked(question)
    assert task is not None
    operands = find(task, found, lambda _doc, page: pages[page - 1])
    for operand in operands:
        page = pages[operand.span.page - 1]
        quote = page[operand.span.start : operand.span.end]
        assert operand.shown.removesuffix(" %") in quote
        assert len(quote) <= len(operand.shown) + 3
    return result(task, operands) if operands else ""


@pytest.mark.parametrize(
    ("question", "ending"),
    [
        (
            "By how much did Acme's net sales grow from 2017 to 2018?",
            "(+9.74 %) from 2017 to 2018: 1,577 − 1,437 = $140 million.",
        ),
        ("What was the growth rate of revenue in 2018?", "1,577 − 1,437 = $140 million."),
        ("How much did net income change in 2018?", "−123 − 45 = −168 million."),
        ("How much did operating income grow from 2016 to 2018?", "677 − 500 = 177 million."),
        ("By how much did the effective margin fall in 2018?", "21.3 % − 24.5 % = −3.2."),
        ("How much did diluted earnings per share rise in 2018?", "1.23 − 0.45 = $0.78."),
        ("What percentage of net sales was cost of sales in 2017?", "850 / 1,437 = 59.2 %."),
        ("What is the sum of net sales in 2016 and 2018?", "1,300 + 1,577 = $2,877 million."),
        ("What was average net sales from 2016 to 2018?", "/ 3 = $1,438.0 million."),
        ("What were Acme's net sales in 2017?", "Net sales: $1,437 million in 2017."),
        ("What was net income in 2018 and 2017?", "45 million in 2017 and −123 million in 2018."),
        ("What was the effective margin in 2016?", "Effective margin: 25.0 % in 2016."),
    ],
)
def test_figures_are_taken_by_row_and_year(question: str, ending: str) -> None:
    assert sum_of(question, INCOME).endswith(ending)


@pytest.mark.parametrize(
    "question",
    [
        "How much did income grow in 2018?",  # operating, or net
        "How much did net sales grow in 2015?",  # no such columns
        "How much did tax expense grow in 2018?",  # no such row
        "How much did Vexmoor's net sales grow in 2018?",  # another company
        "How much did net sales of lamps grow in 2018?",
        "How much did net sales grow in the third quarter of 2018?",
        "How much did the tax rate fall in 2018?",  # of what 21.3 is a rate is not said
        "How much did net sales of model 7 grow in 2018?",
    ],
)
def test_in_doubt_nothing_is_taken(question: str) -> None:
    assert sum_of(question, INCOME) == ""


def test_figures_of_quarters_do_not_stand_for_years() -> None:
    quarter = INCOME.replace("Years ended", "Three months ended")
    asked_for = "How much did net sales grow in the three months ended December 31, 2018?"

    assert sum_of("How much did net sales grow in 2018?", quarter) == ""
    assert sum_of(asked_for, quarter).endswith("= $140 million.")
    assert sum_of(asked_for, INCOME) == ""


QUARTER = """\
FORM 10-Q, quarterly report of Acme Corporation
(in millions)
Three Months Ended Nine Months Ended
July 1,
2023
June 25,
2022
July 1,
2023
June 25,
2022
Net sales 110 100 330 320
Services 11 10 35 30"""


def test_a_quarter_that_the_file_is_named_after_is_read_off_its_three_months() -> None:
    named = [replace(hit(QUARTER), document="2023 Q3 ACME.pdf")]

    def of(question: str) -> str:
        return sum_of(question, QUARTER, hits=named)

    assert of("By how much did net sales grow in Q3 2023?") == (
        "Net sales rose by 10 million (+10.0 %) from Q3 2022 to Q3 2023: 110 − 100 = 10 million."
    )
    assert of("What percentage of net sales was services in the third quarter of 2023?") == (
        "Services was 10.0 % of Net sales in Q3 2023: 11 / 110 = 10.0 %."
    )
    assert of("How much did net sales grow in the three months ended July 1, 2023?") != ""
    assert of("By how much did net sales grow in Q2 2023?") == ""
    assert of("By how much did net sales grow in Q3 2022?") == ""
    assert of("By how much did net sales grow in 2023?") == ""
    assert sum_of("By how much did net sales grow in Q3 2023?", QUARTER) == ""


def test_a_quarterly_report_gives_no_figures_of_a_year() -> None:
    bare = QUARTER.replace("Three Months Ended Nine Months Ended", "").replace("330 320", "")
    question = "By how much did net sales grow in 2023?"

    assert sum_of(question, INCOME.replace("Acme Corp", "Quarterly report of Acme Corp")) == ""
    assert sum_of(question, bare) == ""


def test_the_balance_of_a_quarter_is_not_held_against_that_of_a_year() -> None:
    head = "(in millions)\n{} 2018 {} 2017\nNet sales 1,577 1,437\nCosts 900 850"
    question = "How much did net sales grow in 2018?"

    assert sum_of(question, head.format("September 30,", "December 31,")) == ""
    assert sum_of(question, head.format("December 29,", "December 30,")) != ""
    assert sum_of(question, head.format("December 29,", "January 2,")) != ""


def test_columns_that_share_a_year_are_not_told_apart() -> None:
    twice = "(in millions)\nActual Plan\n2018 2018\nNet sales 1,577 1,437\nCosts 900 850"
    assert sum_of("How much did net sales grow in 2018?", twice) == ""


def test_a_column_of_changes_is_passed_over_only_where_it_adds_up() -> None:
    table = "(in millions)\n2018 2017 Change\nNet sales 1,577 1,437 {}\nCost of sales 900 850 50"
    question = "How much did net sales grow in 2018?"

    for shown in ("140", "9.7%", "10%"):
        assert sum_of(question, table.format(shown)).endswith("= 140 million."), shown
    assert sum_of(question, table.format("1,300")) == ""


def test_percentages_beside_the_amounts_are_passed_over() -> None:
    table = (
        "In thousands $ % $ %\n2018 2017\nCheese 1,617 2% 1,434 1%\nNet sales 81,000 100% 99 100%"
    )

    assert sum_of("How much did cheese grow in 2018?", table).endswith(
        "1,617 − 1,434 = 183 thousand."
    )
    assert sum_of("How much did the cheese segment grow in 2018?", table) != ""


def test_rows_that_contradict_each_other_give_nothing() -> None:
    other = INCOME.replace("1,577", "1,580")
    question = "How much did net sales grow in 2018?"

    assert sum_of(question, INCOME, INCOME) != ""
    assert sum_of(question, INCOME, other) == ""


def test_years_may_stand_in_two_tables() -> None:
    new = "Acme\n(in millions)\n2018 2017\nNet sales 1,577 1,437\nCosts 900 850"
    old = "Acme\n(in millions)\n2016 2015\nNet sales 1,300 1,200\nCosts 800 750"

    assert sum_of("How much did net sales grow from 2016 to 2018?", new, old).endswith(
        "1,577 − 1,300 = 277 million."
    )


def test_years_of_two_documents_are_joined_only_where_the_question_names_whose_they_are() -> None:
    pages = [
        "Acme\n(in millions)\n2018 2017\nNet sales 1,577 1,437\nCosts 900 850",
        "Acme\n(in millions)\n2016 2015\nNet sales 1,300 1,200\nCosts 800 750",
    ]
    hits = [hit(text, page=i, rank=i, doc_id=f"{i}" * 64) for i, text in enumerate(pages, 1)]
    names = [replace(found, document="acme.pdf") for found in hits]

    assert sum_of("How much did net sales grow from 2016 to 2018?", *pages, hits=names) == ""
    assert sum_of("How much did Acme's net sales grow from 2016 to 2018?", *pages, hits=names) != ""


def test_the_line_above_tells_rows_of_one_name_apart_until_their_total() -> None:
    table = (
        "(in thousands)\n2018 2017\nRevenue:\nProducts 100 90\nServices 50 40\n"
        "Total revenue 150 130\nCost of revenue:\nProducts 70 60\nServices 30 25\nTotal 100 85\n"
        "Services 8 7"
    )
    question = "How much did {} grow in 2018?"

    assert sum_of(question.format("revenue of services"), table).endswith("= 10 thousand.")
    assert sum_of(question.format("the cost of revenue of services"), table).endswith(
        "= 5 thousand."
    )
    assert sum_of(question.format("services"), table) == ""


def test_what_a_row_is_a_part_of_may_stand_above_the_table() -> None:
    table = (
        "Net sales by product were as follows (in thousands):\n2018 2017\nCheese 70 60\nButter 5 4"
    )
    question = "What were net sales from {} in 2018?"

    assert sum_of(question.format("cheese"), table) == ("Cheese (net sales): 70 thousand in 2018.")
    assert sum_of(question.format("bread"), table) == ""
    assert sum_of("What was the cost of cheese in 2018?", table) == ""
    assert sum_of("What were net sales of product in 2018?", table) == ""


def test_a_total_is_told_from_what_it_adds_up() -> None:
    rows = "Cost of goods 70 60\nDepreciation 5 4\nTotal cost of goods 75 64"
    table = f"(in thousands)\n2018 2017\n{rows}"
    question = "What was the {}cost of goods in 2018?"

    assert sum_of(question.format(""), table).endswith(": 70 thousand in 2018.")
    assert sum_of(question.format("total "), table).endswith(": 75 thousand in 2018.")


def test_a_row_of_shares_of_a_figure_is_not_that_figure() -> None:
    shares = "2018 2017\nOperating costs 260 200\n% of net revenue 26 % 20 %"
    amounts = "(in millions)\n2018 2017\nRevenue 1,000 990\nCosts 9 8"

    assert sum_of("What was net revenue in 2018?", shares) == ""
    assert sum_of("What was net revenue in 2018?", shares, amounts) == (
        "Revenue: 1,000 million in 2018."
    )


def test_changes_of_a_statement_of_cash_flows_are_no_balances() -> None:
    flows = "(in thousands)\n2018 2017\nIncrease (decrease) in:\nAccrued expenses 9 (3)\nOther 1 2"
    balance = "(in thousands)\n2018 2017\nAccrued expenses 40 31\nOther liabilities 1 2"
    question = "What were accrued expenses in 2018?"

    assert sum_of(question, flows) == ""
    assert sum_of(question, flows, balance) == "Accrued expenses: 40 thousand in 2018."


def test_the_number_of_a_footnote_is_no_figure() -> None:
    table = "Fiscal 2018 Fiscal 2017\nAudit fees (1) $ 3,631 $ 3,784\nTax fees (2) 169 70"
    assert sum_of("How much were audit fees in 2018?", table) == "Audit fees: 3,631 in 2018."


def test_a_row_without_a_stated_scale_gets_neither_scale_nor_currency() -> None:
    table = "2018 2017\nNet sales $ 1,577 $ 1,437\nCosts 900 850"
    assert sum_of("How much did net sales grow in 2018?", table).endswith("1,577 − 1,437 = 140.")


@pytest.mark.parametrize(
    ("heading", "scale"),
    [("(In thousands)", "thousand"), ("(Dollars in millions)", "million"), ("£bn", "billion")],
)
def test_the_scale_is_that_of_the_table(heading: str, scale: str) -> None:
    table = f"{heading}\n2018 2017\nNet sales 1,577 1,437\nCosts 900 850"
    assert sum_of("How much did net sales grow in 2018?", table).endswith(f"= 140 {scale}.")


def test_a_sentence_gives_its_figures_too() -> None:
    text = "Net sales were $1,577 million in 2018, compared with $1,437 million in 2017."
    mixed = "Net sales were $1,577 million in 2018 and 2017 was $1,437 million."

    assert sum_of("How much did net sales grow in 2018?", text).endswith(
        "1,577 − 1,437 = $140 million."
    )
    assert sum_of("How much did net sales grow in 2018?", text.replace(" ", "\n", 1)) != ""
    assert sum_of("How much did costs grow in 2018?", text) == ""
    assert sum_of("How much did net sales grow in 2018?", mixed) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Rent for fiscal years 2012, 2011 and 2010 was {}, respectively.",
        "Rent was {} for the years ended March 31, 2012, 2011 and 2010, respectively.",
    ],
)
def test_figures_and_years_may_be_listed_respectively(text: str) -> None:
    figures = "$1.6 million, $1.8 million and $3.1 million"
    question = "What was total rent for fiscal years 2010 to 2012?"

    assert sum_of(question, text.format(figures)).endswith("3.1 + 1.8 + 1.6 = $6.5 million.")
    assert sum_of(question, text.format("$1.6 million and $1.8 million")) == ""


def test_a_sentence_goes_on_in_a_line_of_figures() -> None:
    text = (
        "Rent charged to costs was $244 million for\n2016, $249 million for 2015 and $309 million "
        "for 2014."
    )
    assert sum_of("What was rent charged to costs in 2015?", text) == (
        "Rent charged to costs: $249 million in 2015."
    )
    assert sum_of("What was total rent charged to costs for 2016, 2015 and 2014?", text) == (
        "Rent charged to costs: $309 million in 2014, $249 million in 2015 and $244 million in "
        "2016; together 309 + 249 + 244 = $802 million."
    )


def test_the_company_may_be_named_by_the_file_alone() -> None:
    bare = INCOME.removeprefix("Acme Corporation\n")
    named = replace(hit(bare), document="ACME_2018_10K.pdf")
    question = "How much did Acme's net sales grow in 2018?"

    assert sum_of(question, bare) == ""
    assert sum_of(question, bare, hits=[named]).endswith("= $140 million.")


figure = st.integers(1, 10**7)


@given(figure, figure, figure, figure)
def test_what_is_worked_out_is_what_the_cells_give(a: int, b: int, c: int, d: int) -> None:
    table = f"(in millions)\n2018 2017\nNet sales {a:,} {b:,}\nCost of sales ({c:,}) {d:,}"

    text = sum_of("How much did net sales grow in 2018?", table)

    assert text.endswith(f": {a:,} − {b:,} = {'−' if a < b else ''}{abs(a - b):,} million.")
    assert sum_of("How much did the cost of sales grow in 2018?", table).endswith(
        f": −{c:,} − {d:,} = −{c + d:,} million."
    )


cells = st.lists(
    st.sampled_from(["2018", "2017", "1,577", "(900)", "—", "9.7%", "$", ".5", "1,2,3", "9" * 60]),
    max_size=5,
)


@given(st.lists(cells, max_size=5), st.text(max_size=60))
def test_no_page_is_too_odd(rows: list[list[str]], text: str) -> None:
    lines = [f"Net sales {' '.join(row)}" for row in rows]
    page = "\n".join(["(in millions)", "2018 2017", *lines, text])
    question = "How much did net sales grow in 2018?"

    sum_of(question, page)
    sum_of("What were net sales in 2017 and 2018 combined?", text)


def test_a_percentage_beside_an_amount_of_the_same_name_is_not_taken_for_it() -> None:
    shares = "Years ended December 31,\n2018 2017\nNet sales 100.0 % 100.0 %\nCosts 57.1 % 59.1 %"

    assert sum_of("What were net sales in 2017?", INCOME, shares) == (
        "Net sales: $1,437 million in 2017."
    )


def test_of_a_heading_in_prose_the_lines_that_tell_periods_and_scale_are_kept() -> None:
    page = (
        "The following table shows net sales by category for the three- and nine-month periods that"
        " ended\non July 1, 2023 and June 25, 2022 (in millions, except shares, which are in"
        " thousands):\nYears Ended\nDecember 31,\n2018 2017\nNet sales 1,577 1,437"
    )

    assert sum_of("What were net sales in 2018?", page) == "Net sales: 1,577 million in 2018."


def test_a_row_is_found_by_what_statements_call_it() -> None:
    page = INCOME.replace("Cost of sales", "Research and development")

    assert sum_of("What was Acme's R&D expenditure in 2017?", page) == (
        "Research and development: 850 million in 2017."
    )


# over_time

BALANCE = """\
FORM 10-Q, quarterly report of Acme Corporation
(in millions)
October 30, January 30,
2022 2022
Current assets:
Inventories 4,454 2,605
Total current assets 9,000 8,000"""
AMAZING = """\
FORM 10-Q, quarterly report of Acme Corporation
(in millions)
Three Months Ended
September 30,
Nine Months Ended
September 30,
2022 2023 2022 2023
Net sales:
Lamps $ 50 $ 60 20 % $ 150 $ 170 13 %
Total $ 110 $ 130 18 % $ 330 $ 380 15 %"""


FLOWS = """\
FORM 10-Q, quarterly report of Acme Corporation
(in millions)
Nine Months Ended
July 1,
2023 2022
Changes in operating assets and liabilities:
Inventories (52) 31
Net cash provided by operating activities 300 280"""


def told(question: str, *pages: str, alone: bool = False) -> list[tuple[str, str]]:
    """(period, figure) of each point that the pages of one document give."""
    wanted = series.asked(question)
    assert wanted is not None
    hits = [hit(text, page=i, rank=i) for i, text in enumerate(pages, 1)]
    points = over_time(wanted, hits, lambda _doc, page: pages[page - 1], alone=alone)
    return [(point.period, point.operand.shown) for point in points]


def test_an_annual_report_tells_all_its_years() -> None:
    assert told("How have Acme's net sales changed over the years?", INCOME) == [
        ("2016", "1,300"),
        ("2017", "1,437"),
        ("2018", "1,577"),
    ]
    assert told("How has Vexmoor's revenue changed over the years?", INCOME) == []
    assert told("How has income changed over the years?", INCOME) == []


def test_a_quarterly_report_tells_its_own_quarter() -> None:
    assert told("How have net sales changed across quarters?", QUARTER) == [
        ("three months to July 1, 2023", "110")
    ]


def test_changes_beside_the_figures_and_years_from_left_to_right_are_seen_through() -> None:
    question = "How has revenue from lamps changed over the quarters?"

    assert told(question, AMAZING) == [("three months to September 30, 2023", "60")]


def test_of_two_balances_that_of_the_later_day_is_told() -> None:
    question = "How have inventory levels changed over the quarters?"

    assert told(question, BALANCE) == [("October 30, 2022", "4,454")]


def test_of_a_quarterly_report_only_its_own_period_is_told() -> None:
    cover = "Quarterly report for the period ended July 1, 2023"
    other = "Of Globex (in millions)\nSix Months Ended June 30,\n2022 2023\nGross profit 12 9"
    question = "What was gross profit in the latest quarter?"

    assert told(question, cover, other) == []
    assert told(question, cover.replace("July 1", "June 30"), other) == [
        ("six months to June 30, 2023", "9")
    ]


def test_what_changes_of_assets_and_liabilities_come_to_is_no_change_itself() -> None:
    assert told("What is the operating cash flow in the quarterly report?", FLOWS) == [
        ("nine months to July 1, 2023", "300")
    ]
    assert told("What were the inventories in the report?", FLOWS) == []


def test_of_one_quarterly_report_the_period_beside_its_own_is_told_where_several_are_asked_for(
) -> None:  # fmt: skip
    question = "What is revenue from lamps in the latest quarter, and how does it compare?"

    assert told(question, AMAZING) == [("three months to September 30, 2023", "60")]
    assert told(question, AMAZING, alone=True) == [
        ("three months to September 30, 2022", "50"),
        ("three months to September 30, 2023", "60"),
    ]


def test_a_sentence_tells_one_figure_of_a_quarter_where_no_table_does() -> None:
    page = (
        "FORM 10-Q, quarterly report. Our tax rate was 18% and 19% for the three months ended "
        "July 1, 2023 and 2022, respectively."
    ).replace("report. ", "report.\n\n")

    assert told("What was the tax rate in the 10-Q?", page) == [
        ("three months of 2023 (report.pdf)", "18 %")
    ]
    assert told("How has the tax rate changed over the quarters?", page) == []


def test_a_margin_in_money_is_told_from_one_in_per_cent() -> None:
    page = "(in millions)\n2018 2017\nGross margin 6,018 6,535\nNet margin 42 43"

    assert told("How has the gross margin evolved?", page) == [("2017", "6,535"), ("2018", "6,018")]
    assert told("How has the net margin evolved?", page) == []


def test_pages_with_such_a_row_are_found_in_the_whole_document() -> None:
    pages = [(1, "Inventories are goods."), (2, BALANCE), (3, "Reserve for inventories 12 10")]

    assert pages_with(["Acme's inventory levels"], pages) == (2, 3)
    assert pages_with(["goodwill"], pages) == ()
    (whole,) = on_pages(hit("x"), [2])
    assert [span.page for span in whole.chunk.spans] == [2]


def test_the_documents_a_question_names_and_files_called_alike_are_known() -> None:
    names = {"a1": "2022 Q3 ACME.pdf", "a2": "2023 Q1 ACME.pdf", "b": "Globex May 2023.pdf",
             "b2": "Globex June 2023.pdf", "n": "2023.pdf", "n2": "2024.pdf"}  # fmt: skip

    def cover(doc_id: str, _page: int) -> str:
        return "Quarterly report of Acme Corporation" if doc_id.startswith("a") else "A report"

    def naming(question: str, *doc_ids: str) -> list[str]:
        return named(question, doc_ids, names, cover)

    assert naming("How have Acme's sales changed over time?", "b", "a2") == ["a2"]
    assert naming("How have sales changed at Globex?", "b2", "a1", "b") == ["b2", "b"]
    assert naming("How have Acme's and Globex's sales changed?", "b", "a2") == ["b", "a2"]
    assert naming("How have Acme's June sales at Globex changed?", "b", "a2") == ["a2"]
    assert naming("How have Acme and Globex's sales changed?", "b", "a2") == ["b", "a2"]
    assert naming("How have sales changed over time?", "b", "a2") == []
    assert alike(["a2"], names) == ["a2", "a1"]
    assert alike(["b"], names) == ["b", "b2"]
    assert alike(["n"], names) == ["n"]
    assert alike([], names) == []


def test_documents_of_a_kind_are_those_called_so_by_name_or_title() -> None:
    names = {"m": "Tenancy agreement Mill Lane.pdf", "q": "quay street.pdf", "c": "car policy.pdf"}
    covers = {"m": "Between A and B", "q": "Tenancy Agreement\nDated 2021", "c": "Your Car Policy"}

    def of(kind: str) -> list[str]:
        return called(kind, names, names, lambda doc_id, _: covers[doc_id])

    assert of("tenancy agreements") == ["m", "q"]
    assert of("car policies") == []  # one is none of several
    assert of("documents") == of("") == []


def test_rows_and_what_stands_above_them_say_it_together() -> None:
    table = (
        "The provision (benefit) for income taxes consists of the following (in thousands):\n"
        "2018 2017\nCurrent:\nFederal (27) (13)\nState and local 276 249\nTotal current 249 236\n"
        "Deferred 533 (461)\nProvision (benefit) for income taxes 782 (225)"
    )
    question = "What was the {} in 2018?"

    assert sum_of(question.format("provision for state and local income taxes"), table) == (
        "State and local (provision for income taxes): 276 thousand in 2018."
    )
    assert sum_of(question.format("deferred provision for income taxes"), table) == (
        "Deferred (provision for income taxes): 533 thousand in 2018."
    )
    assert sum_of(question.format("total current provision for income taxes"), table) == (
        "Total current (provision for income taxes): 249 thousand in 2018."
    )
    assert sum_of(question.format("provision for foreign income taxes"), table) == ""
    assert sum_of(question.format("provision for state and local payroll taxes"), table) == ""


def test_income_before_a_tax_is_not_the_tax() -> None:
    table = (
        "(in thousands)\n2018 2017\nIncome before provision for income taxes 900 800\n"
        "Provision for income taxes 210 190"
    )
    question = "What was the provision for income taxes in 2018?"
    assert sum_of(question, table) == "Provision for income taxes: 210 thousand in 2018."


def test_two_parts_of_a_whole_are_told_apart() -> None:
    table = (
        "Net sales by product were as follows (in thousands):\n2018 2017\nCheese 70 60\n"
        "Butter 5 4\n"
        "Net sales 75 64"
    )

    assert sum_of(
        "What is the difference in net sales between cheese and butter in 2018?", table
    ) == ("Cheese (net sales) less Butter (net sales), 2018: 70 − 5 = 65 thousand.")
    assert sum_of("What percentage of total net sales is due to cheese in 2018?", table).endswith(
        "70 / 75 = 93.3 %."
    )
    assert sum_of("What is the percentage of cheese in total net sales in 2018?", table).endswith(
        "70 / 75 = 93.3 %."
    )


def test_what_was_paid_grows_when_more_is_paid() -> None:
    table = "(in millions)\n2018 2017\nPurchases of equipment (90) (80)\nNet cash used (95) (85)"

    assert sum_of("How much did purchases of equipment grow in 2018?", table) == (
        "Purchases of equipment rose by 10 million (+12.5 %) from 2017 to 2018: "
        "90 − 80 = 10 million."
    )
    assert sum_of("What was net cash used in 2018?", table).endswith("−95 million in 2018.")


def test_people_are_not_counted_in_millions() -> None:
    table = "(in millions)\n2018 2017\nNet sales 90 80\nTotal staff 34,400 36,800"
    assert sum_of("What was the total staff in 2018?", table) == "Total staff: 34,400 in 2018."


DUE = (
    "Rent was $ 9 million in 2012. The table below presents future minimum rental payments, net.\n"
    "$ in millions\nAs of\nDecember 2012\n2013 $ 290\n2014 282\n2015 238\n2016 - thereafter 190\n"
    "Total {}"
)


def test_what_is_due_in_a_year_is_read_off_a_schedule() -> None:
    page = DUE.format("$ 1,000")
    question = "What percentage of future minimum rental payments are due in 2014?"

    assert sum_of(question, page) == (
        "Future minimum rental payments due in 2014, of the total: 282 / 1,000 = 28.2 %."
    )
    assert sum_of("What are the future minimum rental payments due in 2013?", page) == (
        "Future minimum rental payments due: $290 million in 2013."
    )
    assert sum_of("What is the sum of minimum rental payments in 2013 and 2014?", page).endswith(
        "290 + 282 = $572 million."
    )


def test_dots_may_lead_from_a_year_to_what_is_due() -> None:
    page = DUE.format("$ 1,000").replace("2014 282", "2014 ........ 282")
    question = "What percentage of future minimum rental payments are due in 2014?"

    assert sum_of(question, page).endswith("282 / 1,000 = 28.2 %.")


@pytest.mark.parametrize(
    ("question", "page"),
    [
        (
            "What percentage of future minimum rental payments are due in 2014?",
            DUE.format("$ 1,001"),
        ),
        ("What percentage of future minimum rental payments are due in 2017?", DUE.format("1,000")),
        ("What percentage of future minimum lease payments are due in 2014?", DUE.format("1,000")),
        ("What was the rent in 2013?", DUE.format("1,000")),
        ("What were the total minimum rental payments in 2013?", DUE.format("1,000")),
    ],
)
def test_a_schedule_of_something_else_or_one_that_does_not_add_up_is_not_used(
    question: str, page: str
) -> None:
    assert sum_of(question, page) == ""


def test_a_line_of_blanks_below_its_rows_is_no_total_of_a_schedule() -> None:
    question = "What percentage of future minimum rental payments are due in 2014?"

    assert sum_of(question, DUE.format(f"{' ' * 30_000}none")) == ""
    assert sum_of(question, DUE.format(f"{' ' * 30_000}$ 1,000")).endswith("= 28.2 %.")


def test_dots_without_end_in_a_label_do_not_hide_its_row() -> None:
    table = (
        f"(in millions)\n2018 2017\nNet sales{'.' * 500_000}all 90 80\nTotal staff 34,400 36,800"
    )

    assert sum_of("What was the total staff in 2018?", table) == "Total staff: 34,400 in 2018."


def test_a_page_with_a_part_of_the_row_is_looked_at_behind_those_with_all_of_it() -> None:
    pages = [
        (1, "Provision for income taxes consists of:\nDeferred 533 461\nState 1 2"),
        (2, "Deferred revenue 5 4"),
        (3, "The deferred provision for income taxes was\nDeferred provision for income taxes 5 4"),
    ]
    assert pages_with(["the deferred provision for income taxes"], pages) == (3, 1)


def test_a_sentence_may_begin_with_when() -> None:
    page = (
        "As of December 2018 and December 2017, the fair value of loans was $49.80 billion and "
        "$45.19 billion, respectively."
    )
    question = "For 2018, and 2017, what was the total fair value of loans?"
    assert sum_of(question, page) == (
        "the fair value of loans: $45.19 billion in 2017 and $49.80 billion in 2018; "
        "together 45.19 + 49.80 = $94.99 billion."
    )


def test_which_value_it_is_the_row_says_itself() -> None:
    table = (
        "The carrying value and the fair value of loans were (in millions):\n2018 2017\n"
        "Receivables 603 1,534\nOther 5 4"
    )
    assert sum_of("What was the fair value of receivables in 2018?", table) == ""
