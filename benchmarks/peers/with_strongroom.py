"""Strongroom over local PDFs, as shipped but for the place of its library and the model asked for.
peers.py starts it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import lines

from rag import seal, settings, threads
from rag.errors import RagError
from rag.types import Delta, Done, Progress

if TYPE_CHECKING:
    from rag.library import Library


def take_in(job: lines.Job) -> tuple[lines.Ask, lines.Ready]:
    started = time.perf_counter()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    seal.seal()
    from rag.library import open_library

    chosen = replace(
        settings.load(os.environ), library=Path(job.folder, "library"), model=job.model
    )
    library = open_library(chosen, command="benchmark")
    pdfs = lines.names(job.pdfs)
    searchable_s = embedded_s = 0.0
    for _ in _searchable(library.ingest.take_in(pdfs), pdfs):
        embedded_s = time.perf_counter() - started
        searchable_s = searchable_s or embedded_s
    library.warm_up()
    load_s = time.perf_counter() - started - embedded_s
    ready = lines.Ready(searchable_s, embedded_s, load_s)
    if job.prepare_minutes:
        ready = _prepared(library, job.prepare_minutes, ready)

    def ask(question: str, wrote: Callable[[], None]) -> tuple[str, lines.Pages]:
        for event in library.ask(question):
            if isinstance(event, Delta):
                wrote()
            elif isinstance(event, Done):
                named = event.answer.citations
                return event.answer.text, [(c.document, c.span.page) for c in named]
        raise RuntimeError("the answer was not finished")

    return ask, ready


def _searchable(steps: Iterator[Progress], pdfs: Sequence[Path]) -> Iterator[None]:
    """Yields when the last file can be searched, and when all is done. Raises RagError."""
    n_left = len(pdfs)
    for step in steps:
        if step.step == "failed":
            raise RagError(f"{step.name}: {step.message}")
        if step.step == "searchable" or step.unchanged:
            n_left -= 1
            if not n_left:
                yield
    yield


def _prepared(library: "Library", minutes: float, ready: lines.Ready) -> lines.Ready:
    """Have the passages read beforehand, as the page does while it has nothing else to do."""
    from rag.prepare import Preparing

    started = time.perf_counter()
    ends = started + 60 * minutes
    preparing = Preparing(
        library.catalog,
        library.cells,
        generator=library.generator,
        busy=lambda: time.perf_counter() > ends,
    )
    order = library.catalog.by_use()
    for rank, doc_id in enumerate(order):
        for _ in preparing.document(doc_id, keep=order[: rank + 1]):
            if time.perf_counter() > ends:
                break
    done = preparing.progress()
    assert done is not None
    seconds = time.perf_counter() - started
    return replace(ready, prepare_s=seconds, n_prepared=done.n, n_passages=done.of)


if __name__ == "__main__":
    lines.serve(take_in)
