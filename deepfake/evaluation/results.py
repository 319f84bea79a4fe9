"""One labeled clip and what the analysis says of it: what an evaluation is made of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.verdict import Answer, VerdictLabel
from deepfake.dataset import ClipEntry
from deepfake.detectors import training_clips

if TYPE_CHECKING:
    from deepfake.batch import BatchResult


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One labeled clip and what the analysis says of it.

    clip: has a label. probability_fake: in [0, 1], or None where the verdict gives none. verdict: None where the clip
    failed. reason: of a verdict that decides nothing. error: why the clip could not be analyzed, without
    its name, else None. trained_on: whether the classifier was trained on the clip, as far as that is known. answer:
    what a reader is told, as Verdict.answer; None as for verdict. Of a clip that was NOT_JUDGED the score counts.
    """

    clip: ClipEntry
    probability_fake: float | None
    verdict: VerdictLabel | None
    reason: Evidence | None = None
    error: str | None = None
    trained_on: bool = False
    answer: Answer | None = None

    @property
    def told_probability(self) -> float | None:
        """P(fake) as a reader is told it, as Verdict.told_probability."""
        return None if self.answer == "NOT_JUDGED" else self.probability_fake

    @property
    def failure(self) -> str:
        """The error in one line behind the clip's name; "" where there is none."""
        return "" if self.error is None else f"{self.clip.shown}: {' '.join(self.error.split())}"

    @property
    def abstained(self) -> bool:
        """Whether the clip was analyzed and not decided: INCONCLUSIVE, or without a probability."""
        return self.error is None and (self.verdict == "INCONCLUSIVE" or self.probability_fake is None)


def result_of(found: "BatchResult", classifier: str) -> ClipResult:
    """Return what a batch with this classifier found out about a labeled clip. Raises ClassifierError."""
    undecided = found.verdict == "INCONCLUSIVE" or found.probability_fake is None
    return ClipResult(
        found.clip,
        found.probability_fake,
        found.verdict,
        found.reason if undecided else None,
        found.error,
        trained_on=found.sha256 in training_clips(classifier),
        answer=found.answer,
    )
