"""How well whole pages hold the words of a question.

For the few pages whose passages were found, at the time of asking: a word index over pages as well
would be as large again as that over passages, and as slow to ask.
"""

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

from rag import wording

T = TypeVar("T", bound=Hashable)

K1, B = 1.2, 0.4
"""Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009. B is low
because a long page is seldom long for saying things twice."""
SPACED = bytes(i if i >= 128 or chr(i).isalnum() else 32 for i in range(256))
"""For bytes of UTF-8: what is no letter or digit of ASCII, but a sign, becomes a space."""


def scores(texts: Mapping[T, str], weights: Mapping[str, float]) -> dict[T, float]:
    """From 0 for the worst to 1 for the best of them; 0 where none is better than another.

    weights: of the question's words. Forms of a word are told by the start that they share: what is
    counted here was found by other means, so that a word too many does little harm.
    """
    plain = {key: _spaced(text) for key, text in texts.items()}
    mean = sum(map(len, plain.values())) / len(plain) if plain else 1.0
    sought = [(_sought(word), word_weight) for word, word_weight in weights.items()]
    found = {key: _score(text, sought, len(text) / mean) for key, text in plain.items()}
    worst, best = min(found.values(), default=0.0), max(found.values(), default=0.0)
    return {key: (s - worst) / (best - worst) if best > worst else 0.0 for key, s in found.items()}


def weight(n_holding: int, n_all: int) -> float:
    """How much a word tells that n_holding of n_all texts hold."""
    return math.log(1 + (n_all - n_holding + 0.5) / (n_holding + 0.5))


def _score(text: bytes, sought: list[tuple[bytes, float]], length: float) -> float:
    """length: of the text, in that of a middling one."""
    total = 0.0
    for word, word_weight in sought:
        if n := text.count(word):
            total += word_weight * n * (K1 + 1) / (n + K1 * (1 - B + B * length))
    return total


def _spaced(text: str) -> bytes:
    return b" " + text.casefold().encode("utf-8", "replace").translate(SPACED) + b" "


def _sought(word: str) -> bytes:
    """With the space in front, and behind where it is no mere start of a word."""
    start = wording.start(word)
    is_start = start.isalpha() and len(start) >= wording.MIN_START
    return f" {start}".encode("utf-8", "replace") + (b"" if is_start else b" ")
