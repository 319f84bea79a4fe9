"""SignalTrace: one measured quantity over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SignalTrace:
    """One quantity over time, of the whole frame or of one track.

    track_id: None for the whole frame. frame_indices: i64 (m,); timestamps_s: f64 (m,), seconds from the first frame;
    values: f32 (m,), NaN where it could not be measured; unit: "" for a pure number.
    """

    signal: str
    track_id: int | None
    frame_indices: NDArray[np.int64]
    timestamps_s: NDArray[np.float64]
    values: NDArray[np.float32]
    unit: str = ""
