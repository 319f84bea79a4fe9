"""Scene cuts, from how much the content of successive pictures changes."""

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from deepfake.video.info import Image

# PySceneDetect 0.6-0.7: the defaults of its ContentDetector (threshold) and AdaptiveDetector (ratio, window).
CUT_THRESHOLD = 27.0
CUT_NEIGHBOR_RATIO = 3.0
CUT_WINDOW_FRAMES = 2
# Pictures are halved while they stay this wide.
CUT_MIN_WIDTH_PX = 192
# A picture that comes back within this many frames was interrupted by a flash, not left by a cut.
FLASH_FRAMES = 3


class CutDetector:
    """Scene cuts, as pictures come, from how much the content changes.

    The change is the mean absolute difference of hue (0-179), saturation and value (0-255) between reduced pictures,
    and a cut is a change of at least CUT_THRESHOLD, as in PySceneDetect's ContentDetector. As in its AdaptiveDetector,
    a cut must stand out from its neighbors, so that fast motion is none. A picture that comes back after at most three
    frames was interrupted by a flash or a flicker, not by a cut.

    When it misleads: dissolves and fades are not cuts here; cuts between shots of the same colors are missed.
    """

    def __init__(self) -> None:
        self._recent: deque[Image] = deque(maxlen=FLASH_FRAMES + 1)
        self._values: list[float] = []
        self._flashes: set[int] = set()

    def push(self, image: Image) -> bool:
        """Return whether the picture, uint8 (H, W, 3), looks like the first of a new scene, judged by what came before.

        `cuts()` judges again with the pictures that came after.
        """
        small = _reduced_hsv(image)
        if self._recent and self._recent[-1].shape != small.shape:
            self._recent.clear()
        value = _mean_difference(self._recent[-1], small) if self._recent else float("nan")
        self._values.append(value)
        before = self._values[-1 - CUT_WINDOW_FRAMES : -1]
        is_candidate = value >= CUT_THRESHOLD and value >= CUT_NEIGHBOR_RATIO * _mean(before)
        if value >= CUT_THRESHOLD and self._came_back(small):
            is_candidate = False
        self._recent.append(small)
        return is_candidate

    @property
    def values(self) -> NDArray[np.float32]:
        """The change of content into each picture so far, f32 (n,), 0 to 255; NaN for the first."""
        return np.array(self._values, dtype=np.float32)

    def cuts(self) -> NDArray[np.int64]:
        """Return the indices of the pictures that begin a new scene, i64, ascending."""
        found = scene_cuts(self._values)
        return np.array([index for index in found if index not in self._flashes], dtype=np.int64)

    def _came_back(self, small: Image) -> bool:
        """Return whether the picture continues one from before the latest ones, and note those as a flash."""
        index = len(self._values) - 1
        for age in range(2, len(self._recent) + 1):
            if _mean_difference(self._recent[-age], small) < CUT_THRESHOLD / 2:
                self._flashes.update(range(index - age + 1, index + 1))
                return True
        return False


def scene_cuts(values: ArrayLike, *, threshold: float = CUT_THRESHOLD) -> NDArray[np.int64]:
    """Return the indices at which a new scene begins, i64, from the change of content into each picture.

    values: f32 (n,), as `CutDetector.values`; NaN is no cut. A cut is at least `threshold`, the largest of the two
    values on either side, and at least three times their mean.
    """
    change = np.nan_to_num(np.asarray(values, dtype=np.float64))
    window = CUT_WINDOW_FRAMES
    if change.size == 0:
        return np.empty(0, dtype=np.int64)
    around = sliding_window_view(np.pad(change, window, constant_values=np.nan), 2 * window + 1)
    others = np.delete(around, window, axis=1)
    known = np.maximum(np.count_nonzero(~np.isnan(others), axis=1), 1)
    mean = np.nansum(others, axis=1) / known
    largest = change >= np.nan_to_num(others).max(axis=1)
    return np.flatnonzero((change >= threshold) & largest & (change >= CUT_NEIGHBOR_RATIO * mean)).astype(np.int64)


def _reduced_hsv(image: Image) -> Image:
    # Halving by the mean lets every pixel count, so that noise and fine texture are no change of content. One
    # INTER_AREA step to an uneven size does the same in many times the time.
    while image.shape[1] >= 2 * CUT_MIN_WIDTH_PX and image.shape[0] >= 2:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        even = image[: 2 * height, : 2 * width]
        image = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.uint8, copy=False)


def _mean_difference(a: Image, b: Image) -> float:
    return float(cv2.norm(a, b, cv2.NORM_L1)) / a.size


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return sum(known) / len(known) if known else 0.0
