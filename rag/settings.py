"""What a person can choose, from strongroom.toml and STRONGROOM_* variables. Constructs nothing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

from rag.errors import SettingsError
from rag.types import Level, Ocr, Strictness

ROOT = Path(__file__).resolve().parent.parent
"""The clone, or site-packages when installed from a wheel."""


@dataclass(frozen=True, slots=True)
class Settings:
    """library: folder of the library. models: folder of the weights. model, embedder: names in the
    model catalogue; model may also be a path to a GGUF file. top_k: most passages given to the
    model. context_tokens: its widest window. prompt_tokens: most tokens of instructions, passages
    and question. answer_tokens: most tokens of an answer. strictness: how sure it must be that the
    documents hold the answer before one is given. threads: 0 means one for each core,
    and for the language model the number found the fastest here. gpu_layers: most of its layers to
    put on a graphics card, -1 as many as fit. cells_gb: most gigabytes of disk for what the model
    has read of passages beforehand; 0 keeps nothing.
    max_file_mb, max_pages, max_unpacked_mb, max_nesting, max_image_mpx: a document over any of
    them is refused; unpacked: of all that is compressed in it; nesting: of mails in mails; mpx:
    million pixels of one picture. ocr: which pages are read off their picture: "auto", those
    without text; "force", all; "never". readers: processes that read files, 0 means one for each
    core. reader_mb: memory of each. file_s, page_s: seconds that reading a file, and one page of
    it, may take. port: the first one tried. require_seal: the lowest level of the network seal to
    run with."""

    library: Path
    models: Path
    model: str = "qwen2.5-coder-1.5b-instruct"
    embedder: str = "all-minilm-l6-v2"
    top_k: int = 6
    context_tokens: int = 4096
    prompt_tokens: int = 2000
    answer_tokens: int = 400
    strictness: Strictness = "normal"
    threads: int = 0
    gpu_layers: int = -1
    cells_gb: int = 8
    seed: int = 0
    max_file_mb: int = 500
    max_pages: int = 20_000
    max_unpacked_mb: int = 1000
    max_nesting: int = 5
    max_image_mpx: int = 200
    ocr: Ocr = "auto"
    readers: int = 0
    reader_mb: int = 3000
    file_s: int = 600
    page_s: int = 60
    port: int = 8501
    require_seal: Level = "hook"

    @property
    def window(self) -> int:
        """Tokens that the model can hold at a time: no more than a prompt and its answer take, for
        each takes memory (28 KB with the default model)."""
        return min(self.context_tokens, self.prompt_tokens + self.answer_tokens)


FILE = Path("strongroom.toml")
"""Read from the current folder, if it is there."""
LEAST_READ = 400
"""Tokens that instructions, a question and one short passage take."""
CHOICES = {
    "ocr": get_args(Ocr),
    "require_seal": get_args(Level),
    "strictness": get_args(Strictness),
}
MINIMUM = {
    "top_k": 1,
    "context_tokens": 512,
    "prompt_tokens": LEAST_READ,
    "answer_tokens": 16,
    "threads": 0,
    "gpu_layers": -1,
    "cells_gb": 0,
    "seed": 0,
    "max_file_mb": 1,
    "max_pages": 1,
    "max_unpacked_mb": 1,
    "max_nesting": 0,
    "max_image_mpx": 1,
    "readers": 0,
    "reader_mb": 256,
    "file_s": 1,
    "page_s": 1,
    "port": 1,
}


def default_settings(environ: Mapping[str, str]) -> Settings:
    """In a clone: its data/ and models/. Installed from a wheel: the person's data folder."""
    if (ROOT / "models" / "catalog.toml").is_file():
        return Settings(library=ROOT / "data", models=ROOT / "models")
    base = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "strongroom"
    return Settings(library=base / "library", models=base / "models")


def load(environ: Mapping[str, str], path: Path | None = None) -> Settings:
    """Defaults, overridden by the TOML file at `path`, overridden by STRONGROOM_<FIELD>.

    Raises SettingsError, which names the setting and where it came from.
    """
    settings = default_settings(environ)
    if path is not None:
        settings = _override(settings, _read(path), str(path))
    variables = {f.name: environ.get(f"STRONGROOM_{f.name.upper()}") for f in fields(Settings)}
    settings = _override(settings, {k: v for k, v in variables.items() if v}, "the environment")
    if (left := settings.window - settings.answer_tokens) < LEAST_READ:
        raise SettingsError(
            f"context_tokens, prompt_tokens and answer_tokens together leave {left} tokens to read "
            f"the question and its passages in; {LEAST_READ} is the least. Raise context_tokens or "
            "prompt_tokens, or lower answer_tokens."
        )
    return settings


def default_file() -> Path | None:
    return FILE if FILE.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}. Correct that line.") from error


def _override(settings: Settings, values: Mapping[str, Any], source: str) -> Settings:
    names = {f.name for f in fields(Settings)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise SettingsError(
            f"{source} sets {', '.join(unknown)}, which is not a setting. "
            f"The settings are: {', '.join(sorted(names))}."
        )
    return replace(settings, **{k: _convert(settings, k, v, source) for k, v in values.items()})


def _convert(settings: Settings, name: str, value: Any, source: str) -> Any:
    kind = type(getattr(settings, name))
    if kind is not int:
        if not isinstance(value, str) or not value:
            raise SettingsError(f'{source} sets {name} to {value!r}. Put text between "quotes".')
        if value not in CHOICES.get(name, (value,)):
            raise SettingsError(
                f"{source} sets {name} to {value!r}. Use one of {', '.join(CHOICES[name])}."
            )
        return Path(value).expanduser() if issubclass(kind, Path) else value
    if isinstance(value, bool | float):
        raise SettingsError(f"{source} sets {name} to {value!r}. Use a whole number.")
    try:
        number = int(value)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{source} sets {name} to {value!r}. Use a whole number.") from error
    if number < MINIMUM[name]:
        raise SettingsError(f"{source} sets {name} to {number}. Use {MINIMUM[name]} or more.")
    return number
