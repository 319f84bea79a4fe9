"""How wide the edges of a face crop are: the blur of a face, whatever its contrast and whatever caused the blur."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.video.info import Image

REBLUR_PX: Final = 2.0  # sigma of the Gaussian that a crop is compared with
BORDER_SHARE: Final = 0.15  # of a crop's side, left out at each border: hair, background and what lies beyond the frame
EDGE_SHARE: Final = 10  # percent of the pixels, those with the strongest gradient, are edges
MIN_GRADIENT: Final = 0.5  # gray levels per px: flatter pixels are no edges
MIN_EDGE_PIXELS: Final = 50


def edge_blur_px(crop: Image) -> float:
    """Return the blur of a face crop, px of the crop: the sigma of the Gaussian that would smear ideal edges as much.

    A second, known blur weakens a sharp edge much and a soft one little, so the ratio of the gradients before and
    after it gives the blur that was there (Zhuo & Sim 2011, "Defocus map estimation from a single image", Pattern
    Recognition 44(9)); here the median over the strongest edges of the inner crop. A face enlarged from few pixels is
    blurred in the same sense. crop: RGB uint8 (S, S, 3). NaN where there are no edges.

    When it misleads: blocks of strong compression are edges, so that a coarsely coded face can look sharper than it
    is; motion blur counts only across its direction.
    """
    gray: NDArray[np.float32] = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    border = round(BORDER_SHARE * gray.shape[0])
    inner = slice(border, gray.shape[0] - border)
    before = _gradient(gray)[inner, inner]
    after = _gradient(cv2.GaussianBlur(gray, (0, 0), REBLUR_PX).astype(np.float32))[inner, inner]
    edges = before >= max(float(np.percentile(before, 100 - EDGE_SHARE)), MIN_GRADIENT)
    if int(edges.sum()) < MIN_EDGE_PIXELS:
        return float("nan")
    ratio = float(np.median(before[edges] / np.maximum(after[edges], 1e-3)))
    return REBLUR_PX / float(np.sqrt(max(ratio * ratio - 1, 1e-2)))


def _gradient(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    across = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=1 / 8)
    return cv2.magnitude(across, down).astype(np.float32, copy=False)
