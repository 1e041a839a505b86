"""Sees every attempt that Python code makes to reach the network, and who made it.

An audit hook hears of what Python does; C code and child processes can go past it. It is the last
of the layers, and the one that can name the library (docs/security.md).
"""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

WATCHED = {
    "socket.connect": 1,
    "socket.bind": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}
"""Events, and which of their arguments holds the address; see Python's table of audit events."""
KEPT = 100
"""Kinds of attempts; more than a person reads."""
LONGEST = 80
HERE = Path(__file__).resolve().parent
OURS = "strongroom"
REFUSED = "Networking is off in Strongroom"


@dataclass(frozen=True, slots=True)
class Attempt:
    """event: Python's name for it. target: host and port, or what there was instead.
    by: packages from the caller to the one that acted ("huggingface_hub > httpx > httpcore")."""

    event: str
    target: str
    by: str


class Watch:
    """Counts attempts and logs each kind once. refuse: also stop them, by PermissionError."""

    def __init__(self, *, refuse: bool) -> None:
        self.refuse = refuse
        self.seen: dict[Attempt, int] = {}

    def start(self) -> None:
        """For the rest of the process's life: Python has no way to end it."""
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in WATCHED:
            return
        address = arguments[WATCHED[event]]
        if address is None:  # sent to the one that the socket is connected to
            return
        target = _target(address, arguments)
        by = _packages(sys._getframe(1))  # noqa: SLF001  # there is no other way to see the caller
        self._note(Attempt(event, target, by))
        if self.refuse:
            raise PermissionError(f"{REFUSED} ({event} {target}, by {by})")

    def _note(self, attempt: Attempt) -> None:
        if attempt in self.seen:
            self.seen[attempt] += 1
        elif len(self.seen) < KEPT:
            self.seen[attempt] = 1
            log.warning(
                "The network was asked for: %s %s, by %s", attempt.event, attempt.target, attempt.by
            )


def _target(address: Any, arguments: tuple[Any, ...]) -> str:
    """Short and printable; a name could carry anything."""
    if isinstance(address, tuple):
        parts = [str(part) for part in address[:2]]
    elif isinstance(address, bytes):
        parts = [address.decode("utf-8", "replace")]
    else:
        ports = arguments[1:2] if arguments[0] == address else ()
        parts = [str(address), *(str(port) for port in ports if port is not None)]
    text = ":".join(parts)
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST]


def _packages(frame: FrameType | None) -> str:
    """Packages on the stack that Strongroom's own code called, the outermost first, each once."""
    found: list[str] = []
    while frame is not None:
        name = _package(Path(frame.f_code.co_filename))
        if name == OURS:
            break
        if name and name not in found:
            found.append(name)
        frame = frame.f_back
    return " > ".join(reversed(found)) or OURS


def _package(path: Path) -> str:
    """The installed package that a source file belongs to; "" for Python's own and unknown ones."""
    parts = path.parts
    if path.is_relative_to(HERE):
        return OURS
    for folder in ("site-packages", "dist-packages"):
        if folder in parts[:-1]:
            return Path(parts[parts.index(folder) + 1]).stem
    return ""
