"""Data set: what a folder of labelled clips holds, and what is missing."""

import streamlit as st

from deepfake.dashboard.dataset_panels import (
    counts_line,
    draw_charts,
    draw_label,
    draw_missing,
    draw_notes,
    draw_table,
    filtered_entries,
)
from deepfake.dashboard.gallery import draw_gallery, open_buttons
from deepfake.dashboard.navigation import ensure_navigation
from deepfake.dashboard.sources import DEMO_ID, DatasetSource, dataset_source, dataset_sources, demo_when_ready
from deepfake.dataset import Dataset, counts

PARAMETER = "set"
KEY = "dataset-source"


def page() -> None:
    ensure_navigation()
    st.header("Data set")
    source = chosen_source()
    if source.source_id == DEMO_ID:
        if not demo_when_ready():
            return
        source = dataset_source(DEMO_ID) or source
        st.caption(
            "The built-in clips are synthetic: animated on this computer from one public-domain portrait, the flaws of "
            "the fakes put there on purpose. They show what the application does, not how well it works on real fakes."
        )
    if source.dataset is None:
        st.error(source.error or "The data set cannot be opened.", icon=":material/error:")
        return
    draw_dataset(source, source.dataset)


def chosen_source() -> DatasetSource:
    sources = {source.source_id: source for source in dataset_sources()}
    named = st.query_params.get(PARAMETER)
    if st.session_state.get(KEY) not in sources:
        st.session_state[KEY] = named if named in sources else next(iter(sources))
    chosen = st.selectbox(
        "Folder",
        list(sources),
        format_func=lambda source_id: sources[source_id].title,
        key=KEY,
        persist_state="session",
        width=420,
        help="The built-in samples, and the folders that the administrator named in data_dirs (deepfake.toml) or "
        "DEEPFAKE_DATA_DIRS. Nothing outside them can be opened.",
    )
    st.query_params[PARAMETER] = chosen
    return sources[chosen]


def draw_dataset(source: DatasetSource, dataset: Dataset) -> None:
    total = counts(dataset)
    st.markdown(f"#### {counts_line(total)}")
    draw_notes(source, dataset)
    draw_charts(total)
    draw_missing(dataset, total)
    entries = filtered_entries(dataset)
    table, gallery = st.tabs(
        [f":material/table_rows: Table ({len(entries)})", ":material/grid_view: Gallery"],
        key="dataset-tabs",
        on_change="rerun",
    )
    if not entries:
        st.info("No clip passes the filters. Choose fewer of them.", icon=":material/filter_alt_off:")
    elif gallery.open:
        with gallery:
            draw_gallery(source, dataset, entries)
    else:
        with table:
            draw_rows(source, dataset, entries)


def draw_rows(source: DatasetSource, dataset: Dataset, entries: list) -> None:
    entry = draw_table(dataset, entries, source.source_id)
    if entry is None:
        st.caption("Select a row to open its clip in Analyze or Compare.")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        draw_label(entry)
        open_buttons(source, entry, "row")


page()
