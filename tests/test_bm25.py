from hypothesis import given
from hypothesis import strategies as st

from rag.bm25 import scores, weight

WORDS = st.lists(st.sampled_from("apple pear plum cherry tree 12".split()), min_size=1).map(
    " ".join
)


def test_the_page_with_most_of_the_words_is_best_and_that_with_fewest_worst() -> None:
    texts = {1: "Pears.", 2: "Apples and pears.", 3: "Plums."}

    found = scores(texts, {"apple": 2.0, "pear": 1.0})

    assert (found[2], found[3]) == (1.0, 0.0)
    assert 0 < found[1] < 1


def test_a_word_is_found_in_its_forms_and_behind_any_sign_but_not_within_another() -> None:
    texts = {1: "(Reporting", 2: "misreported", 3: "a\nREPORT."}

    found = scores(texts, {"reports": 1.0})

    assert found[2] == 0.0
    assert found[1] > 0
    assert found[3] > 0


def test_numbers_and_short_words_are_found_whole() -> None:
    assert scores({1: "20.", 2: "201", 3: "20%"}, {"20": 1.0}) == {1: 1.0, 2: 0.0, 3: 1.0}


def test_pages_that_are_all_alike_are_worth_nothing() -> None:
    assert scores({1: "Apples.", 2: "Apples."}, {"apple": 1.0}) == {1: 0.0, 2: 0.0}
    assert scores({1: "", 2: ""}, {"apple": 1.0}) == {1: 0.0, 2: 0.0}
    assert scores({}, {"apple": 1.0}) == {}


@given(st.dictionaries(st.integers(), WORDS), WORDS)
def test_scores_lie_between_0_and_1(texts: dict[int, str], words: str) -> None:
    found = scores(texts, dict.fromkeys(words.split(), 1.0))

    assert found.keys() == texts.keys()
    assert all(0 <= score <= 1 for score in found.values())


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_rarer_word_tells_more_and_none_tells_less_than_nothing(n: int, more: int) -> None:
    assert weight(n, 200) >= weight(n + more, 200) > 0
