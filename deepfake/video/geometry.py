"""From pictures as stored to pictures as shown: cropped to the clean aperture, square pixels, turned, mirrored."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, Self

import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideDataType

from deepfake.video.boxes import CleanAperture
from deepfake.video.info import Adjustment, Image

# Encoders round the shape of a pixel (4319:4320 for a square one); nobody sees a hundredth.
PIXEL_ASPECT_TOLERANCE: Final = 0.01
MAX_PIXEL_ASPECT: Final = 10  # widescreen fields are at 3; what is beyond is damage
DISPLAY_MATRIX_BYTES: Final = 36


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a picture is turned for display. quarter_turns: clockwise, 0 to 3; mirrored: left and right are exchanged
    after that."""

    quarter_turns: int = 0
    mirrored: bool = False

    @classmethod
    def of_matrix(cls, matrix: bytes) -> Self:
        """Return the orientation nearest to a display matrix, as FFmpeg has it: 3×3 of 32 bit, x' = ax + cy."""
        if len(matrix) < DISPLAY_MATRIX_BYTES:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix[:20], np.int32).astype(float)
        if a * d - b * c == 0:
            return cls()
        mirrored = bool(a * d - b * c < 0)
        if mirrored:  # the turn that is left when left and right are changed back
            a, c = -a, -c
        return cls(round(np.degrees(np.arctan2(b - c, a + d)) / 90) % 4, mirrored)

    @classmethod
    def of_frame(cls, frame: Any) -> Self:
        """Return the orientation that a decoded frame carries."""
        for item in frame.side_data:
            if item.type == SideDataType.DISPLAYMATRIX:
                return cls.of_matrix(bytes(item))
        return cls()

    def apply(self, image: Image) -> Image:
        """Return an image (height, width, 3) turned and mirrored, contiguous."""
        if self.quarter_turns:
            image = np.rot90(image, -self.quarter_turns)
        if self.mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the pictures of one stream become those that are shown.

    coded_width, coded_height: of the first picture, px. pixel_aspect: width over height of a coded pixel, 1 where it is
    square. aperture: the part of a picture of the first one's size that is shown, or None for all of it.
    """

    coded_width: int
    coded_height: int
    pixel_aspect: Fraction = Fraction(1)
    aperture: CleanAperture | None = None
    orientation: Orientation = Orientation()

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the frames that are shown, px."""
        width, height = _square_size(*self._shown_part(), self.pixel_aspect)
        return (height, width) if self.orientation.quarter_turns % 2 else (width, height)

    def apply(self, image: Image, aspect: Fraction | None = None) -> tuple[Image, bool]:
        """Return a picture as shown, and whether it had to be fitted: its size or shape is not that of the first.

        image: uint8 (height, width, 3), as stored, of any size. aspect: width over height of its pixels; None for that
        of the first. A picture of another size or shape keeps its proportions: it is scaled into the size of the others
        and gets black bars.
        """
        height, width = image.shape[:2]
        aspect = self.pixel_aspect if aspect is None else aspect
        if (width, height) != (self.coded_width, self.coded_height) or self._is_other(aspect):
            return self.orientation.apply(self._fitted(image, aspect)), True
        if self.aperture is not None:
            left, top, width, height = self.aperture
            image = image[top : top + height, left : left + width]
        square = _square_size(width, height, self.pixel_aspect)
        if square != (width, height):
            image = _resized(image, square)
        return self.orientation.apply(image), False

    def adjustments(self) -> tuple[Adjustment, ...]:
        """Return what is changed, in the order in which it is done."""
        found = []
        if self.aperture is not None:
            found.append(Adjustment("cropped", dict(self.aperture._asdict())))
        width, height = self._shown_part()
        if _square_size(width, height, self.pixel_aspect) != (width, height):
            aspect = round(float(self.pixel_aspect), 6)
            size = {"coded_width": self.coded_width, "coded_height": self.coded_height}
            found.append(Adjustment("scaled", {"pixel_aspect": aspect, **size}))
        if self.orientation.quarter_turns:
            found.append(Adjustment("turned", {"rotation_deg": 90 * self.orientation.quarter_turns}))
        if self.orientation.mirrored:
            found.append(Adjustment("mirrored"))
        return tuple(found)

    def _shown_part(self) -> tuple[int, int]:
        if self.aperture is None:
            return self.coded_width, self.coded_height
        return self.aperture.width, self.aperture.height

    def _is_other(self, aspect: Fraction) -> bool:
        return aspect != self.pixel_aspect and abs(aspect / self.pixel_aspect - 1) >= PIXEL_ASPECT_TOLERANCE

    def _fitted(self, image: Image, aspect: Fraction) -> Image:
        frame_width, frame_height = _square_size(*self._shown_part(), self.pixel_aspect)
        width, height = _square_size(image.shape[1], image.shape[0], aspect)
        scale = min(frame_width / width, frame_height / height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (frame_width - width) // 2, (frame_height - height) // 2
        fitted = np.zeros((frame_height, frame_width, 3), np.uint8)
        fitted[top : top + height, left : left + width] = _resized(image, (width, height))
        return fitted


@lru_cache(maxsize=16)  # asked for every frame, and dividing fractions takes longer than looking one up
def pixel_aspect(stated: Fraction | None) -> Fraction:
    """Return the shape of a pixel, width over height; 1 where none is stated, where it is square but for rounding, and
    where what is stated cannot be."""
    if not stated or not 1 / MAX_PIXEL_ASPECT <= stated <= MAX_PIXEL_ASPECT:
        return Fraction(1)
    return Fraction(1) if abs(stated - 1) < PIXEL_ASPECT_TOLERANCE else Fraction(stated)


def _square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size with square pixels: the shorter side of a pixel is made longer, so that no detail is lost."""
    if aspect > 1:
        return max(1, round(width * aspect)), height
    return width, max(1, round(height / aspect))


def _resized(image: Image, size: tuple[int, int]) -> Image:
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method).astype(np.uint8, copy=False)
