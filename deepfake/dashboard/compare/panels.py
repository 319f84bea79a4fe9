"""What a comparison shows: both verdicts, the same panels of both clips, where they differ, both faces in motion."""

import math

import numpy as np
import streamlit as st

from deepfake.analysis.evidence import SCORE
from deepfake.comparison.compare import Comparison
from deepfake.comparison.pair_wording import (
    FINDING_TITLES,
    alignment_sentences,
    finding_sentence,
    offset_text,
    pair_sentence,
    pair_warnings,
)
from deepfake.dashboard.browser import announce
from deepfake.dashboard.charts import draw_chart, draw_how_to_read
from deepfake.dashboard.compare.results import ReadyComparison, cached_difference
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.selection import set_time, time_chart
from deepfake.dashboard.slow_motion import SPEEDS, slowed_clip
from deepfake.dashboard.snapshots import cached_frame
from deepfake.dashboard.state import ComparePage
from deepfake.dashboard.text import plain, unbroken
from deepfake.dashboard.verdict_style import answer_markdown
from deepfake.faces.base import FaceDetection
from deepfake.figures.pictures import drawn_faces
from deepfake.figures.scores import paired_signal_figure
from deepfake.report.card import card_reasons
from deepfake.report.wording import ALONE_NOTE, person_name
from deepfake.signals.registry import signal_info
from deepfake.views.stills import scaled
from deepfake.words import counted, format_time, score_text


def draw_answer(ready: ReadyComparison) -> None:
    """Draw whether the two belong together, how they were aligned, and the verdict on each."""
    comparison = ready.comparison
    together, sentence = comparison.pair.together, pair_sentence(comparison.pair)
    answer = "Cannot be compared" if together is None else FINDING_TITLES[comparison.finding.code]
    announce(f"{answer}. {finding_sentence(comparison.finding) if together else sentence}", place="comparison")
    with st.container(border=True, key="comparison"):
        if together is None:
            st.markdown(f"## :gray[:material/help: CANNOT BE COMPARED]\n{plain(sentence)}")
        elif together:
            finding = comparison.finding
            st.markdown(
                f"## :material/compare: {FINDING_TITLES[finding.code].upper()}\n{plain(finding_sentence(finding))}"
            )
            checked = "same moments" if comparison.pair.moves else "the moments could not be checked"
            when = offset_text(comparison.offset_s) or checked
            st.caption(f":material/link: Same scene, {when}. {plain(sentence)}")
        else:
            title = FINDING_TITLES[comparison.finding.code].upper()
            st.markdown(f"## :orange[:material/link_off: {title}]\n{plain(sentence)} All is shown nevertheless.")
        st.caption(f":material/align_horizontal_left: {plain(' '.join(alignment_sentences(comparison)))}")
        columns = st.columns(2, gap="medium")
        for column, name, side in zip(columns, "AB", (ready.fake, ready.original), strict=True):
            with column:
                _draw_verdict(name, side)
        st.caption(ALONE_NOTE)
    for warning in pair_warnings(comparison):
        st.warning(plain(warning), icon=":material/warning:")


def _draw_verdict(role: str, side: ReadyAnalysis) -> None:
    verdict = side.analysis.verdict
    labeled = f" · labeled {plain(side.clip.label)}" if side.clip.label else ""
    st.markdown(f"**{role}** · {plain(side.clip.name)}{labeled}")
    chance = unbroken(score_text(verdict.told_probability, verdict.interval)) or "no probability"
    # A number that decides nothing is drawn quietly.
    st.markdown(
        f"**{answer_markdown(verdict.answer)}** · "
        + (f":gray[{chance}]" if verdict.label == "INCONCLUSIVE" else chance)
    )
    for reason in card_reasons(verdict)[:2]:
        st.caption(plain(reason.sentence))


def draw_moments(comparison: Comparison, page: ComparePage) -> None:
    """Draw the moments of greatest difference, one button each."""
    if not comparison.moments:
        return
    by_face = comparison.main_track is not None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=page.key("moments")):
        st.markdown("**Greatest differences** " + ("(face)" if by_face else "(whole frame)"))
        for moment in comparison.moments:
            value = moment.face_similarity if by_face else moment.similarity
            on_face = f", {moment.face_similarity:.3f} on the face" if math.isfinite(moment.face_similarity) else ""
            st.button(
                f"{format_time(moment.timestamp_s)} · {value:.3f}",
                key=page.key(f"moment-{moment.frame_index}"),
                help=f"Frame {moment.frame_index}: similarity to B {moment.similarity:.3f} on the whole "
                f"frame{on_face}.",
                on_click=set_time,
                args=(page, moment.timestamp_s),
            )


def draw_panels(ready: ReadyComparison, row: int, track_id: int | None) -> None:
    """Draw original, detected and zoomed-in panels of A and, below, of B, at the same moment."""
    comparison = ready.comparison
    cross = comparison.cross_similarity
    fake_frame, original_frame = int(cross.frame_indices[row]), int(comparison.original_frame_indices[row])
    original_track = comparison.original_track(track_id)
    box = _box(ready.fake, fake_frame, track_id)
    same_place = None if box is None else _on_original(comparison, box)
    own = _box(ready.original, original_frame, original_track)
    for name, side, frame, time_s, track, place in (
        ("A", ready.fake, fake_frame, float(cross.timestamps_s[row]), track_id, box),
        ("B", ready.original, original_frame, float(comparison.original_timestamps_s[row]), original_track,
         own if own is not None else same_place),
    ):  # fmt: skip
        _draw_row(name, side, frame, time_s, track, place)


def _draw_row(
    role: str, side: ReadyAnalysis, frame: int, time_s: float, track_id: int | None, box: np.ndarray | None
) -> None:
    boxes = np.empty((0, 4), np.float32) if box is None else box[None]
    look = cached_frame(side.clip, time_s, boxes_xyxy=boxes)
    faces = side.faces_at(frame)
    factor = look.view.shape[1] / look.size[0]
    named: dict[str, list[FaceDetection]] = {person_name(key): [scaled(face, factor)] for key, face in faces.items()}
    selected = (person_name(track_id), 0) if track_id is not None and track_id in faces else None
    ratio = look.size[0] / look.size[1]
    whole, detected, close = st.columns([ratio, ratio, 1], gap="small")
    when = f"{role}: frame {frame}, {format_time(time_s)}"
    whole.image(look.view, caption=when, width="stretch", alt=when)
    count = counted(len(faces), "face") if faces else "no face"
    drawn = drawn_faces(look.view, named, selected=selected)
    detected.image(drawn, caption=f"{role}: {count} followed", width="stretch", alt=f"{role} with {count} drawn")
    if look.zooms["boxes"]:
        caption = f"{role}: face" if selected else f"{role}: the same place"
        close.image(look.zooms["boxes"][0], caption=caption, width="stretch", alt=caption)
    else:
        close.info(f"{role}: no face at this moment.", icon=":material/face:")


def _box(side: ReadyAnalysis, frame: int, track_id: int | None) -> np.ndarray | None:
    track = None if track_id is None else side.analysis.track(track_id)
    row = None if track is None else track.position_at(frame)
    return None if track is None or row is None else track.boxes_xyxy[row]


def _on_original(comparison: Comparison, box_xyxy: np.ndarray) -> np.ndarray:
    transform = comparison.overlap.fake_to_original()
    corners = box_xyxy.reshape(2, 2) @ transform[:, :2].T + transform[:, 2]
    return corners.reshape(4).astype(np.float32)


def draw_difference(ready: ReadyComparison, row: int) -> None:
    """Draw the map of where the two differ at a moment."""
    cross = ready.comparison.cross_similarity
    fake_s, original_s = float(cross.timestamps_s[row]), float(ready.comparison.original_timestamps_s[row])
    figure = cached_difference(ready, fake_s, original_s, f"Where they differ at {format_time(fake_s)}")
    if figure is None:
        st.info("The frames are too small for a map of differences.", icon=":material/photo_size_select_small:")
        return
    draw_chart(figure, key="compare-difference", alt="Map of where the two differ")
    st.caption(
        "How to read this: bright is where the structure of A is not that of B. A face swap leaves a bright "
        "face in a dark frame; another compression leaves a faint haze everywhere, most of it on flat and on finely "
        "textured ground."
    )


def draw_motion(ready: ReadyComparison, track_id: int | None, page: ComparePage) -> None:
    """Draw the chosen person's face in A beside the same place in B, looping, in step."""
    clip = None if track_id is None else ready.pair_clip(track_id)
    if clip is None or track_id is None:
        st.info("There is no face that both could be shown in motion of.", icon=":material/face:")
        return
    speed = st.segmented_control(
        "Speed",
        list(SPEEDS),
        default=next(iter(SPEEDS)),
        required=True,
        key=page.key("speed"),
        persist_state="session",
        format_func=lambda title: title.removesuffix(" speed"),
    )
    clip = slowed_clip(clip, SPEEDS[speed], key=f"{ready.key}-pair{track_id}", name=ready.fake.clip.name)
    st.video(clip, loop=True, autoplay=True, muted=True, alt="The face in A on the left, in B on the right")
    st.caption(
        f"{person_name(track_id)}: A on the left, B on the right, the same place and moment. One "
        "picture holds both, so they never run apart."
    )


def draw_signals(ready: ReadyComparison, track_id: int | None, moment_s: float, page: ComparePage) -> None:
    """Draw one signal of the chosen person's face in both clips, at first P(fake), with a choice of the others."""
    fake, original = ready.fake.analysis, ready.original.analysis
    other = ready.comparison.original_track(track_id)
    named = {SCORE: ("P(fake) of the scored frames", "P(fake)", "what looks more fake than real lies above 0.5.")}
    for trace in fake.traces:
        info = signal_info(trace.signal)
        if info is not None and trace.track_id == track_id:
            named[info.name] = info.title, info.axis, f"{info.measures} When it misleads: {info.misleads}"
    measured = [name for name in named if track_id is not None and fake.trace(name, track_id) is not None]
    if not measured:
        return
    key = page.key("signal")
    if st.session_state.get(key) not in measured:
        st.session_state[key] = measured[0]
    name = st.selectbox("A signal of the face in both clips", measured, format_func=lambda name: named[name][0],
                        key=key, persist_state="session", width=420)  # fmt: skip
    title, unit, how = named[name]
    original_trace = None if other is None else original.trace(name, other)
    figure = paired_signal_figure(
        fake.trace(name, track_id),
        original_trace,
        title=title,
        unit=unit,
        moment_s=moment_s,
        offset_s=ready.comparison.offset_s,
    )
    if name == SCORE:
        figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1])
    time_chart(page, figure, key=f"{key}-chart", alt=title)
    note = "" if original_trace is not None else " B has no face at the same place to compare with."
    draw_how_to_read(figure, f"{how}{note}")
