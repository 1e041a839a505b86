"""How the process of a system hears what to do and tells what came of it: lines of JSON.

Nothing but the standard library, for it runs in the environment of each system.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

Pages = list[tuple[str, int]]
Ask = Callable[[str, Callable[[], None]], tuple[str, Pages]]
"""Answers a question: its text, and the pages that it names, as (file name, page from 1). It calls
the function at each piece of text, as soon as there is one."""


@dataclass(frozen=True, slots=True)
class Job:
    """pdfs: folder with nothing but the PDFs. folder: an empty one, for an index. model: the GGUF
    file. embedder: folder of the embedding model. prepare_minutes: 0 prepares nothing."""

    pdfs: str
    folder: str
    model: str
    embedder: str
    threads: int
    prepare_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready:
    """Seconds since the files were handed over, the import of libraries and the loading of the
    embedder included, the loading of the language model, `load_s`, not. prepare_s: of reading
    passages beforehand, of which n_prepared of n_passages were."""

    searchable_s: float
    embedded_s: float
    load_s: float
    prepare_s: float = 0.0
    n_prepared: int = 0
    n_passages: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """first_s: until the first piece of text, or until the end where there was none before it.
    error: what the system raised in place of an answer."""

    text: str
    pages: Pages
    first_s: float
    total_s: float
    error: str = ""


def serve(take_in: Callable[[Job], tuple[Ask, Ready]]) -> None:
    """Do the job that the first line tells, then answer the question of each further line."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no line of ours
    ask, ready = take_in(Job(**json.loads(sys.stdin.readline())))
    _tell(told, ready)
    for line in sys.stdin:
        _tell(told, answer(ask, json.loads(line)))


def answer(ask: Ask, question: str) -> Answered:
    first: list[float] = []
    started = time.perf_counter()

    def wrote() -> None:
        if not first:
            first.append(time.perf_counter() - started)

    said: tuple[str, Pages] = "", []
    error = ""
    try:
        said = ask(question, wrote)
    except (RuntimeError, ValueError) as raised:
        error = f"{type(raised).__name__}: {raised}"
    total_s = time.perf_counter() - started
    pages = list(dict.fromkeys(said[1]))
    return Answered(said[0], pages, first[0] if first else total_s, total_s, error)


def names(folder: str) -> list[Path]:
    """The PDFs of the folder, in order."""
    return sorted(Path(folder).iterdir())


def _tell(told: TextIO, what: Ready | Answered) -> None:
    told.write(json.dumps(asdict(what)) + "\n")
    told.flush()
