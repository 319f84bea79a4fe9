"""Frames of two fields: put together, told, and nothing else touched."""

import av
import numpy as np
import pytest

from deepfake.video.reader import VideoReader
from tests.video.clips import add_pictures, add_stream, square_frames


def woven(top_first=True, count=30):
    """Frames whose even and odd lines show the square at two moments, and the moment of each frame alone."""
    moments = square_frames(2 * count, height=96, width=320)
    frames = []
    for index in range(count):
        first, second = moments[2 * index], moments[2 * index + 1]
        frame = first.copy()
        frame[1 if top_first else 0 :: 2] = second[1 if top_first else 0 :: 2]
        frames.append(frame)
    return frames, moments[::2]


def comb(image):
    """How much neighboring lines differ more than lines two apart."""
    lines = image[:, :, 0].astype(float)
    return float(np.abs(np.diff(lines, axis=0)).mean() - np.abs(lines[2:] - lines[:-2]).mean())


def write(path, frames, codec, options):
    with av.open(str(path), "w") as container:
        add_pictures(container, add_stream(container, codec, (96, 320), options=options), frames)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options", "top_first"),
    [
        ("tff.mp4", "libx264", {"x264-params": "tff=1", "crf": "12"}, True),
        ("bff.mkv", "libx264", {"x264-params": "bff=1", "crf": "12"}, False),
        ("tff.ts", "libx264", {"x264-params": "tff=1", "crf": "12"}, True),
    ],
)
def test_interlaced_pictures_are_put_together(tmp_path, name, codec, options, top_first):
    frames, _ = woven(top_first)
    with VideoReader(write(tmp_path / name, frames, codec, options)) as reader:
        read = list(reader.frames())
    assert len(read) == len(frames)
    assert reader.info.adjustment("deinterlaced").values == {"frames": len(frames)}
    assert [frame.timestamp_s for frame in read] == pytest.approx([index / 25 for index in range(30)], abs=2e-3)
    before, after = (float(np.mean([comb(image) for image in images])) for images in (frames, [f.image for f in read]))
    assert before > 0.2  # lines of two moments stand out
    assert after < 0  # as in any picture, neighbors are the most alike


def test_progressive_pictures_are_left_alone(tmp_path):
    _, moments = woven()
    with VideoReader(write(tmp_path / "p.mp4", moments, "libx264", {"crf": "12"})) as reader:
        read = list(reader.frames())
    assert reader.info.adjustments == ()
    assert np.mean([np.abs(f.image.astype(int) - m).mean() for f, m in zip(read, moments, strict=True)]) < 4


def test_colors_are_kept(tmp_path):
    red = [np.full((96, 320, 3), (200, 30, 20), np.uint8)] * 8
    with VideoReader(write(tmp_path / "r.mp4", red, "libx264", {"x264-params": "tff=1", "crf": "4"})) as reader:
        assert [f.image[40, 100].astype(int) for f in reader.frames()][4] == pytest.approx([200, 30, 20], abs=4)
