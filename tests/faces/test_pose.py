"""The rigid head: the angle that it was turned by comes out again; a portrait looks into the camera."""

import cv2
import numpy as np
import pytest

from deepfake.faces.alignment import crop_to_frame_from_landmarks
from deepfake.faces.detection import face_detector
from deepfake.faces.landmarks import MESH_POINTS, face_mesh
from deepfake.faces.pose import HEAD, RIGID_POINTS, head_yaw_deg


def turned(yaw_deg, pitch_deg, roll_deg):
    """The head's points after a turn, as a mesh in px."""
    yaw, pitch, roll = np.deg2rad([-yaw_deg, pitch_deg, roll_deg])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    mesh = np.zeros((MESH_POINTS, 3), np.float32)
    mesh[list(RIGID_POINTS)] = 90 * HEAD @ (about_z @ about_y @ about_x).T + [200, 150, 0]
    return mesh


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (-50, 10, 0), (20, -15, 25), (0, 25, -10), (70, 5, 5)])
def test_the_turn_of_a_head_comes_out_whatever_else_it_does(angles):
    assert head_yaw_deg(turned(*angles)) == pytest.approx(angles[0], abs=1e-3)


def test_the_nose_of_a_positive_yaw_points_to_the_right():
    nose, bridge = 1, 168
    right = turned(30, 0, 0)
    assert right[nose, 0] > right[bridge, 0] + 5


def test_another_array_is_no_mesh():
    with pytest.raises(ValueError, match="468 points"):
        head_yaw_deg(np.zeros((5, 2), np.float32))


def test_a_portrait_looks_into_the_camera_and_its_mirror_image_the_other_way(portrait):
    yaw, mirrored = (head_yaw_deg(_mesh(image)) for image in (portrait, cv2.flip(portrait, 1)))
    assert abs(yaw) < 20
    assert mirrored == pytest.approx(-yaw, abs=4)


def _mesh(image):
    """The mesh where the detector finds the face, as in an analysis."""
    crop_to_frame = crop_to_frame_from_landmarks(face_detector("mtcnn").detect(image)[0].landmarks, 224)
    return face_mesh().landmarks(image, crop_to_frame, crop_px=224)
