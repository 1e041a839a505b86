import io

from rag import plain
from rag.flow import Mark, Part, Title


def test_text_keeps_its_lines_and_columns() -> None:
    (part,) = plain.read_text(io.BytesIO(b"Item    Price\r\nRent       95\r\n\r\n\r\nEnd\r\n"))

    assert part == Part("Item    Price\nRent       95\n\nEnd", "part 1")


def test_long_text_is_cut_into_numbered_parts() -> None:
    parts = list(plain.read_text(io.BytesIO(b"A sentence.\n\n" * 1000)))

    assert [part.label for part in parts] == ["part 1", "part 2", "part 3", "part 4", "part 5"]
    assert max(len(part.text) for part in parts) <= 3000


def test_markdown_becomes_plain_text_with_headings() -> None:
    text = b"""---
title: "The lease"
---
# Rent *due*

See [the list](http://x) and \\*this\\*. <!-- not this -->

| Item | Price |
| --- | --- |
| Rent | 9 |

- one
- two
"""
    title, part = plain.read_markdown(io.BytesIO(text))

    assert title == Title("The lease")
    assert part.text == (
        "Rent due\n\nSee the list and *this*.\n\nItem: Rent | Price: 9\n- one\n- two"
    )
    assert part.marks == (Mark("Rent due", 1, 0),)
