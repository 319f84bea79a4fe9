"""The verdict: what classifier and traces say of a clip, with reasons, or why nothing can be said. Pure: no files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from deepfake.analysis.evidence import (
    SCORE,
    STOPPING,
    USUAL_SHARE,
    Direction,
    Evidence,
    SignalReading,
    Values,
    signal_evidence,
)
from deepfake.analysis.quality import (
    ClipQuality,
    TrackQuality,
    TrackView,
    coverage_note,
    quality_failures,
    track_quality,
)
from deepfake.detectors import Calibration, FaceClassifier, TrackScores
from deepfake.faces.tracking import FaceTrack

RULES_VERSION = 6  # of this module, of evidence and of what it rests on: other rules' results are not mixed with these

VerdictLabel = Literal["LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE"]
Answer = Literal["LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE", "NOT_JUDGED", "NO_FACE"]


@dataclass(frozen=True, slots=True)
class TrackVerdict:
    """The answer for one person.

    Attributes:
        track_id: The person's track.
        label: The answer.
        probability_fake: In [0, 1], calibrated for as many fakes as reals, or None.
        interval: 95% interval of it over the choice of frames, or None.
        false_alarm_p: The share of real examples that look at least as suspicious (conformal p-value), multiplied where
            several people are judged (Calibration.shares), at most 1; or None.
        reasons: What it rests on, the strongest first.
        quality: What the quality gate measured, None where nothing could be scored.
    """

    track_id: int
    label: VerdictLabel
    probability_fake: float | None
    interval: tuple[float, float] | None
    false_alarm_p: float | None
    reasons: tuple[Evidence, ...]
    quality: TrackQuality | None = None

    @property
    def abstained(self) -> tuple[Evidence, ...]:
        """What kept the person from being judged; empty where nothing did."""
        if self.label != "INCONCLUSIVE":
            return ()
        return tuple(item for item in self.reasons if item.code in STOPPING)

    @property
    def told_probability(self) -> float | None:
        """P(fake) as a reader is told it: None for somebody who was not judged, whatever the score."""
        return None if self.abstained else self.probability_fake

    @property
    def is_picture(self) -> bool:
        """Whether the face was set aside as a picture of one."""
        return any(item.code == "a_picture" for item in self.abstained)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for a clip.

    Attributes:
        label: "LIKELY_REAL", "INCONCLUSIVE" or "LIKELY_FAKE".
        probability_fake: P(fake) of the most suspicious person, in [0, 1], calibrated for a world with as many fakes as
            reals; None where no face could be scored.
        reasons: Evidence that decides, the strongest first: codes with numbers (report.wording makes sentences).
        interval: 95% interval of probability_fake over the choice of frames, or None.
        tracks: The answer for each person who was judged.

    Example:
        >>> import deepfake
        >>> verdict = deepfake.analyze("clip.mp4").verdict
        >>> verdict.probability_fake is None or 0 <= verdict.probability_fake <= 1
        True
    """

    label: VerdictLabel
    probability_fake: float | None
    reasons: tuple[Evidence, ...]
    interval: tuple[float, float] | None = None
    tracks: tuple[TrackVerdict, ...] = ()

    @property
    def answer(self) -> Answer:
        """What a reader is told: the label, but where there was no face, or nobody could be judged, just that."""
        if self.label != "INCONCLUSIVE":
            return self.label
        if not self.tracks:
            return "NO_FACE"
        return "NOT_JUDGED" if all(track.abstained for track in self.tracks) else "INCONCLUSIVE"

    @property
    def told_probability(self) -> float | None:
        """P(fake) as a reader is told it: None where nobody was judged, whatever the score."""
        return None if self.answer == "NOT_JUDGED" else self.probability_fake

    @property
    def most_suspicious(self) -> int | None:
        """The track_id of the person whom the verdict is about; None where nobody was scored."""
        scored = [track for track in self.tracks if track.probability_fake is not None]
        return max(scored, key=_suspicion).track_id if scored else None

    def of(self, track_id: int | None) -> TrackVerdict | None:
        """Return the answer for a person, None where there is none."""
        return next((track for track in self.tracks if track.track_id == track_id), None)

    @property
    def first_reason(self) -> Evidence | None:
        """The reason that weighs most, without a person where only one is judged; None without any."""
        if not self.reasons:
            return None
        return self.reasons[0] if len(self.tracks) > 1 else replace(self.reasons[0], track_id=None)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What is known of every person: the reasons, then the rest."""
        rest = (item for track in self.tracks for item in track.reasons if item not in self.reasons)
        return (*self.reasons, *rest)


def track_verdict(
    track: FaceTrack,
    scores: TrackScores | None,
    classifier: FaceClassifier,
    *,
    judged: int,
    share: float | None = None,
    clip: ClipQuality,
    signals: Sequence[SignalReading] = (),
    view: TrackView | None = None,
) -> TrackVerdict:
    """Return the verdict on one person.

    LIKELY_FAKE at a P(fake) of min_fake_probability or more that at most false_alarm_rate of the real calibration
    examples reach: a hypothesis test (Agarwal & Varshney 2019, arXiv:1905.03493) whose p-value is conformal, the rank
    among those examples, multiplied where several people are judged. LIKELY_REAL where at most miss_rate of the
    recorded fakes score so low. In between, where the quality gate stops it, or where the classifier has no
    calibration, INCONCLUSIVE. The signals take no part in it: they are told of.

    classifier: whose calibration, with these rates, and limits of quality hold. judged: how many people of the clip are
    judged. share: of Calibration.shares, what the p-value is multiplied by; `judged` by default. scores: None where the
    classifier could not be applied. view: how the face is seen; by default as its
    landmarks say. A picture of a face is set aside, unless it is LIKELY_FAKE all the same.
    """
    probability = None if scores is None else scores.probability_fake
    picture: tuple[Evidence, ...] = ()
    if view is not None and view.picture:
        picture = (Evidence("a_picture", "face_similarity", track.track_id, view.picture),)
    if scores is None or probability is None:
        # What has landmarks can be cut out, but of damaged pictures nothing is.
        is_cut_out = bool(np.isfinite(track.landmarks).any())
        unscored = Evidence("all_damaged" if is_cut_out else "unscored", SCORE, track.track_id)
        return TrackVerdict(track.track_id, "INCONCLUSIVE", None, None, None, (*picture, unscored))
    quality = track_quality(track, scores, clip, view)
    failures = quality_failures(quality, clip, classifier.limits, track.track_id)
    score = _score_evidence(scores, probability)
    others = (*signal_evidence(signals, track.track_id), *coverage_note(quality, track.track_id))
    calibration = classifier.calibration
    label: VerdictLabel = "INCONCLUSIVE"
    p_value = None
    evidence: tuple[Evidence, ...]
    if calibration is None:
        failures = (*picture, *failures, Evidence("uncalibrated", SCORE, track.track_id))
        evidence = (*failures, score, *others)
    else:
        share = judged if share is None else share
        p_value = min(1.0, share * calibration.p_value_real(probability))
        label = "INCONCLUSIVE" if failures else _label(probability, calibration, share)
        if label == "LIKELY_REAL" and clip.still_frames:
            label, failures = (
                "INCONCLUSIVE",
                (Evidence("nothing_moves", "frame_similarity", track.track_id, {"frames": clip.still_frames}),),
            )
        if picture and label != "LIKELY_FAKE":
            label, failures = "INCONCLUSIVE", (*picture, *failures)
        rank = _rank_evidence(track.track_id, probability, calibration)
        if failures:
            evidence = (*failures, score, rank, *others)
        elif label == "LIKELY_FAKE":
            evidence = (score, rank, *_contrary_first((*others, *picture), "against"))
        elif label == "LIKELY_REAL":
            missed = _missed_evidence(track.track_id, probability, calibration)
            evidence = (score, missed, *_contrary_first((*others, rank), "for"))
        else:
            close = _close_evidence(track.track_id, probability, judged, calibration)
            evidence = (close, score, *_contrary_first((*others, rank), "for"))
    interval = probability_interval(scores.known_probabilities)
    return TrackVerdict(track.track_id, label, probability, interval, p_value, evidence, quality)


def _label(probability: float, calibration: Calibration, share: float) -> VerdictLabel:
    if calibration.is_fake(probability, share):
        return "LIKELY_FAKE"
    return "LIKELY_REAL" if calibration.is_real(probability) else "INCONCLUSIVE"


def clip_verdict(
    tracks: Sequence[TrackVerdict],
    *,
    faces: int,
    no_persons: Evidence | None = None,
    left_out: Evidence | None = None,
) -> Verdict:
    """Return the verdict on a clip: one fake face makes it fake, and it is likely real only when all faces are.

    Somebody who cannot be judged keeps a clip from being LIKELY_REAL, and is told of. A picture of a face does not, and
    is told of all the same.

    tracks: the verdicts on everybody. faces: how many tracks the clip has. no_persons: that more detections turned out
    to be no person, or None. left_out: that there were more faces than are followed, or None; they may be anything.
    """
    false_faces = () if no_persons is None else (no_persons,)
    if faces == 0:
        return Verdict("INCONCLUSIVE", None, (Evidence("no_face", "face_count", None), *false_faces))
    worst = max(tracks, key=_suspicion)
    label = worst.label
    if label == "LIKELY_REAL" and any(track.label != "LIKELY_REAL" and not track.is_picture for track in tracks):
        label = "INCONCLUSIVE"
    others = () if left_out is None else (left_out,)
    if label == "LIKELY_REAL" and others:
        label = "INCONCLUSIVE"
    deciding = worst.reasons
    stopped = tuple(item for track in tracks if not track.is_picture for item in track.abstained)
    pictures = tuple(track.abstained[0] for track in tracks if track.is_picture)
    if label == "INCONCLUSIVE":
        deciding = (*stopped, *others, *(item for item in deciding if item not in stopped))
    told = (item for item in (*others, *pictures, *false_faces) if item not in deciding)
    return Verdict(label, worst.probability_fake, (*deciding, *told), worst.interval, tuple(tracks))


def is_settled(verdict: Verdict, calibration: Calibration | None) -> bool:
    """Return whether more frames would hardly change the answer: it is the same over the whole interval of P(fake) of
    whoever decides it, one person where it is LIKELY_FAKE and everybody where it is not.

    It is not settled where nobody was seen, or somebody could not be judged: more frames may tell of them. calibration:
    of the classifier; without one nothing is settled.
    """
    if calibration is None or not verdict.tracks:
        return False
    # The others may turn out less suspicious, and so be no support: with several, that must not matter.
    judged = sum(track.interval is not None for track in verdict.tracks)
    share = max(1, judged) if verdict.label == "LIKELY_FAKE" else 1.0
    deciding = [track for track in verdict.tracks if track.track_id == verdict.most_suspicious]
    people = deciding if verdict.label == "LIKELY_FAKE" else verdict.tracks
    return all(_is_same_over_interval(track, calibration, share) for track in people)


def rate_share(person: TrackVerdict, calibration: Calibration) -> float:
    """Return what the p-value of somebody was multiplied by; 1 where there is none."""
    if person.false_alarm_p is None or person.probability_fake is None:
        return 1.0
    return person.false_alarm_p / calibration.p_value_real(person.probability_fake)


def _is_same_over_interval(track: TrackVerdict, calibration: Calibration, share: float) -> bool:
    if track.interval is None or track.abstained:
        return False
    return all(_label(probability, calibration, share) == track.label for probability in track.interval)


def _suspicion(track: TrackVerdict) -> tuple[bool, bool, bool, float]:
    """Whoever is fake comes before the others, and whoever was judged before those who were not."""
    scored, is_fake = track.probability_fake is not None, track.label == "LIKELY_FAKE"
    return scored, is_fake, not track.abstained, track.probability_fake or 0.0


def _contrary_first(evidence: Sequence[Evidence], contrary: Direction) -> list[Evidence]:
    """What speaks against the answer comes before what agrees with it; weak signals and notes stay last."""
    return sorted(evidence, key=lambda item: (item.is_weak or item.direction == "limits", item.direction != contrary))


def probability_interval(probabilities: NDArray[np.float32]) -> tuple[float, float] | None:
    """Return the 95% interval of a track's pooled probability over the choice of its frames, or None below 4 of them.

    Student's t: the mean log odds plus and minus as many standard errors as so few frames ask for, neighboring frames
    counted by their correlation at lag 1 (effective sample size). It does not hold what all frames have in common: a
    clip that is misjudged as a whole.
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
    quantile = float(stdtrit(len(log_odds) - 1, 0.975))
    half = quantile * float(np.sqrt(variance / max(effective - 1, 1.0)))
    low, high = (float(1 / (1 + np.exp(-(log_odds.mean() + sign * half)))) for sign in (-1, 1))
    return low, high


def _score_evidence(scores: TrackScores, probability: float) -> Evidence:
    known = scores.known_probabilities
    above = float(np.mean(known > 0.5)) if len(known) else float(probability > 0.5)
    values: Values = {"probability_fake": probability, "frames": len(known), "share_fake": above}
    direction: Direction = "for" if probability >= 0.5 else "against"
    return Evidence("score", SCORE, scores.track_id, values, probability, direction)


def _rank_evidence(track_id: int, probability: float, calibration: Calibration) -> Evidence:
    higher, total = calibration.real_at_least(probability)
    usual = higher >= USUAL_SHARE * total
    is_rare = calibration.p_value_real(probability) <= calibration.false_alarm_rate
    direction: Direction = "for" if is_rare else "against" if usual else "limits"
    values: Values = {"count": int(higher), "of": int(total)}
    return Evidence("reals_as_suspicious", SCORE, track_id, values, probability, direction)


def _missed_evidence(track_id: int, probability: float, calibration: Calibration) -> Evidence:
    lower, total = calibration.fake_at_most(probability)
    values: Values = {"count": int(lower), "of": int(total), "at_most": calibration.miss_rate}
    return Evidence("fakes_as_low", SCORE, track_id, values, probability, "against")


def _close_evidence(track_id: int, probability: float, judged: int, calibration: Calibration) -> Evidence:
    rate = calibration.false_alarm_rate
    if calibration.is_fake(probability):
        return Evidence("too_many_people", SCORE, track_id, {"judged": judged, "at_most_reals": rate})
    values: Values = {
        "min_probability_fake": calibration.min_fake_probability,
        "at_most_reals": rate,
        "at_most_fakes": calibration.miss_rate,
    }
    return Evidence("too_close", SCORE, track_id, values)
