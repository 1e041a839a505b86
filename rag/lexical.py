"""Ranks chunks by words, in a time that hardly grows with the library. SQL and numpy only.

BM25 takes a microsecond or more for each chunk that it scores, and common words stand in a good
part of all chunks. So only those are scored, by all words, that hold one of the rarer words. The
others come last in a full ranking, for what a word adds falls with the number of chunks it is in.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rag.arrays import IntArray

SCORED = 5_000
"""Chunks; about so many are scored for one question."""
MOST = 2 * SCORED
"""Chunks that are looked at to find those in chosen documents."""
ENOUGH = 200
"""With fewer that hold a rare word, those that hold the next one and any other are scored too."""

Rows = Callable[..., Sequence[Any]]
"""SQL and its values to rows."""


@dataclass(slots=True)
class Lexical:
    """rows: asks the catalogue. _counts: how many chunks hold a word while there are _n_all."""

    rows: Rows
    _n_all: int = 0
    _counts: dict[str, int] = field(default_factory=dict)

    def holding(
        self, words: Sequence[str], n: int, doc_ids: Sequence[str] | None
    ) -> list[tuple[str, float]]:
        """Up to n (chunk id, BM25) of chunks that hold any of the words, best first.

        doc_ids: of the documents to look in; None means all.
        """
        if not words:
            return []
        if doc_ids is None:
            return self._scored(self._split(words), n)
        ranges = self._ranges(doc_ids)
        n_rows = int((ranges[:, 1] - ranges[:, 0] + 1).sum())
        if n_rows <= SCORED:
            return self._scored([_any_of(words)], n, _rows_in(ranges))
        asked = self._split(words, self.n_all() / n_rows)
        found = [row for expression in asked for row in self._rows_of(expression)]
        return self._scored(asked, n, _inside(np.array(found, np.int32), ranges))

    def n_holding(self, words: Sequence[str]) -> dict[str, int]:
        """How many chunks hold each of the words."""
        n_all = self.n_all()
        if self._n_all != n_all:
            self._n_all, self._counts = n_all, {}
        counts = self._counts
        for word in words:
            if word not in counts:
                (row,) = self.rows(
                    "SELECT count(*) AS n FROM chunks_fts WHERE chunks_fts MATCH ?", _any_of([word])
                )
                counts[word] = int(row["n"])
        return {word: counts[word] for word in words}

    def n_all(self) -> int:
        (row,) = self.rows("SELECT total(n_chunks) AS n FROM documents")
        return int(row["n"])

    def _split(self, words: Sequence[str], wider: float = 1.0) -> list[str]:
        """Expressions for the chunks that are to be scored, of which each fits one alone, for FTS5
        counts a word twice that is in one twice.

        wider: times as many chunks as are wanted, for not all that are found will be looked at.
        """
        counts = self.n_holding(words)
        common = sorted(words, key=lambda word: counts[word])
        rare: list[str] = []
        total = 0
        while common and total + counts[common[0]] <= min(SCORED * wider, MOST):
            total += counts[common[0]]
            rare.append(common.pop(0))
        if not (rare and common):
            return [_any_of(rare)] if rare else [_beside(common)]
        asked = [f"({_any_of(rare)}) {join} ({_any_of(common)})" for join in ("AND", "NOT")]
        if total < ENOUGH * wider:
            asked.append(f"({_beside(common)}) NOT ({_any_of(rare)})")
        return asked

    def _rows_of(self, expression: str) -> list[int]:
        (row,) = self.rows(
            "SELECT json_group_array(rowid) AS found FROM chunks_fts WHERE chunks_fts MATCH ?",
            expression,
        )
        found: list[int] = json.loads(row["found"])
        return found

    def _ranges(self, doc_ids: Sequence[str]) -> IntArray:
        """(documents, 2), sorted: the first and the last row of each. The chunks of a document are
        stored together, so that their rows follow one another."""
        edge = "SELECT rowid FROM chunks WHERE doc_id = value ORDER BY ordinal"
        rows = self.rows(
            f"SELECT ({edge} LIMIT 1) AS first, ({edge} DESC LIMIT 1) AS last FROM json_each(?)",
            json.dumps(list(doc_ids)),
        )
        found = sorted((row["first"], row["last"]) for row in rows if row["first"] is not None)
        return np.array(found, np.int32).reshape(-1, 2)

    def _scored(
        self, asked: Sequence[str], n: int, inside: IntArray | None = None
    ) -> list[tuple[str, float]]:
        """Chunks that any of the expressions finds. inside: rows, sorted."""
        if inside is not None and not len(inside):
            return []
        where, values = "chunks_fts MATCH ?", []
        if inside is not None:
            # FTS5 seeks a range, and the plus keeps SQLite from asking it anew for each row.
            where += " AND rowid BETWEEN ? AND ? AND +rowid IN (SELECT value FROM json_each(?))"
            values = [int(inside[0]), int(inside[-1]), json.dumps(inside.tolist())]
        one = f"SELECT rowid, bm25(chunks_fts) AS score FROM chunks_fts WHERE {where}"
        rows = self.rows(
            f"SELECT id, -score AS score FROM ({' UNION ALL '.join(one for _ in asked)} "
            "ORDER BY score LIMIT ?) f JOIN chunks c ON c.rowid = f.rowid ORDER BY f.score",
            *(value for expression in asked for value in (expression, *values)),
            n,
        )
        return [(row["id"], row["score"]) for row in rows]


def _beside(words: Sequence[str]) -> str:
    """The first word with any other one."""
    first, *others = words
    return f"{_quoted(first)} AND ({_any_of(others)})" if others else _quoted(first)


def _any_of(words: Sequence[str]) -> str:
    return " OR ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    return f'"{word}"'


def _rows_in(ranges: IntArray) -> IntArray:
    parts = [np.arange(first, last + 1, dtype=np.int32) for first, last in ranges]
    return np.concatenate(parts) if parts else np.empty(0, np.int32)


def _inside(rows: IntArray, ranges: IntArray) -> IntArray:
    """Those of the rows that lie in a range, sorted."""
    rows = np.sort(rows)
    place = np.searchsorted(ranges[:, 0], rows, side="right") - 1
    found: IntArray = rows[(place >= 0) & (rows <= ranges[place, 1])]
    return found
