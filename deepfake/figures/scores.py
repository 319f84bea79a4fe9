"""P(fake) over time, above the similarity curve; and any other measured trace of a face."""

from collections.abc import Collection
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.model import Analysis
from deepfake.detectors import CLASSIFIERS
from deepfake.faces.detection import gives_landmarks
from deepfake.figures.curves import NO_PAIRS, similarity_figure
from deepfake.figures.style import COLORS, LEGEND, LEGEND_RANK, empty_figure, frames_and_times, styled, vertical_lines
from deepfake.report.curves import extreme_rows
from deepfake.report.wording import person_name
from deepfake.signals.base import SignalTrace

HEIGHT_PX = 440
SIGNAL_HEIGHT_PX = 240
MAX_POINTS = 1500
BAND_OPACITY = 0.18


def score_figure(
    analysis: Analysis,
    track_id: int | None,
    *,
    drops: Collection[int] = (),
    face_drops: Collection[int] = (),
    moment_s: float | None = None,
) -> go.Figure:
    """Return P(fake) of one person's scored frames over the similarity of successive frames, under one time axis.

    Above: one point per scored frame, filled where it looks more fake than real; the person's P(fake) as a line with
    its 95% interval as a band, where the person was judged, and a band where nine in ten real examples lie; dotted at
    0.5. Below: similarity_figure. Every point's customdata begins with [frame index, "m:ss.ff"].
    """
    below = similarity_figure(analysis, track_id, drops=drops, face_drops=face_drops, moment_s=moment_s)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1)
    scores = _score_curves(analysis, track_id)
    for curve in scores:
        figure.add_trace(curve, row=1, col=1)
    for curve in below.data:
        figure.add_trace(curve, row=2, col=1)
    styled(figure, title=_title(track_id), height_px=HEIGHT_PX)
    if not scores:
        _say(figure, why_no_score(analysis, track_id), row=1)
    if not below.data:
        _say(figure, NO_PAIRS, row=2)
    figure.update_xaxes(range=[0, analysis.length_s], title_text="", row=1, col=1)
    figure.update_xaxes(range=[0, analysis.length_s], title_text="time (s)", row=2, col=1)
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1], title_text="P(fake)", row=1, col=1)
    figure.update_yaxes(range=below.layout.yaxis.range, title_text="similarity", row=2, col=1)
    figure.add_hline(0.5, line={"dash": "dot", "width": 1.5, "color": COLORS["quiet"]}, row=1, col=1)
    cuts_s = analysis.frame_timestamps_s[analysis.cuts].tolist()
    figure.update_layout(margin={"b": 110})
    shapes = [*figure.layout.shapes, *vertical_lines(cuts_s, moment_s)]
    return figure.update_layout(shapes=shapes, clickmode="event+select", legend=LEGEND)


def signal_figure(
    trace: SignalTrace,
    *,
    title: str,
    unit: str = "",
    moment_s: float | None = None,
    real: tuple[float, float] | None = None,
    value: float | None = None,
) -> go.Figure:
    """Return one measured quantity of a face over time, broken where it could not be measured.

    unit: of the values, or what they are where they are pure numbers. real: between what values real clips lie, drawn
    as a band. value: of this clip, to be held against them, drawn as a line. Points' customdata: [frame index,
    "m:ss.ff"].
    """
    ends_s = [float(trace.timestamps_s[0]), float(trace.timestamps_s[-1])] if len(trace.timestamps_s) else []
    curves = [_signal_curve(trace, unit, COLORS["face"]).update(name="over time")]
    if real is not None and ends_s:
        curves.insert(0, _band(ends_s, real, COLORS["real"], "9 in 10 real clips"))
    if value is not None and ends_s:
        curves.append(_level(ends_s, value, "this clip, median", f"median {value:.3g} {unit}".strip()))
    figure = styled(
        go.Figure(curves),
        title=title,
        height_px=SIGNAL_HEIGHT_PX,
        x_title="time (s)",
        y_title=unit or "value",
    )
    figure.update_layout(showlegend=len(curves) > 1, legend=LEGEND)
    if len(curves) > 1:
        figure.update_layout(height=SIGNAL_HEIGHT_PX + 40, margin={"b": 84})
    return figure.update_layout(shapes=vertical_lines([], moment_s), clickmode="event+select")


def paired_signal_figure(
    fake: SignalTrace | None,
    original: SignalTrace | None,
    *,
    title: str,
    unit: str = "",
    moment_s: float | None = None,
    offset_s: float = 0.0,
) -> go.Figure:
    """Return one measured quantity of a face in A, a fake (crosses, solid), and in B, its original (circles, dashed).

    unit: of the values, or what they are where they are pure numbers. offset_s: added to A's time to have B's: B is
    drawn at A's. Points' customdata: [frame index, "m:ss.ff" of its own clip].
    """
    figure = go.Figure()
    for name, trace, color, symbol, dash, shift_s in (
        ("B", original, COLORS["b"], "circle", "dash", offset_s),
        ("A", fake, COLORS["a"], "x", "solid", 0.0),
    ):
        if trace is not None and np.isfinite(trace.values).any():
            curve = _signal_curve(trace, unit, color)
            curve.update(x=np.asarray(curve.x) - shift_s)
            curve.update(name=name, legendrank=LEGEND_RANK[name])
            figure.add_trace(curve.update(marker={"symbol": symbol, "size": 6}, line={"dash": dash}))
    if not figure.data:
        return empty_figure(title, "Neither clip has a measurement of this face.", height_px=SIGNAL_HEIGHT_PX)
    styled(figure, title=title, height_px=SIGNAL_HEIGHT_PX + 60, x_title="time (s)", y_title=unit or "value")
    figure.update_layout(showlegend=True, legend=LEGEND, margin={"b": 84})
    return figure.update_layout(shapes=vertical_lines([], moment_s), clickmode="event+select")


def why_no_score(analysis: Analysis, track_id: int | None) -> str:
    """Return why there is no P(fake) of a person."""
    if track_id is None:
        return "No face was found: there is nothing to score."
    if not gives_landmarks(analysis.config.face_detector):
        return "Not scored: a classifier needs faces found by MTCNN (see the settings)."
    return "Not scored: no picture of this face could be cut out."


def _signal_curve(trace: SignalTrace, unit: str, color: str) -> go.Scatter:
    known = np.flatnonzero(np.isfinite(trace.values))
    drawn = known[extreme_rows(trace.values[known], MAX_POINTS // 2)]
    # Before, between and after the points that are drawn, one row of what was not measured breaks the line.
    unknown = np.flatnonzero(~np.isfinite(trace.values))
    behind = np.searchsorted(drawn, unknown)
    _, first = np.unique(behind, return_index=True)
    rows = np.union1d(drawn, unknown[first])
    return go.Scatter(
        x=trace.timestamps_s[rows],
        y=trace.values[rows],
        customdata=frames_and_times(trace.frame_indices[rows], trace.timestamps_s[rows]),
        mode="lines+markers",
        line={"color": color, "width": 1.5},
        marker={"size": 4, "color": color},
        selected={"marker": {"size": 9}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate=f"frame %{{customdata[0]}} · %{{customdata[1]}}<br>%{{y:.3g}} {unit}<extra></extra>",
    )


def _title(track_id: int | None) -> str:
    return ("" if track_id is None else f"{person_name(track_id)}: ") + "P(fake) and similarity"  # short: on a phone


def _score_curves(analysis: Analysis, track_id: int | None) -> list[go.Scatter]:
    trace = None if track_id is None else analysis.trace(SCORE, track_id)
    if trace is None or not len(trace.values):
        return []
    verdict = analysis.verdict.of(track_id)
    probability = None if verdict is None else verdict.told_probability
    ends_s = [float(trace.timestamps_s[0]), float(trace.timestamps_s[-1])]
    curves = []
    real = _real_scores(analysis)
    if real is not None:
        curves.append(_band(ends_s, real, COLORS["real"], "9 in 10 real examples"))
    if verdict is not None and probability is not None and verdict.interval is not None:
        low, high = verdict.interval
        interval = _band(ends_s, verdict.interval, COLORS["inconclusive"], f"95% interval {low:.2f}–{high:.2f}")
        curves.append(interval.update(showlegend=False))
    if probability is not None:
        told = f"P(fake) of the person {probability:.2f}"
        curves.append(_level(ends_s, probability, "person's P(fake)", told))
    return [*curves, score_points(trace, size_px=8, line_px=2)]


def _real_scores(analysis: Analysis) -> tuple[float, float] | None:
    """Between what P(fake) nine in ten real examples lie that the classifier was calibrated with."""
    scorer = CLASSIFIERS.get(analysis.config.classifier)
    calibration = scorer.calibration if scorer is not None and scorer.is_available else None
    if calibration is None or not len(calibration.real_logits):
        return None
    low, high = calibration.probability(np.percentile(calibration.real_logits, [5, 95])).tolist()
    return low, high


def _band(ends_s: list[float], between: tuple[float, float], color: str, name: str) -> go.Scatter:
    low, high = between
    return go.Scatter(
        x=[*ends_s, *ends_s[::-1]],
        y=[low, low, high, high],
        fill="toself",
        fillcolor=color,
        opacity=BAND_OPACITY,
        mode="none",
        name=name,
        hoverinfo="skip",
    )


def _level(ends_s: list[float], value: float, name: str, told: str) -> go.Scatter:
    return go.Scatter(
        x=ends_s,
        y=[value] * 2,
        mode="lines",
        line={"color": COLORS["inconclusive"], "width": 2, "dash": "longdash"},
        name=name,
        hovertemplate=f"{told}<extra></extra>",
    )


def score_points(trace: SignalTrace, *, size_px: int, line_px: int | None = None) -> go.Scatter:
    """Return P(fake) of single pictures over time: points filled where it looks more fake than real."""
    fake = trace.values > 0.5
    return go.Scatter(
        x=trace.timestamps_s,
        y=trace.values,
        customdata=frames_and_times(trace.frame_indices, trace.timestamps_s),
        name="P(fake) of a frame",
        mode="lines+markers",
        line={"color": COLORS["quiet"], "width": 1},
        marker={
            "size": size_px,
            "symbol": np.where(fake, "circle", "circle-open").tolist(),
            "color": np.where(fake, COLORS["fake"], COLORS["real"]).tolist(),
            "line": {"width": line_px},
        },
        selected={"marker": {"size": size_px + 4}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate="frame %{customdata[0]} · %{customdata[1]}<br>P(fake) %{y:.2f}<extra></extra>",
    )


def _say(figure: go.Figure, text: str, *, row: int) -> None:
    """Say in a row without a curve why it is empty: of axes without any curve, Plotly draws nothing, not even words."""
    figure.add_trace(go.Scatter(x=[None], y=[None], name="", showlegend=False, hoverinfo="skip"), row=row, col=1)
    figure.add_annotation(
        text="<br>".join(wrap(text, 38)),
        x=0.5,
        y=0.75,  # above the line at P(fake) 0.5
        xref="x domain",
        yref="y domain",
        showarrow=False,
        font={"size": 13},
        row=row,
        col=1,
    )
