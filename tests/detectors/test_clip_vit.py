"""CLIP with tuned LayerNorms: the network that ships, on the portrait of the built-in data set."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deepfake.detectors import clip_vit
from deepfake.detectors.base import TrackCrops
from deepfake.detectors.clip_vit import (
    ABOVE_PATH,
    BELOW_PATH,
    EDITS_PATH,
    MAP_PX,
    PATCHES,
    SEAM_WEIGHT,
    SEAMS_PATH,
    SHARP_PX,
    SOFT_PX,
    SOFTNESS_WEIGHT,
    TUNED_PATH,
    VIEWS,
    WHOLE,
    ClipVitClassifier,
    softness,
)
from deepfake.errors import ClassifierError
from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.faces.blur import edge_blur_px
from deepfake.faces.detection import face_detector


@pytest.fixture(scope="module")
def clip() -> ClipVitClassifier:
    return ClipVitClassifier()


@pytest.fixture(scope="module")
def crop(portrait: np.ndarray) -> np.ndarray:
    landmarks = face_detector("mtcnn").detect(portrait)[0].landmarks
    assert landmarks is not None
    return ClipVitClassifier().cut(portrait, crop_to_frame_from_landmarks(landmarks, ClipVitClassifier.crop_px))


def test_what_lies_outside_the_frame_has_the_mean_color_of_the_rest(clip: ClipVitClassifier) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    image[..., 0] //= 4
    upper_half_outside = np.array([[1, 0, -40], [0, 1, -140]], np.float32)
    crop = clip.cut(image, upper_half_outside)
    np.testing.assert_array_equal(crop[140:, 40:240], image[:140])
    np.testing.assert_allclose(crop[:138], np.broadcast_to(image[:143].mean(axis=(0, 1)), (138, 280, 3)), atol=1.5)
    edge = crop_face(image, upper_half_outside, clip.crop_px)
    np.testing.assert_array_equal(edge[:140, 40:240], np.broadcast_to(image[:1], (140, 200, 3)))


def test_scores_do_not_depend_on_the_other_crops(clip: ClipVitClassifier, crop: np.ndarray) -> None:
    """Batches of several sizes give each crop the same logit: nothing is quantized over a whole batch."""
    crops = np.stack([crop, crop[:, ::-1], crop // 2, 255 - crop, np.zeros_like(crop)])
    together = clip.logits(crops)
    alone = np.concatenate([clip.logits(one[None]) for one in crops])
    np.testing.assert_allclose(together, alone, atol=1e-3)
    assert len(np.unique(together.round(3))) == len(crops)


def test_scores_are_calibrated_logits(clip: ClipVitClassifier, crop: np.ndarray) -> None:
    logits = clip.logits(crop[None])
    assert clip.calibration is not None
    np.testing.assert_allclose(clip.scores(crop[None]), clip.calibration.probability(logits), atol=1e-6)
    assert 0 < float(clip.scores(crop[None])[0]) < 1


def of_seams(tmp_path: Path, shift: float) -> ClipVitClassifier:
    """The classifier that ships, its seam values so that every crop's logit is moved by shift."""
    with np.load(SEAMS_PATH) as arrays:
        seams = dict(arrays)
    path = tmp_path / f"seams {shift}.npz"
    np.savez(path, **{**seams, "head.bias": seams["head.bias"] + np.float32(shift)})
    return ClipVitClassifier(seams=path)


def test_the_logit_is_the_mean_of_both_views(crop: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seamless = of_seams(tmp_path, -100)
    both = seamless.logits(crop[None])
    alone = []
    for view in VIEWS:
        monkeypatch.setattr(clip_vit, "VIEWS", (view,))
        alone.append(seamless.logits(crop[None]))
    np.testing.assert_allclose(both, np.mean(alone, axis=0), atol=1e-4)
    assert abs(float(alone[0][0] - alone[1][0])) > 1e-3


def test_a_seam_adds_to_the_logit_and_none_takes_nothing(crop: np.ndarray, tmp_path: Path) -> None:
    without, much_less = (of_seams(tmp_path, shift).logits(crop[None]) for shift in (-100, -200))
    np.testing.assert_allclose(without, much_less, atol=1e-6)
    high, higher = (of_seams(tmp_path, shift).logits(crop[None]) for shift in (100, 101))
    np.testing.assert_allclose(higher - high, SEAM_WEIGHT, atol=1e-3)
    assert 50 * SEAM_WEIGHT < float((high - without)[0]) < 150 * SEAM_WEIGHT


def test_the_map_has_what_a_seam_adds(crop: np.ndarray, tmp_path: Path) -> None:
    with_seam, without = (of_seams(tmp_path, shift) for shift in (3, -100))
    maps = [clip.scores_and_attributions(crop[None])[1][0] for clip in (with_seam, without)]
    gain = with_seam.logits(crop[None]) - without.logits(crop[None])
    np.testing.assert_allclose(maps[0].mean() - maps[1].mean(), gain, atol=1e-3)
    assert np.ptp(maps[0] - maps[1]) > 0.01


def test_embeddings_have_length_one_and_give_the_logit_of_the_whole_view(
    crop: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = of_seams(tmp_path, -100)
    embedding = clip.embeddings(crop[None])
    assert embedding.shape == (1, 768)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    monkeypatch.setattr(clip_vit, "VIEWS", VIEWS[:1])
    with np.load(TUNED_PATH) as tuned:
        logit = 16 * embedding @ tuned["head.weight"] + tuned["head.bias"]
    soft = SOFTNESS_WEIGHT * softness(WHOLE.of(crop[None]))
    np.testing.assert_allclose(logit - soft, clip.logits(crop[None]), atol=1e-3)


def test_the_map_is_the_slope_of_the_score(clip: ClipVitClassifier, crop: np.ndarray) -> None:
    scores, maps = clip.scores_and_attributions(crop[None])
    np.testing.assert_allclose(scores, clip.scores(crop[None]), atol=1e-5)
    assert maps.shape == (1, MAP_PX, MAP_PX)
    assert np.isfinite(maps).all()
    assert np.abs(maps).max() > 0.1, "logits, drawn in full color at 4"
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), clip.logits(crop[None]), atol=1e-4)
    flat, _ = clip.scores_and_attributions(np.full_like(crop, 128)[None])
    assert flat.shape == (1,)


def test_other_shapes_are_refused(clip: ClipVitClassifier, crop: np.ndarray) -> None:
    with pytest.raises(ValueError, match="280"):
        clip.scores(crop[None, :200])
    with pytest.raises(ValueError, match="uint8"):
        clip.scores(crop[None].astype(np.float32))


def test_damaged_weights_are_an_error_that_names_the_file(tmp_path: Path, crop: np.ndarray) -> None:
    damaged = tmp_path / "clip.onnx"
    for part, path in (("below", BELOW_PATH), ("above", ABOVE_PATH)):
        damaged.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(ClassifierError, match=r"clip\.onnx"):
            ClipVitClassifier(**{part: damaged}).scores(crop[None])
        damaged.write_bytes(path.read_bytes())
        with pytest.raises(ClassifierError, match=r"clip\.onnx"):  # the matrices are not beside it
            ClipVitClassifier(**{part: damaged}).scores(crop[None])
    for values in ("tuned", "seams", "edits"):
        with pytest.raises(ClassifierError, match=r"missing\.npz"):
            ClipVitClassifier(**{values: tmp_path / "missing.npz"}).scores(crop[None])
        with np.load(TUNED_PATH) as arrays:
            np.savez(tmp_path / "fewer.npz", **{name: arrays[name] for name in arrays if name != "head.bias"})
        with pytest.raises(ClassifierError, match=r"fewer\.npz.*not the weights of this network"):
            ClipVitClassifier(**{values: tmp_path / "fewer.npz"}).scores(crop[None])
        with np.load({"tuned": TUNED_PATH, "seams": SEAMS_PATH, "edits": EDITS_PATH}[values]) as arrays:
            np.savez(tmp_path / "more.npz", **arrays, more=np.zeros(1, np.float32))
        with pytest.raises(ClassifierError, match=r"more\.npz.*not the weights of this network"):
            ClipVitClassifier(**{values: tmp_path / "more.npz"}).scores(crop[None])


def test_the_tuned_parameters_matter(crop: np.ndarray, tmp_path: Path) -> None:
    seams = of_seams(tmp_path, -100)._seams
    with np.load(TUNED_PATH) as arrays:
        tuned = dict(arrays)
    turned = tmp_path / "turned.npz"
    np.savez(turned, **{**tuned, "head.weight": -tuned["head.weight"], "head.bias": -tuned["head.bias"]})
    opposite = ClipVitClassifier(tuned=turned, seams=seams).logits(crop[None])
    soft = SOFTNESS_WEIGHT * softness(WHOLE.of(crop[None]))
    np.testing.assert_allclose(opposite + soft, -ClipVitClassifier(seams=seams).logits(crop[None]) - soft, atol=1e-3)


def told(clip: ClipVitClassifier, *crops: np.ndarray) -> tuple[list[float], list[float]]:
    """Of each crop, how much of the face is hidden, and how likely it was smoothed."""
    count = len(crops)
    found = clip.score_track(TrackCrops(np.stack(crops), np.arange(count), np.arange(count) / 10))
    assert found.hidden_shares is not None
    assert found.smoothed_probabilities is not None
    return found.hidden_shares.tolist(), found.smoothed_probabilities.tolist()


def test_writing_and_a_sticker_hide_a_part_of_the_face(clip: ClipVitClassifier, crop: np.ndarray) -> None:
    written, stuck, beside = crop.copy(), crop.copy(), crop.copy()
    cv2.putText(written, "what they said", (40, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    cv2.circle(stuck, (105, 118), 24, (240, 200, 40), -1, cv2.LINE_AA)
    cv2.putText(beside, "@someone", (70, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    hidden, _ = told(clip, crop, written, stuck, beside, np.full_like(crop, 128))
    most = clip.limits.max_hidden_share
    assert [share > most for share in hidden] == [False, True, True, False, False]
    assert hidden[1] > hidden[2], "it hides more"


def test_the_part_that_a_sticker_hides_is_where_it_is(clip: ClipVitClassifier, crop: np.ndarray) -> None:
    place = cv2.circle(np.zeros(crop.shape[:2], np.uint8), (105, 118), 24, 1, -1)
    stuck = np.where(place[..., None] > 0, np.array([240, 200, 40], np.uint8), crop)
    plain, parts = clip.hidden_parts(np.stack([crop, stuck]))
    assert parts.shape == (PATCHES, PATCHES)
    assert not plain.any()
    found = cv2.resize(parts.astype(np.uint8), place.shape[::-1], interpolation=cv2.INTER_NEAREST)
    assert (found & place).sum() > 0.6 * place.sum()
    margin = cv2.dilate(place, np.ones((41, 41), np.uint8))
    assert (found & margin).sum() > 0.9 * found.sum()
    assert len(clip.hidden_parts(crop[None][:0])) == 0


def test_a_filter_that_smooths_strongly_is_told_and_a_slight_one_is_not(
    clip: ClipVitClassifier, crop: np.ndarray
) -> None:
    strong = cv2.bilateralFilter(cv2.bilateralFilter(crop, 16, 70, 16), 16, 70, 16)
    slight = cv2.bilateralFilter(crop, 8, 30, 8)
    hidden, smoothed = told(clip, crop, slight, strong)
    assert [value > clip.limits.max_smoothed_probability for value in smoothed] == [False, False, True]
    assert max(hidden) <= clip.limits.max_hidden_share


def test_softness_is_the_blur_beyond_that_of_a_sharp_picture(crop: np.ndarray) -> None:
    sharp = cv2.resize(cv2.resize(crop, (140, 140), interpolation=cv2.INTER_AREA), (280, 280))
    blurred = [cv2.GaussianBlur(crop, (0, 0), sigma) for sigma in (1.5, 2.5, 9)]
    shown = WHOLE.of(np.stack([sharp, *blurred, np.full_like(crop, 90)]).astype(np.uint8))
    found = softness(shown)
    assert found.dtype == np.float32
    assert (np.diff(found[:4]) >= 0).all()
    assert found[3] == pytest.approx(SOFT_PX - SHARP_PX)
    assert found[4] == 0, "no edges, nothing is known"
    blur = edge_blur_px(shown[2])
    assert SHARP_PX < blur < SOFT_PX
    assert found[2] == pytest.approx(blur - SHARP_PX, abs=1e-5)
