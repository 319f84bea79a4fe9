"""The notebook's rule and the verdict made from it."""

import numpy as np
import pytest

from deepfake.signals.trace import SignalTrace
from deepfake.verdict import clip_verdict, notebook_rule


def trace(values):
    count = len(values)
    return SignalTrace("frame_similarity", None, np.arange(1, count + 1), np.arange(count) / 25, np.array(values, "f4"))


def verdict(values, faces=1, cuts=0):
    similarity = trace(values)
    return clip_verdict(notebook_rule(similarity.values), similarity, faces=faces, cuts=cuts)


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


@pytest.mark.parametrize(("low", "label"), [(0.95, "LIKELY_REAL"), (0.85, "LIKELY_FAKE"), (0.3, "INCONCLUSIVE")])
def test_the_verdict_follows_the_rule_and_gives_its_numbers(low, label):
    result = verdict([0.99] * 20 + [low])
    assert result.label == label
    assert result.probability_fake is None
    assert any(f"{low:.3f}" in reason for reason in result.reasons)


def test_no_face_is_inconclusive_with_the_reason():
    result = verdict([0.99] * 20, faces=0)
    assert result.label == "INCONCLUSIVE"
    assert "No face" in result.reasons[0]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_short_is_inconclusive_with_the_reason(count):
    result = verdict([0.99] * count)
    assert result.label == "INCONCLUSIVE"
    assert f"{count + 1} frame" in result.reasons[0]


def test_a_cut_is_named_among_the_reasons():
    assert any("1 scene cut" in reason for reason in verdict([0.99] * 20 + [0.4], cuts=1).reasons)
