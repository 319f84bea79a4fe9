"""Patches and the signals of sharpness read from them: contour, detail, sharpness inside against outside."""

import time

import cv2
import numpy as np
import pytest

from deepfake.faces.alignment import FaceCrop, crop_to_frame_from_landmarks
from deepfake.faces.landmarks import FACE_OVAL
from deepfake.signals.base import FaceView
from deepfake.signals.contour import ContourSignal, gradient_magnitude
from deepfake.signals.detail import DetailSignal
from deepfake.signals.face_sharpness import FaceSharpnessSignal, sharpness
from deepfake.signals.patches import MAX_SIDE_PX, blurred, cut_patch, outline_depth, polygon_mask
from deepfake.video.info import Frame
from tests.meshes import mesh_of_face

LANDMARKS = np.array([[201, 108], [246, 105], [225, 132], [208, 155], [245, 153]], np.float32)
SIGNALS = [FaceSharpnessSignal, ContourSignal, DetailSignal]


@pytest.fixture(scope="module")
def mesh(portrait):
    found = mesh_of_face(portrait, LANDMARKS)
    assert found is not None
    return found


def crop_of(image):
    transform = crop_to_frame_from_landmarks(LANDMARKS, 224)
    return FaceCrop(0, 0, 0.0, np.ascontiguousarray(image[:224, :224]), transform)


def value_of(signal, image, mesh):
    return signal().push(FaceView(crop_of(image), Frame(0, 0.0, image), mesh))


def inside_mask(mesh, shape, grow_px=0):
    mask = polygon_mask(mesh[list(FACE_OVAL), :2], shape).astype(np.float32)
    if grow_px:
        mask = cv2.dilate(mask, np.ones((2 * grow_px + 1,) * 2, np.uint8))
    return mask[..., None]


def softened(image, mask, sigma=2.0):
    soft = cv2.GaussianBlur(image, (0, 0), sigma)
    return np.round(image * (1 - mask) + soft * mask).astype(np.uint8)


def test_a_patch_holds_the_pixels_of_the_frame(portrait, mesh):
    patch = cut_patch(portrait, mesh)
    low = mesh[:, :2] - patch.mesh_xy
    assert np.ptp(low, axis=0) == pytest.approx(0, abs=1e-3)
    left, top = np.round(low[0]).astype(int)
    height, width = patch.gray.shape
    region = portrait[top : top + height, left : left + width]
    assert (patch.gray == cv2.cvtColor(region, cv2.COLOR_RGB2GRAY)).all()


def test_depth_is_the_distance_from_a_disc(portrait):
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    disc = np.column_stack([60 + 40 * np.cos(angle), 70 + 40 * np.sin(angle)]).astype(np.float32)
    depth = outline_depth(disc, (140, 120))
    y, x = np.mgrid[:140, :120]
    assert np.abs(depth - (40 - np.hypot(x - 60, y - 70))).max() < 3  # OpenCV's 3×3 distance is within 5%


def test_a_large_face_is_reduced_and_measured_the_same(portrait, mesh):
    large = cv2.resize(portrait, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    patch = cut_patch(large, (mesh + 0.5) * 6 - 0.5)
    assert max(patch.gray.shape) == MAX_SIDE_PX
    small = cut_patch(portrait, mesh)
    shares = [p.mesh_xy / np.array(p.gray.shape[::-1]) for p in (patch, small)]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)
    assert np.median(patch.depth) == pytest.approx(np.median(small.depth), abs=0.02)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_patch_is_cut_once_for_all_signals_but_never_kept_too_long(signal, portrait, mesh):
    view = FaceView(crop_of(portrait), Frame(0, 0.0, portrait), mesh)
    first = signal().push(view)
    assert view.patch is view.patch
    assert signal().push(view) == first
    assert np.isnan(signal().push(FaceView(view.crop, view.frame, None)))
    darker = (portrait // 2).astype(np.uint8)
    assert FaceView(crop_of(darker), Frame(0, 0.0, darker), mesh).patch.gray.mean() < view.patch.gray.mean()


@pytest.mark.parametrize("signal", SIGNALS)
def test_brightness_and_contrast_hardly_matter(signal, portrait, mesh):
    faint = np.round(portrait * 0.6 + 40).astype(np.uint8)
    assert value_of(signal, faint, mesh) == pytest.approx(value_of(signal, portrait, mesh), abs=1.0)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("level", [0, 128])
def test_a_flat_picture_has_no_value_or_no_difference(signal, level, portrait, mesh):
    value = value_of(signal, np.full_like(portrait, level), mesh)
    assert np.isnan(value) or value == 0


@pytest.mark.parametrize("signal", SIGNALS)
def test_no_value_without_a_mesh_for_small_faces_and_beside_the_frame(signal, portrait, mesh):
    assert np.isnan(value_of(signal, portrait, None))
    assert np.isnan(value_of(signal, portrait, np.full_like(mesh, np.nan)))
    assert np.isnan(value_of(signal, portrait, mesh * 0.2))
    assert np.isnan(value_of(signal, portrait, mesh + 5000))


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_face_cut_by_the_frame_is_an_answer(signal, portrait, mesh):
    cut = np.ascontiguousarray(portrait[:, 200:])
    shifted = mesh - np.array([200, 0, 0], np.float32)
    assert isinstance(value_of(signal, cut, shifted), float)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_crop_takes_at_most_ten_milliseconds(signal, portrait, mesh):
    taken = []
    for _ in range(7):
        crop, frame, measured = crop_of(portrait), Frame(0, 0.0, portrait), signal()
        started = time.perf_counter()
        measured.push(FaceView(crop, frame, mesh))
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.010


def test_a_soft_face_in_sharp_surroundings_is_low_and_the_reverse_high(portrait, mesh):
    mask = inside_mask(mesh, portrait.shape[:2])
    plain = value_of(FaceSharpnessSignal, portrait, mesh)
    assert value_of(FaceSharpnessSignal, softened(portrait, mask), mesh) < plain - 3
    assert value_of(FaceSharpnessSignal, softened(portrait, 1 - mask), mesh) > plain + 3
    both = value_of(FaceSharpnessSignal, softened(portrait, np.ones_like(mask), 1.0), mesh)
    assert both == pytest.approx(plain, abs=2)


def test_sharpness_of_white_noise_is_the_ratio_of_the_two_filters(portrait, mesh):
    patch = cut_patch(portrait, mesh)
    noise = np.random.default_rng(0).normal(128, 20, (512, 512)).astype(np.float32)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(512), np.fft.fftfreq(512)))
    one, two = (np.exp(-2 * (np.pi * frequency * sigma) ** 2) for sigma in (1, 2))
    expected = 10 * np.log10(((1 - one) ** 2).mean() / ((one - two) ** 2).mean())
    whole = type(patch)(noise, patch.mesh_xy, np.zeros((512, 512), np.float32), 100.0)
    assert sharpness(whole, -1, 1) == pytest.approx(expected, abs=0.3)


def test_a_smeared_outline_is_low_and_a_drawn_one_high(portrait, mesh):
    shape = portrait.shape[:2]
    depth = outline_depth(mesh[list(FACE_OVAL), :2], shape)
    along = (np.abs(depth) < 5).astype(np.float32)[..., None]
    plain = value_of(ContourSignal, portrait, mesh)
    assert value_of(ContourSignal, softened(portrait, along, 4.0), mesh) < plain - 1
    drawn = portrait.copy()
    drawn[np.abs(depth) < 1] = 255
    assert value_of(ContourSignal, drawn, mesh) > plain + 3


@pytest.mark.parametrize("slope", [0.5, 4.0])
def test_the_gradient_of_a_ramp_is_its_slope(slope):
    ramp = np.tile(np.arange(40, dtype=np.float32) * slope, (30, 1))
    assert gradient_magnitude(ramp)[5:-5, 5:-5] == pytest.approx(slope, rel=1e-3)
    assert gradient_magnitude(ramp.T.copy())[5:-5, 5:-5] == pytest.approx(slope, rel=1e-3)


def test_smoothed_features_have_less_detail_and_smoothed_skin_leaves_them_more(portrait, mesh):
    patch_points = mesh[:, :2]
    eyes = np.zeros(portrait.shape[:2], np.uint8)
    for polygon in ((33, 133, 159, 145), (263, 362, 386, 374)):
        eyes |= polygon_mask(patch_points[list(polygon)], portrait.shape[:2])
    mask = cv2.dilate(eyes, np.ones((9, 9), np.uint8)).astype(np.float32)[..., None]
    plain, soft = DetailSignal(), DetailSignal()
    value = plain.push(FaceView(crop_of(portrait), Frame(0, 0.0, portrait), mesh))
    image = softened(portrait, mask, 3.0)
    assert soft.push(FaceView(crop_of(image), Frame(0, 0.0, image), mesh)) < value
    assert soft.parts["eyes"] < plain.parts["eyes"] - 3
    assert soft.parts["mouth"] == pytest.approx(plain.parts["mouth"], abs=0.5)
    assert plain.parts.keys() == {"eyes", "nose", "mouth"}
    assert min(plain.parts.values()) > 0


def test_blurring_keeps_a_constant_and_the_mean():
    assert blurred(np.full((20, 30), 7, np.float32), 2.0) == pytest.approx(7)
