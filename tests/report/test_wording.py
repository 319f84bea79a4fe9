"""Every fact has one sentence, whoever asks; limits are said in the same words everywhere."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest

from deepfake.analysis.evidence import STOPPING, Evidence, EvidenceCode
from deepfake.analysis.keeping import reason_from_text, reason_to_text
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER
from deepfake.report import wording
from deepfake.report.card import card_reasons
from deepfake.report.file_wording import adjustment_sentence, reading_warnings
from deepfake.report.wording import (
    CAUTION,
    cause_of_abstention,
    directed_sentences,
    evidence_sentence,
    limits_of,
    reason_sentences,
)
from deepfake.video.info import Adjustment, VideoInfo
from deepfake.words import counted, duration_text, probability_text, score_text

SCORE = Evidence("score", "learned_score", 1, {"probability_fake": 0.934, "frames": 22, "share_fake": 0.75})
TOO_SMALL = Evidence("face_too_small", "face_width", 1, {"px": 31.2, "at_least": 48.0})
CLOSE = Evidence(
    "too_close",
    "learned_score",
    0,
    {"min_probability_fake": 0.8, "at_most_reals": 0.05, "at_most_fakes": 0.1},
)


def test_every_code_has_a_sentence_and_every_stop_a_cause() -> None:
    codes = set(get_args(EvidenceCode)) - {"as_kept"}
    assert set(wording._SENTENCES) == codes
    assert set(wording._CAUSES) == STOPPING | {"no_face", "too_many_people"}


def test_numbers_stand_in_the_sentence() -> None:
    assert evidence_sentence(SCORE) == "P(fake) is 0.93 over 22 frames; 75% of them look more fake than real."
    assert "31 px wide, at least 48 px are needed" in evidence_sentence(TOO_SMALL)
    assert "at most 5% of real examples reach" in evidence_sentence(CLOSE)


@pytest.mark.parametrize(
    ("code", "numbers", "told"),
    [
        ("face_too_small", {"px": 47.6, "at_least": 48.0}, "47.6 px wide, at least 48 px"),
        ("face_too_blurred", {"px": 3.01, "of_px": 224, "at_most": 3.0}, "by 3.01 of 224 px"),
        ("cut_off", {"outside_share": 0.2504, "at_most": 0.25}, "25.04% of the area"),
        ("face_hidden", {"hidden_share": 0.0501, "at_most": 0.05}, "5.01% of it"),
        ("face_smoothed", {"probability": 0.5004, "at_most": 0.5}, "50.04%"),
        ("compressed_too_hard", {"bits_per_pixel": 0.00196, "at_least": 0.002}, "0.00196 bits"),
        ("turned_away", {"frontal_share": 0.249, "at_least": 0.25}, "near frontal in 24.9%"),
        ("hardly_a_face", {"frames": 499, "of": 10000, "at_least": 0.05}, "(4.99%)"),
    ],
)
def test_a_number_that_fails_a_limit_never_reads_like_the_limit(code, numbers, told):
    assert told in evidence_sentence(Evidence(code, "learned_score", 0, numbers))


def test_one_example_looks_and_several_look() -> None:
    def said(count: int) -> str:
        return evidence_sentence(Evidence("reals_as_suspicious", "learned_score", 0, {"count": count, "of": 578}))

    assert said(1) == "1 of 578 real calibration examples looks at least as suspicious."
    assert said(2) == "2 of 578 real calibration examples look at least as suspicious."


def test_of_a_clip_that_was_not_judged_no_number_speaks_for_a_side() -> None:
    score = dataclasses.replace(SCORE, suspicion=0.1, direction="against")
    person = TrackVerdict(1, "INCONCLUSIVE", 0.1, None, None, (TOO_SMALL, score))
    not_judged = Verdict("INCONCLUSIVE", 0.1, person.reasons, tracks=(person,))
    assert not_judged.answer == "NOT_JUDGED"
    assert directed_sentences(not_judged) == reason_sentences(not_judged)
    judged = Verdict("INCONCLUSIVE", 0.1, (score,), tracks=(dataclasses.replace(person, reasons=(score,)),))
    assert directed_sentences(judged)[0].startswith("Against a fake: ")


def test_a_score_near_the_middle_speaks_for_neither_side_in_the_numbers_as_on_the_card() -> None:
    even = dataclasses.replace(SCORE, suspicion=0.4, direction="against")
    person = TrackVerdict(1, "INCONCLUSIVE", 0.4, None, None, (even,))
    verdict = Verdict("INCONCLUSIVE", 0.4, (even,), tracks=(person,))
    assert directed_sentences(verdict) == reason_sentences(verdict)
    assert [reason.direction for reason in card_reasons(verdict)] == ["limits"]


def test_a_reason_names_its_person_where_several_are_judged() -> None:
    person = TrackVerdict(1, "INCONCLUSIVE", 0.9, None, None, (TOO_SMALL, SCORE))
    other = TrackVerdict(0, "INCONCLUSIVE", 0.6, None, None, (CLOSE,))
    alone = Verdict("INCONCLUSIVE", 0.9, person.reasons, tracks=(person,))
    several = Verdict("INCONCLUSIVE", 0.9, person.reasons, tracks=(other, person))
    assert reason_sentences(alone) == reason_sentences(person)
    assert all(sentence.startswith("Person 2: ") for sentence in reason_sentences(several))
    assert person.abstained == (TOO_SMALL,)
    assert several.evidence == (TOO_SMALL, SCORE, CLOSE)
    assert several.first_reason == TOO_SMALL
    assert alone.first_reason == dataclasses.replace(TOO_SMALL, track_id=None)


def test_a_reason_comes_back_from_a_column_of_text() -> None:
    assert reason_from_text(reason_to_text(SCORE)) == SCORE
    assert reason_from_text(reason_to_text(None)) is None


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (SCORE, evidence_sentence(SCORE)),
        (TOO_SMALL, "Inconclusive because the face is too small: 31 px wide, at least 48 px are needed."),
        (CLOSE, evidence_sentence(CLOSE)),
    ],
)
def test_a_sentence_of_an_earlier_version_is_known_by_its_words(item: Evidence, sentence: str) -> None:
    kept = reason_from_text(f"Person 2: {sentence}")
    assert kept is not None
    assert (kept.code, kept.track_id) == (item.code, 1)
    assert evidence_sentence(kept) == sentence
    assert cause_of_abstention(kept) == cause_of_abstention(item)


def test_what_nobody_knows_any_more_is_told_as_it_was_kept() -> None:
    kept = reason_from_text("The tea was cold.")
    assert kept is not None
    assert (kept.code, evidence_sentence(kept)) == ("as_kept", "The tea was cold.")


def test_limits_are_the_classifiers_own_and_those_of_all() -> None:
    assert limits_of(DEFAULT_CLASSIFIER)[0].startswith(CLASSIFIERS[DEFAULT_CLASSIFIER].info.misleads)
    common = {limit for limit in limits_of(DEFAULT_CLASSIFIER) if limit in limits_of("unknown")}
    assert len(common) == 2
    assert limits_of("unknown")[1] in CAUTION


def test_probabilities_and_durations_are_written_one_way() -> None:
    assert probability_text(0.934, (0.861, 0.9688)) == "0.93 (0.86–0.97)"
    assert probability_text(None) == "–"
    assert (score_text(0.5), score_text(None)) == ("P(fake) 0.50", "")
    assert [duration_text(seconds) for seconds in (8.06, 180, 50_700)] == ["8.1 s", "3 min", "14 h 5 min"]


def test_one_is_no_plural() -> None:
    assert [counted(count, "clip") for count in (0, 1, 2, 1400)] == ["0 clips", "1 clip", "2 clips", "1,400 clips"]
    assert counted(2, "analysis", "analyses") == "2 analyses"


@pytest.mark.parametrize(
    ("adjustment", "told", "warned"),
    [
        (Adjustment("fitted", {"frames": 1}), "1 frame of another size", "1 frame is fitted"),
        (Adjustment("fitted", {"frames": 2}), "2 frames of another size", "2 frames are fitted"),
        (
            Adjustment("damaged_frames", {"damaged": 1, "built_on_damage": 0}),
            "1 frame damaged",
            "1 frame is damaged: shown",
        ),
        (
            Adjustment("damaged_frames", {"damaged": 1, "built_on_damage": 2}),
            "1 frame damaged, 2 more",
            "3 frames are damaged (1 themselves, 2 refer",
        ),
        (
            Adjustment("damaged_frames", {"damaged": 0, "built_on_damage": 1}),
            "1 frame not scored, because an earlier one is damaged or missing",
            "1 frame refers to what is damaged or missing: shown",
        ),
        (Adjustment("packets_left_out", {"packets": 1}), "1 damaged packet left out", "1 damaged packet could not"),
    ],
)
def test_what_was_mended_is_counted_in_words(adjustment: Adjustment, told: str, warned: str) -> None:
    video = VideoInfo(
        Path("a.mp4"), "", 8, 8, 0, Fraction(25), 2, 0.08, "h264", "yuv420p", False, "mp4", None, has_audio=False,
        adjustments=(adjustment,),
    )  # fmt: skip
    assert adjustment_sentence(adjustment).startswith(told)
    assert warned in reading_warnings(video)[0]
