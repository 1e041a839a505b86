import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import cells
from rag.cells import COMMON, CellStore
from rag.types import Cells

SOME = Cells((1, 2, 3), b"what the model made of it" * 40)
DOC, OTHER = "d" * 64, "e" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cells").mkdir()
    return tmp_path / "cells"


def store(folder: Path, max_bytes: int = 10**6) -> CellStore:
    return CellStore(folder, max_bytes=max_bytes)


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def age(path: Path, days: int) -> None:
    os.utime(path, (1e9 - 86400 * days,) * 2)


@given(tokens=st.lists(st.integers(0, 2**31 - 1)), data=st.binary())
def test_what_is_kept_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[int], data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("cells")
    store(folder).save(f"s/{DOC}/k", Cells(tuple(tokens), data))

    assert store(folder).load(f"s/{DOC}/k") == Cells(tuple(tokens), data)


def test_a_name_that_was_never_kept_gives_nothing(folder: Path) -> None:
    assert store(folder).load(f"s/{DOC}/k") is None


def test_only_the_owner_can_read_what_is_kept(folder: Path) -> None:
    store(folder).save(f"s/{DOC}/k", SOME)

    assert stat.S_IMODE((folder / "s" / DOC / "k").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "s" / DOC).stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", [b"", b"SRC1", b"x" * 2000])
def test_a_damaged_file_gives_nothing_and_goes(folder: Path, damage: bytes) -> None:
    kept = store(folder)
    kept.save(f"s/{DOC}/k", SOME)
    (folder / "s" / DOC / "k").write_bytes(damage)

    assert kept.load(f"s/{DOC}/k") is None
    assert (files(folder), kept.n_bytes, len(kept)) == ([], 0, 0)


def test_one_bit_that_flips_is_noticed(folder: Path) -> None:
    store(folder).save(f"s/{DOC}/k", SOME)
    path = folder / "s" / DOC / "k"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    assert store(folder).load(f"s/{DOC}/k") is None


def test_a_file_that_a_kill_left_half_written_goes(folder: Path) -> None:
    (folder / "s" / DOC).mkdir(parents=True)
    (folder / "s" / DOC / "k.new").write_bytes(b"half")

    assert len(store(folder)) == 0
    assert files(folder) == []


def test_the_least_recently_used_go_when_the_budget_is_spent(folder: Path) -> None:
    kept = store(folder, max_bytes=3500)
    for key in "abc":
        kept.save(f"s/{DOC}/{key}", SOME)
    kept.load(f"s/{DOC}/a")

    assert kept.save(f"s/{OTHER}/d", SOME)

    assert files(folder) == [f"s/{DOC}/a", f"s/{DOC}/c", f"s/{OTHER}/d"]
    assert kept.n_bytes == sum((folder / name).stat().st_size for name in files(folder))


def test_what_was_used_last_is_known_after_a_restart(folder: Path) -> None:
    for days, key in enumerate("abc"):
        store(folder).save(f"s/{DOC}/{key}", SOME)
        age(folder / "s" / DOC / key, days)

    store(folder, max_bytes=3500).save(f"s/{DOC}/d", SOME)

    assert files(folder) == [f"s/{DOC}/{key}" for key in "abd"]


def test_nothing_of_the_documents_to_keep_is_dropped_to_make_room(folder: Path) -> None:
    kept = store(folder, max_bytes=2500)
    kept.save(f"s/{DOC}/a", SOME)
    kept.save(f"s/{OTHER}/b", SOME)

    assert not kept.make_room(2000, keep={DOC})
    assert files(folder) == [f"s/{DOC}/a"]


def test_what_is_larger_than_the_budget_is_not_kept(folder: Path) -> None:
    assert not store(folder, max_bytes=100).save(f"s/{DOC}/k", SOME)
    assert not store(folder, max_bytes=0).save(f"s/{DOC}/k", SOME)
    assert files(folder) == []


def test_some_of_the_disk_is_left_free(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "SPARE", 1 << 60)

    assert not store(folder).save(f"s/{DOC}/k", SOME)


def test_nothing_is_left_of_a_removed_document(folder: Path) -> None:
    kept = store(folder)
    for stamp in ("s", "t"):
        kept.save(f"{stamp}/{DOC}/a", SOME)
        kept.save(f"{stamp}/{OTHER}/a", SOME)
    (folder / "s" / DOC / "left.new").write_bytes(b"half")

    kept.remove(DOC)

    assert files(folder) == [f"s/{OTHER}/a", f"t/{OTHER}/a"]
    assert kept.load(f"s/{DOC}/a") is None


def test_cells_of_a_document_that_went_while_it_was_read_are_not_kept(folder: Path) -> None:
    kept = CellStore(folder, max_bytes=10**6, is_wanted=lambda doc_id: doc_id == OTHER)

    assert not kept.save(f"s/{DOC}/a", SOME)
    assert kept.save(f"s/{OTHER}/a", SOME)
    assert files(folder) == [f"s/{OTHER}/a"]


def test_only_documents_of_the_library_stay(folder: Path) -> None:
    kept = store(folder)
    kept.save(f"s/{DOC}/a", SOME)
    kept.save(f"t/{OTHER}/a", SOME)

    kept.keep_only({OTHER})

    assert files(folder) == [f"t/{OTHER}/a"]


def test_what_belongs_to_no_document_stays_and_is_no_passage(folder: Path) -> None:
    kept = CellStore(folder, max_bytes=10**6, is_wanted=lambda _doc_id: False)

    assert kept.save(f"s/{COMMON}/a", SOME)
    kept.keep_only(())

    assert kept.load(f"s/{COMMON}/a") == SOME
    assert kept.count("s") == 0


def test_what_a_document_has_under_other_names_is_dropped(folder: Path) -> None:
    kept = store(folder)
    for name in (f"s/{DOC}/a", f"s/{DOC}/b", f"s/{OTHER}/a", f"t/{DOC}/a"):
        kept.save(name, SOME)

    kept.prune("s", DOC, {f"s/{DOC}/b"})

    assert files(folder) == [f"s/{DOC}/b", f"s/{OTHER}/a", f"t/{DOC}/a"]
    assert (kept.count("s"), kept.count("t"), f"s/{DOC}/a" in kept) == (2, 1, False)
