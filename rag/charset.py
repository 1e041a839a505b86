"""Bytes whose charset nobody says for sure, to text. The only user of charset-normalizer."""

import codecs
import io
import re

from charset_normalizer import from_bytes

from rag import sniff

SAMPLE = 1 << 15
"""Bytes, or a little more, by which a charset is guessed."""
_MEANT = {
    **dict.fromkeys(("iso8859-1", "ascii", "x-user-defined", "iso8859-15"), "cp1252"),
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""A charset's name on files, and the larger one that programs mean by it."""
_LIKELY = """cp1252 cp1250 cp1251 koi8_r cp866 cp1253 cp1254 cp1255 cp1256 cp1257 cp932 euc_jp
iso2022_jp gb18030 big5 cp949 iso8859_2 iso8859_5 iso8859_7 mac_roman mac_cyrillic
tis_620""".split()
"""Charsets that files are found in. Offered all that Python knows, charset-normalizer takes
Japanese for JIS 2004 and Western European text for that of Iceland."""
_WIDE = frozenset(("cp932", "euc_jp", "gb18030", "big5", "cp949"))
_NOT_ASCII = re.compile(rb"[\x80-\xff\x1b]")


def decoded(data: bytes, declared: str | None = None) -> str:
    """By its mark, as UTF-8, by the charset that it declares, or by what it looks like; what
    cannot be decoded becomes U+FFFD. Line ends stay."""
    codec = sniff.mark(data[:4]) or sniff.unmarked_utf16(data[: sniff.HEAD])
    codec = codec or _utf8(data) or _declared(data, declared) or _guessed(data)
    return data.decode(codec, "replace").removeprefix("\ufeff")


def _utf8(data: bytes) -> str | None:
    """UTF-8 even with a few broken characters; no other charset looks like it by chance."""
    if b"\x1b$" in data[:SAMPLE] or b"\x1b(" in data[:SAMPLE]:  # ISO-2022 is plain ASCII
        return None
    text = data.decode("utf-8", "replace")
    n_broken = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    n_sound = sum(1 for _ in re.finditer("[^\0-\x7f\ufffd]", text)) if n_broken > 0 else 0
    return "utf-8" if n_broken <= 0 or n_sound > 10 * n_broken else None


def _declared(data: bytes, declared: str | None) -> str | None:
    try:
        name = codecs.lookup(declared or "").name
        codec = _MEANT.get(name, name)
        text = data.decode(codec, "replace")
    except (LookupError, ValueError):  # such as of a codec that is none of text
        return None
    if codec.startswith(("utf", "unicode", "raw", "idna", "puny")):
        return None
    return codec if text.count("\ufffd") * 100 <= len(text) else None


def _guessed(data: bytes) -> str:
    likely = [c for c in _LIKELY if c not in _WIDE] if _is_narrow(data) else _LIKELY
    best = from_bytes(_sample(data), cp_isolation=likely).best()
    codec = best.encoding if best else "cp1252"
    if codec == "cp1250" and not _is_central(data):
        return "cp1252"
    return "euc_jp" if codec in ("cp949", "gb18030", "big5") and _is_japanese(data) else codec


def _is_narrow(data: bytes) -> bool:
    """Whether what is not ASCII are single letters in words that are; a name such as Jörg looks
    like Chinese else."""
    sample = _sample(data)
    runs = re.findall(rb"[\x80-\xff]+", sample)
    n_alone = sum(len(run) == 1 for run in runs)
    return 4 * sum(map(len, runs)) < len(b"".join(sample.split())) and 2 * n_alone >= len(runs)


def _sample(data: bytes) -> bytes:
    """Lines that are not ASCII: the others tell nothing about the charset."""
    found = bytearray()
    for line in io.BytesIO(data):
        if _NOT_ASCII.search(line):
            found += line[:SAMPLE]
        if len(found) > SAMPLE:
            break
    return bytes(found) or data[:SAMPLE]


def _is_japanese(data: bytes) -> bool:
    """Whether the bytes are a good part hiragana as EUC-JP, without which no Japanese is written.
    A short text looks as much like Korean or Chinese to charset-normalizer."""
    text = _sample(data).decode("euc_jp", "replace")
    return len(re.findall("[ぁ-ん]", text)) * 5 > len(re.findall("[^\0-\x7f]", text))


def _is_central(data: bytes) -> bool:
    """Whether what differs between Central and Western European charsets is letters of words when
    read as Central European. Pound signs, squares and fractions are next to figures."""
    text = _sample(data).decode("cp1250", "replace")
    western = _sample(data).decode("cp1252", "replace")
    differing = [i for i, (a, b) in enumerate(zip(text, western, strict=True)) if a != b]
    letters = sum(
        text[i].isalpha() and (text[i - 1 : i].isalpha() or text[i + 1 : i + 2].isalpha())
        for i in differing
    )
    return letters * 10 >= len(differing) * 9 and bool(differing)
