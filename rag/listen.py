"""What has to be done before networking is off: taking a port, and readying a browser."""

import os
import signal
import socket
import webbrowser
from collections.abc import Callable, Mapping

from rag.errors import RagError

HOST = "127.0.0.1"
PORTS_TRIED = 50


def bind(port: int) -> socket.socket:
    """A socket listening on 127.0.0.1 at `port` or the next free one. Raises RagError."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen()
        except OSError:
            listener.close()
        else:
            return listener
    raise RagError(
        f"No free port on {HOST} from {port} on. Choose another with `strongroom serve --port`."
    )


def browser(address: str) -> Callable[[], None]:
    """A function that opens the person's browser at `address`, once.

    A process of its own waits for the call, because a browser that is started with networking off
    has none either. It knows the address beforehand and takes nothing but the word to go.
    """
    waiting, go = os.pipe()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.closerange(3, waiting)  # the listening socket among them
        os.closerange(waiting + 1, go + 1)
        if os.read(waiting, 1):
            webbrowser.open(address)
        os._exit(0)
    os.close(waiting)

    def open_() -> None:
        os.write(go, b"!")
        os.close(go)

    return open_


def has_display(environ: Mapping[str, str]) -> bool:
    """Whether a browser could show itself here."""
    if os.uname().sysname == "Darwin":
        return "SSH_CONNECTION" not in environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
