"""OCR: the order of what was found, and the real models on pages of known words."""

import io
import re
import socket

import numpy as np
import pytest
from PIL import Image, ImageFilter
from reportlab.pdfgen.canvas import Canvas

from rag import ocr, pdf
from rag.ocr import Fragment, Reader, arranged
from rag.pixels import Pixels
from rag.types import Line, Page, ReadLimits

PASSAGE = """The tenant shall give notice of at least three months
before the lease of the garden house comes to an end.
Repairs above 1,250.00 euros are paid for by the owner,
who answers every letter within ten working days.
Müller & Søn keep the keys of both cellars (see § 12)."""
SIZE = (400.0, 560.0)


def fragment(text: str, x: float, y: float, *, width: float | None = None) -> Fragment:
    box = (x, y, x + (width or 5.0 * len(text)), y + 10)
    return Fragment(text, *box, place=box)


def column(words: str, x: float, n: int = 5) -> list[Fragment]:
    return [fragment(f"{words} line {i} of a column", x, 20.0 * i + 100) for i in range(n)]


def test_fragments_side_by_side_are_one_line() -> None:
    text, placed = arranged([fragment("right", 100, 52), fragment("left", 20, 50)])
    assert text == "left right"
    assert [(start, it.text) for start, it in placed] == [(0, "left"), (5, "right")]


def test_lines_come_from_the_top() -> None:
    assert arranged([fragment("b", 20, 80), fragment("a", 25, 50)])[0] == "a\nb"


def test_a_box_over_several_lines_does_not_join_them() -> None:
    tall = Fragment("345", 200, 50, 210, 90, place=(200, 50, 210, 90))
    lines = [fragment(f"{name} line", 20, 50 + 15 * i) for i, name in enumerate("abc")]
    assert arranged([*lines, tall])[0].split("\n") == ["a line", "b line 345", "c line"]


def test_two_columns_are_read_one_after_the_other_below_their_title() -> None:
    title = fragment("A title that spans both of the columns of the page", 60, 50, width=300)
    text, _ = arranged([*column("right", 250), title, *column("left", 20)])
    assert [line.split()[0] for line in text.split("\n")] == ["A", *["left"] * 5, *["right"] * 5]


def test_three_columns_are_read_one_after_the_other() -> None:
    text, _ = arranged([*column("c", 500), *column("a", 20), *column("b", 250)])
    assert [line.split()[0] for line in text.split("\n")] == ["a"] * 5 + ["b"] * 5 + ["c"] * 5


def test_cells_of_a_table_are_read_by_row() -> None:
    cells = [
        fragment(f"{'abc'[j]}{i}", 20 + 100 * j, 50 + 20 * i) for i in range(6) for j in range(3)
    ]
    assert arranged(cells)[0].split("\n") == [f"a{i} b{i} c{i}" for i in range(6)]


def test_offsets_are_those_of_the_fragments_in_the_text() -> None:
    text, placed = arranged([*column("right", 250), *column("left", 20), fragment("x", 5, 400)])
    assert all(text[start : start + len(it.text)] == it.text for start, it in placed)
    assert sum(len(it.text) for _, it in placed) + len(placed) - 1 == len(text)


def test_nothing_found_is_no_text() -> None:
    assert arranged([]) == ("", [])


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def page_of(*blocks: tuple[float, float, str], size: tuple[float, float] = SIZE) -> bytes:
    """A PDF page with blocks of text in Times 13 from (x, y), y downwards."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=size)
    for x, y, block in blocks:
        canvas.setFont("Times-Roman", 13)
        for i, line in enumerate(block.split("\n")):
            canvas.drawString(x, size[1] - y - 18 * i, line)
    canvas.save()
    return stream.getvalue()


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    """The passage as a scanner sees it: grey, blurred, with specks."""
    path = tmp_path_factory.mktemp("scan") / "a.pdf"
    path.write_bytes(page_of((40, 100, PASSAGE)))
    png = pdf.picture(path, 1, width_px=833)
    image = Image.open(io.BytesIO(png)).convert("L").filter(ImageFilter.GaussianBlur(0.6))
    noise = np.random.default_rng(0).normal(0, 8, image.size[::-1])
    grey = (np.asarray(image) * 0.9 + noise).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def recall(text: str, expected: str = PASSAGE) -> float:
    found = words(text)
    return sum(word in found for word in words(expected)) / len(words(expected))


@pytest.mark.real
def test_the_words_of_a_scan_are_read(reader: Reader, scan: Pixels) -> None:
    text, _ = reader.read(scan, SIZE)
    assert recall(text) >= 0.95
    assert text.startswith("The tenant shall give notice")
    assert text.count("\n") == PASSAGE.count("\n")


@pytest.mark.real
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_and_its_places_are_the_shown_page_s(
    reader: Reader, scan: Pixels, turns: int
) -> None:
    turned = np.ascontiguousarray(np.rot90(scan, turns))
    size = SIZE if turns == 2 else SIZE[::-1]
    text, lines = reader.read(turned, size)
    assert recall(text) >= 0.95
    assert_on_ink(turned, size, lines)


@pytest.mark.real
def test_a_tilted_page_is_read_line_by_line(reader: Reader, scan: Pixels) -> None:
    image = Image.fromarray(scan).rotate(3, fillcolor=(230, 230, 230))
    text, _ = reader.read(np.array(image), SIZE)
    assert recall(text) >= 0.95
    assert text.count("\n") == PASSAGE.count("\n")


def assert_on_ink(shown: Pixels, size: tuple[float, float], lines: tuple[Line, ...]) -> None:
    """The lines lie on the page, and hold all its ink but specks."""
    height, width = shown.shape[:2]
    ink = shown[:, :, 0] < 120
    covered = np.zeros_like(ink)
    for line in lines:
        assert 0 <= line.x0 < line.x1 <= size[0]
        assert 0 <= line.y0 < line.y1 <= size[1]
        x0, x1 = (round(x * width / size[0]) for x in (line.x0, line.x1))
        y0, y1 = (round(y * height / size[1]) for y in (line.y0, line.y1))
        assert ink[y0:y1, x0:x1].any()
        covered[y0:y1, x0:x1] = True
    assert (ink & ~covered).sum() < 0.02 * ink.sum()
    assert covered.mean() < 0.4


@pytest.mark.real
def test_places_lie_on_the_right_words(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("places") / "a.pdf"
    path.write_bytes(page_of((40, 60, "Quarterly revenue"), (200, 300, "Lighthouse keeper")))
    page: Page = pdf.ocr_page(path, 1, reader=reader, limits=ReadLimits())
    places = {page.text[line.start : line.end]: line for line in page.lines}
    own = pdf.read_page(path, 1)
    assert own.boxes is not None
    for phrase in ("Quarterly revenue", "Lighthouse keeper"):
        at = own.text.index(phrase)
        boxes = own.boxes[at : at + len(phrase)]
        line = places[phrase]
        assert [line.x0, line.y0] == pytest.approx(np.nanmin(boxes, axis=0)[:2].tolist(), abs=5)
        assert [line.x1, line.y1] == pytest.approx(np.nanmax(boxes, axis=0)[2:].tolist(), abs=5)
    assert (page.label, page.text) == ("page 1 (OCR)", "Quarterly revenue\nLighthouse keeper")


@pytest.mark.real
def test_a_picture_without_letters_gives_no_text(reader: Reader) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    assert reader.read(noise, (400, 400)) == ("", ())
    slope = np.linspace(0, 255, 400).astype(np.uint8)
    assert reader.read(np.tile(slope[:, None], (400, 1, 3)), (400, 400))[0] == ""


@pytest.mark.real
def test_reading_opens_no_socket_and_says_nothing(
    scan: Pixels, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    fresh = Reader()
    assert recall(fresh.read(scan[:400], (400, 400 * 400 / 833))[0]) > 0.5
    assert fresh.read(np.full((300, 300, 3), 255, np.uint8), (300, 300)) == ("", ())
    assert capfd.readouterr() == ("", "")


def test_the_models_are_those_of_the_wheel() -> None:
    names = {path.name for path in ocr.MODELS.glob("*.onnx")}
    assert {"PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"} <= names
