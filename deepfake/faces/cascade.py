"""The cascade of MTCNN (Zhang et al. 2016, arXiv:1604.02878), as the mtcnn package computes it, without TensorFlow.

The networks are the package's own, converted (training/mtcnn_networks.py); what lies between them, the pyramid of
pictures and which boxes are kept, follows the package step by step: tests/faces/test_cascade.py holds both equal. The
package runs its networks layer by layer through Keras: about ten times the processor time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.lite_model import LiteModel
from deepfake.video.info import Image

WEIGHTS_FOLDER: Final = Path(__file__).parent / "weights"
NETWORKS: Final = tuple(WEIGHTS_FOLDER / f"{name}.tflite" for name in ("pnet", "rnet", "onet"))

# The defaults of the mtcnn package.
MIN_FACE_PX: Final = 20  # P-Net is trained on windows of 12 px
WINDOW_PX: Final = 12
WINDOW_STRIDE_PX: Final = 2
PYRAMID_FACTOR: Final = 0.709
PNET_MIN_CONFIDENCE: Final = 0.6
RNET_MIN_CONFIDENCE: Final = 0.7
ONET_MIN_CONFIDENCE: Final = 0.8  # a profile or a covered face falls below it
MAX_IOU_AT_ONE_SIZE: Final = 0.5
MAX_IOU: Final = 0.7
RNET_INPUT_PX: Final = 24
ONET_INPUT_PX: Final = 48

Boxes = NDArray[np.float64]  # (n, 5): left, top, right, bottom, px, and the confidence in [0, 1]


class Cascade:
    """P-Net proposes boxes in a pyramid of reduced pictures, R-Net and O-Net look at each more closely."""

    def __init__(self) -> None:
        self._pnet, self._rnet, self.onet = (LiteModel(path) for path in NETWORKS)

    def detect(self, image: Image) -> Boxes:
        """Return the boxes of all faces of an RGB image uint8 (H, W, 3), the surest first, f64 (n, 5): left, top,
        right, bottom, px within the image, and the confidence. Faces narrower than 20 px are not found."""
        normalized = normalize(image)
        boxes = self._refined(normalized, self._proposals(normalized))
        boxes = self._judged(normalized, boxes)
        height, width = image.shape[:2]
        boxes[:, :4] = np.clip(boxes[:, :4], 0, (width - 1, height - 1, width - 1, height - 1))
        return boxes

    def _proposals(self, normalized: NDArray[np.float32]) -> Boxes:
        found = [np.empty((0, 5))]
        for scale in pyramid(*normalized.shape[:2]):
            size = int(normalized.shape[1] * scale), int(normalized.shape[0] * scale)
            reduced = cv2.resize(normalized, size, interpolation=cv2.INTER_AREA)
            confidences, offsets = (output[0] for output in self._pnet(reduced[None].astype(np.float32, copy=False)))
            boxes = _windows(confidences[..., 1], offsets)
            boxes[:, :4] /= scale
            found.append(suppressed(boxes, MAX_IOU_AT_ONE_SIZE))
        return _squares(suppressed(_surest_first(np.concatenate(found)), MAX_IOU))

    def _refined(self, normalized: NDArray[np.float32], boxes: Boxes) -> Boxes:
        answered = _answered(self._rnet, normalized, boxes, RNET_INPUT_PX)
        return _squares(suppressed(_surest_first(answered[answered[:, 4] > RNET_MIN_CONFIDENCE]), MAX_IOU))

    def _judged(self, normalized: NDArray[np.float32], boxes: Boxes) -> Boxes:
        answered = _answered(self.onet, normalized, boxes, ONET_INPUT_PX)
        return suppressed(_surest_first(answered[answered[:, 4] > ONET_MIN_CONFIDENCE]), MAX_IOU, of="smaller")


def normalize(image: Image) -> NDArray[np.float32]:
    """Return a picture as the networks expect it, f32 of the same shape, about -1 to 1."""
    return (image.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def pyramid(height: int, width: int) -> NDArray[np.float64]:
    """Return the sizes at which a picture is looked at, as shares of its own, f64, decreasing."""
    count = round(-(np.log(min(height, width) / WINDOW_PX) / np.log(PYRAMID_FACTOR) + 1))
    scales: NDArray[np.float64] = WINDOW_PX / MIN_FACE_PX * PYRAMID_FACTOR ** np.arange(count)
    return scales


def patches(normalized: NDArray[np.float32], boxes: Boxes, side: int) -> NDArray[np.float32]:
    """Return what the boxes hold, f32 (n, side, side, 3), between pixels linearly, 0 outside the picture.

    The grid is that of tf.image.crop_and_resize with boxes in shares of the picture's height and width.
    """
    height, width = normalized.shape[:2]
    rows = _places(boxes[:, 1], boxes[:, 3], height, side)
    columns = _places(boxes[:, 0], boxes[:, 2], width, side)
    (top, bottom, down), (left, right, across) = (_neighbors(*item) for item in ((rows, height), (columns, width)))
    down, across = down[:, :, None, None], across[:, None, :, None]

    def line(row: NDArray[np.int64]) -> NDArray[np.float32]:
        first = normalized[row[:, :, None], left[:, None, :]]
        return first + (normalized[row[:, :, None], right[:, None, :]] - first) * across

    above = line(top)
    found = above + (line(bottom) - above) * down
    inside = ((rows >= 0) & (rows <= height - 1))[:, :, None] & ((columns >= 0) & (columns <= width - 1))[:, None, :]
    return np.where(inside[..., None], found, np.float32(0)).astype(np.float32, copy=False)


def _places(low: Boxes, high: Boxes, length: int, side: int) -> NDArray[np.float32]:
    first, last = (low / length).astype(np.float32), (high / length).astype(np.float32)
    step = (last - first) * np.float32(length - 1) / np.float32(side - 1)
    return first[:, None] * np.float32(length - 1) + np.arange(side, dtype=np.float32) * step[:, None]


def _neighbors(
    places: NDArray[np.float32], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    low = np.floor(places)
    share = (places - low).astype(np.float32)
    first = np.clip(low, 0, length - 1).astype(np.int64)
    second = np.clip(np.ceil(places), 0, length - 1).astype(np.int64)
    return first, second, share


def _windows(confidence: NDArray[np.float32], offsets: NDArray[np.float32]) -> Boxes:
    """P-Net's answers at one size as boxes, the surest first."""
    rows, columns = np.nonzero(confidence > PNET_MIN_CONFIDENCE)
    corner = np.stack([columns, rows], axis=1) * WINDOW_STRIDE_PX
    windows = np.concatenate([corner + 1, corner + WINDOW_PX], axis=1).astype(np.float64)
    windows += offsets[rows, columns] * (WINDOW_PX - 1)
    return _surest_first(np.column_stack([windows, confidence[rows, columns]]))


def _surest_first(boxes: Boxes) -> Boxes:
    return boxes[np.argsort(boxes[:, 4])[::-1]]


def suppressed(boxes: Boxes, most: float, *, of: Literal["union", "smaller"] = "union") -> Boxes:
    """Return the boxes that share no more than `most` of the union, or of the smaller one, with any before them."""
    if len(boxes) < 2:
        return boxes
    left, top, right, bottom = boxes[:, :4].T
    area = (right - left) * (bottom - top)
    width = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    height = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    common = np.maximum(width, 0) * np.maximum(height, 0)
    whole = np.add.outer(area, area) - common if of == "union" else np.minimum.outer(area, area)
    covered = np.any(np.triu(common > most * whole, 1), axis=0)
    kept: Boxes = boxes[~covered]
    return kept


def _squares(boxes: Boxes) -> Boxes:
    size = boxes[:, 2:4] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True, initial=0)
    corner = boxes[:, :2] + size * 0.5 - side * 0.5
    return np.concatenate([corner, corner + side, boxes[:, 4:]], axis=1)


def _answered(network: LiteModel, normalized: NDArray[np.float32], boxes: Boxes, side: int) -> Boxes:
    """Boxes with a network's confidences, moved by its offsets, which are shares of their sides."""
    answers = [network(patch[None]) for patch in patches(normalized, boxes, side)]
    confidences = np.array([confidence[0, 1] for confidence, *_ in answers])
    offsets = np.array([offset[0] for _, offset, *_ in answers], dtype=np.float32).reshape(-1, 4)
    size = boxes[:, 2:4] - boxes[:, :2] + 1
    return np.column_stack([boxes[:, :4] + offsets * np.tile(size, 2), confidences])
