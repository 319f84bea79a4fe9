"""What the pages of one server share, what a session has once, and what each page of it remembers between runs."""

import importlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import streamlit as st
import streamlit.runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from deepfake.dashboard.text import plain
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
        st.error(plain(error), icon=":material/error:")
    except OSError as error:
        st.error(
            f"The cache folder cannot be used ({plain(error)}). Name another one in deepfake.toml (cache_dir) or "
            "DEEPFAKE_CACHE_DIR.",
            icon=":material/error:",
        )
    st.stop()


def warn_of_store() -> None:
    """Draw one warning where the store of analyses cannot be used; call it once per page."""
    store = runtime().store
    store.ask(lambda _: None, None)  # opens it
    if store.problem is not None:
        st.warning(
            f"Analyses are not kept at the moment, and kept ones are not found. {plain(store.problem)}",
            icon=":material/database_off:",
        )


def session() -> SessionFiles:
    """Return the uploads of the session that runs now; its id is `session().session_id`."""
    files = runtime().sessions.open(st.session_state.get(SESSION_KEY))
    st.session_state[SESSION_KEY] = files.session_id
    _until_disconnected(files.session_id)
    context = get_script_run_ctx()
    if context is not None:
        files.let_go[context.session_id] = partial(_let_go_of_media, context.session_id)
    return files


def _let_go_of_media(streamlit_session_id: str) -> None:
    """Have Streamlit serve no more of what a page showed. It holds clips and pictures in memory for as long as one of
    its sessions refers to them; that of a page that was reloaded does so for minutes, or until somebody else comes.
    A file that was prepared for download goes with the next run of any page."""
    if streamlit.runtime.exists():
        media = streamlit.runtime.get_instance().media_file_mgr
        media.clear_session_refs(streamlit_session_id)
        media.remove_orphaned_files()


def _disconnected(session_id: str) -> None:
    runtime().sessions.disconnected(session_id)


@st.cache_resource(scope="session", show_spinner=False, on_release=_disconnected)
def _until_disconnected(session_id: str) -> str:
    """A hook: Streamlit releases what a session keeps here when its browser has gone."""
    runtime().sessions.connected(session_id)
    return session_id


@dataclass(slots=True)
class PageState:
    """What a page remembers besides its widgets: keys and choices, no pictures.

    Attributes:
        name: of the page; the keys of its widgets begin with it.
        choice: the data set's id, and the clip's name in it or an upload's SHA-256, that were chosen last.
        renewals: how often each widget was renewed.
        address: the clip that the URL named when it was last looked at.
        upload_error: what was wrong with the last upload.
        doubles: names of the last upload that are one file, by its SHA-256; it is listed by the last of them.
        time_of: the result that time_s is of.
        time_s: the time that rules the page, seconds from the first frame.
        person_of: the result that track_id is of.
        track_id: the person that the page follows.
        asked: results that a button of the page was clicked for.
        clicked: the point of each chart that was clicked last.
        was_waiting: whether the answer is to come into view: it was waited for, or the button that asked for it goes.
        turn: how often the page scrolled of itself.
    """

    name: str
    choice: tuple[str, str] | None = None
    renewals: Counter[str] = field(default_factory=Counter)
    address: str | None = None
    upload_error: str | None = None
    doubles: dict[str, list[str]] = field(default_factory=dict)
    time_of: str | None = None
    time_s: float = 0.0
    person_of: str | None = None
    track_id: int | None = None
    asked: set[str] = field(default_factory=set)
    clicked: dict[str, dict[str, Any]] = field(default_factory=dict)
    was_waiting: bool = False
    turn: int = 0

    def key(self, widget: str) -> str:
        """Return the key of a widget of the page."""
        return f"{self.name}-{widget}-{self.renewals[widget]}" if widget in self.renewals else f"{self.name}-{widget}"

    def renew(self, widget: str) -> None:
        """Give a widget a new key, because the program is about to write into it: what the browser still says of the
        one before, in a run that it asked for meanwhile, would undo that."""
        self.renewals[widget] += 1


@dataclass(slots=True)
class AnalyzePage(PageState):
    """What Analyze remembers.

    Attributes:
        tab_was_read: whether the tab that the URL names was opened.
        tab: the tab that is open, as the URL calls it.
        signal: whose card was gone to.
        scrolls: whether the page is to scroll to where a link led.
        grid_of: the clip that the grid's step was chosen for.
        opens: SHA-256 of the upload whose row was clicked in the table of files, until it is open.
        keeps: SHA-256 of the clip that a dialog asks how to keep.
    """

    tab_was_read: bool = False
    tab: str | None = None
    signal: str | None = None
    scrolls: bool = False
    grid_of: str | None = None
    opens: str | None = None
    keeps: str | None = None


@dataclass(slots=True)
class ComparePage(PageState):
    """What Compare remembers; its choice of a clip is A's. a_sha256: of the A that B was chosen for."""

    a_sha256: str | None = None


@dataclass(slots=True)
class HistoryPage(PageState):
    """What History remembers. told: what is to be said once: what was deleted or saved. shown_clip: of a case, whose
    analysis is open. view: what it showed last, the list ("") or the address of a case or an analysis, None where
    another page was there since."""

    shown_clip: int | None = None
    told: str | None = None
    view: str | None = None


S = TypeVar("S", bound=PageState)


def analyze_page() -> AnalyzePage:
    """Return what Analyze remembers in this session."""
    return _remembered(AnalyzePage("analyze"))


def compare_page() -> ComparePage:
    """Return what Compare remembers in this session."""
    return _remembered(ComparePage("compare"))


def compared_choice() -> PageState:
    """Return what Compare remembers of the choice of B."""
    return _remembered(PageState("compare-b"))


def history_page() -> HistoryPage:
    """Return what History remembers in this session."""
    return _remembered(HistoryPage("history"))


def _remembered(first: S) -> S:
    kept: S = st.session_state.setdefault(f"_page-{first.name}", first)
    return kept
