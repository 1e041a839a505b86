"""DOCX to blocks.

kreuzberg 4.10.4 was tried: it loses "&" and "<" (R&D becomes RD), tabs (Total<tab>100 becomes
Total100) and the text beside a text box, and gives no numbers of numbered headings.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from rag import flow, grid, markup
from rag.archive import Archive, damaged, opened
from rag.flow import Block, Item, Title
from rag.markup import Node, attribute, children
from rag.numbering import Numbering

_THROUGH = frozenset(
    """sdt sdtcontent ins moveto smarttag customxml hyperlink fldsimple r object pict dir bdo
    omathpara omath txbxcontent ruby rubybase""".split()
)
_NOTES = (("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment"))
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "nobreakhyphen": "-"}


@dataclass(frozen=True, slots=True)
class Style:
    """level: of the heading that paragraphs of this style are, else 0. list: number and level."""

    level: int = 0
    numbering: tuple[str, int] | None = None


def read(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Item]:
    with opened(file, name, max_bytes) as archive:
        main = _main_part(archive)
        body = _body(archive, main, name)
        beside = {part: _spare(archive, path) for part, path in _related(archive, main).items()}
        core = _spare(archive, "docProps/core.xml")
    title = markup.first(core, "title") if core is not None else None
    yield Title(markup.text(title) if title is not None else "")
    reader = _Reader(_styles(beside.get("styles")), Numbering(beside.get("numbering")))
    yield from flow.numbered(flow.cut(_all(reader, body, beside)))


def _all(reader: "_Reader", body: Node, beside: dict[str, Node | None]) -> Iterator[Block]:
    yield from reader.blocks(body)
    for part, kind in _NOTES:
        root = beside.get(part)
        for name, note in children(root) if root is not None else ():
            if name == kind and attribute(note, "type") in ("", "normal"):
                word = "Comment" if kind == "comment" else "Note"
                yield from _noted(reader.blocks(note), f"{word}:")


def _noted(blocks: Iterable[Block], word: str) -> Iterator[Block]:
    return (Block(b.text if i else f"{word} {b.text}", tight=i > 0) for i, b in enumerate(blocks))


# -- parts -----------------------------------------------------------------------------------------


def _main_part(archive: Archive) -> str:
    found = _targets(archive, "_rels/.rels", "").get("officedocument")
    return found if found and found in archive else "word/document.xml"


def _related(archive: Archive, main: str) -> dict[str, str]:
    folder, _, file = main.rpartition("/")
    found = _targets(archive, f"{folder}/_rels/{file}.rels", folder)
    usual = ("styles", "numbering", "footnotes", "endnotes", "comments")
    return {part: found.get(part) or f"{folder}/{part}.xml" for part in usual}


def _targets(archive: Archive, member: str, folder: str) -> dict[str, str]:
    root = _spare(archive, member)
    targets = dict[str, str]()
    for _, node in children(root) if root is not None else ():
        kind = attribute(node, "Type").rpartition("/")[2].casefold()
        path = posixpath.normpath(posixpath.join("/", folder, attribute(node, "Target")))
        targets.setdefault(kind, path.lstrip("/"))
    return targets


def _body(archive: Archive, member: str, name: str) -> Node:
    try:
        body = markup.first(markup.xml(archive.read(member), lenient=True), "body")
    except ValueError as error:
        raise damaged(name, "its text cannot be followed") from error
    if body is None:
        raise damaged(name, "its text is missing")
    return body


def _spare(archive: Archive, member: str) -> Node | None:
    try:
        return markup.xml(archive.spare(member) or b"", lenient=True)
    except ValueError:
        return None


def _styles(root: Node | None) -> dict[str, Style]:
    """By id, each with what it inherits."""
    nodes = [n for t, n in children(root) if t == "style"] if root is not None else []
    by_id = {attribute(node, "styleId"): node for node in nodes}

    def style(identity: str, depth: int = 0) -> Style:
        node = by_id.get(identity)
        if node is None or depth > 20:
            return Style()
        parts = dict(children(node))
        base = style(_value(parts.get("basedon")), depth + 1)
        about = _properties(parts.get("ppr"))
        level = _heading_level(_value(parts.get("name")), about)
        return Style(base.level if level is None else level, about.numbering or base.numbering)

    return {identity: style(identity) for identity in by_id}


def _heading_level(style: str, about: "_About") -> int | None:
    if found := re.fullmatch(r"heading ?([1-9])", style, re.IGNORECASE):
        return int(found.group(1))
    return 1 if style.casefold() == "title" else about.level


@dataclass(frozen=True, slots=True)
class _About:
    """What a paragraph's properties say. level: None where they do not, 0 of plain text."""

    style: str = ""
    level: int | None = None
    numbering: tuple[str, int] | None = None


def _properties(node: Node | None) -> _About:
    if node is None:
        return _About()
    parts = dict(children(node))
    told = _value(parts.get("outlinelvl"))
    level = (int(told) + 1) % 10 if told.isdecimal() else None
    numbering = None
    if (numbers := parts.get("numpr")) is not None:
        inner = dict(children(numbers))
        depth = _value(inner.get("ilvl"))
        numbering = _value(inner.get("numid")), int(depth) if depth.isdecimal() else 0
    return _About(_value(parts.get("pstyle")), level, numbering)


def _value(node: Node | None) -> str:
    return attribute(node, "val") if node is not None else ""


# -- text ------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, styles: dict[str, Style], numbering: Numbering) -> None:
        self._styles = styles
        self._numbering = numbering
        self._boxes: list[Node] = []

    def blocks(self, node: Node) -> list[Block]:
        found: list[Block] = []
        self._into(found, node)
        return found

    def _into(self, found: list[Block], parent: Node) -> None:
        for name, node in children(parent):
            if name == "p":
                found += self._paragraph(node)
            elif name == "tbl":
                found += self._table(node)
            elif name in _THROUGH:
                self._into(found, node)
            elif name == "alternatecontent":
                self._into(found, _choice(node))

    def _paragraph(self, node: Node) -> Iterator[Block]:
        about = _properties(next((n for t, n in children(node) if t == "ppr"), None))
        style = self._styles.get(about.style) or Style(_heading_level(about.style, about) or 0)
        level = style.level if about.level is None else about.level
        marker = self._numbering.marker(about.numbering or style.numbering)
        outside, self._boxes = self._boxes, []
        text = "".join(self._text(node))
        boxes, self._boxes = self._boxes, outside
        if level and text.strip():
            yield from flow.heading(f"{marker} {text}" if marker not in ("", "-") else text, level)
        elif marker:
            yield from flow.indented(flow.paragraph(text), marker)
        else:
            yield from flow.paragraph(text)
        for box in boxes:
            yield from self.blocks(box)

    def _text(self, parent: Node) -> Iterator[str]:
        for name, node in children(parent):
            if name == "t":
                yield node.text or ""
            elif name in _CHARACTERS:
                yield _CHARACTERS[name]
            elif name == "sym":
                yield _symbol(node)
            elif name == "txbxcontent":
                self._boxes.append(node)
            elif name == "alternatecontent":
                yield from self._text(_choice(node))
            elif name not in ("ppr", "rpr", "del", "movefrom", "instrtext", "deltext", "rt", "p"):
                yield from self._text(node)

    def _table(self, node: Node) -> Iterator[Block]:
        table = grid.Table()
        reaching: dict[int, grid.Cells] = {}
        rows = list(_below(node, "tr"))
        named = bool(rows) and _child(rows[0], "trpr", "tblheader") is not None
        named = named or (len(rows) > 1 and _is_bold(rows[0]) and not _is_bold(rows[1]))
        for row in rows:
            table.start_row()
            for cell in _below(row, "tc"):
                self._cell(cell, table, reaching)
        yield from grid.blocks(table.rows, named=named or None)

    def _cell(self, cell: Node, table: grid.Table, reaching: dict[int, grid.Cells]) -> None:
        at = len(table.rows[-1])
        merged = _child(cell, "tcpr", "vmerge")
        span = _value(_child(cell, "tcpr", "gridspan"))
        if merged is not None and _value(merged) != "restart":
            content = reaching.get(at, ())
        else:
            content = self.blocks(cell)
            reaching[at] = content if merged is not None else ()
        table.add(content, columns=int(span) if span.isdecimal() else 1)


def _is_bold(row: Node) -> bool:
    """Whether all text is bold by itself, as in a row of names."""
    runs = [run for run in row.iter() if markup.tag(run) == "r" and markup.text(run).strip()]
    switches = [_child(run, "rpr", "b") for run in runs]
    return bool(runs) and all(
        switch is not None and _value(switch) not in ("0", "false", "off") for switch in switches
    )


def _below(node: Node, wanted: str) -> Iterator[Node]:
    """Children of a tag, those in content controls and insertions, too."""
    for name, child in children(node):
        if name == wanted:
            yield child
        elif name in _THROUGH:
            yield from _below(child, wanted)


def _child(node: Node, *path: str) -> Node | None:
    for wanted in path:
        node = next((n for t, n in children(node) if t == wanted), None)
        if node is None:
            return None
    return node


def _choice(node: Node) -> Node:
    """One of the alternatives; the others say the same for older programs."""
    return next(iter(node), node)


def _symbol(node: Node) -> str:
    """A character of a symbol font; in private use, what it looks like nobody knows but a few."""
    try:
        code = int(attribute(node, "char"), 16)
    except ValueError:
        return ""
    known = {0xF0B7: "•", 0xF0A7: "▪", 0xF0FC: "✓", 0xF0E0: "→", 0xF0A8: "☐", 0xF0FE: "☒"}
    return known.get(code, "" if 0xE000 <= code < 0xF900 or code > 0x10FFFF else chr(code))
