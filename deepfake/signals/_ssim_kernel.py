"""The compiled inner loops of the structural similarity. `deepfake.signals.ssim` is the door to them.

Importing this module compiles the one function and signature that is used, or loads it from Numba's cache: the
`__pycache__` beside this file, or the user's cache directory (NUMBA_CACHE_DIR overrides both) where the package cannot
be written to. Where there is neither, it is compiled anew in every process.

How it is fast. Rows are interleaved R, G, B, so the taps of the horizontal filter lie three values apart and one
contiguous loop filters all channels. Three moments are filtered, horizontally first, each as a folded symmetric kernel:
the mean of x, (x - y)² and x·y, whose integers fit 16 bits; y's mean is kept from when y was x. Columns are walked in
tiles whose last 16 filtered rows stay in the cache, four output rows at a time share the loads of the vertical filter.

How it is exact. With d = x - y the index is (1 - mean(d)² / A) · (1 - var(d) / B). What is accumulated is the distance
from 1, so identical pictures give exactly 1 and the rounding of B, which cancels squares, only scales that distance.
"""

# Numba's decorators and array types have no annotations.
# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

TAPS = 11
BLOCK_ROWS = 4  # output rows computed together
RING_ROWS = 16  # a power of two that holds the BLOCK_ROWS + TAPS - 1 rows which a block reads
MOMENTS = 3  # mean of x, (x - y)², x·y
TILE_VALUES = 1920  # values (3 a pixel) in a column tile: ring and block take 0.44 MiB, half of a second-level cache

_SIGMA = 1.5
_GAUSSIAN = np.exp(-0.5 * ((np.arange(TAPS) - TAPS // 2) / _SIGMA) ** 2)
_W0, _W1, _W2, _W3, _W4, _W5 = (np.float32(w) for w in (_GAUSSIAN / _GAUSSIAN.sum())[: TAPS // 2 + 1])
_C1 = np.float32((0.01 * 255) ** 2)
_C2 = np.float32((0.03 * 255) ** 2)
_HALO = 3 * (TAPS - 1)

# Sums may be reordered and fused; NaN and infinity keep their meaning. Without NumPy's error model every division
# carries a branch for ZeroDivisionError, which keeps the loop from being vectorized.
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy"}
_IMAGE = types.Array(types.uint8, 2, "C", readonly=True)
_PLANE = types.Array(types.float32, 2, "C")
_ROWS = types.Array(types.float32, 3, "C")

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(signature: Any) -> Callable[[_Function], _Function]:
    def decorate(function: _Function) -> _Function:
        try:
            return numba.njit(signature, cache=True, **_OPTIONS)(function)
        except (RuntimeError, OSError):  # no folder that the cache could be written to
            return numba.njit(signature, **_OPTIONS)(function)

    return decorate


_inner = numba.njit(**_OPTIONS)


@_inner
def _difference_and_product(x: Any, y: Any, squares: Any, products: Any) -> None:
    for j in range(x.shape[0]):
        a = np.int32(x[j])
        b = np.int32(y[j])
        d = np.int32(a - b)
        squares[j] = np.uint16(np.int32(d * d))
        products[j] = np.uint16(np.int32(a * b))


@_inner
def _filter_row(s: Any, out: Any, n: int) -> None:
    """Filter n values horizontally: pairs of taps are added as integers, exactly, before they are weighted."""
    for j in range(n):
        out[j] = (
            _W0 * np.float32(np.int32(np.int32(s[j]) + np.int32(s[j + 30])))
            + _W1 * np.float32(np.int32(np.int32(s[j + 3]) + np.int32(s[j + 27])))
            + _W2 * np.float32(np.int32(np.int32(s[j + 6]) + np.int32(s[j + 24])))
            + _W3 * np.float32(np.int32(np.int32(s[j + 9]) + np.int32(s[j + 21])))
            + _W4 * np.float32(np.int32(np.int32(s[j + 12]) + np.int32(s[j + 18])))
            + _W5 * np.float32(np.int32(s[j + 15]))
        )


@_inner
def _taps(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, i: Any, j: Any, k: Any) -> Any:
    return _W0 * (a + k) + _W1 * (b + j) + _W2 * (c + i) + _W3 * (d + h) + _W4 * (e + g) + _W5 * f


@_inner
def _filter_block(ring: Any, q: int, first: int, block: Any) -> None:
    """Filter moment q vertically: the four output rows that start at row `first`, written out for the vectorizer."""
    r0, r1, r2 = ring[first & 15, q], ring[(first + 1) & 15, q], ring[(first + 2) & 15, q]
    r3, r4, r5 = ring[(first + 3) & 15, q], ring[(first + 4) & 15, q], ring[(first + 5) & 15, q]
    r6, r7, r8 = ring[(first + 6) & 15, q], ring[(first + 7) & 15, q], ring[(first + 8) & 15, q]
    r9, r10, r11 = ring[(first + 9) & 15, q], ring[(first + 10) & 15, q], ring[(first + 11) & 15, q]
    r12, r13 = ring[(first + 12) & 15, q], ring[(first + 13) & 15, q]
    o0, o1, o2, o3 = block[0, q], block[1, q], block[2, q], block[3, q]
    for j in range(block.shape[2]):
        o0[j] = _taps(r0[j], r1[j], r2[j], r3[j], r4[j], r5[j], r6[j], r7[j], r8[j], r9[j], r10[j])
        o1[j] = _taps(r1[j], r2[j], r3[j], r4[j], r5[j], r6[j], r7[j], r8[j], r9[j], r10[j], r11[j])
        o2[j] = _taps(r2[j], r3[j], r4[j], r5[j], r6[j], r7[j], r8[j], r9[j], r10[j], r11[j], r12[j])
        o3[j] = _taps(r3[j], r4[j], r5[j], r6[j], r7[j], r8[j], r9[j], r10[j], r11[j], r12[j], r13[j])


@_inner
def _deficit(mean_x: Any, mean_y: Any, square: Any, product: Any) -> Any:
    """Return 1 - SSIM from the four filtered moments of one value."""
    mean_d = mean_x - mean_y
    mean_d2 = mean_d * mean_d
    means = mean_x * mean_x + mean_y * mean_y
    variance_d = square - mean_d2
    variances = square + np.float32(2) * product - means + _C2
    means += _C1
    return (mean_d2 * variances + variance_d * means - mean_d2 * variance_d) / (means * variances)


@_inner
def _sum_row(moments: Any, means_y: Any) -> Any:
    """Return the sum of 1 - SSIM over a row; means_y becomes the means of x, for the next frame."""
    means_x, squares, products = moments[0], moments[1], moments[2]
    total = np.float32(0)
    for j in range(means_y.shape[0]):
        total += _deficit(means_x[j], means_y[j], squares[j], products[j])
        means_y[j] = means_x[j]
    return total


@_inner
def _index_row(moments: Any, means_y: Any, index: Any) -> None:
    means_x, squares, products = moments[0], moments[1], moments[2]
    for j in range(means_y.shape[0]):
        index[j] = np.float32(1) - _deficit(means_x[j], means_y[j], squares[j], products[j])


@_compiled(types.float64(_IMAGE, _IMAGE, _PLANE, _PLANE, _ROWS, _ROWS))
def ssim_pass(
    x: NDArray[np.uint8],
    y: NDArray[np.uint8],
    means: NDArray[np.float32],
    index: NDArray[np.float32],
    ring: Any,
    block: Any,
) -> float:
    """Return the mean SSIM of x and y, both (H, 3W), and leave x's local means in `means` (H-10, 3(W-10)).

    On entry `means` holds those of y. y empty: only the means of x are computed, the value is NaN. index: empty, or of
    the shape of `means`; then it receives the local index, `means` stays as it was, and the value is NaN.
    ring, block: `workspace()`.
    """
    height = x.shape[0]
    rows, columns = means.shape
    tile = ring.shape[2]
    moments = 3 if y.shape[0] else 1
    squares = np.empty(tile + _HALO, np.uint16)
    products = np.empty(tile + _HALO, np.uint16)
    total = 0.0
    for left in range(0, columns, tile):
        n = min(tile, columns - left)
        for top in range(0, rows, 4):
            for i in range(top + 10 if top else 0, min(top + 14, height)):
                row = x[i, left : left + n + _HALO]
                slot = ring[i & 15]
                _filter_row(row, slot[0], n)
                if moments == 3:
                    _difference_and_product(row, y[i, left : left + n + _HALO], squares, products)
                    _filter_row(squares, slot[1], n)
                    _filter_row(products, slot[2], n)
            for q in range(moments):
                _filter_block(ring, q, top, block)
            for i in range(top, min(top + 4, rows)):
                if moments == 1:
                    means[i, left : left + n] = block[i - top, 0, :n]
                elif index.shape[0]:
                    _index_row(block[i - top], means[i, left : left + n], index[i, left : left + n])
                else:
                    total += _sum_row(block[i - top], means[i, left : left + n])
    if moments == 1 or index.shape[0]:
        return np.nan
    return 1.0 - total / (rows * columns)


def workspace(columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ring and block for pictures of which `columns` values per row are compared."""
    tiles = -(-columns // TILE_VALUES)
    tile = -(-columns // (16 * tiles)) * 16
    return _aligned(RING_ROWS, MOMENTS, tile), _aligned(BLOCK_ROWS, MOMENTS, tile)


def _aligned(*shape: int) -> NDArray[np.float32]:
    """Return zeros that start at a cache line: vectors that straddle two lines load at half the speed."""
    size = int(np.prod(shape))
    flat = np.zeros(size + 16, dtype=np.float32)
    start = -flat.ctypes.data % 64 // flat.itemsize
    return flat[start : start + size].reshape(shape)
