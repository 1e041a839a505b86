"""Which documents are meant: names as a person gives them to a Filter, and a Filter in words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches

from rag.errors import FilterError
from rag.types import DocumentRecord, Filter

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
TYPES: dict[str, tuple[str, ...]] = {
    "pdf": ("application/pdf",),
    "word": (
        f"{_OFFICE}.wordprocessingml.document",
        f"{_OPEN}.text",
        "application/msword",
        "application/rtf",
    ),
    "sheet": (
        f"{_OFFICE}.spreadsheetml.sheet",
        f"{_OPEN}.spreadsheet",
        "application/vnd.ms-excel*",
        "text/csv",
    ),
    "slides": (
        f"{_OFFICE}.presentationml.presentation",
        f"{_OPEN}.presentation",
        "application/vnd.ms-powerpoint",
    ),
    "mail": ("message/rfc822", "application/mbox", "application/vnd.ms-outlook"),
    "web": ("text/html",),
    "book": ("application/epub+zip",),
    "text": ("text/plain", "text/markdown"),
    "picture": ("image/*",),
}
"""Media types by what a person calls them; * stands for anything."""
LOST = "a document that is gone"
LONGEST_NAME = 80
"""Characters of a collection's name."""
LEAST_ID = 6
"""Characters of an id that are enough to be meant as one."""
NEAREST = 3
GONE = ""
"""In a kept Filter, in place of the ids of documents that were removed since: no document has it,
and so what was asked of these alone is not asked of all others."""


def chosen(
    records: Sequence[DocumentRecord],
    known: Sequence[str],
    *,
    documents: Sequence[str] = (),
    collections: Sequence[str] = (),
    types: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    added_since: date | None = None,
    added_until: date | None = None,
) -> Filter:
    """A Filter of names. documents: file names, of which all that bear it are meant, or the starts
    of ids. known: the names of all collections. Raises FilterError, which tells the nearest names.
    """
    for first, last in ((since, until), (added_since, added_until)):
        if first and last and first > last:
            raise FilterError(f"{first} comes after {last}. Give the earlier day first.")
    ids = [i for name in documents for i in _ids(records, name)]
    return Filter(
        documents=tuple(dict.fromkeys(ids)),
        collections=tuple(dict.fromkeys(_collection(known, name) for name in collections)),
        types=tuple(dict.fromkeys(types)),
        since=since,
        until=until,
        added_since=added_since,
        added_until=added_until,
    )


def _ids(records: Sequence[DocumentRecord], name: str) -> list[str]:
    fold = name.casefold()
    exact = [r.id for r in records if r.name == name]
    alike = [r.id for r in records if r.name.casefold() == fold]
    by_id = [r.id for r in records if len(name) >= LEAST_ID and r.id.startswith(fold)]
    if found := exact or alike or by_id:
        return found
    nearest = _nearest(name, {record.name for record in records})
    raise FilterError(f"No document is called {name}. {nearest}`strongroom list` shows them all.")


def _collection(known: Sequence[str], name: str) -> str:
    for there in known:
        if there.casefold() == name.casefold():
            return there
    nearest = _nearest(name, known)
    raise FilterError(
        f"No collection is called {name}. {nearest}`strongroom collections` shows them all."
    )


def _nearest(name: str, known: Collection[str]) -> str:
    by_fold = {there.casefold(): there for there in known}
    found = get_close_matches(name.casefold(), by_fold, NEAREST, 0.5)
    return f"Nearest: {', '.join(by_fold[fold] for fold in found)}. " if found else ""


def without(within: Filter, known: Collection[str]) -> Filter:
    """With GONE in place of the documents that are not known."""
    kept = (doc_id if doc_id in known else GONE for doc_id in within.documents)
    return replace(within, documents=tuple(dict.fromkeys(kept)))


def collection_name(text: str) -> str:
    """As it is kept: in one line. Raises FilterError."""
    name = " ".join(text.split())
    if not name:
        raise FilterError("A collection needs a name. Give one that tells what is in it.")
    if len(name) > LONGEST_NAME:
        raise FilterError(
            f"{name[:20]}… is {len(name)} characters long; the name of a collection has at most "
            f"{LONGEST_NAME}. Shorten it."
        )
    return name


def in_words(within: Filter, names: Mapping[str, str]) -> str:
    """A Filter as it is shown. names: of documents, by id."""
    parts: list[str] = []
    there = [doc_id for doc_id in within.documents if doc_id != GONE]
    told = f"{len(there)} documents"
    if len(there) == 1:
        told = names.get(there[0], LOST)
    if not there:
        told = LOST
    elif len(there) < len(within.documents):
        told = f"{told} and what is gone"
    if within.documents:
        parts.append(told)
    if within.collections:
        parts.append(" or ".join(within.collections))
    if within.types:
        parts.append(" or ".join(within.types))
    parts.append(_days("dated", within.since, within.until))
    parts.append(_days("added", within.added_since, within.added_until))
    return ", ".join(filter(None, parts)) or "all documents"


def _days(what: str, first: date | None, last: date | None) -> str:
    if first and last:
        return f"{what} {first}" if first == last else f"{what} {first} to {last}"
    if first:
        return f"{what} since {first}"
    return f"{what} until {last}" if last else ""
