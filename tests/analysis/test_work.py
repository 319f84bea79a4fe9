"""How much work an analysis is, counted: what makes it slower shows here on any machine, however busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deepfake.analysis import pipeline, quick
from deepfake.analysis.model import AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.analysis.quick import MOMENTS
from deepfake.detectors import classifier
from deepfake.faces.cascade import Cascade, pyramid
from deepfake.faces.iris import IrisModel
from deepfake.faces.landmarks import FaceMesh
from deepfake.faces.lite_model import LiteModel
from deepfake.faces.mtcnn import ONET_SETTLING_ROUNDS, MtcnnDetector
from deepfake.signals.ssim import FrameSimilarity
from deepfake.video import reader
from deepfake.video.reader import VideoReader
from deepfake.views.moments import SeenCrops, suspicious_moments

FRAMES = 38  # of the talking clip: one face in each, at 25 frames per second
SEARCHES = 2  # one per second

pytestmark = pytest.mark.usefixtures("quick_network")


def _counted(patch: pytest.MonkeyPatch, counts: Counter[str], owner: Any, name: str, called: str) -> None:
    function = getattr(owner, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        counts[called] += 1
        return function(*args, **kwargs)

    patch.setattr(owner, name, counting)


def _counting_crops(counts: Counter[str], function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def scored(classifier: Any, crops: Any) -> Any:
        counts["scored crops"] += len(crops)
        return function(classifier, crops)

    return scored


@pytest.fixture
def counts() -> Iterator[Counter[str]]:
    found: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        _counted(patch, found, reader, "open_container", "opened")
        for module in (pipeline, quick):
            _counted(patch, found, module, "file_sha256", "hashed")
        _counted(patch, found, VideoReader, "_frame", "converted")
        _counted(patch, found, Cascade, "detect", "searched")
        _counted(patch, found, MtcnnDetector, "follow", "followed")
        _counted(patch, found, FaceMesh, "landmarks", "meshes")
        _counted(patch, found, IrisModel, "_eye", "eyes")
        _counted(patch, found, LiteModel, "__call__", "networks")
        _counted(patch, found, FrameSimilarity, "push", "similarities")
        scorer = classifier(AnalysisConfig().classifier)
        for name in ("score_track", "scores_and_attributions"):
            patch.setattr(type(scorer), name, _counting_crops(found, getattr(type(scorer), name)))
        yield found


def test_a_full_pass_with_its_moments_does_each_thing_once(counts: Counter[str], talking_clip: Path) -> None:
    seen = SeenCrops()
    assert suspicious_moments(talking_clip, analyze(talking_clip, on_scored=seen), seen=seen).pictures
    assert counts["opened"] == counts["hashed"] == 1
    assert counts["converted"] == FRAMES
    assert counts["searched"] == SEARCHES
    # A search may find the same face twice: each settles, and one of them stays.
    assert FRAMES - 1 <= counts["followed"] <= FRAMES - 1 + 2 * SEARCHES * ONET_SETTLING_ROUNDS
    assert counts["meshes"] == FRAMES
    assert counts["eyes"] == 2 * FRAMES
    assert counts["similarities"] == 2 * FRAMES  # of the frame and of the face
    assert 0 < counts["scored crops"] <= classifier(AnalysisConfig().classifier).sampling.most
    proposals = SEARCHES * len(pyramid(480, 640))
    candidates = counts["networks"] - counts["followed"] - counts["meshes"] - counts["eyes"] - proposals
    assert 0 < candidates <= SEARCHES * 150


def test_a_quick_look_does_less(counts: Counter[str], talking_clip: Path) -> None:
    analyze(talking_clip, AnalysisConfig(quick=True))
    assert counts["opened"] == counts["hashed"] == 1
    assert counts["converted"] == counts["meshes"] == MOMENTS
    assert 0 < counts["searched"] <= MOMENTS
    assert counts["eyes"] == counts["similarities"] == 0
    assert 0 < counts["scored crops"] <= MOMENTS
