"""Thumbnails of a data set's clips, a page at a time, each a way into Analyze and Compare."""

from collections.abc import Sequence

import streamlit as st

from deepfake.dashboard.address import open_page
from deepfake.dashboard.clip_card import draw_picture
from deepfake.dashboard.clip_choice import set_choice
from deepfake.dashboard.dataset.panels import draw_label
from deepfake.dashboard.grid import draw_page_choice, in_columns
from deepfake.dashboard.navigation import ANALYZE, COMPARE
from deepfake.dashboard.sources import DatasetSource
from deepfake.dashboard.state import analyze_page, compare_page
from deepfake.dashboard.text import named
from deepfake.dashboard.verdict_cells import failures_of, verdicts_of
from deepfake.dataset import ClipEntry, Dataset

PAGE_CLIPS = 24
COLUMNS = 4


def open_buttons(source: DatasetSource, entry: ClipEntry, key: str) -> None:
    """Draw the buttons that open a clip on another page; one that cannot be opened says why."""
    with st.container(horizontal=True, gap="small"):
        for title, icon, state, script, note in (
            ("Analyze", ":material/frame_inspect:", analyze_page, ANALYZE, None),
            ("Compare", ":material/compare:", compare_page, COMPARE, _compare_help(entry)),
        ):
            if st.button(
                named(title, entry.name),
                key=f"{key}-{title.lower()}-{entry.name}",
                icon=icon,
                type="tertiary",
                disabled=not entry.on_disk,
                help=note if entry.on_disk else "The clip is not on disk.",
            ):
                set_choice(state(), source.source_id, entry.name)
                open_page(script)


def draw_gallery(source: DatasetSource, dataset: Dataset, entries: Sequence[ClipEntry], fingerprint: str) -> None:
    """Draw the clips on disk among the entries, 24 at a time. fingerprint: of the settings whose verdicts are shown."""
    there = [entry for entry in entries if entry.on_disk]
    if not there:
        st.info("None of these clips is on disk, so there is nothing to show.", icon=":material/image_not_supported:")
        return
    absent = len(entries) - len(there)
    rest = f"; {absent:,} not on disk" if absent else ""
    page = draw_page_choice(
        len(there), PAGE_CLIPS, key="gallery-page", of=(source.source_id, *(entry.name for entry in there))
    )
    first = (page - 1) * PAGE_CLIPS
    shown = there[first : first + PAGE_CLIPS]
    st.caption(f"Clips {first + 1} to {first + len(shown)} of {len(there):,} on disk{rest}.")
    verdicts, failures = verdicts_of(shown, fingerprint), failures_of(dataset, fingerprint)
    for entry, column in in_columns(shown, COLUMNS):
        with column.container(border=True):
            told, failure = draw_picture(dataset, entry), failures.get(entry.name)
            is_told = told is not None and failure is not None and says_the_same(told, failure)
            draw_label(entry, verdicts.get(entry.name), failure, is_told=is_told)
            open_buttons(source, entry, "gallery")


def says_the_same(first: str, second: str) -> bool:
    """Tell whether two sentences "clip: what is wrong" say the same is wrong, however the clip is called."""
    return first.partition(": ")[2] == second.partition(": ")[2]


def _compare_help(entry: ClipEntry) -> str:
    if entry.original is None:
        return "No original is named: you choose it on the page."
    return f"With {entry.original}" + ("" if entry.original_on_disk else ", which is not on disk: you can upload it")
