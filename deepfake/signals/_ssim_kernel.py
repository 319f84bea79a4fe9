"""The compiled inner loops of the structural similarity. `deepfake.signals.ssim` is the door to them.

Importing this module compiles the one function and signature that is used, or loads it from Numba's cache: the
`__pycache__` beside this file, or the user's cache directory (NUMBA_CACHE_DIR overrides both) where the package cannot
be written to. Where there is neither, it is compiled anew in every process.

How it is fast. Rows are interleaved R, G, B, so the taps of the horizontal filter lie three values apart and one
contiguous loop filters all channels. Three moments are filtered, the mean of x, (x - y)² and x·y: each is made float32
once, filtered vertically, four output rows at a time that share their loads, and then horizontally in the loop that
computes the index; both filters are folded symmetric kernels. y's mean is kept from when y was x. Columns are walked in
tiles whose last 16 rows of moments stay in the cache.

How it is exact. With d = x - y the index is (1 - mean(d)² / A) · (1 - var(d) / B). What is accumulated is the distance
from 1, so identical pictures give exactly 1 and the rounding of B, which cancels squares, only scales that distance.
"""

# Numba's decorators, array types and settings have no annotations.
# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return,attr-defined"

import platform
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numba.core.codegen import get_host_cpu_features
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
_HALO = 32  # values beside a tile that its horizontal filter reads: 3 * (TAPS - 1), in whole vectors

# Sums may be reordered and fused; NaN and infinity keep their meaning. Without NumPy's error model every division
# carries a branch for ZeroDivisionError, which keeps the loop from being vectorized.
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy"}
_IMAGE = types.Array(types.uint8, 2, "C", readonly=True)
_PLANE = types.Array(types.float32, 2, "C")
_ROWS = types.Array(types.float32, 3, "C")

_Function = TypeVar("_Function", bound=Callable[..., Any])

# LLVM keeps to 256-bit vectors on processors that have wider ones, as their first generations ran slower with them;
# these loops take a fifth less time with 512.
if platform.machine() in {"x86_64", "AMD64"} and numba.config.CPU_FEATURES is None:
    numba.config.CPU_FEATURES = f"{get_host_cpu_features()},-prefer-256-bit"


def compiled(signature: Any) -> Callable[[_Function], _Function]:
    def decorate(function: _Function) -> _Function:
        try:
            return numba.njit(signature, cache=True, **_OPTIONS)(function)
        except (RuntimeError, OSError):  # no folder that the cache could be written to
            return numba.njit(signature, **_OPTIONS)(function)

    return decorate


_inner = numba.njit(**_OPTIONS)


@_inner
def _products(x: Any, y: Any, products: Any) -> None:
    """Write x, (x - y)² and x·y of one row: integers that float32 holds exactly."""
    means, squares, mixed = products[0], products[1], products[2]
    for j in range(x.shape[0]):
        a = np.float32(x[j])
        b = np.float32(y[j])
        d = a - b
        means[j] = a
        squares[j] = d * d
        mixed[j] = a * b


@_inner
def _copy(x: Any, out: Any) -> None:
    for j in range(x.shape[0]):
        out[j] = np.float32(x[j])


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
def _filtered(row: Any, j: int) -> Any:
    """Filter a row horizontally at j."""
    return _taps(
        row[j], row[j + 3], row[j + 6], row[j + 9], row[j + 12], row[j + 15],
        row[j + 18], row[j + 21], row[j + 24], row[j + 27], row[j + 30],
    )  # fmt: skip


@_inner
def _mean_row(moments: Any, means: Any) -> None:
    row = moments[0]
    for j in range(means.shape[0]):
        means[j] = _filtered(row, j)


@_inner
def _sum_row(moments: Any, means_y: Any) -> Any:
    """Return the sum of 1 - SSIM over a row; means_y becomes the means of x, for the next frame."""
    values, squares, products = moments[0], moments[1], moments[2]
    total = np.float32(0)
    for j in range(means_y.shape[0]):
        mean = _filtered(values, j)
        total += _deficit(mean, means_y[j], _filtered(squares, j), _filtered(products, j))
        means_y[j] = mean
    return total


@_inner
def _index_row(moments: Any, means_y: Any, index: Any) -> None:
    values, squares, products = moments[0], moments[1], moments[2]
    for j in range(means_y.shape[0]):
        mean, square, product = _filtered(values, j), _filtered(squares, j), _filtered(products, j)
        index[j] = np.float32(1) - _deficit(mean, means_y[j], square, product)


@compiled(types.float64(_IMAGE, _IMAGE, _PLANE, _PLANE, _ROWS, _ROWS))
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
    tile = ring.shape[2] - _HALO
    moments = 3 if y.shape[0] else 1
    total = 0.0
    for left in range(0, columns, tile):
        right = min(left + tile, columns)
        for top in range(0, rows, BLOCK_ROWS):
            for i in range(top + TAPS - 1 if top else 0, min(top + BLOCK_ROWS + TAPS - 1, height)):
                row = x[i, left : right + _HALO]
                if moments == 3:
                    _products(row, y[i, left : right + _HALO], ring[i & 15])
                else:
                    _copy(row, ring[i & 15, 0])
            for q in range(moments):
                _filter_block(ring, q, top, block)
            for i in range(top, min(top + BLOCK_ROWS, rows)):
                if moments == 1:
                    _mean_row(block[i - top], means[i, left:right])
                elif index.shape[0]:
                    _index_row(block[i - top], means[i, left:right], index[i, left:right])
                else:
                    total += _sum_row(block[i - top], means[i, left:right])
    if moments == 1 or index.shape[0]:
        return np.nan
    return 1.0 - total / (rows * columns)


def workspace(columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ring and block for pictures of which `columns` values per row are compared."""
    tiles = -(-columns // TILE_VALUES)
    tile = -(-columns // (32 * tiles)) * 32
    return _aligned(RING_ROWS, MOMENTS, tile + _HALO), _aligned(BLOCK_ROWS, MOMENTS, tile + _HALO)


def _aligned(*shape: int) -> NDArray[np.float32]:
    """Return zeros that start at a cache line: vectors that straddle two lines load at half the speed."""
    size = int(np.prod(shape))
    flat = np.zeros(size + 16, dtype=np.float32)
    start = -flat.ctypes.data % 64 // flat.itemsize
    return flat[start : start + size].reshape(shape)
