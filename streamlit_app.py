"""The application: page configuration and navigation. Start it with `streamlit run streamlit_app.py`."""

from pathlib import Path

# A file of our own: Streamlit fetches the picture of a named icon (":material/…:") for the tab from the internet.
ICON = str(Path(__file__).parent / "docs" / "icon.svg")


def main() -> None:
    # Inside: worker processes import this file anew and need nothing of Streamlit.
    import streamlit as st

    st.set_page_config(page_title="Deepfake workbench", page_icon=ICON, layout="wide")
    pages = [
        st.Page("pages/analyze.py", title="Analyze", icon=":material/frame_inspect:", default=True),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
        st.Page("pages/dataset.py", title="Data set", icon=":material/folder_open:"),
        st.Page("pages/evaluate.py", title="Evaluate", icon=":material/monitoring:"),
        st.Page("pages/history.py", title="History", icon=":material/history:"),
        st.Page("pages/methods.py", title="Methods", icon=":material/menu_book:"),
    ]
    st.navigation(pages).run()


# Under another name in a worker process: there it must do nothing.
if __name__ == "__main__":
    main()
