"""Two clips as one, in step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepfake.analysis.model import AnalysisConfig
from deepfake.comparison.compare import compare
from deepfake.comparison.pair_clips import write_side_by_side
from deepfake.video.reader import VideoReader
from tests.comparison.test_comparison import scene
from tests.conftest import WriteClip


def test_both_clips_stand_side_by_side_at_every_moment(tmp_path: Path, write_clip: WriteClip) -> None:
    frames = scene(12)
    a = write_clip(tmp_path / "a.mp4", frames, rate=25)
    b = write_clip(tmp_path / "b.mp4", frames[:9], rate=25)
    found = compare(a, b, AnalysisConfig(face_detector="haar"))
    done: list[tuple[int, int]] = []
    write_side_by_side(tmp_path / "both.mp4", a, b, found, progress=lambda *state: done.append(state))
    assert done[-1] == (9, 9)
    with VideoReader(tmp_path / "both.mp4") as reader:
        both = list(reader.frames())
    assert len(both) == 9, "as long as both are"
    height, width = frames[0].shape[:2]
    for frame in both:
        assert frame.image.shape == (height, 2 * width, 3)
        left, right = frame.image[:, :width].astype(float), frame.image[:, width:].astype(float)
        assert np.abs(left - right).mean() < 3
        nearest = min(range(12), key=lambda index: np.abs(left - frames[index]).mean())
        assert nearest == frame.index
