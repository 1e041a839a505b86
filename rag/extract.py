"""Files as they come: looks at what they are, not at their names, and picks who reads them.

`copy_in` is for the main process, and looks at no more than a file's head. What takes a file apart,
from `read` on, is for the processes of rag.readers: only there may a parser crash. Each kind's
libraries take a while to import, so that only those of the kind at hand are.
"""

import errno
import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from rag import disk, sniff
from rag.errors import (
    DocumentTooLarge,
    StoreError,
    StoreFull,
    UnreadableDocument,
    UnsupportedDocument,
)
from rag.types import Box, Chunk, Document, Page, ReadLimits

if TYPE_CHECKING:
    from rag import ocr, tokens

BLOCK = 1 << 20
INCOMING = ".incoming-"
DIGEST = re.compile(r"[0-9a-f]{64}")


def is_supported(path: Path) -> bool:
    """Whether the bytes look like a kind that Strongroom reads. Raises UnreadableDocument."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadableDocument(f"{path} is not a file. Name a file or a folder.")
        with path.open("rb") as file:
            return sniff.family(file.read(sniff.HEAD)) is not None
    except OSError as error:
        raise unreadable(path, error) from error


def copy_in(path: Path, folder: Path, *, name: str, max_bytes: int) -> tuple[str, int]:
    """Copy a file to where `put_in_place` takes it from. Returns (sha256 in hex, size in bytes).

    The copy then outlasts a power cut. Raises UnreadableDocument, UnsupportedDocument,
    DocumentTooLarge, StoreFull; nothing is left behind then.
    """
    if not is_supported(path):
        raise UnsupportedDocument(
            f"{name} is no document, table, mail or picture that can be read, whatever its name "
            "says. Save it as PDF and add that."
        )
    temporary = incoming(folder)
    try:
        digest, n_bytes = _copy(path, temporary, name, max_bytes)
        with _writing(name):
            temporary.replace(waiting(folder, digest))
            disk.sync(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return digest, n_bytes


def put_in_place(folder: Path, digest: str, *, name: str) -> None:
    """Give a copy its name, folder/<sha256>. Done twice it is done once. Raises StoreError."""
    with _writing(name), suppress(FileNotFoundError):
        waiting(folder, digest).replace(folder / digest)
        disk.sync(folder)


def waiting(folder: Path, digest: str) -> Path:
    """Where a whole copy is until its document is entered."""
    return folder / f"{INCOMING}{digest}"


def incoming(folder: Path) -> Path:
    """A new name in `folder` for a file that is not whole yet."""
    return folder / f"{INCOMING}{uuid4().hex}"


def is_incoming(name: str) -> bool:
    """Whether a file's name is one that `incoming` or `waiting` gives."""
    return bool(re.fullmatch(rf"{re.escape(INCOMING)}([0-9a-f]{{32}}|[0-9a-f]{{64}})", name))


def is_copy(path: Path) -> bool:
    """Whether a file is named by its own bytes, as the library names its copies."""
    with suppress(UnreadableDocument):
        return bool(DIGEST.fullmatch(path.name)) and digest_of(path) == path.name
    return False


def is_ours(name: str) -> bool:
    """Whether a file's name is one that this module gives."""
    return is_incoming(name) or bool(DIGEST.fullmatch(name))


def digest_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes. Raises UnreadableDocument."""
    with _opened(path) as file:
        digest = hashlib.sha256()
        while block := _read(file, path):
            digest.update(block)
    return digest.hexdigest()


def read(
    path: Path,
    *,
    doc_id: str,
    name: str,
    password: str | None = None,
    limits: ReadLimits,
    skip: Collection[int] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Document:
    """Read a file that `copy_in` has copied. Raises DocumentError.

    skip: numbers of pages to leave blank, 0 for the outline, because they bring the reader down.
    progress: called with pages done and pages in all, first with 0 and all. It is for kinds that
    heed `skip` alone: where a reader was when it died is then what is left out.
    """
    kind = _kind(path, name)
    if kind == "pdf":
        from rag import pdf

        return pdf.read(
            path,
            doc_id=doc_id,
            name=name,
            password=password,
            limits=limits,
            skip=skip,
            progress=progress,
        )
    if kind == "picture":
        from rag import picture

        return picture.read(path, doc_id=doc_id, name=name, limits=limits)
    from rag import convert

    return convert.read(
        path,
        doc_id=doc_id,
        name=name,
        kind=kind,
        password=password,
        limits=limits,
        read_pdf=_read_pdf,
    )


def _read_pdf(path: Path, **asked: Any) -> Document:
    from rag import pdf

    return pdf.read(path, **asked)


def ocr_page(
    path: Path, number: int, *, name: str, password: str | None, limits: ReadLimits
) -> Page:
    """Page `number`, from 1, as read off its picture. Raises DocumentError."""
    if _is_picture(path):
        from rag import picture

        return picture.ocr_page(path, number, reader=_ocr(), name=name, limits=limits)
    from rag import pdf

    return pdf.ocr_page(path, number, reader=_ocr(), name=name, password=password, limits=limits)


def page(path: Path, number: int, *, name: str, password: str | None) -> Page:
    """Page `number` of a PDF, from 1, with the box of each character. Raises DocumentError."""
    from rag import pdf

    return pdf.read_page(path, number, password=password, name=name)


def draw(
    path: Path,
    number: int,
    *,
    name: str,
    password: str | None,
    limits: ReadLimits,
    width_px: int,
    boxes: Sequence[Box] = (),
) -> bytes:
    """Page `number`, from 1, as PNG with the boxes highlighted. Raises DocumentError."""
    if _is_picture(path):
        from rag import picture

        return picture.draw(path, number, width_px=width_px, boxes=boxes, name=name, limits=limits)
    from rag import pdf

    return pdf.picture(path, number, width_px=width_px, boxes=boxes, password=password, name=name)


def _kind(path: Path, name: str) -> sniff.Kind:
    try:
        return sniff.kind(path, name)
    except OSError as error:
        raise UnreadableDocument(
            f"{name} cannot be read ({error.strerror}). Check that it is there and may be read."
        ) from error


def chunks(document: Document, tokenizer: Path) -> tuple[Chunk, ...]:
    """Cut for the embedder in the folder `tokenizer`. Raises ModelCorrupt."""
    from rag import chunk

    return chunk.chunk(document, _tokenizer(tokenizer))


@cache
def _tokenizer(folder: Path) -> "tokens.FolderTokenizer":
    from rag import tokens

    return tokens.FolderTokenizer(folder)


@cache
def _ocr() -> "ocr.Reader":
    from rag import ocr

    return ocr.Reader()


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff.family(file.read(sniff.HEAD)) == "picture"


def unreadable(path: Path, error: OSError) -> UnreadableDocument:
    reason = error.strerror or type(error).__name__
    return UnreadableDocument(
        f"{path} cannot be read ({reason}). Check that it is there and that you may read it."
    )


def save(data: bytes, path: Path, *, name: str) -> None:
    """Write a new file that only its owner may read. Raises StoreFull, StoreError."""
    with _writing(name), path.open("xb") as file:
        path.chmod(0o600)
        file.write(data)


def _copy(source: Path, target: Path, name: str, max_bytes: int) -> tuple[str, int]:
    digest = hashlib.sha256()
    n_bytes = 0
    with _opened(source) as reader, _writing(name), target.open("xb") as writer:
        target.chmod(0o600)
        while block := _read(reader, source):
            digest.update(block)
            n_bytes += len(block)
            if n_bytes > max_bytes:
                raise DocumentTooLarge(
                    f"{name} is larger than {max_bytes >> 20} MB, the limit for one file. "
                    "Split it, or raise max_file_mb in the settings."
                )
            writer.write(block)
        writer.flush()
        disk.sync(target)
    return digest.hexdigest(), n_bytes


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def _read(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.read(BLOCK)
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def _writing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                f"{name} was not added: the disk with the library is full. "
                "Free some space and add it again; what was already in the library is unharmed."
            ) from error
        raise StoreError(
            f"{name} was not added: the library's folder cannot be written ({error.strerror}). "
            "Correct its permissions and add it again."
        ) from error
