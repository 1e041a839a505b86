"""The pages of a library's documents: their text, where it stands on them, their tables and
pictures."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from rag import columns, geometry, records
from rag.arrays import FloatArray
from rag.catalog import Catalog
from rag.errors import DocumentError
from rag.readers import Readers
from rag.records import Table
from rag.types import Box, Hit, Span

MOST_TABLED = 3
"""Documents whose tables are looked through, those with passages found first."""
LONGEST_TABLED = 400
"""Pages of them; a thousand rows are read in a twentieth of a second."""
MOST_BOXED = 4
"""Pages of PDFs whose tables are read for one question; one takes about 20 ms."""


class Pages:
    """Its methods may be called from any thread. originals: the folder of the documents' copies."""

    def __init__(self, catalog: Catalog, readers: Readers, originals: Path) -> None:
        self._catalog = catalog
        self._readers = readers
        self._originals = originals

    def text(self, doc_id: str, number: int) -> str:
        page = self._catalog.page(doc_id, number)
        return page.text if page else ""

    def label(self, doc_id: str, number: int) -> str:
        return self._catalog.place(doc_id, number)[1]

    def boxes(self, span: Span) -> tuple[Box, ...]:
        """Where the span stands on its page, a box a line; empty where the page does not tell."""
        boxes = self._boxes(span.doc_id, span.page)
        return () if boxes is None else geometry.lines_of(boxes[span.start : span.end])

    def _boxes(self, doc_id: str, number: int) -> FloatArray | None:
        """As in `Page.boxes`; None where the page does not tell.

        OCR has left where its lines are. Else they are read from the original when asked for: boxes
        of every character of every page would make taking in a document take twice as long, and few
        pages are ever cited.
        """
        stored = self._catalog.page(doc_id, number)
        if stored is None or not any(stored.size):
            return None
        if stored.lines:
            return geometry.boxes_of(stored.lines, len(stored.text))
        try:
            page = self._readers.page(
                self._original(doc_id),
                number,
                name=self._name(doc_id),
                password=self._catalog.password(doc_id),
            )
        except DocumentError:
            return None
        return page.boxes if page.text == stored.text else None

    def tables(
        self, hits: Sequence[Hit], may_be_in: Callable[[str], bool]
    ) -> Iterator[tuple[Hit, list[Table]]]:
        """The tables of the first documents found that have any, with the first passage of each:
        all of a document whose rows name their columns, those of the pages found of a PDF. Pages
        that may_be_in rules out are not looked at."""
        by_document: dict[str, list[Hit]] = {}
        for hit in hits:
            by_document.setdefault(hit.chunk.doc_id, []).append(hit)
        placed = self._placed_tables(hits, may_be_in)
        tabled = (
            (own[0], self._named_tables(own) or placed.get(i)) for i, own in by_document.items()
        )
        yield from islice(((hit, found) for hit, found in tabled if found), MOST_TABLED)

    def _named_tables(self, own: Sequence[Hit]) -> list[Table]:
        """Of the document that these passages are of, where they have rows that name columns."""
        if not any(records.stand_in(hit.chunk.text) for hit in own):
            return []
        doc_id = own[0].chunk.doc_id
        pages = [*islice(self._catalog.labelled_texts(doc_id), LONGEST_TABLED + 1)]
        found = records.read(doc_id, pages[:LONGEST_TABLED])
        if len(pages) > LONGEST_TABLED:
            return [replace(table, goes_on=True) for table in found]
        return found

    def _placed_tables(
        self, hits: Sequence[Hit], may_be_in: Callable[[str], bool]
    ) -> dict[str, list[Table]]:
        """Tables that are told by where their cells stand, of the pages of these passages, by
        document."""
        places = {(span.doc_id, span.page): hit for hit in hits for span in hit.chunk.spans}
        found: dict[str, list[Table]] = {}
        n = 0
        for (doc_id, number), hit in places.items():
            text = self.text(doc_id, number)
            told = f"{hit.document} {hit.chunk.context} {text}"
            if n < MOST_BOXED and columns.stand_in(text) and may_be_in(told):
                boxes = self._boxes(doc_id, number)
                record = self._catalog.document(doc_id)
                if boxes is not None and record is not None:
                    n += 1
                    is_last = number == record.n_pages
                    tables = columns.read(doc_id, number, text, boxes, is_last=is_last)
                    found.setdefault(doc_id, []).extend(tables)
        return found

    def rows(self, hits: Sequence[Hit], answer: str) -> dict[Span, dict[str, str]]:
        """As `evidence.Cells`: of pages that have a figure of the answer."""
        figures = {*re.findall(r"\d[\d.,]*\d|\d", answer)}
        found = self._placed_tables(
            hits, lambda text: not figures or any(f in text for f in figures)
        ).values()
        tables = [table for some in found for table in some if table.whole]
        rows = {record.span: record.values for table in tables for record in table.records}
        return rows | {table.head: {} for table in tables if table.head}

    def picture(
        self, doc_id: str, number: int, *, width_px: int, boxes: tuple[Box, ...] = ()
    ) -> bytes:
        """PNG of a page with the boxes highlighted. Raises DocumentError."""
        return self._readers.picture(
            self._original(doc_id),
            number,
            name=self._name(doc_id),
            width_px=width_px,
            boxes=boxes,
            password=self._catalog.password(doc_id),
        )

    def _name(self, doc_id: str) -> str:
        record = self._catalog.document(doc_id)
        return record.name if record else doc_id

    def _original(self, doc_id: str) -> Path:
        return self._originals / doc_id
