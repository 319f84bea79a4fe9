"""History: what was analyzed, when, and what was found; opened again without computing it again."""

import streamlit as st

from deepfake.dashboard.browser import scroll_to
from deepfake.dashboard.history.cases import draw_case, draw_cases
from deepfake.dashboard.history.panels import Filters, clear_filters, draw_filters, draw_page, draw_table, tell_done
from deepfake.dashboard.history.stored import draw_stored
from deepfake.dashboard.navigation import ANALYSIS_PARAMETER, ANALYZE, CASE_PARAMETER, DATASET
from deepfake.dashboard.state import history_page, runtime, warn_of_store
from deepfake.dashboard.visitor import owner

WHAT = (
    "Every analysis of a data set's clip, of a sample, and of what the command line put into the same store. "
    "Uploads are not kept: they go when their session ends, unless you put them into a case. Everybody who may open "
    "this page sees the list; of clips in folders that this server may not open, only the file's name."
)
WHAT_IS_YOURS = (
    "Every analysis of a data set's clip or of a sample that you opened. Nobody else sees this list. Uploads are not "
    "kept: they go when their session ends, unless you put them into a case."
)
HEADING = '[data-testid="stMain"] h2'


def page() -> None:
    st.title("History")
    warn_of_store()
    tell_done()
    case, reference = st.query_params.get(CASE_PARAMETER), st.query_params.get(ANALYSIS_PARAMETER)
    if case:
        draw_case(case)
    elif reference:
        draw_stored(reference)
    elif runtime().store.problem is None:
        draw_cases()
        st.header("Analyses")
        st.caption(WHAT_IS_YOURS if owner() else WHAT)
        draw_list()
    begin_at_heading(case or reference or "")


def begin_at_heading(view: str) -> None:
    """Give the focus to the first heading where the list, a case or an analysis took another's place: what had the
    focus is gone, and the keyboard would go on at the end of the page."""
    state = history_page()
    if state.view not in (None, view):
        scroll_to(state, [HEADING])
    state.view = view


def draw_list() -> None:
    known = runtime().store.ask(lambda store: store.fingerprints(), ())
    if not known:
        draw_empty()
        return
    filters = draw_filters(known)
    total = runtime().store.ask(lambda store: filters.find(store, limit=0).total, 0)
    if total == 0:
        draw_nothing_found()
        return
    found, number = draw_page(filters, total)
    draw_table(found, page_key(filters, number))


def page_key(filters: Filters, number: int) -> str:
    """Another page or other filters: a selection does not carry over to other rows."""
    return f"{number}-{filters.verdict}-{filters.fingerprint}-{filters.text}"


def draw_empty() -> None:
    st.info("Nothing was analyzed yet.", icon=":material/history:")
    st.markdown(
        "Analyze a sample or a clip of a data set, or a whole data set at once; on the command line, "
        "`python -m deepfake batch FOLDER` does the same. What is found is listed here."
    )
    with st.container(horizontal=True, gap="small"):
        st.page_link(ANALYZE, label="Analyze a clip", icon=":material/frame_inspect:")
        st.page_link(DATASET, label="Analyze a data set", icon=":material/folder_open:")


def draw_nothing_found() -> None:
    st.info("No analysis passes the filters.", icon=":material/filter_alt_off:")
    st.button("Clear the filters", key="history-clear", icon=":material/close:", on_click=clear_filters)


page()
