"""Where the detector looked: what each place of a face adds to its score, laid over the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.figures.style import COLOURS
from deepfake.video import Image

PICTURE_SIDE_PX = 448
MAX_OPACITY = 0.5
# Of one place, in logits. A map that stays below is drawn paler, so that a face without findings looks quiet.
LEAST_FULL_COLOUR = 4.0
OUTLINED_SHARE = 0.4  # of the full colour: stronger places are outlined
DASH_PX = 9


def attributed_crop(crop: Image, attribution: NDArray[np.float32]) -> Image:
    """Return a face crop with its attribution over it, uint8 (448, 448, 3).

    Orange with a solid outline speaks for fake, teal with a broken outline for real; the stronger, the denser. crop:
    uint8 (S, S, 3). attribution: f32 (h, w), logits, positive for fake, of equal parts of the crop.
    """
    size = (PICTURE_SIDE_PX, PICTURE_SIDE_PX)
    picture = cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    smooth = cv2.resize(attribution.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    full = max(LEAST_FULL_COLOUR, float(np.abs(attribution).max()))
    strength = np.clip(smooth / full, -1, 1)
    colours = np.where(strength[..., None] > 0, _rgb("fake"), _rgb("real"))
    opacity = MAX_OPACITY * np.abs(strength)[..., None]
    drawn: Image = np.clip(np.rint(picture * (1 - opacity) + colours * opacity), 0, 255).astype(np.uint8)
    _outline(drawn, strength >= OUTLINED_SHARE, "fake", dash_px=None)
    _outline(drawn, strength <= -OUTLINED_SHARE, "real", dash_px=DASH_PX)
    return drawn


def _rgb(name: str) -> NDArray[np.float32]:
    text = COLOURS[name].lstrip("#")
    return np.array([int(text[place : place + 2], 16) for place in (0, 2, 4)], dtype=np.float32)


def _outline(picture: Image, region: NDArray[np.bool_], name: str, *, dash_px: int | None) -> None:
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A light rim keeps the line visible on dark ground.
    for colour, width in (((255, 255, 255), 4), (tuple(_rgb(name).tolist()), 2)):
        for contour in contours:
            points = contour[:, 0]
            step = dash_px or len(points)
            pieces = [points[start : start + step] for start in range(0, len(points), 2 * step if dash_px else step)]
            cv2.polylines(picture, pieces, dash_px is None, colour, width, cv2.LINE_AA)
