import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rag import chunk
from rag.arrays import FloatArray
from rag.catalog import Catalog
from rag.errors import DamagedDocument, UnreadableDocument
from rag.ingest import Ingest
from rag.sources import (
    Look,
    Plan,
    Sources,
    Tally,
    in_order,
    look,
    plan,
    settled,
)
from rag.testing import HashEmbedder, MemoryIndex, WordTokenizer
from rag.types import Chunk, Document, FileRecord, Page, Progress

OLD_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


class TextReader:
    """Reads what `write` writes. read_names: of the files read, in order."""

    def __init__(self) -> None:
        self.read_names: list[str] = []
        self.go = threading.Event()
        self.go.set()

    def read(
        self, path: Path, *, doc_id: str, name: str, password: str | None, progress: object = None
    ) -> Document:
        self.read_names.append(name)
        assert self.go.wait(30)
        text = path.read_bytes().removeprefix(b"%PDF-").decode()
        if text == "damaged":
            raise DamagedDocument(f"{name} is damaged.")
        return Document(doc_id, name, "application/pdf", (Page(1, "page 1", text, (0.0, 0.0)),))

    def ocr_page(self, *arguments: object, **named: object) -> Page:
        raise NotImplementedError

    def chunk(self, document: Document) -> tuple[Chunk, ...]:
        return chunk.chunk(document, WordTokenizer())


class CountingEmbedder(HashEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.texts += [text.partition("\n")[2] for text in texts]
        return super().embed(texts)


@dataclass
class Shelf:
    """A library with fakes for all but its catalogue, and a folder beside it."""

    folder: Path
    catalog: Catalog
    ingest: Ingest
    sources: Sources
    reader: TextReader
    embedder: CountingEmbedder

    def write(self, name: str, text: str, *, age_s: float = 3600, whole: bool = False) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if whole else f"%PDF-{text}")
        then = time.time_ns() - int(age_s * SECOND_NS)
        os.utime(path, ns=(then, then))
        return path

    def sync(self, **options: object) -> tuple[list[tuple[str, str]], Tally]:
        """(name, step) of what was told about the folder, and what was done."""
        source, _ = self.sources.add(self.folder)
        sync = self.sources.sync(source, **options)  # type: ignore[arg-type]
        told: list[Progress] = []

        def staging() -> Iterator[Progress]:
            for progress in sync.run():
                told.append(progress)
                yield progress

        list(self.ingest.resume(staging()))
        return [(p.name, p.step) for p in told], sync.tally

    @property
    def names(self) -> list[str]:
        return sorted(record.name for record in self.catalog.documents())

    def holds(self) -> dict[str, object]:
        """All that a person can find in it."""
        records = {r.id: r for r in self.catalog.documents()}
        return {
            "documents": {i: replace(r, added_at=0.0) for i, r in records.items()},
            "chunks": {i: self.catalog.chunks_of(i) for i in records},
            "vectors": {i: self.ingest.vectors.ids(i) for i in records},
            "n_vectors": self.ingest.vectors.count(),
            "by name": {r.name: set(self.catalog.search(r.name, 99)) for r in records.values()},
            "copies": sorted(path.name for path in self.ingest.originals.iterdir()),
        }


def make(root: Path, folder: Path) -> Shelf:
    (root / "originals").mkdir(parents=True)
    catalog = Catalog(root / "library.db")
    reader, embedder = TextReader(), CountingEmbedder()
    ingest = Ingest(
        catalog=catalog,
        vectors=MemoryIndex(),
        tokenizer=WordTokenizer(),
        embedder=lambda: embedder,
        reader=reader,
        originals=root / "originals",
        max_bytes=1000,
    )
    return Shelf(folder, catalog, ingest, Sources(catalog, ingest, root), reader, embedder)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    folder = tmp_path / "papers"
    folder.mkdir()
    made = make(tmp_path / "library", folder)
    with closing(made.catalog):
        yield made


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Paths of folders that may not be read."""
    paths: set[str] = set()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path) in paths:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return paths


# Looking


def test_a_look_finds_files_in_order_without_hidden_ones_and_links(tmp_path: Path) -> None:
    names = ["b.pdf", "a.PDF", "a/c.pdf", "notes.exe", ".hidden.pdf", ".git/d.pdf", "a/e.zzz"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "link.pdf").symlink_to(tmp_path / "b.pdf")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.pdf").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.pdf")
    os.utime(tmp_path / "b.pdf", ns=(OLD_NS, OLD_NS))

    found = look(tmp_path)

    assert [str(Path(path).relative_to(tmp_path)) for path in found.files] == [
        "a.PDF", "b.pdf", "a/c.pdf",
    ]  # fmt: skip
    assert found.files[str(tmp_path / "b.pdf")] == (5, OLD_NS)
    assert (found.others, dict(found.unseen), found.missing) == (2, {}, False)


def test_the_library_itself_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "a.pdf").write_bytes(b"")

    assert look(tmp_path, leave_out=tmp_path / "library") == Look({})


def test_folders_may_be_deeper_than_the_stack_of_python(tmp_path: Path) -> None:
    folders = [tmp_path]
    while len(str(folders[-1])) < 3000:
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    file = folders[-1] / "a.pdf"
    file.write_bytes(b"")
    try:
        assert list(look(tmp_path).files) == [str(file)]
    finally:  # shutil.rmtree recurses
        file.unlink()
        for folder in reversed(folders[1:]):
            folder.rmdir()


def test_a_look_at_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert look(tmp_path / "gone") == Look({}, missing=True)


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_is_found(
    tmp_path: Path, unreadable: set[str]
) -> None:
    for name in ("a/x.pdf", "b/y.pdf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    unreadable.add(str(tmp_path / "a"))

    found = look(tmp_path)

    assert list(found.files) == [str(tmp_path / "b/y.pdf")]
    assert found.unseen == {str(tmp_path / "a"): "Permission denied"}


# Planning

paths = st.sampled_from(["/s/a.pdf", "/s/b.pdf", "/s/d/a.pdf", "/s/d/b.pdf", "/s/d2/a.pdf"])
stats = st.tuples(st.integers(0, 2), st.integers(0, 2))


def known(files: dict[str, tuple[int, int]]) -> dict[str, FileRecord]:
    return {path: FileRecord(path, "/s", "d" * 64, *stat) for path, stat in files.items()}


@given(
    st.dictionaries(paths, stats),
    st.dictionaries(paths, stats),
    st.sets(st.sampled_from(["/s/d", "/s/a.pdf"])),
)
def test_every_path_is_planned_once_and_nothing_out_of_sight_is_gone(
    now: dict[str, tuple[int, int]], before: dict[str, tuple[int, int]], unseen: set[str]
) -> None:
    planned = plan(Look(now, unseen=dict.fromkeys(unseen, "no")), known(before))

    kinds = [*planned.new, *planned.changed, *planned.gone, *planned.same]
    assert sorted(kinds) == sorted({*now, *before})
    assert set(planned.new) == set(now) - set(before)
    assert all(now[path] != before[path] for path in planned.changed)
    assert all(path in before and path not in now for path in planned.gone)
    assert not [p for p in planned.gone if any(p == u or p.startswith(u + "/") for u in unseen)]
    assert all(now.get(path) in (None, before[path]) for path in planned.same)


def test_files_come_before_folders_as_in_a_look() -> None:
    assert sorted(["/s/d/a", "/s/d2/a", "/s/z", "/s/d/e/a"], key=in_order) == [
        "/s/z", "/s/d/a", "/s/d/e/a", "/s/d2/a",
    ]  # fmt: skip


def test_what_is_still_under_way_waits() -> None:
    now_ns = OLD_NS + 10 * SECOND_NS
    old, recent = (1, OLD_NS), (1, now_ns - SECOND_NS)
    found = Look({"new": old, "fresh": recent, "grows": (2, OLD_NS), "rest": old})
    earlier = Look({"grows": (1, OLD_NS), "just gone": old, "rest": old})
    planned = Plan(("new", "fresh"), ("grows", "rest"), ("just gone", "long gone"))

    assert settled(planned, found, earlier, now_ns) == Plan(("new",), ("rest",), ("long gone",))


# Carrying out


def test_what_is_new_changed_renamed_and_retired_is_told(shelf: Shelf) -> None:
    shelf.write("a.pdf", "apples")
    shelf.write("b.pdf", "bees")
    shelf.write("c.pdf", "corn")
    shelf.write("d.pdf", "dust")
    shelf.write("x.zzz", "")
    assert shelf.sync() == (
        [("a.pdf", "queued"), ("b.pdf", "queued"), ("c.pdf", "queued"), ("d.pdf", "queued")],
        Tally(new=4, others=1),
    )

    shelf.write("b.pdf", "beetles")
    (shelf.folder / "sub").mkdir()
    (shelf.folder / "c.pdf").rename(shelf.folder / "sub" / "corn.pdf")
    (shelf.folder / "d.pdf").unlink()
    shelf.write("e.pdf", "eels")

    assert shelf.sync() == (
        [("b.pdf", "queued"), ("e.pdf", "queued"), ("corn.pdf", "renamed"), ("d.pdf", "retired")],
        Tally(new=1, changed=1, renamed=1, retired=1, unchanged=1, others=1),
    )
    assert shelf.names == ["a.pdf", "b.pdf", "corn.pdf", "e.pdf"]
    assert shelf.sync() == ([], Tally(unchanged=4, others=1))


def test_a_file_of_the_same_size_and_time_is_not_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write("a.pdf", "apples")
    shelf.sync()

    def read(*arguments: object, **named: object) -> object:
        raise AssertionError

    monkeypatch.setattr(Path, "open", read)
    assert shelf.sync() == ([], Tally(unchanged=1))


def test_a_file_that_was_only_touched_is_read_and_not_taken_in_again(shelf: Shelf) -> None:
    shelf.write("a.pdf", "apples")
    shelf.sync()
    shelf.write("a.pdf", "apples", age_s=60)

    assert shelf.sync() == ([], Tally(unchanged=1))
    assert shelf.reader.read_names == ["a.pdf"]


def test_a_file_written_just_now_is_looked_into_again_for_its_time_may_not_tell(
    shelf: Shelf,
) -> None:
    path = shelf.write("a.pdf", "apples", age_s=0)
    shelf.sync()
    before = path.stat()
    path.write_text("%PDF-orange")
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert shelf.sync()[1] == Tally(changed=1)


def test_equal_bytes_are_one_document_named_after_the_first_file(shelf: Shelf) -> None:
    shelf.write("b/two.pdf", "apples")
    shelf.write("one.pdf", "apples")
    shelf.sync()
    assert shelf.names == ["one.pdf"]

    (shelf.folder / "one.pdf").unlink()
    told, tally = shelf.sync()

    assert (told, shelf.names) == ([("two.pdf", "renamed")], ["two.pdf"])
    assert tally == Tally(unchanged=1)
    assert shelf.reader.read_names == ["one.pdf"]


def test_a_renamed_document_is_found_by_its_new_name_alone(shelf: Shelf) -> None:
    shelf.write("alpha.pdf", "apples")
    shelf.sync()
    (shelf.folder / "alpha.pdf").rename(shelf.folder / "beta.pdf")
    shelf.sync()

    (record,) = shelf.catalog.documents()
    assert shelf.catalog.search("beta", 9) == [f"{record.id}:0"]
    assert shelf.catalog.search("alpha", 9) == []
    assert shelf.embedder.texts == ["apples"]


def test_files_that_swapped_their_names_keep_their_documents(shelf: Shelf) -> None:
    shelf.write("a.pdf", "apples")
    shelf.write("b.pdf", "quinces")
    shelf.sync()
    shelf.write("a.pdf", "quinces", age_s=60)
    shelf.write("b.pdf", "apples", age_s=60)
    shelf.sync()

    (apples,) = shelf.catalog.search("apples", 9)
    (record,) = [r for r in shelf.catalog.documents() if apples.startswith(r.id)]
    assert record.name == "b.pdf"
    assert sorted(shelf.embedder.texts) == ["apples", "quinces"]


def test_a_document_renamed_while_it_is_read_has_its_new_name_everywhere(shelf: Shelf) -> None:
    path = shelf.write("alpha.pdf", "apples")
    shelf.reader.go.clear()
    steps = shelf.ingest.resume([shelf.ingest.stage(path, kept=False)])
    next(step for step in steps if step.step == "extracting")
    (record,) = shelf.catalog.documents()
    shelf.ingest.rename(record.id, "beta.pdf")
    shelf.reader.go.set()
    list(steps)

    assert shelf.names == ["beta.pdf"]
    assert [c.context for c in shelf.catalog.chunks_of(record.id)] == ["beta"]


def test_a_document_that_a_person_added_stays_when_its_file_is_gone(shelf: Shelf) -> None:
    path = shelf.write("a.pdf", "apples")
    shelf.write("b.pdf", "bees")
    shelf.sync()
    shelf.ingest.stage(path)
    path.unlink()

    assert shelf.sync()[1] == Tally(unchanged=1)
    assert shelf.names == ["a.pdf", "b.pdf"]


def test_a_document_that_another_source_gives_stays(shelf: Shelf, tmp_path: Path) -> None:
    path = shelf.write("a.pdf", "apples")
    shelf.write("b.pdf", "bees")
    shelf.sync()
    other = replace(shelf, folder=tmp_path / "other")
    other.write("z.pdf", "apples")
    other.sync()
    path.unlink()
    shelf.sync()

    assert shelf.names == ["b.pdf", "z.pdf"]


def test_a_document_that_a_person_removed_comes_back_only_when_its_bytes_change(
    shelf: Shelf,
) -> None:
    path = shelf.write("a.pdf", "apples")
    shelf.sync()
    shelf.ingest.remove([r.id for r in shelf.catalog.documents()])

    assert shelf.sync()[0] == []
    shelf.write("a.pdf", "apples", age_s=60)
    assert shelf.sync()[0] == []
    path.rename(shelf.folder / "moved.pdf")
    assert shelf.sync()[0] == []
    assert shelf.names == []

    shelf.write("moved.pdf", "pears")
    assert shelf.sync()[0] == [("moved.pdf", "queued")]


def test_a_file_that_cannot_be_taken_in_is_told_once_and_tried_when_it_changes(
    shelf: Shelf,
) -> None:
    shelf.write("a.pdf", "\x7fELF\x02", whole=True)
    told, tally = shelf.sync()
    assert ([step for _, step in told], tally) == (["failed"], Tally(failed=1))
    assert shelf.catalog.sources()[0].n_bad == 1

    assert shelf.sync() == ([], Tally(unchanged=1))
    shelf.write("a.pdf", "apples")
    assert shelf.sync()[1] == Tally(changed=1)
    assert (shelf.catalog.sources()[0].n_bad, shelf.names) == (0, ["a.pdf"])


def test_a_document_stays_until_what_its_file_has_become_is_taken_in(shelf: Shelf) -> None:
    shelf.write("a.pdf", "apples")
    shelf.sync()
    shelf.write("a.pdf", "\x7fELF\x02 half a file", whole=True)

    assert shelf.sync()[1] == Tally(failed=1)
    assert shelf.catalog.search("apples", 9) != []
    shelf.write("a.pdf", "a whole file")
    assert shelf.sync()[1] == Tally(changed=1)
    assert shelf.catalog.search("apples", 9) == []


def test_a_document_that_could_not_be_read_is_not_read_again_until_its_file_changes(
    shelf: Shelf,
) -> None:
    shelf.write("a.pdf", "damaged")
    shelf.sync()
    shelf.write("b.pdf", "damaged")
    shelf.sync()
    assert shelf.reader.read_names == ["a.pdf"]

    for name in ("a.pdf", "b.pdf"):
        shelf.write(name, "mended")
    shelf.sync()
    assert [(r.name, r.state) for r in shelf.catalog.documents()] == [("a.pdf", "embedded")]


def test_a_file_that_may_not_be_read_is_tried_again_quietly(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.write("a.pdf", "apples")
    opened = Path.open

    def refuse(self: Path, *arguments: object, **named: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(self, *arguments, **named)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        patched.setattr(os, "access", lambda *_: False)
        told, tally = shelf.sync()
        assert ([step for _, step in told], tally) == (["failed"], Tally(failed=1))
        assert shelf.sync() == ([], Tally(unchanged=1))

    assert shelf.sync()[0] == [("a.pdf", "queued")]


def test_a_password_is_tried_on_the_documents_that_need_one(shelf: Shelf) -> None:
    shelf.write("a.pdf", "apples")
    shelf.sync()
    (record,) = shelf.catalog.documents()
    shelf.catalog.fail(record.id, "a.pdf needs a password.", "EncryptedDocument")

    assert shelf.sync(password="pw")[0] == [("a.pdf", "queued")]
    assert shelf.catalog.password(record.id) == "pw"
    (record,) = shelf.catalog.documents()
    assert record.state == "embedded"
    assert record.id in shelf.catalog.files_by_document()


@pytest.mark.parametrize("name", [b"caf\xe9.pdf", b"back\\udce9.pdf", b"new\nline.pdf", "é.pdf"])
def test_names_that_are_no_text_are_kept_as_they_are(shelf: Shelf, name: bytes | str) -> None:
    path = os.fsdecode(name)
    shelf.write(f"{path.removesuffix('.pdf')}/{path}", "apples")
    assert shelf.sync()[1] == Tally(new=1)

    assert shelf.sync()[1] == Tally(unchanged=1)
    assert list(shelf.catalog.files(shelf.folder)) == list(look(shelf.folder).files)
    shown = path.replace("\n", " ").encode("utf-8", "replace").decode()
    assert shelf.catalog.documents()[0].name == shown


# What is gone by mistake


def gone_by(remove: Callable[[Shelf], None], shelf: Shelf, n_files: int) -> str:
    """The problem that is told when files are gone. Checks that no document is."""
    for i in range(n_files):
        shelf.write(f"{i:02}.pdf", f"number {i}")
    shelf.sync()
    names = shelf.names
    remove(shelf)
    told, tally = shelf.sync()
    assert (told, shelf.names) == ([], names)
    return tally.problem


def empty(shelf: Shelf) -> None:
    for path in shelf.folder.iterdir():
        path.unlink()


def move_away(shelf: Shelf) -> None:
    shelf.folder.rename(shelf.folder.with_name("elsewhere"))


def thin_out(shelf: Shelf) -> None:
    for i in range(11):
        (shelf.folder / f"{i:02}.pdf").unlink()


def test_nothing_is_retired_when_the_folder_is_not_there(shelf: Shelf) -> None:
    source, _ = shelf.sources.add(shelf.folder)
    for i in range(3):
        shelf.write(f"{i}.pdf", f"number {i}")
    shelf.sync()
    move_away(shelf)

    sync = shelf.sources.sync(source)
    assert list(sync.run()) == []
    assert f"{source} is not there." in sync.tally.problem
    assert f"`strongroom sources sync --retire {source}`" in sync.tally.problem
    assert shelf.catalog.sources()[0].problem == sync.tally.problem
    assert len(shelf.names) == 3

    shelf.folder.with_name("elsewhere").rename(shelf.folder)
    assert shelf.sync() == ([], Tally(unchanged=3))
    assert shelf.catalog.sources()[0].problem == ""


@pytest.mark.parametrize(("remove", "n_files"), [(empty, 3), (thin_out, 21), (thin_out, 20)])
def test_nothing_is_retired_when_much_is_gone_at_once(
    shelf: Shelf, remove: Callable[[Shelf], None], n_files: int
) -> None:
    problem = gone_by(remove, shelf, n_files)

    n_gone = 3 if remove is empty else 11
    assert f"{n_gone} of {n_files} files of {shelf.folder} are gone." in problem
    assert f"`strongroom sources sync --retire {shelf.folder}`" in problem
    # It stays so, whatever comes meanwhile.
    for i in range(40):
        shelf.write(f"new {i}.pdf", f"new {i}")
    _, tally = shelf.sync()
    assert (tally.retired, tally.new, len(shelf.names)) == (0, 40, n_files + 40)
    assert shelf.catalog.sources()[0].n_held == n_gone

    _, tally = shelf.sync(retire=True)
    assert (tally.retired, tally.problem, len(shelf.names)) == (n_gone, "", n_files + 40 - n_gone)


def test_what_comes_back_is_not_read_again(shelf: Shelf) -> None:
    kept: list[Path] = []

    def take_away(shelf: Shelf) -> None:
        kept.extend(p.rename(shelf.folder.with_name(p.name)) for p in shelf.folder.iterdir())

    gone_by(take_away, shelf, 3)
    n_read = len(shelf.reader.read_names)
    for path in kept:
        path.rename(shelf.folder / path.name)

    assert shelf.sync() == ([], Tally(unchanged=3))
    assert (shelf.catalog.sources()[0].n_held, len(shelf.reader.read_names)) == (0, n_read)


def test_half_of_many_and_all_but_one_of_few_may_go(shelf: Shelf) -> None:
    for i in range(20):
        shelf.write(f"{i:02}.pdf", f"number {i}")
    shelf.sync()
    for i in range(10):
        (shelf.folder / f"{i:02}.pdf").unlink()
    assert shelf.sync()[1] == Tally(retired=10, unchanged=10)
    for i in range(10, 19):
        (shelf.folder / f"{i:02}.pdf").unlink()
    assert shelf.sync()[1] == Tally(retired=9, unchanged=1)


def test_many_files_may_move_at_once(shelf: Shelf) -> None:
    for i in range(30):
        shelf.write(f"in/{i:02}.pdf", f"number {i}")
    shelf.sync()
    (shelf.folder / "in").rename(shelf.folder / "out")

    assert shelf.sync()[1] == Tally(renamed=30)
    assert len(shelf.embedder.texts) == 30


def test_nothing_is_retired_of_a_folder_that_may_not_be_read(
    shelf: Shelf, unreadable: set[str]
) -> None:
    shelf.write("a/x.pdf", "apples")
    shelf.write("b/y.pdf", "bees")
    shelf.sync()
    unreadable.add(str(shelf.folder / "a"))
    (shelf.folder / "b" / "y.pdf").rename(shelf.folder / "y.pdf")

    _, tally = shelf.sync()

    assert (tally.renamed, tally.retired, shelf.names) == (1, 0, ["x.pdf", "y.pdf"])
    assert f"{shelf.folder / 'a'} cannot be read (Permission denied)." in tally.problem


# Retiring is one removal, and a kill loses nothing


def test_many_documents_are_retired_in_one_go(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(9):
        shelf.write(f"{i}.pdf", f"number {i}")
    shelf.sync()
    for i in range(8):
        (shelf.folder / f"{i}.pdf").unlink()
    rewritten: list[int] = []

    def rewrite(cancelled: object) -> bool:
        rewritten.append(1)
        return True

    monkeypatch.setattr(shelf.ingest.vectors, "rewrite", rewrite)
    shelf.sync()

    assert (rewritten, shelf.names) == ([1], ["8.pdf"])


@pytest.mark.parametrize("at", ["put_file", "drop_files", "rename", "note_look"])
def test_what_a_kill_broke_off_is_done_by_the_next_sync(
    shelf: Shelf, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("a.pdf", "apples"), ("b.pdf", "bees"), ("c.pdf", "corn")):
        shelf.write(name, text)
    shelf.sync()
    shelf.write("a.pdf", "apricots")
    (shelf.folder / "b.pdf").rename(shelf.folder / "bb.pdf")
    (shelf.folder / "c.pdf").unlink()

    class Killed(Exception):
        pass

    def killed(*arguments: object, **named: object) -> object:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(shelf.catalog, at, killed)
        with pytest.raises(Killed):
            shelf.sync()
    shelf.sync()

    assert shelf.names == ["a.pdf", "bb.pdf"]
    assert shelf.catalog.search("apples corn", 9) == []
    assert sorted(shelf.embedder.texts) == ["apples", "apricots", "bees", "corn"]


# Sources in sources


def test_only_a_folder_can_be_a_source(shelf: Shelf, tmp_path: Path) -> None:
    for path in (shelf.write("a.pdf", "x"), tmp_path / "gone", tmp_path / "library" / "originals"):
        with pytest.raises(UnreadableDocument, match=path.name):
            shelf.sources.add(path)


def test_a_folder_in_a_source_is_part_of_it(shelf: Shelf) -> None:
    shelf.write("in/a.pdf", "apples")
    shelf.sources.add(shelf.folder)

    assert shelf.sources.add(shelf.folder / "in") == (shelf.folder, False)
    assert shelf.sources.find(shelf.folder / "in" / ".." / "in") == shelf.folder
    assert shelf.sources.find(shelf.folder.parent) is None


def test_a_folder_round_a_source_takes_it_in_as_it_is(shelf: Shelf) -> None:
    inner = replace(shelf, folder=shelf.folder / "in")
    inner.write("a.pdf", "apples")
    inner.sync()
    shelf.catalog.watch(inner.folder, True)

    assert shelf.sync()[1] == Tally(unchanged=1)
    assert [(s.path, s.watched) for s in shelf.catalog.sources()] == [(shelf.folder, True)]


def test_documents_of_a_forgotten_source_stay_or_go(shelf: Shelf) -> None:
    path = shelf.write("a.pdf", "apples")
    shelf.write("b.pdf", "bees")
    shelf.sync()
    shelf.ingest.stage(path)

    assert shelf.sources.forget(shelf.folder, erase=True) == ["b.pdf"]
    assert (shelf.names, shelf.catalog.sources()) == (["a.pdf"], [])

    shelf.sync()
    assert shelf.sources.forget(shelf.folder) == []
    empty(shelf)
    shelf.sync()
    assert shelf.names == ["a.pdf", "b.pdf"]


# Any history ends as the folder ends


NAMES = ["a.pdf", "b.pdf", "sub/a.pdf", "sub/c.pdf", "sub/deep/b.pdf"]
TEXTS = ["apples", "quinces", "pears " * 60, "damaged", "grapes and more grapes"]


class History(RuleBasedStateMachine):
    """A folder that changes, and a library that follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.root = Path(self.open.enter_context(TemporaryDirectory()))
        folder = self.root / "papers"
        folder.mkdir()
        self.shelf = make(self.root / "library", folder)
        self.open.callback(self.shelf.catalog.close)
        self.in_step = True
        self.held: set[bytes] = set()
        self.age_s = 10_000.0

    def teardown(self) -> None:
        self.open.close()

    @rule(name=st.sampled_from(NAMES), text=st.sampled_from(TEXTS), just_now=st.booleans())
    def write(self, name: str, text: str, just_now: bool) -> None:
        self.age_s -= 1
        self.shelf.write(name, text, age_s=0 if just_now else self.age_s)
        self.in_step = False

    @rule(name=st.sampled_from(NAMES), to=st.sampled_from(NAMES))
    def rename(self, name: str, to: str) -> None:
        path = self.shelf.folder / name
        if path.exists():
            (self.shelf.folder / to).parent.mkdir(parents=True, exist_ok=True)
            path.rename(self.shelf.folder / to)
            self.in_step = False

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        (self.shelf.folder / name).unlink(missing_ok=True)
        self.in_step = False

    @rule(name=st.sampled_from(NAMES))
    def touch(self, name: str) -> None:
        if (self.shelf.folder / name).exists():
            os.utime(self.shelf.folder / name)

    @rule()
    def sync(self) -> None:
        self.shelf.embedder.texts.clear()
        self.shelf.reader.read_names.clear()
        self.shelf.sync(retire=True)
        bodies = {path.read_bytes() for path in map(Path, look(self.shelf.folder).files)}
        assert len(self.shelf.reader.read_names) == len(bodies - self.held)
        self.held = bodies
        self.in_step = True

    @invariant()
    def holds_what_a_fresh_library_would(self) -> None:
        if not self.in_step:
            return
        with TemporaryDirectory() as folder:
            fresh = make(Path(folder) / "library", self.shelf.folder)
            with closing(fresh.catalog):
                fresh.sync()
                assert self.shelf.holds() == fresh.holds()
                assert len(self.shelf.embedder.texts) <= len(fresh.embedder.texts)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=30, stateful_step_count=12)
