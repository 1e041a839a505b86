"""What all pages of one process share."""

import os

import streamlit as st

from rag import logs, seal, settings, threads
from rag.audit import Attempt
from rag.errors import RagError
from rag.library import open_library
from rag.room import Room
from rag.ui import render

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
        st.error(render.inert(str(error)), icon=":material/error:")
        st.stop()


@st.cache_resource(show_spinner="Opening the library …")
def _opened() -> Room:
    """For a page that runs without `strongroom serve`, whose server has threads already."""
    os.umask(0o077)
    logs.keep_messages_out()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    chosen = settings.load(os.environ, settings.default_file())
    if not seal.current().level:
        seal.seal(require=chosen.require_seal, best="filter", keep=None)
    # The page may be asked for again after it was refused, by a process that is sealed by then.
    seal.demand(chosen.require_seal)
    opened = Room(open_library(chosen, command="serve"))
    opened.start()
    return opened


def sign() -> None:
    """How well this process is sealed, and what has tried to get out all the same."""
    sealed = seal.current()
    strong = sealed.level in ("kernel", "filter", "sandbox")
    icon = ":material/lock:" if strong else ":material/lock_open:"
    corner = st.container(horizontal=True, horizontal_alignment="right")
    with corner.popover(sealed.label, icon=icon, type="tertiary"):
        st.markdown(f"**{sealed.label}**")
        st.markdown(sealed.meaning)
        if sealed.advice:
            st.html(render.plain(sealed.advice))
        _attempts(sealed.watch.seen)
        st.caption("`strongroom prove` tries every way out and shows what stops each.")


def _attempts(seen: dict[Attempt, int]) -> None:
    if not seen:
        st.markdown("Nothing has tried to reach the network since the start.")
        return
    st.markdown("These tried to reach the network since the start:")
    lines = [f"{n} × {attempt.by}: {attempt.target}" for attempt, n in list(seen.items())[:10]]
    st.html(render.places(lines))
