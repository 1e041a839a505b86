"""What kind of file some bytes are. The content tells; a name only parts text from its likes.

`family` is for the main process: a look at the first bytes, no library. `kind` opens zip and OLE2
containers and is for the process that reads the file.
"""

import csv
import re
import zipfile
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from pathlib import Path, PurePath
from typing import BinaryIO, Literal

from rag.errors import DamagedDocument, EmptyDocument, UnsupportedDocument

Family = Literal["pdf", "zip", "ole", "picture", "text"]
Kind = Literal[
    "pdf", "picture", "docx", "pptx", "xlsx", "xls", "ods", "xlsb", "odt", "odp", "rtf", "html",
    "epub", "markdown", "text", "csv", "eml", "mbox", "msg", "doc", "ppt", "encrypted-office",
]  # fmt: skip

HEAD = 1 << 16
"""Bytes that are looked at."""

SUFFIXES = frozenset(
    """.pdf .png .jpg .jpeg .tif .tiff .webp .bmp .gif .heic .heif
    .docx .docm .dotx .doc .odt .rtf .pptx .pptm .ppsx .ppt .pps .odp .xlsx .xlsm .xltx .xlsb .xls
    .ods .csv .tsv .txt .text .md .markdown .rst .htm .html .xhtml .epub .eml .mbox .msg""".split()
)
"""Endings of the files that are taken from a folder; a file named by itself is looked into."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
MEDIA_TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "picture": "image/*",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "xls": "application/vnd.ms-excel",
    "ods": f"{_OPEN}.spreadsheet",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "odt": f"{_OPEN}.text",
    "odp": f"{_OPEN}.presentation",
    "rtf": "application/rtf",
    "html": "text/html",
    "epub": "application/epub+zip",
    "markdown": "text/markdown",
    "text": "text/plain",
    "csv": "text/csv",
    "eml": "message/rfc822",
    "mbox": "application/mbox",
    "msg": "application/vnd.ms-outlook",
    "doc": "application/msword",
    "ppt": "application/vnd.ms-powerpoint",
    "encrypted-office": "application/x-ole-storage",
}

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00PK\x03\x04")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURE = re.compile(
    rb"\x89PNG\r\n | \xff\xd8\xff | II\*\0 | MM\0\* | II\+\0 | MM\0\+ | RIFF....WEBP | GIF8[79]a"
    rb"| ....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)"
    rb"| BM....\0\0\0\0...\0[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    re.DOTALL | re.VERBOSE,
)
_KNOWN = (
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ\0", "a compressed archive"),
    (b"\x28\xb5\x2f\xfd", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"ID3", "a sound recording"),
    (b"OggS", "a sound recording"),
    (b"fLaC", "a sound recording"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"SQLite format 3\0", "a database"),
    (b"!BDN", "an Outlook data file (PST)"),
)
_BOMS = (
    (BOM_UTF8, "utf-8-sig"),
    (BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (BOM_UTF32_BE, "utf-32"),
    (BOM_UTF16_LE, "utf-16"),
    (BOM_UTF16_BE, "utf-16"),
)
_CONTROL = bytes({*range(32), 127} - {*b"\t\n\r\f\x1b\v"})
_RTF = re.compile(r"\s*\{\\rtf")
_HTML = re.compile(
    r"""\s*+(?:<\?xml[^>]*+>\s*+)?+(?><!--.*?-->\s*)*+
    <(!doctype\s+html|html|head|body|title|meta|table|div|p|h[1-6]|span|style|script|article)\b""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_MAIL_FIELD = re.compile(
    r"(from|to|cc|bcc|subject|date|received|mime-version|message-id|return-path|reply-to|sender"
    r"|delivered-to|content-type|content-transfer-encoding|in-reply-to|references|x-[\w-]+"
    r"|dkim-signature|authentication-results|thread-[\w-]+|list-[\w-]+)[ \t]*:",
    re.IGNORECASE,
)
_ANY_FIELD = re.compile(r"[!-9;-~]+[ \t]*:")
_MAILBOX = re.compile(
    r"(?>From \S.*(\d\d:\d\d|\d{4}))[^\n]*+\n(>?[!-9;-~]++[ \t]*+:|\r?\n)", re.IGNORECASE
)
_DELIMITERS = ",;\t|"


def family(head: bytes) -> Family | None:
    """The family of a file by its first few KB; None for what Strongroom does not read.

    No bytes at all count as text, so that the file is refused as empty and not as unknown.
    """
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_OLE):
        return "ole"
    if _PICTURE.match(head):
        return "picture"
    return "text" if is_text(head) else None


def is_text(head: bytes) -> bool:
    """Whether bytes are text in some encoding, as far as their first few KB tell."""
    if any(
        head.startswith(magic) for magic, what in _KNOWN if len(magic) > 2 or what != "a program"
    ):
        return False
    if bom := mark(head):
        text = head[: len(head) & ~3].decode(bom, "replace")
        return text.count("\ufffd") * 20 <= len(text)
    if b"\0" in head:
        return unmarked_utf16(head) is not None
    n_control = len(head) - len(head.translate(None, _CONTROL))
    return n_control * 50 <= len(head)


def mark(head: bytes) -> str | None:
    """The codec that a byte order mark names."""
    return next((codec for bom, codec in _BOMS if head.startswith(bom)), None)


def unmarked_utf16(head: bytes) -> str | None:
    """The codec of UTF-16 without a mark: its blanks and line ends, at least, have a zero byte."""
    if b"\0" not in head:
        return None
    half = len(head) // 2
    even, odd = head[0 : 2 * half : 2], head[1 : 2 * half : 2]
    for zeros, other, codec in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if other.count(0) * 100 > half or zeros.count(0) * 10 < half:
            continue
        text = head[: 2 * half].decode(codec, "replace")
        if all(c.isprintable() or c in "\t\r\n\f\ufffe\ufeff" for c in text[:-1]):
            return codec
    return None


def kind(path: Path, name: str) -> Kind:
    """The kind of a file. Raises EmptyDocument, UnsupportedDocument, DamagedDocument."""
    with path.open("rb") as file:
        return kind_of(file, name)


def kind_of(file: BinaryIO, name: str) -> Kind:
    """As `kind`, of an open file, which is left at its beginning."""
    head = file.read(HEAD)
    file.seek(0)
    if not head:
        raise EmptyDocument(f"{name} is empty: it has no bytes. Check that it is the right file.")
    found = family(head)
    if found == "zip":
        return _zip_kind(file, name)
    if found == "ole":
        return _ole_kind(file, name)
    if found == "text":
        return _text_kind(head, name)
    if found is None:
        raise UnsupportedDocument(f"{name} is {_described(head)}. {_AS_PDF}")
    return found


_AS_PDF = "Strongroom reads documents, tables, mails and pictures: save it as PDF and add that."


def _described(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return "a video or another media file"
    known = next((what for magic, what in _KNOWN if head.startswith(magic)), None)
    return known or "not a kind of file that Strongroom knows"


# -- containers ------------------------------------------------------------------------------------

_MIMETYPES: dict[str, Kind] = {
    "application/epub+zip": "epub",
    f"{_OPEN}.text": "odt",
    f"{_OPEN}.presentation": "odp",
    f"{_OPEN}.spreadsheet": "ods",
}


def _zip_kind(file: BinaryIO, name: str) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.replace("\\", "/").lstrip("/") for info in archive.infolist()}
            told = _mimetype(archive, members)
    except Exception as error:  # zipfile raises half a dozen kinds
        raise DamagedDocument(
            f"{name} is damaged: it ends early or its list of contents cannot be followed. "
            "Get another copy."
        ) from error
    finally:
        file.seek(0)
    found = next((k for m, k in _MIMETYPES.items() if told.removesuffix("-template") == m), None)
    found = found or _office_kind(members)
    if found is None:
        raise UnsupportedDocument(_not_a_document(name, members, told))
    return found


def _mimetype(archive: zipfile.ZipFile, members: set[str]) -> str:
    if "mimetype" not in members:
        return ""
    with archive.open("mimetype") as member:
        return member.read(200).decode("ascii", "replace").strip()


def _office_kind(members: set[str]) -> Kind | None:
    lower = {member.lower() for member in members}
    if "xl/workbook.bin" in lower:
        return "xlsb"
    folders = {member.partition("/")[0] for member in lower}
    if "[content_types].xml" in lower:
        kinds: dict[str, Kind] = {"word": "docx", "ppt": "pptx", "xl": "xlsx"}
        return next((kinds[folder] for folder in kinds if folder in folders), None)
    return "epub" if "meta-inf/container.xml" in lower else None


def _not_a_document(name: str, members: set[str], told: str) -> str:
    if told or "[Content_Types].xml" in members:
        return f"{name} is a file of a program whose files Strongroom does not read. {_AS_PDF}"
    if any(m.endswith(".iwa") or m in ("index.xml", "Index.zip") for m in members):
        return (
            f"{name} looks like a file of Pages, Numbers or Keynote, which cannot be read. "
            "Export it as PDF and add that."
        )
    return f"{name} is a zip archive, not a document. Unpack it and add the folder."


def _ole_kind(file: BinaryIO, name: str) -> Kind:
    import olefile  # the main process imports this module too

    try:
        with olefile.OleFileIO(file) as ole:
            streams = {entry[0].casefold() for entry in ole.listdir(storages=True)}
    except Exception as error:
        raise DamagedDocument(
            f"{name} is damaged: its list of contents cannot be followed. Get another copy."
        ) from error
    finally:
        file.seek(0)
    kinds: dict[str, Kind] = {
        "encryptedpackage": "encrypted-office",
        "__properties_version1.0": "msg",
        "worddocument": "doc",
        "powerpoint document": "ppt",
        "workbook": "xls",
        "book": "xls",
    }
    found = next((kinds[stream] for stream in kinds if stream in streams), None)
    if found is None:
        raise UnsupportedDocument(
            f"{name} is a file of an older program, which Strongroom does not read. {_AS_PDF}"
        )
    return found


# -- text ------------------------------------------------------------------------------------------


def _text_kind(head: bytes, name: str) -> Kind:
    codec = mark(head) or unmarked_utf16(head) or "latin-1"
    text = head.decode(codec, "replace").lstrip("\ufeff")
    suffix = PurePath(name).suffix.casefold()
    if _RTF.match(text):
        return "rtf"
    if _is_mail(text):
        return "mbox" if _MAILBOX.match(text) and suffix != ".eml" else "eml"
    if _MAILBOX.match(text):
        return "mbox"
    if _HTML.match(text) or (suffix in (".htm", ".html", ".xhtml") and "<" in text):
        return "html"
    return _NAMED.get(suffix) or ("csv" if suffix == "" and delimiter(text) else "text")


_NAMED: dict[str, Kind] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
}


def _is_mail(text: str) -> bool:
    """Several header lines that only mails have, before the first blank line."""
    names = set[str]()
    lines = text.lstrip("\r\n").splitlines()[:200]
    for line in lines[1:] if lines and lines[0].startswith("From ") else lines:
        if not line.strip():
            break
        if line[0] in " \t" and names:
            continue
        if field := _MAIL_FIELD.match(line):
            names.add(field.group(1).casefold())
        elif not _ANY_FIELD.match(line):
            return False
    telling = names & {"from", "received", "message-id", "mime-version", "return-path", "date"}
    return bool(telling) and len(names) >= 2


def delimiter(text: str) -> str | None:
    """What parts the columns of a table of text: cut by it, all first lines have as many fields."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    lines = lines[:-1] if len(lines) > 20 else lines  # the last one may be cut
    best: tuple[int, str] | None = None
    for candidate in _DELIMITERS:
        try:
            rows = list(csv.reader(lines, delimiter=candidate))
        except csv.Error:
            continue
        widths = [len(row) for row in rows]
        most = max(widths, default=0)
        even = sum(width == most for width in widths)
        if len(rows) > 1 and most > 1 and even * 10 >= len(rows) * 9:
            best = max(best or (0, ""), (most, candidate))
    return best[1] if best else None
