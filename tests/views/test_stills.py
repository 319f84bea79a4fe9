"""What is looked at on demand: the right frame, its faces up close, pairs of frames, grids, thumbnails."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from skimage.metrics import structural_similarity

from deepfake.detectors import DEFAULT_CLASSIFIER
from deepfake.detectors.clip_vit import CROP_PX as CLIP_CROP_PX
from deepfake.detectors.efficientnet import ATTRIBUTION_PX, CROP_PX
from deepfake.errors import ClipError
from deepfake.faces.base import FaceDetection
from deepfake.faces.tracking import track_crop_to_frame
from deepfake.figures.attribution import PICTURE_SIDE_PX
from deepfake.video.reader import VideoReader
from deepfake.views.stills import (
    PREVIEW_SIZE_PX,
    SEEK_BEYOND_FRAMES,
    VIEW_SIDE_PX,
    ZOOM_SIZE_PX,
    face_grid,
    fitted,
    frame_grid,
    frame_pair_at,
    moment_at,
    preview_jpeg,
    scaled,
    scored_crop_at,
    thumbnail_jpeg,
)
from tests.watched import Watched

WriteClip = Callable[..., Path]


def square_left(image: np.ndarray) -> int:
    """The left edge of the bright square, px."""
    return int(np.flatnonzero(image[48, :, 0] > 128)[0])


@pytest.mark.parametrize("index", [0, 1, 11, 23])
def test_a_moment_shows_the_frame_of_that_time(moving_square_clip: Path, index: int) -> None:
    moment = moment_at(moving_square_clip, index / 24)
    assert moment.timestamp_s == pytest.approx(index / 24, abs=1e-3)
    assert moment.size == (160, 96)
    assert abs(square_left(moment.view) - (8 + 4 * index)) <= 1


def test_a_moment_between_two_frames_shows_the_earlier(moving_square_clip: Path) -> None:
    assert moment_at(moving_square_clip, 5.6 / 24).timestamp_s == pytest.approx(5 / 24, abs=1e-3)


def test_detectors_agree_on_the_portrait_and_each_face_is_zoomed(talking_clip: Path) -> None:
    moment = moment_at(talking_clip, 0.4, ("mtcnn", "haar"))
    assert {name: len(faces) for name, faces in moment.faces.items()} == {"mtcnn": 1, "haar": 1}
    for name in ("mtcnn", "haar"):
        assert [zoom.shape for zoom in moment.zooms[name]] == [(ZOOM_SIZE_PX, ZOOM_SIZE_PX, 3)]


def test_a_known_box_is_zoomed_without_a_search(talking_clip: Path) -> None:
    box = np.array([[280, 120, 400, 280]], dtype=np.float32)
    moment = moment_at(talking_clip, 0.4, (), box)
    assert moment.faces == {}
    # The middle of the zoom is the middle of the box.
    middle = moment.zooms["boxes"][0][ZOOM_SIZE_PX // 2, ZOOM_SIZE_PX // 2].astype(int)
    assert np.abs(middle - moment.view[200, 340].astype(int)).max() <= 12


def test_a_frame_pair_is_two_neighbors_and_their_similarity_is_scikit_images(talking_clip: Path) -> None:
    pair = frame_pair_at(talking_clip, 0.4)
    assert pair is not None
    assert (pair.before_s, pair.after_s) == pytest.approx((0.36, 0.4), abs=1e-3)
    with VideoReader(talking_clip) as reader:
        images = [frame.image for frame in reader.frames()][9:11]
    _, local = structural_similarity(
        *images,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
        full=True,
    )
    assert pair.similarity == pytest.approx(float(local[5:-5, 5:-5].mean()), abs=1e-4)
    assert pair.difference is not None
    assert np.abs(pair.before.astype(int) - images[0]).max() == 0


def test_the_first_frame_has_no_pair(moving_square_clip: Path) -> None:
    assert frame_pair_at(moving_square_clip, 0.0) is None


def test_a_tiny_clip_has_a_pair_without_a_map(tmp_path: Path, write_clip: WriteClip) -> None:
    pair = frame_pair_at(write_clip(tmp_path / "tiny.mp4", (5, (8, 8))), 0.1)
    assert pair is not None
    assert (pair.similarity, pair.difference) == (None, None)


def test_a_grid_shows_the_frames_that_it_names(moving_square_clip: Path) -> None:
    indices = [0, 5, 10, 23]
    tiles = frame_grid(moving_square_clip, indices, [index / 24 for index in indices])
    assert [tile.frame_index for tile in tiles] == indices
    assert [round(tile.timestamp_s * 24) for tile in tiles] == indices
    assert all(abs(square_left(tile.image) - (8 + 4 * tile.frame_index)) <= 1 for tile in tiles)


def test_a_sparse_grid_of_a_long_clip_jumps_to_the_same_frames(tmp_path: Path, write_clip: WriteClip) -> None:
    step = SEEK_BEYOND_FRAMES + 10

    def numbered():
        for index in range(3 * step):
            yield np.full((48, 64, 3), 20 + index, np.uint8)

    clip = write_clip(tmp_path / "long.mp4", numbered(), rate=30)
    indices = [0, step, 2 * step]
    tiles = frame_grid(clip, indices, [index / 30 for index in indices])
    assert [tile.frame_index for tile in tiles] == indices
    assert [float(tile.image.mean()) for tile in tiles] == pytest.approx([20 + index for index in indices], abs=1.5)


def test_a_clip_shorter_than_its_grid_gives_what_there_is(moving_square_clip: Path) -> None:
    assert [tile.frame_index for tile in frame_grid(moving_square_clip, [20, 40], [20 / 24, 40 / 24])] == [20]


def test_a_face_grid_carries_the_clips_own_numbers_and_times(moving_square_clip: Path) -> None:
    tiles = face_grid(moving_square_clip, [0, 6], [100, 106], [4.0, 4.25])
    assert [(tile.frame_index, tile.timestamp_s) for tile in tiles] == [(100, 4.0), (106, 4.25)]
    assert abs(square_left(tiles[1].image) - 32) <= 1


def test_a_thumbnail_is_a_small_jpeg(talking_clip: Path) -> None:
    with PIL.Image.open(BytesIO(thumbnail_jpeg(talking_clip, 160))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (160, 120))


def test_a_preview_fits_its_place_and_shows_the_face() -> None:
    image = np.full((1920, 1080, 3), 90, np.uint8)
    face = FaceDetection(np.array([400, 800, 600, 1050], dtype=np.float32), None, 0.9)
    with PIL.Image.open(BytesIO(preview_jpeg(image, {0: face}))) as picture:
        drawn = np.asarray(picture)
    assert drawn.shape[0] <= PREVIEW_SIZE_PX[1]
    assert drawn.shape[1] <= PREVIEW_SIZE_PX[0]
    assert drawn.std() > 1
    with PIL.Image.open(BytesIO(preview_jpeg(image, {}))) as picture:
        assert np.asarray(picture).std() < 1


def test_fitting_keeps_proportions_and_never_enlarges() -> None:
    assert fitted(np.zeros((2160, 3840, 3), np.uint8), VIEW_SIDE_PX).shape == (720, 1280, 3)
    assert fitted(np.zeros((3840, 2160, 3), np.uint8), VIEW_SIDE_PX).shape == (1280, 720, 3)
    small = np.zeros((10, 20, 3), np.uint8)
    assert fitted(small, VIEW_SIDE_PX) is small


def test_a_scaled_face_keeps_its_confidence() -> None:
    face = FaceDetection(np.array([10, 20, 30, 40], np.float32), np.full((5, 2), 20, np.float32), 0.5)
    half = scaled(face, 0.5)
    assert half.box_xyxy.tolist() == [5, 10, 15, 20]
    assert half.landmarks is not None
    assert half.landmarks.max() == 10
    assert half.confidence == 0.5


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(ClipError):
        thumbnail_jpeg(tmp_path / "text.mp4")


def test_a_scored_crop_is_the_one_that_the_analysis_scored(watched: Watched) -> None:
    analysis = watched.analysis
    trace, track = analysis.trace("learned_score", 0), analysis.track(0)
    assert trace is not None
    assert track is not None
    for row in (0, len(trace.values) // 2, -1):
        transform = track_crop_to_frame(track, int(trace.frame_indices[row]), CROP_PX)
        assert transform is not None
        crop = scored_crop_at(watched.clip, float(trace.timestamps_s[row]), transform, DEFAULT_CLASSIFIER)
        assert crop.timestamp_s == pytest.approx(float(trace.timestamps_s[row]), abs=1e-3)
        assert crop.probability_fake == pytest.approx(float(trace.values[row]), abs=0.01)
        assert crop.crop.shape == (CROP_PX, CROP_PX, 3)
        assert crop.attribution.shape == (ATTRIBUTION_PX, ATTRIBUTION_PX)


def test_what_hides_a_scored_face_is_outlined(
    watched: Watched, talking_frames: list[np.ndarray], write_clip: WriteClip, tmp_path: Path
) -> None:
    track = watched.analysis.track(0)
    assert track is not None
    transform = track_crop_to_frame(track, 0, CLIP_CROP_PX)
    assert transform is not None
    x, y = (round(float(place)) for place in track.landmarks[0, 0])
    bare = scored_crop_at(watched.clip, 0.0, transform, DEFAULT_CLASSIFIER)
    assert bare.hidden is None
    covered = [cv2.circle(image.copy(), (x, y), 14, (240, 200, 40), -1, cv2.LINE_AA) for image in talking_frames[:3]]
    crop = scored_crop_at(write_clip(tmp_path / "covered.mp4", covered), 0.0, transform, DEFAULT_CLASSIFIER)
    assert crop.hidden is not None
    assert crop.hidden.shape == (PICTURE_SIDE_PX, PICTURE_SIDE_PX, 3)
    plain = cv2.resize(crop.crop, (PICTURE_SIDE_PX, PICTURE_SIDE_PX), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.nonzero((crop.hidden != plain).any(axis=2))
    (eye_x, eye_y) = cv2.invertAffineTransform(transform) @ (x, y, 1) * PICTURE_SIDE_PX / CLIP_CROP_PX
    assert columns.min() < eye_x < columns.max(), "the outline is around what was put there"
    assert rows.min() < eye_y < rows.max()
