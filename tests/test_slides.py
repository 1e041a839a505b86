import io

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from rag import slides
from rag.errors import DocumentTooLarge
from rag.flow import Mark, Part, Title

PLACE = (Inches(1), Inches(1), Inches(3), Inches(1))


@pytest.fixture
def deck() -> bytes:
    deck = Presentation()
    deck.core_properties.title = "The deck"
    one = deck.slides.add_slide(deck.slide_layouts[1])
    one.shapes.title.text = "Costs"
    one.placeholders[1].text = "first\nsecond"
    one.notes_slide.notes_text_frame.text = "say this"
    two = deck.slides.add_slide(deck.slide_layouts[6])
    group = two.shapes.add_group_shape()
    group.shapes.add_textbox(*PLACE).text_frame.text = "in a group"
    table = two.shapes.add_table(2, 2, *PLACE).table
    for i, text in enumerate(["Item", "Price", "Rent", "1,200"]):
        table.cell(i // 2, i % 2).text = text
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("Sales", (1.0, 2.5))
    two.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data)
    deck.slides.add_slide(deck.slide_layouts[6])
    deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_textbox(*PLACE).text_frame.text = "end"
    stream = io.BytesIO()
    deck.save(stream)
    return stream.getvalue()


def test_a_slide_gives_title_text_and_notes(deck: bytes) -> None:
    title, one, *_ = slides.read(io.BytesIO(deck), "a.pptx", 1 << 24)

    assert title == Title("The deck")
    assert one == Part(
        "Costs\n\nfirst\nsecond\n\nNotes: say this", "slide 1", (Mark("Costs", 1, 0),)
    )


def test_groups_tables_and_charts_are_read(deck: bytes) -> None:
    two = list(slides.read(io.BytesIO(deck), "a.pptx", 1 << 24))[2]

    assert isinstance(two, Part)
    assert two.label == "slide 2"
    assert two.text == (
        "in a group\n\nItem: Rent | Price: 1,200\n\nChart\nNorth | Sales: 1\nSouth | Sales: 2.5"
    )


def test_a_slide_without_text_is_left_out_and_the_next_keeps_its_number(deck: bytes) -> None:
    last = list(slides.read(io.BytesIO(deck), "a.pptx", 1 << 24))[-1]

    assert last == Part("end", "slide 4")


def test_what_unpacks_to_too_much_is_refused(deck: bytes) -> None:
    with pytest.raises(DocumentTooLarge, match="max_unpacked_mb"):
        list(slides.read(io.BytesIO(deck), "a.pptx", 1000))
