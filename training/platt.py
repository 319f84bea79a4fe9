"""Platt's calibration: logits to probabilities by a logistic regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize


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
