"""The application's own navigation, also for a link that leads straight to one of its pages."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

PARAMETER = "analysis"  # names a kept analysis in the URL: SHA-256 and fingerprint
ANALYZE = "pages/analyze.py"


def ensure_navigation() -> None:
    """Start over through streamlit_app.py where Streamlit runs a page on its own.

    Until st.navigation was called once in a server, Streamlit takes a folder named pages/ for its older kind of
    navigation: the first request of all, when it names a page, would get bare file names and a narrow layout.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
