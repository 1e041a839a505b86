"""What a process that reads files may take of the machine."""

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from rag import libc

PR_SET_PDEATHSIG = 1
NICENESS = 5
"""Answers are written in the main process, and a person waits for those."""
MOST_FILES = 256
MOST_WRITTEN_MB = 100
"""Of one file. Readers write none but what a library may need for a moment."""


def enter(memory_mb: int) -> None:
    """Keep this process to its limits, for good. Networking is not among them: it is off already,
    for a child of a sealed process is sealed."""
    os.nice(NICENESS)
    _lower(resource.RLIMIT_CORE, 0)  # a core would be a copy of the document on the disk
    _lower(resource.RLIMIT_FSIZE, MOST_WRITTEN_MB << 20)
    _lower(resource.RLIMIT_NOFILE, MOST_FILES)
    # macOS does not enforce it. There the limits of time are what stops a bomb.
    _lower(resource.RLIMIT_AS, memory_mb << 20)
    if sys.platform == "linux":
        # The thread that started this process must live as long as it is needed: see prctl(2).
        libc.call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _write("/proc/self/oom_score_adj", "1000")  # when memory runs out, this goes first


def forget_peak() -> None:
    """Have the system count the most memory anew, where it can."""
    _write("/proc/self/clear_refs", "5")


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(limit, (value, value))


def _write(path: str, text: str) -> None:
    with suppress(OSError):
        Path(path).write_text(text)
