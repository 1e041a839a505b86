"""Sealing cannot be undone, so each test has a process of its own, in a network of its own."""

import json
import os
import sys
import textwrap
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import outside
import pytest

from rag import seal
from rag.errors import SealError
from rag.seal import LABEL, LEVELS, MEANING, STEPS, SWITCHES, Seal, switch_off
from rag.settings import ROOT

HEAD = """
import json, os, socket, subprocess, sys, threading, time
from pathlib import Path
from rag import namespace, seal, seccomp
from rag.errors import SealError

def tried(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0

def send(target=("192.0.2.10", 80)):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", target)

said = {}
"""


def _run(program: str, **environ: str) -> dict[str, Any]:
    """What the program put into `said`, with what was `heard` outside."""
    text = HEAD + textwrap.dedent(program) + "\nprint(json.dumps(said))"
    done = outside.run(sys.executable, "-c", text, PYTHONPATH=str(ROOT), **environ)
    assert done["rc"] == 0, done["stderr"]
    return {**json.loads(done["stdout"]), "heard": done["heard"], "stderr": done["stderr"]}


def test_every_switch_is_set_whatever_was_there() -> None:
    environ = {"HF_HUB_OFFLINE": "0", "HOME": "/home/ada"}

    switch_off(environ)

    assert environ == {**SWITCHES, "HOME": "/home/ada"}


def test_each_level_is_explained_and_the_best_comes_first() -> None:
    assert LEVELS == tuple(STEPS) == ("kernel", "filter", "sandbox", "hook")
    assert set(MEANING) == set(LABEL) == {*LEVELS, ""}
    assert Seal("kernel").advice == ""
    assert "docs/security.md" in Seal("hook", "kernel: no").advice
    assert "kernel: no" in Seal("hook", "kernel: no").advice


def test_a_process_that_was_not_sealed_says_so() -> None:
    assert (seal.current().level, seal.current().label) == ("", "Not sealed")


def test_the_kernel_level_is_an_empty_network_and_a_filter(own_network: None) -> None:
    said = _run("""
        before = os.readlink("/proc/self/ns/net")
        said["level"] = seal.seal().level
        said["moved"] = before != os.readlink("/proc/self/ns/net")
        said["interfaces"] = [l.split(":")[0].strip() for l in open("/proc/net/dev") if ":" in l]
        status = dict(l.split(":\\t") for l in open("/proc/self/status") if ":\\t" in l)
        names = ("CapEff", "CapBnd", "Seccomp", "NoNewPrivs")
        said["status"] = {n: status[n].strip() for n in names}
        said["errno"] = tried(send)
        said["by"] = [(a.event, a.by) for a in seal.current().watch.seen]
    """)

    assert (said["level"], said["moved"], said["interfaces"]) == ("kernel", True, ["lo"])
    assert said["status"] == {
        "CapEff": "0" * 16,
        "CapBnd": "0" * 16,
        "Seccomp": "2",
        "NoNewPrivs": "1",
    }
    assert (said["errno"], said["heard"]) == (64, [])


def test_the_network_namespace_alone_lets_nothing_out(own_network: None) -> None:
    said = _run("""
        namespace.enter()
        said["errno"] = tried(send)
        said["loopback"] = tried(lambda: send(("127.0.0.1", 80)))
    """)

    assert (said["errno"], said["loopback"], said["heard"]) == (101, 101, [])


def test_user_group_and_files_stay_as_they_are(own_network: None, tmp_path: Path) -> None:
    said = _run(
        """
        folder = Path(os.environ["FOLDER"])
        before = (os.getuid(), os.getgid(), os.geteuid())
        (folder / "before").write_text("x")
        seal.seal()
        (folder / "after").write_text((folder / "before").read_text())
        said["same"] = before == (os.getuid(), os.getgid(), os.geteuid())
        owners = {(folder / name).stat().st_uid for name in ("before", "after")}
        said["owners"] = len(owners)
        """,
        FOLDER=str(tmp_path),
    )

    assert (said["same"], said["owners"]) == (True, 1)
    assert (tmp_path / "after").stat().st_uid == os.getuid()


def test_a_socket_that_listened_before_can_still_be_reached(own_network: None) -> None:
    said = _run("""
        listener = socket.create_server(("127.0.0.1", 0))
        if os.fork() == 0:
            seal.seal(keep=[listener.fileno()])
            connection, _ = listener.accept()
            connection.sendall(b"from inside")
            connection.close()
            os._exit(0)
        said["read"] = socket.create_connection(listener.getsockname(), 20).recv(99).decode()
        os.wait()
    """)

    assert said["read"] == "from inside"


def test_every_other_socket_is_closed_but_local_standard_streams(own_network: None) -> None:
    said = _run("""
        kept, dropped = socket.create_server(("127.0.0.1", 0)), socket.socket()
        left, right = socket.socketpair()
        pipe = os.pipe()
        local, remote = os.dup(0), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        os.dup2(left.fileno(), 0)
        os.dup2(remote.fileno(), 2)
        seal.seal(keep=[kept.fileno()])
        said["kept"] = tried(kept.getsockname)
        said["dropped"] = [tried(s.getsockname) for s in (dropped, left, right, remote)]
        said["stdin"] = tried(lambda: socket.socket(fileno=os.dup(0)).getsockname())
        said["stderr_is_socket"] = seal._is_socket(2)
        said["pipe"] = os.write(pipe[1], b"x")
    """)

    assert (said["kept"], said["dropped"], said["stdin"]) == (0, [88] * 4, 0)
    assert (said["stderr_is_socket"], said["pipe"]) == (False, 1)


def test_children_and_grandchildren_are_sealed(own_network: None) -> None:
    said = _run("""
        seal.seal()
        inner = "import socket; socket.socket(2, 2).sendto(b'?', ('192.0.2.10', 80))"
        outer = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {!r}]))"
        outer = outer.format(inner)
        done = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True)
        said["rc"], said["last"] = done.returncode, done.stderr.splitlines()[-1]
    """)

    assert (said["rc"], said["heard"]) == (1, [])
    assert said["last"] == "OSError: [Errno 64] Machine is not on the network"


def test_a_second_thread_is_a_reason_not_to_begin(own_network: None) -> None:
    said = _run("""
        threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
        try:
            seal.seal()
        except SealError as error:
            said["error"] = str(error)
        said["level"] = seal.current().level
    """)

    assert "before a second thread starts" in said["error"]
    assert said["level"] == ""


def test_the_filter_reaches_threads_that_run_already(own_network: None) -> None:
    said = _run("""
        go, errors = threading.Event(), []
        def late():
            go.wait()
            errors.append(tried(send))
        thread = threading.Thread(target=late)
        thread.start()
        said["level"] = seal.seal(best="filter", keep=None).level
        go.set()
        thread.join()
        said["errors"] = errors
    """)

    assert (said["level"], said["errors"], said["heard"]) == ("filter", [64], [])


def test_it_falls_to_the_next_level_and_says_why(own_network: None) -> None:
    said = _run("""
        def refuse():
            raise PermissionError(1, "Operation not permitted")
        seal.STEPS["kernel"] = (refuse,)
        sealed = seal.seal()
        said["level"], said["shortfall"] = sealed.level, sealed.shortfall
        said["advice"] = sealed.advice
        said["errno"] = tried(send)
    """)

    assert (said["level"], said["shortfall"]) == ("filter", "kernel: Operation not permitted")
    assert "Operation not permitted" in said["advice"]
    assert (said["errno"], said["heard"]) == (64, [])


def test_the_hook_is_what_is_left_and_it_refuses(own_network: None) -> None:
    said = _run("""
        sealed = seal.seal(best="hook")
        said["level"], said["errno"] = sealed.level, tried(send)
    """)

    assert (said["level"], said["heard"]) == ("hook", [])
    assert said["errno"] is None  # PermissionError of the hook, not of the system
    assert "The network was asked for: socket.sendto 192.0.2.10:80" in said["stderr"]


def test_a_level_that_is_asked_for_and_not_reached_is_an_error(own_network: None) -> None:
    said = _run("""
        try:
            seal.seal(require="kernel", best="filter")
        except SealError as error:
            said["error"] = str(error)
    """)

    assert said["error"].startswith("Networking is to be off at level kernel; this system allows f")
    assert "docs/security.md" in said["error"]


@pytest.mark.parametrize(
    ("level", "demanded", "enough"),
    [
        ("kernel", "kernel", True),
        ("kernel", "hook", True),
        ("filter", "kernel", False),
        ("", "hook", False),
    ],
)
def test_a_level_can_be_demanded_later(
    monkeypatch: pytest.MonkeyPatch, level: Any, demanded: Any, enough: bool
) -> None:
    monkeypatch.setattr(seal, "_sealed", [Seal(level)])

    with nullcontext() if enough else pytest.raises(SealError, match=f"at level {demanded}"):
        seal.demand(demanded)


@pytest.mark.parametrize("level", ["kernel", "filter"])
def test_the_memory_of_another_process_cannot_be_opened(own_network: None, level: str) -> None:
    """Nor can one be sent a signal, where the kernel's Landlock knows of signals."""
    said = _run(
        """
        other = os.getppid()
        said["before"] = tried(lambda: open(f"/proc/{other}/mem", "r+b"))
        seal.seal(best=os.environ["LEVEL"])
        said["after"] = tried(lambda: open(f"/proc/{other}/mem", "r+b"))
        said["own"] = tried(lambda: open("/proc/self/mem", "r+b"))
        """,
        LEVEL=level,
    )

    assert (said["before"], said["after"], said["own"]) == (0, 13, 0)


def test_files_can_still_be_moved_from_folder_to_folder(own_network: None, tmp_path: Path) -> None:
    """Landlock takes that away from a process when it is asked to look at files at all."""
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "from" / "a").touch()
    said = _run(
        """
        seal.seal()
        folder = Path(os.environ["FOLDER"])
        said["errno"] = tried(lambda: os.rename(folder / "from" / "a", folder / "to" / "a"))
        """,
        FOLDER=str(tmp_path),
    )

    assert said["errno"] == 0


def test_it_is_done_once(own_network: None) -> None:
    said = _run("""
        seal.seal()
        try:
            seal.seal()
        except SealError as error:
            said["error"] = str(error)
    """)

    assert "already" in said["error"]


def test_nothing_can_be_typed_into_the_terminal(own_network: None) -> None:
    """TIOCSTI would have the shell that Strongroom was started from run a command, unsealed."""
    said = _run("""
        import fcntl, pty, termios
        pid, terminal = pty.fork()
        if pid == 0:
            seal.seal()
            os._exit(tried(lambda: fcntl.ioctl(0, termios.TIOCSTI, b"x")))
        said["errno"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    """)

    assert said["errno"] == 64


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, []),
        ({"kernel/unprivileged_userns_clone": "1\n"}, []),
        ({"kernel/unprivileged_userns_clone": "0\n"}, ["kernel.unprivileged_userns_clone = 0"]),
        ({"user/max_user_namespaces": "0\n"}, ["user.max_user_namespaces = 0"]),
    ],
)
def test_settings_of_the_system_that_are_in_the_way_are_named(
    tmp_path: Path, settings: dict[str, str], named: list[str]
) -> None:
    from rag import namespace

    for name, value in settings.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(value)

    assert namespace.obstacles(tmp_path) == named


def test_on_macos_the_system_is_given_the_profile() -> None:
    from rag import sandbox

    given = []

    class System:
        def sandbox_init_with_parameters(self, profile: bytes, *_: object) -> int:
            given.append(profile.decode())
            return -1

    with pytest.raises(OSError, match="no reason given"):
        sandbox.enter(System)
    assert "(deny network-outbound)" in given[0]
    assert given[0].count("(") == given[0].count(")")
