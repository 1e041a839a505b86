"""Picture files: photographs and scans, whose pages have no text until OCR reads them."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from rag import pixels
from rag.errors import (
    DamagedDocument,
    DocumentTooLarge,
    UnreadableDocument,
    UnsupportedDocument,
)
from rag.pixels import PixelReader, Pixels
from rag.types import Box, Document, Page, ReadLimits

pi_heif.register_heif_opener(decode_threads=1)

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "HEIF")
MEDIA_TYPES = {"MPO": "image/jpeg"}
"""Of what Pillow calls otherwise: a photograph that several others are appended to."""
LEAST_DPI, MOST_DPI = 50, 2400
"""Scanners say the truth; programs that know nothing write 1, 0 or nonsense."""
SCREEN_DPI = 96
ORIENTATION = 0x0112
"""EXIF; from 5 on the picture lies on its side."""
LARGEST_ENLARGEMENT = 2.0


def read(path: Path, *, doc_id: str, name: str, limits: ReadLimits) -> Document:
    """A page for each page of a TIFF, one for any other file (the first frame); all are `unread`.

    Raises UnreadableDocument, UnsupportedDocument, DamagedDocument, DocumentTooLarge.
    """
    with _opened(path, name, limits) as image:
        kind = image.format or ""
        count = _count(image, name, limits)
        pages = []
        for number in range(1, count + 1):
            _turn_to(image, number, count, name, limits)
            pages.append(Page(number, _label(number, count), "", _size(image)))
        image.seek(0)
        image.load()  # tells whether the file breaks off
    return Document(
        id=doc_id,
        name=name,
        media_type=MEDIA_TYPES.get(kind, Image.MIME.get(kind, "")),
        pages=tuple(pages),
        unread=tuple(range(1, count + 1)),
    )


def ocr_page(
    path: Path, number: int, *, reader: PixelReader, name: str, limits: ReadLimits
) -> Page:
    """Page `number`, from 1, as `reader` reads it. Raises as `read`."""
    with _opened(path, name, limits) as image:
        count = _count(image, name, limits)
        _turn_to(image, number, count, name, limits)
        size = _size(image)
        shown = _fitted(_decoded(image))
    text, lines = ("", ()) if pixels.is_blank(shown) else reader.read(shown, size)
    return Page(number, f"{_label(number, count)} (OCR)", text, size, lines=lines)


def draw(
    path: Path,
    number: int,
    *,
    width_px: int,
    boxes: Sequence[Box] = (),
    name: str,
    limits: ReadLimits,
) -> bytes:
    """Page `number`, from 1, as PNG, `width_px` wide, with a highlighter drawn over `boxes`.

    boxes: in points, origin top left. It comes narrower where it would have more than
    limits.pixels. Raises as `read`.
    """
    with _opened(path, name, limits) as image:
        _turn_to(image, number, _count(image, name, limits), name, limits)
        size = _size(image)
        whole = _decoded(image)
    ratio = whole.height / whole.width
    width = max(min(width_px, math.isqrt(int(limits.pixels / ratio))), 1)
    height = max(min(round(width * ratio), limits.pixels), 1)
    shown = np.array(whole.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0))
    pixels.highlight(shown, boxes, size)
    return pixels.png(shown)


@contextmanager
def _opened(path: Path, name: str, limits: ReadLimits) -> Iterator[Image.Image]:
    Image.MAX_IMAGE_PIXELS = limits.pixels  # beside it Pillow warns, and refuses twice as many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except Image.DecompressionBombError as error:
        raise _too_large(name, limits) from error
    except UnidentifiedImageError as error:
        raise UnsupportedDocument(
            f"{name} is not a picture that Strongroom reads, whatever it is called. "
            "Save it as PNG, JPEG or TIFF and add that."
        ) from error
    except OSError as error:
        if error.errno is None:
            raise _damaged(name) from error
        raise UnreadableDocument(
            f"{name} cannot be read ({error.strerror}). Check that it is there and may be read."
        ) from error
    except (SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError) as error:
        raise _damaged(name) from error


def _damaged(name: str) -> DamagedDocument:
    return DamagedDocument(
        f"{name} is damaged: the picture breaks off or cannot be followed. Get another copy."
    )


def _too_large(name: str, limits: ReadLimits) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"{name} has more than {limits.pixels // 1_000_000} million pixels, the limit for one "
        "picture. Make it smaller, or raise max_image_mpx in the settings."
    )


def _count(image: Image.Image, name: str, limits: ReadLimits) -> int:
    count = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    if count > limits.pages:
        raise DocumentTooLarge(
            f"{name} has {count} pages, over the limit of {limits.pages}. "
            "Split it, or raise max_pages in the settings."
        )
    return count


def _label(number: int, count: int) -> str:
    return f"page {number}" if count > 1 else "picture"


def _turn_to(image: Image.Image, number: int, count: int, name: str, limits: ReadLimits) -> None:
    if not 1 <= number <= count:
        raise DamagedDocument(
            f"Page {number} of {name} is damaged or not there. Add the file again from a good copy."
        )
    image.seek(number - 1)
    if image.width * image.height > limits.pixels:
        raise _too_large(name, limits)


def _size(image: Image.Image) -> tuple[float, float]:
    """In points, as displayed."""
    told = image.info.get("dpi") or (0, 0)
    dpi = [float(each) for each in told]
    if not all(LEAST_DPI <= each <= MOST_DPI for each in dpi):
        dpi = [SCREEN_DPI, SCREEN_DPI]
    width, height = image.width * 72 / dpi[0], image.height * 72 / dpi[1]
    # Of a TIFF Pillow tells the displayed size already.
    lies = image.format != "TIFF" and image.getexif().get(ORIENTATION, 1) >= 5
    return (height, width) if lies else (width, height)


def _decoded(image: Image.Image) -> Image.Image:
    """Upright, red, green and blue, on white paper."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        deep = np.asarray(upright, np.float32)
        return Image.fromarray(_shallow(deep)).convert("RGB")
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    paper = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(paper, upright.convert("RGBA")).convert("RGB")


def _shallow(deep: NDArray[np.float32]) -> Pixels:
    """More than 8 bits for each pixel, stretched over black to white."""
    low, high = float(np.nanmin(deep)), float(np.nanmax(deep))
    level = (np.nan_to_num(deep) - low) * (255 / max(high - low, 1e-9))
    return level.clip(0, 255).astype(np.uint8)


def _fitted(image: Image.Image) -> Pixels:
    """Of a size at which OCR reads well; a photograph has more pixels than its letters need."""
    enlarged = min(pixels.OCR_LEAST_PX / max(image.size), LARGEST_ENLARGEMENT)
    reduced = math.sqrt(pixels.OCR_MOST / (image.width * image.height))
    scale = min(max(enlarged, 1.0), reduced)
    width, height = (max(int(side * scale), 1) for side in image.size)
    return np.array(image if scale == 1 else image.resize((width, height)))
