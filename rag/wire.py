"""What the main process and its readers say to each other: lines of JSON.

Never pickle. A document may have taken over the process that reads it, so what comes from there is
checked like any other input, and nothing in it can make the main process run code.
"""

import base64
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, PlainValidator, StringConstraints, TypeAdapter, ValidationError

from rag import arrays
from rag.types import Box, Document, Page, ReadLimits

Progress: TypeAlias = Callable[[int, int], None]
"""Told pages done and pages in all: (0, n) when it is known that there are n, then (1, n), ..."""


def _array(text: str) -> arrays.FloatArray:
    return np.frombuffer(base64.b64decode(text, validate=True), np.float32).reshape(-1, 4)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _path(text: str) -> Path:
    return Path(os.fsdecode(text.encode("latin-1")))


WirePath = Annotated[Path, PlainValidator(_path)]
"""Any bytes may be in it, and JSON holds text only."""
Png = Annotated[bytes, PlainValidator(_bytes)]
MAX_MESSAGE = 2000
Message = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_MESSAGE)
]


# -- what a reader is asked ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """A whole document. skip: as in `rag.extract.read`."""

    path: WirePath
    doc_id: str
    name: str
    password: str | None
    limits: ReadLimits
    skip: tuple[int, ...] = ()
    ask: Literal["read"] = "read"


@dataclass(frozen=True, slots=True)
class OcrPage:
    path: WirePath
    number: int
    name: str
    password: str | None
    limits: ReadLimits
    ask: Literal["ocr_page"] = "ocr_page"


@dataclass(frozen=True, slots=True)
class BoxedPage:
    path: WirePath
    number: int
    name: str
    password: str | None
    limits: ReadLimits
    ask: Literal["page"] = "page"


@dataclass(frozen=True, slots=True)
class Picture:
    path: WirePath
    number: int
    name: str
    password: str | None
    limits: ReadLimits
    width_px: int
    boxes: tuple[Box, ...]
    ask: Literal["picture"] = "picture"


Request: TypeAlias = Read | OcrPage | BoxedPage | Picture


# -- what it says ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """It has started, and waits for a request."""

    say: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Step:
    """So many pages are done."""

    done: int
    total: int
    say: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class Failed:
    """kind: a class of rag.errors, or MemoryError, whose message nobody reads."""

    kind: str
    message: Message
    say: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class GaveDocument:
    value: Document
    say: Literal["document"] = "document"


@dataclass(frozen=True, slots=True)
class GavePage:
    value: Page
    say: Literal["page"] = "page"


@dataclass(frozen=True, slots=True)
class GavePicture:
    value: Png
    say: Literal["picture"] = "picture"


Reply: TypeAlias = Ready | Step | Failed | GaveDocument | GavePage | GavePicture

_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="ask")])
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="say")])
# rag.types does not import numpy, so pydantic cannot look up this one name of it by itself.
_REPLY.rebuild(_types_namespace={"FloatArray": Annotated[Any, PlainValidator(_array)]})


def request(line: bytes) -> Request:
    return _REQUEST.validate_json(line)


def reply(line: bytes | bytearray) -> Reply:
    """Raises ValueError where the line is no reply, or one that cannot be true."""
    try:
        heard = _REPLY.validate_json(line)
    except ValidationError as error:
        # Without what it quotes, which may be the text of a document.
        raise ValueError(f"no reply: {error.error_count()} faults") from None
    if isinstance(heard, GaveDocument):
        _check_document(heard.value)
    if isinstance(heard, GavePage):
        _check_page(heard.value)
    return heard


def line(message: Request | Reply) -> bytes:
    """A surrogate without its other half becomes a question mark: one character, so that offsets
    into the text still hold."""
    text = json.dumps(message, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return base64.b64encode(value.astype(np.float32).tobytes()).decode()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Path):
        return os.fsencode(value).decode("latin-1")
    return {field.name: getattr(value, field.name) for field in fields(value)}


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
