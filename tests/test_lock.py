import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import StoreError, StoreLocked
from rag.lock import NAME, LibraryLock

HOLD = """
import sys
from pathlib import Path
from rag.lock import LibraryLock
lock = LibraryLock(Path(sys.argv[1]), command="serve")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_told_which_command_and_process_is_the_first(tmp_path: Path) -> None:
    first = LibraryLock(tmp_path, command="add")

    with pytest.raises(StoreLocked) as caught:
        LibraryLock(tmp_path, command="serve")

    message = str(caught.value)
    assert message.startswith(f"The library {tmp_path} is in use by `strongroom add` (process ")
    assert f"(process {os.getpid()}, since 2" in message
    assert message.endswith("Use it there, or end that process and try again.")
    first.close()


def test_a_closed_lock_is_free_and_closing_again_does_nothing(tmp_path: Path) -> None:
    first = LibraryLock(tmp_path, command="add")
    first.close()
    first.close()

    LibraryLock(tmp_path, command="serve").close()


def test_a_refused_writer_does_not_take_the_owners_name_away(tmp_path: Path) -> None:
    first = LibraryLock(tmp_path, command="add")

    for _ in range(2):
        with pytest.raises(StoreLocked, match="`strongroom add`"):
            LibraryLock(tmp_path, command="serve")
    first.close()


def test_an_owner_who_left_no_name_is_another_process(tmp_path: Path) -> None:
    first = LibraryLock(tmp_path, command="add")
    (tmp_path / NAME).write_text("")

    with pytest.raises(StoreLocked, match="in use by another process"):
        LibraryLock(tmp_path, command="serve")
    first.close()


def test_a_killed_owner_does_not_hold_the_library(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked, match=rf"`strongroom serve` \(process {owner.pid},"):
            LibraryLock(tmp_path, command="add")
        owner.kill()

    LibraryLock(tmp_path, command="add").close()


def test_only_the_owner_may_read_the_lock_file(tmp_path: Path) -> None:
    LibraryLock(tmp_path, command="add").close()

    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()

    with pytest.raises(StoreError, match=rf"{tmp_path / NAME} cannot be opened \(Is a directory\)"):
        LibraryLock(tmp_path, command="add")
