"""Checks what readers say.

A document may have taken over the process that reads it. So that process never sends pickles, what
it sends is checked like any other input, and nothing in it can make the main process run code.
"""

import base64
import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PlainValidator, StringConstraints, TypeAdapter, ValidationError

from rag import wire
from rag.arrays import FloatArray
from rag.types import Chunk, Document, Page, Span

MOST_TOKENS = 1 << 16
"""Of a chunk: more than the window of any embedder."""
LONGEST_HEAD = 10_000
"""Characters of a table's head that a chunk says again: more than there are in the longest."""
MOST_READ_FOR_ONE = 4
"""Characters that are read for one of the page: three for a ligature."""


def _array(text: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(text, validate=True), np.float32).reshape(-1, 4)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


# Names that rag.types and rag.wire give their fields, and define for type checkers alone.
_NAMES = {
    "FloatArray": Annotated[Any, PlainValidator(_array)],
    "Message": Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=wire.MAX_MESSAGE),
    ],
    "Png": Annotated[bytes, PlainValidator(_bytes)],
}
_REPLY: TypeAdapter[wire.Reply] = TypeAdapter(Annotated[wire.Reply, Field(discriminator="say")])
_REPLY.rebuild(_types_namespace=_NAMES)


def reply(line: bytes | bytearray) -> wire.Reply:
    """Raises ValueError where the line is no reply, or one that cannot be true."""
    try:
        heard = _REPLY.validate_json(line)
    except ValidationError as error:
        # Without what it quotes, which may be the text of a document.
        raise ValueError(f"no reply: {error.error_count()} faults") from None
    if isinstance(heard, wire.GaveDocument):
        _check_document(heard.value)
    if isinstance(heard, wire.GavePage):
        _check_page(heard.value)
    return heard


def _check_document(document: Document) -> None:
    """What the main process relies on without looking. Raises ValueError."""
    numbers = [page.number for page in document.pages]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise ValueError("the pages are not numbered from 1")
    for page in document.pages:
        _check_page(page)
    for heading in document.headings:
        if not 1 <= heading.page <= len(numbers):
            raise ValueError("a heading stands on no page")
        n_chars = len(document.pages[heading.page - 1].text)
        if heading.start is not None and not 0 <= heading.start <= n_chars:
            raise ValueError("a heading stands outside its page")
    if not set(document.unread) <= set(numbers):
        raise ValueError("a page that is not there was not read")


def _check_page(page: Page) -> None:
    n_chars = len(page.text)
    if page.boxes is not None and len(page.boxes) != n_chars:
        raise ValueError("there is not one box for each character")
    if not all(math.isfinite(side) and side >= 0 for side in page.size):
        raise ValueError("a page has no size")
    if not all(0 <= at < n_chars for at in page.hyphens):
        raise ValueError("a hyphen stands outside its page")
    if not all(0 <= part.start <= part.end <= n_chars for part in page.lines):
        raise ValueError("a line stands outside its page")


# -- chunks ----------------------------------------------------------------------------------------


def chunks(told: Sequence[wire.BareChunk], document: Document) -> tuple[Chunk, ...]:
    """Those of the document that was sent to be cut. Raises ValueError where they cannot be."""
    _check_order(told, document)
    titles = {wire.as_sent(heading.title) for heading in document.headings}
    for one in told:
        if not 0 < one.n_tokens <= MOST_TOKENS:
            raise ValueError("a chunk has more or fewer tokens than there can be")
        if not titles.issuperset(one.heading):
            raise ValueError("a chunk stands under a heading that is not there")
        if len(one.context) > len(" · ".join((document.name, document.title, *one.heading))):
            raise ValueError("a chunk says more of where it stands than there is to say")
    return tuple(_chunk(i, one, document) for i, one in enumerate(told))


def _check_order(told: Sequence[wire.BareChunk], document: Document) -> None:
    """No character may be in two chunks, or a small reply could make chunks without end."""
    done = (1, 0)
    for one in told:
        if not one.spans:
            raise ValueError("a chunk stands nowhere")
        for page, start, end in one.spans:
            if not 1 <= page <= len(document.pages):
                raise ValueError("a chunk stands on no page")
            if not 0 <= start < end <= len(document.pages[page - 1].text):
                raise ValueError("a chunk stands outside its page")
            if (page, start) < done:
                raise ValueError("chunks overlap, or are out of order")
            done = page, end


def _chunk(ordinal: int, told: wire.BareChunk, document: Document) -> Chunk:
    text = "\n".join(document.pages[page - 1].text[start:end] for page, start, end in told.spans)
    if told.clean and len(told.clean) > MOST_READ_FOR_ONE * len(text) + LONGEST_HEAD:
        raise ValueError("a chunk is read as more than its text")
    return Chunk(
        id=f"{document.id}:{ordinal}",
        doc_id=document.id,
        text=text,
        spans=tuple(Span(document.id, *place) for place in told.spans),
        n_tokens=told.n_tokens,
        heading=told.heading,
        context=told.context,
        clean=told.clean,
    )
