"""Clips of odd sizes and names, and kept analyses that were tampered with: an answer or one sentence each."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from deepfake.analysis.keeping import analysis_from_bytes
from deepfake.analysis.model import AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.batch.clips import collect_clips
from deepfake.dataset import open_dataset
from deepfake.settings import Settings
from deepfake.video.browser import transcode
from deepfake.video.file_facts import read_file_facts
from deepfake.video.writer import ClipWriter
from tests.conftest import WriteClip

WRITTEN = Path(__file__).parents[1] / "version_1" / "analysis.json"
HAAR = AnalysisConfig(face_detector="haar")


def noise_clip(folder: Path, write_clip: WriteClip, width: int, height: int) -> Path:
    """12 frames in Matroska, whose header does not say how many."""
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(12)]
    return write_clip(folder / f"{width}x{height}.mkv", frames, codec="ffv1", pix_fmt="bgr0")


@pytest.mark.parametrize("size", [(4000, 2), (2, 4000), (1, 1)])
@pytest.mark.parametrize("detector", ["mtcnn", "haar"])
@pytest.mark.parametrize("quick", [False, True])
def test_clips_of_hardly_any_height_or_width_are_analyzed(
    tmp_path: Path, write_clip: WriteClip, size: tuple[int, int], detector: str, *, quick: bool
) -> None:
    path = noise_clip(tmp_path, write_clip, *size)
    analysis = analyze(path, AnalysisConfig(face_detector=detector, quick=quick))
    assert analysis.verdict.label == "INCONCLUSIVE"
    assert (analysis.video.width, analysis.video.height) == size


def test_a_clip_wider_than_a_decoder_takes_gets_a_narrower_player(tmp_path: Path, write_clip: WriteClip) -> None:
    transcode(noise_clip(tmp_path, write_clip, 20_000, 16), tmp_path / "player.mp4")
    with av.open(str(tmp_path / "player.mp4")) as player:
        assert player.streams.video[0].width == 4096
        assert len(list(player.decode(video=0))) == 12


@pytest.mark.parametrize("name", ["a::b.mp4", "concat:x.mp4", "http:x.mp4"])
def test_a_name_like_a_protocol_is_a_file(
    tmp_path: Path, moving_square_clip: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(moving_square_clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert len(analyze(Path(name), HAAR).frame_timestamps_s) == 24
    assert [clip.location for clip in collect_clips([name])] == [str(tmp_path / name)]


def test_a_folder_like_a_protocol_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a:b").mkdir()
    monkeypatch.chdir(tmp_path)
    with ClipWriter(Path("a:b") / "clip.mp4", 25, (16, 16)) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8), 0.0)
    assert [path.name for path in (tmp_path / "a:b").iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("place", "value"),
    [("direction", {}), ("track_id", "x"), ("suspicion", []), ("reason", None), ("signal", {"a": 1})],
)
def test_a_kept_analysis_with_a_field_of_another_kind_is_damaged(place: str, value: object) -> None:
    kept = json.loads(WRITTEN.read_text(encoding="utf-8"))
    kept["verdict"]["evidence"][0][place] = value
    with pytest.raises(ValueError, match="written by a version that kept other fields"):
        analysis_from_bytes(json.dumps(kept).encode())


@pytest.mark.parametrize("data", [b"{", b'{"a":' * 100_000, b"[]", b"", b"{}", b"DFA2", b"DFA1" + bytes(40)])
def test_what_is_no_analysis_is_told_from_one(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        analysis_from_bytes(data)


def test_a_packet_that_is_years_away_is_left_out_of_the_bit_rate(tmp_path: Path, write_clip: WriteClip) -> None:
    times_s = [0.04 * number for number in range(20)] + [3.0e8]
    path = write_clip(tmp_path / "late.mkv", (21, (48, 64)), timestamps_s=times_s)
    facts = read_file_facts(path, settings=Settings(max_duration_s=60))
    assert len(facts.bit_rate) == 1


@pytest.mark.parametrize("folder", ["a\0b", "x" * 5_000, "../../..", "/proc/self"])
def test_a_row_of_a_list_in_a_folder_that_cannot_be_costs_no_other_row(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a.mp4").touch()
    file = tmp_path / "clips.csv"
    file.write_text(f"path,label\na.mp4,REAL\n{folder}/b.mp4,FAKE\n", encoding="utf-8")
    for dataset in (open_dataset(file), open_dataset(tmp_path)):
        assert [entry.name for entry in dataset.entries if entry.on_disk] == ["a.mp4"]
    assert "a.mp4" in [Path(clip.location).name for clip in collect_clips([str(file)])]
