"""FACE_SIGNALS: every signal that is measured on one face. To add one: a file, and a row here."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deepfake.signals.base import FaceSignal, SignalInfo
from deepfake.signals.blink import BlinkSignal
from deepfake.signals.contour import ContourSignal
from deepfake.signals.detail import DetailSignal
from deepfake.signals.face_sharpness import FaceSharpnessSignal
from deepfake.signals.face_similarity import FaceSimilaritySignal
from deepfake.signals.flicker import FlickerSignal
from deepfake.signals.spectrum import SpectrumSignal

AUC_PATH: Final = Path(__file__).parent / "reference" / "auc.json"  # written by benchmarks/signals.py --auc
REAL_PATH: Final = Path(__file__).parent / "reference" / "real.json"  # written by benchmarks/signals.py --real

FACE_SIGNALS: Final[list[type[FaceSignal]]] = [
    FaceSimilaritySignal,
    SpectrumSignal,
    BlinkSignal,
    FaceSharpnessSignal,
    ContourSignal,
    FlickerSignal,
    DetailSignal,
]

# What an analysis has traces of besides, under these names.
OTHER_TRACES: Final = ("frame_similarity", "learned_score", "edge_blur")


def register_signal(signal: type[FaceSignal]) -> None:
    """Add a signal of your own to FACE_SIGNALS, for this process.

    The worker processes of a Batch import the program anew: call it where that import does, not below
    `if __name__ == "__main__":`. Raises ValueError where its name is taken, TypeError for what is no class of signals.
    """
    if not (isinstance(signal, type) and issubclass(signal, FaceSignal)):
        raise TypeError(f"a subclass of FaceSignal is expected (every face gets one of it), not {signal!r}")
    name = signal.info.name
    if signal_info(name) is not None or name in OTHER_TRACES:
        raise ValueError(f"there is a signal {name!r} already")
    FACE_SIGNALS.append(signal)


def signal_info(name: str) -> SignalInfo | None:
    """Return what is known of the face signal whose traces bear that name, or None."""
    return next((signal.info for signal in FACE_SIGNALS if signal.info.name == name), None)


@dataclass(frozen=True, slots=True)
class SignalAuc:
    """How well a signal's statistic tells fakes from real clips, measured: 0.5 is chance.

    clips: the set of clips. auc: area under the ROC curve, with its 95% bootstrap interval by group of people. real,
    fake: how many clips of each."""

    clips: str
    auc: float
    interval: tuple[float, float]
    real: int
    fake: int


CHANCE: Final = 0.5  # AUC of a signal that tells nothing


def is_worse_than_chance(measured: Sequence[SignalAuc]) -> bool:
    """Return whether a signal was worse than chance, its interval clear of it, in some set of clips: there its
    suspicious side is that of real clips."""
    return any(item.interval[1] < CHANCE for item in measured)


def is_weak(measured: Sequence[SignalAuc]) -> bool:
    """Return whether a signal was not better than chance, its interval clear of it, in all sets of clips."""
    return not all(item.interval[0] > CHANCE for item in measured)


def signal_auc(name: str) -> tuple[SignalAuc, ...]:
    """Return what a signal was measured to be worth, by set of clips; empty where it was not measured."""
    return tuple(
        SignalAuc(row["clips"], row["auc"], (row["low"], row["high"]), row["real"], row["fake"])
        for row in _auc_rows()
        if row["signal"] == name
    )


@functools.cache
def real_values(name: str) -> NDArray[np.float64]:
    """Return a signal's statistic of real clips, f64 (n,), increasing; empty where it was not measured."""
    values = json.loads(REAL_PATH.read_text(encoding="utf-8")).get(name, [])
    return np.sort(np.array(values, dtype=np.float64))


def real_band(name: str) -> tuple[float, float] | None:
    """Return between what values a signal's statistic of nine in ten real clips lies (the 5th and the 95th
    percentile), None where it was not measured."""
    values = real_values(name)
    return None if not len(values) else (float(np.percentile(values, 5)), float(np.percentile(values, 95)))


@functools.cache
def _auc_rows() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(AUC_PATH.read_text(encoding="utf-8")))
