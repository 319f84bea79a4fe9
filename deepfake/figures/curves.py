"""Similarity over time: of one clip, of two clips side by side, and of the one to the other."""

from collections.abc import Collection

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.analysis.model import Analysis
from deepfake.figures.style import COLORS, LEGEND_RANK, empty_figure, frames_and_times, styled, vertical_lines
from deepfake.report.curves import extreme_rows
from deepfake.report.wording import person_name
from deepfake.signals.base import SignalTrace

HEIGHT_PX = 340
MAX_BINS = 1500  # per stretch of a curve: each point is an element of the page, and more are not told apart
# The axis covers at least this: a curve that spans a thousandth would otherwise look like a storm.
LEAST_SHOWN_SIMILARITY, TOP_SHOWN_SIMILARITY = 0.9, 1.004
X_TITLE = "time (s)"
Y_TITLE = "similarity (SSIM, 1 = identical)"
NO_PAIRS = "No curve: it takes two frames that follow each other."


def similarity_figure(
    analysis: Analysis,
    track_id: int | None,
    *,
    drops: Collection[int] = (),
    face_drops: Collection[int] = (),
    moment_s: float | None = None,
) -> go.Figure:
    """Return the similarity of successive frames over time: the whole frame, and one track's face.

    drops, face_drops: frame indices of the drops to mark on the curve of the whole frame and of the face. moment_s: a
    line is drawn there. Every point's customdata is [frame index, "m:ss.ff"].
    """
    title = "Similarity of each frame to the one before it"
    curves = [_curve(analysis.trace("frame_similarity"), "whole frame", COLORS["frame"], "solid", "circle")]
    if track_id is not None:
        face = analysis.trace("face_similarity", track_id)
        curves.append(_curve(face, f"face of {person_name(track_id)}", COLORS["face"], "dash", "diamond"))
    drawn = [curve for curve in curves if curve is not None]
    if not drawn:
        return empty_figure(title, NO_PAIRS, height_px=HEIGHT_PX)
    marked = _drops(analysis.trace("frame_similarity"), drops, "drop, whole frame", COLORS["frame"])
    marked_face = _drops(analysis.trace("face_similarity", track_id), face_drops, "drop, face", COLORS["face"])
    figure = go.Figure([*drawn, *(curve for curve in (marked, marked_face) if curve is not None)])
    return _finished(figure, title, _cuts_s(analysis), moment_s)


def comparison_figure(
    fake: Analysis,
    original: Analysis,
    *,
    fake_track: int | None = None,
    original_track: int | None = None,
    moment_s: float | None = None,
    offset_s: float = 0.0,
) -> go.Figure:
    """Return the similarity of successive frames of a fake, called A, and its original, B, in one chart.

    Solid: whole frame; dashed: the face of the given track. offset_s: added to A's time to have B's: B is drawn at A's.
    Every point's customdata is [frame index, "m:ss.ff" of its own clip, "A" or "B"].
    """
    title = "Similarity of successive frames: both clips"
    curves = []
    for name, analysis, track_id, symbol, shift_s in (
        ("B", original, original_track, "circle", offset_s),
        ("A", fake, fake_track, "x", 0.0),
    ):
        color = COLORS[name.lower()]
        whole = analysis.trace("frame_similarity")
        curves.append(_curve(whole, f"{name}, whole frame", color, "solid", symbol, name, shift_s))
        if track_id is not None:
            face = analysis.trace("face_similarity", track_id)
            curves.append(_curve(face, f"{name}, face", color, "dash", f"{symbol}-open", name, shift_s))
    drawn = [curve.update(legendrank=LEGEND_RANK[curve.name[0]]) for curve in curves if curve is not None]
    if not drawn:
        return empty_figure(title, NO_PAIRS, height_px=HEIGHT_PX)
    cuts_s = np.unique(np.concatenate([_cuts_s(fake), _cuts_s(original) - offset_s]))
    return _finished(go.Figure(drawn), title, cuts_s, moment_s)


def cross_similarity_figure(
    trace: SignalTrace,
    face_trace: SignalTrace | None = None,
    *,
    marked: Collection[int] = (),
    moment_s: float | None = None,
) -> go.Figure:
    """Return the similarity of two clips at each moment, whole frame and, where given, face.

    marked: frame indices of the moments of greatest difference, on the face's curve where there is one. Every
    point's customdata is [frame index, "m:ss.ff"].
    """
    title = "Similarity of A to B"
    curves = [
        _curve(trace, "whole frame", COLORS["frame"], "solid", "circle"),
        _curve(face_trace, "face", COLORS["face"], "dash", "diamond"),
        _drops(face_trace or trace, marked, "greatest difference", COLORS["fake"]),
    ]
    drawn = [curve for curve in curves if curve is not None]
    if not drawn:
        reason = "No curve: the two clips have no moment that could be compared."
        return empty_figure(title, reason, height_px=HEIGHT_PX)
    return _finished(go.Figure(drawn), title, np.empty(0), moment_s)


def _curve(
    trace: SignalTrace | None,
    name: str,
    color: str,
    dash: str,
    symbol: str,
    clip: str | None = None,
    shift_s: float = 0.0,
) -> go.Scatter | None:
    if trace is None or not np.isfinite(trace.values).any():
        return None
    frames, times_s, values = _with_gaps(trace)
    # A click selects markers only, never points of a bare line; they must not fade when one is selected.
    marker = {"size": 4, "symbol": symbol, "color": color}
    return go.Scatter(
        x=times_s - shift_s,
        y=values,
        customdata=[row if clip is None else [*row, clip] for row in frames_and_times(frames, times_s)],
        name=name,
        mode="lines+markers",
        line={"color": color, "dash": dash, "width": 1.8},
        marker=marker,
        selected={"marker": {"size": 10}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate=f"frame %{{customdata[0]}} · %{{customdata[1]}}<br>similarity %{{y:.4f}}<extra>{name}</extra>",
    )


def _drops(trace: SignalTrace | None, frames: Collection[int], name: str, color: str) -> go.Scatter | None:
    if trace is None or not frames:
        return None
    rows = np.flatnonzero(np.isin(trace.frame_indices, list(frames)) & np.isfinite(trace.values))
    if len(rows) == 0:
        return None
    indices, times_s = trace.frame_indices[rows], trace.timestamps_s[rows]
    return go.Scatter(
        x=times_s,
        y=trace.values[rows],
        customdata=frames_and_times(indices, times_s),
        name=name,
        mode="markers",
        marker={"symbol": "triangle-down-open", "size": 12, "color": color, "line": {"width": 2}},
        selected={"marker": {"size": 14}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate=f"{name}<br>frame %{{customdata[0]}} · %{{customdata[1]}}<br>%{{y:.4f}}<extra></extra>",
    )


def _with_gaps(trace: SignalTrace) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Frames, times and values to draw: long stretches thinned, a NaN between two stretches so that the line breaks."""
    measured = np.flatnonzero(np.isfinite(trace.values))
    breaks = np.flatnonzero(np.diff(trace.frame_indices[measured]) > 1) + 1
    runs = [run[extreme_rows(trace.values[run], MAX_BINS)] for run in np.split(measured, breaks)]
    rows = np.concatenate(runs)
    ends = np.cumsum([len(run) for run in runs])[:-1]
    frames = np.insert(trace.frame_indices[rows], ends, trace.frame_indices[rows[ends - 1]])
    times_s = np.insert(trace.timestamps_s[rows], ends, trace.timestamps_s[rows[ends - 1]])
    return frames, times_s, np.insert(trace.values[rows].astype(np.float64), ends, np.nan)


def _cuts_s(analysis: Analysis) -> NDArray[np.float64]:
    return analysis.frame_timestamps_s[analysis.cuts]


def _finished(figure: go.Figure, title: str, cuts_s: NDArray[np.float64], moment_s: float | None) -> go.Figure:
    styled(figure, title=title, height_px=HEIGHT_PX, x_title=X_TITLE, y_title=Y_TITLE)
    low = min(float(np.nanmin(curve.y)) for curve in figure.data)
    figure.update_yaxes(range=[min(LEAST_SHOWN_SIMILARITY, low - 0.02), TOP_SHOWN_SIMILARITY])
    return figure.update_layout(shapes=vertical_lines(cuts_s.tolist(), moment_s), clickmode="event+select")
