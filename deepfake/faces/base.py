"""What all face detectors share: FaceDetection, the FaceDetector protocol, and boxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepfake.video.info import Image


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

    name: str

    def detect(self, image: Image) -> list[FaceDetection]:
        """Return all faces of an RGB image uint8 (H, W, 3), the largest first."""
        ...

    def follow(self, image: Image, face: FaceDetection) -> FaceDetection | None:
        """Return the face near where it was in the frame before, or None when it is not there."""
        ...


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
    rows, columns, overlap = match_boxes(boxes_of(a), boxes_of(b), min_iou)
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
    from scipy.optimize import linear_sum_assignment  # imports slowly

    overlap = box_iou(a, b)
    rows, columns = linear_sum_assignment(np.where(overlap >= min_iou, overlap, 0), maximize=True)
    keep = overlap[rows, columns] >= min_iou
    return rows[keep], columns[keep], overlap[rows, columns][keep]


def boxes_of(faces: Iterable[FaceDetection]) -> NDArray[np.float32]:
    """Return the boxes of n faces, f32 (n, 4), xyxy."""
    return np.array([face.box_xyxy for face in faces], dtype=np.float32).reshape(-1, 4)


def clipped_box(box: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32] | None:
    """Return the part of a box that lies in a frame, f32 (4,), or None where that is less than a pixel."""
    limits = np.array([width, height, width, height], dtype=np.float32)
    clipped = np.clip(box, 0, limits).astype(np.float32)
    return clipped if np.all(clipped[2:] - clipped[:2] >= 1) else None


def largest_first(faces: list[FaceDetection]) -> list[FaceDetection]:
    """Return faces by the area of their boxes."""
    return sorted(faces, key=box_area, reverse=True)


def box_area(face: FaceDetection) -> float:
    """Return the area of a face's box, px²."""
    return float(np.prod(face.box_xyxy[2:] - face.box_xyxy[:2]))


def search_scale(width: int, height: int, search_width_px: int) -> float:
    """Return by how much a frame is reduced before faces are searched in it: its longer side becomes search_width_px,
    unless too few rows or columns would be left of the other for one pixel."""
    return min(1.0, max(search_width_px / max(width, height), 1 / min(width, height)))
