"""A domain cannot be left, so each is entered by a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from rag import landlock, libc
from rag.settings import ROOT

PROGRAM = """
import json, os, signal, socket, subprocess, sys
from rag import landlock

def tried(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0

def memory(pid):
    return tried(lambda: open(f"/proc/{pid}/mem", "r+b"))

said = {}
outside = os.getppid()
landlock.enter()
said["memory"] = memory(outside)
child = subprocess.Popen(["sleep", "9"])
said["child_memory"] = memory(child.pid)
child.kill()
inner = "import os; open(f'/proc/{os.environ[\\"OUTSIDE\\"]}/mem', 'r+b')"
said["from_child"] = subprocess.run([sys.executable, "-c", inner], capture_output=True,
    env={**os.environ, "OUTSIDE": str(outside)}, text=True).stderr.splitlines()[-1][:15]
said["bind"] = tried(lambda: socket.socket().bind(("127.0.0.1", 0)))
said["signal"] = tried(lambda: os.kill(outside, 0))
print(json.dumps(said))
"""


def _version() -> int:
    try:
        return libc.call("syscall", landlock.CREATE_RULESET, None, 0, landlock.VERSION)
    except OSError:
        return 0


def test_who_is_outside_can_be_neither_read_nor_written_nor_signalled() -> None:
    if _version() < landlock.WITH_SCOPES:
        pytest.skip("this kernel has no Landlock, or an old one")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout)

    assert (said["memory"], said["bind"], said["signal"]) == (13, 13, 1)
    assert said["child_memory"] == 0
    assert said["from_child"] == "PermissionError"


@pytest.mark.parametrize("version", [1, 3])
def test_a_kernel_that_is_too_old_is_an_error(
    monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(libc, "call", lambda *_: version)

    with pytest.raises(OSError, match=f"Landlock {version}"):
        landlock.enter()


def test_an_older_kernel_is_asked_for_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(libc, "call", _noting(calls, version=5))

    landlock.enter()

    assert [size for name, *rest in calls[1:2] for size in rest[2:3]] == [16]


def _noting(calls: list[tuple[Any, ...]], *, version: int) -> Callable[..., int]:
    def call(*arguments: Any) -> int:
        calls.append(arguments)
        return version

    return call
