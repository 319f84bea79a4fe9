"""Area under the ROC curve, log loss, and bootstrap intervals that draw whole groups of people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

BOOTSTRAP_DRAWS = 2000


def auc(scores: NDArray[np.floating], is_fake: NDArray[np.bool_]) -> float:
    """Return the share of (fake, real) pairs in which the fake scores higher, ties half; NaN without both classes."""
    fakes = int(is_fake.sum())
    reals = len(is_fake) - fakes
    if not fakes or not reals:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[is_fake].sum() - fakes * (fakes + 1) / 2) / (fakes * reals))


def log_loss(probabilities: NDArray[np.floating], is_fake: NDArray[np.bool_]) -> float:
    """Return the mean negative log likelihood, probabilities kept within [1e-6, 1 - 1e-6]."""
    p = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(is_fake, np.log(p), np.log(1 - p))))


def auc_interval(
    scores: NDArray[np.floating], is_fake: NDArray[np.bool_], groups: list[str], seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the AUC, whole groups drawn with replacement; NaN with a single group."""
    if len(set(groups)) < 2:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    names = sorted(set(groups))
    members = [np.flatnonzero(np.array(groups) == name) for name in names]
    values = []
    for _ in range(BOOTSTRAP_DRAWS):
        chosen = np.concatenate([members[k] for k in random.integers(0, len(names), len(names))])
        value = auc(scores[chosen], is_fake[chosen])
        if not np.isnan(value):
            values.append(value)
    low, high = np.percentile(values, (2.5, 97.5)) if values else (float("nan"), float("nan"))
    return float(low), float(high)


def platt(
    logits: NDArray[np.floating], is_fake: NDArray[np.bool_], weights: NDArray[np.floating] | None = None
) -> tuple[float, float]:
    """Return slope and offset of the logistic regression of is_fake on logits (Platt 1999).

    Without weights both classes weigh the same.
    """
    if weights is None:
        weights = np.where(is_fake, 0.5 / max(1, int(is_fake.sum())), 0.5 / max(1, int((~is_fake).sum())))

    def loss(parameters: NDArray[np.float64]) -> float:
        z = np.where(is_fake, 1, -1) * (parameters[0] * logits + parameters[1])
        return float(np.sum(weights * np.logaddexp(0, -z)))

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])
