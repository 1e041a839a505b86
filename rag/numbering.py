"""The numbers of numbered paragraphs in DOCX, which only describes them: "3.2", "(b)", "iv."."""

import re
from dataclasses import dataclass

from rag.markup import Node, attribute, children

MAX_NUMBER = 100_000


@dataclass(frozen=True, slots=True)
class Level:
    start: int = 1
    kind: str = "bullet"
    pattern: str = ""


class Numbering:
    """Counts paragraphs of each list, as they come."""

    def __init__(self, root: Node | None) -> None:
        parts = list(children(root)) if root is not None else []
        abstract = {
            attribute(node, "abstractNumId"): _levels(node)
            for name, node in parts
            if name == "abstractnum"
        }
        self._list = dict[str, str]()
        self._levels = dict[str, dict[int, Level]]()
        for name, node in parts:
            if name != "num":
                continue
            number = attribute(node, "numId")
            base = next(
                (attribute(n, "val") for t, n in children(node) if t == "abstractnumid"), ""
            )
            changed = {
                i: level
                for t, n in children(node)
                if t == "lvloverride"
                for i, level in _levels(n).items()
            }
            self._list[number] = f"{number}*" if changed else base
            self._levels[number] = {**abstract.get(base, {}), **changed}
        self._counts = dict[str, dict[int, int]]()

    def marker(self, place: tuple[str, int] | None) -> str:
        """What stands before a paragraph of list `place[0]` at level `place[1]`; "" for none."""
        if place is None or place[0] in ("", "0"):
            return ""
        number, depth = place
        levels = self._levels.get(number, {})
        level = levels.get(depth, Level())
        counts = self._counts.setdefault(self._list.get(number, number), {})
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [d for d in counts if d > depth]:
            del counts[deeper]
        if level.kind == "none":
            return ""
        return "-" if level.kind == "bullet" else _spelled(level.pattern, levels, counts)


def _levels(node: Node) -> dict[int, Level]:
    levels = dict[int, Level]()
    for name, level in children(node):
        depth = attribute(level, "ilvl")
        if name == "lvl" and depth.isdecimal():
            told = {t: attribute(n, "val") for t, n in children(level)}
            start = told.get("start", "")
            levels[int(depth)] = Level(
                int(start) if start.isdecimal() else 1,
                told.get("numfmt", "decimal"),
                told.get("lvltext", ""),
            )
    return levels


def _spelled(pattern: str, levels: dict[int, Level], counts: dict[int, int]) -> str:
    def number(match: re.Match[str]) -> str:
        depth = int(match.group(1)) - 1
        level = levels.get(depth, Level())
        return _figure(counts.get(depth, level.start), level.kind)

    return re.sub("%([1-9])", number, pattern).strip()


def _figure(number: int, kind: str) -> str:
    if kind in ("lowerLetter", "upperLetter") and 0 < number < MAX_NUMBER:
        letter = chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 10)
        return letter if kind == "lowerLetter" else letter.upper()
    if kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        roman = _roman(number)
        return roman if kind == "lowerRoman" else roman.upper()
    return f"{number:02d}" if kind == "decimalZero" else str(number)


def _roman(number: int) -> str:
    digits = "m cm d cd c xc l xl x ix v iv i".split()
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    spelled = ""
    for digit, value in zip(digits, values, strict=True):
        spelled += digit * (number // value)
        number %= value
    return spelled
