"""The words of the verdict: the probability with its interval, and why nothing is concluded."""

from __future__ import annotations

from deepfake.dashboard.banner import deciding_reasons, probability_text
from deepfake.verdict import MISS_RATE, TrackVerdict, Verdict


def person(track_id: int, label: str, probability: float, *abstained: str) -> TrackVerdict:
    reasons = (*abstained, f"score of {track_id}")
    return TrackVerdict(track_id, label, probability, (0.1, 0.9), 0.5, reasons, abstained)  # type: ignore[arg-type]


def test_the_probability_is_told_with_its_interval_where_there_is_one() -> None:
    assert probability_text(0.934, (0.861, 0.9688)) == "P(fake) 0.93 (0.86–0.97)"
    assert probability_text(0.5, None) == "P(fake) 0.50"
    assert probability_text(None, None) == ""


def test_a_score_between_the_two_tests_is_said_to_pass_neither() -> None:
    only = person(0, "INCONCLUSIVE", 0.6)
    reasons = deciding_reasons(Verdict("INCONCLUSIVE", 0.6, (), only.reasons, only.interval, (only,)))
    assert reasons[0].startswith("Too close to call")
    assert reasons[1:] == only.reasons


def test_the_person_who_could_not_be_judged_comes_first() -> None:
    real, small = person(0, "LIKELY_REAL", 0.1), person(1, "INCONCLUSIVE", 0.05, "The face is too small.")
    verdict = Verdict("INCONCLUSIVE", 0.1, (), ("Person 1: score of 0",), real.interval, (real, small))
    assert deciding_reasons(verdict) == ("Person 2: The face is too small.", "Person 1: score of 0")


def test_a_verdict_keeps_its_own_reasons() -> None:
    only = person(0, "LIKELY_FAKE", 0.99)
    assert deciding_reasons(Verdict("LIKELY_FAKE", 0.99, (), only.reasons, None, (only,))) == only.reasons


def test_likely_real_says_how_often_that_is_wrong() -> None:
    only = person(0, "LIKELY_REAL", 0.2)
    reasons = deciding_reasons(Verdict("LIKELY_REAL", 0.2, (), only.reasons, None, (only,)))
    assert reasons[:-1] == only.reasons
    assert f"at most {MISS_RATE:.0%}" in reasons[-1]
