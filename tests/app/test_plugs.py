"""A classifier and a signal of one's own, a class and a row in a registry each: on the pages and in the JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.cli import main
from deepfake.detectors import (
    CLASSIFIERS,
    Calibration,
    ClassifierInfo,
    CropScores,
    FaceClassifier,
    QualityLimits,
    Sampling,
    TrackCrops,
    choose_frames,
    register_classifier,
)
from deepfake.server.runtime import Runtime
from deepfake.server.store_access import StoreName
from deepfake.server.tasks import analyze_clip
from deepfake.settings import Settings
from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.signals.registry import FACE_SIGNALS, register_signal
from tests.app.driver import User


class Redness(FaceSignal):
    """How much redder a face is than it is green."""

    info = SignalInfo(
        name="redness",
        title="Redness of the face",
        unit="gray levels",
        measures="How much more red than green there is in the face.",
        misleads="Sunburn and sunsets.",
        suspicious="high",
        papers=(("Nobody 2026, On red faces", "https://example.org/red"),),
    )

    def push(self, view: FaceView) -> float:
        return float(np.mean(view.crop.image[..., 0].astype(float) - view.crop.image[..., 1]))


class Brightness(FaceClassifier):
    """Bright faces are fake; the track counts as a whole."""

    info = ClassifierInfo(
        name="toy_brightness",
        title="Bright faces",
        looks_at="The mean of the picture is its P(fake).",
        misleads="Every lamp.",
    )
    crop_px = 96
    sampling = Sampling(6, 6)
    limits = QualityLimits(min_scored_crops=5)

    @property
    def calibration(self) -> Calibration:
        reals, fakes = np.linspace(-4, -2, 99, dtype=np.float32), np.linspace(-1, 4, 99, dtype=np.float32)
        return Calibration(1.0, 0.0, reals, fakes, min_fake_probability=0.11)

    def scores(self, images: np.ndarray) -> np.ndarray:
        return self.checked(images).mean(axis=(1, 2, 3)).astype(np.float32) / 255


class Combined(FaceClassifier):
    """The mean of the log odds of two classifiers, each shown the crops that it wants."""

    info = ClassifierInfo("combined", "Two together", "The mean of both.", "Where both are wrong.")
    sampling = Sampling(16, 32)
    members = (CLASSIFIERS["efficientnet"],)

    def scores(self, images: np.ndarray) -> np.ndarray:
        odds = [np.log(scores / (1 - scores)) for scores in (member.scores(images) for member in self.members)]
        return (1 / (1 + np.exp(-np.mean(odds, axis=0)))).astype(np.float32)

    def score_track(self, crops: TrackCrops) -> CropScores:
        few = choose_frames(np.arange(len(crops)), 8)
        whole = np.full(len(crops), np.nan, np.float32)
        whole[few] = self.scores(crops.images[few])
        return CropScores(whole)


@pytest.fixture
def _plugged() -> Iterator[None]:
    """The registries with a row more each, as they were afterwards."""
    signals, classifiers = [*FACE_SIGNALS], dict(CLASSIFIERS)
    try:
        register_signal(Redness)
        register_classifier(Brightness())
        register_classifier(Combined())
        yield
    finally:
        FACE_SIGNALS[:] = signals
        CLASSIFIERS.clear()
        CLASSIFIERS.update(classifiers)


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talking_clip: Path) -> Path:
    """A clip of a data set that the server may open; an empty store and cache; no other process."""
    (tmp_path / "shown" / "real").mkdir(parents=True)
    path = tmp_path / "shown" / "real" / "talking.mp4"
    path.write_bytes(talking_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "shown"))
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setenv("DEEPFAKE_CACHE_DIR", str(tmp_path / "cache"))

    def at_once(_: Runtime, function: Callable[..., Any], *arguments: Any, name: str) -> Any:
        return function(*arguments)

    monkeypatch.setattr(Runtime, "run_now", at_once)
    return path


def analyzed(tmp_path: Path, clip: Path, classifier: str) -> None:
    (tmp_path / "made").mkdir()
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'store.db'}", cache_dir=tmp_path / "cache")
    analyze_clip(
        tmp_path / "made",
        clip,
        AnalysisConfig(classifier=classifier),
        settings,
        StoreName("real/talking.mp4", str(clip)),
    )


@pytest.mark.usefixtures("_plugged")
def test_a_signal_and_a_classifier_of_ones_own_are_in_the_json_and_on_every_page(tmp_path: Path, clip: Path) -> None:
    analyzed(tmp_path, clip, "toy_brightness")
    assert main(["analyze", str(clip), "--classifier", "toy_brightness", "--json", str(tmp_path / "out.json")]) == 0
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["config"]["classifier"] == "toy_brightness"
    traces = {trace["signal"]: trace for trace in data["traces"] if trace["track_id"] == 0}
    assert traces["redness"]["unit"] == "gray levels"
    assert len(traces["redness"]["values"]) > 5
    assert len(traces["learned_score"]["values"]) == Brightness.sampling.most
    assert data["verdict"]["label"] == "LIKELY_FAKE"  # by its own threshold and calibration
    assert data["verdict"]["probability_fake"] == pytest.approx(np.mean(traces["learned_score"]["values"]), abs=0.02)

    user = User().scored_by("toy_brightness").at_tab("evidence").arrive(clip="shown/real/talking.mp4")
    assert not user.exception
    assert not user.errors
    assert "Bright faces" in user.classifiers
    assert "Redness of the face" in [item.value for item in user.subheader]
    assert "How much more red than green there is in the face." in user.words
    assert "does not tell which places" in user.words  # it has no attribution

    methods = User("methods").arrive()
    assert not methods.exception
    assert "Redness of the face" in [item.value for item in methods.header]
    for sentence in (
        "Sunburn and sunsets.",
        "https://example.org/red",
        "**Bright faces** (`toy_brightness`)",
        "Every lamp.",
    ):
        assert sentence in methods.words


@pytest.mark.usefixtures("_plugged")
def test_classifiers_together_are_one_more_classifier(tmp_path: Path, clip: Path) -> None:
    analyzed(tmp_path, clip, "combined")
    assert main(["analyze", str(clip), "--classifier", "combined", "--json", str(tmp_path / "out.json")]) == 0
    data = json.loads((tmp_path / "out.json").read_text())
    values = next(trace["values"] for trace in data["traces"] if trace["signal"] == "learned_score")
    assert len(values) > 16
    assert sum(value is not None for value in values) == 8
    assert data["verdict"]["label"] == "INCONCLUSIVE"  # without a calibration of its own
    assert 0 < data["verdict"]["probability_fake"] < 1


@pytest.mark.usefixtures("_plugged")
def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ValueError, match="toy_brightness"):
        register_classifier(Brightness())
    with pytest.raises(ValueError, match="redness"):
        register_signal(Redness)
