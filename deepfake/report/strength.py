"""How strongly a P(fake) speaks, in the words of forensic science, and for which side."""

from typing import Final, Literal

from deepfake.analysis.evidence import Direction, Evidence

# The verbal scale of likelihood ratios of the ENFSI Guideline for Evaluative Reporting in Forensic Science (2015): an
# observation supports neither side below 2, a side weakly below 10, moderately below 100. With as many fakes as real
# clips, as P(fake) is calibrated, the odds are that ratio.
NEITHER_BELOW: Final = 2.0
WEAK_BELOW: Final = 10.0
MODERATE_BELOW: Final = 100.0
Strength = Literal["none", "weak", "moderate", "strong"]
STRENGTHS: Final[tuple[Strength, ...]] = ("none", "weak", "moderate", "strong")


def strength_of(probability: float) -> Strength:
    """Return how strongly a P(fake) in [0, 1] speaks, for a fake or against one."""
    certain = max(probability, 1 - probability)
    odds = certain / max(1 - certain, 1e-9)
    limits = (NEITHER_BELOW, WEAK_BELOW, MODERATE_BELOW)
    return STRENGTHS[sum(odds >= limit for limit in limits)]


def told_direction(item: Evidence) -> Direction:
    """Return what a fact speaks for, as a reader is told: a score near the middle for neither side."""
    is_even = item.code == "score" and item.suspicion is not None and strength_of(item.suspicion) == "none"
    return "limits" if is_even else item.direction
