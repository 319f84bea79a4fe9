"""One evaluation of a data set, ready for a page: all that does not change with the threshold, computed once."""

from dataclasses import dataclass

from deepfake.evaluation.bootstrap import GroupDraws, group_draws
from deepfake.evaluation.caveats import caveats
from deepfake.evaluation.curves import (
    Confusion,
    PrecisionRecall,
    RocCurve,
    accuracy_interval,
    confusion,
    precision_recall,
    roc,
)
from deepfake.evaluation.methods import MethodResult, by_method
from deepfake.evaluation.results import ClipResult
from deepfake.evaluation.scored import ScoredClips, scored_clips, worst_errors
from deepfake.evaluation.stored import StoredResults
from deepfake.evaluation.summary import Evaluation, summarize


@dataclass(frozen=True, slots=True)
class Measured:
    """What the store's analyses of a data set, with one setting, are worth against the labels.

    name: what the setting is called. clips: those with a P(fake). drawn: the draws that all intervals of the whole set
    rest on. roc, precision_recall: None without both labels. caveats: what these numbers do not tell.
    """

    name: str
    stored: StoredResults
    clips: ScoredClips
    evaluation: Evaluation
    drawn: GroupDraws | None
    roc: RocCurve | None
    precision_recall: PrecisionRecall | None
    methods: tuple[MethodResult, ...]
    caveats: tuple[str, ...]

    def confusion_at(self, threshold: float) -> Confusion:
        """Return the four counts at a threshold of P(fake)."""
        return confusion(self.clips.probabilities, self.clips.is_fake, threshold)

    def accuracy_ci95_at(self, threshold: float) -> tuple[float, float] | None:
        """Return the interval of the accuracy at a threshold, whole groups drawn."""
        return accuracy_interval(self.clips.probabilities, self.clips.is_fake, threshold, self.drawn)

    def errors_at(self, threshold: float) -> tuple[ClipResult, ...]:
        """Return the clips called by the wrong name at a threshold, the worst first."""
        return worst_errors(self.clips, threshold)


def measure(stored: StoredResults, *, name: str) -> Measured:
    """Return the numbers and curves of stored results."""
    clips = scored_clips(stored.results)
    drawn = group_draws(clips.groups)
    evaluation = summarize(stored.results, drawn=drawn)
    return Measured(
        name=name,
        stored=stored,
        clips=clips,
        evaluation=evaluation,
        drawn=drawn,
        roc=roc(clips.probabilities, clips.is_fake),
        precision_recall=precision_recall(clips.probabilities, clips.is_fake),
        methods=by_method(stored.results, drawn),
        caveats=caveats(stored, clips, evaluation.auc),
    )
