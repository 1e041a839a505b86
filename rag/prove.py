"""Proves that nothing leaves: tries every way out from sealed processes, and reports each."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rag.attempts import URL, WAYS, Outcome, Outside
from rag.seal import LEVELS
from rag.types import Level

AT_ONCE = 4
LIMIT_S = 60
KEPT = ("LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE")
TURNED_ON = {
    "ANONYMIZED_TELEMETRY": "True",
    "DO_NOT_TRACK": "0",
    "HF_ENDPOINT": URL.rstrip("/"),
    "HF_HUB_DISABLE_TELEMETRY": "0",
    "HF_HUB_OFFLINE": "0",
    "LC_ALL": "C",
    "ORT_DISABLE_TELEMETRY": "0",
    "PYTHONWARNINGS": "ignore",
    "RES_OPTIONS": "timeout:1 attempts:1",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_OFFLINE": "0",
}
"""Every switch is turned the wrong way: only the seal is left."""


@dataclass(frozen=True, slots=True)
class Report:
    """level: of the seal that the attempts were made under, the lowest if they were not all made
    under the same, "" for none."""

    level: Level | Literal[""]
    outcomes: tuple[Outcome, ...]

    @property
    def attempts(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.tried)

    @property
    def got_out(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.attempts if not outcome.blocked)

    @property
    def verdict(self) -> str:
        """Of "sealed" and "open"."""
        return "open" if self.got_out or not self.attempts else "sealed"


def prove(best: str, *, tell: Callable[[Outcome], None] = lambda _: None) -> Report:
    """Try every way out, each in a process of its own that is sealed first.

    best: try no level above it; "none": do not seal, to see what a proof that fails looks like.
    tell: hears of each outcome, in the order of the ways. This process itself is not sealed.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The slow ones stand last, so they are begun first.
        running = {name: pool.submit(_attempt, best, name) for name in reversed(WAYS)}
        levels: set[Level] = set()
        outcomes = []
        for name in WAYS:
            level, outcome = running[name].result()
            if level:  # one that refused to start, or has not answered, has none
                levels.add(level)
            outcomes.append(outcome)
            tell(outcome)
    return Report(max(levels, key=LEVELS.index) if levels else "", tuple(outcomes))


def _attempt(best: str, name: str) -> tuple[Level | Literal[""], Outcome]:
    """(level, outcome). A process that says nothing has not shown that the way is closed."""
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder, ExitStack() as opened:
        outside = _outside(Path(folder), opened)
        command = [sys.executable, "-m", "rag.attempts", best, name, json.dumps(asdict(outside))]
        try:
            done = subprocess.run(
                command,
                env=_environ(os.environ, folder),
                pass_fds=(outside.udp, outside.local, outside.listener),
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "", Outcome(name, False, "", f"no end within {LIMIT_S} s")
    try:
        said = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return "", Outcome(name, False, "", f"it ended without a word: {done.stderr[-300:]}")
    return said["level"], Outcome(**said["outcome"])


def _environ(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    kept = {name: environ[name] for name in KEPT if name in environ}
    return {**kept, **TURNED_ON, "HOME": folder, "TMPDIR": folder}


# --- What is outside -----------------------------------------------------------------------------


def _outside(folder: Path, opened: ExitStack) -> Outside:
    """Processes and services that a way out could lead to, all of them ours."""
    udp = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    here, there = map(opened.enter_context, socket.socketpair())
    socket.send_fds(there, [b"!"], [udp.fileno()])
    service = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
    opened.enter_context(socket.create_connection(listener.getsockname()))
    stream, datagram = str(folder / "stream"), str(folder / "datagram")
    _hand_over(stream, udp, opened)
    opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).bind(datagram)
    abstract = folder.name if sys.platform == "linux" else ""
    if abstract:
        _hand_over(f"\0{abstract}", udp, opened)
    return Outside(
        pid=os.getpid(),
        udp=udp.fileno(),
        local=here.fileno(),
        stream=stream,
        datagram=datagram,
        abstract=abstract,
        loopback=service.getsockname()[1],
        listener=listener.fileno(),
    )


def _hand_over(name: str, handed: socket.socket, opened: ExitStack) -> None:
    """A local socket that gives a network socket to the first who connects."""
    listener = opened.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(name)
    listener.listen()

    def serve() -> None:
        with suppress(OSError):  # nobody came
            connection, _ = listener.accept()
            with connection:
                socket.send_fds(connection, [b"!"], [handed.fileno()])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    opened.callback(thread.join)
    opened.callback(listener.shutdown, socket.SHUT_RDWR)
