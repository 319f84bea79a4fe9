"""The verdict: what the traces say of a clip, with reasons. Pure: no files, no models."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepfake.signals.trace import SignalTrace

VerdictLabel = Literal["LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE"]
RuleLabel = Literal["REAL", "FAKE", "MAYBE_FAKE"]

# The notebook's two thresholds, chosen there by eye on four clips.
RULE_MAX_AMPLITUDE = 0.1
RULE_MIN_SIMILARITY = 0.92

MIN_VERDICT_FRAMES = 10  # fewer successive pairs of frames than this say nothing about a clip's steadiness

RULE_LABELS: dict[RuleLabel, VerdictLabel] = {
    "REAL": "LIKELY_REAL",
    "FAKE": "LIKELY_FAKE",
    "MAYBE_FAKE": "INCONCLUSIVE",
}


@dataclass(frozen=True, slots=True)
class NotebookRule:
    """The notebook's threshold rule on the similarity of successive whole frames.

    amplitude: (max − min) / 2 of the similarities, in [0, 1]; minimum: the least of them, in [−1, 1]. label: None,
    and both numbers NaN, where the clip has fewer than two frames.
    """

    label: RuleLabel | None
    amplitude: float
    minimum: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one signal or detector says of the clip or of one track. suspicion: in [0, 1], or None where it gives
    none. reason: one sentence with its number."""

    signal: str
    track_id: int | None
    suspicion: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for a clip. probability_fake: in [0, 1], or None where nothing calibrated gives one. reasons:
    sentences, the strongest first."""

    label: VerdictLabel
    probability_fake: float | None
    evidence: tuple[Evidence, ...]
    reasons: tuple[str, ...]


def notebook_rule(similarity: NDArray[np.float32]) -> NotebookRule:
    """Return what the notebook's rule says of a clip.

    An amplitude below 0.1 with a minimum above 0.92 is REAL, an amplitude below 0.1 otherwise FAKE, the rest
    MAYBE_FAKE. similarity: f32 (m,), SSIM of successive whole frames; NaN is left out.

    When it misleads: it measures how steady the picture is, not whether a face is genuine. A cut, a moving camera
    or a lively scene looks suspicious to it; a well-made fake in front of a still camera looks real.
    """
    measured = similarity[~np.isnan(similarity)]
    if len(measured) == 0:
        return NotebookRule(None, float("nan"), float("nan"))
    minimum = float(measured.min())
    amplitude = (float(measured.max()) - minimum) / 2
    if amplitude >= RULE_MAX_AMPLITUDE:
        return NotebookRule("MAYBE_FAKE", amplitude, minimum)
    return NotebookRule("REAL" if minimum > RULE_MIN_SIMILARITY else "FAKE", amplitude, minimum)


def clip_verdict(rule: NotebookRule, frame_similarity: SignalTrace, *, faces: int, cuts: int) -> Verdict:
    """Return the verdict for a clip from the notebook's rule; INCONCLUSIVE where it cannot be applied.

    faces: how many tracks the clip has. cuts: how many scene cuts.
    """
    blocked = _reason_to_abstain(rule, frame_similarity, faces)
    if rule.label is None or blocked is not None:
        return Verdict("INCONCLUSIVE", None, (), (blocked or "The clip has a single frame.",))
    numbers = (
        f"Successive frames: lowest similarity {rule.minimum:.3f} (rule: above {RULE_MIN_SIMILARITY} for real), "
        f"amplitude {rule.amplitude:.3f} (rule: below {RULE_MAX_AMPLITUDE})."
    )
    meaning = {
        "REAL": "The picture is as steady as the notebook's rule asks of a real clip.",
        "FAKE": "The picture is less steady than the notebook's rule asks of a real clip.",
        "MAYBE_FAKE": "The similarity swings more than the notebook's rule can interpret.",
    }[rule.label]
    reasons = [meaning, numbers]
    if cuts:
        plural = "cut" if cuts == 1 else "cuts"
        reasons.append(f"The clip has {cuts} scene {plural}: the rule takes a cut for a disturbance.")
    evidence = Evidence("notebook_rule", None, None, numbers)
    return Verdict(RULE_LABELS[rule.label], None, (evidence,), tuple(reasons))


def _reason_to_abstain(rule: NotebookRule, frame_similarity: SignalTrace, faces: int) -> str | None:
    if faces == 0:
        return "No face was found in any frame, so there is nothing to judge."
    if rule.label is None or len(frame_similarity.values) < MIN_VERDICT_FRAMES:
        pairs = len(frame_similarity.values)
        return f"The clip is too short to judge: {pairs + 1} frames, at least {MIN_VERDICT_FRAMES + 1} are needed."
    return None
