"""Who is visible when."""

import numpy as np
import plotly.graph_objects as go

from deepfake.analysis.model import Analysis
from deepfake.faces.tracking import FaceTrack
from deepfake.figures.style import COLORS, empty_figure, styled, vertical_lines
from deepfake.report.wording import person_name
from deepfake.words import format_time

TITLE = "Who is visible when"
ROW_HEIGHT_PX = 34
FRAME_HEIGHT_PX = 120  # title and axis


def timeline_figure(analysis: Analysis, selected_track: int | None, *, moment_s: float | None = None) -> go.Figure:
    """Return one bar per person and stretch of frames in which the face is seen; gaps stay empty.

    The selected track is drawn solid, the others hatched. Every bar's customdata is
    [track_id, first frame, last frame, "m:ss.ff", "m:ss.ff"].
    """
    if not analysis.tracks:
        return empty_figure(TITLE, "No face was found in any frame.", height_px=FRAME_HEIGHT_PX + ROW_HEIGHT_PX)
    figure = go.Figure([_bars(analysis, track, track.track_id == selected_track) for track in analysis.tracks])
    height_px = FRAME_HEIGHT_PX + ROW_HEIGHT_PX * len(analysis.tracks)
    styled(figure, title=TITLE, height_px=height_px, x_title="time (s)")
    figure.update_xaxes(range=[0, analysis.length_s])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    cuts_s = analysis.frame_timestamps_s[analysis.cuts].tolist()
    return figure.update_layout(
        barmode="overlay",
        showlegend=False,
        clickmode="event+select",
        shapes=vertical_lines(cuts_s, moment_s, labeled=False),
    )


def _bars(analysis: Analysis, track: FaceTrack, is_selected: bool) -> go.Bar:
    ends = np.flatnonzero(np.diff(track.frame_indices) > 1)
    first = track.frame_indices[np.concatenate([[0], ends + 1])]
    last = track.frame_indices[np.concatenate([ends, [len(track) - 1]])]
    # A frame is seen until the next one comes.
    until_s = np.append(analysis.frame_timestamps_s[1:], analysis.length_s)
    start_s, end_s = analysis.frame_timestamps_s[first], until_s[last]
    color = COLORS["frame"] if is_selected else COLORS["quiet"]
    return go.Bar(
        base=start_s.tolist(),
        x=(end_s - start_s).tolist(),
        y=[person_name(track.track_id)] * len(first),
        orientation="h",
        name=person_name(track.track_id),
        marker={"color": color, "pattern": {"shape": "" if is_selected else "/", "size": 6}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=[
            [track.track_id, a, b, format_time(float(s)), format_time(float(e))]
            for a, b, s, e in zip(first.tolist(), last.tolist(), start_s, end_s, strict=True)
        ],
        hovertemplate="%{y}: %{customdata[3]} to %{customdata[4]}<br>frames %{customdata[1]} to %{customdata[2]}"
        "<extra></extra>",
    )
