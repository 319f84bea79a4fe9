"""Structural similarity against scikit-image; cuts and drops on pictures and curves made for the purpose."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from deepfake.signals.cuts import CutDetector, scene_cuts
from deepfake.signals.drops import deepest_drops
from deepfake.signals.ssim import FrameSimilarity, ssim, ssim_map

ROOT = Path(__file__).resolve().parents[2]


def _oracle_map(image_a: np.ndarray, image_b: np.ndarray) -> np.ndarray:
    _, index = structural_similarity(
        image_a,
        image_b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
        full=True,
    )
    return index[5:-5, 5:-5].mean(axis=2)


def _noise(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def _flat(value: int | tuple[int, int, int], height: int = 60, width: int = 80) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def _disturbed(image: np.ndarray, sigma: float, *, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


# --- the value ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dfdc/test_videos/lynaeydofd.mp4", "dfdc/test_videos/brtujopkby.mp4"])
def test_equals_scikit_image_on_real_1080p_frames(real_data: Path, name: str) -> None:
    similarity = FrameSimilarity()
    previous = None
    for image in _decoded(real_data / name, 3):
        assert image.shape in {(1080, 1920, 3), (1920, 1080, 3)}
        value = similarity.push(image)
        if previous is not None:
            assert value == pytest.approx(_oracle_map(previous, image).mean(), abs=1e-5)
        previous = image


def _decoded(path: Path, count: int) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for _, frame in zip(range(count), container.decode(video=0), strict=False):
            yield frame.to_ndarray(format="rgb24")


# Heights around the four rows of a block and the window's eleven; widths around the column tiles of 1920 values.
@pytest.mark.parametrize(
    ("height", "width"),
    [(11, 11), (12, 17), (13, 40), (14, 11), (15, 33), (19, 64), (64, 15), (30, 650), (21, 651), (25, 1291)],
)
@pytest.mark.parametrize("sigma", [2.0, 60.0])
def test_equals_scikit_image_at_every_size(height: int, width: int, sigma: float) -> None:
    image = _noise(height, width)
    other = _disturbed(image, sigma)
    expected = _oracle_map(image, other)
    assert ssim(image, other) == pytest.approx(expected.mean(), abs=1e-5)
    np.testing.assert_allclose(ssim_map(image, other), expected, atol=1e-4)


def test_equals_scikit_image_on_a_portrait(portrait: np.ndarray) -> None:
    for other in (np.roll(portrait, 2, axis=1), _disturbed(portrait, 5), portrait // 2, 255 - portrait):
        assert ssim(portrait, other) == pytest.approx(_oracle_map(portrait, other).mean(), abs=1e-5)


@pytest.mark.parametrize("value", [0, 1, 128, 254, 255])
def test_variance_of_flat_pictures_does_not_drown_in_rounding(value: int) -> None:
    flat = _flat(value, 120, 160)
    for sigma in (0.5, 1.0, 3.0):
        other = _disturbed(flat, sigma)
        assert ssim(flat, other) == pytest.approx(_oracle_map(flat, other).mean(), abs=1e-5)


def test_two_flat_pictures_differ_by_their_luminance_alone() -> None:
    c1 = (0.01 * 255) ** 2
    for a, b in [(255, 254), (255, 0), (200, 100), (3, 0)]:
        assert ssim(_flat(a), _flat(b)) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-5)


@pytest.mark.parametrize("value", [0, 7, 128, 255])
def test_equal_flat_pictures_have_exactly_one(value: int) -> None:
    assert ssim(_flat(value), _flat(value)) == 1.0
    assert np.all(ssim_map(_flat(value), _flat(value)) == 1.0)


def test_equal_pictures_have_exactly_one(portrait: np.ndarray) -> None:
    assert ssim(portrait, portrait.copy()) == 1.0
    assert np.all(ssim_map(portrait, portrait.copy()) == 1.0)


def test_is_symmetric() -> None:
    a, b = _noise(50, 70), _noise(50, 70, seed=5)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-6)


def test_an_opposite_pattern_is_negative() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    value = ssim(image, 255 - image)
    assert value < -0.9
    assert value == pytest.approx(_oracle_map(image, 255 - image).mean(), abs=1e-5)


def test_map_is_low_only_where_the_pictures_differ(portrait: np.ndarray) -> None:
    other = portrait.copy()
    other[100:140, 200:240] = 255 - other[100:140, 200:240]
    index = ssim_map(portrait, other)
    assert index.shape == (502, 502)
    assert index.dtype == np.float32
    assert index[120 - 5, 220 - 5] < 0.2
    changed = np.zeros((512, 512), bool)
    changed[95:145, 195:245] = True  # five pixels of the window on every side
    assert np.all(index[~changed[5:-5, 5:-5]] == 1.0)


def test_views_and_read_only_pictures_are_read_as_they_are(portrait: np.ndarray) -> None:
    view = portrait[::2, ::-1]
    copy = np.ascontiguousarray(view)
    other = _disturbed(copy, 4)
    locked = copy.copy()
    locked.flags.writeable = False
    assert ssim(view, other) == ssim(copy, other) == ssim(locked, other)


@pytest.mark.parametrize("shape", [(10, 40, 3), (40, 10, 3), (8, 8, 3)])
def test_a_picture_smaller_than_the_window_is_refused(shape: tuple[int, int, int]) -> None:
    image = np.zeros(shape, np.uint8)
    with pytest.raises(ValueError, match="at least 11×11 px"):
        ssim(image, image)


def test_pictures_of_other_kinds_are_refused() -> None:
    image = _flat(9)
    with pytest.raises(ValueError, match="one size"):
        ssim(image, image[:-1])
    with pytest.raises(ValueError, match="uint8"):
        ssim(image.astype(np.float32), image.astype(np.float32))
    with pytest.raises(ValueError, match="uint8"):
        FrameSimilarity().push(image[..., 0])


# --- the stream --------------------------------------------------------------------------------------------------


def test_stream_gives_the_similarity_of_successive_pictures(talking_frames: list[np.ndarray]) -> None:
    frames = talking_frames[:8]
    similarity = FrameSimilarity()
    values = [similarity.push(image) for image in frames]
    assert np.isnan(values[0])
    expected = [ssim(a, b) for a, b in itertools.pairwise(frames)]
    np.testing.assert_allclose(values[1:], expected, atol=1e-7)


def test_a_repeated_picture_changes_nothing(moving_square_frames: list[np.ndarray]) -> None:
    a, b = moving_square_frames[:2]
    almost = a.copy()
    almost[90, 70, 1] ^= 1
    similarity = FrameSimilarity()
    values = [similarity.push(image) for image in (a, a.copy(), a.copy(), b, almost, a)]
    assert values[1:3] == [1.0, 1.0]
    assert values[3:] == [ssim(a, b), ssim(b, almost), ssim(almost, a)]
    assert values[5] < 1.0


def test_stream_does_not_depend_on_a_buffer_that_is_used_again(moving_square_frames: list[np.ndarray]) -> None:
    buffer = np.empty_like(moving_square_frames[0])
    similarity, fresh = FrameSimilarity(), FrameSimilarity()
    for image in moving_square_frames[:6]:
        buffer[...] = image
        np.testing.assert_equal(similarity.push(buffer), fresh.push(image))


def test_stream_starts_again_after_reset_change_of_size_and_tiny_pictures() -> None:
    similarity = FrameSimilarity()
    sizes = [(60, 80), (60, 80), (40, 80), (40, 80), (8, 8), (40, 80), (40, 80)]
    values = [similarity.push(_flat(5, *size)) for size in sizes]
    assert np.isnan(values).tolist() == [True, False, True, False, True, True, False]
    similarity.reset()
    assert np.isnan(similarity.push(_flat(5, 40, 80)))
    assert similarity.push(_flat(5, 40, 80)) == 1.0


def test_a_map_does_not_disturb_the_stream() -> None:
    a, b, c = _noise(40, 50), _noise(40, 50, seed=2), _noise(40, 50, seed=3)
    similarity = FrameSimilarity()
    with pytest.raises(ValueError, match="no previous picture"):
        similarity.index_map(a)
    similarity.push(a)
    np.testing.assert_array_equal(similarity.index_map(c), ssim_map(a, c))
    assert similarity.push(b) == ssim(a, b)


def test_stream_holds_bounded_memory() -> None:
    images = [_noise(300, 400, seed=seed) for seed in range(3)]
    similarity = FrameSimilarity()
    similarity.push(images[0])
    tracemalloc.start()
    for index in range(60):
        similarity.push(images[index % 3])
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000
    assert peak < images[0].nbytes


def test_other_threads_run_while_a_picture_is_compared() -> None:
    images = [_noise(2160, 3840, seed=seed) for seed in range(2)]
    similarity = FrameSimilarity()
    similarity.push(images[0])
    done = threading.Event()

    def compare() -> None:
        for index in range(6):
            similarity.push(images[(index + 1) % 2])
        done.set()

    # With the GIL held, a push of some 60 ms could not be interrupted: this thread would wake a few times in all.
    worker = threading.Thread(target=compare)
    wakes = 0
    worker.start()
    while not done.is_set():
        time.sleep(0.001)
        wakes += 1
    worker.join()
    assert wakes > 30


def test_runs_from_a_package_that_cannot_be_written_to(tmp_path: Path) -> None:
    copy = tmp_path / "site" / "deepfake"
    shutil.copytree(ROOT / "deepfake", copy, ignore=shutil.ignore_patterns("__pycache__"))
    # A file where Numba would make the folder: it can be cached neither beside the source nor in the user's folder.
    (copy / "signals" / "__pycache__").write_text("")
    home = tmp_path / "home"
    home.write_text("")
    code = (
        "import numpy as np, deepfake; from deepfake.signals.ssim import ssim; "
        "print(deepfake.__file__, ssim(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20, 3), np.uint8)))"
    )
    unset = {"NUMBA_CACHE_DIR", "PYTHONPATH"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(copy / "__init__.py"), "1.0"]


# --- cuts --------------------------------------------------------------------------------------------------------


def _pushed(images: list[np.ndarray]) -> tuple[list[bool], CutDetector]:
    detector = CutDetector()
    return [detector.push(image) for image in images], detector


def test_a_change_of_scene_is_a_cut(portrait: np.ndarray, talking_frames: list[np.ndarray]) -> None:
    other = [_disturbed(np.roll(255 - portrait, index, axis=1)[:480, :], 2) for index in range(8)]
    first = [image[:, :512] for image in talking_frames[:8]]
    at_once, detector = _pushed(first + other)
    assert [index for index, is_cut in enumerate(at_once) if is_cut] == [8]
    assert detector.cuts().tolist() == [8]
    values = detector.values
    assert np.isnan(values[0])
    assert values[8] > 27 > 12 > np.nanmax(np.delete(values, 8))


def test_content_change_is_the_mean_hsv_difference() -> None:
    # Red to green: hue 0 -> 60 of 180, saturation and value stay 255. Black to white: only the value changes.
    _, detector = _pushed([_flat((255, 0, 0)), _flat((0, 255, 0)), _flat(0), _flat(255)])
    assert detector.values[1] == pytest.approx(60 / 3)
    assert detector.values[2] == pytest.approx((60 + 255 + 255) / 3)
    assert detector.values[3] == pytest.approx(255 / 3)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(talking_frames: list[np.ndarray], length: int) -> None:
    frames = list(talking_frames[:16])
    for index in range(8, 8 + length):
        frames[index] = np.full_like(frames[index], 250)
    at_once, detector = _pushed(frames)
    assert np.nanmax(detector.values) > 27
    assert detector.cuts().size == 0
    # The way into a flash cannot be told from a cut at that moment; the way back can.
    assert not any(at_once[9:])


def test_a_short_shot_that_does_not_come_back_is_two_cuts() -> None:
    shots = [_flat((230, 30, 30))] * 6 + [_flat((20, 90, 20))] * 4 + [_flat((150, 150, 230))] * 6
    assert _pushed(shots)[1].cuts().tolist() == [6, 10]


def test_fast_motion_is_no_cut() -> None:
    stripes = np.repeat(np.random.default_rng(3).integers(0, 2, 1000) * 255, 4).astype(np.uint8)
    wide = np.repeat(np.tile(stripes, (120, 1))[..., None], 3, axis=2)
    pan = [wide[:, 90 * index : 90 * index + 320] for index in range(30)]
    _, detector = _pushed(pan)
    assert np.nanmin(detector.values[1:]) > 27, "the pan has to be fast enough to pass the bare threshold"
    assert detector.cuts().size == 0


def test_a_talking_head_and_a_single_picture_have_no_cut(talking_frames: list[np.ndarray]) -> None:
    assert _pushed(talking_frames)[1].cuts().size == 0
    assert _pushed(talking_frames[:1])[1].cuts().size == 0
    assert CutDetector().cuts().size == 0


def test_a_change_of_size_and_tiny_pictures_are_survived() -> None:
    at_once, detector = _pushed([_flat(0), _flat(255, 30, 40), _flat(255, 30, 40), _flat(0, 1, 1), _flat(0, 1, 4000)])
    assert at_once == [False] * 5
    assert np.isnan(detector.values).tolist() == [True, True, False, True, True]


def test_scene_cuts_of_a_curve() -> None:
    curve = np.array([np.nan, 1, 2, 1, 80, 2, 1, 1, 30, 31, 30, 29, 30, 1, 1, 26, 1, 1], np.float32)
    assert scene_cuts(curve).tolist() == [4]
    assert scene_cuts(curve, threshold=25).tolist() == [4, 15]
    assert scene_cuts([]).size == 0
    assert scene_cuts([np.nan]).size == 0


# --- drops -------------------------------------------------------------------------------------------------------


def _curve(length: int = 300, *, noise: float = 0.002, seed: int = 0) -> np.ndarray:
    return (0.98 + np.random.default_rng(seed).normal(0, noise, length)).astype(np.float32)


def test_drops_come_by_depth() -> None:
    curve = _curve()
    curve[[40, 200, 120]] = [0.90, 0.80, 0.95]
    assert deepest_drops(curve, 3).tolist() == [200, 40, 120]
    assert deepest_drops(curve, 2).tolist() == [200, 40]
    assert deepest_drops(curve, 0).size == 0


def test_depth_is_measured_from_the_surroundings() -> None:
    # A slow sink to 0.80 is lower than the sharp drop to 0.90, but it is no drop.
    curve = 0.98 - 0.18 * np.exp(-(((np.arange(400) - 300) / 80) ** 2))
    curve[80] = 0.90
    assert deepest_drops(curve, 5).tolist() == [80]


def test_both_edges_of_one_flicker_are_one_drop() -> None:
    curve = _curve()
    curve[[100, 101]] = [0.85, 0.86]
    curve[[150, 153]] = [0.90, 0.88]
    assert deepest_drops(curve, 5).tolist() == [100, 153]


def test_flat_noisy_and_short_curves_have_no_drops() -> None:
    assert deepest_drops(np.ones(100), 5).size == 0
    assert deepest_drops(1 - 1e-4 * np.random.default_rng(0).random(100), 5).size == 0
    assert deepest_drops(_curve(), 5).size == 0
    assert deepest_drops([], 5).size == 0
    assert deepest_drops([0.9], 5).size == 0
    assert deepest_drops([np.nan] * 30, 5).size == 0


def test_cuts_and_gaps_are_left_out() -> None:
    curve = _curve()
    curve[[60, 180]] = [0.30, 0.90]
    curve[100:110] = np.nan
    curve[110] = 0.85
    assert deepest_drops(curve, 5).tolist() == [60, 110, 180]
    assert deepest_drops(curve, 5, cuts=[60, 5000]).tolist() == [110, 180]


def test_drops_at_the_ends_are_found() -> None:
    curve = _curve()
    curve[[0, 299]] = [0.80, 0.70]
    assert deepest_drops(curve, 5).tolist() == [299, 0]
