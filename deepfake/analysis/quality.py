"""The quality gate: what a clip and a face must have before anything is said about them. Pure.

Limits that rest on measurements with a classifier's weights come with the classifier (QualityLimits); the conventions
that hold for all of them stand here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import Evidence, Panel
from deepfake.detectors import QualityLimits, TrackScores
from deepfake.detectors.scoring import BLUR_CROP_PX
from deepfake.faces.tracking import FaceTrack

Failure = tuple[str, Panel, str]  # what was measured, the panel that shows it, why it is too poor

MAX_TURN: Final = 0.5  # nose off the middle of the eyes, in eye distances: about 45 degrees
MIN_FRONTAL_SHARE: Final = 0.25  # of the frames of a track that have to be less turned than that
# A convention: a score holds for the faces seen, however much else a clip shows. Below one frame in twenty it would
# stand for a clip that was hardly looked at.
MIN_COVERED_SHARE: Final = 0.05
TELL_COVERED_SHARE: Final = 0.5  # below this the answer says how much of the clip it is about


@dataclass(frozen=True, slots=True)
class ClipQuality:
    """What the gate needs to know of a clip. frames: of the clip; covered_frames: those that show a judged face.
    bits_per_pixel: of one frame, None where the bit rate is not known; size: "1280×720 px at 25 frames/s"."""

    frames: int
    covered_frames: int
    bits_per_pixel: float | None = None
    size: str = ""


@dataclass(frozen=True, slots=True)
class TrackQuality:
    """How good the pictures of one track are; None where it could not be measured.

    face_width_px: median width of its box in the frame. edge_blur_px: median of its scored crops, sigma in px of a
    crop of 224. scored_crops: how many. frontal_share: of its frames in which the face is turned by less than about 45
    degrees. covered_share: of the clip's frames that show this face; clip_covered_share: any judged face.
    bits_per_pixel: of the clip.
    """

    face_width_px: float
    edge_blur_px: float | None
    scored_crops: int
    frontal_share: float | None
    covered_share: float
    clip_covered_share: float
    bits_per_pixel: float | None


def clip_quality(
    judged: Sequence[FaceTrack], *, frames: int, bits_per_pixel: float | None = None, size: str = ""
) -> ClipQuality:
    """Return what the gate needs to know of a clip. judged: the tracks of the people who are judged."""
    covered = {int(frame) for track in judged for frame in track.frame_indices}
    return ClipQuality(frames, len(covered), bits_per_pixel, size)


def track_quality(track: FaceTrack, scores: TrackScores, clip: ClipQuality) -> TrackQuality:
    """Return how good the pictures of a track are."""
    known = scores.edge_blur_px[np.isfinite(scores.edge_blur_px)]
    has_landmarks = track.landmarks.shape[1] >= 3
    return TrackQuality(
        face_width_px=float(np.median(track.boxes_xyxy[:, 2] - track.boxes_xyxy[:, 0])),
        edge_blur_px=float(np.median(known)) if len(known) else None,
        scored_crops=len(scores.known_probabilities),
        frontal_share=float(np.mean(face_turn(track.landmarks) <= MAX_TURN)) if has_landmarks else None,
        covered_share=len(track) / max(clip.frames, 1),
        clip_covered_share=clip.covered_frames / max(clip.frames, 1),
        bits_per_pixel=clip.bits_per_pixel,
    )


def quality_failures(
    quality: TrackQuality, clip: ClipQuality, limits: QualityLimits, track_id: int
) -> tuple[Evidence, ...]:
    """Return why a track is too poor to be judged, a sentence each; empty when it is good enough."""
    failures = (*_picture_failures(quality, clip, limits), *_view_failures(quality, clip, limits))
    return tuple(
        Evidence(signal, track_id, None, f"Inconclusive because {why}.", "limits", panel)
        for signal, panel, why in failures
    )


def _picture_failures(quality: TrackQuality, clip: ClipQuality, limits: QualityLimits) -> Iterator[Failure]:
    width, blur, bits = quality.face_width_px, quality.edge_blur_px, quality.bits_per_pixel
    if width < limits.min_face_width_px:
        needed = f"at least {limits.min_face_width_px:.0f} px are needed"
        yield "face_width", "faces", f"the face is too small: {width:.0f} px wide, {needed}"
    if blur is not None and blur > limits.max_edge_blur_px:
        smeared = f"its edges are smeared by {blur:.1f} of {BLUR_CROP_PX} px for the whole picture"
        yield (
            "edge_blur",
            "faces",
            f"the face is too blurred: {smeared}, at most {limits.max_edge_blur_px:.1f} can be judged",
        )
    if bits is not None and bits < limits.min_bits_per_pixel:
        rate = f"{bits:.4f} bits a pixel" + (f" ({clip.size})" if clip.size else "")
        yield (
            "bit_rate",
            "file",
            f"the clip is compressed too hard: {rate}, at least {limits.min_bits_per_pixel:g} are needed",
        )


def _view_failures(quality: TrackQuality, clip: ClipQuality, limits: QualityLimits) -> Iterator[Failure]:
    crops, frontal, covered = quality.scored_crops, quality.frontal_share, quality.clip_covered_share
    if crops < limits.min_scored_crops:
        needed = f"at least {limits.min_scored_crops} are needed"
        yield "face_count", "faces", f"the face is seen too briefly: {crops} pictures of it, {needed}"
    if frontal is not None and frontal < MIN_FRONTAL_SHARE:
        needed = f"at least {MIN_FRONTAL_SHARE:.0%} are needed"
        yield "face_turn", "faces", f"the face is turned away: near frontal in {frontal:.0%} of its frames, {needed}"
    if covered < MIN_COVERED_SHARE:
        seen = f"{clip.covered_frames} of {clip.frames} frames ({covered:.1%})"
        needed = f"at least {MIN_COVERED_SHARE:.0%} are needed"
        yield "covered_share", "faces", f"too little of the clip shows a face: {seen}, {needed}"


def coverage_note(quality: TrackQuality, track_id: int) -> tuple[Evidence, ...]:
    """Return how much of the clip the answer is about, where that is less than half of it."""
    if quality.covered_share >= TELL_COVERED_SHARE:
        return ()
    share = f"{quality.covered_share:.1%}" if quality.covered_share < 0.1 else f"{quality.covered_share:.0%}"
    reason = f"This face is seen in {share} of the clip's frames; the answer is about these alone."
    return (Evidence("covered_share", track_id, None, reason, "limits", "faces"),)


def face_turn(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far a face is turned, f32 (n,): the nose's distance from the perpendicular through the middle of the
    eyes, in distances between the eyes; 0 is frontal. landmarks: f32 (n, 5, 2), the subject's right eye first."""
    right_eye, left_eye, nose = (landmarks[:, index] for index in range(3))
    across = left_eye - right_eye
    distance = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    offset = np.sum((nose - (right_eye + left_eye) / 2) * across, axis=1) / distance
    turn: NDArray[np.float32] = np.abs(offset / distance).astype(np.float32)
    return turn
