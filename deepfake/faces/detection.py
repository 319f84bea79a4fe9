"""Face detection: FaceDetection, the FaceDetector protocol, and MTCNN and the Haar cascade behind it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.video.reader import Image

DetectorName = Literal["mtcnn", "haar"]
DETECTOR_NAMES: tuple[DetectorName, ...] = ("mtcnn", "haar")

# Zhang et al. 2016 train P-Net on 12 px windows; the mtcnn package's default smallest face is 20 px.
MTCNN_MIN_FACE_PX = 20
MTCNN_SEARCH_WIDTH_PX = 960  # a face 40 px wide in a 1920 px frame is 20 px wide here
ONET_INPUT_PX = 48
ONET_SETTLING_ROUNDS = 4
# Where the cascade's squares lie in an aligned crop, in crop sides: medians over 22 faces of FaceForensics++, DFDC,
# GRID and HDTF clips (standard deviations 0.045 and 0.016).
ONET_SQUARE_SIDE = 0.84
ONET_SQUARE_BELOW_CENTRE = 0.014
ONET_GRID = 1 / 16  # of the square's side: its centre snaps to this grid
ONET_SIDE_STEP = 0.1  # its side snaps to powers of e to this
ONET_MIN_CONFIDENCE = 0.8  # the mtcnn package's own threshold; a profile or a covered face falls below it
HAAR_SEARCH_WIDTH_PX = 1280
HAAR_FOLLOW_MARGIN = 0.4  # of the box's side, on each side
HAAR_FOLLOW_FACE_PX = 120.0  # larger faces are reduced to this before the cascade looks around the last box
HAAR_SCALE_FACTOR = 1.2  # the notebook's settings
HAAR_MIN_NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class FaceDetection:
    """One face in one frame.

    box_xyxy: f32 (4,), px, left, top, right, bottom, within the frame. landmarks: f32 (5, 2), px: the subject's
    right eye, left eye, nose, right and left corner of the mouth (the order in which they lie from left to right
    in an image); None where the detector has none. confidence: in [0, 1], or None where the detector has none.
    """

    box_xyxy: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None
    confidence: float | None


class FaceDetector(Protocol):
    """Finds faces. `detect` searches the whole frame; `follow` looks only where a face was a frame ago."""

    name: DetectorName

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces of an RGB image uint8 (H, W, 3), the largest first."""
        ...

    def follow(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """Return the face near where it was in the frame before, or None when it is not there."""
        ...


@functools.cache
def face_detector(name: DetectorName) -> FaceDetector:
    """Return the detector of that name, its model loaded once a process.

    Raises ValueError for an unknown name.
    """
    if name == "mtcnn":
        return MtcnnDetector()
    if name == "haar":
        return HaarDetector()
    raise ValueError(f"unknown face detector {name!r}; known are {', '.join(DETECTOR_NAMES)}")


class MtcnnDetector:
    """Multi-task cascaded convolutional networks (Zhang et al. 2016, arXiv:1604.02878), from the mtcnn package.

    `detect` runs the whole cascade on a copy of the frame reduced to `search_width_px`; faces narrower than
    20 px there are not found. `follow` runs the last network (O-Net) alone on the surroundings of the box: it
    refines the box, gives the five landmarks and the confidence that there is still a face, in about 2 ms.

    When it misleads: profiles, faces under masks or in the dark are missed; patterned textures may look like faces.
    """

    name: DetectorName = "mtcnn"

    def __init__(self, search_width_px: int = MTCNN_SEARCH_WIDTH_PX) -> None:
        import tensorflow as tf
        from mtcnn import MTCNN

        self._search_width_px = search_width_px
        self._cascade = MTCNN()
        onet = self._cascade.get_stage(stage_id=3).model
        shape = tf.TensorSpec((None, ONET_INPUT_PX, ONET_INPUT_PX, 3), tf.float32)
        self._onet = tf.function(lambda patches: onet(patches), input_signature=[shape])

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces, the largest first. See FaceDetector."""
        height, width = image.shape[:2]
        scale = min(1.0, self._search_width_px / max(width, height))
        small = image if scale == 1.0 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if min(small.shape[:2]) < MTCNN_MIN_FACE_PX:
            return []  # the cascade's pyramid would be empty
        found = self._cascade.detect_faces(small, box_format="xyxy", min_face_size=MTCNN_MIN_FACE_PX)
        # The package rounds to whole pixels of the reduced frame. O-Net at full size gives the fractions back, and
        # drops what looked like a face only when small.
        boxes = [_clip_box(np.array(face["box"], dtype=np.float32) / scale, width, height) for face in found]
        faces = [self._settled(image, FaceDetection(box, None, None)) for box in boxes if box is not None]
        return _largest_first([face for face in faces if face is not None])

    def _settled(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """O-Net's answer depends on where it starts; after a few rounds a face is where it will stay."""
        settled: FaceDetection | None = face
        for _ in range(ONET_SETTLING_ROUNDS):
            if settled is not None:
                settled = self.follow(image, settled)
        return settled

    def follow(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """Return the face near where it was, or None. See FaceDetector.

        O-Net looks at a square laid out by the landmarks and snapped to a grid: fed with its own boxes, its answer
        swings by 2 % of their width on a still picture.
        """
        if face.landmarks is None:
            patch_to_frame = _square_of_box(face.box_xyxy)
        else:
            patch_to_frame = _square_of_landmarks(face.landmarks)
        patch = crop_face(image, patch_to_frame, ONET_INPUT_PX)
        patch_input = ((patch.astype(np.float32) - 127.5) / 128.0)[None]
        offsets, points, scores = (output.numpy()[0] for output in self._onet(patch_input))
        confidence = float(np.clip(scores[1], 0, 1))
        if confidence < ONET_MIN_CONFIDENCE:
            return None
        side = float(patch_to_frame[0, 0]) * ONET_INPUT_PX
        corner = patch_to_frame[:, 2]
        box = np.concatenate([corner, corner + side]).astype(np.float32) + offsets.astype(np.float32) * side
        landmarks = np.stack([points[:5], points[5:]], axis=1) * side + corner
        clipped = _clip_box(box, image.shape[1], image.shape[0])
        return None if clipped is None else FaceDetection(clipped, landmarks.astype(np.float32), confidence)


class HaarDetector:
    """The frontal-face cascade of Haar features (Viola & Jones 2001) that OpenCV ships, with the notebook's settings.

    It has no landmarks and no confidence. `follow` runs the cascade around the box only.

    When it misleads: it sees faces in curtains and ties, and misses turned or tilted heads far more often than MTCNN.
    """

    name: DetectorName = "haar"

    def __init__(self, search_width_px: int = HAAR_SEARCH_WIDTH_PX) -> None:
        self._search_width_px = search_width_px
        folder = Path(cv2.__file__).parent / "data"
        self._cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces, the largest first. See FaceDetector."""
        height, width = image.shape[:2]
        scale = min(1.0, self._search_width_px / max(width, height))
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if scale < 1.0:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return _largest_first(self._boxes(grey, scale, np.zeros(2, np.float32), (width, height)))

    def follow(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """Return the face near the box, or None. See FaceDetector."""
        box_xyxy = face.box_xyxy
        height, width = image.shape[:2]
        side = float(box_xyxy[2] - box_xyxy[0])
        left, top = np.maximum(0, box_xyxy[:2] - HAAR_FOLLOW_MARGIN * side).astype(int)
        right, bottom = (box_xyxy[2:] + HAAR_FOLLOW_MARGIN * side).astype(int)
        region = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
        scale = min(1.0, HAAR_FOLLOW_FACE_PX / side)
        if scale < 1.0:
            region = cv2.resize(region, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        limits = (0.7 * side * scale, 1.4 * side * scale)
        faces = self._boxes(region, scale, np.array([left, top], np.float32), (width, height), limits)
        return max(faces, key=lambda item: float(box_iou(item.box_xyxy[None], box_xyxy[None])[0, 0]), default=None)

    def _boxes(
        self,
        grey: NDArray[Any],
        scale: float,
        corner: NDArray[np.float32],
        frame_size: tuple[int, int],
        side_limits_px: tuple[float, float] | None = None,
    ) -> list[FaceDetection]:
        sizes: dict[str, Any] = {}
        if side_limits_px is not None:
            low, high = (max(1, round(side)) for side in side_limits_px)
            sizes = {"minSize": (low, low), "maxSize": (high, high)}
        found = self._cascade.detectMultiScale(
            grey, scaleFactor=HAAR_SCALE_FACTOR, minNeighbors=HAAR_MIN_NEIGHBOURS, **sizes
        )
        faces = []
        for x, y, w, h in found:
            box = np.array([x, y, x + w, y + h], dtype=np.float32) / scale + np.tile(corner, 2)
            clipped = _clip_box(box, *frame_size)
            if clipped is not None:
                faces.append(FaceDetection(clipped, None, None))
        return faces


@dataclass(frozen=True, slots=True)
class Agreement:
    """Which faces two detectors both find in a frame. matched: i64 (n, 2), indices into a and b; only_a, only_b:
    indices of the rest; iou: f32 (n,), overlap of each matched pair."""

    matched: NDArray[np.int64]
    iou: NDArray[np.float32]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def agreement(a: list[FaceDetection], b: list[FaceDetection], min_iou: float = 0.5) -> Agreement:
    """Match two detectors' faces one to one so that the overlap is greatest, at an IoU of at least min_iou."""
    rows, columns, overlap = match_boxes(_boxes_of(a), _boxes_of(b), min_iou)
    return Agreement(
        matched=np.stack([rows, columns], axis=1),
        iou=overlap,
        only_a=tuple(sorted(set(range(len(a))) - set(rows.tolist()))),
        only_b=tuple(sorted(set(range(len(b))) - set(columns.tolist()))),
    )


def box_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection over union of every pair of boxes. a: f32 (n, 4), b: f32 (m, 4), xyxy; f32 (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a, area_b = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b))
    union = area_a[:, None] + area_b[None, :] - inside
    return np.where(union > 0, inside / np.maximum(union, 1e-9), 0).astype(np.float32)


def match_boxes(
    a: NDArray[np.float32], b: NDArray[np.float32], min_iou: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the one-to-one matching with the greatest total overlap: rows of a, rows of b, their IoU."""
    overlap = box_iou(a, b)
    rows, columns = linear_sum_assignment(np.where(overlap >= min_iou, overlap, 0), maximize=True)
    keep = overlap[rows, columns] >= min_iou
    return rows[keep], columns[keep], overlap[rows, columns][keep]


def _boxes_of(faces: list[FaceDetection]) -> NDArray[np.float32]:
    return np.array([face.box_xyxy for face in faces], dtype=np.float32).reshape(-1, 4)


def _clip_box(box: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32] | None:
    limits = np.array([width, height, width, height], dtype=np.float32)
    clipped = np.clip(box, 0, limits).astype(np.float32)
    return clipped if np.all(clipped[2:] - clipped[:2] >= 1) else None


def _largest_first(faces: list[FaceDetection]) -> list[FaceDetection]:
    return sorted(faces, key=lambda face: -float(np.prod(face.box_xyxy[2:] - face.box_xyxy[:2])))


def _square_of_box(box_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square around a box, as the transform from an O-Net patch to the frame, f32 (2, 3)."""
    return _square((box_xyxy[:2] + box_xyxy[2:]) / 2, float(np.max(box_xyxy[2:] - box_xyxy[:2])))


def _square_of_landmarks(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The upright square in which O-Net expects a face with these landmarks, as a transform, f32 (2, 3)."""
    unit_crop = crop_to_frame_from_landmarks(landmarks, 1)
    crop_side = float(np.hypot(unit_crop[0, 0], unit_crop[1, 0]))
    side = float(np.exp(np.round(np.log(ONET_SQUARE_SIDE * crop_side) / ONET_SIDE_STEP) * ONET_SIDE_STEP))
    centre = unit_crop[:, 2] + np.array([0, ONET_SQUARE_BELOW_CENTRE * crop_side], dtype=np.float32)
    step = ONET_GRID * side
    return _square(np.round(centre / step).astype(np.float32) * np.float32(step), side)


def _square(centre: NDArray[Any], side: float) -> NDArray[np.float32]:
    scale = side / ONET_INPUT_PX
    return np.array([[scale, 0, centre[0] - side / 2], [0, scale, centre[1] - side / 2]], dtype=np.float32)
