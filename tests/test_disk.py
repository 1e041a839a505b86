import os
from pathlib import Path

import pytest

from rag import disk


def test_files_and_folders_are_synced_in_the_order_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(disk.fcntl, "F_FULLFSYNC", raising=False)
    file = tmp_path / "a"
    file.write_text("a")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))

    disk.sync(file, tmp_path)

    assert synced == [file.stat().st_ino, tmp_path.stat().st_ino]


def test_what_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        disk.sync(tmp_path / "gone")
