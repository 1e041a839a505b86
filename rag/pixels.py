"""Pictures of pages as arrays: how they are marked, written, and told from blank paper."""

import io
import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rag.types import Box, Line

HIGHLIGHT = np.array([255, 214, 92], np.uint16)
"""Amber. Multiplied into the picture, so black text under it stays black."""
HIGHLIGHT_PAD_PT = 1.0
BLANK_RANGE = 48
"""Between the darkest and the brightest pixel of an empty scan; print differs by 100 and more."""
OCR_LEAST_PX = 1650
"""Long side of a page as OCR is shown it, at least: small pages have small letters."""
OCR_MOST = 4_500_000
"""Pixels of such a page, at most: an A3 page at 150 dpi. Each million takes 170 MB and a second."""

Pixels = NDArray[np.uint8]
"""(height, width, 3) red, green, blue."""


class PixelReader(Protocol):
    def read(self, pixels: Pixels, size: tuple[float, float]) -> tuple[str, tuple[Line, ...]]:
        """Text in reading order, and where its lines stand. size: in points, of the page that the
        pixels show."""
        ...


def highlight(pixels: Pixels, boxes: Iterable[Box], size: tuple[float, float]) -> None:
    """Draw a highlighter over `boxes`, in place; they are cut at the edges. size: in points."""
    height, width = pixels.shape[:2]
    across, down, pad = width / size[0], height / size[1], HIGHLIGHT_PAD_PT
    marked = np.zeros((height, width), bool)
    for box in boxes:
        x0, x1 = max((box.x0 - pad) * across, 0), max((box.x1 + pad) * across, 0)
        y0, y1 = max((box.y0 - pad) * down, 0), max((box.y1 + pad) * down, 0)
        marked[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)] = True
    pixels[marked] = pixels[marked] * HIGHLIGHT // 255


def png(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def is_blank(pixels: Pixels) -> bool:
    """Whether nothing is to be seen but paper of one shade."""
    return bool(int(pixels.max(initial=0)) - int(pixels.min(initial=255)) < BLANK_RANGE)
