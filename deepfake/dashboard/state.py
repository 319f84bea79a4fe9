"""What the pages of one server share, and what a session has once."""

import importlib
import threading

import streamlit as st

from deepfake.errors import SettingsError
from deepfake.server.runtime import Runtime
from deepfake.server.sessions import SessionFiles
from deepfake.settings import Settings, load_settings

SESSION_KEY = "_session_id"


@st.cache_resource(show_spinner=False, on_release=Runtime.close)
def _runtime_for(settings: Settings) -> Runtime:
    # Evaluate's metrics take most of a second to import; nobody should wait for that when a page asks for them.
    threading.Thread(target=importlib.import_module, args=["sklearn.metrics"], daemon=True).start()
    return Runtime(settings)


def runtime() -> Runtime:
    """Return what the sessions of this server share; where it cannot be had, say why and end the page."""
    try:
        return _runtime_for(load_settings())
    except SettingsError as error:
        st.error(str(error), icon=":material/error:")
    except OSError as error:
        st.error(
            f"The cache folder cannot be used ({error}). Name another one in deepfake.toml (cache_dir) or "
            "DEEPFAKE_CACHE_DIR.",
            icon=":material/error:",
        )
    st.stop()


def warn_of_store() -> None:
    """Draw one warning where the store of analyses cannot be used; call it once a page."""
    store = runtime().store
    store.ask(lambda _: None, None)  # opens it
    if store.problem is not None:
        st.warning(
            f"Analyses are not kept at the moment, and kept ones are not found. {store.problem}",
            icon=":material/database_off:",
        )


def session() -> SessionFiles:
    """Return the uploads of the session that runs now; its id is `session().session_id`."""
    files = runtime().sessions.open(st.session_state.get(SESSION_KEY))
    st.session_state[SESSION_KEY] = files.session_id
    _until_disconnected(files.session_id)
    return files


def _disconnected(session_id: str) -> None:
    runtime().sessions.disconnected(session_id)


@st.cache_resource(scope="session", show_spinner=False, on_release=_disconnected)
def _until_disconnected(session_id: str) -> str:
    """Nothing but a hook: Streamlit releases what a session keeps here when its browser has gone."""
    return session_id
