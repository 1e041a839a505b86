"""How a reader came to its end without an answer, and what the person is told of it."""

from dataclasses import dataclass
from typing import Literal

from rag.errors import ReadingFailed

Why = Literal["crash", "killed", "memory", "slow", "late", "flood", "junk", "gone"]


class Death(Exception):
    """A reader ended, or has to be ended, before it gave what it was asked for.

    why: "killed": by a signal that cannot be refused, as the system sends when memory runs out.
    "slow": no page was done in the time for one; "late": the time for all is over; "flood": it said
    more than it may; "junk": it said what is no reply; "gone": it had left before it was asked.
    done, total: pages, as far as it told; total is 0 where it told nothing. spent_s: on this.
    """

    def __init__(self, why: Why, done: int = 0, total: int = 0, spent_s: float = 0.0) -> None:
        super().__init__(why)
        self.why: Why = why
        self.done = done
        self.total = total
        self.spent_s = spent_s

    @property
    def part(self) -> int | None:
        """What to leave out next time: a page from 1, or 0 for the outline, which is read after
        the pages. None where that is not known or would not help."""
        if not self.total or self.why in ("late", "flood", "junk"):
            return None
        return self.done + 1 if self.done < self.total else 0

    @property
    def where(self) -> str:
        """To be put behind a verb; empty where it is not known."""
        if not self.total:
            return ""
        if self.done < self.total:
            return f" at page {self.done + 1} of {self.total}"
        return f" after the last of {self.total} pages"


@dataclass(frozen=True, slots=True)
class Bounds:
    """memory_mb: of one reader. file_s, page_s: what a file, and one page of it, may take.
    reply_mb: most that a reader may say at once."""

    memory_mb: int
    file_s: float
    page_s: float
    reply_mb: int


def failure(subject: str, death: Death, bounds: Bounds) -> ReadingFailed:
    """subject: the file, or the page of it, that was not read."""
    where = death.where
    match death.why:
        case "memory":
            told = (
                f": its reader needed more than {bounds.memory_mb} MB{where}. "
                "Raise reader_mb in the settings, or split the file."
            )
        case "slow":
            told = (
                f": its reader got no further{where} in {bounds.page_s:g} seconds, the limit for "
                "one page. Raise page_s in the settings, or split the file."
            )
        case "late":
            told = (
                f" in {bounds.file_s:g} seconds, the limit for one file; its reader was stopped"
                f"{where}. Raise file_s in the settings, or split the file."
            )
        case "flood":
            told = (
                f": it holds more than the {bounds.reply_mb} MB of text that can be taken in at "
                "once. Split it and add the parts."
            )
        case "killed":
            told = (
                f": the system ended its reader{where}, most likely for want of memory. "
                "Close other programs and add it again."
            )
        case why:
            did = "gave an answer that makes no sense" if why == "junk" else "crashed"
            told = (
                f": its reader {did}{where}. Open it in another program, save it anew or print it "
                "to a PDF, and add that."
            )
    return ReadingFailed(f"{subject} was not read{told}")


def warning(part: int, death: Death, bounds: Bounds) -> str:
    """That a part of a document is left out. part: as in `Death.part`."""
    did = {
        "memory": f"needed more than {bounds.memory_mb} MB of memory",
        "slow": f"took longer than {bounds.page_s:g} seconds",
    }.get(death.why, "crashed its reader")
    return f"{f'Page {part}' if part else 'The outline'} {did} and is left out."
