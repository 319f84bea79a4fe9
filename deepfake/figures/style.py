"""Colors and layout that all figures share.

Colors keep a contrast of at least 3:1 to a white and to a near-black page. No figure tells two things apart by color
alone: lines also differ by dash and marker, areas by pattern. Fonts and backgrounds are the page's.
"""

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.words import format_time

COLORS = {
    "real": "#0F8B8D",
    "fake": "#D2561E",
    "inconclusive": "#74808E",
    "frame": "#4F6FD6",
    "face": "#B07D00",
    "a": "#9464AD",
    "b": "#6F7D1C",
    "quiet": "#8A94A0",
}
LABEL_COLORS = {"REAL": COLORS["real"], "FAKE": COLORS["fake"]}
# In a narrow place the legend needs several lines: from the very bottom up, clear of the axis.
LEGEND = {"yref": "container", "y": 0, "yanchor": "bottom"}
NO_SCORES = "No clip has a P(fake)."  # instead of a chart of them
TRANSPARENT = "rgba(0,0,0,0)"
GRID = "rgba(128,128,128,0.25)"
# A is drawn over B and named before it.
LEGEND_RANK = {"A": 1, "B": 2}
MAX_CUT_LABELS = 12  # more would cover each other


def plain(text: str) -> str:
    """Return text for a title, a name or a tick: Plotly takes some HTML in them, links among it."""
    return html.escape(text, quote=False)


def styled(figure: go.Figure, *, title: str, height_px: int, x_title: str = "", y_title: str = "") -> go.Figure:
    """Give a figure its title, axis titles, height and the common layout; return it.

    The zoom stays when a page draws the figure again: uirevision is constant.
    """
    figure.update_layout(
        title={"text": title, "font": {"size": 16}, "x": 0, "xref": "paper", "xanchor": "left"},
        height=height_px,
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0, "xanchor": "left"},
        hoverlabel={"align": "left"},
        uirevision="constant",
    )
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True}
    figure.update_xaxes(title_text=x_title, **axis)
    figure.update_yaxes(title_text=y_title, **axis)
    return figure


def empty_figure(title: str, reason: str, *, height_px: int = 240) -> go.Figure:
    """Return a figure without data that says in its middle why there is none."""
    figure = go.Figure()
    figure.add_annotation(text=reason, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"size": 14})
    styled(figure, title=title, height_px=height_px)
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False)


def frames_and_times(frame_indices: NDArray[np.int64], timestamps_s: NDArray[np.float64]) -> list[list[Any]]:
    """Return the customdata of points, [frame index, "m:ss.ff"] each."""
    return [
        [frame, format_time(time_s)]
        for frame, time_s in zip(frame_indices.tolist(), timestamps_s.tolist(), strict=True)
    ]


def reference_line(y: tuple[float, float], name: str) -> go.Scatter:
    """Return a dotted line from x = 0 to x = 1, which curves are held against."""
    line = {"color": COLORS["quiet"], "dash": "dot", "width": 1.5}
    return go.Scatter(x=[0, 1], y=list(y), mode="lines", name=name, line=line, hoverinfo="skip")


def vertical_lines(cuts_s: Iterable[float], moment_s: float | None, *, labeled: bool = True) -> list[dict[str, object]]:
    """Return layout shapes: a dotted line named "cut" at each scene cut, a solid one named "moment"."""
    times_s = list(cuts_s)
    text = "cut" if labeled and len(times_s) <= MAX_CUT_LABELS else ""
    shapes = [_line(time_s, "cut", dash="dot", color=COLORS["quiet"], text=text) for time_s in times_s]
    if moment_s is not None:
        shapes.append(_line(moment_s, "moment", dash="solid", color=COLORS["inconclusive"], text=""))
    return shapes


def _line(time_s: float, name: str, *, dash: str, color: str, text: str) -> dict[str, object]:
    return {
        "type": "line",
        "name": name,
        "x0": time_s,
        "x1": time_s,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": color, "width": 2 if name == "moment" else 1.5, "dash": dash},
        "label": {"text": text, "textposition": "end", "textangle": 0, "yanchor": "top", "font": {"size": 11}},
    }
