"""Which of a file's picture streams is read, and what is no clip at all."""

from fractions import Fraction

import av
import numpy as np
import pytest

from deepfake.errors import ClipError
from deepfake.video.browser import browser_plays
from deepfake.video.opening import open_container
from deepfake.video.reader import VideoReader, probe
from tests.video.clips import add_pictures, add_stream, square_frames


def two_streams(path, sizes, *, counts=(20, 20), defaults=(), codecs=("libx264", "libx264"), rate=25):
    with av.open(str(path), "w") as container:
        streams = [
            add_stream(container, codec, size, rate=rate, options={"bf": "0"} if codec == "libx264" else None)
            for codec, size in zip(codecs, sizes, strict=True)
        ]
        for index, stream in enumerate(streams):
            stream.disposition = av.stream.Disposition.default if index in defaults else av.stream.Disposition(0)
        frames = [
            square_frames(count, height=size[0], width=size[1]) for count, size in zip(counts, sizes, strict=True)
        ]
        for number in range(max(counts)):
            for stream, images in zip(streams, frames, strict=True):
                if number < len(images):
                    frame = av.VideoFrame.from_ndarray(images[number], format="rgb24").reformat(format="yuv420p")
                    frame.pts = number
                    container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("name", "defaults"), [("two.mp4", (0, 1)), ("two.mkv", ()), ("two.ts", ())])
def test_the_largest_stream_is_read_where_not_one_is_the_default(tmp_path, name, defaults):
    path = two_streams(tmp_path / name, [(48, 80), (96, 160)], defaults=defaults)
    info = probe(path)
    assert (info.width, info.height) == (160, 96)
    assert info.adjustment("stream_chosen").values == {"stream": 2, "of": 2}
    assert not browser_plays(info)
    with VideoReader(path) as reader:
        assert {frame.image.shape for frame in reader.frames()} == {(96, 160, 3)}


def test_the_default_stream_is_read_even_where_it_is_smaller(tmp_path):
    info = probe(two_streams(tmp_path / "two.mkv", [(96, 160), (48, 80)], defaults=(1,)))
    assert (info.width, info.height) == (80, 48)
    assert info.adjustment("stream_chosen").values == {"stream": 2, "of": 2}


@pytest.mark.parametrize("name", ["still.mp4", "still.mkv"])
def test_a_large_still_beside_the_clip_is_not_read(tmp_path, name):
    info = probe(two_streams(tmp_path / name, [(192, 320), (96, 160)], counts=(1, 20)))
    assert (info.width, info.height) == (160, 96)


def test_one_stream_is_told_of_by_nobody(moving_square_clip):
    assert probe(moving_square_clip).adjustments == ()


def picture_bytes(codec, pix_fmt="rgb24"):
    image = np.zeros((32, 32, 3), np.uint8)
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 32, 32, pix_fmt, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pix_fmt)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"GIF89a\x10\0\x10\0", "this is a GIF (a picture), not a video clip"),
        (b"RIFF\x10\0\0\0WEBPVP8X", "this is a WebP (a picture), not a video clip"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "this is a HEIF (a picture), not a video clip"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "this is an AVIF (a picture), not a video clip"),
        (b"BM\x10\0\0\0", "this is a BMP (a picture), not a video clip"),
        (b"ID3\x04\0\0\0\0", "this is a sound without pictures (MP3), not a video clip"),
        (b"\xff\xfb\x90\x64", "this is a sound without pictures (MP3), not a video clip"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "this is a sound without pictures (WAV), not a video clip"),
        (b"fLaC\0\0\0\x22", "this is a sound without pictures (FLAC), not a video clip"),
        (b"PK\3\4\x14\0", "this is a ZIP archive, not a video clip; unpack it"),
        (b"%PDF-1.7\n", "this is a PDF, not a video clip"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "this is a web page, not a video clip; a site sent it in place of"),
        (b"<!-- served by a -->\n<html>", "this is a web page, not a video clip"),
        (b"#EXTM3U\n#EXTINF:10,\na.ts\n", "this is a playlist, not a video clip; it only names other files"),
        ("\ufeff\n<!DOCTYPE html><html>".encode("utf-16-le"), "this is a web page, not a video clip"),
        ("<!doctype\nhtml>".encode("utf-16-be"), "this is a web page, not a video clip"),
        (b'{"error": "not found"}', "this is a JSON file, not a video clip"),
        (b'{\r\n  "error": "not found"}', "this is a JSON file, not a video clip"),
        (b'[\n {"error": "not found"}]', "this is a JSON file, not a video clip"),
        ('{ "error": "not found"}'.encode("utf-16"), "this is a JSON file, not a video clip"),
    ],
)
def test_what_is_no_clip_is_named(tmp_path, start, words):
    path = tmp_path / "named.mp4"
    path.write_bytes(start + bytes(200))
    with pytest.raises(ClipError) as caught:
        VideoReader(path)
    assert words in caught.value.detail
    assert "\n" not in str(caught.value)


def test_a_recording_that_ended_before_its_index_was_written_is_told_as_that(tmp_path, write_clip):
    whole = write_clip(tmp_path / "whole.mp4", (20, (48, 64))).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: whole.index(b"moov") - 4])
    with pytest.raises(ClipError, match=r"its index is missing\); it was truncated"):
        VideoReader(path)
    path.write_bytes(whole[: whole.index(b"moov") + 40])
    with pytest.raises(ClipError, match=r"its index is missing\); it was truncated"):
        VideoReader(path)


def test_a_picture_of_a_kind_without_a_name_here_lacks_no_index(tmp_path):
    path = tmp_path / "photo.mp4"
    path.write_bytes(b"\0\0\0\x14ftypheim\0\0\0\0mif1\0\0\0\x10meta\0\0\0\0\0\0\0\0\0\0\0\x08mdat")
    with pytest.raises(ClipError) as caught:
        VideoReader(path)
    assert "index" not in caught.value.detail


def test_a_clip_that_is_gone_by_the_time_it_is_opened_is_a_clip_that_cannot_be_read(tmp_path):
    with pytest.raises(ClipError, match="no such file"):
        open_container(tmp_path / "gone.mp4")


def test_a_container_that_is_not_read_is_told_as_that(tmp_path, write_clip):
    path = write_clip(tmp_path / "clip.nut", (5, (48, 64))).rename(tmp_path / "clip.mp4")
    with pytest.raises(ClipError, match="of a kind that is not read"):
        VideoReader(path)


@pytest.mark.parametrize(("codec", "pix_fmt", "name"), [("png", "rgb24", "PNG"), ("mjpeg", "yuvj420p", "JPEG")])
def test_a_picture_with_the_name_of_a_video_is_named(tmp_path, codec, pix_fmt, name):
    path = tmp_path / "photo.mp4"
    path.write_bytes(picture_bytes(codec, pix_fmt))
    with pytest.raises(ClipError, match=rf"this is a {name} \(a picture\), not a video clip"):
        VideoReader(path)


@pytest.mark.parametrize("name", ["sound.mp4", "sound.mkv", "sound.m4a"])
def test_a_sound_in_a_videos_container_is_named(tmp_path, write_clip, name):
    path = write_clip(tmp_path / name, [], audio_s=0.5)
    with pytest.raises(ClipError, match=r"a sound without pictures \(the file holds only audio\), not a video clip"):
        VideoReader(path)


def test_sound_and_pictures_of_a_converted_clip_are_those_of_the_chosen_stream(tmp_path):
    from deepfake.video.browser import transcode

    path = two_streams(tmp_path / "two.mp4", [(48, 80), (96, 160)], defaults=(1,))
    transcode(path, tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height) == (160, 96)
    assert info.adjustments == ()


def test_pictures_written_by_the_helper_are_what_is_read(tmp_path):
    images = square_frames(5)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        add_pictures(container, add_stream(container, "libx264", (96, 160)), images)
    with VideoReader(tmp_path / "a.mp4") as reader:
        for frame, image in zip(reader.frames(), images, strict=True):
            assert np.abs(frame.image.astype(int) - image).mean() < 6
