"""By how much later one clip shows what another shows: an excerpt is laid on the clip that it was cut from.

Where pictures change, both change: the similarity of successive frames, which both analyses hold, is a signature of the
movement that a swapped face and another compression leave as it is. It proposes; pictures decide.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from deepfake.comparison.findings import MIN_PAIR_SIMILARITY
from deepfake.comparison.overlap import Overlap, find_overlap, likeness
from deepfake.settings import Settings
from deepfake.signals.base import SignalTrace
from deepfake.video.reader import VideoReader

Place = tuple[float, Overlap]  # an offset, and what lies on what

# So much of the shorter clip, and so many moments, have to lie on the other.
MIN_SHARE: Final = 0.3
MIN_MOMENTS: Final = 24
# What is proposed at all. Measured by benchmarks/offsets.py on 15 fakes and their originals: 0.75 or more in step, 0.61
# or more with the beginning cut off and encoded again. Other clips can reach as much; pictures tell them.
MIN_CORRELATION: Final = 0.5
# Where both change so much alike as they begin, they begin together. Of places that fit nearly as well, the one where
# most of both meets: a scene that is repeated fits at each of its turns, and what was changed in one turn is missing at
# another.
KEPT_CORRELATION: Final = 0.8
NEARLY_AS_WELL: Final = 0.1
NEIGHBOR_STEPS: Final = 3
SAME_RATE: Final = 1.1  # of two steps: below, they are of one rate
LOOKED_AT: Final = 5  # moments whose pictures decide
MIN_GAIN: Final = 0.005  # of the similarity in the median: for less, clips are taken to begin together
LEAST_CHANGE: Final = 1e-4  # of the similarity of successive frames: below, it is the noise of compression


def find_place(
    fake_path: Path | str,
    original_path: Path | str,
    fake: SignalTrace | None,
    original: SignalTrace | None,
    settings: Settings | None = None,
) -> Place:
    """Return where the fake lies in the original.

    fake, original: the similarity of successive frames of each. Raises what VideoReader raises.

    Returns:
        The time that has to be added to the fake's to have the original's, seconds, 0.0 where nothing tells; and how
        their pictures lie on each other then.

    When it misleads: a scene that repeats itself fits in several places; one in which hardly anything moves in none.
    """
    as_begun = 0.0, find_overlap(fake_path, original_path, settings)
    if fake is None or original is None:
        return as_begun
    proposed = _by_movement(fake, original)
    if not proposed:
        return as_begun
    overlap = find_overlap(fake_path, original_path, settings, offset_s=proposed[len(proposed) // 2])
    moved = [(offset_s, overlap) for offset_s in proposed]
    ends_s = float(fake.timestamps_s[-1]), float(original.timestamps_s[-1])
    with VideoReader(fake_path, settings) as fake_reader, VideoReader(original_path, settings) as original_reader:
        readers = fake_reader, original_reader
        # At the same moments of the fake where there are any: elsewhere it may have been changed less.
        as_it_is, *there = _likeness(readers, ends_s, [as_begun, *moved]) or [
            *_likeness(readers, ends_s, [as_begun]),
            *_likeness(readers, ends_s, moved),
        ]
    best = int(np.argmax(there))
    return moved[best] if there[best] >= max(MIN_PAIR_SIMILARITY, as_it_is + MIN_GAIN) else as_begun


def _step_s(trace: SignalTrace) -> float:
    return float(np.median(np.diff(trace.timestamps_s, prepend=0.0))) if len(trace.timestamps_s) else 0.0


def _by_movement(fake: SignalTrace, original: SignalTrace) -> list[float]:
    """The offset at which both change alike, seconds; none where there is none, or they do so as they begin. Where the
    rates differ, the movement tells no more than the coarser one does: several around it."""
    fine_s, step_s = sorted(_step_s(trace) for trace in (fake, original))
    if fine_s <= 0:
        return []
    is_other_rate = step_s > SAME_RATE * fine_s
    a, b = (_change(trace, step_s, smooth=is_other_rate) for trace in (fake, original))
    needed = max(MIN_MOMENTS, round(MIN_SHARE * min(len(a), len(b))))
    if min(len(a), len(b)) < needed:
        return []
    correlations, first_lag = _correlations(a, b, needed)
    as_they_begin = float(correlations[-first_lag]) if 0 <= -first_lag < len(correlations) else 0.0
    best = float(correlations.max())
    if best < MIN_CORRELATION or as_they_begin >= min(KEPT_CORRELATION, best - NEARLY_AS_WELL):
        return []
    lags = np.flatnonzero(correlations >= best - NEARLY_AS_WELL) + first_lag
    meeting = np.minimum(len(a), len(b) - lags) - np.maximum(0, -lags)
    # Neighbors of the best fit nearly as well and meet in as much but a step: among these, the best.
    longest = lags[meeting >= meeting.max() - NEIGHBOR_STEPS]
    offset_s = float(longest[np.argmax(correlations[longest - first_lag])]) * step_s
    around = round(step_s / fine_s) + 1 if is_other_rate else 0
    return [offset_s + number * fine_s for number in range(-around, around + 1)]


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
    readers: tuple[VideoReader, VideoReader], ends_s: tuple[float, float], places: Sequence[Place]
) -> list[float]:
    """The similarity of fake and original in each place, in the median over moments of the fake that the original has
    in all of them; empty where there are none."""
    fake, original = readers
    first_s = max(0.0, *(-offset_s for offset_s, _ in places))
    last_s = min(ends_s[0], *(ends_s[1] - offset_s for offset_s, _ in places))
    if first_s > last_s:
        return []
    values = np.empty((LOOKED_AT, len(places)))
    for row, moment_s in enumerate(np.linspace(first_s, last_s, LOOKED_AT + 2)[1:-1].tolist()):
        frame = fake.frame_near(moment_s)[0]
        nearest_s = frame.timestamp_s + 0.5 / float(original.info.frame_rate)  # the last frame before is the nearest
        for column, (offset_s, overlap) in enumerate(places):
            values[row, column] = likeness(overlap, frame.image, original.frame_near(nearest_s + offset_s)[0].image)
    return list(map(float, np.median(values, axis=0)))
