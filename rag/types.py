"""Values that flow through Strongroom, and the seams between its parts.

Frozen dataclasses and Protocols only: no I/O, and nothing but the standard library when it runs.
The command line is built on it, and numpy's threads must not be there before networking is off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from rag.arrays import FloatArray, IntArray

Level = Literal["kernel", "filter", "sandbox", "hook"]
Ocr = Literal["auto", "force", "never"]
Strictness = Literal["strict", "normal", "lenient"]
State = Literal["queued", "searchable", "embedded", "failed"]
Origin = Literal["dense", "lexical", "both"]
Maker = Literal["model", "figures", "index"]
Stop = Literal["complete", "length", "cancelled", "no_evidence"]

UNSUPPORTED = "No passage of the documents bears this answer out. Do not rely on it."
CONFLICTS = "Other documents have another figure for this. Check which one you mean:"
QUALIFIERS = "The same document also says what may change this:"
NEAREST = "What comes nearest in your documents:"
NEAREST_ELSEWHERE = "What comes nearest where no answer is sure:"
SURE = "Well supported: every sentence is borne out by the passage behind its number."
UNSURE = "Check this: read the passages behind it before you rely on it."
WITHHELD = (
    "The documents do not bear this out well enough, or speak of something else. Do not rely on it."
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of `level` from 1, on a physical `page` from 1. start: where it stands in that
    page's text; None where only its words tell."""

    title: str
    level: int
    page: int
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line that OCR read at text[start:end] of its page, and where it stands, in points, origin
    at the displayed page's top left."""

    start: int
    end: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page of a document, or what stands for one: a slide, rows of a sheet, a mail, a part.

    number: physical, from 1. label: what a citation shows behind the document's name, such as
    "page iv", "slide 3", "sheet Costs, A2:F21", "mail of 2024-03-01, Rent", "part 2".
    size: width and height in points, as displayed; zeros where the format has no geometry.
    boxes: float32 (len(text), 4) x0, y0, x1, y1 in points, origin at the displayed page's
    top left, NaN where no glyph; None where they were not read or the format has none.
    hyphens: offsets of the hyphens that only divide a word at the end of a line.
    lines: of a page that OCR read, in the order of the text.
    """

    number: int
    label: str
    text: str
    size: tuple[float, float]
    boxes: FloatArray | None = None
    hyphens: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A document as read. id: hex SHA-256 of its bytes. name: file name without folders.
    unread: numbers of the pages that are pictures without text, which OCR can read."""

    id: str
    name: str
    media_type: str
    pages: tuple[Page, ...]
    title: str = ""
    headings: tuple[Heading, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a file may cost. unpacked_bytes: of all that is compressed in it. nesting: of mails
    in mails. pixels: of one picture."""

    pages: int = 20_000
    unpacked_bytes: int = 1 << 30
    nesting: int = 5
    pixels: int = 200_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open character offsets into the text of one page. page: physical, from 1."""

    doc_id: str
    page: int
    start: int
    end: int

    def meets(self, other: Span) -> bool:
        """Whether they have characters in common."""
        at, there = (self.doc_id, self.page), (other.doc_id, other.page)
        return at == there and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage small enough for the embedder.

    text: the page slices of `spans`, joined by one newline. clean: the same as it is searched,
    embedded and read by the model: without running headers and footers, and with the words that
    lines divide made whole; None where it is no different. context: the line that says where the
    chunk stands (file name, title, heading path), searched and embedded with it. heading:
    outermost first. n_tokens: of `embedded_text`, special tokens included, as the embedder counts.
    """

    id: str
    doc_id: str
    text: str
    spans: tuple[Span, ...]
    n_tokens: int
    heading: tuple[str, ...] = ()
    context: str = ""
    clean: str | None = None

    @property
    def reading(self) -> str:
        """The text as the model reads it."""
        return self.text if self.clean is None else self.clean

    @property
    def embedded_text(self) -> str:
        return f"{self.context}\n{self.reading}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents to look in: those that fit each of its parts. A part that is left empty lets
    every document through.

    documents: ids. collections: names; one of them is enough. types: keys of `rag.scope.TYPES`.
    since, until: days between which, both included, a document's own date lies: that of a mail, or
    of the file's last change. added_since, added_until: the same of the day it was added.
    """

    documents: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    added_since: date | None = None
    added_until: date | None = None

    @property
    def is_empty(self) -> bool:
        return self == EVERYTHING


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a question. score: higher is better, comparable within one search only.
    rank: from 1. document, label: what a citation shows (file name, label of the page where it
    begins). pages: all that it stands on, physical from 1, the likeliest to answer first; empty
    where that was not asked."""

    chunk: Chunk
    score: float
    rank: int
    origin: Origin
    document: str
    label: str
    pages: tuple[int, ...] = ()

    @property
    def page(self) -> int:
        """The likeliest to answer, physical from 1."""
        return self.pages[0] if self.pages else self.chunk.spans[0].page


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a displayed page, in points, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage behind a sentence. marker: from 1, as printed in the answer.
    quote: the exact slice of the page text at `span`. supported: False where the sentence
    says something that the quote does not. boxes: one per line, empty where unknown."""

    marker: int
    span: Span
    quote: str
    supported: bool
    document: str
    label: str
    boxes: tuple[Box, ...] = ()

    @property
    def mark(self) -> str:
        """As it stands behind a sentence, without brackets: "2", or "2?" where not supported."""
        return str(self.marker) if self.supported else f"{self.marker}?"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer at text[start:end], before marks are printed. markers: of the
    citations behind it. supported: False where they do not bear it out, or there are none."""

    start: int
    end: int
    markers: tuple[int, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """text: as written by the model, or the refusal in its place. marked: with [1] after a
    sentence that passage 1 bears out, [2?] after one that its nearest passage, 2, does not, and
    [?] after one that none comes near.
    Times in seconds from the moment of asking; first_token_s: None if nothing was written.
    confidence: the probability, 0 to 1, that the documents hold the answer; None where the model
    declined or was not asked. withheld: what it wrote where that was too low to be shown.
    nearest: there, what that cites and what the documents say that comes nearest, the likeliest
    first, and of several that were asked one by one what those say that have no part in the answer;
    nothing says that it answers.
    conflicts: what other documents say with another figure than the one cited. qualifiers: what the
    cited one says elsewhere that may change its figure.
    understood: the question as one that stands alone, where it leaned on the one before; or empty.
    maker: who wrote it, the model, or code from the figures or the index of the documents.
    named: ids of documents that the text names without citing them."""

    question: str
    text: str
    marked: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    stop: Stop
    prompt_tokens: int
    output_tokens: int
    retrieve_s: float
    first_token_s: float | None
    total_s: float
    confidence: float | None = None
    withheld: str = ""
    nearest: tuple[Citation, ...] = ()
    conflicts: tuple[Citation, ...] = ()
    qualifiers: tuple[Citation, ...] = ()
    maker: Maker = "model"
    understood: str = ""
    named: tuple[str, ...] = ()

    @property
    def is_unsupported(self) -> bool:
        """Whether it states something and no passage bears any of it out."""
        stated = [s.supported for s in self.sentences if s.markers or not s.supported]
        return bool(stated) and not any(stated)


@dataclass(frozen=True, slots=True)
class Understood:
    """The question leans on the one before; what is answered is this one."""

    question: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Retrieval is done; the passages found, best first. The model reads as many as fit. nearest:
    sentences of theirs to read meanwhile, without boxes."""

    hits: tuple[Hit, ...]
    nearest: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """The model is busy with `ahead` earlier answers."""

    ahead: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The model reads the passages, and will begin to write in about so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    answer: Answer


AnswerEvent = Understood | Sources | Waiting | Reading | Delta | Done


@dataclass(frozen=True, slots=True)
class Prompt:
    """Laid out for reuse: instructions first, passages next, the question last.
    Nothing in front of a passage depends on the question. instructions: the same for every prompt
    of a kind, and nothing of a document or person, for what the model made of them is kept. cells:
    one name for each passage, under which what the model made of it may be kept; empty where
    nothing is to be used. opening: what the answer is made to begin with; the model goes on from
    there."""

    instructions: str
    passages: tuple[str, ...]
    question: str
    cells: tuple[str, ...] = ()
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Cells:
    """What a model made of the tokens of a passage, as it gave it."""

    tokens: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """Text from the generator. n_tokens: how many tokens gave it. stop: set on the last piece."""

    text: str
    n_tokens: int
    stop: Literal["complete", "length", "cancelled"] | None = None


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document as the library knows it. added_at: Unix seconds. error: why it failed, for the
    person. error_kind: its class in rag.errors ("EncryptedDocument"), empty when not failed.
    n_embedded: chunks that have vectors. n_unread: pages that OCR reads; n_scanned: of them, those
    that it has read so far. Both are 0 when it is done. first_day, last_day: its own dates, as
    "2024-03-01"; they differ where it holds several mails. collections: names, in order."""

    id: str
    name: str
    media_type: str
    title: str
    state: State
    n_bytes: int
    n_pages: int
    n_chunks: int
    n_embedded: int
    added_at: float
    n_unread: int = 0
    n_scanned: int = 0
    warnings: tuple[str, ...] = ()
    error: str = ""
    error_kind: str = ""
    first_day: str = ""
    last_day: str = ""
    collections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that a person has put together under a name. A document may be in any number.
    pinned: they are prepared before others."""

    name: str
    n_documents: int
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """A document that holds the words looked for. chunk_id: of the first passage that does."""

    doc_id: str
    n_passages: int
    chunk_id: str


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A folder that is taken in again and again. added_at, last_look: Unix seconds, the second is
    0 before the first look. watched: the page looks at it every few seconds. problem: what the
    last look could not do, for the person. n_documents: that its files give. n_bad: files that
    could not be taken in. n_held: files that are gone and whose documents stay until the person
    confirms it. collection: the one that its documents are put into; empty where there is none."""

    path: Path
    watched: bool
    added_at: float
    last_look: float
    problem: str
    n_documents: int
    n_bad: int
    n_held: int
    collection: str = ""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a source, as last taken in. path, source: as the system gives them, which need not
    be text. doc_id: the document that it gives; empty when it has never given one. changed_ns: its
    time of change, in nanoseconds since 1970; -1 when it is to be looked into again. error: why it
    could not be taken in, for the person. held: it is gone, and its document stays until the
    person confirms it."""

    path: str
    source: str
    doc_id: str
    n_bytes: int
    changed_ns: int
    error: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of taking a file in. done, total: pages when extracting, searchable or scanning
    (with OCR), chunks when embedding or indexing (no document's, but vectors put back); 0 while
    unknown. unchanged: the same bytes were already in the library. renamed, retired: the document
    has another file name, or is erased, because of what happened in its source."""

    name: str
    doc_id: str
    step: Literal[
        "queued",
        "extracting",
        "searchable",
        "scanning",
        "embedding",
        "embedded",
        "failed",
        "indexing",
        "renamed",
        "retired",
    ]
    done: int = 0
    total: int = 0
    message: str = ""
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to do with the documents. queued: documents to be read. scans_left: pages that
    OCR has yet to read. left, done: chunks without and with vectors. begun: documents with some of
    the latter. remaining_s: for chunks and scans together; None while unknown."""

    queued: int
    scans_left: int
    scans_done: int
    left: int
    done: int
    begun: int
    paused: bool = False
    remaining_s: float | None = None

    @property
    def is_done(self) -> bool:
        return not (self.queued or self.scans_left or self.left)


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many passages of the embedded documents the language model has read beforehand; one that
    was read in one of the two ways counts half. n_bytes: on the disk. remaining_s: for what there
    is room for; None while unknown. problem: why it does not go on, for the person."""

    n: int
    of: int
    n_bytes: int
    is_on: bool
    remaining_s: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation with its answer; answer is None while it is being written
    or after it was removed together with a document it drew on. note says which, for the person.
    within: the documents that it was asked of."""

    id: int
    question: str
    answer: Answer | None
    note: str = ""
    within: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    title: str
    updated_at: float
    turns: tuple[Turn, ...] = field(default=())


class Reader(Protocol):
    """Reads files. Calls may come from several threads at once."""

    def read(
        self,
        path: Path,
        *,
        doc_id: str,
        name: str,
        password: str | None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Document:
        """progress: called with pages done and pages in all. Raises DocumentError."""
        ...

    def ocr_page(self, path: Path, number: int, *, name: str, password: str | None) -> Page:
        """One page read off its picture. Raises DocumentError."""
        ...

    def chunk(self, document: Document) -> tuple[Chunk, ...]:
        """As `rag.chunk.chunk`, for the embedder's window. Raises DocumentError."""
        ...


class Tokenizer(Protocol):
    """Counts as the embedder will, without loading it."""

    @property
    def window(self) -> int:
        """Most tokens of one text, special tokens included."""
        ...

    def token_ends(self, text: str) -> IntArray:
        """End offsets of the tokens of `text` in order, without special tokens, never cut off."""
        ...


class Embedder(Protocol):
    def embed(self, texts: Sequence[str]) -> FloatArray:
        """(len(texts), dim) unit rows in the order of `texts`."""
        ...


class VectorIndex(Protocol):
    """Vectors by chunk id; cosine similarity. May keep shorter ones than it is given."""

    @property
    def is_at_hand(self) -> bool:
        """Whether it can be asked without waiting for it to be read."""
        ...

    def add(self, ids: Sequence[str], doc_ids: Sequence[str], vectors: FloatArray) -> None:
        """Add or replace."""
        ...

    def shortened(self, vectors: FloatArray) -> FloatArray:
        """(n, dim) as they are kept."""
        ...

    def query(self, vector: FloatArray, n: int) -> list[str]:
        """Ids of up to n chunks that are about the nearest, best first."""
        ...

    def remove(self, doc_id: str) -> None: ...
    def ids(self, doc_id: str | None = None) -> set[str]:
        """Ids of a document's chunks, or of all."""
        ...

    def get(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Vectors as they are kept, by id, without those that are not there."""
        ...

    def discard(self, ids: Sequence[str]) -> None:
        """Take chunks out. Their bytes go with `rewrite`."""
        ...

    def clear(self) -> None: ...
    def count(self) -> int: ...
    def rewrite(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Leave no trace on disk of what was removed. Returns whether it was done, and not
        cancelled; asked now and then."""
        ...


class Generator(Protocol):
    """A local language model. One generation at a time; others wait in `generate`."""

    @property
    def name(self) -> str: ...
    @property
    def n_context(self) -> int:
        """Most tokens of prompt and answer together."""
        ...

    @property
    def n_ahead(self) -> int:
        """Generations running or waiting right now."""
        ...

    @property
    def stamp(self) -> str:
        """A word that changes with whatever gives cells another meaning; empty where none can be
        kept. Raises ModelError."""
        ...

    def warm_up(self, instructions: str) -> None:
        """Read what every prompt begins with, ahead of the first question. Raises ModelError."""
        ...

    def tune(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Find out how to be fastest on this machine, unless that is known. Takes some seconds,
        and gives way to `generate`; it can be asked again at any time. Raises ModelError."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of plain text, without any chat markup."""
        ...

    def prompt_tokens(self, prompt: Prompt) -> int:
        """Tokens of the whole prompt as it will be evaluated, chat markup included."""
        ...

    def reading_s(self, prompt: Prompt) -> float | None:
        """Seconds that reading a prompt will take, as fast as it went lately; None while that is
        unknown. Takes some milliseconds. Raises ModelError."""
        ...

    def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        seed: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        """Stream the answer. `cancelled` is asked between tokens, while waiting and while reading
        the prompt; closing the iterator also stops it. Raises ContextOverflow, ModelError."""
        ...

    def weigh(
        self,
        prompt: Prompt,
        openings: Sequence[str],
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[float, ...]:
        """Natural logarithms of how probable it is that what follows the prompt begins with the
        first token of each opening. What was read for the last answer stays, and so do the
        instructions of the last prompt that was weighed. Empty where it was cancelled, or the
        prompt is too long. Raises ModelError."""
        ...

    def prepare(self, prompt: Prompt, *, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Read the prompt's last passage behind the others and keep its cells under its name.
        False when it gave way to `generate` or was cancelled. Raises ModelError."""
        ...
