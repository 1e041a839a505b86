import matching
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matching import judge, says

ASKED = "What was it?"


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("Revenue was $1.577 billion.", "$1,577 million"),
        ("Revenue was $1,577 million.", "1.577 billion"),
        ("It came to $1.58 billion.", "1577 million"),
        ("It was 12.8%.", "12.76"),
        ("It was 12.8%.", "12.76%"),
        ("A share of 23 percent.", "0.23"),
        ("It was 22.8 percent.", "23"),
        ("Cash flow was $406.1 million.", "406100000.0"),
        ("Costs fell by 5.2%.", "-5.2"),
        ("The result was $(42) million.", "-42 million"),
        ("It has nine justices.", "9"),
        ("It took 14 days.", "14 days"),
        ("About 36 million people.", "36"),
    ],
)
def test_one_figure_may_be_written_in_several_ways(text: str, gold: str) -> None:
    assert says(ASKED, text, gold)


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("It was 1,577.", "1.577 billion"),
        ("It came to $1.6 billion.", "1577 million"),
        ("It was 13%.", "12.76"),
        ("Costs rose by 5.2%.", "-5.2"),
        ("The change was -5.2%.", "5.2"),
        ("It took 41 days.", "14 days"),
        ("It was $1,577 thousand.", "$1,577 million"),
    ],
)
def test_another_scale_sign_or_value_is_another_figure(text: str, gold: str) -> None:
    assert not says(ASKED, text, gold)


def test_a_scale_that_the_question_asks_for_is_that_of_the_accepted_answer() -> None:
    text = "Research cost $650.8 million."

    assert says("What did research cost? Answer in thousands.", text, "650788.00")
    assert not says("What did research cost?", text, "650788.00")


def test_a_figure_of_the_question_said_again_is_no_answer() -> None:
    assert not says("What was it, 985 or more?", "It was 985 or more.", "17")
    assert not says("How many of 40 trees bear fruit?", "Of the 40 trees, some do.", "12")


def test_a_long_answer_of_figures_is_said_by_its_figures() -> None:
    gold = (
        "Over the periods that the documents cover, revenue from lamps changed in this way: it was"
        " $110 million at first, then went down to $95 million, and recovered to $120 million when"
        " the new factory in Haarlem was opened and demand from abroad came back."
    )

    assert says(ASKED, "2021: 110; 2022: 95; 2023: 120", gold)
    assert not says(ASKED, "2021: 110; 2022: 95; 2023: 130", gold)
    assert not says(ASKED, "2021: 110; 2022: 95", gold.replace("$120 million", "a record"))


def test_words_of_the_question_that_an_answer_leaves_out_do_not_make_its_figure_wrong() -> None:
    gold = "Acme's gross margin in the latest report was $6,018 million."
    question = "What was Acme's gross margin in the latest report?"

    assert says(question, "Gross margin: 6,018 million.", gold)
    assert not says(question, "Gross margin: 6,019 million.", gold)


def test_a_list_must_be_complete_in_any_order() -> None:
    assert says(ASKED, "They are 25, 16 and 19.", "[16, 19, 25]")
    assert says(ASKED, "The amounts were $3,247 and $949.", "['$3,247', '$949']")
    assert not says(ASKED, "They are 16 and 25.", "[16, 19, 25]")


@pytest.mark.parametrize(
    ("text", "gold", "agree"),
    [
        ("Yes, it announced one.", "True", True),
        ("It announced one in May.", "Yes", True),
        ("The company did not announce any.", "False", True),
        ("No.", "no", True),
        ("Yes, it announced one.", "False", False),
        ("It did not announce one.", "yes", False),
    ],
)
def test_yes_and_no_need_not_be_said_in_so_many_words(text: str, gold: str, agree: bool) -> None:
    assert says("Did it announce a dividend?", text, gold) is agree


def test_dates_are_compared_by_day_and_year() -> None:
    assert says(ASKED, "It joined on 16 November 1907.", "November 16, 1907 (")
    assert not says(ASKED, "It joined on 17 November 1907.", "November 16, 1907")
    assert not says(ASKED, "It joined on 16 November 1917.", "November 16, 1907")


def test_words_of_the_question_do_not_make_a_name_right() -> None:
    question = "Who was the son of Louis X of France?"

    assert says(question, "The son of Louis X was John I.", "John I, son of Louis X of France")
    assert not says(question, "The son of Louis X of France was Philip.", "John, son of Louis X")


def test_a_refusal_is_right_where_there_is_no_answer_and_an_answer_is_not() -> None:
    assert judge(ASKED, "", [], answerable=False, refused=True) == "correct"
    assert judge(ASKED, "It was 5.", [], answerable=False, refused=False) == "wrong"
    assert judge(ASKED, "", ["5"], answerable=True, refused=True) == "refused"
    assert judge(ASKED, "It was 5.", ["6", "5"], answerable=True, refused=False) == "correct"
    assert judge(ASKED, "It was 7.", ["6", "5"], answerable=True, refused=False) == "wrong"


def test_a_refusal_is_right_where_the_accepted_answer_says_that_there_is_none() -> None:
    gold = "The filing does not provide specific figures for this."

    assert judge(ASKED, "", [gold], answerable=True, refused=True) == "correct"


def test_squad_rules_leave_out_case_articles_and_punctuation() -> None:
    assert matching.squad_words("The  Cat, a dog!") == ["cat", "dog"]
    assert matching.exact_match("The 'Cat'.", ["dog", "cat"])
    assert matching.f1("the red cat", ["cat"]) == pytest.approx(2 / 3)
    assert matching.f1("dog", ["cat"]) == 0


def test_a_short_answer_is_found_inside_a_sentence() -> None:
    assert matching.found("Where?", "Normandy lies in France, by the sea.", ["France"])
    assert not matching.found("Where?", "Normandy lies by the sea.", ["France"])


FIGURES = st.decimals(min_value=1, max_value=999_999, places=2)


@given(FIGURES)
def test_a_figure_says_itself_with_and_without_separators(value: object) -> None:
    assert says(ASKED, f"It was {value:,}.", f"{value}")


@given(FIGURES)
def test_a_figure_does_not_say_twice_itself(value: object) -> None:
    assert not says(ASKED, f"It was {value * 2:,}.", f"{value}")  # type: ignore[operator]


def test_that_a_share_was_multiplied_by_a_hundred_need_not_be_said() -> None:
    gold = "Rent was 21 million of 84 million in all: (21 / 84) * 100 = 25.00%, about a quarter."
    said = "Rent was 25.0 % of the total: 21 / 84 = 25.0 %."
    assert says("What share was rent?", said, gold)
    assert not says("What share was rent?", said.replace("84", "48"), gold)
