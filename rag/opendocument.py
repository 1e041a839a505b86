"""ODT and ODP to blocks.

kreuzberg 4.10.4 was tried: it does not read ODP, and in ODT it loses blanks that the file counts
and the notes' places.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from rag import flow, grid, markup
from rag.archive import Archive, check_open, damaged, opened
from rag.flow import Block, Item, Title
from rag.markup import Node, attribute, children, tag

MAX_REPEATED = 100
_THROUGH = frozenset(
    """section index-body table-of-content alphabetical-index bibliography illustration-index
    frame text-box g custom-shape rect ellipse line connector polygon polyline path caption a span
    numbered-paragraph list-header table-header-rows table-rows table-row-group soft-page-break
    object-index user-index table-index meta image""".split()
)
_SKIPPED = frozenset(
    """tracked-changes annotation note sequence-decls variable-decls user-field-decls forms
    note-citation ruby-text bookmark-start bookmark-end""".split()
)


def read_text(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Item]:
    with opened(file, name, max_bytes) as archive:
        yield Title(_title(archive))
        body = _body(archive, name)
    reader = _Reader()
    yield from flow.numbered(flow.cut([*reader.blocks(body), *reader.notes()]))


def read_slides(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Item]:
    with opened(file, name, max_bytes) as archive:
        yield Title(_title(archive))
        body = _body(archive, name)
    pages = [node for node in body.iter() if tag(node) == "page"]
    for number, page in enumerate(pages, 1):
        yield from flow.labelled(flow.cut(_slide(page), 2 * flow.PART), f"slide {number}")


def _title(archive: Archive) -> str:
    try:
        title = markup.first(markup.xml(archive.spare("meta.xml") or b"", lenient=True), "title")
    except ValueError:
        return ""
    return markup.text(title) if title is not None else ""


def _body(archive: Archive, name: str) -> Node:
    check_open(archive, name)
    try:
        root = markup.xml(archive.read("content.xml"), lenient=True)
    except ValueError as error:
        raise damaged(name, "its text cannot be followed") from error
    body = markup.first(root, "body")
    if body is None:
        raise damaged(name, "its text is missing")
    return next(iter(body), body)


def _slide(page: Node) -> Iterator[Block]:
    title = next((n for _, n in children(page) if attribute(n, "class") == "title"), None)
    if title is not None:
        yield from flow.heading(" ".join(b.text for b in _Reader().blocks(title)), 1)
    for name, node in children(page):
        found = _Reader().blocks(node, itself=True)
        if name == "notes":
            yield from (
                Block(b.text if i else f"Notes: {b.text}", tight=i > 0) for i, b in enumerate(found)
            )
        elif node is not title:
            yield from found


class _Reader:
    def __init__(self) -> None:
        self._notes: list[Block] = []
        self._frames: list[Node] = []

    def blocks(self, node: Node, *, itself: bool = False) -> list[Block]:
        found: list[Block] = []
        if itself:
            self._block(found, tag(node), node)
        else:
            self._into(found, node)
        return found

    def notes(self) -> list[Block]:
        return self._notes

    def _into(self, found: list[Block], parent: Node) -> None:
        for name, node in children(parent):
            self._block(found, name, node)

    def _block(self, found: list[Block], name: str, node: Node) -> None:
        if name == "p":
            found += self._framed(node, flow.paragraph)
        elif name == "h":
            told = attribute(node, "outline-level")
            level = int(told) if told.isdecimal() else 1
            found += self._framed(node, lambda text: flow.heading(text, max(level, 1)))
        elif name == "list":
            found += self._list(node)
        elif name == "table":
            found += self._table(node)
        elif name in _THROUGH or name == "notes":
            self._into(found, node)

    def _framed(self, node: Node, make: Callable[[str], Iterator[Block]]) -> Iterator[Block]:
        """A paragraph, and behind it what is anchored in it."""
        outside, self._frames = self._frames, []
        text = "".join(self._text(node))
        frames, self._frames = self._frames, outside
        yield from make(text)
        for frame in frames:
            yield from self.blocks(frame)

    def _text(self, node: Node) -> Iterator[str]:
        yield node.text or ""
        for name, child in children(node):
            if name == "s":
                told = attribute(child, "c")
                yield " " * (min(int(told), 100) if told.isdecimal() else 1)
            elif name in ("tab", "line-break"):
                yield "\t" if name == "tab" else "\n"
            elif name in ("frame", "custom-shape", "g"):
                self._frames.append(child)
            elif name == "note":
                self._note(child)
            elif name not in _SKIPPED:
                yield from self._text(child)
            yield child.tail or ""

    def _note(self, node: Node) -> None:
        body = next((n for t, n in children(node) if t == "note-body"), None)
        found = self.blocks(body) if body is not None else []
        self._notes += (
            replace(b, text=b.text if i else f"Note: {b.text}", level=0, tight=i > 0)
            for i, b in enumerate(found)
        )

    def _list(self, node: Node) -> Iterator[Block]:
        for name, item in children(node):
            found = self.blocks(item)
            nested = name != "list-item" or (found and found[0].text.startswith("- "))
            yield from found if nested else flow.indented(found, "-")

    def _table(self, node: Node) -> Iterator[Block]:
        table = grid.Table()
        header = False
        for row in _rows(node):
            table.start_row()
            header = header or tag(row.getparent()) == "table-header-rows"
            for name, cell in children(row):
                if name == "table-cell":
                    content = self.blocks(cell)
                    repeated = _count(cell, "number-columns-repeated") if content else 1
                    for _ in range(min(repeated, MAX_REPEATED)):
                        table.add(
                            content,
                            columns=_count(cell, "number-columns-spanned"),
                            rows=_count(cell, "number-rows-spanned"),
                        )
                elif name == "covered-table-cell":
                    continue  # `table` knows what reaches here
        yield from grid.blocks(table.rows, named=header or None)


def _rows(node: Node) -> Iterator[Node]:
    for name, child in children(node):
        if name == "table-row":
            yield child
        elif name in _THROUGH:
            yield from _rows(child)


def _count(node: Node, name: str) -> int:
    told = attribute(node, name)
    return int(told) if told.isdecimal() else 1
