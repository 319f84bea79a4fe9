"""A few of many, spread evenly: frames, crops and points that stand for all."""

import numpy as np
from numpy.typing import NDArray


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` of the numbers from 0 to count − 1, increasing, the first and the last among them.

    Example:
        >>> spread(10, 4).tolist()
        [0, 3, 6, 9]
        >>> spread(2, 4).tolist()
        [0, 1]
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
