"""A filter in the kernel on the system calls of this process and its children: Linux.

It is a program in the kernel's classic BPF that looks at the number of each call and at those of
its arguments that are no pointers. See seccomp(2); numbers from the kernel's unistd.h.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from rag import libc

REFUSED = 64
"""What a refused call fails with: ENONET, "Machine is not on the network". Nothing else gives it
today, so it tells who refused."""

# One instruction: what to do, jumps when true and when false, a number.
Instruction = tuple[int, int, int, int]
LOAD, AND, RETURN = 0x20, 0x54, 0x06
IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT = 0x15, 0x35, 0x45
ALLOW, ERROR = 0x7FFF0000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16

AF_UNIX, SOCK_STREAM, SOCK_TYPE_MASK = 1, 1, 0xF
MSG_FASTOPEN = 0x20000000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
FIRST_UNKNOWN = 470
"""Calls newer than Linux 6.18 did not exist when this was written, so nobody can say what they
do. Programs take "no such call" as an older kernel. x32 calls are above this number too."""

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_TSYNC = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """architecture: the kernel's AUDIT_ARCH. refused: calls that are refused whatever their
    arguments. The others are looked into."""

    architecture: int
    refused: tuple[int, ...]
    socketpair: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    ioctl: int
    seccomp: int


# io_uring_setup, io_uring_enter, io_uring_register: they do all that sockets do, past any filter.
# pidfd_getfd: takes a socket out of another process.
_SAME_EVERYWHERE = (425, 426, 427, 438)

MACHINES = {
    "x86_64": Machine(
        architecture=0xC000003E,
        # socket, connect, bind, ptrace, setns, process_vm_readv, process_vm_writev
        refused=(41, 42, 49, 101, 308, 310, 311, *_SAME_EVERYWHERE),
        socketpair=53,
        sendto=44,
        sendmsg=46,
        sendmmsg=307,
        ioctl=16,
        seccomp=317,
    ),
    "aarch64": Machine(
        architecture=0xC00000B7,
        refused=(198, 203, 200, 117, 268, 270, 271, *_SAME_EVERYWHERE),
        socketpair=199,
        sendto=206,
        sendmsg=211,
        sendmmsg=269,
        ioctl=29,
        seccomp=277,
    ),
}


def machine() -> Machine | None:
    """This machine, or None where the filter does not know the calls."""
    if platform.system() != "Linux" or struct.calcsize("P") != 8:
        return None
    return MACHINES.get(platform.machine())


def program(m: Machine) -> tuple[Instruction, ...]:
    """The filter. Every check is either passed over or ends in its own return."""
    return (
        _load(ARCHITECTURE),
        *_unless_equal(m.architecture, _fail(REFUSED)),
        _load(NUMBER),
        *_if_at_least(FIRST_UNKNOWN, _fail(errno.ENOSYS)),
        *(i for number in m.refused for i in _if_equal(number, [_fail(REFUSED)])),
        # A pair of connected streams reaches this process only. A pair of datagram sockets can
        # be told to send elsewhere.
        *_if_equal(
            m.socketpair,
            [
                _load(_argument(0)),
                *_unless_equal(AF_UNIX, _fail(REFUSED)),
                _load(_argument(1)),
                (AND, 0, 0, SOCK_TYPE_MASK),
                *_unless_equal(SOCK_STREAM, _fail(REFUSED)),
                _allow(),
            ],
        ),
        # Sending to an address, or opening a connection by sending.
        *_if_equal(
            m.sendto,
            [
                _load(_argument(4)),
                *_unless_equal(0, _fail(REFUSED)),
                _load(_argument(4) + 4),
                *_unless_equal(0, _fail(REFUSED)),
                *_unless_fast_open(3),
            ],
        ),
        *_if_equal(m.sendmsg, _unless_fast_open(2)),
        *_if_equal(m.sendmmsg, _unless_fast_open(3)),
        # Typing into the terminal that this process was started from.
        *_if_equal(
            m.ioctl,
            [
                _load(_argument(1)),
                *_if_equal(TIOCSTI, [_fail(REFUSED)]),
                *_if_equal(TIOCLINUX, [_fail(REFUSED)]),
                _allow(),
            ],
        ),
        _allow(),
    )


def install() -> None:
    """Put the filter on every thread of this process for good.

    Raises OSError where the kernel refuses, or has no such filters.
    """
    known = machine()
    if known is None:
        raise OSError(errno.ENOSYS, "no filter for this kind of machine")
    instructions = b"".join(struct.pack("HBBI", *i) for i in program(known))
    code = ctypes.create_string_buffer(instructions, len(instructions))
    program_header = struct.pack("HxxxxxxP", len(instructions) // 8, ctypes.addressof(code))
    header = ctypes.create_string_buffer(program_header, len(program_header))
    libc.call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    outside = libc.call(
        "syscall", known.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, header
    )
    if outside:
        raise OSError(errno.ESRCH, f"thread {outside} did not take the filter")


def _argument(index: int) -> int:
    """Where the low half of an argument stands. A C int is looked at as the kernel does: its low
    half only."""
    return ARGUMENTS + 8 * index


def _load(place: int) -> Instruction:
    return (LOAD, 0, 0, place)


def _allow() -> Instruction:
    return (RETURN, 0, 0, ALLOW)


def _fail(number: int) -> Instruction:
    return (RETURN, 0, 0, ERROR | number)


def _if_equal(value: int, then: Sequence[Instruction]) -> list[Instruction]:
    return [(IF_EQUAL, 0, len(then), value), *then]


def _unless_equal(value: int, then: Instruction) -> list[Instruction]:
    return [(IF_EQUAL, 1, 0, value), then]


def _if_at_least(value: int, then: Instruction) -> list[Instruction]:
    return [(IF_AT_LEAST, 0, 1, value), then]


def _unless_fast_open(flags: int) -> list[Instruction]:
    return [
        _load(_argument(flags)),
        (IF_ANY_BIT, 0, 1, MSG_FASTOPEN),
        _fail(REFUSED),
        _allow(),
    ]
