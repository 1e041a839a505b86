"""Fakes of the seams in rag.types, for fast tests of code that uses Strongroom."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np

from rag.arrays import FloatArray, IntArray
from rag.types import Piece, Prompt


class WordTokenizer:
    """One token for each run of letters or digits and for each other visible character."""

    def __init__(self, window: int = 64) -> None:
        self.window = window

    def token_ends(self, text: str) -> IntArray:
        return np.asarray([m.end() for m in re.finditer(r"\w+|[^\w\s]", text)], dtype=np.int32)


class HashEmbedder:
    """Texts that share words get similar vectors."""

    def __init__(self, dim: int = 64) -> None:
        self.dim = dim

    def embed(self, texts: Sequence[str]) -> FloatArray:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 1e-3
            for word in re.findall(r"\w+", text.casefold()):
                row[hashlib.sha256(word.encode()).digest()[0] % self.dim] += 1
        lengths: FloatArray = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
        return vectors / lengths


class MemoryIndex:
    """A VectorIndex that scans."""

    is_at_hand = True

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, FloatArray]] = {}

    def add(self, ids: Sequence[str], doc_ids: Sequence[str], vectors: FloatArray) -> None:
        for chunk_id, doc_id, vector in zip(ids, doc_ids, vectors, strict=True):
            self._rows[chunk_id] = (doc_id, vector)

    def shortened(self, vectors: FloatArray) -> FloatArray:
        return vectors

    def query(self, vector: FloatArray, n: int) -> list[str]:
        return sorted(self._rows, key=lambda i: -float(self._rows[i][1] @ vector))[:n]

    def remove(self, doc_id: str) -> None:
        self._rows = {i: row for i, row in self._rows.items() if row[0] != doc_id}

    def ids(self, doc_id: str | None = None) -> set[str]:
        return {i for i, (owner, _) in self._rows.items() if doc_id in (None, owner)}

    def get(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        return {i: self._rows[i][1] for i in ids if i in self._rows}

    def discard(self, ids: Sequence[str]) -> None:
        self._rows = {i: row for i, row in self._rows.items() if i not in set(ids)}

    def clear(self) -> None:
        self._rows = {}

    def count(self) -> int:
        return len(self._rows)

    def rewrite(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        return not cancelled()


class ScriptedGenerator:
    """Says what it is told to, a word at a time. prompts: what it was asked, in order. chances:
    what it tells of openings that it is to weigh, one for each. reads_in_s: how long
    it says that reading takes."""

    name = "scripted"

    def __init__(
        self, *answers: str, n_context: int = 4096, chances: tuple[float, ...] = ()
    ) -> None:
        self.n_context = n_context
        self.n_ahead = 0
        self.stamp = ""
        self.reads_in_s: float | None = None
        self.prompts: list[Prompt] = []
        self._answers = list(answers)
        self._chances = chances

    def warm_up(self, instructions: str) -> None:
        pass

    def tune(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        pass

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def prompt_tokens(self, prompt: Prompt) -> int:
        return sum(
            self.count_tokens(t) for t in (prompt.instructions, *prompt.passages, prompt.question)
        )

    def reading_s(self, prompt: Prompt) -> float | None:  # noqa: ARG002
        return self.reads_in_s

    def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        seed: int = 0,  # noqa: ARG002  the script is the same for every seed
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        self.prompts.append(prompt)
        words = re.findall(r"\S+\s*", self._answers[(len(self.prompts) - 1) % len(self._answers)])
        for word in words[:max_tokens]:
            if cancelled():
                yield Piece("", 0, "cancelled")
                return
            yield Piece(word, 1)
        stop: Literal["complete", "length"] = "complete" if len(words) <= max_tokens else "length"
        yield Piece("", 0, stop)

    def weigh(
        self,
        prompt: Prompt,  # noqa: ARG002  it has made up its mind
        openings: Sequence[str],
        *,
        cancelled: Callable[[], bool] = lambda: False,  # noqa: ARG002
    ) -> tuple[float, ...]:
        return self._chances[: len(openings)]

    def prepare(
        self,
        prompt: Prompt,  # noqa: ARG002  nothing is kept
        *,
        cancelled: Callable[[], bool] = lambda: False,  # noqa: ARG002
    ) -> bool:
        return True
