"""FACE_SIGNALS: every signal that is measured on one face. A new signal is added here and nowhere else."""

from typing import Final

from deepfake.signals.blink import BlinkSignal
from deepfake.signals.contour import ContourSignal
from deepfake.signals.detail import DetailSignal
from deepfake.signals.face_signal import FaceSignal, SignalInfo
from deepfake.signals.flicker import FlickerSignal
from deepfake.signals.spectrum import SpectrumSignal
from deepfake.signals.warping import WarpingSignal

__all__ = ["FACE_SIGNALS", "FaceSignal", "SignalInfo", "signal_info"]

FACE_SIGNALS: Final[tuple[type[FaceSignal], ...]] = (
    SpectrumSignal,
    BlinkSignal,
    WarpingSignal,
    ContourSignal,
    FlickerSignal,
    DetailSignal,
)


def signal_info(name: str) -> SignalInfo | None:
    """Return what is known of the face signal whose traces bear that name, or None."""
    return next((signal.info for signal in FACE_SIGNALS if signal.info.name == name), None)
