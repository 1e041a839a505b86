"""XML and HTML that may be broken or hostile, as trees. The only importer of lxml.

Entities stay unexpanded, nothing is loaded from outside.
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

Node = Any
"""An lxml element; the library has no type information."""

_EMPTY = re.compile(r"<(title|script|style|textarea|iframe|a|p|div|span|td|th|i|b|em)(\s[^<>]*)?/>")
_ELEMENT = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNSEEN = re.compile(r"<(script|style|head)\b|</(script|style|head)\s*+>", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def xml(data: bytes, *, lenient: bool = False) -> Node:
    """The root. lenient: a broken end is cut off. Raises ValueError where it is no XML."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        recover=lenient,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root is None:
        raise ValueError("no element")
    return root


def html(text: str) -> Node | None:
    """The root, whatever the text; None where there is nothing in it."""
    root, is_whole = _html(text)
    return root if is_whole else _html(_flattened(text))[0]


def _html(text: str) -> tuple[Node | None, bool]:
    """The root, and whether the parser went to the end: it gives up 2048 elements deep."""
    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    text = _DECLARATION.sub("", text).replace("\0", "\ufffd")
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None, True
    return root, all(error.type_name != "ERR_RESOURCE_LIMIT" for error in parser.error_log)


def _flattened(text: str) -> str:
    return _ELEMENT.sub("<br>", _seen(text))


def _seen(text: str) -> str:
    """Without elements that nobody sees; one that is not closed hides nothing."""
    tags = [*_UNSEEN.finditer(text)]
    closed, ends = dict[str, int](), dict[int, int]()
    for tag in reversed(tags):
        if tag[2]:
            closed[tag[2].casefold()] = tag.end()
        elif end := closed.get(tag[1].casefold()):
            ends[tag.start()] = end
    parts, at = list[str](), 0
    for start, end in sorted(ends.items()):
        if start >= at:
            parts.append(text[at:start])
            at = end
    return "".join((*parts, text[at:]))


def xhtml(data: bytes, text: str) -> Node | None:
    """The root of a file that says it is XHTML; many are only nearly so."""
    try:
        root = xml(data)
    except ValueError:
        return html(_EMPTY.sub(r"<\1\2></\1>", text))
    if next(root.iter(etree.Entity), None) is not None:  # such as &nbsp;, which XML lacks
        return html(_EMPTY.sub(r"<\1\2></\1>", text))
    return root


def walk(root: Node) -> Iterator[tuple[bool, Node]]:
    """(True, element) where an element starts, (False, element) where it ends, at any depth."""
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if isinstance(node.tag, str):
            yield event == "start", node


def tag(node: Node) -> str:
    """The name without its namespace, in small letters; "" of an entity or a comment."""
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""


def attribute(node: Node, name: str) -> str:
    """An attribute by its name without namespace, "" where there is none."""
    for key, value in node.attrib.items():
        if key == name or key.rpartition("}")[2] == name:
            return str(value)
    return ""


def children(node: Node) -> Iterator[tuple[str, Node]]:
    """(tag, child) of each element right below."""
    for child in node:
        if name := tag(child):
            yield name, child


def first(node: Node, name: str) -> Node | None:
    """The first element anywhere below that has this tag."""
    return next((child for child in node.iter() if tag(child) == name), None)


def text(node: Node) -> str:
    """All text below."""
    return "".join(node.itertext())
