"""A page that is reloaded is a new session: a warning before that, and the way back to what was uploaded."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.address import open_page
from deepfake.dashboard.clip_choice import set_choice
from deepfake.dashboard.navigation import ANALYZE
from deepfake.dashboard.sources import UPLOADS_ID
from deepfake.dashboard.state import SESSION_KEY, analyze_page, runtime, session
from deepfake.dashboard.text import plain
from deepfake.dashboard.visitor import owner
from deepfake.server.sessions import Upload

DONE_WITH = "_resume-done"  # the earlier session of which the visitor wants to hear no more
# The browser remembers, for this tab and this visitor alone, which session had which uploads, and tells a new one.
SCRIPT = """
export default ({data, setStateValue}) => {
  const kept = sessionStorage.getItem(data.place), earlier = kept && kept.split(" ")[0];
  if (earlier && earlier !== data.session) setStateValue("earlier", kept);
  if (data.uploads) sessionStorage.setItem(data.place, data.session + " " + data.uploads);
  else if (!earlier || earlier === data.session || earlier === data.gone) sessionStorage.removeItem(data.place);
  window.onbeforeunload = data.at_stake ? (event) => { event.preventDefault(); return ""; } : null;
}
"""


def draw_resume() -> None:
    """Warn before a reload that loses uploads; after one, offer to go on with them while the server still has them, and
    say so where it has not and nothing was uploaded since: it was started anew, or the visitor was away for long."""
    files = session()
    readable = _readable(files.uploads.values())
    earlier, _ = _session_and_names(st.session_state.get("resume"))
    is_gone = earlier not in ("", files.session_id) and not runtime().sessions.is_open(earlier)
    told = st.components.v2.component("deepfake_resume", js=SCRIPT)(
        key="resume",
        data={
            "place": f"deepfake-session-{hashlib.sha256(owner().encode()).hexdigest()[:16]}",
            "session": files.session_id,
            "uploads": _named(readable),
            "at_stake": any(upload.sha256 not in files.kept for upload in readable),
            "gone": earlier if is_gone else "",
        },
        on_earlier_change=lambda: None,
        height=1,
    )
    place = st.empty()  # there in any case: what moves down loses a file that was dropped on it at this moment
    earlier, names = _session_and_names(told)
    uploads = _readable(runtime().sessions.uploads_of(earlier)) if earlier != files.session_id else ()
    if uploads:
        _offer(place, earlier, uploads)
    elif (
        earlier not in ("", st.session_state.get(DONE_WITH))
        and not files.uploads
        and not runtime().sessions.is_open(earlier)
    ):
        _say_gone(place, earlier, names)


def was_reloaded() -> bool:
    """Return whether uploads of an earlier session were in this tab of the browser."""
    return bool(_session_and_names(st.session_state.get("resume"))[0])


def _readable(uploads: Iterable[Upload]) -> tuple[Upload, ...]:
    """Return the uploads without those that failed and of which nothing was made: they are no loss."""
    jobs, cache = runtime().jobs, runtime().cache
    return tuple(upload for upload in uploads if not jobs.has_failed(upload.path) or cache.has_any(upload.sha256))


def _session_and_names(told: Mapping[str, Any] | None) -> tuple[str, str]:
    earlier, _, names = str((told or {}).get("earlier") or "").partition(" ")
    return earlier, names


def _named(uploads: tuple[Upload, ...]) -> str:
    more = f" and {len(uploads) - 1} more" if len(uploads) > 1 else ""
    return f"{uploads[-1].name}{more}" if uploads else ""


def _say_gone(place: DeltaGenerator, earlier: str, names: str) -> None:
    what = f"**{plain(names)}**, which you uploaded before, is" if names else "What you uploaded before is"
    with place.container(border=True, horizontal=True, vertical_alignment="center", key="resume-gone"):
        st.markdown(
            f":material/upload_file: {what} no longer here: the server was started anew, or you were away for long. "
            "Upload it again; what you kept in a case is in History.",
            width="stretch",
        )
        if st.button("Close", key="resume-close", icon=":material/close:"):
            st.session_state[DONE_WITH] = earlier
            st.rerun()


def _offer(place: DeltaGenerator, earlier: str, uploads: tuple[Upload, ...]) -> None:
    them = "it" if len(uploads) == 1 else "them"
    with place.container(border=True, horizontal=True, vertical_alignment="center", key="resume-offer"):
        st.markdown(f"Before this page was reloaded you had **{plain(_named(uploads))}** here.", width="stretch")
        if st.button(f"Go on with {them}", key="resume-yes", icon=":material/restore:", type="primary"):
            st.session_state[SESSION_KEY] = earlier
            set_choice(analyze_page(), UPLOADS_ID, uploads[-1].sha256)
            open_page(ANALYZE)
        if st.button(f"Delete {them}", key="resume-no", icon=":material/delete:"):
            runtime().sessions.end(earlier)
            st.session_state[DONE_WITH] = earlier
            st.rerun()
