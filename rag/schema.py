"""The tables of a library, and how one of an older format becomes one of today's. SQL only."""

VERSION = 4

WORDS = """
CREATE VIRTUAL TABLE chunks_fts USING fts5 (
    text, context, content='reading', tokenize='porter unicode61 remove_diacritics 2'
);
"""

_WORDS = f"""
CREATE VIEW reading AS SELECT rowid, coalesce(clean, text) AS text, context FROM chunks;
{WORDS}
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts (rowid, text, context)
    VALUES (new.rowid, coalesce(new.clean, new.text), new.context);
END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, text, context)
    VALUES ('delete', old.rowid, coalesce(old.clean, old.text), old.context);
END;
CREATE TRIGGER chunks_moved AFTER UPDATE OF context ON chunks BEGIN
    INSERT INTO chunks_fts (chunks_fts, rowid, text, context)
    VALUES ('delete', old.rowid, coalesce(old.clean, old.text), old.context);
    INSERT INTO chunks_fts (rowid, text, context)
    VALUES (new.rowid, coalesce(new.clean, new.text), new.context);
END;
CREATE INDEX chunks_to_embed ON chunks (doc_id, ordinal) WHERE NOT embedded;
CREATE INDEX documents_to_do ON documents (state, added_at);
"""

# scans: pages that OCR has read, of documents that have others to be read yet.
# vectors: float16. files: where documents of a source came from; doc_id is empty where the file
# has never given one. Paths are written as rag.catalog says.
_SINCE_2 = """
CREATE TABLE scans (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, label TEXT NOT NULL, text TEXT NOT NULL,
    width REAL NOT NULL, height REAL NOT NULL, lines BLOB NOT NULL,
    PRIMARY KEY (doc_id, number)
) WITHOUT ROWID;
CREATE TABLE vectors (
    chunk INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, vector BLOB NOT NULL
);
CREATE TABLE sources (
    path TEXT PRIMARY KEY, watched INTEGER NOT NULL, added_at REAL NOT NULL,
    last_look REAL NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY, source TEXT NOT NULL REFERENCES sources ON DELETE CASCADE,
    doc_id TEXT NOT NULL, n_bytes INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
    error TEXT NOT NULL, held INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX files_of_source ON files (source);
CREATE INDEX files_of_document ON files (doc_id);
"""

# first_day, last_day: the document's own date as "2024-03-01", two for a box of mails.
TO_3 = """
CREATE TABLE collections (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);
CREATE TABLE members (
    collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    PRIMARY KEY (collection, doc_id)
) WITHOUT ROWID;
CREATE INDEX members_of_document ON members (doc_id);
ALTER TABLE sources ADD COLUMN collection INTEGER REFERENCES collections ON DELETE SET NULL;
ALTER TABLE turns ADD COLUMN within TEXT NOT NULL DEFAULT '{}';
ALTER TABLE documents ADD COLUMN first_day TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN last_day TEXT NOT NULL DEFAULT '';
UPDATE documents SET first_day = date(coalesce(
    (SELECT max(changed_ns) / 1000000000 FROM files WHERE doc_id = documents.id AND changed_ns > 0),
    added_at), 'unixepoch', 'localtime');
UPDATE documents SET last_day = first_day;
UPDATE documents SET
    first_day = (SELECT min(substr(label, 9, 10)) FROM pages
        WHERE doc_id = documents.id AND label GLOB 'mail of [0-9]*'),
    last_day = (SELECT max(substr(label, 9, 10)) FROM pages
        WHERE doc_id = documents.id AND label GLOB 'mail of [0-9]*')
WHERE EXISTS (SELECT 1 FROM pages WHERE doc_id = documents.id AND label GLOB 'mail of [0-9]*');
"""

# pinned: its documents are prepared before others.
TO_4 = """
ALTER TABLE collections ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
"""

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, media_type TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL, n_bytes INTEGER NOT NULL, added_at REAL NOT NULL, password TEXT,
    warnings TEXT NOT NULL, error TEXT NOT NULL, error_kind TEXT NOT NULL,
    n_pages INTEGER NOT NULL DEFAULT 0, n_chunks INTEGER NOT NULL DEFAULT 0,
    n_embedded INTEGER NOT NULL DEFAULT 0, unread TEXT NOT NULL DEFAULT '[]',
    kept INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE pages (
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, label TEXT NOT NULL, text TEXT NOT NULL,
    width REAL NOT NULL, height REAL NOT NULL, lines BLOB,
    PRIMARY KEY (doc_id, number)
) WITHOUT ROWID;
CREATE TABLE chunks (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    doc_id TEXT NOT NULL REFERENCES documents ON DELETE CASCADE, ordinal INTEGER NOT NULL,
    text TEXT NOT NULL, context TEXT NOT NULL, heading TEXT NOT NULL, spans TEXT NOT NULL,
    n_tokens INTEGER NOT NULL, embedded INTEGER NOT NULL DEFAULT 0, clean TEXT
);
CREATE INDEX chunks_of_document ON chunks (doc_id, ordinal);
{_WORDS}
{_SINCE_2}
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
{TO_3}
{TO_4}
"""

# Format 1 kept vectors in Chroma alone and numbers of pages as labels. Its documents stay
# searchable by their words while their vectors are made anew.
TO_2 = f"""
ALTER TABLE documents ADD COLUMN n_pages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN n_chunks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN n_embedded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN unread TEXT NOT NULL DEFAULT '[]';
ALTER TABLE documents ADD COLUMN kept INTEGER NOT NULL DEFAULT 1;
ALTER TABLE pages ADD COLUMN lines BLOB;
ALTER TABLE chunks ADD COLUMN clean TEXT;
UPDATE pages SET label = 'page ' || label;
UPDATE chunks SET embedded = 0;
UPDATE documents SET
    n_pages = (SELECT count(*) FROM pages WHERE doc_id = documents.id),
    n_chunks = (SELECT count(*) FROM chunks WHERE doc_id = documents.id),
    state = CASE state WHEN 'embedded' THEN 'searchable' ELSE state END;
DROP TRIGGER chunks_added;
DROP TRIGGER chunks_removed;
DROP TABLE chunks_fts;
{_WORDS}
{_SINCE_2}
INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild');
"""

MIGRATIONS = {1: TO_2, 2: TO_3, 3: TO_4}
"""From each older format to the next."""
