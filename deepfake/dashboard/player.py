"""The clip itself, in a form that the browser plays."""

from pathlib import Path
from typing import Literal

import streamlit as st

from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.state import runtime
from deepfake.dashboard.waiting import folder_when_ready
from deepfake.server.results import Request, player_key
from deepfake.server.tasks import PLAYER_FILE, make_player_clip
from deepfake.video.browser import browser_plays
from deepfake.words import format_time

# Streamlit reads the whole file into memory to serve it; a large one is shown as a smaller copy.
PLACE_WIDTH_PX = 570
MAX_DIRECT_BYTES = 64 * 2**20
MAX_HEIGHT_PX = 420


def draw_player(ready: ReadyAnalysis, time_s: float) -> None:
    """Draw the player at a time: whole seconds, finer a browser's player cannot be set from here."""
    path = playable_clip(ready)
    if path is not None:
        video = ready.analysis.video
        # An upright clip at full width would push all else off the screen.
        width = shown_width(video.width, video.height, PLACE_WIDTH_PX)
        start_s = int(time_s)
        st.video(path, start_time=start_s, alt=f"The clip {ready.clip.name}", width=width)
        if format_time(time_s) != format_time(start_s):
            st.caption(f"The player starts at whole seconds: at {format_time(start_s)}, not {format_time(time_s)}.")


def playable_clip(ready: ReadyAnalysis) -> Path | None:
    """Return the clip, or its copy for the browser; while that is being made, draw the progress and return None."""
    video, path = ready.analysis.video, ready.clip.path
    if browser_plays(video) and path.stat().st_size <= MAX_DIRECT_BYTES:
        return path
    request = Request(
        player_key(ready.clip.sha256, is_upload=ready.clip.is_private),
        make_player_clip,
        (path, runtime().settings),
        source=path,
        name=ready.clip.name,
        is_media=True,
    )
    folder = folder_when_ready(request, heading="Converting for the browser", place="player")
    return None if folder is None else folder / PLAYER_FILE


def shown_width(width: int, height: int, place_width_px: int) -> int | Literal["stretch"]:
    """Return the width to draw a picture or clip of that size with, in a place that is about place_width_px wide on a
    laptop: "stretch", or fewer px where it would become higher than MAX_HEIGHT_PX."""
    if place_width_px * height <= MAX_HEIGHT_PX * width:
        return "stretch"
    return max(96, round(MAX_HEIGHT_PX * width / height))
