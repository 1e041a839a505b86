"""Picture files: their pages and sizes, what OCR is shown, and everything that can be wrong."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rag import picture, pixels
from rag.errors import DamagedDocument, DocumentTooLarge, UnreadableDocument, UnsupportedDocument
from rag.types import Box, Document, Line, Page, ReadLimits

PHOTO = Path(__file__).with_name("photo.heic")
"""As telephones make them, with two lines of text and the black square of `marked`."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "original"


def marked(width: int = 400, height: int = 200, mode: str = "RGB") -> Image.Image:
    """White, with a black square in the top left corner."""
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).rectangle((0, 0, 49, 49), fill=0)
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **chosen: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **chosen)
    return stream.getvalue()


def read(path: Path, data: bytes, **chosen: int) -> Document:
    path.write_bytes(data)
    return picture.read(path, doc_id="id", name="a.png", limits=ReadLimits(**chosen))


class Recorder:
    """Reads every page as "seen" and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[pixels.Pixels, tuple[float, float]]] = []

    def read(self, shown: pixels.Pixels, size: tuple[float, float]) -> tuple[str, tuple[Line, ...]]:
        self.shown.append((shown, size))
        return "seen", (Line(0, 4, 1, 2, 3, 4),)


def ocr(path: Path, number: int = 1, reader: Recorder | None = None) -> Page:
    return picture.ocr_page(
        path, number, reader=reader or Recorder(), name="a.png", limits=ReadLimits()
    )


def drawn(
    path: Path, number: int = 1, *, width_px: int = 400, boxes: tuple[Box, ...] = ()
) -> np.ndarray:
    png = picture.draw(
        path, number, width_px=width_px, boxes=boxes, name="a.png", limits=ReadLimits()
    )
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


KINDS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "GIF": "image/gif",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_one_page_that_ocr_must_read(path: Path, kind: str) -> None:
    document = read(path, encoded(marked(), kind))
    assert document.media_type == KINDS[kind]
    assert [(page.number, page.label, page.text) for page in document.pages] == [(1, "picture", "")]
    assert document.unread == (1,)
    page = ocr(path)
    assert (page.label, page.text, page.lines) == (
        "picture (OCR)",
        "seen",
        (Line(0, 4, 1, 2, 3, 4),),
    )


def test_a_photograph_of_a_telephone_is_read_like_any_other(path: Path) -> None:
    document = read(path, PHOTO.read_bytes())
    assert document.media_type == "image/heif"
    assert [(page.label, page.size) for page in document.pages] == [("picture", (480.0, 180.0))]
    reader = Recorder()
    assert ocr(path, reader=reader).text == "seen"
    for shown in (reader.shown[0][0], drawn(path, width_px=480)):
        assert shown[10, 10].max() < 60
        assert shown[-10, -10].min() > 200


@pytest.mark.parametrize("end", [100, 1000, 3000])
def test_a_photograph_that_breaks_off_is_damaged_or_none(path: Path, end: int) -> None:
    with pytest.raises((DamagedDocument, UnsupportedDocument), match=r"a\.png"):
        read(path, PHOTO.read_bytes()[:end])


def test_each_page_of_a_tiff_is_a_page(path: Path) -> None:
    pages = [marked(), marked(200, 400)]
    document = read(path, encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert [page.label for page in document.pages] == ["page 1", "page 2"]
    assert [page.size for page in document.pages] == [(300.0, 150.0), (150.0, 300.0)]
    assert document.unread == (1, 2)
    assert ocr(path, 2).label == "page 2 (OCR)"
    assert drawn(path, 2, width_px=100).shape == (200, 100, 3)


def test_of_moving_pictures_the_first_one_is_read(path: Path) -> None:
    frames = [marked(), Image.new("RGB", (400, 200), "white")]
    document = read(path, encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert len(document.pages) == 1
    assert drawn(path)[10, 10].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("dpi", "size"),
    [
        ((200, 200), (144.0, 72.0)),
        ((100, 200), (288.0, 72.0)),
        ((1, 1), (300.0, 150.0)),
        (None, (300.0, 150.0)),
    ],
)
def test_a_sane_resolution_gives_the_size(
    path: Path, dpi: tuple[int, int] | None, size: tuple[float, float]
) -> None:
    page = read(path, encoded(marked(), "TIFF", **({"dpi": dpi} if dpi else {}))).pages[0]
    assert page.size == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "size", "corner"),
    [(1, (300, 150), "top left"), (3, (300, 150), "bottom right"), (6, (150, 300), "top right")],
)
def test_a_picture_is_shown_the_way_it_was_taken(
    path: Path, kind: str, orientation: int, size: tuple[int, int], corner: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    document = read(path, encoded(marked(), kind, exif=exif, dpi=(96, 96)))
    assert document.pages[0].size == pytest.approx(size, rel=0.001)
    reader = Recorder()
    assert ocr(path, reader=reader).size == pytest.approx(size, rel=0.001)
    for shown in (reader.shown[0][0], drawn(path, width_px=size[0])):
        y = 10 if corner.startswith("top") else -10
        x = 10 if corner.endswith("left") else -10
        assert shown[y, x].max() < 60
        assert shown[-y, -x].min() > 200
        assert shown.shape[1] / shown.shape[0] == size[0] / size[1]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "LA"])
def test_black_on_white_stays_so_in_every_mode(path: Path, mode: str) -> None:
    image = marked()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert("L").convert(mode)
    read(path, encoded(image, "TIFF"))
    reader = Recorder()
    ocr(path, reader=reader)
    shown = reader.shown[0][0]
    assert shown.dtype == np.uint8
    assert shown[10, 10].max() < 20
    assert shown[-10, -10].min() > 235


def test_what_is_transparent_is_white_paper(path: Path) -> None:
    image = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 49, 49), fill=(0, 0, 0, 255))
    path.write_bytes(encoded(image))
    assert drawn(path)[10, 10].tolist() == [0, 0, 0]
    assert drawn(path)[-10, -10].tolist() == [255, 255, 255]


def test_blank_pictures_are_not_shown_to_ocr(path: Path) -> None:
    path.write_bytes(encoded(Image.new("L", (300, 300), 240)))
    reader = Recorder()
    assert ocr(path, reader=reader).text == ""
    assert reader.shown == []


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [(400, 100, (200, 800)), (1200, 600, (825, 1650)), (2000, 500, (500, 2000))],
)
def test_ocr_is_shown_a_picture_of_a_size_it_reads_well(
    path: Path, width: int, height: int, shown: tuple[int, int]
) -> None:
    path.write_bytes(encoded(marked(width, height)))
    reader = Recorder()
    ocr(path, reader=reader)
    assert reader.shown[0][0].shape[:2] == shown


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (30_000, 200)])
def test_ocr_is_shown_no_more_pixels_than_it_can_hold(path: Path, width: int, height: int) -> None:
    path.write_bytes(encoded(marked(width, height)))
    reader = Recorder()
    ocr(path, reader=reader)
    shown = reader.shown[0][0].shape
    assert 0.95 * pixels.OCR_MOST < shown[0] * shown[1] <= pixels.OCR_MOST


def test_a_highlight_lies_over_its_box(path: Path) -> None:
    path.write_bytes(encoded(marked(), dpi=(72, 72)))
    shown = drawn(path, width_px=400, boxes=(Box(100, 100, 200, 120),))
    assert shown[110, 150].tolist() == pixels.HIGHLIGHT.tolist()
    assert shown[150, 150].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_a_file_that_breaks_off_is_damaged(path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises((DamagedDocument, UnsupportedDocument), match=r"^a\.png "):
        read(path, data[: len(data) // 2])


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    with pytest.raises(UnsupportedDocument, match=r"a\.png is not a picture"):
        read(path, b"%PDF-1.7 or anything else")


def test_a_file_that_is_not_there_is_unreadable(path: Path) -> None:
    with pytest.raises(UnreadableDocument, match=r"a\.png cannot be read"):
        picture.read(path, doc_id="", name="a.png", limits=ReadLimits())


@pytest.mark.parametrize("limit", [79_999, 39_999, 1])
def test_too_many_pixels_are_refused_by_the_setting_s_name(path: Path, limit: int) -> None:
    with pytest.raises(DocumentTooLarge, match=r"a\.png .* max_image_mpx"):
        read(path, encoded(marked()), pixels=limit)
    assert read(path, encoded(marked()), pixels=80_000).unread == (1,)


def test_too_many_pages_are_refused(path: Path) -> None:
    data = encoded(marked(), "TIFF", save_all=True, append_images=[marked()] * 2)
    with pytest.raises(DocumentTooLarge, match=r"a\.png has 3 pages, over the limit of 2"):
        read(path, data, pages=2)


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_page_that_is_not_there_is_refused(path: Path, number: int) -> None:
    path.write_bytes(encoded(marked()))
    with pytest.raises(DamagedDocument, match=rf"Page {number} of a\.png"):
        ocr(path, number)
    with pytest.raises(DamagedDocument, match=rf"Page {number} of a\.png"):
        drawn(path, number)
