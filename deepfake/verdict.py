"""The verdict: what detector and traces say of a clip, with reasons, or why nothing can be said. Pure: no files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import Calibration
from deepfake.detectors.pooling import pool_track
from deepfake.detectors.scoring import TrackScores
from deepfake.faces.tracking import FaceTrack

VerdictLabel = Literal["LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE"]
RuleLabel = Literal["REAL", "FAKE", "MAYBE_FAKE"]

# The notebook's two thresholds, chosen there by eye on four clips.
RULE_MAX_AMPLITUDE = 0.1
RULE_MIN_SIMILARITY = 0.92

FALSE_ALARM_RATE = 0.05  # of genuine clips that may be called LIKELY_FAKE
# Nearly all calibration examples are photographs, and compressed clips are harder: the highest genuine clip of held-out
# people scores 0.71 (FaceForensics++ 720, c40; training.evaluate). Below this nothing is called LIKELY_FAKE.
MIN_FAKE_PROBABILITY = 0.8
MISS_RATE = 0.10  # of fake clips that may be called LIKELY_REAL
MAIN_TRACK_SHARE = 0.25  # tracks shorter than this share of the longest are not judged: a glimpse, or a false face

# The quality gate. Below these the detector was never trained.
MIN_FACE_WIDTH_PX = 48.0
MIN_SCORED_CROPS = 8
MAX_TURN = 0.5  # nose off the middle of the eyes, in eye distances: about 45 degrees
MIN_FRONTAL_SHARE = 0.25  # of the frames of a track that have to be less turned than that


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
class TrackVerdict:
    """The answer for one person. probability_fake: in [0, 1], calibrated for as many fakes as reals, or None.
    interval: 95 % interval of it over the choice of frames. false_alarm_p: the share of genuine clips that look at
    least as suspicious (conformal p-value). abstained: why the quality gate stopped it, else empty."""

    track_id: int
    label: VerdictLabel
    probability_fake: float | None
    interval: tuple[float, float] | None
    false_alarm_p: float | None
    reasons: tuple[str, ...]
    abstained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for a clip. probability_fake: that of its most suspicious person, or None where no face could be
    scored; interval: of it. reasons: sentences, the strongest first. tracks: the answer a person."""

    label: VerdictLabel
    probability_fake: float | None
    evidence: tuple[Evidence, ...]
    reasons: tuple[str, ...]
    interval: tuple[float, float] | None = None
    tracks: tuple[TrackVerdict, ...] = ()


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


def track_verdict(
    track: FaceTrack, scores: TrackScores | None, calibration: Calibration, *, judged: int
) -> TrackVerdict:
    """Return the verdict on one person.

    LIKELY_FAKE at a P(fake) of 0.8 or more that at most 5 % of the genuine calibration examples reach: a hypothesis
    test (Agarwal & Varshney 2019, arXiv:1905.03493) whose p-value is conformal, the rank among those examples, times
    the number of people judged (Bonferroni). LIKELY_REAL where at most 10 % of the recorded fakes score so low.
    In between, or where the quality gate stops it, INCONCLUSIVE.

    judged: how many people of the clip are judged. scores: None where the detector could not be applied.
    """
    probability = None if scores is None else pool_track(scores.probabilities_fake)
    if scores is None or probability is None:
        why = ("No aligned crops of this face: choose MTCNN as the face detector to have it scored.",)
        return TrackVerdict(track.track_id, "INCONCLUSIVE", None, None, None, why, why)
    p_value = min(1.0, judged * calibration.p_value_real(probability))
    abstained = quality_failures(track, scores)
    label: VerdictLabel = "INCONCLUSIVE"
    if not abstained and p_value <= FALSE_ALARM_RATE and probability >= MIN_FAKE_PROBABILITY:
        label = "LIKELY_FAKE"
    elif not abstained and calibration.p_value_fake(probability) <= MISS_RATE and probability < 0.5:
        label = "LIKELY_REAL"
    reasons = (*abstained, _score_sentence(probability, scores), _rank_sentence(probability, calibration))
    interval = probability_interval(scores.probabilities_fake)
    return TrackVerdict(track.track_id, label, probability, interval, p_value, reasons, abstained)


def clip_verdict(tracks: Sequence[TrackVerdict], evidence: Sequence[Evidence], *, faces: int) -> Verdict:
    """Return the verdict on a clip: one fake face makes it fake, and it is likely real only when all faces are.

    tracks: the verdicts on the people who are judged. faces: how many tracks the clip has.
    """
    if faces == 0:
        return Verdict("INCONCLUSIVE", None, tuple(evidence), ("No face was found in any frame: nothing to judge.",))
    scored = sorted(
        (track for track in tracks if track.probability_fake is not None),
        key=lambda track: (track.label == "LIKELY_FAKE", not track.abstained, track.probability_fake or 0.0),
    )
    if not scored:
        reasons = tuple(reason for track in tracks for reason in track.reasons)
        return Verdict("INCONCLUSIVE", None, tuple(evidence), reasons, None, tuple(tracks))
    worst = scored[-1]
    label = worst.label
    if label == "LIKELY_REAL" and any(track.label != "LIKELY_REAL" for track in tracks):
        label = "INCONCLUSIVE"
    prefix = f"Person {worst.track_id + 1}: " if len(tracks) > 1 else ""
    reasons = tuple(prefix + reason for reason in worst.reasons)
    return Verdict(label, worst.probability_fake, tuple(evidence), reasons, worst.interval, tuple(tracks))


def main_tracks(tracks: Sequence[FaceTrack]) -> tuple[FaceTrack, ...]:
    """Return the tracks that are judged: those at least a quarter as long as the longest."""
    longest = max((len(track) for track in tracks), default=0)
    return tuple(track for track in tracks if len(track) >= MAIN_TRACK_SHARE * longest)


def quality_failures(track: FaceTrack, scores: TrackScores) -> tuple[str, ...]:
    """Return why a track is too poor to be judged, a sentence each; empty when it is good enough."""
    failures = []
    width = float(np.median(track.boxes_xyxy[:, 2] - track.boxes_xyxy[:, 0]))
    if width < MIN_FACE_WIDTH_PX:
        failures.append(
            f"The face is too small to judge: {width:.0f} px wide, at least {MIN_FACE_WIDTH_PX:.0f} needed."
        )
    if len(scores.frame_indices) < MIN_SCORED_CROPS:
        count = len(scores.frame_indices)
        failures.append(f"The face is visible too briefly: {count} frames, at least {MIN_SCORED_CROPS} needed.")
    frontal = float(np.mean(face_turn(track.landmarks) <= MAX_TURN))
    if frontal < MIN_FRONTAL_SHARE:
        failures.append(f"The face is turned away: {frontal:.0%} of its frames are near frontal.")
    return tuple(failures)


def face_turn(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far a face is turned, f32 (n,): the nose's distance from the perpendicular through the middle of the
    eyes, in distances between the eyes; 0 is frontal. landmarks: f32 (n, 5, 2), the subject's right eye first."""
    right_eye, left_eye, nose = (landmarks[:, index] for index in range(3))
    across = left_eye - right_eye
    distance = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    offset = np.sum((nose - (right_eye + left_eye) / 2) * across, axis=1) / distance
    turn: NDArray[np.float32] = np.abs(offset / distance).astype(np.float32)
    return turn


def probability_interval(probabilities: NDArray[np.float32]) -> tuple[float, float] | None:
    """Return the 95 % interval of a track's pooled probability over the choice of its frames, or None below 4 of them.

    The mean log odds plus and minus 1.96 standard errors, neighbouring frames counted by their correlation at lag 1
    (effective sample size). It does not hold what all frames have in common: a clip the detector misjudges as a whole.
    """
    if len(probabilities) < 4:
        return None
    clipped = np.clip(probabilities.astype(np.float64), 1e-4, 1 - 1e-4)
    log_odds = np.log(clipped / (1 - clipped))
    deviation = log_odds - log_odds.mean()
    variance = float(np.mean(deviation**2))
    correlation = float(np.mean(deviation[1:] * deviation[:-1]) / variance) if variance > 0 else 0.0
    correlation = min(max(correlation, 0.0), 0.9)
    effective = len(log_odds) * (1 - correlation) / (1 + correlation)
    half = 1.96 * float(np.sqrt(variance / max(effective - 1, 1.0)))
    low, high = (float(1 / (1 + np.exp(-(log_odds.mean() + sign * half)))) for sign in (-1, 1))
    return low, high


def _score_sentence(probability: float, scores: TrackScores) -> str:
    above = float(np.mean(scores.probabilities_fake > 0.5))
    count = len(scores.frame_indices)
    return f"P(fake) is {probability:.2f} over {count} frames; {above:.0%} of them look more fake than real."


def _rank_sentence(probability: float, calibration: Calibration) -> str:
    higher, total = calibration.real_at_least(probability)
    return f"{higher} of {total} genuine calibration examples look at least as suspicious."
