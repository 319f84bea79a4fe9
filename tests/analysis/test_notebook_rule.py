"""The notebook's rule on the similarity of successive frames."""

import numpy as np
import pytest

from deepfake.analysis.notebook_rule import notebook_rule


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
    assert (rule.amplitude, rule.minimum) == (None, None)
