"""Zip containers read within limits. Names of members are looked up, never used as paths."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from rag.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument

MAX_MEMBERS = 200_000
BLOCK = 1 << 20
_PARTS = (".xml", ".bin", ".rels")
_CODED = re.compile(rb"%([0-9a-fA-F]{2})")
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)
"""What zipfile raises on damage."""


class Archive:
    """The members of a zip file, by name without regard to case and slashes."""

    def __init__(self, zipped: zipfile.ZipFile, name: str) -> None:
        self._zip = zipped
        self._name = name
        self.members = {_plain(info.filename): info for info in zipped.infolist()}

    def __contains__(self, member: str) -> bool:
        return _plain(member) in self.members

    def read(self, member: str) -> bytes:
        """A member's bytes; never more than the directory says. Raises DamagedDocument."""
        info = self.members.get(_plain(member))
        if info is None:
            raise damaged(self._name, f"{member.rpartition('/')[2]} is missing in it")
        try:
            return self._zip.read(info)
        except _FAULTS as error:
            raise damaged(self._name, "it cannot be unpacked") from error

    def spare(self, member: str) -> bytes | None:
        """A member without which the file can still be read; None where it is not there or is
        damaged."""
        try:
            return self.read(member) if member in self else None
        except DamagedDocument:
            return None

    def unpacked(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The bytes of all parts but pictures and such, a block at a time: to see that they are no
        more than the directory says before a library follows them to their end. Raises
        DamagedDocument."""
        for member, info in self.members.items():
            if member.endswith(_PARTS):
                yield member, self._blocks(info)

    def _blocks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        try:
            with self._zip.open(info) as member:
                while block := member.read(BLOCK):
                    yield block
        except _FAULTS as error:
            raise damaged(self._name, "it cannot be unpacked") from error


@contextmanager
def opened(file: BinaryIO, name: str, max_bytes: int) -> Iterator[Archive]:
    """Raises DamagedDocument, DocumentTooLarge."""
    try:
        zipped = zipfile.ZipFile(file)
    except _FAULTS as error:
        raise damaged(name, "its list of contents cannot be followed") from error
    with zipped:
        infos = zipped.infolist()
        if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > max_bytes:
            raise too_large(name, max_bytes)
        yield Archive(zipped, name)
    file.seek(0)


def check_open(archive: Archive, name: str) -> None:
    """Raises EncryptedDocument where an OpenDocument file needs a password."""
    member = "META-INF/manifest.xml"
    if member in archive and b"encryption-data" in archive.read(member):
        raise EncryptedDocument(
            f"{name} is protected by a password, and this kind of file cannot be opened with it "
            "here. Save a copy without protection and add that."
        )


def damaged(name: str, why: str) -> DamagedDocument:
    return DamagedDocument(
        f"{name} is damaged or not what it says: {why}. Open it in its own program, save it anew "
        "and add that, or get another copy."
    )


def too_large(name: str, max_bytes: int) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"{name} would unpack to more than {max_bytes >> 20} MB. Split it, or raise "
        "max_unpacked_mb in the settings."
    )


def _plain(member: str) -> str:
    """A name to look up by: parts refer to each other in capitals, with %20, from the root."""
    plain = _CODED.sub(lambda code: bytes.fromhex(code.group(1).decode()), member.encode())
    return plain.decode(errors="replace").replace("\\", "/").lstrip("/").casefold()
