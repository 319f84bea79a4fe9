"""What a comparison finds: whether two clips belong together, whose face is whose, when they differ most."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import Analysis
from deepfake.faces.base import box_iou
from deepfake.faces.tracking import FaceTrack
from deepfake.signals.base import SignalTrace

MIN_TRACK_SHARE = 0.2  # of the compared moments; a face seen for less does not decide which moments are shown
SAME_FACE_MIN_IOU = 0.3
MOMENTS = 5
MOMENT_SEPARATION = 1 / 12  # of the clip: five moments at least so far apart never crowd into one scene

# Median similarity at the same moment, by `python -m benchmarks.pairs FOLDER --frames 20`. FaceForensics++ c23 and c40:
# 73 fakes and their originals 0.917 to 0.989, fakes and other originals at most 0.435 (n = 1096). The built-in set:
# pairs from 0.956; its takes in front of one background, framed differently, at most 0.63.
MIN_PAIR_SIMILARITY = 0.7
# Timing tells, unless nothing moves. SHIFT_S apart, a pair loses much of what its original changes by in that time; out
# of step by more, little. Out of step by less, it is more alike NUDGE_S apart than at the same moment. In the same run:
# in step, 73 pairs lost 0.64 to 0.97 of it (0.38 or more in 16 pairs of DeepFaceLive), and 0.007 of similarity or more
# NUDGE_S apart; where the fake began 0.4 s later, each gained 0.010 or more; where 2 s later, each lost at most 0.55.
SHIFT_S = 1.0
MIN_LOSS_SHARE = 0.3
NUDGE_S = 0.2
MAX_NUDGE_GAIN = 0.002
STILL_SIMILARITY = 0.98  # of the original with itself SHIFT_S ago: above, nothing moves and timing says nothing

# Conventions. From here on two pictures are alike as far as anybody sees; and a face differs most where it is less
# alike than the whole picture at so large a share of the moments.
ALIKE_SIMILARITY = 0.995
SAME_SIMILARITY = 0.9995  # shown as 1.000: no difference to look at
FACE_DIFFERS_SHARE = 0.9
# A face that differs in a part of the clip alone: so much less alike than the picture, and that it differs so many
# times as much, at so many moments in a row. Three real clips at another size or rate stay below 0.004.
PART_MIN_GAP = 0.02
PART_MIN_RATIO = 1.5
PART_MIN_MOMENTS = 5

PairCode = Literal["pair", "unlike", "out_of_step", "too_small"]
FindingCode = Literal["face", "all_over", "alike", "out_of_step", "no_pair"]


@dataclass(frozen=True, slots=True)
class PairCheck:
    """Whether two clips belong together.

    code: "pair", they do; "unlike", their pictures differ; "out_of_step", the same scene at other moments; "too_small",
    it cannot be told. similarity: the median at the same moment; shifted: the median one second apart; nudged: the
    median NUDGE_S apart, of the direction in which they are more alike; each None where it could not be measured.
    moves: whether enough moves for the timing to tell anything.
    """

    code: PairCode
    similarity: float | None
    shifted: float | None
    moves: bool
    nudged: float | None = None

    @property
    def together(self) -> bool | None:
        """Whether the clips belong together, None where it cannot be told."""
        return None if self.code == "too_small" else self.code == "pair"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison comes to.

    code: "face", the face differs most, all along or in a part; "all_over", the picture differs no less than the face;
    "alike", neither differs; "out_of_step", the clips show one scene at different moments; "no_pair", they do not
    belong together, or it cannot be told. face, whole: the medians of the similarity of the face and of the whole
    picture at the moments at which the face stands out, where it does, else at those that show the face; None without
    a face. from_s, to_s: the first and the last moment at which the face stands out, seconds, of "face" alone; in a
    part, of the longest stretch, beside which there are `more`.
    """

    code: FindingCode
    face: float | None = None
    whole: float | None = None
    from_s: float | None = None
    to_s: float | None = None
    more: int = 0


def find_difference(pair: PairCheck, whole: SignalTrace, face: SignalTrace | None) -> Finding:
    """Return what a comparison comes to. whole, face: similarity over time, of the same moments.

    When it misleads: a face that another compression, filter or light changes more than its surroundings differs most
    as well, as in all of seven real clips that were compressed harder; that is no proof of a fake.
    """
    if pair.code != "pair":
        return Finding("out_of_step" if pair.code == "out_of_step" else "no_pair")
    if face is None or not np.isfinite(face.values).any():
        median = float(np.nanmedian(whole.values))
        return Finding("alike" if median >= ALIKE_SIMILARITY else "all_over", None, median)
    rows = np.isin(whole.frame_indices, face.frame_indices)
    around = whole.values[rows]
    gap = around - face.values
    known = np.isfinite(gap)
    medians = _medians(face.values, around, known)
    part, more = _longest_stretch(_differs_in_part(face.values, around))
    if part.any() and float(np.median(gap[known])) < PART_MIN_GAP:
        return Finding("face", *_medians(face.values, around, part), *_ends_s(face, part), more)
    if min(medians) >= ALIKE_SIMILARITY:
        return Finding("alike", *medians)
    if float(np.mean(gap[known] > 0)) < FACE_DIFFERS_SHARE:
        return Finding("all_over", *medians)
    # Half of what it stands out by at its most, single moments aside: where it is changed in a part alone, the rest
    # differs a little as well by another compression.
    stands_out = known & (gap >= float(np.quantile(gap[known], 0.95)) / 2)
    return Finding("face", *_medians(face.values, around, stands_out), *_ends_s(face, stands_out))


def _medians(face: NDArray[np.float32], around: NDArray[np.float32], where: NDArray[np.bool_]) -> tuple[float, float]:
    return float(np.median(face[where])), float(np.median(around[where]))


def _ends_s(face: SignalTrace, where: NDArray[np.bool_]) -> tuple[float, float]:
    times_s = face.timestamps_s[where]
    return float(times_s[0]), float(times_s[-1])


def _differs_in_part(face: NDArray[np.float32], around: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the moments, bool (m,), of the stretches in which the face differs more than the picture around it."""
    differs = (around - face >= PART_MIN_GAP) & (1 - face > PART_MIN_RATIO * (1 - around))
    needed = min(PART_MIN_MOMENTS, len(differs))
    begins = np.lib.stride_tricks.sliding_window_view(differs, needed).all(axis=1)
    return np.convolve(begins, np.ones(needed)) > 0


def _longest_stretch(where: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """Return the longest stretch of moments alone, and how many more there are."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    if len(edges) == 0:
        return np.zeros_like(where), 0
    begins, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - begins))
    alone = np.zeros_like(where)
    alone[begins[longest] : ends[longest]] = True
    return alone, len(begins) - 1


def main_trace(faces: tuple[SignalTrace, ...]) -> SignalTrace | None:
    """Return the trace of the face that differs most from the original, of those seen long enough, or None."""
    seen = [trace for trace in faces if np.isfinite(trace.values).mean() >= MIN_TRACK_SHARE]
    return min(seen, key=lambda trace: float(np.nanmedian(trace.values)), default=None)


def greatest_differences(
    values: NDArray[np.float32], timestamps_s: NDArray[np.float64], count: int = MOMENTS
) -> NDArray[np.int64]:
    """Return the rows of up to `count` least similar moments, i64, in order of time, well apart.

    values: f32 (m,), NaN is left out, and what is SAME_SIMILARITY or more. Any two rows are at least a twelfth of the
    clip apart.
    """
    remaining = np.where(values < SAME_SIMILARITY, values, np.inf).astype(np.float64)
    apart_s = MOMENT_SEPARATION * (timestamps_s[-1] - timestamps_s[0])
    rows: list[int] = []
    while len(rows) < count and np.isfinite(remaining).any():
        row = int(np.argmin(remaining))
        rows.append(row)
        remaining[np.abs(timestamps_s - timestamps_s[row]) < apart_s] = np.inf
        remaining[row] = np.inf
    return np.array(sorted(rows), dtype=np.int64)


def check_pair(values: NDArray[np.float32], shifts: NDArray[np.float64], nudges: NDArray[np.float64]) -> PairCheck:
    """Return whether two clips belong together: alike at the same moment, and less so at other moments.

    values: f32 (m,), similarity at the same moment. shifts: f64 (k, 3), for some moments the similarity then, that of
    the fake to the original a second before, and that of the original to itself a second before. nudges: f64 (n, 3),
    for some moments the similarity then, that of the fake to the original NUDGE_S before, and that of the fake NUDGE_S
    before to the original.
    """
    if not np.isfinite(values).any():
        return PairCheck("too_small", None, None, moves=False)
    similarity = float(np.nanmedian(values))
    shifted = float(np.nanmedian(shifts[:, 1])) if len(shifts) else None
    moves = len(shifts) > 0 and float(np.nanmedian(shifts[:, 2])) < STILL_SIMILARITY
    nudged = float(np.nanmedian(nudges[:, 1:], axis=0).max()) if len(nudges) else None
    if similarity < MIN_PAIR_SIMILARITY:
        return PairCheck("unlike", similarity, shifted, moves, nudged)
    if moves and (_loss_share(shifts) < MIN_LOSS_SHARE or _nudge_gain(nudges) > MAX_NUDGE_GAIN):
        return PairCheck("out_of_step", similarity, shifted, moves, nudged)
    return PairCheck("pair", similarity, shifted, moves, nudged)


def _loss_share(shifts: NDArray[np.float64]) -> float:
    """What a second takes from the similarity of the pair, as a share of what it takes from the original's own."""
    lost, changed = np.nanmedian(shifts[:, 0] - shifts[:, 1]), 1 - np.nanmedian(shifts[:, 2])
    return float(lost / changed)


def _nudge_gain(nudges: NDArray[np.float64]) -> float:
    return float(np.nanmedian(nudges[:, 1:] - nudges[:, :1], axis=0).max()) if len(nudges) else 0.0


def matched_tracks(
    fake: Analysis, original: Analysis, fake_to_original: NDArray[np.float64], offset_s: float
) -> tuple[tuple[int, int | None], ...]:
    """Return for each track of the fake the original's track that is at the same place most of the time that both
    clips show, or None. offset_s: added to the fake's time to have the original's."""
    return tuple(
        (track.track_id, _track_at_same_place(track, fake, original, fake_to_original, offset_s))
        for track in fake.tracks
    )


def _track_at_same_place(
    track: FaceTrack, fake: Analysis, original: Analysis, fake_to_original: NDArray[np.float64], offset_s: float
) -> int | None:
    times_s = fake.frame_timestamps_s[track.frame_indices] + offset_s
    shown = (times_s >= original.frame_timestamps_s[0]) & (times_s <= original.frame_timestamps_s[-1])
    nearest = np.where(shown, _nearest_rows(original.frame_timestamps_s, times_s), -1)
    corners = track.boxes_xyxy.reshape(-1, 2) @ fake_to_original[:, :2].T + fake_to_original[:, 2]
    boxes = corners.reshape(-1, 4).astype(np.float32)
    overlaps: dict[int, float] = {}
    for other in original.tracks:
        rows = np.searchsorted(other.frame_indices, nearest)
        here = (rows < len(other)) & (other.frame_indices[np.minimum(rows, len(other) - 1)] == nearest)
        pairs = zip(boxes[here], other.boxes_xyxy[rows[here]], strict=True)
        overlaps[other.track_id] = sum(float(box_iou(a[None], b[None])[0, 0]) for a, b in pairs) / max(1, shown.sum())
    best = max(overlaps, key=overlaps.__getitem__, default=None)
    return best if best is not None and overlaps[best] >= SAME_FACE_MIN_IOU else None


def _nearest_rows(sorted_s: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    right = np.clip(np.searchsorted(sorted_s, times_s), 1, max(1, len(sorted_s) - 1))
    left = right - 1
    right = np.minimum(right, len(sorted_s) - 1)
    return np.where(times_s - sorted_s[left] < sorted_s[right] - times_s, left, right).astype(np.int64)
