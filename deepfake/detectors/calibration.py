"""From a classifier's logit to a probability, and how suspicious real and fake examples look beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.errors import ClassifierError

FALSE_ALARM_RATE: Final = 0.05  # of real clips that may be called LIKELY_FAKE, unless a calibration says otherwise
MISS_RATE: Final = 0.10  # of fake clips that may be called LIKELY_REAL, unless a calibration says otherwise


@dataclass(frozen=True, slots=True)
class Calibration:
    """From the logit of a classifier to a probability: sigmoid(slope * logit + offset), fitted on held-out people with
    as many fakes as reals; and what a verdict may be given at.

    real_logits: f32 (n,), logits of n real examples of held-out people, increasing: the yardstick for "as suspicious as
    k of n real ones". A clip counts as it is and once more degraded, so that they are fewer clips than n. fake_logits:
    f32 (m,), those of the recorded fakes of held-out people.
    min_fake_probability: below it nothing is called LIKELY_FAKE. false_alarm_rate, miss_rate: the shares of real_logits
    and fake_logits that may be called LIKELY_FAKE and LIKELY_REAL.
    """

    slope: float
    offset: float
    real_logits: NDArray[np.float32]
    fake_logits: NDArray[np.float32]
    min_fake_probability: float = 0.5
    false_alarm_rate: float = FALSE_ALARM_RATE
    miss_rate: float = MISS_RATE

    def probability(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return P(fake) for logits of any shape, f32."""
        return (1 / (1 + np.exp(-(self.slope * logits.astype(np.float64) + self.offset)))).astype(np.float32)

    def logit(self, probability: float) -> float:
        """Return the logit that a calibrated probability in (0, 1) stands for."""
        return float((np.log(probability / (1 - probability)) - self.offset) / self.slope)

    def real_at_least(self, probability: float) -> tuple[int, int]:
        """Return (k, n): k of the n real ones score at least as high as this calibrated probability in (0, 1)."""
        k = int(np.sum(self.real_logits >= self.logit(probability)))
        return k, len(self.real_logits)

    def fake_at_most(self, probability: float) -> tuple[int, int]:
        """Return (k, m): k of the m fakes score at most as high as this calibrated probability in (0, 1)."""
        return int(np.sum(self.fake_logits <= self.logit(probability))), len(self.fake_logits)

    def p_value_real(self, probability: float) -> float:
        """Return the conformal p-value of "this is real" (Vovk et al. 2005): the share of real ones, this one counted
        among them, that are at least as suspicious. Of real clips like them, scored in the same way, at most a share p
        gets one of p or less."""
        higher, total = self.real_at_least(probability)
        return (higher + 1) / (total + 1)

    def p_value_fake(self, probability: float) -> float:
        """Return the conformal p-value of "this is a known kind of fake": the share of fakes no more suspicious."""
        lower, total = self.fake_at_most(probability)
        return (lower + 1) / (total + 1)

    def shares(self, probabilities: Sequence[float | None]) -> list[float]:
        """Return by how much the p-value of each of several people of one clip is multiplied, at least 1: the more
        people, the more chances of a false alarm, and the more of them are as suspicious, the fewer.

        Benjamini & Hochberg 1995: of clips with real people only, at most false_alarm_rate get a LIKELY_FAKE. It holds
        for conformal p-values that share their examples (Bates et al. 2023, arXiv:2104.08279), where the people's
        scores do not depend on each other; those of one clip may. One suspicious face
        among m counts m times, as with Bonferroni; m that are alike count once, as one person does whom cuts divide.
        None stands for somebody of whom nothing may be said: one more chance of a false alarm, and no support.
        """
        p_values = np.array([1.0 if value is None else self.p_value_real(value) for value in probabilities])
        order = np.argsort(p_values)
        ranked = p_values[order] * len(order) / np.arange(1, len(order) + 1)
        shares = np.empty(len(order))
        shares[order] = np.minimum.accumulate(ranked[::-1])[::-1] / p_values[order]
        return [float(share) for share in shares]

    def is_fake(self, probability: float, share: float = 1.0) -> bool:
        """Return whether a probability is enough for LIKELY_FAKE. share: of shares, where several people are judged."""
        p_value = min(1.0, share * self.p_value_real(probability))
        return p_value <= self.false_alarm_rate and probability >= self.min_fake_probability

    def label_limits(self, share: float = 1.0) -> tuple[float | None, float | None]:
        """Return below which P(fake) a person is LIKELY_REAL and from which on LIKELY_FAKE, each within 0.001, or None
        where no P(fake) is enough. share: as in is_fake; the larger, the higher the second."""
        steps = [step / 1000 for step in range(1, 1000)]
        real = [step for step in steps if self.is_real(step)]
        fake = [step for step in steps if self.is_fake(step, share)]
        return max(real, default=None), min(fake, default=None)

    def is_real(self, probability: float) -> bool:
        """Return whether a probability is low enough for LIKELY_REAL."""
        return self.p_value_fake(probability) <= self.miss_rate and probability < 0.5


def read_calibration(path: Path) -> Calibration:
    """Return the calibration in a JSON file: the fields of Calibration by name; those with a default may be missing.

    Raises ClassifierError where the file is missing or damaged.
    """
    try:
        numbers = json.loads(path.read_text())
        reals, fakes = (np.sort(np.asarray(numbers[key], np.float32)) for key in ("real_logits", "fake_logits"))
        optional = ("min_fake_probability", "false_alarm_rate", "miss_rate")
        given = {key: float(numbers[key]) for key in optional if key in numbers}
        return Calibration(float(numbers["slope"]), float(numbers["offset"]), reals, fakes, **given)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClassifierError(path, f"the calibration cannot be read ({error})") from error
