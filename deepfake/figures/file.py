"""A file's bit rate over time, and where its key frames are."""

import plotly.graph_objects as go

from deepfake.figures.style import COLORS, LEGEND, styled
from deepfake.video.file_facts import FileFacts

HEIGHT_PX = 270
MAX_KEY_MARKS = 400  # more cover each other


def bit_rate_figure(facts: FileFacts) -> go.Figure:
    """Return the bit rate of the pictures in each second, as bars; triangles below are the key frames."""
    bars = go.Bar(
        x=facts.second_s + 0.5,
        y=facts.bit_rate / 1000,
        width=1,
        marker={"color": COLORS["frame"], "line": {"width": 0}},
        name="bit rate",
        hovertemplate="second %{x:.0f}<br>%{y:.0f} kbit/s<extra></extra>",
    )
    figure = styled(
        go.Figure([bars]), title="Bit rate of the pictures", height_px=HEIGHT_PX, x_title="time (s)", y_title="kbit/s"
    )
    if len(facts.key_times_s) <= MAX_KEY_MARKS:
        figure.add_trace(
            go.Scatter(
                x=facts.key_times_s,
                y=[0] * len(facts.key_times_s),
                mode="markers",
                marker={"symbol": "triangle-up", "size": 9, "color": COLORS["face"]},
                name="key frame",
                hovertemplate="key frame at %{x:.2f} s<extra></extra>",
            )
        )
    return figure.update_layout(bargap=0, legend=LEGEND, margin={"b": 56})
