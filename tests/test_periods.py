import pytest
from test_cite import check

from rag.periods import differ

TERMS = (
    "The rent is £900 a month, payable in advance. The service charge is £1,200 a year. The tenant "
    "must give two months' notice. The boiler is to be serviced once every two years. Interest is "
    "charged at 8 per cent per annum. The committee meets every quarter. Staff are entitled to 26 "
    "days of holiday in each leave year. The trial period is six weeks."
)


@pytest.mark.parametrize(
    ("question", "said", "supported"),
    [
        ("What is the rent?", "The rent is £900 per month.", True),
        ("What is the rent?", "The rent is £900 a year.", False),
        ("What is the rent?", "The monthly rent is £900.", True),
        ("What is the rent per year?", "The rent per year is £900.", False),
        ("What is the service charge?", "The service charge is £1,200 per month.", False),
        ("How much notice must the tenant give?", "The tenant must give two months' notice.", True),
        ("How much notice must the tenant give?", "The tenant must give two years' notice.", False),
        ("When is the boiler serviced?", "It is to be serviced once every two months.", False),
        ("What interest is charged?", "Interest is charged at 8 per cent per month.", False),
        ("How often does the committee meet?", "The committee meets quarterly.", True),
        ("How often does the committee meet?", "The committee meets every month.", False),
        ("What holiday do staff get?", "Staff are entitled to 26 days of holiday a year.", True),
        ("What holiday do staff get?", "Staff are entitled to 26 days of holiday a month.", False),
        ("How long is the trial period?", "The trial period is six months.", False),
    ],
)
def test_a_length_or_rate_in_another_unit_is_not_borne_out(
    question: str, said: str, supported: bool
) -> None:
    cited = check(question, said, ("lease.txt", TERMS))
    assert [sentence.supported for sentence in cited.sentences] == [supported]


@pytest.mark.parametrize(
    ("said", "source", "expected"),
    [
        ("within 30 days of the end of each quarter", "30 days after the end of the month", True),
        ("within 30 days of the end of each month", "30 days after the end of the month", False),
        ("a week", "within 7 days", False),
        ("a fortnight", "within 14 days", False),
        ("24 months", "two years", False),
        ("twelve months", "12 weeks", True),
        ("six months", "six weeks, then six months more", False),
        ("30 days", "Net 30", False),
        ("thirty (30) days", "thirty (30) working days", False),
        ("£24 per month", "Basic | £24", False),
        ("the annual fee is £40", "£40 a year", False),
        ("the annual fee is £40", "£40 monthly", True),
        ("a quarter of the fee", "25 % of the fee, within a week", False),
        ("in the year 2018", "in the three months to June 2018", False),
    ],
)
def test_units_of_time(said: str, source: str, expected: bool) -> None:
    assert differ(said, source, "") is expected


def test_what_the_question_tells_is_not_held_against_the_answer() -> None:
    question = "What does it come to after three years?"
    source = "The rent is £900 a month for three months."
    assert not differ("After three years it is £900 a month.", source, question)
    assert differ("After three years it is £900 a month.", source, "What does it come to?")


def test_a_rate_that_is_asked_for_must_not_be_another_one_of_the_source() -> None:
    question = "What is the rent per year?"
    assert differ("The rent per year is £900.", "The rent is £900 a month.", question)
    assert differ("The rent per year is £900.", "Monthly rent | £900", question)
    assert not differ("The rent per year is £900.", "Rent: £900, on two weeks' notice.", question)
