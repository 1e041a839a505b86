"""A file of any kind but PDF and pictures to a Document.

For a process of its own: what is read here may be made to crash its reader.
"""

import hashlib
import io
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import msoffcrypto
from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError

from rag import (
    hypertext,
    legacy,
    mail,
    opendocument,
    plain,
    sheets,
    slides,
    sniff,
    word,
)
from rag.archive import damaged
from rag.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EncryptedDocument,
    NoTextDocument,
    UnreadableDocument,
    UnsupportedDocument,
)
from rag.flow import Item, Mark, Part, Remark, Title
from rag.mail import Attachment
from rag.rawtext import clean, one_line, title_of
from rag.sniff import MEDIA_TYPES, Kind
from rag.types import Document, Heading, Page, ReadLimits

ReadPdf = Callable[..., Document]
"""As rag.pdf.read: path, then doc_id, name, password and limits by keyword."""

MAX_REMARKS = 100
_CRYPT_FAULTS = (
    DecryptionError,
    FileFormatError,
    ParseError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)
"""What msoffcrypto raises on damage and on ways to encrypt that it does not know."""
OPEN_TO_ALL = "VelvetSweatshop"
"""With this password Excel protects workbooks that anyone may read but not change."""

_READERS: dict[Kind, Callable[[BinaryIO], Iterator[Item]]] = {
    "xls": sheets.read_old_workbook,
    "csv": sheets.read_csv,
    "html": hypertext.read_html,
    "markdown": plain.read_markdown,
    "text": plain.read_text,
}
_OLD_READERS: dict[Kind, Callable[[BinaryIO, str], Iterator[Item]]] = {
    kind: legacy.reader(MEDIA_TYPES[kind]) for kind in ("rtf", "doc", "ppt")
}
_ZIP_READERS: dict[Kind, Callable[[BinaryIO, str, int], Iterator[Item]]] = {
    "docx": word.read,
    "pptx": slides.read,
    "xlsx": sheets.read_workbook,
    "xlsb": sheets.read_workbook,
    "ods": sheets.read_workbook,
    "odt": opendocument.read_text,
    "odp": opendocument.read_slides,
    "epub": hypertext.read_epub,
}
_MAIL_READERS: dict[Kind, Callable[[BinaryIO, mail.Attach], Iterator[Item]]] = {
    "eml": mail.read_eml,
    "mbox": mail.read_mbox,
    "msg": mail.read_msg,
}


def read(
    path: Path,
    *,
    doc_id: str,
    name: str,
    kind: Kind,
    password: str | None = None,
    limits: ReadLimits,
    read_pdf: ReadPdf | None = None,
) -> Document:
    """The text of a file of `kind`, in pages that stand for its slides, sheets, mails or parts.

    read_pdf: reads what is attached to mails. Raises UnsupportedDocument, DamagedDocument,
    EncryptedDocument, EmptyDocument, NoTextDocument, DocumentTooLarge.
    """
    job = _Job(password, limits, read_pdf)
    with path.open("rb") as file:
        found = _collected(job.items(file, name, kind), name, limits)
    if not any(part.text.strip() for part in found.parts):
        raise NoTextDocument(
            f"{name} has no text that can be read. If it holds pictures of text, print it to a PDF "
            "and add that."
        )
    headings = _headings(found.parts)
    return Document(
        id=doc_id,
        name=name,
        media_type=MEDIA_TYPES[kind],
        pages=tuple(_page(number, part) for number, part in enumerate(found.parts, 1)),
        title=_title(found.title, name, headings),
        headings=headings,
        warnings=_warnings(found.remarks),
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """What stays the same while a file and all that is in it are read. depth: of what is read, in
    mails."""

    password: str | None
    limits: ReadLimits
    read_pdf: ReadPdf | None
    depth: int = 0

    def items(self, file: BinaryIO, name: str, kind: Kind) -> Iterator[Item]:
        with _as_document_error(name):
            yield from self._items(file, name, kind)

    def _items(self, file: BinaryIO, name: str, kind: Kind) -> Iterator[Item]:
        if kind in ("encrypted-office", "doc", "xls", "ppt"):
            opened = _opened(file, name, self.password, must=kind == "encrypted-office")
            if opened is not None:
                file, kind = opened, sniff.kind_of(opened, name)
                if kind == "encrypted-office":
                    raise damaged(name, "it is encrypted twice")
        if read := _READERS.get(kind):
            yield from read(file)
        elif read_old := _OLD_READERS.get(kind):
            yield from read_old(file, name)
        elif read_zip := _ZIP_READERS.get(kind):
            yield from read_zip(file, name, self.limits.unpacked_bytes)
        elif read_mail := _MAIL_READERS.get(kind):
            yield from read_mail(file, self.attached)
        else:
            raise UnsupportedDocument(f"{name} is a {kind}, which is read by other means.")

    def attached(self, attachment: Attachment) -> Iterator[Item]:
        """What is in an attachment; a Remark where it cannot be read."""
        name = one_line(attachment.name) or "without name"
        inner = replace(self, depth=self.depth + 1)
        try:
            if inner.depth > self.limits.nesting:
                yield Remark(
                    f"attachment {name} is not read: mails in it are nested deeper than "
                    f"{self.limits.nesting}, the limit. Raise max_nesting in the settings."
                )
                return
            with _as_document_error(name):
                yield from inner.attachment(attachment, name)
        except DocumentError as error:
            yield Remark(f"attachment {name} is not read. {error}")

    def attachment(self, attachment: Attachment, name: str) -> Iterator[Item]:
        file = io.BytesIO(attachment.data)
        kind: Kind = "eml" if attachment.is_mail else sniff.kind_of(file, name)
        if kind == "pdf":
            yield from self._pdf(attachment, name)
        elif kind == "picture":
            if not attachment.inline or len(attachment.data) > mail.SMALL_PICTURE:
                yield Remark(f"attachment {name} is a picture and is not read.")
        else:
            yield from (i for i in self.items(file, name, kind) if not isinstance(i, Title))

    def _pdf(self, attachment: Attachment, name: str) -> Iterator[Item]:
        if self.read_pdf is None:
            yield Remark(f"attachment {name} is a PDF file and is not read.")
            return
        with _put_aside(attachment.data, name) as path:
            document = self.read_pdf(
                path,
                doc_id=hashlib.sha256(attachment.data).hexdigest(),
                name=name,
                password=self.password,
                limits=self.limits,
            )
        for page in document.pages:
            marks = tuple(
                Mark(h.title, h.level, h.start)
                for h in document.headings
                if h.page == page.number and h.start is not None
            )
            yield Part(page.text, page.label, marks)
        yield from (Remark(f"attachment {name}: {warning}") for warning in document.warnings)
        if document.unread:
            yield Remark(f"attachment {name}: {len(document.unread)} pages are pictures, not read.")


@contextmanager
def _as_document_error(name: str) -> Iterator[None]:
    """Raises DocumentError, whatever goes wrong in a library."""
    try:
        yield
    except DocumentError:
        raise
    except MemoryError as error:
        raise DocumentTooLarge(
            f"{name} needs more memory than there is for one file. Split it, or raise "
            "reader_mb in the settings."
        ) from error
    except Exception as error:
        raise _broken(name) from error
    except BaseException as error:
        # A panic of a library in Rust is made not to be caught as an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _broken(name) from error


def _broken(name: str) -> DamagedDocument:
    return damaged(name, "it cannot be followed")


@contextmanager
def _put_aside(data: bytes, name: str) -> Iterator[Path]:
    """A file with what is attached. A reader may write no large ones, and a disk may be full."""
    with ExitStack() as stack:
        try:
            with tempfile.NamedTemporaryFile(delete=False) as file:
                stack.callback(Path(file.name).unlink)
                file.write(data)
        except OSError as error:
            raise UnreadableDocument(
                f"{name} cannot be taken out of the mail: {error.strerror or error}. Save it as a "
                "file and add that."
            ) from error
        yield Path(file.name)


def _opened(file: BinaryIO, name: str, password: str | None, *, must: bool) -> BinaryIO | None:
    """What is behind a password; None where there is none to give. must: it is known to be."""
    try:
        office = msoffcrypto.OfficeFile(file)
        if not must and not office.is_encrypted():
            return None
        return _decrypted(office, name, password)
    except _CRYPT_FAULTS as error:
        if not must:  # its reader may know more than this library, or says what is wrong with it
            return None
        raise EncryptedDocument(
            f"{name} is protected in a way that cannot be opened here. Save a copy without "
            "protection and add that."
        ) from error
    finally:
        file.seek(0)


def _decrypted(office: Any, name: str, password: str | None) -> BinaryIO:
    for secret in (password, OPEN_TO_ALL):
        opened = io.BytesIO()
        try:
            if secret:
                office.load_key(password=secret)
                office.decrypt(opened)
        except InvalidKeyError:
            continue
        if secret:
            opened.seek(0)
            return opened
    if password:
        raise EncryptedDocument(f"The password for {name} is wrong. Check it and try again.")
    raise EncryptedDocument(f"{name} needs a password. Give it and try again.")


# -- result ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Collected:
    parts: list[Part]
    title: str
    remarks: list[str]


def _collected(items: Iterable[Item], name: str, limits: ReadLimits) -> _Collected:
    parts, titles, remarks = list[Part](), list[str](), list[str]()
    for item in items:
        if isinstance(item, Part):
            parts.append(item)
        elif isinstance(item, Title):
            titles.append(item.text)
        else:
            remarks.append(item.text)
        if len(parts) > limits.pages:
            raise DocumentTooLarge(
                f"{name} has more than {limits.pages} pages, or what stands for them. Split it, or "
                "raise max_pages in the settings."
            )
    return _Collected(parts, titles[0] if titles else "", remarks)


def _page(number: int, part: Part) -> Page:
    return Page(number, one_line(part.label), clean(part.text), (0.0, 0.0))


def _headings(parts: Iterable[Part]) -> tuple[Heading, ...]:
    return tuple(
        Heading(mark.title, mark.level, number, mark.start)
        for number, part in enumerate(parts, 1)
        for mark in part.marks
    )


def _title(told: str, name: str, headings: tuple[Heading, ...]) -> str:
    """The file's own title, else its first heading where none stands above that."""
    stem = PurePath(name).stem
    first = headings[0] if headings else None
    is_top = first is not None and first.level == min(heading.level for heading in headings)
    return title_of(told, stem) or (title_of(first.title, stem) if first and is_top else "")


def _warnings(remarks: list[str]) -> tuple[str, ...]:
    left = len(remarks) - MAX_REMARKS
    more = (f"{left} more remarks of this kind are left out.",) if left > 0 else ()
    return (*(clean(remark) for remark in remarks[:MAX_REMARKS]), *more)
