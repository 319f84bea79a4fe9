"""What every page runs through: the page's configuration and the navigation."""

from pathlib import Path

import deepfake.dashboard
from deepfake.dashboard.navigation import ANALYZE, COMPARE, DATASET, EVALUATE, HISTORY, METHODS

# A file of our own: Streamlit fetches the picture of a named icon (":material/…:") for the tab from the internet.
ICON = str(Path(deepfake.dashboard.__file__).parent / "icon.svg")
SIDEBAR_PX = 316  # the title of the default classifier has room in its box


def main() -> None:
    # Inside: worker processes import this file anew and need nothing of Streamlit.
    import streamlit as st

    from deepfake.dashboard.browser import draw_browser
    from deepfake.dashboard.resume import draw_resume
    from deepfake.dashboard.state import analyze_page, history_page
    from deepfake.dashboard.visitor import has_entered

    st.set_page_config(page_title="Deepfake workbench", page_icon=ICON, layout="wide", initial_sidebar_state=SIDEBAR_PX)
    draw_browser()
    pages = [
        st.Page(ANALYZE, title="Analyze", icon=":material/frame_inspect:", default=True),
        st.Page(COMPARE, title="Compare", icon=":material/compare:"),
        st.Page(DATASET, title="Data set", icon=":material/folder_open:"),
        st.Page(EVALUATE, title="Evaluate", icon=":material/monitoring:"),
        st.Page(HISTORY, title="History", icon=":material/history:"),
        st.Page(METHODS, title="Methods", icon=":material/menu_book:"),
    ]
    if not has_entered():
        st.navigation([st.Page(lambda: None, title="Log in")], position="hidden").run()
        return
    chosen = st.navigation(pages)
    # Tabs of the browser, its history, and a screen reader tell pages apart by this.
    st.set_page_config(page_title=f"{chosen.title} · Deepfake workbench")
    draw_resume()
    if chosen.title != "Analyze":
        analyze_page().keeps = None
    if chosen.title != "History":
        history_page().view = None
    chosen.run()


# Under another name in a worker process: there it must do nothing.
if __name__ == "__main__":
    main()
