import logging
import sys
from types import FrameType, SimpleNamespace
from typing import Any, cast

import outside
import pytest

from rag import audit
from rag.audit import KEPT, LONGEST, Watch
from rag.settings import ROOT

SITE = "/env/lib/python3.11/site-packages"


def _frames(*paths: str) -> FrameType:
    """A stack of these source files, the outermost first."""
    frame = None
    for path in paths:
        frame = SimpleNamespace(f_back=frame, f_code=SimpleNamespace(co_filename=path))
    return cast(FrameType, frame)


@pytest.mark.parametrize(
    ("event", "arguments", "target"),
    [
        ("socket.connect", (None, ("192.0.2.10", 80)), "192.0.2.10:80"),
        ("socket.connect", (None, ("2001:db8::1", 443, 0, 0)), "2001:db8::1:443"),
        ("socket.connect", (None, "/run/bus"), "/run/bus"),
        ("socket.sendto", (None, ("192.0.2.10", 53)), "192.0.2.10:53"),
        ("socket.getaddrinfo", ("a.invalid", 443, 0, 0, 0), "a.invalid:443"),
        ("socket.getaddrinfo", (b"a.invalid", None, 0, 0, 0), "a.invalid"),
        ("socket.gethostbyname", ("a.invalid",), "a.invalid"),
    ],
)
def test_an_attempt_is_noted_with_its_target(
    event: str, arguments: tuple[Any, ...], target: str
) -> None:
    watch = Watch(refuse=False)

    watch(event, arguments)

    assert [(a.event, a.target) for a in watch.seen] == [(event, target)]


@pytest.mark.parametrize("event", ["open", "import", "socket.__new__", "compile"])
def test_other_events_are_none_of_its_business(event: str) -> None:
    watch = Watch(refuse=True)

    watch(event, ("x",))

    assert watch.seen == {}


def test_sending_on_a_connection_is_no_attempt() -> None:
    watch = Watch(refuse=True)

    watch("socket.sendmsg", (None, None))

    assert watch.seen == {}


def test_the_packages_from_the_caller_to_the_one_that_acted_are_named() -> None:
    frame = _frames(
        str(audit.HERE / "embed.py"),
        f"{SITE}/huggingface_hub/file_download.py",
        f"{SITE}/httpx/_client.py",
        f"{SITE}/httpcore/_sync.py",
        "/usr/lib/python3.11/socket.py",
    )

    assert audit._packages(frame) == "huggingface_hub > httpx > httpcore"


def test_our_own_code_is_named_when_no_package_acted() -> None:
    assert audit._packages(_frames(f"{SITE}/click/core.py", str(audit.HERE / "cli.py"))) == (
        "strongroom"
    )


def test_each_kind_of_attempt_is_logged_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(refuse=False)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            watch("socket.gethostbyname", ("a.invalid",))

    assert list(watch.seen.values()) == [3]
    assert len(caplog.records) == 1


def test_what_is_kept_and_logged_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(refuse=False)

    for i in range(2 * KEPT):
        watch("socket.gethostbyname", (f"{i}\n{'x' * 1000}",))

    assert len(watch.seen) == len(caplog.records) == KEPT
    assert all(len(a.target) <= LONGEST and "\n" not in a.target for a in watch.seen)


def test_refusing_is_an_error_that_network_code_expects() -> None:
    with pytest.raises(OSError, match=r"Networking is off in Strongroom \(socket\.connect"):
        Watch(refuse=True)("socket.connect", (None, ("192.0.2.10", 80)))


def test_python_really_tells_it_of_every_call(own_network: None) -> None:
    program = """
import socket
from rag.audit import Watch
watch = Watch(refuse=True)
watch.start()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for call in (lambda: s.connect(("192.0.2.10", 9)), lambda: s.connect_ex(("192.0.2.10", 9)),
             lambda: s.bind(("", 0)), lambda: s.sendto(b"", ("192.0.2.10", 9)),
             lambda: s.sendmsg([b""], [], 0, ("192.0.2.10", 9)),
             lambda: socket.getaddrinfo("a.invalid", 9), lambda: socket.gethostbyname("a.invalid"),
             lambda: socket.gethostbyaddr("192.0.2.10"),
             lambda: socket.getnameinfo(("192.0.2.10", 9), 0)):
    try:
        call()
    except PermissionError:
        continue
    raise SystemExit("it was not refused")
print(len(watch.seen))
"""
    done = outside.run(sys.executable, "-c", program, PYTHONPATH=str(ROOT))

    assert (done["stdout"], done["heard"]) == ("8\n", [])  # connect and connect_ex are one kind
