"""The most suspicious moments: which they are, apart from each other, and their pictures."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from deepfake.analysis.model import Analysis
from deepfake.analysis.moments import Moments, suspicious_rows
from deepfake.analysis.pipeline import analyze
from deepfake.detectors import ClassifierInfo, CropScores, FaceClassifier, TrackCrops
from deepfake.serialize import from_bytes, to_bytes
from deepfake.signals.base import SignalTrace
from deepfake.views.moments import MOMENT_SIDE_PX, SEEN_TRACKS, SeenCrops, suspicious_moments
from tests.watched import Watched


def trace_of(values: list[float]) -> SignalTrace:
    frames = np.arange(len(values), dtype=np.int64)
    return SignalTrace("learned_score", 0, frames, frames / 10, np.array(values, np.float32))


def test_the_highest_come_first_and_lie_apart() -> None:
    values = [0.1] * 20
    values[3], values[4], values[12], values[18] = 0.9, 0.8, 0.7, 0.6
    assert suspicious_rows(trace_of(values), 3) == [3, 12, 18]


def test_a_short_trace_gives_as_many_as_it_has() -> None:
    assert sorted(suspicious_rows(trace_of([0.2, 0.9]), 3)) == [0, 1]
    assert suspicious_rows(trace_of([float("nan")] * 3), 3) == []
    assert suspicious_rows(trace_of([]), 3) == []
    assert len(suspicious_rows(trace_of([0.5] * 5), 5)) == 5


class SuspectsTheLeft(FaceClassifier):
    info = ClassifierInfo("left", "Suspects the left", "", "", attribution="Left is suspicious.")

    def scores(self, images: np.ndarray) -> np.ndarray:
        return np.full(len(images), 0.8, np.float32)

    def scores_and_attributions(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps = np.zeros((len(crops), 7, 7), np.float32)
        maps[:, :, :3] = 8
        return self.scores(crops), maps


class CannotTell(SuspectsTheLeft):
    info = ClassifierInfo("mute", "Cannot tell", "", "")


@pytest.fixture(scope="module")
def talking(watched: Watched) -> Analysis:
    return watched.analysis


def test_three_moments_are_cut_out_with_the_map_in_the_order_of_time(talking: Analysis, talking_clip: Path) -> None:
    found = suspicious_moments(talking_clip, talking, scorer=SuspectsTheLeft())
    assert found.track_id == 0
    times = [picture.timestamp_s for picture in found.pictures]
    assert len(times) == 3
    assert times == sorted(times)
    trace = talking.trace("learned_score", 0)
    assert trace is not None
    for picture in found.pictures:
        (row,) = np.flatnonzero(trace.frame_indices == picture.frame_index)
        assert picture.probability_fake == pytest.approx(float(trace.values[row]))
        assert picture.looked is not None
        looked = np.asarray(PIL.Image.open(BytesIO(picture.looked))).astype(int)
        assert looked.shape == (MOMENT_SIDE_PX, MOMENT_SIDE_PX, 3)
        left, right = looked[:, :100], looked[:, -100:]
        assert (left[..., 0] - left[..., 2]).mean() > (right[..., 0] - right[..., 2]).mean() + 10, "orange on the left"
    assert from_bytes(to_bytes(found), Moments) == found


@pytest.mark.usefixtures("quick_network")
def test_crops_that_were_kept_spare_reading_the_clip_again(talking_clip: Path) -> None:
    seen = SeenCrops()
    analysis = analyze(talking_clip, on_scored=seen)
    kept = suspicious_moments("there is no such clip.mp4", analysis, seen=seen)
    again = suspicious_moments(talking_clip, analysis)
    assert [picture.frame_index for picture in kept.pictures] == [picture.frame_index for picture in again.pictures]
    for ours, theirs in zip(kept.pictures, again.pictures, strict=True):
        for mine, other in ((ours.face, theirs.face), (ours.looked, theirs.looked)):
            difference = np.asarray(PIL.Image.open(BytesIO(mine)), float) - np.asarray(PIL.Image.open(BytesIO(other)))
            assert np.abs(difference).mean() < 2, "the same picture, but for the rounding of its place"


def test_only_the_most_suspicious_faces_are_kept() -> None:
    seen = SeenCrops()
    image, time = np.zeros((1, 8, 8, 3), np.uint8), np.zeros(1)
    for track_id in range(SEEN_TRACKS + 3):
        score = np.array([(track_id + 1) / 100], np.float32)
        seen(track_id, TrackCrops(image, np.array([5]), time), CropScores(score, attributions=np.ones((1, 2, 2))))
    assert [seen.rows(track_id, [5]) is None for track_id in range(SEEN_TRACKS + 3)] == [True] * 3 + [
        False
    ] * SEEN_TRACKS
    assert seen.rows(5, [5, 6]) is None, "a frame that was not scored"


def test_a_classifier_that_cannot_tell_gives_the_plain_face(talking: Analysis, talking_clip: Path) -> None:
    found = suspicious_moments(talking_clip, talking, most=1, scorer=CannotTell())
    assert [picture.looked for picture in found.pictures] == [None]
    assert PIL.Image.open(BytesIO(found.pictures[0].face)).size[0] <= MOMENT_SIDE_PX


def test_without_a_score_there_is_nothing_to_show(moving_square_clip: Path) -> None:
    assert suspicious_moments(moving_square_clip, analyze(moving_square_clip)) == Moments()
