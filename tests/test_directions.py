import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.directions import bare, for_model, sought

QUESTION = "Which boats were sold in 2018?"


@pytest.mark.parametrize(
    "direction",
    [
        "Answer in one sentence.",
        "Please write the answer in the list format and with alphabetical order, e.g. ['A', 'B'].",
        "Directly answer 'yes' or 'no'.",
        "Give me an integer.",
        "Return me a rounded integer",
        "Round your answer to two decimal places.",
        "Format the dates as YYYY-MM.",
        "Your answer should be short.",
        "List them all.",
    ],
)
def test_directions_on_the_form_of_an_answer_are_for_the_model_only(direction: str) -> None:
    asked = f"{QUESTION} {direction}"

    assert bare(asked) == QUESTION
    assert for_model(asked) == asked


@pytest.mark.parametrize(
    "direction",
    [
        "If data is not available, return 'N/A'.",
        "If there is no mention, say No.",
        "When the answer is not there then please say so.",
    ],
)
def test_what_to_do_without_an_answer_is_for_nobody(direction: str) -> None:
    asked = f"{QUESTION} {direction} Answer in German."

    assert bare(asked) == QUESTION
    assert for_model(asked) == f"{QUESTION} Answer in German."


@pytest.mark.parametrize(
    "question",
    [
        "Give the answer that the minister gave.",
        "Answer the question of the second juror.",
        "Did the price rise? If so, what are the key drivers?",
        "Did the price rise? Give the names of the sellers.",
        "How much did Dr. S. Answer pay?",
        "What was sold? Please provide a breakdown for each year.",
        "Which boats were sold? " + "Please write the answer for boats of the north, " * 3,
        "",
    ],
)
def test_what_is_asked_stays(question: str) -> None:
    assert bare(question) == question
    assert for_model(question) == question


@given(st.text())
def test_whatever_is_asked_something_is_left_of_it(question: str) -> None:
    assert bool(bare(question).strip()) == bool(question.strip())
    assert bare(bare(question)) == bare(question)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("According to the annual report, what is the revenue? Answer in millions.",
         ", what is the revenue?"),
        ("Did Acme name a new head in the reporting period?", "Did Acme name a new head ?"),
        ("What was net income as reported in the Q3 2022 10-Q?", "What was net income Q3 2022 ?"),
        ("What was the value of patents at year-end listed in annual report?", "patents ?"),
        ("What does the report say?", "What does the report say?"),
        ("In the report", "In the report"),
        ("What is interest in the annual accounts?", "What is interest ?"),
        ("What was withdrawn from the accounts?", "What was withdrawn from the accounts?"),
    ],
)  # fmt: skip
def test_where_to_look_is_not_searched_for(question: str, wanted: str) -> None:
    assert sought(question) == wanted


def test_dashes_without_end_say_nothing_of_where_to_look() -> None:
    dashes = "- " * 50_000

    assert sought(f"What is the rent {dashes}x?") == f"What is the rent {dashes}x?"
    assert sought(f"What is the rent {dashes}in the annual report?") == "What is the rent ?"
