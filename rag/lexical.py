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
USUAL = 0.2
"""Of all chunks; a word that more hold is left out, if they are more than are scored anyway."""

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
            return self._found(words, n)
        ranges = self._ranges(doc_ids)
        n_rows = int((ranges[:, 1] - ranges[:, 0] + 1).sum())
        if n_rows <= SCORED:
            return self._scored([_any_of(words)], n, ranges) if n_rows else []
        return self._found(words, n, ranges, self.n_all() / n_rows)

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

    def _found(
        self,
        words: Sequence[str],
        n: int,
        ranges: IntArray | None = None,
        wider: float = 1.0,
    ) -> list[tuple[str, float]]:
        """wider: times as many chunks as are wanted, for not all that hold a word lie in the
        ranges."""
        counts = self.n_holding(words)
        common = sorted(words, key=lambda word: counts[word])
        rare: list[str] = []
        total = 0
        while common and total + counts[common[0]] <= min(SCORED * wider, MOST):
            total += counts[common[0]]
            rare.append(common.pop(0))
        if not rare:
            return self._scored([_beside(common)], n, ranges)
        usual = max(SCORED, USUAL * self.n_all())
        telling = [word for word in common if counts[word] <= usual]
        # Each expression alone, for FTS5 counts a word twice that is in one twice.
        asked = [f"({_any_of(rare)}) {join} ({_any_of(telling)})" for join in ("AND", "NOT")]
        found = self._scored(asked if telling else [_any_of(rare)], n, ranges)
        if common and len(found) < n:
            found += self._scored([f"({_beside(common)}) NOT ({_any_of(rare)})"], n, ranges)
        return sorted(found, key=lambda row: -row[1])[:n]

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
        self, asked: Sequence[str], n: int, ranges: IntArray | None = None
    ) -> list[tuple[str, float]]:
        """Chunks that any of the expressions finds. ranges: where their rows lie."""
        where, values = "chunks_fts MATCH ?", []
        if ranges is not None:
            first, last = int(ranges[0, 0]), int(ranges[-1, 1])
            # FTS5 seeks a range; of the others the bytes tell, before a score is worked out.
            where += " AND rowid BETWEEN ? AND ? AND substr(?, rowid - ?, 1) = x'01'"
            values = [first, last, _bytes_of(ranges), first - 1]
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


def _bytes_of(ranges: IntArray) -> bytes:
    """A byte for each row from the first to the last one: 1 in the ranges, 0 between."""
    starts, ends = (ranges - ranges[0, 0]).T
    turns = np.zeros(ends[-1] + 2, np.int8)
    turns[starts] += 1
    turns[ends + 1] -= 1
    return turns[:-1].cumsum(dtype=np.int8).tobytes()
