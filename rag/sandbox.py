"""A sandbox of macOS on this process and its children, by the call that sandbox-exec(1) makes."""

import ctypes
import errno
import platform
from collections.abc import Callable
from typing import Any

PROFILE = """\
(version 1)
(allow default)
(deny network-outbound)
(deny network-bind)
(deny mach-lookup
  (global-name "com.apple.nsurlsessiond")
  (global-name "com.apple.nsurlstorage-cache")
  (global-name "com.apple.dnssd.service"))
(deny appleevent-send)
(deny lsopen)
"""
"""Everything but ways out. network-outbound includes connecting to Unix sockets, the resolver's
among them. What was bound before stays open to be connected to."""


def enter(load: Callable[[], Any] | None = None) -> None:
    """Raises OSError where the system refuses. load: gives the system's library."""
    reason = ctypes.c_char_p()
    failed = (load or _system)().sandbox_init_with_parameters(
        PROFILE.encode(), ctypes.c_uint64(0), None, ctypes.byref(reason)
    )
    if failed:
        raise OSError((reason.value or b"no reason given").decode("utf-8", "replace"))


def _system() -> ctypes.CDLL:
    if platform.system() != "Darwin":
        raise OSError(errno.ENOSYS, "macOS only")
    return ctypes.CDLL("/usr/lib/libSystem.B.dylib")
