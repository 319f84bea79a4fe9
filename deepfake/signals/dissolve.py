"""Dissolves and fades: where one scene turns into another by degrees, which no cut detector sees."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.video.info import Image

Small = NDArray[np.float32]

SMALL_PX: Final = (48, 27)  # width, height: a face is a few pixels, so that talking and nodding hardly count
SPANS_S: Final = (0.28, 0.6, 1.2, 2.4)  # lengths of time over which a change is looked at
MIN_CHANGE: Final = 8.0  # mean absolute difference of the ends of a span, levels of 0 to 255
MAX_CORRELATION: Final = 0.90  # of the ends' brightness: above this the same scene became lighter or darker
MAX_RESIDUAL: Final = 0.20  # of the pictures between, off the straight line from end to end, in lengths of that line
MIN_QUARTER: Final = 0.10  # of the way, made in each quarter of the span: a cut is made in one
SETTLED_FRAMES: Final = 3  # without a sign of a dissolve: it is over …
MIN_PACE: Final = 0.35  # … and so it is where the last three frames change by less than this share of the mean pace


@dataclass(frozen=True, slots=True)
class Dissolve:
    """One dissolve. first: the first frame that may show both scenes; after: the first frame of the new scene."""

    first: int
    after: int


class DissolveDetector:
    """Dissolves, as pictures come.

    Between the ends of a dissolve every picture is a mixture of both: it lies on the straight line from the one to the
    other, and further along it the later it comes. Moving things and cameras leave that line. Pictures are compared at
    48×27 px over spans of 0.28 to 2.4 s, at their quarters.

    When it misleads: a dissolve between nearly equal scenes, or of less than about five frames, is not seen; a slow
    change of light that also changes the shading may be taken for one.
    """

    def __init__(self, frame_rate: float) -> None:
        """frame_rate: frames per second."""
        spans = {max(4, 4 * round(span * frame_rate / 4)) for span in SPANS_S}
        self._spans = tuple(sorted(spans, reverse=True))
        self._recent: deque[Small] = deque(maxlen=max(self._spans) + 1)
        self._index = -1
        self._first: int | None = None
        self._last = -1

    def push(self, image: Image, *, is_cut: bool = False) -> Dissolve | None:
        """Return the dissolve that ended just before this picture, or None. image: uint8 (H, W, 3). is_cut: whether a
        new scene begins with it: nothing before it is compared with it."""
        self._index += 1
        if is_cut:
            self._recent.clear()
        small = _small(image)
        self._recent.append(small)
        span = next((span for span in self._spans if self._is_dissolving(span)), None)
        if span is not None:
            first = self._index - span + 1
            self._first = first if self._first is None else min(self._first, first)
            self._last = self._index
            return None
        if self._first is None or (self._index - self._last < SETTLED_FRAMES and not is_cut):
            return None
        found = Dissolve(self._first, self._index)
        self._first = None
        self._recent.clear()  # what is mixed already is no scene that could dissolve again
        self._recent.append(small)
        return found

    def _is_dissolving(self, span: int) -> bool:
        if len(self._recent) <= span:
            return False
        begin, end = self._recent[-1 - span], self._recent[-1]
        line = begin - end
        if float(np.mean(np.abs(line))) < MIN_CHANGE or _correlation(begin, end) > MAX_CORRELATION:
            return False
        length = float(np.sum(line * line))
        pace = float(np.sum((self._recent[-1 - SETTLED_FRAMES] - end) * line)) / length * span / SETTLED_FRAMES
        if pace < MIN_PACE:
            return False
        left = [1.0]
        for quarter in (1, 2, 3):
            way = self._recent[-1 - span + quarter * span // 4] - end
            share = float(np.sum(way * line)) / length
            if float(np.sum((way - share * line) ** 2)) > MAX_RESIDUAL**2 * length:
                return False
            left.append(share)
        return bool(np.all(-np.diff([*left, 0.0]) >= MIN_QUARTER))


def _small(image: Image) -> Small:
    width, height = SMALL_PX
    if image.shape[0] < height or image.shape[1] < width:
        return cv2.resize(image, SMALL_PX, interpolation=cv2.INTER_AREA).astype(np.float32)
    from deepfake.signals._area_kernel import area_means  # Numba imports slowly: only who looks for dissolves waits

    return area_means(np.ascontiguousarray(image), width, height)


def _correlation(a: Small, b: Small) -> float:
    """Of brightness, 0 where one of them is a single gray."""
    gray_a, gray_b = (image.mean(axis=2).ravel() - image.mean() for image in (a, b))
    norm = float(np.linalg.norm(gray_a) * np.linalg.norm(gray_b))
    return float(gray_a @ gray_b) / norm if norm > 1.0 else 0.0
