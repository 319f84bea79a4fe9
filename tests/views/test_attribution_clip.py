"""Where the classifier looked, as a clip: its pictures, their order in time, parts of long tracks, and the legend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepfake.analysis.model import Analysis
from deepfake.detectors import ClassifierInfo, FaceClassifier
from deepfake.faces.tracking import FaceTrack
from deepfake.figures.attribution import (
    LEAST_FULL_COLOR,
    AttributionPanels,
    attributed_crop,
    attribution_scale_figure,
    dense_score_figure,
    full_color,
)
from deepfake.serialize import from_bytes, to_bytes
from deepfake.signals.base import SignalTrace
from deepfake.video.reader import VideoReader
from deepfake.views.attribution_clip import (
    MAX_PART_S,
    AttributionClip,
    part_at,
    part_bounds,
    smoothed_attribution,
    write_attribution_clip,
)
from tests.watched import Watched


class SuspectsTheLeft(FaceClassifier):
    """Every crop scores 0.8, the more so at its left edge; keeps how many it was shown."""

    info = ClassifierInfo("left", "Suspects the left", "", "", attribution="Left is suspicious.")

    def __init__(self) -> None:
        self.shown = 0

    def scores(self, images: np.ndarray) -> np.ndarray:
        return np.full(len(images), 0.8, np.float32)

    def scores_and_attributions(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.shown += len(crops)
        maps = np.zeros((len(crops), 7, 7), np.float32)
        maps[:, :, :3], maps[:, :, 4:] = 8, -8
        return np.full(len(crops), 0.8, np.float32), maps


def track_of(frames: np.ndarray) -> FaceTrack:
    boxes = np.tile(np.array([10, 10, 90, 90], np.float32), (len(frames), 1))
    count = len(frames)
    return FaceTrack(0, frames.astype(np.int64), boxes, np.zeros((count, 5, 2), np.float32), np.ones(count, np.float32))


@pytest.fixture(scope="module")
def talking(watched: Watched) -> tuple[Path, Analysis, Path]:
    """The clip, its analysis, and the clip of its face."""
    return watched.clip, watched.analysis, watched.face_clip


def test_every_frame_of_the_track_is_drawn_plain_and_attributed(
    talking: tuple[Path, Analysis, Path], tmp_path: Path
) -> None:
    path, analysis, face_clip = talking
    out, detector, stages = tmp_path / "looked.mp4", SuspectsTheLeft(), set()
    shown = write_attribution_clip(
        out, path, analysis, 0, face_clip, scorer=detector, progress=lambda stage, done, total: stages.add(stage)
    )
    track = analysis.track(0)
    assert track is not None
    assert detector.shown == len(shown.scores.values) == len(track)
    assert stages == {"scoring", "drawing"}
    with VideoReader(face_clip) as faces, VideoReader(out) as looked:
        side = faces.info.width
        pairs = list(zip(faces.frames(), looked.frames(), strict=True))
    for face, picture in pairs:
        assert face.timestamp_s == pytest.approx(picture.timestamp_s, abs=1e-3)
        plain, attributed = picture.image[:side, :side], picture.image[:side, -side:]
        assert np.abs(plain.astype(float) - face.image).mean() < 4
        redder = attributed.astype(float)[..., 0] - plain[..., 0]
        # What speaks for fake is tinted orange, what speaks for real teal.
        assert redder[:, : side // 3].mean() > redder[:, -side // 3 :].mean() + 10


def test_the_scores_are_told_in_the_clips_own_time(talking: tuple[Path, Analysis, Path], tmp_path: Path) -> None:
    path, analysis, face_clip = talking
    shown = write_attribution_clip(tmp_path / "a.mp4", path, analysis, 0, face_clip, scorer=SuspectsTheLeft())
    expected = analysis.frame_timestamps_s[shown.scores.frame_indices]
    np.testing.assert_array_equal(shown.scores.timestamps_s, expected)
    copy = from_bytes(to_bytes(shown), AttributionClip)
    np.testing.assert_array_equal(copy.scores.values, shown.scores.values)
    assert (copy.full_logits, copy.start_s, copy.end_s) == (shown.full_logits, shown.start_s, shown.end_s)


def test_a_track_that_is_not_there_is_refused(talking: tuple[Path, Analysis, Path], tmp_path: Path) -> None:
    path, analysis, face_clip = talking
    with pytest.raises(KeyError, match="7"):
        write_attribution_clip(tmp_path / "a.mp4", path, analysis, 7, face_clip, scorer=SuspectsTheLeft())
    assert list(tmp_path.iterdir()) == []


def test_long_tracks_are_shown_in_equal_parts_that_hold_every_frame() -> None:
    times_s = np.arange(2500) / 25
    track = track_of(np.arange(100, 2400))
    bounds = part_bounds(track, times_s)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(track)
    assert all(end == start for (_, end), (start, _) in zip(bounds, bounds[1:], strict=False))
    lengths = [times_s[high - 1] - times_s[low] for low, high in bounds]
    assert max(lengths) <= MAX_PART_S
    assert max(lengths) - min(lengths) < 0.1
    for part, (low, high) in enumerate(bounds):
        assert part_at(track, times_s, times_s[100 + low]) == part
        assert part_at(track, times_s, times_s[100 + high - 1]) == part
    assert part_at(track, times_s, 0.0) == 0
    assert part_at(track, times_s, 99.0) == len(bounds) - 1


def test_a_track_of_one_frame_has_one_part() -> None:
    assert part_bounds(track_of(np.array([3])), np.arange(10) / 25) == [(0, 1)]


def test_smoothing_keeps_what_does_not_change_and_stays_within_what_does() -> None:
    times_s = np.array([0.0, 0.2, 0.4, 5.0])
    maps = np.array([0, 0, 4, -9], np.float32)[:, None, None] * np.ones((4, 7, 7), np.float32)
    same = np.full((4, 7, 7), 2.5, np.float32)
    np.testing.assert_allclose(smoothed_attribution(times_s, same, 0.13), same[0], rtol=1e-6)
    between = smoothed_attribution(times_s, maps, 0.3)[0, 0]
    assert 0 < between < 4
    # Beyond a gap nothing is carried over.
    np.testing.assert_allclose(smoothed_attribution(times_s, maps, 5.0), -9, rtol=1e-5)
    np.testing.assert_allclose(smoothed_attribution(times_s[:1], maps[:1] + 1, 3.0), 1, rtol=1e-6)


def test_the_scale_of_colors_is_fixed_and_not_moved_by_one_odd_place() -> None:
    maps = np.full((40, 7, 7), 6.0, np.float32)
    maps[3, 3, 3] = 60
    assert full_color(maps) == pytest.approx(6.0)
    assert full_color(np.zeros((2, 7, 7), np.float32)) == LEAST_FULL_COLOR
    crop = np.full((320, 320, 3), 120, np.uint8)
    weak, strong = (attributed_crop(crop, np.full((7, 7), v, np.float32), full=10.0, side_px=320) for v in (2.0, 9.0))
    change = [np.abs(picture[100:200, 100:200].astype(float) - 120).mean() for picture in (weak, strong)]
    assert change[1] > 3 * change[0]


def test_the_strip_marks_the_moment() -> None:
    scores = SignalTrace(
        "learned_score", 0, np.arange(3), np.array([2.0, 3.0, 4.0]), np.array([0.1, 0.9, 0.2], np.float32)
    )
    panels = AttributionPanels(scores, (2.0, 4.0), 4.0, 160)
    face, nothing = np.full((160, 160, 3), 90, np.uint8), np.zeros((7, 7), np.float32)
    pictures = [panels.picture(face, nothing, time_s) for time_s in (2.0, 4.0)]
    assert pictures[0].shape == (panels.size[1], panels.size[0], 3)
    bright = [int(np.argmax(picture[184:230].sum(axis=(0, 2)))) for picture in pictures]
    assert bright[0] < 20
    assert bright[1] > panels.size[0] - 20


def test_the_legend_names_both_ends() -> None:
    texts = [annotation.text for annotation in attribution_scale_figure(12.0).layout.annotations]
    assert texts == ["−12.0 logits, for real", "+12.0, for fake"]


def test_dense_scores_differ_by_more_than_color() -> None:
    scores = SignalTrace("learned_score", 1, np.array([4, 8]), np.array([0.16, 0.32]), np.array([0.2, 0.7], np.float32))
    figure = dense_score_figure(scores, 1, moment_s=0.3)
    assert figure.data[0].marker.symbol == ("circle-open", "circle")
    assert figure.data[0].customdata == ([4, "0:00.16"], [8, "0:00.32"])
    assert "Person 2" in figure.layout.title.text
    assert any(shape.name == "moment" for shape in figure.layout.shapes)
