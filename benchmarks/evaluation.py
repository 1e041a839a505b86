"""Files of questions about PDFs, and libraries of all PDFs of a folder."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from rag import settings
from rag.errors import SettingsError
from rag.settings import ROOT

if TYPE_CHECKING:
    from rag.library import Library

Kind = Literal["passages", "pdfs"]


@dataclass(frozen=True, slots=True)
class Question:
    """answers: each is right by itself. Either it is asked of a passage, `context`, that has a
    `title`; or of `pdfs`, paths below the folder of PDFs, with "/", and `pages` are (one of them,
    physical page from 1), any of which is right; empty where they are not known."""

    id: str
    dataset: str
    text: str
    answers: tuple[str, ...]
    answerable: bool
    title: str = ""
    context: str = ""
    pdfs: tuple[str, ...] = ()
    pages: tuple[tuple[str, int], ...] = ()

    @property
    def kind(self) -> Kind:
        return "pdfs" if self.pdfs else "passages"


def read(path: Path) -> list[Question]:
    """The questions of a JSON Lines file, in its order. Raises SettingsError, naming the line."""
    questions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            questions.append(_question(json.loads(line)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(
                f"{path.name}, line {number}: no question ({error!r}). It needs id, dataset, "
                "question, and context or pdf; benchmarks/README.md describes the format."
            ) from error
    return questions


def choose(
    questions: Sequence[Question], *, datasets: Iterable[str] = (), limit: int | None = None
) -> list[Question]:
    """Those of the datasets, all where none is named; `limit` of them, spread evenly."""
    wanted = set(datasets)
    chosen = [q for q in questions if not wanted or q.dataset in wanted]
    if limit is None or limit >= len(chosen):
        return chosen
    return [chosen[i * len(chosen) // limit] for i in range(limit)]


@contextmanager
def library_of(
    pdfs: Path, folder: Path | None = None
) -> Iterator[tuple["Library", Mapping[str, str]]]:
    """A library with every PDF below a folder, taken in as the app does, and the ids of its
    documents by path. folder: where it is kept and, if it is there, used again; None throws it
    away. Raises RagError."""
    from rag.library import open_library

    path = ROOT / "strongroom.toml"
    chosen = settings.load(os.environ, path if path.is_file() else None)
    with TemporaryDirectory(prefix="strongroom-library-") as temporary:
        own = replace(chosen, library=folder or Path(temporary, "library"))
        with closing(open_library(own, command="benchmark")) as library:
            yield library, _take_in(library, pdfs)


def _take_in(library: "Library", folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file())
    for progress in library.ingest.take_in(files):
        if progress.step in ("embedded", "failed") and not progress.unchanged:
            print(progress.step, progress.name, progress.message, file=sys.stderr, flush=True)
    ids = {file: sha256(file.read_bytes()).hexdigest() for file in files}
    return {file.relative_to(folder).as_posix(): doc_id for file, doc_id in ids.items()}


def _question(told: Mapping[str, Any]) -> Question:
    named = told.get("pdf", ()) if told.get("context") else told["pdf"]
    pdfs = (named,) if isinstance(named, str) else tuple(named)
    return Question(
        id=str(told["id"]),
        dataset=str(told["dataset"]),
        text=str(told["question"]),
        answers=tuple(map(str, told.get("answers", ()))),
        answerable=bool(told.get("answerable", True)),
        title=str(told.get("title", "")),
        context=str(told.get("context", "")),
        pdfs=pdfs,
        pages=tuple(_page(page, pdfs) for page in told.get("pages", ())),
    )


def _page(told: int | Sequence[Any], pdfs: Sequence[str]) -> tuple[str, int]:
    """Told as a page of the one PDF, or as [file name without its ending, page] of several."""
    if isinstance(told, int):
        if len(pdfs) != 1:
            raise ValueError(f"page {told} of which of {len(pdfs)} PDFs?")
        return pdfs[0], told
    stem, number = told
    for pdf in pdfs:
        if stem in (Path(pdf).stem, Path(pdf).name, pdf):
            return pdf, int(number)
    raise ValueError(f"page {number} of {stem}, which is not among its PDFs")
