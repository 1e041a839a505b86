"""The cores that this process may use, and how many threads are worth trying on them."""

import os
import platform
from contextlib import suppress
from pathlib import Path

MANY = 8
"""Cores from which on half of them may be faster than all: reading memory holds them up."""
CPU_INFO = Path("/proc/cpuinfo")


def logical() -> int:
    """Two hardware threads of one core count twice."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical() -> int:
    """Two hardware threads of one core count once."""
    if not hasattr(os, "sched_getaffinity"):
        return logical()
    siblings = (
        Path(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list")
        for n in os.sched_getaffinity(0)
    )
    return len({p.read_text() if p.is_file() else str(p) for p in siblings})


def candidates() -> tuple[int, ...]:
    """Numbers of threads that may be the fastest, the likeliest first."""
    likeliest = physical()
    others = (logical(), likeliest // 2) if likeliest >= MANY else (logical(),)
    return tuple(dict.fromkeys((likeliest, *others)))


def name() -> str:
    """What the processor calls itself, or else its architecture."""
    with suppress(OSError):
        for line in CPU_INFO.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.machine()
