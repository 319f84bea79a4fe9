"""The verdict of the learned detector: thresholds, reasons, several people."""

import dataclasses

import numpy as np
import pytest

from deepfake.analysis.evidence import Evidence, SignalReading
from deepfake.analysis.judging import verdict_of
from deepfake.analysis.quality import ClipQuality, TrackView, track_view
from deepfake.analysis.verdict import (
    clip_verdict,
    is_settled,
    probability_interval,
    rate_share,
    track_verdict,
)
from deepfake.detectors import Calibration, ClassifierInfo, FaceClassifier, TrackScores, classifier
from deepfake.faces.tracking import FaceTrack
from deepfake.report.wording import evidence_sentence, reason_sentences
from deepfake.signals.base import SignalInfo
from deepfake.signals.registry import SignalAuc
from tests.store.samples import sample_analysis

FRONTAL = np.array([[70, 80], [130, 80], [100, 110], [80, 140], [120, 140]], np.float32)
# 99 real clips with P(fake) from 0.02 up to 0.6, 99 fakes from 0.3 up to 0.98.
CALIBRATION = Calibration(
    1.0, 0.0, np.linspace(-4, 0.4, 99, dtype="f4"), np.linspace(-0.85, 4, 99, dtype="f4"), min_fake_probability=0.8
)


class Calibrated(FaceClassifier):
    """What a verdict needs of a classifier: calibration and limits."""

    info = ClassifierInfo("calibrated", "Calibrated", "", "")
    limits = classifier().limits

    def __init__(self, calibration):
        self._calibration = calibration

    @property
    def calibration(self):
        return self._calibration

    def scores(self, images):
        raise AssertionError("a verdict scores nothing")


CLASSIFIER = Calibrated(CALIBRATION)
CLIP = ClipQuality(frames=60, covered_frames=60, bits_per_pixel=0.05)


def track(track_id=0, frames=60, width_px=120.0, landmarks=FRONTAL):
    boxes = np.tile(np.array([40, 40, 40 + width_px, 40 + 1.3 * width_px], np.float32), (frames, 1))
    points = np.tile(landmarks, (frames, 1, 1)).astype(np.float32)
    return FaceTrack(track_id, np.arange(frames), boxes, points, np.ones(frames, np.float32))


def scores(probability, count=20, track_id=0):
    values = np.full(count, probability, np.float32)
    return TrackScores(track_id, np.arange(count, dtype=np.int64), values, np.full(count, 1.5, np.float32))


def judge(probability, count=20, judged=1, signals=(), clip=CLIP, scorer=CLASSIFIER, **options):
    """The verdict on a made track with a made score."""
    item = track(**options)
    made = scores(probability, count, item.track_id)
    return track_verdict(item, made, scorer, judged=judged, signals=signals, clip=clip)


def said(answer):
    """The reasons of a verdict, sentences."""
    return reason_sentences(answer)


def judge_clip(*people):
    """The verdict on a clip of these people, each as judge gives them."""
    return clip_verdict(people, faces=len(people))


def reading(value, *, name="power", side="high", low=(0.6,)):
    """A signal whose real clips lie evenly from 0 to 99; low: the lower ends of its AUC's intervals, by set."""
    info = SignalInfo(name, "Power", "dB", "", "", side)
    measured = tuple(SignalAuc(f"set {k}", bound + 0.1, (bound, bound + 0.2), 9, 41) for k, bound in enumerate(low))
    return SignalReading(info, value, np.arange(100.0), measured)


@pytest.mark.parametrize(
    ("probability", "label"),
    [
        (0.97, "LIKELY_FAKE"),
        (0.75, "INCONCLUSIVE"),
        (0.52, "INCONCLUSIVE"),
        (0.42, "INCONCLUSIVE"),
        (0.1, "LIKELY_REAL"),
    ],
)
def test_labels_follow_the_error_rates(probability, label):
    result = judge(probability)
    assert result.label == label
    assert result.probability_fake == pytest.approx(probability, abs=1e-3)


def test_the_reasons_carry_their_numbers():
    result = judge(0.97)
    assert "P(fake) is 0.97 over 20 frames" in said(result)[0]
    assert "0 of 99 real calibration examples" in said(result)[1]
    assert result.false_alarm_p == pytest.approx(0.01)


def judged_clip(*people):
    """The verdict on a clip of these people, each (P(fake), width of the face in px)."""
    tracks = [track(number, width_px=width) for number, (_, width) in enumerate(people)]
    found = {number: scores(probability, track_id=number) for number, (probability, _) in enumerate(people)}
    return verdict_of(tracks, found, sample_analysis().video, classifier=CLASSIFIER, frames=60)


def test_one_person_in_many_shots_is_not_one_suspicious_face_among_many():
    assert judged_clip((0.97, 120)).label == "LIKELY_FAKE"
    alike = judged_clip(*[(0.97, 120)] * 7)
    assert alike.label == "LIKELY_FAKE"
    assert [person.label for person in alike.tracks] == ["LIKELY_FAKE"] * 7
    lone = judged_clip((0.97, 120), *[(0.1, 120)] * 6)
    assert lone.label == "INCONCLUSIVE"
    assert lone.reasons[0].code == "too_many_people"
    assert lone.tracks[0].false_alarm_p == pytest.approx(0.07)
    assert rate_share(lone.tracks[0], CALIBRATION) == pytest.approx(7)


def test_who_is_kept_from_being_judged_does_not_help_to_call_somebody_else_a_fake():
    beside_small_faces = judged_clip((0.97, 120), *[(0.99, 30)] * 6)
    person, *small = beside_small_faces.tracks
    assert person.label == "INCONCLUSIVE"
    assert person.false_alarm_p == pytest.approx(0.07)
    assert {item.code for other in small for item in other.abstained} == {"face_too_small"}


def test_a_picture_of_a_face_counts_once_for_each_person_of_the_clip():
    numbers = {"seconds": 3.0, "change": 0.2, "at_most": 1.0}
    tracks = [track(number) for number in range(6)]
    found = {number: scores(0.97 if number == 0 else 0.1, track_id=number) for number in range(6)}
    views = {number: track_view(tracks[number], None, numbers if number == 0 else None) for number in range(6)}
    answer = verdict_of(tracks, found, sample_analysis().video, classifier=CLASSIFIER, frames=60, views=views)
    picture = answer.tracks[0]
    assert picture.label == "INCONCLUSIVE"
    assert picture.false_alarm_p == pytest.approx(0.06)
    assert picture.abstained[0].code == "a_picture"


def test_a_quick_look_at_many_people_is_settled_only_where_the_others_do_not_matter():
    assert is_settled(judged_clip((0.97, 120)), CALIBRATION)
    assert not is_settled(judged_clip(*[(0.97, 120)] * 7), CALIBRATION)


def test_more_people_take_stronger_evidence():
    """With ten people judged, one in a hundred is no longer rare."""
    assert judge(0.97, judged=1).label == "LIKELY_FAKE"
    assert judge(0.97, judged=10).label == "INCONCLUSIVE"


def test_the_quality_gate_stops_the_verdict_and_says_why():
    result = judge(0.97, width_px=30.0)
    evidence = result.reasons
    assert result.label == "INCONCLUSIVE"
    assert said(result)[0] == "The face is too small: 30 px wide, at least 48 px are needed."
    assert result.abstained == result.reasons[:1]
    assert (evidence[0].code, evidence[0].direction) == ("face_too_small", "limits")
    assert result.quality.face_width_px == 30


def test_a_face_that_could_not_be_scored_is_inconclusive():
    result = track_verdict(track(landmarks=FRONTAL * np.nan), None, CLASSIFIER, judged=1, clip=CLIP)
    evidence = result.reasons
    assert result.label == "INCONCLUSIVE"
    assert result.probability_fake is None
    assert "MTCNN" in said(result)[0]
    assert [item.code for item in evidence] == ["unscored"]
    clip = clip_verdict([result], faces=1)
    assert (clip.label, clip.probability_fake, clip.reasons) == ("INCONCLUSIVE", None, result.reasons)
    damaged = track_verdict(track(), None, CLASSIFIER, judged=1, clip=CLIP)  # it has landmarks, and nothing was cut
    assert [item.code for item in damaged.reasons] == ["all_damaged"]


def test_a_score_between_the_two_tests_is_said_to_pass_neither():
    assert "too close to call" in said(judge(0.52))[0]
    assert "10 faces of the clip were judged" in said(judge(0.97, judged=10))[0]


def test_likely_real_says_how_often_that_is_wrong():
    result = judge(0.1)
    assert "0 of 99 fake examples score as low" in said(result)[1]
    assert f"at most {CALIBRATION.miss_rate:.0%} may" in said(result)[1]


@pytest.mark.parametrize(("probability", "direction"), [(0.97, "for"), (0.1, "against")])
def test_the_score_and_its_rank_speak_for_the_verdict_that_they_make(probability, direction):
    evidence = judge(probability).reasons
    assert {item.direction for item in evidence} == {direction}


def test_a_rank_that_is_neither_rare_nor_usual_speaks_for_neither():
    """Of the real examples, about a fifth score 0.38 or more."""
    evidence = judge(0.38).reasons
    assert [(item.direction) for item in evidence if item.code == "reals_as_suspicious"] == ["limits"]


def test_what_speaks_against_the_verdict_is_told_before_what_agrees():
    """Of real clips, 5 are as suspicious as 95; 40% of them are less suspicious than the usual one."""
    for_fake, against = reading(95, name="odd"), reading(20, name="usual")
    accused = judge(0.97, signals=(for_fake, against)).reasons
    assert [item.signal for item in accused] == ["learned_score", "learned_score", "usual", "odd"]
    cleared = judge(0.1, signals=(for_fake, against)).reasons
    assert [item.signal for item in cleared][:4] == ["learned_score", "learned_score", "odd", "usual"]


def test_a_weak_signal_comes_after_all_others():
    weak, good = reading(99, name="weak", low=(0.6, 0.4)), reading(99, name="good")
    evidence = judge(0.1, signals=(weak, good)).reasons
    assert [item.signal for item in evidence] == ["learned_score", "learned_score", "good", "learned_score", "weak"]


def test_an_answer_about_less_than_half_of_the_clip_says_so():
    result = judge(0.97, clip=ClipQuality(frames=600, covered_frames=500))
    assert result.label == "LIKELY_FAKE"
    assert "seen in 10% of the clip's frames" in said(result)[-1]


def test_one_fake_face_makes_the_clip_fake_and_is_named():
    result = judge_clip(judge(0.1, track_id=0), judge(0.98, track_id=1))
    assert result.label == "LIKELY_FAKE"
    assert result.probability_fake == pytest.approx(0.98, abs=1e-3)
    assert said(result)[0].startswith("Person 2: ")
    assert result.evidence[0].track_id == 1
    assert {item.track_id for item in result.evidence} == {0, 1}


def test_a_clip_is_likely_real_only_when_everybody_is():
    real = judge(0.1)
    assert judge_clip(real, judge(0.05, track_id=1)).label == "LIKELY_REAL"
    assert judge_clip(real, judge(0.45, track_id=1)).label == "INCONCLUSIVE"
    assert judge_clip(real, judge(0.1, track_id=1, width_px=30.0)).label == "INCONCLUSIVE"


def test_the_person_who_could_not_be_judged_comes_first():
    result = judge_clip(judge(0.1), judge(0.05, track_id=1, width_px=30.0))
    assert said(result)[0].startswith("Person 2: The face is too small")
    assert said(result)[1].startswith("Person 1: P(fake)")
    assert len(set(said(result))) == len(result.reasons)


def test_a_face_below_the_gate_does_not_accuse_the_clip():
    assert judge_clip(judge(0.1), judge(0.98, track_id=1, width_px=30.0)).label == "INCONCLUSIVE"


@pytest.mark.parametrize(
    "people",
    [
        (judge(0.98, signals=(reading(95),)),),
        (judge(0.1), judge(0.98, track_id=1, width_px=30.0)),
        (judge(0.1), judge(0.52, track_id=1)),
        (track_verdict(track(), None, CLASSIFIER, judged=1, clip=CLIP),),
    ],
)
def test_every_reason_is_evidence_and_has_a_sentence(people):
    result = judge_clip(*people)
    assert result.evidence[: len(result.reasons)] == result.reasons
    assert len(result.evidence) == sum(len(verdict.reasons) for verdict in people)
    assert all(
        sentence.endswith(evidence_sentence(item)) for sentence, item in zip(said(result), result.reasons, strict=True)
    )


def test_no_face_is_inconclusive_with_the_reason():
    result = clip_verdict([], faces=0)
    assert result.label == "INCONCLUSIVE"
    assert result.probability_fake is None
    assert "No face was found" in said(result)[0]
    assert [item.code for item in result.evidence] == ["no_face"]


def test_somebody_seen_too_briefly_is_named_and_keeps_a_clip_from_being_real():
    long = track_verdict(track(0, frames=100), scores(0.01), CLASSIFIER, judged=1, clip=CLIP)
    glimpse = track_verdict(track(1, frames=3), scores(0.01, count=3, track_id=1), CLASSIFIER, judged=1, clip=CLIP)
    assert long.label == "LIKELY_REAL"
    result = clip_verdict([long, glimpse], faces=2)
    assert result.label == "INCONCLUSIVE"
    assert said(result)[0].startswith("Person 2: The face is seen too briefly: 3 pictures")


def test_a_short_fake_beside_a_long_real_face_makes_the_clip_fake():
    long = track_verdict(track(0, frames=400), scores(0.01), CLASSIFIER, judged=2, clip=CLIP)
    short = track_verdict(track(1, frames=20), scores(0.98, track_id=1), CLASSIFIER, judged=2, clip=CLIP)
    assert clip_verdict([long, short], faces=2).label == "LIKELY_FAKE"


def test_what_is_no_person_is_counted_and_stops_nothing():
    person = track_verdict(track(0), scores(0.01), CLASSIFIER, judged=1, clip=CLIP)
    false_faces = Evidence("no_persons", "face_count", None, {"count": 2, "from_s": 0.2, "to_s": 3.0})
    result = clip_verdict([person], faces=1, no_persons=false_faces)
    assert result.label == "LIKELY_REAL"
    assert said(result)[-1].startswith("2 of the detections, seen between 0:00.20 and 0:03.00, are no persons")


def test_faces_that_were_not_looked_at_keep_a_clip_from_being_likely_real():
    left_out = Evidence("faces_left_out", "face_count", None, {"count": 7, "most": 24})
    for probability, label in ((0.01, "INCONCLUSIVE"), (0.98, "LIKELY_FAKE")):
        person = track_verdict(track(0), scores(probability), CLASSIFIER, judged=1, clip=CLIP)
        result = clip_verdict([person], faces=1, left_out=left_out)
        assert result.label == label
        assert any("7 more faces were in the picture at once than the 24" in sentence for sentence in said(result))


PICTURE = TrackView(1.0, 4.0, {"seconds": 4.0, "change": 1.2, "at_most": 5.0})


def beside_somebody(probability, *, width_px=120.0):
    """The verdict on a clip of a real person and a picture, and that on the picture."""
    person = track_verdict(track(0), scores(0.01), CLASSIFIER, judged=2, clip=CLIP)
    made = track(1, width_px=width_px)
    picture = track_verdict(made, scores(probability, track_id=1), CLASSIFIER, judged=2, clip=CLIP, view=PICTURE)
    return clip_verdict([person, picture], faces=2), picture


@pytest.mark.parametrize(("probability", "width_px"), [(0.01, 120.0), (0.5, 120.0), (0.97, 30.0)])
def test_a_picture_of_a_face_stops_nothing_and_is_told(probability, width_px):
    result, picture = beside_somebody(probability, width_px=width_px)
    assert (result.label, result.probability_fake) == ("LIKELY_REAL", pytest.approx(0.01, abs=1e-4))
    assert result.most_suspicious == 0, "the verdict is about the person"
    assert picture.is_picture
    assert (picture.label, picture.abstained[0].code) == ("INCONCLUSIVE", "a_picture")
    assert said(result)[-1].startswith(
        "Person 2: This is a picture of a face, not a person: over 4.0 s it changes by 1.2"
    )


def test_a_picture_that_scores_like_a_fake_is_never_set_aside():
    result, picture = beside_somebody(0.98)
    assert (result.label, picture.label) == ("LIKELY_FAKE", "LIKELY_FAKE")
    assert picture.abstained == ()
    assert "a_picture" in {item.code for item in picture.reasons}


def test_a_picture_beside_somebody_who_cannot_be_judged_makes_nothing_real():
    _, picture = beside_somebody(0.01)
    result = clip_verdict([judge(0.01, width_px=30.0), picture], faces=2)
    assert result.label == "INCONCLUSIVE"
    assert result.reasons[0].code == "face_too_small"


def test_a_picture_alone_is_no_evidence_for_a_real_clip():
    _, picture = beside_somebody(0.01)
    result = clip_verdict([picture], faces=1)
    assert (result.label, result.first_reason.code) == ("INCONCLUSIVE", "a_picture")


def test_a_profile_is_not_judged_whatever_the_landmarks_say():
    yaw = np.full(60, -50, np.float32)
    verdict = track_verdict(track(), scores(0.01), CLASSIFIER, judged=1, clip=CLIP, view=track_view(track(), yaw))
    assert [item.code for item in verdict.abstained] == ["turned_away"]
    assert "in profile, turned by 50°: near frontal in 0% of its frames" in said(verdict)[0]
    assert verdict.quality.yaw_deg == 50


def test_the_interval_holds_the_probability_and_narrows_with_frames():
    generator = np.random.default_rng(0)
    wide = probability_interval(generator.uniform(0.5, 0.9, 8).astype(np.float32))
    narrow = probability_interval(generator.uniform(0.5, 0.9, 200).astype(np.float32))
    assert wide[0] < 0.72 < wide[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    assert probability_interval(np.full(20, 0.7, np.float32)) == pytest.approx((0.7, 0.7), abs=1e-4)
    assert probability_interval(np.full(3, 0.7, np.float32)) is None


def test_the_interval_holds_as_often_as_it_says_where_few_frames_were_scored():
    generator = np.random.default_rng(0)
    log_odds = generator.normal(0.4, 1.0, (1000, 5))
    held = 0
    for draw in 1 / (1 + np.exp(-log_odds)):
        low, high = probability_interval(draw.astype(np.float32))
        held += low <= 1 / (1 + np.exp(-0.4)) <= high
    assert 0.94 < held / 1000 < 0.985


@pytest.mark.parametrize("probability", [0.01, 0.5, 0.99])
def test_a_classifier_without_calibration_decides_nothing_and_gives_its_number(probability):
    verdict = judge(probability, scorer=Calibrated(None))
    assert (verdict.label, verdict.false_alarm_p) == ("INCONCLUSIVE", None)
    assert verdict.probability_fake == pytest.approx(probability, abs=1e-6)
    assert "not calibrated" in said(verdict)[0]
    assert verdict.abstained == (verdict.reasons[0],)
    assert verdict.reasons[1].suspicion == verdict.probability_fake


def test_thresholds_are_those_of_the_calibration():
    strict = dataclasses.replace(CALIBRATION, min_fake_probability=0.97)
    assert judge(0.95).label == "LIKELY_FAKE"
    assert judge(0.95, scorer=Calibrated(strict)).label == "INCONCLUSIVE"
    bold = dataclasses.replace(CALIBRATION, miss_rate=0.3)
    assert judge(0.42).label == "INCONCLUSIVE"
    assert judge(0.42, scorer=Calibrated(bold)).label == "LIKELY_REAL"


def test_what_the_classifier_says_of_the_track_counts_before_its_crops():
    whole = dataclasses.replace(scores(0.5), track_probability=0.97)
    verdict = track_verdict(track(), whole, CLASSIFIER, judged=1, clip=CLIP)
    assert (verdict.label, verdict.probability_fake) == ("LIKELY_FAKE", 0.97)


def _spread(probability, low, high, track_id=0):
    """The verdict on a person whose P(fake) may lie between low and high."""
    return dataclasses.replace(judge(probability, track_id=track_id), interval=(low, high))


@pytest.mark.parametrize(
    ("people", "settled"),
    [
        ([_spread(0.97, 0.95, 0.99)], True),
        ([_spread(0.97, 0.70, 0.99)], False),  # from where nothing is called fake
        ([_spread(0.52, 0.45, 0.55)], True),  # in between all the same
        ([_spread(0.52, 0.05, 0.55)], False),
        ([_spread(0.1, 0.05, 0.15)], True),
        ([_spread(0.1, 0.05, 0.6)], False),
        ([_spread(0.97, 0.95, 0.99), _spread(0.52, 0.05, 0.55, 1)], True),  # one fake face makes the clip fake
        ([_spread(0.1, 0.05, 0.15), _spread(0.52, 0.05, 0.55, 1)], False),
        ([_spread(0.1, 0.05, 0.15), judge(0.1, track_id=1, width_px=30.0)], False),  # who could not be judged
        ([dataclasses.replace(judge(0.97), interval=None)], False),
    ],
)
def test_an_answer_is_settled_where_the_whole_interval_gives_it(people, settled):
    assert is_settled(judge_clip(*people), CALIBRATION) is settled


def test_nothing_is_settled_without_a_face_or_a_calibration():
    assert not is_settled(clip_verdict([], faces=0), CALIBRATION)
    assert not is_settled(judge_clip(_spread(0.97, 0.95, 0.99)), None)
