"""The card's words: the five answers, how strong one is, its reasons with one number each, what can help."""

from __future__ import annotations

import dataclasses
import re

import pytest

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis
from deepfake.analysis.verdict import TrackVerdict, Verdict, VerdictLabel
from deepfake.detectors import DEFAULT_CLASSIFIER
from deepfake.report import card, wording
from deepfake.report.card import (
    ANSWER_WORDS,
    MAX_REASONS,
    NEITHER,
    NO_RATE,
    NO_RATE_QUICK,
    OTHER_VERSION,
    card_reasons,
    next_steps,
    rate_sentence,
    strength_text,
)
from deepfake.report.strength import strength_of
from deepfake.report.wording import KNOWN_CLIP
from tests.store.samples import sample_analysis
from tests.told import told

SCORE = Evidence("score", "learned_score", 0, {"probability_fake": 0.93, "frames": 17, "share_fake": 1.0}, 0.93, "for")
RANK = Evidence("reals_as_suspicious", "learned_score", 0, {"count": 0, "of": 2000}, 0.93, "for")
RARE = Evidence(
    "signal_rare", "face_sharpness", 0,
    {"value": 2.0, "count": 3, "of": 290, "auc_low": 0.6, "auc_high": 0.7}, 0.99, "for",
)  # fmt: skip
SMALL = Evidence("face_too_small", "face_width", 0, {"px": 31.6, "at_least": 48.0})


def verdict(label: VerdictLabel, probability: float | None, *reasons: Evidence, people: int = 1) -> Verdict:
    tracks = tuple(TrackVerdict(i, label, probability, None, None, reasons) for i in range(people))
    return Verdict(label, probability, reasons, None, tracks)


LIMITS = {"min_probability_fake": 0.65, "at_most_reals": 0.01, "at_most_fakes": 0.03}
CLOSE = Evidence("too_close", "learned_score", 0, LIMITS)


def analysis_with(answer: Verdict, classifier: str = DEFAULT_CLASSIFIER) -> Analysis:
    made = sample_analysis()
    return dataclasses.replace(made, verdict=answer, config=dataclasses.replace(made.config, classifier=classifier))


def sentences(answer: Verdict) -> list[str]:
    return [reason.sentence for reason in card_reasons(answer)]


def test_there_are_five_answers_and_none_says_real() -> None:
    assert verdict("LIKELY_FAKE", 0.9).answer == "LIKELY_FAKE"
    assert verdict("LIKELY_REAL", 0.1).answer == "LIKELY_REAL"
    assert verdict("INCONCLUSIVE", 0.5).answer == "INCONCLUSIVE"
    assert verdict("INCONCLUSIVE", 0.9, SMALL).answer == "NOT_JUDGED"
    assert verdict("INCONCLUSIVE", None, told("none", code="no_face"), people=0).answer == "NO_FACE"
    assert len(set(ANSWER_WORDS.values())) == 5
    assert not any("real" in words.lower() for words in ANSWER_WORDS.values())


def test_one_person_who_was_judged_makes_it_no_matter_of_not_judging() -> None:
    judged = TrackVerdict(0, "INCONCLUSIVE", 0.5, None, None, (SCORE,))
    small = TrackVerdict(1, "INCONCLUSIVE", 0.5, None, None, (SMALL,))
    assert Verdict("INCONCLUSIVE", 0.5, (SMALL,), None, (judged, small)).answer == "INCONCLUSIVE"


def test_the_strength_is_the_verbal_scale_of_the_odds_on_either_side() -> None:
    assert [strength_of(p) for p in (0.5, 0.66, 0.68, 0.9, 0.92, 0.989, 0.995)] == [
        "none", "none", "weak", "weak", "moderate", "moderate", "strong",
    ]  # fmt: skip
    for probability in (0.05, 0.2, 0.4):
        assert strength_of(probability) == strength_of(1 - probability)


def test_answers_of_different_strength_do_not_look_alike() -> None:
    assert strength_text(verdict("LIKELY_REAL", 0.05)) == "●●○ moderate evidence · P(fake) 0.05"
    assert strength_text(verdict("LIKELY_REAL", 0.32)) == "●○○ weak evidence · P(fake) 0.32"
    assert strength_text(verdict("LIKELY_FAKE", 0.999)) == "●●● strong evidence · P(fake) 1.00"


def test_an_inconclusive_answer_says_where_it_leans() -> None:
    assert strength_text(verdict("INCONCLUSIVE", 0.75)).startswith("leans toward a fake")
    assert strength_text(verdict("INCONCLUSIVE", 0.25)).startswith("leans away from a fake")
    assert strength_text(verdict("INCONCLUSIVE", 0.55)).startswith("leans to neither side")
    assert strength_text(verdict("INCONCLUSIVE", 0.9, SMALL)) == "", "a score that does not count is no strength"


def test_reasons_are_plain_sentences_with_one_number_each() -> None:
    found = sentences(verdict("LIKELY_FAKE", 0.93, SCORE, RANK, RARE, SMALL))
    assert found == [
        "All 17 pictures of the face look manipulated.",
        "None of 2,000 real examples looks as suspicious.",
        "Sharpness of the face against its surroundings: 3 of 290 real clips are as unusual.",
    ]
    assert len(found) == MAX_REASONS
    for word in ("AUC", "dB", "calibration", "P(fake)"):
        assert word not in " ".join(found)


def test_no_two_reasons_are_one_number() -> None:
    again = Evidence("score", "learned_score", 0, {**SCORE.values, "share_fake": 0.99}, 0.93, "for")
    assert len(sentences(verdict("LIKELY_FAKE", 0.93, SCORE, again, RANK))) == 2


def test_some_none_and_one_picture_are_told_in_good_english() -> None:
    def said(frames: int, share: float, probability: float = 0.2) -> str:
        values = {"probability_fake": probability, "frames": frames, "share_fake": share}
        (sentence,) = sentences(verdict("INCONCLUSIVE", 0.5, Evidence("score", "learned_score", 0, values)))
        return sentence

    assert said(16, 0.0) == "None of 16 pictures of the face looks more fake than real."
    assert said(16, 1 / 16) == "1 of 16 pictures of the face looks more fake than real."
    assert said(16, 0.5) == "8 of 16 pictures of the face look more fake than real."
    assert said(1, 1.0, 0.9) == "The one picture of the face looks more fake than real."
    assert said(1, 0.0) == "The one picture of the face does not look more fake than real."
    assert said(16, 1.0, 0.6) == "All 16 pictures of the face look a little more fake than real."
    briefly = Evidence("seen_too_briefly", "learned_score", 0, {"pictures": 1, "at_least": 4}, direction="limits")
    assert sentences(verdict("INCONCLUSIVE", None, briefly)) == ["The face is seen too briefly: in 1 picture."]


def test_of_several_people_the_reasons_say_whose_face_it_is() -> None:
    assert sentences(verdict("LIKELY_FAKE", 0.93, SCORE, people=2)) == [
        "All 17 pictures of Person 1’s face look manipulated."
    ]
    assert sentences(verdict("INCONCLUSIVE", 0.93, SMALL, people=2)) == [
        "Person 1’s face is 32 pixels wide: too small to judge."
    ]


def test_weak_signals_and_detections_that_are_no_person_are_left_to_the_numbers() -> None:
    weak = Evidence(**{**{name: getattr(RARE, name) for name in RARE.__slots__}, "is_weak": True})
    usual = Evidence("signal_usual", "face_sharpness", 0, dict(RARE.values), 0.1, "against")
    pattern = Evidence("no_persons", "face_count", None, {"count": 2})
    assert sentences(verdict("LIKELY_FAKE", 0.93, weak, usual, pattern)) == []


def test_what_an_earlier_version_kept_is_said_as_it_was_kept() -> None:
    assert sentences(verdict("INCONCLUSIVE", 0.5, told("An old sentence."))) == ["An old sentence."]


def test_who_got_no_clear_answer_is_told_what_can_help() -> None:
    assert next_steps(verdict("LIKELY_FAKE", 0.9)) == ()
    assert "compare" in next_steps(verdict("INCONCLUSIVE", 0.5))
    assert "better_copy" in next_steps(verdict("INCONCLUSIVE", 0.5, SMALL))
    small = TrackVerdict(1, "INCONCLUSIVE", 0.5, None, None, (SMALL,))
    judged = TrackVerdict(0, "INCONCLUSIVE", 0.5, None, None, (SCORE,))
    assert next_steps(Verdict("INCONCLUSIVE", 0.5, (SCORE, SMALL), None, (judged, small)))[0] == "better_copy"
    assert next_steps(verdict("INCONCLUSIVE", 0.5, SCORE)) == ("moments", "compare", "recompress")
    assert next_steps(verdict("INCONCLUSIVE", None, told("", 0, code="unscored"))) == ("face_detector",)
    assert next_steps(verdict("INCONCLUSIVE", 0.9, told("", 0, code="uncalibrated"))) == ("classifier",)
    assert "other_part" in next_steps(verdict("INCONCLUSIVE", None, people=0))


FACTS = {
    "accuracy": {
        "classifier": DEFAULT_CLASSIFIER, "n": 28, "n_real": 6, "n_fake": 22,
        "missed": 4, "missed_low": 0.05, "missed_high": 0.4,
        "false_alarms": 0, "false_alarms_low": 0.0, "false_alarms_high": 0.46,
        "abstained": 12, "abstained_low": 0.24, "abstained_high": 0.63,
    }
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        (verdict("LIKELY_FAKE", 0.9), "real clips new to it, 0 of 6 (95% interval 0% to 46%)"),
        (verdict("LIKELY_REAL", 0.1), "fakes new to it, 4 of 22 (95% interval 5% to 40%)"),
        (verdict("INCONCLUSIVE", 0.5), "clips new to it, 12 of 28"),
    ],
)
def test_every_answer_comes_with_its_measured_rate(
    answer: Verdict, numbers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "all_facts", lambda: FACTS)
    assert numbers in rate_sentence(analysis_with(answer))
    assert rate_sentence(analysis_with(answer, "meso4_df")) == NO_RATE
    made = analysis_with(answer)
    quick = dataclasses.replace(made, config=dataclasses.replace(made.config, quick=True))
    assert rate_sentence(quick) == NO_RATE_QUICK
    assert rate_sentence(dataclasses.replace(made, software_version="0.1.0")) == OTHER_VERSION
    assert not re.search(r"\d", NO_RATE + NO_RATE_QUICK + OTHER_VERSION)


def test_a_clip_of_the_training_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    known = analysis_with(verdict("LIKELY_FAKE", 0.9))
    monkeypatch.setattr(wording, "training_clips", lambda name: frozenset({known.video.sha256}))
    assert rate_sentence(known) == KNOWN_CLIP


def test_no_face_has_no_rate_and_nobody_judged_none_of_judged_clips() -> None:
    assert rate_sentence(analysis_with(verdict("INCONCLUSIVE", None, people=0))) == ""
    assert rate_sentence(analysis_with(verdict("INCONCLUSIVE", 0.9, SMALL))) == NEITHER


def test_what_forbids_an_answer_is_said_beside_its_number() -> None:
    count = RANK.values | {"count": 17, "of": 578}
    rank = Evidence("reals_as_suspicious", "learned_score", 0, count, 0.69)
    assert sentences(verdict("INCONCLUSIVE", 0.69, CLOSE, rank)) == [
        "Real clips and fakes both get such a score.",
        "17 of 578 real examples look as suspicious: too many to call it a fake.",
    ]
    assert sentences(verdict("LIKELY_FAKE", 0.9, rank)) == ["17 of 578 real examples look as suspicious."]


def test_one_real_clip_is_no_plural() -> None:
    one = Evidence("signal_rare", "face_sharpness", 0, dict(RARE.values) | {"count": 1}, 0.99, "for")
    assert sentences(verdict("LIKELY_FAKE", 0.9, one))[0].endswith("1 of 290 real clips is as unusual.")


def test_what_speaks_against_a_fake_is_not_said_to_be_what_keeps_a_clip_from_being_one() -> None:
    usual = Evidence("reals_as_suspicious", "learned_score", 0, {"count": 408, "of": 578}, 0.29, "against")
    assert sentences(verdict("INCONCLUSIVE", 0.29, CLOSE, usual)) == [
        "Real clips and fakes both get such a score.",
        "408 of 578 real examples look as suspicious.",
    ]


def test_a_score_that_is_enough_for_one_person_alone_is_not_said_to_be_too_low() -> None:
    crowd = Evidence("too_many_people", "learned_score", 0, {"judged": 8, "at_most_reals": 0.01})
    rank = Evidence("reals_as_suspicious", "learned_score", 0, {"count": 2, "of": 578}, 0.83)
    assert sentences(verdict("INCONCLUSIVE", 0.83, crowd, rank)) == [
        "With 8 faces judged in the clip, the score is not enough to call one of them a fake.",
        "2 of 578 real examples look as suspicious.",
    ]
    assert "for one alone the score would be enough" in wording.evidence_sentence(crowd)
    assert wording.cause_of_abstention(crowd) == "For so many faces the score is not enough"


def test_what_stops_an_answer_is_not_told_with_a_rank_that_counts_for_nothing() -> None:
    rank = Evidence("reals_as_suspicious", "learned_score", 0, {"count": 337, "of": 578}, 0.4)
    assert sentences(verdict("INCONCLUSIVE", 0.4, SMALL, SCORE, rank)) == [
        "The face is 32 pixels wide: too small to judge."
    ]


def test_a_score_near_the_middle_speaks_for_neither_side() -> None:
    even = Evidence("score", "learned_score", 0, SCORE.values | {"share_fake": 0.6}, 0.48, "against")
    (reason,) = card_reasons(verdict("INCONCLUSIVE", 0.48, even))
    assert reason.direction == "limits"
    (clear,) = card_reasons(verdict("LIKELY_FAKE", 0.93, SCORE))
    assert clear.direction == "for"
