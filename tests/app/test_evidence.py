"""What the evidence cards say in words."""

from typing import Literal

import numpy as np

from deepfake.dashboard.analyze.evidence_tab import band_sentence, blink_sentence
from deepfake.dashboard.signal_words import auc_sentence, side_sentence
from deepfake.signals.base import SignalInfo
from deepfake.signals.blink import Blink, BlinkSummary
from deepfake.signals.registry import SignalAuc


def _info(side: Literal["high", "low"] | None = "high") -> SignalInfo:
    return SignalInfo("power", "Power", "dB", "", "", side)


GOOD = SignalAuc("FaceForensics++ c23", 0.75, (0.65, 0.91), 9, 41)
AT_CHANCE = SignalAuc("FaceForensics++ c40", 0.54, (0.44, 0.62), 11, 32)
WORSE = SignalAuc("other sources", 0.42, (0.36, 0.48), 254, 168)


def test_a_signal_at_chance_on_some_clips_is_called_weak() -> None:
    sentence = auc_sentence(_info(), [GOOD, AT_CHANCE])
    assert "FaceForensics++ c40: AUC 0.54 [0.44, 0.62], 11 real and 32 fake clips" in sentence
    assert sentence.endswith("A weak signal.")


def test_a_signal_above_chance_is_not_called_weak() -> None:
    assert auc_sentence(_info(), [GOOD]).endswith("9 real and 41 fake clips.")
    assert side_sentence(_info("low"), [GOOD]) == "Low values are the suspicious ones."
    assert "not measured" in auc_sentence(_info(), [])


def test_a_signal_that_speaks_for_nothing_is_said_to() -> None:
    wrong_way = auc_sentence(_info(), [GOOD, WORSE])
    assert "points the wrong way" in wrong_way
    assert "weak" not in wrong_way
    assert side_sentence(_info(), [GOOD, WORSE]) == "High values were expected in fakes."
    assert "No better than chance" in auc_sentence(_info(), [AT_CHANCE])


def test_of_a_signal_without_a_suspicious_side_the_reader_learns_whose_values_are_higher() -> None:
    sentence = auc_sentence(_info(None), [GOOD, AT_CHANCE])
    assert "more where fakes have the higher values" in sentence
    assert "weak" not in sentence
    assert side_sentence(_info(None), [GOOD, WORSE]) == "Neither high nor low values speak for a fake."


def test_blinks_of_a_short_clip_give_no_rate() -> None:
    summary = BlinkSummary((Blink(1.0, 1.3, 1.1, 0.2),), 3.0, np.nan, (np.nan, np.nan), "too short")
    assert (
        blink_sentence(summary)
        == "1 blink in 3.0 s (at 0:01.10): too short to tell a rate, at least 10.6 s are needed."
    )


def test_blinks_of_a_long_clip_are_compared_with_peoples() -> None:
    summary = BlinkSummary((), 60.0, 0.0, (0.0, 3.7), "fewer")
    assert "0 blinks in 60.0 s: 0 per minute [0, 4]" in blink_sentence(summary)
    assert "this is fewer" in blink_sentence(summary)


def test_this_clip_is_told_beside_real_ones() -> None:
    assert band_sentence("high_frequency_excess", 2.2, "dB").startswith(
        "**This clip: 2.2 dB.** 9 in 10 of 294 real clips: "
    )
    assert band_sentence("eye_openness", None, "blinks per minute").startswith(
        "This clip is too short for that. 9 in 10 of 20 real clips: "
    )
    assert "not known" in band_sentence("somebodys_own", 1.0, "")
