"""The clips that a threshold calls by the wrong name, with a picture of the worst, each a way into Analyze."""

from collections.abc import Sequence
from urllib.parse import quote

import pandas as pd
import streamlit as st

from deepfake.dashboard.browser import ROW_KEYS
from deepfake.dashboard.clip_card import draw_picture, label_badge
from deepfake.dashboard.grid import in_columns
from deepfake.dashboard.navigation import ANALYZE
from deepfake.dashboard.sources import DatasetSource
from deepfake.dashboard.text import CLIP_WIDTH_PX, cells, height_of, named, plain, without_first_folders
from deepfake.dashboard.verdict_style import VERDICT_LOOKS
from deepfake.dataset import Dataset
from deepfake.evaluation.measured import Measured
from deepfake.evaluation.methods import method_of
from deepfake.evaluation.results import ClipResult
from deepfake.words import counted

PICTURES, COLUMNS = 8, 4
TABLE_HEIGHT_PX = 360


def draw_errors(source: DatasetSource, dataset: Dataset, evaluations: Sequence[Measured], threshold: float) -> None:
    """Draw the worst errors with pictures, and all of them as a table."""
    measured = _chosen(evaluations)
    errors = measured.errors_at(threshold)
    if not errors:
        what = "Every clip is called by its label" if len(measured.clips) else "No clip has a P(fake)"
        st.caption(f"{what} at P(fake) ≥ {threshold:.2f}.")
        return
    missed = sum(result.clip.is_fake for result in errors)
    st.caption(
        f"{len(errors)} of {len(measured.clips)} clips: {counted(missed, 'fake')} missed, "
        f"{counted(len(errors) - missed, 'real clip')} called fake. Those furthest from their label first."
    )
    for result, column in in_columns(errors[:PICTURES], COLUMNS):
        with column.container(border=True):
            _draw_error(source, dataset, result)
    event = st.dataframe(
        cells(errors_table(source, errors)),
        key=f"evaluate-errors-{source.source_id}-{measured.name}-{threshold:.2f}-{len(errors)}",
        hide_index=True,
        height=min(TABLE_HEIGHT_PX, height_of(len(errors))),
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        alt=f"{len(errors)} clips that the threshold gets wrong; select a row to open its clip",
        column_config={
            "clip": st.column_config.TextColumn(width=CLIP_WIDTH_PX),
            "P(fake)": st.column_config.NumberColumn(format="%.3f"),
            "open": st.column_config.LinkColumn(display_text="Analyze", width="small"),
        },
    )

    rows = [row for row in event.selection.rows if row < len(errors)]
    if rows:
        _draw_link(source, errors[rows[0]], says_name=True)
    else:
        st.caption("Select a row to open its clip in Analyze.", help=ROW_KEYS)


def errors_table(source: DatasetSource, errors: Sequence[ClipResult]) -> pd.DataFrame:
    """Return one row per error, with a link that opens its clip in Analyze."""
    return pd.DataFrame(
        {
            "clip": [without_first_folders(result.clip.name) for result in errors],
            "label": [result.clip.label for result in errors],
            "P(fake)": pd.array([result.told_probability for result in errors], dtype="Float64"),
            "verdict": [_verdict_words(result) for result in errors],
            "method": [method_of(result.clip) if result.clip.is_fake else "" for result in errors],
            "open": [_address(source, result) for result in errors],
        }
    )


def _chosen(evaluations: Sequence[Measured]) -> Measured:
    if len(evaluations) == 1:
        return evaluations[0]
    names = [measured.name for measured in evaluations]
    if st.session_state.get("evaluate-errors-of") not in names:
        st.session_state["evaluate-errors-of"] = names[0]
    name = st.segmented_control(
        "Errors of", names, format_func=plain, key="evaluate-errors-of", required=True, persist_state="session"
    )
    return evaluations[names.index(name) if name in names else 0]


def _draw_error(source: DatasetSource, dataset: Dataset, result: ClipResult) -> None:
    clip = result.clip
    draw_picture(dataset, clip)
    score = "" if result.told_probability is None else f"P(fake) **{result.told_probability:.2f}**"
    st.markdown(f":small[{plain(clip.name)}]  \nlabel {label_badge(clip.label)} {score}")
    st.caption(" · ".join(text for text in (_verdict_words(result), _method(result)) if text))
    _draw_link(source, result)


def _draw_link(source: DatasetSource, result: ClipResult, *, says_name: bool = False) -> None:
    name = result.clip.name
    st.page_link(
        ANALYZE,
        label=f"Analyze {plain(name)}" if says_name else named("Analyze", name),
        icon=":material/frame_inspect:",
        query_params={"clip": f"{source.source_id}/{name}"},
    )


def _verdict_words(result: ClipResult) -> str:
    return "" if result.answer is None else VERDICT_LOOKS[result.answer].words


def _method(result: ClipResult) -> str:
    return plain(result.clip.method or "")


def _address(source: DatasetSource, result: ClipResult) -> str:
    return f"./?clip={quote(f'{source.source_id}/{result.clip.name}')}"
