"""Who is at the page, where the application asks visitors to log in (Streamlit's OIDC login, see docs/settings.md)."""

from collections.abc import Mapping
from weakref import WeakValueDictionary

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from deepfake.dashboard.state import runtime
from deepfake.dashboard.text import plain
from deepfake.store import AnalysisStore

OPENED_KEY = "_opened"
ENTERED_KEY = "_entered"


class _Entered:
    """Lies in the state of a session in which somebody has logged in, and is gone with it: a connection that drops and
    comes back finds it again."""


_entered: WeakValueDictionary[str, _Entered] = WeakValueDictionary()  # by the session's id at Streamlit


def owner() -> str:
    """Return what tells the visitor from all others, at every visit alike, or "" where nobody has to log in.

    It is the issuer and the subject of the identity token, which OpenID Connect Core 1.0, section 2, promises to be
    unique and never given to somebody else; an e-mail address is neither.
    """
    visitor = st.user.to_dict()
    return f"{visitor['iss']} {visitor['sub']}" if visitor.get("is_logged_in") else ""


def has_entered() -> bool:
    """Return whether the visitor may see the pages; where they have to log in first, draw the button for that. Who has
    logged in finds name and way out in the sidebar."""
    visitor = st.user.to_dict()
    if "is_logged_in" not in visitor:
        return True
    if not visitor["is_logged_in"]:
        st.title("Deepfake workbench")
        st.markdown("Log in to analyze clips. What you upload and keep is yours alone.")
        st.button("Log in", key="log-in", type="primary", icon=":material/login:", on_click=st.login)
        return False
    context = get_script_run_ctx()
    if context is not None:
        _entered[context.session_id] = st.session_state.setdefault(ENTERED_KEY, _Entered())
    with st.sidebar:
        st.caption(f"Logged in as {plain(visitor.get('name') or visitor.get('email') or visitor['sub'])}")
        st.button("Log out", key="log-out", icon=":material/logout:", type="tertiary", on_click=st.logout)
    return True


def may_upload(streamlit_session_id: str) -> bool:
    """Return whether somebody who has logged in is at a session, by the id that Streamlit gives it."""
    return streamlit_session_id in _entered


def has_logged_in(cookies: Mapping[str, str]) -> bool:
    """Return whether a request comes from somebody who has logged in: its cookie is one that this server signed."""
    return decode_signed_value(get_cookie_secret(), USER_COOKIE_NAME, cookies.get(USER_COOKIE_NAME, "")) is not None


def note_opened(sha256: str, fingerprint: str) -> None:
    """Put an analysis that the visitor looks at into their History, once per session."""
    visitor = owner()
    opened: set[tuple[str, str]] = st.session_state.setdefault(OPENED_KEY, set())
    if not visitor or (sha256, fingerprint) in opened:
        return

    def note(store: AnalysisStore) -> None:
        store.opened_by(visitor, sha256, fingerprint)
        opened.add((sha256, fingerprint))

    runtime().store.ask(note, None)
