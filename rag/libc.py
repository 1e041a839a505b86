"""The C library's own calls, for what Python has no function for."""

import ctypes
import os
from typing import Any


def call(name: str, *arguments: Any) -> int:
    """The result of a C function; ints are passed as long. Raises OSError when it is -1."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    result: int = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
