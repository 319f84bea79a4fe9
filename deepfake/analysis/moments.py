"""The most suspicious moments of a person: which they are, and what is kept of them. `views.moments` cuts them out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepfake.signals.base import SignalTrace


@dataclass(frozen=True, slots=True)
class MomentPicture:
    """One moment of a person.

    frame_index, timestamp_s: of its frame, seconds from the first. probability_fake: P(fake) of this picture alone.
    face: JPEG, square. looked: JPEG of the same with the attribution over it, None where the classifier cannot tell.
    """

    frame_index: int
    timestamp_s: float
    probability_fake: float
    face: bytes
    looked: bytes | None


@dataclass(frozen=True, slots=True)
class Moments:
    """The most suspicious moments of one person, in the order of time. track_id: of the person, None where there is
    nothing to show."""

    track_id: int | None = None
    pictures: tuple[MomentPicture, ...] = ()


def suspicious_rows(trace: SignalTrace, most: int) -> list[int]:
    """Return the rows of the highest values of a trace, the highest first.

    They lie apart, by half of an even share of the trace's length, where it has enough values for that; else closer.
    NaN is left out.
    """
    known = np.flatnonzero(np.isfinite(trace.values))
    ranked = known[np.argsort(-trace.values[known], kind="stable")].tolist()
    if not ranked:
        return []
    apart_s = float(trace.timestamps_s[known[-1]] - trace.timestamps_s[known[0]]) / (2 * most)
    chosen = _apart(ranked, trace.timestamps_s, apart_s, most)
    while len(chosen) < min(most, len(ranked)):
        apart_s = apart_s / 2 if apart_s > 1e-3 else 0.0
        chosen = _apart(ranked, trace.timestamps_s, apart_s, most)
    return chosen


def _apart(ranked: Sequence[int], times_s: NDArray[np.float64], apart_s: float, most: int) -> list[int]:
    chosen: list[int] = []
    for row in ranked:
        if len(chosen) < most and all(abs(times_s[row] - times_s[other]) >= apart_s for other in chosen):
            chosen.append(row)
    return chosen
