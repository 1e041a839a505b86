import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings

from rag import models, vectors
from rag.arrays import FloatArray
from rag.errors import RagError, SettingsError, StoreCorrupt, StoreFull
from rag.testing import MemoryIndex
from rag.types import VectorIndex
from rag.vectors import ChromaIndex

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from rag import seal
seal.switch_off(os.environ)
from rag.vectors import ChromaIndex

index = ChromaIndex(Path(sys.argv[1]))
vectors = np.eye(8, dtype=np.float32)
index.add([f"a:{i}" for i in range(4)], ["a"] * 4, vectors[:4])
with index._writing():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def unit(n: int, *, seed: int = 0, dim: int = 64) -> FloatArray:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids(doc_id: str, n: int) -> list[str]:
    return [f"{doc_id}:{i}" for i in range(n)]


def traces(root: Path, vectors: FloatArray) -> list[tuple[str, int]]:
    """(file, row) for each vector of which any 32 bytes, in any of four places, are in a file."""
    files = {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return [
        (name, row)
        for name, data in files.items()
        for row, vector in enumerate(vectors)
        if any(vector[i : i + 8].tobytes() in data for i in (0, 17, 34, 56))
    ]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ChromaIndex]:
    with closing(ChromaIndex(tmp_path / "chroma")) as opened:
        yield opened


@pytest.fixture(params=["chroma", "memory"])
def either(request: pytest.FixtureRequest) -> VectorIndex:
    return request.getfixturevalue("index") if request.param == "chroma" else MemoryIndex()


def test_the_nearest_come_first(either: VectorIndex) -> None:
    either.add(ids("a", 3), ["a"] * 3, np.eye(3, dtype=np.float32))

    assert either.query(np.asarray([0.6, 0.8, 0.0], np.float32), 2) == ["a:1", "a:0"]


def test_an_empty_index_finds_nothing(either: VectorIndex) -> None:
    assert either.query(unit(1)[0], 5) == []
    assert (either.count(), either.ids("a")) == (0, set())
    either.remove("a")
    either.rewrite()


def test_no_more_is_found_than_there_is(either: VectorIndex) -> None:
    either.add(ids("a", 2), ["a"] * 2, unit(2))

    assert len(either.query(unit(1)[0], 40)) == 2


def test_adding_twice_equals_adding_once(either: VectorIndex) -> None:
    for _ in range(2):
        either.add(ids("a", 5), ["a"] * 5, unit(5))

    assert either.count() == 5
    assert either.ids("a") == set(ids("a", 5))


def test_adding_an_id_again_replaces_its_vector(either: VectorIndex) -> None:
    old, new = unit(2)
    either.add(["a:0"], ["a"], old[None])
    either.add(["a:0"], ["a"], new[None])

    assert np.allclose(either.get(["a:0"])["a:0"], new, atol=1e-6)


def test_ids_come_back_as_they_were_given_though_chroma_has_shorter_ones(tmp_path: Path) -> None:
    a, b = "a" * 64, "b" * 64
    with closing(ChromaIndex(tmp_path)) as index:
        index.add([*ids(a, 3), *ids(b, 2)], [a] * 3 + [b] * 2, unit(5))
        assert index._collection.get(ids=["a" * 32 + ":1"], include=[])["ids"] != []
        index.rewrite()
    with closing(ChromaIndex(tmp_path, doc_ids=[a, b])) as index:
        assert (index.ids(), index.ids(a)) == ({*ids(a, 3), *ids(b, 2)}, set(ids(a, 3)))
        assert index.query(unit(5)[4], 1) == [f"{b}:1"]
        assert set(index.get([f"{a}:2", "gone:0"])) == {f"{a}:2"}
        index.discard([f"{a}:2"])
        index.remove(b)
    with closing(ChromaIndex(tmp_path)) as index:
        unknown = ["a" * 32 + ":0", "a" * 32 + ":1"]
        assert index.ids() == set(unknown)
        index.discard(unknown)
        assert index.count() == 0


def axes(dim: int, fewer: int, *, seed: int = 0) -> FloatArray:
    square = np.random.default_rng(seed).normal(size=(dim, dim))
    return np.linalg.qr(square)[0][:, :fewer].astype(np.float32)


def test_with_axes_shorter_vectors_are_kept_which_find_the_same(tmp_path: Path) -> None:
    given = unit(50)
    with closing(ChromaIndex(tmp_path, axes=axes(64, 16))) as index:
        index.add(ids("a", 50), ["a"] * 50, given)
        index.rewrite()

        kept = np.stack([index.get([i])[i] for i in ids("a", 50)])
        assert kept.shape == (50, 16)
        assert np.allclose(kept, index.shortened(given), atol=1e-6)
        assert np.allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-5)
        assert [index.query(vector, 1) for vector in given] == [[i] for i in ids("a", 50)]


def test_the_axes_of_the_default_embedder_are_at_right_angles() -> None:
    found = vectors.read_axes(models.axes_of(models.load_catalog()["all-minilm-l6-v2"]))

    assert found is not None
    assert found.shape == (384, 128)
    assert np.allclose(found.T @ found, np.eye(128), atol=0.01)


def test_axes_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.npy cannot be read"):
        vectors.read_axes(tmp_path / "gone.npy")

    for content in (b"", b"no numbers"):
        (tmp_path / "odd.npy").write_bytes(content)
        with pytest.raises(SettingsError, match=r"odd\.npy cannot be read"):
            vectors.read_axes(tmp_path / "odd.npy")

    for numbers in (np.ones(3), np.full((4, 2), np.nan)):
        np.save(tmp_path / "odd.npy", numbers)
        with pytest.raises(SettingsError, match="these are no axes"):
            vectors.read_axes(tmp_path / "odd.npy")


def test_axes_of_another_embedder_are_told_and_harm_nothing(tmp_path: Path) -> None:
    with closing(ChromaIndex(tmp_path, axes=axes(8, 4))) as index:
        index.add(["a:0"], ["a"], unit(1, dim=8))
        with pytest.raises(SettingsError, match=r"8 numbers, and its vectors have 64"):
            index.add(["a:1"], ["a"], unit(1))
        with pytest.raises(SettingsError, match=r"8 numbers, and its vectors have 64"):
            index.query(unit(1)[0], 1)
        assert index.ids() == {"a:0"}


def test_a_vector_of_zeros_harms_no_other(tmp_path: Path) -> None:
    given = unit(3, dim=8)
    given[1] = 0
    with closing(ChromaIndex(tmp_path, axes=axes(8, 4))) as index:
        index.add(ids("a", 3), ["a"] * 3, given)

        assert index.query(given[2], 1) == ["a:2"]


@pytest.mark.parametrize("n", [3, 1100])
def test_an_index_of_an_earlier_form_gives_way_to_an_empty_one(tmp_path: Path, n: int) -> None:
    client = chromadb.PersistentClient(str(tmp_path / "0"), Settings(anonymized_telemetry=False))
    earlier = client.create_collection(
        vectors.COLLECTION, embedding_function=None, configuration=vectors.CONFIGURATION
    )
    whole = ids("a" * 64, n)
    earlier.add(whole, unit(n, dim=8), [{"doc": "a" * 64}] * n)
    client.close()

    with closing(ChromaIndex(tmp_path, doc_ids=["a" * 64], axes=axes(8, 4))) as index:
        assert index.count() == 0
        index.add(whole, ["a" * 64] * n, unit(n, dim=8))
        assert index.ids("a" * 64) == set(whole)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["1"]


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("n", [3, 1100])
def test_an_index_that_was_made_with_other_axes_gives_way_to_an_empty_one(
    tmp_path: Path, *, behind: bool, n: int
) -> None:
    for made_with in (None, axes(8, 4), axes(8, 4, seed=1), None):
        with closing(ChromaIndex(tmp_path, axes=made_with, behind=behind)) as index:
            assert index.count() == 0
            index.add(ids("a", n), ["a"] * n, unit(n, dim=8))
            assert index.query(unit(n, dim=8)[1], 1) == ["a:1"]
        with closing(ChromaIndex(tmp_path, axes=made_with, behind=behind)) as index:
            assert index.count() == n
        assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_removing_takes_only_that_document_away(either: VectorIndex) -> None:
    either.add([*ids("a", 3), *ids("b", 2)], ["a"] * 3 + ["b"] * 2, unit(5))

    either.remove("a")

    assert (either.ids("a"), either.ids("b"), either.count()) == (set(), set(ids("b", 2)), 2)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds enough for Chroma to have written its index files."""
    folder = tmp_path_factory.mktemp("closed")
    with closing(ChromaIndex(folder)) as index:
        index.add(ids("a", 1100), ["a"] * 1100, unit(1100, dim=4))
    return folder


def test_what_was_added_is_there_after_opening_again(closed: Path, tmp_path: Path) -> None:
    shutil.copytree(closed, tmp_path / "chroma")

    with closing(ChromaIndex(tmp_path / "chroma")) as index:
        assert index.count() == 1100
        assert index.query(unit(1100, dim=4)[987], 1)[0] == "a:987"


def test_after_rewriting_no_byte_of_what_was_removed_is_on_disk(tmp_path: Path) -> None:
    gone, kept = unit(1100, seed=1), unit(20, seed=2)
    with closing(ChromaIndex(tmp_path)) as index:
        index.add(ids("gone", 1100), ["gone"] * 1100, gone)
        index.add(ids("kept", 20), ["kept"] * 20, kept)
        assert traces(tmp_path, gone[:50]) != []

        index.remove("gone")
        index.rewrite()

        assert traces(tmp_path, gone) == []
        assert not any(b"gone" in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
        assert index.query(kept[7], 1)[0] == "kept:7"
        assert index.ids("kept") == set(ids("kept", 20))


def test_index_files_hold_nothing_of_the_memory_they_were_made_from(
    tmp_path: Path, index: ChromaIndex
) -> None:
    for round_ in range(3):
        index.add(ids("gone", 100), ["gone"] * 100, unit(100, seed=round_))
        index.remove("gone")
        index.rewrite()
        index.add(["kept:0"], ["kept"], unit(1, seed=9))

        files = list(tmp_path.rglob("data_level0.bin"))
        assert [path.read_bytes().strip(b"\x00") for path in files] == [b""]


def test_an_index_of_more_than_one_batch_is_added_and_rewritten_whole(
    index: ChromaIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "BATCH", 10)
    index.add(ids("a", 25), ["a"] * 25, unit(25))

    index.rewrite()

    assert index.ids("a") == set(ids("a", 25))
    assert index.query(unit(25)[24], 1)[0] == "a:24"


def test_searches_go_on_while_the_index_is_rewritten(
    index: ChromaIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "BATCH", 10)
    index.add(ids("a", 25), ["a"] * 25, unit(25))
    found: list[str] = []

    def search() -> None:
        found.append(index.query(unit(25)[7], 1)[0])

    def meanwhile() -> bool:
        thread = threading.Thread(target=search)
        thread.start()
        thread.join(30)
        return False

    assert index.rewrite(meanwhile)
    assert found == ["a:7"] * 3


def test_what_changes_the_index_waits_until_it_is_rewritten(
    index: ChromaIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(ids("a", 3), ["a"] * 3, unit(3))
    adding = threading.Thread(target=lambda: index.add(["b:0"], ["b"], unit(1, seed=9)))

    def meanwhile() -> bool:
        adding.start()
        adding.join(0.2)
        return not adding.is_alive()

    assert index.rewrite(meanwhile)
    adding.join(30)
    assert index.ids() == {*ids("a", 3), "b:0"}


def test_a_rewrite_that_was_cancelled_leaves_the_old_index_and_can_be_done_again(
    tmp_path: Path,
) -> None:
    gone = unit(20, seed=1)
    with closing(ChromaIndex(tmp_path)) as index:
        index.add(ids("gone", 20), ["gone"] * 20, gone)
        index.add(ids("a", 3), ["a"] * 3, unit(3))
        index.remove("gone")
        assert not index.rewrite(lambda: True)
        assert index.ids() == set(ids("a", 3))
        assert index.rewrite()
        assert traces(tmp_path, gone) == []


def test_a_rewrite_broken_off_by_a_kill_leaves_the_old_index(tmp_path: Path) -> None:
    with closing(ChromaIndex(tmp_path)) as index:
        index.add(ids("a", 3), ["a"] * 3, unit(3))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "chroma.sqlite3").write_bytes(b"half a copy")

    with closing(ChromaIndex(tmp_path)) as index:
        assert index.ids("a") == set(ids("a", 3))
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["0"]


def test_a_rewrite_that_failed_can_be_done_again_and_keeps_nothing_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(root: Path, generation: int) -> None:
        raise OSError(28, "No space left on device")

    with closing(ChromaIndex(tmp_path)) as index:
        index.add([*ids("a", 3), *ids("b", 2)], ["a"] * 3 + ["b"] * 2, unit(5))
        with monkeypatch.context() as patch:
            patch.setattr(vectors, "_point", full)
            with pytest.raises(StoreFull, match=f"The disk with {tmp_path} is full"):
                index.rewrite()

        index.remove("a")
        index.rewrite()

        assert (index.count(), index.ids("b")) == (2, set(ids("b", 2)))
        assert traces(tmp_path, unit(5)[:3]) == []


def test_an_index_left_in_the_middle_of_a_write_gives_way_to_an_empty_one(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL

    for _ in range(2):
        with closing(ChromaIndex(tmp_path)) as index:
            assert index.count() == 0


@pytest.mark.parametrize("content", [b"", b"not what it was" * 400, None])
@pytest.mark.parametrize(
    "name", ["chroma.sqlite3", "header.bin", "link_lists.bin", "index_metadata.pickle"]
)
def test_an_index_that_chroma_cannot_read_gives_way_to_an_empty_one(
    closed: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = tmp_path / "chroma"
    shutil.copytree(closed, folder)
    (file,) = folder.rglob(name)
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    with closing(ChromaIndex(folder)) as index:
        if index.count() != 1100:
            assert index.count() == 0
        index.add(["b:0"], ["b"], unit(1, dim=4))
        assert index.ids("b") == {"b:0"}


@pytest.mark.parametrize("content", [b"", b"not what it was" * 400, None])
def test_an_index_is_read_behind_what_goes_on_and_gives_way_all_the_same(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    folder = tmp_path / "chroma"
    shutil.copytree(closed, folder)
    (file,) = folder.rglob("index_metadata.pickle")
    if content is not None:
        file.write_bytes(content)
    go, real = threading.Event(), vectors._read_files

    def read(collection: Any) -> None:
        go.wait(30)
        real(collection)

    monkeypatch.setattr(vectors, "_read_files", read)
    with closing(ChromaIndex(folder, behind=True)) as index:
        assert not index.is_at_hand
        threading.Timer(0.1, go.set).start()
        assert len(index.query(unit(1, dim=4)[0], 9)) == (9 if content is None else 0)
        assert index.count() == (1100 if content is None else 0)
        assert (index.is_at_hand, (folder / "suspect").exists()) == (True, False)
        index.add(["b:0"], ["b"], unit(1, dim=4))
        assert index.ids("b") == {"b:0"}


def test_an_index_whose_opening_was_broken_off_gives_way_to_an_empty_one(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "chroma"
    shutil.copytree(closed, folder)

    def crash(collection: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vectors, "_read_files", crash)
        with pytest.raises(KeyboardInterrupt):
            ChromaIndex(folder)

    with closing(ChromaIndex(folder)) as index:
        assert index.count() == 0


def test_an_index_that_a_power_cut_found_open_gives_way_to_an_empty_one(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for i, (boot_then, boot_now) in enumerate([("one", "one"), ("one", "two"), ("", "")]):
        folder = tmp_path / str(i)
        shutil.copytree(closed, folder)
        monkeypatch.setattr(vectors, "boot", lambda then=boot_then: then)
        opened = ChromaIndex(folder)
        monkeypatch.setattr(vectors, "boot", lambda now=boot_now: now)
        with closing(ChromaIndex(folder)) as index:
            counts.append(index.count())
        opened.close()

    assert counts == [1100, 0, 0]


def test_an_index_that_was_closed_outlasts_a_new_start_of_the_system(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(closed, tmp_path / "chroma")
    monkeypatch.setattr(vectors, "boot", lambda: "another")

    with closing(ChromaIndex(tmp_path / "chroma")) as index:
        assert index.count() == 1100


def test_an_index_is_begun_anew_by_the_write_after_one_that_failed(tmp_path: Path) -> None:
    with closing(ChromaIndex(tmp_path)) as index:
        index.add(ids("a", 3), ["a"] * 3, unit(3))
        with pytest.raises(StoreCorrupt):
            index.add(["b:0", "b:1"], ["b"] * 2, unit(1))
        assert (index.count(), index.ids(), index.get(["a:0"])) == (0, set(), {})
        assert index.query(unit(1)[0], 3) == []

        index.add(["b:0"], ["b"], unit(1))
        assert index.ids() == {"b:0"}

    with closing(ChromaIndex(tmp_path)) as index:
        assert index.ids() == {"b:0"}


def test_an_index_left_after_a_write_that_failed_gives_way_to_an_empty_one(tmp_path: Path) -> None:
    with closing(ChromaIndex(tmp_path)) as index:
        index.add(ids("a", 3), ["a"] * 3, unit(3))
        with pytest.raises(StoreCorrupt):
            index.add(["b:0", "b:1"], ["b"] * 2, unit(1))

    with closing(ChromaIndex(tmp_path)) as index:
        assert index.count() == 0


def test_beginning_anew_takes_nothing_of_a_rewrite_that_was_broken_off(tmp_path: Path) -> None:
    with closing(ChromaIndex(tmp_path)) as index:
        index.add(["a:0"], ["a"], unit(1))
    with closing(ChromaIndex(tmp_path / "other")) as other:
        other.add(["half:0"], ["half"], unit(1))
    shutil.copytree(tmp_path / "other" / "0", tmp_path / "1")
    shutil.rmtree(tmp_path / "other")
    (tmp_path / "suspect").touch()

    with closing(ChromaIndex(tmp_path)) as index:
        assert index.ids() == set()


def test_vectors_are_given_back_as_they_were_added(either: VectorIndex) -> None:
    rows = unit(3)
    either.add(ids("a", 3), ["a"] * 3, rows)

    found = either.get(["a:2", "gone", "a:0"])

    assert set(found) == {"a:0", "a:2"}
    assert found["a:2"] == pytest.approx(rows[2], abs=1e-7)


def test_a_cleared_index_is_empty_and_can_be_filled(either: VectorIndex) -> None:
    either.add(ids("a", 3), ["a"] * 3, unit(3))
    either.clear()
    assert (either.count(), either.get(["a:0"])) == (0, {})

    either.add(ids("a", 2), ["a"] * 2, unit(2))
    assert either.ids() == set(ids("a", 2))


def test_a_current_file_that_names_nothing_gives_way_to_an_empty_index(tmp_path: Path) -> None:
    (tmp_path / "current").write_text("no number")

    with closing(ChromaIndex(tmp_path)) as index:
        assert index.count() == 0


def test_every_method_gives_only_errors_of_our_own(tmp_path: Path) -> None:
    attempts: tuple[Callable[[ChromaIndex], object], ...] = (
        lambda index: index.add(["b:0"], ["b"], unit(1, dim=4)),
        lambda index: index.query(unit(1, dim=4)[0], 3),
        lambda index: index.remove("a"),
        lambda index: index.discard(["a:0"]),
        lambda index: index.ids("a"),
        lambda index: index.get(["a:0"]),
        ChromaIndex.count,
        ChromaIndex.rewrite,
    )
    for attempt in attempts:
        with closing(ChromaIndex(tmp_path)) as index:
            index.add(ids("a", 3), ["a"] * 3, unit(3, dim=4))
            index._client.delete_collection("chunks")

            with pytest.raises(RagError) as caught:
                attempt(index)
            assert type(caught.value) is StoreCorrupt
            assert str(caught.value).startswith(f"The vectors in {tmp_path} cannot be used (")

        with closing(ChromaIndex(tmp_path)) as index:
            assert index.count() == 0


def test_a_folder_that_cannot_be_made_is_an_error_of_our_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreCorrupt, match="Not a directory"):
        ChromaIndex(tmp_path / "file" / "chroma")


def test_only_the_owner_may_look_into_the_folder(tmp_path: Path) -> None:
    ChromaIndex(tmp_path / "chroma").close()

    assert (tmp_path / "chroma").stat().st_mode & 0o777 == 0o700
