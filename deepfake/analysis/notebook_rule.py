"""The notebook's rule on how steady a clip is: shown, and no part of the verdict."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RuleLabel = Literal["REAL", "FAKE", "MAYBE_FAKE"]

# The notebook's two thresholds, chosen there by eye on four clips.
RULE_MAX_AMPLITUDE = 0.1
RULE_MIN_SIMILARITY = 0.92


@dataclass(frozen=True, slots=True)
class NotebookRule:
    """The notebook's threshold rule on the similarity of successive whole frames.

    amplitude: (max − min) / 2 of the similarities, in [0, 1]; minimum: the least of them, in [−1, 1]. All
    three are None where the clip has fewer than two frames.
    """

    label: RuleLabel | None
    amplitude: float | None
    minimum: float | None


def notebook_rule(similarity: NDArray[np.float32]) -> NotebookRule:
    """Return what the notebook's rule says of a clip.

    An amplitude below 0.1 with a minimum above 0.92 is REAL, an amplitude below 0.1 otherwise FAKE, the rest
    MAYBE_FAKE. similarity: f32 (m,), SSIM of successive whole frames; NaN is left out.

    When it misleads: it measures how steady the picture is, not whether a face is real. A cut, a moving camera
    or a lively scene looks suspicious to it; a well-made fake in front of a still camera looks real.
    """
    measured = similarity[~np.isnan(similarity)]
    if len(measured) == 0:
        return NotebookRule(None, None, None)
    minimum = float(measured.min())
    amplitude = (float(measured.max()) - minimum) / 2
    if amplitude >= RULE_MAX_AMPLITUDE:
        return NotebookRule("MAYBE_FAKE", amplitude, minimum)
    return NotebookRule("REAL" if minimum > RULE_MIN_SIMILARITY else "FAKE", amplitude, minimum)
