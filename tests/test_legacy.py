import io

import pytest

from rag import legacy
from rag.flow import Part, Title


def read(rtf: bytes) -> tuple[Title, Part]:
    title, part = legacy.reader("application/rtf")(io.BytesIO(rtf), "a.rtf")
    assert isinstance(title, Title)
    assert isinstance(part, Part)
    return title, part


def test_rtf_gives_text_tables_and_title() -> None:
    title, part = read(
        rb"""{\rtf1\ansi\ansicpg1252{\info{\title The lease}}R&D <5% \'e9t\'e9 \u8364?\par
\trowd\cellx1000\cellx2000 Item\cell Price\cell\row
\trowd\cellx1000\cellx2000 Rent\cell 1,200\cell\row\pard End\par}"""
    )

    assert title == Title("The lease")
    assert part.text == "R&D <5% été €\n\nItem: Rent | Price: 1,200\n\nEnd"


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        ('See HYPERLINK "http://x" the list', "See the list"),
        ("EMBED Word.Document.8 Text", "Text"),
        ("[^1]: Since 2020", "Note: Since 2020"),
        ("We EMBED things", "We EMBED things"),
    ],
)
def test_codes_that_are_not_printed_are_left_out(raw: str, printed: str) -> None:
    nodes = [{"content": {"node_type": "paragraph", "text": raw}}]

    assert [block.text for block in legacy._blocks(nodes)] == [printed]
