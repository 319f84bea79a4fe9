from pathlib import Path

import numpy as np
import pytest

from deepfake.faces.alignment import crop_face, crop_to_frame_from_box, crop_to_frame_from_landmarks
from deepfake.faces.base import FaceDetection
from deepfake.faces.detection import face_detector
from deepfake.faces.landmarks import FACE_OVAL, LEFT_EYE, LIPS, MESH_POINTS, RIGHT_EYE, face_mesh, model_path


@pytest.fixture(scope="module")
def face(portrait: np.ndarray) -> FaceDetection:
    return face_detector("mtcnn").detect(portrait)[0]


@pytest.fixture(scope="module")
def mesh(portrait: np.ndarray, face: FaceDetection) -> np.ndarray:
    assert face.landmarks is not None
    found = face_mesh().landmarks(portrait, crop_to_frame_from_landmarks(face.landmarks, 224), crop_px=224)
    assert found is not None
    return found


def test_the_mesh_agrees_with_the_detectors_five_landmarks(mesh: np.ndarray, face: FaceDetection) -> None:
    assert mesh.shape == (MESH_POINTS, 3)
    assert face.landmarks is not None
    eye_distance = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    points = [mesh[list(RIGHT_EYE), :2].mean(axis=0), mesh[list(LEFT_EYE), :2].mean(axis=0), mesh[1, :2]]
    for point, landmark in zip(points, face.landmarks, strict=False):
        assert np.linalg.norm(point - landmark) < 0.15 * eye_distance


def test_the_contours_lie_where_their_names_say(mesh: np.ndarray) -> None:
    oval, lips = mesh[list(FACE_OVAL), :2], mesh[list(LIPS), :2]
    assert np.all(lips > oval.min(axis=0))
    assert np.all(lips < oval.max(axis=0))
    assert lips[:, 1].mean() > mesh[list(RIGHT_EYE), 1].mean()
    assert mesh[list(RIGHT_EYE), 0].mean() < mesh[list(LEFT_EYE), 0].mean()  # the subject's right is on the left


def test_a_box_leads_to_the_same_mesh_as_landmarks(portrait: np.ndarray, face: FaceDetection, mesh: np.ndarray) -> None:
    by_box = face_mesh().landmarks(portrait, crop_to_frame_from_box(face.box_xyxy, 224), crop_px=224)
    assert by_box is not None
    assert np.abs(by_box[:, :2] - mesh[:, :2]).max() < 4  # of a face 90 px wide


def test_the_mesh_moves_and_grows_with_the_crop(portrait: np.ndarray, face: FaceDetection, mesh: np.ndarray) -> None:
    assert face.landmarks is not None
    crop_to_frame = crop_to_frame_from_landmarks(face.landmarks, 224)
    crop = crop_face(portrait, crop_to_frame, 224)
    identity = np.eye(2, 3, dtype=np.float32)
    in_crop = face_mesh().landmarks(crop, identity, crop_px=224)
    assert in_crop is not None
    back = in_crop[:, :2] @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
    assert np.abs(back - mesh[:, :2]).max() < 1.5


def test_where_there_is_no_face_there_is_no_mesh() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    place = crop_to_frame_from_box(np.array([20, 20, 180, 180], np.float32), 224)
    assert face_mesh().landmarks(noise, place, crop_px=224) is None


def test_a_missing_model_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.tflite: the model is missing"):
        model_path("nothing.tflite")
    assert isinstance(model_path("face_landmark.tflite"), Path)
