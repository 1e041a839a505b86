"""Looks whether everything needed to ask a question is in place."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from rag import models, seal
from rag.errors import RagError
from rag.library import open_library
from rag.settings import Settings

PACKAGES = ("streamlit", "llama_cpp", "sentence_transformers", "chromadb", "pypdf", "pypdfium2")
SPARE_GB = 1.0
MEMORY_GB = 4.0


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    message: str


def run(settings: Settings) -> list[Check]:
    """Every check, whatever the earlier ones found."""
    return [
        Check("Python", True, sys.version.split()[0]),
        _seal(),
        *(_attempt(package, partial(_package, package)) for package in PACKAGES),
        _attempt("language model", lambda: _language_model(settings)),
        _attempt("embedding model", lambda: _embedding_model(settings)),
        _attempt("library", lambda: _library(settings)),
        _disk(settings.library),
        _memory(),
    ]


def _seal() -> Check:
    """Of this process, which every other that Strongroom starts here is like."""
    sealed = seal.current()
    ok = sealed.level in ("kernel", "filter", "sandbox")
    return Check("networking off", ok, f"{sealed.label}. {sealed.meaning} {sealed.advice}".strip())


def _attempt(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    # A native library that does not fit this machine gives OSError or RuntimeError.
    except (RagError, ImportError, OSError, RuntimeError) as error:
        return Check(name, False, str(error))


def _package(name: str) -> str:
    return str(getattr(import_module(name), "__version__", "present"))


def _language_model(settings: Settings) -> str:
    from rag import tape  # llama.cpp is what another check looks at
    from rag.llm import LlamaGenerator

    path = models.resolve(settings.model, models.load_catalog(), settings.models)
    if not tape.has_gpu():
        return str(path)
    generator = LlamaGenerator(path, n_context=settings.window, gpu_layers=settings.gpu_layers)
    offloaded = generator.offloaded
    generator.close()
    return f"{path}, {offloaded}"


def _embedding_model(settings: Settings) -> str:
    model = models.find(models.load_catalog(), settings.embedder)
    return str(models.verify(model, settings.models))


def _library(settings: Settings) -> str:
    library = open_library(settings, command="doctor")
    n_documents = len(library.catalog.documents())
    library.close()
    return f"{settings.library}, {n_documents} documents"


def _disk(folder: Path) -> Check:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    cure = "" if free_gb >= SPARE_GB else "; free some before you add documents"
    return Check("disk", free_gb >= SPARE_GB, f"{free_gb:.1f} GB free{cure}")


def _memory() -> Check:
    total_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cure = "" if total_gb >= MEMORY_GB else "; the default model needs 4 GB, choose a smaller one"
    return Check("memory", total_gb >= MEMORY_GB, f"{total_gb:.0f} GB{cure}")
