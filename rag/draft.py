"""What comes next in an answer, guessed from where its last words stand in the passages.

Answers quote. A model reads several tokens in hardly more time than it writes one, so a guess that
it agrees with is nearly free (prompt lookup decoding).
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

MOST = 2
"""Tokens of one guess. Three read at once cost 1.6 times as much as one and are computed just as
one is; from four on, llama.cpp computes a little differently, and answers could too."""
SHORTEST, LONGEST = 2, 8
"""How many of the last tokens must stand in the passages: few while guesses are right, more after
each wrong one."""


class Draft:
    """sources: tokens of the texts that an answer may quote."""

    def __init__(self, sources: Sequence[Sequence[int]]) -> None:
        self._sources = sources
        self._written: list[int] = []
        self._needed = SHORTEST
        # (source, offset behind it) of each pair of tokens.
        self._places: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for n, source in enumerate(sources):
            for i, pair in enumerate(pairwise(source)):
                self._places[pair].append((n, i + SHORTEST))

    def add(self, tokens: Sequence[int]) -> None:
        """The next tokens of the answer are known."""
        self._written += tokens

    def guess(self) -> Sequence[int]:
        """Up to MOST tokens that may follow, one fewer than match; none where that is too few."""
        if len(self._written) < SHORTEST:
            return ()
        places = self._places.get((self._written[-2], self._written[-1]), ())
        # Of the longest match, the first place: passages stand best first.
        length, _, n, end = max(
            ((self._length(n, end), -i, n, end) for i, (n, end) in enumerate(places)),
            default=(0, 0, 0, 0),
        )
        if length < self._needed:
            return ()
        return self._sources[n][end : end + min(length - 1, MOST)]

    def judge(self, n_right: int, n_guessed: int) -> None:
        """How many tokens of the last guess were right."""
        step = -1 if 2 * n_right >= n_guessed else 1
        if n_guessed:
            self._needed = min(max(self._needed + step, SHORTEST), LONGEST)

    def _length(self, n: int, end: int) -> int:
        """How many tokens in front of a place are the last ones written, LONGEST at most."""
        written, source = self._written, self._sources[n]
        most = min(LONGEST, end, len(written))
        return next((i for i in range(most) if source[end - 1 - i] != written[-1 - i]), most)
