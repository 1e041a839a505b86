"""What has been written, made to outlast a power cut."""

import fcntl
import os
from pathlib import Path


def sync(*paths: Path) -> None:
    """Wait until files, and the names in folders, are on the disk. Raises OSError."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            # On macOS fsync leaves it to the drive when to write.
            if hasattr(fcntl, "F_FULLFSYNC"):
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            else:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
