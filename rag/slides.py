"""PPTX: a part a slide. The only user of python-pptx."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER

from rag import archive, flow, grid, markup
from rag.flow import Block, Item, Remark, Title

_FURNITURE = (PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER)
_FAULTS = (KeyError, ValueError, AttributeError, TypeError, IndexError, NotImplementedError)
"""What python-pptx raises where one shape or chart is not as it expects."""


def read(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Item]:
    with archive.opened(file, name, max_bytes):
        pass
    presentation = Presentation(file)
    yield Title(presentation.core_properties.title or "")
    damaged = list[int]()
    for number, slide in enumerate(presentation.slides, 1):
        found = list[Block]()
        for shape in _in_order(slide):
            try:
                found += _shape(shape, is_title=shape == slide.shapes.title)
            except _FAULTS:
                damaged.append(number)
        found += _notes(slide)
        yield from flow.labelled(flow.cut(found, 2 * flow.PART), f"slide {number}")
    if damaged:
        listed = ", ".join(map(str, dict.fromkeys(damaged)))
        yield Remark(f"Something on these slides cannot be followed and is left out: {listed}.")


def _in_order(slide: Any) -> list[Any]:
    title = slide.shapes.title
    shapes = [shape for shape in slide.shapes if shape != title]
    return [title, *shapes] if title is not None else shapes


def _shape(shape: Any, *, is_title: bool = False) -> Iterator[Block]:
    if shape.is_placeholder and shape.placeholder_format.type in _FURNITURE:
        return
    if is_title:
        yield from flow.heading(shape.text_frame.text, 1)
    elif hasattr(shape, "shapes"):
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False):
        yield from _table(shape.table)
    elif getattr(shape, "has_chart", False):
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        yield from _paragraphs(shape.text_frame)
    else:
        yield from _diagram(shape)


def _paragraphs(frame: Any) -> Iterator[Block]:
    texts = [paragraph.text for paragraph in frame.paragraphs if paragraph.text.strip()]
    for i, text in enumerate(texts):
        yield from flow.paragraph(text.replace("\v", "\n"), tight=i > 0)


def _table(table: Any) -> Iterator[Block]:
    rows = grid.Table()
    for row in table.rows:
        rows.start_row()
        for cell in row.cells:
            if not cell.is_spanned:
                rows.add(
                    list(_paragraphs(cell.text_frame)),
                    columns=cell.span_width if cell.is_merge_origin else 1,
                    rows=cell.span_height if cell.is_merge_origin else 1,
                )
    yield from grid.blocks(rows.rows, named=True if table.first_row else None)


def _chart(chart: Any) -> Iterator[Block]:
    """Its title, then a line for each category with the values of all series."""
    title = chart.chart_title.text_frame.text if chart.has_title else ""
    yield from flow.paragraph(f"Chart: {title}" if title.strip() else "Chart")
    for plot in chart.plots:
        series = [(str(one.name or "Value"), list(one.values)) for one in plot.series]
        categories = [str(category) for category in plot.categories]
        length = max((len(values) for _, values in series), default=0)
        for i in range(length):
            label = categories[i] if i < len(categories) else str(i + 1)
            row = [label, *(grid.shown(v[i]) if i < len(v) else "" for _, v in series)]
            text = grid.line(row, ["", *(name for name, _ in series)])
            if text:
                yield Block(text, tight=True, row=True)


def _diagram(shape: Any) -> Iterator[Block]:
    """The text of what python-pptx has no class for, such as SmartArt: its parts are beside."""
    for relation in shape.element.iter("{*}relIds"):
        key = next((v for k, v in relation.attrib.items() if k.endswith("}dm")), None)
        if key is None:
            continue
        for node in _points(shape.part.related_part(key).blob):
            yield from flow.paragraph(node, tight=True)


def _points(data: bytes) -> Iterable[str]:
    for node in markup.xml(data, lenient=True).iter():
        if markup.tag(node) == "p":
            yield "".join(n.text or "" for n in node.iter() if markup.tag(n) == "t")


def _notes(slide: Any) -> Iterator[Block]:
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
        text = frame.text.replace("\v", "\n").strip()
        yield from flow.paragraph(f"Notes: {text}" if text else "")
