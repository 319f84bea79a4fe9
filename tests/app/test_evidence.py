"""What the evidence cards say in words."""

import numpy as np

from deepfake.dashboard.analyze.evidence_tab import band_sentence, blink_sentence
from deepfake.dashboard.signal_words import auc_sentence
from deepfake.signals.blink import Blink, BlinkSummary
from deepfake.signals.registry import SignalAuc


def test_a_signal_at_chance_is_called_weak() -> None:
    sentence = auc_sentence([SignalAuc("ff++ c23", 0.54, (0.44, 0.62), 9, 41)])
    assert "AUC 0.54 [0.44, 0.62], 9 real and 41 fake clips" in sentence
    assert "weak" in sentence


def test_a_signal_above_chance_is_not_called_weak() -> None:
    assert "weak" not in auc_sentence([SignalAuc("ff++ c23", 0.75, (0.65, 0.91), 9, 41)])
    assert "not measured" in auc_sentence([])


def test_a_signal_that_points_the_wrong_way_on_some_clips_is_said_to() -> None:
    both = [SignalAuc("ff++ c23", 0.75, (0.65, 0.91), 9, 41), SignalAuc("other sources", 0.42, (0.36, 0.48), 254, 168)]
    assert "neither for nor against a fake" in auc_sentence(both)
    assert "weak" not in auc_sentence(both)


def test_blinks_of_a_short_clip_give_no_rate() -> None:
    summary = BlinkSummary((Blink(1.0, 1.3, 1.1, 0.2),), 3.0, np.nan, (np.nan, np.nan), "too short")
    assert (
        blink_sentence(summary)
        == "1 blink in 3.0 s (at 0:01.10): too short to tell a rate, at least 10.6 s are needed."
    )


def test_blinks_of_a_long_clip_are_compared_with_peoples() -> None:
    summary = BlinkSummary((), 60.0, 0.0, (0.0, 3.7), "fewer")
    assert "0 blinks in 60.0 s: 0 a minute [0, 4]" in blink_sentence(summary)
    assert "this is fewer" in blink_sentence(summary)


def test_this_clip_is_told_beside_real_ones() -> None:
    assert band_sentence("high_frequency_excess", 2.2, "dB").startswith(
        "**This clip: 2.2 dB.** 9 in 10 of 294 real clips: "
    )
    assert band_sentence("eye_openness", None, "blinks a minute").startswith(
        "This clip is too short for that. 9 in 10 of 20 real clips: "
    )
    assert "not known" in band_sentence("somebodys_own", 1.0, "")
