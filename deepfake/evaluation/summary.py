"""From results by clip to the numbers of an evaluation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepfake.evaluation.bootstrap import (
    BOOTSTRAP_DRAWS,
    GroupDraws,
    auc_draws,
    group_draws,
    mean_draws,
    percentile_interval,
)
from deepfake.evaluation.metrics import (
    CalibrationBin,
    Share,
    auc,
    brier_score,
    calibration_error,
    calibration_table,
    clip_losses,
    log_loss,
    share,
)
from deepfake.evaluation.parts import false_alarms_and_misses
from deepfake.evaluation.results import ClipResult
from deepfake.evaluation.scored import ScoredClips, scored_clips
from deepfake.report.wording import named_sentence

DECISION_THRESHOLD = 0.5  # of P(fake), for `accuracy`
FEW_GROUPS = 10  # below this a percentile bootstrap is known to be too narrow, and the reader is told


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well verdicts agree with labels; None, never NaN, where a number cannot be had, and notes say why.

    n, n_real, n_fake: clips of the manifest. n_scored: those with a probability; AUC, log loss, Brier score, accuracy
    (at 0.5) and calibration are over these, also where the verdict is INCONCLUSIVE. *_ci95: 95% bootstrap interval,
    whole groups drawn. log_loss_balanced: reals and fakes
    weigh the same. log_loss_base_rate: what always answering the share of fakes would give. abstained: clips that were
    analyzed and are INCONCLUSIVE or have no probability. coverage: the share of n that is neither abstained nor failed.
    accuracy_decided: right among LIKELY_REAL and LIKELY_FAKE. false_alarms: LIKELY_FAKE among the real clips that were
    analyzed; missed: LIKELY_REAL among the fake ones. without_probability, failed: {"path", "reason" or "error"}.
    """

    n: int
    n_real: int
    n_fake: int
    n_scored: int
    n_groups: int
    auc: float | None
    auc_ci95: tuple[float, float] | None
    log_loss: float | None
    log_loss_ci95: tuple[float, float] | None
    log_loss_balanced: float | None
    log_loss_base_rate: float | None
    brier_score: float | None
    accuracy: float | None
    accuracy_ci95: tuple[float, float] | None
    accuracy_decided: Share
    abstained: int
    coverage: float | None
    false_alarms: Share
    missed: Share
    calibration: tuple[CalibrationBin, ...]
    calibration_error: float | None
    without_probability: tuple[dict[str, str], ...]
    failed: tuple[dict[str, str], ...]
    notes: tuple[str, ...]


def summarize(
    results: Sequence[ClipResult], *, seed: int = 0, draws: int = BOOTSTRAP_DRAWS, drawn: GroupDraws | None = None
) -> Evaluation:
    """Return the numbers of an evaluation. seed, draws: of the bootstrap; drawn: its draws for the clips that have a
    probability, in their order, where these have been made already."""
    analyzed = [result for result in results if result.error is None]
    false_alarms, missed = false_alarms_and_misses(results)
    decided = [result for result in analyzed if not result.abstained]
    right = sum((result.verdict == "LIKELY_FAKE") == result.clip.is_fake for result in decided)
    scored = scored_clips(results)
    probabilities, is_fake, groups = scored.probabilities, scored.is_fake, scored.groups
    drawn = drawn or group_draws(groups, seed=seed, draws=draws)
    area = _known(auc(probabilities, is_fake))
    auc_ci95 = None if area is None else _interval(lambda known: auc_draws(probabilities, is_fake, known), drawn)
    right_at_half = (probabilities >= DECISION_THRESHOLD) == is_fake
    table = calibration_table(probabilities, is_fake)
    return Evaluation(
        n=len(results),
        n_real=sum(not result.clip.is_fake for result in results),
        n_fake=sum(result.clip.is_fake for result in results),
        n_scored=len(scored),
        n_groups=len(set(groups)),
        auc=area,
        auc_ci95=auc_ci95,
        log_loss=_known(log_loss(probabilities, is_fake)),
        log_loss_ci95=_interval(lambda known: mean_draws(clip_losses(probabilities, is_fake), known), drawn),
        log_loss_balanced=_known(log_loss(probabilities, is_fake, balanced=True)),
        log_loss_base_rate=_known(log_loss(np.full(len(scored), is_fake.mean()), is_fake)) if scored else None,
        brier_score=_known(brier_score(probabilities, is_fake)),
        accuracy=float(right_at_half.mean()) if len(scored) else None,
        accuracy_ci95=_interval(lambda known: mean_draws(right_at_half, known), drawn),
        accuracy_decided=share(right, len(decided)),
        abstained=sum(result.abstained for result in results),
        coverage=len(decided) / len(results) if results else None,
        false_alarms=false_alarms,
        missed=missed,
        calibration=table,
        calibration_error=_known(calibration_error(table)),
        without_probability=tuple(
            {"path": result.clip.shown, "reason": _reason(result)}
            for result in analyzed
            if result.probability_fake is None
        ),
        failed=tuple({"path": r.clip.shown, "error": r.error} for r in results if r.error is not None),
        notes=_notes(results, scored, interval_is_known=auc_ci95 is not None),
    )


def trained_on_sentence(trained_on: int, clips: int) -> str:
    """Return what it means that the classifier was trained on some of the clips."""
    return f"The classifier was trained on {trained_on} of these {clips} clips. On new ones it is right less often."


def not_judged_sentences(clips: ScoredClips) -> list[str]:
    """Return that scores of people who were not judged count, in a list; an empty one where none does."""
    count = sum(result.answer == "NOT_JUDGED" for result in clips.results)
    if not count:
        return []
    told = "was not judged: its score counts here, though its answer gives none."
    if count > 1:
        told = "were not judged: their scores count here, though their answers give none."
    return [f"{count} of {len(clips)} clips with a P(fake) {told}"]


def _reason(result: ClipResult) -> str:
    return "the verdict gives no probability" if result.reason is None else named_sentence(result.reason)


def _interval(
    statistic: Callable[[GroupDraws], NDArray[np.float64]], drawn: GroupDraws | None
) -> tuple[float, float] | None:
    return None if drawn is None else percentile_interval(statistic(drawn))


def _notes(results: Sequence[ClipResult], scored: ScoredClips, *, interval_is_known: bool) -> tuple[str, ...]:
    trained_on = sum(result.trained_on for result in results)
    return (
        *([trained_on_sentence(trained_on, len(results))] if trained_on else []),
        *not_judged_sentences(scored),
        *_notes_on_intervals(scored.is_fake, scored.groups, interval_is_known=interval_is_known),
    )


def _notes_on_intervals(
    is_fake: NDArray[np.bool_], groups: Sequence[str], *, interval_is_known: bool
) -> tuple[str, ...]:
    if not len(is_fake):
        return ("No clip has a probability: there is nothing to compute AUC, log loss and accuracy from.",)
    if is_fake.all() or not is_fake.any():
        only = "FAKE" if is_fake.all() else "REAL"
        return (f"All clips with a probability are {only}: an AUC needs both classes.",)
    count = len(set(groups))
    if not interval_is_known:
        return ("The interval of the AUC needs clips of at least two groups that can be drawn apart.",)
    if count < FEW_GROUPS:
        return (f"The interval of the AUC rests on {count} groups: so few make it too narrow.",)
    return ()


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
