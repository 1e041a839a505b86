"""What strace saw of a program and its children: each call about a network, and to whom."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

# One file for each thread, so that no line is cut in two, and no bytes of what is sent. Never
# --seccomp-bpf: with it strace does not see the calls that a filter of the program refuses.
STRACE = ("strace", "-D", "-ff", "-s", "0", "-e", "trace=network,/^io_uring,pidfd_getfd", "-o")

CALL = re.compile(r"(\w+)\((.*)\)\s+= (?:-?\d+|\?)(?:<[^>]*>)?(?: (E\w+))?")
CUT_OFF = re.compile(r"(\w+)\((.*?)\s*<unfinished \.\.\.>")
FAMILY = re.compile(r"sa_family=AF_(\w+)")
ADDRESSES = (
    re.compile(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)'),
    re.compile(r'sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"'),
)
SOCKET = re.compile(r"(?:AF|PF)_(\w+), SOCK_(\w+)")
LOCAL_FAMILIES = ("UNIX", "LOCAL")
ON_ITS_WAY = ("EINPROGRESS", "EAGAIN", "EINTR", "EALREADY")
"""Errors of a call that went ahead all the same."""

Kind = Literal["outside", "loopback", "socket", "local", "other"]


@dataclass(frozen=True, slots=True)
class Call:
    """kind: "outside" when it names an address that is not loopback, "loopback" when it names one
    that is; "socket" when it asks for one that is not local; "local" when it is about one that is;
    "other" when it names nobody. error: empty when the kernel did not refuse."""

    name: str
    kind: Kind
    target: str
    error: str

    @property
    def went_ahead(self) -> bool:
        return not self.error or self.error in ON_ITS_WAY


def read(folder: Path, prefix: str) -> list[Call]:
    """The calls in every file that strace has written there."""
    files = sorted(folder.glob(f"{prefix}.*"))
    return [
        call for path in files for call in parse(path.read_text("utf-8", "replace").split("\n"))
    ]


def parse(lines: Iterable[str]) -> Iterator[Call]:
    """A call that was cut off by its thread's end counts as one that went ahead."""
    for line in lines:
        found = CALL.match(line) or CUT_OFF.match(line)
        if found:
            name, arguments, error = (*found.groups(), "")[:3]
            kind, target = _about(name, arguments)
            yield Call(name, kind, target, error or "")


def _about(name: str, arguments: str) -> tuple[Kind, str]:
    if name == "getsockname":  # it asks for its own address
        return "other", ""
    if name.startswith(("io_uring", "pidfd")):
        return "socket", name
    if name in ("socket", "socketpair") and (named := SOCKET.match(arguments)):
        return ("local" if named[1] in LOCAL_FAMILIES else "socket"), " ".join(named.groups())
    return _whom(arguments)


def _whom(arguments: str) -> tuple[Kind, str]:
    addresses = [found for pattern in ADDRESSES for found in pattern.findall(arguments)]
    # Of several, the one that is elsewhere.
    for port, address in sorted(addresses, key=lambda found: _is_loopback(found[1])):
        return ("loopback" if _is_loopback(address) else "outside"), f"{address}:{port}"
    family = FAMILY.search(arguments)
    if family is None or family[1] == "UNSPEC":  # which takes a connection back
        return "other", ""
    return ("local" if family[1] in LOCAL_FAMILIES else "outside"), family[1]


def _is_loopback(text: str) -> bool:
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
