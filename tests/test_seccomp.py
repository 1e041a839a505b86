"""The filter's program, run by a small reader of BPF, for both kinds of machine."""

import errno
import re
import struct
from pathlib import Path

import pytest

from rag.seccomp import (
    ALLOW,
    AND,
    ERROR,
    IF_ANY_BIT,
    IF_AT_LEAST,
    IF_EQUAL,
    LOAD,
    MACHINES,
    MSG_FASTOPEN,
    REFUSED,
    RETURN,
    TIOCSTI,
    Machine,
    program,
)

X86, ARM = MACHINES["x86_64"], MACHINES["aarch64"]
I386 = 0x40000003
READ, WRITE, ACCEPT, LISTEN, FORK = (0, 1, 43, 50, 57)
SOCK_STREAM, SOCK_DGRAM, SOCK_CLOEXEC = 1, 2, 0o2000000
AF_UNIX, AF_INET = 1, 2
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
REFUSED_NAMES = (
    "socket connect bind ptrace setns process_vm_readv process_vm_writev "
    "io_uring_setup io_uring_enter io_uring_register pidfd_getfd"
).split()

machines = pytest.mark.parametrize("machine", [X86, ARM], ids=["x86-64", "arm64"])


def verdict(machine: Machine, number: int, *arguments: int, architecture: int = 0) -> int:
    """0 when the kernel would let the call through, else the errno it would give."""
    six = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, architecture or machine.architecture, 0, *six)
    code, value, at = program(machine), 0, 0
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        if operation == RETURN:
            return 0 if operand == ALLOW else operand & ~ERROR
        if operation == LOAD:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == AND:
            value &= operand
        else:
            holds = {
                IF_EQUAL: value == operand,
                IF_AT_LEAST: value >= operand,
                IF_ANY_BIT: bool(value & operand),
            }[operation]
            at += if_true if holds else if_false


@machines
def test_calls_that_open_or_take_over_a_connection_are_refused(machine: Machine) -> None:
    for number in machine.refused:
        for family in range(50):
            assert verdict(machine, number, family) == REFUSED


def test_other_calls_are_let_through() -> None:
    for number in (READ, WRITE, ACCEPT, LISTEN, FORK):
        assert verdict(X86, number, 3) == 0


@machines
def test_a_call_of_another_kind_of_machine_is_refused(machine: Machine) -> None:
    assert verdict(machine, READ, architecture=I386) == REFUSED


def test_calls_newer_than_the_filter_and_x32_calls_do_not_exist() -> None:
    assert verdict(X86, 469) == 0
    assert verdict(X86, 470) == errno.ENOSYS
    assert verdict(X86, 0x40000000 | 41) == errno.ENOSYS


@machines
def test_only_streams_between_two_ends_of_this_process_can_be_made(machine: Machine) -> None:
    assert verdict(machine, machine.socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC) == 0
    assert verdict(machine, machine.socketpair, AF_UNIX, SOCK_DGRAM) == REFUSED
    assert verdict(machine, machine.socketpair, AF_INET, SOCK_STREAM) == REFUSED


@machines
@pytest.mark.parametrize("address", [1, 1 << 32, 0x7FFF_0000_0000])
def test_sending_is_possible_on_a_connection_but_not_to_an_address(
    machine: Machine, address: int
) -> None:
    assert verdict(machine, machine.sendto, 3, 1, 1, 0, 0, 0) == 0
    assert verdict(machine, machine.sendto, 3, 1, 1, 0, address, 16) == REFUSED


@machines
def test_no_way_of_sending_opens_a_connection(machine: Machine) -> None:
    assert verdict(machine, machine.sendto, 3, 1, 1, MSG_FASTOPEN) == REFUSED
    assert verdict(machine, machine.sendmsg, 3, 1, MSG_FASTOPEN) == REFUSED
    assert verdict(machine, machine.sendmmsg, 3, 1, 1, MSG_FASTOPEN) == REFUSED
    assert verdict(machine, machine.sendmsg, 3, MSG_FASTOPEN, 0) == 0
    assert verdict(machine, machine.sendmmsg, 3, MSG_FASTOPEN, 1, 0) == 0


@machines
def test_nothing_can_be_typed_into_the_terminal(machine: Machine) -> None:
    assert verdict(machine, machine.ioctl, 0, TIOCSTI) == REFUSED
    # The kernel looks at the low half only, so what stands above it changes nothing.
    assert verdict(machine, machine.ioctl, 0, (1 << 32) | TIOCSTI) == REFUSED
    assert verdict(machine, machine.ioctl, 0, 0x5401) == 0


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_numbers_are_those_of_the_kernels_headers(name: str) -> None:
    if not HEADERS[name].is_file():
        pytest.skip(f"{HEADERS[name]} is not installed (Debian: linux-libc-dev)")
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    numbers = {n: int(v) for n, v in re.findall(pattern, HEADERS[name].read_text())}
    machine = MACHINES[name]

    assert set(machine.refused) == {numbers[call] for call in REFUSED_NAMES}
    for call in ("socketpair", "sendto", "sendmsg", "sendmmsg", "ioctl", "seccomp"):
        assert getattr(machine, call) == numbers[call]
