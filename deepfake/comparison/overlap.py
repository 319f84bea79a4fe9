"""Which part of one clip's picture shows the same as which part of the other's, and where two pictures differ."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.settings import Settings
from deepfake.signals.ssim import MIN_SIDE_PX, ssim, ssim_map
from deepfake.video.info import Image
from deepfake.video.reader import VideoReader

# Wang's own advice for whole pictures (the author's ssim.m): average the picture down so that its shorter side comes
# near this before SSIM is taken. Differences as large as a facial feature then weigh more than the noise of two
# compressions, and a moment of a 1080p pair takes 1 ms instead of 40.
VIEWING_SIDE_PX = 256

OverlapKind = Literal["same size", "scaled", "center of the original", "center of the fake"]
Region = tuple[int, int, int, int]  # left, top, right, bottom, px


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which regions of a fake and of its original show the same.

    fake_xyxy, original_xyxy: the regions, px of each clip's frames. size: width and height that both are brought to.
    """

    kind: OverlapKind
    fake_xyxy: Region
    original_xyxy: Region
    size: tuple[int, int]

    @property
    def reduced_size(self) -> tuple[int, int]:
        """Width and height at which whole pictures are compared, px (see VIEWING_SIDE_PX)."""
        factor = max(1, round(min(self.size) / VIEWING_SIDE_PX))
        return max(1, round(self.size[0] / factor)), max(1, round(self.size[1] / factor))

    def fake_view(self, image: Image, size: tuple[int, int] | None = None) -> Image:
        """Return the fake's region at `size` (by default self.size), uint8 (height, width, 3)."""
        return _region(image, self.fake_xyxy, size or self.size)

    def original_view(self, image: Image, size: tuple[int, int] | None = None) -> Image:
        """Return the original's region at `size` (by default self.size), uint8 (height, width, 3)."""
        return _region(image, self.original_xyxy, size or self.size)

    def fake_to_original(self) -> NDArray[np.float64]:
        """Return the transform f64 (2, 3) that takes the center of a pixel (x, y, 1) of the fake to the original's."""
        fake, original = np.array(self.fake_xyxy, np.float64), np.array(self.original_xyxy, np.float64)
        scale = (original[2:] - original[:2]) / (fake[2:] - fake[:2])
        shift = original[:2] - 0.5 + scale * (0.5 - fake[:2])
        return np.column_stack([np.diag(scale), shift])


def find_overlap(
    fake_path: Path | str, original_path: Path | str, settings: Settings | None = None, *, offset_s: float = 0.0
) -> Overlap:
    """Return how the pictures of two clips lie on each other.

    Clips of one size lie on each other as they are. Else either one was scaled, or the smaller is the middle of the
    larger: the more similar of the two in the middle of what both show is taken. offset_s: added to the fake's time to
    have the original's. Raises what VideoReader raises.
    """
    with VideoReader(fake_path, settings) as fake, VideoReader(original_path, settings) as original:
        sizes = [(reader.info.width, reader.info.height) for reader in (fake, original)]
        candidates = _candidates(*sizes)
        if len(candidates) == 1:
            return candidates[0]
        ends_s = fake.info.duration_s or 0.0, (original.info.duration_s or 0.0) - offset_s
        middle_s = max(0.0, (max(0.0, -offset_s) + min(ends_s)) / 2)
        pictures = [fake.frame_near(middle_s)[0].image, original.frame_near(middle_s + offset_s)[0].image]
    return max(candidates, key=lambda overlap: likeness(overlap, pictures[0], pictures[1]))


def difference_map(fake_image: Image, original_image: Image) -> NDArray[np.float32]:
    """Return where two pictures of one size differ: 1 − SSIM around each pixel, f32 (H, W), 0 where nothing does.

    Taken on the pictures reduced as for the similarity of whole frames and enlarged to (H, W): at full size the noise
    of two compressions hides the face, and in a mean absolute difference dark regions vanish. At most 2.

    When it misleads: flat regions differ strongly by a trace of noise; a different compression differs everywhere.
    Raises ValueError when the sizes differ or a side is below 11 px.
    """
    if fake_image.shape != original_image.shape:
        raise ValueError(f"pictures of one size can be compared, these are {fake_image.shape}, {original_image.shape}")
    height, width = fake_image.shape[:2]
    overlap = Overlap("same size", (0, 0, width, height), (0, 0, width, height), (width, height))
    size = overlap.reduced_size
    difference = 1 - ssim_map(overlap.fake_view(fake_image, size), overlap.original_view(original_image, size))
    margin = MIN_SIDE_PX // 2
    padded = np.pad(np.maximum(difference, 0), margin, mode="edge")
    return cv2.resize(padded, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def reduced_similarity(fake_view: Image, original_view: Image) -> float:
    """Return the SSIM of two pictures of one size, NaN below 11 px a side."""
    if min(fake_view.shape[:2]) < MIN_SIDE_PX:
        return float("nan")
    return ssim(fake_view, original_view)


def likeness(overlap: Overlap, fake_image: Image, original_image: Image) -> float:
    """Return the similarity of two whole pictures laid on each other, reduced; −1 where they are too small."""
    size = overlap.reduced_size
    value = reduced_similarity(overlap.fake_view(fake_image, size), overlap.original_view(original_image, size))
    return value if np.isfinite(value) else -1.0


def _candidates(fake_size: tuple[int, int], original_size: tuple[int, int]) -> list[Overlap]:
    whole_fake, whole_original = (0, 0, *fake_size), (0, 0, *original_size)
    if fake_size == original_size:
        return [Overlap("same size", whole_fake, whole_original, fake_size)]
    smaller = min(fake_size[0], original_size[0]), min(fake_size[1], original_size[1])
    candidates = [Overlap("scaled", whole_fake, whole_original, smaller)]
    if smaller == fake_size:
        candidates.append(Overlap("center of the original", whole_fake, _center(original_size, smaller), smaller))
    elif smaller == original_size:
        candidates.append(Overlap("center of the fake", _center(fake_size, smaller), whole_original, smaller))
    return candidates


def _center(size: tuple[int, int], part: tuple[int, int]) -> Region:
    left, top = (size[0] - part[0]) // 2, (size[1] - part[1]) // 2
    return left, top, left + part[0], top + part[1]


def _region(image: Image, region: Region, size: tuple[int, int]) -> Image:
    left, top, right, bottom = region
    part = image[top:bottom, left:right]
    if part.shape[1::-1] == size:
        return part
    enlarges = size[0] > right - left or size[1] > bottom - top
    method = cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
    return cv2.resize(part, size, interpolation=method).astype(np.uint8, copy=False)
