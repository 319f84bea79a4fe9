"""Sharpness inside the face against its surroundings."""

import numpy as np
from numpy.typing import NDArray

from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.signals.patches import FacePatch, blurred, decibels

INSIDE = (0.08, np.inf)  # depth, face widths: the outline itself, where a blend lies, is left out
AROUND = (-0.30, -0.06)
FINE_PX, COARSE_PX = 1.0, 2.0  # sigma of the Gaussians that bound the two bands
MIN_COARSE = 0.25  # mean square of the coarse band, gray levels²: a flat region has no sharpness


def sharpness(patch: FacePatch, low: float, high: float) -> float:
    """Return the energy of the finest octave over that of the next, dB, where low <= depth < high.

    A ratio of two bands of the same region: free of its contrast and brightness. NaN where the region is too small or
    flat. Halving a picture's resolution and enlarging it again lowers it; contrast does not change it.
    """
    fine, coarse = _octaves(patch.gray)
    coarse_energy = patch.mean_square(coarse, low, high)
    if not coarse_energy >= MIN_COARSE:
        return float("nan")
    return decibels(patch.mean_square(fine, low, high) / coarse_energy)


def _octaves(gray: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    once = blurred(gray, FINE_PX)
    return gray - once, once - blurred(gray, COARSE_PX)


class FaceSharpnessSignal(FaceSignal):
    """How much sharper the face is than what surrounds it: what a face made at a lower resolution and warped into place
    loses.

    Value: dB, sharpness inside the face less sharpness of hair, neck and background within 0.3 face widths; median of a
    track -11 to 5 on the clips measured, 0 where both are equally sharp. Li & Lyu 2019, "Exposing DeepFake videos by
    detecting face warping artifacts", arXiv:1811.00656, whose network looks for the same difference.

    When it misleads: smooth skin before textured hair or cloth is low in real clips too; a blurred background (shallow
    focus, video calls) is high whatever the face; strong compression makes everything equally soft. By
    benchmarks/signals.py the AUC is 0.82 [0.76, 1.00] on Deepfakes c23 and 0.49 on all five methods, FaceSwap's drawn
    faces being sharper than real; on 446 clips of other sources 0.66 [0.60, 0.72].
    """

    info = SignalInfo(
        name="face_sharpness",
        title="Sharpness of the face against its surroundings",
        unit="dB",
        measures="How much sharper the inside of the face is than the hair, neck and background around it.",
        papers=(
            (
                "Li, Lyu 2019, Exposing DeepFake videos by detecting face warping artifacts",
                "https://arxiv.org/abs/1811.00656",
            ),
        ),
        formula=r"s(\mathrm{inside}) - s(\mathrm{around}), \qquad "
        r"s = 10 \log_{10} \frac{\overline{(I - G_1 I)^2}}{\overline{(G_1 I - G_2 I)^2}}",
        details=(
            f"The energy of the finest octave over that of the next (Gaussians of {FINE_PX:g} and {COARSE_PX:g} px), "
            f"inside the face and up to {-AROUND[0]:g} face widths around it.",
        ),
        misleads="Smooth skin before textured hair is low in real clips too, and a blurred background makes it high.",
        suspicious="low",
    )

    def push(self, view: FaceView) -> float:
        """Return the difference in sharpness at the next crop, dB; NaN without a mesh and where a region is flat."""
        patch = view.patch
        return float("nan") if patch is None else sharpness(patch, *INSIDE) - sharpness(patch, *AROUND)
