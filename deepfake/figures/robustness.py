"""P(fake) of a clip re-compressed at several rates, with the limits of the labels."""

import plotly.graph_objects as go

from deepfake.analysis.recompression import RateOutcome, RateVerdict, Recompression
from deepfake.analysis.verdict import VerdictLabel
from deepfake.figures.style import COLORS, empty_figure, styled
from deepfake.report.card import stability_sentence
from deepfake.report.wording import VERDICT_WORDS, person_name, rate_name
from deepfake.words import bit_rate_text

HEIGHT_PX = 380
TITLE = "P(fake) of the clip, re-compressed"
# Symbol and color of a verdict.
MARKS: dict[VerdictLabel, tuple[str, str]] = {
    "LIKELY_REAL": ("circle", COLORS["real"]),
    "INCONCLUSIVE": ("square-open", COLORS["inconclusive"]),
    "LIKELY_FAKE": ("x", COLORS["fake"]),
}
ZONE_OPACITY = 0.1
BESIDE = 0.12  # of the distance of two rates: how far a person stands off the clip


def recompression_figure(result: Recompression, track_id: int | None = None) -> go.Figure:
    """Return P(fake) with its 95% interval at every rate: of the clip, and of one person where that is another.

    The limits of LIKELY_REAL and LIKELY_FAKE for the clip as it is are drawn as lines, their sides tinted. Symbols:
    circle no signs of a fake, open square inconclusive, cross likely fake. A rate without a point: not judged there.
    """
    if result.spread is None:
        return empty_figure(TITLE, stability_sentence(result), height_px=HEIGHT_PX)
    several = track_id is not None and _differ(result, track_id)
    figure = go.Figure([_curve(result, None, "the clip", "solid", -BESIDE if several else 0.0)])
    if several and track_id is not None:
        figure.add_trace(_curve(result, track_id, person_name(track_id), "dash", BESIDE))
    styled(figure, title=TITLE, height_px=HEIGHT_PX, y_title="P(fake)")
    places = list(range(len(result.rates)))
    figure.update_xaxes(tickvals=places, ticktext=[_tick(rate) for rate in result.rates], showgrid=False)
    figure.update_xaxes(range=[-0.5, places[-1] + 0.5])
    figure.update_yaxes(range=[-0.02, 1.02], tickvals=[0, 0.25, 0.5, 0.75, 1])
    _limit(figure, result.likely_real_below, "LIKELY_REAL")
    _limit(figure, result.likely_fake_from, "LIKELY_FAKE")
    return figure.update_layout(showlegend=several, legend={"y": -0.3})


def _differ(result: Recompression, track_id: int) -> bool:
    own = [outcome.told_probability for rate in result.rates if (outcome := rate.of(track_id)) is not None]
    return any(value is not None for value in own) and own != [rate.clip.told_probability for rate in result.rates]


def _curve(result: Recompression, track_id: int | None, name: str, dash: str, shift: float) -> go.Scatter:
    rows: list[tuple[float, RateOutcome, RateVerdict]] = [
        (place + shift, rate, outcome)
        for place, rate in enumerate(result.rates)
        if (outcome := rate.of(track_id)) is not None and outcome.told_probability is not None
    ]
    values = [outcome.told_probability or 0.0 for _, _, outcome in rows]
    bounds = [outcome.interval or (value, value) for (_, _, outcome), value in zip(rows, values, strict=True)]
    colors = [MARKS[outcome.label][1] for _, _, outcome in rows]
    return go.Scatter(
        x=[place for place, _, _ in rows],
        y=values,
        error_y={
            "type": "data",
            "array": [high - value for (_, high), value in zip(bounds, values, strict=True)],
            "arrayminus": [value - low for (low, _), value in zip(bounds, values, strict=True)],
            "color": COLORS["quiet"],
            "thickness": 2,
            "width": 7,
        },
        customdata=[
            [rate_name(rate), VERDICT_WORDS[outcome.label], f"{low:.2f} to {high:.2f}", bit_rate_text(rate.bit_rate)]
            for (_, rate, outcome), (low, high) in zip(rows, bounds, strict=True)
        ],
        name=name,
        mode="lines+markers",
        line={"color": COLORS["quiet"], "width": 1.5, "dash": dash},
        marker={
            "size": 13,
            "symbol": [MARKS[outcome.label][0] for _, _, outcome in rows],
            "color": colors,
            "line": {"width": 3, "color": colors},
        },
        hovertemplate=(
            f"{name}, %{{customdata[0]}} · %{{customdata[3]}}<br>%{{customdata[1]}}: P(fake) %{{y:.2f}}, "
            "95% interval %{customdata[2]}<extra></extra>"
        ),
    )


def _tick(rate: RateOutcome) -> str:
    return f"{rate_name(rate)}<br>{bit_rate_text(rate.bit_rate)}"


def _limit(figure: go.Figure, limit: float | None, label: VerdictLabel) -> None:
    if limit is None:
        return
    is_fake = label == "LIKELY_FAKE"
    color = MARKS[label][1]
    ends = {"y0": limit, "y1": 1.02} if is_fake else {"y0": -0.02, "y1": limit}
    figure.add_hrect(**ends, fillcolor=color, opacity=ZONE_OPACITY, line_width=0, layer="below")
    text = f"likely fake from {limit:.3f}" if is_fake else f"no signs below {limit:.3f}"
    # In the middle, which lies between two of the four rates.
    figure.add_hline(
        limit,
        line={"dash": "dot", "width": 1.5, "color": color},
        annotation={
            "text": text, "font": {"size": 12}, "showarrow": False, "x": 0.5, "xanchor": "center",
            "yanchor": "bottom" if is_fake else "top",
        },
    )  # fmt: skip
