import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.directions import bare, for_model

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
