"""Scores and similarity over time as SVG: charts for a page that loads nothing, and for a PDF."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.model import Analysis
from deepfake.report.wording import person_name
from deepfake.signals.base import SignalTrace
from deepfake.words import format_time

CHART_WIDTH, CHART_HEIGHT, CHART_LEFT, CHART_TOP, CHART_BOTTOM = 960, 260, 52, 12, 28
LABEL_LOOK = 'font-size="16" fill="#4a5560"'
MAX_CHART_BINS = 900  # more points than the chart has pixels cannot be seen


def curves_svg(analysis: Analysis) -> str:
    """Return the similarity of successive frames, whole frame and each face, as an svg element, or a sentence."""
    traces = [trace for trace in analysis.traces if trace.signal in ("frame_similarity", "face_similarity")]
    measured = [trace.values[np.isfinite(trace.values)] for trace in traces]
    if not any(len(values) for values in measured):
        return "<p>There is no curve: it takes two frames that follow each other.</p>"
    end_s = max(float(analysis.frame_timestamps_s[-1]), 1e-6)
    ticks = _ticks(min(0.9, *(float(values.min()) for values in measured if len(values))))
    low = float(ticks[-1])
    parts = [_axes(ticks, end_s)]
    for frame in analysis.cuts.tolist():
        x = _x(np.array([analysis.frame_timestamps_s[frame]]), end_s)[0]
        parts.append(
            f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{CHART_TOP}" y2="{CHART_HEIGHT - CHART_BOTTOM}" '
            'stroke="#b45309" stroke-dasharray="2 3"/>'
        )
    for trace in traces:
        name = "whole frame" if trace.track_id is None else person_name(trace.track_id)
        kind = "frame" if trace.track_id is None else "face"
        for points in _runs(trace.frame_indices, _x(trace.timestamps_s, end_s), _y(trace.values, low)):
            parts.append(_polyline(kind, points, name))
    return _svg(parts, "Similarity over time")


def score_svg(analysis: Analysis, track_id: int) -> str:
    """Return P(fake) of a person's scored pictures over time as an svg element, or a sentence where there is none.

    Filled points are over 0.5; the dashed line is P(fake) of a person who was judged.
    """
    trace = analysis.trace(SCORE, track_id)
    if trace is None or not np.isfinite(trace.values).any():
        return "<p>Nothing was scored.</p>"
    end_s = max(float(analysis.frame_timestamps_s[-1]), 1e-6)
    parts = [_axes(np.array([1.0, 0.5, 0.0]), end_s)]
    answer = analysis.verdict.of(track_id)
    if answer is not None and answer.told_probability is not None:
        y = _y(np.array([answer.told_probability]), 0)[0]
        parts.append(
            f'<line class="level" x1="{CHART_LEFT}" x2="{CHART_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#4a5560" stroke-dasharray="8 4"/>'
        )
    for x, y, value in zip(_x(trace.timestamps_s, end_s), _y(trace.values, 0), trace.values, strict=True):
        if np.isfinite(value):
            kind, color, inside = ("fake", "#a8401a", "#a8401a") if value > 0.5 else ("real", "#0b6b66", "none")
            parts.append(
                f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5" stroke="{color}" fill="{inside}" '
                'stroke-width="2"/>'
            )
    return _svg(parts, f"P(fake) of {person_name(track_id)} over time")


def line_svg(trace: SignalTrace, title: str) -> str:
    """Return one trace over time as an svg element, from its lowest value to 1, or a sentence where it is empty."""
    known = trace.values[np.isfinite(trace.values)]
    if not len(known):
        return "<p>There is no curve: nothing was measured.</p>"
    end_s = max(float(trace.timestamps_s[-1]), 1e-6)
    ticks = _ticks(min(0.9, float(known.min())))
    points = _runs(trace.frame_indices, _x(trace.timestamps_s, end_s), _y(trace.values, float(ticks[-1])))
    return _svg([_axes(ticks, end_s), *(_polyline("frame", run, title) for run in points)], title)


def _svg(parts: list[str], label: str) -> str:
    view = f'viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}"'
    return f'<svg {view} role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _polyline(kind: str, points: str, title: str) -> str:
    """A line that shows without a style sheet as well, as a PDF has none."""
    look = 'stroke="#0f766e" stroke-dasharray="6 3"' if kind == "face" else 'stroke="#4a5560"'
    return (
        f'<polyline class="{kind}" points="{points}" fill="none" stroke-width="1.5" {look}>'
        f"<title>{title}</title></polyline>"
    )


def _ticks(low: float) -> NDArray[np.float64]:
    """Round values from 1 down to `low` or just below it."""
    step = next((step for step in (0.02, 0.05, 0.1, 0.2) if (1 - low) / step <= 5), 0.5)
    return 1 - step * np.arange(np.ceil((1 - low) / step - 1e-9) + 1)


def _axes(ticks: NDArray[np.float64], end_s: float) -> str:
    bottom = CHART_HEIGHT - CHART_BOTTOM
    parts = []
    for value in ticks:
        y = _y(np.array([value]), float(ticks[-1]))[0]
        parts.append(f'<line x1="{CHART_LEFT}" x2="{CHART_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#c5ccd4"/>')
        parts.append(f'<text x="{CHART_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" {LABEL_LOOK}>{value:.2f}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        x = CHART_LEFT + share * (CHART_WIDTH - CHART_LEFT)
        label = format_time(share * end_s)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="{anchor}" {LABEL_LOOK}>{label}</text>')
    return "".join(parts)


def _x(timestamps_s: NDArray[np.float64], end_s: float) -> NDArray[np.float64]:
    return CHART_LEFT + timestamps_s / end_s * (CHART_WIDTH - CHART_LEFT)


def _y(values: NDArray[np.floating], low: float) -> NDArray[np.float64]:
    bottom = CHART_HEIGHT - CHART_BOTTOM
    return bottom - (values.astype(np.float64) - low) / (1 - low) * (bottom - CHART_TOP)


def _runs(frames: NDArray[np.int64], x: NDArray[np.float64], y: NDArray[np.float64]) -> Iterable[str]:
    """Yield the points of each stretch without a gap; of a long stretch the extremes of each pixel column."""
    measured = np.flatnonzero(np.isfinite(y))
    if len(measured) == 0:
        return
    for run in np.split(measured, np.flatnonzero(np.diff(frames[measured]) > 1) + 1):
        if len(run) == 1:
            # A line of one point is not drawn: a lone value becomes a dash.
            (row,) = run
            yield f"{x[row] - 1:.1f},{y[row]:.1f} {x[row] + 1:.1f},{y[row]:.1f}"
        else:
            yield " ".join(f"{x[row]:.1f},{y[row]:.1f}" for row in run[extreme_rows(y[run], MAX_CHART_BINS)])


def extreme_rows(values: NDArray[np.floating], bins: int) -> NDArray[np.int64]:
    """Return the rows of a long curve that a chart has to draw: the least and greatest value of each of `bins` parts.

    Of a curve of up to twice as many values, all rows. values: (n,), no NaN.
    """
    if len(values) <= 2 * bins:
        return np.arange(len(values), dtype=np.int64)
    kept: set[int] = set()
    for part in np.array_split(np.arange(len(values)), bins):
        kept |= {int(part[np.argmin(values[part])]), int(part[np.argmax(values[part])])}
    return np.array(sorted(kept), dtype=np.int64)
