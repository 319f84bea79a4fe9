"""What is looked at on demand: a moment's faces, two frames and where they differ, a grid of frames, a thumbnail.

Every function reads the clip anew and returns small pictures, so that it can run in a worker process.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.detectors import classifier
from deepfake.faces.alignment import crop_face, crop_to_frame_from_box
from deepfake.faces.base import FaceDetection
from deepfake.faces.detection import face_detector
from deepfake.figures.attribution import attributed_crop, hidden_crop
from deepfake.figures.pictures import JPEG_QUALITY, difference_figure, drawn_faces
from deepfake.report.wording import person_name
from deepfake.settings import Settings
from deepfake.signals.spectrum import SPECTRUM_BINS, face_square, radial_power_spectrum
from deepfake.signals.ssim import MIN_SIDE_PX, ssim_map
from deepfake.video.info import Frame, Image
from deepfake.video.reader import VideoReader

VIEW_SIDE_PX = 1280
PREVIEW_SIZE_PX = (480, 270)
ZOOM_SIZE_PX = 360
TILE_SIDE_PX = 320
THUMBNAIL_TIME_S = 0.5  # clips often begin with a black or blurred frame
SEEK_BEYOND_FRAMES = 60  # a gap longer than this between wanted frames is jumped, a shorter one is read through


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame and its faces.

    timestamp_s: of the frame, seconds from the first. size: width and height of the frame, px. view: the frame, its
    longer side at most VIEW_SIDE_PX. faces: what each detector found, boxes in px of the full frame. zooms: for each
    face of `faces` a picture of ZOOM_SIZE_PX; under "boxes", those of the boxes that were asked for.
    """

    timestamp_s: float
    size: tuple[int, int]
    view: Image
    faces: dict[str, list[FaceDetection]]
    zooms: dict[str, list[Image]]


@dataclass(frozen=True, slots=True)
class FramePair:
    """Two successive frames and where they differ.

    before_s, after_s: their times, seconds. before, after: longer side at most VIEW_SIDE_PX. difference: a map of
    1 − SSIM over `after`. similarity: SSIM of the two at full size. Both are None where the frames are too small for
    SSIM's window.
    """

    before_s: float
    after_s: float
    before: Image
    after: Image
    difference: go.Figure | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class ScoredCrop:
    """A face as a classifier saw it.

    timestamp_s: of its frame, seconds from the first. probability_fake: P(fake) of this one picture. crop: uint8
    (S, S, 3). attribution: f32 (h, w), what each place adds to the logit, positive for fake; attributed: the
    picture with the attribution over it. Both are None where the classifier cannot tell. hidden: the crop with an
    outline around what something else hides; None where that is no more than the quality gate lets pass, and where the
    classifier cannot tell.
    """

    timestamp_s: float
    probability_fake: float
    crop: Image
    attribution: NDArray[np.float32] | None
    attributed: Image | None
    hidden: Image | None


@dataclass(frozen=True, slots=True)
class GridTile:
    """One picture of a grid."""

    frame_index: int
    timestamp_s: float
    image: Image


def moment_at(
    path: Path | str,
    timestamp_s: float,
    detectors: Sequence[str] = (),
    boxes_xyxy: NDArray[np.float32] | None = None,
) -> Moment:
    """Return the frame that is shown at a time, searched for faces by the named detectors.

    boxes_xyxy: f32 (n, 4), px: known faces, to be zoomed into without a search. Raises what VideoReader raises.
    """
    with VideoReader(path) as reader:
        frame, _ = reader.frame_near(timestamp_s)
        size = (reader.info.width, reader.info.height)
    faces = {name: face_detector(name).detect(frame.image) for name in detectors}
    boxes: dict[str, list[NDArray[np.float32]]] = {
        name: [face.box_xyxy for face in found] for name, found in faces.items()
    }
    boxes["boxes"] = [] if boxes_xyxy is None else list(boxes_xyxy)
    zooms = {name: [zoomed_face(frame.image, box) for box in found] for name, found in boxes.items()}
    return Moment(frame.timestamp_s, size, fitted(frame.image, VIEW_SIDE_PX), faces, zooms)


def zoomed_face(image: Image, box_xyxy: NDArray[np.float32]) -> Image:
    """Return the upright square around a face's box with a margin, uint8 (ZOOM_SIZE_PX, ZOOM_SIZE_PX, 3)."""
    return crop_face(image, crop_to_frame_from_box(np.asarray(box_xyxy, dtype=np.float32), ZOOM_SIZE_PX), ZOOM_SIZE_PX)


def frame_pair_at(path: Path | str, timestamp_s: float) -> FramePair | None:
    """Return the frame shown at a time, the frame before it, and where they differ; None at the first frame.

    Raises what VideoReader raises.
    """
    with VideoReader(path) as reader:
        after, before = reader.frame_near(timestamp_s)
    if before is None:
        return None
    similarity, difference = None, None
    if min(after.image.shape[:2]) >= MIN_SIDE_PX:
        local = ssim_map(before.image, after.image)
        similarity = float(local.mean(dtype=np.float64))
        difference = difference_figure(1 - local, after.image, title="Where the two frames differ")
    return FramePair(
        before_s=before.timestamp_s,
        after_s=after.timestamp_s,
        before=fitted(before.image, VIEW_SIDE_PX),
        after=fitted(after.image, VIEW_SIDE_PX),
        difference=difference,
        similarity=similarity,
    )


def scored_crop_at(
    path: Path | str,
    timestamp_s: float,
    crop_to_frame: NDArray[np.float32],
    classifier_name: str,
) -> ScoredCrop:
    """Return a face as a classifier sees it at a frame's time, with where it looked.

    timestamp_s: the frame's own time. crop_to_frame: f32 (2, 3), see track_crop_to_frame, for a side of the
    classifier's crop_px. Raises what VideoReader raises, and ClassifierError when the weights cannot be read.
    """
    with VideoReader(path) as reader:
        # Half a millisecond later: the container's clock may round a frame's time up.
        frame, _ = reader.frame_near(timestamp_s + 5e-4)
    scorer = classifier(classifier_name)
    crop = scorer.cut(frame.image, crop_to_frame)
    scores, attributions = scorer.scores_and_attributions(crop[None])
    attribution = None if attributions is None else attributions[0]
    attributed = None if attribution is None else attributed_crop(crop, attribution)
    parts = scorer.hidden_parts(crop[None])
    hidden = None if parts is None or not parts.any() else hidden_crop(crop, parts[0])
    return ScoredCrop(frame.timestamp_s, float(scores[0]), crop, attribution, attributed, hidden)


def face_spectrum(
    path: Path | str,
    frame_indices: Sequence[int],
    timestamps_s: Sequence[float],
    crops_to_frame: Sequence[NDArray[np.float32]],
    crop_px: int,
) -> NDArray[np.float32]:
    """Return the mean power spectrum of a face over the named frames, f32 (64,), dB, NaN where there is none.

    frame_indices: increasing; timestamps_s, crops_to_frame, f32 (2, 3): of each, for crops of crop_px px a side. See
    radial_power_spectrum; frames whose face is under 48 px or cut off are left out. Raises what VideoReader raises.
    """
    transforms = dict(zip(frame_indices, crops_to_frame, strict=True))
    frames = frames_of(path, list(zip(frame_indices, timestamps_s, strict=True)))
    squares = (face_square(image, transforms[index], crop_px) for index, _, image in frames)
    spectra = [radial_power_spectrum(square) for square in squares if square is not None]
    values = np.array(spectra, dtype=np.float32).reshape(-1, SPECTRUM_BINS)
    known = np.isfinite(values)
    mean: NDArray[np.float32] = np.full(SPECTRUM_BINS, np.nan, dtype=np.float32)
    np.divide(np.where(known, values, 0).sum(axis=0), known.sum(axis=0), out=mean, where=known.any(axis=0))
    return mean


def frame_grid(
    path: Path | str,
    frame_indices: Sequence[int],
    timestamps_s: Sequence[float],
    *,
    tile_side_px: int = TILE_SIDE_PX,
) -> list[GridTile]:
    """Return the named frames, in their order. frame_indices: increasing; timestamps_s: the time of each.

    Frames that lie close together are read in one pass; long gaps are jumped by time. A clip that has fewer frames
    than named gives fewer pictures. Raises what VideoReader raises.
    """
    wanted = list(zip(frame_indices, timestamps_s, strict=True))
    return [GridTile(index, time_s, fitted(image, tile_side_px)) for index, time_s, image in frames_of(path, wanted)]


def face_grid(
    face_clip: Path | str,
    positions: Sequence[int],
    frame_indices: Sequence[int],
    timestamps_s: Sequence[float],
) -> list[GridTile]:
    """Return pictures of a track's face clip. positions: in the clip, increasing; frame_indices and timestamps_s: the
    number and the time of each in the whole clip."""
    with VideoReader(face_clip) as reader:
        found = {frame.index: frame.image for frame in _named_frames(reader.frames(), set(positions))}
    rows = zip(positions, frame_indices, timestamps_s, strict=True)
    return [
        GridTile(index, time_s, fitted(found[position], TILE_SIDE_PX))
        for position, index, time_s in rows
        if position in found
    ]


def thumbnail_jpeg(path: Path | str, longer_side_px: int = TILE_SIDE_PX, *, settings: Settings | None = None) -> bytes:
    """Return a small picture of a clip, JPEG. Raises what VideoReader raises."""
    with VideoReader(path, settings) as reader:
        duration_s = reader.info.duration_s or 0.0
        frame, _ = reader.frame_near(min(THUMBNAIL_TIME_S, duration_s / 2))
    return jpeg(fitted(frame.image, longer_side_px))


def preview_jpeg(image: Image, faces: Mapping[int, FaceDetection]) -> bytes:
    """Return a small picture of a frame with the faces of its tracks drawn, JPEG."""
    width, height = PREVIEW_SIZE_PX
    view = fitted(image, min(width, round(height * max(image.shape) / image.shape[0])))
    factor = view.shape[1] / image.shape[1]
    return jpeg(drawn_faces(view, {person_name(track_id): [scaled(face, factor)] for track_id, face in faces.items()}))


def scaled(face: FaceDetection, factor: float) -> FaceDetection:
    """Return a face in px of a picture that is `factor` times as wide."""
    landmarks = None if face.landmarks is None else face.landmarks * np.float32(factor)
    return FaceDetection(face.box_xyxy * np.float32(factor), landmarks, face.confidence)


def fitted(image: Image, longer_side_px: int) -> Image:
    """Return a picture whose longer side is at most longer_side_px, in proportion, never enlarged."""
    height, width = image.shape[:2]
    factor = longer_side_px / max(width, height)
    if factor >= 1:
        return image
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def jpeg(image: Image) -> bytes:
    """Return a picture as JPEG."""
    buffer = BytesIO()
    PIL.Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _named_frames(frames: Iterator[Frame], indices: set[int]) -> Iterator[Frame]:
    last = max(indices, default=-1)
    return (frame for frame in islice(frames, last + 1) if frame.index in indices)


def frames_of(
    path: Path | str, wanted: Sequence[tuple[int, float]], settings: Settings | None = None
) -> Iterator[tuple[int, float, Image]]:
    """Yield index, time and picture of the named frames: read in one pass, unless they lie far apart."""
    gap = max(np.diff([-1, *(index for index, _ in wanted)]), default=0)
    if gap <= SEEK_BEYOND_FRAMES:
        with VideoReader(path, settings) as reader:
            for frame in _named_frames(reader.frames(), {index for index, _ in wanted}):
                yield frame.index, frame.timestamp_s, frame.image
        return
    for index, time_s in wanted:
        with VideoReader(path, settings) as reader:
            # Half a millisecond later: the container's clock may round a frame's time up.
            frame, _ = reader.frame_near(time_s + 5e-4)
        yield index, frame.timestamp_s, frame.image
