import json
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import replies, wire
from rag.types import Document, Heading, Line, Page

PAGE = Page(
    1, "page 1", "well-\nread", (300.0, 400.0), hyphens=(4,), lines=(Line(0, 5, 1, 2, 3, 4),)
)
DOCUMENT = Document(
    "d" * 64,
    "a.pdf",
    "application/pdf",
    (PAGE, replace(PAGE, number=2)),
    title="A",
    headings=(Heading("Part", 1, 2), Heading("Word", 2, 1, 6)),
    warnings=("w",),
    unread=(2,),
)
text = st.text()
sides = st.floats(0, 1e6)


@st.composite
def pages(draw: st.DrawFn, number: int) -> Page:
    words = draw(text)
    places = st.integers(0, len(words))
    spans = st.tuples(places, places, sides, sides, sides, sides)
    return Page(
        number,
        draw(text),
        words,
        draw(st.tuples(sides, sides)),
        hyphens=tuple(draw(st.lists(st.integers(0, len(words) - 1), max_size=3))) if words else (),
        lines=tuple(
            Line(min(a, b), max(a, b), *box) for a, b, *box in draw(st.lists(spans, max_size=3))
        ),
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    made = tuple(draw(pages(number)) for number in range(1, draw(st.integers(1, 4)) + 1))
    return Document(
        draw(text),
        draw(text),
        draw(text),
        made,
        title=draw(text),
        headings=tuple(
            Heading(draw(text), draw(st.integers(1, 9)), page.number, draw(st.none() | st.just(0)))
            for page in made
        ),
        warnings=tuple(draw(st.lists(text, max_size=3))),
        unread=tuple(draw(st.sets(st.sampled_from([page.number for page in made])))),
    )


@given(documents())
def test_a_document_is_the_same_after_the_way(document: Document) -> None:
    line = wire.line(wire.GaveDocument(document))

    heard = replies.reply(line)

    assert line.count(b"\n") == 1
    assert isinstance(heard, wire.GaveDocument)
    assert asdict(heard.value) == asdict(document)


def test_boxes_arrive_with_their_gaps() -> None:
    boxes = np.array([[1, 2, 3, 4], [np.nan] * 4], np.float32)

    heard = replies.reply(wire.line(wire.GavePage(Page(1, "", "ab", (1, 1), boxes))))

    assert isinstance(heard, wire.GavePage)
    np.testing.assert_array_equal(heard.value.boxes, boxes)


def test_a_picture_arrives_byte_for_byte() -> None:
    png = bytes(range(256))

    assert replies.reply(wire.line(wire.GavePicture(png))) == wire.GavePicture(png)


def test_half_a_surrogate_becomes_one_other_character() -> None:
    heard = replies.reply(wire.line(wire.GavePage(Page(1, "", "a\ud800b😀", (1, 1)))))

    assert isinstance(heard, wire.GavePage)
    assert heard.value.text == "a?b😀"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"pages": ()}, "not numbered from 1"),
        ({"pages": (replace(PAGE, number=2),)}, "not numbered from 1"),
        ({"pages": (PAGE, PAGE)}, "not numbered from 1"),
        ({"pages": (replace(PAGE, hyphens=(10,)),), "headings": (), "unread": ()}, "hyphen"),
        ({"pages": (replace(PAGE, size=(1, float("nan"))),)}, "no size"),
        ({"pages": (replace(PAGE, size=(-1, 1)),)}, "no size"),
        ({"pages": (replace(PAGE, lines=(Line(3, 11, 0, 0, 0, 0),)),)}, "line"),
        ({"pages": (replace(PAGE, boxes=np.zeros((9, 4), np.float32)),)}, "one box"),
        ({"headings": (Heading("Part", 1, 3),)}, "no page"),
        ({"headings": (Heading("Part", 1, 1, 11),)}, "outside"),
        ({"unread": (3,)}, "not there"),
    ],
)
def test_a_document_that_cannot_be_true_is_refused(change: dict[str, Any], expected: str) -> None:
    replies.reply(wire.line(wire.GaveDocument(DOCUMENT)))

    with pytest.raises(ValueError, match=expected):
        replies.reply(wire.line(wire.GaveDocument(replace(DOCUMENT, **change))))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"say": "failed", "kind": "DamagedDocument", "message": " "}',
        b'{"say": "picture", "value": "!"}',
        b'{"say": "page", "value": {"number": 1}}',
        json.dumps({"say": "failed", "kind": "x", "message": "x" * 2001}).encode(),
    ],
)
def test_what_is_no_reply_is_refused_without_quoting_it(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no reply: \d+ faults$"):
        replies.reply(line)


@given(st.binary())
def test_no_bytes_raise_anything_but_value_errors(line: bytes) -> None:
    with suppress(ValueError):
        replies.reply(line)
