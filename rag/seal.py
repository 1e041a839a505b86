"""Switches networking off for this process and its children, for good.

Call `seal` before anything heavy is imported: the best level needs a process of one thread, and
numpy alone starts more.
"""

import os
import socket
import stat
import threading
from collections.abc import Callable, Collection, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rag import landlock, namespace, sandbox, seccomp
from rag.audit import Watch
from rag.errors import SealError
from rag.types import Level

SWITCHES = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Hygiene, not a guarantee: each library decides for itself what it makes of its switch."""

STEPS: dict[Level, tuple[Callable[[], None], ...]] = {
    "kernel": (namespace.enter, seccomp.install),
    "filter": (seccomp.install,),
    "sandbox": (sandbox.enter,),
    "hook": (),
}
"""The levels, best first, and what makes each."""
LEVELS = tuple(STEPS)

MEANING: dict[Level | Literal[""], str] = {
    "kernel": "The kernel has put Strongroom into a network of its own that leads nowhere, and "
    "refuses every call that could open a connection or take one over.",
    "filter": "The kernel refuses every call that could open a connection or take one over.",
    "sandbox": "The sandbox of macOS refuses connections to anywhere.",
    "hook": "Python refuses connections. Nothing stops native code, or other programs that "
    "a library might start.",
    "": "Networking is not switched off in this process.",
}
LABEL: dict[Level | Literal[""], str] = {
    "kernel": "Sealed by the kernel",
    "filter": "Sealed by a filter in the kernel",
    "sandbox": "Sealed by the sandbox of macOS",
    "hook": "Sealed by Python only",
    "": "Not sealed",
}
HOW = "docs/security.md says how, system by system."


@dataclass(frozen=True, slots=True)
class Seal:
    """What keeps this process from the network. level: one of LEVELS, "" for none. shortfall:
    why it is not the best one. watch: sees the attempts that are made all the same."""

    level: Level | Literal[""]
    shortfall: str = ""
    watch: Watch = field(default_factory=lambda: Watch(refuse=False))

    @property
    def label(self) -> str:
        """In a few words."""
        return LABEL[self.level]

    @property
    def meaning(self) -> str:
        """In plain words."""
        return MEANING[self.level]

    @property
    def advice(self) -> str:
        """How to reach a better level; empty at the best."""
        if self.level == "kernel":
            return ""
        reasons = f" Not reached: {self.shortfall}." if self.shortfall else ""
        return f"Linux with user namespaces allows a better level.{reasons} {HOW}"


_sealed: list[Seal] = []
"""Holds at most one: being sealed is a state of the process, and there is no way back."""


def current() -> Seal:
    """The seal of this process."""
    return _sealed[0] if _sealed else Seal("")


def switch_off(environ: MutableMapping[str, str]) -> None:
    """Set every switch that a library reads. Call it before the first import of any of them."""
    environ.update(SWITCHES)


def seal(
    *, require: Level = "hook", keep: Collection[int] | None = (), best: Level = "kernel"
) -> Seal:
    """Switch networking off for good, at the best level that this system allows.

    require: the lowest level to be content with. keep: file descriptors of the sockets to keep;
    all others that this process was started with are closed; None: all are kept. best: try none
    above this one. Raises SealError: the level is below `require`; or a second thread runs, which
    "kernel" would leave outside.
    """
    if _sealed:
        raise SealError("Networking is switched off already. Please report this.")
    if best == "kernel" and _threads() > 1:
        raise SealError(
            "Networking can be switched off only before a second thread starts, which would stay "
            "outside. Please report this, with the command that you gave."
        )
    if keep is not None:
        _close_sockets(keep)
    reached = _reach(LEVELS[LEVELS.index(best) :])
    _sealed.append(reached)
    demand(require)
    return reached


def demand(level: Level) -> None:
    """Raises SealError when this process is sealed less well than that."""
    reached = current()
    if not reached.level or LEVELS.index(reached.level) > LEVELS.index(level):
        raise SealError(
            f"Networking is to be off at level {level}; this system allows "
            f"{reached.level or 'none'}. {reached.advice}"
        )


def _reach(levels: Sequence[Level]) -> Seal:
    shortfalls = []
    for level in levels:
        if reason := _obstacle(STEPS[level]):
            shortfalls.append(f"{level}: {reason}")
            continue
        for step in STEPS[level]:
            step()
        if seccomp.install in STEPS[level] and _threads() == 1:
            with suppress(OSError):  # not every kernel has it; `strongroom prove` tells
                landlock.enter()
        break
    if shortfalls:
        shortfalls += namespace.obstacles()
    watch = Watch(refuse=level == "hook")
    watch.start()
    return Seal(level, "; ".join(shortfalls), watch)


def _obstacle(steps: Sequence[Callable[[], None]]) -> str:
    """Why the steps do not work here, tried in a child, so that nothing is left half done."""
    child = os.fork()
    if child == 0:
        try:
            for step in steps:
                step()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return os.strerror(code) if code else ""


def _threads() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()


def _close_sockets(keep: Collection[int]) -> None:
    """Put an empty file in place of each socket that this process was handed: it could lead out.

    A local one as standard input or output stays. It is how a service manager takes our messages.
    """
    with Path(os.devnull).open("r+b") as nothing:
        for fd in _descriptors():
            if fd not in keep and _is_socket(fd) and not (fd <= 2 and _is_local(fd)):
                os.dup2(nothing.fileno(), fd)


def _descriptors() -> list[int]:
    folder = Path("/proc/self/fd")
    return [int(path.name) for path in (folder if folder.is_dir() else Path("/dev/fd")).iterdir()]


def _is_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:  # it was of the listing itself
        return False


def _is_local(fd: int) -> bool:
    with socket.socket(fileno=os.dup(fd)) as copy:
        return copy.family == socket.AF_UNIX
