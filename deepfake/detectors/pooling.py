"""From one score per crop to one score per track, and which crops are scored."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

CROPS_A_TRACK: Final = 24  # more frames add next to nothing and cost time; see MODEL_CARD_EFFICIENTNET.md
MIN_PROBABILITY: Final = 1e-4


def choose_frames(frame_indices: NDArray[np.int64], count: int = CROPS_A_TRACK) -> NDArray[np.int64]:
    """Return at most `count` of a track's frames, spread evenly over it.

    frame_indices: i64 (n,), increasing. Returns i64 (min(n, count),), increasing.
    """
    if len(frame_indices) <= count:
        return frame_indices
    return frame_indices[np.round(middles(len(frame_indices), count)).astype(np.int64)]


def middles(length: int, count: int) -> NDArray[np.float64]:
    """Return the places in the middle of `count` equal parts of a row of so many things, f64 (count,), from 0 on."""
    return (np.arange(count) + 0.5) * length / count - 0.5


def pool_track(scores: NDArray[np.float32]) -> float | None:
    """Return P(fake) of a track: the mean of its crops' log odds, as a probability. None without a score.

    scores: f32 (n,), P(fake) a crop; NaN where a crop could not be scored. Of mean, median and upper quantiles the
    mean was as good as any on validation, and it is the least moved by one odd frame.
    """
    known = scores[~np.isnan(scores)].astype(np.float64)
    if not len(known):
        return None
    clipped = np.clip(known, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    log_odds = float(np.mean(np.log(clipped / (1 - clipped))))
    return float(1 / (1 + np.exp(-log_odds)))
