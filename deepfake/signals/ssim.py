"""Structural similarity of successive pictures."""

import numpy as np
from numpy.typing import NDArray

from deepfake.video.info import Image

EQUAL_ROWS = 16  # that are compared at a time
MIN_SIDE_PX = 11  # the Gaussian window of Wang et al. 2004


class FrameSimilarity:
    """SSIM of each picture with the one before it, as pictures come.

    Structural similarity as in Wang, Bovik, Sheikh, Simoncelli 2004 ("Image quality assessment: from error visibility
    to structural similarity"): Gaussian window of 11 px, σ 1.5, K1 0.01, K2 0.03, range 255, only where the window lies
    inside the picture, mean over R, G and B, at full size. Equal to scikit-image's `structural_similarity` over that
    region; `tf.image.ssim` is off by 0.0046 on 1080p frames on the CPU.

    When it misleads: camera motion, a cut and a real flash lower it as a flicker does; a static artifact does not.

    Each picture is filtered once, a repeated one not at all, and the means are kept for the next: 15 bytes per
    pixel stay in memory, whatever the length of the clip. `push` releases the GIL and starts no thread. Making the
    first object of a process loads the compiled kernel, or compiles it where it is not cached yet, which takes some
    seconds.
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
        if self._has_previous and _equal(rows, self._previous):
            return 1.0
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


def _equal(rows: Image, others: Image) -> bool:
    """Whether two pictures are the same. Some rows at a time: most pictures differ in the first ones."""
    parts = (slice(top, top + EQUAL_ROWS) for top in range(0, len(rows), EQUAL_ROWS))
    return all(np.array_equal(rows[part], others[part]) for part in parts)


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
