"""FACE_DETECTORS, a row for each face detector.

A face detector is one file and a row here; models are loaded when a detector is first asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deepfake.errors import SettingsError
from deepfake.faces.base import FaceDetector


@dataclass(frozen=True, slots=True)
class FaceDetectorRow:
    """What is known of a face detector before it is loaded.

    name: in settings, on the command line, in JSON and in the store. title: for a choice; short_title: in a table.
    gives_landmarks: without them a face has no aligned crops, which classifiers need. load: makes the detector.
    """

    name: str
    title: str
    short_title: str
    gives_landmarks: bool
    load: Callable[[], FaceDetector]


def _mtcnn() -> FaceDetector:
    from deepfake.faces.mtcnn import MtcnnDetector

    return MtcnnDetector()


def _haar() -> FaceDetector:
    from deepfake.faces.haar import HaarDetector

    return HaarDetector()


# The first is the default.
FACE_DETECTORS: Final[dict[str, FaceDetectorRow]] = {
    row.name: row
    for row in (
        FaceDetectorRow("mtcnn", "MTCNN (neural network)", "MTCNN", gives_landmarks=True, load=_mtcnn),
        FaceDetectorRow(
            "haar", "Haar cascade (faster, upright frontal faces only)", "Haar", gives_landmarks=False, load=_haar
        ),
    )
}
DEFAULT_FACE_DETECTOR: Final = next(iter(FACE_DETECTORS))


@functools.cache
def face_detector(name: str) -> FaceDetector:
    """Return the detector of that name, its model loaded once per process.

    Raises SettingsError, which is a ValueError, for an unknown name.
    """
    return face_detector_row(name).load()


def face_detector_row(name: str) -> FaceDetectorRow:
    """Return what is known of a detector without loading it. Raises SettingsError for an unknown name."""
    if name not in FACE_DETECTORS:
        raise SettingsError("face_detector", f"unknown face detector {name!r}; known are {', '.join(FACE_DETECTORS)}")
    return FACE_DETECTORS[name]


def gives_landmarks(name: str) -> bool:
    """Return whether a face detector gives landmarks, so that its faces can be scored; False for an unknown one."""
    return name in FACE_DETECTORS and FACE_DETECTORS[name].gives_landmarks


def face_detector_title(name: str) -> str:
    """Return a face detector's short name for the reader: its name in settings where it is not known."""
    return FACE_DETECTORS[name].short_title if name in FACE_DETECTORS else name
