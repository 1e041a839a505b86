import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import libraries
import outside
import pdfs
import pytest

from rag import seal, threads
from rag.library import Library, open_library
from rag.prompt import NO_ANSWER
from rag.settings import ROOT, Settings
from rag.testing import HashEmbedder, ScriptedGenerator, WordTokenizer
from rag.types import Embedder, Generator, Tokenizer

seal.switch_off(os.environ)
threads.wait_briefly(os.environ)
# The same examples each time: a failure here is one of this change, not of this run.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, max_examples=40
)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return ROOT / "models"


@pytest.fixture
def write_pdf(tmp_path: Path) -> Callable[..., Path]:
    """write_pdf(name, *texts of pages) gives the path of a new file."""

    def write(name: str, *pages: str) -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pdfs.make(*pages))
        return path

    return write


@pytest.fixture
def fake_library(tmp_path: Path) -> Iterator[Callable[..., Library]]:
    """fake_library(*answers) opens tmp_path/library: SQLite, Chroma and the lock are real.

    Several may be opened in a row, each after the one before was closed.
    """
    with ExitStack() as opened:

        def make(
            *answers: str,
            embedder: Embedder | None = None,
            generator: Generator | None = None,
            tokenizer: Tokenizer | None = None,
            give_way: Callable[[], None] = lambda: None,
            **chosen: Any,
        ) -> Library:
            library = libraries.assemble(
                replace(Settings(tmp_path / "library", tmp_path / "models"), **chosen),
                embedder=embedder or HashEmbedder(),
                generator=generator or ScriptedGenerator(*answers or (NO_ANSWER,)),
                tokenizer=tokenizer or WordTokenizer(),
                give_way=give_way,
            )
            opened.callback(library.close)
            return library

        yield make


@pytest.fixture
def real_settings(tmp_path: Path, models_dir: Path) -> Settings:
    """The small real models, and a library that is not there yet."""
    return libraries.small_models(tmp_path / "library", models_dir)


@pytest.fixture(scope="session")
def real_library(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Library]:
    """Two documents taken in by the real models. Tests only read it."""
    folder = tmp_path_factory.mktemp("real")
    files = [folder / "garden.pdf", folder / "harbour.pdf"]
    for path, pages in zip(files, (libraries.GARDEN, libraries.HARBOUR), strict=True):
        path.write_bytes(pdfs.make(*pages))
    library = open_library(libraries.small_models(folder / "library", models_dir), command="test")
    list(library.ingest.take_in(files))
    yield library
    library.close()


@pytest.fixture(scope="session")
def own_network() -> None:
    """For tests that try to get out: that a network of their own can be made for it."""
    reason = outside.missing()
    if reason:
        reason = f"no network of the test's own, so nothing is tried: {reason}"
        if os.environ.get("STRONGROOM_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the tests' own process: there is no way back from it."""
    monkeypatch.setattr(seal, "seal", lambda **_: seal.current())
