"""The notebook's rule, and the verdict of the learned detector: thresholds, the quality gate, several people."""

import numpy as np
import pytest

from deepfake.detectors.efficientnet import Calibration
from deepfake.detectors.scoring import TrackScores
from deepfake.faces.tracking import FaceTrack
from deepfake.verdict import (
    clip_verdict,
    face_turn,
    main_tracks,
    notebook_rule,
    probability_interval,
    track_verdict,
)

FRONTAL = np.array([[70, 80], [130, 80], [100, 110], [80, 140], [120, 140]], np.float32)
# 99 genuine clips with P(fake) from 0.02 up to 0.6, 99 fakes from 0.3 up to 0.98.
CALIBRATION = Calibration(1.0, 0.0, np.linspace(-4, 0.4, 99, dtype="f4"), np.linspace(-0.85, 4, 99, dtype="f4"))


def track(track_id=0, frames=60, width_px=120.0, landmarks=FRONTAL):
    boxes = np.tile(np.array([40, 40, 40 + width_px, 40 + 1.3 * width_px], np.float32), (frames, 1))
    points = np.tile(landmarks, (frames, 1, 1)).astype(np.float32)
    return FaceTrack(track_id, np.arange(frames), boxes, points, np.ones(frames, np.float32))


def scores(probability, count=20, track_id=0):
    values = np.full(count, probability, np.float32)
    return TrackScores(track_id, np.arange(count, dtype=np.int64), values)


def judge(probability, count=20, judged=1, **options):
    item = track(**options)
    return track_verdict(item, scores(probability, count, item.track_id), CALIBRATION, judged=judged)


@pytest.mark.parametrize(
    ("low", "high", "label"),
    [
        (0.93, 0.99, "REAL"),
        (0.90, 0.99, "FAKE"),
        (0.92, 0.99, "FAKE"),  # the minimum has to be above 0.92
        (0.70, 0.95, "MAYBE_FAKE"),
        (0.79, 1.00, "MAYBE_FAKE"),
    ],
)
def test_the_rule_as_the_notebook_has_it(low, high, label):
    rule = notebook_rule(np.array([high, low, high], np.float64))
    assert rule.label == label
    assert rule.amplitude == pytest.approx((high - low) / 2)
    assert rule.minimum == pytest.approx(low)


def test_unmeasured_values_are_left_out():
    assert notebook_rule(np.array([np.nan, 0.95, 0.99], np.float32)).minimum == pytest.approx(0.95)


def test_nothing_measured_is_no_label():
    rule = notebook_rule(np.array([], np.float32))
    assert rule.label is None
    assert np.isnan(rule.amplitude)


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
    assert "P(fake) is 0.97 over 20 frames" in result.reasons[0]
    assert "0 of 99 genuine calibration examples" in result.reasons[1]
    assert result.false_alarm_p == pytest.approx(0.01)


def test_more_people_take_stronger_evidence():
    """With ten people judged, one in a hundred is no longer rare."""
    assert judge(0.97, judged=1).label == "LIKELY_FAKE"
    assert judge(0.97, judged=10).label == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"width_px": 30.0}, "too small to judge: 30 px wide"),
        ({"count": 3}, "too briefly: 3 frames"),
        ({"landmarks": FRONTAL + np.array([[0, 0], [0, 0], [45, 0], [0, 0], [0, 0]])}, "turned away"),
    ],
)
def test_the_quality_gate_stops_the_verdict_and_says_why(options, why):
    result = judge(0.97, **options)
    assert result.label == "INCONCLUSIVE"
    assert why in result.reasons[0]
    assert result.abstained == result.reasons[:1]


def test_a_face_that_could_not_be_scored_is_inconclusive():
    result = track_verdict(track(), None, CALIBRATION, judged=1)
    assert result.label == "INCONCLUSIVE"
    assert result.probability_fake is None
    assert "MTCNN" in result.reasons[0]


def test_one_fake_face_makes_the_clip_fake_and_is_named():
    result = clip_verdict([judge(0.1, track_id=0), judge(0.98, track_id=1)], (), faces=2)
    assert result.label == "LIKELY_FAKE"
    assert result.probability_fake == pytest.approx(0.98, abs=1e-3)
    assert result.reasons[0].startswith("Person 2: ")


def test_a_clip_is_likely_real_only_when_everybody_is():
    assert clip_verdict([judge(0.1), judge(0.05, track_id=1)], (), faces=2).label == "LIKELY_REAL"
    assert clip_verdict([judge(0.1), judge(0.45, track_id=1)], (), faces=2).label == "INCONCLUSIVE"
    assert clip_verdict([judge(0.1), judge(0.1, track_id=1, width_px=30.0)], (), faces=2).label == "INCONCLUSIVE"


def test_a_face_below_the_gate_does_not_accuse_the_clip():
    result = clip_verdict([judge(0.1), judge(0.98, track_id=1, width_px=30.0)], (), faces=2)
    assert result.label == "INCONCLUSIVE"


def test_no_face_is_inconclusive_with_the_reason():
    result = clip_verdict([], (), faces=0)
    assert result.label == "INCONCLUSIVE"
    assert result.probability_fake is None
    assert "No face" in result.reasons[0]


def test_glimpses_are_not_judged():
    kept = main_tracks([track(0, frames=100), track(1, frames=20), track(2, frames=30)])
    assert [item.track_id for item in kept] == [0, 2]
    assert main_tracks([]) == ()


def test_turn_is_zero_for_a_frontal_face_however_it_is_tilted():
    angle = np.deg2rad(30)
    tilted = FRONTAL @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert face_turn(np.stack([FRONTAL, tilted]).astype(np.float32)) == pytest.approx([0, 0], abs=1e-5)


def test_the_interval_holds_the_probability_and_narrows_with_frames():
    generator = np.random.default_rng(0)
    wide = probability_interval(generator.uniform(0.5, 0.9, 8).astype(np.float32))
    narrow = probability_interval(generator.uniform(0.5, 0.9, 200).astype(np.float32))
    assert wide[0] < 0.72 < wide[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    assert probability_interval(np.full(20, 0.7, np.float32)) == pytest.approx((0.7, 0.7), abs=1e-4)
    assert probability_interval(np.full(3, 0.7, np.float32)) is None
