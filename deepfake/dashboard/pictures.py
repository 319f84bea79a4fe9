"""How large a picture is drawn: as wide as its place, unless it would then be too high."""

from typing import Literal

MAX_HEIGHT_PX = 420


def shown_width(
    width: int, height: int, place_width_px: int, max_height_px: int = MAX_HEIGHT_PX
) -> int | Literal["stretch"]:
    """Return the width to draw a picture or clip of that size with, in a place that is about place_width_px wide on a
    laptop: "stretch", or fewer px where it would become higher than max_height_px."""
    if place_width_px * height <= max_height_px * width:
        return "stretch"
    return max(96, round(max_height_px * width / height))
