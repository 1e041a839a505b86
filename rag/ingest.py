"""Takes files in: queued, then searchable by words, then embedded. Every step can be repeated."""

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag import chunk, extract
from rag.catalog import Catalog
from rag.errors import DocumentError
from rag.types import Embedder, Progress, Tokenizer, VectorIndex

BATCH = 32
"""Chunks embedded between two notes of progress; a kill repeats at most these."""
REMOVING = "removing"
"""Names what is to be erased until nothing of it is left, so that a kill cannot leave a part."""


@dataclass(frozen=True)
class Ingest:
    """embedder: called when the first chunk is to be embedded, so that loading it waits till then.
    originals: folder of the copies, named by SHA-256. give_way: called between two batches; it may
    block while something more urgent needs the processor."""

    catalog: Catalog
    vectors: VectorIndex
    tokenizer: Tokenizer
    embedder: Callable[[], Embedder]
    originals: Path
    max_bytes: int
    max_pages: int
    give_way: Callable[[], None] = lambda: None
    _writing: threading.RLock = field(default_factory=threading.RLock)

    def take_in(self, paths: Iterable[Path], *, password: str | None = None) -> Iterator[Progress]:
        """Take files in, all of them searchable before the first is embedded.

        A file that fails gives a Progress with step "failed" and the rest goes on. Raises
        StoreError and ModelError, which are not about one file.
        """
        for path in paths:
            progress = self.stage(path, password=password)
            yield progress
            if progress.step == "queued":
                yield from self.extract(progress.doc_id)
        yield from self.resume()

    def resume(self) -> Iterator[Progress]:
        """Do all that is unfinished, a step at a time. What is queued meanwhile comes before
        embedding goes on, so that it can soon be found by its words."""
        while True:
            if queued := self.catalog.in_state("queued"):
                yield from self.extract(queued[0])
            elif searchable := self.catalog.in_state("searchable"):
                yield from self.embed_batch(searchable[0])
            else:
                return

    def stage(
        self, path: Path, *, name: str | None = None, password: str | None = None
    ) -> Progress:
        """Copy a file in and queue it. The same bytes again change nothing, unless they failed."""
        # A name on disk can hold bytes that are no text.
        name = (name or path.name).encode("utf-8", "replace").decode()
        try:
            doc_id, n_bytes = extract.copy_in(
                path, self.originals, name=name, max_bytes=self.max_bytes
            )
        except DocumentError as error:
            return Progress(name, "", "failed", message=str(error))
        known = self.catalog.document(doc_id)
        if known is not None and known.state in ("searchable", "embedded"):
            return Progress(known.name, doc_id, "embedded", unchanged=True)
        self.catalog.queue(doc_id, name, n_bytes, password)
        return Progress(name, doc_id, "queued")

    def extract(self, doc_id: str) -> Iterator[Progress]:
        """Make a queued document searchable by words, or note why it cannot be."""
        record = self.catalog.document(doc_id)
        if record is None or record.state != "queued":
            return
        yield Progress(record.name, doc_id, "extracting")
        try:
            document = extract.extract(
                self.originals / doc_id,
                doc_id=doc_id,
                name=record.name,
                password=self.catalog.password(doc_id),
                max_pages=self.max_pages,
            )
        except DocumentError as error:
            self.catalog.fail(doc_id, str(error), type(error).__name__)
            yield Progress(record.name, doc_id, "failed", message=str(error))
            return
        chunks = chunk.chunk(document, self.tokenizer)
        with self._writing:
            if self.catalog.document(doc_id) is None:
                return
            self.catalog.store(document, chunks)
        n_pages = len(document.pages)
        message = " ".join(document.warnings)
        yield Progress(record.name, doc_id, "searchable", n_pages, n_pages, message)

    def embed_batch(self, doc_id: str) -> Iterator[Progress]:
        """Give the next chunks of a searchable document their vectors."""
        record = self.catalog.document(doc_id)
        if record is None or record.state != "searchable":
            return
        self.give_way()
        batch = self.catalog.unembedded(doc_id, BATCH)
        yield Progress(record.name, doc_id, "embedding", record.n_embedded, record.n_chunks)
        vectors = self.embedder().embed([c.embedded_text for c in batch])
        with self._writing:
            if self.catalog.document(doc_id) is None:
                return
            self.vectors.add([c.id for c in batch], [c.doc_id for c in batch], vectors)
            self.catalog.mark_embedded(doc_id, [c.id for c in batch])
        done = record.n_embedded + len(batch)
        if done == record.n_chunks:
            yield Progress(record.name, doc_id, "embedded", done, done)

    def remove(self, doc_ids: Iterable[str]) -> None:
        """Erase documents: text, words, vectors, the copy, and answers that drew on them."""
        with self._writing:
            self.catalog.set_meta(REMOVING, json.dumps(list(doc_ids)))
            self._finish_removal()

    def settle(self) -> None:
        """Put right what a kill broke off: a removal, or a copy that was not entered yet. Have
        everything embedded again when vectors are gone. Call it before anything else."""
        with self._writing:
            self._finish_removal()
            known = self.catalog.document_ids()
            for copy in self.originals.iterdir():
                # Whoever chose a folder that was not empty keeps what is in it.
                if extract.is_ours(copy.name) and copy.name not in known:
                    copy.unlink()
            # More vectors than the catalogue counts are those of a batch that was not noted;
            # they are replaced when it is embedded again.
            if self.vectors.count() < self.catalog.n_embedded():
                self.catalog.forget_vectors()

    def _finish_removal(self) -> None:
        doc_ids = json.loads(self.catalog.meta(REMOVING) or "[]")
        if not doc_ids:
            return
        for doc_id in doc_ids:
            self.catalog.remove(doc_id)
            self.vectors.remove(doc_id)
            (self.originals / doc_id).unlink(missing_ok=True)
        self.vectors.rewrite()
        self.catalog.erase_free_space()
        self.catalog.set_meta(REMOVING, "[]")
        self.catalog.erase_free_space()


def files_in(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """(files to take in, how many others were passed over): files as named, folders walked
    through in order of name, without hidden files and without following links."""
    files: list[Path] = []
    passed_over = 0
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        for file in _walk(path):
            if file.suffix.lower() in extract.SUFFIXES:
                files.append(file)
            else:
                passed_over += 1
    return files, passed_over


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(parent, name)
            if not name.startswith(".") and not file.is_symlink():
                yield file
