"""The cascade gives what the mtcnn package gives: networks, patches, boxes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deepfake.faces.cascade import NETWORKS, Cascade, normalize, patches, suppressed
from deepfake.faces.lite_model import MAX_SHAPES, LiteModel
from deepfake.video.reader import VideoReader

CLIPS = ("dfdc/test_videos/lynaeydofd.mp4", "dfdc/test_videos/brtujopkby.mp4")


@pytest.fixture(scope="module")
def package():
    from mtcnn import MTCNN

    return MTCNN()


def _reduced(image: np.ndarray) -> np.ndarray:
    scale = min(1.0, 960 / max(image.shape[:2]))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _assert_same_faces(package, image: np.ndarray, count: int | None = None) -> None:
    expected = package.detect_faces(image, output_type="numpy", box_format="xyxy")
    found = Cascade().detect(image)
    assert len(found) == len(expected) if count is None else len(found) == len(expected) == count
    for box in found:
        nearest = expected[np.argmin(np.abs(expected[:, 1:5] - box[:4]).max(axis=1))]
        np.testing.assert_allclose(box[:4], nearest[1:5], atol=0.02)
        assert box[4] == pytest.approx(nearest[5], abs=1e-4)


@pytest.mark.parametrize(("stage", "shape"), [(1, (37, 50)), (1, (12, 12)), (2, (24, 24)), (3, (48, 48))])
def test_the_networks_equal_the_packages_own(package, stage: int, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(stage).uniform(-1, 1, (1, *shape, 3)).astype(np.float32)
    expected = sorted((output.numpy() for output in package.get_stage(stage_id=stage).model(picture)), key=np.size)
    found = LiteModel(NETWORKS[stage - 1])(picture)
    assert len(found) == len(expected)
    for output, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(output, wanted, atol=1e-4)


def test_patches_equal_those_of_the_package(portrait: np.ndarray) -> None:
    from mtcnn.utils.images import extract_patches

    normalized = normalize(portrait)
    boxes = np.array([[100, 50, 300, 250, 1], [-20.3, -10, 60, 70.1, 1], [450.5, 480, 531, 560, 1]], np.float64)
    rows = np.column_stack([np.zeros(3), boxes])
    expected = extract_patches(normalized[None], rows, expected_size=(24, 24)).numpy()
    np.testing.assert_allclose(patches(normalized, boxes, 24), expected, atol=1e-4)


def test_a_box_outside_the_picture_holds_nothing(portrait: np.ndarray) -> None:
    boxes = np.array([[-200.0, -200, -100, -100, 1]])
    assert not patches(normalize(portrait), boxes, 24).any()
    assert patches(normalize(portrait), boxes[:0], 24).shape == (0, 24, 24, 3)


def test_the_portrait_has_the_packages_face(package, portrait: np.ndarray) -> None:
    _assert_same_faces(package, portrait, count=1)


def test_two_faces_of_two_sizes(package, portrait: np.ndarray) -> None:
    frame = np.full((400, 640, 3), 96, np.uint8)
    frame[0:384, 0:384] = cv2.resize(portrait, (384, 384), interpolation=cv2.INTER_AREA)
    frame[100:250, 450:600] = cv2.resize(portrait, (150, 150), interpolation=cv2.INTER_AREA)
    _assert_same_faces(package, frame, count=2)


@pytest.mark.real_data
@pytest.mark.parametrize("name", CLIPS)
def test_faces_of_real_clips(package, real_data: Path, name: str) -> None:
    with VideoReader(real_data / name) as reader:
        image = next(reader.frames()).image
    _assert_same_faces(package, _reduced(image))


@pytest.mark.parametrize("shape", [(4, 4), (12, 300), (20, 20), (60, 80)])
def test_a_gray_picture_has_no_face(shape: tuple[int, int]) -> None:
    assert Cascade().detect(np.full((*shape, 3), 128, np.uint8)).shape == (0, 5)


def test_a_box_that_a_surer_one_covers_is_left_out() -> None:
    boxes = np.array([[0, 0, 10, 10, 0.9], [1, 0, 11, 10, 0.8], [50, 50, 60, 60, 0.7], [52, 52, 56, 56, 0.6]])
    assert suppressed(boxes, 0.7)[:, 4].tolist() == [0.9, 0.7, 0.6]
    assert suppressed(boxes, 0.7, of="smaller")[:, 4].tolist() == [0.9, 0.7]


def test_a_model_keeps_the_latest_shapes_and_answers_alike() -> None:
    model = LiteModel(NETWORKS[0])
    pictures = [np.full((1, 12 + size, 14, 3), 0.25, np.float32) for size in range(MAX_SHAPES + 2)]
    first = [model(picture)[0] for picture in pictures]
    again = [model(picture)[0] for picture in pictures]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
