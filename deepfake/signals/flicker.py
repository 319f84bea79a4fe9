"""Flicker: jumps of the face's brightness and color that its surroundings do not share."""

import functools
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import FaceCrop
from deepfake.faces.landmarks import FACE_OVAL, Mesh
from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.signals.patches import outline_depth
from deepfake.video.info import Image

ALIGNED_PX = 112  # crops are compared at this size: details that move within the face are averaged out
CELL_PX = 8
CELLS = ALIGNED_PX // CELL_PX
INSIDE_PX = 6.0  # distance from the outline at that size, px: cells across the outline belong to neither side
OUTSIDE_PX = -6.0
MAX_SHIFT_PX = 6.0  # a larger shift between successive crops is a wrong peak, not a head
MIN_CELLS = 8

Cells = NDArray[np.float32]


def second_difference(cells: Cells, chosen: NDArray[np.bool_]) -> float:
    """Return the root mean square of x(t-1) - (x(t-2) + x(t))/2 over chosen cells, gray levels.

    cells: f32 (3, k, k, c), three successive pictures. What changes evenly, a fade or a steady turn, gives 0; what
    jumps there and back by a gives a. NaN where fewer than eight cells are chosen.
    """
    if chosen.sum() < MIN_CELLS:
        return float("nan")
    jump = (cells[1] - (cells[0] + cells[2]) / 2)[chosen]
    return float(np.sqrt(np.mean(jump * jump)))


class FlickerSignal(FaceSignal):
    """How much the face jumps in brightness and color from frame to frame, beyond its surroundings.

    Of every three crops the outer ones are aligned with the middle one by phase correlation, so that what is left of
    the head's motion is taken out; they are averaged over cells of 1/14 of their side, and the middle one is compared
    with the mean of the others, in luma and both chromas. Value: gray levels, root mean square over the face less that
    over the ring around it; median of a track -3.8 to 1.4 on the clips measured, above 0 where the face flickers more.
    No paper measures it in this way; this project began from the observation.

    When it misleads: speech and expressions are jumps as well; a codec that refreshes the face at keyframes makes it
    pulse; a restless background hides it, being subtracted, and a still camera before a plain wall raises it. It sees
    swaps and not reenactment: by benchmarks/signals.py the AUC is 0.98 on Deepfakes c23 and 0.81 on FaceSwap, 0.42 on
    Face2Face, and compression hides it (c40: 0.50). On 448 clips of other sources it is 0.67 [0.61, 0.72], in part
    because most generated heads are filmed by a still camera.
    """

    info = SignalInfo(
        name="face_flicker",
        title="Flicker of the face",
        unit="gray levels",
        measures="How much more the face jumps in brightness and color between frames than what surrounds it.",
        formula=r"\sqrt{\overline{d^2}_\mathrm{face}} - \sqrt{\overline{d^2}_\mathrm{ring}}, \qquad "
        r"d = x_{t-1} - \tfrac{1}{2}(x_{t-2} + x_t)",
        details=(
            "Of every three crops the outer ones are aligned with the middle one (phase correlation), so that what is "
            f"left of the head's motion is taken out. x are means over cells of 1/{CELLS} of the crop's side, in luma "
            "and both chromas.",
        ),
        misleads=(
            "Speech and keyframes make a real face jump, a still camera before a plain wall shows each jump, and a "
            "restless background hides the flicker of a fake."
        ),
        suspicious="high",
    )
    every_frame = True
    of_frame_before = True

    def __init__(self) -> None:
        self._colors: deque[NDArray[np.float32]] = deque(maxlen=3)
        self._shifts: deque[NDArray[np.float64]] = deque(maxlen=2)
        self._latest_frame = -1

    def push(self, view: FaceView) -> float:
        """Return the flicker of the frame before this crop, gray levels; NaN until three frames in a row were seen."""
        crop, mesh = view.crop, view.mesh
        if crop.frame_index != self._latest_frame + 1:
            self._colors.clear()
            self._shifts.clear()
        self._latest_frame = crop.frame_index
        self._add(crop.image)
        if len(self._colors) < 3 or mesh is None or not np.isfinite(mesh).all():
            return float("nan")
        before, middle, after = self._colors
        aligned = (_moved(before, -self._shifts[0]), middle, _moved(after, self._shifts[1]))
        cells = np.stack([_cell_means(color) for color in aligned])
        inside, around = _face_and_ring(crop, mesh)
        return second_difference(cells, inside) - second_difference(cells, around)

    def _add(self, image: Image) -> None:
        small = cv2.resize(image, (ALIGNED_PX, ALIGNED_PX), interpolation=cv2.INTER_AREA)
        color = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        if self._colors:
            self._shifts.append(_shift_between(self._colors[-1][..., 0], color[..., 0]))
        self._colors.append(color)


def _moved(color: NDArray[np.float32], shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the picture of which pixel p is pixel p + shift of the given one."""
    transform = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(color, transform, (ALIGNED_PX, ALIGNED_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.float32, copy=False)


def _cell_means(color: NDArray[np.float32]) -> Cells:
    return cv2.resize(color, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


@functools.cache
def _window() -> NDArray[np.float32]:
    return cv2.createHanningWindow((ALIGNED_PX, ALIGNED_PX), cv2.CV_32F).astype(np.float32, copy=False)


def _shift_between(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how far the picture moved, px (x, y), or 0 where that cannot be told."""
    shift, _ = cv2.phaseCorrelate(before, after, _window())
    found = np.array(shift)
    return found if np.isfinite(found).all() and np.abs(found).max() <= MAX_SHIFT_PX else np.zeros(2)


def _face_and_ring(crop: FaceCrop, mesh: Mesh) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cells lie inside the face and which around it, bool (14, 14) each."""
    to_crop = cv2.invertAffineTransform(crop.crop_to_frame.astype(np.float64))
    outline = mesh[list(FACE_OVAL), :2] @ to_crop[:, :2].T + to_crop[:, 2]
    ratio = ALIGNED_PX / crop.image.shape[0]
    depth = outline_depth((outline * ratio).astype(np.float32), (ALIGNED_PX, ALIGNED_PX))
    centers = depth[CELL_PX // 2 :: CELL_PX, CELL_PX // 2 :: CELL_PX]
    return centers >= INSIDE_PX, centers <= OUTSIDE_PX
