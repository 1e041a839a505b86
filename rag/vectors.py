"""Vectors on disk in Chroma. It holds ids and vectors, never text, and can always be rebuilt."""

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import numpy as np

from rag import disk
from rag.arrays import FloatArray
from rag.errors import SettingsError, StoreCorrupt, StoreError, StoreFull
from rag.later import later

with later(
    "opentelemetry.exporter", "chromadb.api.async_client", "chromadb.api.async_api", "jsonschema"
):
    import chromadb
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

COLLECTION = "chunks"
CONFIGURATION: CreateCollectionConfiguration = {"hnsw": {"space": "cosine"}}
BATCH = 1000
SHORT = 32
"""Letters of a document's id, 128 bits, that stand for it in Chroma, which holds every id of a
chunk in memory several times."""
TINY = 1e-12
"""Least length that is divided by: a damaged vector can be all zeros."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
SPARE = 1 << 20
"""Bytes; a disk with less is full."""
UNREADABLE = (ChromaError, ValueError, RuntimeError)
"""What Chroma raises for broken files: its native part has more than its own errors."""
FULL = ("database or disk is full", os.strerror(errno.ENOSPC))
"""How SQLite and the system say it inside Chroma's messages."""


class ChromaIndex:
    """Cosine similarity over unit vectors, by chunk id.

    Deleting in Chroma leaves the vectors in its index files, so `rewrite` copies what is left into
    a new folder and deletes the old one. `root/current` names the folder in use; it is replaced in
    one step, so that a kill at any moment leaves either the old or the new index.

    Chroma writes its index files in place, and one that is half written can crash the process that
    reads it. So `root/suspect` is there while Chroma writes and while it reads them first;
    `root/open` holds the system's boot while a process has the index open, for a write that a power
    cut took from the disk after Chroma had done it. An index that is opened with the one, or with
    another boot in the other, or that Chroma cannot open, gives way to an empty one.

    After a write that failed, as on a full disk, Chroma can wait for itself for ever. So its client
    is then used no more: the index passes for empty, and the next write begins it anew.

    doc_ids: of the documents whose chunks it may hold.
    axes: (dim, shorter); with it the index holds (shorter,) unit vectors, which tell about what is
    near (decision 26). An index that was made with others gives way to an empty one as well.
    behind: return at once and let Chroma read its files behind what goes on, which takes one or two
    seconds for 200,000 vectors. Whatever is asked meanwhile waits for it.
    Raises StoreCorrupt when Chroma cannot use its files, StoreFull when the disk is full.
    """

    def __init__(
        self,
        root: Path,
        *,
        doc_ids: Iterable[str] = (),
        axes: FloatArray | None = None,
        behind: bool = False,
    ) -> None:
        self._root, self._axes = root, axes
        self._doc_ids = {doc_id[:SHORT]: doc_id for doc_id in doc_ids}
        self._lock = threading.RLock()
        self._changing = threading.RLock()
        self._suspect, self._note = root / "suspect", root / "open"
        self._is_broken = False
        self._n: int | None = None
        self._reading = threading.Thread(target=self._read_behind, name="vectors", daemon=True)
        with self._use():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._generation = self._newest = _current(root)
            if self._suspect.exists() or _was_cut_off(self._note):
                self._begin_anew()
            self._note.write_text(boot(), encoding="ascii")
            disk.sync(self._note, root)
            try:
                behind = behind and self._has_files
                self._client, self._collection = self._opened(read=not behind)
            except UNREADABLE as error:
                if _is_full(error, root):
                    raise
                self._renew()
        if behind:
            self._reading.start()

    @property
    def is_at_hand(self) -> bool:
        return not self._reading.is_alive()

    def add(self, ids: Sequence[str], doc_ids: Sequence[str], vectors: FloatArray) -> None:
        """Add or replace. vectors: (len(ids), dim)."""
        self._doc_ids |= {doc_id[:SHORT]: doc_id for doc_id in doc_ids}
        short = self.shortened(vectors)
        with self._writing():
            for i in range(0, len(ids), BATCH):
                self._collection.upsert(
                    ids=_short(ids[i : i + BATCH]),
                    embeddings=short[i : i + BATCH],
                    metadatas=[{"doc": doc_id[:SHORT]} for doc_id in doc_ids[i : i + BATCH]],
                )
            _blank(self._root / str(self._generation))

    def shortened(self, vectors: FloatArray) -> FloatArray:
        """(n, dim) as the index keeps them. Raises SettingsError for axes of another embedder."""
        if self._axes is None:
            return vectors
        if vectors.shape[1] != len(self._axes):
            raise SettingsError(
                f"The embedder's axes are for {len(self._axes)} numbers, and its vectors have "
                f"{vectors.shape[1]}. Put right or leave out its `axes` in the model catalogue."
            )
        short: FloatArray = vectors @ self._axes
        short /= np.maximum(np.linalg.norm(short, axis=1, keepdims=True), TINY)
        return short

    def query(self, vector: FloatArray, n: int) -> list[str]:
        """Ids of up to n chunks that are nearest by what the index keeps, best first."""
        short = self.shortened(vector.reshape(1, -1))
        with self._use():
            if self._is_broken:
                return []
            found = self._collection.query(query_embeddings=short, n_results=n, include=[])
        return self._whole(found["ids"][0])

    def remove(self, doc_id: str) -> None:
        """Take a document's vectors out of every search. Their bytes go with `rewrite`."""
        with self._writing():
            self._collection.delete(where={"doc": doc_id[:SHORT]})

    def ids(self, doc_id: str | None = None) -> set[str]:
        """Ids of a document's chunks, or of all."""
        where = None if doc_id is None else {"doc": doc_id[:SHORT]}
        with self._use():
            if self._is_broken:
                return set()
            found = self._collection.get(where=where, include=[])  # type: ignore[arg-type]
        return set(self._whole(found["ids"]))

    def discard(self, ids: Sequence[str]) -> None:
        """Take chunks out of every search. Their bytes go with `rewrite`."""
        with self._writing():
            for i in range(0, len(ids), BATCH):
                self._collection.delete(ids=_short(ids[i : i + BATCH]))

    def get(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Vectors as they are kept, by id, without those that are not there."""
        found: dict[str, FloatArray] = {}
        with self._use():
            for i in range(0, 0 if self._is_broken else len(ids), BATCH):
                part = self._collection.get(ids=_short(ids[i : i + BATCH]), include=["embeddings"])
                rows = np.asarray(part["embeddings"], np.float32)
                found |= dict(zip(self._whole(part["ids"]), rows, strict=True))
        return found

    def clear(self) -> None:
        """Begin with an empty index, whatever state this one is in."""
        with self._changing, self._use():
            if not self._is_broken:
                self._client.close()
            self._renew()

    def count(self) -> int:
        with self._use():
            return self._count()

    def _count(self) -> int:
        """Chroma looks at each vector to count them, and every question asks."""
        if self._is_broken:
            return 0
        if self._n is None:
            self._n = self._collection.count()
        return self._n

    def rewrite(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Copy the index without what was removed, so that no trace of it stays on disk.

        Takes a millisecond or two for each vector. Searches go on meanwhile; who would change the
        index waits. cancelled: asked between batches. Returns whether it was done.
        """
        with self._changing:
            with self._use():
                new = self._unused()
                folder = self._root / str(new)
                client, collection = _open(folder, self._axes)
                n = self._count()
            for offset in range(0, n, BATCH):
                if cancelled():
                    client.close()
                    return False
                with self._use():
                    part = self._collection.get(
                        limit=BATCH, offset=offset, include=["embeddings", "metadatas"]
                    )
                if part["ids"]:
                    with self._translated():
                        collection.add(part["ids"], part["embeddings"], part["metadatas"])
            with self._use():
                if self._is_broken:
                    client.close()
                    self._renew()
                    return True
                _blank(folder)
                _point(self._root, new)
                self._generation = new
                self._client.close()
                self._client, self._collection = client, collection
                self._drop_others()
                return True

    def _whole(self, ids: Iterable[str]) -> list[str]:
        """Ids as they were given; those of documents that are not known stay short."""
        parts = (chunk_id.partition(":") for chunk_id in ids)
        return [f"{self._doc_ids.get(short, short)}:{ordinal}" for short, _, ordinal in parts]

    def close(self) -> None:
        self._wait()
        with self._changing, self._lock:
            if not self._is_broken:
                self._client.close()
            with suppress(OSError):
                disk.sync(*(path for path in self._root.rglob("*") if path.is_file()), self._root)
                self._note.unlink(missing_ok=True)

    def _opened(self, *, read: bool = True) -> tuple[Client, Collection]:
        self._drop_others()
        with self._suspected():  # so that files which crash the process that opens them do so once
            client, collection = _open(self._root / str(self._generation), self._axes)
            if read:
                _read_files(collection)
        return client, collection

    @property
    def _has_files(self) -> bool:
        """Whether there are vectors that Chroma keeps in files; it does so from a thousand on."""
        return any((self._root / str(self._generation)).glob("*/index_metadata.pickle"))

    def _read_behind(self) -> None:
        # Whoever uses it next meets what is left of an error.
        with suppress(StoreError), self._use():
            try:
                with self._suspected():
                    _read_files(self._collection)
            except UNREADABLE as error:
                if _is_full(error, self._root):
                    raise
                self._renew()

    def _wait(self) -> None:
        if self._reading.is_alive() and self._reading is not threading.current_thread():
            self._reading.join()

    def _drop_others(self) -> None:
        for folder in self._root.iterdir():
            if folder.name.isdigit() and folder.name != str(self._generation):
                shutil.rmtree(folder)

    def _renew(self) -> None:
        self._begin_anew()
        self._client, self._collection = self._opened()
        self._is_broken = False
        self._n = None

    def _unused(self) -> int:
        """A generation that this process has not opened yet: Chroma keeps what it has for a folder.
        A rewrite that was broken off can have left half of a copy there."""
        self._newest += 1
        shutil.rmtree(self._root / str(self._newest), ignore_errors=True)
        return self._newest

    def _begin_anew(self) -> None:
        self._generation = self._unused()
        _point(self._root, self._generation)
        self._suspect.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._changing, self._use():
            if self._is_broken:
                self._renew()
            self._n = None
            with self._suspected():
                yield

    @contextmanager
    def _suspected(self) -> Iterator[None]:
        self._suspect.touch()
        try:
            yield
        except BaseException:
            self._is_broken = True
            raise
        self._suspect.unlink(missing_ok=True)

    @contextmanager
    def _use(self) -> Iterator[None]:
        self._wait()
        with self._lock, self._translated():
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (*UNREADABLE, OSError) as error:
            if _is_full(error, self._root):
                raise StoreFull(
                    f"The disk with {self._root} is full. Free some space and try again; "
                    "what was already in the library is unharmed."
                ) from error
            self._is_broken = True
            with suppress(OSError):
                self._suspect.touch()
            raise StoreCorrupt(
                f"The vectors in {self._root} cannot be used ({error}). "
                "Start Strongroom again: it makes them anew from the library."
            ) from error


def _short(ids: Iterable[str]) -> list[str]:
    parts = (chunk_id.partition(":") for chunk_id in ids)
    return [f"{doc_id[:SHORT]}:{ordinal}" for doc_id, _, ordinal in parts]


def read_axes(path: Path | None) -> FloatArray | None:
    """(dim, shorter) from a file of NumPy's, columns of length 1. Raises SettingsError."""
    if path is None:
        return None
    try:
        axes = np.asarray(np.load(path, allow_pickle=False), np.float32)
        if axes.ndim != 2 or not np.isfinite(axes).all():
            raise ValueError("these are no axes")
    except (OSError, EOFError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Restore it.") from error
    return axes


def _is_full(error: Exception, folder: Path) -> bool:
    if any(reason in str(error) for reason in FULL):
        return True
    # Chroma does not always pass on why it could not write.
    return folder.exists() and shutil.disk_usage(folder).free < SPARE


def _open(folder: Path, axes: FloatArray | None) -> tuple[Client, Collection]:
    client = cast(
        Client, chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    )
    stamp = "" if axes is None else hashlib.sha256(axes.tobytes()).hexdigest()
    made_with = {"axes": stamp, "short": SHORT}
    collection = client.get_or_create_collection(
        COLLECTION, metadata=made_with, embedding_function=None, configuration=CONFIGURATION
    )
    if collection.metadata != made_with:
        client.close()
        raise ValueError("It was made another way.")
    return client, collection


def _read_files(collection: Collection) -> None:
    """Have Chroma read all of its index files, as the first question would."""
    some = collection.get(limit=1, include=["embeddings"])["embeddings"]
    if some is not None and len(some):
        collection.query(query_embeddings=np.asarray(some, np.float32), n_results=1, include=[])


def boot() -> str:
    """The system's start, as a name that no other one has; empty where the system has none."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _was_cut_off(note: Path) -> bool:
    """Whether the index was open when the system went down, as far as can be told."""
    return note.exists() and note.read_text(encoding="ascii", errors="replace") != (boot() or None)


def _blank(folder: Path) -> None:
    """Overwrite index files that Chroma has made but not yet filled.

    It makes them from memory as it finds it, and that can hold vectors and ids of what was removed.
    They are filled together with index_metadata.pickle; until then Chroma never reads them back.
    """
    for pattern in ("*/data_level0.bin", "*/length.bin"):
        for path in folder.glob(pattern):
            if not path.with_name("index_metadata.pickle").exists():
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))


def _current(root: Path) -> int:
    try:
        return int((root / "current").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def _point(root: Path, generation: int) -> None:
    temporary = root / "current.new"
    temporary.write_text(str(generation), encoding="ascii")
    temporary.replace(root / "current")
