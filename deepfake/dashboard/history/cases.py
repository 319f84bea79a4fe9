"""Cases on History: the list, and one of them with its notes, its clips, and its report."""

from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from deepfake.dashboard.browser import ROW_KEYS
from deepfake.dashboard.cases import known_cases
from deepfake.dashboard.downloads import draw_document_downloads, draw_download
from deepfake.dashboard.history.stored import draw_found
from deepfake.dashboard.navigation import ANALYZE, CASE_PARAMETER
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.sources import KEPT_ID, ClipChoice
from deepfake.dashboard.state import history_page, runtime, session
from deepfake.dashboard.text import cells, height_of, named, plain, unbroken
from deepfake.dashboard.verdict_style import answer_markdown
from deepfake.dashboard.visitor import owner
from deepfake.report.card import strength_text
from deepfake.report.case import case_document
from deepfake.report.table import answers_csv, first_reason
from deepfake.store import Case, KeptClip, KeptContent
from deepfake.store.cases import MAX_NAME_CHARACTERS, MAX_NOTES_CHARACTERS, MAX_SOURCE_CHARACTERS
from deepfake.words import format_time

MAX_ROWS_SHOWN: Final = 8
SEARCH_KEY: Final = "cases"
MOMENT_WIDTH_PX: Final = 96
WHAT_GOES_OF_A_CLIP: Final = "What the case keeps of it is deleted for good."
WHAT_GOES_OF_A_CASE: Final = "Its notes and all that is kept in it are deleted for good."


def draw_cases() -> None:
    """Draw the list of cases with its search; nothing where none was ever kept."""
    if not known_cases():
        return
    st.header("Cases")
    text = st.text_input(
        "Search cases", key=SEARCH_KEY, placeholder="part of a name, of notes or of a source", type="search",
        bind="query-params", persist_state="session",
    )  # fmt: skip
    found = known_cases(text or "")
    if not found:
        st.info("No case holds these words.", icon=":material/search_off:")
        return
    event = st.dataframe(
        cells(_table(found)),
        key=history_page().key("cases"),
        hide_index=True,
        height=height_of(min(MAX_ROWS_SHOWN, len(found))),
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        column_config={"kept": st.column_config.DatetimeColumn(format="YYYY-MM-DD", timezone=st.context.timezone)},
        alt=f"{len(found)} cases; select a row to open one",
    )
    st.caption("Select a row to open the case.", help=ROW_KEYS)
    rows = [row for row in event.selection.rows if row < len(found)]
    if rows:
        history_page().renew("cases")  # a new key of the table lets go of the selection
        st.query_params[CASE_PARAMETER] = str(found[rows[0]].id)
        st.rerun()


def _table(cases: tuple[Case, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case": [case.name for case in cases],
            "clips": [len(case.clips) for case in cases],
            "kept": pd.to_datetime([case.created_at for case in cases], utc=True),
            "source": [case.source for case in cases],
            "notes": [" ".join(case.notes.split()) for case in cases],
        }
    )


def draw_case(reference: str) -> None:
    """Draw the case that the URL names, with a way back to the list."""
    if st.button("All cases", key="case-back", icon=":material/arrow_back:", type="tertiary"):
        st.query_params.pop(CASE_PARAMETER, None)
        st.rerun()
    number = int(reference) if reference.isascii() and reference.isdecimal() and len(reference) < 19 else 0
    case = runtime().store.ask(lambda store: store.cases.get(number, owner=owner()), None)
    if case is None:
        st.warning("The address names a case that is not kept here.", icon=":material/link_off:")
        return
    st.header(plain(case.name), anchor=False)
    st.caption(f"Kept on {case.created_at:%Y-%m-%d}")
    _draw_fields(case)
    contents = _contents(case)
    for content in contents:
        with st.container(border=True, key=f"case-clip-{content.clip.id}"):
            _draw_clip(content)
            if history_page().shown_clip == content.clip.id:
                _draw_found(content)
    if not case.clips:
        st.info("This case has no clips. Keep one from Analyze.", icon=":material/folder_open:")
    _draw_exports(case, contents)


def _draw_fields(case: Case) -> None:
    """Name, source and notes, as text that can be changed."""
    with st.form(f"case-{case.id}", border=False):
        name = st.text_input("Name", case.name, key=f"case-name-{case.id}", max_chars=MAX_NAME_CHARACTERS)
        source = st.text_input("Source", case.source, key=f"case-source-{case.id}", max_chars=MAX_SOURCE_CHARACTERS)
        notes = st.text_area("Notes", case.notes, key=f"case-notes-{case.id}", max_chars=MAX_NOTES_CHARACTERS)
        if not st.form_submit_button("Save changes", key="case-save", icon=":material/save:"):
            return
    if not name.strip():
        st.error("A case needs a name.", icon=":material/error:")
        return
    if runtime().store.ask(
        lambda store: store.cases.change(case.id, owner=owner(), name=name, notes=notes, source=source), False
    ):
        history_page().told = "Changes saved"
    st.rerun()


def _contents(case: Case) -> list[KeptContent]:
    """What is kept of each clip; one that is damaged is told and left out."""

    def content_of(clip: KeptClip) -> KeptContent | None:
        return runtime().store.ask(lambda store: store.cases.content(clip), None)

    found = []
    for clip in case.clips:
        content = content_of(clip)
        if content is not None:
            found.append(content)
        elif runtime().store.problem is not None:
            st.error(plain(runtime().store.problem or ""), icon=":material/error:")
    return found


def _draw_clip(content: KeptContent) -> None:
    clip, verdict = content.clip, content.analysis.verdict
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(gap=None):
            st.markdown(f"**{plain(clip.name)}**")
            st.markdown(f"**{answer_markdown(verdict.answer)}** {unbroken(strength_text(verdict))}")
            st.caption(plain(first_reason(content.analysis)))
        for picture in content.moments.pictures:
            st.image(
                picture.looked or picture.face,
                width=MOMENT_WIDTH_PX,
                alt=f"A suspicious moment at {format_time(picture.timestamp_s)}",
            )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _draw_open(clip)
        if st.button(
            named("Take it out", clip.name), key=f"case-remove-{clip.id}", icon=":material/delete:", type="tertiary"
        ):
            question = f"Take {plain(clip.name)} out of the case? {WHAT_GOES_OF_A_CLIP}"
            _confirm(question, partial(_remove, clip), "Take it out")


def _draw_open(clip: KeptClip) -> None:
    path = runtime().store.ask(lambda store: store.cases.path_of(clip), None)
    if path is None:
        key = f"case-found-{clip.id}"
        shows = history_page().shown_clip == clip.id
        words = "Close" if shows else "Open what was found"
        if st.button(named(words, clip.name), key=key, icon=":material/query_stats:"):
            history_page().shown_clip = None if shows else clip.id
            st.rerun()
        return
    # A link: a switch of the page from here would take the case out of the address, and the way back would miss it.
    st.page_link(
        ANALYZE,
        label=named("Open in Analyze", clip.name),
        icon=":material/frame_inspect:",
        query_params={"clip": f"{KEPT_ID}/{clip.id}"},
    )


def _draw_found(content: KeptContent) -> None:
    clip = content.clip
    choice = ClipChoice(Path(clip.name), clip.name, clip.sha256, None, KEPT_ID)
    draw_found(ReadyAnalysis(choice, content.analysis, Path(clip.name), f"case-{clip.id}"))


def _draw_exports(case: Case, contents: list[KeptContent]) -> None:
    rows = [(content.clip.name, content.clip.sha256, content.analysis, "") for content in contents]
    stem = "".join(letter if letter.isalnum() else "-" for letter in case.name)[:60].strip("-") or "case"
    with st.container(horizontal=True, gap="small"):
        draw_document_downloads(lambda: case_document(case, contents), stem, key="case", disabled=not contents)
        draw_download("Save the table", lambda: answers_csv(rows), f"{stem}.csv", key="case-csv", disabled=not contents)
        if st.button("Delete this case", key="case-delete", icon=":material/delete:"):
            _confirm(f"Delete {plain(case.name)}? {WHAT_GOES_OF_A_CASE}", partial(_delete, case), "Delete it")


@st.dialog("Are you sure?", icon=":material/delete:")
def _confirm(question: str, do: partial[None], words: str) -> None:
    st.markdown(question)
    with st.container(horizontal=True, gap="small"):
        if st.button(words, key="case-yes", icon=":material/delete:", type="primary", on_click=do):
            st.rerun()
        if st.button("Keep", key="case-no", icon=":material/close:"):
            st.rerun()


def _remove(clip: KeptClip) -> None:
    if runtime().store.ask(lambda store: store.cases.remove(clip.id, owner=owner()), False):
        _forget([clip])
        history_page().told = "Taken out of the case"


def _delete(case: Case) -> None:
    if runtime().store.ask(lambda store: store.cases.delete(case.id, owner=owner()), False):
        _forget(list(case.clips))
        st.query_params.pop(CASE_PARAMETER, None)
        history_page().told = "1 case deleted"


def _forget(clips: list[KeptClip]) -> None:
    """What the server made of a kept clip goes with it."""
    files = session()
    for clip in clips:
        files.kept.discard(clip.sha256)
        if clip.sha256 not in files.uploads:
            runtime().drop_made_of(clip.sha256, files.session_id)
