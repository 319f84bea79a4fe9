"""Snapshots: arguments reach the worker as they were given, results are kept by the clip's bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepfake.dashboard import snapshots
from deepfake.dashboard.snapshots import PictureFile, cached_frame, snapshot
from deepfake.errors import ClipError

CLIP = PictureFile(Path("/server/secret.mp4"), "holiday.mp4", "0" * 64)
calls: list[tuple[object, ...]] = []


def asked(path: Path, time_s: float, names: tuple[str, ...] = (), size: int | None = None) -> str:
    calls.append((path, time_s, names, size))
    return f"{time_s} {names} {size}"


def refused(path: Path, time_s: float) -> str:
    raise ClipError(path, "this cannot be read")


class Here:
    """The worker, in this process."""

    def run_now(self, function, *args, name):
        return function(*args)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "runtime", Here)
    calls.clear()


def test_an_argument_after_one_that_was_left_out_arrives() -> None:
    assert snapshot(False, 4)(asked)(CLIP, 1.0, size=7) == "1.0 () 7"
    assert calls == [(CLIP.path, 1.0, (), 7)]


def test_a_result_is_kept_for_the_same_bytes_under_whatever_name() -> None:
    shown = snapshot(False, 4)(asked)
    copy = PictureFile(Path("/server/copy.mp4"), "copy.mp4", CLIP.sha256)
    assert shown(CLIP, 2.0) == shown(copy, 2.0)
    assert shown(PictureFile(CLIP.path, CLIP.name, "1" * 64), 2.0)
    assert [call[0] for call in calls] == [CLIP.path, CLIP.path]


def test_an_error_names_the_users_file() -> None:
    with pytest.raises(ClipError, match=r"^holiday\.mp4: this cannot be read$"):
        snapshot(False, 4)(refused)(CLIP, 1.0)


def test_the_boxes_of_a_frame_are_zoomed_into(talking_clip: Path) -> None:
    clip = PictureFile(talking_clip, "talking.mp4", "2" * 64)
    boxes = np.array([[200, 100, 300, 220], [10, 10, 60, 70]], np.float32)
    assert len(cached_frame(clip, 0.4, boxes_xyxy=boxes).zooms["boxes"]) == 2
