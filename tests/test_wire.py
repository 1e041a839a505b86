import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import wire
from rag.types import Box, Document, Heading, Line, Page, ReadLimits

PAGE = Page(1, "page 1", "a", (1.0, 2.5), hyphens=(0,), lines=(Line(0, 1, 1, 2, 3, 4.5),))
OTHER = replace(PAGE, number=2, text="", hyphens=(), lines=())
DOCUMENT = Document(
    "d", "ä.pdf", "application/pdf", (PAGE, OTHER), "T", (Heading("H", 1, 2, 0),), ("w",), (2,)
)
REQUESTS = (
    wire.Read(Path("/a"), "d", "a.pdf", None, ReadLimits(), (3, 0)),
    wire.OcrPage(Path("/a"), 1, "a.pdf", "geheim", ReadLimits(pages=1)),
    wire.BoxedPage(Path("/a"), 1, "a.pdf", None, ReadLimits()),
    wire.Picture(Path("/a"), 1, "a.pdf", None, ReadLimits(), 900, (Box(1, 2, 3, 4.5),)),
)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_the_same_after_the_way(request_: wire.Request) -> None:
    assert wire.request(wire.line(request_)) == request_


def test_a_document_is_the_same_after_the_way_to_be_cut() -> None:
    asked = wire.Cut(DOCUMENT, Path(os.fsdecode(b"/models/\xff")))

    heard = wire.request(wire.line(asked))

    # Pages are equal to none but themselves, for arrays have no truth.
    assert isinstance(heard, wire.Cut)
    assert (asdict(heard), hash(heard.document.pages[0].lines)) == (
        asdict(asked), hash(PAGE.lines),
    )  # fmt: skip
    assert heard.name == "ä.pdf"


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_a_path_may_be_of_any_bytes(name: bytes) -> None:
    asked = replace(REQUESTS[0], path=Path(os.fsdecode(b"/" + name)))

    assert wire.request(wire.line(asked)) == asked
