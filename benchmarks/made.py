"""Documents of made-up text with made-up vectors, as many as are wanted, the same every time."""

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from rag.arrays import FloatArray
from rag.types import Chunk, Document, Page, Span

DIM = 384
PAGE_WORDS = 120
MEAN_PAGES = 100
TOPICS = 20
"""Of a document; its chunks lie around them."""
COMMON = """the of and to in a for is on by with that as at from be this or are an company year net
total income cost sales cash tax rate interest share stock assets value market increase decrease
compared operating results period ended december million thousand which were was has have its our
will other may including costs expense revenue business customers products services agreement
section financial statements management plan risk contract court patient study treatment data model
system test figure table report method analysis water energy field paper work project team city
house school state law order party date notice rent lease tenant month payment""".split()
SYLLABLES = """ba be bi bo bra ca ce co cra da de di do dra fa fe fi fo ga ge go gra ha he ho ka ke
ko la le li lo ma me mi mo na ne ni no pa pe pi po pra ra re ri ro sa se si so sta sto ta te ti to
tra va ve vi vo""".split()
N_WORDS = 40_000
HEAD = "Made document"
_CONTEXT = re.compile(r"document (\d+)\.txt > Part (\d+) > Page (\d+)")


@cache
def words() -> list[str]:
    """The commonest first."""
    rng = np.random.default_rng(1)
    made = {
        "".join(SYLLABLES[i] for i in rng.integers(0, len(SYLLABLES), rng.integers(2, 5)))
        for _ in range(N_WORDS * 2)
    }
    return [*COMMON, *sorted(made - set(COMMON), key=lambda word: (hash_of(word), word))][:N_WORDS]


def hash_of(text: str) -> int:
    """The same in every process."""
    value = 0
    for byte in text.encode():
        value = (value * 131 + byte) % (1 << 31)
    return value


@cache
def _chances() -> FloatArray:
    """Zipf's law, added up."""
    weights = 1 / (np.arange(N_WORDS) + 2.7)
    added: FloatArray = np.cumsum(weights / weights.sum()).astype(np.float32)
    return added


def sizes(n_chunks: int) -> list[int]:
    """Pages of the first documents, n_chunks together, one chunk a page."""
    found: list[int] = []
    left = n_chunks
    while left > 0:
        n = min(left, int(np.random.default_rng(len(found)).integers(20, 2 * MEAN_PAGES - 19)))
        found.append(n)
        left -= n
    return found


def write(folder: Path, number: int, n_pages: int) -> Path:
    """The file of a document: only its number and length, from which `MadeReader` has the rest."""
    path = folder / f"document {number:05}.txt"
    path.write_text(f"{HEAD} {number} of {n_pages} pages\n", encoding="utf-8")
    return path


def page_text(number: int, page: int) -> str:
    rng = np.random.default_rng((number, page))
    chosen = np.searchsorted(_chances(), rng.random(PAGE_WORDS, np.float32))
    known = words()
    text = [known[min(int(i), N_WORDS - 1)] for i in chosen]
    sentences = [" ".join(text[i : i + 15]).capitalize() + "." for i in range(0, PAGE_WORDS, 15)]
    return " ".join(sentences)


class MadeReader:
    """A Reader of such files."""

    def read(
        self,
        path: Path,
        *,
        doc_id: str,
        name: str,
        password: str | None,  # noqa: ARG002
        progress: Callable[[int, int], None] = lambda _done, _total: None,  # noqa: ARG002
    ) -> Document:
        number, n = map(int, re.findall(r"\d+", path.read_text(encoding="utf-8")))
        pages = tuple(
            Page(i, f"page {i}", page_text(number, i), (595.0, 842.0)) for i in range(1, n + 1)
        )
        return Document(doc_id, name, "text/plain", pages)

    def ocr_page(self, path: Path, number: int, *, name: str, password: str | None) -> Page:
        raise NotImplementedError

    def chunk(self, document: Document) -> tuple[Chunk, ...]:
        return tuple(_chunk(document, page) for page in document.pages)


def part_of(page: int, n_pages: int) -> int:
    return page * TOPICS // (n_pages + 1)


def _chunk(document: Document, page: Page) -> Chunk:
    part = part_of(page.number, len(document.pages))
    return Chunk(
        id=f"{document.id}:{page.number - 1}",
        doc_id=document.id,
        text=page.text,
        spans=(Span(document.id, page.number, 0, len(page.text)),),
        n_tokens=180,
        heading=(f"Part {part}",),
        context=f"{document.name} > Part {part} > Page {page.number}",
    )


class MadeEmbedder:
    """Vectors around that of the document and that of its part, as alike as those of real texts."""

    def embed(self, texts: Sequence[str]) -> FloatArray:
        return np.array([vector_of(*_place(text)) for text in texts], np.float32)


def _place(text: str) -> tuple[int, int, int]:
    found = _CONTEXT.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def vector_of(number: int, part: int, page: int) -> FloatArray:
    return _unit(_drawn(number) + 0.7 * _drawn(number, part) + 0.9 * _drawn(number, part, page))


def near(vector: FloatArray, seed: int) -> FloatArray:
    """A question's vector, whose answer has this one: their cosine is 0.7."""
    return _unit(vector + 1.02 * _drawn(seed, 0, 0, 0))


def _drawn(*seed: int) -> FloatArray:
    drawn = np.random.default_rng(seed).standard_normal(DIM, np.float32)
    return _unit(drawn)


def _unit(vector: FloatArray) -> FloatArray:
    unit: FloatArray = (vector / math.sqrt(float(vector @ vector))).astype(np.float32)
    return unit
