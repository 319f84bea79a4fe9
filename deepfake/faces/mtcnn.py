"""MTCNN behind the FaceDetector protocol: it finds faces with their landmarks."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.faces.base import FaceDetection, box_iou, boxes_of, clipped_box, largest_first, search_scale
from deepfake.faces.cascade import ONET_INPUT_PX, ONET_MIN_CONFIDENCE, Cascade, normalize
from deepfake.faces.landmarks import MESH_INPUT_PX, face_mesh
from deepfake.video.info import Image

MTCNN_SEARCH_WIDTH_PX = 960  # a face 40 px wide in a 1920 px frame is 20 px wide here
TURNED_SEARCH_WIDTH_PX = 480  # what lies on its side or upside down is looked for at a quarter of the cost
SAME_FACE_MIN_IOU = 0.5  # two answers on one face, as of a head between two of the ways in which it is looked for
# Of the face mesh: 392 of 400 photographs laid upright are above it, of 78 laid upside down or on their side none.
SURELY_UPRIGHT_LOGIT = 20.0
TURNED_MIN_GAIN_LOGIT = 4.0  # faces laid wrong gain 4.7 or more; patterns that are no face change by up to 2.9
ONET_SETTLING_ROUNDS = 4
# A face that leans less is looked at as one that stands upright or lies: were it turned by an eighth sooner, wrong
# landmarks of a blurred or averted face would be believed, and lead astray. docs/decisions.md has the counts.
MAX_LEAN_DEG = 33
# Where the cascade's squares lie in an aligned crop, in crop sides: medians over 22 faces of FaceForensics++, DFDC,
# GRID and HDTF clips (standard deviations 0.045 and 0.016).
ONET_SQUARE_SIDE = 0.84
ONET_SQUARE_BELOW_CENTER = 0.014
ONET_GRID = 1 / 16  # of the square's side: its center snaps to this grid
ONET_SIDE_STEP = 0.1  # its side snaps to powers of e to this


class MtcnnDetector:
    """Multi-task cascaded convolutional networks (Zhang et al. 2016, arXiv:1604.02878), the mtcnn package's own.

    `detect` runs the whole cascade on a copy of the frame reduced to MTCNN_SEARCH_WIDTH_PX; faces narrower than
    20 px there are not found. The networks know upright faces alone: where none is found, the frame is searched again
    turned by quarters, reduced to TURNED_SEARCH_WIDTH_PX. `follow` runs the last network (O-Net) alone on the
    surroundings of the box, turned as the face is, by eighths: it refines the box, gives the five landmarks and the
    confidence that there is still a face, in under 1 ms.

    When it misleads: profiles, faces under masks or in the dark are missed, and who lies on the side beside somebody
    upright; patterned textures may look like faces.
    """

    name: str = "mtcnn"

    def __init__(self) -> None:
        self._cascade = Cascade()

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces, the largest first. See FaceDetector."""
        upright = self._search(image, MTCNN_SEARCH_WIDTH_PX)
        if upright:
            return largest_first(upright)
        turned = (self._search(image, TURNED_SEARCH_WIDTH_PX, quarters) for quarters in (1, 2, 3))
        return largest_first(_one_each([face for faces in turned for face in faces]))

    def _search(self, image: Image, search_width_px: int, quarters: int = 0) -> list[FaceDetection]:
        """Faces that stand upright once the image is turned clockwise by quarters, where they are in the image."""
        height, width = image.shape[:2]
        scale = search_scale(width, height, search_width_px)
        small = image
        if scale < 1.0:
            reduced = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            small = reduced.astype(np.uint8, copy=False)
        found = np.rint(self._cascade.detect(np.rot90(small, -quarters))[:, :4]).astype(np.float32)
        # O-Net at full size refines the boxes, and drops what looked like a face only when small.
        boxes = [clipped_box(_turned_back(box, small, quarters) / scale, width, height) for box in found]
        settled = [self._settled(image, box, 2 * quarters) for box in boxes if box is not None]
        faces = [self._right_way_up(image, face) for face in settled if face is not None]
        return [face for face in faces if face is not None]

    def _settled(self, image: Image, box_xyxy: NDArray[np.float32], eighths: int) -> FaceDetection | None:
        """O-Net's answer depends on where it starts; after a few rounds a face is where it will stay."""
        settled = self._seen(image, _square_of_box(box_xyxy, eighths))
        for _ in range(ONET_SETTLING_ROUNDS - 1):
            if settled is not None:
                settled = self.follow(image, settled)
        return settled

    def _right_way_up(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """The cascade takes one upside-down face in ten for an upright one; the face mesh does not."""
        assert face.landmarks is not None
        place = crop_to_frame_from_landmarks(face.landmarks, MESH_INPUT_PX)
        logit = functools.partial(face_mesh().face_logit, image, crop_px=MESH_INPUT_PX)
        as_found = logit(place)
        if as_found >= SURELY_UPRIGHT_LOGIT:
            return face
        turned = {quarters: logit(_turned(place, quarters)) for quarters in (1, 2, 3)}
        best = max(turned, key=lambda quarters: turned[quarters])
        if turned[best] < as_found + TURNED_MIN_GAIN_LOGIT:
            return face
        return self._settled(image, face.box_xyxy, (_eighths(place[:, 0]) + 2 * best) % 8)

    def follow(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """Return the face near where it was, or None. See FaceDetector.

        O-Net looks at a square laid out by the landmarks and snapped to a grid: fed with its own boxes, its answer
        swings by 2% of their width on a still picture.
        """
        square = _square_of_box(face.box_xyxy) if face.landmarks is None else _square_of_landmarks(face.landmarks)
        return self._seen(image, square)

    def _seen(self, image: Image, patch_to_frame: NDArray[np.float32]) -> FaceDetection | None:
        patch = crop_face(image, patch_to_frame, ONET_INPUT_PX)
        scores, offsets, points = (output[0] for output in self._cascade.onet(normalize(patch)[None]))
        confidence = float(np.clip(scores[1], 0, 1))
        if confidence < ONET_MIN_CONFIDENCE:
            return None
        linear, corner = patch_to_frame[:, :2] * ONET_INPUT_PX, patch_to_frame[:, 2]
        start, end = offsets[:2], offsets[2:] + 1
        center = (start + end) / 2 @ linear.T + corner
        # How much of the face's width and of its height makes that of the box: all of one, or half of each where the
        # patch is turned by an eighth.
        shares = np.abs(patch_to_frame[:, :2])
        half = shares / shares.sum(axis=1, keepdims=True) @ (end - start) / 2 * np.hypot(*linear[:, 0])
        box = np.concatenate([center - half, center + half])
        landmarks = np.stack([points[:5], points[5:]], axis=1) @ linear.T + corner
        clipped = clipped_box(box.astype(np.float32), image.shape[1], image.shape[0])
        return None if clipped is None else FaceDetection(clipped, landmarks.astype(np.float32), confidence)


def _one_each(faces: list[FaceDetection]) -> list[FaceDetection]:
    """Of answers on one face the surest."""
    kept: list[FaceDetection] = []
    for face in sorted(faces, key=lambda item: -(item.confidence or 0.0)):
        if not np.any(box_iou(face.box_xyxy[None], boxes_of(kept)) >= SAME_FACE_MIN_IOU):
            kept.append(face)
    return kept


def _turned_back(box_xyxy: NDArray[np.float32], image: Image, quarters: int) -> NDArray[np.float32]:
    """Where a box of an image that was turned clockwise by quarters lies in the image itself, f32 (4,)."""
    height, width = image.shape[:2]
    left, top, right, bottom = box_xyxy
    places = [
        (left, top, right, bottom),
        (top, height - right, bottom, height - left),
        (width - right, height - bottom, width - left, height - top),
        (width - bottom, left, width - top, right),
    ]
    return np.array(places[quarters], dtype=np.float32)


def _square_of_box(box_xyxy: NDArray[np.float32], eighths: int = 0) -> NDArray[np.float32]:
    """The square around a box, as the transform from an O-Net patch to the frame, f32 (2, 3).

    eighths: of a turn by which the frame would have to be turned clockwise for the face to be upright.
    """
    return _square((box_xyxy[:2] + box_xyxy[2:]) / 2, float(np.max(box_xyxy[2:] - box_xyxy[:2])), eighths)


def _square_of_landmarks(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square in which O-Net expects a face with these landmarks, as a transform, f32 (2, 3)."""
    unit_crop = crop_to_frame_from_landmarks(landmarks, 1)
    crop_side = float(np.hypot(*unit_crop[:, 0]))
    eighths = _eighths(unit_crop[:, 0])
    down = _edges(eighths)[:, 1].astype(np.float32)
    side = float(np.exp(np.round(np.log(ONET_SQUARE_SIDE * crop_side) / ONET_SIDE_STEP) * ONET_SIDE_STEP))
    center = unit_crop[:, 2] + ONET_SQUARE_BELOW_CENTER * crop_side * down
    step = ONET_GRID * side
    return _square(np.round(center / step).astype(np.float32) * np.float32(step), side, eighths)


def _turned(crop_to_frame: NDArray[np.float32], quarters: int) -> NDArray[np.float32]:
    """The transform of the same square of MESH_INPUT_PX, turned in the frame counterclockwise by quarters."""
    linear = crop_to_frame[:, :2]
    turned = linear @ _edges(2 * quarters)
    middle = np.full(2, (MESH_INPUT_PX - 1) / 2)
    return np.column_stack([turned, crop_to_frame[:, 2] + (linear - turned) @ middle]).astype(np.float32)


def _eighths(across: NDArray[np.float32]) -> int:
    """By how many eighths a frame has to be turned clockwise for a face to be upright, or nearly; across: f32 (2,),
    what points to its right in the frame, as the reader sees it."""
    turn = -float(np.degrees(np.arctan2(across[1], across[0])))
    quarters = round(turn / 90)
    lean = turn - 90 * quarters
    return (2 * quarters + (abs(lean) > MAX_LEAN_DEG) * (1 if lean > 0 else -1)) % 8


def _edges(eighths: int) -> NDArray[np.float64]:
    """Where the right and the lower edge of a patch are in the frame, f64 (2, 2), in columns of length 1."""
    diagonal = np.sqrt(0.5)
    cosine, sine = ((1, diagonal, 0, -diagonal, -1, -diagonal, 0, diagonal)[(eighths - k) % 8] for k in (0, 2))
    return np.array([[cosine, sine], [-sine, cosine]])


def _square(center: NDArray[Any], side: float, eighths: int) -> NDArray[np.float32]:
    linear = _edges(eighths)
    corner = center - linear.sum(axis=1) * side / 2
    return np.column_stack([linear * side / ONET_INPUT_PX, corner]).astype(np.float32)
