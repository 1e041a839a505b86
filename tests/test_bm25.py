from hypothesis import given
from hypothesis import strategies as st

from rag.bm25 import count, weights

WORDS = st.lists(st.sampled_from("apple pear plum cherry tree 12".split()), min_size=1).map(
    " ".join
)


def held(texts: dict[int, str], *words: str) -> dict[int, float]:
    return count(texts, words).scores(dict.fromkeys(words, 1.0))


def test_the_text_with_most_of_the_words_is_best_and_one_without_scores_nothing() -> None:
    found = held({1: "Pears.", 2: "Apples and pears.", 3: "Plums."}, "apple", "pear")

    assert found[2] > found[1] > found[3] == 0


def test_words_that_have_no_weight_count_for_nothing() -> None:
    counts = count({1: "Pears.", 2: "Apples."}, ["apple", "pear"])

    assert counts.scores({"apple": 1.0})[1] == 0


def test_of_two_texts_that_hold_a_word_once_the_shorter_is_better_unless_length_is_let_be() -> None:
    counts = count({1: "Apples.", 2: "Apples from the garden behind the house."}, ["apple"])
    weighed, let_be = (counts.scores({"apple": 1.0}, b=b) for b in (0.75, 0.0))

    assert weighed[1] > weighed[2]
    assert let_be[1] == let_be[2]


def test_a_word_is_found_in_its_forms_and_behind_any_sign_but_not_within_another() -> None:
    counts = count({1: "(Reporting", 2: "misreported", 3: "a\nREPORT."}, ["reports"])

    assert counts.n.tolist() == [[1], [0], [1]]
    assert counts.n_holding() == {"reports": 2}


def test_numbers_and_short_words_are_found_whole() -> None:
    assert count({1: "20.", 2: "201", 3: "20%"}, ["20"]).n.tolist() == [[1], [0], [1]]


def test_nothing_is_found_in_nothing() -> None:
    assert held({}, "apple") == {}
    assert held({1: ""}, "apple") == {1: 0.0}
    assert held({1: "Apples."}) == {1: 0.0}
    assert count({}, ["apple"]).n_holding() == {"apple": 0}


@given(st.dictionaries(st.integers(), WORDS), WORDS)
def test_a_text_scores_when_it_holds_one_of_the_words_and_only_then(
    texts: dict[int, str], words: str
) -> None:
    found = held(texts, *words.split())

    assert {key for key, score in found.items() if score} == {
        key for key, text in texts.items() if set(text.split()) & set(words.split())
    }


@given(st.integers(1, 100), st.integers(0, 100))
def test_a_rarer_word_tells_more_and_none_tells_less_than_nothing(n: int, more: int) -> None:
    told = weights({"rare": n, "common": n + more, "unknown": 0}, 200)

    assert told["rare"] >= told["common"] > 0
    assert "unknown" not in told
