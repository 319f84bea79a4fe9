"""The quality gate: what a clip and a face must have before anything is said about them. Pure.

Limits that rest on measurements with a classifier's weights come with the classifier (QualityLimits); the conventions
that hold for all of them stand here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import Evidence, EvidenceCode, Values
from deepfake.detectors import QualityLimits, TrackScores
from deepfake.detectors.scoring import BLUR_CROP_PX
from deepfake.faces.alignment import crop_to_frame_from_landmarks, outside_share
from deepfake.faces.picture import MAX_CHANGE, PictureCheck
from deepfake.faces.tracking import FaceTrack
from deepfake.spread import spread
from deepfake.video.info import VideoInfo

Failure = tuple[EvidenceCode, str, Values]  # which, what was measured, its numbers

MAX_TURN: Final = 0.5  # nose off the middle of the eyes, in eye distances: about 45 degrees
# Of 630 photographs like those of the calibration 99% are turned less than 43.6 degrees, as the face mesh gives it; it
# gives 46 to 55 for the profile of DFDC brtujopkby, and of 449 clips 4 are turned further in their middle frame.
MAX_YAW_DEG: Final = 45.0
MIN_FRONTAL_SHARE: Final = 0.25  # of the frames of a track that have to be less turned than that
# A convention: a score holds for the faces seen, however much else a clip shows. Below one frame in twenty it would
# stand for a clip that was hardly looked at.
MIN_COVERED_SHARE: Final = 0.05
OUTSIDE_FRAMES: Final = 25  # of a track, among which the middle one by how much of the head is cut off is sought
TELL_COVERED_SHARE: Final = 0.5  # below this the answer says how much of the clip it is about


@dataclass(frozen=True, slots=True)
class ClipQuality:
    """What the gate needs to know of a clip. frames: of the clip; covered_frames: those that show a judged face.
    bits_per_pixel: of one frame, None where the bit rate is not known; picture: what that is a share of: its `bit_rate`
    where it is known, `width`, `height`, `frame_rate`. still_frames: all frames, where they show one picture again and
    again; else 0."""

    frames: int
    covered_frames: int
    bits_per_pixel: float | None = None
    picture: Values = field(default_factory=dict)
    still_frames: int = 0


@dataclass(frozen=True, slots=True)
class TrackView:
    """How a face is seen over its track.

    frontal_share: of its frames in which it is turned by less than about 45 degrees; yaw_deg: median of how far the
    head is turned to a side; None where it is not known. picture: the numbers of Evidence "a_picture" where it is a
    picture of a face, else nothing.
    """

    frontal_share: float | None
    yaw_deg: float | None = None
    picture: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackQuality:
    """How good the pictures of one track are; None where it could not be measured.

    face_width_px: median width of its box in the frame. edge_blur_px: median of its scored crops, sigma in px of a
    crop of 224. scored_crops: how many. frontal_share: of its frames in which the face is turned by less than about 45
    degrees. covered_share: of the clip's frames that show this face; clip_covered_share: any judged face.
    bits_per_pixel: of the clip. yaw_deg: median of how far the head is turned to a side. outside_share: median share of
    the aligned crop that lies outside the frame. hidden_share: of the face, what something else hides, as writing does;
    smoothed_probability: that a filter smoothed it; medians of the scored crops, None where the classifier cannot tell.
    """

    face_width_px: float
    edge_blur_px: float | None
    scored_crops: int
    frontal_share: float | None
    covered_share: float
    clip_covered_share: float
    bits_per_pixel: float | None
    yaw_deg: float | None = None
    outside_share: float | None = None
    hidden_share: float | None = None
    smoothed_probability: float | None = None


def clip_quality(
    judged: Sequence[FaceTrack], video: VideoInfo | None = None, *, frames: int, still_frames: int = 0
) -> ClipQuality:
    """Return what the gate needs to know of a clip. judged: the tracks of the people who are judged. video: whose bit
    rate counts. frames: of the clip; still_frames: the same where all show one picture, else 0."""
    covered = {int(frame) for track in judged for frame in track.frame_indices}
    if video is None:
        return ClipQuality(frames, len(covered), still_frames=still_frames)
    bit_rate: Values = {} if video.bit_rate is None else {"bit_rate": video.bit_rate}
    size = {"width": video.width, "height": video.height, "frame_rate": float(video.frame_rate)}
    return ClipQuality(frames, len(covered), video.bits_per_pixel, {**bit_rate, **size}, still_frames)


def track_view(
    track: FaceTrack, yaw_deg: NDArray[np.float32] | None = None, picture: Values | None = None
) -> TrackView:
    """Return how a face is seen. yaw_deg: f32 (n,), of the head in each frame, NaN where it is not known; without it
    the five landmarks say how far a face is turned, which they cannot of profiles. picture: as in TrackView."""
    if yaw_deg is not None and np.any(np.isfinite(yaw_deg)):
        frontal = float(np.mean(np.abs(yaw_deg) <= MAX_YAW_DEG))
        return TrackView(frontal, float(np.nanmedian(np.abs(yaw_deg))), picture or {})
    by_landmarks = float(np.mean(face_turn(track.landmarks) <= MAX_TURN)) if track.landmarks.shape[1] >= 3 else None
    return TrackView(by_landmarks, None, picture or {})


def picture_values(check: PictureCheck | None, still_frames: int) -> Values | None:
    """Return the numbers that say that a face is a picture of one, or None; where the whole clip shows one picture
    (still_frames, else 0) that is told instead."""
    if check is None or not check.is_picture or still_frames:
        return None
    return {"seconds": check.shown_s, "change": check.change, "at_most": MAX_CHANGE}


def track_quality(
    track: FaceTrack, scores: TrackScores, clip: ClipQuality, view: TrackView | None = None
) -> TrackQuality:
    """Return how good the pictures of a track are. view: how the face is seen; by default as its landmarks say."""
    view = view or track_view(track)
    known = scores.edge_blur_px[np.isfinite(scores.edge_blur_px)]
    return TrackQuality(
        face_width_px=float(np.median(track.boxes_xyxy[:, 2] - track.boxes_xyxy[:, 0])),
        edge_blur_px=float(np.median(known)) if len(known) else None,
        scored_crops=len(scores.known_probabilities),
        frontal_share=view.frontal_share,
        covered_share=len(track) / max(clip.frames, 1),
        clip_covered_share=clip.covered_frames / max(clip.frames, 1),
        bits_per_pixel=clip.bits_per_pixel,
        yaw_deg=view.yaw_deg,
        outside_share=_outside_share(track, clip),
        hidden_share=_median(scores.hidden_shares),
        smoothed_probability=_median(scores.smoothed_probabilities),
    )


def _median(of_crops: NDArray[np.float32] | None) -> float | None:
    return None if of_crops is None or not len(of_crops) else float(np.median(of_crops))


def _outside_share(track: FaceTrack, clip: ClipQuality) -> float | None:
    if track.landmarks.shape[1] != 5 or "width" not in clip.picture:
        return None
    width, height = int(clip.picture["width"]), int(clip.picture["height"])
    rows = spread(len(track), OUTSIDE_FRAMES)
    crops = (crop_to_frame_from_landmarks(track.landmarks[row], BLUR_CROP_PX) for row in rows)
    return float(np.median([outside_share(crop, BLUR_CROP_PX, width, height) for crop in crops]))


def quality_failures(
    quality: TrackQuality, clip: ClipQuality, limits: QualityLimits, track_id: int
) -> tuple[Evidence, ...]:
    """Return why a track is too poor to be judged; empty when it is good enough."""
    failures = (*_picture_failures(quality, clip, limits), *_view_failures(quality, clip, limits))
    return tuple(Evidence(code, measured, track_id, values) for code, measured, values in failures)


def _picture_failures(quality: TrackQuality, clip: ClipQuality, limits: QualityLimits) -> Iterator[Failure]:
    width, blur, bits = quality.face_width_px, quality.edge_blur_px, quality.bits_per_pixel
    if width < limits.min_face_width_px:
        yield "face_too_small", "face_width", {"px": width, "at_least": limits.min_face_width_px}
    if blur is not None and blur > limits.max_edge_blur_px:
        values: Values = {"px": blur, "of_px": BLUR_CROP_PX, "at_most": limits.max_edge_blur_px}
        yield "face_too_blurred", "edge_blur", values
    outside = quality.outside_share
    if outside is not None and outside > limits.max_outside_share:
        yield "cut_off", "outside_share", {"outside_share": outside, "at_most": limits.max_outside_share}
    hidden, smoothed = quality.hidden_share, quality.smoothed_probability
    if hidden is not None and hidden > limits.max_hidden_share:
        yield "face_hidden", "hidden_share", {"hidden_share": hidden, "at_most": limits.max_hidden_share}
    if smoothed is not None and smoothed > limits.max_smoothed_probability:
        values = {"probability": smoothed, "at_most": limits.max_smoothed_probability}
        yield "face_smoothed", "smoothed_probability", values
    if bits is not None and bits < limits.min_bits_per_pixel:
        needed = {"bits_per_pixel": bits, "at_least": limits.min_bits_per_pixel}
        yield "compressed_too_hard", "bit_rate", {**needed, **clip.picture}


def _view_failures(quality: TrackQuality, clip: ClipQuality, limits: QualityLimits) -> Iterator[Failure]:
    crops, frontal, covered = quality.scored_crops, quality.frontal_share, quality.clip_covered_share
    if crops < limits.min_scored_crops:
        yield "seen_too_briefly", "face_count", {"pictures": crops, "at_least": limits.min_scored_crops}
    if frontal is not None and frontal < MIN_FRONTAL_SHARE:
        yaw: Values = {} if quality.yaw_deg is None else {"yaw_deg": quality.yaw_deg}
        yield "turned_away", "face_turn", {"frontal_share": frontal, "at_least": MIN_FRONTAL_SHARE, **yaw}
    if covered < MIN_COVERED_SHARE:
        frames = {"frames": clip.covered_frames, "of": clip.frames}
        yield "hardly_a_face", "covered_share", {**frames, "at_least": MIN_COVERED_SHARE}


def coverage_note(quality: TrackQuality, track_id: int) -> tuple[Evidence, ...]:
    """Return how much of the clip the answer is about, where that is less than half of it."""
    if quality.covered_share >= TELL_COVERED_SHARE:
        return ()
    return (Evidence("seen_in_part", "covered_share", track_id, {"share": quality.covered_share}),)


def face_turn(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far a face is turned, f32 (n,): the nose's distance from the perpendicular through the middle of the
    eyes, in distances between the eyes; 0 is frontal. landmarks: f32 (n, 5, 2), the subject's right eye first."""
    right_eye, left_eye, nose = (landmarks[:, index] for index in range(3))
    across = left_eye - right_eye
    distance = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    offset = np.sum((nose - (right_eye + left_eye) / 2) * across, axis=1) / distance
    turn: NDArray[np.float32] = np.abs(offset / distance).astype(np.float32)
    return turn
