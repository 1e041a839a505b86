"""The Documents page: what the library holds, adding to it and taking away."""

import time
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st

from rag.errors import FilterError, RagError
from rag.room import Room
from rag.types import DocumentRecord, Prepared, Progress, SourceRecord, Work
from rag.ui import render, shared

# Comments, for Streamlit shows strings that stand alone.
POLL_S = 1.0
FOLDERS_S = 5.0
# Documents on one page of the table.
ROWS = 200
# Failures shown with their reason; the rest are counted.
SHOWN = 20
KINDS = (
    "PDF, Word, Excel, PowerPoint, OpenDocument, RTF, HTML, EPUB, Markdown, text, CSV, mail, "
    "and scans or photos of pages."
)
UPLOADS = "uploads"
NOTICES = "notices"
STEPS = {
    "queued": "Waiting",
    "searchable": "Searchable by words",
    "embedded": "Ready",
    "failed": "Needs attention",
}


def main() -> None:
    st.set_page_config(layout="wide")
    st.session_state.setdefault(UPLOADS, 0)
    st.session_state.setdefault(NOTICES, [])
    room = shared.room()
    shared.sign()
    st.title("Documents")
    _add(room)
    _notices()
    _sources(room)
    _collections(room)
    _library(room)


def _add(room: Room) -> None:
    known = [""] + [collection.name for collection in room.library.catalog.collections()]
    into = ""
    if len(known) > 1:
        into = st.selectbox(
            "Put what is added into",
            known,
            key="into",
            format_func=lambda name: name or "no collection",
            width=300,
        )
    upload, path = st.columns(2, gap="large")
    with upload:
        files = st.file_uploader(
            "Upload files",
            accept_multiple_files=True,
            key=f"upload-{st.session_state[UPLOADS]}",
        )
        st.caption(KINDS)
        if files:
            with st.spinner("Copying into the library …"):
                staged = [
                    room.add_bytes(file.name, file.getvalue(), collection=into) for file in files
                ]
            _note(staged)
            st.session_state[UPLOADS] += 1
            st.rerun()
    with path, st.form("path", border=False, clear_on_submit=True):
        typed = st.text_input("Or add a file or folder of this machine by its path")
        if st.form_submit_button("Add", icon=":material/add:") and typed.strip():
            # File managers copy it between quotes.
            path_typed = Path(typed.strip().strip("'\"")).expanduser()
            try:
                with st.spinner("Copying into the library …"):
                    staged, passed_over = room.add_path(path_typed, collection=into)
            except RagError as error:
                st.session_state[NOTICES][:] = [("error", str(error))]
                st.rerun()
            _note(staged, passed_over)
            if not staged and path_typed.is_dir():
                _say("info", "Nothing new in that folder.")
            st.rerun()


def _note(staged: list[Progress], passed_over: int = 0) -> None:
    notices = st.session_state[NOTICES]
    notices.clear()
    notices.extend(("error", p.message) for p in staged if p.step == "failed")
    same = [p.name for p in staged if p.unchanged]
    if same:
        notices.append(("info", f"Already in the library: {', '.join(same)}."))
    if passed_over:
        notices.append(
            ("info", f"{passed_over} other files were passed over: of kinds that are not read.")
        )


def _say(kind: str, message: str) -> None:
    st.session_state[NOTICES].append((kind, message))


def _sources(room: Room) -> None:
    """The folders that are taken in again and again."""
    sources = room.sources()
    if not sources:
        return
    with st.expander(counted(len(sources), "folder"), icon=":material/folder:"):
        st.fragment(_folders, run_every=FOLDERS_S)(room)


def _folders(room: Room) -> None:
    known = [""] + [collection.name for collection in room.library.catalog.collections()]
    for source in room.sources():
        key = str(source.path)
        with st.container(border=True):
            st.text(key)
            if source.problem:
                st.warning(render.inert(source.problem))
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(_about(source), width="stretch")
                st.toggle(
                    "Watch",
                    value=source.watched,
                    key=f"watch-{key}",
                    help="Take in what is new or has changed every few seconds",
                    on_change=room.watch,
                    args=(source.path, not source.watched),
                )
                if len(known) > 1:
                    _collection_of(room, source, known)
                if st.button("Look now", key=f"look-{key}"):
                    room.sync(source.path)
                    st.rerun()
                if source.n_held and st.button("Retire", key=f"retire-{key}"):
                    room.sync(source.path, retire=True)
                    st.rerun()
                if st.button("Forget", key=f"forget-{key}", help="Its documents stay"):
                    room.forget_source(source.path)
                    st.rerun()


def _collection_of(room: Room, source: SourceRecord, known: list[str]) -> None:
    # One that is chosen elsewhere makes another control: this one would write its own back.
    key = f"collection-{source.path}-{source.collection}"
    st.selectbox(
        "Collection",
        known,
        index=known.index(source.collection) if source.collection in known else 0,
        key=key,
        format_func=lambda name: name or "no collection",
        label_visibility="collapsed",
        width=200,
        on_change=lambda: room.library.catalog.collect_source(source.path, st.session_state[key]),
    )


def _collections(room: Room) -> None:
    """Documents that are together under a name."""
    collections = room.library.catalog.collections()
    if not collections:
        return
    title = counted(len(collections), "collection")
    with st.expander(title, icon=":material/folder_special:", key="collections"):
        for collection in collections:
            with st.container(horizontal=True, vertical_alignment="center"):
                name = st.text_input(
                    "Name",
                    value=collection.name,
                    key=f"name-{collection.name}",
                    label_visibility="collapsed",
                )
                st.caption(counted(collection.n_documents, "document"))
                if name != collection.name:
                    _rename(room, collection.name, name)
                st.toggle(
                    "Prepare first",
                    value=collection.pinned,
                    key=f"pin-{collection.name}-{collection.pinned}",
                    help="The model reads its passages before those of other documents",
                    on_change=partial(
                        room.library.catalog.pin_collection,
                        collection.name,
                        pinned=not collection.pinned,
                    ),
                )
                if st.button("Delete", key=f"delete-{collection.name}", help="Documents stay"):
                    room.library.catalog.remove_collection(collection.name)
                    st.rerun()


def _rename(room: Room, old: str, new: str) -> None:
    try:
        room.library.catalog.rename_collection(old, new)
    except FilterError as error:
        st.error(render.inert(str(error)))
    else:
        st.rerun()


def _about(source: SourceRecord) -> str:
    parts = [counted(source.n_documents, "document")]
    if source.n_bad:
        parts.append(f"{counted(source.n_bad, 'file')} not taken in")
    if source.n_held:
        parts.append(f"{counted(source.n_held, 'file')} gone, kept until you confirm")
    if source.last_look:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(source.last_look))
        parts.append(f"looked at {at}")
    return " · ".join(parts)


def _notices() -> None:
    show = {"error": st.error, "info": st.info, "warning": st.warning}
    for kind, message in st.session_state[NOTICES]:
        show[kind](render.inert(message))


def _library(room: Room) -> None:
    if room.library.healed:
        st.info(render.inert(" ".join(room.library.healed)), icon=":material/healing:")
    if not room.library.catalog.documents():
        st.info(
            "No documents yet. Upload some, or add a folder by its path. "
            "They are copied into the library on this machine and nowhere else."
        )
        return
    every_s = POLL_S if room.worker.busy else None
    st.fragment(_work, run_every=every_s)(room)
    st.fragment(_prepared, run_every=FOLDERS_S)(room)
    st.fragment(_table, run_every=every_s)(room)


def _work(room: Room) -> None:
    """What goes on behind the page, and how long it will take."""
    work = room.work()
    if work.is_done:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(_share(work), text=_doing(work), width="stretch")
        if not (work.left or work.scans_left):
            return
        label, icon = ("Go on", "play_arrow") if work.paused else ("Pause", "pause")
        if st.button(label, icon=f":material/{icon}:", key="pause"):
            room.pause(not work.paused)
            st.rerun()


def _prepared(room: Room) -> None:
    """How much the language model has read beforehand."""
    prepared = room.preparing.progress()
    if prepared is None or not prepared.of:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(render.inert(_about_prepared(prepared)), width="stretch")
        st.toggle(
            "Prepare answers",
            value=prepared.is_on,
            key="prepare",
            help="The model reads passages while nothing else is going on, and then need not read "
            "them when you ask",
            on_change=room.preparing.switch,
            args=(not prepared.is_on,),
        )


def _about_prepared(prepared: Prepared) -> str:
    size = prepared.n_bytes
    parts = [
        f"{prepared.n:,} of {counted(prepared.of, 'passage')} prepared",
        f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB",
    ]
    if prepared.is_on and prepared.remaining_s:
        parts.append(f"about {duration(prepared.remaining_s)} left")
    if prepared.is_on and prepared.problem:
        parts.append(prepared.problem)
    return " · ".join(parts)


def _share(work: Work) -> float:
    if work.scans_left and not work.left:
        return work.scans_done / (work.scans_done + work.scans_left)
    return work.done / (work.done + work.left) if work.left else 0.0


def _doing(work: Work) -> str:
    parts = []
    if work.queued:
        parts.append(f"Reading {counted(work.queued, 'document')}")
    if work.left:
        parts.append(f"{counted(work.left, 'passage')} to embed")
    if work.scans_left:
        parts.append(f"{counted(work.scans_left, 'page')} for OCR")
    if work.paused:
        parts.append("paused")
    elif work.remaining_s:
        parts.append(f"about {duration(work.remaining_s)} left")
    return " · ".join(parts)


def counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(5 * round(seconds / 5), 5)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _table(room: Room) -> None:
    records = room.library.catalog.documents()
    if room.worker.error:
        st.error(render.inert(room.worker.error))
        if st.button("Try again", key="wake"):
            room.worker.wake()
            st.rerun()
    _summary(records)
    failed = [record for record in records if record.error]
    records = _page(room, records)
    rows = [_row(room, record) for record in records]
    event = st.dataframe(
        rows,
        column_order=[name for name in rows[0] if any(row[name] not in ("", None) for row in rows)]
        if rows
        else None,
        column_config={
            "Done": st.column_config.ProgressColumn(format="percent", width="small"),
            "Size": st.column_config.NumberColumn(format="bytes", width="small"),
            "Pages": st.column_config.NumberColumn(width="small"),
            "Added": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", width=140),
            "Dated": st.column_config.TextColumn(width="small"),
        },
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        # Rows are selected by their place: with other documents in them none is.
        key=f"table-{_sign(records)}",
        alt="Documents of the library",
    )
    chosen = [records[i] for i in event["selection"]["rows"] if i < len(records)]
    with st.container(horizontal=True):
        if st.button(
            f"Remove {len(chosen)} selected" if chosen else "Remove selected",
            icon=":material/delete:",
            disabled=not chosen,
            key="remove",
        ):
            _confirm_removal(room, chosen)
        _sort_in(room, chosen)
    for record in failed[:SHOWN]:
        _attention(room, record)
    if len(failed) > SHOWN:
        st.caption(f"{len(failed) - SHOWN:,} more need attention; `strongroom list` names them.")
    if not room.worker.busy and st.session_state.get("was_busy"):
        st.session_state["was_busy"] = False
        st.rerun()
    st.session_state["was_busy"] = room.worker.busy


def _sign(records: list[DocumentRecord]) -> str:
    """What tells these documents, in this order, from any others."""
    return sha256(" ".join(record.id for record in records).encode()).hexdigest()


def _page(room: Room, records: list[DocumentRecord]) -> list[DocumentRecord]:
    """Those that the person looks at, of a name, of a collection, a page of them."""
    if len(records) <= ROWS:
        return records
    collections = [collection.name for collection in room.library.catalog.collections()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sought = st.text_input("Name contains", key="sought", width=300).strip().casefold()
        inside = st.multiselect("In collections", collections, key="inside", width=300)
        found = [
            record
            for record in records
            if sought in record.name.casefold()
            and (not inside or set(inside).intersection(record.collections))
        ]
        n_pages = max(1, -(-len(found) // ROWS))
        page = 1
        if n_pages > 1:
            options = list(range(1, n_pages + 1))
            page = st.selectbox(f"Page of {n_pages}", options, key="page", width=120)
        st.caption(f"{counted(len(found), 'document')} found")
    return found[(page - 1) * ROWS : page * ROWS]


def _sort_in(room: Room, chosen: list[DocumentRecord]) -> None:
    """Put the selected documents into a collection, or take them out of one."""
    catalog = room.library.catalog
    ids = [record.id for record in chosen]
    known = [collection.name for collection in catalog.collections()]
    inside = sorted({name for record in chosen for name in record.collections})
    with st.popover("Put into a collection", disabled=not chosen, icon=":material/folder_special:"):
        name = st.selectbox(
            "Collection",
            known,
            index=None,
            key="put-into",
            placeholder="Choose one, or type a new name",
            accept_new_options=True,
        )
        if st.button("Put in", key="put", disabled=not name) and name:
            try:
                catalog.put_in(name, ids)
            except FilterError as error:
                st.error(render.inert(str(error)))
            else:
                st.rerun()
    if inside:
        with st.popover("Take out of a collection", icon=":material/folder_off:"):
            for name in inside:
                if st.button(render.label(name, 60), key=f"take-{name}"):
                    catalog.take_out(name, ids)
                    st.rerun()


def _summary(records: list[DocumentRecord]) -> None:
    pages = sum(r.n_pages for r in records)
    unfinished = sum(r.state in ("queued", "searchable") for r in records)
    text = f"{counted(len(records), 'document')} · {counted(pages, 'page')}"
    st.caption(f"{text} · {unfinished} being taken in" if unfinished else text)


def _row(room: Room, record: DocumentRecord) -> dict[str, Any]:
    return {
        "Name": record.name,
        "State": _state(room, record),
        "Done": _share_done(record),
        "Pages": record.n_pages or None,
        "Size": record.n_bytes,
        "Added": record.added_at * 1000,
        "Dated": _dated(record),
        "Collections": ", ".join(record.collections),
        "Notes": " ".join(record.warnings),
    }


def _dated(record: DocumentRecord) -> str:
    if record.first_day == record.last_day:
        return record.first_day
    return f"{record.first_day} to {record.last_day}"


def _state(room: Room, record: DocumentRecord) -> str:
    progress = room.worker.progress(record.id)
    if record.state == "queued" and progress and progress.step == "extracting":
        return f"Reading {progress.done / progress.total:.0%}" if progress.total else "Reading"
    if record.n_unread and record.n_embedded == record.n_chunks:
        return f"OCR, page {min(record.n_scanned + 1, record.n_unread)} of {record.n_unread}"
    return STEPS[record.state]


def _share_done(record: DocumentRecord) -> float:
    if record.state in ("queued", "failed"):
        return 0.0
    if record.n_unread:
        done, total = (
            record.n_embedded + record.n_scanned,
            record.n_chunks + record.n_unread,
        )
        return round(done / total, 2)
    return round(record.n_embedded / record.n_chunks, 2) if record.n_chunks else 1.0


def _attention(room: Room, record: DocumentRecord) -> None:
    with st.container(border=True):
        st.text(
            f"{record.name}: {record.error}" if record.name not in record.error else record.error
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            password = None
            if record.error_kind == "EncryptedDocument":
                password = st.text_input("Password", type="password", key=f"pw-{record.id}")
            # Of others the text is there, which is not given up for a copy that is not.
            is_failed = record.state == "failed"
            if is_failed and st.button("Try again", key=f"retry-{record.id}"):
                room.retry(record.id, password=password or None)
                st.rerun()
            if st.button("Remove", key=f"remove-{record.id}"):
                _confirm_removal(room, [record])


@st.dialog("Remove documents?")
def _confirm_removal(room: Room, records: list[DocumentRecord]) -> None:
    for record in records[:10]:
        st.text(record.name)
    if len(records) > 10:
        st.text(f"and {len(records) - 10} more")
    st.markdown(
        "Their text, vectors and copies in the library are erased, with what the model has read of "
        "them ahead and every saved answer that drew on them. The files that they were added from "
        "stay where they are."
    )
    with st.container(horizontal=True):
        ids = [record.id for record in records]
        if st.button(
            "Remove", type="primary", key="confirm-removal", on_click=room.remove, args=(ids,)
        ):
            st.rerun()
        if st.button("Keep"):
            st.rerun()


main()
