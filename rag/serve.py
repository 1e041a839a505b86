"""Serves the app to this machine's browser and to nobody else."""

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import streamlit
import uvicorn
from streamlit.web import bootstrap

from rag.gate import Gate
from rag.library import open_library
from rag.listen import HOST
from rag.room import Room
from rag.settings import ROOT, Settings
from rag.ui import shared

_IN_CLONE = ROOT / "app.py"
APP = _IN_CLONE if _IN_CLONE.is_file() else Path(__file__).with_name("app.py")


def serve(
    settings: Settings, listener: socket.socket, *, token: str, announce: Callable[[], None]
) -> None:
    """Run the app on a listening socket until it is interrupted.

    token: without it nobody gets in. announce: called when a browser may come. Raises RagError
    when it cannot start.
    """
    room = Room(open_library(settings, command="serve"))
    try:
        _run(listener, room, token=token, announce=announce)
    finally:
        room.close()


def _run(listener: socket.socket, room: Room, *, token: str, announce: Callable[[], None]) -> None:
    shared.adopt(room)
    room.start()
    port = listener.getsockname()[1]
    app = Gate(streamlit.App(APP), token=token, port=port)
    bootstrap.load_config_options(_options(port))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    )
    announce()
    # The server shuts down by itself on either signal and then raises it again.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _options(port: int) -> dict[str, object]:
    """Streamlit's settings that differ from .streamlit/config.toml from run to run.

    It asks a host on the internet for the machine's address when it is not told one.
    """
    return {
        "browser.serverAddress": HOST,
        "browser.serverPort": port,
        "logger.level": "warning",
        "server.address": HOST,
        "server.port": port,
    }
