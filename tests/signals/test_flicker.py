"""Flicker: a face that jumps is found, what jumps with it or changes evenly is not."""

import time

import cv2
import numpy as np
import pytest

from deepfake.faces.alignment import FaceCrop, crop_face, crop_to_frame_from_landmarks
from deepfake.faces.landmarks import FACE_OVAL
from deepfake.signals import measuring
from deepfake.signals.base import FaceView, SignalTrace
from deepfake.signals.flicker import FlickerSignal, second_difference
from deepfake.signals.patches import polygon_mask
from deepfake.video.info import Frame
from tests.meshes import mesh_of_face

LANDMARKS = np.array([[201, 108], [246, 105], [225, 132], [208, 155], [245, 153]], np.float32)
TRANSFORM = crop_to_frame_from_landmarks(LANDMARKS, 224)


@pytest.fixture(scope="module")
def mesh(portrait):
    return mesh_of_face(portrait, LANDMARKS)


def values_of(images, mesh, *, indices=None, transform=TRANSFORM):
    signal = FlickerSignal()
    indices = range(len(images)) if indices is None else indices
    return [
        signal.push(
            FaceView(
                FaceCrop(0, index, index / 25, crop_face(image, transform, 224), transform),
                Frame(index, index / 25, image),
                mesh,
            )
        )
        for index, image in zip(indices, images, strict=True)
    ]


def brightened(image, by, mask=None):
    added = by if mask is None else by * mask[..., None]
    return np.clip(image + np.asarray(added, np.float32), 0, 255).astype(np.uint8)


def test_a_still_clip_does_not_flicker(portrait, mesh):
    values = values_of([portrait] * 5, mesh)
    assert np.isnan(values[:2]).all()
    assert values[2:] == pytest.approx([0, 0, 0], abs=1e-3)


def test_a_face_that_jumps_alone_is_found_at_its_size(portrait, mesh):
    dim = (portrait * 0.6).astype(np.uint8)
    mask = polygon_mask(mesh[list(FACE_OVAL), :2], portrait.shape[:2]).astype(np.float32)
    values = values_of([brightened(dim, 6 * (k % 2), mask) for k in range(6)], mesh)
    # The jump of 6 is in luma alone, one of three channels: the root mean square over them is 6 / sqrt(3).
    assert values[2:] == pytest.approx([6 / np.sqrt(3)] * 4, abs=0.5)


def test_a_light_that_flickers_over_everything_is_not_the_faces(portrait, mesh):
    dim = (portrait * 0.6).astype(np.uint8)
    values = values_of([brightened(dim, 6 * (k % 2)) for k in range(6)], mesh)
    assert np.abs(values[2:]).max() < 0.5


def test_surroundings_that_jump_alone_are_negative(portrait, mesh):
    dim = (portrait * 0.6).astype(np.uint8)
    mask = 1 - polygon_mask(mesh[list(FACE_OVAL), :2], portrait.shape[:2]).astype(np.float32)
    assert max(values_of([brightened(dim, 6 * (k % 2), mask) for k in range(6)], mesh)[2:]) < -2


def test_an_even_change_of_the_face_is_no_flicker(portrait, mesh):
    dim = (portrait * 0.6).astype(np.uint8)
    mask = polygon_mask(mesh[list(FACE_OVAL), :2], portrait.shape[:2]).astype(np.float32)
    assert np.abs(values_of([brightened(dim, 6.0 * k, mask) for k in range(6)], mesh)[2:]).max() < 0.3


def test_motion_of_the_whole_crop_is_taken_out(portrait, mesh):
    def moved(by):
        return cv2.warpAffine(portrait, np.float32([[1, 0, by], [0, 1, 0]]), (512, 512), borderMode=cv2.BORDER_REFLECT)

    shaken = [moved(2.0 * (k % 2)) for k in range(6)]
    unaligned = [crop_face(image, TRANSFORM, 224).astype(np.float32) for image in shaken]
    raw = np.sqrt(np.mean((unaligned[1] - (unaligned[0] + unaligned[2]) / 2) ** 2))
    assert np.abs(values_of(shaken, mesh)[2:]).max() < 0.25 * raw


def test_a_gap_starts_anew(portrait, mesh):
    values = values_of([portrait] * 6, mesh, indices=[0, 1, 2, 9, 10, 11])
    assert np.isnan(values).tolist() == [True, True, False, True, True, False]


def test_a_jump_is_told_at_its_own_frame(portrait, mesh, monkeypatch):
    class Mesh:
        def landmarks(self, *_, **__):
            return mesh

    monkeypatch.setattr(measuring, "face_mesh", Mesh)
    mask = polygon_mask(mesh[list(FACE_OVAL), :2], portrait.shape[:2]).astype(np.float32)
    dim = (portrait * 0.6).astype(np.uint8)
    signals = measuring.FaceSignals(25.0, (FlickerSignal,))
    frames = [0, 1, 2, 3, 4, 5, 8, 9, 10]
    for index in frames:
        image = brightened(dim, 20 * (index == 3), mask)
        crop = FaceCrop(0, index, index / 25, crop_face(image, TRANSFORM, 224), TRANSFORM)
        signals.push(crop, Frame(index, index / 25, image))
    [trace] = signals.traces([0], np.arange(11) / 25)
    assert trace.frame_indices.tolist() == frames
    assert trace.frame_indices[np.nanargmax(trace.values)] == 3
    measured = [1, 2, 3, 4, 9]  # those with a neighbor on both sides
    assert trace.frame_indices[np.isfinite(trace.values)].tolist() == measured


@pytest.mark.parametrize("mesh", [None, np.full((468, 3), np.nan, np.float32)])
def test_without_a_mesh_there_is_no_value(mesh, portrait):
    assert np.isnan(values_of([portrait] * 4, mesh)).all()


def test_a_flat_picture_and_a_tiny_crop_are_answers(portrait, mesh):
    assert values_of([np.full_like(portrait, 90)] * 4, mesh)[2:] == pytest.approx([0, 0], abs=1e-3)
    signal = FlickerSignal()
    tiny = np.zeros((8, 8, 3), np.uint8)
    for index in range(4):
        value = signal.push(FaceView(FaceCrop(0, index, 0.0, tiny, TRANSFORM), Frame(index, 0.0, portrait), mesh))
    assert np.isnan(value) or value == 0


def test_the_second_difference_is_its_formula():
    cells = np.random.default_rng(0).random((3, 14, 14, 3)).astype(np.float32)
    chosen = np.zeros((14, 14), bool)
    chosen[3:9, 4:8] = True
    expected = np.sqrt(np.mean((cells[1] - (cells[0] + cells[2]) / 2)[3:9, 4:8] ** 2))
    assert second_difference(cells, chosen) == pytest.approx(float(expected))
    assert np.isnan(second_difference(cells, np.zeros((14, 14), bool)))


def test_the_statistic_is_the_median_of_what_was_measured():
    values = np.array([np.nan, np.nan, 1, 9, 2], np.float32)
    trace = SignalTrace("face_flicker", 0, np.arange(5), np.arange(5) / 25, values)
    assert FlickerSignal().statistic(trace) == 2


def test_a_crop_takes_at_most_three_milliseconds(portrait, mesh):
    signal, taken = FlickerSignal(), []
    for index in range(15):
        crop = FaceCrop(0, index, 0.0, crop_face(portrait, TRANSFORM, 224), TRANSFORM)
        started = time.perf_counter()
        signal.push(FaceView(crop, Frame(index, 0.0, portrait), mesh))
        taken.append(time.perf_counter() - started)
    assert min(taken[3:]) < 0.003
