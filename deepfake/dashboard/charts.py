"""Charts on a page: which buttons they have, and what a click on a point does."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from deepfake.dashboard.state import PageState

# Every button of every chart lies on the way of the Tab key. What remains draws larger and smaller, goes back to the
# whole and saves a picture; to move a chart and to draw a part of it larger takes the pointer alone.
CHART: Final[dict[str, Any]] = {"displaylogo": False, "modeBarButtonsToRemove": ["zoom", "pan", "autoScale"]}
WHOLE_CHART: Final[dict[str, Any]] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": [*CHART["modeBarButtonsToRemove"], "zoomIn", "zoomOut", "resetScale"],
}


def draw_chart(figure: go.Figure, *, key: str, alt: str, is_whole: bool = False) -> None:
    """Draw a figure. alt: what it shows, for who does not see it; of an empty figure the reason is read out instead.
    is_whole: whether there is nothing in it to look at more closely."""
    st.plotly_chart(_titled(figure), key=key, config=WHOLE_CHART if is_whole else CHART, alt=_alt(figure, alt))


def draw_how_to_read(figure: go.Figure, text: str, *, note: str | None = None) -> None:
    """Say how to read a figure, with a note behind a question mark; nothing under an empty one, which says why it is
    empty."""
    if not _is_empty(figure):
        st.caption(f"How to read this: {text}", help=note)


def clickable_chart(
    page: PageState, figure: go.Figure, *, key: str, on_click: Callable[[dict[str, Any]], None], alt: str
) -> None:
    """Draw a figure that calls on_click with a point's {"x", "y", "customdata", …} when one is clicked. alt: as of
    draw_chart."""

    def clicked() -> None:
        points: Sequence[dict[str, Any]] = st.session_state[key].selection.points
        if points:
            page.clicked[key] = dict(points[0])
        # A second click on the same point takes the selection back; it means the same time again.
        if key in page.clicked:
            on_click(page.clicked[key])

    st.plotly_chart(
        _titled(figure), key=key, on_select=clicked, selection_mode="points", config=CHART, alt=_alt(figure, alt)
    )


def _titled(figure: go.Figure) -> go.Figure:
    """Begin the title at the very left of the place: in a narrow one, it would not end within it."""
    return figure.update_layout(title={"x": 0, "xref": "container"})


def _alt(figure: go.Figure, alt: str) -> str:
    if not _is_empty(figure):
        return alt
    reasons = [note.text.replace("<br>", " ") for note in figure.layout.annotations]
    return ". ".join([figure.layout.title.text, *reasons])


def _is_empty(figure: go.Figure) -> bool:
    """Whether nothing is drawn: no trace, or none but those that keep the place of a curve."""
    return all(isinstance(trace, go.Scatter) and not any(x is not None for x in trace.x) for trace in figure.data)
