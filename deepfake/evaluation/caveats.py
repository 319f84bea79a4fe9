"""What the numbers of an evaluation do not tell: sentences for its reader."""

from deepfake.evaluation.scored import ScoredClips
from deepfake.evaluation.stored import StoredResults
from deepfake.evaluation.summary import FEW_GROUPS, not_judged_sentences, trained_on_sentence

# A bin of 20 clips has a 95% interval about 0.4 wide around one half: less says next to nothing.
CLIPS_FOR_CALIBRATION = 200
FEW_REALS = 50  # none called fake of 50 still allows a false alarm rate of 7% (Clopper & Pearson)
ALWAYS = (
    "They hold for clips like these: other manipulations, cameras, people and compressions can give other numbers.",
    "Precision, accuracy and log loss depend on the share of fakes, which in a data set is not that of the world.",
)


def caveats(stored: StoredResults, clips: ScoredClips, auc: float | None) -> tuple[str, ...]:
    """Return what this evaluation cannot tell, the gravest first. auc: its AUC, where it has one."""
    found = []
    if not len(clips):
        return ("No clip has a P(fake): there is nothing to measure yet.",)
    only = {result.clip.label for result in clips.results}
    if len(only) == 1:
        found.append(
            f"{_all(len(clips))} labeled {only.pop()}: there is no ROC curve, no AUC and no precision without both "
            "labels."
        )
    if stored.n_trained_on:
        found.append(trained_on_sentence(stored.n_trained_on, stored.n_analyzed))
    found += not_judged_sentences(clips)
    left = len(stored.missing)
    if left:
        found.append(
            f"{stored.n_analyzed} of {stored.n_labeled} labeled clips are analyzed. What was done first need not be "
            "like the rest."
        )
    unscored = stored.n_analyzed - len(clips)
    if unscored:
        found.append(
            f"{unscored} of {stored.n_analyzed} analyzed clips have no P(fake) and are in none of the curves: if these "
            "are the hard ones, the curves flatter."
        )
    groups = len(set(clips.groups))
    if groups == 1:
        found.append("All clips are of one group of people: there is no interval, and other people may differ.")
    elif groups < FEW_GROUPS:
        found.append(f"The intervals rest on {groups} groups of people: with so few they are too narrow.")
    if auc == 1.0:
        found.append(
            "No real clip scores above a fake here, so that every draw gives an AUC of 1: an interval without width "
            "is no certainty."
        )
    reals = int((~clips.is_fake).sum())
    if 0 < reals < FEW_REALS:
        few = "Only 1 real clip has" if reals == 1 else f"Only {reals} real clips have"
        found.append(f"{few} a P(fake): the rate of false alarms is known roughly at best.")
    if len(clips) < CLIPS_FOR_CALIBRATION:
        found.append(
            f"Calibration needs hundreds of clips. With {len(clips)}, the points of the reliability diagram scatter by "
            "chance alone."
        )
    return (*found, *ALWAYS)


def _all(count: int) -> str:
    return "The one clip with a P(fake) is" if count == 1 else f"All {count} clips with a P(fake) are"
