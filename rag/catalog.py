"""The library's source of truth: documents, pages, chunks, full-text search and conversations."""

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from rag.errors import StoreCorrupt, StoreFull, StoreMismatch
from rag.types import (
    Answer,
    Chunk,
    Conversation,
    Document,
    DocumentRecord,
    Page,
    Span,
    State,
    Turn,
)

T = TypeVar("T")

VERSION = 1
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, media_type TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL, password TEXT,
    warnings TEXT NOT NULL, error TEXT NOT NULL, error_kind TEXT NOT NULL
);
CREATE TABLE pages (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, label TEXT NOT NULL, text TEXT NOT NULL,
    width REAL NOT NULL, height REAL NOT NULL,
    PRIMARY KEY (doc_id, number)
) WITHOUT ROWID;
CREATE TABLE chunks (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ordinal INTEGER NOT NULL,
    text TEXT NOT NULL, context TEXT NOT NULL, heading TEXT NOT NULL, spans TEXT NOT NULL,
    n_tokens INTEGER NOT NULL, embedded INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX chunks_of_document ON chunks (doc_id, ordinal);
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    text, context, content='chunks', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts (rowid, text, context) VALUES (new.rowid, new.text, new.context);
END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, text, context)
    VALUES ('delete', old.rowid, old.text, old.context);
END;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, updated_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE turns (
    id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL REFERENCES conversations
    ON DELETE CASCADE, question TEXT NOT NULL, answer TEXT, note TEXT NOT NULL
);
CREATE TABLE turn_documents (
    turn_id INTEGER NOT NULL REFERENCES turns ON DELETE CASCADE, doc_id TEXT NOT NULL,
    PRIMARY KEY (turn_id, doc_id)
) WITHOUT ROWID;
"""

RECORD = """
SELECT id, name, media_type, title, state, n_bytes,
    (SELECT count(*) FROM pages WHERE doc_id = d.id) AS n_pages,
    (SELECT count(*) FROM chunks WHERE doc_id = d.id) AS n_chunks,
    (SELECT count(*) FROM chunks WHERE doc_id = d.id AND embedded) AS n_embedded,
    added_at, warnings, error, error_kind
FROM documents d
"""

# Words that stand in nearly every question and tell nothing of what it is about.
STOP_WORDS = frozenset(
    """a about all an and any are as at be been being but by can could did do does doing for from
    had has have having he her him his how i if in into is it its let many may me might more most
    much must my no nor not of off on or our out over own shall she should so some such tell than
    that the their them then there these they this those to too under until up us was we were what
    when where which while who whom whose why will with would you your""".split()
)
REMOVED = "This answer was removed together with a document that it drew on."
_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


class Catalog:
    """One SQLite file. Each public method is one transaction; it may be called from any thread.

    is_blank: opened to read before a writer has laid it out; there is nothing to ask it for.
    Raises StoreCorrupt when the file is not a library, StoreMismatch when a newer version wrote
    it, StoreFull when the disk is full.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self._path = path
        self._lock = threading.RLock()
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

    def queue(self, doc_id: str, name: str, n_bytes: int, password: str | None) -> None:
        """Enter a document, or put one that failed back into the queue."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO documents VALUES (?, ?, '', '', 'queued', ?, ?, ?, '[]', '', '') "
                "ON CONFLICT (id) DO UPDATE SET state = 'queued', error = '', error_kind = '', "
                "name = excluded.name, password = coalesce(excluded.password, password)",
                (doc_id, name, n_bytes, time.time(), password),
            )

    def store(self, document: Document, chunks: Sequence[Chunk]) -> None:
        """Make a queued document searchable by words."""
        with self._transaction() as db:
            _erase_text(db, document.id)
            db.execute(
                "UPDATE documents SET media_type = ?, title = ?, state = 'searchable', "
                "warnings = ? WHERE id = ?",
                (document.media_type, document.title, json.dumps(document.warnings), document.id),
            )
            db.executemany(
                "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?)",
                ((document.id, p.number, p.label, p.text, *p.size) for p in document.pages),
            )
            db.executemany(
                "INSERT INTO chunks (id, doc_id, ordinal, text, context, heading, spans, n_tokens) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (_chunk_row(i, c) for i, c in enumerate(chunks)),
            )

    def fail(self, doc_id: str, message: str, kind: str) -> None:
        with self._transaction() as db:
            _erase_text(db, doc_id)
            db.execute(
                "UPDATE documents SET state = 'failed', error = ?, error_kind = ? WHERE id = ?",
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

    def erase_free_space(self) -> None:
        """Rewrite the word index and the log, which keep what was deleted until they are full."""
        with self._transaction() as db:
            db.execute("INSERT INTO chunks_fts (chunks_fts) VALUES ('optimize')")
        with self._lock, self._translated():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

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

    def in_state(self, state: State) -> list[str]:
        """Ids of the documents in a state, oldest first."""
        rows = self._all("SELECT id FROM documents WHERE state = ? ORDER BY added_at", state)
        return [row["id"] for row in rows]

    def page(self, doc_id: str, number: int) -> Page | None:
        """A page as stored, without boxes."""
        row = self._one("SELECT * FROM pages WHERE doc_id = ? AND number = ?", doc_id, number)
        if row is None:
            return None
        return Page(row["number"], row["label"], row["text"], (row["width"], row["height"]))

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

    def unembedded(self, doc_id: str, n: int) -> list[Chunk]:
        """The first n chunks without vectors, in reading order."""
        return self._read(
            _chunk,
            "SELECT * FROM chunks WHERE doc_id = ? AND NOT embedded ORDER BY ordinal LIMIT ?",
            doc_id,
            n,
        )

    def mark_embedded(self, doc_id: str, chunk_ids: Iterable[str]) -> None:
        """Note that these chunks have vectors; with the last one the document is embedded."""
        with self._transaction() as db:
            db.executemany("UPDATE chunks SET embedded = 1 WHERE id = ?", ((i,) for i in chunk_ids))
            db.execute(
                "UPDATE documents SET state = 'embedded' WHERE id = ? AND NOT EXISTS "
                "(SELECT 1 FROM chunks WHERE doc_id = documents.id AND NOT embedded)",
                (doc_id,),
            )

    def n_embedded(self) -> int:
        row = self._one("SELECT count(*) AS n FROM chunks WHERE embedded")
        return 0 if row is None else int(row["n"])

    def forget_vectors(self) -> None:
        """Have every document embedded again."""
        with self._transaction() as db:
            db.execute("UPDATE chunks SET embedded = 0")
            db.execute("UPDATE documents SET state = 'searchable' WHERE state = 'embedded'")

    def search(self, question: str, n: int) -> list[str]:
        """Up to n chunk ids that hold words of the question, best first by BM25."""
        expression = match_expression(question)
        if not expression:
            return []
        rows = self._all(
            "SELECT c.id FROM chunks_fts f JOIN chunks c ON c.rowid = f.rowid "
            "WHERE chunks_fts MATCH ? ORDER BY bm25(chunks_fts) LIMIT ?",
            expression,
            n,
        )
        return [row["id"] for row in rows]

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

    def begin_turn(self, conversation_id: str, question: str) -> int:
        """Enter a question, and its conversation with the first one. Returns the turn's id."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at",
                (conversation_id, question[:80], time.time()),
            )
            row = db.execute(
                "INSERT INTO turns (conversation_id, question, note) VALUES (?, ?, '') "
                "RETURNING id",
                (conversation_id, question),
            ).fetchone()
            return int(row["id"])

    def end_turn(self, turn_id: int, answer: Answer) -> None:
        """Save the answer, unless a document that it drew on was removed while it was written."""
        documents = {hit.chunk.doc_id for hit in answer.hits}
        with self._transaction() as db:
            there = {row["id"] for row in db.execute("SELECT id FROM documents")}
            if not documents <= there:
                db.execute("UPDATE turns SET note = ? WHERE id = ?", (REMOVED, turn_id))
                return
            db.execute(
                "UPDATE turns SET answer = ? WHERE id = ?",
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

    def remove_conversation(self, conversation_id: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))

    # Plumbing

    def _prepare(self, readonly: bool) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise StoreMismatch(
                f"The library {self._path} was written by a newer Strongroom (format {version}; "
                f"this one reads {VERSION}). Upgrade Strongroom to open it."
            )
        if version == 0 and self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise StoreMismatch(
                f"{self._path} belongs to another program. Choose another folder with --library."
            )
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA busy_timeout = 5000")
        self.is_blank = readonly and version == 0
        if readonly:
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA secure_delete = ON")
        # A temporary file would hold text of documents outside of the library's folder.
        self._db.execute("PRAGMA temp_store = MEMORY")
        if version == 0:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")

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
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFull(
                    f"The disk with {self._path} is full. Free some space and try again; "
                    "what was already in the library is unharmed."
                ) from error
            raise self._corrupt(error) from error

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


def match_expression(question: str) -> str:
    """An FTS5 query for any of the question's telling words; for any word when none is telling."""
    words = list(dict.fromkeys(re.findall(r"\w+", question.casefold())))
    telling = [word for word in words if word not in STOP_WORDS]
    return " OR ".join(f'"{word}"' for word in telling or words)


def _erase_text(db: sqlite3.Connection, doc_id: str) -> None:
    db.execute("DELETE FROM chunks WHERE doc_id = ?", (doc_id,))
    db.execute("DELETE FROM pages WHERE doc_id = ?", (doc_id,))


def _record(row: sqlite3.Row) -> DocumentRecord:
    values = dict(row)
    return DocumentRecord(**{**values, "warnings": tuple(json.loads(values["warnings"]))})


def _chunk_row(ordinal: int, chunk: Chunk) -> tuple[object, ...]:
    spans = json.dumps([(s.page, s.start, s.end) for s in chunk.spans])
    heading = json.dumps(chunk.heading)
    return (
        chunk.id, chunk.doc_id, ordinal, chunk.text, chunk.context, heading, spans, chunk.n_tokens,
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
    )


def _turn(row: sqlite3.Row) -> Turn:
    answer = None if row["answer"] is None else _ANSWER.validate_json(row["answer"])
    return Turn(row["id"], row["question"], answer, row["note"])
