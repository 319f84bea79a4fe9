"""The deepest drops of a similarity trace."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

# A drop is measured against the median of this many values around it (a second at 25 frames per second) …
DROP_WINDOW = 25
# … of two closer than this the deeper one counts: a flickering frame differs from both of its neighbors.
DROP_SEPARATION = 5
# Depths below this are the wobble of a curve that is flat: SSIM itself is exact to 1e-5.
DROP_MIN_DEPTH = 2e-3
# Depth in robust standard deviations (1.4826 · median absolute deviation) of all depths. Normal noise passes this once
# in 30,000 values.
DROP_MIN_SIGMAS = 4.0


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
