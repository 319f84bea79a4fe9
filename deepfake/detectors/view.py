"""The picture that a network is shown of a crop, and a map of that picture laid over the whole crop."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

VIEW_PX: Final = 224  # side of the picture that a network is shown


@dataclass(frozen=True, slots=True)
class View:
    """What a network is shown of a crop: the square at (left_px, top_px), side_px on each side, brought to 224 px."""

    name: str
    left_px: int
    top_px: int
    side_px: int

    @property
    def square(self) -> tuple[slice, slice]:
        """Its rows and columns in a crop."""
        return slice(self.top_px, self.top_px + self.side_px), slice(self.left_px, self.left_px + self.side_px)

    def of(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view of crops uint8 (n, S, S, 3), uint8 (n, 224, 224, 3)."""
        inside: NDArray[Any] = crops[:, *self.square]
        if self.side_px == VIEW_PX:
            return np.ascontiguousarray(inside)
        seen = np.empty((len(crops), VIEW_PX, VIEW_PX, 3), np.uint8)
        for picture, smaller in zip(inside, seen, strict=True):
            cv2.resize(picture, (VIEW_PX, VIEW_PX), dst=smaller, interpolation=cv2.INTER_AREA)
        return seen

    def spread(self, maps: NDArray[np.float32], side: int, crop_px: int) -> NDArray[np.float32]:
        """Return maps f32 (n, k, k) of this view laid over the whole crop, f32 (n, side, side), zero outside the view.

        The mean of each stays: linear enlargement by a whole number keeps it, and a smaller area weighs more. crop_px:
        side of the crop.
        """
        scale = crop_px / side
        inner, left, top = (round(px / scale) for px in (self.side_px, self.left_px, self.top_px))
        spread = np.zeros((len(maps), side, side), np.float32)
        for one, whole in zip(maps, spread, strict=True):
            whole[top : top + inner, left : left + inner] = cv2.resize(
                one, (inner, inner), interpolation=cv2.INTER_LINEAR
            )
        return spread * np.float32((side / inner) ** 2)
