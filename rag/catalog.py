"""The library's source of truth: documents, pages, chunks, full-text search and conversations."""

import json
import re
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import TypeAdapter

from rag import scope, wording
from rag.arrays import FloatArray
from rag.errors import (
    FilterError,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMismatch,
)
from rag.lexical import Lexical
from rag.schema import MIGRATIONS, SCHEMA, VERSION, WORDS
from rag.scope import TYPES, collection_name
from rag.types import (
    EVERYTHING,
    Answer,
    Chunk,
    Collection,
    Conversation,
    Document,
    DocumentRecord,
    FileRecord,
    Filter,
    Line,
    Mention,
    Page,
    SourceRecord,
    Span,
    State,
    Turn,
    Work,
)

T = TypeVar("T")

SPARE = 1 << 20
"""Bytes; a disk with less is full."""
BUSY_MS, LOG_MS = 5000, 500
"""How long to wait for other processes, and to empty the log, which can be done later."""
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
RECORD = """
SELECT id, name, media_type, title, state, n_bytes, n_pages, n_chunks, n_embedded, added_at,
    json_array_length(unread) AS n_unread,
    (SELECT count(*) FROM scans WHERE doc_id = d.id) AS n_scanned,
    warnings, error, error_kind, first_day, last_day,
    (SELECT json_group_array(name) FROM (SELECT name FROM members JOIN collections c
        ON c.id = collection WHERE doc_id = d.id ORDER BY name)) AS collections
FROM documents d
"""
EMBEDDED = "(SELECT count(*) FROM chunks WHERE doc_id = documents.id AND embedded)"
MISCOUNTED = f"""state IN ('searchable', 'embedded') AND (n_embedded != {EMBEDDED}
    OR (state = 'embedded') != (unread = '[]' AND n_chunks = {EMBEDDED}))"""
LISTED = "(SELECT value FROM json_each(?))"
NAMED = "(SELECT id FROM collections WHERE name = ?)"
AMONG = f"WHERE doc_id IN {LISTED}"
REMOVED = "This answer was removed together with a document that it drew on."
MAIL_DAY = re.compile(r"mail of (\d{4}-\d\d-\d\d)")
"""How labels of the pages of a mail begin."""
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
_FILTER: TypeAdapter[Filter] = TypeAdapter(Filter)


class Catalog:
    """One SQLite file. Each public method is one transaction; it may be called from any thread.

    is_blank: opened to read before a writer has laid it out; there is nothing to ask it for.
    Raises StoreCorrupt when the file is not a library, StoreMismatch when a newer version wrote
    it, StoreFull when the disk is full, StoreLocked when another program keeps the file locked,
    StoreError once it is closed.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._lexical = Lexical(self._all)
        mode = "ro" if readonly else "rwc"
        with self._translated():
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.row_factory = sqlite3.Row
            self._prepare(readonly)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # Meta

    def meta(self, key: str) -> str | None:
        row = self._one("SELECT value FROM meta WHERE key = ?", key)
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # Documents

    def queue(
        self,
        doc_id: str,
        name: str,
        n_bytes: int,
        password: str | None,
        *,
        kept: bool = True,
        changed_at: float | None = None,
    ) -> None:
        """Enter a document, or put one that failed back into the queue.

        kept: it stays when its file is gone from a source; a person has added it by itself.
        changed_at: when its file was last changed, in Unix seconds; None where nobody knows.
        """
        now = time.time()
        day = _day(now if changed_at is None else changed_at)
        with self._transaction() as db:
            db.execute(
                "INSERT INTO documents (id, name, media_type, title, state, n_bytes, added_at, "
                "password, warnings, error, error_kind, kept, first_day, last_day) "
                "VALUES (?, ?, '', '', 'queued', ?, ?, ?, '[]', '', '', ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET state = 'queued', error = '', error_kind = '', "
                "name = excluded.name, password = coalesce(excluded.password, password), "
                "kept = max(kept, excluded.kept)",
                (doc_id, name, n_bytes, now, password, kept, day, day),
            )

    def keep(self, doc_id: str) -> None:
        """Have a document stay when its file is gone from a source."""
        with self._transaction() as db:
            db.execute("UPDATE documents SET kept = 1 WHERE id = ?", (doc_id,))

    def store(
        self, document: Document, chunks: Sequence[Chunk], *, unread: Sequence[int] = ()
    ) -> list[str]:
        """Make a document searchable by words. unread: pages that OCR has yet to read.

        Chunks that were there before, word for word, keep their vectors. Returns the ids that they
        have now.
        """
        with self._transaction() as db:
            before = _vectors_by_text(db, document.id)
            kept = [c for c in chunks if c.embedded_text in before]
            is_done = not unread and len(kept) == len(chunks)
            _erase_text(db, document.id)
            db.execute(
                "UPDATE documents SET media_type = ?, title = ?, state = ?, warnings = ?, "
                "n_pages = ?, n_chunks = ?, n_embedded = ?, unread = ? WHERE id = ?",
                (
                    document.media_type, document.title,
                    "embedded" if is_done else "searchable",
                    json.dumps(document.warnings), len(document.pages), len(chunks),
                    len(kept), json.dumps(list(unread)), document.id,
                ),
            )  # fmt: skip
            if days := _mail_days(document.pages):
                db.execute(
                    "UPDATE documents SET first_day = ?, last_day = ? WHERE id = ?",
                    (min(days), max(days), document.id),
                )
            if not unread:
                db.execute("DELETE FROM scans WHERE doc_id = ?", (document.id,))
            db.executemany(
                "INSERT INTO pages (doc_id, number, label, text, width, height, lines) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_page_row(document.id, page) for page in document.pages),
            )
            db.executemany(
                "INSERT INTO chunks (id, doc_id, ordinal, text, context, heading, spans, n_tokens, "
                "clean) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_chunk_row(i, c) for i, c in enumerate(chunks)),
            )
            db.executemany(
                "INSERT INTO vectors SELECT rowid, ? FROM chunks WHERE id = ?",
                ((before[c.embedded_text], c.id) for c in kept),
            )
            db.executemany("UPDATE chunks SET embedded = 1 WHERE id = ?", ((c.id,) for c in kept))
        return [c.id for c in kept]

    def store_scan(self, doc_id: str, page: Page) -> None:
        """Keep a page that OCR has read until the document's last one is read."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO scans (doc_id, number, label, text, width, height, lines) "
                "SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM documents WHERE id = ?)",
                (*_page_row(doc_id, page), doc_id),
            )

    def scans(self, doc_id: str) -> list[Page]:
        """Pages that OCR has read so far."""
        return self._read(_page, "SELECT * FROM scans WHERE doc_id = ? ORDER BY number", doc_id)

    def unread(self) -> list[tuple[str, list[int]]]:
        """(document, pages that OCR has yet to read), oldest first; the list may be empty, then
        the document is to be read again with what OCR gave."""
        rows = self._all(
            "SELECT id, unread, (SELECT json_group_array(number) FROM scans WHERE doc_id = d.id) "
            "AS done FROM documents d WHERE state = 'searchable' AND unread != '[]' "
            "ORDER BY added_at"
        )
        return [
            (row["id"], sorted(set(json.loads(row["unread"])) - set(json.loads(row["done"]))))
            for row in rows
        ]

    def mark(self, doc_id: str, message: str, kind: str) -> None:
        """Say that a document needs attention, and nothing else of it; empty: it needs none."""
        with self._transaction() as db:
            db.execute(
                "UPDATE documents SET error = ?, error_kind = ? WHERE id = ?",
                (message, kind, doc_id),
            )

    def keep_as_read(self, doc_id: str, message: str, kind: str) -> None:
        """Of a document that could not be read again: what was read before stays. What OCR had yet
        to read of it is given up."""
        with self._transaction() as db:
            db.execute(
                "UPDATE documents SET state = 'searchable', error = ?, error_kind = ?, "
                "unread = '[]' WHERE id = ?",
                (message, kind, doc_id),
            )
            db.execute("DELETE FROM scans WHERE doc_id = ?", (doc_id,))
            _recount(db)

    def fail(self, doc_id: str, message: str, kind: str) -> None:
        with self._transaction() as db:
            _erase_text(db, doc_id)
            db.execute("DELETE FROM scans WHERE doc_id = ?", (doc_id,))
            db.execute(
                "UPDATE documents SET state = 'failed', error = ?, error_kind = ?, n_pages = 0, "
                "n_chunks = 0, n_embedded = 0, unread = '[]' WHERE id = ?",
                (message, kind, doc_id),
            )

    def remove(self, doc_id: str) -> None:
        """Erase a document, its text, and every answer that drew on it."""
        with self._transaction() as db:
            _erase_text(db, doc_id)
            db.execute("DELETE FROM documents WHERE id = ?", (doc_id,))
            db.execute(
                "UPDATE turns SET answer = NULL, note = ? WHERE id IN "
                "(SELECT turn_id FROM turn_documents WHERE doc_id = ?)",
                (REMOVED, doc_id),
            )
            db.execute("DELETE FROM turn_documents WHERE doc_id = ?", (doc_id,))
            _forget_in_filters(db)

    def erase_free_space(self) -> bool:
        """Rewrite the word index and the log, which keep what was deleted until they are full.

        Returns whether the log is empty: not while another process is reading what it holds.
        """
        with self._transaction() as db:
            db.execute("INSERT INTO chunks_fts (chunks_fts) VALUES ('optimize')")
        with self._lock, self._translated():
            # Nobody else can use the library while it waits for that process.
            self._db.execute(f"PRAGMA busy_timeout = {LOG_MS}")
            try:
                row = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        return not row["busy"]

    def documents(self) -> list[DocumentRecord]:
        """Newest first."""
        return self._read(_record, f"{RECORD} ORDER BY added_at DESC, name")

    def document(self, doc_id: str) -> DocumentRecord | None:
        return next(iter(self._read(_record, f"{RECORD} WHERE id = ?", doc_id)), None)

    def password(self, doc_id: str) -> str | None:
        row = self._one("SELECT password FROM documents WHERE id = ?", doc_id)
        return None if row is None else row["password"]

    def document_ids(self) -> set[str]:
        return {row["id"] for row in self._all("SELECT id FROM documents")}

    def matching(self, within: Filter) -> list[str]:
        """Ids of the documents that fit."""
        parts = list(_conditions(within))
        where = " AND ".join(sql for sql, _ in parts) or "TRUE"
        rows = self._all(f"SELECT id FROM documents WHERE {where}", *(value for _, value in parts))
        return [row["id"] for row in rows]

    def in_state(self, state: State, n: int = -1) -> list[str]:
        """Ids of the documents in a state, oldest first, n at most; all where n is negative."""
        rows = self._all(
            "SELECT id FROM documents WHERE state = ? ORDER BY added_at LIMIT ?", state, n
        )
        return [row["id"] for row in rows]

    def by_use(self) -> list[str]:
        """Ids of the embedded documents: those of pinned collections first, then those that the
        latest answers drew on, then the newest."""
        rows = self._all(
            "SELECT id FROM documents LEFT JOIN (SELECT doc_id, max(turn_id) AS asked "
            "FROM turn_documents GROUP BY doc_id) ON doc_id = id WHERE state = 'embedded' ORDER BY "
            "id IN (SELECT doc_id FROM members JOIN collections c ON c.id = collection "
            "WHERE pinned) DESC, asked DESC NULLS LAST, added_at DESC, id"
        )
        return [row["id"] for row in rows]

    def page(self, doc_id: str, number: int) -> Page | None:
        """A page as stored, without boxes."""
        row = self._one("SELECT * FROM pages WHERE doc_id = ? AND number = ?", doc_id, number)
        if row is None:
            return None
        return _page(row)

    def page_texts(self, doc_id: str) -> Iterator[tuple[int, str]]:
        """(number, text) of a document's pages, in order."""
        return ((number, text) for number, _, text in self.labelled_texts(doc_id))

    def labelled_texts(self, doc_id: str) -> Iterator[tuple[int, str, str]]:
        """(number, label, text) of a document's pages, in order."""
        sql = "SELECT number, label, text FROM pages WHERE doc_id = ? ORDER BY number"
        return ((row["number"], row["label"], row["text"]) for row in self._all(sql, doc_id))

    def place(self, doc_id: str, number: int) -> tuple[str, str]:
        """(document name, page label) for a citation; empty where the document is gone."""
        row = self._one(
            "SELECT name, label FROM documents d JOIN pages p ON p.doc_id = d.id "
            "WHERE d.id = ? AND number = ?",
            doc_id,
            number,
        )
        return ("", "") if row is None else (row["name"], row["label"])

    # Chunks

    def chunks(self, chunk_ids: Sequence[str]) -> list[Chunk]:
        """In the order asked for, without those that are not there."""
        marks = ",".join("?" * len(chunk_ids))
        found = self._read(_chunk, f"SELECT * FROM chunks WHERE id IN ({marks})", *chunk_ids)
        by_id = {chunk.id: chunk for chunk in found}
        return [by_id[i] for i in chunk_ids if i in by_id]

    def chunks_of(self, doc_id: str) -> list[Chunk]:
        """In reading order."""
        return self._read(_chunk, "SELECT * FROM chunks WHERE doc_id = ? ORDER BY ordinal", doc_id)

    def unembedded(self, n: int) -> list[Chunk]:
        """The next n chunks without vectors: oldest document first, in reading order."""
        return self._read(
            _chunk,
            "SELECT c.* FROM documents d JOIN chunks c ON c.doc_id = d.id "
            "WHERE state = 'searchable' AND NOT embedded ORDER BY added_at, d.id, ordinal LIMIT ?",
            n,
        )

    def work(self) -> Work:
        """What is left to do."""
        (row,) = self._all(
            "SELECT total(state = 'queued') AS queued, "
            "total(n_chunks - n_embedded) AS left_, total(n_embedded) AS done, "
            "total(n_embedded > 0) AS begun, "
            "total(max(n_unread - n_scans, 0)) AS scans_left, "
            "total(iif(n_unread, n_scans, 0)) AS scans_done "
            "FROM (SELECT *, json_array_length(unread) AS n_unread, "
            "(SELECT count(*) FROM scans WHERE doc_id = documents.id) AS n_scans FROM documents)"
        )
        return Work(
            queued=int(row["queued"]),
            scans_left=int(row["scans_left"]),
            scans_done=int(row["scans_done"]),
            left=int(row["left_"]),
            done=int(row["done"]),
            begun=int(row["begun"]),
        )

    def store_vectors(self, chunk_ids: Sequence[str], vectors: FloatArray) -> None:
        """Keep the vectors of chunks; with its last one a document is embedded.

        vectors: (len(chunk_ids), dim), kept as float16. Ids that are gone are passed over.
        """
        rows = zip(vectors.astype(np.float16), chunk_ids, strict=True)
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO vectors SELECT rowid, ? FROM chunks WHERE id = ?",
                ((vector.tobytes(), chunk_id) for vector, chunk_id in rows),
            )
            db.executemany("UPDATE chunks SET embedded = 1 WHERE id = ?", ((i,) for i in chunk_ids))
            for doc_id in {chunk_id.partition(":")[0] for chunk_id in chunk_ids}:
                db.execute(
                    "UPDATE documents SET n_embedded = n_chunks - (SELECT count(*) FROM chunks "
                    "WHERE doc_id = documents.id AND NOT embedded) WHERE id = ?",
                    (doc_id,),
                )
            db.execute(
                "UPDATE documents SET state = 'embedded' WHERE state = 'searchable' "
                "AND unread = '[]' AND n_embedded = n_chunks"
            )

    def vectors(self, chunk_ids: Sequence[str]) -> tuple[list[str], FloatArray]:
        """Those of these chunks that have vectors, in the order given, and (n, dim) those."""
        kept = self.kept_bytes(chunk_ids)
        return _unpacked([(i, kept[i]) for i in chunk_ids if i in kept])

    def kept_bytes(self, chunk_ids: Sequence[str]) -> dict[str, bytes]:
        """What is kept as the vectors of chunks, by id, without those that have none."""
        found: dict[str, bytes] = {}
        for some in _some_at_a_time(chunk_ids):
            marks = ",".join("?" * len(some))
            rows = self._all(
                "SELECT id, vector FROM chunks JOIN vectors ON chunk = rowid "
                f"WHERE id IN ({marks})",
                *some,
            )
            found |= {row["id"]: row["vector"] for row in rows}
        return found

    def embedded_ids(self) -> set[str]:
        """Ids of all chunks that have vectors."""
        rows = self._all("SELECT id FROM chunks JOIN vectors ON chunk = rowid")
        return {row["id"] for row in rows}

    def n_embedded(self) -> int:
        row = self._one("SELECT total(n_embedded) AS n FROM documents")
        return 0 if row is None else int(row["n"])

    def forget_vectors(self, doc_id: str | None = None) -> None:
        """Have a document, or every one, embedded again."""
        chosen = "doc_id = ?" if doc_id else "? IS NULL"
        with self._transaction() as db:
            db.execute(
                f"DELETE FROM vectors WHERE chunk IN (SELECT rowid FROM chunks WHERE {chosen})",
                (doc_id,),
            )
            db.execute(f"UPDATE chunks SET embedded = 0 WHERE {chosen}", (doc_id,))
            db.execute(
                "UPDATE documents SET n_embedded = 0, "
                "state = CASE state WHEN 'embedded' THEN 'searchable' ELSE state END "
                f"WHERE {chosen.replace('doc_id', 'id')} AND n_chunks > 0",
                (doc_id,),
            )

    def drop_vectors(self, chunk_ids: Sequence[str]) -> None:
        """Have these chunks embedded again."""
        with self._transaction() as db:
            ids = [(chunk_id,) for chunk_id in chunk_ids]
            db.executemany(
                "DELETE FROM vectors WHERE chunk = (SELECT rowid FROM chunks WHERE id = ?)", ids
            )
            db.executemany("UPDATE chunks SET embedded = 0 WHERE id = ?", ids)
            _recount(db)

    def search(self, question: str, n: int) -> list[str]:
        """Up to n chunk ids that hold words of the question, best first by BM25."""
        return [chunk_id for chunk_id, _ in self.holding(wording.telling(question), n)]

    def holding(
        self, words: Sequence[str], n: int, *, doc_ids: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """Up to n (chunk id, BM25) of chunks that hold any of the words, best first. In a large
        library, chunks that hold common words alone are left out.

        doc_ids: of the documents to look in; None means all.
        """
        return self._lexical.holding(words, n, doc_ids)

    def mentions(
        self, phrases: Sequence[Sequence[str]], *, exact: bool, doc_ids: Sequence[str] | None = None
    ) -> list[Mention]:
        """Every document with a passage that holds all words of any of the phrases, those with the
        most such passages first.

        exact: one word behind the other; else anywhere in the passage. doc_ids: of the documents
        to look in; None means all.
        """
        join = " " if exact else '" AND "'
        expression = " OR ".join(f'("{join.join(words)}")' for words in phrases)
        inside = "" if doc_ids is None else AMONG
        asked = [f"{{text}} : ({expression})"]
        rows = self._all(
            "SELECT doc_id, count(*) AS n, id, min(ordinal) FROM "
            "(SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ?) f "
            f"JOIN chunks c ON c.rowid = f.rowid {inside} GROUP BY doc_id ORDER BY n DESC, doc_id",
            *(asked if doc_ids is None else [*asked, json.dumps(list(doc_ids))]),
        )
        return [Mention(row["doc_id"], row["n"], row["id"]) for row in rows]

    def n_holding(self, words: Sequence[str]) -> dict[str, int]:
        """How many chunks hold each of the words."""
        return self._lexical.n_holding(words)

    def n_chunks(self, doc_ids: Sequence[str] | None = None) -> int:
        """How many chunks these documents have; None means all."""
        if doc_ids is None:
            return self._lexical.n_all()
        (row,) = self._all(
            f"SELECT total(n_chunks) AS n FROM documents WHERE id IN {LISTED}",
            json.dumps(list(doc_ids)),
        )
        return int(row["n"])

    def vectors_of(self, doc_ids: Sequence[str]) -> tuple[list[str], FloatArray]:
        """Ids of all chunks of these documents that have vectors, and (n, dim) those."""
        # Its id is put together, so that no chunk is read for it.
        rows = self._all(
            "SELECT doc_id || ':' || ordinal AS id, vector FROM chunks "
            f"JOIN vectors ON chunk = rowid {AMONG}",
            json.dumps(list(doc_ids)),
        )
        return _unpacked([(row["id"], row["vector"]) for row in rows])

    def names(self) -> list[str]:
        """File name and title of each document."""
        rows = self._all("SELECT name || ' ' || title AS name FROM documents")
        return [row["name"] for row in rows]

    def called(self, holding: Mapping[str, int], *, elsewhere: float) -> list[str]:
        """Ids of the documents that have one of these words in their file name or title, and so in
        each of their chunks, and which hardly any other document has.

        holding: how many chunks hold each, by word in small letters. elsewhere: how many more than
        the document's own may do so, as a share of these.
        """
        rows = self._all(
            "SELECT j.key AS word, d.id, lower(name || ' ' || title) AS called "
            "FROM json_each(?) j CROSS JOIN documents d "
            "WHERE n_chunks BETWEEN value / ? AND value AND instr(called, j.key)",
            json.dumps(dict(holding)),
            1 + elsewhere,
        )
        return sorted({r["id"] for r in rows if r["word"] in wording.name_words(r["called"])})

    def places(self, chunk_ids: Sequence[str]) -> dict[str, tuple[tuple[str, int], ...]]:
        """(document, page) of each page that a chunk stands on, by chunk id."""
        rows = self._all(
            "SELECT id, doc_id, spans FROM chunks WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps(list(chunk_ids)),
        )
        return {
            row["id"]: tuple((row["doc_id"], page) for page, _, _ in json.loads(row["spans"]))
            for row in rows
        }

    def pages(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
        """(label, text) of pages, by (document, number)."""
        rows = self._all(
            # Written as IN, SQLite reads all pages of each of the documents.
            "SELECT doc_id, number, label, text FROM json_each(?) j CROSS JOIN pages p "
            "ON p.doc_id = j.value ->> 0 AND p.number = j.value ->> 1",
            json.dumps(list(places)),
        )
        return {(row["doc_id"], row["number"]): (row["label"], row["text"]) for row in rows}

    def rename(self, doc_id: str, name: str, chunks: Sequence[Chunk]) -> None:
        """Give a document another name, and its chunks the context that says it."""
        with self._transaction() as db:
            db.execute(
                "UPDATE documents SET name = ?, error = CASE "
                "WHEN substr(error, 1, length(name)) = name "
                "THEN ? || substr(error, length(name) + 1) ELSE error END WHERE id = ?",
                (name, name, doc_id),
            )
            db.executemany(
                "UPDATE chunks SET context = ?, n_tokens = ? WHERE id = ?",
                ((c.context, c.n_tokens, c.id) for c in chunks),
            )

    # Collections

    def collections(self) -> list[Collection]:
        """In order of their names."""
        rows = self._all(
            "SELECT name, (SELECT count(*) FROM members WHERE collection = c.id) AS n, pinned "
            "FROM collections c ORDER BY name"
        )
        return [Collection(row["name"], row["n"], bool(row["pinned"])) for row in rows]

    def put_in(self, collection: str, doc_ids: Sequence[str] = ()) -> None:
        """Put documents into a collection, which is made if there is none of that name. Ids that
        are gone are passed over. Raises FilterError when it cannot be a name."""
        name = collection_name(collection)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO collections (name) VALUES (?)", (name,))
            db.execute(
                "INSERT OR IGNORE INTO members SELECT c.id, d.id FROM collections c, documents d "
                f"WHERE c.name = ? AND d.id IN {LISTED}",
                (name, json.dumps(list(doc_ids))),
            )

    def take_out(self, collection: str, doc_ids: Sequence[str]) -> None:
        with self._transaction() as db:
            db.execute(
                f"DELETE FROM members WHERE collection = {NAMED} AND doc_id IN {LISTED}",
                (collection, json.dumps(list(doc_ids))),
            )

    def rename_collection(self, old: str, new: str) -> None:
        """Raises FilterError when it cannot be a name or another collection has it."""
        name = collection_name(new)
        with self._transaction() as db:
            taken = db.execute(
                f"SELECT name FROM collections WHERE name = ? AND id != {NAMED}", (name, old)
            ).fetchone()
            if taken:
                raise FilterError(
                    f"There is a collection called {taken['name']} already. Choose another name."
                )
            db.execute("UPDATE collections SET name = ? WHERE name = ?", (name, old))

    def pin_collection(self, name: str, *, pinned: bool) -> None:
        """Have its documents prepared before others, or no more."""
        with self._transaction() as db:
            db.execute("UPDATE collections SET pinned = ? WHERE name = ?", (pinned, name))

    def remove_collection(self, name: str) -> None:
        """Its documents stay."""
        with self._transaction() as db:
            db.execute("DELETE FROM collections WHERE name = ?", (name,))

    def collect_source(self, source: Path, collection: str) -> None:
        """Put the documents of a source into a collection, now and whenever there are new ones;
        empty: no more."""
        text = path_to_text(str(source))
        with self._transaction() as db:
            db.execute(
                f"UPDATE sources SET collection = {NAMED} WHERE path = ?", (collection, text)
            )
            db.execute(
                "INSERT OR IGNORE INTO members SELECT s.collection, d.id FROM sources s "
                "JOIN files f ON f.source = s.path JOIN documents d ON d.id = f.doc_id "
                "WHERE s.path = ? AND s.collection IS NOT NULL",
                (text,),
            )

    # Sources

    def add_source(self, path: Path) -> None:
        """Enter a folder. Sources inside it become part of it; it is watched if one of them was."""
        text = path_to_text(str(path))
        inside = [
            (path_to_text(str(inner)), watched)
            for inner, watched in self.source_paths().items()
            if inner != path and inner.is_relative_to(path)
        ]
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO sources (path, watched, added_at) VALUES (?, ?, ?)",
                (text, any(watched for _, watched in inside), time.time()),
            )
            for inner, _ in inside:
                db.execute("UPDATE files SET source = ? WHERE source = ?", (text, inner))
                db.execute("DELETE FROM sources WHERE path = ?", (inner,))

    def sources(self) -> list[SourceRecord]:
        """In order of their paths."""
        return self._read(
            _source,
            "SELECT path, watched, added_at, last_look, problem, "
            "(SELECT name FROM collections WHERE id = s.collection) AS collection, "
            "(SELECT count(DISTINCT doc_id) FROM files WHERE source = s.path AND doc_id IN "
            "(SELECT id FROM documents)) AS n_documents, "
            "(SELECT count(*) FROM files WHERE source = s.path AND error != '') AS n_bad, "
            "(SELECT count(*) FROM files WHERE source = s.path AND held) AS n_held "
            "FROM sources s ORDER BY path",
        )

    def source_paths(self) -> dict[Path, bool]:
        """Whether each is watched, in order of their paths."""
        rows = self._all("SELECT path, watched FROM sources ORDER BY path")
        return {Path(path_from_text(row["path"])): bool(row["watched"]) for row in rows}

    def watch(self, source: Path, on: bool) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE sources SET watched = ? WHERE path = ?", (on, path_to_text(str(source)))
            )

    def note_look(self, source: Path, at: float, problem: str) -> None:
        """at: Unix seconds. problem: what could not be done, for the person."""
        with self._transaction() as db:
            db.execute(
                "UPDATE sources SET last_look = ?, problem = ? WHERE path = ?",
                (at, problem, path_to_text(str(source))),
            )

    def forget_source(self, source: Path, *, keep: bool) -> None:
        """Take a folder off the list. keep: its documents stay, as if a person had added each;
        else they are `orphans` where nothing else gives them."""
        text = path_to_text(str(source))
        with self._transaction() as db:
            if keep:
                db.execute(
                    "UPDATE documents SET kept = 1 WHERE id IN "
                    "(SELECT doc_id FROM files WHERE source = ?)",
                    (text,),
                )
            db.execute("DELETE FROM sources WHERE path = ?", (text,))

    def files(self, source: Path) -> dict[str, FileRecord]:
        """The files of a source by path."""
        rows = self._read(_file, "SELECT * FROM files WHERE source = ?", path_to_text(str(source)))
        return {file.path: file for file in rows}

    def put_file(self, file: FileRecord) -> None:
        """Enter a file of a source, or what is new about it. A document that it gives for the first
        time goes into the collection of the source and those of the document that it gave before.
        """
        path, source = path_to_text(file.path), path_to_text(file.source)
        with self._transaction() as db:
            before = db.execute("SELECT doc_id FROM files WHERE path = ?", (path,)).fetchone()
            if before is None or before["doc_id"] != file.doc_id:
                _inherit(db, file.doc_id, source, before["doc_id"] if before else "")
            db.execute(
                "INSERT OR REPLACE INTO files "
                "(path, source, doc_id, n_bytes, changed_ns, error, held) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                astuple(replace(file, path=path, source=source)),
            )

    def hold_files(self, paths: Sequence[str], held: bool) -> None:
        """Have the documents of files that are gone stay until a person confirms it, or not."""
        with self._transaction() as db:
            db.executemany(
                "UPDATE files SET held = ? WHERE path = ?", ((held, path_to_text(p)) for p in paths)
            )

    def drop_files(self, paths: Sequence[str]) -> None:
        with self._transaction() as db:
            db.executemany("DELETE FROM files WHERE path = ?", ((path_to_text(p),) for p in paths))

    def files_of(self, doc_id: str) -> list[str]:
        """Paths of the files that give a document, of all sources."""
        rows = self._all("SELECT path FROM files WHERE doc_id = ?", doc_id)
        return [path_from_text(row["path"]) for row in rows]

    def sizes(self) -> set[int]:
        """In bytes, of all documents, and of those that a person has removed while a file of a
        source gives them. Bytes of another size are new."""
        rows = self._all(
            "SELECT n_bytes FROM documents UNION SELECT n_bytes FROM files WHERE doc_id != ''"
        )
        return {row["n_bytes"] for row in rows}

    def orphans(self) -> list[str]:
        """Documents that no file of a source gives any more and no person added by itself."""
        rows = self._all(
            "SELECT id FROM documents WHERE NOT kept AND id NOT IN (SELECT doc_id FROM files) "
            "ORDER BY name, id"
        )
        return [row["id"] for row in rows]

    def files_by_document(self) -> dict[str, tuple[str, list[str]]]:
        """(name, paths of the files that give it) of each document that no person added by
        itself."""
        rows = self._all(
            "SELECT id, name, path FROM documents JOIN files ON doc_id = id WHERE NOT kept"
        )
        found: dict[str, tuple[str, list[str]]] = {}
        for row in rows:
            found.setdefault(row["id"], (row["name"], []))[1].append(path_from_text(row["path"]))
        return found

    # Conversations

    def conversations(self) -> list[Conversation]:
        """Newest first, without their turns."""
        rows = self._all("SELECT * FROM conversations ORDER BY updated_at DESC")
        return [Conversation(r["id"], r["title"], r["updated_at"]) for r in rows]

    def conversation(self, conversation_id: str) -> Conversation | None:
        row = self._one("SELECT * FROM conversations WHERE id = ?", conversation_id)
        if row is None:
            return None
        turns = self._read(
            _turn, "SELECT * FROM turns WHERE conversation_id = ? ORDER BY id", conversation_id
        )
        return Conversation(row["id"], row["title"], row["updated_at"], tuple(turns))

    def begin_turn(
        self, conversation_id: str, question: str, *, within: Filter = EVERYTHING
    ) -> int:
        """Enter a question, and its conversation with the first one. Returns the turn's id.

        Until its answer says that it does not, the question may lean on the turn before it, and so
        draw on what that drew on.
        """
        with self._transaction() as db:
            # One of them may have been removed since it was chosen.
            within = _without_gone(db, within)
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at",
                (conversation_id, question[:80], time.time()),
            )
            row = db.execute(
                "INSERT INTO turns (conversation_id, question, note, within) "
                "VALUES (?, ?, '', ?) RETURNING id",
                (conversation_id, question, _FILTER.dump_json(within).decode()),
            ).fetchone()
            db.execute(
                "INSERT INTO turn_documents SELECT ?, doc_id FROM turn_documents WHERE turn_id = "
                "(SELECT max(id) FROM turns WHERE conversation_id = ? AND id < ?)",
                (row["id"], conversation_id, row["id"]),
            )
            return int(row["id"])

    def end_turn(self, turn_id: int, answer: Answer) -> None:
        """Save the answer, unless a document that it drew on was removed while it was written."""
        quoted = (
            *answer.citations,
            *answer.nearest,
            *answer.conflicts,
            *answer.qualifiers,
        )
        documents = {*answer.named, *(hit.chunk.doc_id for hit in answer.hits)}
        documents |= {c.span.doc_id for c in quoted}
        with self._transaction() as db:
            there = {row["id"] for row in db.execute("SELECT id FROM documents")}
            turn = db.execute("SELECT note FROM turns WHERE id = ?", (turn_id,)).fetchone()
            was_removed = answer.understood and turn and turn["note"] == REMOVED
            if was_removed or not answer.understood or not documents <= there:
                db.execute("DELETE FROM turn_documents WHERE turn_id = ?", (turn_id,))
            if was_removed or not documents <= there:
                db.execute("UPDATE turns SET note = ? WHERE id = ?", (REMOVED, turn_id))
                return
            db.execute(
                "UPDATE turns SET answer = ?, note = '' WHERE id = ?",
                (_ANSWER.dump_json(answer).decode(), turn_id),
            )
            db.executemany(
                "INSERT OR IGNORE INTO turn_documents SELECT id, ? FROM turns WHERE id = ?",
                ((doc_id, turn_id) for doc_id in documents),
            )

    def note_turn(self, turn_id: int, note: str) -> None:
        """Say why a turn has no answer."""
        with self._transaction() as db:
            db.execute("UPDATE turns SET note = ? WHERE id = ?", (note, turn_id))
            db.execute("DELETE FROM turn_documents WHERE turn_id = ?", (turn_id,))

    def remove_conversation(self, conversation_id: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))

    # Checks

    def faults(self) -> list[str]:
        """What SQLite finds wrong with its own file and with references from row to row."""
        whole = [row[0] for row in self._all("PRAGMA integrity_check")]
        keys = [
            f"a row of {row['table']} belongs to none of {row['parent']}"
            for row in self._all("PRAGMA foreign_key_check")
        ]
        # The words have a check of their own.
        return [fault for fault in whole if fault != "ok" and "FTS5" not in fault] + keys

    def words_are_whole(self) -> bool:
        """Whether the index of words holds the words of all chunks and no others."""
        try:
            with self._lock, self._translated():
                self._db.execute(
                    "INSERT INTO chunks_fts (chunks_fts, rank) VALUES ('integrity-check', 1)"
                )
        except StoreCorrupt:
            return False
        return True

    def rebuild_words(self) -> None:
        """Make the index of words anew from the chunks."""
        try:
            with self._transaction() as db:
                db.execute("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')")
        except StoreCorrupt:
            with self._transaction() as db:
                db.execute("DROP TABLE IF EXISTS chunks_fts")
                db.execute(WORDS)
                db.execute("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')")

    def rebuild_indexes(self) -> None:
        """Make SQLite's own indexes anew from the tables."""
        with self._transaction() as db:
            db.execute("REINDEX")

    def drop_orphans(self) -> None:
        """Take out rows that belong to a row which is not there; one that may belong to none
        stays, and belongs to none."""
        with self._transaction() as db:
            for table, parent, key in {
                (row["table"], row["parent"], row["fkid"])
                for row in db.execute("PRAGMA foreign_key_check")
            }:
                ((child, on_delete),) = [
                    (row["from"], row["on_delete"])
                    for row in db.execute(f"PRAGMA foreign_key_list({table})")
                    if row["id"] == key
                ]
                (owner,) = [
                    row["name"] for row in db.execute(f"PRAGMA table_info({parent})") if row["pk"]
                ]
                # Deleting a source for its collection would take all its documents with it.
                takes = f"UPDATE {table} SET {child} = NULL"
                if on_delete != "SET NULL":
                    takes = f"DELETE FROM {table}"
                db.execute(f"{takes} WHERE {child} NOT IN (SELECT {owner} FROM {parent})")

    def miscounted(self) -> list[str]:
        """Documents of which it is not true that their chunks are embedded as their record says."""
        return [row["id"] for row in self._all(f"SELECT id FROM documents WHERE {MISCOUNTED}")]

    def recount(self) -> None:
        """Count embedded chunks again."""
        with self._transaction() as db:
            _recount(db)

    def numbers(self, doc_id: str) -> list[int]:
        """Numbers of a document's pages, in order."""
        rows = self._all("SELECT number FROM pages WHERE doc_id = ? ORDER BY number", doc_id)
        return [row["number"] for row in rows]

    def chunks_from(self, doc_id: str, ordinal: int, n: int) -> list[Chunk]:
        """Up to n chunks of a document in reading order, from the one at `ordinal` on."""
        return self._read(
            _chunk,
            "SELECT * FROM chunks WHERE doc_id = ? AND ordinal >= ? ORDER BY ordinal LIMIT ?",
            doc_id,
            ordinal,
            n,
        )

    def half_embedded(self, doc_id: str) -> list[str]:
        """Chunks noted as embedded that have no vector, and the other way round."""
        rows = self._all(
            "SELECT id FROM chunks c LEFT JOIN vectors ON chunk = rowid "
            "WHERE doc_id = ? AND embedded != (vector IS NOT NULL)",
            doc_id,
        )
        return [row["id"] for row in rows]

    def vector_bytes(self) -> int:
        """The size that most of the kept vectors have; 0 where there are none."""
        row = self._one(
            "SELECT length(vector) AS n FROM vectors GROUP BY n ORDER BY count(*) DESC LIMIT 1"
        )
        return 0 if row is None else int(row["n"])

    # Plumbing

    def _prepare(self, readonly: bool) -> None:
        # Both as of one moment: another process may lay the file out right now.
        self._db.execute("BEGIN")
        version = self._version()
        has_tables = self._db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
        self._db.execute("COMMIT")
        if version > VERSION:
            raise StoreMismatch(
                f"The library {self._path} was written by a newer Strongroom (format {version}; "
                f"this one reads {VERSION}). Upgrade Strongroom to open it."
            )
        if readonly and 0 < version < VERSION:
            raise StoreMismatch(
                f"The library {self._path} was written by an older Strongroom (format {version}; "
                f"this one reads {VERSION}). Open it once with `strongroom serve`, which brings it "
                "to today's."
            )
        if version == 0 and has_tables:
            raise StoreMismatch(
                f"{self._path} belongs to another program. Choose another folder with --library."
            )
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self.is_blank = readonly and version == 0
        if readonly:
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        # A power cut takes nothing back that a person was told: NORMAL would lose what is newest.
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA fullfsync = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        # A temporary file would hold text of documents outside of the library's folder.
        self._db.execute("PRAGMA temp_store = MEMORY")
        if version == 0:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        for older in range(version or VERSION, VERSION):
            self._db.executescript(
                f"BEGIN; {MIGRATIONS[older]} PRAGMA user_version = {older + 1}; COMMIT;"
            )

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has rolled back already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        # The message of an SQLite error can hold bytes of the file that are no text.
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if self._is_full(error):
                raise StoreFull(
                    f"The disk with {self._path} is full. Free some space and try again; "
                    "what was already in the library is unharmed."
                ) from error
            if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in LOCKED:
                raise StoreLocked(
                    f"Another program keeps the library {self._path} locked. Close what has it "
                    "open, or wait until it is done, and try again; nothing was changed."
                ) from error
            if isinstance(error, sqlite3.ProgrammingError) and "closed database" in str(error):
                raise StoreError(
                    f"The library {self._path} was closed meanwhile. Open it again to go on."
                ) from error
            raise self._corrupt(error) from error

    def _is_full(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", None) or 0
        # Without room for what it shares between processes, SQLite tells of input and output only.
        broken = code & 0xFF == sqlite3.SQLITE_IOERR
        return code == sqlite3.SQLITE_FULL or (
            broken and shutil.disk_usage(self._path.parent).free < SPARE
        )

    def _corrupt(self, error: Exception) -> StoreCorrupt:
        return StoreCorrupt(
            f"The library {self._path} cannot be used ({error}). Check that the disk can be "
            "written, or restore the file from a copy."
        )

    def _all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock, self._translated():
            return self._db.execute(sql, values).fetchall()

    def _read(self, parse: Callable[[sqlite3.Row], T], sql: str, *values: object) -> list[T]:
        rows = self._all(sql, *values)
        try:
            return [parse(row) for row in rows]
        except (ValueError, TypeError) as error:
            raise self._corrupt(error) from error

    def _one(self, sql: str, *values: object) -> sqlite3.Row | None:
        rows = self._all(sql, *values)
        return rows[0] if rows else None


def _conditions(within: Filter) -> Iterator[tuple[str, object]]:
    """SQL about a row of documents, each with its value."""
    if within.documents:
        yield f"id IN {LISTED}", json.dumps(within.documents)
    if within.collections:
        # The column on the left has its collation count: without regard to case.
        inside = f"SELECT id FROM collections WHERE name IN {LISTED}"
        yield (
            f"id IN (SELECT doc_id FROM members WHERE collection IN ({inside}))",
            json.dumps(within.collections),
        )
    if within.types:
        patterns = [pattern for name in within.types for pattern in TYPES.get(name, ())]
        yield (
            "EXISTS (SELECT 1 FROM json_each(?) WHERE media_type GLOB value)",
            json.dumps(patterns),
        )
    added = "date(added_at, 'unixepoch', 'localtime')"
    days = (
        ("last_day >= ?", within.since),
        ("first_day <= ?", within.until),
        (f"{added} >= ?", within.added_since),
        (f"{added} <= ?", within.added_until),
    )
    yield from ((sql, day.isoformat()) for sql, day in days if day)


def _inherit(db: sqlite3.Connection, doc_id: str, source: str, before: str) -> None:
    db.execute(
        "INSERT OR IGNORE INTO members SELECT c, ? FROM (SELECT collection AS c FROM sources "
        "WHERE path = ? UNION SELECT collection FROM members WHERE doc_id = ?) "
        "WHERE c IS NOT NULL AND EXISTS (SELECT 1 FROM documents WHERE id = ?)",
        (doc_id, source, before, doc_id),
    )


def _day(at: float) -> str:
    """Today where a clock was so wrong that there is no such day."""
    try:
        return time.strftime("%Y-%m-%d", time.localtime(at))
    except (OverflowError, OSError, ValueError):
        return time.strftime("%Y-%m-%d")


def _mail_days(pages: Iterable[Page]) -> list[str]:
    found = (MAIL_DAY.match(page.label) for page in pages)
    return [match[1] for match in found if match]


def _recount(db: sqlite3.Connection) -> None:
    db.execute(
        f"UPDATE documents SET n_embedded = {EMBEDDED}, state = CASE WHEN unread = '[]' "
        f"AND n_chunks = {EMBEDDED} THEN 'embedded' ELSE 'searchable' END WHERE {MISCOUNTED}"
    )


def path_to_text(path: str) -> str:
    r"""A path as SQLite can hold it: a backslash doubled, a byte that is no text as \udcxx."""
    return path.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode()


def path_from_text(text: str) -> str:
    return re.sub(
        r"\\(?:\\|u(dc[0-9a-f]{2}))", lambda m: chr(int(m[1], 16)) if m[1] else "\\", text
    )


def _source(row: sqlite3.Row) -> SourceRecord:
    values = dict(row)
    path, watched = Path(path_from_text(values["path"])), bool(values["watched"])
    collection = values["collection"] or ""
    return SourceRecord(**{**values, "path": path, "watched": watched, "collection": collection})


def _file(row: sqlite3.Row) -> FileRecord:
    values = dict(row)
    path, source = path_from_text(values["path"]), path_from_text(values["source"])
    return FileRecord(**{**values, "path": path, "source": source, "held": bool(values["held"])})


def _vectors_by_text(db: sqlite3.Connection, doc_id: str) -> dict[str, bytes]:
    """By the text that they were made of."""
    rows = db.execute(
        "SELECT c.*, vector FROM chunks c JOIN vectors ON chunk = c.rowid WHERE doc_id = ?",
        (doc_id,),
    )
    return {_chunk(row).embedded_text: row["vector"] for row in rows}


def _erase_text(db: sqlite3.Connection, doc_id: str) -> None:
    db.execute("DELETE FROM chunks WHERE doc_id = ?", (doc_id,))
    db.execute("DELETE FROM pages WHERE doc_id = ?", (doc_id,))


def _forget_in_filters(db: sqlite3.Connection) -> None:
    """An id is the SHA-256 of a file, by which it could be told that it was here."""
    rows = db.execute("""SELECT id, within FROM turns WHERE within LIKE '%"documents":["%'""")
    for row in rows.fetchall():
        within = _FILTER.validate_json(row["within"])
        left = _without_gone(db, within)
        if left != within:
            values = (_FILTER.dump_json(left).decode(), row["id"])
            db.execute("UPDATE turns SET within = ? WHERE id = ?", values)


def _without_gone(db: sqlite3.Connection, within: Filter) -> Filter:
    sql = f"SELECT id FROM documents WHERE id IN {LISTED}"
    rows = db.execute(sql, (json.dumps(within.documents),))
    return scope.without(within, {row["id"] for row in rows})


def _unpacked(kept: Sequence[tuple[str, bytes]]) -> tuple[list[str], FloatArray]:
    """Ids, and (n, dim); (0, 0) of nothing. One of another size than most, which is damage that
    `rag.check` finds, is left out."""
    if not kept:
        return [], np.empty((0, 0), np.float32)
    ((size, _),) = Counter(len(data) for _, data in kept).most_common(1)
    sound = [(chunk_id, data) for chunk_id, data in kept if len(data) == size]
    rows = np.frombuffer(b"".join(data for _, data in sound), np.float16)
    return [chunk_id for chunk_id, _ in sound], rows.reshape(len(sound), -1).astype(np.float32)


def _some_at_a_time(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """SQLite takes a limited number of values in one question."""
    return (values[i : i + 5000] for i in range(0, len(values), 5000))


def _page_row(doc_id: str, page: Page) -> tuple[object, ...]:
    lines = np.array([astuple(line) for line in page.lines], np.float32).tobytes()
    return (doc_id, page.number, page.label, page.text, *page.size, lines)


def _page(row: sqlite3.Row) -> Page:
    lines = np.frombuffer(row["lines"] or b"", np.float32).reshape(-1, 6).tolist()
    return Page(
        number=row["number"],
        label=row["label"],
        text=row["text"],
        size=(row["width"], row["height"]),
        lines=tuple(Line(int(start), int(end), *box) for start, end, *box in lines),
    )


def _record(row: sqlite3.Row) -> DocumentRecord:
    values = dict(row)
    lists = {key: tuple(json.loads(values[key])) for key in ("warnings", "collections")}
    return DocumentRecord(**{**values, **lists})


def _chunk_row(ordinal: int, chunk: Chunk) -> tuple[object, ...]:
    spans = json.dumps([(s.page, s.start, s.end) for s in chunk.spans])
    heading = json.dumps(chunk.heading)
    return (
        chunk.id, chunk.doc_id, ordinal, chunk.text, chunk.context, heading, spans, chunk.n_tokens,
        chunk.clean,
    )  # fmt: skip


def _chunk(row: sqlite3.Row) -> Chunk:
    return Chunk(
        id=row["id"],
        doc_id=row["doc_id"],
        text=row["text"],
        spans=tuple(Span(row["doc_id"], *values) for values in json.loads(row["spans"])),
        n_tokens=row["n_tokens"],
        heading=tuple(json.loads(row["heading"])),
        context=row["context"],
        clean=row["clean"],
    )


def _turn(row: sqlite3.Row) -> Turn:
    answer = None if row["answer"] is None else _ANSWER.validate_json(row["answer"])
    within = _FILTER.validate_json(row["within"])
    return Turn(row["id"], row["question"], answer, row["note"], within)
