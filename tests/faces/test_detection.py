"""Face detection: the real MTCNN and Haar on the portrait, large, small, several and none."""

import cv2
import numpy as np
import pytest

from deepfake.errors import SettingsError
from deepfake.faces.base import FaceDetection, agreement, box_area, box_iou
from deepfake.faces.detection import FACE_DETECTORS, face_detector

FACE_IN_PORTRAIT = np.array([172, 65, 278, 185], np.float32)


def face(*box):
    return FaceDetection(np.array(box, np.float32), None, None)


@pytest.fixture(params=list(FACE_DETECTORS))
def detector(request):
    return face_detector(request.param)


def test_the_portrait_has_one_face(detector, portrait):
    faces = detector.detect(portrait)
    overlaps = [float(box_iou(item.box_xyxy[None], FACE_IN_PORTRAIT[None])[0, 0]) for item in faces]
    assert max(overlaps) > 0.5
    if detector.name == "mtcnn":
        assert len(faces) == 1


def test_mtcnn_gives_landmarks_from_left_to_right_and_a_confidence(portrait):
    (found,) = face_detector("mtcnn").detect(portrait)
    assert found.landmarks is not None
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert right_eye[1] < nose[1] < right_mouth[1]
    assert 0.8 <= found.confidence <= 1.0


def test_mtcnn_finds_a_face_40_px_wide_in_a_1080p_frame(portrait):
    # The detector's box of the portrait is about 100 px wide: 0.4 of it is 40 px.
    small = cv2.resize(portrait, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    frame = np.full((1080, 1920, 3), 96, np.uint8)
    frame[500 : 500 + small.shape[0], 1200 : 1200 + small.shape[1]] = small
    faces = face_detector("mtcnn").detect(frame)
    expected = FACE_IN_PORTRAIT * 0.4 + np.array([1200, 500, 1200, 500], np.float32)
    assert any(box_iou(item.box_xyxy[None], expected[None])[0, 0] > 0.5 for item in faces)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_mtcnn_finds_and_follows_a_face_that_lies_on_its_side_or_upside_down(portrait, quarters):
    mtcnn = face_detector("mtcnn")
    (upright,) = mtcnn.detect(portrait)
    turned = np.ascontiguousarray(np.rot90(portrait, quarters))
    (found,) = mtcnn.detect(turned)
    followed = mtcnn.follow(turned, found)
    side = portrait.shape[0]
    for face in (found, followed):
        landmarks = face.landmarks
        for _ in range(quarters):  # back: np.rot90 takes (x, y) to (y, side - x)
            landmarks = np.stack([side - landmarks[:, 1], landmarks[:, 0]], axis=1)
        assert landmarks == pytest.approx(upright.landmarks, abs=5)
        assert np.all(face.box_xyxy[:2] < face.landmarks.min(axis=0))
        assert np.all(face.box_xyxy[2:] > face.landmarks.max(axis=0))
        assert face.confidence > 0.9


def test_mtcnn_follows_a_head_that_turns_once_around(portrait):
    mtcnn = face_detector("mtcnn")
    (found,) = mtcnn.detect(portrait)
    upright = followed = mtcnn.follow(portrait, found)
    between_eyes = np.hypot(*(upright.landmarks[1] - upright.landmarks[0]))
    for angle in range(4, 361, 4):
        height, width = portrait.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
        picture = cv2.warpAffine(portrait, turn, (width, height), borderValue=(96, 96, 96))
        followed = mtcnn.follow(picture, followed)
        assert followed is not None, angle
        expected = upright.landmarks @ turn[:, :2].T + turn[:, 2]
        assert np.abs(followed.landmarks - expected).max() < 0.25 * between_eyes, angle
        assert box_area(followed) == pytest.approx(box_area(upright), rel=0.35), angle


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_landmarks_of_a_face_that_is_another_way_up_are_put_right(portrait, quarters):
    mtcnn = face_detector("mtcnn")
    (found,) = mtcnn.detect(portrait)
    assert mtcnn._right_way_up(portrait, found) is found
    # As the cascade answers for one upside-down face in ten: in the frame all of the same size, turned in place.
    turn = np.linalg.matrix_power(np.array([[0, -1], [1, 0]], np.float32), quarters)
    middle = found.landmarks.mean(axis=0)
    turned = FaceDetection(found.box_xyxy, (found.landmarks - middle) @ turn.T + middle, found.confidence)
    assert mtcnn._right_way_up(portrait, turned).landmarks == pytest.approx(found.landmarks, abs=3)


@pytest.mark.parametrize("degrees", [125, 135, 145, 215, 225, 235])
def test_a_face_between_two_ways_up_is_found_once(portrait, degrees):
    # At these angles a face may be found in two of the ways in which it is looked for.
    height, width = portrait.shape[:2]
    diagonal = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.8)
    assert len(face_detector("mtcnn").detect(cv2.warpAffine(portrait, diagonal, (width, height)))) == 1


def test_several_faces_come_largest_first(portrait):
    frame = np.full((600, 1100, 3), 96, np.uint8)
    frame[40:552, 20:532] = portrait
    frame[100:484, 640:1024] = cv2.resize(portrait, (384, 384), interpolation=cv2.INTER_AREA)
    faces = face_detector("mtcnn").detect(frame)
    assert len(faces) == 2
    assert faces[0].box_xyxy[0] < 532 < faces[1].box_xyxy[0]


@pytest.mark.parametrize("shape", [(8, 8), (40, 40), (19, 300), (480, 640)])
def test_no_face_is_an_empty_list(detector, shape):
    assert detector.detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_noise_has_no_face(detector):
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    assert detector.detect(image) == []


def test_follow_finds_the_face_where_it_moved_to(detector, portrait):
    faces = detector.detect(portrait)
    start = max(faces, key=lambda item: box_iou(item.box_xyxy[None], FACE_IN_PORTRAIT[None])[0, 0])
    moved = np.roll(portrait, (4, 6), axis=(0, 1))
    found = detector.follow(moved, start)
    assert found is not None
    shift = (found.box_xyxy - start.box_xyxy).reshape(2, 2).mean(axis=0)
    assert shift == pytest.approx([6, 4], abs=4)


def test_following_a_still_picture_stays_put(portrait):
    detector = face_detector("mtcnn")
    (current,) = detector.detect(portrait)
    start = current
    for _ in range(20):
        current = detector.follow(portrait, current)
        assert np.abs(current.landmarks - start.landmarks).max() < 0.5
        assert np.abs(current.box_xyxy - start.box_xyxy).max() < 2


def test_follow_gives_up_where_the_face_is_gone(detector, portrait):
    covered = portrait.copy()
    covered[50:200, 150:300] = 128
    assert detector.follow(covered, face(*FACE_IN_PORTRAIT)) is None


def test_follow_at_the_edge_of_the_frame(detector, portrait):
    cut = np.ascontiguousarray(portrait[:, 225:])
    found = detector.follow(cut, face(*(FACE_IN_PORTRAIT - np.array([225, 0, 225, 0]))))
    if found is not None:
        assert np.all(found.box_xyxy >= 0)
        assert found.box_xyxy[2] <= cut.shape[1]


def test_an_unknown_detector_is_named():
    with pytest.raises(SettingsError, match="face_detector: unknown face detector 'dlib'"):
        face_detector("dlib")


def test_iou_of_boxes():
    a = np.array([[0, 0, 10, 10], [0, 0, 10, 20]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    assert box_iou(a, b) == pytest.approx(np.array([[1, 1 / 3, 0], [0.5, 0.2, 0]]))
    assert box_iou(a, np.empty((0, 4), np.float32)).shape == (2, 0)


def test_agreement_matches_each_face_once_at_half_overlap():
    a = [face(0, 0, 10, 10), face(100, 0, 110, 10)]
    b = [face(1, 0, 11, 10), face(0, 1, 10, 11), face(50, 50, 60, 60)]
    result = agreement(a, b)
    assert len(result.matched) == 1
    assert result.matched[0, 0] == 0
    assert result.iou == pytest.approx([9 / 11], abs=1e-3)
    assert result.only_a == (1,)
    assert len(result.only_b) == 2


def test_agreement_of_nothing():
    result = agreement([], [face(0, 0, 5, 5)])
    assert len(result.matched) == 0
    assert result.only_b == (0,)
