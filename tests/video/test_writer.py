"""Written clips are playable H.264, keep their timing and colors, and leave nothing behind."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deepfake.errors import ClipError
from deepfake.faces.alignment import FaceCrop, crop_face
from deepfake.video.browser import browser_plays, transcode
from deepfake.video.info import Frame
from deepfake.video.reader import VideoReader, probe
from deepfake.video.writer import ClipWriter, slowed
from deepfake.views.face_clips import MAX_WAITING, FaceClips

WriteClip = Callable[..., Path]
RATE = Fraction(25)
UNEVEN_S = [0.0, 0.04, 0.08, 0.5, 0.54, 1.2]


def read(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader.frames())


def times_s(path: Path) -> list[float]:
    return [frame.timestamp_s for frame in read(path)]


def atoms(path: Path) -> list[str]:
    """The names of an MP4's top-level boxes, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode("latin-1"))
        at += int.from_bytes(data[at : at + 4], "big")
    return names


def moving_spot(count: int, size: tuple[int, int] = (64, 96)) -> list[np.ndarray]:
    images = []
    for index in range(count):
        image = np.full((*size, 3), 60, np.uint8)
        image[20:40, 4 * index : 4 * index + 20] = (200, 120, 80)
        images.append(image)
    return images


def write(path: Path, images: list[np.ndarray], at_s: list[float]) -> Path:
    height, width = images[0].shape[:2]
    with ClipWriter(path, RATE, (width, height)) as writer:
        for image, time_s in zip(images, at_s, strict=True):
            writer.write(image, time_s)
    return path


def test_written_clip_is_what_browsers_play_and_keeps_uneven_times(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", moving_spot(6), UNEVEN_S)
    info = probe(path)
    assert (info.codec, info.pixel_format, info.width, info.height) == ("h264", "yuv420p", 96, 64)
    assert browser_plays(info)
    np.testing.assert_allclose(times_s(path), UNEVEN_S, atol=1 / 90_000)
    order = atoms(path)
    assert order.index("moov") < order.index("mdat"), "the index comes first"
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("color", [(200, 40, 40), (40, 180, 60), (224, 172, 150), (255, 255, 255), (0, 0, 0)])
def test_colors_survive(tmp_path: Path, color: tuple[int, int, int]) -> None:
    path = write(tmp_path / "flat.mp4", [np.full((64, 64, 3), color, np.uint8)] * 3, [0, 0.04, 0.08])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (1, 1), "tagged as BT.709, limited range"
    # The oracle is BT.709's own formula (ITU-R BT.709-6, 3.2 and 3.4), not a library's guess at the matrix.
    y, cb, cr = (float(plane[8, 8]) for plane in (frame.to_ndarray()[:64, :64], *_chroma(frame)))
    luma, blue, red = (y - 16) / 219, (cb - 128) / 224 * 1.8556, (cr - 128) / 224 * 1.5748
    green = (luma - 0.2126 * (luma + red) - 0.0722 * (luma + blue)) / 0.7152
    np.testing.assert_allclose(np.array([luma + red, green, luma + blue]) * 255, color, atol=4)


def _chroma(frame: av.VideoFrame) -> list[np.ndarray]:
    return [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes[1:]
    ]


def test_odd_sizes_are_made_even_by_repeating_the_edge(tmp_path: Path) -> None:
    images = [np.full((33, 47, 3), 120, np.uint8) for _ in range(3)]
    for image in images:
        image[:, -1] = 220
    path = write(tmp_path / "odd.mp4", images, [0, 0.04, 0.08])
    frame = read(path)[0]
    assert frame.image.shape == (34, 48, 3)
    assert frame.image[10, 46:].mean() == pytest.approx(220, abs=12)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (8, 8), (15, 16)])
def test_tiny_pictures_can_be_written(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write(tmp_path / "tiny.mp4", [np.full((*size, 3), 90, np.uint8)] * 2, [0, 0.04])
    assert len(read(path)) == 2


def test_times_closer_than_the_time_base_still_make_a_clip(tmp_path: Path) -> None:
    path = write(tmp_path / "dense.mp4", moving_spot(3), [0, 1e-7, 0.04])
    assert len(read(path)) == 3


def test_failure_and_no_frame_leave_no_file(tmp_path: Path) -> None:
    images = [np.zeros((32, 32, 3), np.uint8), np.zeros((16, 32, 3), np.uint8)]
    with pytest.raises(ValueError, match=r"shape \(16, 32, 3\)"):
        write(tmp_path / "failed.mp4", images, [0, 0.04])
    with ClipWriter(tmp_path / "empty.mp4", RATE, (32, 32)):
        pass
    assert list(tmp_path.iterdir()) == []


def crops(track_id: int, at_s: list[float], size: int = 64) -> list[tuple[FaceCrop, Frame]]:
    """A spot that moves, and crops that follow it at a scale of one half."""
    pairs = []
    for index, time_s in enumerate(at_s):
        image = np.full((240, 320, 3), 30, np.uint8)
        image[60:188, 4 * index : 4 * index + 128] = (180, 140, 110)
        image[110:140, 4 * index + 50 : 4 * index + 80] = (20, 20, 200)
        transform = np.array([[2, 0, 4 * index + 0.5], [0, 2, 60.5]], np.float32)
        frame = Frame(round(time_s * 25), time_s, image)
        pairs.append((FaceCrop(track_id, frame.index, time_s, crop_face(image, transform, size), transform), frame))
    return pairs


def test_face_clip_shows_the_crop_enlarged_and_holds_over_a_gap(tmp_path: Path) -> None:
    at_s = [2.0, 2.04, 2.08, 3.0, 3.04]
    clips = FaceClips(tmp_path, RATE)
    for crop, frame in crops(4, at_s):
        clips(crop, frame)
    assert clips.close() == {4: tmp_path / "face-4.mp4"}
    frames = read(tmp_path / "face-4.mp4")
    np.testing.assert_allclose([frame.timestamp_s for frame in frames], np.array(at_s) - 2, atol=1e-4)
    for frame in frames:
        assert frame.image.shape == (320, 320, 3)
        # The crop follows the spot: its mark stays where it is.
        np.testing.assert_allclose(frame.image[160, 160], (20, 20, 200), atol=12)
        np.testing.assert_allclose(frame.image[20, 20], (180, 140, 110), atol=12)


def test_clips_of_dropped_tracks_are_deleted(tmp_path: Path) -> None:
    clips = FaceClips(tmp_path, RATE, size_px=64)
    for track_id in (0, 1, 2):
        for crop, frame in crops(track_id, [0, 0.04]):
            clips(crop, frame)
    assert set(clips.close({0, 2})) == {0, 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-0.mp4", "face-2.mp4"]


def test_open_encoders_are_bounded_and_idle_tracks_make_room(tmp_path: Path) -> None:
    clips = FaceClips(tmp_path, RATE, size_px=64, max_open=2, idle_s=1.0)
    for track_id, at_s in [(0, 0.0), (1, 0.0), (2, 0.04), (1, 1.5), (3, 1.6), (0, 1.64), (2, 1.68)]:
        for crop, frame in crops(track_id, [at_s]):
            clips(crop, frame)
    assert clips.skipped == {2}, "there was no room while both others were visible"
    assert set(clips.close()) == {0, 1, 3}, "track 3 took the place of track 0"


def test_an_analysis_that_fails_leaves_no_clip(tmp_path: Path) -> None:
    def fail_after_one_crop() -> None:
        with FaceClips(tmp_path, RATE, size_px=64) as clips:
            clips(*crops(0, [0.0])[0])
            raise RuntimeError("canceled")

    with pytest.raises(RuntimeError, match="canceled"):
        fail_after_one_crop()
    assert list(tmp_path.iterdir()) == []


def test_more_crops_than_may_wait_are_all_written_each_in_its_clip(tmp_path: Path) -> None:
    count = 2 * MAX_WAITING
    with FaceClips(tmp_path, RATE, size_px=64) as clips:
        for index in range(count):
            for track_id in (0, 1):
                clips(*crops(track_id, [index / 25])[0])
        written = clips.close()
    assert [len(read(path)) for path in written.values()] == [count, count]


def test_what_goes_wrong_in_the_encoder_is_raised_and_leaves_no_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write_one() -> None:
        with FaceClips(tmp_path, RATE, size_px=64) as clips:
            clips(*crops(0, [0.0])[0])
            clips.close()

    monkeypatch.setattr(ClipWriter, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        write_one()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("factor", [2, 4, 1.5])
def test_slowed_stretches_times_and_keeps_pictures(tmp_path: Path, factor: float) -> None:
    path = write(tmp_path / "clip.mp4", moving_spot(30, (64, 160)), [index / 25 for index in range(30)])
    slowed(path, tmp_path / "slow.mp4", factor)
    before, after = read(path), read(tmp_path / "slow.mp4")
    np.testing.assert_allclose(
        [frame.timestamp_s for frame in after], [frame.timestamp_s * factor for frame in before], atol=1e-3
    )
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    duration_s, slow_s = (probe(tmp_path / name).duration_s for name in ("clip.mp4", "slow.mp4"))
    assert slow_s == pytest.approx(duration_s * factor, rel=0.02)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mp4", "slow.mp4"]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "plays"),
    [
        ("a.mp4", "libx264", "yuv420p", True),
        ("a.mov", "libx264", "yuv420p", True),
        ("a.mp4", "libx264", "yuv444p", False),
        ("a.mkv", "libx264", "yuv420p", False),
        ("a.avi", "libx264", "yuv420p", False),
        ("a.mp4", "mpeg4", "yuv420p", False),
        ("a.mp4", "libx265", "yuv420p", False),
        ("a.webm", "libvpx-vp9", "yuv420p", True),
        ("a.webm", "libvpx", "yuv420p", True),
        ("a.mkv", "libvpx-vp9", "yuv420p", False),
        ("a.mpg", "mpeg1video", "yuv420p", False),
    ],
)
def test_browser_plays(tmp_path: Path, write_clip: WriteClip, name: str, codec: str, pix_fmt: str, plays: bool) -> None:
    path = write_clip(tmp_path / name, (3, (64, 64)), codec=codec, pix_fmt=pix_fmt)
    assert browser_plays(probe(path)) is plays


def test_ten_bit_h264_does_not_play(moving_square_clip: Path) -> None:
    assert not browser_plays(dataclasses.replace(probe(moving_square_clip), pixel_format="yuv420p10le"))


def test_transcode_makes_an_uneven_rotated_clip_with_sound_playable(tmp_path: Path, write_clip: WriteClip) -> None:
    at_s = [index / 25 for index in range(20)] + [1.2, 1.6]
    path = write_clip(
        tmp_path / "phone.mp4", (22, (240, 320)), codec="libx265", timestamps_s=at_s, rotation_deg=90, audio_s=1.6
    )
    seen: list[tuple[int, int | None]] = []
    transcode(path, tmp_path / "out.mp4", max_height=160, progress=lambda done, total: seen.append((done, total)))
    info = probe(tmp_path / "out.mp4")
    assert browser_plays(info)
    source = probe(path)
    assert info.rotation_deg == 0
    assert (info.height, info.width) == (160, round(source.width * 160 / source.height))
    np.testing.assert_allclose(times_s(tmp_path / "out.mp4"), times_s(path), atol=2e-3)
    assert [done for done, _ in seen] == list(range(1, 23))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        sound = np.concatenate([block.to_ndarray() for block in container.decode(audio=0)], axis=1)
    assert sound.shape[1] / 48_000 == pytest.approx(1.6, abs=0.1)
    middle = sound[0, 20_000:68_000]
    peak_hz = np.abs(np.fft.rfft(middle)).argmax() * 48_000 / len(middle)
    assert peak_hz == pytest.approx(440, abs=2), "the tone is still the tone"


def test_transcode_keeps_small_clips_at_their_size(tmp_path: Path, moving_square_clip: Path) -> None:
    transcode(moving_square_clip, tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.has_audio) == (160, 96, False)
    for one, other in zip(read(moving_square_clip), read(tmp_path / "out.mp4"), strict=True):
        assert np.abs(one.image.astype(int) - other.image).mean() < 4


def test_transcode_of_something_else_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(ClipError):
        transcode(tmp_path / "text.mp4", tmp_path / "out.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["text.mp4"]
