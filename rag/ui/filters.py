"""The control of the Ask page that says which documents a question is asked of."""

from collections.abc import Mapping, Sequence
from datetime import date

import streamlit as st

from rag import scope
from rag.room import Room
from rag.types import EVERYTHING, Conversation, Filter
from rag.ui import render

# By conversation, "" for one that is not begun; a conversation's last question tells at first.
CHOSEN = "within"
# Counts up when a choice is cleared, so that its widgets begin anew.
CLEARED = "within-cleared"
EARLIEST = date(1970, 1, 1)


def choose(room: Room, conversation: Conversation | None) -> None:
    """Draw the control."""
    catalog = room.library.catalog
    key = conversation.id if conversation else ""
    within = current(conversation)
    names = {record.id: record.name for record in catalog.documents()}
    if not names:
        return
    words = scope.in_words(within, names)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        label = f"Ask in: {render.label(words, 60)}"
        with st.popover(label, icon=":material/filter_list:", type="tertiary"):
            chosen = _widgets(room, key, within, names)
        if not within.is_empty:
            n = len(catalog.matching(within))
            number = f"{n} document{'' if n == 1 else 's'}"
            if n == 0:
                st.caption("No document fits this.")
            elif number != words:
                st.caption(number)
            st.button(
                "Clear", icon=":material/close:", type="tertiary", key="within-clear",
                help="Ask in all documents", on_click=_clear, args=(key,),
            )  # fmt: skip
    if chosen != within:
        st.session_state[CHOSEN][key] = chosen
        st.rerun()


def asked(conversation_id: str) -> None:
    """A conversation was begun: what was chosen for it is now its own."""
    chosen = st.session_state[CHOSEN]
    if "" in chosen:
        chosen[conversation_id] = chosen.pop("")
        st.session_state[CLEARED] += 1


def note(room: Room, within: Filter) -> None:
    """Say below an answer what it was asked of, unless it was all documents."""
    if not within.is_empty:
        records = map(room.library.catalog.document, within.documents)
        names = {record.id: record.name for record in records if record}
        st.caption(f"Asked in: {render.label(scope.in_words(within, names), 200)}")


def current(conversation: Conversation | None) -> Filter:
    """What is chosen for the next question."""
    chosen: dict[str, Filter] = st.session_state.setdefault(CHOSEN, {})
    st.session_state.setdefault(CLEARED, 0)
    if conversation is None:
        return chosen.get("", EVERYTHING)
    last = conversation.turns[-1].within if conversation.turns else EVERYTHING
    return chosen.get(conversation.id, last)


def _clear(key: str) -> None:
    st.session_state[CHOSEN][key] = EVERYTHING
    st.session_state[CLEARED] += 1


def _widgets(room: Room, key: str, within: Filter, names: Mapping[str, str]) -> Filter:
    unique = f"{key}-{st.session_state[CLEARED]}"
    collections = [collection.name for collection in room.library.catalog.collections()]
    return Filter(
        documents=_several("Documents", list(names), within.documents, unique, names),
        collections=_several("Collections", collections, within.collections, unique),
        types=_several("Types", list(scope.TYPES), within.types, unique),
        **_days("Dated", "since", "until", within, unique),
        **_days("Added", "added_since", "added_until", within, unique),
    )


def _several(
    label: str,
    options: Sequence[str],
    chosen: Sequence[str],
    unique: str,
    names: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """A choice that is gone from the library stays until it is taken away."""
    there = list(dict.fromkeys([*options, *chosen]))
    return tuple(
        st.multiselect(
            label,
            there,
            default=chosen,
            key=f"within-{label}-{unique}",
            format_func=lambda option: option if names is None else names.get(option, scope.LOST),
            placeholder="All",
        )
    )


def _days(what: str, since: str, until: str, within: Filter, unique: str) -> dict[str, date | None]:
    columns = st.columns(2)
    return {
        name: column.date_input(
            f"{what} {word}",
            value=getattr(within, name),
            min_value=EARLIEST,
            key=f"within-{name}-{unique}",
            format="YYYY-MM-DD",
        )
        for column, name, word in zip(columns, (since, until), ("since", "until"), strict=True)
    }
