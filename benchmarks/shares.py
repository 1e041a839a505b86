"""A share of so many, and how sure it is."""

import math
from dataclasses import dataclass
from typing import Any

Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """k of n, with Wilson's 95 % interval."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson, JASA 1927. It holds for few questions, and for shares near 0 and 1, too."""
        if not self.n:
            return None
        share, square = self.k / self.n, Z_95**2
        middle = share + square / (2 * self.n)
        reach = Z_95 * math.sqrt(share * (1 - share) / self.n + square / (4 * self.n**2))
        scale = 1 + square / self.n
        # The share itself is inside, whatever the last digits of the floats say.
        return (
            max(0.0, min(share, (middle - reach) / scale)),
            min(1.0, max(share, (middle + reach) / scale)),
        )

    def __str__(self) -> str:
        if self.interval is None:
            return "–"
        low, high = self.interval
        reach = f"{100 * low:.0f}–{100 * high:.0f}"
        return f"{100 * self.k / self.n:.0f} % ({self.k} of {self.n}; {reach})"

    def as_json(self) -> dict[str, Any]:
        interval = self.interval
        return {
            "k": self.k,
            "n": self.n,
            "share": None if self.value is None else round(self.value, 4),
            "interval": None if interval is None else [round(end, 4) for end in interval],
        }
