"""A folder as a source: what has changed in it since the last look, and taking that in."""

import os
import shlex
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from rag import extract
from rag.catalog import Catalog
from rag.errors import UnreadableDocument
from rag.ingest import Ingest, as_text
from rag.sniff import SUFFIXES
from rag.types import FileRecord, Progress

Stat = tuple[int, int]
"""Size in bytes, and time of change in nanoseconds since 1970."""

ENDINGS = tuple(SUFFIXES)
RECENT_NS = 2_000_000_000
"""The coarsest clock of a file system: bytes that were written since can bear the same time."""
LOOK_AGAIN = -1
"""In place of a file's time of change: it is looked into again the next time."""
MANY = 20
"""Of so many files, more than half are not gone at once because somebody wanted it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is in a folder, in order. files: by path, those of kinds that Strongroom reads. others:
    how many are of other kinds. unseen: files and folders that could not be looked at, and why.
    missing: the folder itself is not there."""

    files: Mapping[str, Stat]
    others: int = 0
    unseen: Mapping[str, str] = field(default_factory=dict)
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, by path."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    same: tuple[str, ...] = ()

    @property
    def to_read(self) -> tuple[str, ...]:
        return tuple(sorted((*self.new, *self.changed), key=in_order))


@dataclass(frozen=True, slots=True)
class Tally:
    """What taking a folder in has done, in files; retired: in documents. others: of kinds that
    Strongroom does not read. problem: what could not be done, for the person."""

    new: int = 0
    changed: int = 0
    renamed: int = 0
    retired: int = 0
    unchanged: int = 0
    failed: int = 0
    others: int = 0
    problem: str = ""

    @property
    def words(self) -> str:
        """The numbers in one line."""
        parts = (
            (self.new, "new"),
            (self.changed, "changed"),
            (self.renamed, "renamed"),
            (self.retired, "retired"),
            (self.failed, "not taken in"),
            (self.unchanged, "unchanged"),
        )
        return ", ".join(f"{n} {what}" for n, what in parts if n) or "no files"


def look(folder: Path, *, leave_out: Path | None = None) -> Look:
    """Walk a folder and those in it, without hidden ones and links. leave_out: a folder in it that
    is not looked into. Files come before folders, each in order of name."""
    root, skip = str(folder), str(leave_out)
    files: dict[str, Stat] = {}
    unseen: dict[str, str] = {}
    others = 0
    missing = False
    to_see = [root]  # no recursion: folders can be deeper than Python's stack
    while to_see:
        parent = to_see.pop()
        folders = []
        try:
            for entry in _entries(parent):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    continue
                elif not entry.name.lower().endswith(ENDINGS):
                    others += 1
                elif stat := _stat(entry, unseen):
                    files[entry.path] = stat
        except (FileNotFoundError, NotADirectoryError):
            missing = missing or parent == root
        except OSError as error:
            unseen[parent] = _reason(error)
        to_see.extend(path for path in reversed(folders) if path != skip)
    return Look(files, others, unseen, missing)


def plan(found: Look, known: Mapping[str, FileRecord]) -> Plan:
    """What has to be done so that the library holds what was found. A file that could not be
    looked at, or lies in such a folder, is as it was."""
    new, changed, same = [], [], []
    for path, stat in found.files.items():
        file = known.get(path)
        if file is None:
            new.append(path)
        elif (file.n_bytes, file.changed_ns) != stat:
            changed.append(path)
        else:
            same.append(path)
    absent = sorted((path for path in known if path not in found.files), key=in_order)
    same += [path for path in absent if _lies_in(path, found.unseen)]
    gone = [path for path in absent if not _lies_in(path, found.unseen)]
    return Plan(tuple(new), tuple(changed), tuple(gone), tuple(same))


def settled(planned: Plan, found: Look, earlier: Look, now_ns: int) -> Plan:
    """The plan without what may still be under way: files written within the last two seconds or
    since the earlier look, and files gone since then, which may come back or turn up elsewhere."""

    def is_at_rest(path: str) -> bool:
        stat = found.files[path]
        return not is_recent(stat[1], now_ns) and earlier.files.get(path, stat) == stat

    return replace(
        planned,
        new=tuple(filter(is_at_rest, planned.new)),
        changed=tuple(filter(is_at_rest, planned.changed)),
        gone=tuple(path for path in planned.gone if path not in earlier.files),
    )


def is_recent(changed_ns: int, now_ns: int) -> bool:
    return abs(now_ns - changed_ns) < RECENT_NS


def in_order(path: str) -> tuple[tuple[bool, str], ...]:
    """Sorts paths as `look` finds them: files of a folder before the folders in it."""
    *folders, name = PurePath(path).parts
    return (*((True, folder) for folder in folders), (False, name))


@dataclass(frozen=True)
class Sources:
    """The folders of a library that are taken in again and again.

    leave_out: the library's own folder. looking: held by who carries out a sync; two at once would
    take each other's new documents for ones that no file gives any more.
    """

    catalog: Catalog
    ingest: Ingest
    leave_out: Path | None = None
    looking: threading.RLock = field(default_factory=threading.RLock)

    def add(self, folder: Path) -> tuple[Path, bool]:
        """Make a folder a source. Returns the source that it is or lies in, and whether it is new.

        Raises UnreadableDocument when it is not a folder.
        """
        path = _resolved(folder)
        if not path.is_dir():
            raise UnreadableDocument(f"{folder} is not a folder. Check the path.")
        if self.leave_out is not None and path.is_relative_to(self.leave_out):
            raise UnreadableDocument(
                f"{folder} is the library's own folder. Name the one with your files."
            )
        with self.looking:
            there = self.find(path)
            if there is not None:
                return there, False
            self.catalog.add_source(path)
        return path, True

    def find(self, folder: Path) -> Path | None:
        """The source that the folder is or lies in."""
        path = _resolved(folder)
        return next((s for s in self.catalog.source_paths() if path.is_relative_to(s)), None)

    def collect(self, folder: Path, collection: str) -> None:
        """Put the documents that a folder gives into a collection: from now on where it is a
        source, and those of today where it lies in one. Raises FilterError."""
        path, source = _resolved(folder), self.find(folder)
        if source is None or not collection:
            return
        inside = [
            f.doc_id for p, f in self.catalog.files(source).items() if _lies_in(p, [str(path)])
        ]
        self.catalog.put_in(collection, inside)
        if source == path:
            self.catalog.collect_source(source, collection)

    def has_files(self, folder: Path) -> bool:
        """Whether it is a source, lies in one, or holds something that could be taken in."""
        return self.find(folder) is not None or bool(self.look(_resolved(folder)).files)

    def look(self, source: Path) -> Look:
        return look(source, leave_out=self.leave_out)

    def sync(
        self,
        source: Path,
        *,
        retire: bool = False,
        password: str | None = None,
        found: Look | None = None,
        earlier: Look | None = None,
        leave_traces: bool = False,
    ) -> "Sync":
        """What is to be done with a source. found: by a look at it; None looks now. earlier: what
        the look before found; given that, what may still be under way waits for the next look.
        leave_traces: as for `Ingest.remove`."""
        found = found or self.look(source)
        known = self.catalog.files(source)
        whole = plan(found, known)
        planned = whole if earlier is None else settled(whole, found, earlier, time.time_ns())
        return Sync(
            self, source, found, known, planned,
            absent=whole.gone, retire=retire, password=password, leave_traces=leave_traces,
            waits=planned != whole,
        )  # fmt: skip

    def forget(self, source: Path, *, erase: bool = False) -> list[str]:
        """Take a folder off the list. erase: with the documents that nothing else gives; without
        it they stay as if a person had added each. Returns the names of what was erased."""
        with self.looking:
            self.catalog.forget_source(source, keep=not erase)
            orphans = self.catalog.orphans() if erase else []
            names = [record.name for record in map(self.catalog.document, orphans) if record]
            if orphans:
                self.ingest.remove(orphans)
        return names


class Sync:
    """Makes the library hold what was found in a source.

    `run` is a stream of staged files for `Ingest.resume`, and what follows from files that are
    gone comes at its end, so that a file that moved is known by its bytes before its document
    would be retired. `tally` then tells what was done. A kill at any moment loses nothing: the
    next sync finds what is left to do. absent: all files that are gone, and so may have moved,
    whether or not it is time to retire their documents. waits: something is left for the next look.
    """

    def __init__(
        self,
        sources: Sources,
        source: Path,
        found: Look,
        known: Mapping[str, FileRecord],
        planned: Plan,
        *,
        absent: Sequence[str],
        retire: bool,
        password: str | None,
        leave_traces: bool,
        waits: bool,
    ) -> None:
        self.plan = planned
        self.waits = waits
        self._catalog, self._ingest = sources.catalog, sources.ingest
        self._source, self._found, self._known = source, found, known
        self._retire, self._password, self._leave_traces = retire, password, leave_traces
        self._counts = Counter(unchanged=len(planned.same), others=found.others)
        self._sizes: set[int] = set()
        self._absent = absent
        self._left = Counter(known[path].doc_id for path in absent)
        self._replaced: set[str] = set()
        self._moved: set[str] = set()
        self._held: list[str] = []

    @property
    def tally(self) -> Tally:
        return Tally(**self._counts, problem=self._problem())

    def run(self) -> Iterator[Progress]:
        """Stage new and changed files, then rename and retire. `Sources.looking` must be held
        where other threads may sync. Raises StoreError."""
        self._sizes = self._catalog.sizes() if self.plan.to_read else set()
        back = [path for path in self.plan.same if self._known[path].held]
        self._catalog.hold_files([path for path in back if path in self._found.files], False)
        for path in self.plan.to_read:
            yield from self._take(path)
        if self._password:
            yield from self._try_password()
        self._drop_gone()
        yield from self._rename()
        yield from self._retire_orphans()
        if not self._leave_traces:
            self._ingest.erase_traces()
        self._catalog.note_look(self._source, time.time(), self._problem())

    # Files that are there

    def _take(self, path: str) -> Iterator[Progress]:
        n_bytes, changed_ns = self._found.files[path]
        if is_recent(changed_ns, time.time_ns()):
            changed_ns = LOOK_AGAIN
        before = self._known.get(path)
        file = FileRecord(path, str(self._source), "", n_bytes, changed_ns)
        # Only bytes of a size that is known can be known; others are read once, to copy them.
        doc_id = _digest(path) if n_bytes in self._sizes else ""
        if doc_id and self._is_known(doc_id):
            yield from self._take_known(replace(file, doc_id=doc_id), before)
            return
        staged = self._ingest.stage(Path(path), password=self._password, kept=False)
        if staged.step == "failed":
            yield from self._note_failure(file, before, staged)
            return
        self._sizes.add(n_bytes)
        self._enter(replace(file, doc_id=staged.doc_id), before)
        self._counts["new" if before is None else "changed"] += 1
        yield staged

    def _is_known(self, doc_id: str) -> bool:
        return self._catalog.document(doc_id) is not None or bool(self._catalog.files_of(doc_id))

    def _take_known(self, file: FileRecord, before: FileRecord | None) -> Iterator[Progress]:
        """A file whose bytes are a document, or were one until a person removed it."""
        self._enter(file, before)
        if before is not None and before.doc_id == file.doc_id:
            self._counts["unchanged"] += 1
            return
        if self._left[file.doc_id] > 0:
            self._left[file.doc_id] -= 1
            self._moved.add(file.doc_id)
            self._counts["renamed"] += 1
            return
        self._counts["new" if before is None else "changed"] += 1
        record = self._catalog.document(file.doc_id)
        if record is not None:
            yield Progress(record.name, record.id, "embedded", unchanged=True)

    def _enter(self, file: FileRecord, before: FileRecord | None) -> None:
        self._catalog.put_file(file)
        if before is not None and before.doc_id != file.doc_id:
            self._replaced.add(before.doc_id)

    def _note_failure(
        self, file: FileRecord, before: FileRecord | None, staged: Progress
    ) -> Iterator[Progress]:
        """The document that the file gave before stays."""
        if not os.path.lexists(file.path):
            return  # The next look finds it gone.
        if not os.access(file.path, os.R_OK):
            # That it may be read again does not change its time.
            file = replace(file, changed_ns=LOOK_AGAIN)
            self.waits = True
        kept = "" if before is None else before.doc_id
        self._catalog.put_file(replace(file, doc_id=kept, error=staged.message))
        if before is not None and before.error == staged.message:
            self._counts["unchanged"] += 1
            return
        self._counts["failed"] += 1
        yield staged

    def _try_password(self) -> Iterator[Progress]:
        doc_ids = {file.doc_id for file in self._catalog.files(self._source).values()}
        for doc_id in sorted(doc_ids):
            record = self._catalog.document(doc_id)
            if record is not None and record.error_kind == "EncryptedDocument":
                self._catalog.queue(doc_id, record.name, record.n_bytes, self._password, kept=False)
                yield Progress(record.name, doc_id, "queued")

    # Files that are gone

    def _drop_gone(self) -> None:
        """Forget files that are gone, but for those that may be so by mistake."""
        gone = {*self.plan.gone, *(p for p in self._absent if self._known[p].doc_id in self._moved)}
        lost = [path for path in self.plan.gone if self._is_lost(path, gone)]
        if not self._retire:
            fresh = [path for path in lost if not self._known[path].held]
            n_known = sum(not file.held for file in self._known.values())
            is_empty = not (self._found.files or self._found.others)
            if is_empty or (n_known >= MANY and 2 * len(fresh) > n_known):
                self._catalog.hold_files(fresh, True)
                self._held = lost
            else:
                self._held = [path for path in lost if self._known[path].held]
        self._catalog.drop_files(sorted(gone.difference(self._held)))

    def _is_lost(self, path: str, gone: set[str]) -> bool:
        """Whether no file that is there gives the document."""
        doc_id = self._known[path].doc_id
        return not doc_id or gone.issuperset(self._catalog.files_of(doc_id))

    def _rename(self) -> Iterator[Progress]:
        """A document is named after the first of its files, unless a person has added it."""
        # All are looked at: a kill may have kept an earlier sync from renaming some.
        for doc_id, (old, paths) in self._catalog.files_by_document().items():
            first = Path(min(paths, key=in_order)) if len(paths) > 1 else Path(paths[0])
            name = as_text(first.name)
            if name != old:
                self._ingest.rename(doc_id, name)
                message = f"{old} is now {name}."
            elif doc_id in self._moved:
                message = f"{name} is now in {as_text(str(first.parent))}."
            else:
                continue
            yield Progress(name, doc_id, "renamed", message=message)

    def _retire_orphans(self) -> Iterator[Progress]:
        orphans = self._catalog.orphans()
        records = [record for record in map(self._catalog.document, orphans) if record]
        if orphans:
            self._ingest.remove(orphans, leave_traces=self._leave_traces)
        for record in records:
            # The text that a file had before it changed is not a document that is lost.
            if record.id not in self._replaced:
                self._counts["retired"] += 1
                yield Progress(record.name, record.id, "retired")

    def _problem(self) -> str:
        source = as_text(str(self._source))
        command = f"strongroom sources sync --retire {shlex.quote(source)}"
        problems = [
            f"{as_text(path)} cannot be read ({reason}). What it held before stays in the library."
            for path, reason in self._found.unseen.items()
        ]
        if self._found.missing and not self._retire:
            problems.append(
                f"{source} is not there. Its documents stay in the library. Connect its drive, "
                f"or run `{command}` if they are to go."
            )
        elif self._held:
            n, of = len(self._held), len(self._known)
            problems.append(
                f"{n} of {of} files of {source} are gone. Their documents stay in the library. "
                f"Bring them back, or run `{command}` if they are to go."
            )
        return "\n".join(problems)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Without hidden ones and links, in order of name."""
    with os.scandir(folder) as scan:
        shown = [e for e in scan if not e.name.startswith(".") and not e.is_symlink()]
    return sorted(shown, key=lambda entry: entry.name)


def _stat(entry: os.DirEntry[str], unseen: dict[str, str]) -> Stat | None:
    """None where the file is gone or cannot be looked at."""
    try:
        stat = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        unseen[entry.path] = _reason(error)
        return None
    return stat.st_size, stat.st_mtime_ns


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _lies_in(path: str, folders: Collection[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def _digest(path: str) -> str:
    """Hex SHA-256; empty where it cannot be read."""
    with suppress(UnreadableDocument):
        return extract.digest_of(Path(path))
    return ""


def _resolved(path: Path) -> Path:
    """Without links and dots, whether or not it is there."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
