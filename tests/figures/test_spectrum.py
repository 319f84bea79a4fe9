"""The spectrum of a face against real faces: measured from the clip's frames, drawn, and put in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepfake.dashboard.analyze.spectrum_card import spectrum_sentence
from deepfake.figures.spectrum import share_inside, spectrum_figure
from deepfake.signals.spectrum import (
    FREQUENCIES,
    face_square,
    radial_power_spectrum,
    real_face_range,
    spectrum_classifier,
)
from deepfake.video.reader import VideoReader
from deepfake.views.stills import face_spectrum

CROP_TO_FRAME = np.array([[1.0, 0, 208], [0, 1.0, 128]], np.float32)  # the portrait's face in a crop of 224 px


def test_the_mean_is_that_of_the_named_frames(talking_clip: Path) -> None:
    with VideoReader(talking_clip) as reader:
        frames = {frame.index: frame for frame in reader.frames()}
    squares = [face_square(frames[index].image, CROP_TO_FRAME, 224) for index in (3, 20)]
    expected = np.mean([radial_power_spectrum(square) for square in squares if square is not None], axis=0)
    times_s = [frames[index].timestamp_s for index in (3, 20)]
    found = face_spectrum(talking_clip, (3, 20), times_s, [CROP_TO_FRAME] * 2, 224)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_face_beyond_the_edge_has_no_spectrum(talking_clip: Path) -> None:
    outside = CROP_TO_FRAME + np.array([[0, 0, 4000], [0, 0, 0]], np.float32)
    assert np.isnan(face_spectrum(talking_clip, (0,), (0.0,), [outside], 224)).all()


def test_the_median_of_real_faces_lies_inside_and_on_the_zero_line() -> None:
    real = real_face_range()
    assert share_inside(real.p50 + 17, real) == 1.0, "contrast does not count"
    assert share_inside(real.p50 + np.linspace(0, 60, 64, dtype=np.float32), real) < 0.5
    figure = spectrum_figure(real.p50, real, 0)
    above, below = (curve for curve in figure.data if curve.name == "Person 1")
    np.testing.assert_allclose(above.x, FREQUENCIES)
    level = float(np.mean(above.y - real.p50))
    np.testing.assert_allclose(below.y, level, atol=1e-3)
    assert [curve.showlegend for curve in figure.data] == [True] * 3 + [False] * 3


def test_without_a_spectrum_the_figure_says_why() -> None:
    figure = spectrum_figure(np.full(64, np.nan, np.float32), real_face_range(), 0)
    assert "too small" in figure.layout.annotations[0].text


def test_the_sentence_has_probability_and_worth() -> None:
    real, classifier = real_face_range(), spectrum_classifier()
    sentence = spectrum_sentence(real.p50, real, classifier, 1)
    assert "At 100% of the frequencies Person 2 lies within" in sentence
    assert f"P(fake) {classifier.probability_fake(real.p50):.2f}" in sentence
    assert classifier.worth in sentence
    gap = real.p50.copy()
    gap[0] = np.nan
    assert spectrum_sentence(gap, real, classifier, 0).endswith("needs a face at least 128 px wide.")
    assert "too small" in spectrum_sentence(np.full(64, np.nan, np.float32), real, classifier, 0)


@pytest.mark.parametrize("side", [64, 200])
def test_white_noise_lies_above_real_faces_in_fine_detail(side: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    figure = spectrum_figure(radial_power_spectrum(noise), real_face_range(), 0)
    below = [curve for curve in figure.data if curve.name == "Person 1"][1]
    assert np.nanmin(below.y[48:]) > 5
