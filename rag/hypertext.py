"""HTML and EPUB to blocks.

kreuzberg was tried and leaves pictures' addresses and link marks in tables, takes tables that only
lay out a page for data, and loses lists of definitions.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from rag import charset, flow, grid, markup
from rag.archive import Archive, damaged, opened
from rag.flow import Block, Item, Remark, Title
from rag.markup import Node, attribute, tag
from rag.rawtext import one_line

_SKIPPED = frozenset(
    "script style template noscript svg head iframe object select datalist annotation "
    "annotation-xml".split()
)
_BLOCK = frozenset(
    """address article aside blockquote body center dd details dialog dir div dl dt fieldset
    figcaption figure footer form header hr html legend main menu nav ol p pre section summary ul
    caption tbody thead tfoot table title""".split()
)
_HEADING = re.compile("h([1-6])")
_HIDDEN = re.compile(r"(display\s*:\s*none|mso-hide\s*:\s*all)", re.IGNORECASE)


def read_html(file: BinaryIO) -> Iterator[Item]:
    root = markup.html(decoded(file.read()))
    if root is not None:
        yield Title(_title(root))
        yield from flow.numbered(flow.cut(blocks(root)))


def read_epub(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Item]:
    with opened(file, name, max_bytes) as archive:
        package_path = _package_path(archive, name)
        package = _xml(archive, package_path, name)
        title = next((n for n in package.iter() if tag(n) == "title"), None)
        yield Title(one_line(markup.text(title)) if title is not None else "")
        chapters = _chapters(package, package_path)
        found = {chapter: archive.spare(chapter) for chapter in chapters}
        if chapters and not any(found.values()):
            raise damaged(name, "none of its chapters can be followed")
        yield from flow.numbered(
            flow.cut(block for data in found.values() if data for block in _text(data))
        )
        if lost := sum(data is None for data in found.values()):
            yield Remark(f"{lost} of its {len(found)} chapters cannot be followed.")


def decoded(data: bytes, declared: str | None = None) -> str:
    """HTML as text. declared: a charset that is told beside it, as by a mail."""
    return charset.decoded(data, declared or _declared(data[:4096]))


def blocks(root: Node) -> list[Block]:
    """What a person sees, in reading order."""
    reader = _Reader()
    skipping = 0
    for starts, node in markup.walk(root):
        hidden = (
            tag(node) in _SKIPPED
            or "hidden" in node.attrib
            or bool(_HIDDEN.search(node.get("style", "")))
        )
        if skipping or hidden:
            skipping += hidden if starts else -hidden
        elif starts:
            reader.start(node)
            reader.add(node.text)
        else:
            reader.end(node)
        if not starts and not skipping:
            reader.add(node.tail)
    return reader.close()


def _title(root: Node) -> str:
    node = next(root.iter("title", "{*}title"), None)
    return one_line(markup.text(node)) if node is not None else ""


def _declared(head: bytes) -> str | None:
    found = re.search(
        rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)
           | <\?xml[^>]+encoding\s*=\s*["']([\w.:-]+)""",
        head,
        re.IGNORECASE | re.VERBOSE,
    )
    return (found.group(1) or found.group(2)).decode("ascii") if found else None


# -- EPUB ------------------------------------------------------------------------------------------


def _package_path(archive: Archive, name: str) -> str:
    if "META-INF/container.xml" in archive:
        container = _xml(archive, "META-INF/container.xml", name)
        for node in container.iter():
            if tag(node) == "rootfile" and (path := attribute(node, "full-path")):
                return path
    found = next((member for member in archive.members if member.endswith(".opf")), None)
    if found is None:
        raise damaged(name, "it does not say which chapters it has")
    return found


def _xml(archive: Archive, member: str, name: str) -> Node:
    try:
        return markup.xml(archive.read(member), lenient=True)
    except ValueError as error:
        raise damaged(name, "its list of chapters cannot be followed") from error


def _chapters(package: Node, package_path: str) -> list[str]:
    """The members that hold the chapters, in the order of the book."""
    folder = posixpath.dirname(package_path)
    members = {
        attribute(node, "id"): posixpath.normpath(posixpath.join(folder, _local(node)))
        for node in package.iter()
        if tag(node) == "item"
    }
    spine = [attribute(node, "idref") for node in package.iter() if tag(node) == "itemref"]
    return list(dict.fromkeys(members[chapter] for chapter in spine if chapter in members))


def _text(data: bytes) -> list[Block]:
    root = markup.xhtml(data, decoded(data))
    return blocks(root) if root is not None else []


def _local(item: Node) -> str:
    return attribute(item, "href").partition("#")[0]


# -- HTML ------------------------------------------------------------------------------------------


class _Reader:
    """Takes elements as they start and end. Cells of tables collect blocks of their own."""

    def __init__(self) -> None:
        self._inline: list[str] = []
        self._pre = 0
        self._level = 0
        self._into: list[list[Block]] = [[]]
        self._tables: list[_Open] = []
        self._lists: list[int | None] = []
        self._marker = ""

    def close(self) -> list[Block]:
        self.flush()
        while self._tables:
            self.end_table()
        return self._into[0]

    def add(self, text: str | None) -> None:
        if text:
            self._inline.append(text if self._pre else re.sub(r"\s+", " ", text))

    def start(self, node: Node) -> None:
        name = tag(node)
        if begin := _BEGIN.get(name):
            begin(self, node)
        elif found := _HEADING.fullmatch(name):
            self.flush()
            self._level = int(found.group(1))
        elif name in _BLOCK:
            self.flush()
            self._pre += name == "pre"

    def end(self, node: Node) -> None:
        name = tag(node)
        if finish := _FINISH.get(name):
            finish(self)
        elif name in _BLOCK or _HEADING.fullmatch(name):
            self.flush()
            self._pre -= name == "pre"
            self._level = 0

    def flush(self) -> None:
        raw, self._inline = "".join(self._inline), []
        if not raw.strip():
            return
        found = flow.heading(raw, self._level) if self._level else flow.paragraph(raw)
        if self._marker:
            found, self._marker = flow.indented(found, self._marker), ""
        self._into[-1] += found

    # Each of these is for one element.

    def break_line(self, _node: Node) -> None:
        self._inline.append("\n")

    def picture(self, node: Node) -> None:
        if alt := node.get("alt", "").strip():
            self._inline.append(f" {alt} ")

    def field(self, node: Node) -> None:
        if node.get("type", "text") in ("text", "submit", "button"):
            self._inline.append(f" {node.get('value', '')} ")

    def list(self, node: Node) -> None:
        self.flush()
        self._lists.append(_whole(node.get("start"), 1) if tag(node) == "ol" else None)

    def item(self, node: Node) -> None:
        self.flush()
        number = self._lists[-1] if self._lists else None
        self._marker = "-" if number is None else f"{_whole(node.get('value'), number)}."
        if number is not None:
            self._lists[-1] = _whole(node.get("value"), number) + 1

    def end_item(self) -> None:
        self.flush()
        self._marker = ""

    def end_list(self) -> None:
        self.flush()
        if self._lists:
            self._lists.pop()

    def table(self, _node: Node) -> None:
        self.flush()
        self._tables.append(_Open())

    def row(self, _node: Node) -> None:
        self.flush()
        if self._tables:
            self._tables[-1].table.start_row()

    def cell(self, node: Node) -> None:
        self.flush()
        if not self._tables:
            return
        if self._tables[-1].cell is not None:
            self.end_cell()
        self._tables[-1].begin(node)
        self._into.append([])

    def end_cell(self) -> None:
        self.flush()
        if self._tables and (cell := self._tables[-1].cell) is not None:
            columns, rows = cell
            self._tables[-1].table.add(self._into.pop(), columns=columns, rows=rows)
            self._tables[-1].cell = None

    def end_table(self) -> None:
        self.end_cell()
        if self._tables:
            ended = self._tables.pop()
            self._into[-1] += grid.blocks(ended.table.rows, named=ended.named() or None)


class _Open:
    """A table that has not ended. cell: columns and rows of the cell that has not."""

    def __init__(self) -> None:
        self.table = grid.Table()
        self.cell: tuple[int, int] | None = None
        self._first_row: list[bool] = []

    def begin(self, node: Node) -> None:
        self.cell = _whole(node.get("colspan"), 1), _whole(node.get("rowspan"), 1)
        if len(self.table.rows) < 2:
            self._first_row.append(tag(node) == "th")

    def named(self) -> bool:
        """Whether the first row is made of headers."""
        return len(self._first_row) > 1 and all(self._first_row)


def _whole(told: str | None, otherwise: int) -> int:
    try:
        return int((told or "").strip())
    except ValueError:
        return otherwise


_BEGIN: dict[str, Callable[[_Reader, Node], None]] = {
    "br": _Reader.break_line,
    "img": _Reader.picture,
    "input": _Reader.field,
    "ol": _Reader.list,
    "ul": _Reader.list,
    "menu": _Reader.list,
    "li": _Reader.item,
    "table": _Reader.table,
    "tr": _Reader.row,
    "td": _Reader.cell,
    "th": _Reader.cell,
}
_FINISH: dict[str, Callable[[_Reader], None]] = {
    "ol": _Reader.end_list,
    "ul": _Reader.end_list,
    "menu": _Reader.end_list,
    "li": _Reader.end_item,
    "table": _Reader.end_table,
    "tr": _Reader.flush,
    "td": _Reader.end_cell,
    "th": _Reader.end_cell,
}
