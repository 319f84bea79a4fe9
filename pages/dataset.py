"""Data set: what a folder of labeled clips holds, and what is missing."""

import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard.browser import ROW_KEYS
from deepfake.dashboard.dataset.batch import draw_batch
from deepfake.dashboard.dataset.gallery import draw_gallery, open_buttons
from deepfake.dashboard.dataset.panels import (
    counts_markdown,
    draw_charts,
    draw_label,
    draw_missing,
    draw_notes,
    draw_table,
    filtered_entries,
)
from deepfake.dashboard.sidebar import analysis_config
from deepfake.dashboard.sources import DatasetSource, chosen_dataset
from deepfake.dashboard.state import warn_of_store
from deepfake.dashboard.verdict_cells import failures_of, verdicts_of
from deepfake.dataset import ClipEntry, Dataset, counts


def page() -> None:
    st.title("Data set")
    warn_of_store()
    config = analysis_config()
    chosen = chosen_dataset(
        "The built-in clips are synthetic: animated on this computer from one public-domain portrait, the flaws of the "
        "fakes put there on purpose. They show what the application does, not how well it works on real fakes."
    )
    if chosen is not None:
        draw_dataset(*chosen, config)


def draw_dataset(source: DatasetSource, dataset: Dataset, config: AnalysisConfig) -> None:
    total = counts(dataset)
    st.markdown(counts_markdown(total))
    draw_notes(source, dataset)
    draw_batch(dataset, config)
    draw_charts(total)
    draw_missing(dataset, total)
    entries = filtered_entries(dataset)
    if 0 < len(entries) < len(dataset.entries):
        st.caption(f"{len(entries):,} of {len(dataset.entries):,} clips pass the filters.")
    table, gallery = st.tabs(["Table", "Gallery"], key="view", bind="query-params", on_change="rerun")
    if not entries:
        st.info("No clip passes the filters. Choose fewer of them.", icon=":material/filter_alt_off:")
    elif gallery.open:
        with gallery:
            draw_gallery(source, dataset, entries, config.fingerprint())
    else:
        with table:
            draw_rows(source, dataset, entries, config.fingerprint())


def draw_rows(source: DatasetSource, dataset: Dataset, entries: list[ClipEntry], fingerprint: str) -> None:
    entry = draw_table(dataset, entries, source.source_id, fingerprint)
    if entry is None:
        st.caption("Select a row to open its clip in Analyze or Compare.", help=ROW_KEYS)
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        verdict = verdicts_of([entry], fingerprint).get(entry.name)
        draw_label(entry, verdict, failures_of(dataset, fingerprint).get(entry.name))
        open_buttons(source, entry, "row")


page()
