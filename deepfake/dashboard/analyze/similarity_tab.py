"""Similarity: the deepest drops and the cuts, and the two frames on either side of the moment with a map of changes."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from deepfake.analysis.model import Analysis
from deepfake.dashboard.charts import draw_chart
from deepfake.dashboard.player import shown_width
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.selection import set_time
from deepfake.dashboard.snapshots import face_clip_file, face_grid, frame_pair
from deepfake.dashboard.state import PageState
from deepfake.report.wording import RULE_BLIND_SPOT, person_name, rule_sentence
from deepfake.signals.base import SignalTrace
from deepfake.signals.drops import deepest_drops
from deepfake.views.stills import GridTile
from deepfake.words import format_time

DROPS_LISTED = 5
MAX_CUTS_LISTED = 8
PLACE_WIDTH_PX = 350
FACE_WIDTH_PX = 84


def drop_frames(analysis: Analysis, signal: str, track_id: int | None = None) -> list[int]:
    """Return the frames of the deepest drops of a trace, the deepest first; a cut is none."""
    trace = analysis.trace(signal, track_id)
    return [] if trace is None else trace.frame_indices[_drop_rows(analysis, trace)].tolist()


def draw_similarity(
    ready: ReadyAnalysis, frame: int, moment_s: float, track_id: int | None, *, page: PageState
) -> None:
    """Draw the list of drops and cuts, and what changes into the frame at the moment."""
    listed, pair = st.columns([1, 3], gap="medium")
    with listed:
        _draw_list(ready.analysis, "Deepest drops, whole frame", "frame_similarity", None, page)
        if track_id is not None:
            title = f"Deepest drops, face of {person_name(track_id)}"
            _draw_list(ready.analysis, title, "face_similarity", track_id, page, partial(_faces, ready, track_id))
        _draw_cuts(ready.analysis, page)
    with pair:
        _draw_pair(ready, frame, moment_s)
    rule = ready.analysis.notebook_rule
    st.caption(f"The rule that this project began with {rule_sentence(rule)}. {RULE_BLIND_SPOT} It decides nothing.")


def _drop_rows(analysis: Analysis, trace: SignalTrace) -> list[int]:
    cuts = np.flatnonzero(np.isin(trace.frame_indices, analysis.cuts))
    rows: list[int] = deepest_drops(trace.values, DROPS_LISTED, cuts=cuts).tolist()
    return rows


def _faces(ready: ReadyAnalysis, track_id: int, frame: int) -> list[GridTile]:
    """The face in a frame and in the one before; none where its clip is not at hand."""
    track, clip = ready.analysis.track(track_id), ready.face_clip(track_id)
    row = None if track is None else track.position_at(frame)
    if track is None or clip is None or not row:
        return []
    rows = [row - 1, row]
    frames = track.frame_indices[rows].tolist()
    times_s = ready.analysis.frame_timestamps_s[frames].tolist()
    return face_grid(face_clip_file(clip), rows, frames, times_s)


def _draw_list(
    analysis: Analysis,
    title: str,
    signal: str,
    track_id: int | None,
    page: PageState,
    pictures: Callable[[int], list[GridTile]] = lambda _: [],
) -> None:
    st.markdown(f"**{title}**")
    trace = analysis.trace(signal, track_id)
    if trace is None or not np.isfinite(trace.values).any():
        st.caption("Not measured: it takes two frames that follow each other.")
        return
    rows = _drop_rows(analysis, trace)
    if not rows:
        st.caption("None stands out from its surroundings. The lowest value:")
        rows = [int(np.nanargmin(trace.values))]
    elif len(rows) > 1:
        st.caption("Those furthest below what is around them first.")
    for row in rows:
        index, time_s = int(trace.frame_indices[row]), float(trace.timestamps_s[row])
        with st.container(horizontal=True, gap="small"):
            for tile in pictures(index):
                st.image(tile.image, width=FACE_WIDTH_PX, alt=f"The face in frame {tile.frame_index}")
        st.button(
            f"{trace.values[row]:.3f} · {format_time(time_s)} · frame {index}",
            key=page.key(f"drop-{signal}-{index}"),
            icon=":material/arrow_drop_down:",
            on_click=set_time,
            args=(page, time_s),
            width="stretch",
        )


def _draw_cuts(analysis: Analysis, page: PageState) -> None:
    if not len(analysis.cuts):
        return
    st.markdown("**Cuts** (another scene begins; no flicker)")
    for index in analysis.cuts[:MAX_CUTS_LISTED].tolist():
        time_s = float(analysis.frame_timestamps_s[index])
        st.button(
            f"Cut · {format_time(time_s)} · frame {index}",
            key=page.key(f"cut-{index}"),
            icon=":material/content_cut:",
            on_click=set_time,
            args=(page, time_s),
            width="stretch",
        )
    if len(analysis.cuts) > MAX_CUTS_LISTED:
        st.caption(f"and {len(analysis.cuts) - MAX_CUTS_LISTED} more, marked in the chart")


def _draw_pair(ready: ReadyAnalysis, frame: int, moment_s: float) -> None:
    if frame == 0:
        st.info(
            "The first frame has none before it. Pick a drop from the list, or click a point of the curve.",
            icon=":material/touch_app:",
        )
        return
    look = frame_pair(ready.clip, moment_s)
    if look is None:
        st.info("There is no frame before this one.", icon=":material/first_page:")
        return
    if frame in ready.analysis.cuts:
        st.info("A cut: another scene begins here, so the two frames have nothing to do with each other.",
                icon=":material/content_cut:")  # fmt: skip
    before, after = st.columns(2, gap="small")
    width = shown_width(look.after.shape[1], look.after.shape[0], PLACE_WIDTH_PX)
    before.image(look.before, caption=f"Before: frame {frame - 1}, {format_time(look.before_s)}", width=width)
    similarity = "" if look.similarity is None else f", similarity to the one before {look.similarity:.4f}"
    after.image(look.after, caption=f"After: frame {frame}, {format_time(look.after_s)}{similarity}", width=width)
    if look.difference is None:
        st.info("The frames are too small for a map of differences.", icon=":material/photo_size_select_small:")
        return
    draw_chart(look.difference, key="frame-difference", alt="Map of where the two frames differ")
    st.caption(
        "How to read this: bright is where the structure changed from one frame to the next. Change that stops at the "
        "edge of the face while the rest stays still is what a face swap can leave; change all over is motion or a cut."
    )
