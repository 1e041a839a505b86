"""Boxes on the displayed page, and one box for each line of a quote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.arrays import FloatArray
from rag.geometry import boxes_of, displayed, lines_of
from rag.types import Box, Line

PAGE_PT = 600.0
NAN = [np.nan] * 4
EDGES = st.floats(0, PAGE_PT, width=32)
WHOLE_POINTS = st.integers(0, int(PAGE_PT)).map(float)


def boxes(*rows: list[float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def word(x: float, y: float, n: int = 4, width: float = 5, height: float = 10) -> list[list[float]]:
    return [[x + i * width, y, x + (i + 1) * width, y + height] for i in range(n)]


def test_characters_side_by_side_are_one_line() -> None:
    assert lines_of(boxes(*word(100, 50))) == (Box(100, 50, 120, 60),)


def test_blanks_without_a_box_do_not_split_a_line() -> None:
    quote = boxes(*word(100, 50), NAN, *word(124, 50))
    assert lines_of(quote) == (Box(100, 50, 144, 60),)


def test_each_line_of_a_paragraph_is_a_box() -> None:
    quote = boxes(*word(150, 50), NAN, *word(100, 61), NAN, *word(100, 72))
    assert lines_of(quote) == (Box(150, 50, 170, 60), Box(100, 61, 120, 71), Box(100, 72, 120, 82))


def test_lines_set_so_tight_that_boxes_touch_stay_apart() -> None:
    quote = boxes(*word(100, 50, height=12), NAN, *word(100, 60, height=12))
    assert lines_of(quote) == (Box(100, 50, 120, 62), Box(100, 60, 120, 72))


def test_a_jump_to_the_next_column_starts_a_box() -> None:
    foot, head = word(100, 500), word(400, 50)
    assert lines_of(boxes(*foot, NAN, *head)) == (Box(100, 500, 120, 510), Box(400, 50, 420, 60))


def test_a_jump_to_the_next_column_on_the_same_height_starts_a_box() -> None:
    quote = boxes(*word(100, 50), NAN, *word(400, 50))
    assert lines_of(quote) == (Box(100, 50, 120, 60), Box(400, 50, 420, 60))


def test_a_raised_footnote_mark_belongs_to_its_line() -> None:
    mark = [[120, 48, 123, 54]]
    assert lines_of(boxes(*word(100, 50), *mark, *word(123, 50))) == (Box(100, 48, 143, 60),)


def test_text_from_right_to_left_is_one_line() -> None:
    assert lines_of(boxes(*word(100, 50)[::-1])) == (Box(100, 50, 120, 60),)


def test_text_that_runs_up_the_page_gives_one_upright_box_a_line() -> None:
    first = [[50, y, 60, y + 5] for y in (300, 295, 290, 285)]
    second = [[62, y, 72, y + 5] for y in (300, 295, 290, 285)]
    assert lines_of(boxes(*first, NAN, *second)) == (Box(50, 285, 60, 305), Box(62, 285, 72, 305))


def test_no_characters_and_characters_without_boxes_give_no_lines() -> None:
    assert lines_of(boxes()) == ()
    assert lines_of(boxes(NAN, NAN)) == ()


@st.composite
def on_page(draw: st.DrawFn, edges: st.SearchStrategy[float] = EDGES) -> list[float]:
    x0, x1 = sorted([draw(edges), draw(edges)])
    y0, y1 = sorted([draw(edges), draw(edges)])
    return [x0, y0, x1, y1]


@given(st.lists(st.one_of(on_page(), st.just(NAN)), max_size=30))
def test_every_character_is_inside_a_line_and_every_line_on_the_page(
    rows: list[list[float]],
) -> None:
    lines = lines_of(boxes(*rows))
    for x0, y0, x1, y1 in boxes(*[row for row in rows if row is not NAN]).tolist():
        assert any(a.x0 <= x0 and a.y0 <= y0 and x1 <= a.x1 and y1 <= a.y1 for a in lines)
    for line in lines:
        assert 0 <= line.x0 <= line.x1 <= PAGE_PT
        assert 0 <= line.y0 <= line.y1 <= PAGE_PT


@pytest.mark.parametrize(
    ("quarter_turns", "expected"),
    [
        (0, [30, 40, 50, 70]),
        (1, [110, 30, 140, 50]),
        (2, [50, 110, 70, 140]),
        (3, [40, 50, 70, 70]),
    ],
)
def test_a_box_turns_with_its_page(quarter_turns: int, expected: list[float]) -> None:
    window = (10.0, 200.0, 110.0, 20.0)  # 100 wide, 180 high
    glyph = boxes([40, 160, 60, 130])
    assert displayed(glyph, window, quarter_turns).tolist() == [expected]


def test_what_lies_outside_the_shown_part_has_no_box_and_what_sticks_out_is_cut() -> None:
    window = (10.0, 200.0, 110.0, 20.0)
    outside, across, no_width = [0, 100, 9, 90], [0, 100, 30, 90], [40, 100, 40, 90]
    placed = displayed(boxes(outside, across, no_width), window, 0)
    np.testing.assert_array_equal(placed, boxes(NAN, [0, 100, 20, 110], NAN))


@given(st.lists(on_page(WHOLE_POINTS), min_size=1, max_size=10), st.integers(0, 3))
def test_four_quarter_turns_bring_every_box_back(rows: list[list[float]], turns: int) -> None:
    upside = boxes(*rows)[:, [0, 3, 2, 1]]  # left, top, right, bottom, y upwards
    window = (0.0, PAGE_PT, PAGE_PT, 0.0)
    turned = displayed(upside, window, turns)
    for _ in range(4 - turns):
        turned = displayed(_upside_down(turned), window, 1)
    np.testing.assert_array_equal(turned, displayed(upside, window, 0))


def _upside_down(shown: FloatArray) -> FloatArray:
    """The same places on an upright page, y upwards."""
    return np.stack(
        [shown[:, 0], PAGE_PT - shown[:, 1], shown[:, 2], PAGE_PT - shown[:, 3]], axis=1
    ).astype(np.float32)


def test_a_line_s_rectangle_is_split_evenly_among_its_characters() -> None:
    found = boxes_of([Line(1, 5, 100, 50, 140, 60)], 7)
    assert np.isnan(found[[0, 5, 6]]).all()
    assert found[1:5].tolist() == [[100 + 10 * i, 50, 110 + 10 * i, 60] for i in range(4)]


def test_a_line_that_runs_down_the_page_is_split_downwards() -> None:
    found = boxes_of([Line(0, 4, 50, 100, 60, 140)], 4)
    assert found.tolist() == [[50, 100 + 10 * i, 60, 110 + 10 * i] for i in range(4)]


@given(
    st.lists(
        st.tuples(WHOLE_POINTS, WHOLE_POINTS, st.integers(8, 200), st.integers(5, 20)),
        min_size=1,
        max_size=5,
    )
)
def test_each_line_by_itself_is_its_rectangle_again(
    rectangles: list[tuple[float, float, int, int]],
) -> None:
    lines = [
        Line(10 * i, 10 * i + 9, x, y, x + width, y + height)
        for i, (x, y, width, height) in enumerate(rectangles)
    ]
    found = boxes_of(lines, 10 * len(lines))
    for line in lines:
        (box,) = lines_of(found[line.start : line.end])
        assert box == Box(line.x0, line.y0, line.x1, line.y1)
