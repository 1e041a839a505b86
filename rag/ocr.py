"""Text off pictures of pages, by PP-OCRv6 through RapidOCR. The only importer of RapidOCR.

The models lie in RapidOCR's wheel and nothing is ever fetched. They know Latin, Greek, Chinese and
Japanese letters, but no Cyrillic, Arabic or Hebrew ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import rapidocr
from numpy.typing import NDArray

from rag.pixels import Pixels
from rag.rawtext import one_line
from rag.types import Line

MODELS = Path(rapidocr.__file__).parent / "models"
SQUEEZE = 0.8
"""Width of a line as it is read, for its own; the time is the width's, and few words are lost."""
SHORTEST_PX = 128
"""A line is read as if it were this wide at least, at the model's height of 48."""
LEAST_SCORE = 0.5
"""Mean confidence of a line's letters; below it are specks, textures and handwriting."""
LEAST_SCORE_SHORT = 0.8
"""Of one letter or two, which icons and rules are easily taken for."""
SURE = 0.85
"""Half the lines of a page that stands upright are read with this confidence at least."""
TRIED = 5
"""Lines that are read the other way up to see how a page stands."""
TALL = 1.5
"""Times as high as wide, from which on a box of text runs up or down the page."""
LEVEL = 0.5
"""Of the lower one's height, that the middles of two pieces on one line are apart at most."""
LONG = 8
"""Line heights that a column's lines are wide, and a table's cells seldom."""
COLUMN_LINES = 4
"""Long lines that make a column, at least."""

Quad = NDArray[np.float32]
"""(4, 2) x, y of the corners, clockwise from the top left."""
Reading = tuple[str, float]
"""A line's text, and how sure of it the model is: 0 to 1."""
Rect = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of text. x0, y0, x1, y1: its box on the page with its lines made level, origin top
    left. place: its box on the page as it is."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    place: Rect


class Reader:
    """Reads one page after another, with one thread; the models are loaded for the first."""

    @cached_property
    def _engine(self) -> Any:
        cv2.setNumThreads(1)
        threads = "EngineConfig.onnxruntime"
        return rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",  # its warnings go to the terminal
                "Global.max_side_len": 1 << 15,  # whoever draws the page has chosen its size
                "Global.text_score": 0.0,
                f"{threads}.intra_op_num_threads": 1,
                f"{threads}.inter_op_num_threads": 1,
                "Det.model_path": str(MODELS / "PP-OCRv6_det_small.onnx"),
                "Rec.model_path": str(MODELS / "PP-OCRv6_rec_small.onnx"),
                "Rec.rec_img_shape": [3, 48, SHORTEST_PX],
            }
        )

    def read(self, pixels: Pixels, size: tuple[float, float]) -> tuple[str, tuple[Line, ...]]:
        """Text in reading order, and where the pieces of its lines stand.

        size: width and height in points of the page that the pixels show. A page that lies on its
        side or stands on its head is read as it was meant; the places are those of the page as it
        is shown.
        """
        turns = 0
        quads = self._detected(pixels)
        if sum(map(_is_tall, quads)) * 2 > len(quads):
            turns, pixels = 1, _turned(pixels, 1)
            quads = self._detected(pixels)
        readings = [self._recognised(pixels, quad) for quad in quads]
        if self._stands_on_its_head(pixels, quads, readings):
            turns, pixels = turns + 2, _turned(pixels, 2)
            quads = self._detected(pixels)
            readings = [self._recognised(pixels, quad) for quad in quads]
        text, placed = arranged(_fragments(quads, readings))
        shown = pixels.shape[1], pixels.shape[0]
        return text, tuple(_line(start, it, shown, size, turns) for start, it in placed)

    def _detected(self, pixels: Pixels) -> list[Quad]:
        found = self._engine(_blue_first(pixels), use_det=True, use_cls=False, use_rec=False)
        return [] if found.boxes is None else [np.asarray(q, np.float32) for q in found.boxes]

    def _recognised(self, pixels: Pixels, quad: Quad, *, turns: int = 0) -> Reading:
        strip = _strip(pixels, quad)
        if not _is_tall(quad):
            return self._read_strip(_turned(strip, turns))
        # It may run up or down.
        return max((self._read_strip(_turned(strip, turn)) for turn in (1, 3)), key=_score)

    def _read_strip(self, strip: Pixels) -> Reading:
        width = max(round(strip.shape[1] * SQUEEZE), 8)
        squeezed = cv2.resize(strip, (width, strip.shape[0]), interpolation=cv2.INTER_AREA)
        found = self._engine(
            _blue_first(np.asarray(squeezed, np.uint8)), use_det=False, use_cls=False, use_rec=True
        )
        return (one_line(found.txts[0]), float(found.scores[0])) if found.txts else ("", 0.0)

    def _stands_on_its_head(
        self, pixels: Pixels, quads: Sequence[Quad], readings: Sequence[Reading]
    ) -> bool:
        """Whether the longest lines are read with more confidence the other way up."""
        if not readings or median(map(_score, readings)) > SURE:
            return False
        longest = sorted(range(len(quads)), key=lambda i: -_extent(quads[i])[0])[:TRIED]
        flipped = [self._recognised(pixels, quads[i], turns=2) for i in longest]
        return median(map(_score, flipped)) > max(
            SURE, median(_score(readings[i]) for i in longest)
        )


def arranged(fragments: Iterable[Fragment]) -> tuple[str, list[tuple[int, Fragment]]]:
    """The text, a visual line a line and columns one after the other; and each fragment with its
    offset in it."""
    lines: list[str] = []
    placed: list[tuple[int, Fragment]] = []
    start = 0
    for row in _in_order(list(fragments)):
        for fragment in row:
            placed.append((start, fragment))
            start += len(fragment.text) + 1
        lines.append(" ".join(fragment.text for fragment in row))
    return "\n".join(lines), placed


def _in_order(fragments: Sequence[Fragment]) -> Iterator[list[Fragment]]:
    """Visual lines in reading order."""
    x = _gutter(fragments)
    if x is None:
        yield from _rows(fragments)
        return
    for zone in _zones(_rows(fragments), x):
        left, right = [f for f in zone if f.x1 <= x], [f for f in zone if f.x0 >= x]
        if min(_n_long(left), _n_long(right)) >= COLUMN_LINES:
            yield from _in_order(left)
            yield from _in_order(right)
        else:
            yield from _rows(zone)


def _gutter(fragments: Sequence[Fragment]) -> float | None:
    """Where two columns of text part; None where there is one, or a table's cells."""
    best, most = None, COLUMN_LINES - 1
    for x in sorted({fragment.x0 for fragment in fragments}):
        left, right = [f for f in fragments if f.x1 <= x], [f for f in fragments if f.x0 >= x]
        n_lines = min(_n_long(left), _n_long(right))
        if n_lines > most and len(left) + len(right) > len(fragments) / 2:
            best, most = x, n_lines
    return best


def _n_long(fragments: Iterable[Fragment]) -> int:
    return sum(f.x1 - f.x0 >= LONG * (f.y1 - f.y0) for f in fragments)


def _zones(rows: Iterable[Sequence[Fragment]], x: float) -> Iterator[list[Fragment]]:
    """Runs of rows that keep clear of x, and the rows between them, which do not."""
    for _, run in groupby(rows, lambda row: any(f.x0 < x < f.x1 for f in row)):
        yield [fragment for row in run for fragment in row]


def _rows(fragments: Iterable[Fragment]) -> list[list[Fragment]]:
    """Fragments side by side, from the left; rows from the top."""
    rows: list[list[Fragment]] = []
    for fragment in sorted(fragments, key=_middle):
        if rows and all(_is_beside(other, fragment) for other in rows[-1]):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    return [sorted(row, key=lambda f: f.x0) for row in rows]


def _is_beside(a: Fragment, b: Fragment) -> bool:
    """Not merely at one height: a box over several lines would join them."""
    shared = min(a.x1, b.x1) - max(a.x0, b.x0)
    is_level = abs(_middle(a) - _middle(b)) < LEVEL * min(a.y1 - a.y0, b.y1 - b.y0)
    return is_level and shared < min(a.x1 - a.x0, b.x1 - b.x0) / 2


def _middle(fragment: Fragment) -> float:
    return (fragment.y0 + fragment.y1) / 2


def _fragments(quads: Sequence[Quad], readings: Sequence[Reading]) -> Iterator[Fragment]:
    tilt = _tilt(quads)
    level = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]], np.float32)
    for quad, (text, score) in zip(quads, readings, strict=True):
        if text and score >= (LEAST_SCORE if len(text) > 2 else LEAST_SCORE_SHORT):
            yield Fragment(text, *_hull(quad @ level), place=_hull(quad))


def _tilt(quads: Iterable[Quad]) -> float:
    """Of the page's lines, in radians, clockwise."""
    tops = [quad[1] - quad[0] for quad in quads if not _is_tall(quad)]
    return median(float(np.arctan2(top[1], top[0])) for top in tops) if tops else 0.0


def _hull(quad: Quad) -> Rect:
    (x0, y0), (x1, y1) = quad.min(axis=0).tolist(), quad.max(axis=0).tolist()
    return x0, y0, x1, y1


def _line(
    start: int, fragment: Fragment, shown: tuple[int, int], size: tuple[float, float], turns: int
) -> Line:
    """shown: width and height of the pixels after `turns` quarter turns against the clock."""
    x0, y0, x1, y1 = fragment.place
    width, height = shown
    for _ in range(turns):
        x0, y0, x1, y1 = height - y1, x0, height - y0, x1
        width, height = height, width
    across, down = size[0] / width, size[1] / height
    end = start + len(fragment.text)
    return Line(start, end, x0 * across, y0 * down, x1 * across, y1 * down)


def _turned(pixels: Pixels, turns: int) -> Pixels:
    """turns: quarter turns against the clock."""
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _blue_first(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _strip(pixels: Pixels, quad: Quad) -> Pixels:
    """The part of the picture in the quad, straightened."""
    width, height = (max(round(side), 1) for side in _extent(quad))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    straighten = cv2.getPerspectiveTransform(quad, corners)
    strip = cv2.warpPerspective(
        pixels,
        straighten,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(strip, np.uint8)


def _extent(quad: Quad) -> tuple[float, float]:
    """Width and height."""
    across = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3]))
    down = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    return float(across), float(down)


def _is_tall(quad: Quad) -> bool:
    width, height = _extent(quad)
    return height > TALL * width


def _score(reading: Reading) -> float:
    return reading[1]
