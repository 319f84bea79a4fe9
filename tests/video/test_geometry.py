"""Pictures as a player shows them: turned, mirrored, square pixels, cropped, fitted."""

import itertools
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from deepfake.errors import LimitError
from deepfake.report.file_wording import reading_warnings
from deepfake.settings import Settings
from deepfake.video.elements import pixel_crop
from deepfake.video.geometry import Geometry, Orientation, pixel_aspect
from deepfake.video.reader import VideoReader, probe
from tests.video.clips import (
    add_pictures,
    add_stream,
    square_frames,
    with_clean_aperture,
    with_matrix,
    with_pixel_crop,
)

MATRICES = [
    m for m in itertools.product((-1, 0, 1), repeat=4) if abs(m[0] * m[3] - m[1] * m[2]) == 1 and m[0] * m[1] == 0
]
RIGHT_ANGLES = [m for m in MATRICES if sorted(map(abs, m)) == [0, 0, 1, 1]]


def shown(image, matrix):
    """Where every pixel goes, straight from the definition: x' = ax + cy, y' = bx + dy."""
    a, b, c, d = matrix
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    to_x, to_y = a * x + c * y, b * x + d * y
    to_x, to_y = to_x - to_x.min(), to_y - to_y.min()
    out = np.zeros((to_y.max() + 1, to_x.max() + 1, 3), image.dtype)
    out[to_y, to_x] = image
    return out


def test_there_are_eight_orientations():
    assert len(RIGHT_ANGLES) == 8


@pytest.mark.parametrize("matrix", RIGHT_ANGLES)
def test_every_display_matrix_is_obeyed(tmp_path, write_clip, matrix):
    image = np.full((64, 96, 3), 30, np.uint8)
    image[:16, :24] = 235
    image[40:48, :48] = 140
    plain = write_clip(tmp_path / "plain.mp4", [image] * 3)
    path = with_matrix(plain, tmp_path / "matrix.mp4", matrix)
    with VideoReader(path) as reader:
        frame = next(reader.frames())
        info = reader.info
    wanted = shown(image, matrix)
    assert frame.image.shape == wanted.shape == (info.height, info.width, 3)
    assert np.abs(frame.image.astype(int) - wanted).mean() < 6
    changes = {item.code for item in info.adjustments}
    assert ("mirrored" in changes) == info.mirrored == (matrix[0] * matrix[3] - matrix[1] * matrix[2] < 0)
    assert ("turned" in changes) == (info.rotation_deg != 0)
    assert (changes == set()) == (matrix == (1, 0, 0, 1))


def test_a_flip_alone_turns_nothing(tmp_path, write_clip):
    plain = write_clip(tmp_path / "plain.mp4", (3, (64, 96)))
    info = probe(with_matrix(plain, tmp_path / "flipped.mp4", (-1, 0, 0, 1)))
    assert (info.rotation_deg, info.mirrored) == (0, True)


def test_a_matrix_without_an_inverse_changes_nothing():
    assert Orientation.of_matrix(struct.pack("<9i", *[0] * 9)) == Orientation()
    assert Orientation.of_matrix(b"short") == Orientation()


def aspect_clip(path, size, aspect, codec="libx264", count=4):
    with av.open(str(path), "w") as container:
        stream = add_stream(container, codec, size)
        stream.codec_context.sample_aspect_ratio = aspect
        add_pictures(container, stream, square_frames(count, height=size[0], width=size[1]))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), (192, 160)), (Fraction(1, 2), (96, 320)), (Fraction(16, 15), (102, 160))]
)
def test_pixels_are_made_square_by_making_the_picture_larger(tmp_path, name, aspect, size):
    path = aspect_clip(tmp_path / name, (160, 96), aspect)
    with VideoReader(path) as reader:
        frame = next(reader.frames())
    assert frame.image.shape[1::-1] == (reader.info.width, reader.info.height) == size
    assert (reader.info.coded_width, reader.info.coded_height) == (96, 160)
    assert reader.info.adjustment("scaled").values["pixel_aspect"] == pytest.approx(float(aspect), abs=1e-3)


def test_pixels_that_are_square_but_for_rounding_stay(tmp_path):
    assert probe(aspect_clip(tmp_path / "a.mp4", (96, 160), Fraction(400, 401))).adjustments == ()
    assert pixel_aspect(None) == pixel_aspect(Fraction(0)) == pixel_aspect(Fraction(1000)) == 1


def test_the_limit_of_pixels_holds_for_the_picture_as_shown(tmp_path):
    path = aspect_clip(tmp_path / "a.mp4", (96, 160), Fraction(4))
    assert probe(path, Settings(max_pixels=96 * 640)).width == 640
    with pytest.raises(LimitError, match="640×96"):
        probe(path, Settings(max_pixels=96 * 640 - 1))


def test_square_pixels_come_before_the_turn():
    image = np.zeros((10, 20, 3), np.uint8)
    geometry = Geometry(20, 10, Fraction(2), None, Orientation(1))
    assert geometry.size == (10, 40)
    assert geometry.apply(image)[0].shape == (40, 10, 3)


@pytest.mark.parametrize(("right", "down", "left", "top"), [(0, 0, 40, 8), (-40, 8, 0, 16)])
def test_the_clean_aperture_is_shown(tmp_path, write_clip, right, down, left, top):
    image = np.zeros((96, 160, 3), np.uint8)
    image[...] = np.linspace(20, 230, 160, dtype=np.float32)[None, :, None]
    plain = write_clip(tmp_path / "plain.mp4", [image] * 3)
    path = with_clean_aperture(plain, tmp_path / "clean.mp4", 80, 80, right, down)
    with VideoReader(path) as reader:
        frame = next(reader.frames())
    assert frame.image.shape == (80, 80, 3)
    assert reader.info.adjustment("cropped").values == {"left": left, "top": top, "width": 80, "height": 80}
    assert np.abs(frame.image.astype(int) - image[top : top + 80, left : left + 80]).mean() < 6


def test_a_clean_aperture_that_cannot_be_is_not_believed(tmp_path, write_clip):
    plain = write_clip(tmp_path / "plain.mp4", (3, (96, 160)))
    assert probe(with_clean_aperture(plain, tmp_path / "odd.mp4", 200, 80, 0, 0)).adjustments == ()


def told_of_colors(path, images):
    """A Matroska file with so much said of its colors that another element fits in its place."""
    with av.open(str(path), "w") as container:
        stream = add_stream(container, "libx264", images[0].shape[:2])
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        add_pictures(container, stream, images)
    return path


def test_a_matroska_file_says_what_to_leave_out(tmp_path):
    image = np.zeros((96, 160, 3), np.uint8)
    image[...] = np.linspace(20, 230, 160, dtype=np.float32)[None, :, None]
    plain = told_of_colors(tmp_path / "plain.mkv", [image] * 3)
    assert probe(plain).adjustments == ()
    path = with_pixel_crop(plain, tmp_path / "crop.mkv", 40, 8, 24, 16)
    with VideoReader(path) as reader:
        frame = next(reader.frames())
    assert frame.image.shape == (72, 96, 3)
    assert reader.info.adjustment("cropped").values == {"left": 40, "top": 8, "width": 96, "height": 72}
    assert np.abs(frame.image.astype(int) - image[8:80, 40:136]).mean() < 6


def test_a_matroska_file_that_leaves_out_everything_is_not_believed(tmp_path):
    plain = told_of_colors(tmp_path / "plain.mkv", square_frames(3))
    assert pixel_crop(with_pixel_crop(plain, tmp_path / "odd.mkv", 80, 0, 80, 0), 0, 160, 96) is None


@pytest.mark.parametrize("length", [0, 5, 60, 200, 330])
def test_elements_that_break_off_or_are_none_say_nothing(tmp_path, length):
    plain = told_of_colors(tmp_path / "plain.mkv", square_frames(3))
    whole = with_pixel_crop(plain, tmp_path / "whole.mkv", 8, 8, 8, 8).read_bytes()
    path = tmp_path / "part.mkv"
    path.write_bytes(whole[:length] + bytes(40))
    assert pixel_crop(path, 0, 160, 96) is None
    assert pixel_crop(tmp_path / "whole.mkv", 1, 160, 96) is None, "there is one track"


@pytest.mark.parametrize("second", [(160, 96), (48, 80), (192, 320)])
def test_a_size_that_changes_keeps_its_proportions(tmp_path, second):
    disc = [np.zeros((*size, 3), np.uint8) for size in ((96, 160), second)]
    for image in disc:
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        radius = min(image.shape[:2]) * 0.4
        image[np.hypot(y - image.shape[0] / 2, x - image.shape[1] / 2) < radius] = 230
    for number, image in enumerate(disc):
        with av.open(str(tmp_path / f"{number}.ts"), "w") as container:
            add_pictures(container, add_stream(container, "libx264", image.shape[:2]), [image] * 10, first=10 * number)
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join((tmp_path / f"{number}.ts").read_bytes() for number in range(2)))
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert {frame.image.shape for frame in frames} == {(96, 160, 3)}
    assert reader.info.adjustment("fitted").values["frames"] == len(frames) - 10
    assert len(frames) > 15
    bright = frames[-1].image[:, :, 0] > 120
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert np.ptp(columns) == pytest.approx(np.ptp(rows), abs=3)  # the disc is round
    assert any("change size or shape" in warning for warning in reading_warnings(reader.info))


@pytest.mark.parametrize(
    ("suffix", "codec"), [("ts", "libx264"), ("ts", "mpeg2video"), ("mpg", "mpeg2video"), ("h264", "libx264")]
)
def test_a_pixel_shape_that_changes_keeps_its_proportions(tmp_path, suffix, codec):
    image = np.zeros((96, 144, 3), np.uint8)
    y, x = np.mgrid[:96, :144]
    image[np.hypot(y - 48, x - 72) < 36] = 230
    pieces = []
    for number, aspect in enumerate((Fraction(8, 9), Fraction(32, 27), Fraction(8, 9))):
        pieces.append(tmp_path / f"{number}.{suffix}")
        with av.open(str(pieces[-1]), "w") as container:
            stream = add_stream(container, codec, image.shape[:2], options={"bf": "2", "crf": "20"})
            stream.codec_context.sample_aspect_ratio = aspect
            add_pictures(container, stream, [image] * 20)
    path = tmp_path / f"joined.{suffix}"
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert {frame.image.shape for frame in frames} == {(108, 144, 3)}
    shapes = []
    for frame in frames:
        bright = frame.image[:, :, 0] > 120
        shapes.append(np.ptp(np.flatnonzero(bright.any(axis=0))) / np.ptp(np.flatnonzero(bright.any(axis=1))))
    assert shapes == pytest.approx([8 / 9] * 20 + [32 / 27] * 20 + [8 / 9] * 20, rel=0.05)
    assert reader.info.adjustment("fitted").values == {"frames": 20}
    for frame in frames[15:45:3]:
        with VideoReader(path) as reader:
            near, _ = reader.frame_near(frame.timestamp_s)
        assert np.array_equal(near.image, frame.image)


def test_where_the_file_states_a_pixel_shape_its_word_counts(tmp_path):
    """Players stretch an MP4 as it says, whatever its pictures say."""
    path = aspect_clip(tmp_path / "a.mp4", (96, 144), Fraction(32, 27))
    data, written = path.read_bytes(), b"pasp" + struct.pack(">2I", 32, 27)
    assert data.count(written) == 1
    path.write_bytes(data.replace(written, b"pasp" + struct.pack(">2I", 2, 1)))
    with VideoReader(path) as reader:
        assert {frame.image.shape for frame in reader.frames()} == {(96, 288, 3)}
    assert reader.info.adjustment("fitted") is None
