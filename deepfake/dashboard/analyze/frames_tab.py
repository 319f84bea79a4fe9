"""Frames: every n-th frame, or every n-th picture of a face, in k columns."""

from bisect import bisect_right
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.analyze.tabs import open_tab
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.selection import set_time
from deepfake.dashboard.snapshots import face_clip_file, face_grid, frame_grid
from deepfake.dashboard.state import AnalyzePage
from deepfake.report.wording import person_name
from deepfake.views.stills import GridTile
from deepfake.words import format_time

PAGE_TILES = 48
MOST_FOLDED = 6  # a row of no more pictures folds on a narrow screen; a longer one scrolls
FIRST_TILES = 24  # about as many pictures as the first grid of a clip shows
WHOLE, FACE = "Whole frames", "Face"


def draw_frames(ready: ReadyAnalysis, frame: int, track_id: int | None, *, page: AnalyzePage) -> None:
    """Draw the grid with its choices: what, every how many frames, how many columns; at first with the frame of the
    moment on it, which a picture that is clicked sets."""
    count = len(ready.analysis.frame_timestamps_s)
    what, every, columns, pager = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
    with what:
        shown = st.segmented_control(
            "Pictures of",
            [WHOLE, FACE] if track_id is not None else [WHOLE],
            format_func=lambda option: person_name(track_id or 0) if option == FACE else option,
            default=WHOLE,
            required=True,
            key=page.key("grid-of"),
            persist_state="session",
        )
    key = page.key("grid-every")
    if page.grid_of != ready.key:
        page.grid_of = ready.key
        st.session_state[key] = max(1, round(count / FIRST_TILES))
    step = every.number_input(
        "Every n-th frame", 1, max(1, count), key=key, persist_state="session", help="1 shows every frame."
    )
    across = columns.number_input("Columns", 1, 12, 6, key=page.key("grid-columns"), persist_state="session")
    rows = _rows(ready, track_id if shown == FACE else None, int(step))
    shown_row = max(0, bisect_right([index for _, index, _ in rows], frame) - 1)
    pages = max(1, -(-len(rows) // PAGE_TILES))
    number = 1
    if pages > 1:
        number = int(
            pager.number_input(
                f"Page of {pages}", 1, pages, 1 + shown_row // PAGE_TILES, key=page.key(f"grid-page-{pages}-{frame}")
            )
        )
    rows = rows[(number - 1) * PAGE_TILES : number * PAGE_TILES]
    if shown == FACE and not ready.face_clips_when_ready(place=page.name):
        return
    tiles = _tiles(ready, track_id if shown == FACE else None, rows)
    _draw_tiles(tiles, int(across), frame, page)


def _rows(ready: ReadyAnalysis, track_id: int | None, step: int) -> list[tuple[int, int, float]]:
    """Position in the clip that is read, number of the frame, its time, of every step-th picture."""
    times_s = ready.analysis.frame_timestamps_s
    track = None if track_id is None else ready.analysis.track(track_id)
    frames = range(len(times_s)) if track is None else track.frame_indices.tolist()
    positions = range(0, len(frames), step)
    return [(position, int(frames[position]), float(times_s[frames[position]])) for position in positions]


def _tiles(ready: ReadyAnalysis, track_id: int | None, rows: list[tuple[int, int, float]]) -> list[GridTile]:
    positions, frames, times_s = ([row[column] for row in rows] for column in range(3))
    if track_id is None:
        return frame_grid(ready.clip, frames, times_s)  # type: ignore[arg-type]
    face_clip = ready.face_clip(track_id)
    return [] if face_clip is None else face_grid(face_clip_file(face_clip), positions, frames, times_s)  # type: ignore[arg-type]


def _draw_tiles(tiles: list[GridTile], across: int, frame: int, page: AnalyzePage) -> None:
    if not tiles:
        st.info("There are no pictures of this person.", icon=":material/face:")
    shown = max((tile.frame_index for tile in tiles if tile.frame_index <= frame), default=None)
    for start in range(0, len(tiles), across):
        places = _places(across)
        for tile, column in zip(tiles[start : start + across], places, strict=False):
            label = f"{tile.frame_index} · {format_time(tile.timestamp_s)}"
            column.image(tile.image, width="stretch", alt=f"Frame {label}")
            column.button(
                label,
                key=page.key(f"tile-{tile.frame_index}"),
                type="primary" if tile.frame_index == shown else "tertiary",
                help="The moment" if tile.frame_index == shown else "Go to this moment",
                on_click=_go_to,
                args=(page, tile.timestamp_s),
            )
        for column in places[len(tiles) - start :]:
            column.space("small")  # an empty place would give its width to the last pictures


def _go_to(page: AnalyzePage, time_s: float) -> None:
    set_time(page, time_s)
    open_tab(page, "faces")


def _places(across: int) -> Sequence[DeltaGenerator]:
    if across > MOST_FOLDED:
        return st.columns(across, gap="small", wrap=False)
    row = st.container(horizontal=True, gap="small")
    return [row.container(width="stretch") for _ in range(across)]
