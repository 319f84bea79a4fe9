"""The application: page configuration and navigation. Start it with `streamlit run streamlit_app.py`."""

from pathlib import Path

# A file: Streamlit fetches the picture of a named icon from a server on the internet.
ICON = str(Path(__file__).parent / "docs" / "icon.svg")


def main() -> None:
    import streamlit as st

    st.set_page_config(page_title="Deepfake workbench", page_icon=ICON, layout="wide")
    pages = [
        st.Page(f"pages/{name}.py", title=title, icon=icon, default=name == "analyze")
        for name, title, icon in (
            ("analyze", "Analyze", ":material/frame_inspect:"),
            ("compare", "Compare", ":material/compare:"),
            ("dataset", "Data set", ":material/folder_open:"),
            ("methods", "Methods", ":material/menu_book:"),
        )
        if Path(f"pages/{name}.py").exists()
    ]
    st.navigation(pages).run()


# Worker processes import this file anew, under another name: there it must do nothing.
if __name__ == "__main__":
    main()
