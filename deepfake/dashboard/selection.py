"""The one time and the one person that rule a page: a slider, charts and buttons set them, and all else follows."""

from typing import Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from deepfake.analysis.model import Analysis
from deepfake.dashboard.charts import clickable_chart
from deepfake.dashboard.state import PageState
from deepfake.report.wording import person_name
from deepfake.words import format_time

TIME_PARAMETER = "t"
MAX_PILLS = 10
HELP = "The panels follow this person. A click on a bar of the timeline chooses as well."


def chosen_time(
    page: PageState, clip_id: str, timestamps_s: NDArray[np.float64], *, initial_frame: int = 0
) -> tuple[int, float]:
    """Return the chosen frame and its time, in seconds, without drawing anything.

    clip_id: a new clip begins at initial_frame, or, in a new session, at the URL's time. timestamps_s: f64 (n,), of
    all frames.
    """
    if page.time_of != clip_id:
        from_url = _number(st.query_params.get(TIME_PARAMETER)) if page.time_of is None else None
        page.time_of = clip_id
        set_time(page, float(timestamps_s[initial_frame]) if from_url is None else from_url)
    page.time_s = st.session_state.get(page.key("time"), page.time_s)
    frame = frame_shown_at(timestamps_s, min(max(page.time_s, float(timestamps_s[0])), float(timestamps_s[-1])))
    return frame, float(timestamps_s[frame])


def time_slider(
    page: PageState, timestamps_s: NDArray[np.float64], frame_indices: NDArray[np.int64] | None = None
) -> None:
    """Draw the slider, with a button to either side that goes one frame on, and keep the time in the URL.

    timestamps_s: of all frames, or of those that frame_indices names.
    """
    frame, time_s = chosen_time(page, page.time_of or "", timestamps_s)
    last = len(timestamps_s) - 1
    if last == 0:
        st.caption("The clip has a single frame.")
        return
    named = np.arange(last + 1) if frame_indices is None else frame_indices
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium", wrap=False)
    _draw_step(row, page, timestamps_s, frame, -1)
    row.slider(
        f"Moment: {format_time(time_s)}, frame {named[frame]} ({named[0]} to {named[-1]})",
        min_value=float(timestamps_s[0]),
        max_value=float(timestamps_s[-1]),
        value=time_s,
        step=max(0.001, round(float(np.median(np.diff(timestamps_s))), 6)),
        format="%.2f s",
        key=page.key("time"),
        help="Every panel shows this moment. A click on a point of a chart goes there as well. Keys: ← and → go one "
        "frame; K plays and pauses the player, J and L go a second back and on.",
    )
    _draw_step(row, page, timestamps_s, frame, 1)
    st.query_params[TIME_PARAMETER] = f"{time_s:.3f}"


def _draw_step(
    place: DeltaGenerator, page: PageState, timestamps_s: NDArray[np.float64], frame: int, step: Literal[-1, 1]
) -> None:
    target = frame + step
    place.button(
        "One frame back" if step < 0 else "One frame on",
        icon=":material/chevron_left:" if step < 0 else ":material/chevron_right:",
        key=page.key("step-back" if step < 0 else "step-on"),
        help="Key ←" if step < 0 else "Key →",
        disabled=not 0 <= target < len(timestamps_s),
        on_click=set_time,
        args=(page, float(timestamps_s[min(max(target, 0), len(timestamps_s) - 1)])),
    )


def set_time(page: PageState, time_s: float) -> None:
    """Go to a time, in seconds, from the program: a button or a chart was clicked, another clip chosen."""
    page.renew("time")
    page.time_s = time_s


def time_chart(page: PageState, figure: go.Figure, *, key: str, alt: str) -> None:
    """Draw a figure over time: a click on a point goes to its time."""
    clickable_chart(page, figure, key=key, on_click=lambda point: set_time(page, float(point["x"])), alt=alt)


def frame_shown_at(timestamps_s: NDArray[np.float64], time_s: float) -> int:
    """Return the index of the frame that is on the screen at a time. Half a millisecond of rounding is forgiven."""
    return max(0, int(np.searchsorted(timestamps_s, time_s + 5e-4, side="right")) - 1)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if np.isfinite(value) and value >= 0 else None


def chosen_person(page: PageState, analysis: Analysis, clip_id: str, *, at_first: int | None = None) -> int | None:
    """Return the chosen person's track_id, None without a face; draw nothing.

    clip_id: a new clip begins with the person at_first, or else with the one seen longest.
    """
    if not analysis.tracks:
        return None
    if page.person_of != clip_id or page.track_id is None or analysis.track(page.track_id) is None:
        page.person_of = clip_id
        set_person(page, max(analysis.tracks, key=len).track_id if at_first is None else at_first)
    page.track_id = st.session_state.get(page.key("person"), page.track_id)
    return page.track_id


def set_person(page: PageState, track_id: int) -> None:
    """Follow another person, from the program, as set_time."""
    page.renew("person")
    page.track_id = track_id


def choose_person(page: PageState, analysis: Analysis) -> None:
    """Draw the choice of a person, where there is more than one. Call it after chosen_person."""
    ids = [track.track_id for track in analysis.tracks]
    key, chosen = page.key("person"), page.track_id
    if len(ids) < 2 or chosen is None:
        return
    if len(ids) <= MAX_PILLS:
        st.pills("Person", ids, default=chosen, required=True, format_func=person_name, key=key, help=HELP)
    else:
        st.selectbox("Person", ids, ids.index(chosen), format_func=person_name, key=key, help=HELP)
