from hypothesis import given
from hypothesis import strategies as st

from rag.draft import LONGEST, MOST, SHORTEST, Draft

TEXT = [10, 11, 12, 13, 14, 15, 16, 17, 18]
tokens = st.integers(0, 4)


def after(draft: Draft, *written: int) -> list[int]:
    draft.add(written)
    return list(draft.guess())


def test_what_follows_the_last_words_in_a_passage_is_guessed() -> None:
    assert after(Draft([[1, 2], TEXT]), 99, 12, 13) == [14]
    assert after(Draft([[1, 2], TEXT]), 99, 11, 12, 13) == [14, 15]
    assert after(Draft([TEXT]), 99, 15, 16, 17) == [18]


def test_nothing_is_guessed_where_the_last_words_stand_nowhere_or_at_the_end() -> None:
    assert after(Draft([TEXT])) == []
    assert after(Draft([TEXT]), 10) == []
    assert after(Draft([TEXT]), 10, 12) == []
    assert after(Draft([TEXT]), 17, 18) == []
    assert after(Draft([]), 1, 2) == []


def test_no_guess_runs_from_one_passage_into_the_next() -> None:
    assert after(Draft([[1, 2, 3], [4, 5, 6]]), 2, 3) == []


def test_the_longest_match_counts_and_then_the_passage_that_stands_first() -> None:
    sources = [[1, 2, 3, 70], [9, 2, 3, 80], [1, 2, 3, 90]]

    assert after(Draft(sources), 9, 2, 3) == [80]
    assert after(Draft(sources), 5, 2, 3) == [70]


def test_after_wrong_guesses_more_words_must_match_and_after_right_ones_fewer() -> None:
    draft = Draft([TEXT])
    assert after(draft, 10, 11) != []
    draft.judge(0, MOST)
    assert after(draft) == []
    assert after(draft, 12) != []
    draft.judge(MOST, MOST)

    other = [20, 12, 13]
    assert after(draft, *other) == [14]


@given(
    sources=st.lists(st.lists(tokens, max_size=12), max_size=4),
    written=st.lists(tokens, max_size=12),
    wrong=st.integers(0, 10),
)
def test_a_guess_always_follows_enough_of_the_last_words_somewhere(
    sources: list[list[int]], written: list[int], wrong: int
) -> None:
    draft = Draft(sources)
    for _ in range(wrong):
        draft.judge(0, MOST)
    needed = min(SHORTEST + wrong, LONGEST)

    guess = after(draft, *written)

    assert len(guess) <= MOST
    if guess:
        quoted = [*written[-needed:], *guess]
        assert any(
            source[i : i + len(quoted)] == quoted for source in sources for i in range(len(source))
        )
