"""What a file says of itself: tags and what they tell, streams, key frames, and its bit rate against ffprobe's sums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from deepfake.errors import ClipError
from deepfake.video.file_facts import kind_of, read_file_facts
from tests.video.clips import RATE, square_frames, trimmed


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) if i >= 25 else np.zeros((96, 128, 3), np.uint8)
              for i in range(60)]  # fmt: skip
    return write_clip(
        tmp_path_factory.mktemp("facts") / "clip.mp4", frames,
        codec_options={"g": "10", "keyint_min": "10", "sc_threshold": "0", "bf": "2"}, audio_s=1.0,
    )  # fmt: skip


def tagged(plain: Path, out: Path, **tags: str) -> Path:
    """Copy a clip's pictures into a file with tags, as a phone writes them."""
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(plain)) as source, av.open(str(out), "w", options=options) as target:
        pictures = source.streams.video[0]
        stream = target.add_stream_from_template(pictures)
        target.metadata.update(tags)
        for packet in source.demux(pictures):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out


def test_key_frames_and_streams_are_listed(clip: Path) -> None:
    facts = read_file_facts(clip)
    np.testing.assert_allclose(facts.key_times_s, np.arange(6) * 0.4, atol=1e-3)
    assert [line.split(":")[0] for line in facts.streams] == ["stream 0 (audio)", "stream 1 (video)"]
    assert "16000 Hz" in facts.streams[0]
    assert "128×96 px" in facts.streams[1]


def test_the_bit_rate_of_each_second_sums_up_to_the_packets(clip: Path) -> None:
    facts = read_file_facts(clip)
    assert facts.second_s.tolist() == [0, 1, 2]
    with av.open(str(clip)) as container:
        total = sum(packet.size for packet in container.demux(container.streams.video[0]))
    assert facts.bit_rate @ [1, 1, 0.4] == pytest.approx(8 * total)
    assert facts.bit_rate[1] > 10 * facts.bit_rate[0], "noise takes more than black"


def test_what_an_edit_list_leaves_out_does_not_count(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    whole = write_clip(
        tmp_path / "whole.mp4", square_frames(60),
        codec_options={"g": "20", "keyint_min": "20", "sc_threshold": "0", "bf": "2"},
    )  # fmt: skip
    path = trimmed(whole, tmp_path / "trimmed.mp4", 7, 60)
    facts = read_file_facts(path)
    np.testing.assert_allclose(facts.key_times_s, [13 / RATE, 33 / RATE], atol=1e-3)
    with av.open(str(path)) as container:
        shown = sum(packet.size for packet in container.demux(video=0) if not packet.is_discard)
    assert facts.bit_rate @ [1, 1, 3 / RATE] == pytest.approx(8 * shown)
    assert any(tag.name == "encoding library" for tag in facts.tags), "it stands in the first packet, which is left out"


def test_the_encoding_library_is_read_from_the_pictures(clip: Path) -> None:
    (library,) = [tag for tag in read_file_facts(clip).tags if tag.name == "encoding library"]
    assert library.value.startswith("x264 - core")
    assert (library.where, library.kind) == ("stream 1 (video)", "tool")


def test_tags_of_place_and_device_are_told_apart(clip: Path, tmp_path: Path) -> None:
    phone = {
        "com.apple.quicktime.location.ISO6709": "+14.5995+120.9842/",
        "com.apple.quicktime.model": "Phone 12",
        "com.apple.quicktime.software": "17.1",
        "creation_time": "2024-05-01T10:00:00Z",
    }
    facts = read_file_facts(tagged(clip, tmp_path / "phone.mov", **phone))
    told = {tag.kind: tag.value for tag in facts.tags if tag.where == "file"}
    assert told["place"] == "+14.5995+120.9842/"
    assert told["device"] == "Phone 12"
    assert told["time"].startswith("2024-05-01")
    assert {tag.name for tag in facts.tags if tag.is_sensitive} == {
        "com.apple.quicktime.location.ISO6709", "com.apple.quicktime.model",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("encoder", "tool"),
        ("creation_time", "time"),
        ("location-eng", "place"),
        ("make", "device"),
        ("language", "other"),
    ],
)
def test_a_tag_is_known_by_its_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_what_is_no_clip_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no clip")
    with pytest.raises(ClipError, match="cannot be read as a video"):
        read_file_facts(path)
