"""How well texts hold the words of a question, counted at the time of asking.

For few texts: those of chosen documents, where words weigh other than in the whole library (the
name of a company tells nothing within its own report), and the whole pages of passages that were
found. A word index over pages as well would be as large again as that over passages.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from rag import wording
from rag.arrays import FloatArray

T = TypeVar("T", bound=Hashable)

K1 = 1.2
"""Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009."""
SPACED = bytes(i if i >= 128 or chr(i).isalnum() else 32 for i in range(256))
"""For bytes of UTF-8: what is no letter or digit of ASCII, but a sign, becomes a space."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts(Generic[T]):
    """How often texts hold words. keys: of the texts. n: (texts, words). length: of each text, in
    that of a middling one."""

    keys: tuple[T, ...]
    words: tuple[str, ...]
    n: FloatArray
    length: FloatArray

    def n_holding(self) -> dict[str, int]:
        """How many of the texts hold each of the words."""
        return {w: int(n) for w, n in zip(self.words, (self.n > 0).sum(axis=0), strict=True)}

    def scores(self, weights: Mapping[str, float], *, b: float = 0.75) -> dict[T, float]:
        """By BM25. weights: how much words tell; others tell nothing. b: from 0 to 1, how far a
        long text is held to be long for saying things twice."""
        told = np.array([weights.get(word, 0.0) for word in self.words], np.float32)
        room = K1 * (1 - b + b * self.length)[:, np.newaxis]
        totals = (self.n * (K1 + 1) / (self.n + room)) @ told
        return {key: float(total) for key, total in zip(self.keys, totals, strict=True)}


def count(texts: Mapping[T, str], words: Sequence[str]) -> Counts[T]:
    """Forms of a word are told by the start that they share."""
    sought = [_sought(word) for word in words]
    plain = [_spaced(text) for text in texts.values()]
    n = np.array([[text.count(word) for word in sought] for text in plain], np.float32)
    sizes = np.array([len(text) for text in plain], np.float32)
    length = sizes / sizes.mean() if plain else sizes
    return Counts(tuple(texts), tuple(words), n.reshape(len(plain), len(sought)), length)


def weights(n_holding: Mapping[str, int], n_all: int) -> dict[str, float]:
    """How much words tell that so many of n_all texts hold."""
    return {
        word: float(np.log1p((n_all - n + 0.5) / (n + 0.5))) for word, n in n_holding.items() if n
    }


def _spaced(text: str) -> bytes:
    return b" " + text.casefold().encode("utf-8", "replace").translate(SPACED) + b" "


def _sought(word: str) -> bytes:
    """With the space in front, and behind where it is no mere start of a word."""
    start = wording.start(word)
    is_start = start.isalpha() and len(start) >= wording.MIN_START
    return f" {start}".encode("utf-8", "replace") + (b"" if is_start else b" ")
