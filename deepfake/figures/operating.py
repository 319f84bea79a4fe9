"""What a threshold trades for what: ROC curve, precision against recall, and the four counts at one threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from deepfake.figures.style import COLORS, LEGEND, NO_SCORES, empty_figure, plain, reference_line, styled
from deepfake.spread import spread

HEIGHT_PX = 420
MAX_POINTS = 1000  # of a curve: more are not told apart
MAX_MARKERS = 40
LINES = (("frame", "solid", "circle"), ("face", "dash", "diamond"))  # told apart without color as well
NEEDS_BOTH = "No curve: it needs fakes and real clips with a P(fake)."
FULL_SCALE = {"range": [-0.02, 1.02], "tickformat": ".0%", "constrain": "domain"}


@dataclass(frozen=True, slots=True)
class OperatingCurve:
    """One evaluation as a curve. x, y: shares in [0, 1], f64 (m,); thresholds: of P(fake), f64 (m,). point: where the
    chosen threshold lies, or None where it has no place on the curve."""

    name: str
    x: ArrayLike
    y: ArrayLike
    thresholds: ArrayLike
    point: tuple[float, float] | None


def roc_figure(curves: Sequence[OperatingCurve], threshold: float) -> go.Figure:
    """Return ROC curves. x: the share of real clips called fake; y: the share of fakes called fake."""
    title = "ROC: fakes found against false alarms"
    if not curves:
        return empty_figure(title, NEEDS_BOTH, height_px=HEIGHT_PX)
    figure = go.Figure([reference_line((0, 1), "guessing")])
    _add_curves(figure, curves, threshold, "%{x:.1%} of real clips called fake<br>%{y:.1%} of fakes found", "hv")
    styled(
        figure,
        title=title,
        height_px=HEIGHT_PX,
        x_title="real clips called fake (false alarms)",
        y_title="fakes called fake (found)",
    )
    return _square(figure)


def precision_recall_figure(
    curves: Sequence[OperatingCurve], threshold: float, *, share_fake: float | None = None
) -> go.Figure:
    """Return precision over recall. share_fake: of the clips; the precision of guessing, drawn as a line."""
    title = "Precision and recall of “fake”"
    if not curves:
        return empty_figure(title, NEEDS_BOTH, height_px=HEIGHT_PX)
    figure = go.Figure()
    if share_fake is not None:
        figure.add_trace(reference_line((share_fake, share_fake), f"guessing: {share_fake:.0%} are fake"))
    _add_curves(figure, curves, threshold, "%{x:.1%} of fakes found<br>%{y:.1%} of what is called fake is fake", "vh")
    styled(
        figure,
        title=title,
        height_px=HEIGHT_PX,
        x_title="fakes called fake (recall)",
        y_title="fake among what is called fake (precision)",
    )
    return _square(figure)


def confusion_figure(
    found: int, missed: int, false_alarms: int, not_accused: int, *, threshold: float, name: str = ""
) -> go.Figure:
    """Return labels (rows) against what a threshold calls them (columns), each cell with its count and share of the
    row; the darker, the larger that share."""
    title = f"At P(fake) ≥ {threshold:.2f}" + (f": {plain(name)}" if name else ": labels against answers")
    counts = np.array([[missed, found], [not_accused, false_alarms]])
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.sum():
        return empty_figure(title, NO_SCORES, height_px=HEIGHT_PX)
    shares = np.divide(counts, totals, out=np.zeros((2, 2)), where=totals > 0)
    alarms = "false alarm" if false_alarms == 1 else "false alarms"
    words = [["missed", "found"], ["not accused", alarms]]
    told = np.where(totals > 0, np.vectorize("{:.0%}".format)(shares), "–")
    text = [
        [f"<b>{counts[row, column]}</b> {words[row][column]}<br>{told[row, column]}" for column in (0, 1)]
        for row in (0, 1)
    ]
    right = np.array([[0, 1], [1, 0]])
    columns, rows = ["not called fake", "called fake"], [f"FAKE<br>({totals[0, 0]})", f"REAL<br>({totals[1, 0]})"]
    figure = go.Figure(
        go.Heatmap(
            # Right answers in the color of the real, wrong ones in that of the fake; the words say which is which.
            z=np.where(right, shares, -shares),
            x=columns,
            y=rows,
            text=text,
            zmin=-1,
            zmax=1,
            colorscale=[(0, "rgba(210,86,30,0.28)"), (0.5, "rgba(128,128,128,0.06)"), (1, "rgba(15,139,141,0.25)")],
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="labeled %{y}, %{x}<br>%{text}<extra></extra>",
        )
    )
    for row, column in np.ndindex(2, 2):
        # Not the heat map's own text: its color would be chosen for a light page.
        cell = {"x": columns[column], "y": rows[row], "text": text[row][column]}
        figure.add_annotation(**cell, showarrow=False, font={"size": 15})
    styled(figure, title=title, height_px=HEIGHT_PX, y_title="label")
    figure.update_xaxes(showgrid=False, type="category")
    return figure.update_yaxes(showgrid=False, autorange="reversed", type="category")


def _add_curves(figure: go.Figure, curves: Sequence[OperatingCurve], threshold: float, hover: str, shape: str) -> None:
    for index, curve in enumerate(curves):
        color, dash, symbol = LINES[index % len(LINES)]
        x, y, thresholds = (np.asarray(values, dtype=np.float64) for values in (curve.x, curve.y, curve.thresholds))
        rows = spread(len(x), MAX_POINTS)
        texts = [
            f"P(fake) ≥ {value:.3f}" if np.isfinite(value) else "nothing called fake" for value in thresholds[rows]
        ]
        figure.add_trace(
            go.Scatter(
                x=x[rows],
                y=y[rows],
                text=texts,
                mode="lines+markers" if len(x) <= MAX_MARKERS else "lines",
                marker={"size": 4, "symbol": symbol},
                name=plain(curve.name),
                line={
                    "color": COLORS[color],
                    "dash": dash,
                    "width": 2,
                    "shape": shape if len(x) <= 200 else "linear",
                },
                hovertemplate=f"%{{text}}<br>{hover}<extra></extra>",
            )
        )
        if curve.point is not None:
            figure.add_trace(_point(curve, threshold, COLORS[color], symbol, hover))


def _point(curve: OperatingCurve, threshold: float, color: str, symbol: str, hover: str) -> go.Scatter:
    x, y = curve.point or (np.nan, np.nan)
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        cliponaxis=False,  # whole, also at the very edge
        marker={"size": 14, "symbol": symbol, "color": color, "line": {"width": 2, "color": "white"}},
        name=f"P(fake) ≥ {threshold:.2f}" + (f", {plain(curve.name.partition(',')[0])}" if curve.name else ""),
        hovertemplate=f"chosen: P(fake) ≥ {threshold:.2f}<br>{hover}<extra></extra>",
    )


def _square(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(**FULL_SCALE)
    figure.update_yaxes(**FULL_SCALE)
    return figure.update_layout(legend=LEGEND, margin={"b": 120})
