"""Key-value cells of passages on disk, under a budget: what a model has read once and need not read
again. A file for each passage, in a folder for each document; all of it can be lost at any time."""

import os
import re
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import numpy as np

from rag.types import Cells

HEADER = struct.Struct("<4sIII")
"""MAGIC, tokens, bytes of cells, and a checksum of both."""
MAGIC = b"SRC1"
SPARE = 2 << 30
"""Bytes of the disk that are left free, whatever the budget is."""

COMMON = "common"
"""In place of a document: of what belongs to none, such as instructions."""
OURS = re.compile(rf"{COMMON}|[0-9a-f]{{64}}")
"""Folders of documents. Whoever chose a folder that was not empty keeps all others."""


class CellStore:
    """Its methods may be called from any thread.

    A name is "<stamp>/<document>/<key>", or COMMON for the document: the stamp changes with
    whatever gives cells another meaning, such as the model. max_bytes: 0 keeps nothing. is_wanted:
    whether a document is still in the library. What cannot be read or written is as if it were not
    there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        is_wanted: Callable[[str], bool] = lambda _doc_id: True,
    ) -> None:
        self.max_bytes = max_bytes
        self._folder = folder
        self._is_wanted = is_wanted
        self._lock = threading.RLock()
        # Least recently used first.
        self._sizes = _sizes(folder)
        self._n_bytes = sum(self._sizes.values())

    @property
    def n_bytes(self) -> int:
        return self._n_bytes

    @property
    def room(self) -> int:
        """Bytes that fit in beside all that is kept."""
        return max(min(self.max_bytes - self._n_bytes, self._spare()), 0)

    @property
    def disk_is_full(self) -> bool:
        """Whether it is the disk that leaves no room, not the budget."""
        return self._spare() <= 0

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def count(self, stamp: str) -> int:
        """How many passages have cells under a stamp."""
        with self._lock:
            common = f"{stamp}/{COMMON}/"
            return sum(
                name.startswith(f"{stamp}/") and not name.startswith(common) for name in self._sizes
            )

    def load(self, name: str) -> Cells | None:
        with self._lock:
            if name not in self._sizes:
                return None
            try:
                cells = _unpacked((self._folder / name).read_bytes())
                os.utime(self._folder / name)
            except (OSError, ValueError):
                self._drop(name)
                return None
            self._sizes[name] = self._sizes.pop(name)
            return cells

    def save(self, name: str, cells: Cells) -> bool:
        """Keep cells, and drop the least recently used for them. False where that cannot be."""
        data = _packed(cells)
        path = self._folder / name
        with self._lock:
            if not self.make_room(len(data)):
                return False
            self._drop(name)
            try:
                _write(path, data)
            except OSError:
                return False
            self._sizes[name] = len(data)
            self._n_bytes += len(data)
            # It may have been removed while a model was reading it.
            if path.parent.name != COMMON and not self._is_wanted(path.parent.name):
                self._drop(name)
                return False
            return True

    def make_room(self, n_bytes: int, *, keep: Collection[str] = ()) -> bool:
        """Drop the least recently used until n_bytes fit in. keep: documents of which nothing is
        dropped. False where that is not enough."""
        with self._lock:
            if not (self._folder.is_dir() and self.max_bytes >= n_bytes):
                return False
            excess = max(self._n_bytes + n_bytes - self.max_bytes, n_bytes - self._spare())
            untouched = set(keep)
            for name in list(self._sizes):
                if excess <= 0:
                    break
                if name.split("/")[1] not in untouched:
                    excess -= self._sizes[name]
                    self._drop(name)
            return excess <= 0

    def remove(self, doc_id: str) -> None:
        """Leave nothing of a document."""
        with self._lock:
            for name in [name for name in self._sizes if name.split("/")[1] == doc_id]:
                self._drop(name)
            for folder in self._folder.glob(f"*/{doc_id}"):
                shutil.rmtree(folder, ignore_errors=True)

    def keep_only(self, doc_ids: Collection[str]) -> None:
        """Leave nothing of any other document."""
        found = {path.name for path in self._folder.glob("*/*") if OURS.fullmatch(path.name)}
        for doc_id in found - {COMMON, *doc_ids}:
            self.remove(doc_id)

    def prune(self, stamp: str, doc_id: str, names: Collection[str]) -> None:
        """Drop what has cells for a document under a stamp, but is none of these names."""
        with self._lock:
            start = f"{stamp}/{doc_id}/"
            for name in [n for n in self._sizes if n.startswith(start) and n not in names]:
                self._drop(name)

    def _spare(self) -> int:
        """Bytes of the disk that may be taken; less than none where it is full."""
        if not self._folder.is_dir():
            return 0
        return shutil.disk_usage(self._folder).free - SPARE

    def _drop(self, name: str) -> None:
        self._n_bytes -= self._sizes.pop(name, 0)
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes by name, least recently used first. Leaves no file that was not finished."""
    found: list[tuple[float, str, int]] = []
    for path in folder.glob("*/*/*"):
        if not OURS.fullmatch(path.parent.name):
            continue
        with suppress(OSError):
            if path.suffix:
                path.unlink()
            else:
                stat = path.stat()
                found.append((stat.st_mtime, path.relative_to(folder).as_posix(), stat.st_size))
    return {name: n_bytes for _, name, n_bytes in sorted(found)}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _packed(cells: Cells) -> bytes:
    body = np.asarray(cells.tokens, dtype="<i4").tobytes() + cells.data
    head = HEADER.pack(MAGIC, len(cells.tokens), len(cells.data), zlib.crc32(body))
    return head + body


def _unpacked(data: bytes) -> Cells:
    """Raises ValueError: a power cut or a worn disk leaves anything."""
    if len(data) < HEADER.size:
        raise ValueError("too short")
    magic, n_tokens, n_bytes, checksum = HEADER.unpack_from(data)
    body = memoryview(data)[HEADER.size :]
    if magic != MAGIC or len(body) != 4 * n_tokens + n_bytes or zlib.crc32(body) != checksum:
        raise ValueError("not what was written")
    tokens = np.frombuffer(body[: 4 * n_tokens], dtype="<i4").tolist()
    return Cells(tuple(tokens), bytes(body[4 * n_tokens :]))
