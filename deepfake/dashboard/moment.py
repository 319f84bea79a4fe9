"""The one moment that rules a page: a time that a slider and every chart set, and the panels follow."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from deepfake.figures import format_time

PARAMETER = "t"


def moment_of(
    slot: str, clip_id: str, timestamps_s: NDArray[np.float64], *, initial_frame: int = 0
) -> tuple[int, float]:
    """Return the chosen frame and its time, in seconds, without drawing anything.

    slot: the page's. clip_id: a new clip begins at initial_frame, or, in a new session, at the URL's time.
    timestamps_s: f64 (n,), of all frames.
    """
    last_s = float(timestamps_s[-1])
    if st.session_state.get(f"_{slot}-moment-clip") != clip_id:
        first_clip = f"_{slot}-moment-clip" not in st.session_state
        st.session_state[f"_{slot}-moment-clip"] = clip_id
        from_url = _number(st.query_params.get(PARAMETER)) if first_clip else None
        set_moment(slot, float(timestamps_s[initial_frame]) if from_url is None else from_url)
    moment_s = min(max(float(st.session_state.get(_key(slot), 0.0)), 0.0), last_s)
    frame = frame_shown_at(timestamps_s, moment_s)
    return frame, float(timestamps_s[frame])


def moment_slider(slot: str, timestamps_s: NDArray[np.float64]) -> None:
    """Draw the slider, with a button to either side that goes one frame on, and keep the moment in the URL."""
    frame, moment_s = moment_of(slot, st.session_state[f"_{slot}-moment-clip"], timestamps_s)
    last = len(timestamps_s) - 1
    if last == 0:
        st.caption("The clip has a single frame.")
        return
    st.session_state[f"{slot}-moment-slider"] = moment_s
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium", wrap=False)
    _draw_step(row, slot, timestamps_s, frame, -1)
    row.slider(
        f"Moment — **{format_time(moment_s)}**, frame {frame} of 0 to {last}",
        min_value=0.0,
        max_value=float(timestamps_s[-1]),
        step=max(0.001, round(float(np.median(np.diff(timestamps_s))), 6)),
        format="%.2f s",
        key=f"{slot}-moment-slider",
        on_change=lambda: set_moment(slot, st.session_state[f"{slot}-moment-slider"]),
        help="Every panel shows this moment. A click on a point of a chart goes there as well.",
    )
    _draw_step(row, slot, timestamps_s, frame, 1)
    st.query_params[PARAMETER] = f"{moment_s:.3f}"


def _draw_step(
    place: DeltaGenerator, slot: str, timestamps_s: NDArray[np.float64], frame: int, step: Literal[-1, 1]
) -> None:
    target = frame + step
    place.button(
        ":material/chevron_left:" if step < 0 else ":material/chevron_right:",
        key=f"{slot}-{'back' if step < 0 else 'on'}",
        help="One frame back" if step < 0 else "One frame on",
        disabled=not 0 <= target < len(timestamps_s),
        on_click=set_moment,
        args=(slot, float(timestamps_s[min(max(target, 0), len(timestamps_s) - 1)])),
    )


def set_moment(slot: str, moment_s: float) -> None:
    """Go to a time, in seconds."""
    st.session_state[_key(slot)] = moment_s


def clickable_chart(figure: go.Figure, *, key: str, on_click: Callable[[dict[str, Any]], None], alt: str) -> None:
    """Draw a figure that calls on_click with a point's {"x", "y", "customdata", …} when one is clicked."""

    def clicked() -> None:
        points: Sequence[dict[str, Any]] = st.session_state[key].selection.points
        if points:
            st.session_state[f"_{key}-point"] = dict(points[0])
        # A second click on the same point takes the selection back; it means the same moment again.
        point = st.session_state.get(f"_{key}-point")
        if point is not None:
            on_click(point)

    st.plotly_chart(figure, key=key, on_select=clicked, selection_mode="points", config={"displaylogo": False}, alt=alt)


def frame_shown_at(timestamps_s: NDArray[np.float64], moment_s: float) -> int:
    """Return the index of the frame that is on the screen at a time. Half a millisecond of rounding is forgiven."""
    return max(0, int(np.searchsorted(timestamps_s, moment_s + 5e-4, side="right")) - 1)


def _key(slot: str) -> str:
    return f"_{slot}-moment"


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if np.isfinite(value) and value >= 0 else None
