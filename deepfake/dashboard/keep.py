"""Keep: puts a clip, or only what was found in it, into a case."""

from typing import Final

import streamlit as st

from deepfake.dashboard.cases import known_cases
from deepfake.dashboard.navigation import CASE_PARAMETER, HISTORY
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.state import analyze_page, runtime, session
from deepfake.dashboard.text import told_apart, without_first_folders
from deepfake.dashboard.visitor import owner
from deepfake.store import AnalysisStore, Case
from deepfake.store.cases import MAX_NAME_CHARACTERS, MAX_NOTES_CHARACTERS, MAX_SOURCE_CHARACTERS

EVERYBODY = "Everybody who can open these pages sees a case: its name, source and notes, and the clip if it is kept."
NOBODY_ELSE = "Nobody else sees your cases."
CLIP, FOUND = "The clip and what was found", "Only what was found, with three pictures of the face"
NEW: Final = 0  # the number of no case
LAST_KEY: Final = "_last-case"  # what was kept last, to offer it again


def draw_keep(ready: ReadyAnalysis) -> None:
    """Draw the button that keeps an analysis, and its dialog for as long as it is open."""
    page, sha256 = analyze_page(), ready.analysis.video.sha256
    st.button(
        "Keep in a case", key="keep", icon=":material/bookmark_add:", help="With name, notes and source.",
        on_click=_open, args=(sha256,),
    )  # fmt: skip
    if page.keeps == sha256:
        _ask(ready)
    else:
        page.keeps = None
    kept: int | None = st.session_state.get(LAST_KEY)
    if kept is not None and sha256 in session().kept:
        st.page_link(HISTORY, label="Open the case", icon=":material/folder:", query_params={CASE_PARAMETER: str(kept)})


def _open(sha256: str) -> None:
    analyze_page().keeps = sha256


def _close() -> None:
    analyze_page().keeps = None


@st.dialog("Keep in a case", icon=":material/bookmark_add:", on_dismiss=_close)
def _ask(ready: ReadyAnalysis) -> None:
    st.caption(NOBODY_ELSE if owner() else EVERYBODY)
    cases = {case.id: case for case in known_cases()}
    last = st.session_state.get(LAST_KEY, NEW)
    titles = told_apart({NEW: "A new case"} | {number: case.name for number, case in reversed(cases.items())})
    options = [*reversed(titles)]
    chosen: int = NEW
    if cases:
        chosen = st.selectbox(
            "Case",
            options,
            index=options.index(last) if last in options else 0,
            format_func=lambda number: titles[number],
            key="keep-case",
        )
    if chosen == NEW:
        st.text_input("Name", key="keep-name", max_chars=MAX_NAME_CHARACTERS, placeholder=_name_of_clip(ready))
        st.text_input(
            "Source", key="keep-source", max_chars=MAX_SOURCE_CHARACTERS, placeholder="The address where you found it"
        )
        st.text_area("Notes", key="keep-notes", max_chars=MAX_NOTES_CHARACTERS)
    st.radio("What to keep", [CLIP, FOUND], key="keep-what")
    if st.button(
        "Keep", key="keep-yes", icon=":material/bookmark_add:", type="primary", on_click=_keep, args=(ready,)
    ):  # fmt: skip
        st.rerun()


def _name_of_clip(ready: ReadyAnalysis) -> str:
    """Return what a case is called that is given no name: as the clip, as far as a case's name may be so long."""
    return without_first_folders(ready.clip.name)[-MAX_NAME_CHARACTERS:]


def _keep(ready: ReadyAnalysis) -> None:
    """Put an analysis into the case that was chosen; where the store cannot, the page says so when it is drawn next."""
    _close()
    given = st.session_state
    name, source, notes = (str(given.get(f"keep-{field}") or "") for field in ("name", "source", "notes"))

    def put(store: AnalysisStore) -> Case:
        case = store.cases.get(given.get("keep-case", NEW), owner=owner())
        case = case or store.cases.make(name.strip() or _name_of_clip(ready), owner=owner(), notes=notes, source=source)
        clip = ready.clip.path if given["keep-what"] == CLIP else None
        store.cases.keep(case, ready.analysis, name=ready.clip.name, moments=ready.moments_at_hand, clip=clip)
        return case

    case = runtime().store.ask(put, None)
    if case is not None:
        session().kept.add(ready.analysis.video.sha256)
        given[LAST_KEY] = case.id
