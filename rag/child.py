"""A process that reads files, as the main process sees it."""

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from rag import replies, wire
from rag.death import Death, Why
from rag.errors import DocumentError
from rag.types import Chunk, Document, Page

START_S = 60.0
TICK_S = 0.2
"""Between two looks at the memory of a process."""
TAIL_BYTES = 4000
BLOCK = 1 << 20
NO_MEMORY = re.compile(rb"bad_alloc|memory allocation|out of memory|cannot allocate", re.IGNORECASE)
"""What the runtimes of C++, Rust and others say as they give up."""
ERRORS = {error.__name__: error for error in DocumentError.__subclasses__()}


Given: TypeAlias = Document | Page | bytes | tuple[Chunk, ...]


class Child:
    """Started at once; takes one request at a time. After a Death all it is good for is `end`.

    max_reply: bytes of one reply, so that the main process never holds a bomb.
    n_asked: requests so far; tasks: their kinds. idle_since: on the monotonic clock. peak_mb: most
    resident memory while it worked on the latest request, 0 where the system does not tell.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], max_reply: int) -> None:
        # A group of its own: Ctrl-C in the terminal is for the main process, which then decides.
        self._process = subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        self._err = self._process.stderr.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._err, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(self._err, selectors.EVENT_READ)
        self._max_reply = max_reply
        self._unsaid = memoryview(b"")
        self._heard = bytearray()
        self._tail = b""
        self._silent = True
        self._measured_at = 0.0
        self.n_asked = 0
        self.tasks: set[str] = set()
        self.idle_since = time.monotonic()
        self.peak_mb = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def last_words(self) -> str:
        """The last line of its standard error. For a process that has not seen a document yet."""
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def await_start(self) -> None:
        """Raises Death."""
        if not isinstance(self._hear(time.monotonic() + START_S), wire.Ready):
            raise Death("junk")
        self.idle_since = time.monotonic()

    def ask(
        self, request: wire.Request, *, step_s: float, total_s: float, progress: wire.Progress
    ) -> Given:
        """What it gives. step_s: what it may take from one page to the next; total_s: in all.

        Raises Death, and the DocumentError that it tells.
        """
        started = time.monotonic()
        self._begin(request)
        step = wire.Step(0, 0)
        patience = started + step_s
        try:
            while True:
                reply = self._hear(min(patience, started + total_s))
                if not isinstance(reply, wire.Step):
                    return _given(reply, request)
                if reply.done > step.done or (reply.total and not step.total):
                    patience = time.monotonic() + step_s
                    step = reply
                    progress(step.done, step.total)
        except Death as death:
            spent_s = time.monotonic() - started
            why = "late" if death.why == "slow" and spent_s >= total_s else death.why
            raise Death(why, step.done, step.total, spent_s) from death
        finally:
            self._measure()
            self.idle_since = time.monotonic()

    def _begin(self, request: wire.Request) -> None:
        self.n_asked += 1
        self.tasks.add(request.ask)
        self.peak_mb = 0.0
        self._silent = True
        self._unsaid = memoryview(wire.line(request))  # a document is long
        self._selector.register(self._in, selectors.EVENT_WRITE)

    def memory_mb(self, what: Literal["VmSize", "VmHWM"]) -> float:
        """VmSize: all that the limit counts, now. VmHWM: most resident memory. 0: not told."""
        with suppress(OSError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            if found := re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE):
                return int(found[1]) / 1000
        return 0.0

    def kill(self) -> None:
        """From any thread. Whoever listens to it sees its end."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def _hear(self, until: float) -> wire.Reply:
        """The next reply. Raises Death."""
        searched = 0
        while (end := self._heard.find(b"\n", searched)) < 0:
            searched = len(self._heard)
            if searched > self._max_reply:
                raise Death("flood")
            wait_s = until - time.monotonic()
            if wait_s <= 0:
                raise Death("slow")
            self._move(min(wait_s, TICK_S))
        line, self._heard = self._heard, self._heard[end + 1 :]
        del line[end:]  # the rest was copied, not this: it may be large
        self._silent = False
        try:
            return replies.reply(line)
        except (ValueError, RecursionError):
            raise Death("junk") from None

    def _move(self, wait_s: float) -> None:
        """Let bytes go in and come out."""
        ready = {key.fd for key, _ in self._selector.select(wait_s)}
        if self._in in ready:
            self._write()
        if self._err in ready and not self._read_tail():
            self._selector.unregister(self._err)
        if self._out in ready:
            block = os.read(self._out, BLOCK)
            if not block:
                raise Death(self._why())
            self._heard += block
        if time.monotonic() > self._measured_at + TICK_S:
            self._measure()

    def _measure(self) -> None:
        self._measured_at = time.monotonic()
        self.peak_mb = max(self.peak_mb, self.memory_mb("VmHWM"))

    def _write(self) -> None:
        with suppress(BlockingIOError, BrokenPipeError):  # its end is seen at the other pipe
            self._unsaid = self._unsaid[os.write(self._in, self._unsaid) :]
            if self._unsaid:
                return
        self._selector.unregister(self._in)

    def _read_tail(self) -> bool:
        """Whether there may be more to come."""
        try:
            block = os.read(self._err, BLOCK)
        except BlockingIOError:
            return True
        self._tail = (self._tail + block)[-TAIL_BYTES:]
        return bool(block)

    def _why(self) -> Why:
        """It closed its standard output."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "crash"
        self._read_tail()
        if code in (0, -signal.SIGKILL) and self._silent and self.n_asked > 1:
            return "gone"
        if NO_MEMORY.search(self._tail):
            return "memory"
        return "killed" if code == -signal.SIGKILL else "crash"


def _given(reply: wire.Reply, request: wire.Request) -> Given:
    """Raises Death, and the DocumentError that it tells."""
    match reply:
        case wire.GaveDocument(value) | wire.GavePage(value) | wire.GavePicture(value):
            return value
        case wire.GaveChunks(told) if isinstance(request, wire.Cut):
            with suppress(ValueError):
                return replies.chunks(told, request.document)
        case wire.Failed(kind="MemoryError"):
            raise Death("memory")
        case wire.Failed(kind=kind, message=message) if kind in ERRORS:
            raise ERRORS[kind](message)
    raise Death("junk")
