"""An empty network of its own for this process and its children: Linux, without privileges.

A socket stays in the network that it was made in, so one that listens already can still be reached.
See user_namespaces(7) and network_namespaces(7).
"""

import ctypes
import errno
import os
import platform
import struct
from pathlib import Path

from rag import libc

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_CAPBSET_DROP = 24
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
OBSTACLES = {
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "kernel/unprivileged_userns_clone": "0",
    "user/max_user_namespaces": "0",
}
"""Settings of the kernel that keep a user from making namespaces, and the value that does."""


def enter() -> None:
    """Leave every network behind for good. User, group and files stay as they are.

    Raises OSError where the kernel refuses, as it does when this process has a second thread.
    """
    if platform.system() != "Linux":
        raise OSError(errno.ENOSYS, "Linux only")
    uid, gid = os.geteuid(), os.getegid()
    libc.call("unshare", CLONE_NEWUSER | CLONE_NEWNET)
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{uid} {uid} 1")
    (own / "gid_map").write_text(f"{gid} {gid} 1")
    drop_capabilities()


def obstacles(settings: Path = Path("/proc/sys")) -> list[str]:
    """The settings of this kernel that are in the way, as sysctl(8) writes them."""
    return [
        f"{name.replace('/', '.')} = {value}"
        for name, value in OBSTACLES.items()
        if (settings / name).is_file() and (settings / name).read_text().strip() == value
    ]


def drop_capabilities() -> None:
    """Give up, for children too, the power over the new network that comes with making it."""
    capability = 0
    while _drop_from_bounding_set(capability):
        capability += 1
    libc.call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("Ii", CAPABILITY_VERSION_3, 0))
    nothing = ctypes.create_string_buffer(bytes(24))
    libc.call("capset", header, nothing)


def _drop_from_bounding_set(capability: int) -> bool:
    """False: the kernel knows no capability of that number."""
    try:
        libc.call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True
