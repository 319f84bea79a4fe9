"""Whether a face is a picture: a photograph on a wall, on a screen or set into the frame, in a clip that moves."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import crop_face, scale_transform
from deepfake.video.info import Image

COMPARED_PX: Final = 56  # side of what is compared
CELLS: Final = 8  # along a side: an eye or half a mouth covers about one
EVERY_S: Final = 0.25
MIN_SHOWN_S: Final = 2.0
MIN_COMPARISONS: Final = 3  # of four looks, as many as the default classifier scores: two that are alike say nothing
# Over 2 s, measured with benchmarks/persons.py: none of 52 people in 46 real and fake clips stayed at or below it; of
# 12 followed to the end the one who changed least, a speaker before the first word, changed by 18. Photographs set into
# clips and encoded with H.264 at CRF 18 to 33, with grain of up to 6 levels, changed by 0 to 3, one by 6.
MAX_CHANGE: Final = 5.0
# In an aligned crop: the face without the background at its sides, where others may pass.
_Y, _X = np.mgrid[:COMPARED_PX, :COMPARED_PX]
FACE: Final = (((_X - 27.5) / 20) ** 2 + ((_Y - 30) / 24) ** 2 <= 1).astype(np.float32)
_SHARE: Final = cv2.resize(FACE, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
_INSIDE: Final = _SHARE >= 0.6


class PictureCheck:
    """Compares the place of one face in the frame with what was there first, four times a second.

    The place stays where the face was found, so that not only eyes and mouth count but every motion of the head.

    When it misleads: somebody who holds quite still for two seconds is called a picture. A picture that the camera does
    not hold still, that somebody walks past or that glints is called alive.
    """

    def __init__(self, *, stop_at: float = MAX_CHANGE) -> None:
        """stop_at: a change at which nothing more is looked at."""
        self._stop_at = stop_at
        self._place: NDArray[np.float32] | None = None
        self._first: NDArray[np.float32] | None = None
        self._first_s = self._last_s = 0.0
        self._change = 0.0
        self._comparisons = 0

    @property
    def shown_s(self) -> float:
        """Return how long the face was looked at, seconds."""
        return self._last_s - self._first_s

    @property
    def change(self) -> float:
        """Return the greatest mean change of a cell of the face so far, in levels of 255."""
        return self._change

    @property
    def is_picture(self) -> bool:
        """Return whether the face was looked at for long enough and never changed."""
        is_long = self.shown_s >= MIN_SHOWN_S and self._comparisons >= MIN_COMPARISONS
        return is_long and self._change <= MAX_CHANGE

    def push(self, image: Image, crop_to_frame: NDArray[np.float32], crop_px: int, timestamp_s: float) -> None:
        """Compare the next frame in which the face is seen. Free once one differs.

        image: of the frame, uint8 (H, W, 3). crop_to_frame: f32 (2, 3), of the face's aligned crop of crop_px px a
        side. timestamp_s: of the frame, seconds.
        """
        if self._first is not None and (self._change > self._stop_at or timestamp_s - self._last_s < EVERY_S):
            return
        if self._place is None:
            self._place = scale_transform(crop_to_frame, COMPARED_PX / crop_px)
        gray = cv2.cvtColor(crop_face(image, self._place, COMPARED_PX), cv2.COLOR_RGB2GRAY).astype(np.float32)
        if self._first is None:
            self._first, self._first_s = gray, timestamp_s
        else:
            self._comparisons += 1
            cells = cv2.resize(np.abs(gray - self._first) * FACE, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
            self._change = max(self._change, float(np.max(cells[_INSIDE] / _SHARE[_INSIDE])))
        self._last_s = timestamp_s
