"""MTCNN behind the FaceDetector protocol: it finds faces with their landmarks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.faces.base import FaceDetection, clipped_box, largest_first, search_scale
from deepfake.faces.cascade import ONET_INPUT_PX, ONET_MIN_CONFIDENCE, Cascade, normalize
from deepfake.video.info import Image

MTCNN_SEARCH_WIDTH_PX = 960  # a face 40 px wide in a 1920 px frame is 20 px wide here
ONET_SETTLING_ROUNDS = 4
# Where the cascade's squares lie in an aligned crop, in crop sides: medians over 22 faces of FaceForensics++, DFDC,
# GRID and HDTF clips (standard deviations 0.045 and 0.016).
ONET_SQUARE_SIDE = 0.84
ONET_SQUARE_BELOW_CENTER = 0.014
ONET_GRID = 1 / 16  # of the square's side: its center snaps to this grid
ONET_SIDE_STEP = 0.1  # its side snaps to powers of e to this


class MtcnnDetector:
    """Multi-task cascaded convolutional networks (Zhang et al. 2016, arXiv:1604.02878), the mtcnn package's own.

    `detect` runs the whole cascade on a copy of the frame reduced to MTCNN_SEARCH_WIDTH_PX; faces narrower than
    20 px there are not found. `follow` runs the last network (O-Net) alone on the surroundings of the box: it
    refines the box, gives the five landmarks and the confidence that there is still a face, in under 1 ms.

    When it misleads: profiles, faces under masks or in the dark are missed; patterned textures may look like faces.
    """

    name: str = "mtcnn"

    def __init__(self) -> None:
        self._cascade = Cascade()

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces, the largest first. See FaceDetector."""
        height, width = image.shape[:2]
        scale = search_scale(width, height, MTCNN_SEARCH_WIDTH_PX)
        small = image
        if scale < 1.0:
            reduced = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            small = reduced.astype(np.uint8, copy=False)
        # O-Net at full size refines the boxes, and drops what looked like a face only when small.
        found = (np.rint(self._cascade.detect(small)[:, :4]) / scale).astype(np.float32)
        boxes = [clipped_box(box, width, height) for box in found]
        faces = [self._settled(image, FaceDetection(box, None, None)) for box in boxes if box is not None]
        return largest_first([face for face in faces if face is not None])

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
        scores, offsets, points = (output[0] for output in self._cascade.onet(normalize(patch)[None]))
        confidence = float(np.clip(scores[1], 0, 1))
        if confidence < ONET_MIN_CONFIDENCE:
            return None
        side = float(patch_to_frame[0, 0]) * ONET_INPUT_PX
        corner = patch_to_frame[:, 2]
        box = np.concatenate([corner, corner + side]).astype(np.float32) + offsets.astype(np.float32) * side
        landmarks = np.stack([points[:5], points[5:]], axis=1) * side + corner
        clipped = clipped_box(box, image.shape[1], image.shape[0])
        return None if clipped is None else FaceDetection(clipped, landmarks.astype(np.float32), confidence)


def _square_of_box(box_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square around a box, as the transform from an O-Net patch to the frame, f32 (2, 3)."""
    return _square((box_xyxy[:2] + box_xyxy[2:]) / 2, float(np.max(box_xyxy[2:] - box_xyxy[:2])))


def _square_of_landmarks(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The upright square in which O-Net expects a face with these landmarks, as a transform, f32 (2, 3)."""
    unit_crop = crop_to_frame_from_landmarks(landmarks, 1)
    crop_side = float(np.hypot(unit_crop[0, 0], unit_crop[1, 0]))
    side = float(np.exp(np.round(np.log(ONET_SQUARE_SIDE * crop_side) / ONET_SIDE_STEP) * ONET_SIDE_STEP))
    center = unit_crop[:, 2] + np.array([0, ONET_SQUARE_BELOW_CENTER * crop_side], dtype=np.float32)
    step = ONET_GRID * side
    return _square(np.round(center / step).astype(np.float32) * np.float32(step), side)


def _square(center: NDArray[Any], side: float) -> NDArray[np.float32]:
    scale = side / ONET_INPUT_PX
    return np.array([[scale, 0, center[0] - side / 2], [0, scale, center[1] - side / 2]], dtype=np.float32)
