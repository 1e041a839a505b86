"""What the main process and its readers say to each other: lines of JSON.

Standard library only, for a reader that starts must start quickly.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rag.types import Box, Chunk, Document, Heading, Line, Page, ReadLimits

if TYPE_CHECKING:
    # As rag.replies has them, which checks them besides.
    Message: TypeAlias = str
    Png: TypeAlias = bytes

Progress: TypeAlias = Callable[[int, int], None]
"""Told pages done and pages in all: (0, n) when it is known that there are n, then (1, n), ..."""
MAX_MESSAGE = 2000


# -- what a reader is asked ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """A whole document. skip: as in `rag.extract.read`."""

    path: Path
    doc_id: str
    name: str
    password: str | None
    limits: ReadLimits
    skip: tuple[int, ...] = ()
    ask: Literal["read"] = "read"


@dataclass(frozen=True, slots=True)
class OcrPage:
    path: Path
    number: int
    name: str
    password: str | None
    limits: ReadLimits
    ask: Literal["ocr_page"] = "ocr_page"


@dataclass(frozen=True, slots=True)
class BoxedPage:
    path: Path
    number: int
    name: str
    password: str | None
    limits: ReadLimits
    ask: Literal["page"] = "page"


@dataclass(frozen=True, slots=True)
class Picture:
    path: Path
    number: int
    name: str
    password: str | None
    limits: ReadLimits
    width_px: int
    boxes: tuple[Box, ...]
    ask: Literal["picture"] = "picture"


@dataclass(frozen=True, slots=True)
class Cut:
    """A document into chunks. tokenizer: folder of the embedder's."""

    document: Document
    tokenizer: Path
    ask: Literal["cut"] = "cut"

    @property
    def name(self) -> str:
        return self.document.name


Request: TypeAlias = Read | OcrPage | BoxedPage | Picture | Cut


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
    """kind: a class of rag.errors, or MemoryError, whose message nobody reads. message: at most
    MAX_MESSAGE characters."""

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


@dataclass(frozen=True, slots=True)
class BareChunk:
    """A chunk without what the main process knows: whose it is, where in the order, and its text.
    That can be no lie then, and a document that fills a reply still fits when it is cut.

    spans: (page, start, end) each. The others: as in Chunk.
    """

    spans: tuple[tuple[int, int, int], ...]
    n_tokens: int
    heading: tuple[str, ...]
    context: str
    clean: str | None


@dataclass(frozen=True, slots=True)
class GaveChunks:
    value: tuple[BareChunk, ...]
    say: Literal["chunks"] = "chunks"


Reply: TypeAlias = Ready | Step | Failed | GaveDocument | GavePage | GavePicture | GaveChunks


_REQUESTS: dict[str, type[Request]] = {
    "read": Read,
    "ocr_page": OcrPage,
    "page": BoxedPage,
    "picture": Picture,
}


def request(line: bytes) -> Request:
    """What `line` made a line of. The main process can be believed."""
    told = json.loads(line)
    if told["ask"] == "cut":
        return Cut(_document(told["document"]), _path(told["tokenizer"]))
    told["path"] = _path(told["path"])
    told["limits"] = ReadLimits(**told["limits"])
    if "skip" in told:
        told["skip"] = tuple(told["skip"])
    if "boxes" in told:
        told["boxes"] = tuple(Box(**box) for box in told["boxes"])
    return _REQUESTS[told["ask"]](**told)


def line(message: Request | Reply) -> bytes:
    text = json.dumps(message, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return _bytes(text) + b"\n"


def as_sent(text: str) -> str:
    """How `text` arrives."""
    return _bytes(text).decode()


def bare(chunk: Chunk) -> BareChunk:
    spans = tuple((span.page, span.start, span.end) for span in chunk.spans)
    return BareChunk(spans, chunk.n_tokens, chunk.heading, chunk.context, chunk.clean)


def _bytes(text: str) -> bytes:
    """A surrogate without its other half becomes a question mark: one character, so that offsets
    into the text still hold."""
    return text.encode("utf-8", "replace")


def _path(told: str) -> Path:
    return Path(os.fsdecode(told.encode("latin-1")))


def _document(told: dict[str, Any]) -> Document:
    rebuilt = {
        "pages": tuple(_page(page) for page in told["pages"]),
        "headings": tuple(Heading(**heading) for heading in told["headings"]),
        "warnings": tuple(told["warnings"]),
        "unread": tuple(told["unread"]),
    }
    return Document(**{**told, **rebuilt})


def _page(told: dict[str, Any]) -> Page:
    rebuilt = {
        "size": tuple(told["size"]),
        "boxes": None,  # a document has none
        "hyphens": tuple(told["hyphens"]),
        "lines": tuple(Line(**line) for line in told["lines"]),
    }
    return Page(**{**told, **rebuilt})


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Path):
        return os.fsencode(value).decode("latin-1")  # it may be of any bytes, and JSON is text
    if not is_dataclass(value):  # an array
        return base64.b64encode(value.astype("float32").tobytes()).decode()
    return {field.name: getattr(value, field.name) for field in fields(value)}
