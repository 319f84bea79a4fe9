"""FacePatch: the face and what surrounds it, as the frame has them: neither rotated nor resampled.

Signals of sharpness read this and not the crop, whose resampling would be measured along with the face.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.landmarks import FACE_OVAL, Mesh
from deepfake.video.info import Image

MIN_FACE_PX = 40  # width of the smallest face that is measured: below it, bands along the contour are under 3 px wide
MAX_SIDE_PX = 512  # larger patches are reduced: the time a patch takes stays bounded
SURROUNDINGS = 0.35  # of the face's width: how far a patch reaches beyond the face


@dataclass(frozen=True, slots=True)
class FacePatch:
    """A face with its surroundings. gray: f32 (h, w), 0 to 255. mesh_xy: f32 (468, 2), patch px. depth: f32 (h, w),
    distance from the face's outline in face widths, positive inside. face_px: the face's width in patch px."""

    gray: NDArray[np.float32]
    mesh_xy: NDArray[np.float32]
    depth: NDArray[np.float32]
    face_px: float

    def mean_square(self, values: NDArray[np.float32], low: float, high: float) -> float:
        """Return the mean of values² where low <= depth < high, NaN where that is under 50 px."""
        chosen = values[(self.depth >= low) & (self.depth < high)]
        return float(np.mean(chosen * chosen)) if len(chosen) >= 50 else float("nan")


def cut_patch(image: Image, mesh: Mesh | None) -> FacePatch | None:
    """Return the patch around a mesh, f32 (468, 3), frame px, or None: no mesh, too small a face, outside the frame.

    image: RGB uint8 (H, W, 3).
    """
    if mesh is None or not np.isfinite(mesh).all():
        return None
    outline = mesh[FACE_OVAL, :2]
    width = float(min(np.ptp(outline[:, 0]), np.ptp(outline[:, 1])))
    if width < MIN_FACE_PX:
        return None
    height_px, width_px = image.shape[:2]
    margin = SURROUNDINGS * width
    low = np.clip(np.floor(outline.min(axis=0) - margin), 0, (width_px, height_px)).astype(int)
    high = np.clip(np.ceil(outline.max(axis=0) + margin), 0, (width_px, height_px)).astype(int)
    if (high - low < MIN_FACE_PX).any():
        return None
    region: NDArray[Any] = cv2.cvtColor(image[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    mesh_xy = mesh[:, :2] - low
    reduction = MAX_SIDE_PX / max(region.shape)
    if reduction < 1:
        size = np.maximum(1, np.round(np.array(region.shape[::-1]) * reduction)).astype(int)
        mesh_xy = (mesh_xy + 0.5) * (size / region.shape[::-1]) - 0.5
        region = cv2.resize(region, tuple(size.tolist()), interpolation=cv2.INTER_AREA)
        width *= reduction
    mesh_xy = mesh_xy.astype(np.float32)
    depth = outline_depth(mesh_xy[list(FACE_OVAL)], (region.shape[0], region.shape[1])) / np.float32(width)
    return FacePatch(region.astype(np.float32), mesh_xy, depth, width)


def outline_depth(outline: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the distance from a closed outline, f32 (h, w), px, positive inside. outline: f32 (k, 2), px."""
    mask = polygon_mask(outline, shape)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    return np.subtract(inside, outside, dtype=np.float32)


def polygon_mask(outline: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return 1 inside the convex hull of an outline and 0 outside, uint8 (h, w). outline: f32 (k, 2), px."""
    mask = np.zeros(shape, np.uint8)
    hull = cv2.convexHull(np.round(outline).astype(np.int32))
    return cv2.fillConvexPoly(mask, hull, (1,)).astype(np.uint8, copy=False)


def blurred(image: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Return the image under a Gaussian, f32, its edges reflected."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT).astype(np.float32, copy=False)


def decibels(ratio: float) -> float:
    """Return ten times the decimal logarithm of a ratio of powers, NaN where it has none."""
    return float(10 * np.log10(ratio)) if ratio > 0 else float("nan")
