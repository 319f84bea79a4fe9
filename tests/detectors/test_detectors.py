import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.detectors import CLASSIFIERS, Calibration, classifier, register_classifier, training_clips
from deepfake.detectors.baselines import mesonet
from deepfake.detectors.baselines.mesonet import MesoNet
from deepfake.detectors.efficientnet import (
    ATTRIBUTION_PX,
    CLOSE,
    CROP_PX,
    MAP_PX,
    VIEWS,
    WEIGHTS_PATHS,
    WHOLE,
    EfficientNetClassifier,
)
from deepfake.detectors.pooling import choose_frames, pool_track
from deepfake.detectors.view import VIEW_PX, View
from deepfake.errors import ClassifierError
from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.faces.detection import face_detector
from deepfake.settings import Settings
from deepfake.store import analyze_once


@pytest.fixture(scope="module")
def crops(portrait: np.ndarray) -> np.ndarray:
    """The portrait's face, and the same with another skin color pasted over eyes, nose and mouth."""
    landmarks = face_detector("mtcnn").detect(portrait)[0].landmarks
    assert landmarks is not None
    crop = crop_face(portrait, crop_to_frame_from_landmarks(landmarks, CROP_PX), CROP_PX)
    pasted = crop.copy()
    pasted[88:238, 75:206] = cv2.add(pasted[88:238, 75:206], (25.0, 10.0, 0.0, 0.0))
    return np.stack([crop, pasted])


def test_a_pasted_face_is_more_suspicious_than_the_untouched_one(crops: np.ndarray) -> None:
    real, fake = classifier().scores(crops)
    assert 0 <= real < fake <= 1


def test_scores_are_the_calibrated_logits(crops: np.ndarray) -> None:
    detector = classifier()
    expected = detector.calibration.probability(detector.logits(crops))
    np.testing.assert_array_equal(detector.scores(crops), expected)


def test_a_crops_score_does_not_depend_on_its_company(crops: np.ndarray) -> None:
    detector = classifier()
    many = np.repeat(crops, 11, axis=0)  # more than one batch
    np.testing.assert_allclose(detector.logits(many), np.repeat(detector.logits(crops), 11), atol=1e-4)


def test_attributions_add_up_to_the_logit(crops: np.ndarray) -> None:
    detector = classifier("efficientnet")
    scores, maps = detector.scores_and_attributions(crops)
    biases = [float(np.load(path)["head.bias"]) for path in WEIGHTS_PATHS.values()]
    bias = float(np.mean(biases))
    assert maps.shape == (2, ATTRIBUTION_PX, ATTRIBUTION_PX)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias, detector.logits(crops), atol=1e-4)
    np.testing.assert_array_equal(scores, detector.scores(crops))


def test_the_logit_is_the_mean_over_the_views(crops: np.ndarray) -> None:
    alone = [EfficientNetClassifier({name: path}).logits(crops) for name, path in WEIGHTS_PATHS.items()]
    assert len(alone) == len(VIEWS) == 2
    np.testing.assert_allclose(classifier("efficientnet").logits(crops), np.mean(alone, axis=0), atol=1e-5)


def test_views_show_the_whole_crop_reduced_and_its_inside_as_it_is() -> None:
    rows = np.arange(CROP_PX, dtype=np.uint8)[:, None, None]
    crop = np.broadcast_to(rows, (CROP_PX, CROP_PX, 3)).copy()[None]
    whole, close = WHOLE.of(crop)[0], CLOSE.of(crop)[0]
    assert whole.shape == close.shape == (VIEW_PX, VIEW_PX, 3)
    np.testing.assert_array_equal(close, crop[0, 40:264, 28:252])
    ramp = crop[:, :250]  # of the rows that do not wrap around 255
    expected = (np.arange(200) + 0.5) * CROP_PX / VIEW_PX - 0.5
    assert ramp.max() == 249
    np.testing.assert_allclose(whole[:200, 0, 0], expected, atol=0.6)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_map_laid_over_the_crop_keeps_its_mean_and_its_place(view: View) -> None:
    maps = np.random.default_rng(4).normal(size=(3, MAP_PX, MAP_PX)).astype(np.float32)
    spread = view.spread(maps, ATTRIBUTION_PX, CROP_PX)
    assert spread.shape == (3, ATTRIBUTION_PX, ATTRIBUTION_PX)
    np.testing.assert_allclose(spread.mean(axis=(1, 2)), maps.mean(axis=(1, 2)), atol=1e-5)
    dot = np.zeros((1, MAP_PX, MAP_PX), np.float32)
    dot[0, 2, 4] = 1
    y, x = np.unravel_index(
        int(view.spread(dot, ATTRIBUTION_PX, CROP_PX)[0].argmax()), (ATTRIBUTION_PX, ATTRIBUTION_PX)
    )
    cell, scale = view.side_px / MAP_PX, CROP_PX / ATTRIBUTION_PX
    assert abs(y * scale - (view.top_px + 2.5 * cell)) < cell / 2
    assert abs(x * scale - (view.left_px + 4.5 * cell)) < cell / 2


def test_no_crops_have_no_scores() -> None:
    assert classifier().scores(np.empty((0, CROP_PX, CROP_PX, 3), np.uint8)).shape == (0,)


@pytest.mark.parametrize(
    "wrong", [np.zeros((1, 200, 200, 3), np.uint8), np.zeros((1, CROP_PX, CROP_PX, 3), np.float32)]
)
def test_crops_of_another_kind_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crops must be uint8"):
        classifier().scores(wrong)


@pytest.mark.parametrize("names", [(), ("whole", "far")])
def test_a_detector_without_a_known_view_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="whole, close"):
        EfficientNetClassifier(dict.fromkeys(names, WEIGHTS_PATHS["whole"]))


def test_missing_and_damaged_weights_are_named(tmp_path: Path, crops: np.ndarray) -> None:
    with pytest.raises(ClassifierError, match=r"none\.npz"):
        EfficientNetClassifier({"whole": tmp_path / "none.npz"}).logits(crops)
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(WEIGHTS_PATHS["close"].read_bytes()[:5000])
    with pytest.raises(ClassifierError, match=r"damaged\.npz"):
        EfficientNetClassifier({**WEIGHTS_PATHS, "close": damaged}).logits(crops)
    other = tmp_path / "other.npz"
    np.savez(other, something=np.zeros(3))
    with pytest.raises(ClassifierError, match=r"lack head\.kernel"):
        EfficientNetClassifier({"close": other}).logits(crops)


def test_a_damaged_calibration_is_named(tmp_path: Path, crops: np.ndarray) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"slope": 1}))
    with pytest.raises(ClassifierError, match=r"calibration\.json"):
        EfficientNetClassifier(calibration_path=path).scores(crops)


def test_the_weights_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS_PATHS.values()) < 25e6


def test_calibration_is_a_sigmoid_and_counts_real_clips() -> None:
    calibration = Calibration(2.0, -1.0, np.array([-3, -1, 0, 1], np.float32), np.array([0, 2, 4], np.float32))
    assert calibration.probability(np.array([0.5], np.float32))[0] == pytest.approx(0.5)
    assert calibration.logit(0.5) == pytest.approx(0.5)
    assert calibration.real_at_least(0.5) == (1, 4)
    assert calibration.real_at_least(float(calibration.probability(np.array([-3], np.float32))[0]) - 1e-6) == (4, 4)


def test_p_values_are_ranks_among_real_and_fake_clips() -> None:
    calibration = Calibration(1.0, 0.0, np.arange(19, dtype=np.float32), np.arange(9, dtype=np.float32))
    above_all, below_all = (float(calibration.probability(np.array([x], np.float32))[0]) for x in (6.4, -5))
    assert calibration.p_value_real(above_all) == pytest.approx(13 / 20)
    assert calibration.p_value_real(below_all) == pytest.approx(1.0)
    assert calibration.p_value_fake(below_all) == pytest.approx(0.1)


def test_people_who_are_as_suspicious_share_the_rate_of_false_alarms() -> None:
    calibration = Calibration(1.0, 0.0, np.arange(99, dtype=np.float32), np.arange(9, dtype=np.float32))
    above_all, below_all = (float(calibration.probability(np.array([x], np.float32))[0]) for x in (9.0, -5))
    assert calibration.shares([]) == []
    assert calibration.shares([above_all]) == [1.0]
    assert calibration.shares([above_all] * 6) == pytest.approx([1.0] * 6)
    lone, *others = calibration.shares([above_all] + [below_all] * 9)
    p_value = calibration.p_value_real(above_all)
    assert lone * p_value == pytest.approx(min(1.0, 10 * p_value))
    assert others == pytest.approx([1.0] * 9)


def test_of_clips_with_real_people_alone_no_more_than_the_rate_are_called_fake() -> None:
    random = np.random.default_rng(0)
    false_alarms, clips = 0, 4000
    for _ in range(clips):
        logits = random.normal(size=199 + 7)
        calibration = Calibration(1.0, 0.0, np.sort(logits[:199]), np.arange(9.0), 0.0, false_alarm_rate=0.1)
        people = [float(p) for p in calibration.probability(logits[199:])]
        shares = calibration.shares(people)
        false_alarms += any(calibration.is_fake(*person) for person in zip(people, shares, strict=True))
    assert 0.05 < false_alarms / clips < 0.1 + 3 * np.sqrt(0.1 * 0.9 / clips)


def test_a_tracks_score_is_the_mean_of_its_log_odds() -> None:
    assert pool_track(np.array([0.2, 0.8], np.float32)) == pytest.approx(0.5, abs=1e-6)
    assert pool_track(np.array([0.7, np.nan, 0.7], np.float32)) == pytest.approx(0.7, abs=1e-6)
    assert pool_track(np.array([np.nan], np.float32)) is None
    assert pool_track(np.array([], np.float32)) is None


def test_certain_crops_do_not_make_a_track_infinite() -> None:
    score = pool_track(np.array([1.0, 0.5, 0.0], np.float32))
    assert score == pytest.approx(0.5, abs=1e-6)


def test_chosen_frames_are_spread_over_the_track() -> None:
    frames = np.arange(100, 400)
    chosen = choose_frames(frames, 24)
    assert len(chosen) == 24
    assert np.all(np.diff(chosen) >= 12)
    assert chosen[0] < 113
    assert chosen[-1] > 386
    np.testing.assert_array_equal(choose_frames(frames[:5], 24), frames[:5])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "architecture"), [("Meso4_DF.h5", "Meso4"), ("MesoInception_F2F.h5", "MesoInception4")]
)
def test_mesonet_reads_its_published_weights(name: str, architecture: str, real_data: Path, crops: np.ndarray) -> None:
    net = MesoNet(real_data / "mesonet" / name)
    assert net.architecture == architecture
    scores = net.scores(np.repeat(crops, 9, axis=0))
    assert scores.shape == (18,)
    assert np.all((scores >= 0) & (scores <= 1))
    np.testing.assert_allclose(scores[:9], scores[0], atol=1e-5)


def test_mesonet_is_looked_for_in_the_folder_of_the_settings_that_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path
) -> None:
    monkeypatch.setattr(mesonet, "_given_dirs", [])
    monkeypatch.setenv("DEEPFAKE_WEIGHTS_DIR", str(tmp_path / "elsewhere"))
    settings = Settings(weights_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/store.db")
    config = AnalysisConfig(classifier="meso4_df")
    path = tmp_path / "Meso4_DF.h5"
    with pytest.raises(ClassifierError, match="DEEPFAKE_WEIGHTS_DIR") as caught:
        analyze_once(moving_square_clip, config, settings=settings)
    assert caught.value.subject == str(path)
    assert "reinstall" not in str(caught.value)
    assert not classifier("meso4_df").is_available
    path.write_bytes(b"weights")
    assert classifier("meso4_df").files == (path,)
    assert classifier("meso4_df").is_available


def test_mesonet_names_a_file_that_is_not_its_weights(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"nothing")
    with pytest.raises(ClassifierError, match=r"weights\.h5"):
        MesoNet(tmp_path / "weights.h5")


def test_the_clips_of_the_training_are_named_by_their_hashes() -> None:
    hashes = training_clips("efficientnet")
    assert len(hashes) == 81
    assert len(training_clips()) == 538
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in hashes)


def test_a_class_is_no_classifier():
    before = [*CLASSIFIERS]
    with pytest.raises(TypeError, match="an object of a subclass of FaceClassifier is expected"):
        register_classifier(type(classifier()))
    assert [*CLASSIFIERS] == before
