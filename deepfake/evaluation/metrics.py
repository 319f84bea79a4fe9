"""How well scores tell fakes from reals: AUC with its interval, log loss, calibration, shares with theirs.

Throughout: scores f64 (n,), larger is more suspicious; probabilities f64 (n,), P(fake) in [0, 1]; is_fake bool (n,).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepfake.evaluation.bootstrap import BOOTSTRAP_DRAWS, auc_draws, group_draws, percentile_interval

MIN_PROBABILITY = 1e-6  # a single certain and wrong answer would make the mean log loss infinite
CALIBRATION_BINS = 10


def auc(scores: ArrayLike, is_fake: ArrayLike) -> float:
    """Return the area under the ROC curve: the share of pairs of a fake and a real in which the fake scores higher,
    ties counted half. NaN without both classes."""
    from sklearn.metrics import roc_auc_score

    fake = np.asarray(is_fake, dtype=bool)
    if fake.all() or not fake.any():
        return float("nan")
    return float(roc_auc_score(fake, np.asarray(scores, dtype=np.float64)))


def auc_interval(
    scores: ArrayLike, is_fake: ArrayLike, groups: Sequence[str], *, seed: int = 0, draws: int = BOOTSTRAP_DRAWS
) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the AUC; whole groups are drawn with replacement.

    Clips of one person or one source are not independent: drawing clip by clip would give an interval that is too
    narrow. Draws with a single class are left out. groups: n names. Returns (low, high), NaN with fewer than two
    groups or where no draw has both classes. The same seed gives the same interval whatever the order of the clips.

    When it misleads: with few groups it is too narrow, as a percentile bootstrap is.
    """
    drawn = group_draws(groups, seed=seed, draws=draws)
    known = None if drawn is None else percentile_interval(auc_draws(scores, is_fake, drawn))
    return (float("nan"), float("nan")) if known is None else known


def clip_losses(probabilities: ArrayLike, is_fake: ArrayLike) -> NDArray[np.float64]:
    """Return the negative log likelihood of each clip's label, f64 (n,); log_loss is its mean."""
    fake = np.asarray(is_fake, dtype=bool)
    clipped = np.clip(np.asarray(probabilities, dtype=np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    losses: NDArray[np.float64] = -np.log(np.where(fake, clipped, 1 - clipped))
    return losses


def log_loss(probabilities: ArrayLike, is_fake: ArrayLike, *, balanced: bool = False) -> float:
    """Return the mean negative log likelihood of the labels, natural logarithm; NaN without clips.

    Probabilities are kept within [1e-6, 1 − 1e-6]. balanced: reals and fakes count the same in all, as in the world
    with as many fakes as reals that a probability is calibrated for; NaN without both classes.
    """
    from sklearn.metrics import log_loss as mean_log_loss

    fake = np.asarray(is_fake, dtype=bool)
    if not len(fake) or (balanced and (fake.all() or not fake.any())):
        return float("nan")
    clipped = np.clip(np.asarray(probabilities, dtype=np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    weights = np.where(fake, 1 / max(fake.sum(), 1), 1 / max((~fake).sum(), 1)) if balanced else None
    return float(mean_log_loss(fake, clipped, sample_weight=weights, labels=[False, True]))


def brier_score(probabilities: ArrayLike, is_fake: ArrayLike) -> float:
    """Return the mean squared distance of P(fake) from the label (Brier 1950), in [0, 1]; NaN without clips."""
    fake = np.asarray(is_fake, dtype=np.float64)
    return float(np.mean((np.asarray(probabilities, dtype=np.float64) - fake) ** 2)) if len(fake) else float("nan")


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Clips whose P(fake) lies in [low, high): their number, mean P(fake), and the share that is fake."""

    low: float
    high: float
    n: int
    mean_probability: float
    share_fake: float


def calibration_table(probabilities: ArrayLike, is_fake: ArrayLike) -> tuple[CalibrationBin, ...]:
    """Return the bins of equal width that hold clips, from low to high P(fake); the last one includes 1."""
    values, fake = np.asarray(probabilities, dtype=np.float64), np.asarray(is_fake, dtype=bool)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, CALIBRATION_BINS - 1)
    return tuple(
        CalibrationBin(
            float(edges[place]),
            float(edges[place + 1]),
            int((places == place).sum()),
            float(values[places == place].mean()),
            float(fake[places == place].mean()),
        )
        for place in np.unique(places)
    )


def calibration_error(table: Sequence[CalibrationBin]) -> float:
    """Return the expected calibration error (Naeini et al. 2015): the distance of mean P(fake) from the share of fakes
    in a bin, averaged over clips; NaN without clips. With few clips per bin, chance alone makes it large."""
    total = sum(row.n for row in table)
    return sum(row.n * abs(row.mean_probability - row.share_fake) for row in table) / total if total else float("nan")


@dataclass(frozen=True, slots=True)
class Share:
    """count of n, their quotient, and its exact 95% interval (Clopper & Pearson 1934), which takes the n for
    independent. rate and ci95: None where n is 0."""

    count: int
    n: int
    rate: float | None
    ci95: tuple[float, float] | None


def share(count: int, n: int) -> Share:
    """Return the share count / n with its interval. Raises ValueError unless 0 <= count <= n."""
    from scipy.stats import binomtest

    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} is not a share")
    if n == 0:
        return Share(0, 0, None, None)
    interval = binomtest(count, n).proportion_ci(0.95)
    return Share(count, n, count / n, (float(interval.low), float(interval.high)))
