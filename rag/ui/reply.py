"""A finished answer on the page: its text with marks, what stands behind it, how sure it is."""

import streamlit as st

from rag import prompt, refusal
from rag.room import Room
from rag.types import (
    CONFLICTS,
    NEAREST,
    NEAREST_ELSEWHERE,
    QUALIFIERS,
    UNSUPPORTED,
    WITHHELD,
    Answer,
    Citation,
    Hit,
)
from rag.ui import render, viewer


@st.fragment
def finished(room: Room, turn_id: int, answer: Answer) -> None:
    if answer.understood:
        st.html(render.understood(answer.understood))
    if answer.stop == "no_evidence":
        _refused(room, turn_id, answer)
    else:
        _answered(room, turn_id, answer)
    if answer.hits and answer.maker != "index":
        passages(answer.hits, f"Passages {'read' if answer.maker == 'model' else 'found'}")
    st.caption(_timing(answer))


def passages(hits: tuple[Hit, ...], what: str) -> None:
    """To be looked at, under what they are."""
    with st.expander(f"{what} ({len(hits)})", type="compact"):
        for hit in hits:
            where = " › ".join([f"{hit.document}, {hit.label}", *hit.chunk.heading])
            st.html(render.quote(hit.chunk.text, where))


def _answered(room: Room, turn_id: int, answer: Answer) -> None:
    if answer.is_unsupported:
        st.warning(UNSUPPORTED, icon=":material/warning:")
    st.html(render.answer(answer))
    if answer.stop == "cancelled":
        st.caption("Stopped before the end.")
    elif answer.stop == "length":
        st.caption("Cut off at the longest answer that the settings allow.")
    elif answer.maker == "figures":
        st.caption("Found by the program in what is cited; the model was not asked.")
    elif answer.maker == "index":
        st.caption("From the index of all documents; the model was not asked.")
    elif (sure := refusal.is_sure(answer, room.library.rule)) is not None:
        st.html(render.sureness(sure=sure))
    with st.container(horizontal=True, gap="xsmall"):
        for citation in answer.citations:
            _citation(room, turn_id, citation)
    if answer.nearest:
        st.caption(NEAREST_ELSEWHERE)
        _quotes(room, f"near-{turn_id}", answer.nearest)
    _besides(room, turn_id, answer)


def _besides(room: Room, turn_id: int, answer: Answer) -> None:
    """What else is said of the figure that it tells."""
    if answer.conflicts:
        st.warning(CONFLICTS, icon=":material/compare_arrows:")
        _quotes(room, f"other-{turn_id}", answer.conflicts)
    if answer.qualifiers:
        st.warning(QUALIFIERS, icon=":material/rule:")
        _quotes(room, f"besides-{turn_id}", answer.qualifiers)


def meanwhile(nearest: tuple[Citation, ...]) -> None:
    """What can be read while the model is at work."""
    if nearest:
        st.caption(NEAREST)
        for citation in nearest:
            st.html(render.quote(citation.quote, _place(citation)))


def _refused(room: Room, turn_id: int, answer: Answer) -> None:
    """That no answer is sure, and what comes nearest in the documents."""
    st.html(render.plain(prompt.DECLINED if answer.hits else prompt.NO_DOCUMENTS))
    if answer.nearest:
        st.caption(NEAREST)
        _quotes(room, f"near-{turn_id}", answer.nearest)
    if answer.withheld:
        with st.expander("Show what the model wrote anyway", icon=":material/visibility_off:"):
            st.warning(WITHHELD, icon=":material/warning:")
            st.html(render.withheld(answer.withheld))


def _citation(room: Room, turn_id: int, citation: Citation) -> None:
    if st.button(
        f"**{citation.mark}** {render.label(_place(citation), 60)}",
        key=f"cite-{turn_id}-{citation.marker}",
        help="Show this passage on its page",
        icon=":material/description:",
    ):
        viewer.open_citation(room, citation)


def _quotes(room: Room, key: str, citations: tuple[Citation, ...]) -> None:
    """What nothing in the answer points to, each with a button that opens its page."""
    for citation in citations:
        st.html(render.quote(citation.quote))
        if st.button(
            render.label(_place(citation), 60),
            key=f"{key}-{citation.marker}",
            help="Show this sentence on its page",
            icon=":material/description:",
        ):
            viewer.open_nearest(room, citation)


def _place(citation: Citation) -> str:
    return f"{citation.document} · {citation.label}"


def _timing(answer: Answer) -> str:
    parts = [f"found in {answer.retrieve_s:.1f} s"]
    if answer.first_token_s is not None:
        parts.append(f"first word after {answer.first_token_s:.1f} s")
    return " · ".join([*parts, f"done after {answer.total_s:.1f} s"])
