"""The reading of traces, on lines as strace writes them."""

import importlib.util
import sys
from types import ModuleType

import pytest

from rag.settings import ROOT

TO_4 = '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.10")}'
TO_6 = (
    "{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), "
    'inet_pton(AF_INET6, "2001:db8::10", &sin6_addr), sin6_scope_id=0}'
)
MAPPED = TO_6.replace("2001:db8::10", "::ffff:127.0.0.1")
HOME = TO_4.replace("192.0.2.10", "127.0.0.1")
NO_NETWORK = "= -1 ENONET (Machine is not on the network)"


@pytest.fixture(scope="module")
def syscalls() -> ModuleType:
    path = ROOT / "benchmarks" / "syscalls.py"
    spec = importlib.util.spec_from_file_location("syscalls", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "kind", "target", "went_ahead"),
    [
        (f"connect(3, {TO_4}, 16) = 0", "outside", "192.0.2.10:80", True),
        (f"connect(3, {TO_6}, 28) {NO_NETWORK}", "outside", "2001:db8::10:443", False),
        (
            f"connect(3, {TO_4}, 16) = -1 EINPROGRESS (Operation now in progress)",
            "outside",
            "192.0.2.10:80",
            True,
        ),
        (f"connect(3, {TO_4}, 16 <unfinished ...>", "outside", "192.0.2.10:80", True),
        (f"connect(3, {TO_4}, 16) = ?", "outside", "192.0.2.10:80", True),
        (f'sendto(3, ""..., 1, 0, {TO_4}, 16) = 1', "outside", "192.0.2.10:80", True),
        (
            f'sendmsg(3, {{msg_name={TO_4}, msg_iov=[{{iov_base=""..., iov_len=1}}]}}, 0) = 1',
            "outside",
            "192.0.2.10:80",
            True,
        ),
        (f"getpeername(9, {TO_4}, [16]) = 0", "outside", "192.0.2.10:80", True),
        ('bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0',
         "outside", "0.0.0.0:0", True),
        (f"bind(3, {HOME}, 16) = 0", "loopback", "127.0.0.1:80", True),
        (f"connect(3, {MAPPED}, 28) = 0", "loopback", "::ffff:127.0.0.1:443", True),
        (f"socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) {NO_NETWORK}",
         "socket", "INET DGRAM", False),
        ("socket(AF_PACKET, SOCK_RAW, htons(0 /* ETH_P_??? */)) = 3", "socket", "PACKET RAW", True),
        ("socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [3, 4]) = 0", "local", "UNIX STREAM",
         True),
        ('connect(3, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (No such)',
         "local", "UNIX", False),
        ("connect(3, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=1}, 16) = 0",
         "outside", "VSOCK", True),
        ('connect(3, {sa_family=AF_UNSPEC, sa_data=""...}, 16) = 0', "other", "", True),
        (f"getsockname(3, {TO_4}, [16]) = 0", "other", "", True),
        ("io_uring_setup(256, {flags=0}) = 5", "socket", "io_uring_setup", True),
        ("accept4(6, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK) = 9<TCP:[1]>", "other", "", True),
    ],
)  # fmt: skip
def test_a_call_is_told_by_whom_it_names_and_how_it_ended(
    syscalls: ModuleType, line: str, kind: str, target: str, went_ahead: bool
) -> None:
    (call,) = syscalls.parse([line])

    assert (call.kind, call.target, call.went_ahead) == (kind, target, went_ahead)


def test_signals_and_ends_of_processes_are_no_calls(syscalls: ModuleType) -> None:
    lines = [
        "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0} ---",
        "+++ exited with 0 +++",
        "",
    ]

    assert list(syscalls.parse(lines)) == []


def test_calls_that_a_filter_refuses_must_be_seen(syscalls: ModuleType) -> None:
    assert "--seccomp-bpf" not in syscalls.STRACE
