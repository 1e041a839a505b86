"""sentence-transformers as anyone would use it: what `embed_ratio` is measured against."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import RagError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_loaded: "list[tuple[SentenceTransformer, list[str]]]" = []
"""In the process beside: the model, and what it encodes."""


@contextmanager
def encoding(folder: Path, texts: Sequence[str]) -> Iterator[Callable[[], float]]:
    """Gives a function that encodes the texts once and tells the seconds.

    In a process of its own, so that neither side sees the other's threads; the model is loaded and
    was used once. Raises RagError where that process ends by itself.
    """
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=_load, initargs=(str(folder), list(texts))
    ) as process:
        try:
            process.submit(_seconds).result()
            yield lambda: process.submit(_seconds).result()
        except BrokenProcessPool as error:
            raise RagError(
                "Plain sentence-transformers ended by itself. What it said stands above; "
                "see that there is memory for a second embedding model."
            ) from error


def _load(folder: str, texts: list[str]) -> None:
    from sentence_transformers import SentenceTransformer

    # Where there is a GPU it would be used, and Strongroom does not use it.
    _loaded.append((SentenceTransformer(folder, device="cpu"), texts))


def _seconds() -> float:
    model, texts = _loaded[0]
    started = time.perf_counter()
    model.encode(texts)
    return time.perf_counter() - started
