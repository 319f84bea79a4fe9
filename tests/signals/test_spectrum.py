"""The power spectrum: flat for white noise, peaked for a cosine, equal to NumPy's binned by hand, honest when small."""

import json
from importlib import resources

import numpy as np
import pytest

from deepfake.faces.alignment import FaceCrop, crop_to_frame_from_box
from deepfake.signals.base import FaceView, SignalTrace
from deepfake.signals.spectrum import (
    FREQUENCIES,
    SPECTRUM_BINS,
    SpectrumClassifier,
    SpectrumSignal,
    face_square,
    high_frequency_excess,
    leveled,
    radial_power_spectrum,
    real_face_range,
    spectrum_classifier,
)
from deepfake.video.info import Frame


def trace_of(values):
    count = len(values)
    return SignalTrace("s", 0, np.arange(count), np.arange(count) / 4, np.array(values, np.float32))


def pushed(image, box=(20, 20, 220, 220)):
    transform = crop_to_frame_from_box(np.array(box, np.float32), 224)
    signal = SpectrumSignal()
    crop = FaceCrop(0, 0, 0.0, np.zeros((224, 224, 3), np.uint8), transform)
    value = signal.push(FaceView(crop, Frame(0, 0.0, image), None))
    return signal, value


@pytest.mark.parametrize("sigma", [2.0, 20.0])
def test_white_noise_is_flat_at_its_variance(sigma):
    noise = 128 + np.random.default_rng(0).normal(0, sigma, (256, 256))
    spectrum = radial_power_spectrum(noise.astype(np.float32))
    # The lowest bins hold too few coefficients for a mean.
    assert spectrum[8:] == pytest.approx(20 * np.log10(sigma), abs=1.5)
    assert np.mean(spectrum[10:]) == pytest.approx(20 * np.log10(sigma), abs=0.1)
    assert high_frequency_excess(spectrum) == pytest.approx(0, abs=2)


@pytest.mark.parametrize("frequency", [0.05, 0.21, 0.44])
@pytest.mark.parametrize("degrees", [0, 33, 90])
def test_a_cosine_peaks_at_its_frequency_in_any_direction(frequency, degrees):
    y, x = np.mgrid[:256, :256]
    angle = np.deg2rad(degrees)
    wave = 128 + 60 * np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)))
    assert FREQUENCIES[np.argmax(radial_power_spectrum(wave.astype(np.float32)))] == pytest.approx(frequency, abs=0.008)


@pytest.mark.parametrize("shape", [(160, 160), (151, 200), (200, 133)])
def test_it_equals_the_full_transform_binned_by_hand(shape):
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    window = np.outer(np.hanning(shape[0] + 2)[1:-1], np.hanning(shape[1] + 2)[1:-1])
    window /= np.sqrt((window**2).sum())
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij"))
    expected = []
    for k in range(SPECTRUM_BINS):
        ring = (radius >= k / 128) & (radius < (k + 1) / 128)
        expected.append(10 * np.log10(power[ring].mean()) if ring.any() else np.nan)
    assert radial_power_spectrum(image) == pytest.approx(np.array(expected), abs=0.05, nan_ok=True)


def test_contrast_moves_the_spectrum_and_not_what_is_read_from_it(portrait):
    face = portrait[40:200, 140:300]
    strong, weak = radial_power_spectrum(face), radial_power_spectrum(face.astype(np.float32).mean(axis=2) * 0.5)
    assert np.nanmean(strong - weak) == pytest.approx(6.02, abs=0.5)
    assert leveled(strong) == pytest.approx(leveled(weak), abs=1.0)


def test_a_power_law_has_no_excess_and_an_enlarged_picture_lacks_it(portrait):
    assert high_frequency_excess((-20 * np.log10(FREQUENCIES)).astype(np.float32)) == pytest.approx(0, abs=1e-3)
    import cv2

    face = np.ascontiguousarray(portrait[40:200, 140:300])
    soft = cv2.resize(cv2.resize(face, (80, 80), interpolation=cv2.INTER_AREA), (160, 160))
    assert high_frequency_excess(radial_power_spectrum(soft)) < high_frequency_excess(radial_power_spectrum(face)) - 5


def test_flat_and_tiny_pictures_have_a_spectrum_or_say_why_not():
    assert np.isfinite(radial_power_spectrum(np.full((160, 160, 3), 77, np.uint8))).all()
    small = radial_power_spectrum(np.random.default_rng(0).random((20, 20)).astype(np.float32))
    assert small.shape == (64,)
    assert np.isnan(small).any()
    with pytest.raises(ValueError, match="2×2"):
        radial_power_spectrum(np.zeros((1, 9), np.float32))
    assert np.isnan(high_frequency_excess(np.full(SPECTRUM_BINS, np.nan, np.float32)))


def test_the_square_lies_on_the_face_and_inside_the_frame():
    image = np.zeros((300, 300, 3), np.uint8)
    transform = crop_to_frame_from_box(np.array((50, 50, 150, 150), np.float32), 224)
    square = face_square(image, transform, 224)
    assert square is not None
    assert square.shape == (78, 78, 3)
    assert np.shares_memory(square, image)
    assert face_square(image[:80], transform, 224) is None
    assert face_square(image, crop_to_frame_from_box(np.array((50, 50, 90, 90), np.float32), 224), 224) is None


def test_a_crop_has_the_excess_of_its_square_and_a_track_the_median(portrait):
    box = (130, 40, 300, 210)
    signal, value = pushed(portrait, box)
    square = face_square(portrait, crop_to_frame_from_box(np.array(box, np.float32), 224), 224)
    assert value == pytest.approx(high_frequency_excess(radial_power_spectrum(square)))
    assert signal.statistic(trace_of([1, np.nan, 5, 3])) == 3
    assert np.isnan(signal.statistic(trace_of([1, np.nan])))


def test_a_face_at_the_edge_is_not_measured(portrait):
    _, value = pushed(portrait, (-100, -100, 40, 40))
    assert np.isnan(value)


def test_the_range_of_real_faces_is_ordered_and_names_its_source():
    known = real_face_range()
    assert len(known.p5) == len(known.p50) == len(known.p95) == SPECTRUM_BINS
    assert (known.p5 <= known.p50).all()
    assert (known.p50 <= known.p95).all()
    assert known.n > 100
    assert "photographs" in known.source
    stored = json.loads((resources.files("deepfake.signals") / "reference/spectrum_range.json").read_text())
    assert "benchmarks/face_spectra.py" in stored["command"]


def test_the_classifier_is_logistic_in_the_leveled_spectrum():
    weights = np.random.default_rng(0).normal(size=SPECTRUM_BINS) / 50
    classifier = SpectrumClassifier(weights, 0.3, "")
    spectrum = radial_power_spectrum(np.random.default_rng(1).random((200, 200)).astype(np.float32) * 255)
    expected = 1 / (1 + np.exp(-(leveled(spectrum) @ weights + 0.3)))
    assert classifier.probability_fake(spectrum) == pytest.approx(expected)
    assert classifier.probability_fake(spectrum + 10) == pytest.approx(expected, abs=1e-5)
    assert np.isnan(classifier.probability_fake(np.full(SPECTRUM_BINS, np.nan, np.float32)))


def test_the_shipped_classifier_gives_a_probability_and_says_what_it_is_worth(portrait):
    classifier = spectrum_classifier()
    assert 0 < classifier.probability_fake(radial_power_spectrum(portrait[40:200, 140:300])) < 1
    assert "AUC" in classifier.worth
