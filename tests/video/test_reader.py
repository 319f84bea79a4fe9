"""Reading clips: every frame once, upright, at its own time; one clear sentence for what cannot be read."""

import dataclasses
import errno
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deepfake.errors import ClipError, ClipNotFoundError, DeepfakeError, LimitError
from deepfake.files import file_sha256
from deepfake.report.file_wording import reading_warnings
from deepfake.settings import Settings
from deepfake.video.opening import open_container
from deepfake.video.reader import VideoReader, probe
from deepfake.video.timing import is_variable_rate


def read_all(path, settings=None):
    with VideoReader(path, settings) as reader:
        return list(reader.frames()), reader


def square_left_px(image):
    """Left edge of the bright square."""
    return int(np.flatnonzero(image[:, :, 0].max(axis=0) > 128)[0])


def test_frames_come_in_presentation_order_with_their_times(moving_square_clip):
    frames, reader = read_all(moving_square_clip)
    assert [frame.index for frame in frames] == list(range(24))
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 24 for index in range(24)], abs=1e-4)
    # The file has B-frames: decoding order differs from presentation order, the square must move steadily.
    assert [square_left_px(frame.image) for frame in frames] == pytest.approx([8 + 4 * i for i in range(24)], abs=1)
    assert reading_warnings(reader.info) == ()


def test_info_describes_the_clip(moving_square_clip):
    info = probe(moving_square_clip)
    assert (info.width, info.height, info.rotation_deg) == (160, 96, 0)
    assert info.frame_rate == Fraction(24)
    assert info.frame_count == 24
    assert info.duration_s == pytest.approx(1.0, abs=0.01)
    assert (info.codec, info.pixel_format, info.has_audio) == ("h264", "yuv420p", False)
    assert info.sha256 == ""
    assert probe(moving_square_clip, with_hash=True).sha256 == file_sha256(moving_square_clip)
    assert info.adjustments == ()
    assert not info.variable_frame_rate


def test_the_bit_rate_is_that_of_the_pictures_and_its_share_a_pixel_follows(moving_square_clip):
    assert probe(moving_square_clip).bit_rate is None
    info = read_all(moving_square_clip)[1].info
    assert 0 < info.bit_rate <= moving_square_clip.stat().st_size * 8 / info.duration_s
    assert info.bits_per_pixel == pytest.approx(info.bit_rate / (160 * 96 * 24))
    assert dataclasses.replace(info, bit_rate=None).bits_per_pixel is None


def test_a_stream_that_states_a_wrong_bit_rate_has_that_of_its_packets(tmp_path, write_clip, noise_frames):
    """MPEG-1 writes 104857200 bits per second where it means that none is stated."""
    path = write_clip(tmp_path / "clip.mpg", noise_frames, rate=24, codec="mpeg1video", pix_fmt="yuv420p")
    frames, reader = read_all(path)
    assert reader.info.bit_rate == pytest.approx(path.stat().st_size * 8 / (len(frames) / 24), rel=0.02)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("clip.mp4", "libx264", "yuv444p"),
        ("clip.mkv", "libx264", "yuv420p10le"),
        ("clip.mkv", "libx264", "gray"),
        ("clip.mov", "libx265", "yuv420p"),
        ("clip.webm", "libvpx-vp9", "yuv420p"),
        ("clip.avi", "mpeg4", "yuv420p"),
        ("clip.mpg", "mpeg1video", "yuv420p"),
        ("clip.mkv", "ffv1", "bgr0"),
    ],
)
def test_codecs_and_pixel_formats_are_read(tmp_path, write_clip, moving_square_frames, name, codec, pix_fmt):
    path = write_clip(tmp_path / name, moving_square_frames, rate=24, codec=codec, pix_fmt=pix_fmt)
    frames, _ = read_all(path)
    assert len(frames) == 24
    for frame, drawn in zip(frames, moving_square_frames, strict=True):
        assert frame.image.shape == (96, 160, 3)
        assert frame.image.dtype == np.uint8
        # x264 tags gray pictures as limited range although they use all of it: contrast is stretched.
        assert np.abs(frame.image.astype(int) - drawn).mean() < (20 if pix_fmt == "gray" else 6)


def test_colors_are_rgb(tmp_path, write_clip):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 220
    frames, _ = read_all(write_clip(tmp_path / "red.mp4", [red] * 3))
    assert frames[1].image[32, 32] == pytest.approx([220, 0, 0], abs=12)


def test_odd_sizes_are_read(tmp_path, write_clip):
    path = write_clip(tmp_path / "odd.mkv", (5, (65, 97)), codec="ffv1", pix_fmt="yuv444p")
    frames, reader = read_all(path)
    assert {frame.image.shape for frame in frames} == {(65, 97, 3)}
    assert (reader.info.width, reader.info.height) == (97, 65)


@pytest.mark.parametrize(("stored", "clockwise"), [(90, 270), (-90, 90), (180, 180)])
def test_rotation_is_applied(tmp_path, write_clip, stored, clockwise):
    image = np.full((64, 96, 3), 30, np.uint8)
    image[:16, :16] = 235  # a bright corner at the top left
    path = write_clip(tmp_path / "turned.mp4", [image] * 3, rotation_deg=stored)
    frames, reader = read_all(path)
    assert reader.info.rotation_deg == clockwise
    expected = np.rot90(image, -clockwise // 90)
    assert frames[0].image.shape == expected.shape
    assert (reader.info.height, reader.info.width) == expected.shape[:2]
    assert np.abs(frames[0].image.astype(int) - expected).mean() < 6


def test_variable_rate_keeps_the_clips_own_times(tmp_path, write_clip, moving_square_frames):
    times_s = [0.0, 0.04, 0.08, 0.5, 0.54, 1.2]
    path = write_clip(tmp_path / "vfr.mp4", moving_square_frames[:6], timestamps_s=times_s)
    frames, _ = read_all(path)
    assert [frame.timestamp_s for frame in frames] == pytest.approx(times_s, abs=1e-3)
    assert is_variable_rate(np.array([frame.timestamp_s for frame in frames]))
    assert not is_variable_rate(np.arange(50) / 29.97)
    assert not is_variable_rate(np.array([0.0, 0.5]))


def test_frame_near_agrees_with_reading_from_the_start(moving_square_clip):
    frames, _ = read_all(moving_square_clip)
    for wanted in (0, 1, 7, 23):
        with VideoReader(moving_square_clip) as reader:
            frame, before = reader.frame_near(frames[wanted].timestamp_s + 0.001)
        assert frame.timestamp_s == pytest.approx(frames[wanted].timestamp_s)
        assert np.array_equal(frame.image, frames[wanted].image)
        if wanted == 0:
            assert before is None
        else:
            assert before is not None
            assert np.array_equal(before.image, frames[wanted - 1].image)


def test_frame_near_in_a_clip_with_many_key_frames(tmp_path, write_clip, moving_square_frames):
    path = write_clip(
        tmp_path / "gop.mp4", moving_square_frames, rate=24, codec_options={"g": "5", "crf": "18", "bf": "2"}
    )
    frames, _ = read_all(path)
    for wanted in range(24):
        with VideoReader(path) as reader:
            frame, before = reader.frame_near(frames[wanted].timestamp_s)
        assert np.array_equal(frame.image, frames[wanted].image)
        assert before is None if wanted == 0 else np.array_equal(before.image, frames[wanted - 1].image)


def test_frame_near_past_the_end_is_the_last_frame(moving_square_clip):
    frames, _ = read_all(moving_square_clip)
    with VideoReader(moving_square_clip) as reader:
        assert np.array_equal(reader.frame_near(99.0)[0].image, frames[-1].image)


def test_frames_can_be_walked_once(moving_square_clip):
    with VideoReader(moving_square_clip) as reader:
        list(reader.frames())
        with pytest.raises(RuntimeError, match="only once"):
            next(reader.frames())


@pytest.mark.parametrize("walk", [lambda reader: reader.frames(), lambda reader: reader.moments(3)])
@pytest.mark.parametrize("elsewhere", [lambda reader: reader.frame_near(0.2), lambda reader: [*reader.moments(2)]])
def test_a_walk_that_was_left_gives_no_clip_that_ends_early(moving_square_clip, walk, elsewhere):
    with VideoReader(moving_square_clip) as reader:
        frames = walk(reader)
        next(frames)
        elsewhere(reader)
        with pytest.raises(RuntimeError, match="open the clip a second time"):
            next(frames)


def test_no_moments_of_a_clip_are_none(tmp_path, write_clip):
    """Also of one that is long enough to be sought in, and without leaving a walk over its frames."""
    with VideoReader(write_clip(tmp_path / "long.mp4", (700, (32, 48)))) as reader:
        frames = reader.frames()
        next(frames)
        assert list(reader.moments(0)) == []
        assert next(frames).index == 1


def test_a_closed_reader_gives_no_clip_that_ends_early(moving_square_clip):
    with VideoReader(moving_square_clip) as reader:
        later = reader.frames()
    with VideoReader(moving_square_clip) as half_read:
        begun, looked = half_read.frames(), half_read.moments(3)
        next(begun)
        next(looked)
    for read in (
        lambda: list(later),
        lambda: list(begun),
        lambda: list(looked),
        lambda: reader.frame_near(0.2),
        lambda: [*reader.moments(3)],
    ):
        with pytest.raises(RuntimeError, match="the VideoReader is closed; read inside its `with`"):
            read()


def test_a_moment_that_is_no_number_is_refused(moving_square_clip):
    with VideoReader(moving_square_clip) as reader:
        with pytest.raises(ValueError, match="timestamp_s has to be a finite number"):
            reader.frame_near(float("nan"))
        with pytest.raises(ValueError, match="count has to be 0 or more"):
            list(reader.moments(-1))
        assert list(reader.moments(0)) == []


@pytest.fixture(scope="module")
def noise_frames():
    """Frames that do not compress: the bytes of a file lie evenly over its time."""
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, (96, 160, 3), dtype=np.uint8) for _ in range(60)]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_clip_that_breaks_off_gives_what_can_be_read_and_a_warning(tmp_path, write_clip, noise_frames, name):
    options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    path = write_clip(tmp_path / name, noise_frames, container_options=options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    frames, reader = read_all(path)
    assert 25 < len(frames) < 45
    assert len(reading_warnings(reader.info)) == 1
    assert f"breaks off at {frames[-1].timestamp_s:.2f} s" in reading_warnings(reader.info)[0]


def test_damage_in_the_middle_does_not_stop_the_reader(tmp_path, write_clip, noise_frames):
    path = write_clip(tmp_path / "clip.mkv", noise_frames, codec_options={"g": "12"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = bytes(6000)
    path.write_bytes(bytes(data))
    frames, _ = read_all(path)
    assert len(frames) > 50


def write_bytes(path, data):
    path.write_bytes(data)
    return path


def test_what_cannot_be_read_is_one_clear_sentence(tmp_path, write_clip, moving_square_clip):
    truncated = write_bytes(tmp_path / "truncated.mp4", moving_square_clip.read_bytes()[:200])
    cases = {
        write_bytes(tmp_path / "empty.mp4", b""): "the file is empty",
        write_bytes(tmp_path / "text.mp4", b"this is a text, not a video\n" * 50): "cannot be read as a video",
        truncated: "cannot be read as a video",
        write_clip(tmp_path / "sound.mp4", [], audio_s=0.5): "only audio",
        tmp_path: "not a file",
    }
    for path, sentence in cases.items():
        with pytest.raises(ClipError, match=sentence) as caught:
            VideoReader(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, ValueError)


def test_a_playlist_does_not_open_other_files(tmp_path, moving_square_clip):
    (tmp_path / "secret.mp4").write_bytes(moving_square_clip.read_bytes())
    playlist = tmp_path / "innocent.mp4"
    playlist.write_text("ffconcat version 1.0\nfile 'secret.mp4'\n")
    with pytest.raises(ClipError, match="a playlist, not a video clip"):
        VideoReader(playlist)
    with pytest.raises(ClipError, match="of a kind that is not read"):
        open_container(playlist)


def test_interlaced_pictures_are_read(tmp_path, write_clip, moving_square_frames):
    options = {"flags": "+ildct+ilme", "b": "4000000"}
    path = write_clip(tmp_path / "field.mpg", moving_square_frames, rate=25, codec="mpeg2video", codec_options=options)
    frames, _ = read_all(path)
    assert len(frames) == 24
    assert square_left_px(frames[12].image) == pytest.approx(8 + 4 * 12, abs=1)


@pytest.mark.parametrize("url", ["https://example.org/a.mp4", "s3://bucket/a.mp4"])
def test_a_url_is_told_as_one(url):
    with pytest.raises(ClipNotFoundError, match="this is a URL; save the clip as a file first"):
        VideoReader(url)


def test_the_url_of_a_local_file_is_told_to_be_given_as_a_path():
    with pytest.raises(ClipNotFoundError, match="by its path alone, without `file://`"):
        VideoReader("file:///a.mp4")


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(ClipNotFoundError, match="no such file") as caught:
        VideoReader(tmp_path / "nowhere.mp4")
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, DeepfakeError)


def test_a_file_that_cannot_be_reached_is_told_as_an_unusable_clip():
    with pytest.raises(ClipError, match=r"\.mp4: the file cannot be reached \(file name too long\)"):
        VideoReader("a" * 300 + ".mp4")


def test_a_file_that_may_not_be_read_is_told_as_an_unusable_clip(monkeypatch, moving_square_clip):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(ClipError, match=r"the file cannot be read \(permission denied\)"):
        VideoReader(moving_square_clip)


def test_an_empty_name_is_told_as_one():
    with pytest.raises(ClipError, match="an empty name"):
        VideoReader("")


def test_a_name_that_looks_like_a_protocol_is_a_file(tmp_path, monkeypatch, moving_square_clip):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "concat:x.mp4").write_bytes(moving_square_clip.read_bytes())
    assert probe("concat:x.mp4").frame_count == 24


def test_a_cover_picture_is_not_a_clip(tmp_path, write_clip):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        tone.sample_rate, tone.pts = 16_000, 0
        container.mux(sound.encode(tone))
        container.mux(sound.encode(None))
    with pytest.raises(ClipError, match="only audio"):
        VideoReader(path)


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        ({"max_duration_s": 0.5}, ("max_duration_s", "DEEPFAKE_MAX_DURATION_S", "0.5 s")),
        ({"max_pixels": 1000}, ("max_pixels", "DEEPFAKE_MAX_PIXELS", "1,000 px")),
    ],
)
def test_a_limit_names_itself_and_how_to_change_it(moving_square_clip, limits, names):
    with pytest.raises(LimitError) as caught:
        VideoReader(moving_square_clip, Settings(**limits))
    assert all(name in str(caught.value) for name in names)


def test_the_size_limit_is_checked_before_the_file_is_opened(tmp_path):
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(2 * 2**20 + 1)
    with pytest.raises(LimitError, match="DEEPFAKE_MAX_CLIP_MB"):
        VideoReader(path, Settings(max_clip_mb=2))


def test_the_duration_limit_holds_where_the_header_promises_less(tmp_path, write_clip, moving_square_frames):
    path = write_clip(tmp_path / "long.mkv", moving_square_frames * 3, rate=24)
    data = path.read_bytes()
    position = data.find(b"\x44\x89\x88")  # Matroska's Duration element, an 8-byte float
    assert position > 0
    path.write_bytes(data[: position + 3] + struct.pack(">d", 100.0) + data[position + 11 :])
    settings = Settings(max_duration_s=1.0)
    with VideoReader(path, settings) as reader, pytest.raises(LimitError, match="max_duration_s"):
        list(reader.frames())


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("dfdc/test_videos/lynaeydofd.mp4", 300),
        ("dfdc/test_videos/brtujopkby.mp4", 300),
        ("talking/grid_bbaf2n.mpg", 75),
        ("faceforensics/original_sequences/youtube/c40/videos/253.mp4", None),
    ],
)
def test_real_clips_are_read_whole(real_data, name, frames):
    with VideoReader(real_data / name) as reader:
        times_s = [frame.timestamp_s for frame in reader.frames()]
        assert len(times_s) == (frames or reader.info.frame_count)
        assert np.all(np.diff(times_s) > 0)
        assert reading_warnings(reader.info) == ()
