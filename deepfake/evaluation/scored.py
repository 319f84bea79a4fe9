"""The clips of an evaluation that have a probability, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepfake.evaluation.bootstrap import auc_draws, group_draws, percentile_interval
from deepfake.evaluation.metrics import auc, clip_losses
from deepfake.evaluation.results import ClipResult


@dataclass(frozen=True, slots=True)
class ScoredClips:
    """Clips with a P(fake). probabilities: f64 (n,) in [0, 1]; is_fake: bool (n,); groups: n names."""

    results: tuple[ClipResult, ...]
    probabilities: NDArray[np.float64]
    is_fake: NDArray[np.bool_]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.results)


def scored_clips(results: Sequence[ClipResult]) -> ScoredClips:
    """Return the clips that were analyzed and have a probability, in their order."""
    kept = tuple(result for result in results if result.error is None and result.probability_fake is not None)
    return ScoredClips(
        kept,
        np.array([result.probability_fake for result in kept], dtype=np.float64),
        np.array([result.clip.is_fake for result in kept], dtype=bool),
        tuple(result.clip.group for result in kept),
    )


def worst_errors(clips: ScoredClips, threshold: float) -> tuple[ClipResult, ...]:
    """Return the clips that a threshold calls by the wrong name, those with the least likely label first."""
    wrong = np.flatnonzero((clips.probabilities >= threshold) != clips.is_fake)
    losses = clip_losses(clips.probabilities, clips.is_fake)[wrong]
    return tuple(clips.results[index] for index in wrong[np.argsort(-losses, kind="stable")])


@dataclass(frozen=True, slots=True)
class AucDifference:
    """Two evaluations on the n clips that both score. difference: first minus second; ci95: of it, by a bootstrap
    that draws the same groups for both, or None where there is no spread."""

    n: int
    first: float
    second: float
    difference: float
    ci95: tuple[float, float] | None


def auc_difference(first: ScoredClips, second: ScoredClips, *, seed: int = 0) -> AucDifference | None:
    """Return how the AUC of two evaluations of the same data set differs; None where the clips that both score are
    not of both classes."""
    other = {result.clip.location: index for index, result in enumerate(second.results)}
    here = [index for index, result in enumerate(first.results) if result.clip.location in other]
    there = [other[first.results[index].clip.location] for index in here]
    is_fake, scores = first.is_fake[here], (first.probabilities[here], second.probabilities[there])
    if is_fake.all() or not is_fake.any():
        return None
    areas = [auc(values, is_fake) for values in scores]
    drawn = group_draws([first.groups[index] for index in here], seed=seed)
    interval = None
    if drawn is not None:
        interval = percentile_interval(auc_draws(scores[0], is_fake, drawn) - auc_draws(scores[1], is_fake, drawn))
    return AucDifference(len(here), areas[0], areas[1], areas[0] - areas[1], interval)
