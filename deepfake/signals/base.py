"""SignalTrace, a quantity over time; FaceSignal, what every signal of one face has in common; SignalInfo, what a page
says about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import FaceCrop
from deepfake.video.reader import Frame

Mesh = NDArray[np.float32]

MIN_VALUES = 3  # of a track: a statistic of fewer values says nothing


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


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """What a reader needs to know of a signal. name: of its traces. unit: of its values, "" for a pure number.
    measures, misleads: one sentence each. paper: a citation, or "". suspicious: which side of its statistic speaks
    for a fake, or None where neither does."""

    name: str
    title: str
    unit: str
    measures: str
    paper: str
    misleads: str
    suspicious: Literal["high", "low"] | None


class FaceSignal(Protocol):
    """One quantity of one track. An instance follows one face; every_frame: whether it needs the crop of every frame,
    or is content with about four a second."""

    info: SignalInfo
    every_frame: bool

    def push(self, crop: FaceCrop, frame: Frame, mesh: Mesh | None) -> float:
        """Return the value at the next crop of the track, NaN where it cannot be measured.

        frame: the frame of the crop. mesh: f32 (468, 3), frame px, or None where no mesh was found.
        """
        ...

    @property
    def parts(self) -> Mapping[str, float]:
        """The parts of the latest value that deserve a line of their own in its figure, by name; mostly none."""
        ...

    def statistic(self, trace: SignalTrace) -> float:
        """Return the one number of a track that the signal's worth is measured on, NaN where it is too short."""
        ...


def median_of_track(trace: SignalTrace) -> float:
    """Return the median of the measured values of a trace, NaN when there are fewer than three."""
    values = trace.values[np.isfinite(trace.values)]
    return float(np.median(values)) if len(values) >= MIN_VALUES else float("nan")
