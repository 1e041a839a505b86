"""A network of a test's own, with the documentation addresses in it and listeners behind them.

    python tests/outside.py COMMAND...

runs the command in a network namespace that is made for it: nothing in it can reach a real network,
whatever a guard of ours lets through. Prints one JSON object: how the command ended, what it wrote,
and everything that arrived at the listeners, as [protocol, address, port, first bytes].
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ADDRESS, ADDRESS_6, RESOLVER = "192.0.2.10", "2001:db8::10", "198.51.100.10"
INSIDE = "STRONGROOM_TEST_NETWORK"
NEEDED = ("unshare", "ip", "mount")
HELD_S = 1.0
"""A connection is kept this long, as one that nobody answers would be."""


def missing() -> str:
    """Why this machine cannot make such a network; empty when it can."""
    absent = [program for program in NEEDED if shutil.which(program) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: util-linux, iproute2)"
    made = subprocess.run(["unshare", *FLAGS, "true"], capture_output=True, text=True, check=False)
    return made.stderr.strip() if made.returncode else ""


FLAGS = ["--map-root-user", "--net", "--mount"]


def run(*command: str, limit_s: float = 240, **environ: str) -> dict[str, Any]:
    """Run a command in such a network. Returns rc, stdout, stderr, heard."""
    done = subprocess.run(
        ["unshare", *FLAGS, sys.executable, __file__, *command],
        env={**os.environ, INSIDE: "1", **environ},
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=True,
    )
    return dict(json.loads(done.stdout))


def main() -> None:
    assert os.environ.pop(INSIDE), "only for use by `run`"
    # Another program's network would have more than its own, silent, loopback.
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    _make_network()
    heard: list[list[Any]] = []
    for listen in (_tcp, _udp):
        for address, port in (
            (ADDRESS, 80),
            (ADDRESS, 3128),
            (ADDRESS, 4317),
            (ADDRESS, 9418),
            (ADDRESS_6, 80),
            (RESOLVER, 53),
        ):
            _start(listen, address, port, heard)
    done = subprocess.run(sys.argv[1:], capture_output=True, text=True, check=False)
    time.sleep(0.2)
    result = {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "heard": heard}
    json.dump(result, sys.stdout)


def _make_network() -> None:
    _ip("link", "set", "lo", "up")
    # Not every kernel has dummy interfaces; a bridge without members is as good.
    for kind in ("dummy", "bridge"):
        if _ip("link", "add", "doc0", "type", kind, check=False) == 0:
            break
    _ip("link", "set", "doc0", "up")
    for address in (f"{ADDRESS}/24", f"{RESOLVER}/24"):
        _ip("address", "add", address, "dev", "doc0")
    _ip("-6", "address", "add", f"{ADDRESS_6}/64", "dev", "doc0", "nodad")
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as conf:
        conf.write(f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", conf.name, Path("/etc/resolv.conf").resolve()], check=True)
    Path(conf.name).unlink()


def _ip(*arguments: str, check: bool = True) -> int:
    return subprocess.run(["ip", *arguments], capture_output=True, check=check).returncode


def _start(
    listen: Callable[[socket.socket, list[Any], list[list[Any]]], None],
    address: str,
    port: int,
    heard: list[list[Any]],
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if listen is _tcp else socket.SOCK_DGRAM
    opened = socket.socket(family, kind)
    opened.bind((address, port))
    threading.Thread(target=listen, args=(opened, [address, port], heard), daemon=True).start()


def _tcp(opened: socket.socket, at: list[Any], heard: list[list[Any]]) -> None:
    opened.listen(50)
    while True:
        connection, _ = opened.accept()
        threading.Thread(target=_answer, args=(connection, at, heard), daemon=True).start()


def _answer(connection: socket.socket, at: list[Any], heard: list[list[Any]]) -> None:
    with connection:
        entry = ["tcp", *at, ""]
        heard.append(entry)
        connection.settimeout(2)
        try:
            entry[3] = connection.recv(400).decode("latin-1")
            if entry[3].startswith(("GET", "HEAD")):
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            else:
                time.sleep(HELD_S)
        except OSError:
            pass


def _udp(opened: socket.socket, at: list[Any], heard: list[list[Any]]) -> None:
    while True:
        data, sender = opened.recvfrom(1500)
        heard.append(["udp", *at, data[:100].decode("latin-1")])
        if at[1] == 53:
            opened.sendto(data[:2] + b"\x81\x83" + data[4:], sender)  # there is no such name


if __name__ == "__main__":
    main()
