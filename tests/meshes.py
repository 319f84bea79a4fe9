"""The mesh of a face whose five landmarks are known."""

import numpy as np

from deepfake.faces.alignment import crop_to_frame_from_landmarks
from deepfake.faces.landmarks import MESH_INPUT_PX, face_mesh


def mesh_of_face(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """Return the mesh of the face with these five landmarks, f32 (468, 3), frame px, or None. landmarks: f32 (5, 2)."""
    return face_mesh().landmarks(image, crop_to_frame_from_landmarks(landmarks, MESH_INPUT_PX), crop_px=MESH_INPUT_PX)
