"""One writer for each library: a lock file that names its owner."""

import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rag.errors import StoreError, StoreLocked

NAME = "library.lock"


class LibraryLock:
    """Held from construction to `close`, or until the process ends, however it ends.

    command: what the owner is doing, shown to whoever comes second. Raises StoreLocked, StoreError.
    """

    def __init__(self, library: Path, *, command: str) -> None:
        self._file = _open(library / NAME)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(self._file)
            self._file.close()
            raise StoreLocked(
                f"The library {library} is in use by {owner}. "
                "Use it there, or end that process and try again."
            ) from error
        self._write({"pid": os.getpid(), "command": command, "since": time.time()})

    def close(self) -> None:
        """Give the library free. Calling it again does nothing."""
        if not self._file.closed:
            self._write({})
            with suppress(OSError):
                self._file.close()

    def _write(self, owner: dict[str, object]) -> None:
        # The lock holds without a name in it, and must be given free on a full disk too.
        with suppress(OSError):
            self._file.seek(0)
            self._file.truncate()
            json.dump(owner, self._file)
            self._file.flush()


def _open(path: Path) -> TextIO:
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened ({error.strerror}). Correct the permissions of its folder, "
            "or choose another with --library."
        ) from error


def _owner(file: TextIO) -> str:
    try:
        owner = json.load(file)
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(owner["since"]))
        return f"`strongroom {owner['command']}` (process {owner['pid']}, since {since})"
    except (ValueError, KeyError, TypeError):
        return "another process"
