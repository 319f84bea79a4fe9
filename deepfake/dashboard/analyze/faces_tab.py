"""Faces: the frame, the faces found in it, and one of them up close."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import streamlit as st

from deepfake.analysis.model import Analysis
from deepfake.analysis.quality import MIN_COVERED_SHARE, MIN_FRONTAL_SHARE, TrackQuality
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.snapshots import cached_frame
from deepfake.dashboard.state import PageState
from deepfake.detectors import QualityLimits, quality_limits
from deepfake.detectors.scoring import BLUR_CROP_PX
from deepfake.faces.base import FaceDetection, agreement, boxes_of
from deepfake.faces.detection import FACE_DETECTORS, face_detector_title
from deepfake.figures.pictures import drawn_faces
from deepfake.report.wording import person_name
from deepfake.video.info import Image
from deepfake.views.stills import Moment, scaled
from deepfake.words import beside, counted, format_time

TRACKED = "As followed"
BOTH = "Both"
COMPARED = ("mtcnn", "haar")  # what "both" are
MIN_IOU = 0.5


def draw_faces(ready: ReadyAnalysis, frame: int, moment_s: float, track_id: int | None, *, page: PageState) -> None:
    """Draw original, detected and zoomed-in panels of a frame, with a choice of detector."""
    mode = st.segmented_control(
        "Faces found by",
        [TRACKED, *(row.short_title for row in FACE_DETECTORS.values()), BOTH],
        default=TRACKED,
        required=True,
        key=page.key("detector"),
        persist_state="session",
        help="As followed: the boxes of the analysis, every frame. Another choice: this frame searched anew.",
    )
    if mode == TRACKED:
        _draw_tracked(ready, frame, moment_s, track_id)
    else:
        found = tuple(name for name, row in FACE_DETECTORS.items() if row.short_title == mode)
        names = COMPARED if mode == BOTH else found
        _draw_detected(ready, frame, moment_s, track_id, names, page)


def _draw_tracked(ready: ReadyAnalysis, frame: int, moment_s: float, track_id: int | None) -> None:
    faces = ready.faces_at(frame)
    look = cached_frame(ready.clip, moment_s, boxes_xyxy=boxes_of(faces.values()))
    named = {person_name(number): [face] for number, face in faces.items()}
    shown = track_id if track_id in faces else None
    selected = None if shown is None else (person_name(shown), 0)
    zoom = None if shown is None else look.zooms["boxes"][list(faces).index(shown)]
    note = "No face in this frame." if not faces else f"{person_name(track_id or 0)} is not visible in this frame."
    caption = "" if shown is None else _described(person_name(shown), faces[shown])
    _draw_panels(look, named, selected, zoom, caption, note, frame)


def _draw_detected(
    ready: ReadyAnalysis,
    frame: int,
    moment_s: float,
    track_id: int | None,
    names: tuple[str, ...],
    page: PageState,
) -> None:
    look = cached_frame(ready.clip, moment_s, detectors=names)
    options = [(name, number) for name in names for number in range(len(look.faces[name]))]
    tracked = ready.faces_at(frame).get(track_id if track_id is not None else -1)
    chosen = _choose_face(look, options, tracked, page)
    zoom = None if chosen is None else look.zooms[chosen[0]][chosen[1]]
    caption = "" if chosen is None else _described(_face_title(look, chosen), look.faces[chosen[0]][chosen[1]])
    named = look.faces
    titles = " and ".join(face_detector_title(name) for name in names)
    note = f"{titles} found no face in this frame."
    _draw_panels(look, named, chosen, zoom, caption, note, frame)
    if len(names) == 2:
        _draw_agreement(look)


def _choose_face(
    look: Moment, options: list[tuple[str, int]], tracked: FaceDetection | None, page: PageState
) -> tuple[str, int] | None:
    """Let the user pick a face; the followed person's comes first."""
    if len(options) < 2:
        return options[0] if options else None
    if tracked is not None:
        center = tracked.box_xyxy.reshape(2, 2).mean(axis=0)

        def distance(option: tuple[str, int]) -> float:
            box = look.faces[option[0]][option[1]].box_xyxy
            return float(np.hypot(*(box.reshape(2, 2).mean(axis=0) - center)))

        options = sorted(options, key=distance)
    chosen: int = st.pills(
        "Zoom into",
        range(len(options)),
        default=0,
        required=True,
        format_func=lambda position: _face_title(look, options[position]),
        key=page.key(f"zoom-{len(options)}"),
    )
    return options[chosen]


def _draw_panels(
    look: Moment,
    named: dict[str, list[FaceDetection]],
    selected: tuple[str, int] | None,
    zoom: Image | None,
    caption: str,
    note: str,
    frame: int,
) -> None:
    factor = look.view.shape[1] / look.size[0]
    drawn = drawn_faces(
        look.view, {name: [scaled(face, factor) for face in faces] for name, faces in named.items()}, selected=selected
    )
    count = sum(len(faces) for faces in named.values())
    # Widths in proportion to the pictures', so that all three are about as high.
    ratio = look.size[0] / look.size[1]
    original, detected, close = st.columns([ratio, ratio, 1], gap="small")
    when = f"frame {frame}, {format_time(look.timestamp_s)}"
    original.image(look.view, caption=f"Original: {when}", width="stretch", alt=f"The clip at {when}")
    boxes = "no face" if count == 0 else "1 box" if count == 1 else f"{count} boxes"
    detected.image(drawn, caption=f"Detected: {boxes}", width="stretch", alt=f"The same frame with {boxes} drawn")
    if zoom is None:
        close.info(note, icon=":material/face:")
    else:
        close.image(zoom, caption=f"Zoomed in: {caption}", width="stretch", alt=f"Close-up of {caption}")


def _draw_agreement(look: Moment) -> None:
    mtcnn, haar = look.faces["mtcnn"], look.faces["haar"]
    both = agreement(mtcnn, haar, MIN_IOU)
    matched = [
        {"MTCNN": f"face {a + 1}", "Haar": f"face {b + 1}", "overlap (IoU)": f"{iou:.2f}"}
        for (a, b), iou in zip(both.matched.tolist(), both.iou.tolist(), strict=True)
    ]
    only_mtcnn = [{"MTCNN": f"face {a + 1}", "Haar": "–", "overlap (IoU)": "–"} for a in both.only_a]
    only_haar = [{"MTCNN": "–", "Haar": f"face {b + 1}", "overlap (IoU)": "–"} for b in both.only_b]
    st.markdown(
        f"**Agreement:** {len(matched)} found by both (matched at IoU ≥ {MIN_IOU}), "
        f"{len(only_mtcnn)} only by MTCNN, {len(only_haar)} only by Haar."
    )
    if rows := [*matched, *only_mtcnn, *only_haar]:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="content")


def _face_title(look: Moment, option: tuple[str, int]) -> str:
    name, number = option
    several = f" {number + 1}" if len(look.faces[name]) > 1 else ""
    return f"{face_detector_title(name)}{several}"


def _described(title: str, face: FaceDetection) -> str:
    width = float(face.box_xyxy[2] - face.box_xyxy[0])
    confidence = "" if face.confidence is None else f", confidence {face.confidence:.3f}"
    return f"{title}, {width:.0f} px wide{confidence}"


def draw_quality(analysis: Analysis, track_id: int | None) -> None:
    """Draw how good the pictures of the chosen person are, where they were measured."""
    judged = analysis.verdict.of(track_id)
    if judged is None or judged.quality is None:
        return
    icon = ":material/error:" if judged.abstained else ":material/check:"
    numbers = tuple(quality_numbers(judged.quality, quality_limits(analysis.config.classifier)))
    st.caption(f"{icon} Quality of {person_name(judged.track_id)}: {numbers[0]}", help="  \n".join(numbers))


def quality_numbers(quality: TrackQuality, limits: QualityLimits) -> Iterator[str]:
    """Yield what was measured of the pictures of a face, each number with the limit of the quality gate.

    limits: of the classifier.
    """
    width_px = beside(quality.face_width_px, limits.min_face_width_px, ".0f")
    yield f"{width_px} px wide (at least {limits.min_face_width_px:.0f})"
    if quality.edge_blur_px is not None:
        blur_px = beside(quality.edge_blur_px, limits.max_edge_blur_px, ".1f")
        yield f"edges smeared by {blur_px} of {BLUR_CROP_PX} px (at most {limits.max_edge_blur_px:g})"
    if quality.outside_share is not None and limits.max_outside_share < 1:
        outside = beside(quality.outside_share, limits.max_outside_share, ".0%")
        yield f"{outside} of the head outside the picture (at most {limits.max_outside_share:.0%})"
    if quality.hidden_share is not None and limits.max_hidden_share < 1:
        hidden = beside(quality.hidden_share, limits.max_hidden_share, ".1%" if quality.hidden_share < 0.1 else ".0%")
        yield f"{hidden} of the face hidden, for example by writing (at most {limits.max_hidden_share:.0%})"
    if quality.smoothed_probability is not None and limits.max_smoothed_probability < 1:
        smoothed = beside(quality.smoothed_probability, limits.max_smoothed_probability, ".1%")
        yield (f"smoothed by a filter with a probability of {smoothed} (at most {limits.max_smoothed_probability:.0%})")
    yield f"{counted(quality.scored_crops, 'picture')} scored (at least {limits.min_scored_crops})"
    if quality.frontal_share is not None:
        frontal = beside(quality.frontal_share, MIN_FRONTAL_SHARE, ".0%")
        yield f"near frontal in {frontal} of its frames (at least {MIN_FRONTAL_SHARE:.0%})"
    yield (
        f"seen in {quality.covered_share:.0%} of the clip's frames, any judged face in "
        f"{beside(quality.clip_covered_share, MIN_COVERED_SHARE, '.0%')} (at least {MIN_COVERED_SHARE:.0%})"
    )
