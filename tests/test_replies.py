import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import chunk, replies, wire
from rag.testing import WordTokenizer
from rag.types import Chunk, Document, Heading, Line, Page

HERE = Path("/nowhere")
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


# -- chunks ----------------------------------------------------------------------------------------

anything = st.text(
    st.sampled_from("ab.- \n\u00ad\u2028\x00\x1f\x85\ud800\udfffﬁ😀é") | st.characters()
)


@st.composite
def cuttable(draw: st.DrawFn) -> Document:
    texts = draw(st.lists(anything, min_size=1, max_size=3))
    made = tuple(Page(n, f"page {n}", text, (1.0, 1.0)) for n, text in enumerate(texts, 1))
    headings = draw(
        st.lists(st.builds(Heading, anything, st.integers(1, 3), st.just(1)), max_size=3)
    )
    return Document("d" * 64, draw(anything), "", made, draw(anything), tuple(headings))


def cut_there(document: Document) -> tuple[Chunk, ...]:
    """As a reader does, there and back."""
    asked = wire.request(wire.line(wire.Cut(document, HERE)))
    assert isinstance(asked, wire.Cut)
    made = chunk.chunk(asked.document, WordTokenizer())
    heard = replies.reply(wire.line(wire.GaveChunks(tuple(wire.bare(one) for one in made))))
    assert isinstance(heard, wire.GaveChunks)
    return replies.chunks(heard.value, document)


@given(cuttable())
def test_chunks_cut_elsewhere_hold_each_character_of_this_text_once(document: Document) -> None:
    chunks = cut_there(document)

    left = {page.number: list(page.text) for page in document.pages}
    for i, one in enumerate(chunks):
        assert (one.id, one.doc_id) == (f"{document.id}:{i}", document.id)
        slices = [document.pages[s.page - 1].text[s.start : s.end] for s in one.spans]
        assert one.text == "\n".join(slices)
        for span in one.spans:
            left[span.page][span.start : span.end] = " " * (span.end - span.start)
    assert "".join(text for page in left.values() for text in page).strip() == ""


@given(documents())
def test_chunks_are_the_same_after_the_way(document: Document) -> None:
    assert cut_there(document) == chunk.chunk(document, WordTokenizer())


def test_half_a_surrogate_in_a_heading_makes_no_liar_of_its_reader() -> None:
    page = Page(1, "", "Pears\ud800 ripen.", (1, 1))
    made = Document("d", "a\udfff", "", (page,), "T\ud800", (Heading("P\ud800", 1, 1, 0),))

    (one,) = cut_there(made)

    assert (one.text, one.heading, one.context) == (page.text, ("P?",), "a? · T? · P?")


BARE = (
    wire.BareChunk(((1, 0, 5), (2, 0, 4)), 9, ("Part",), "a · Part", "well"),
    wire.BareChunk(((2, 4, 10),), 9, (), "a", None),
)


def test_chunks_are_given_back_what_the_document_tells_of_them() -> None:
    first, second = replies.chunks(BARE, DOCUMENT)

    assert (first.id, first.text, first.clean) == (f"{DOCUMENT.id}:0", "well-\nwell", "well")
    assert (second.id, second.text) == (f"{DOCUMENT.id}:1", "-\nread")
    assert {span.doc_id for span in (*first.spans, *second.spans)} == {DOCUMENT.id}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"spans": ()}, "nowhere"),
        ({"spans": ((0, 0, 1),)}, "no page"),
        ({"spans": ((3, 0, 1),)}, "no page"),
        ({"spans": ((1, -1, 1),)}, "outside its page"),
        ({"spans": ((1, 2, 2),)}, "outside its page"),
        ({"spans": ((1, 0, 11),)}, "outside its page"),
        ({"spans": ((1, 0, 5), (1, 4, 6))}, "overlap"),
        ({"spans": ((2, 0, 4), (1, 0, 5))}, "order"),
        ({"spans": ((2, 0, 5),)}, "overlap"),
        ({"n_tokens": 0}, "tokens"),
        ({"n_tokens": replies.MOST_TOKENS + 1}, "tokens"),
        ({"heading": ("Part", "Other")}, "heading"),
        ({"context": "a.pdf · A · Part · "}, "where it stands"),
        ({"clean": "x" * 20_000}, "more than its text"),
    ],
)
def test_chunks_that_cannot_be_true_are_refused(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        replies.chunks((replace(BARE[0], **change), BARE[1]), DOCUMENT)


def test_a_long_head_of_a_table_and_many_ligatures_are_no_lie() -> None:
    page = Page(1, "", "ﬃ" * 5000, (1, 1))
    made = Document("d", "a", "", (page,))
    one = wire.BareChunk(((1, 0, 5000),), 9, (), "a", "x" * 14 * 330 + "ffi" * 5000)

    assert replies.chunks([one], made)[0].clean == one.clean
