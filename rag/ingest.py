"""Takes files in: queued, then searchable by words, then embedded. Every step can be repeated."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import cast

from rag import chunk, extract
from rag.catalog import Catalog
from rag.errors import DocumentError, NoTextDocument, ReadingFailed, StoreError, StoreFull
from rag.rawtext import clean
from rag.reads import Reads
from rag.types import (
    Chunk,
    Document,
    DocumentRecord,
    Embedder,
    Ocr,
    Page,
    Progress,
    Reader,
    Tokenizer,
    VectorIndex,
)

BATCH = 64
"""Chunks embedded between two notes of progress; a kill repeats at most these."""
INDEXED = 1000
"""Vectors put back into the index between two looks at what else is to do."""
LOOK_S = 0.5
"""While files are being read, how long until progress is told again."""
LOST = 5
"""Pages that OCR could not read, of which the reason is told."""
PICTURES = ("application/pdf", "image/")
"""Media types of documents whose pages can be seen, and so read by OCR."""
OPEN, UNSURE, PAUSED, REMOVING, TRACES = "open", "unsure", "paused", "removing", "traces"
"""In the catalogue: that a process has the library open; that the index may lack what the catalogue
has; that a person has paused the work behind the page; what is to be erased until nothing of it is
left, so that a kill leaves no part; and that files of the indexes still hold bytes of what was, or
the log of library.db alone does (LOG)."""
LOG = "log"

Read = tuple[Document, tuple[Chunk, ...], tuple[int, ...]]
"""A document, its chunks, and the pages that OCR has yet to read."""
Task = tuple[str, int]
"""(document, page for OCR to read, or 0 for the document itself)."""


@dataclass(frozen=True)
class Ingest:
    """tokenizer: of the embedder, to count what a new name makes of a chunk. reader: reads files
    and cuts them; `at_once` of its calls go on at the same time. embedder:
    called when the first chunk is to be embedded, so that loading it waits till then. originals:
    folder of the copies, named by SHA-256. give_way: called between two batches; it may block while
    something more urgent needs the processor. forget: erases what others keep of a document."""

    catalog: Catalog
    vectors: VectorIndex
    tokenizer: Tokenizer
    embedder: Callable[[], Embedder]
    reader: Reader
    originals: Path
    max_bytes: int
    ocr: Ocr = "auto"
    at_once: int = 1
    give_way: Callable[[], None] = lambda: None
    forget: Callable[[str], None] = lambda _doc_id: None
    _writing: threading.RLock = field(default_factory=threading.RLock)
    _told: dict[str, Progress] = field(default_factory=dict)
    _lost: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def take_in(self, paths: Iterable[Path], *, password: str | None = None) -> Iterator[Progress]:
        """Take files in, all of them searchable before the first is embedded.

        A file that fails gives a Progress with step "failed" and the rest goes on. Raises
        StoreError and ModelError, which are not about one file.
        """
        return self.resume(self.stage(path, password=password) for path in paths)

    def resume(self, staging: Iterable[Progress] = ()) -> Iterator[Progress]:
        """Do all that is unfinished, a step at a time: files are read while others are staged,
        embedding begins when all are searchable, and OCR when all else is embedded. What is queued
        meanwhile comes first, so that it can soon be found by its words."""
        staged = iter(staging)
        with closing(Reads[Task, Read | Page](self.at_once)) as reads:
            yield from self.reindex()
            while True:
                one = next(staged, None)
                if one is not None:
                    yield one
                yield from self._begin_reading(reads)
                if reads.keys:
                    yield from self._finish(reads, 0 if one else LOOK_S)
                if one is not None or self.catalog.in_state("queued", 1):
                    continue
                if self.is_paused:
                    break
                embedded = False
                for progress in self._embed_batch():
                    embedded = True
                    yield progress
                if not (embedded or self._begin_scanning(reads) or reads.keys):
                    break
            # A write that failed meanwhile had the index begin anew.
            yield from self.reindex()

    def stage(
        self,
        path: Path,
        *,
        name: str | None = None,
        password: str | None = None,
        kept: bool = True,
    ) -> Progress:
        """Copy a file in and queue it. The same bytes again change nothing, unless they failed.

        kept: it stays in the library when its file is gone from a source.
        """
        name = as_text(name or path.name)
        try:
            doc_id, n_bytes = extract.copy_in(
                path, self.originals, name=name, max_bytes=self.max_bytes
            )
        except DocumentError as error:
            return Progress(name, "", "failed", message=str(error))
        # Entered first and put in place then: a copy that a kill leaves between the two has a name.
        with self._writing:
            try:
                progress = self._queue(doc_id, name, n_bytes, password, kept, _changed_at(path))
            except StoreError:
                extract.waiting(self.originals, doc_id).unlink(missing_ok=True)
                raise
            extract.put_in_place(self.originals, doc_id, name=name)
        return progress

    def _queue(
        self,
        doc_id: str,
        name: str,
        n_bytes: int,
        password: str | None,
        kept: bool,
        changed_at: float | None,
    ) -> Progress:
        known = self.catalog.document(doc_id)
        if known is not None and known.state in ("searchable", "embedded"):
            if kept:
                self.catalog.keep(doc_id)
            if known.error:
                self.catalog.mark(doc_id, "", "")
            return Progress(known.name, doc_id, "embedded", unchanged=True)
        self.catalog.queue(doc_id, name, n_bytes, password, kept=kept, changed_at=changed_at)
        return Progress(name, doc_id, "queued")

    # Reading

    def _begin_reading(self, reads: Reads[Task, Read | Page]) -> Iterator[Progress]:
        with self._writing:  # none that is entered and not in place yet
            queued = self.catalog.in_state("queued", 2 * reads.at_once)
        for doc_id in queued:
            record = self.catalog.document(doc_id)
            if record is not None and reads.has_room and (doc_id, 0) not in reads.keys:
                yield Progress(record.name, doc_id, "extracting")
                reads.begin((doc_id, 0), self._reader_of(record))

    def _reader_of(self, record: DocumentRecord) -> Callable[[], Read]:
        return partial(self._read, record)

    def _read(self, record: DocumentRecord) -> Read:
        """In a thread of its own, like `_scan`; neither changes the library."""

        def tell(done: int, total: int) -> None:
            self._told[record.id] = Progress(record.name, record.id, "extracting", done, total)

        document = self.reader.read(
            self.originals / record.id,
            doc_id=record.id,
            name=record.name,
            password=self.catalog.password(record.id),
            progress=tell,
        )
        wanted = _pages_for_ocr(document, self.ocr)
        scans = {page.number: page for page in self.catalog.scans(record.id)} if wanted else {}
        left = set(wanted) - set(scans)
        if not left:
            lost = self._lost.pop(record.id, ())
            document = _check_text(_with_scans(document, scans), self.ocr, lost)
        return document, self.reader.chunk(document), wanted if left else ()

    def _scan(self, record: DocumentRecord, number: int) -> Page:
        try:
            return self.reader.ocr_page(
                self.originals / record.id,
                number,
                name=record.name,
                password=self.catalog.password(record.id),
            )
        except DocumentError as error:
            # One page that OCR cannot read must not cost the others.
            self._lost[record.id] = (*self._lost.get(record.id, ()), str(error))
            return Page(number, f"page {number}", "", (0.0, 0.0))

    def _finish(self, reads: Reads[Task, Read | Page], limit_s: float) -> Iterator[Progress]:
        """Enter what has been read. Tells how far the rest is when nothing is within limit_s."""
        finished = reads.finished(limit_s)
        for (doc_id, number), result in finished:
            self._told.pop(doc_id, None)
            if number:
                yield from self._enter_scan(doc_id, cast(Page, result()))
            else:
                yield from self._enter(doc_id, cast(Callable[[], Read], result))
        if not finished:
            yield from list(self._told.values())

    def _enter(self, doc_id: str, result: Callable[[], Read]) -> Iterator[Progress]:
        """Make a document searchable by words, or note why it cannot be."""
        record = self.catalog.document(doc_id)
        if record is None:
            return
        try:
            document, chunks, unread = result()
        except DocumentError as error:
            with self._writing:
                if record.n_chunks:  # what was read before is better than nothing
                    self.catalog.keep_as_read(doc_id, str(error), type(error).__name__)
                else:
                    self.catalog.fail(doc_id, str(error), type(error).__name__)
            yield Progress(record.name, doc_id, "failed", message=str(error))
            return
        with self._writing:
            record = self.catalog.document(doc_id)
            if record is None:
                return
            if record.name != document.name:  # its file was renamed while it was read
                chunks = tuple(self._named(chunks, record.name, document.title))
            # A kill in between leaves the index with less than the catalogue has, which is seen.
            if record.n_embedded:
                self.vectors.remove(doc_id)
            if kept := self.catalog.store(document, chunks, unread=unread):
                self._index(kept)
        n_pages = len(document.pages)
        message = " ".join(document.warnings)
        if unread:
            message = f"OCR follows for {_count(len(unread), 'page')}. {message}".strip()
        if chunks:
            yield Progress(record.name, doc_id, "searchable", n_pages, n_pages, message)
        else:
            yield Progress(record.name, doc_id, "scanning", 0, len(unread), message)

    # OCR

    def _begin_scanning(self, reads: Reads[Task, Read | Page]) -> bool:
        """Whether OCR has a page to read, or a document is to be read again with all of them."""
        there_is = False
        for doc_id, numbers in self.catalog.unread():
            record = self.catalog.document(doc_id)
            # No pages left, or OCR was switched off meanwhile: the document is read again, with
            # what OCR gave put in.
            for number in (numbers if self.ocr != "never" else ()) or [0]:
                if record is None or (doc_id, number) in reads.keys:
                    continue
                there_is = True
                if not reads.has_room:
                    return True
                self.give_way()
                work = partial(self._scan, record, number) if number else self._reader_of(record)
                reads.begin((doc_id, number), work)
        return there_is

    def _enter_scan(self, doc_id: str, page: Page) -> Iterator[Progress]:
        with self._writing:
            self.catalog.store_scan(doc_id, page)
        record = self.catalog.document(doc_id)
        if record is not None:
            yield Progress(record.name, doc_id, "scanning", record.n_scanned, record.n_unread)

    # Embedding

    def _embed_batch(self) -> Iterator[Progress]:
        """Give the next chunks their vectors. Yields nothing when there are none."""
        batch = self.catalog.unembedded(BATCH)
        if not batch:
            return
        self.give_way()
        doc_ids = tuple(dict.fromkeys(c.doc_id for c in batch))
        yield from self._embedding(doc_ids[0])
        vectors = self.embedder().embed([c.embedded_text for c in batch])
        with self._writing:
            self.catalog.store_vectors([c.id for c in batch], vectors)
            still = {record.id for record in map(self.catalog.document, doc_ids) if record}
            if still:
                self._index([c.id for c in batch if c.doc_id in still])
        for record in filter(None, map(self.catalog.document, doc_ids)):
            if record.state == "embedded":
                n = record.n_chunks
                yield Progress(record.name, record.id, "embedded", n, n)

    def _embedding(self, doc_id: str) -> Iterator[Progress]:
        record = self.catalog.document(doc_id)
        if record is not None:
            done, total = record.n_embedded, record.n_chunks
            yield Progress(record.name, doc_id, "embedding", done, total)

    def _index(self, chunk_ids: Sequence[str]) -> None:
        """Put vectors of the catalogue into the index, the very same at any time."""
        found, vectors = self.catalog.vectors(chunk_ids)
        self.vectors.add(found, [i.partition(":")[0] for i in found], vectors)

    def reindex(self) -> Iterator[Progress]:
        """Make the index hold what the catalogue has vectors of, no more and no less. Nothing is
        embedded for it; searching goes on meanwhile."""
        self.vectors.get(())  # only an index that was read is known to be whole
        whole = self.vectors.count() == self.catalog.n_embedded()
        if whole and self.catalog.meta(UNSURE) != "1":
            return
        wanted, there = self.catalog.embedded_ids(), self.vectors.ids()
        self.vectors.discard(sorted(there - wanted))
        missing = sorted(wanted - there)
        for i in range(0, len(missing), INDEXED):
            yield Progress("the index", "", "indexing", i, len(missing))
            with self._writing:
                self._index(missing[i : i + INDEXED])
        self.catalog.set_meta(UNSURE, "0")

    # Pausing

    @property
    def is_paused(self) -> bool:
        """Whether embedding and OCR wait until a person has them go on. Kept over a restart."""
        return self.catalog.meta(PAUSED) == "1"

    def pause(self, paused: bool = True) -> None:
        self.catalog.set_meta(PAUSED, "1" if paused else "0")

    def read_again(self, doc_id: str) -> None:
        """Have a document read anew from its original, although it was read before."""
        with self._writing:
            record = self.catalog.document(doc_id)
            if record is not None:
                # Its chunks may become others under the same ids.
                self.catalog.forget_vectors(doc_id)
                self.vectors.remove(doc_id)
                self.catalog.queue(doc_id, record.name, record.n_bytes, None, kept=False)

    # Renaming, removing, and putting right

    def rename(self, doc_id: str, name: str) -> None:
        """Give a document another file name. Its chunks are found by it, and not embedded again."""
        with self._writing:
            record = self.catalog.document(doc_id)
            if record is not None:
                chunks = self._named(self.catalog.chunks_of(doc_id), name, record.title)
                self.catalog.rename(doc_id, name, list(chunks))

    def _named(self, chunks: Iterable[Chunk], name: str, title: str) -> Iterator[Chunk]:
        return (chunk.named(c, name=name, title=title, tokenizer=self.tokenizer) for c in chunks)

    def remove(self, doc_ids: Iterable[str], *, leave_traces: bool = False) -> None:
        """Erase documents: text, words, vectors, the copy, and answers that drew on them.

        leave_traces: bytes of them may stay in files of the indexes until `erase_traces`, which
        takes as long as the library is large.
        """
        with self._writing:
            self.catalog.set_meta(TRACES, "1")
            self.catalog.set_meta(REMOVING, json.dumps(list(doc_ids)))
            self._finish_removal(leave_traces=leave_traces)

    def erase_traces(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Rewrite the indexes if they hold bytes of what was erased. Returns whether it did; where
        it could not, `has_traces` says so."""
        with self._writing:
            if not self.has_traces:
                return False
            if self.catalog.meta(TRACES) != LOG:
                if not self.vectors.rewrite(cancelled):
                    return False
                self.catalog.set_meta(TRACES, LOG)
            if not self.catalog.erase_free_space():
                return False
            self.catalog.set_meta(TRACES, "0")
            return True

    @property
    def has_traces(self) -> bool:
        """Whether files of the library hold bytes of what was erased."""
        return self.catalog.meta(TRACES) in ("1", LOG)

    def settle(self) -> tuple[str, ...]:
        """Put right what a kill broke off, and say what, for the person. Call it before anything
        else; `resume` then does the rest."""
        with self._writing:
            done = []
            if self.catalog.meta(OPEN) == "1":
                done.append("Strongroom was not closed properly last time.")
                self.catalog.set_meta(UNSURE, "1")
            self.catalog.set_meta(OPEN, "1")
            if n := self._finish_removal():
                done.append(f"Finished erasing {_count(n, 'document')}.")
            done += self.settle_copies()
            # After a start like any other, an index that is being read is not waited for.
            if (done or self.vectors.is_at_hand) and (
                self.vectors.count() < self.catalog.n_embedded()
            ):
                done.append("The index of vectors is put right from the library.")
            if done and (n := len(self.catalog.in_state("queued")) + self._n_to_embed()):
                done.append(f"{_count(n, 'document')} still to be read or embedded.")
            return tuple(done)

    def close(self) -> None:
        """Note that nothing was broken off."""
        with suppress(StoreFull):  # the next opening then looks closer than it need
            self.catalog.set_meta(OPEN, "0")

    def settle_copies(self) -> list[str]:
        """Have each copy be a document's, and say what was done, for the person."""
        n_removed = n_entered = 0
        known = self.catalog.document_ids()
        for path in list(self.originals.iterdir()):
            if extract.is_incoming(path.name):
                digest = path.name.removeprefix(extract.INCOMING)
                if digest in known:
                    extract.put_in_place(self.originals, digest, name=digest)
                else:
                    path.unlink()
                    n_removed += 1
            # Whoever chose a folder that was not empty keeps what is in it.
            elif path.name not in known and extract.is_copy(path):
                self.catalog.queue(path.name, path.name[:12], path.stat().st_size, None)
                n_entered += 1
        done = []
        if n_removed:
            done.append(f"Removed {_count(n_removed, 'copy', 'copies')} of files not entered yet.")
        if n_entered:
            done.append(
                f"Entered {_count(n_entered, 'copy', 'copies')} that library.db did not know, "
                "under the start of their SHA-256: it is older than they are."
            )
        return done

    def _n_to_embed(self) -> int:
        return len(self.catalog.in_state("searchable"))

    def _finish_removal(self, *, leave_traces: bool = False) -> int:
        doc_ids = json.loads(self.catalog.meta(REMOVING) or "[]")
        if not doc_ids:
            return 0
        for doc_id in doc_ids:
            self.catalog.remove(doc_id)
            self.vectors.remove(doc_id)
            self.forget(doc_id)
            (self.originals / doc_id).unlink(missing_ok=True)
        if not leave_traces:
            self.erase_traces()
        self.catalog.set_meta(REMOVING, "[]")
        # The note of what was to be removed has been in the log since.
        if not leave_traces and not self.catalog.erase_free_space():
            self.catalog.set_meta(TRACES, LOG)
        return len(doc_ids)


def _pages_for_ocr(document: Document, ocr: Ocr) -> tuple[int, ...]:
    if ocr == "never":
        return ()
    if ocr == "force" and document.media_type.startswith(PICTURES):
        return tuple(page.number for page in document.pages)
    return document.unread


def _with_scans(document: Document, scans: Mapping[int, Page]) -> Document:
    """The document with what OCR gave in place of its pages."""
    pages = tuple(
        scans[page.number] if page.number in scans and scans[page.number].text else page
        for page in document.pages
    )
    n, of = len(scans), len(pages)
    note = f"{n} of {_count(of, 'page')} {'was' if n == 1 else 'were'} read off the picture by OCR."
    warnings = (*document.warnings, note) if scans else document.warnings
    return replace(document, pages=pages, warnings=warnings)


def _check_text(document: Document, ocr: Ocr, lost: Sequence[str]) -> Document:
    """With a warning for pages that nothing was read of. lost: why OCR could not read some. Raises
    NoTextDocument when there is no text at all."""
    empty = [n for n in document.unread if not document.pages[n - 1].text.strip()]
    off = ocr == "never"
    if not any(page.text.strip() for page in document.pages):
        if lost:
            raise ReadingFailed(lost[0])
        raise NoTextDocument(
            f"{document.name} has no text: its pages are pictures, and OCR is switched off. "
            'Set ocr to "auto" in the settings and try again.'
            if off
            else f"{document.name} has no text: OCR found none on its pages. "
            "Check that it is the right file and that it is legible."
        )
    if not empty:
        return document
    reason = "OCR is switched off" if off else "OCR found none"
    warning = f"{_count(len(empty), 'page')} without text: {reason}."
    return replace(document, warnings=(*document.warnings, warning, *lost[:LOST]))


def _count(n: int, noun: str, nouns: str = "") -> str:
    return f"{n} {noun if n == 1 else nouns or noun + 's'}"


def _changed_at(path: Path) -> float | None:
    """Unix seconds."""
    with suppress(OSError):
        return path.stat().st_mtime
    return None


def as_text(name: str) -> str:
    """A name on disk can hold bytes that are no text, ends of lines, and codes that terminals obey.
    Blanks stay as they are: a document is called for by its name."""
    return " ".join(clean(name.encode("utf-8", "replace").decode()).splitlines())
