"""The application. Start it with `streamlit run streamlit_app.py`."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from deepfake.dashboard.door import Door, lifespan, on_script_error

# The script that every page runs through stands in pages/, not beside it: Streamlit takes a folder pages/ beside that
# script for its older kind of navigation, and shows bare file names until the script has run once.
app = App(
    Path(__file__).parent / "pages" / "app.py",
    middleware=[Middleware(Door)],
    lifespan=lifespan,
    on_script_error=on_script_error,
)
