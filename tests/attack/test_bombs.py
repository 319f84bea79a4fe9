"""Small files that would become large: refused by what their header says, or before a picture is made room for, and
nothing of them stays."""

from __future__ import annotations

import io
import json
import resource
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.dataset import open_dataset
from deepfake.errors import ClipError, DatasetError, LimitError
from deepfake.settings import Settings
from deepfake.video import reader
from deepfake.video.reader import VideoReader, probe
from deepfake.views.stills import thumbnail_jpeg
from deepfake.worker_pool import WorkerPool, resident_bytes
from tests.attack.mutants import outcome
from tests.conftest import WriteClip
from tests.waiting import LIMIT_S

MIB = 2**20
HAAR = AnalysisConfig(face_detector="haar")
ROOM_BYTES = 512 * MIB  # that a worker may ask for besides what it has
BOMB_PX = 15_000  # a side: 225 million pixels, 675 MB as RGB


# Tasks: functions of a module, which workers import.
def refused_often(path: Path, settings: Settings) -> int:
    """Have a clip refused, twice and then thirty times; return how many bytes more there are after that."""
    for _ in range(2):
        outcome(lambda: probe(path, settings))
    before = resident_bytes()
    assert {outcome(lambda: probe(path, settings)) for _ in range(30)} == {"sentence"}
    return resident_bytes() - before


def with_little_room(path: Path) -> list[str]:
    """Do with a clip what pages do, in a process that gets no more than ROOM_BYTES."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, -1))
    steps: tuple[Callable[[], object], ...] = (
        lambda: probe(path),
        lambda: thumbnail_jpeg(path),
        lambda: analyze(path, HAAR),
    )
    return [outcome(step) for step in steps]


@pytest.fixture
def worker() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, threads=1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def large_clip(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Path:
    return write_clip(tmp_path_factory.mktemp("large") / "large.mp4", (12, (1080, 1920)))


def picture_bomb(path: Path, *, told_px: int) -> Path:
    """A few kilobytes of PNG as a clip: its pictures are 15,000 px wide and high, its header says told_px."""
    content = io.BytesIO()
    PIL.Image.fromarray(np.zeros((BOMB_PX, BOMB_PX), np.bool_)).save(content, "PNG")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width = stream.height = told_px
        stream.pix_fmt = "monob"
        for number in range(6):
            packet = av.Packet(content.getvalue())
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
    return path


def test_limits_are_asked_of_the_header_before_anything_is_decoded(
    large_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "decode", lambda *_, **__: pytest.fail("a picture was decoded"))
    for settings in (Settings(max_pixels=1_000_000), Settings(max_duration_s=0.1)):
        with pytest.raises(LimitError):
            VideoReader(large_clip, settings)


@pytest.mark.parametrize("settings", [Settings(max_pixels=1_000_000), Settings(max_duration_s=0.1)])
def test_a_refused_clip_leaves_nothing_in_memory(large_clip: Path, worker: WorkerPool, settings: Settings) -> None:
    grown = worker.call(refused_often, large_clip, settings, timeout_s=LIMIT_S, name="")
    assert grown < 10 * MIB, "a decoded picture of this clip takes 3 MiB"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for its memory")
@pytest.mark.parametrize("told_px", [64, BOMB_PX])
def test_pictures_that_are_larger_than_they_say_are_refused_before_there_is_room_for_them(
    tmp_path: Path, worker: WorkerPool, told_px: int
) -> None:
    path = picture_bomb(tmp_path / "bomb.mov", told_px=told_px)
    assert path.stat().st_size < MIB
    assert worker.call(with_little_room, path, timeout_s=LIMIT_S, name="") == ["sentence"] * 3


def test_a_clip_that_lasts_longer_than_its_header_says_is_stopped(tmp_path: Path, write_clip: WriteClip) -> None:
    times_s = [0.04 * number for number in range(20)] + [90_000.0]
    path = write_clip(tmp_path / "long.mkv", (21, (48, 64)), timestamps_s=times_s)
    with pytest.raises(ClipError, match="max_duration_s"):
        analyze(path, HAAR)


@pytest.mark.parametrize(
    "text", ['{"a":' * 100_000, "[" * 100_000, json.dumps({"a.mp4": {"label": ["FAKE"] * 1_000}}), "{}", "7", '"a"']
)
def test_metadata_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError):
        open_dataset(tmp_path)
