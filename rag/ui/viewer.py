"""A page of a document beside the conversation, with the cited passage highlighted."""

import streamlit as st

from rag.errors import DocumentError
from rag.room import Room
from rag.types import Citation
from rag.ui import render

WIDTH_PX = 1400
PAGE = "viewer_page"
LESS = "The nearest passage. It does not say all that the sentence says."


def open_citation(room: Room, citation: Citation) -> None:
    """Show the page that a citation stands on."""
    note = "" if citation.supported else LESS
    _open(room, citation, note)


def open_nearest(room: Room, citation: Citation) -> None:
    """The same of what is not said to answer anything."""
    _open(room, citation, "")


def _open(room: Room, citation: Citation, note: str) -> None:
    st.session_state[PAGE] = citation.span.page
    _show(room, citation, note)


@st.dialog("Source", width="medium", position="right")
def _show(room: Room, citation: Citation, note: str) -> None:
    name, span = citation.document, citation.span
    record = room.library.catalog.document(span.doc_id)
    if record is None:
        st.info("This document was removed from the library.")
        return
    number = st.session_state[PAGE]
    page = room.library.catalog.page(span.doc_id, number)
    label = page.label if page else f"page {number}"
    _turn_pages(name, number, record.n_pages, label)
    if note:
        st.warning(note)
    cited = number == span.page
    if page is not None and not any(page.size):
        st.html(render.STYLE + render.marked(page.text, span.start, span.end if cited else 0))
        return
    boxes = citation.boxes if cited else ()
    if cited:
        where = "" if boxes else "This passage could not be located on the page:"
        st.html(render.STYLE + render.quote(citation.quote, where))
    try:
        picture = room.library.pages.picture(span.doc_id, number, width_px=WIDTH_PX, boxes=boxes)
    except DocumentError as error:
        st.error(render.inert(str(error)))
    else:
        st.image(picture, width="stretch", alt=f"{name}, {label}")


def _turn_pages(name: str, number: int, n_pages: int, label: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Page {number} of {n_pages}**", width="stretch")
        if label != f"page {number}":
            st.caption(render.inert(label))
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            disabled=number <= 1,
            on_click=_go,
            args=(number - 1,),
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=number >= n_pages,
            on_click=_go,
            args=(number + 1,),
        )
    st.html(render.STYLE + f'<div class="sr-where">{render.plain(name)}</div>')


def _go(number: int) -> None:
    st.session_state[PAGE] = number
