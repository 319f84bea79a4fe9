"""The power spectrum of a face against the range of real faces."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from deepfake.figures.style import COLORS, LEGEND, empty_figure, styled
from deepfake.report.wording import person_name
from deepfake.signals.spectrum import FREQUENCIES, HIGH_BAND, SpectrumRange, leveled

HEIGHT_PX = 480
BAND_OPACITY = 0.25
NYQUIST = 0.5  # cycles per pixel: no picture holds more


def spectrum_figure(spectrum: NDArray[np.float32], real: SpectrumRange, track_id: int) -> go.Figure:
    """Return a face's mean power spectrum as a line over the middle nine tenths of real faces; below, how far both lie
    from the median of real faces.

    spectrum: f32 (64,), dB, azimuthal mean; NaN where there is none. Both are leveled: 0 dB is the mean over the
    frequencies where natural pictures follow a power law. Points' customdata: [dB, dB from the median of real faces].
    """
    title = "Mean spectrum and real faces"
    curve = leveled(spectrum)
    if not np.isfinite(curve).any():
        return empty_figure(title, "The face is too small, or cut off, for a spectrum.", height_px=HEIGHT_PX)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for row, base in ((1, np.zeros_like(real.p50)), (2, real.p50)):
        for trace in (_band(real, base), _median(real, base), _face(curve, base, real, person_name(track_id))):
            figure.add_trace(trace.update(showlegend=row == 1), row=row, col=1)
    styled(figure, title=title, height_px=HEIGHT_PX)
    figure.update_xaxes(range=[0, NYQUIST], tickvals=[0, 0.1, 0.2, 0.3, 0.4, 0.5])
    figure.update_xaxes(title_text="spatial frequency (cycles per pixel)", row=2, col=1)
    figure.update_yaxes(title_text="power (dB)", row=1, col=1)
    figure.update_yaxes(title_text="from median (dB)", row=2, col=1)
    for row in (1, 2):
        figure.add_vrect(
            *HIGH_BAND, fillcolor=COLORS["quiet"], opacity=0.1, line_width=0, layer="below", row=row, col=1
        )
    place = {"x": sum(HIGH_BAND) / 2, "y": 1, "yref": "y domain", "yanchor": "top"}
    figure.add_annotation(text="finest detail", showarrow=False, font={"size": 11}, **place)
    return figure.update_layout(legend=LEGEND, margin={"b": 104})


def share_inside(spectrum: NDArray[np.float32], real: SpectrumRange) -> float:
    """Return the share of a spectrum's frequencies that lie within the range of real faces, in [0, 1], or NaN.

    spectrum: f32 (64,), dB.
    """
    curve = leveled(spectrum)
    known = np.isfinite(curve)
    inside = (real.p5[known] <= curve[known]) & (curve[known] <= real.p95[known])
    return float(np.mean(inside)) if known.any() else float("nan")


def _band(real: SpectrumRange, base: NDArray[np.float32]) -> go.Scatter:
    return go.Scatter(
        x=np.concatenate([FREQUENCIES, FREQUENCIES[::-1]]),
        y=np.concatenate([real.p95 - base, (real.p5 - base)[::-1]]),
        fill="toself",
        fillcolor=COLORS["real"],
        opacity=BAND_OPACITY,
        mode="none",
        name=f"90% of {real.n} real faces",
        hoverinfo="skip",
    )


def _median(real: SpectrumRange, base: NDArray[np.float32]) -> go.Scatter:
    return go.Scatter(
        x=FREQUENCIES,
        y=real.p50 - base,
        mode="lines",
        line={"color": COLORS["real"], "width": 1.5, "dash": "dash"},
        name="their median",
        hoverinfo="skip",
    )


def _face(curve: NDArray[np.float32], base: NDArray[np.float32], real: SpectrumRange, name: str) -> go.Scatter:
    return go.Scatter(
        x=FREQUENCIES,
        y=curve - base,
        customdata=np.stack([curve, curve - real.p50], axis=1),
        mode="lines",
        line={"color": COLORS["face"], "width": 2.5},
        name=name,
        hovertemplate=(
            "%{x:.3f} cycles per pixel<br>%{customdata[0]:.1f} dB, %{customdata[1]:+.1f} dB from the median of real "
            "faces"
            f"<extra>{name}</extra>"
        ),
    )
