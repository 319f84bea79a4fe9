"""By how much later one clip shows what another shows: an excerpt is laid on the clip that it was cut from.

Where pictures change, both change: the similarity of successive frames, which both analyses hold, is a signature of the
movement that a swapped face and another compression leave as it is. It proposes; pictures decide.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from deepfake.comparison.findings import MIN_PAIR_SIMILARITY
from deepfake.comparison.overlap import Overlap, find_overlap, reduced_similarity
from deepfake.settings import Settings
from deepfake.signals.base import SignalTrace
from deepfake.video.info import Image
from deepfake.video.reader import VideoReader

# So much of the shorter clip, and so many moments, have to lie on the other.
MIN_SHARE: Final = 0.3
MIN_MOMENTS: Final = 24
# What is proposed at all. Of 15 fakes and their originals (FaceForensics++ c23 and c40, DeepFaceLive, others), as they
# are, with up to 1.3 s cut off and encoded again, it was the right place in all, to the frame, at 0.66 or more, at half
# the size and rate 0.51; other clips reach 0.8 by chance, and pictures tell them.
MIN_CORRELATION: Final = 0.5
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
    proposed = _by_movement(fake, original, steps_s[1])
    if proposed == 0.0:
        return 0.0
    # Where the rates differ, the movement tells no more than the coarser one does.
    around = round(steps_s[1] / steps_s[0]) if steps_s[1] > 1.1 * steps_s[0] else 0
    near = [proposed + number * steps_s[0] for number in range(-around, around + 1)]
    ends_s = float(fake.timestamps_s[-1]), float(original.timestamps_s[-1])
    overlaps = [find_overlap(fake_path, original_path, settings, offset_s=offset_s) for offset_s in (0.0, proposed)]
    with VideoReader(fake_path, settings) as fake_reader, VideoReader(original_path, settings) as original_reader:
        [as_it_is], moved = (
            _likeness((fake_reader, original_reader), ends_s, offsets_s, overlap)
            for offsets_s, overlap in (([0.0], overlaps[0]), (near, overlaps[1]))
        )
    best = int(np.argmax(moved))
    fits = moved[best] >= max(MIN_PAIR_SIMILARITY, as_it_is + MIN_GAIN)
    return near[best] if fits else 0.0


def _step_s(trace: SignalTrace) -> float:
    return float(np.median(np.diff(trace.timestamps_s, prepend=0.0))) if len(trace.timestamps_s) else 0.0


def _by_movement(fake: SignalTrace, original: SignalTrace, step_s: float) -> float:
    """The offset at which both change alike, seconds; 0.0 where there is none, or they do so as they begin."""
    a, b = _change(fake, step_s), _change(original, step_s)
    needed = max(MIN_MOMENTS, round(MIN_SHARE * min(len(a), len(b))))
    if min(len(a), len(b)) < needed:
        return 0.0
    correlations, first_lag = _correlations(a, b, needed)
    best = int(np.argmax(correlations))
    return (best + first_lag) * step_s if correlations[best] >= MIN_CORRELATION else 0.0


def _change(trace: SignalTrace, step_s: float) -> NDArray[np.float64]:
    """How much a clip changes in each step of time, on a scale on which a cut does not outweigh all else."""
    if step_s <= 0 or not np.isfinite(trace.values).all():
        return np.empty(0)
    times_s = np.concatenate([[0.0], trace.timestamps_s])
    so_far = np.concatenate([[0.0], np.cumsum(1 - trace.values.astype(np.float64))])
    edges_s = np.arange(0.0, times_s[-1] + step_s / 2, step_s)
    changed = np.diff(np.interp(edges_s, times_s, so_far))
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
    readers: tuple[VideoReader, VideoReader], ends_s: tuple[float, float], offsets_s: list[float], overlap: Overlap
) -> list[float]:
    """The similarity of fake and original for each offset, in the median over moments that all of these offsets leave
    to both; −1 where there are none."""
    fake, original = readers
    first_s = max(0.0, *(-offset_s for offset_s in offsets_s))
    last_s = min(ends_s[0], *(ends_s[1] - offset_s for offset_s in offsets_s))
    if first_s > last_s:
        return [-1.0] * len(offsets_s)

    def view(picture: Image, of_side: Callable[[Image, tuple[int, int]], Image]) -> Image:
        return np.ascontiguousarray(of_side(picture, overlap.reduced_size))

    values = np.empty((LOOKED_AT, len(offsets_s)))
    for row, moment_s in enumerate(np.linspace(first_s, last_s, LOOKED_AT + 2)[1:-1].tolist()):
        frame = fake.frame_near(moment_s)[0]
        seen = view(frame.image, overlap.fake_view)
        nearest_s = frame.timestamp_s + 0.5 / float(original.info.frame_rate)  # the last frame before is the nearest
        for column, offset_s in enumerate(offsets_s):
            other = view(original.frame_near(nearest_s + offset_s)[0].image, overlap.original_view)
            values[row, column] = reduced_similarity(seen, other)
    return [float(value) if np.isfinite(value) else -1.0 for value in np.median(values, axis=0)]
