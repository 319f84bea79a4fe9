"""Structural similarity of successive pictures, the scene cuts among them, and the deepest drops of a trace."""

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

Image: TypeAlias = NDArray[np.uint8]

MIN_SIDE_PX = 11  # the Gaussian window of Wang et al. 2004

# PySceneDetect 0.6-0.7: the defaults of its ContentDetector (threshold) and AdaptiveDetector (ratio, window).
CUT_THRESHOLD = 27.0
CUT_NEIGHBOUR_RATIO = 3.0
CUT_WINDOW_FRAMES = 2
# Pictures are halved while they stay this wide.
CUT_MIN_WIDTH_PX = 192
# A picture that comes back within this many frames was interrupted by a flash, not left by a cut.
FLASH_FRAMES = 3

# A drop is measured against the median of this many values around it (a second at 25 frames a second) …
DROP_WINDOW = 25
# … of two closer than this the deeper one counts: a flickering frame differs from both of its neighbours.
DROP_SEPARATION = 5
# Depths below this are the wobble of a curve that is flat: SSIM itself is exact to 1e-5.
DROP_MIN_DEPTH = 2e-3
# Depth in robust standard deviations (1.4826 · median absolute deviation) of all depths. Normal noise passes this once
# in 30,000 values.
DROP_MIN_SIGMAS = 4.0


class FrameSimilarity:
    """SSIM of each picture with the one before it, as pictures come.

    Structural similarity as in Wang, Bovik, Sheikh, Simoncelli 2004 ("Image quality assessment: from error visibility
    to structural similarity"): Gaussian window of 11 px, σ 1.5, K1 0.01, K2 0.03, range 255, only where the window lies
    inside the picture, mean over R, G and B, at full size. Equal to scikit-image's `structural_similarity` over that
    region; `tf.image.ssim` is off by 0.0046 on 1080p frames on the CPU.

    When it misleads: camera motion, a cut and a real flash lower it as a flicker does; a static artefact does not.

    Each picture is filtered once and the means are kept for the next: 15 bytes a pixel stay in memory, whatever the
    length of the clip. `push` releases the GIL and starts no thread. Making the first object of a process loads the
    compiled kernel, or compiles it where it is not cached yet, which takes some seconds.
    """

    def __init__(self) -> None:
        from deepfake.signals import _ssim_kernel  # Numba imports slowly: only who compares waits

        self._kernel = _ssim_kernel
        self._has_previous = False
        self._allocate(0, 0)

    def reset(self) -> None:
        """Forget the previous picture: the next value is NaN."""
        self._has_previous = False

    def push(self, image: Image) -> float:
        """Return the SSIM of `image`, uint8 (H, W, 3), with the picture pushed before it.

        NaN for the first picture, after `reset()`, after a change of size, and below 11 px a side. The picture is
        copied; the caller may change it afterwards. Raises ValueError when it is not uint8 (H, W, 3).
        """
        rows = _interleaved_rows(image)
        if min(image.shape[:2]) < MIN_SIDE_PX:
            self.reset()
            return float("nan")
        if rows.shape != self._previous.shape:
            self._allocate(*rows.shape)
            self.reset()
        previous = self._previous if self._has_previous else self._nothing_u8
        value = self._kernel.ssim_pass(rows, previous, self._means, self._nothing, self._ring, self._block)
        np.copyto(self._previous, rows)
        self._has_previous = True
        return float(value)

    def index_map(self, image: Image) -> NDArray[np.float32]:
        """Return the local index, f32 (H-10, W-10), of `image` with the previous picture, which stays the previous one.

        Raises ValueError when there is no previous picture of the same size.
        """
        rows = _interleaved_rows(image)
        if not self._has_previous or rows.shape != self._previous.shape:
            raise ValueError(f"there is no previous picture of the size {image.shape[1]}×{image.shape[0]} px")
        index = np.empty_like(self._means)
        # The kernel compares x, whose means it computes, with y, whose means are known: SSIM is symmetric.
        self._kernel.ssim_pass(rows, self._previous, self._means, index, self._ring, self._block)
        height, width = image.shape[:2]
        result: NDArray[np.float32] = index.reshape(height - 10, width - 10, 3).mean(axis=2, dtype=np.float32)
        return result

    def _allocate(self, height: int, values: int) -> None:
        """Make room for pictures of `height` rows of `values` bytes."""
        self._previous = np.empty((height, values), dtype=np.uint8)
        self._means = np.empty((max(0, height - 10), max(0, values - 30)), dtype=np.float32)
        self._nothing = np.empty((0, 0), dtype=np.float32)
        self._nothing_u8 = np.empty((0, 0), dtype=np.uint8)
        if values:
            self._ring, self._block = self._kernel.workspace(values - 30)


def _interleaved_rows(image: Image) -> Image:
    """Return the picture as contiguous rows of interleaved R, G, B, uint8 (H, 3W). Raises ValueError."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a picture is uint8 (H, W, 3), this array is {image.dtype} {image.shape}")
    return np.ascontiguousarray(image).reshape(image.shape[0], 3 * image.shape[1])


def ssim(image_a: Image, image_b: Image) -> float:
    """Return the mean structural similarity of two pictures, uint8 (H, W, 3): 1 for equal ones. See FrameSimilarity.

    Raises ValueError when they differ in size, are smaller than 11 px on a side or not uint8 (H, W, 3).
    """
    return _pushed(image_a, image_b).push(image_b)


def ssim_map(image_a: Image, image_b: Image) -> NDArray[np.float32]:
    """Return the local structural similarity of two pictures, uint8 (H, W, 3), averaged over their channels.

    f32 (H-10, W-10), in [-1, 1]; element (0, 0) belongs to the pixel (5, 5). Raises ValueError as `ssim` does.
    """
    return _pushed(image_a, image_b).index_map(image_b)


def _pushed(image_a: Image, image_b: Image) -> FrameSimilarity:
    """Return a FrameSimilarity that holds image_a, after checking that image_b can be compared with it."""
    if image_a.shape != image_b.shape:
        raise ValueError(f"pictures of one size can be compared, these are {image_a.shape} and {image_b.shape}")
    similarity = FrameSimilarity()
    similarity.push(image_a)
    if min(image_a.shape[:2]) < MIN_SIDE_PX:
        size = f"{image_a.shape[1]}×{image_a.shape[0]} px"
        raise ValueError(f"structural similarity needs pictures of at least 11×11 px, these are {size}")
    return similarity


class CutDetector:
    """Scene cuts, as pictures come, from how much the content changes.

    The change is the mean absolute difference of hue (0-179), saturation and value (0-255) between reduced pictures,
    and a cut is a change of at least `threshold`, as in PySceneDetect's ContentDetector. As in its AdaptiveDetector, a
    cut must stand out from its neighbours, so that fast motion is none. A picture that comes back after at most three
    frames was interrupted by a flash or a flicker, not by a cut.

    When it misleads: dissolves and fades are not cuts here; cuts between shots of the same colours are missed.
    """

    def __init__(self, threshold: float = CUT_THRESHOLD) -> None:
        self._threshold = threshold
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
        is_candidate = value >= self._threshold and value >= CUT_NEIGHBOUR_RATIO * _mean(before)
        if value >= self._threshold and self._came_back(small):
            is_candidate = False
        self._recent.append(small)
        return is_candidate

    @property
    def values(self) -> NDArray[np.float32]:
        """The change of content into each picture so far, f32 (n,), 0 to 255; NaN for the first."""
        return np.array(self._values, dtype=np.float32)

    def cuts(self) -> NDArray[np.int64]:
        """Return the indices of the pictures that begin a new scene, i64, ascending."""
        found = scene_cuts(self._values, threshold=self._threshold)
        return np.array([index for index in found if index not in self._flashes], dtype=np.int64)

    def _came_back(self, small: Image) -> bool:
        """Return whether the picture continues one from before the latest ones, and note those as a flash."""
        index = len(self._values) - 1
        for age in range(2, len(self._recent) + 1):
            if _mean_difference(self._recent[-age], small) < self._threshold / 2:
                self._flashes.update(range(index - age + 1, index + 1))
                return True
        return False


def scene_cuts(
    values: ArrayLike, *, threshold: float = CUT_THRESHOLD, neighbour_ratio: float = CUT_NEIGHBOUR_RATIO
) -> NDArray[np.int64]:
    """Return the indices at which a new scene begins, i64, from the change of content into each picture.

    values: f32 (n,), as `CutDetector.values`; NaN is no cut. A cut is at least `threshold`, the largest of the two
    values on either side, and at least neighbour_ratio times their mean.
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
    return np.flatnonzero((change >= threshold) & largest & (change >= neighbour_ratio * mean)).astype(np.int64)


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


def deepest_drops(values: ArrayLike, count: int, *, cuts: ArrayLike = ()) -> NDArray[np.int64]:
    """Return the indices of up to `count` drops of a similarity trace, i64 (k,), the deepest first.

    values: f32 (n,), NaN where not measured. A drop is a local minimum; its depth is how far it lies below the median
    of the values around it. Only real drops are returned, none of a flat or evenly noisy curve: the depth must exceed
    0.002 and four robust standard deviations of all depths. cuts: indices into `values` of scene cuts, which are left
    out; those beyond its ends are ignored. When it misleads: a codec's keyframes make drops at even distances.
    """
    trace = np.array(values, dtype=np.float64)
    trace[np.intersect1d(np.asarray(cuts, dtype=np.int64), np.arange(trace.size))] = np.nan
    if np.isfinite(trace).sum() < 3:
        return np.empty(0, dtype=np.int64)
    depth = _depth_below_median(trace)
    measured = depth[np.isfinite(depth)]
    spread = 1.4826 * float(np.median(np.abs(measured - np.median(measured))))
    least = max(DROP_MIN_DEPTH, DROP_MIN_SIGMAS * spread)
    found: list[int] = []
    candidates = np.flatnonzero(_is_local_minimum(trace) & (np.nan_to_num(depth) > least))
    for index in candidates[np.argsort(-depth[candidates], kind="stable")]:
        if len(found) < count and all(abs(index - other) >= DROP_SEPARATION for other in found):
            found.append(int(index))
    return np.array(found, dtype=np.int64)


def _is_local_minimum(trace: NDArray[np.float64]) -> NDArray[np.bool_]:
    reach = DROP_SEPARATION - 1
    filled = np.pad(np.nan_to_num(trace, nan=np.inf), reach, constant_values=np.inf)
    lowest: NDArray[np.bool_] = trace <= sliding_window_view(filled, 2 * reach + 1).min(axis=1)
    return lowest


def _depth_below_median(trace: NDArray[np.float64]) -> NDArray[np.float64]:
    half = DROP_WINDOW // 2
    windows = sliding_window_view(np.pad(trace, half, constant_values=np.nan), DROP_WINDOW)
    depth = np.full(trace.shape, np.nan)
    measured = np.isfinite(trace)
    depth[measured] = np.nanmedian(windows[measured], axis=1) - trace[measured]
    return depth
