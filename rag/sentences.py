"""Where sentences begin and end, in answers and in the line-wrapped text of pages.

Rules, not a model: a page takes well under a millisecond, and the chunker asks for thousands.
"""

import re
from itertools import pairwise

Offsets = tuple[int, int]


def word_set(words: str) -> frozenset[str]:
    """The words of a string, for tables that read better as prose than as lists."""
    return frozenset(words.split())


LINE = re.compile(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+|\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]")

MARKER = re.compile(
    r"""[-*+•‣◦▪●○■□·–—➢✓]\s+      # - item
      | \(?\d{1,3}[.)]\s+            # 1. item, (1) item
      | [a-z][.)]\s+ | [A-Z]\)\s+    # a. item, A) item
      | \((?:[A-Za-z]|[ivxlc]+)\)\s+ # (a) item, (iv) item
      | \#{1,6}\s+ | >\s+            # Markdown heading, quotation
    """,
    re.VERBOSE,
)
"""At the start of a line: the line begins a new sentence."""

TIMED = re.compile(
    r"\d\d?[:.]\d\d(?::\d\d)?\s+\S"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)\w*(?:\s?(?:to|and|[-–&])\s?\w+)?\s?:",
    re.IGNORECASE,
)
"""At the start of two lines: entries of a log, or opening hours."""

STOP = re.compile(
    r"""(?: (?<![.!?…؟۔।])[.!?…؟۔।]++ ["'”’»)\]*_]* (?:[ ]?\[\d{1,3}\??\])* (?=\s|$)
          | [。！？｡]+ [」』”’"）)》】]* )""",
    re.VERBOSE,
)

BEFORE = re.compile(r"[^\s(\[\"“‘]+$")
"""The word that a full stop closes."""

HEADING = re.compile(r"#|\*\*[^*]+\*\*:?$")
"""A line of an answer that is a Markdown heading, or bold from end to end."""

NEVER_LAST = word_set(
    "mr mrs ms dr prof gen capt lt sgt sen rep gov hon rev messrs vs e.g i.e eg ie cf approx viz "
    "ca nr bzw sra srta núm pág"
)
"""Abbreviations with a word to follow."""

SOMETIMES_LAST = word_set(
    "inc corp co ltd llc plc bros dept jr sr st mt etc al u.s u.k u.n e.u a.m p.m ph.d n.v s.a "
    "s.p.a ave blvd bldg"
)
"""Abbreviations that may also close a sentence: the next word tells."""

BEFORE_NUMBER = word_set(
    "no nos p pp pg ch para fig figs eq sec art vol abs jan feb mar apr jun jul aug sep sept oct "
    "nov dec item note part section chapter article exhibit"
)
"""Abbreviations only when a number follows: "No. 5", but "No. It fell." """

NUMBERED = re.compile(
    r"(?:item|note|part|section|chapter|article|exhibit|appendix|table|figure|schedule)\s+"
    r"[\dIVXivx]+[A-Za-z]?(?:\.\d+)*\.$|\(?(?:\d{1,3}|[A-Za-z]|[ivx]+)(?:\.\d+)*[.)]$",
    re.IGNORECASE,
)
"""A whole "Item 7." or "3.2.": the number of what follows, not a sentence."""

OPENERS = word_set(
    "the a an in it he she they we i you this that these those its his her their our there here "
    "however as on for at if when while after before since but and so then by with from to no "
    "each all both most some many such although because during under according also net"
)
"""Lower case of words that open sentences and rarely follow an abbreviation inside one."""

GERMAN_MONTHS = word_set(
    "januar februar märz april mai juni juli august september oktober november dezember"
)

DANGLING = word_set(
    "the a an of and or to in on at by for with from as is are was were be that which than "
    "its their our his her this these not per"
)
"""A line that ends with one of these goes on in the next line."""

CELL = re.compile(r"[($€£¥₹+\-−–]*\d[\d,.]*(?<![,.])[)%]*|[($€£¥₹]*[—–-]+[)%]*")
WORD = re.compile(r"\S+")
NUMBER = re.compile(r"(?<!\S)[($€£¥₹+\-−–]*\d")
NAMED = re.compile(r"[^|:]{1,80}: [^|]+ \| [^|:]{1,80}: \S")
"""Two cells that say what their columns are called: "Month: May | Rent: 510"."""
JOINS = re.compile(r"\b(?:for|and|in|of|was|were|compared)\b")
"""Between figures that a sentence tells."""
SIGNS = word_set("$ € £ ¥ ₹ % ) ( )% % |")

LONGEST_ROW = 14
"""Words."""
LONGEST_LAST = 3
"""Figures at the end of a row with words among its others."""
LONGEST = 800
"""Characters. Text without full stops for longer than this is taken line by line."""


def split(text: str) -> list[Offsets]:
    """Half-open offsets of the sentences of `text`, in order, without white space around them.

    Every character that is not white space is in exactly one. A blank line, a list item and a
    table row end what came before; a single line break inside a paragraph does not.
    """
    sentences: list[Offsets] = []
    for start, end in _blocks(text):
        for piece in _by_stops(text, start, end):
            sentences.extend(_by_lines(text, piece) if piece[1] - piece[0] > LONGEST else [piece])
    return sentences


def is_row(line: str) -> bool:
    """Whether one line reads as a row of a table: columns, or a label and its figures."""
    if line.count("|") >= 2 or "\t" in line.strip() or NAMED.match(line):
        return True
    n_numbers = len(NUMBER.findall(line))
    if not n_numbers and line[-1:] not in tuple("—–-"):
        return False
    n_cells, n_words = len(cells(line)), sum(1 for word in line.split() if word not in SIGNS)
    if n_cells >= 2 or n_cells == n_words > 0:
        return True
    # "2016, $249 million for 2015 and $309 million for 2014." goes on from the line above.
    figures = NUMBER.split(line, maxsplit=1)[-1]
    return n_numbers > 2 and 2 * n_numbers >= n_words and len(JOINS.findall(figures)) < 2


def is_like_row(line: str) -> bool:
    """Whether a line may be a row with words among its figures, as it is above another one with
    figures: "Change oil filter 2,000 every 6 months 2"."""
    if not _has_figures(line):
        return False
    last = line.rsplit(maxsplit=1)[-1]
    return last.isdigit() and len(last) <= LONGEST_LAST  # prose may end with a year


def cells(line: str) -> list[str]:
    """The figures, and dashes in their place, that stand at the end of a table row, in order."""
    return [line[start:end] for start, end in cell_offsets(line)]


def cell_offsets(line: str) -> list[Offsets]:
    """Where the cells of `cells` stand in the line."""
    figures: list[Offsets] = []
    for found in reversed([*WORD.finditer(line)]):
        if found.group() in SIGNS:
            continue
        if not CELL.fullmatch(found.group()):
            break
        figures.append(found.span())
    return figures[::-1]


def _lines(text: str) -> list[Offsets]:
    """Trimmed lines; an empty one stands for each blank line."""
    lines: list[Offsets] = []
    fresh = True
    for found in LINE.finditer(text):
        piece = found.group()
        if piece[0] in "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029":
            if fresh or piece == "\f":
                lines.append((found.start(), found.start()))
            fresh = True
            continue
        fresh = False
        start = found.start() + len(piece) - len(piece.lstrip())
        end = found.start() + len(piece.rstrip())
        lines.append((start, max(start, end)))
    return lines


def _blocks(text: str) -> list[Offsets]:
    """Paragraphs, list items, table rows and headings."""
    lines = _lines(text)
    widths = sorted(end - start for start, end in lines if end > start)
    usual = widths[len(widths) * 3 // 4] if widths else 0
    blocks: list[Offsets] = []
    open_at: int | None = None
    for (start, end), (next_start, next_end) in pairwise([*lines, (len(text), len(text))]):
        if start == end:
            continue
        if open_at is None:
            open_at = start
        if _closes(text[start:end], text[next_start:next_end], usual):
            blocks.append((open_at, end))
            open_at = None
    return blocks


def _closes(line: str, following: str, usual: int) -> bool:
    """Whether the block ends with `line`. usual: characters of a full line on this page."""
    if not following or MARKER.match(following) or HEADING.match(line) or is_row(line):
        return True
    if TIMED.match(line) and TIMED.match(following):
        return True
    if following[0].islower():
        # A label too long for its column has its figures on the second line.
        return is_row(following) and line[-1] in ".:;!?"
    if is_row(following) or (is_like_row(line) and _has_figures(following)):
        return True
    if line[-1] in ",;-–—(":
        return False
    words = line.split()
    short = len(line) < 0.5 * max(usual, len(following))
    return _is_figure(words) or (short and words[-1].lower() not in DANGLING)


def _has_figures(line: str) -> bool:
    words = len(line.split())
    return not line[:1].islower() and words <= LONGEST_ROW and len(NUMBER.findall(line)) > 1


def _is_figure(words: list[str]) -> bool:
    """A label and one figure, as in a table with one column: "Total assets $ 32,765"."""
    signed = any(word in SIGNS for word in words[-2:])
    cells = [word for word in words[-3:] if word not in SIGNS]
    return bool(
        not words[0][0].islower()
        and 1 < len(words) <= LONGEST_ROW
        and cells
        and CELL.fullmatch(cells[-1])
        and (signed or not cells[-1].isdigit())
    )


def _by_stops(text: str, start: int, end: int) -> list[Offsets]:
    pieces: list[Offsets] = []
    for found in STOP.finditer(text, start, end):
        if found.end() < end and _ends_sentence(text, start, found):
            pieces.append((start, found.end()))
            start = found.end()
            while start < end and text[start].isspace():
                start += 1
    if start < end:
        pieces.append((start, end))
    return pieces


def _ends_sentence(text: str, start: int, found: re.Match[str]) -> bool:
    stop = found.group()
    if stop[0] in "。！？｡؟۔।":
        return True
    following = text[found.end() : found.end() + 40].lstrip().lstrip("\"'“‘(«*_")
    if not following or following[0].islower():
        return not following
    if stop[0] != "." or stop.startswith(".."):
        return True
    if found.start() - start < 40 and NUMBERED.fullmatch(text[start : found.start() + 1]):
        return False
    return not _goes_on(_word_before(text, start, found.start()), _first_word(following))


def _word_before(text: str, start: int, stop: int) -> str:
    found = BEFORE.search(text, max(start, stop - 24), stop)
    return found.group() if found else ""


def _first_word(text: str) -> str:
    found = re.match(r"[^\W_]+", text)
    return found.group() if found else ""


def _goes_on(word: str, following: str) -> bool:
    """Whether the full stop after `word` belongs to it rather than to the sentence."""
    lower, opens = word.lower(), following.lower() in OPENERS
    if lower in NEVER_LAST:
        return True
    if lower in BEFORE_NUMBER and not (len(word) == 1 and word.isupper()):  # "P. Nair" is a person
        return any(character.isdigit() for character in following)
    if lower in SOMETIMES_LAST or re.fullmatch(r"(?:[^\W\d_]\.)*[^\W\d_]", word):
        return bool(following) and not opens
    return word.isdigit() and len(word) <= 2 and following.lower() in GERMAN_MONTHS


def _by_lines(text: str, piece: Offsets) -> list[Offsets]:
    start, end = piece
    lines = [(start + a, start + b) for a, b in _lines(text[start:end]) if b > a]
    return lines or [piece]
