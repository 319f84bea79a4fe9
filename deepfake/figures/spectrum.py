"""The power spectrum of a face against the range of real faces."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.figures.style import COLOURS, empty_figure, styled
from deepfake.report.text import person_name
from deepfake.signals.spectrum import FREQUENCIES, HIGH_BAND, SpectrumRange, levelled

HEIGHT_PX = 340
BAND_OPACITY = 0.25
NYQUIST = 0.5  # cycles a pixel: no picture holds more


def spectrum_figure(spectrum: NDArray[np.float32], real: SpectrumRange, track_id: int) -> go.Figure:
    """Return a face's mean power spectrum as a line over the middle nine tenths of real faces.

    spectrum: f32 (64,), dB, azimuthal mean; NaN where there is none. Both are levelled: 0 dB is the mean over the
    frequencies where natural pictures follow a power law. Points' customdata: [dB from the median of real faces].
    """
    title = f"Power spectrum of {person_name(track_id)} against real faces"
    curve = levelled(spectrum)
    if not np.isfinite(curve).any():
        return empty_figure(title, "The face is too small, or cut off, for a spectrum.", height_px=HEIGHT_PX)
    figure = go.Figure([_band(real), _median(real), _face(curve, real, person_name(track_id))])
    styled(figure, title=title, height_px=HEIGHT_PX, x_title="spatial frequency (cycles a pixel)", y_title="power (dB)")
    figure.update_xaxes(range=[0, NYQUIST], tickvals=[0, 0.1, 0.2, 0.3, 0.4, 0.5])
    figure.add_vrect(
        *HIGH_BAND, fillcolor=COLOURS["quiet"], opacity=0.1, line_width=0, layer="below",
        annotation={"text": "finest detail", "font": {"size": 11}, "yanchor": "top"}, annotation_position="top left",
    )  # fmt: skip
    return figure.update_layout(legend={"yref": "container", "y": 0, "yanchor": "bottom"}, margin={"b": 92})


def share_inside(spectrum: NDArray[np.float32], real: SpectrumRange) -> float:
    """Return the share of a spectrum's frequencies that lie within the range of real faces, in [0, 1], or NaN.

    spectrum: f32 (64,), dB.
    """
    curve = levelled(spectrum)
    known = np.isfinite(curve)
    inside = (real.p5[known] <= curve[known]) & (curve[known] <= real.p95[known])
    return float(np.mean(inside)) if known.any() else float("nan")


def _band(real: SpectrumRange) -> go.Scatter:
    return go.Scatter(
        x=np.concatenate([FREQUENCIES, FREQUENCIES[::-1]]),
        y=np.concatenate([real.p95, real.p5[::-1]]),
        fill="toself",
        fillcolor=COLOURS["real"],
        opacity=BAND_OPACITY,
        mode="none",
        name=f"90 % of {real.n} real faces",
        hoverinfo="skip",
    )


def _median(real: SpectrumRange) -> go.Scatter:
    return go.Scatter(
        x=FREQUENCIES,
        y=real.p50,
        mode="lines",
        line={"color": COLOURS["real"], "width": 1.5, "dash": "dash"},
        name="their median",
        hoverinfo="skip",
    )


def _face(curve: NDArray[np.float32], real: SpectrumRange, name: str) -> go.Scatter:
    return go.Scatter(
        x=FREQUENCIES,
        y=curve,
        customdata=(curve - real.p50)[:, None],
        mode="lines",
        line={"color": COLOURS["face"], "width": 2.5},
        name=name,
        hovertemplate=(
            "%{x:.3f} cycles a pixel<br>%{y:.1f} dB, %{customdata[0]:+.1f} dB from the median of real faces"
            f"<extra>{name}</extra>"
        ),
    )
