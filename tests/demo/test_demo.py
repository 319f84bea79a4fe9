"""The built-in data set: complete or not there, the same every time, and what it claims to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deepfake.dataset import counts, open_dataset
from deepfake.demo import render, scenes, writer
from deepfake.demo.writer import demo_is_complete, write_demo
from deepfake.errors import DatasetError
from deepfake.faces.detection import face_detector
from deepfake.server import tasks
from deepfake.server.progress import ProgressWriter, read_progress, remove_progress, should_give_way
from deepfake.signals.ssim import ssim
from deepfake.video.reader import VideoReader

FACE_AREA = 0.02  # of the frame: the least that a face takes


def _frames(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader.frames()]


def _train(demo_set: Path, name: str) -> list[np.ndarray]:
    return _frames(demo_set / scenes.TRAIN_FOLDER / name)


@pytest.fixture
def short_demo(monkeypatch: pytest.MonkeyPatch) -> int:
    """Makes write_demo write one scene of eight frames; the number of frames that it then writes."""
    for module in (render, writer):
        monkeypatch.setattr(module, "FRAME_COUNT", 8)
    monkeypatch.setattr(writer, "SCENES", (scenes.SCENES[1], replace(scenes.SCENES[3], seed=1)))
    return 8 * 4


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_is_a_dfdc_set_with_all_originals(demo_set: Path) -> None:
    dataset = open_dataset(demo_set)
    total = counts(dataset)
    assert dataset.layout == "dfdc"
    assert dataset.warnings == ()
    assert total.labels_by_split == {"train": {"REAL": 3, "FAKE": 5}, "test": {None: 2}}
    assert (total.missing, total.originals_named, total.originals_missing) == (0, 3, 0)
    assert "synthetic" in (demo_set / "README.txt").read_text()


@pytest.mark.parametrize("fake", ["fake_a_flicker.mp4", "fake_pair_right.mp4"])
def test_fake_runs_in_step_with_its_original_and_differs_in_the_face(demo_set: Path, fake: str) -> None:
    dataset = open_dataset(demo_set)
    entry = dataset.by_name(fake)
    original = dataset.original_path(entry)
    assert original is not None
    fakes, reals = _frames(entry.path), _frames(original)
    assert len(fakes) == len(reals) == scenes.FRAME_COUNT
    assert fakes[0].shape == reals[0].shape
    difference = np.mean([np.abs(a.astype(int) - b).mean(axis=2) for a, b in zip(fakes, reals, strict=True)], axis=0)
    changed = difference > 6.0
    assert FACE_AREA / 2 < changed.mean() < 0.3
    rows, columns = np.nonzero(changed)
    if "right" in fake:
        assert np.mean(columns < changed.shape[1] / 2) < 0.02, "the person on the left is as in the original"
    assert difference[: rows.min() // 2].mean() < 1.0


def test_deepest_drops_of_similarity_are_where_the_flicker_was_put(demo_set: Path) -> None:
    flicker = json.loads((demo_set / "demo.json").read_text())["flicker_frames"]["fake_a_flicker.mp4"]
    edges = {index for frame in flicker for index in (frame, frame + 1)}  # into the jump, and out of it
    fakes, reals = _train(demo_set, "fake_a_flicker.mp4"), _train(demo_set, "real_a.mp4")
    fake_ssim = np.array([ssim(a, b) for a, b in zip(fakes, fakes[1:], strict=False)])
    real_ssim = np.array([ssim(a, b) for a, b in zip(reals, reals[1:], strict=False)])
    assert set((np.argsort(fake_ssim)[:5] + 1).tolist()) <= edges
    assert fake_ssim.min() < real_ssim.min() - 0.01


def test_mtcnn_finds_everyone_in_real_and_fake_clips(demo_set: Path) -> None:
    detector = face_detector("mtcnn")
    people = {"real_a.mp4": 1, "real_b.mp4": 1, "real_pair.mp4": 2, "fake_a_blurred.mp4": 1, "fake_pair_right.mp4": 2}
    for name, count in people.items():
        for frame in _train(demo_set, name)[5::26]:
            found = detector.detect(frame)
            assert len(found) == count, name
            assert min(face.box_xyxy[2] - face.box_xyxy[0] for face in found) >= 110


def test_person_moves_and_no_border_shows(demo_set: Path) -> None:
    for name in ("real_a.mp4", "real_pair.mp4"):
        frames = _train(demo_set, name)
        steps = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, frames[1:], strict=False)]
        assert min(steps) > 0.05, "never a frozen frame"
        assert max(steps) < 8.0, "no jump"
        for frame in frames[::20]:
            assert frame[0].min() > 30
            assert frame[:100, [0, -1]].min() > 30


def test_two_runs_write_the_same_bytes(tmp_path: Path, short_demo: int) -> None:
    calls: list[tuple[int, int]] = []
    write_demo(tmp_path / "one", progress=lambda done, total: calls.append((done, total)))
    write_demo(tmp_path / "two")
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    assert calls[-1] == (short_demo, short_demo)
    assert calls == sorted(calls)


def test_a_complete_set_is_left_alone(tmp_path: Path, short_demo: int) -> None:
    folder = write_demo(tmp_path / "new" / "demo")
    before = (folder / "demo.json").stat().st_mtime_ns
    calls: list[int] = []
    write_demo(folder, progress=lambda done, total: calls.append(done))
    assert (folder / "demo.json").stat().st_mtime_ns == before
    assert calls == []


@pytest.mark.parametrize("damage", ["clip missing", "other version"])
def test_an_incomplete_or_older_set_is_written_anew(tmp_path: Path, short_demo: int, damage: str) -> None:
    folder = write_demo(tmp_path / "demo")
    clip = folder / scenes.TRAIN_FOLDER / "real_a.mp4"
    if damage == "clip missing":
        clip.unlink()
    else:
        marker = folder / "demo.json"
        marker.write_text(json.dumps(json.loads(marker.read_text()) | {"version": 0}))
    assert not demo_is_complete(folder)
    write_demo(folder)
    assert demo_is_complete(folder)
    assert len(_frames(clip)) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_files_of_others_are_never_overwritten(tmp_path: Path, short_demo: int) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "film.mp4").write_bytes(b"precious")
    with pytest.raises(DatasetError, match=r"film\.mp4"):
        write_demo(folder)
    with pytest.raises(DatasetError, match="is a file"):
        write_demo(folder / "film.mp4")
    assert _bytes(folder) == {"film.mp4": b"precious"}


def test_canceling_leaves_nothing_behind(tmp_path: Path, short_demo: int) -> None:
    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "demo", progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_making_it_stops_while_a_visitors_job_is_under_way(
    tmp_path: Path, short_demo: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
    ProgressWriter(other).write("Following faces", 1, 2)
    rests: list[tuple[str, int]] = []

    def rest(_: float) -> None:
        report = read_progress(own)
        assert report is not None
        rests.append((report.stage, report.done))
        if len(rests) == 3:
            remove_progress(other)
            other.rmdir()

    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=rest))
    tasks.make_demo(own, tmp_path / "demo")
    assert [stage for stage, _ in rests] == ["Waiting while a clip is analyzed"] * 3
    assert len({done for _, done in rests}) == 1
    assert demo_is_complete(tmp_path / "demo")


def test_making_it_does_not_wait_for_ever(tmp_path: Path, short_demo: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "DEMO_WAITS_S", 0.2)
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    ProgressWriter(tmp_path / "other").write("Following faces", 1, 2)
    tasks.make_demo(tmp_path / "own", tmp_path / "demo")
    assert demo_is_complete(tmp_path / "demo")


def test_it_gives_way_to_jobs_under_way_and_not_to_one_that_may_wait_for_it(tmp_path: Path) -> None:
    own, running, waiting = (tmp_path / name for name in ("own", "running", "waiting"))
    own.mkdir()
    assert not should_give_way(own)
    running.mkdir()
    ProgressWriter(running).write("Following faces", 1, 2)
    assert should_give_way(own)
    waiting.mkdir()
    assert not should_give_way(own)


def test_people_blink_and_talk_within_bounds() -> None:
    for scene in scenes.SCENES:
        poses = render.performance(scene.seed)
        closed = np.array([pose.eyes_closed for pose in poses])
        mouth = np.array([pose.mouth_open for pose in poses])
        blinks = np.count_nonzero((closed[1:] > 0.5) & (closed[:-1] <= 0.5))
        assert 1 <= blinks <= 3
        assert mouth.min() >= 0.0
        assert mouth.max() - mouth.min() > 3.0
