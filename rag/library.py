"""Puts the parts together: the only place that constructs adapters."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar, get_args

from rag import (
    answer,
    apart,
    conversation,
    cores,
    listed,
    listing,
    models,
    operands,
    opinion,
    prepare,
    prompt,
    refusal,
    retrieve,
)
from rag.catalog import Catalog
from rag.cells import CellStore
from rag.errors import StoreError, StoreMismatch
from rag.ingest import Ingest
from rag.lock import LibraryLock
from rag.pages import Pages
from rag.readers import Readers
from rag.settings import Settings
from rag.sources import Sources
from rag.tokens import FolderTokenizer
from rag.types import (
    EVERYTHING,
    AnswerEvent,
    Embedder,
    Filter,
    Generator,
    Hit,
    ReadLimits,
    Strictness,
    Turn,
)
from rag.vectors import ChromaIndex, read_axes

T = TypeVar("T")
STRICTNESS = "strictness"
TEMPORARY = "strongroom-tmp"
"""A folder that nobody else's can be, because it is emptied."""
WIDE = 40
"""Passages, from which is seen what documents a figure may be in."""
MOST_COMPARED = 40
"""Documents; one takes about a tenth of a second."""
MOST_NAMED = 500
"""Documents whose covers are looked at for the names in a question, those with passages found
first; one takes a tenth of a millisecond."""
MOST_ALONE = 12
"""Documents that the model is asked about one by one; it takes two seconds for one whose passages
are prepared, and some ten for another."""
FEW = 6
"""Documents of a library that are all meant where the question names none of them."""


FROM_EACH = 3
"""Passages."""
THREADS = "threads"
"""In the catalogue, with the setup that so many are the fastest for."""


class Lazy(Generic[T]):
    """Makes its value when it is first asked for, once, whatever the number of threads."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    @property
    def made(self) -> T | None:
        """The value if there is one yet."""
        return self._made[0] if self._made else None


class Library:
    """An open library. Its methods may be called from any thread; `close` it when done.

    The language model and the embedder are loaded when they are first needed. healed: what was put
    right when it was opened, for the person.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        catalog: Catalog,
        ingest: Ingest,
        readers: Readers,
        embedder: Lazy[Embedder],
        generator: Lazy[Generator],
        cells: CellStore,
        rule: refusal.Rule = refusal.DEFAULT,
        healed: tuple[str, ...] = (),
        closers: tuple[Callable[[], None], ...] = (),
    ) -> None:
        self.settings = settings
        self.catalog = catalog
        self.ingest = ingest
        self.readers = readers
        self.sources = Sources(catalog, ingest, settings.library.resolve())
        self.embedder = embedder
        self.generator = generator
        self.cells = cells
        self.rule = rule
        self.healed = healed
        self.pages = Pages(catalog, readers, ingest.originals)
        self._closers = closers

    def search(
        self,
        question: str,
        *,
        top_k: int | None = None,
        doc_ids: Collection[str] | None = None,
        within: Filter = EVERYTHING,
    ) -> tuple[Hit, ...]:
        """Ranked passages, best first. doc_ids: of the documents to look in; None means those that
        are `within`."""
        if doc_ids is None and not within.is_empty:
            doc_ids = self.catalog.matching(within)
        return retrieve.retrieve(
            question,
            catalog=self.catalog,
            vectors=self.ingest.vectors,
            embedder=self.embedder,
            top_k=top_k or self.settings.top_k,
            doc_ids=doc_ids,
        )

    def ask(
        self,
        question: str,
        *,
        earlier: Sequence[Turn] = (),
        top_k: int | None = None,
        within: Filter = EVERYTHING,
        seed: int | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[AnswerEvent]:
        """The events of `answer.ask` over the documents that are `within`. earlier: turns of the
        same conversation, in order, that the question may lean on."""
        return conversation.ask(
            question,
            earlier,
            answer=lambda q: self._answer(
                q, top_k=top_k, within=within, seed=seed, cancelled=cancelled
            ),
            generator=self.generator,
            cancelled=cancelled,
        )

    def _answer(
        self,
        question: str,
        *,
        top_k: int | None,
        within: Filter,
        seed: int | None,
        cancelled: Callable[[], bool],
    ) -> Iterator[AnswerEvent]:
        if wanted := listing.asked(question):
            return listed.ask(
                question,
                wanted,
                catalog=self.catalog,
                doc_ids=None if within.is_empty else self.catalog.matching(within),
                page_text=self.pages.text,
                label=self.pages.label,
                boxes=self.pages.boxes,
            )
        return answer.ask(
            question,
            retrieve=lambda q: self.search(q, top_k=top_k, within=within),
            generator=self.generator,
            page_text=self.pages.text,
            label=self.pages.label,
            boxes=self.pages.boxes,
            each=lambda rows: self._each(question, rows, within),
            alone=lambda q: self._alone(question, q, within),
            tables=self.pages.tables,
            rows=self.pages.rows,
            limits=answer.Limits(self.settings.prompt_tokens, self.settings.answer_tokens),
            cells=lambda stamp, hits: prepare.names(self.catalog, stamp, hits),
            embed=lambda texts: self.embedder().embed(texts),
            rule=self.rule,
            strictness=self.strictness,
            seed=self.settings.seed if seed is None else seed,
            cancelled=cancelled,
        )

    def _each(
        self, question: str, rows: Sequence[str], within: Filter
    ) -> Iterator[tuple[Hit, ...]]:
        """For each document that rows of these names may be in, the likeliest first: the passages
        found in it, and the pages that have such a row. None where there are too many to look."""
        chosen = self._meant(question, within)
        for doc_id in chosen if len(chosen) <= MOST_COMPARED else ():
            if passages := self.search(" ".join(rows), doc_ids=[doc_id]):
                pages = operands.pages_with(rows, self.catalog.page_texts(doc_id))
                yield (*passages, *operands.on_pages(passages[0], pages))

    def _alone(self, question: str, of_one: str, within: Filter) -> tuple[tuple[Hit, ...], ...]:
        """The passages found for `of_one` in each document that the question is for, by the names
        of the documents. None where they are too many to be asked one by one."""
        few = FEW if within.is_empty else MOST_ALONE
        chosen = self._meant(question, within, few=few if apart.of_documents(question) else 1)
        if len(chosen) > MOST_ALONE:
            return ()
        found = (self.search(of_one, top_k=FROM_EACH, doc_ids=[doc_id]) for doc_id in chosen)
        return tuple(sorted(filter(None, found), key=lambda hits: hits[0].document.casefold()))

    def _meant(self, question: str, within: Filter, *, few: int = 1) -> list[str]:
        """The documents that a question to several may be for, the likeliest first: those that were
        chosen one by one, or the ones that it names, or whose kind it names, and others that are
        called as these; where it names none, all of so few, or the first that is found and others
        that are called as it."""
        found = [hit.chunk.doc_id for hit in self.search(question, top_k=WIDE, within=within)]
        inside = None if within.is_empty else {*self.catalog.matching(within)}
        names = {
            r.id: r.name
            for r in self.catalog.documents()
            if r.n_chunks and (inside is None or r.id in inside)
        }
        ids = [*dict.fromkeys([*(i for i in found if i in names), *names])]
        if within.documents:
            return ids
        near, page_text = ids[:MOST_NAMED], cache(self.pages.text)
        chosen = operands.named(question, near, names, page_text)
        chosen = chosen or operands.called(apart.kind(question), near, names, page_text)
        if not chosen and len(ids) <= few:
            return ids
        return operands.alike(chosen or ids[:1], names)

    @property
    def strictness(self) -> Strictness:
        """As it was last set on the page, or else as in the settings."""
        kept = self.catalog.meta(STRICTNESS)
        return next((s for s in get_args(Strictness) if s == kept), self.settings.strictness)

    def set_strictness(self, strictness: Strictness) -> None:
        """For every question from now on, over a restart too."""
        self.catalog.set_meta(STRICTNESS, strictness)

    def warm_up(self) -> None:
        """Load both models ahead of the first question, and have the instructions read."""
        self.embedder().embed(["ready"])
        generator = self.generator()
        generator.warm_up(prompt.INSTRUCTIONS)
        if self.rule.sure:
            # What every second opinion begins with; a question that comes meanwhile goes first.
            generator.weigh(opinion.asked("", ()), (), cancelled=lambda: generator.n_ahead > 1)

    def close(self) -> None:
        for close in self._closers:
            close()


def open_library(settings: Settings, *, command: str) -> Library:
    """Open or make the library of the settings as its one writer. command: shown to a second one.

    Raises StoreLocked, StoreMismatch, StoreCorrupt, StoreFull, ModelMissing, ModelCorrupt,
    SettingsError.
    """
    folder = settings.library
    _make_folders(folder)
    with ExitStack() as opened:
        opened.callback(LibraryLock(folder, command=command).close)
        opened.enter_context(_temporary_files_in(folder / TEMPORARY))
        catalog = Catalog(folder / "library.db")
        opened.callback(catalog.close)
        known = models.load_catalog()
        embedding_model = models.find(known, settings.embedder)
        fingerprint = models.fingerprint(embedding_model)
        _check_embedder(catalog, folder, embedding_model.name, fingerprint)
        weights = models.verify(embedding_model, settings.models)
        # Only now: weights that are missing must not tie a new library to them.
        _note_embedder(catalog, embedding_model.name, fingerprint)
        axes = read_axes(models.axes_of(embedding_model))
        vectors = ChromaIndex(
            folder / "chroma", doc_ids=catalog.document_ids(), axes=axes, behind=True
        )
        opened.callback(vectors.close)
        embedder = Lazy[Embedder](lambda: _load_embedder(weights, settings.threads))
        cells = CellStore(
            folder / "cells",
            max_bytes=settings.cells_gb * 10**9,
            is_wanted=lambda doc_id: catalog.document(doc_id) is not None,
        )
        cells.keep_only(catalog.document_ids())
        generator = Lazy[Generator](lambda: _load_generator(settings, catalog, cells))
        readers = readers_for(settings, tokenizer=weights)
        opened.callback(readers.close)
        ingest = Ingest(
            catalog=catalog,
            vectors=vectors,
            tokenizer=FolderTokenizer(weights),
            embedder=embedder,
            reader=readers,
            originals=folder / "originals",
            max_bytes=settings.max_file_mb << 20,
            ocr=settings.ocr,
            at_once=readers.n,
            give_way=lambda: _give_way(generator),
            forget=cells.remove,
        )
        healed = ingest.settle()
        opened.callback(ingest.close)
        return Library(
            settings,
            catalog=catalog,
            ingest=ingest,
            readers=readers,
            embedder=embedder,
            generator=generator,
            cells=cells,
            rule=models.rule_of(settings.model, known),
            healed=healed,
            closers=(opened.pop_all().close,),
        )


def read_catalog(settings: Settings) -> Catalog | None:
    """The library's catalogue to read from while another process may write; None before the first
    document was added."""
    path = settings.library / "library.db"
    if not path.is_file():
        return None
    catalog = Catalog(path, readonly=True)
    if catalog.is_blank:
        catalog.close()
        return None
    return catalog


def readers_for(settings: Settings, *, tokenizer: Path) -> Readers:
    """tokenizer: folder of the embedder's."""
    return Readers(
        settings.readers,
        limits=ReadLimits(
            pages=settings.max_pages,
            unpacked_bytes=settings.max_unpacked_mb << 20,
            nesting=settings.max_nesting,
            pixels=settings.max_image_mpx * 1_000_000,
        ),
        memory_mb=settings.reader_mb,
        file_s=settings.file_s,
        page_s=settings.page_s,
        tokenizer=tokenizer,
    )


def _make_folders(folder: Path) -> None:
    try:
        for path in (folder, folder / "originals", folder / "cells"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)  # it may have been there before
    except OSError as error:
        raise StoreError(
            f"The library folder {folder} cannot be made ({error.strerror}). "
            "Choose another with --library, or correct its permissions."
        ) from error


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have this process and its children put them there, and leave none behind.

    SQLite sorts and compacts in files of that kind, and uploads are kept in them.
    """
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        os.environ.pop("TMPDIR")
        if before[1] is not None:
            os.environ["TMPDIR"] = before[1]
        shutil.rmtree(folder, ignore_errors=True)


def _check_embedder(catalog: Catalog, folder: Path, name: str, fingerprint: str) -> None:
    if catalog.meta("embedder_fingerprint") not in (None, fingerprint):
        raise StoreMismatch(
            f"The library {folder} was made with the embedding model "
            f"{catalog.meta('embedder')}, and the settings name {name}. Vectors of two models "
            "cannot be mixed: set the embedder back, or choose another folder with --library."
        )


def _note_embedder(catalog: Catalog, name: str, fingerprint: str) -> None:
    if catalog.meta("embedder_fingerprint") is None:
        catalog.set_meta("embedder", name)
        catalog.set_meta("embedder_fingerprint", fingerprint)


def _load_embedder(folder: Path, threads: int) -> Embedder:
    from rag.embed import FolderEmbedder  # torch takes seconds to import

    return FolderEmbedder(folder, threads=threads)


def _load_generator(settings: Settings, catalog: Catalog, cells: CellStore) -> Generator:
    from rag.llm import LlamaGenerator, setup

    known = models.load_catalog()
    path = models.resolve(settings.model, known, settings.models)
    fingerprint = models.fingerprint_of(settings.model, known, path)
    key = f"{THREADS} {setup(fingerprint)}"
    generator = LlamaGenerator(
        path,
        n_context=settings.window,
        threads=settings.threads or int(catalog.meta(key) or 0),
        gpu_layers=settings.gpu_layers,
        name=path.stem,
        cells=cells,
        fingerprint=fingerprint,
        candidates=cores.candidates(),
        remember=lambda threads: catalog.set_meta(key, str(threads)),
    )
    generator.load()
    return generator


def _give_way(generator: Lazy[Generator]) -> None:
    """Wait while an answer is being written, a minute at most."""
    for _ in range(600):
        if generator.made is None or not generator.made.n_ahead:
            return
        time.sleep(0.1)
