"""A page that is reloaded is a new session: a warning before that, and the way back to what was uploaded."""

import hashlib

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.clip_choice import set_choice
from deepfake.dashboard.navigation import ANALYZE
from deepfake.dashboard.sources import UPLOADS_ID
from deepfake.dashboard.state import SESSION_KEY, analyze_page, runtime, session
from deepfake.dashboard.text import plain
from deepfake.dashboard.visitor import owner
from deepfake.server.sessions import Upload

DELETED = "_resume-deleted"  # the earlier session whose uploads the visitor did not want back
# The browser remembers, for this tab and this visitor alone, which session had uploads, and tells a new one of it.
SCRIPT = """
export default ({data, setStateValue}) => {
  const earlier = sessionStorage.getItem(data.place);
  if (earlier && earlier !== data.session) setStateValue("earlier", earlier);
  if (data.uploads) sessionStorage.setItem(data.place, data.session);
  else if (!earlier || earlier === data.session || earlier === data.gone) sessionStorage.removeItem(data.place);
  window.onbeforeunload = data.at_stake ? (event) => { event.preventDefault(); return ""; } : null;
}
"""


def draw_resume() -> None:
    """Warn before a reload that loses uploads; after one, offer to go on with them while the server still has them, and
    say so where it has not: it was started anew, or the visitor was away for long."""
    files = session()
    earlier = str((st.session_state.get("resume") or {}).get("earlier") or "")
    is_gone = earlier not in ("", files.session_id) and not runtime().sessions.is_open(earlier)
    told = st.components.v2.component("deepfake_resume", js=SCRIPT)(
        key="resume",
        data={
            "place": f"deepfake-session-{hashlib.sha256(owner().encode()).hexdigest()[:16]}",
            "session": files.session_id,
            "uploads": bool(files.uploads),
            "at_stake": files.at_stake,
            "gone": earlier if is_gone else "",
        },
        on_earlier_change=lambda: None,
        height=1,
    )
    place = st.empty()  # there in any case: what moves down loses a file that was dropped on it at this moment
    earlier = str(told.get("earlier") or "")
    uploads = runtime().sessions.uploads_of(earlier) if earlier != files.session_id else ()
    if uploads:
        _offer(place, earlier, uploads)
    elif earlier not in ("", st.session_state.get(DELETED)) and not runtime().sessions.is_open(earlier):
        place.info(
            "What you uploaded before is no longer here: the server was started anew, or you were away for long. "
            "Upload it again; what you kept in a case is in History.",
            icon=":material/upload_file:",
        )


def _offer(place: DeltaGenerator, earlier: str, uploads: tuple[Upload, ...]) -> None:
    more = f" and {len(uploads) - 1} more" if len(uploads) > 1 else ""
    with place.container(border=True, horizontal=True, vertical_alignment="center", key="resume-offer"):
        st.markdown(f"Before this page was reloaded you had **{plain(uploads[-1].name)}**{more} here.", width="stretch")
        if st.button("Go on with it", key="resume-yes", icon=":material/restore:", type="primary"):
            st.session_state[SESSION_KEY] = earlier
            set_choice(analyze_page(), UPLOADS_ID, uploads[-1].sha256)
            st.switch_page(ANALYZE)
        if st.button("Delete it", key="resume-no", icon=":material/delete:"):
            runtime().sessions.end(earlier)
            st.session_state[DELETED] = earlier
            st.rerun()
