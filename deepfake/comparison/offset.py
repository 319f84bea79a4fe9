"""By how much later one clip shows what another shows: an excerpt is laid on the clip that it was cut from.

Where pictures change, both change: the similarity of successive frames, which both analyses hold, is a signature of the
movement that a swapped face and another compression leave as it is. It proposes; pictures decide.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from deepfake.comparison.findings import MIN_PAIR_SIMILARITY
from deepfake.comparison.overlap import Overlap, find_overlap, reduced_similarity
from deepfake.settings import Settings
from deepfake.signals.base import SignalTrace
from deepfake.video.reader import VideoReader

# So much of the shorter clip, and so many moments, have to lie on the other.
MIN_SHARE: Final = 0.3
MIN_MOMENTS: Final = 24
# What is proposed at all. Of 15 fakes and their originals (FaceForensics++ c23 and c40, DeepFaceLive, others), as they
# are, with up to 1.3 s cut off and encoded again, it was the right place in all, to the frame, at 0.66 or more, at half
# the size and rate 0.51; other clips reach 0.8 by chance, and pictures tell them.
MIN_CORRELATION: Final = 0.5
# Where both change so much alike as they begin, they begin together: in the same pairs 0.94 or more in step, at most
# 0.58 out of step. Of places that fit nearly as well, the one where most of both meets: a scene that is repeated fits
# at each of its turns, and what was changed in one turn is missing at another.
KEPT_CORRELATION: Final = 0.8
NEARLY_AS_WELL: Final = 0.1
NEIGHBOR_STEPS: Final = 3
SAME_RATE: Final = 1.1  # of two steps: below, they are of one rate
LOOKED_AT: Final = 5  # moments whose pictures decide
MIN_GAIN: Final = 0.005  # of the similarity in the median: for less, clips are taken to begin together
LEAST_CHANGE: Final = 1e-4  # of the similarity of successive frames: below, it is the noise of compression


def find_offset(
    fake_path: Path | str,
    original_path: Path | str,
    fake: SignalTrace | None,
    original: SignalTrace | None,
    settings: Settings | None = None,
) -> float:
    """Return the time that has to be added to the fake's to have the original's, seconds; 0.0 where nothing tells.

    fake, original: the similarity of successive frames of each. Raises what VideoReader raises.

    When it misleads: a scene that repeats itself fits in several places; one in which hardly anything moves in none.
    """
    if fake is None or original is None:
        return 0.0
    steps_s = sorted(_step_s(trace) for trace in (fake, original))
    if steps_s[0] <= 0:
        return 0.0
    is_other_rate = steps_s[1] > SAME_RATE * steps_s[0]
    proposed = _by_movement(fake, original, steps_s[1], smooth=is_other_rate)
    if proposed == 0.0:
        return 0.0
    # Where the rates differ, the movement tells no more than the coarser one does.
    around = round(steps_s[1] / steps_s[0]) + 1 if is_other_rate else 0
    near = [proposed + number * steps_s[0] for number in range(-around, around + 1)]
    ends_s = float(fake.timestamps_s[-1]), float(original.timestamps_s[-1])
    as_begun, moved_there = (
        find_overlap(fake_path, original_path, settings, offset_s=offset_s) for offset_s in (0.0, proposed)
    )
    places = [(0.0, as_begun), *((offset_s, moved_there) for offset_s in near)]
    with VideoReader(fake_path, settings) as fake_reader, VideoReader(original_path, settings) as original_reader:
        readers = fake_reader, original_reader
        # At the same moments of the fake: elsewhere it may have been changed less.
        as_it_is, *moved = _likeness(readers, ends_s, places)
        if not moved or moved[0] < 0:  # the two places have no moment in common
            [as_it_is], moved = _likeness(readers, ends_s, places[:1]), _likeness(readers, ends_s, places[1:])
    best = int(np.argmax(moved))
    fits = moved[best] >= max(MIN_PAIR_SIMILARITY, as_it_is + MIN_GAIN)
    return near[best] if fits else 0.0


def _step_s(trace: SignalTrace) -> float:
    return float(np.median(np.diff(trace.timestamps_s, prepend=0.0))) if len(trace.timestamps_s) else 0.0


def _by_movement(fake: SignalTrace, original: SignalTrace, step_s: float, *, smooth: bool) -> float:
    """The offset at which both change alike, seconds; 0.0 where there is none, or they do so as they begin."""
    a, b = (_change(trace, step_s, smooth=smooth) for trace in (fake, original))
    needed = max(MIN_MOMENTS, round(MIN_SHARE * min(len(a), len(b))))
    if min(len(a), len(b)) < needed:
        return 0.0
    correlations, first_lag = _correlations(a, b, needed)
    as_they_begin = float(correlations[-first_lag]) if 0 <= -first_lag < len(correlations) else 0.0
    best = float(correlations.max())
    if best < MIN_CORRELATION or as_they_begin >= min(KEPT_CORRELATION, best - NEARLY_AS_WELL):
        return 0.0
    lags = np.flatnonzero(correlations >= best - NEARLY_AS_WELL) + first_lag
    meeting = np.minimum(len(a), len(b) - lags) - np.maximum(0, -lags)
    # Neighbors of the best fit nearly as well and meet in as much but a step: among these, the best.
    longest = lags[meeting >= meeting.max() - NEIGHBOR_STEPS]
    return float(longest[np.argmax(correlations[longest - first_lag])]) * step_s


def _change(trace: SignalTrace, step_s: float, *, smooth: bool) -> NDArray[np.float64]:
    """How much a clip changes in each step of time, on a scale on which a cut does not outweigh all else."""
    if not np.isfinite(trace.values).all():
        return np.empty(0)
    times_s = np.concatenate([[0.0], trace.timestamps_s])
    so_far = np.concatenate([[0.0], np.cumsum(1 - trace.values.astype(np.float64))])
    edges_s = np.arange(0.0, times_s[-1] + step_s / 2, step_s)
    changed = np.diff(np.interp(edges_s, times_s, so_far))
    if smooth and len(changed) >= 3:  # at another rate frames are repeated, and others left out
        changed = np.convolve(changed, np.ones(3) / 3, mode="same")
    return np.asarray(np.log(np.maximum(changed, LEAST_CHANGE)), dtype=np.float64)


def _correlations(a: NDArray[np.float64], b: NDArray[np.float64], needed: int) -> tuple[NDArray[np.float64], int]:
    """Pearson's correlation of a[i] with b[i + lag] for each lag at which `needed` of them or more meet, 0 where
    nothing changes; and the first of these lags."""
    a, b = a - a.mean(), b - b.mean()
    ones_a, ones_b = np.ones_like(a), np.ones_like(b)

    def sums(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        # Element k is the sum over i of x[i] y[i + lag], lag = k - len(x) + 1.
        return np.asarray(correlate(y, x, mode="full", method="fft"))

    count = np.round(sums(ones_a, ones_b))
    keep = count >= needed
    count = count[keep]
    sum_a, sum_b = sums(a, ones_b)[keep], sums(ones_a, b)[keep]
    spread_a = sums(a**2, ones_b)[keep] - sum_a**2 / count
    spread_b = sums(ones_a, b**2)[keep] - sum_b**2 / count
    together = sums(a, b)[keep] - sum_a * sum_b / count
    spread = np.sqrt(np.maximum(spread_a, 0) * np.maximum(spread_b, 0))
    moves = spread > 1e-6 * count
    correlations = np.divide(together, spread, out=np.zeros_like(together), where=moves)
    return correlations, int(np.flatnonzero(keep)[0]) - len(a) + 1


def _likeness(
    readers: tuple[VideoReader, VideoReader], ends_s: tuple[float, float], places: list[tuple[float, Overlap]]
) -> list[float]:
    """The similarity of fake and original in each place, an offset and what lies on what, in the median over moments of
    the fake that the original has in all of them; −1 where there are none."""
    fake, original = readers
    first_s = max(0.0, *(-offset_s for offset_s, _ in places))
    last_s = min(ends_s[0], *(ends_s[1] - offset_s for offset_s, _ in places))
    if first_s > last_s:
        return [-1.0] * len(places)
    values = np.empty((LOOKED_AT, len(places)))
    for row, moment_s in enumerate(np.linspace(first_s, last_s, LOOKED_AT + 2)[1:-1].tolist()):
        frame = fake.frame_near(moment_s)[0]
        nearest_s = frame.timestamp_s + 0.5 / float(original.info.frame_rate)  # the last frame before is the nearest
        for column, (offset_s, overlap) in enumerate(places):
            other, size = original.frame_near(nearest_s + offset_s)[0], overlap.reduced_size
            views = overlap.fake_view(frame.image, size), overlap.original_view(other.image, size)
            values[row, column] = reduced_similarity(*map(np.ascontiguousarray, views))
    return [float(value) if np.isfinite(value) else -1.0 for value in np.median(values, axis=0)]
