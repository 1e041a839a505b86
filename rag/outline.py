"""The outline of a PDF file. The only importer of pypdf, which fails on broken files in many ways.

It is opened only where pdfium says that there is an outline: opening a file can take pypdf longer
than pdfium needs for all the text.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pypdf import PdfReader, apply_configuration
from pypdf.generic import IndirectObject

from rag.rawtext import one_line
from rag.types import Heading

MAX_OUTLINE = 20_000
"""Entries of an outline that are looked at; the rest is left out."""

T = TypeVar("T")
PdfDictionary = dict[str, Any]


def outline(path: Path, password: str | None, n_pages: int) -> tuple[Heading, ...] | None:
    """Depth first, without `start`. None where it cannot be followed, or pypdf sees other pages
    than pdfium."""
    return _attempt(_outline, path, password, n_pages)


def _attempt(step: Callable[..., T], *arguments: Any) -> T | None:
    """None where pypdf fails, which on broken files may be with anything that Python can raise."""
    try:
        return step(*arguments)
    except Exception:  # noqa: BLE001 - KeyError, RecursionError, zlib.error and more were seen
        return None


def _outline(path: Path, password: str | None, n_pages: int) -> tuple[Heading, ...] | None:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings quote the document
    # Tagged files of a few hundred pages have arrays longer than pypdf's own limit.
    limits = apply_configuration(array_maximum_element_count=2_000_000)
    with path.open("rb") as file, limits:
        reader = PdfReader(file)
        if reader.is_encrypted:
            reader.decrypt(password or "") or reader.decrypt("")
        if len(reader.pages) != n_pages:
            return None
        pages = {_number(page.indirect_reference): i for i, page in enumerate(reader.pages, 1)}
        return tuple(_headings(reader.root_object, pages))


def _headings(root: PdfDictionary, pages: Mapping[int, int]) -> Iterator[Heading]:
    named = cache(partial(_named, root))
    for item, level in _items(root):
        title = one_line(_decoded(item.get("/Title")))
        page = _attempt(_page_of, item, pages, named)
        if title and page:
            yield Heading(title=title, level=level, page=page)


def _items(root: PdfDictionary) -> Iterator[tuple[PdfDictionary, int]]:
    """Outline entries with their level from 1; each one once, however they are linked."""
    waiting = [(_resolved(root.get("/Outlines")).get("/First"), 1)]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_OUTLINE:
        link, level = waiting.pop()
        item = _attempt(_resolved, link)
        if isinstance(item, dict) and id(item) not in seen:
            seen.add(id(item))
            waiting += [(item.get("/Next"), level), (item.get("/First"), level + 1)]
            yield item, level


def _page_of(
    item: PdfDictionary, pages: Mapping[int, int], named: Callable[[], Mapping[str, Any]]
) -> int | None:
    """The page from 1 that an entry leads to, by itself or by an action, in place or by name."""
    action = item.get("/A") if "/Dest" not in item else None
    if action and item["/A"]["/S"] != "/GoTo":
        return None
    goal = item["/A"]["/D"] if action else item["/Dest"]
    if isinstance(goal, str | bytes):
        goal = _resolved(named()[_decoded(goal)])
    if isinstance(goal, dict):
        goal = goal["/D"]
    place = goal[0]
    number = pages.get(place.idnum) if isinstance(place, IndirectObject) else place + 1
    return number if number and 1 <= number <= len(pages) else None


def _named(root: PdfDictionary) -> dict[str, Any]:
    """Unresolved destinations by name, from the old dictionary and from the name tree."""
    found = dict(_resolved(root.get("/Dests")) or {})
    waiting = [(_resolved(root.get("/Names")) or {}).get("/Dests")]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_OUTLINE:
        node = _resolved(waiting.pop())
        if isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            waiting += _resolved(node.get("/Kids")) or []
            pairs = _resolved(node.get("/Names")) or []
            found |= zip(map(_decoded, map(_resolved, pairs[::2])), pairs[1::2], strict=False)
    return found


def _resolved(value: Any) -> Any:
    return value.get_object() if isinstance(value, IndirectObject) else value


def _number(reference: IndirectObject | None) -> int:
    return reference.idnum if reference else 0


def _decoded(value: Any) -> str:
    value = _resolved(value)
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
