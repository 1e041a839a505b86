"""Text of documents and models as HTML in which nothing is live: pure, no Streamlit.

Markdown is not used for it, because Markdown makes links and pictures of what a document says.
"""

import re
from collections.abc import Sequence
from html import escape

from rag import sentences
from rag.types import SURE, UNSURE, Answer

MARK = re.compile(r"(?: |(?<=\]))\[(\d*)(\??)\]")
ADDRESS = re.compile(r"\bhttps?:(?=/)|\bwww(?=\.)|@(?=\w)", re.IGNORECASE)
WORD_JOINER = "\u2060"
BULLET = re.compile(r"^([ \t]*)[-*] ", re.MULTILINE)
BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")

STYLE = """<style>
.sr-text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; }
.sr-mark, .sr-open { font-size: .75em; font-weight: 600; border-radius: .6em; padding: .05em .45em;
  margin-left: .2em; vertical-align: .15em; white-space: nowrap; }
.sr-mark { background: rgba(46, 125, 110, .18); }
.sr-open { background: rgba(214, 137, 16, .25); cursor: help; }
.sr-quote { border-left: 3px solid rgba(46, 125, 110, .6); padding: .1em 0 .1em .9em; margin: 0;
  overflow-wrap: anywhere; line-height: 1.5; }
.sr-page { border: 1px solid rgba(128, 128, 128, .3); border-radius: .5em; padding: 1em 1.2em; }
.sr-page mark { background: rgb(255, 214, 92); color: #222; border-radius: .2em; }
.sr-withheld { opacity: .75; border-left: 3px solid rgba(214, 137, 16, .6); padding-left: .9em; }
.sr-draft { opacity: .65; font-style: italic; }
.sr-sure { font-size: .85em; opacity: .85; }
.sr-where { opacity: .7; font-size: .85em; }
</style>"""

OPEN = "No passage bears this sentence out. Check it before you rely on it."
NEAR = "Passage {} comes nearest, but does not say all of this. Check it before you rely on it."


def plain(text: str) -> str:
    """Text as it is, with its line breaks."""
    return f'<div class="sr-text">{escape(text)}</div>'


def draft(text: str) -> str:
    """What the model has written so far, which nobody has checked."""
    return f'<div class="sr-text sr-draft">{escape(text)}</div>'


def answer(answer: Answer) -> str:
    """The answer with its marks as badges."""
    html = BOLD.sub(r"<b>\1</b>", BULLET.sub(r"\1• ", escape(answer.marked)))
    return f'<div class="sr-text">{MARK.sub(_badge, html)}</div>'


def understood(question: str) -> str:
    """What was answered in the place of a question that leans on the one before."""
    return f'<div class="sr-where">Understood as: {escape(question)}</div>'


def withheld(text: str) -> str:
    """What a model wrote and nothing bears out."""
    return f'<div class="sr-text sr-withheld">{escape(text)}</div>'


def sureness(*, sure: bool) -> str:
    """How far an answer can be trusted, in plain words."""
    return f'<div class="sr-sure">{"✓ " + SURE if sure else "⚠ " + UNSURE}</div>'


def quote(text: str, where: str = "") -> str:
    """A passage as one paragraph, with rows of tables on lines of their own, and a line above it
    that says where it stands."""
    head = f'<div class="sr-where">{escape(where)}</div>' if where else ""
    html = ""
    was_row = False
    for line in (" ".join(line.split()) for line in text.splitlines() if line.strip()):
        is_row = sentences.is_row(line)
        html += ("<br>" if is_row or was_row else " ") * bool(html) + escape(line)
        was_row = is_row
    return f'{head}<p class="sr-quote">{html}</p>'


def marked(text: str, start: int, end: int) -> str:
    """A page of a format without geometry, with text[start:end] highlighted; end 0: nothing."""
    start = min(start, end)
    body = f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"
    return f'<div class="sr-page"><div class="sr-text">{body if end else escape(text)}</div></div>'


def places(names: Sequence[str]) -> str:
    """Where passages stand, one line each, without repeating one."""
    lines = "".join(f"<div>{escape(name)}</div>" for name in dict.fromkeys(names))
    return f'<div class="sr-where">{lines}</div>'


def label(text: str, length: int) -> str:
    """A label of Streamlit's: shortened, and without anything that Markdown would act on."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    return inert(short).replace("`", r"\`")


def inert(text: str) -> str:
    """A message that may hold a name or a subject, without anything that Markdown would act on but
    marks of code, in which nothing is live either. Streamlit makes links of bare addresses after it
    has undone the escapes, so that these are held apart by a character that is not seen."""
    apart = ADDRESS.sub(f"\\g<0>{WORD_JOINER}", text)
    return "".join(f"\\{c}" if c in r"\*_{}[]()<>#+-.!|~$:&@" else c for c in apart)


def _badge(match: re.Match[str]) -> str:
    number, open_ = match.groups()
    if not open_:
        return f'<span class="sr-mark">{number}</span>'
    title = NEAR.format(number) if number else OPEN
    return f'<span class="sr-open" title="{title}">{number}?</span>'
