"""Entry page of the app. Run it with `strongroom serve`."""

from pathlib import Path

import streamlit as st

import rag.ui
from rag.errors import RagError
from rag.ui import render, shared

PAGES = Path(rag.ui.__file__).parent

st.set_page_config(page_title="Strongroom", page_icon="🔐")
page = st.navigation(
    [
        st.Page(PAGES / "ask.py", title="Ask", icon=":material/forum:", url_path="ask"),
        st.Page(
            PAGES / "documents.py",
            title="Documents",
            icon=":material/folder_open:",
            url_path="documents",
        ),
    ],
    position="top",
)
try:
    page.run()
except RagError as error:
    st.error(render.inert(str(error)), icon=":material/error:")
shared.room().shown()
