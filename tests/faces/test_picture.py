"""A photograph in the frame stays one under grain; a mouth that opens and a head that nods are alive."""

import numpy as np
import pytest

from deepfake.demo.puppet import Look, dress
from deepfake.faces.alignment import crop_to_frame_from_landmarks
from deepfake.faces.picture import MAX_CHANGE, MIN_SHOWN_S, PictureCheck

LANDMARKS = np.array([[207, 113], [245, 113], [229, 135], [211, 157], [244, 157]], np.float32)  # of the portrait
PLACE = crop_to_frame_from_landmarks(LANDMARKS, 224)
MOUTH = (228, 160, 16)  # x, y, radius, px
ENOUGH = round(MIN_SHOWN_S / 0.25) + 1


def looked_at(images, every_s=0.25):
    check = PictureCheck()
    for number, image in enumerate(images):
        check.push(image, PLACE, 224, number * every_s)
    return check


def grainy(image, seed):
    noise = np.random.default_rng(seed).normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_a_photograph_under_grain_is_a_picture_whatever_happens_beside_it(portrait):
    images = [grainy(portrait, seed) for seed in range(10)]
    for number, image in enumerate(images):
        image[:, 400:] = 20 * number
    check = looked_at(images)
    assert check.is_picture
    assert check.shown_s == pytest.approx(2.25)


def test_a_mouth_that_opens_is_alive(portrait):
    opaque = np.ones((512, 512), np.float32)
    images = [dress(portrait, opaque, Look(features=((*MOUTH, 1.0, 1 + 0.2 * (k % 3)),)))[0] for k in range(10)]
    check = looked_at(images)
    assert check.change > 2 * MAX_CHANGE
    assert not check.is_picture


def test_a_head_that_moves_by_two_pixels_is_alive(portrait):
    assert not looked_at([np.roll(portrait, 2 * (k % 2), axis=0) for k in range(10)]).is_picture


def test_what_was_not_looked_at_for_long_enough_is_no_picture(portrait):
    assert not looked_at([portrait] * (ENOUGH - 1)).is_picture
    assert looked_at([portrait] * ENOUGH).is_picture
    assert looked_at([portrait] * 100, every_s=0.04).is_picture
    assert not PictureCheck().is_picture
    assert not looked_at([portrait] * 2, every_s=60).is_picture, "two moments alike are no picture"
