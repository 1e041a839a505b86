import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import wire
from rag.types import Box, ReadLimits

REQUESTS = (
    wire.Read(Path("/a"), "d", "a.pdf", None, ReadLimits(), (3, 0)),
    wire.OcrPage(Path("/a"), 1, "a.pdf", "geheim", ReadLimits(pages=1)),
    wire.BoxedPage(Path("/a"), 1, "a.pdf", None, ReadLimits()),
    wire.Picture(Path("/a"), 1, "a.pdf", None, ReadLimits(), 900, (Box(1, 2, 3, 4.5),)),
)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_the_same_after_the_way(request_: wire.Request) -> None:
    assert wire.request(wire.line(request_)) == request_


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_a_path_may_be_of_any_bytes(name: bytes) -> None:
    asked = replace(REQUESTS[0], path=Path(os.fsdecode(b"/" + name)))

    assert wire.request(wire.line(asked)) == asked
