"""Whether anything moves in a clip: a photograph that is shown again and again is one picture, not many."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.video.info import Image

COMPARED_WIDTH_PX: Final = 320
CELL_PX: Final = 8  # a mouth of the smallest face that is judged covers about one
# Levels of 255. A photograph encoded with H.264 at CRF 18 and 28, MPEG-2, MPEG-4 or VP8, or with grain put over it,
# changes by 0.7 to 3.8 in 75 to 100 frames, at CRF 38 by 8.1; the least of 70 real and fake clips of people by 10.9
# within 25 frames, the next by 35.
MAX_STILL_CHANGE: Final = 6.0


class StillnessCheck:
    """Compares every picture with the first one.

    When it misleads: a photograph that is zoomed or panned moves; a person who holds still for a fraction of a second
    does not.
    """

    def __init__(self) -> None:
        self._first: NDArray[np.float32] | None = None
        self._largest_change = 0.0
        self._count = 0

    @property
    def still_frames(self) -> int:
        """How many pictures there were where all of them show the same; 0 where one differs, and of a single one."""
        return self._count if self._is_still and self._count > 1 else 0

    @property
    def _is_still(self) -> bool:
        return self._largest_change <= MAX_STILL_CHANGE

    def push(self, image: Image) -> None:
        """Compare the next picture, uint8 (height, width, 3), of the same size as the first. Free once one differs."""
        self._count += 1
        if not self._is_still:
            return
        picture = _small_gray(image)
        if self._first is None:
            self._first = picture
            return
        change = cv2.absdiff(picture, self._first)
        cells = max(1, picture.shape[1] // CELL_PX), max(1, picture.shape[0] // CELL_PX)
        self._largest_change = max(
            self._largest_change, float(cv2.resize(change, cells, interpolation=cv2.INTER_AREA).max())
        )


def _small_gray(image: Image) -> NDArray[np.float32]:
    scale = min(1.0, COMPARED_WIDTH_PX / image.shape[1])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = image if scale == 1.0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
