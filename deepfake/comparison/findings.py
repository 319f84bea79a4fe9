"""What a comparison says: whether two clips belong together, how they lie on each other, when they differ most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import Analysis
from deepfake.comparison.overlap import Fit
from deepfake.faces.detection import box_iou
from deepfake.faces.tracking import FaceTrack
from deepfake.signals.trace import SignalTrace

MIN_TRACK_SHARE = 0.2  # of the compared moments; a face seen for less does not decide which moments are shown
SAME_FACE_MIN_IOU = 0.3
MOMENTS = 5
MOMENT_SEPARATION = 1 / 12  # of the clip: five moments at least so far apart never crowd into one scene

# Median similarity at the same moment, by `python -m benchmarks.pairs FOLDER --frames 20`. FaceForensics++ c23 and c40:
# 73 fakes and their originals 0.917 to 0.989, fakes and other originals at most 0.435 (n = 1096). The built-in set:
# pairs from 0.956; its takes in front of one background, framed differently, at most 0.63.
MIN_PAIR_SIMILARITY = 0.7
# A pair is more alike at the same moment than this long apart, by 0.049 or more in the same run, unless nothing moves.
SHIFT_S = 1.0
MIN_SHIFT_LOSS = 0.005
STILL_SIMILARITY = 0.98  # of the original with itself SHIFT_S ago: above, nothing moves and timing says nothing


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whether two clips belong together. together: None where it cannot be told. similarity: the median at the same
    moment; shifted: the median one second apart, NaN where the clips are too short. reason: a sentence with both."""

    together: bool | None
    similarity: float
    shifted: float
    reason: str


def main_trace(faces: tuple[SignalTrace, ...]) -> SignalTrace | None:
    """Return the trace of the face that differs most from the original, of those seen long enough, or None."""
    seen = [trace for trace in faces if np.isfinite(trace.values).mean() >= MIN_TRACK_SHARE]
    return min(seen, key=lambda trace: float(np.nanmedian(trace.values)), default=None)


def greatest_differences(
    values: NDArray[np.float32], timestamps_s: NDArray[np.float64], count: int = MOMENTS
) -> NDArray[np.int64]:
    """Return the rows of up to `count` least similar moments, i64, in order of time, well apart.

    values: f32 (m,), NaN is left out. Any two rows are at least a twelfth of the clip apart.
    """
    remaining = np.where(np.isfinite(values), values, np.inf).astype(np.float64)
    apart_s = MOMENT_SEPARATION * (timestamps_s[-1] - timestamps_s[0])
    rows: list[int] = []
    while len(rows) < count and np.isfinite(remaining).any():
        row = int(np.argmin(remaining))
        rows.append(row)
        remaining[np.abs(timestamps_s - timestamps_s[row]) < apart_s] = np.inf
        remaining[row] = np.inf
    return np.array(sorted(rows), dtype=np.int64)


def belonging(values: NDArray[np.float32], shifts: NDArray[np.float64]) -> Belonging:
    """Return whether two clips belong together: alike at the same moment, and less so a second apart.

    values: f32 (m,), similarity at the same moment. shifts: f64 (k, 3), for some moments the similarity then, that of
    the fake to the original a second before, and that of the original to itself a second before.
    """
    if not np.isfinite(values).any():
        return Belonging(None, float("nan"), float("nan"), "The pictures are too small to be compared.")
    similarity = float(np.nanmedian(values))
    shifted = float(np.nanmedian(shifts[:, 1])) if len(shifts) else float("nan")
    if similarity < MIN_PAIR_SIMILARITY:
        reason = (
            f"The clips do not belong together: at the same moment their similarity is {similarity:.2f} in the median; "
            f"a fake and its original reach at least {MIN_PAIR_SIMILARITY:g}."
        )
        return Belonging(False, similarity, shifted, reason)
    moves = len(shifts) > 0 and float(np.nanmedian(shifts[:, 2])) < STILL_SIMILARITY
    if moves and float(np.nanmedian(shifts[:, 0] - shifts[:, 1])) < MIN_SHIFT_LOSS:
        reason = (
            f"The clips show the same scene but do not run in step: they are no more alike at the same moment "
            f"({similarity:.3f}) than {SHIFT_S:g} s apart ({shifted:.3f}). They may be two takes, or one begins later."
        )
        return Belonging(False, similarity, shifted, reason)
    timing = f"; {SHIFT_S:g} s apart only {shifted:.3f}" if moves else ""
    reason = (
        f"The clips belong together: at the same moment their similarity is {similarity:.3f} in the median{timing}."
    )
    return Belonging(True, similarity, shifted, reason)


def matched_tracks(
    fake: Analysis, original: Analysis, fake_to_original: NDArray[np.float64]
) -> tuple[tuple[int, int | None], ...]:
    """Return for each track of the fake the original's track that is at the same place most of the time, or None."""
    return tuple(
        (track.track_id, _track_at_same_place(track, fake, original, fake_to_original)) for track in fake.tracks
    )


def _track_at_same_place(
    track: FaceTrack, fake: Analysis, original: Analysis, fake_to_original: NDArray[np.float64]
) -> int | None:
    times_s = fake.frame_timestamps_s[track.frame_indices]
    nearest = _nearest_rows(original.frame_timestamps_s, times_s)
    corners = track.boxes_xyxy.reshape(-1, 2) @ fake_to_original[:, :2].T + fake_to_original[:, 2]
    boxes = corners.reshape(-1, 4).astype(np.float32)
    overlaps: dict[int, float] = {}
    for other in original.tracks:
        rows = np.searchsorted(other.frame_indices, nearest)
        here = (rows < len(other)) & (other.frame_indices[np.minimum(rows, len(other) - 1)] == nearest)
        pairs = zip(boxes[here], other.boxes_xyxy[rows[here]], strict=True)
        overlaps[other.track_id] = sum(float(box_iou(a[None], b[None])[0, 0]) for a, b in pairs) / len(track)
    best = max(overlaps, key=overlaps.__getitem__, default=None)
    return best if best is not None and overlaps[best] >= SAME_FACE_MIN_IOU else None


def _nearest_rows(sorted_s: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    right = np.clip(np.searchsorted(sorted_s, times_s), 1, max(1, len(sorted_s) - 1))
    left = right - 1
    right = np.minimum(right, len(sorted_s) - 1)
    return np.where(times_s - sorted_s[left] < sorted_s[right] - times_s, left, right).astype(np.int64)


def alignment_notes(fake: Analysis, original: Analysis, fit: Fit, moments: int) -> tuple[str, ...]:
    """Return sentences on how the two were laid on each other: rate, length, size."""
    frames = len(fake.frame_timestamps_s), len(original.frame_timestamps_s)
    rates = tuple(float(analysis.video.frame_rate) for analysis in (fake, original))
    is_same_rate = abs(rates[0] / rates[1] - 1) < 1e-3
    notes = []
    if is_same_rate:
        notes.append(f"Same frame rate ({rates[0]:.4g} fps): frame by frame, offset 0.")
    else:
        notes.append(
            f"Different frame rates (fake {rates[0]:.4g}, original {rates[1]:.4g} fps): each frame of the fake is "
            "compared with the original's frame nearest in time, offset 0."
        )
    if frames[0] == frames[1] or (not is_same_rate and moments == frames[0]):
        notes.append(f"All {frames[0]} frames of the fake are compared.")
    else:
        notes.append(
            f"Different lengths (fake {frames[0]} frames, {fake.frame_timestamps_s[-1]:.2f} s; original {frames[1]} "
            f"frames, {original.frame_timestamps_s[-1]:.2f} s): the {moments} moments that both have are compared."
        )
    return (*notes, _size_note(fake, original, fit))


def _size_note(fake: Analysis, original: Analysis, fit: Fit) -> str:
    fake_size, original_size = (f"{item.video.width}×{item.video.height}" for item in (fake, original))
    sizes = f"(fake {fake_size}, original {original_size} px)"
    return {
        "same size": f"Same size ({fake_size} px).",
        "scaled": f"Different sizes {sizes}: the larger is scaled to {fit.size[0]}×{fit.size[1]} px.",
        "centre of the original": f"Different sizes {sizes}: the fake shows the middle of the original.",
        "centre of the fake": f"Different sizes {sizes}: the original shows the middle of the fake.",
    }[fit.kind]
