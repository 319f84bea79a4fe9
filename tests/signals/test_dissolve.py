"""Dissolves are found with their frames; cuts, motion and changes of light are none."""

import cv2
import numpy as np
import pytest

from deepfake.signals._area_kernel import area_means
from deepfake.signals.dissolve import DissolveDetector

RATE = 25


def scene(seed, size=(54, 96)):
    """A smooth random picture."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(20, 235, (6, 8, 3)).astype(np.float32)
    return np.kron(coarse, np.ones((size[0] // 6, size[1] // 8, 1), np.float32))


def found(frames):
    detector = DissolveDetector(RATE)
    ended = [detector.push(np.round(image).astype(np.uint8)) for image in frames]
    return [(item.first, item.after) for item in ended if item is not None]


@pytest.mark.parametrize("length", [8, 12, 25, 50])
def test_a_dissolve_is_found_once_and_its_frames_are_named(length):
    a, b = scene(1), scene(2)
    mixed = [a + (b - a) * (step + 1) / (length + 1) for step in range(length)]
    ((first, after),) = found([a] * 30 + mixed + [b] * 30)
    assert 30 - 12 <= first <= 30 + 2
    assert 30 + length - 2 <= after <= 30 + length + 8


def test_a_fade_to_black_is_one():
    a = scene(1)
    assert len(found([a] * 30 + [a * (1 - step / 13) for step in range(1, 13)] + [a * 0] * 20)) == 1


def test_a_cut_motion_and_a_lamp_are_none():
    a, b = scene(1), scene(2)
    assert found([a] * 30 + [b] * 30) == []
    assert found([np.roll(a, 3 * step, axis=1) for step in range(60)]) == []
    assert found([a * (0.6 + 0.4 * min(1.0, step / 40)) for step in range(70)]) == []


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (720, 1280), (414, 736), (1920, 1080), (31, 50), (27, 48)])
def test_pictures_are_reduced_as_opencv_does_it(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = area_means(image, 48, 27)
    expected = cv2.resize(image, (48, 27), interpolation=cv2.INTER_AREA)
    assert np.mean(found == expected) > 0.999  # else the mean lies midway between two levels
    assert np.abs(found - expected).max() <= 1
