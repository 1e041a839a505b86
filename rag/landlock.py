"""A Landlock domain for this process and its children: Linux 6.7 and newer, without privileges.

Who is in one cannot trace a process outside of it, nor open its memory in /proc, which no filter on
system calls can tell from opening a file. TCP is refused once more. See landlock(7).
"""

import ctypes
import errno
import platform
import struct

from rag import libc

CREATE_RULESET, RESTRICT_SELF = 444, 446
VERSION = 1
"""A flag that asks which version of Landlock the kernel has."""
BIND_TCP, CONNECT_TCP = 1, 2
ABSTRACT_UNIX_SOCKETS, SIGNALS = 1, 2
WITH_NETWORK, WITH_SCOPES = 4, 6
"""The versions that know of each."""
PR_SET_NO_NEW_PRIVS = 38


def enter() -> None:
    """For good, and for the thread that calls: call it while there is only one.

    Raises OSError where the kernel has no Landlock, or too old a one.
    """
    if platform.system() != "Linux":
        raise OSError(errno.ENOSYS, "Linux only")
    version = libc.call("syscall", CREATE_RULESET, None, 0, VERSION)
    if version < WITH_NETWORK:
        raise OSError(errno.ENOSYS, f"Landlock {version} has no domain without files")
    # What is handled and not allowed by a rule is refused. No files: that would take cross-folder
    # renames away too.
    scopes = ABSTRACT_UNIX_SOCKETS | SIGNALS if version >= WITH_SCOPES else 0
    attributes = struct.pack("QQQ", 0, BIND_TCP | CONNECT_TCP, scopes)
    size = len(attributes) if version >= WITH_SCOPES else 16
    handled = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = libc.call("syscall", CREATE_RULESET, handled, size, 0)
    libc.call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.call("syscall", RESTRICT_SELF, ruleset, 0)
    libc.call("close", ruleset)
