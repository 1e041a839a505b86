"""The Ask page: a conversation whose answers cite the very passage."""

from pathlib import Path
from typing import get_args
from uuid import uuid4

import streamlit as st

from rag.errors import RagError
from rag.job import UNFINISHED, Job
from rag.room import Room
from rag.types import Conversation, Strictness, Turn
from rag.ui import filters, render, reply, shared, transcript

POLL_S = 0.25
MAX_QUESTION = 4000
SOURCES_S = 0.25
"""The page waits so long for the passages found, which mostly are there sooner, before it is drawn
without them."""
RECENT = 12
"""Conversations in the side bar that are seen at once."""
QUESTION = "question"
NOT_ASKED = "not-asked"
STRICTNESS = "strictness"
MEANINGS: dict[Strictness, str] = {
    "strict": "Answers only what it is sure of, and refuses more.",
    "normal": "Answers when the passages bear it out and answer what was asked.",
    "lenient": "Answers more, and marks what no passage bears out.",
}


def main() -> None:
    st.set_page_config(layout="centered")
    room = shared.room()
    shared.sign()
    st.html(render.STYLE)
    if room.problem:
        st.error(render.inert(room.problem), icon=":material/error:")
    conversation = _chosen(room)
    _sidebar(room, conversation)
    if conversation is None:
        _welcome(room)
    else:
        for turn in conversation.turns:
            _turn(room, conversation, turn)
    filters.choose(room, conversation)
    if not_asked := st.session_state.pop(NOT_ASKED, ""):
        st.error(render.inert(not_asked), icon=":material/error:")
    st.chat_input(
        "Ask your documents",
        max_chars=MAX_QUESTION,
        key=QUESTION,
        on_submit=_ask,
        args=(room, conversation),
    )


def _ask(room: Room, conversation: Conversation | None) -> None:
    """Before the page is drawn again, so that it is drawn once."""
    question = st.session_state[QUESTION].strip()
    if question:
        conversation_id = conversation.id if conversation else uuid4().hex
        try:
            room.ask(conversation_id, question, within=filters.current(conversation))
        except RagError as error:
            st.session_state[NOT_ASKED] = f"{error} Not asked: {question}"
            return
        filters.asked(conversation_id)
        st.query_params["chat"] = conversation_id


def _chosen(room: Room) -> Conversation | None:
    """The conversation in the page's address, so that a reload comes back to it."""
    wanted = st.query_params.get("chat")
    return room.library.catalog.conversation(wanted) if wanted else None


def _sidebar(room: Room, current: Conversation | None) -> None:
    with st.sidebar:
        if st.button("New conversation", icon=":material/add:", width="stretch"):
            _go_to(None)
        _strictness(room)
        _conversations(room, current)


def _strictness(room: Room) -> None:
    """How sure it must be before it answers; for every question asked from then on."""
    st.session_state.setdefault(STRICTNESS, room.library.strictness)
    st.segmented_control(
        "How sure before it answers",
        get_args(Strictness),
        required=True,
        key=STRICTNESS,
        on_change=lambda: room.library.set_strictness(st.session_state[STRICTNESS]),
        format_func=str.capitalize,
        width="stretch",
    )
    st.caption(MEANINGS[room.library.strictness])


def _conversations(room: Room, current: Conversation | None) -> None:
    """The latest first; the one that is open above them."""
    if current is not None:
        _current_entry(room, current)
    open_id = current.id if current else None
    others = [c for c in room.library.catalog.conversations() if c.id != open_id]
    _entries(others[:RECENT])
    if earlier := others[RECENT:]:
        with st.expander(f"Earlier ({len(earlier)})", type="compact"):
            _entries(earlier)


def _entries(conversations: list[Conversation]) -> None:
    with st.container(gap="xsmall"):
        for conversation in conversations:
            if st.button(
                render.label(conversation.title, 32),
                key=f"open-{conversation.id}",
                type="tertiary",
            ):
                _go_to(conversation.id)


def _current_entry(room: Room, conversation: Conversation) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
        st.markdown(f"**{render.label(conversation.title, 20)}**", width="stretch")
        st.download_button(
            "",
            lambda: _transcript(room, conversation.id),
            transcript.file_name(conversation),
            icon=":material/download:",
            type="tertiary",
            help="Save this conversation as text, with what it cites",
            on_click="ignore",
        )
        with st.popover(
            "", icon=":material/delete:", type="tertiary", help="Delete this conversation"
        ):
            st.markdown("Delete this conversation? Its documents stay.")
            if st.button("Delete", key=f"delete-{conversation.id}", icon=":material/delete:"):
                room.library.catalog.remove_conversation(conversation.id)
                _go_to(None)


def _transcript(room: Room, conversation_id: str) -> str:
    """As it is at the click: its last answer may have come, or have been removed, since."""
    conversation = room.library.catalog.conversation(conversation_id)
    if conversation is None:
        return "This conversation was deleted.\n"
    names = {record.id: record.name for record in room.library.catalog.documents()}
    return transcript.written(conversation, room.library.rule, names)


def _go_to(conversation_id: str | None) -> None:
    if conversation_id is None:
        st.query_params.clear()
    else:
        st.query_params["chat"] = conversation_id
    st.rerun()


def _welcome(room: Room) -> None:
    records = room.library.catalog.documents()
    ready = sum(r.state in ("searchable", "embedded") for r in records)
    with st.container(horizontal_alignment="center"):
        st.title("Ask your own documents", text_alignment="center")
        if ready:
            noun = "document" if ready == 1 else "documents"
            st.markdown(
                f"{ready} {noun} in this library. Answers come from them alone, "
                "with the passage and the page behind every sentence.",
                text_alignment="center",
            )
        else:
            st.markdown(
                "Nothing to ask yet. Add documents; they stay on this machine.",
                text_alignment="center",
            )
            st.page_link(
                Path(__file__).with_name("documents.py"),
                label="Add documents",
                icon=":material/upload_file:",
            )


def _turn(room: Room, conversation: Conversation, turn: Turn) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.html(render.plain(turn.question))
    with st.chat_message("assistant", avatar=":material/menu_book:"):
        job = room.job(turn.id)
        if job is None and turn.answer is None and not turn.note:
            # It may have been finished since the conversation was read.
            turn = _again(room, conversation, turn)
        if job is not None:
            _writing(room, turn.id)
        elif turn.answer is not None:
            reply.finished(room, turn.id, turn.answer)
        else:
            st.warning(render.inert(turn.note or UNFINISHED), icon=":material/info:")
        filters.note(room, turn.within)


def _again(room: Room, conversation: Conversation, turn: Turn) -> Turn:
    """The turn as it is kept by now."""
    now = room.library.catalog.conversation(conversation.id)
    return next((kept for kept in now.turns if kept.id == turn.id), turn) if now else turn


@st.fragment(run_every=POLL_S)
def _writing(room: Room, turn_id: int) -> None:
    """The answer so far. It polls a thread, so that leaving or reloading the page loses nothing."""
    job = room.job(turn_id)
    if job is None:
        st.rerun()
    if job.hits is None:
        job.wait_for_sources(SOURCES_S)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_stage(job), width="stretch")
        if st.button("Stop", icon=":material/stop:", disabled=job.cancelled, key=f"stop-{turn_id}"):
            job.cancel()
    if job.understood:
        st.html(render.understood(job.understood))
    if job.text:
        st.html(render.draft(job.text))
    if job.hits:
        reply.meanwhile(job.nearest)
        reply.passages(job.hits, "Passages found")


def _stage(job: Job) -> str:
    seconds = f"{job.elapsed_s:.0f} s"
    if job.cancelled:
        return "Stopping …"
    if job.ahead:
        return f"Waiting for {job.ahead} earlier answer{'s' * (job.ahead > 1)} … {seconds}"
    if job.hits is None:
        return f"Searching … {seconds}"
    expected_s = job.expected_s
    if not job.text or expected_s:
        about = f" of about {expected_s:.0f} s" if expected_s else ""
        return f"Reading the passages … {seconds}{about}"
    return f"Writing, to be checked … {seconds}"


main()
