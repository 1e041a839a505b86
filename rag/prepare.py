"""Passages read by the language model before they are asked for, and the names of what it keeps.

A passage is read twice: behind the instructions alone, for the prompts that it comes first in, and
behind the passages of its document that stand before it, for all others. Either one alone costs
several points of F1 (docs/decisions/0018).
"""

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from rag import prompt
from rag.catalog import Catalog
from rag.cells import CellStore
from rag.errors import ModelError, StoreError
from rag.pace import Pace
from rag.types import Chunk, Generator, Hit, Prepared, Prompt

BEFORE = 5
"""Passages of a document that the next one is read behind: some thousand tokens."""
LARGEST = 16 << 20
"""Bytes that the cells of one passage may take, before any has been kept."""
PAUSE_S = 0.3
RETRY_S = 30.0
"""After the library could not be written."""
DISK_FULL = "nothing more is prepared: the disk is nearly full"
NICE = 10
"""How far whatever else the machine does goes before."""
OFF = "prepare_off"
"""In the catalogue: that a person has switched preparing off."""


def names(catalog: Catalog, stamp: str, hits: Sequence[Hit]) -> tuple[str, ...]:
    """The name of the cells of each hit's passage, in the order of the prompt; none where the stamp
    is empty.

    It depends on every text that the cells do, so that none are used when one of them has changed.
    """
    if not stamp:
        return ()
    return tuple(
        _name_of(catalog, stamp, hit.chunk, BEFORE if place else 0)
        for place, hit in enumerate(hits)
    )


def _name_of(catalog: Catalog, stamp: str, chunk: Chunk, before: int) -> str:
    ordinal = int(chunk.id.rpartition(":")[2])
    first = max(ordinal - before, 0)
    chunks = catalog.chunks_from(chunk.doc_id, first, ordinal - first + 1)
    return _name(stamp, chunk.doc_id, _passages(catalog, chunks))


def _name(stamp: str, doc_id: str, passages: Sequence[str]) -> str:
    """passages: the one that has the name, behind those that it is read behind."""
    texts = (prompt.INSTRUCTIONS, *passages)
    return f"{stamp}/{doc_id}/{hashlib.sha256(repr(texts).encode()).hexdigest()}"


def _prompts(stamp: str, doc_id: str, passages: Sequence[str]) -> Iterator[Prompt]:
    """The last passage of each is to be read: all behind those before them, then all but the first
    behind nothing."""
    windows = [passages[max(i - BEFORE, 0) : i + 1] for i in range(len(passages))]
    named = [_name(stamp, doc_id, window) for window in windows]
    for i, window in enumerate(windows):
        names = named[i + 1 - len(window) : i + 1]
        yield Prompt(prompt.INSTRUCTIONS, tuple(window), "", tuple(names))
    for passage in passages[1:]:
        yield Prompt(prompt.INSTRUCTIONS, (passage,), "", (_name(stamp, doc_id, [passage]),))


def _passages(catalog: Catalog, chunks: Sequence[Chunk]) -> list[str]:
    """As they stand in a prompt."""
    places = {n: catalog.place(chunks[0].doc_id, n) for n in {c.spans[0].page for c in chunks}}
    hits = [Hit(c, 0.0, 1, "both", *places[c.spans[0].page]) for c in chunks]
    return [prompt.passage(hit, hit.chunk.reading) for hit in hits]


class Preparing:
    """A thread that, while nothing else is going on, has the model find out how to be fastest here
    and prepares embedded documents: those asked about last come first, then those added last.

    generator: None while the model is not loaded. busy: whether something else needs the machine.
    """

    def __init__(
        self,
        catalog: Catalog,
        cells: CellStore,
        *,
        generator: Callable[[], Generator | None],
        busy: Callable[[], bool],
    ) -> None:
        self._catalog = catalog
        self._cells = cells
        self._generator = generator
        self._busy = busy
        self._pace = Pace()
        self._closing = threading.Event()
        # Documents of which nothing is left to do, while their order stays as it is.
        self._finished: set[str] = set()
        self._order: list[str] = []
        # Whether there was no room for one of them.
        self._left_out = False
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="prepare", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop in the middle of the passage in hand."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_on(self) -> bool:
        """Kept over a restart."""
        return self._catalog.meta(OFF) != "1"

    def switch(self, on: bool) -> None:
        self._catalog.set_meta(OFF, "0" if on else "1")

    def progress(self) -> Prepared | None:
        """None where nothing can be prepared, or while that is not known."""
        generator = self._generator()
        if generator is None or not generator.stamp:
            return None
        work = self._catalog.work()
        n, of = self._cells.count(generator.stamp), 2 * work.done - work.begun
        problem = self._problem
        if not problem and n < of and self._cells.max_bytes and self._cells.disk_is_full:
            problem = DISK_FULL
        left = 0 if problem else max(min(of - n, self._cells.room // self._size()), 0)
        remaining_s = self._pace.remaining_s(n, left) if left else 0.0
        passages = min(n, of) * work.done // max(of, 1)
        return Prepared(passages, work.done, self._cells.n_bytes, self.is_on, remaining_s, problem)

    def _run(self) -> None:
        if sys.platform == "linux":
            # The threads that the model computes with are this one's, and inherit it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        pause_s = PAUSE_S
        while not self._closing.wait(pause_s):
            try:
                self._tune()
                self._prepare()
                pause_s, self._problem = PAUSE_S, ""
            except StoreError as error:
                pause_s, self._problem = RETRY_S, str(error)
            except ModelError as error:
                self._problem = str(error)
                return  # the next question tells the person too

    def _tune(self) -> None:
        generator = self._generator()
        if generator is not None and not self._busy():
            generator.tune(cancelled=lambda: self._closing.is_set() or self._busy())

    def _prepare(self) -> None:
        if self._busy():
            self._finished.clear()  # documents may be others now
        generator = self._generator()
        if generator is None or not generator.stamp or not self._may_go_on():
            return
        order = self._catalog.by_use()
        has_room = self._left_out and self._cells.room >= self._size()
        if order != self._order or has_room:
            self._order, self._finished, self._left_out = order, set(), False
        for rank, doc_id in enumerate(order):
            if doc_id in self._finished:
                continue
            # What is asked about less must go for it, but nothing that comes before it.
            for ended in self.document(doc_id, keep=order[: rank + 1]):
                if not (ended and self._may_go_on() and self._catalog.by_use() == order):
                    return
            self._finished.add(doc_id)

    def document(self, doc_id: str, *, keep: Sequence[str] = ()) -> Iterator[bool]:
        """Read the passages of a document that have no cells. Yields whether each reading came to
        its end.

        keep: documents whose cells do not go for it.
        """
        generator = self._generator()
        if generator is None:
            return
        chunks = self._catalog.chunks_of(doc_id)
        passages = _passages(self._catalog, chunks) if chunks else []
        prompts = list(_prompts(generator.stamp, doc_id, passages))
        self._cells.prune(generator.stamp, doc_id, {built.cells[-1] for built in prompts})
        for built in prompts:
            if built.cells[-1] in self._cells:
                continue
            if not self._cells.make_room(self._size(), keep=keep):
                self._left_out = True
                return
            yield generator.prepare(built, cancelled=lambda: not self._may_go_on())

    def _may_go_on(self) -> bool:
        return not (self._closing.is_set() or self._busy()) and self.is_on

    def _size(self) -> int:
        """Bytes that the cells of one more passage may take."""
        n = len(self._cells)
        return 2 * self._cells.n_bytes // n if n else LARGEST
