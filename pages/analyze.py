"""Analyze: one clip; the answer first, then what speaks for it."""

import streamlit as st

from deepfake.analysis.evidence import SCORE
from deepfake.dashboard.analyze.banner import draw_banner
from deepfake.dashboard.analyze.evidence_tab import draw_evidence
from deepfake.dashboard.analyze.faces_tab import draw_faces, draw_quality
from deepfake.dashboard.analyze.file_itself import draw_file_itself
from deepfake.dashboard.analyze.frames_tab import draw_frames
from deepfake.dashboard.analyze.motion_tab import draw_motion
from deepfake.dashboard.analyze.queue import draw_queue, open_clicked
from deepfake.dashboard.analyze.recompress_tab import draw_recompression
from deepfake.dashboard.analyze.samples import SHOWN_OF_A_CLIP, draw_samples, tell_of_upload
from deepfake.dashboard.analyze.similarity_tab import draw_similarity, drop_frames
from deepfake.dashboard.analyze.tabs import (
    TABS,
    choose_tab_from_url,
    keep_tab_in_url,
    left_tab,
    open_evidence,
    open_tab,
    scroll_to_tab,
)
from deepfake.dashboard.browser import show_answer
from deepfake.dashboard.charts import clickable_chart, draw_how_to_read
from deepfake.dashboard.clip_choice import choose_clip, choose_from_url, keep_url
from deepfake.dashboard.file_tab import draw_export, draw_file
from deepfake.dashboard.keep import draw_keep
from deepfake.dashboard.player import draw_player
from deepfake.dashboard.results import ReadyAnalysis, analysis_when_ready
from deepfake.dashboard.selection import (
    choose_person,
    chosen_person,
    chosen_time,
    set_person,
    set_time,
    time_chart,
    time_slider,
)
from deepfake.dashboard.sidebar import analysis_config, choose_classifier_from_url, keep_classifier_in_url
from deepfake.dashboard.sources import demo_when_ready
from deepfake.dashboard.state import AnalyzePage, analyze_page, runtime, warn_of_store
from deepfake.dashboard.text import plain
from deepfake.dashboard.waiting import show_waiting, stop_waiting
from deepfake.errors import DeepfakeError
from deepfake.figures.scores import score_figure
from deepfake.figures.timeline import timeline_figure
from deepfake.report.wording import warning_sentences


def page() -> None:
    st.title("Analyze a clip")
    warn_of_store()
    state = analyze_page()
    choose_from_url(state, about=SHOWN_OF_A_CLIP)
    is_opened = open_clicked(state)
    clip = choose_clip(state, several=True)
    keep_url(state, clip)
    choose_classifier_from_url()
    config = analysis_config()
    keep_classifier_in_url(config.classifier)
    draw_queue(state, config, is_open=clip is None)
    if clip is None:
        state.keeps = None
        stop_waiting(state.name)
        runtime().warm_up()
        tell_of_upload(state)
        if demo_when_ready():
            draw_samples(state)
        return
    ready = analysis_when_ready(clip, config, place=state.name)
    if ready is None:
        state.keeps = None
        show_waiting(state, state.name, is_asked=is_opened)
        return
    choose_tab_from_url(state)
    state.was_waiting = state.was_waiting and not state.scrolls  # one place comes into view: what a link names
    show_answer(state, ".st-key-verdict")
    draw_result(state, ready)


def draw_result(state: AnalyzePage, ready: ReadyAnalysis) -> None:
    analysis = ready.analysis
    track_id = chosen_person(state, analysis, ready.key, at_first=analysis.verdict.most_suspicious)
    draw_banner(
        ready,
        on_tab=lambda tab: open_tab(state, tab),
        on_reason=lambda evidence: open_evidence(state, evidence),
        on_moment=lambda person, time_s: go_to(state, person, time_s),
    )
    if ready.not_kept is not None:
        st.warning(f"This analysis is not kept yet. {plain(ready.not_kept)}", icon=":material/database_off:")
    for warning in warning_sentences(analysis):
        st.warning(plain(warning), icon=":material/warning:")
    track = None if track_id is None else analysis.track(track_id)
    first_seen = 0 if track is None else int(track.frame_indices[0])
    frame, moment_s = chosen_time(state, ready.key, analysis.frame_timestamps_s, initial_frame=first_seen)
    upright = analysis.video.height > analysis.video.width
    left, right = st.columns([2, 3] if upright else [3, 2], gap="medium")
    with left:
        draw_player(ready, moment_s)
    with right:
        draw_curves(state, ready, track_id, moment_s)
    draw_timeline(state, ready, track_id, moment_s)
    time_slider(state, analysis.frame_timestamps_s)
    scroll_to_tab(state)
    draw_tabs(state, ready, frame, moment_s, track_id)
    keep_tab_in_url(state)
    draw_export(ready, draw_keep)


def go_to(state: AnalyzePage, track_id: int, time_s: float) -> None:
    set_person(state, track_id)
    set_time(state, time_s)


def draw_curves(state: AnalyzePage, ready: ReadyAnalysis, track_id: int | None, moment_s: float) -> None:
    face_drops = [] if track_id is None else drop_frames(ready.analysis, "face_similarity", track_id)
    figure = score_figure(
        ready.analysis,
        track_id,
        drops=drop_frames(ready.analysis, "frame_similarity"),
        face_drops=face_drops,
        moment_s=moment_s,
    )
    figure.update_layout(title={"font": {"size": 14}})  # beside the player there is little room
    time_chart(
        state,
        figure,
        key="score-chart",
        alt="P(fake) of the scored frames over time, and below it the similarity of successive frames",
    )
    if track_id is None or ready.analysis.trace(SCORE, track_id) is None:
        draw_how_to_read(figure, "a dip is a frame unlike the one before. Click a point to go there.")
        return
    draw_how_to_read(
        figure,
        "filled points look more fake than real; a dip below is a frame unlike the one before.",
        note="The dashed line is P(fake) of a person who was judged, the gray band its 95% interval. "
        "Click a point to go there.",
    )


def draw_timeline(state: AnalyzePage, ready: ReadyAnalysis, track_id: int | None, moment_s: float) -> None:
    def clicked(point: dict[str, list[float]]) -> None:
        clicked_track, first_frame, *_ = point["customdata"]
        go_to(state, int(clicked_track), float(ready.analysis.frame_timestamps_s[int(first_frame)]))

    choose_person(state, ready.analysis)
    figure = timeline_figure(ready.analysis, track_id, moment_s=moment_s)
    clickable_chart(state, figure, key="timeline-chart", on_click=clicked, alt="Which person is visible when")


def draw_tabs(state: AnalyzePage, ready: ReadyAnalysis, frame: int, moment_s: float, track_id: int | None) -> None:
    key = state.key("tabs")
    tabs = st.tabs(list(TABS.values()), key=key, on_change=left_tab, args=(state, key))
    faces, motion, frames, similarity, evidence, recompress, file = tabs
    try:
        if faces.open:
            with faces:
                draw_quality(ready.analysis, track_id)
                draw_faces(ready, frame, moment_s, track_id, page=state)
        elif motion.open:
            with motion:
                draw_motion(ready, track_id)
        elif frames.open:
            with frames:
                draw_frames(ready, frame, track_id, page=state)
        elif similarity.open:
            with similarity:
                draw_similarity(ready, frame, moment_s, track_id, page=state)
        elif evidence.open:
            with evidence:
                draw_evidence(ready, moment_s, track_id, page=state)
        elif recompress.open:
            with recompress:
                draw_recompression(ready, track_id, page=state)
        elif file.open:
            with file:
                draw_file(ready)
                draw_file_itself(ready)
    except DeepfakeError as error:
        st.error(plain(error), icon=":material/error:")


page()
