"""Whether a library is whole, and putting right what is not. Reads a little at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np

from rag import extract
from rag.arrays import FloatArray
from rag.catalog import Catalog
from rag.errors import DocumentError, StoreCorrupt
from rag.ingest import UNSURE, Ingest
from rag.library import Library
from rag.types import Chunk, DocumentRecord, Progress

Kind = Literal["file", "words", "count", "original", "copy", "text", "vector", "index"]
"""What is not as it should be: library.db itself, its index of words, the counts in a document's
record, the copy of a document's file, a copy that is no document's, pages and chunks, vectors in
library.db, Chroma."""

SOME = 500
"""Chunks looked at together."""
OFF_UNIT = 0.01
"""How far from 1 a vector's length may be; float16 takes it 0.0003 away."""
OFF_KEPT = 1e-4
"""How far a number in Chroma may be from the one that library.db keeps."""

REMEDIES: dict[Kind, str] = {
    "file": "makes SQLite's own indexes anew and drops rows that belong to nothing",
    "words": "makes the index of words anew from the chunks",
    "count": "counts again",
    "original": "",
    "copy": "",
    "text": "reads the document again from its original",
    "vector": "embeds these chunks again",
    "index": "puts vectors back from library.db",
}
"""What `repair` does; empty where it can do nothing."""
GONE = "The library's copy of {} {}. Its text is still there; add the file again to see its pages."


@dataclass(frozen=True, slots=True)
class Finding:
    """what: for the person. document: its name, empty where it is no document's. remedy: what
    `repair` does about it, empty where a person must. chunk_ids: the chunks it is about."""

    kind: Kind
    what: str
    remedy: str = ""
    document: str = ""
    doc_id: str = ""
    chunk_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """n_...: what was looked at."""

    findings: tuple[Finding, ...]
    n_documents: int
    n_pages: int
    n_chunks: int
    n_vectors: int

    @property
    def ok(self) -> bool:
        return not self.findings


@dataclass(slots=True)
class _Counts:
    chunks: int = 0
    vectors: int = 0


@dataclass(slots=True)
class _Faults:
    """Chunk ids of one document by what is wrong with their vectors."""

    bad: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def check(
    library: Library, *, tell: Callable[[str, int, int], None] = lambda _name, _done, _total: None
) -> Report:
    """Compare all that the library keeps with what it should be. Changes nothing.

    tell: called with a document's name, how many were looked at, and how many there are. Raises
    StoreCorrupt when library.db cannot be read at all.
    """
    catalog, ingest = library.catalog, library.ingest
    counts = _Counts()
    found = [*_of_file(catalog), *_of_copies(ingest)]
    records = catalog.documents()
    miscounted = set(catalog.miscounted())
    n_bytes = catalog.vector_bytes()
    index_is_empty = catalog.n_embedded() > 0 and ingest.vectors.count() == 0
    for i, record in enumerate(records):
        tell(record.name, i, len(records))
        original = _of_original(ingest, record)
        found += original
        text = list(_of_text(catalog, record, counts, can_read=not original))
        found += text
        if text:
            continue  # reading it again makes its vectors anew
        if record.id in miscounted:
            found.append(_finding("count", "The count of its embedded chunks is wrong.", record))
        found += _of_vectors(ingest, record, counts, n_bytes, in_index=not index_is_empty)
    found += _of_index(ingest, index_is_empty)
    n_pages = sum(record.n_pages for record in records)
    return Report(tuple(found), len(records), n_pages, counts.chunks, counts.vectors)


def repair(library: Library, report: Report) -> Iterator[Progress]:
    """Put right what can be, and do all that is unfinished. Broken off, it can be done again."""
    catalog, ingest = library.catalog, library.ingest
    kinds = {finding.kind for finding in report.findings}
    if "file" in kinds:
        catalog.drop_orphans()
        catalog.rebuild_indexes()
    if "words" in kinds:
        catalog.rebuild_words()
    if "count" in kinds:
        catalog.recount()
    _mark_originals(catalog, report.findings)
    for finding in report.findings:
        if finding.kind == "vector":
            catalog.drop_vectors(finding.chunk_ids)
        if finding.kind == "index":
            ingest.vectors.discard(finding.chunk_ids)
        if finding.kind == "text" and finding.remedy:
            ingest.read_again(finding.doc_id)
    catalog.set_meta(UNSURE, "1")
    yield from ingest.resume()


# library.db


def _of_file(catalog: Catalog) -> Iterator[Finding]:
    faults = catalog.faults()
    if faults:
        told = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if faults[3:] else "")
        if all("index" in fault or "belongs to none" in fault for fault in faults):
            yield _finding("file", f"library.db is damaged: {told}.")
        else:
            what = f"library.db is damaged: {told}. Restore it from a copy."
            yield Finding("file", what)
    if not catalog.words_are_whole():
        yield _finding("words", "The index of words is not that of the chunks.")


# Originals


def _of_copies(ingest: Ingest) -> Iterator[Finding]:
    known = ingest.catalog.document_ids()
    for path in sorted(ingest.originals.iterdir()):
        if path.name not in known and extract.is_ours(path.name):
            yield Finding(
                "copy", f"{path} is no document's, and not what its name says. Move it away."
            )


def _of_original(ingest: Ingest, record: DocumentRecord) -> list[Finding]:
    path = ingest.originals / record.id
    try:
        if extract.digest_of(path) == record.id:
            return []
        what = GONE.format(record.name, "was altered")
    except DocumentError:
        what = GONE.format(record.name, "cannot be read" if path.exists() else "is gone")
    return [_finding("original", what, record)]


def _mark_originals(catalog: Catalog, findings: Sequence[Finding]) -> None:
    bad = {finding.doc_id: finding.what for finding in findings if finding.kind == "original"}
    for record in catalog.documents():
        if record.state in ("searchable", "embedded") and record.error != bad.get(record.id, ""):
            kind = "UnreadableDocument" if record.id in bad else ""
            catalog.mark(record.id, bad.get(record.id, ""), kind)


# Pages and chunks


def _of_text(
    catalog: Catalog, record: DocumentRecord, counts: _Counts, *, can_read: bool
) -> Iterator[Finding]:
    if record.state not in ("searchable", "embedded"):
        return
    fault = _text_fault(catalog, record, counts)
    if fault:
        finding = _finding("text", fault, record)
        yield finding if can_read else Finding("text", fault, "", record.name, record.id)


def _text_fault(catalog: Catalog, record: DocumentRecord, counts: _Counts) -> str:
    """What is wrong with a document's pages and chunks; empty when nothing is."""
    if catalog.numbers(record.id) != list(range(1, record.n_pages + 1)):
        return "Pages of it are missing, or there are some that it has not."
    text_of = lru_cache(maxsize=16)(lambda number: _page_text(catalog, record.id, number))
    n_chunks = 0
    try:
        for chunk in _chunks(catalog, record.id):
            if chunk.id != f"{record.id}:{n_chunks}":
                return "Chunks of it are missing, or there are some that it has not."
            n_chunks += 1
            if chunk.text != "\n".join(text_of(s.page)[s.start : s.end] for s in chunk.spans):
                return f"Chunk {n_chunks} of it is not what its pages say."
    except StoreCorrupt:
        return f"Chunk {n_chunks + 1} of it cannot be read."
    counts.chunks += n_chunks
    if n_chunks != record.n_chunks:
        return "Chunks of it are missing, or there are some that it has not."
    return ""


def _page_text(catalog: Catalog, doc_id: str, number: int) -> str:
    page = catalog.page(doc_id, number)
    return page.text if page else ""


def _chunks(catalog: Catalog, doc_id: str) -> Iterator[Chunk]:
    for some in _chunks_together(catalog, doc_id):
        yield from some


def _chunks_together(catalog: Catalog, doc_id: str) -> Iterator[list[Chunk]]:
    ordinal = 0
    while some := catalog.chunks_from(doc_id, ordinal, SOME):
        yield some
        ordinal = int(some[-1].id.rpartition(":")[2]) + 1


# Vectors


def _of_vectors(
    ingest: Ingest, record: DocumentRecord, counts: _Counts, n_bytes: int, *, in_index: bool
) -> Iterator[Finding]:
    faults = _Faults(bad=ingest.catalog.half_embedded(record.id))
    for some in _chunks_together(ingest.catalog, record.id):
        kept = ingest.catalog.kept_bytes([chunk.id for chunk in some])
        counts.vectors += len(kept)
        sound = {
            i: vector for i, data in kept.items() if _is_unit(vector := _vector(data, n_bytes))
        }
        faults.bad += sorted(kept.keys() - sound.keys() - set(faults.bad))
        if in_index and sound:
            expected = ingest.vectors.shortened(np.stack(list(sound.values())))
            there = ingest.vectors.get(list(kept))
            _compare(dict(zip(sound, expected, strict=True)), there, faults)
    if faults.bad:
        what = f"{_vectors(faults.bad)} of it in library.db cannot be used."
        yield _finding("vector", what, record, faults.bad)
    if faults.missing:
        what = f"{_vectors(faults.missing)} of it not in the index."
        yield _finding("index", what, record, faults.missing)
    if faults.different:
        what = f"{_vectors(faults.different)} of it not the same in the index as in library.db."
        yield _finding("index", what, record, faults.different)


def _vector(data: bytes, n_bytes: int) -> FloatArray:
    """float32; empty where the size is not that of the others."""
    whole = data if len(data) == n_bytes else b""
    return np.frombuffer(whole, np.float16).astype(np.float32)


def _is_unit(vector: FloatArray) -> bool:
    # Not a number is in no range.
    return bool(abs(float(np.linalg.norm(vector)) - 1) < OFF_UNIT)


def _compare(
    expected: dict[str, FloatArray], there: dict[str, FloatArray], faults: _Faults
) -> None:
    for chunk_id, vector in expected.items():
        if chunk_id not in there:
            faults.missing.append(chunk_id)
        elif not _is_same(vector, there[chunk_id]):
            faults.different.append(chunk_id)


def _is_same(a: FloatArray, b: FloatArray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, atol=OFF_KEPT, rtol=0))


def _of_index(ingest: Ingest, is_empty: bool) -> Iterator[Finding]:
    if is_empty:
        yield _finding("index", "The index of vectors is empty, and library.db has some.")
        return
    extra = sorted(ingest.vectors.ids() - ingest.catalog.embedded_ids())
    if extra:
        what = f"{_vectors(extra)} in the index of no embedded chunk."
        yield _finding("index", what, chunk_ids=extra)


def _vectors(ids: Sequence[str]) -> str:
    return f"{len(ids)} vector{'' if len(ids) == 1 else 's'}"


def _finding(
    kind: Kind, what: str, record: DocumentRecord | None = None, chunk_ids: Sequence[str] = ()
) -> Finding:
    name, doc_id = (record.name, record.id) if record else ("", "")
    return Finding(kind, what, REMEDIES[kind], name, doc_id, tuple(chunk_ids))
