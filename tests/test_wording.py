import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.wording import COMPARED, RELATED, Named, corrected, named, sides, start, telling


def test_words_that_stand_in_every_question_count_only_when_there_is_nothing_else() -> None:
    assert telling("What is the total?") == ["total"]
    assert telling("To be or not to be") == ["to", "be", "or", "not"]
    assert telling("…?!") == []


def test_of_two_forms_of_a_word_the_first_is_looked_for() -> None:
    assert telling("Reported revenue, or revenues in a report?") == ["reported", "revenue"]


@given(st.text())
def test_whatever_is_asked_its_words_are_words_of_the_question(question: str) -> None:
    words = telling(question)

    assert set(words) <= set(re.findall(r"\w+", question.casefold()))
    assert len(set(words)) == len(words)
    named(question)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("revenues", "revenu"), ("reporting", "report"), ("reported", "report"), ("used", "used"),
     ("2019s", "2019s"), ("tax", "tax")],
)  # fmt: skip
def test_the_start_of_a_word_is_long_enough_to_tell_it(word: str, expected: str) -> None:
    assert start(word) == expected


@pytest.mark.parametrize(
    ("question", "labels"),
    [
        ("How many objects does the figure in Page 2 contain?", {"page 2"}),
        ("What is said on page IV and slide 12?", {"page iv", "slide 12"}),
        ("What date is on the second page?", {"page 2"}),
        ("What is the email address on the third cover page?", {"page 3"}),
        ("Which page has the table of 2 pages?", set()),
        ("What does the page say?", set()),
    ],
)
def test_pages_are_named_by_number_or_by_their_place(question: str, labels: set[str]) -> None:
    assert named(question).labels == labels


def test_a_named_page_is_known_by_its_label_and_by_its_physical_number() -> None:
    second = named("What stands on page 2?")

    assert second.are_at(6, "Page 2", "")
    assert second.are_at(2, "page ii", "")
    assert second.are_at(2, "slide 2", "")
    assert not second.are_at(12, "page 12", "page 2")
    assert not Named().are_at(2, "page 2", "Figure 2")


@pytest.mark.parametrize(
    ("question", "text", "stands"),
    [
        ("What does Figure 4 show?", "Fig. 4: Sales", True),
        ("What does fig 4 show?", "see FIGURE 4.", True),
        ("What does Figure 4 show?", "Figure 41, Figure 4.1, Table 4", False),
        ("What is red in Table1-1?", "Table 1-1 Costs", True),
        ("What is red in Table 1-1?", "Table 1-12 Costs", False),
        ("What is in note 3?", "Notes 3 and 4", True),
    ],
)
def test_a_figure_or_table_is_known_where_its_number_is_printed(
    question: str, text: str, stands: bool
) -> None:
    assert named(question).are_at(9, "page 9", text) is stands


def test_a_misspelt_word_is_taken_for_the_name_most_like_it() -> None:
    names = ["NETFLIX_2015_10K.pdf Annual report", "Network services.pdf"]

    assert corrected(["netfilx"], names) == ["netflix"]
    assert corrected(["neflix", "anual"], names) == ["netflix", "annual"]


def test_words_that_are_like_no_name_or_too_short_for_one_are_left_alone() -> None:
    assert corrected(["elephant", "anul", "2051"], ["Annual report 2015.pdf"]) == []
    assert corrected([], ["Annual report.pdf"]) == []


@pytest.mark.parametrize(
    "question",
    [
        "How do the reported costs relate to the repairs of the roof in 2019?",
        "How does Fellgate's discussion of costs correlate with roof repairs?",
        "What is the relationship between costs and the repairs of the roof?",
        "In Q2, align the costs with the roof repairs outlined in the report.",
    ],
)
def test_two_things_are_told_apart_whose_relation_is_asked_for(question: str) -> None:
    assert sides(question, RELATED) == ({"cost"}, {"repair", "roof"})


@pytest.mark.parametrize(
    "question",
    [
        "How much did the repairs cost?",
        "How many figures are related to Fellgate?",
        "What changed between 2018 and 2019?",
        "What is the link between Fellgate and Oxlow?",
        "How do tax-related costs change?",
    ],
)
def test_other_questions_ask_for_no_relation(question: str) -> None:
    assert sides(question, RELATED) is None


def test_commas_without_end_do_not_hide_what_is_to_be_related() -> None:
    commas = "," * 500_000

    assert sides(f"Please, {commas}", RELATED) is None
    assert sides(f"Please{commas} relate costs to the rent.", RELATED) == ({"cost"}, {"rent"})


def test_two_things_are_told_apart_that_are_to_be_compared() -> None:
    assert sides("How did costs compare to the rent in 2019?", COMPARED) == ({"cost"}, {"rent"})
    assert sides("How did costs compare to previous quarters?", COMPARED) is None
    assert sides("How did costs compare to last year, and what might follow?", COMPARED) is None
    assert sides("How did costs change?", COMPARED) is None
