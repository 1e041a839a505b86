"""Characters as a file's reader gives them, to text that can be searched, quoted and shown.

Cleaning never loses the place: `kept` says which raw characters the clean ones are.
"""

import re

import numpy as np
from numpy.typing import NDArray

_UNMAPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ue000-\uf8ff\ufffd]")
_JOINED = re.compile("\r\n|[\ud800-\udbff][\udc00-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(raw: str) -> str:
    """Lines end in \\n, surrogate pairs are one character, control characters are blanks."""
    return _UNPRINTABLE.sub(_printable, _JOINED.sub(_joined, raw))


def kept(raw: str) -> NDArray[np.bool_]:
    """(len(raw),) True for the characters that `clean` turns into one; as many as it gives."""
    mask = np.ones(len(raw), bool)
    mask[[pair.start() + 1 for pair in _JOINED.finditer(raw)]] = False
    return mask


def is_legible(raw: str) -> bool:
    """False where fonts do not say which letters they draw, so that only OCR can read the page.

    Such pages are control characters, or characters for private use, throughout; of others these
    are 4 in 100 at the very most.
    """
    return len(_UNMAPPED.findall(raw)) * 3 <= len("".join(raw.split()))


def one_line(raw: str) -> str:
    return " ".join(clean(raw).split())


def _joined(pair: re.Match[str]) -> str:
    raw = pair.group()
    return "\n" if raw == "\r\n" else raw.encode("utf-16", "surrogatepass").decode("utf-16")


def _printable(match: re.Match[str]) -> str:
    if match.group() == "\r":
        return "\n"
    return "\ufffd" if match.group() >= "\ud800" else " "


_FILE_NAME = re.compile(
    r"""[\\/]\S*[\\/] | ^[a-z]:\\ | ^file: | \.(
    pdf|docx?|xlsx?|pptx?|od[tsp]|rtf|txt|tex|dvi|e?ps|indd|qxd|pmd|p65|fm|book|pub|wpd|pages|html?|
    xml|md|tiff?|jpe?g|png)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    r"""\W*+ (untitled|no\ title|title|anonymous|unspecified|unknown|none|null|document|scan|slide|
    blank\ page|(table\ of\ )?contents|cover|powerpoint\ presentation|adobe\ photoshop\ pdf)?+
    \W*+\d*+\W*+""",
    re.IGNORECASE | re.VERBOSE,
)


def title_of(told: str, stem: str) -> str:
    """What a file says its title is, or "" where that is a file name or a program's filler.

    stem: the file's own name without ending, which is no title either.
    """
    title = re.sub(r"^Microsoft \w+ - ", "", one_line(told))
    coded = " " not in title and ("_" in title or any(map(str.isdigit, title)))
    named = title.casefold() == stem.casefold() or _FILE_NAME.search(title)
    return "" if len(title) < 3 or coded or named or _PLACEHOLDER.fullmatch(title) else title
