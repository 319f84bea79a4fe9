"""Where the classifier looked, as a clip: made on demand, with the scale of its colors and the score over time."""

from pathlib import Path

import streamlit as st

from deepfake.dashboard.on_demand import made_on_demand
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.selection import time_chart
from deepfake.dashboard.state import PageState, runtime
from deepfake.faces.tracking import FaceTrack
from deepfake.figures.attribution import attribution_scale_figure, dense_score_figure
from deepfake.report.wording import person_name
from deepfake.serialize import from_bytes
from deepfake.server.results import Request
from deepfake.server.tasks import ATTRIBUTION_CLIP_FILE, ATTRIBUTION_FILE, make_attribution_clip
from deepfake.views.attribution_clip import (
    MAX_SCORED,
    AttributionClip,
    part_at,
    part_bounds,
)
from deepfake.words import format_time

HOW_TO_READ = (
    "How to read this: left the face, right the same with what moved the classifier laid over it, below them the score "
    "of the pictures over time (filled: more fake than real). The colors mean the same in every picture of the clip. "
    "Color that stays at the seam of the face, the mouth or the eyes and follows them is worth a look; color that "
    "wanders is not."
)


def draw_attribution_clip(ready: ReadyAnalysis, track: FaceTrack, moment_s: float, *, page: PageState) -> None:
    """Draw the clip of the part of a track that holds the moment; a button has it made."""
    if not ready.face_clips_when_ready(place=page.name):
        return
    times_s = ready.analysis.frame_timestamps_s
    part, parts = part_at(track, times_s, moment_s), part_bounds(track, times_s)
    st.markdown(f"**Where it looked, in motion{f': part {part + 1} of {len(parts)}' if len(parts) > 1 else ''}**")
    face_clip = ready.face_clip(track.track_id)
    if face_clip is None:
        st.caption("There is no clip of this face: too many faces were in the picture at once.")
        return
    request = Request(
        f"{ready.key}-looked{track.track_id}-{part}",
        make_attribution_clip,
        (ready.clip.path, ready.analysis, track.track_id, face_clip, part, runtime().settings),
        source=ready.clip.path,
        name=ready.clip.name,
    )
    first_s, last_s = (_time(ready, track, row) for row in (parts[part][0], parts[part][1] - 1))
    made = made_on_demand(
        page,
        request,
        _read,
        name="looked",
        label="Make the clip",
        icon=":material/movie:",
        what=f"A clip of {person_name(track.track_id)} from {first_s} to {last_s}, for which up to {MAX_SCORED} "
        "pictures are scored.",
        heading="Making the clip",
    )
    if made is not None:
        _draw_clip(*made, track.track_id, moment_s, page)


def _read(folder: Path) -> tuple[Path, AttributionClip]:
    return folder / ATTRIBUTION_CLIP_FILE, from_bytes((folder / ATTRIBUTION_FILE).read_bytes(), AttributionClip)


def _draw_clip(path: Path, shown: AttributionClip, track_id: int, moment_s: float, page: PageState) -> None:
    clip, words = st.columns([3, 2], gap="medium")
    with clip:
        st.video(
            path, loop=True, autoplay=True, muted=True,
            alt=f"{person_name(track_id)}, plain and with where the classifier looked, the score below",
        )  # fmt: skip
    with words:
        st.plotly_chart(
            attribution_scale_figure(shown.full_logits), key=page.key("looked-scale"), config={"displayModeBar": False},
            alt=f"Colors from {-shown.full_logits:.1f} logits, for real, to {shown.full_logits:.1f}, for fake",
        )  # fmt: skip
        st.caption(HOW_TO_READ)
    inside = shown.start_s <= moment_s <= shown.end_s
    time_chart(
        page,
        dense_score_figure(shown.scores, track_id, moment_s=moment_s if inside else None),
        key=page.key("looked-scores"),
        alt=f"P(fake) of {len(shown.scores.values)} pictures over time, least {shown.scores.values.min():.2f}, "
        f"greatest {shown.scores.values.max():.2f}",
    )


def _time(ready: ReadyAnalysis, track: FaceTrack, row: int) -> str:
    return format_time(float(ready.analysis.frame_timestamps_s[track.frame_indices[row]]))
