import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.followup import by_code, joined, leans, rewriting, rewritten

BEFORE = "What were Acme's net sales in 2018?"
GROWTH = "By how much did net sales grow from 2017 to 2018?"


@pytest.mark.parametrize(
    "question",
    [
        "and the year before?",
        "What about Q2?",
        "How about Globex?",
        "Why?",
        "And his wife?",
        "When did he die?",
        "How many employees does it have?",
        "Where did they sign it?",
        "Who built it?",
        "Tell me more about the last one",
        "How did they change?",
        "What caused that?",
        "How much was it in that year?",
        "in 2015?",
        "Germany?",
        "2017?",
        "?",
    ],
)
def test_a_question_that_leans_on_the_one_before_is_known(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        BEFORE,
        "Who built the harbour?",
        "When did Acme sell its factory?",
        "When was the treaty signed, and who signed it?",
        "Did the company change its dividend?",
        "Which company sold its factory?",
        "Is it true that the harbour opened in 1911?",
        "How many people lost their homes in the fire?",
        "Who lost his job?",
        "Who signed the lease, and when did they sign it?",
        "where did jessica jones get her powers",
        "Are there any trees in the garden?",
        "What is the notice period of this lease?",
        "List all risks that the report names",
        "net sales of Acme 2018",
        "Android market share 2019",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert not leans(question)


@pytest.mark.parametrize(
    ("question", "before", "made"),
    [
        ("and the year before?", BEFORE, "What were Acme's net sales in 2017?"),
        ("And in the previous year?", BEFORE, "What were Acme's net sales in 2017?"),
        ("what about the following year?", BEFORE, "What were Acme's net sales in 2019?"),
        ("What about 2015?", BEFORE, "What were Acme's net sales in 2015?"),
        ("in 2015", BEFORE, "What were Acme's net sales in 2015?"),
        (
            "and the year before?",
            GROWTH,
            "By how much did net sales grow from 2016 to 2017?",
        ),
        ("and in 2016?", "What were net sales?", "What were net sales in 2016?"),
        ("What about Q2?", "What were net sales in Q1 2018?", "What were net sales in Q2 2018?"),
        (
            "and the third quarter?",
            "What were net sales in the first quarter?",
            "What were net sales in the third quarter?",
        ),
        ("What about Globex?", BEFORE, "What were Globex's net sales in 2018?"),
        ("And Globex's?", BEFORE, "What were Globex's net sales in 2018?"),
        ("and William the Conqueror?", "Who was Rollo?", "Who was William the Conqueror?"),
        ("why?", "Did net sales fall in 2018?", "Did net sales fall in 2018? Why?"),
    ],
)
def test_a_year_a_quarter_or_a_name_takes_the_place_of_the_old_one(
    question: str, before: str, made: str
) -> None:
    assert by_code(question, before) == made
    assert not leans(made)


@pytest.mark.parametrize(
    ("question", "before"),
    [
        ("and his wife?", "Who was Rollo?"),
        ("and operating income?", BEFORE),
        ("and in 2016?", GROWTH),  # from or to?
        ("what about Globex?", "Did Acme sue Initech?"),  # in whose place?
        ("what about Globex?", "What were net sales in 2018?"),
        ("and the year before?", "What were net sales?"),
        ("and costs the year before?", BEFORE),
        ("what about Q2?", "Were sales in Q1 higher than in Q3?"),
        ("When did he die?", "Who was Rollo?"),
    ],
)
def test_what_code_cannot_tell_it_leaves(question: str, before: str) -> None:
    assert by_code(question, before) == ""


def test_the_model_is_shown_the_question_before_and_its_answer_only() -> None:
    prompt = rewriting("When did he die?", "Who was Rollo?", "Rollo was a Viking. " * 200)

    assert prompt.passages == ()
    assert "Who was Rollo?" in prompt.question
    assert "When did he die?" in prompt.question
    assert len(prompt.question) < 1000


SAID = ("When did he die?", "Who was Rollo?", "Rollo was a Viking who took Rouen in 911.")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("When did Rollo die?", "When did Rollo die?"),
        (' "When did Rollo die?" ', "When did Rollo die?"),
        ("When did Rollo die?\nRollo died in 930.", "When did Rollo die?"),
        ("Did Rollo die in 911?", "Did Rollo die in 911?"),
        ("When did he die?", ""),
        ("When did William die?", ""),
        ("When did Rollo die in 930?", ""),
        ("Rollo died in 911.", ""),
        ("", ""),
        ("When did Rollo die" + " indeed" * 60 + "?", ""),
    ],
)  # fmt: skip
def test_what_the_model_makes_of_it_must_stand_alone_and_bring_no_name_or_figure(
    text: str, kept: str
) -> None:
    assert rewritten(text, *SAID) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("What is the notice period in Germany?", "What is the notice period in Germany?"),
        ("What is the notice period in the lease?", ""),
    ],
)
def test_what_the_model_makes_of_a_scrap_must_hold_it(text: str, kept: str) -> None:
    before = "What is the notice period in the lease?"
    assert rewritten(text, "what about Germany?", before, "Three months.") == kept


def test_the_number_of_a_quarter_is_no_figure_of_its_own() -> None:
    said = ("What caused that?", "What of churn?", "Churn fell to 2.1% in the second quarter.")
    assert rewritten("What caused churn to fall from 2.1% to 2.0%?", *said) == ""


def test_in_the_last_resort_a_scrap_is_put_behind_the_question_before() -> None:
    assert joined("and his wife?", "Who was Rollo?") == "Who was Rollo? and his wife?"
    assert joined("How did they change?", BEFORE) == f"{BEFORE} How did they change?"
    alone = "where did they film the second season of the show"
    assert joined(alone, BEFORE) == alone


@given(st.integers(1901, 2090), st.integers(1901, 2090))
def test_any_year_takes_the_place_of_any_other(old: int, new: int) -> None:
    before = f"What were net sales in {old}?"

    assert by_code(f"and in {new}?", before) == (
        "" if new == old else f"What were net sales in {new}?"
    )
    assert by_code("and the year before?", before) == f"What were net sales in {old - 1}?"


@given(st.text())
def test_no_question_is_too_odd(text: str) -> None:
    leans(text)
    by_code(text, BEFORE)
    by_code("and then?", text)
    rewritten(text, text, text, text)


@pytest.mark.parametrize(
    ("before", "question", "alone"),
    [
        ("What is my new salary?", "and the holiday allowance?", "What is the holiday allowance?"),
        ("What is the deposit?", "And the service charges?", "What are the service charges?"),
        ("What were the fees?", "What about the eye test?", "What was the eye test?"),
        ("When is the rent due?", "And the council tax?", ""),
        ("How old is the car?", "And the price?", ""),
        ("Who is the landlord?", "And the rent?", ""),
        ("What is my pension?", "And my wife?", ""),
        ("What is the first step?", "And the next?", ""),
        ("What is the deposit?", "And the dog may stay?", ""),
        ("What is the deposit for the flat?", "and the parking space?", ""),
        ("What is the rent?", "And my mother's?", ""),
        ("What did the last service cost?", "and the deposit?", ""),
    ],
)
def test_of_a_question_for_one_thing_another_is_asked(
    before: str, question: str, alone: str
) -> None:
    assert by_code(question, before) == alone


def test_a_rewritten_question_keeps_the_step_to_another_year() -> None:
    before, answer = "What did the last service cost?", "It cost £281 in 2024, £240 in 2023."
    for line in (
        "What did the service cost the year before?",
        "What did the service cost in 2023?",
    ):
        assert rewritten(line, "and the year before?", before, answer) == line
    assert rewritten("What was the cost of the service?", "and the year before?", before, "") == ""


def test_a_rewritten_question_does_not_ask_the_one_before_again() -> None:
    before = "What did the salary come to in May?"
    both = "What did the salary and the holiday allowance come to in May?"

    assert rewritten(both, "and the holiday allowance?", before, "") == ""
