"""What all pages of one process share."""

import os

import streamlit as st

from rag import seal, settings, threads
from rag.errors import RagError
from rag.library import open_library
from rag.room import Room

_adopted: list[Room] = []


def adopt(room: Room | None) -> None:
    """Have the pages use a room that the server has opened, or none any more."""
    _adopted[:] = [] if room is None else [room]


def room() -> Room:
    """The process's room; stops the page with a message when it cannot be opened."""
    if _adopted:
        return _adopted[0]
    try:
        return _opened()
    except RagError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()


@st.cache_resource(show_spinner="Opening the library …")
def _opened() -> Room:
    """For a page that runs without `strongroom serve`."""
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    opened = Room(open_library(settings.load(os.environ), command="serve"))
    opened.start()
    return opened
