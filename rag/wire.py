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

from rag.types import Box, Document, Page, ReadLimits

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


Reply: TypeAlias = Ready | Step | Failed | GaveDocument | GavePage | GavePicture


_REQUESTS: dict[str, type[Request]] = {
    "read": Read,
    "ocr_page": OcrPage,
    "page": BoxedPage,
    "picture": Picture,
}


def request(line: bytes) -> Request:
    """What `line` made a line of. The main process can be believed."""
    told = json.loads(line)
    told["path"] = Path(os.fsdecode(told["path"].encode("latin-1")))
    told["limits"] = ReadLimits(**told["limits"])
    if "skip" in told:
        told["skip"] = tuple(told["skip"])
    if "boxes" in told:
        told["boxes"] = tuple(Box(**box) for box in told["boxes"])
    return _REQUESTS[told["ask"]](**told)


def line(message: Request | Reply) -> bytes:
    """A surrogate without its other half becomes a question mark: one character, so that offsets
    into the text still hold."""
    text = json.dumps(message, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Path):
        return os.fsencode(value).decode("latin-1")  # it may be of any bytes, and JSON is text
    if not is_dataclass(value):  # an array
        return base64.b64encode(value.astype("float32").tobytes()).decode()
    return {field.name: getattr(value, field.name) for field in fields(value)}
