"""FaceCrop: the similarity transform from a crop to its frame, and the crop that it cuts out."""

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.video.info import Image

# Where the five landmarks of an upright face lie in a crop, as shares of its side: eyes level and 0.28 apart, the
# whole face from hairline to chin inside, with a margin of about 15%. Proportions of an average frontal face.
CANONICAL_LANDMARKS = np.array(
    [[0.36, 0.42], [0.64, 0.42], [0.50, 0.575], [0.385, 0.735], [0.615, 0.735]], dtype=np.float32
)
BOX_MARGIN = 1.3  # side of a crop made from a box alone, in box sides (the FaceForensics++ baseline's margin)


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """The face of one track in one frame. image: uint8 (S, S, 3), RGB. crop_to_frame: f32 (2, 3), takes the
    center of a crop's pixel (x, y, 1) to the frame's."""

    track_id: int
    frame_index: int
    timestamp_s: float
    image: Image
    crop_to_frame: NDArray[np.float32]


def crop_to_frame_from_landmarks(landmarks: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the similarity transform that lays the canonical face of a crop onto five landmarks.

    Least squares over rotation, scale and shift (Umeyama 1991). landmarks: f32 (5, 2), frame px, the subject's right
    eye first. size: side of the crop, px. Returns f32 (2, 3).
    """
    source = (CANONICAL_LANDMARKS * size - 0.5).astype(np.float64)
    target = landmarks.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centered, wanted = source - source_mean, target - target_mean
    # In the plane a similarity without reflection is a complex factor; least squares has a closed form.
    a, b = centered[:, 0] + 1j * centered[:, 1], wanted[:, 0] + 1j * wanted[:, 1]
    factor = np.vdot(a, b) / np.vdot(a, a)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    shift = target_mean - linear @ source_mean
    return np.column_stack([linear, shift]).astype(np.float32)


def crop_to_frame_from_box(box_xyxy: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the upright transform of a square around a box, with a margin. box_xyxy: f32 (4,), px. f32 (2, 3)."""
    center = (box_xyxy[:2] + box_xyxy[2:]) / 2
    side = BOX_MARGIN * float(np.max(box_xyxy[2:] - box_xyxy[:2]))
    scale = side / size
    corner = center - side / 2 + (scale - 1) / 2
    return np.array([[scale, 0, corner[0]], [0, scale, corner[1]]], dtype=np.float32)


def scale_transform(crop_to_frame: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return the transform of the same square cut out with a side of `factor` times as many pixels."""
    shift = (1 / factor - 1) / 2  # pixel centers: (x + 0.5) / factor - 0.5
    scaled = crop_to_frame.astype(np.float64).copy()
    scaled[:, 2] += crop_to_frame[:, :2].sum(axis=1) * shift
    scaled[:, :2] /= factor
    return scaled.astype(np.float32)


def outside_share(crop_to_frame: NDArray[np.float32], size: int, width: int, height: int) -> float:
    """Return the share of a crop's area that lies outside its frame, in [0, 1], to about 1/1600.

    crop_to_frame: f32 (2, 3). size: side of the crop, px. width, height: of the frame, px.
    """
    cells = (np.arange(40) + 0.5) * size / 40 - 0.5
    points = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2) @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
    inside = np.all((points > -0.5) & (points < (width - 0.5, height - 0.5)), axis=1)
    return float(1 - inside.mean())


def crop_face(
    image: Image, crop_to_frame: NDArray[np.float32], size: int, *, outside: Literal["edge", "mean"] = "edge"
) -> Image:
    """Cut a crop of size×size px out of a frame; what lies outside the frame repeats its edge, or has the mean color
    of the frame around the crop.

    Reduction is free of aliasing: the region is first averaged down to about the crop's resolution.
    image: uint8 (H, W, 3). crop_to_frame: f32 (2, 3). Returns uint8 (size, size, 3).
    """
    transform = crop_to_frame.astype(np.float64)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))  # frame px per crop px
    corners = transform @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]], dtype=np.float64)
    height, width = image.shape[:2]
    low = np.clip(np.floor(corners.min(axis=1)) - 2, 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=1)) + 3, low + 1, (width, height)).astype(int)
    region: NDArray[Any] = image[low[1] : high[1], low[0] : high[0]]
    transform[:, 2] -= low
    if scale > 1.5:
        reduced = np.maximum(1, np.round(np.array(region.shape[1::-1]) / scale)).astype(int)
        ratio = reduced / np.array(region.shape[1::-1])
        region = cv2.resize(region, tuple(reduced.tolist()), interpolation=cv2.INTER_AREA)
        transform[:, 2] = (transform[:, 2] + 0.5) * ratio - 0.5
        transform[:, :2] *= ratio[:, None]
    return cv2.warpAffine(
        region,
        transform,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if outside == "edge" else cv2.BORDER_CONSTANT,
        borderValue=() if outside == "edge" else cv2.mean(region),
    ).astype(np.uint8)
