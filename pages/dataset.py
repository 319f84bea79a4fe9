"""Data set: what a folder of labeled clips holds, and what is missing."""

import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard.dataset.batch import draw_batch
from deepfake.dashboard.dataset.gallery import draw_gallery, open_buttons
from deepfake.dashboard.dataset.panels import (
    counts_line,
    draw_charts,
    draw_label,
    draw_missing,
    draw_notes,
    draw_table,
    filtered_entries,
)
from deepfake.dashboard.sidebar import analysis_config
from deepfake.dashboard.sources import DEMO_ID, DatasetSource, dataset_source, dataset_sources, demo_when_ready
from deepfake.dashboard.state import warn_of_store
from deepfake.dashboard.text import plain
from deepfake.dashboard.verdict_cells import verdicts_of
from deepfake.dataset import Dataset, counts

PARAMETER = "set"
KEY = "dataset-source"


def page() -> None:
    st.title("Data set")
    warn_of_store()
    source = chosen_source()
    config = analysis_config()
    if source.source_id == DEMO_ID:
        if not demo_when_ready():
            return
        source = dataset_source(DEMO_ID) or source
        st.caption(
            "The built-in clips are synthetic: animated on this computer from one public-domain portrait, the flaws of "
            "the fakes put there on purpose. They show what the application does, not how well it works on real fakes."
        )
    if source.dataset is None:
        st.error(plain(source.error or "The data set cannot be opened."), icon=":material/error:")
        return
    draw_dataset(source, source.dataset, config)


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


def draw_dataset(source: DatasetSource, dataset: Dataset, config: AnalysisConfig) -> None:
    total = counts(dataset)
    st.markdown(f"#### {counts_line(total)}")
    draw_notes(source, dataset)
    draw_batch(dataset, config)
    draw_charts(total)
    draw_missing(dataset, total)
    entries = filtered_entries(dataset)
    table, gallery = st.tabs(
        [f"Table ({len(entries)})", "Gallery"],
        key="dataset-tabs",
        on_change="rerun",
    )
    if not entries:
        st.info("No clip passes the filters. Choose fewer of them.", icon=":material/filter_alt_off:")
    elif gallery.open:
        with gallery:
            draw_gallery(source, dataset, entries, config.fingerprint())
    else:
        with table:
            draw_rows(source, dataset, entries, config.fingerprint())


def draw_rows(source: DatasetSource, dataset: Dataset, entries: list, fingerprint: str) -> None:
    entry = draw_table(dataset, entries, source.source_id, fingerprint)
    if entry is None:
        st.caption("Select a row to open its clip in Analyze or Compare.")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        draw_label(entry, verdicts_of([entry], fingerprint).get(entry.name))
        open_buttons(source, entry, "row")


page()
