"""Rectangles on a page: where they are when it is shown, and one box for each line of a quote."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from rag.arrays import FloatArray
from rag.types import Box, Line

LARGEST_GAP = 2.0
"""Line heights between two characters of one line; more is another column or table cell."""

TALL = 1.5
"""Times as high as wide, from which on a line runs up or down the page."""

Rect = list[float]  # x0, y0, x1, y1; x and y trade places while text that runs upwards is merged


def displayed(
    rects: FloatArray, window: tuple[float, float, float, float], quarter_turns: int
) -> FloatArray:
    """From a PDF page's own space, where y grows upwards, to the page as shown.

    rects: (n, 4) left, top, right, bottom. window: likewise, the part that is shown. quarter_turns:
    clockwise. Returns (n, 4) x0, y0, x1, y1 from the shown page's top left, cut at its edges; NaN
    where nothing is left to see.
    """
    left, top, right, bottom = rects.T
    from_left = left - window[0], right - window[0]
    from_top = window[1] - top, window[1] - bottom
    from_right = window[2] - right, window[2] - left
    from_bottom = bottom - window[3], top - window[3]
    sides = [(from_left, from_top), (from_bottom, from_left), (from_right, from_bottom)]
    (x0, x1), (y0, y1) = [*sides, (from_top, from_right)][quarter_turns % 4]
    shown = [window[2] - window[0], window[1] - window[3]]
    width, height = shown if quarter_turns % 2 == 0 else shown[::-1]
    boxes = np.stack([x0.clip(0, width), y0.clip(0, height), x1.clip(0, width), y1.clip(0, height)])
    hidden = (boxes[0] >= boxes[2]) | (boxes[1] >= boxes[3])
    return np.where(hidden, np.nan, boxes).T.astype(np.float32)


def boxes_of(lines: Iterable[Line], n_chars: int) -> FloatArray:
    """(n_chars, 4) as in `Page.boxes`, of text whose lines alone have places: each line's rectangle
    is split evenly among its characters, along its longer side where that runs down the page."""
    boxes = np.full((n_chars, 4), np.nan, np.float32)
    for line in lines:
        n = line.end - line.start
        x, y = np.linspace(line.x0, line.x1, n + 1), np.linspace(line.y0, line.y1, n + 1)
        runs_down = n > 1 and line.y1 - line.y0 > TALL * (line.x1 - line.x0)
        across = (line.x0, line.x1) if runs_down else (x[:-1], x[1:])
        down = (y[:-1], y[1:]) if runs_down else (line.y0, line.y1)
        part = boxes[line.start : line.end]
        part[:, 0], part[:, 2] = across
        part[:, 1], part[:, 3] = down
    return boxes


def lines_of(boxes: FloatArray) -> tuple[Box, ...]:
    """One box for each visual line of a quote, in reading order.

    boxes: (n, 4) x0, y0, x1, y1 of its characters as in `Page.boxes`; rows with NaN are skipped.
    Text that runs up or down the page gives upright boxes; a jump to another column starts a box.
    """
    glyphs: list[Rect] = boxes[~np.isnan(boxes).any(axis=1)].tolist()
    if _runs_vertically(glyphs):
        return tuple(Box(*_swapped(line)) for line in _merged([_swapped(g) for g in glyphs]))
    return tuple(Box(*line) for line in _merged(glyphs))


def _merged(glyphs: Sequence[Rect]) -> Iterator[Rect]:
    line: Rect = []
    for glyph in glyphs:
        if line and _continues(line, glyph):
            line = _hull(line, glyph)
            continue
        if line:
            yield line
        line = glyph
    if line:
        yield line


def _continues(line: Rect, glyph: Rect) -> bool:
    height = min(line[3] - line[1], glyph[3] - glyph[1])
    shared = min(line[3], glyph[3]) - max(line[1], glyph[1])
    gap = max(glyph[0] - line[2], line[0] - glyph[2])
    return shared > height / 2 and gap <= LARGEST_GAP * (line[3] - line[1])


def _runs_vertically(glyphs: Sequence[Rect]) -> bool:
    """Whether most steps from one character to the next go up or down rather than across."""
    steps = [_is_upright(a, b) for a, b in pairwise(glyphs)]
    return sum(steps) * 2 > len(steps)


def _is_upright(a: Rect, b: Rect) -> bool:
    across = abs((a[0] + a[2]) - (b[0] + b[2]))
    along = abs((a[1] + a[3]) - (b[1] + b[3]))
    return along > across


def _hull(a: Rect, b: Rect) -> Rect:
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


def _swapped(rect: Rect) -> Rect:
    x0, y0, x1, y1 = rect
    return [y0, x0, y1, x1]
