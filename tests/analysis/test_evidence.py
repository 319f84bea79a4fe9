"""What the signals say: where a value lies among real clips, and what its signal is worth."""

import numpy as np
import pytest

from deepfake.analysis.evidence import SignalReading, signal_evidence, signal_readings
from deepfake.report import wording
from deepfake.report.wording import evidence_sentence
from deepfake.signals.base import SignalInfo, SignalTrace
from deepfake.signals.registry import FACE_SIGNALS, SignalAuc, real_values, signal_auc


def reading(value, *, side="high", low=(0.6,), name="power"):
    info = SignalInfo(name, "Power", "dB", "", "", side)
    measured = tuple(SignalAuc(f"set {k}", bound + 0.1, (bound, bound + 0.2), 9, 41) for k, bound in enumerate(low))
    return SignalReading(info, value, np.arange(100.0), measured)


@pytest.mark.parametrize(
    ("value", "side", "direction"),
    [(95, "high", "for"), (40, "high", "against"), (80, "high", None),
     (4, "low", "for"), (60, "low", "against"), (20, "low", None)],
)  # fmt: skip
def test_a_value_speaks_where_few_or_where_most_real_clips_are_as_suspicious(value, side, direction):
    found = signal_evidence((reading(value, side=side),), 3)
    assert [item.direction for item in found] == ([] if direction is None else [direction])
    assert all((item.signal, item.track_id) == ("power", 3) for item in found)
    assert {item.code for item in found} <= {"signal_rare", "signal_usual"}


def test_the_sentence_says_where_the_value_lies_and_what_the_signal_is_worth(monkeypatch):
    monkeypatch.setattr(wording, "signal_info", lambda name: reading(0, name=name).info)
    (found,) = signal_evidence((reading(95.5),), 0)
    assert evidence_sentence(found) == (
        "Power: 96 dB, higher than in 96 of 100 real clips, as in fakes; alone it tells some fakes apart (AUC 0.70, "
        "0.5 is chance)."
    )
    assert found.suspicion == pytest.approx(1 - 5 / 101)
    (usual,) = signal_evidence((reading(60, side="low", low=(0.6, 0.7)),), 0)
    assert "61 of 100 real clips look at least as suspicious" in evidence_sentence(usual)
    assert "AUC 0.70 to 0.80" in evidence_sentence(usual)


def test_a_signal_at_chance_says_nothing():
    assert signal_evidence((reading(99, low=(0.4,)), reading(99, low=()), reading(99, side=None)), 0) == ()


def test_a_signal_that_points_the_wrong_way_on_some_clips_says_nothing():
    assert signal_evidence((reading(99, low=(0.6, 0.2)),), 0) == ()


def test_a_signal_at_chance_on_some_clips_is_weak_and_last():
    weak, good = reading(99, low=(0.6, 0.45), name="weak"), reading(96, name="good")
    found = signal_evidence((weak, good), 0)
    assert [(item.signal, item.is_weak) for item in found] == [("good", False), ("weak", True)]
    assert "a weak signal" in evidence_sentence(found[1])


def test_the_shipped_numbers_are_there_for_every_signal():
    for signal in FACE_SIGNALS:
        values = real_values(signal.info.name)
        assert len(values) >= 20
        assert (np.diff(values) >= 0).all()
        assert signal_auc(signal.info.name)
    assert len(real_values("no such signal")) == 0


@pytest.mark.parametrize("name", ["high_frequency_excess", "feature_detail"])
def test_what_points_the_wrong_way_on_other_sources_says_nothing_whatever_its_value(name):
    info = next(signal.info for signal in FACE_SIGNALS if signal.info.name == name)
    readings = [SignalReading(info, value, real_values(name), signal_auc(name)) for value in (-1000.0, 0.0, 1000.0)]
    assert signal_evidence(readings, 0) == ()


def test_a_signal_is_read_by_its_own_statistic_where_it_is_long_enough():
    seconds = np.arange(12) / 4
    trace = SignalTrace("face_sharpness", 1, np.arange(12), seconds, np.linspace(-3, 1, 12).astype("f4"), "dB")
    short = SignalTrace("feature_detail", 1, np.arange(2), seconds[:2], np.ones(2, np.float32), "dB")
    (found,) = signal_readings((trace, short), 1)
    assert (found.info.name, found.value) == ("face_sharpness", pytest.approx(-1))
    assert signal_readings((trace, short), 0) == ()
