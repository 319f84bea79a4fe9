"""The compiled inner loop of the dissolve detector: a picture reduced to very few pixels, each the mean of its area.

OpenCV's INTER_AREA gives the same numbers, and takes longer where the areas are large: it walks each of them by
itself. Here whole rows are added up, which the compiler turns into vectors. Where the compiled code is kept:
see `_ssim_kernel`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from deepfake.signals._ssim_kernel import compiled

_WEIGHTS = types.Array(types.float32, 2, "C")
_FIRSTS = types.Array(types.int64, 1, "C")
_ROWS = types.Array(types.uint8, 2, "C", readonly=True)
_SUMS = types.Array(types.float32, 3, "C")


def area_means(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float32]:
    """Return a picture reduced to (height, width, 3), f32, whole numbers from 0 to 255: the mean of each area.

    image: uint8 (H, W, 3), contiguous, at least as large.
    """
    tall, wide = image.shape[:2]
    means = np.empty((height, width, 3), np.float32)
    rows = image.reshape(tall, 3 * wide)
    _add_up(rows, *_shares(tall, height), *_shares(wide, width), means)
    means *= np.float32(width * height / (wide * tall))
    return np.rint(means, out=means)


@functools.lru_cache(maxsize=8)
def _shares(length: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return where each of `count` equal parts of a line of pixels begins, i64 (count,), and what share of each pixel
    from there on lies in it, f32 (count, k)."""
    edges = np.arange(count + 1) * (length / count)
    firsts = np.floor(edges[:-1] + 1e-9).astype(np.int64)
    places = firsts[:, None] + np.arange(int(np.ceil(length / count)) + 1)
    covered = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return firsts, np.where((places < length) & (covered > 1e-6), covered, 0).astype(np.float32)


@compiled(types.void(_ROWS, _FIRSTS, _WEIGHTS, _FIRSTS, _WEIGHTS, _SUMS))
def _add_up(image: Any, first_rows: Any, row_shares: Any, first_columns: Any, column_shares: Any, sums: Any) -> None:
    line = np.empty(image.shape[1], np.float32)
    for r in range(sums.shape[0]):
        line[:] = 0
        for k in range(row_shares.shape[1]):
            share = row_shares[r, k]
            if share > 0:
                row = image[first_rows[r] + k]
                for j in range(line.shape[0]):
                    line[j] += share * np.float32(row[j])
        for c in range(sums.shape[1]):
            red, green, blue = np.float32(0), np.float32(0), np.float32(0)
            for k in range(column_shares.shape[1]):
                share = column_shares[c, k]
                if share > 0:
                    j = 3 * (first_columns[c] + k)
                    red += share * line[j]
                    green += share * line[j + 1]
                    blue += share * line[j + 2]
            sums[r, c, 0], sums[r, c, 1], sums[r, c, 2] = red, green, blue
