"""Crops: the transform is exact, the picture is where the transform says, reduction does not alias."""

import cv2
import numpy as np
import pytest

from deepfake.faces.alignment import (
    CANONICAL_LANDMARKS,
    crop_face,
    crop_to_frame_from_box,
    crop_to_frame_from_landmarks,
    outside_share,
    scale_transform,
)

SIZE = 224


def apply(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


@pytest.mark.parametrize(("scale", "degrees", "shift"), [(1, 0, (0, 0)), (0.4, 25, (300, 120)), (3.2, -70, (50, 900))])
def test_a_similarity_is_recovered_exactly(scale, degrees, shift):
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = (CANONICAL_LANDMARKS * SIZE - 0.5) @ linear.T + shift
    transform = crop_to_frame_from_landmarks(landmarks.astype(np.float32), SIZE)
    assert transform == pytest.approx(np.column_stack([linear, shift]), abs=1e-2)


def test_noisy_landmarks_agree_with_opencvs_least_squares():
    generator = np.random.default_rng(1)
    landmarks = CANONICAL_LANDMARKS * 300 + generator.normal(0, 4, (5, 2)) + 70
    ours = crop_to_frame_from_landmarks(landmarks.astype(np.float32), SIZE)
    source = CANONICAL_LANDMARKS * SIZE - 0.5
    residual = np.linalg.norm(apply(ours, source) - landmarks)
    oracle, _ = cv2.estimateAffinePartial2D(source, landmarks.astype(np.float32), method=cv2.LMEDS, refineIters=50)
    assert residual <= np.linalg.norm(apply(oracle, source) - landmarks) + 1e-3


def test_a_box_is_cut_out_with_its_margin_around_its_center():
    transform = crop_to_frame_from_box(np.array([100, 200, 200, 300], np.float32), 130)
    assert apply(transform, np.array([[64.5, 64.5]])) == pytest.approx(np.array([[149.5, 249.5]]))
    assert transform[0, 0] == pytest.approx(1.0)


def test_identity_transform_copies_the_pixels(portrait):
    identity = np.array([[1, 0, 130], [0, 1, 40]], np.float32)
    assert np.array_equal(crop_face(portrait, identity, 160), portrait[40:200, 130:290])


def test_the_face_lies_where_the_template_says(portrait):
    landmarks = np.array([[200, 108], [247, 110], [225, 135], [203, 148], [243, 150]], np.float32)
    crop = crop_face(portrait, crop_to_frame_from_landmarks(landmarks, SIZE), SIZE)
    turned = cv2.getRotationMatrix2D((225.0, 125.0), 30, 0.8)
    rotated = cv2.warpAffine(portrait, turned, (512, 512), flags=cv2.INTER_CUBIC)
    moved = (landmarks @ turned[:, :2].T + turned[:, 2]).astype(np.float32)
    again = crop_face(rotated, crop_to_frame_from_landmarks(moved, SIZE), SIZE)
    assert np.abs(crop.astype(int) - again).mean() < 4  # the crop does not depend on how the head is turned


def test_reduction_does_not_alias():
    checkers = np.indices((800, 800)).sum(axis=0) % 2 * 255
    image = np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8)
    crop = crop_face(image, np.array([[8, 0, 3.5], [0, 8, 3.5]], np.float32), 96)
    assert crop.min() > 110
    assert crop.max() < 145


def test_outside_the_frame_the_edge_repeats():
    image = np.full((50, 50, 3), 77, np.uint8)
    crop = crop_face(image, np.array([[1, 0, -30], [0, 1, -30]], np.float32), 100)
    assert np.all(crop == 77)


def test_a_crop_far_outside_the_frame_does_not_fail():
    image = np.full((50, 50, 3), 77, np.uint8)
    assert np.all(crop_face(image, np.array([[1, 0, 500], [0, 1, -900]], np.float32), 64) == 77)


def test_scale_transform_shows_the_same_square(portrait):
    transform = crop_to_frame_from_box(np.array([170, 70, 280, 180], np.float32), 112)
    double = crop_face(portrait, scale_transform(transform, 2.0), 224)
    single = crop_face(portrait, transform, 112)
    assert np.abs(cv2.resize(double, (112, 112), interpolation=cv2.INTER_AREA).astype(int) - single).mean() < 3


def test_the_share_of_a_crop_outside_its_frame() -> None:
    upright = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    assert outside_share(upright, 100, 100, 100) == 0
    assert outside_share(upright, 100, 100, 50) == pytest.approx(0.5)
    shifted = np.array([[1, 0, -25], [0, 1, -25]], np.float32)
    assert outside_share(shifted, 100, 100, 100) == pytest.approx(1 - 0.75**2, abs=0.01)
    assert outside_share(np.array([[1, 0, 500], [0, 1, 0]], np.float32), 100, 100, 100) == 1
