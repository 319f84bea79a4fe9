"""SignalTrace, a quantity over time; FaceSignal, what every signal of one face has in common; SignalInfo, what a page
says about it."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import FaceCrop
from deepfake.faces.landmarks import Mesh
from deepfake.serialize import EqualByContent
from deepfake.signals.patches import FacePatch, cut_patch
from deepfake.video.info import Frame

MIN_VALUES = 3  # of a track: a statistic of fewer values says nothing


@dataclass(frozen=True, slots=True, eq=False)
class SignalTrace(EqualByContent):
    """One quantity over time, of the whole frame or of one track.

    Attributes:
        signal: Name of the quantity.
        track_id: The person, or None for the whole frame.
        frame_indices: i64 (m,), increasing.
        timestamps_s: f64 (m,), in seconds from the first frame.
        values: f32 (m,), NaN where the quantity could not be measured.
        unit: Unit of the values, "" for a pure number.

    Example:
        >>> import deepfake
        >>> trace = deepfake.analyze("clip.mp4").trace("frame_similarity")
        >>> trace.values.shape == trace.timestamps_s.shape
        True
        >>> float(trace.values[5]) <= 1
        True
    """

    signal: str
    track_id: int | None
    frame_indices: NDArray[np.int64]
    timestamps_s: NDArray[np.float64]
    values: NDArray[np.float32]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """What a reader needs to know of a signal; pages and documents have it from here.

    name: of its traces. unit: of its values, "" for a pure number. measures, misleads: one sentence each. papers:
    (citation, address). suspicious: which side of its statistic speaks for a fake, or None where neither does.
    formula: LaTeX, or None. details: how it is done here, sentences. quantity: what a pure number is, for the axis of a
    chart.
    """

    name: str
    title: str
    unit: str
    measures: str
    misleads: str
    suspicious: Literal["high", "low"] | None
    papers: tuple[tuple[str, str], ...] = ()
    formula: str | None = None
    details: tuple[str, ...] = ()
    quantity: str = "value"

    @property
    def axis(self) -> str:
        """What the axis of a chart is called."""
        return self.unit or self.quantity


@dataclass(frozen=True)
class FaceView:
    """One face in one frame, as signals see it. mesh: f32 (468, 3), frame px, or None where no mesh was found."""

    crop: FaceCrop
    frame: Frame
    mesh: Mesh | None

    @functools.cached_property
    def patch(self) -> FacePatch | None:
        """The face with its surroundings as the frame has them, cut out when it is first asked for; None without a
        mesh, for a small face, and where it is cut off."""
        return cut_patch(self.frame.image, self.mesh)


class FaceSignal(ABC):
    """One quantity of one track; a signal is one file with a subclass, and a row in registry.FACE_SIGNALS.

    An object follows one face. What a subclass gives: `info`, and `push`. `every_frame`: whether it needs the crop of
    every frame, or is content with about four per second. `of_frame_before`: whether a value is that of the frame
    before the crop, because it takes the frames on both sides.
    """

    info: ClassVar[SignalInfo]
    every_frame: ClassVar[bool] = False
    of_frame_before: ClassVar[bool] = False

    @abstractmethod
    def push(self, view: FaceView) -> float | None:
        """Return the value at the next crop of the track, one number, NaN where it cannot be measured; None where there
        is nothing to measure yet, as at the first of pictures that are compared with the one before. An analysis ends
        with SignalError where it is something else."""

    @property
    def parts(self) -> Mapping[str, float]:
        """The parts of the latest value that deserve a line of their own in its figure, by name; none by default."""
        return {}

    statistic_unit: ClassVar[str] = ""  # of statistic, where that is no median of the trace

    def statistic(self, trace: SignalTrace) -> float:
        """Return the one number of a track that the signal's AUC is measured on, NaN where the trace is too short; by
        default the median."""
        return median_of_track(trace)


def median_of_track(trace: SignalTrace) -> float:
    """Return the median of the measured values of a trace, NaN when there are fewer than three."""
    values = trace.values[np.isfinite(trace.values)]
    return float(np.median(values)) if len(values) >= MIN_VALUES else float("nan")
