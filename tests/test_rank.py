import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from libraries import hit

from rag.rank import RRF_K, distinct, fuse, nearest

RANKINGS = st.lists(st.sampled_from("abcdefgh"), unique=True)


def test_a_chunk_found_both_ways_comes_before_chunks_found_one_way() -> None:
    assert fuse(["a", "b"], ["c", "b"]) == [
        ("b", 2 / (RRF_K + 2), "both"),
        ("a", 1 / (RRF_K + 1), "dense"),
        ("c", 1 / (RRF_K + 1), "lexical"),
    ]


def test_one_ranking_alone_keeps_its_order() -> None:
    assert [chunk_id for chunk_id, _, _ in fuse(["c", "a", "b"], [])] == ["c", "a", "b"]
    assert [chunk_id for chunk_id, _, _ in fuse([], ["c", "a", "b"])] == ["c", "a", "b"]


def test_nothing_found_gives_nothing() -> None:
    assert fuse([], []) == []


@given(RANKINGS, RANKINGS)
def test_every_chunk_comes_once_with_falling_scores(dense: list[str], lexical: list[str]) -> None:
    fused = fuse(dense, lexical)

    assert sorted(chunk_id for chunk_id, _, _ in fused) == sorted({*dense, *lexical})
    assert [score for _, score, _ in fused] == sorted((s for _, s, _ in fused), reverse=True)


def test_of_chunks_that_say_the_same_the_first_stays() -> None:
    said = ["Sales rose.", "SALES\nrose. ", "Costs fell."]
    chunks = [hit(text, rank=rank).chunk for rank, text in enumerate(said, start=1)]

    assert distinct(chunks) == [chunks[0], chunks[2]]


def test_the_nearest_come_first_and_equally_near_ones_in_their_order() -> None:
    rows = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], np.float32)

    assert [i for i, _ in nearest("abcd", rows, rows[1], 3)] == ["b", "d", "c"]
    assert nearest([], np.empty((0, 0), np.float32), rows[1], 3) == []
