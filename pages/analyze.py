"""Analyze: one clip; the answer first, then what speaks for it."""

import streamlit as st

from deepfake.analysis.evidence import Evidence
from deepfake.dashboard.analyze.banner import draw_banner
from deepfake.dashboard.analyze.evidence_tab import draw_evidence
from deepfake.dashboard.analyze.faces_tab import draw_faces, draw_quality
from deepfake.dashboard.analyze.file_tab import draw_export, draw_file
from deepfake.dashboard.analyze.frames_tab import draw_frames
from deepfake.dashboard.analyze.motion_tab import draw_motion
from deepfake.dashboard.analyze.panels import (
    PANELS,
    choose_panel_from_url,
    keep_panel_in_url,
    left_panel,
    open_evidence,
    open_panel,
    panel_key,
    panel_title,
    scroll_to_panel,
)
from deepfake.dashboard.analyze.recompress_tab import draw_recompression
from deepfake.dashboard.analyze.samples import draw_samples
from deepfake.dashboard.analyze.similarity_tab import draw_similarity, drop_frames
from deepfake.dashboard.clip_choice import choose_clip, choose_from_url, keep_url
from deepfake.dashboard.moment import clickable_chart, moment_of, moment_slider, set_moment
from deepfake.dashboard.person import choose_person, chosen_track_id, set_person
from deepfake.dashboard.player import draw_player
from deepfake.dashboard.results import ReadyAnalysis, analysis_when_ready
from deepfake.dashboard.sidebar import analysis_config
from deepfake.dashboard.sources import demo_when_ready
from deepfake.dashboard.state import runtime, warn_of_store
from deepfake.dashboard.waiting import stop_waiting
from deepfake.errors import DeepfakeError
from deepfake.figures import score_figure, timeline_figure

SLOT = "analyze"


def page() -> None:
    st.header("Analyze a clip")
    warn_of_store()
    choose_from_url(SLOT)
    clip = choose_clip(SLOT)
    keep_url(SLOT, clip)
    config = analysis_config()
    if clip is None:
        stop_waiting(SLOT)
        if demo_when_ready():
            runtime().warm_up()
            draw_samples(SLOT)
        return
    ready = analysis_when_ready(clip, config, slot=SLOT)
    if ready is not None:
        draw_result(ready)


def draw_result(ready: ReadyAnalysis) -> None:
    analysis, clip_id = ready.analysis, ready.key
    choose_panel_from_url(SLOT)
    track_id = chosen_person(ready)
    draw_banner(analysis, ready.clip, on_evidence=show_evidence, on_reason=show_reason)
    for warning in analysis.warnings:
        st.warning(warning, icon=":material/warning:")
    track = None if track_id is None else analysis.track(track_id)
    first_seen = 0 if track is None else int(track.frame_indices[0])
    frame, moment_s = moment_of(SLOT, clip_id, analysis.frame_timestamps_s, initial_frame=first_seen)
    upright = analysis.video.height > analysis.video.width
    left, right = st.columns([2, 3] if upright else [3, 2], gap="medium")
    with left:
        draw_player(ready, moment_s)
    with right:
        draw_curves(ready, track_id, moment_s)
    draw_timeline(ready, track_id, moment_s)
    moment_slider(SLOT, analysis.frame_timestamps_s)
    draw_tabs(ready, frame, moment_s, track_id)
    keep_panel_in_url(SLOT)
    draw_export(ready)
    scroll_to_panel(SLOT)


def chosen_person(ready: ReadyAnalysis) -> int | None:
    """At first the person whom the verdict is about."""
    track_id = chosen_track_id(SLOT, ready.analysis, ready.key)
    scored = [track for track in ready.analysis.verdict.tracks if track.probability_fake is not None]
    if scored and st.session_state.get(f"_{SLOT}-person-of") != ready.key:
        st.session_state[f"_{SLOT}-person-of"] = ready.key
        accused = [track for track in scored if track.label == "LIKELY_FAKE"] or scored
        track_id = max(accused, key=lambda track: track.probability_fake or 0.0).track_id
        set_person(SLOT, track_id)
    return track_id


def show_evidence() -> None:
    open_panel(SLOT, "evidence")


def show_reason(evidence: Evidence) -> None:
    open_evidence(SLOT, evidence)


def draw_curves(ready: ReadyAnalysis, track_id: int | None, moment_s: float) -> None:
    face_drops = [] if track_id is None else drop_frames(ready.analysis, "face_similarity", track_id)
    figure = score_figure(
        ready.analysis,
        track_id,
        drops=drop_frames(ready.analysis, "frame_similarity"),
        face_drops=face_drops,
        moment_s=moment_s,
    )
    # Beside the player there is little room: the title from the very left.
    figure.update_layout(title={"x": 0, "xref": "container", "font": {"size": 14}})
    clickable_chart(
        figure,
        key="score-chart",
        on_click=lambda point: set_moment(SLOT, float(point["x"])),
        alt="P(fake) of the scored frames over time, and below it the similarity of successive frames",
    )
    st.caption(
        "How to read this: above, a filled point is a frame that looks more fake than real, the dashed line the "
        "person's P(fake), the grey band its 95 % interval. Below, a dip is a frame unlike the one before it. Click a "
        "point to go there."
    )


def draw_timeline(ready: ReadyAnalysis, track_id: int | None, moment_s: float) -> None:
    def clicked(point: dict[str, list[float]]) -> None:
        clicked_track, first_frame, *_ = point["customdata"]
        set_person(SLOT, int(clicked_track))
        set_moment(SLOT, float(ready.analysis.frame_timestamps_s[int(first_frame)]))

    choose_person(SLOT, ready.analysis, ready.key)
    figure = timeline_figure(ready.analysis, track_id, moment_s=moment_s)
    clickable_chart(figure, key="timeline-chart", on_click=clicked, alt="Which person is visible when")


def draw_tabs(ready: ReadyAnalysis, frame: int, moment_s: float, track_id: int | None) -> None:
    titles = [panel_title(panel) for panel in PANELS]
    tabs = st.tabs(titles, key=panel_key(SLOT), on_change=left_panel, args=(SLOT,))
    faces, motion, frames, similarity, evidence, recompress, file = tabs
    try:
        if faces.open:
            with faces:
                draw_quality(ready.analysis, track_id)
                draw_faces(ready, frame, moment_s, track_id, slot=SLOT)
        elif motion.open:
            with motion:
                draw_motion(ready, track_id)
        elif frames.open:
            with frames:
                draw_frames(ready, track_id, slot=SLOT)
        elif similarity.open:
            with similarity:
                draw_similarity(ready, frame, moment_s, track_id, slot=SLOT)
        elif evidence.open:
            with evidence:
                draw_evidence(ready, moment_s, track_id, slot=SLOT)
        elif recompress.open:
            with recompress:
                draw_recompression(ready, track_id, slot=SLOT)
        elif file.open:
            with file:
                draw_file(ready)
    except DeepfakeError as error:
        st.error(str(error), icon=":material/error:")


page()
