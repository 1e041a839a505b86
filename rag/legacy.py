"""RTF, DOC and PPT by kreuzberg: by its tree of nodes, as its Markdown would have to be undone."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from kreuzberg import ExtractionConfig, extract_bytes_sync
from kreuzberg.exceptions import ParsingError

from rag import flow, grid
from rag.errors import UnsupportedDocument
from rag.flow import Block, Item, Title

_CONFIG = ExtractionConfig(
    use_cache=False,
    enable_quality_processing=False,
    include_document_structure=True,
    output_format="plain",
)
_FIELD = re.compile(
    r"""\b(?: EMBED\s+(?:Package|\w+(?:\.\w+)+) | HYPERLINK\s+(?:\\l\s+)?"[^"]*"
           | PAGEREF\s+\w+ | TOC\s+\\o\s+"[^"]*" )
    (?:\s+\\[a-z*]+(?:\s+(?:MERGEFORMAT|"[^"]*"))?)*[ ]?""",
    re.VERBOSE,
)
_NOTE = re.compile(r"^\[\^\d+\]:\s*")


def reader(media_type: str) -> Callable[[BinaryIO, str], Iterator[Item]]:
    """What reads files of a media type."""

    def read(file: BinaryIO, name: str) -> Iterator[Item]:
        try:
            result = extract_bytes_sync(file.read(), media_type, config=_CONFIG)
        except ParsingError as error:
            if "magic number" not in str(error):
                raise
            raise UnsupportedDocument(
                f"{name} was written by Word 95 or one before it, which cannot be read. Open it in "
                "a program of today, save it as DOCX and add that."
            ) from error
        yield Title(str(result.metadata.get("title") or ""))
        nodes = result.document["nodes"] if result.document else []
        if any(_kind(node) == "slide" for node in nodes):
            yield from _slides(nodes)
        else:
            yield from flow.numbered(flow.cut(_blocks(nodes)))

    return read


def _slides(nodes: list[Any]) -> Iterator[Item]:
    starts = [i for i, node in enumerate(nodes) if _kind(node) == "slide"]
    for start, stop in zip(starts, [*starts[1:], len(nodes)], strict=True):
        slide = nodes[start]["content"]
        found = [*flow.heading(slide.get("title") or "", 1), *_blocks(nodes[start + 1 : stop])]
        yield from flow.labelled(flow.cut(found, 2 * flow.PART), f"slide {slide['number']}")


def _blocks(nodes: list[Any]) -> Iterator[Block]:
    for node in nodes:
        content = node["content"]
        kind = _kind(node)
        if node.get("content_layer", "body") in ("header", "footer"):
            continue
        if kind == "list_item":  # its number, if it has one, is not told
            yield from flow.indented(flow.paragraph(content.get("text", "")), "-")
        elif kind in ("heading", "title"):
            yield from flow.heading(content.get("text", ""), content.get("level") or 1)
        elif kind == "table":
            yield from grid.blocks(_rows(content["grid"]))
        elif kind != "image":
            yield from flow.paragraph(_without_codes(content.get("text") or ""))


def _without_codes(text: str) -> str:
    """Text as printed: what fields are computed from goes, and a note's mark becomes a word."""
    return _FIELD.sub("", _NOTE.sub("Note: ", text))


def _kind(node: Mapping[str, Any]) -> str:
    return str(node["content"]["node_type"])


def _rows(table: Mapping[str, Any]) -> list[list[list[Block]]]:
    rows: dict[int, dict[int, list[Block]]] = {}
    for cell in table["cells"]:
        rows.setdefault(cell["row"], {})[cell["col"]] = list(flow.paragraph(cell["content"]))
    return [[row.get(i, []) for i in range(max(row) + 1)] for _, row in sorted(rows.items())]
