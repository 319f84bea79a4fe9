"""The quick look: a provisional verdict from a few moments, whatever the length of the clip."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.analysis.quick import MOMENTS
from deepfake.cli import main
from deepfake.detectors import classifier
from deepfake.faces.alignment import FaceCrop
from deepfake.report.wording import PROVISIONAL, warning_sentences
from deepfake.video import reader as reader_module
from deepfake.video.decoding import Tally
from deepfake.video.reader import MAX_PICTURES_AT_MOMENTS, VideoReader
from tests.watched import Watched

QUICK = AnalysisConfig(quick=True)
LONG_FRAMES = 700
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "analysis.schema.json"


@pytest.fixture(scope="module")
def looked(talking_clip: Path) -> tuple[Analysis, list[FaceCrop]]:
    crops: list[FaceCrop] = []
    return analyze(talking_clip, QUICK, on_crop=lambda crop, _: crops.append(crop)), crops


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    return write_clip(
        tmp_path_factory.mktemp("long") / "long.mp4",
        (LONG_FRAMES, (64, 96)),
        codec_options={"crf": "28", "preset": "ultrafast", "g": "25"},
    )


@pytest.fixture(scope="module")
def b_pictures_clip(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (64, 296, 3), dtype=np.uint8)
    return write_clip(
        tmp_path_factory.mktemp("b_pictures") / "b_pictures.mp4",
        [noise[:, shift : shift + 96] for shift in range(200)],
        codec_options={"crf": "28", "x264-params": "bframes=2:b-adapt=0:b-pyramid=none:keyint=50"},
    )


def test_one_person_is_seen_at_every_moment_and_judged(looked: tuple[Analysis, list[FaceCrop]]) -> None:
    analysis, crops = looked
    (track,) = analysis.tracks
    assert len(track) == len(crops) == MOMENTS
    scored = analysis.trace("learned_score", track.track_id).values
    assert len(scored) == min(MOMENTS, classifier(analysis.config.classifier).sampling.most)
    assert analysis.verdict.probability_fake is not None
    assert len(analysis.video.sha256) == 64


@pytest.mark.parametrize("frames", [16, 17, 31, 47, 63, 80])
def test_the_moments_of_a_short_clip_reach_its_end(
    frames: int, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    clip = write_clip(tmp_path / "short.mp4", (frames, (64, 96)))
    with VideoReader(clip) as reader:
        seen = [round(frame.timestamp_s * 25) for frame in reader.moments(MOMENTS)]
    middles = (np.arange(MOMENTS) + 0.5) * frames / MOMENTS - 0.5
    assert len(seen) == MOMENTS
    assert np.abs(np.array(seen) - middles).max() <= 1


def test_its_answer_is_near_that_of_the_full_pass(looked: tuple[Analysis, list[FaceCrop]], watched: Watched) -> None:
    full = watched.analysis
    assert looked[0].verdict.probability_fake == pytest.approx(full.verdict.probability_fake, abs=0.15)


def test_a_photograph_on_a_moving_ground_is_no_person(
    tmp_path: Path, write_clip: Callable[..., Path], portrait: NDArray[np.uint8]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    images = []
    for shift in range(80):
        image = cv2.resize(np.roll(noise, shift, axis=1), (640, 480), interpolation=cv2.INTER_LINEAR)
        image[40:440, 120:520] = cv2.resize(portrait, (400, 400), interpolation=cv2.INTER_AREA)
        images.append(image)
    clip = write_clip(tmp_path / "photograph.mp4", images)
    (person,) = analyze(clip, QUICK).verdict.tracks
    assert person.is_picture
    (same,) = analyze(clip).verdict.tracks
    assert same.is_picture


def test_frames_keep_their_numbers_and_times(looked: tuple[Analysis, list[FaceCrop]], talking_clip: Path) -> None:
    analysis, crops = looked
    assert analysis.frame_timestamps_s == pytest.approx(np.arange(38) / 25, abs=2e-3)
    frames = analysis.tracks[0].frame_indices
    assert analysis.frame_timestamps_s[frames] == pytest.approx([crop.timestamp_s for crop in crops])
    with VideoReader(talking_clip) as reader:
        times_s = [frame.timestamp_s for frame in reader.frames()]
    assert [times_s[frame] for frame in frames] == pytest.approx([crop.timestamp_s for crop in crops])


def test_it_says_that_it_is_provisional(looked: tuple[Analysis, list[FaceCrop]]) -> None:
    assert warning_sentences(looked[0])[0] == PROVISIONAL


def test_it_is_kept_apart_from_the_full_pass() -> None:
    assert QUICK.fingerprint() != AnalysisConfig().fingerprint()
    assert dataclasses.replace(QUICK, quick=False).fingerprint() == AnalysisConfig().fingerprint()


def test_a_clip_without_a_face(long_clip: Path) -> None:
    analysis = analyze(long_clip, QUICK)
    assert analysis.verdict.label == "INCONCLUSIVE"
    assert analysis.verdict.reasons[0].code == "no_face"
    assert len(analysis.frame_timestamps_s) == LONG_FRAMES


def test_moments_of_a_long_clip_are_spread_over_it_and_cost_no_more(long_clip: Path) -> None:
    with VideoReader(long_clip) as reader:
        moments = list(reader.moments(MOMENTS))
        decoded = reader._tally.pictures
    wanted_s = [LONG_FRAMES / 25 * (number + 0.5) / MOMENTS for number in range(MOMENTS)]
    assert [moment.timestamp_s for moment in moments] == pytest.approx(wanted_s, abs=0.04)
    assert [moment.index for moment in moments] == list(range(MOMENTS))
    # A decoder with several threads is some pictures ahead at each seek.
    assert decoded <= MAX_PICTURES_AT_MOMENTS
    for moment in moments[::5]:
        with VideoReader(long_clip) as reader:
            shown, _ = reader.frame_near(moment.timestamp_s + 1e-3)
        np.testing.assert_array_equal(moment.image, shown.image)


def test_moments_where_key_frames_lie_far_apart(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    options = {"crf": "28", "preset": "ultrafast", "g": "1000", "sc_threshold": "0"}
    clip = write_clip(tmp_path / "one_key.mp4", (LONG_FRAMES, (64, 96)), codec_options=options)
    with VideoReader(clip) as reader:
        moments = list(reader.moments(MOMENTS))
        assert reader._tally.pictures <= MAX_PICTURES_AT_MOMENTS
    times_s = [moment.timestamp_s for moment in moments]
    assert len(times_s) == MOMENTS
    assert np.diff(times_s).min() > 1.4  # what decoding in turn allows; even would be 1.75


def test_pictures_that_no_other_refers_to_are_not_decoded(b_pictures_clip: Path) -> None:
    with VideoReader(b_pictures_clip) as reader:
        moments = list(reader.moments(MOMENTS))
        assert reader._tally.pictures < 0.5 * 200
    wanted_s = [200 / 25 * (number + 0.5) / MOMENTS for number in range(MOMENTS)]
    assert [moment.timestamp_s for moment in moments] == pytest.approx(wanted_s, abs=0.12)
    for moment in moments[::5]:
        with VideoReader(b_pictures_clip) as reader:
            shown, _ = reader.frame_near(moment.timestamp_s + 1e-3)
        np.testing.assert_array_equal(moment.image, shown.image)


def test_after_moments_every_picture_is_found_again(b_pictures_clip: Path) -> None:
    with VideoReader(b_pictures_clip) as reader:
        for _ in reader.moments(MOMENTS):
            pass
        for number in (100, 101, 102):
            shown, before = reader.frame_near(number / 25 + 1e-3)
            assert before is not None
            assert (before.timestamp_s, shown.timestamp_s) == pytest.approx(((number - 1) / 25, number / 25))


def test_of_large_pictures_fewer_are_decoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    monkeypatch.setattr(reader_module, "MAX_PIXELS_AT_MOMENTS", 160 * 64 * 96)
    options = {"crf": "28", "preset": "ultrafast", "g": "1000", "sc_threshold": "0"}
    with VideoReader(write_clip(tmp_path / "one_key.mp4", (LONG_FRAMES, (64, 96)), codec_options=options)) as reader:
        assert len(list(reader.moments(MOMENTS))) == MOMENTS
        assert reader._tally.pictures <= 160 + 1  # and the first one, which says what the clip is


@pytest.mark.parametrize(
    ("name", "codec", "container_options"),
    [
        ("clip.mkv", "libx264", {}),
        ("clip.webm", "libvpx-vp9", {}),
        ("fragments.mp4", "libx264", {"movflags": "dash+frag_keyframe+empty_moov+default_base_moof+global_sidx"}),
    ],
)
def test_moments_where_the_index_is_read_late(
    name: str,
    codec: str,
    container_options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    write_clip: Callable[..., Path],
) -> None:
    # As for large pictures: decoding in turn would not reach the end.
    monkeypatch.setattr(reader_module, "MAX_PIXELS_AT_MOMENTS", 320 * 64 * 96)
    clip = write_clip(
        tmp_path / name,
        (LONG_FRAMES, (64, 96)),
        codec=codec,
        codec_options={"g": "25"},
        container_options=container_options,
    )
    with VideoReader(clip) as reader:
        moments = list(reader.moments(MOMENTS))
    wanted_s = [LONG_FRAMES / 25 * (number + 0.5) / MOMENTS for number in range(MOMENTS)]
    assert [moment.timestamp_s for moment in moments] == pytest.approx(wanted_s, abs=0.6)


def test_a_clip_without_an_index_is_read_through(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    options = {"crf": "28", "preset": "ultrafast", "g": "100", "sc_threshold": "0"}
    with VideoReader(write_clip(tmp_path / "clip.ts", (200, (64, 96)), codec_options=options)) as reader:
        moments = list(reader.moments(MOMENTS))
    assert len(moments) == MOMENTS
    assert np.diff([moment.timestamp_s for moment in moments]) == pytest.approx(8 / MOMENTS, abs=0.05)


@pytest.mark.parametrize("count", [500, 1500])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_moments_where_the_decoder_knows_no_key_frames(
    count: int, suffix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    tallies: list[Tally] = []

    def tally() -> Tally:
        tallies.append(Tally())
        return tallies[-1]

    monkeypatch.setattr(reader_module, "Tally", tally)
    options = {"x264-params": "intra-refresh=1:keyint=50:bframes=3", "preset": "ultrafast"}
    clip = write_clip(tmp_path / f"intra_refresh{suffix}", (count, (64, 96)), codec_options=options)
    with VideoReader(clip) as reader:
        times_s = [moment.timestamp_s for moment in reader.moments(MOMENTS)]
    assert len(times_s) == MOMENTS
    spread_s = min(count, MAX_PICTURES_AT_MOMENTS) / 25
    assert times_s[-1] > 0.9 * spread_s
    steps_s = np.diff(times_s)
    assert 0 < steps_s.min() <= steps_s.max() < 2.5 * spread_s / MOMENTS
    assert sum(tally.pictures for tally in tallies) < 1.5 * MAX_PICTURES_AT_MOMENTS


def test_moments_of_a_file_that_cannot_be_sought_in(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    clip = write_clip(tmp_path / "raw.h264", (LONG_FRAMES, (64, 96)))
    with VideoReader(clip) as reader:
        moments = list(reader.moments(MOMENTS))
    assert len(moments) == MOMENTS
    assert moments[-1].timestamp_s <= MAX_PICTURES_AT_MOMENTS / 25


def test_a_clip_shorter_than_its_moments(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    with VideoReader(write_clip(tmp_path / "short.mp4", (3, (64, 96)))) as reader:
        assert [moment.index for moment in reader.moments(MOMENTS)] == [0, 1, 2]


@pytest.mark.usefixtures("quick_network")
def test_the_command_line_gives_it_as_json(talking_clip: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["analyze", str(talking_clip), "--quick", "--json", "-"]) == 0
    found = json.loads(capsysbinary.readouterr().out)
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert found["config"]["quick"] is True
    assert PROVISIONAL in found["warnings"]
