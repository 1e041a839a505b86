"""Mails: EML, MBOX and MSG, with what is attached to them. The only user of oxmsg."""

import base64
import datetime as dt
import quopri
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import parsedate_to_datetime
from itertools import chain, pairwise
from typing import Any, BinaryIO

from oxmsg import Message as OutlookMessage

from rag import charset, flow, hypertext, markup, plain
from rag.flow import Block, Item, Part, Remark, Title
from rag.rawtext import one_line

SUBJECT = 60
"""Characters of a subject in a label."""
SMALL_PICTURE = 100_000
"""Bytes. A picture that the text shows and that is no larger is a signature's or an ornament."""
MAX_DEPTH = 50
_STARTS = ("mail of ", "undated mail")
"""How labels of mails begin."""
_SEPARATOR = re.compile(rb"From \S.*(\d\d:\d\d|\d{4})")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_FAULTS = (
    AssertionError,
    AttributeError,
    KeyError,
    IndexError,
    MessageError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the standard library raises on headers and parts that nobody foresaw."""


class _AsWritten(Compat32):
    """Gives headers with the bytes that they have, where the library would put U+FFFD."""

    def header_fetch_parse(self, _name: str, value: str) -> str:
        return value


_POLICY = _AsWritten()


@dataclass(frozen=True, slots=True)
class Attachment:
    """name: as the mail tells, "" where it does not. inline: the mail's text shows it. is_mail: it
    is said to be one."""

    name: str
    data: bytes
    inline: bool = False
    is_mail: bool = False


Attach = Callable[[Attachment], Iterator[Item]]
"""Reads what is attached; never raises DocumentError, but gives a Remark."""


@dataclass(frozen=True, slots=True)
class Mail:
    """headers: those that are shown, by name. when: by its sender's clock."""

    headers: dict[str, str]
    when: dt.datetime | None
    body: tuple[Block, ...]
    attachments: tuple[Attachment, ...] = ()
    remarks: tuple[str, ...] = ()


def read_eml(file: BinaryIO, attach: Attach) -> Iterator[Item]:
    mail = _parsed(file.read())
    yield Title(mail.headers.get("Subject", ""))
    yield from _parts(mail, attach)


def read_mbox(file: BinaryIO, attach: Attach) -> Iterator[Item]:
    """All mails of a mailbox; only one at a time is in memory."""
    n_damaged = 0
    for data in _mails(file):
        try:
            mail = _parsed(data)
        except _FAULTS:
            n_damaged += 1
            continue
        yield from _parts(mail, attach)
    if n_damaged:
        yield Remark(f"{n_damaged} of the mails cannot be followed and are left out.")


def read_msg(file: BinaryIO, attach: Attach) -> Iterator[Item]:
    mail = _outlook(OutlookMessage.load(file.read()))
    yield Title(mail.headers.get("Subject", ""))
    yield from _parts(mail, attach)


def label_of(subject: str, when: dt.datetime | None) -> str:
    """How a citation names a mail."""
    short = subject
    if len(subject) > SUBJECT:
        short = subject[:SUBJECT].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"
    start = f"{_STARTS[0]}{_clock(when)}" if when else _STARTS[1]
    return f"{start}, {short}" if short else start


def _clock(when: dt.datetime) -> str:
    return when.isoformat(" ", "minutes")[:16]  # strftime does not pad years before 1000


def _parts(mail: Mail, attach: Attach) -> Iterator[Item]:
    label = label_of(mail.headers.get("Subject", ""), mail.when)
    lines = [f"{name}: {mail.headers[name]}" for name in _SHOWN if mail.headers.get(name)]
    head = [Block("\n".join(lines))] if lines else []
    yield from flow.labelled(flow.cut([*head, *mail.body]), label)
    yield from (Remark(f"{label}: {remark}") for remark in mail.remarks)
    for attached in mail.attachments:
        name = attached.name or "without name"
        for item in attach(attached):
            if isinstance(item, Part):
                # A mail in a mail is known by its own subject.
                place = "attached" if item.label.startswith(_STARTS) else f"attachment {name},"
                yield replace(item, label=f"{label}, {place} {item.label}".rstrip(", "))
            elif isinstance(item, Remark):
                text = item.text
                yield item if text.startswith(_STARTS) else Remark(f"{label}: {text}")


# -- EML and MBOX ----------------------------------------------------------------------------------


def _mails(file: BinaryIO) -> Iterator[bytes]:
    held = list[bytes]()
    previous = b""
    for line, following in pairwise(chain(file, [b""])):
        # A paragraph may begin with From, too, but not with headers below.
        is_start = not previous.strip() and _SEPARATOR.match(line)
        if is_start and (_FIELD.match(following) or not previous):
            if held:
                yield b"".join(held)
            held = []
        else:
            held.append(line[1:] if re.match(rb">+From ", line) else line)
        previous = line
    if any(line.strip() for line in held):
        yield b"".join(held)


def _parsed(data: bytes) -> Mail:
    # A mail without headers starts with a blank line, one with a stray line before them does too.
    message = BytesParser(policy=_POLICY).parsebytes(data.lstrip(b"\r\n"))
    headers = {name: ", ".join(_headers(message, name)) for name in _SHOWN}
    body, attachments = _content(message)
    return Mail(headers, _when(headers["Date"]), tuple(body), tuple(attachments))


def _headers(message: Message, name: str) -> Iterator[str]:
    for key, raw in message.raw_items():
        if key.casefold() == name.casefold():
            yield _header(str(raw))


def _header(raw: str) -> str:
    """A header as a person reads it: words in their charsets, in one line."""
    data = raw.encode("utf-8", "surrogateescape")
    text = raw if data.isascii() else charset.decoded(data)
    try:
        pieces = [_word(*word) for word in decode_header(text)] if "=?" in text else [text]
    except (*_FAULTS, LookupError):
        pieces = [text]
    return one_line("".join(pieces)) or one_line(text)


def _word(word: bytes | str, name: str | None) -> str:
    if isinstance(word, str):
        return word
    # The library turns what stands between encoded words to bytes in this way.
    return charset.decoded(word, name) if name else word.decode("raw-unicode-escape", "replace")


def _when(told: str) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(told) if told else None
    except (*_FAULTS, OverflowError):
        return None


def _content(message: Message, depth: int = 0) -> tuple[list[Block], list[Attachment]]:
    """The blocks of a part's text, and what is attached in it."""
    if depth > MAX_DEPTH:
        return [], []
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        parts = [part for part in message.get_payload() if isinstance(part, Message)]
        found = [_content(part, depth + 1) for part in parts]
        attachments = [attachment for _, inner in found for attachment in inner]
        if message.get_content_subtype() == "alternative":
            # What has no name is the same text in one more form, such as a calendar's.
            named = [one for one in attachments if one.name or one.is_mail]
            return _preferred(parts, [body for body, _ in found]), named
        return [block for body, _ in found for block in body], attachments
    if message.get_content_maintype() == "message":
        return _enclosed(message)
    if message.get_content_type() in ("text/plain", "text/html") and not _is_attached(message):
        return _text(message), []
    return [], _attached(message)


def _preferred(parts: list[Message], bodies: list[list[Block]]) -> list[Block]:
    """Of the same text in several forms, the plain one, else the last and best of the others."""
    filled = [(part, body) for part, body in zip(parts, bodies, strict=True) if body]
    for part, body in filled:
        if part.get_content_type() == "text/plain":
            return body
    return filled[-1][1] if filled else []


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(
        _file_name(part) and part.get_content_disposition() is None
    )


def _text(part: Message) -> list[Block]:
    data = _payload(part)
    told = part.get_param("charset")
    declared = told if isinstance(told, str) else None
    if part.get_content_type() == "text/html":
        return html_blocks(hypertext.decoded(data, declared))
    text = charset.decoded(data, declared)
    if part.get_param("format") == "flowed":
        text = re.sub(r"(?<=\S) \r?\n(?![>\s])", " ", text)
    return list(plain.paragraphs(text))


def html_blocks(text: str) -> list[Block]:
    root = markup.html(text)
    # A heading in a mail is large print, not a part of a document.
    return [replace(block, level=0) for block in hypertext.blocks(root)] if root is not None else []


def _payload(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _enclosed(part: Message) -> tuple[list[Block], list[Attachment]]:
    """A mail in a mail; or the status of a delivery, which is headers without a mail."""
    inner = part.get_payload()
    found = [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []
    if part.get_content_type() in ("message/rfc822", "message/global") and found:
        subject = next(_headers(found[0], "Subject"), "")
        name = _file_name(part) or f"{subject or 'mail'}.eml"
        return [], [Attachment(name, _mail_bytes(part, found[0]), is_mail=True)]
    lines = [f"{name}: {_header(str(raw))}" for one in found for name, raw in one.raw_items()]
    return list(plain.paragraphs("\n".join(lines))), []


def _mail_bytes(part: Message, enclosed: Message) -> bytes:
    """Mails are not to be encoded once more, but some programs do it."""
    data = enclosed.as_bytes()
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().casefold()
    if encoding == "base64":
        try:
            return base64.b64decode(b"".join(data.split()), validate=True)
        except ValueError:  # it is not encoded, whatever is said
            return data
    return quopri.decodestring(data) if encoding == "quoted-printable" else data


def _attached(part: Message) -> list[Attachment]:
    data = _payload(part)
    if not data:
        return []
    name = _file_name(part)
    inline = bool(part.get("Content-ID")) and part.get_content_disposition() != "attachment"
    return [Attachment(name, data, inline=inline)]


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (*_FAULTS, LookupError):
        name = ""
    return re.split(r"[\\/]", _header(name))[-1] if name else ""


# -- MSG -------------------------------------------------------------------------------------------


def _outlook(message: Any) -> Mail:
    told = {key.casefold(): _header(str(value)) for key, value in message.message_headers.items()}
    headers = {name: told.get(name.casefold(), "") for name in _SHOWN}
    headers["Subject"] = one_line(message.subject or "") or headers["Subject"]
    headers["From"] = headers["From"] or _X500.sub("", one_line(message.sender or ""))
    headers["To"] = headers["To"] or ", ".join(_recipients(message))
    when = _when(headers["Date"]) or message.sent_date
    headers["Date"] = headers["Date"] or (when.isoformat(" ", "minutes") if when else "")
    body = list(plain.paragraphs(message.body or ""))
    remarks = list[str]()
    attachments = list[Attachment]()
    for one in message.attachments:
        name = one_line(one.file_name or "")
        if data := one.file_bytes:
            inline = one.properties.str_prop_value(_CONTENT_ID) is not None
            attachments.append(Attachment(name, data, inline=inline))
        else:
            remarks.append(
                f"attachment {name or 'without name'} is kept in a way that is not read."
            )
    body = body or _outlook_html(message)
    return Mail(headers, when, tuple(body), tuple(attachments), tuple(remarks))


_CONTENT_ID = 0x3712
_X500 = re.compile(r"(?:(?<!\s)\s++)?<?/o=[^<>]*>?", re.IGNORECASE)
"""An address inside an Exchange server, which tells a person nothing."""


def _recipients(message: Any) -> Iterable[str]:
    for one in message.recipients:
        name, address = one.name or "", _X500.sub("", one.email_address or "")
        yield f"{name} <{address}>" if name and address and name != address else name or address


def _outlook_html(message: Any) -> list[Block]:
    try:
        return html_blocks(message.html_body or "")
    except (LookupError, ValueError):  # a charset that it does not know
        return []
