"""Libraries for tests: storage is real everywhere, models are fakes or the small real ones."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag import chunk
from rag.catalog import Catalog
from rag.cells import CellStore
from rag.ingest import Ingest
from rag.library import Lazy, Library, readers_for
from rag.lock import LibraryLock
from rag.settings import Settings
from rag.types import (
    Answer,
    Box,
    Chunk,
    Citation,
    Document,
    Embedder,
    Generator,
    Hit,
    Page,
    Progress,
    Reader,
    Span,
    Tokenizer,
)
from rag.vectors import ChromaIndex

GARDEN = (
    "The garden has forty apple trees.\nThey were planted in 1987.",
    "Pears ripen in September.\nThe cellar keeps them until March.",
)
HARBOUR = ("The harbour opened in 1911.\nIts lighthouse is painted red.",)


@dataclass(frozen=True)
class CutHere:
    """Has `reader` read, and cuts in this process, as `tokenizer` counts."""

    reader: Reader
    tokenizer: Tokenizer

    def read(self, path: Path, **asked: Any) -> Document:
        return self.reader.read(path, **asked)

    def ocr_page(self, path: Path, number: int, **asked: Any) -> Page:
        return self.reader.ocr_page(path, number, **asked)

    def chunk(self, document: Document) -> tuple[Chunk, ...]:
        return chunk.chunk(document, self.tokenizer)


def small_models(library: Path, models: Path) -> Settings:
    return Settings(library, models, model="smollm2-135m-instruct", answer_tokens=48, threads=2)


def assemble(
    settings: Settings,
    *,
    embedder: Embedder,
    generator: Generator,
    tokenizer: Tokenizer,
    reader: Reader | None = None,
    give_way: Callable[[], None] = lambda: None,
) -> Library:
    """What `open_library` makes, with these models."""
    folder = settings.library
    for name in ("originals", "cells"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        opened.callback(LibraryLock(folder, command="test").close)
        catalog = Catalog(folder / "library.db")
        opened.callback(catalog.close)
        vectors = ChromaIndex(folder / "chroma", doc_ids=catalog.document_ids())
        opened.callback(vectors.close)
        readers = readers_for(replace(settings, readers=1), tokenizer=settings.models)
        opened.callback(readers.close)
        cells = CellStore(
            folder / "cells",
            max_bytes=settings.cells_gb * 10**9,
            is_wanted=lambda doc_id: catalog.document(doc_id) is not None,
        )
        embedders = Lazy[Embedder](lambda: embedder)
        ingest = Ingest(
            catalog=catalog,
            vectors=vectors,
            tokenizer=tokenizer,
            embedder=embedders,
            originals=folder / "originals",
            max_bytes=settings.max_file_mb << 20,
            reader=reader or CutHere(readers, tokenizer),
            ocr=settings.ocr,
            give_way=give_way,
            forget=cells.remove,
        )
        opened.callback(ingest.close)
        return Library(
            settings,
            catalog=catalog,
            ingest=ingest,
            readers=readers,
            embedder=embedders,
            generator=Lazy[Generator](lambda: generator),
            cells=cells,
            healed=ingest.settle(),
            closers=(opened.pop_all().close,),
        )


def document(*texts: str, doc_id: str = "d" * 64, name: str = "report.pdf") -> Document:
    pages = tuple(Page(i, str(i), text, (300.0, 400.0)) for i, text in enumerate(texts, 1))
    return Document(doc_id, name, "application/pdf", pages)


def hit(text: str, *, page: int = 1, doc_id: str = "d" * 64, rank: int = 1) -> Hit:
    """A passage that is the whole page's text."""
    span = Span(doc_id, page, 0, len(text))
    chunk = Chunk(f"{doc_id}:{rank - 1}", doc_id, text, (span,), len(text.split()))
    return Hit(chunk, 1.0 / rank, rank, "both", "report.pdf", f"page {page}")


def answer_from(*hits: Hit, question: str = "How many?", text: str = "Forty trees.") -> Answer:
    citation = Citation(1, hits[0].chunk.spans[0], hits[0].chunk.text, True, "report.pdf", "page 1",
                        (Box(1.0, 2.0, 3.0, 4.0),))  # fmt: skip
    return Answer(
        question=question,
        text=text,
        marked=f"{text} [1]",
        sentences=(),
        citations=(citation,),
        hits=hits,
        stop="complete",
        prompt_tokens=10,
        output_tokens=2,
        retrieve_s=0.1,
        first_token_s=0.2,
        total_s=0.3,
    )


def steps(progress: Sequence[Progress]) -> list[tuple[str, str]]:
    """(name, step) of each, one after another."""
    return [(p.name, p.step) for p in progress]
