"""Text and Markdown files to parts."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from markdown_it import MarkdownIt

from rag import charset, flow, hypertext, markup
from rag.flow import Block, Item, Title
from rag.rawtext import clean

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?\n)?(---|\.\.\.)[ \t]*(\r?\n|$)", re.DOTALL)
_GAP = re.compile(r"\n(?:[ \t]*\n)+")


def read_text(file: BinaryIO) -> Iterator[Item]:
    yield from flow.numbered(flow.cut(paragraphs(charset.decoded(file.read()))))


def read_markdown(file: BinaryIO) -> Iterator[Item]:
    text = charset.decoded(file.read())
    matter = _FRONT_MATTER.match(text)
    if matter and (title := re.search(r"^title:\s*(.+)$", matter.group(), re.MULTILINE)):
        yield Title(title.group(1).strip(" \"'\r"))
    written = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    root = markup.html(written.render(text[matter.end() if matter else 0 :]))
    if root is not None:
        yield from flow.numbered(flow.cut(hypertext.blocks(root)))


def paragraphs(text: str) -> Iterator[Block]:
    """Text between blank lines. Blanks inside lines stay: they can be what makes columns."""
    for piece in _GAP.split(clean(text.replace("\f", "\n\n").expandtabs(4))):
        lines = [line.rstrip() for line in piece.split("\n")]
        if body := "\n".join(lines).strip("\n"):
            yield Block(body)
