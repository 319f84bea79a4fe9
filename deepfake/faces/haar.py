"""OpenCV's Haar cascade behind the FaceDetector protocol: fast, without landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.base import FaceDetection, box_iou, clipped_box, largest_first, search_scale
from deepfake.video.info import Image

HAAR_SEARCH_WIDTH_PX = 1280
HAAR_FOLLOW_MARGIN = 0.4  # of the box's side, on each side
HAAR_FOLLOW_FACE_PX = 120.0  # larger faces are reduced to this before the cascade looks around the last box
HAAR_SCALE_FACTOR = 1.2  # the notebook's settings
HAAR_MIN_NEIGHBORS = 3


class HaarDetector:
    """The frontal-face cascade of Haar features (Viola & Jones 2001) that OpenCV ships, with the notebook's settings.

    It has no landmarks and no confidence. `follow` runs the cascade around the box only.

    When it misleads: it sees faces in curtains and ties, and misses turned or tilted heads far more often than MTCNN.
    """

    name: str = "haar"

    def __init__(self) -> None:
        folder = Path(cv2.__file__).parent / "data"
        self._cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces, the largest first. See FaceDetector."""
        height, width = image.shape[:2]
        scale = search_scale(width, height, HAAR_SEARCH_WIDTH_PX)
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if scale < 1.0:
            gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return largest_first(self._boxes(gray, scale, np.zeros(2, np.float32), (width, height)))

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
        gray: NDArray[Any],
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
            gray, scaleFactor=HAAR_SCALE_FACTOR, minNeighbors=HAAR_MIN_NEIGHBORS, **sizes
        )
        faces = []
        for x, y, w, h in found:
            box = np.array([x, y, x + w, y + h], dtype=np.float32) / scale + np.tile(corner, 2)
            clipped = clipped_box(box, *frame_size)
            if clipped is not None:
                faces.append(FaceDetection(clipped, None, None))
        return faces
