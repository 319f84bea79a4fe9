"""Charts on a page: what a click on a point does."""

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from deepfake.dashboard.state import PageState


def clickable_chart(
    page: PageState, figure: go.Figure, *, key: str, on_click: Callable[[dict[str, Any]], None], alt: str
) -> None:
    """Draw a figure that calls on_click with a point's {"x", "y", "customdata", …} when one is clicked."""

    def clicked() -> None:
        points: Sequence[dict[str, Any]] = st.session_state[key].selection.points
        if points:
            page.clicked[key] = dict(points[0])
        # A second click on the same point takes the selection back; it means the same time again.
        if key in page.clicked:
            on_click(page.clicked[key])

    st.plotly_chart(figure, key=key, on_select=clicked, selection_mode="points", config={"displaylogo": False}, alt=alt)
