"""What a threshold on P(fake) trades for what: ROC, precision and recall, and the four counts at one threshold.

A clip is called fake where its P(fake) is at least the threshold; FAKE is the positive class throughout.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepfake.evaluation.bootstrap import GroupDraws, mean_draws, percentile_interval
from deepfake.evaluation.metrics import Share, share


@dataclass(frozen=True, slots=True)
class RocCurve:
    """f64 (m,) each: the share of real clips called fake, the share of fakes called fake, and the threshold that
    gives both, falling; the first is infinite: nothing is called fake."""

    false_alarm_rate: NDArray[np.float64]
    found_rate: NDArray[np.float64]
    thresholds: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """f64 (m,) each, the threshold falling: the share of fakes called fake (recall), and the share that is fake among
    what is called fake (precision). average_precision: the mean precision, weighted by the steps of recall.
    share_fake: of all clips, which is the precision of guessing."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    average_precision: float
    share_fake: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Clips by label and by what a threshold calls them: found fakes, missed fakes, false alarms, real
    clips that were not accused."""

    threshold: float
    found: int
    missed: int
    false_alarms: int
    not_accused: int

    @property
    def n(self) -> int:
        """How many clips have a P(fake)."""
        return self.found + self.missed + self.false_alarms + self.not_accused

    @property
    def accuracy(self) -> Share:
        """Right answers among all. Its interval takes clips for independent: see accuracy_interval."""
        return share(self.found + self.not_accused, self.n)

    @property
    def found_rate(self) -> Share:
        """Fakes called fake among fakes: recall, sensitivity."""
        return share(self.found, self.found + self.missed)

    @property
    def false_alarm_rate(self) -> Share:
        """Real clips called fake among real clips."""
        return share(self.false_alarms, self.false_alarms + self.not_accused)

    @property
    def precision(self) -> Share:
        """Fakes among what is called fake."""
        return share(self.found, self.found + self.false_alarms)


def roc(probabilities: ArrayLike, is_fake: ArrayLike) -> RocCurve | None:
    """Return the ROC curve, one point a distinct P(fake); None without both classes. The area below it is the AUC."""
    from sklearn.metrics import roc_curve

    fake = np.asarray(is_fake, dtype=bool)
    if fake.all() or not fake.any():
        return None
    alarms, found, thresholds = roc_curve(fake, np.asarray(probabilities, dtype=np.float64), drop_intermediate=True)
    return RocCurve(alarms, found, thresholds)


def precision_recall(probabilities: ArrayLike, is_fake: ArrayLike) -> PrecisionRecall | None:
    """Return precision against recall, from the highest threshold down; None without both classes.

    When it misleads: precision depends on the share of fakes, which in a data set is not that of the world.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    fake = np.asarray(is_fake, dtype=bool)
    if fake.all() or not fake.any():
        return None
    values = np.asarray(probabilities, dtype=np.float64)
    precision, recall, thresholds = precision_recall_curve(fake, values)
    # scikit-learn appends the point (recall 0, precision 1), which no threshold gives.
    return PrecisionRecall(
        recall[:-1][::-1],
        precision[:-1][::-1],
        thresholds[::-1],
        float(average_precision_score(fake, values)),
        float(fake.mean()),
    )


def confusion(probabilities: ArrayLike, is_fake: ArrayLike, threshold: float) -> Confusion:
    """Return the four counts at a threshold of P(fake)."""
    from sklearn.metrics import confusion_matrix

    fake = np.asarray(is_fake, dtype=bool)
    called = np.asarray(probabilities, dtype=np.float64) >= threshold
    if not len(fake):
        return Confusion(threshold, 0, 0, 0, 0)
    (not_accused, alarms), (missed, found) = confusion_matrix(fake, called, labels=[False, True]).tolist()
    return Confusion(threshold, found, missed, alarms, not_accused)


def accuracy_interval(
    probabilities: ArrayLike, is_fake: ArrayLike, threshold: float, drawn: GroupDraws | None
) -> tuple[float, float] | None:
    """Return the 95% bootstrap interval of the accuracy at a threshold, groups drawn; None where nothing varies."""
    if drawn is None:
        return None
    right = (np.asarray(probabilities, dtype=np.float64) >= threshold) == np.asarray(is_fake, dtype=bool)
    return percentile_interval(mean_draws(right, drawn))
