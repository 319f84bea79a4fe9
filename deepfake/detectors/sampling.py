"""Which crops of a track a detector looks at, chosen while the clip is read."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import FaceCrop

MAX_CROPS = 32  # four to eight crops a clip carry nearly all that a frame-by-frame detector can tell


class CropSample:
    """Between 16 and 32 crops of a track of unknown length, evenly spread over it, in bounded memory.

    Every stride-th crop is kept; when there are more than MAX_CROPS, every second goes and the stride doubles.
    """

    def __init__(self) -> None:
        self._stride = 1
        self._offered = 0
        self._crops: list[FaceCrop] = []

    def offer(self, cut: Callable[[], FaceCrop]) -> None:
        """Offer the next crop of the track. cut: returns it; called where it is wanted."""
        if self._offered % self._stride == 0:
            self._crops.append(cut())
        self._offered += 1
        if len(self._crops) > MAX_CROPS:
            self._crops = self._crops[::2]
            self._stride *= 2

    @property
    def crops(self) -> tuple[FaceCrop, ...]:
        """The kept crops, in the order of time."""
        return tuple(self._crops)

    def images(self) -> NDArray[np.uint8]:
        """Return the kept crops as one array, uint8 (n, S, S, 3)."""
        return np.stack([crop.image for crop in self._crops])
