"""Intervals by bootstrap: whole groups of clips are drawn with replacement (Efron & Tibshirani 1993, chapter 8).

Clips of one person or one source are not independent: drawing clip by clip would give intervals that are too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BOOTSTRAP_DRAWS = 2000
DRAWS_AT_ONCE = 64  # a block of weights this many clips wide stays small
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class GroupDraws:
    """How often each group was drawn. members: i64 (n,), the group of each clip, from 0. counts: i16 or i32
    (draws, groups). Two sets of scores of the same clips under the same draws can be compared draw by draw."""

    members: NDArray[np.int64]
    counts: NDArray[np.integer]

    @property
    def n_groups(self) -> int:
        """How many groups there are to draw from."""
        return int(self.counts.shape[1])


def group_draws(groups: Sequence[str], *, seed: int = 0, draws: int = BOOTSTRAP_DRAWS) -> GroupDraws | None:
    """Return draws of as many groups as there are; None with fewer than two groups, which have no spread.

    The same seed gives the same draws whatever the order of the clips.
    """
    names, members = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return None
    random = np.random.default_rng(seed)
    small = np.int16 if len(names) < np.iinfo(np.int16).max else np.int32
    counts = np.empty((draws, len(names)), dtype=small)
    for start in range(0, draws, DRAWS_AT_ONCE):
        block = counts[start : start + DRAWS_AT_ONCE]
        # Group g of row r is counted at r * n + g: one count for the whole block, several times faster than
        # random.multinomial with many groups.
        drawn = random.integers(len(names), size=block.shape) + np.arange(len(block))[:, None] * len(names)
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    return GroupDraws(members, counts)


def auc_draws(scores: ArrayLike, is_fake: ArrayLike, drawn: GroupDraws) -> NDArray[np.float64]:
    """Return the AUC of each draw, f64 (draws,), NaN where a draw has a single class."""
    values, fake = np.asarray(scores, dtype=np.float64), np.asarray(is_fake, dtype=bool)
    real_scores = values[~fake]
    order = np.argsort(real_scores, kind="stable")
    real_members, fake_members = drawn.members[~fake][order], drawn.members[fake]
    below = np.searchsorted(real_scores[order], values[fake], side="left")
    upto = np.searchsorted(real_scores[order], values[fake], side="right")
    tied = bool((below != upto).any())
    blocks = []
    for start in range(0, len(drawn.counts), DRAWS_AT_ONCE):
        # Groups by draws: gathering rows of neighboring values is several times faster than gathering columns.
        weights = np.ascontiguousarray(drawn.counts[start : start + DRAWS_AT_ONCE].T, dtype=np.float64)
        reals = np.zeros((len(real_members) + 1, weights.shape[1]))
        np.cumsum(weights[real_members], axis=0, out=reals[1:])
        fakes = weights[fake_members]
        beaten = (reals[below] + reals[upto]) / 2 if tied else reals[below]
        pairs = fakes.sum(axis=0) * reals[-1]
        wins = np.einsum("ij,ij->j", fakes, beaten)
        blocks.append(np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))
    return np.concatenate(blocks)


def mean_draws(values: ArrayLike, drawn: GroupDraws) -> NDArray[np.float64]:
    """Return the mean over clips of each draw, f64 (draws,). values: f64 (n,), one per clip."""
    sums = np.bincount(drawn.members, np.asarray(values, dtype=np.float64), drawn.n_groups)
    sizes = np.bincount(drawn.members, minlength=drawn.n_groups).astype(np.float64)
    totals = np.column_stack([sums, sizes])
    blocks = [
        drawn.counts[start : start + DRAWS_AT_ONCE].astype(np.float64) @ totals
        for start in range(0, len(drawn.counts), DRAWS_AT_ONCE)
    ]
    drawn_totals = np.concatenate(blocks)
    means: NDArray[np.float64] = drawn_totals[:, 0] / drawn_totals[:, 1]
    return means


def percentile_interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the 95% percentile interval of the draws' values; None where every draw is NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, PERCENTILES)
    return float(low), float(high)
