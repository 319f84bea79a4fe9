"""A signal of your own, measured beside the others: python examples/own_signal.py CLIP"""

import sys

import numpy as np

import deepfake
from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.signals.registry import register_signal


class FaceBrightness(FaceSignal):
    """Mean brightness of the face crop, in gray levels from 0 to 255.

    When it misleads: light, exposure and make-up change it, and no fake has to.
    """

    info = SignalInfo(
        name="own_brightness",
        title="Brightness of the face",
        unit="gray levels",
        measures="How bright the face is.",
        misleads="Light, exposure and make-up change it.",
        suspicious=None,
    )

    def push(self, view: FaceView) -> float:
        """Return the mean over the crop, RGB uint8 (H, W, 3)."""
        return float(view.crop.image.mean())


if len(sys.argv) != 2:
    sys.exit(__doc__)
register_signal(FaceBrightness)
analysis = deepfake.analyze(sys.argv[1])
for track in analysis.tracks:
    trace = analysis.trace("own_brightness", track.track_id)
    if trace is not None:
        print(f"person {track.track_id}: {np.nanmedian(trace.values):.0f} {trace.unit}, {len(trace.values)} values")
