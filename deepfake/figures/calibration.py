"""How well P(fake) agrees with the share of fakes, and where the scores of each kind of clip lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from deepfake.figures.counts import label_marker
from deepfake.figures.operating import HEIGHT_PX, LINES
from deepfake.figures.style import COLORS, LEGEND, NO_SCORES, empty_figure, plain, reference_line, styled

BINS = 20
ROW_HEIGHT_PX = 66
MAX_ROWS = 16  # of the chart by method: more would be too long to compare
FEW_CLIPS = 5  # each has a tick of its own: else there would be ticks between them, all written as whole numbers


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """The clips whose P(fake) is alike: their mean P(fake), the share of fakes with its interval, and their number."""

    mean_probability: float
    share_fake: float
    low: float
    high: float
    n: int


def reliability_figure(evaluations: Mapping[str, Sequence[ReliabilityPoint]]) -> go.Figure:
    """Return the share of fakes over P(fake): one point per bin with its 95% interval, by name of the evaluation."""
    title = "Reliability of P(fake)"
    if not any(evaluations.values()):
        return empty_figure(title, NO_SCORES, height_px=HEIGHT_PX)
    figure = go.Figure([reference_line((0, 1), "calibrated")])
    for (name, points), (color, dash, symbol) in zip(evaluations.items(), LINES, strict=False):
        figure.add_trace(
            go.Scatter(
                x=[point.mean_probability for point in points],
                y=[point.share_fake for point in points],
                error_y={
                    "array": [point.high - point.share_fake for point in points],
                    "arrayminus": [point.share_fake - point.low for point in points],
                    "thickness": 1.2,
                    "width": 4,
                },
                customdata=[[point.n, point.low, point.high] for point in points],
                mode="lines+markers",
                line={"color": COLORS[color], "dash": dash, "width": 1.5},
                marker={"symbol": symbol, "size": 9},
                name=plain(name),
                hovertemplate="mean P(fake) %{x:.2f}<br>%{y:.0%} of %{customdata[0]} clips are fake "
                "(%{customdata[1]:.0%} to %{customdata[2]:.0%})<extra></extra>",
            )
        )
    styled(figure, title=title, height_px=HEIGHT_PX, x_title="mean P(fake)", y_title="share that is fake")
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".1f")
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    return figure.update_layout(legend=LEGEND, margin={"b": 110})


def label_histogram(scores: Mapping[str, NDArray[np.float64]], threshold: float, *, name: str = "") -> go.Figure:
    """Return how many clips have which P(fake), side by side by label. scores: f64 (n,) by "REAL" and "FAKE"."""
    title = "P(fake) by label" + (f": {plain(name)}" if name else "")
    if not any(len(values) for values in scores.values()):
        return empty_figure(title, NO_SCORES, height_px=HEIGHT_PX)
    figure = go.Figure()
    most = 0
    for label, values in scores.items():
        edges, counts = _histogram(values)
        most = max(most, int(counts.max()))
        figure.add_trace(_bars(edges, counts, f"{label} ({len(values)})", label))
    styled(figure, title=title, height_px=HEIGHT_PX, x_title="P(fake)", y_title="clips")
    figure.add_vline(threshold, line={"color": COLORS["inconclusive"], "width": 2})
    figure.update_xaxes(range=[-0.01, 1.01], tickformat=".1f")
    figure.update_yaxes(tickformat="d", rangemode="tozero", dtick=1 if most <= FEW_CLIPS else None)
    return figure.update_layout(barmode="group", bargap=0.08, legend=LEGEND, margin={"b": 84})


def method_histograms(scores: Mapping[str, NDArray[np.float64]], threshold: float, *, name: str = "") -> go.Figure:
    """Return a histogram of P(fake) for each method below one another, over one axis. scores: f64 (n,) by method, the
    real clips under "REAL"; each row has a scale of its own. At most 16 rows are drawn."""
    title = "P(fake) by manipulation method" + (f": {plain(name)}" if name else "")
    rows = [(method, values) for method, values in scores.items() if len(values)][:MAX_ROWS]
    if not rows:
        return empty_figure(title, NO_SCORES, height_px=HEIGHT_PX)
    height_px = max(HEIGHT_PX, 110 + ROW_HEIGHT_PX * len(rows))
    figure = make_subplots(
        rows=len(rows),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.42 / len(rows),
        subplot_titles=[f"{'real' if method == 'REAL' else plain(method)} ({len(values)})" for method, values in rows],
    )
    for place, (method, values) in enumerate(rows, 1):
        edges, counts = _histogram(values)
        label = "REAL" if method == "REAL" else "FAKE"
        figure.add_trace(_bars(edges, counts, plain(method), label), row=place, col=1)
        figure.update_yaxes(range=[0, max(1, counts.max()) * 1.08], nticks=2, tickformat="d", row=place, col=1)
    styled(figure, title=title, height_px=height_px, y_title="clips")
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    figure.add_vline(threshold, line={"color": COLORS["inconclusive"], "width": 2})
    figure.update_xaxes(range=[-0.01, 1.01], tickformat=".1f")
    figure.update_xaxes(title_text="P(fake)", row=len(rows), col=1)
    return figure.update_layout(showlegend=False, bargap=0.08, margin={"t": 72})


def _histogram(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    counts, edges = np.histogram(values, bins=BINS, range=(0, 1))
    return edges, counts.astype(np.int64)


def _bars(edges: NDArray[np.float64], counts: NDArray[np.int64], name: str, label: str) -> go.Bar:
    return go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        name=name,
        customdata=np.column_stack([edges[:-1], edges[1:]]),
        marker=label_marker(label),
        hovertemplate="P(fake) %{customdata[0]:.2f} to %{customdata[1]:.2f}: %{y} clips<extra></extra>",
    )
