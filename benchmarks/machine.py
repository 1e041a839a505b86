"""What this machine is, and what the system counts for its processes."""

import os
import platform
import re
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rag import cores

STAT = Path("/proc/stat")
SELF = Path("/proc/self/status")


def name() -> str:
    """Processor, cores, memory, system, Python: nothing that tells whose machine it is."""
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    python = f"{platform.system()}, Python {platform.python_version()}"
    return f"{cores.name()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {python}"


def peak_mb(pid: int) -> float | None:
    """Most resident memory so far, in MB of 10^6 bytes, model files mapped into it included.

    None for another process where there is no /proc, as on macOS, and for one that has ended.
    """
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        return int(found[1]) * 1024 / 1e6 if found else None
    if pid != os.getpid():
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def resident_mb() -> float | None:
    """Memory of this process now, in MB of 10^6 bytes; None where there is no /proc."""
    if not SELF.is_file():
        return None
    found = re.search(r"^VmRSS:\s+(\d+) kB", SELF.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else None


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds so far: on the wall, of processor time in this process, and in all processes and
    other guests of the host; the last is None where the system does not tell."""

    wall_s: float
    own_s: float
    all_s: float | None


def clock() -> Clock:
    return Clock(time.perf_counter(), time.process_time(), _busy_s())


def others_share(before: Clock, after: Clock) -> float | None:
    """Share of the machine's processor time that went to anything but this process, 0 to 1."""
    if before.all_s is None or after.all_s is None:
        return None
    others_s = (after.all_s - before.all_s) - (after.own_s - before.own_s)
    return max(0.0, others_s / ((after.wall_s - before.wall_s) * (os.cpu_count() or 1)))


def _busy_s() -> float | None:
    if not STAT.is_file():
        return None
    # cpu  user nice system idle iowait irq softirq steal guest guest_nice
    ticks = [int(value) for value in STAT.read_text().split("\n", 1)[0].split()[1:9]]
    return float(sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
