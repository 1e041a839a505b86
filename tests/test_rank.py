from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import hit

from rag.rank import WHOLE_DOCUMENT, Found, distinct, fuse, nearest, telling, together
from rag.types import Hit

SCORED = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 50)).map(
    lambda scores: sorted(scores.items(), key=lambda item: -item[1])
)


def test_a_chunk_found_both_ways_comes_before_chunks_found_one_way() -> None:
    found = fuse([("a", 0.9), ("b", 0.8), ("x", 0.1)], [("c", 20.0), ("b", 15.0), ("y", 10.0)])

    assert next(iter(found)) == "b"
    assert {i: f.origin for i, f in found.items()} == {
        "a": "dense", "x": "dense", "b": "both", "c": "lexical", "y": "lexical",
    }  # fmt: skip
    assert (found["a"].score, found["c"].score, found["y"].score) == (0.5, 0.5, 0.0)


def test_one_ranking_alone_keeps_its_order() -> None:
    ranking = [("c", 3.0), ("a", 2.0), ("b", 1.0)]

    assert list(fuse(ranking, [])) == list(fuse([], ranking)) == ["c", "a", "b"]


def test_the_only_chunk_found_is_worth_as_much_as_the_first_of_many() -> None:
    assert fuse([("a", 0.1)], [("a", 0.1)])["a"].score == 1.0


def test_nothing_found_gives_nothing() -> None:
    assert fuse([], []) == {}
    assert together({}, {}, {}) == []


@given(SCORED, SCORED)
def test_every_chunk_comes_once_with_falling_scores(
    dense: list[tuple[str, float]], lexical: list[tuple[str, float]]
) -> None:
    found = fuse(dense, lexical)
    scores = [f.score for f in found.values()]

    assert found.keys() == {i for i, _ in (*dense, *lexical)}
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_page_that_is_worth_more_lifts_its_passages() -> None:
    found = {"a": Found(0.5, "both"), "b": Found(0.4, "both")}
    places = {"a": [("d", 1)], "b": [("d", 2), ("d", 3)]}

    assert [i for i, _ in together(found, places, {})] == ["a", "b"]
    assert [i for i, _ in together(found, places, {("d", 3): 0.2})] == ["b", "a"]


def test_a_document_with_several_good_pages_comes_before_one_with_one() -> None:
    found = {i: Found(0.5, "both") for i in "xabc"}
    places = {"x": [("other", 1)], **{i: [("d", n)] for n, i in enumerate("abc")}}

    assert together(found, places, {}) == [
        *((i, 0.5 + WHOLE_DOCUMENT) for i in "abc"),
        ("x", pytest.approx(0.5 + WHOLE_DOCUMENT / 3)),
    ]


def test_many_passages_of_one_page_tell_no_more_of_their_document_than_one() -> None:
    found = {i: Found(0.5, "both") for i in "xabc"}
    places = {"x": [("other", 1)], **{i: [("d", 1)] for i in "abc"}}

    assert {score for _, score in together(found, places, {})} == {0.5 + WHOLE_DOCUMENT}


def test_a_passage_that_says_nearly_what_a_better_one_says_is_left_out() -> None:
    clause = (
        "The tenant shall keep the garden and the paths clean and clear of snow in winter, " * 3
    )
    said = ["Sales rose.", "SALES\nrose. ", clause + "Done.", clause + "Signed.", "Costs fell."]
    chunks = [hit(text, rank=rank).chunk for rank, text in enumerate(said, start=1)]

    assert distinct(chunks, 9) == [chunks[0], chunks[2], chunks[4]]
    assert distinct(chunks, 1) == [chunks[0]]


def test_passages_that_differ_in_a_number_alone_are_both_given() -> None:
    said = [f"The rent of the garden flat is {n} euro a month." for n in (700, 800)]
    chunks = [hit(text, rank=rank).chunk for rank, text in enumerate(said, start=1)]

    assert distinct(chunks, 9) == chunks


def test_the_nearest_come_first_and_equally_near_ones_in_their_order() -> None:
    rows = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], np.float32)

    assert [i for i, _ in nearest("abcd", rows, rows[1], 3)] == ["b", "d", "c"]
    assert nearest([], np.empty((0, 0), np.float32), rows[1], 3) == []


def scored(*scores: float) -> tuple[Hit, ...]:
    return tuple(replace(hit(f"No. {n}", rank=n), score=s) for n, s in enumerate(scores, 1))


def test_passages_far_behind_the_best_are_not_read() -> None:
    hits = scored(1.5, 1.2, 1.0, 0.9, 0.2)

    assert telling(hits) == hits[:3]


def test_the_second_is_read_however_far_the_best_is_ahead() -> None:
    assert len(telling(scored(1.5, 0.1, 0.1))) == 2
    assert len(telling(scored(1.5))) == 1


def test_of_passages_that_are_alike_all_are_read() -> None:
    hits = scored(1.0, 1.0, 0.9, 0.9, 0.8, 0.8)

    assert telling(hits) == hits
