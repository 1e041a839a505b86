import pytest

from rag.facts import read
from rag.swap import is_swapped

HOTELS = "Hotels up to £110 a night, £160 in London."
FINE = "The fine is £80 for each child if paid within 21 days, £160 if paid within 28 days."
FEES = "The fee is £20 for adults, £10 for children and £5 for members."
SALES = "Sales were $5 million in 2018 and $6 million in 2019."
RENT = (
    "Rent was $14.3 million, $3.1 million and $4.0 million for the years ended December 31, 2022, "
    "2021 and 2020, respectively."
)
CASH = (
    "Cash in 2022 and 2021 was $3 million and $8 million, respectively, of which $1 million and "
    "$2 million, respectively, is held abroad."
)
HOURS = "The library opens at 8:30 and closes at 17:00 on weekdays."
TRAIN = "The train leaves Leeds at 9.40 am, and arrives in York at 10.15 am."
BREACH = "8.4 The Company may dismiss for gross misconduct, including breach of clause 9."
AIDERS = "First aiders: Nora Blythe (office) and Idris Cole (press room)."


@pytest.mark.parametrize(
    ("line", "question", "said"),
    [
        (HOTELS, "What is the limit in London?", "The limit in London is £110 a night."),
        (FINE, "What is the fine if paid within 28 days?", "If paid within 28 days, it is £80."),
        (FEES, "What is the fee for members?", "The fee for members is £20."),
        (SALES, "What were sales in 2019?", "Sales in 2019 were $5 million."),
        (RENT, "What was the rent in 2021?", "Rent in 2021 was $14.3 million."),
        (RENT, "What was the rent in 2020?", "Rent was $3.1 million."),
        (CASH, "How much was held abroad in 2022?", "Held abroad in 2022 was $2 million."),
        (HOURS, "When does the library open?", "The library opens at 17:00."),
        (HOURS, "When does the library open?", "The library opens at 5 pm."),
        (HOURS, "When does the library close?", "It closes at 8:30."),
        (TRAIN, "When does the train leave Leeds?", "The train leaves Leeds at 10:15 am."),
        (TRAIN, "When does it arrive in York?", "It arrives in York at 9:40."),
        (AIDERS, "Who is the first aider in the press room?", "Nora Blythe is in the press room."),
    ],
)
def test_a_figure_or_name_of_something_else_in_the_line_is_swapped(
    line: str, question: str, said: str
) -> None:
    assert is_swapped(line, read(said), read(question))


@pytest.mark.parametrize(
    ("line", "question", "said"),
    [
        (HOTELS, "What is the limit in London?", "The limit in London is £160."),
        (HOTELS, "What is the limit a night?", "The limit a night is £110."),
        (FINE, "What is the fine if paid within 21 days?", "If paid within 21 days, it is £80."),
        (FEES, "What is the fee for adults?", "The fee for adults is £20."),
        (SALES, "What were sales in 2018?", "Sales in 2018 were $5 million."),
        (RENT, "What was the rent in 2022?", "Rent in 2022 was $14.3 million."),
        (RENT, "What was the rent in FY 2020?", "Rent was $4.0 million in FY 2020."),
        (RENT, "What was the rent?", "Rent was $3.1 million."),
        (CASH, "How much was held abroad in 2021?", "Held abroad in 2021 was $2 million."),
        (AIDERS, "Who is the first aider in the press room?", "Idris Cole is in the press room."),
        (HOURS, "When does the library open?", "The library opens at 8:30."),
        (HOURS, "When does the library close?", "The library closes at 5 pm."),
        (HOURS, "Is the library open at 17:00?", "The library closes at 17:00."),
        (TRAIN, "When does the train arrive in York?", "The train arrives in York at 10:15."),
        ("It is open from 8:30 to 17:00.", "When is it open?", "It is open until 17:00."),
        ("Doors open at 19:00, it starts at 19:30.", "When is it?", "It starts at 19:30."),
        (BREACH, "What is gross misconduct?", "Gross misconduct is a breach of clause 9."),
        ("In London £160, elsewhere £110.", "What is it in London?", "It is £160 in London."),
        ("Up to £110, in London £160 a night.", "What is it in London?", "In London it is £160."),
        (
            "In 2018 and 2019 sales were $5 million and $6 million, respectively.",
            "What were sales in 2018?",
            "Sales in 2018 were $5 million.",
        ),
        ("It is £110 for 3 nights in London.", "What is it in London?", "In London it is £110."),
    ],
)
def test_what_belongs_together_is_not_swapped(line: str, question: str, said: str) -> None:
    assert not is_swapped(line, read(said), read(question))


def test_a_line_without_end_is_looked_through_once() -> None:
    line = f"{'so ' * 100_000}; {AIDERS}"
    said = read("Nora Blythe is in the press room.")

    assert is_swapped(line, said, read("Who is the first aider in the press room?"))
