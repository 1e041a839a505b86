"""The least of io_uring that makes a network socket and sends: Linux. Layout: its io_uring.h."""

import ctypes
import mmap
import os
import socket
import struct

from rag import libc

SETUP, ENTER = 425, 426
GETEVENTS = 1
CONNECT, SEND, SOCKET = 16, 26, 45
RESULTS = 8
"""Twice as many as pieces of work."""


class Ring:
    """A queue of work for the kernel, one piece at a time. Raises OSError where it is refused."""

    SQES = 0x10000000

    def __init__(self) -> None:
        parameters = ctypes.create_string_buffer(120)
        self._fd = libc.call("syscall", SETUP, 4, parameters)
        # Where the tail of what is queued stands, and where the results do. What stands between
        # them says which piece of work to take, and it says the first until it is written to.
        (self._tail,) = struct.unpack_from("I", parameters, 44)
        (self._results,) = struct.unpack_from("I", parameters, 100)
        self._rings = mmap.mmap(self._fd, 4096)
        self._sqes = mmap.mmap(self._fd, 4096, offset=self.SQES)
        self._done = 0

    def udp(self, address: str, port: int) -> None:
        """Send one byte to an IPv4 address."""
        target = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port)
        self._target = ctypes.create_string_buffer(target + socket.inet_aton(address) + bytes(8))
        self._data = ctypes.create_string_buffer(b"?")
        # fd: the family; off: the type.
        fd = self._do(SOCKET, int(socket.AF_INET), int(socket.SOCK_DGRAM), 0, 0)
        self._do(CONNECT, fd, 16, ctypes.addressof(self._target), 0)
        self._do(SEND, fd, 0, ctypes.addressof(self._data), 1)

    def _do(self, operation: int, fd: int, offset: int, address: int, length: int) -> int:
        """Queue one piece of work, wait for it, and give its result."""
        self._sqes[0:64] = struct.pack("=BBHiQQI36x", operation, 0, 0, fd, offset, address, length)
        self._done += 1
        struct.pack_into("I", self._rings, self._tail, self._done)
        libc.call("syscall", ENTER, self._fd, 1, 1, GETEVENTS, 0, 0)
        place = self._results + 16 * ((self._done - 1) % RESULTS)
        result = int(struct.unpack_from("i", self._rings, place + 8)[0])
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result
