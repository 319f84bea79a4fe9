"""Pictures on demand, made by the worker for looks and kept in memory for a while. One wrong clip ends no page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from deepfake.dashboard.clip import ClipChoice
from deepfake.dashboard.state import runtime
from deepfake.errors import DeepfakeError
from deepfake.faces.detection import DetectorName
from deepfake.views.stills import (
    FramePair,
    GridTile,
    Moment,
    ScoredCrop,
    face_grid,
    face_spectrum,
    frame_grid,
    frame_pair_at,
    moment_at,
    scored_crop_at,
)
from deepfake.views.stills import thumbnail_jpeg as make_thumbnail

T = TypeVar("T")


def moment_look(
    clip: ClipChoice,
    timestamp_s: float,
    *,
    detectors: Sequence[DetectorName] = (),
    boxes_xyxy: NDArray[np.float32] | None = None,
) -> Moment:
    """Return stills.moment_at of a clip. Raises DeepfakeError."""
    boxes = () if boxes_xyxy is None else tuple(tuple(float(value) for value in box) for box in boxes_xyxy)
    return _moment(clip.sha256, timestamp_s, tuple(detectors), boxes, _path=clip.path, _name=clip.name)


def frame_pair_look(clip: ClipChoice, timestamp_s: float) -> FramePair | None:
    """Return stills.frame_pair_at of a clip. Raises DeepfakeError."""
    return _frame_pair(clip.sha256, timestamp_s, _path=clip.path, _name=clip.name)


def scored_crop_look(
    clip: ClipChoice, timestamp_s: float, crop_to_frame: NDArray[np.float32], classifier: str
) -> ScoredCrop:
    """Return stills.scored_crop_at of a clip. Raises DeepfakeError."""
    transform = tuple(float(value) for value in crop_to_frame.ravel())
    return _scored_crop(clip.sha256, timestamp_s, transform, classifier, _path=clip.path, _name=clip.name)


def face_spectrum_look(
    clip: ClipChoice,
    frame_indices: Sequence[int],
    timestamps_s: Sequence[float],
    crops_to_frame: Sequence[NDArray[np.float32]],
    crop_px: int,
) -> NDArray[np.float32]:
    """Return stills.face_spectrum of a clip. Raises DeepfakeError."""
    transforms = np.array(crops_to_frame, dtype=np.float32).reshape(-1, 6)
    rows = tuple(tuple(row) for row in transforms.tolist())
    return _face_spectrum(
        clip.sha256, tuple(frame_indices), tuple(timestamps_s), rows, crop_px, _path=clip.path, _name=clip.name
    )


def frame_grid_look(clip: ClipChoice, frame_indices: Sequence[int], timestamps_s: Sequence[float]) -> list[GridTile]:
    """Return stills.frame_grid of a clip. Raises DeepfakeError."""
    return _frame_grid(clip.sha256, tuple(frame_indices), tuple(timestamps_s), _path=clip.path, _name=clip.name)


def face_grid_look(
    face_clip: Path, positions: Sequence[int], frame_indices: Sequence[int], timestamps_s: Sequence[float]
) -> list[GridTile]:
    """Return stills.face_grid of a track's face clip. Raises DeepfakeError."""
    return _face_grid(str(face_clip), tuple(positions), tuple(frame_indices), tuple(timestamps_s))


def thumbnail(path: Path, name: str) -> bytes:
    """Return a small picture of a clip, JPEG. Raises DeepfakeError."""
    return _thumbnail(str(path), path.stat().st_mtime_ns, _name=name)


# Arguments that begin with an underscore are not part of the key: a clip is its bytes, not its place or name.
@st.cache_data(max_entries=24, show_spinner="Looking at this moment")
def _moment(
    sha256: str,
    timestamp_s: float,
    detectors: tuple[DetectorName, ...],
    boxes: tuple[tuple[float, ...], ...],
    *,
    _path: Path,
    _name: str,
) -> Moment:
    boxes_xyxy = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return _look(moment_at, _path, timestamp_s, detectors, boxes_xyxy, name=_name)


@st.cache_data(max_entries=12, show_spinner="Comparing two frames")
def _frame_pair(sha256: str, timestamp_s: float, *, _path: Path, _name: str) -> FramePair | None:
    return _look(frame_pair_at, _path, timestamp_s, name=_name)


@st.cache_data(max_entries=24, show_spinner="Looking where the classifier looked")
def _scored_crop(
    sha256: str, timestamp_s: float, transform: tuple[float, ...], classifier: str, *, _path: Path, _name: str
) -> ScoredCrop:
    crop_to_frame = np.array(transform, dtype=np.float32).reshape(2, 3)
    return _look(scored_crop_at, _path, timestamp_s, crop_to_frame, classifier, name=_name)


@st.cache_data(max_entries=64, show_spinner="Measuring the face's spectrum")
def _face_spectrum(
    sha256: str,
    frame_indices: tuple[int, ...],
    timestamps_s: tuple[float, ...],
    transforms: tuple[tuple[float, ...], ...],
    crop_px: int,
    *,
    _path: Path,
    _name: str,
) -> NDArray[np.float32]:
    crops_to_frame = [np.array(row, dtype=np.float32).reshape(2, 3) for row in transforms]
    return _look(face_spectrum, _path, frame_indices, timestamps_s, crops_to_frame, crop_px, name=_name)


@st.cache_data(max_entries=8, show_spinner="Reading frames")
def _frame_grid(
    sha256: str, frame_indices: tuple[int, ...], timestamps_s: tuple[float, ...], *, _path: Path, _name: str
) -> list[GridTile]:
    return _look(frame_grid, _path, frame_indices, timestamps_s, name=_name)


@st.cache_data(max_entries=8, show_spinner="Reading faces")
def _face_grid(
    path: str, positions: tuple[int, ...], frame_indices: tuple[int, ...], timestamps_s: tuple[float, ...]
) -> list[GridTile]:
    return _look(face_grid, Path(path), positions, frame_indices, timestamps_s, name="the face clip")


@st.cache_data(max_entries=512, show_spinner=False)
def _thumbnail(path: str, modified_ns: int, *, _name: str) -> bytes:
    return _look(make_thumbnail, Path(path), name=_name)


def _look(function: Callable[..., T], path: Path, *args: Any, name: str) -> T:
    try:
        return runtime().look(function, path, *args, name=name)
    except DeepfakeError as error:
        raise error.renamed(path, name) from error
