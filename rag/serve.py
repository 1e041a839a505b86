"""Serves the app to this machine's browser and to nobody else."""

import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import streamlit
import uvicorn
from streamlit.web import bootstrap

from rag.errors import RagError
from rag.library import open_library
from rag.room import Room
from rag.settings import ROOT, Settings
from rag.ui import shared

HOST = "127.0.0.1"
PORTS_TRIED = 50
_IN_CLONE = ROOT / "app.py"
APP = _IN_CLONE if _IN_CLONE.is_file() else Path(__file__).with_name("app.py")


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


def serve(settings: Settings, *, open_browser: bool, announce: Callable[[str], None]) -> None:
    """Run the app until it is interrupted.

    announce: told the address when a browser may open it. Raises RagError when it cannot start.
    """
    listener = bind(settings.port)
    room = Room(open_library(settings, command="serve"))
    try:
        _run(listener, room, open_browser=open_browser, announce=announce)
    finally:
        room.close()


def _run(
    listener: socket.socket, room: Room, *, open_browser: bool, announce: Callable[[str], None]
) -> None:
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    shared.adopt(room)
    room.start()
    app = streamlit.App(APP)
    bootstrap.load_config_options(_options(listener))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    announce(f"Strongroom is open at {address}  (Ctrl+C closes it)")
    if open_browser and has_display(os.environ):
        threading.Timer(0.5, webbrowser.open, [address]).start()
    # The server shuts down by itself on either signal and then raises it again.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def has_display(environ: Mapping[str, str]) -> bool:
    """Whether a browser could show itself here."""
    if os.uname().sysname == "Darwin":
        return "SSH_CONNECTION" not in environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _options(listener: socket.socket) -> dict[str, object]:
    """Streamlit's settings that differ from .streamlit/config.toml from run to run.

    It asks a host on the internet for the machine's address when it is not told one.
    """
    port = listener.getsockname()[1]
    return {
        "browser.serverAddress": HOST,
        "browser.serverPort": port,
        "logger.level": "warning",
        "server.address": HOST,
        "server.port": port,
    }
