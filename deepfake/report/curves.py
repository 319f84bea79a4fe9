"""Similarity over time as inline SVG: a chart for a page that loads nothing."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import Analysis
from deepfake.report.wording import format_time, person_name

CHART_WIDTH, CHART_HEIGHT, CHART_LEFT, CHART_TOP, CHART_BOTTOM = 960, 260, 48, 12, 28
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
            f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{CHART_TOP}" y2="{CHART_HEIGHT - CHART_BOTTOM}"/>'
        )
    for trace in traces:
        name = "whole frame" if trace.track_id is None else person_name(trace.track_id)
        kind = "frame" if trace.track_id is None else "face"
        for points in _runs(trace.frame_indices, _x(trace.timestamps_s, end_s), _y(trace.values, low)):
            parts.append(f'<polyline class="{kind}" points="{points}"><title>{name}</title></polyline>')
    view = f'viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}"'
    return f'<svg {view} role="img" aria-label="Similarity over time">{"".join(parts)}</svg>'


def _ticks(low: float) -> NDArray[np.float64]:
    """Round values from 1 down to `low` or just below it."""
    step = next((step for step in (0.02, 0.05, 0.1, 0.2) if (1 - low) / step <= 5), 0.5)
    return 1 - step * np.arange(np.ceil((1 - low) / step - 1e-9) + 1)


def _axes(ticks: NDArray[np.float64], end_s: float) -> str:
    bottom = CHART_HEIGHT - CHART_BOTTOM
    parts = []
    for value in ticks:
        y = _y(np.array([value]), float(ticks[-1]))[0]
        parts.append(f'<line x1="{CHART_LEFT}" x2="{CHART_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{CHART_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        x = CHART_LEFT + share * (CHART_WIDTH - CHART_LEFT)
        label = format_time(share * end_s)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="{anchor}">{label}</text>')
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
