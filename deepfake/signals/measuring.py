"""All face signals of all tracks of a clip, measured crop by crop while the clip is read."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake.errors import SignalError
from deepfake.faces.alignment import FaceCrop
from deepfake.faces.landmarks import face_mesh
from deepfake.faces.pose import head_yaw_deg
from deepfake.signals.base import FaceSignal, FaceView, SignalTrace
from deepfake.signals.registry import FACE_SIGNALS
from deepfake.video.info import Frame

SAMPLES_A_SECOND = 4  # for signals that do not need every frame


class FaceSignals:
    """Measures signals on every track, by default all that are registered.

    The face mesh is found once per crop, for all signals together. What a signal keeps of a face's last crops is given
    up when the face is out of sight, so that memory grows with the faces in view.
    """

    def __init__(self, frame_rate: float, signals: Sequence[type[FaceSignal]] = FACE_SIGNALS) -> None:
        self._kinds = signals
        self._sample_every = max(1, round(frame_rate / SAMPLES_A_SECOND))
        self._signals: dict[int, list[FaceSignal]] = {}
        self._yaw_deg: dict[int, dict[int, float]] = {}
        self._measured: dict[tuple[int, str], tuple[str, list[int], list[float]]] = {}

    def push(self, crop: FaceCrop, frame: Frame) -> None:
        """Measure the next crop of a track. frame: the frame that it was cut out of."""
        signals = self._signals.get(crop.track_id)
        if signals is None:
            signals = self._signals[crop.track_id] = [signal() for signal in self._kinds]
        is_sample = crop.frame_index % self._sample_every == 0
        wanted = [signal for signal in signals if signal.every_frame or is_sample]
        mesh = face_mesh().landmarks(frame.image, crop.crop_to_frame, crop_px=crop.image.shape[0])
        yaw = float("nan") if mesh is None else head_yaw_deg(mesh)
        self._yaw_deg.setdefault(crop.track_id, {})[crop.frame_index] = yaw
        view = FaceView(crop, frame, mesh)
        for signal in wanted:
            self._measure(signal, view)

    def keep(self, visible: Collection[int]) -> None:
        """Give up what is kept of the last crops of all tracks but the visible ones."""
        for track_id in self._signals.keys() - set(visible):
            del self._signals[track_id]

    def yaw_deg(self, track_id: int, frame_indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how far the head of a track is turned in these frames, f32 (n,), NaN where the mesh saw no face."""
        known = self._yaw_deg.get(track_id, {})
        return np.array([known.get(int(index), np.nan) for index in frame_indices], dtype=np.float32)

    def traces(self, track_ids: Collection[int], frame_timestamps_s: NDArray[np.float64]) -> list[SignalTrace]:
        """Return the traces of these tracks; a part of a signal, such as one eye, is named signal/part."""
        found = []
        for (track_id, name), (unit, indices, values) in sorted(self._measured.items()):
            if track_id in track_ids:
                rows = np.array(indices, dtype=np.int64)
                measured = np.array(values, dtype=np.float32)
                found.append(SignalTrace(name, track_id, rows, frame_timestamps_s[rows], measured, unit))
        return found

    def _measure(self, signal: FaceSignal, view: FaceView) -> None:
        info, crop = signal.info, view.crop
        value = signal.push(view)
        named = {info.name: value, **{f"{info.name}/{part}": number for part, number in signal.parts.items()}}
        for name, number in named.items():
            _, indices, values = self._measured.setdefault((crop.track_id, name), (info.unit, [], []))
            if number is None:
                continue
            number = _one_number(number, name)
            indices.append(crop.frame_index)
            values.append(number)
            if signal.of_frame_before:
                values[-1] = float("nan")  # until the next frame is there
                if len(indices) > 1 and indices[-2] == crop.frame_index - 1:
                    values[-2] = number


def _one_number(value: Any, name: str) -> float:
    """What a signal gave for a crop. Raises SignalError where it is no number, or several."""
    try:
        if np.ndim(value) == 0 and not isinstance(value, str | bytes):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise SignalError(f"The signal {name!r}", f"it has to give one number, NaN or None; it gave {type(value).__name__}")
