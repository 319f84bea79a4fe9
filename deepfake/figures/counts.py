"""A data set in numbers: labels, splits, fakes per original."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import plotly.graph_objects as go

from deepfake.figures.style import COLORS, LABEL_COLORS, LEGEND, empty_figure, plain, styled
from deepfake.words import counted

HEIGHT_PX = 320
NO_CLIPS = "The data set has no clips."
LABEL_PATTERNS = {"REAL": "", "FAKE": "/"}
OTHER_PATTERN = "."
HATCHING = {"size": 7, "solidity": 0.2, "fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.75)"}
NO_LABEL, NO_SPLIT = "no label", "no split"


def label_pie(counts: Mapping[Any, int]) -> go.Figure:
    """Return the share of each label. counts: clips by label: "REAL", "FAKE" or any other, None for no label."""
    counts = _named(counts, NO_LABEL)
    labels = [label for label in _ordered(counts) if counts[label] > 0]
    total = sum(counts[label] for label in labels)
    if total == 0:
        return empty_figure("Labels", NO_CLIPS, height_px=HEIGHT_PX)
    pie = go.Pie(
        labels=labels,
        values=[counts[label] for label in labels],
        marker={
            "colors": [_color(label) for label in labels],
            "pattern": {"shape": [_pattern(label) for label in labels], **HATCHING},
        },
        texttemplate="%{label}<br>%{value} (%{percent:.1%})",  # two short lines: beside a pie there is little room
        textposition="outside",
        hovertemplate="%{label}: %{value} (%{percent:.1%})<extra></extra>",
        sort=False,
    )
    figure = styled(go.Figure([pie]), title=f"Labels of {counted(total, 'clip')}", height_px=HEIGHT_PX)
    return figure.update_layout(showlegend=False, margin={"l": 76, "r": 76, "t": 64, "b": 32})


def labels_by_split(counts: Mapping[Any, Mapping[Any, int]]) -> go.Figure:
    """Return the clips of each split, stacked by label. counts: clips by split, then by label; None for none given."""
    counts = {plain(NO_SPLIT if split is None else split): _named(labels, NO_LABEL) for split, labels in counts.items()}
    title = "Labels by split"
    labels = _ordered({label: 1 for by_label in counts.values() for label, count in by_label.items() if count})
    if not labels:
        return empty_figure(title, NO_CLIPS, height_px=HEIGHT_PX)
    splits = list(counts)
    figure = go.Figure(
        [
            go.Bar(
                x=splits,
                y=[counts[split].get(label, 0) for split in splits],
                name=label,
                text=[counts[split].get(label, 0) or "" for split in splits],
                marker=label_marker(label),
                hovertemplate=f"%{{x}}: %{{y}} {label}<extra></extra>",
            )
            for label in labels
        ]
    )
    styled(figure, title=title, height_px=HEIGHT_PX, x_title="split", y_title="clips")
    # Splits are names, even where they look like numbers.
    legend = {**LEGEND, "traceorder": "normal"}
    return figure.update_layout(barmode="stack", xaxis_type="category", legend=legend, margin={"b": 84})


def fakes_per_original(counts: Iterable[int]) -> go.Figure:
    """Return how many originals have one fake, two fakes, … counts: the number of fakes of each original."""
    title = "Fakes made from one original"
    tally = Counter(counts)
    if not tally:
        return empty_figure(title, "No fake of this data set names its original.", height_px=HEIGHT_PX)
    fakes = list(range(min(tally), max(tally) + 1))
    bars = go.Bar(
        x=fakes,
        y=[tally[count] for count in fakes],
        marker={"color": COLORS["fake"]},
        hovertemplate="originals with %{x} fakes: %{y}<extra></extra>",
    )
    figure = styled(
        go.Figure([bars]), title=title, height_px=HEIGHT_PX, x_title="fakes of the same original", y_title="originals"
    )
    figure.update_xaxes(dtick=max(1, len(fakes) // 12), tickformat="d")
    figure.update_yaxes(dtick=1 if max(tally.values()) <= 10 else None, tickformat="d")
    return figure.update_layout(bargap=0.15)


def label_marker(label: str) -> dict[str, Any]:
    """Return how the bars of a label are drawn: color and pattern."""
    return {"color": _color(label), "pattern": {"shape": _pattern(label), **HATCHING}}


def _named(counts: Mapping[Any, int], nameless: str) -> dict[str, int]:
    return {nameless if name is None else plain(str(name)): count for name, count in counts.items()}


def _ordered(labels: Iterable[str]) -> list[str]:
    return sorted(labels, key=lambda label: (label not in LABEL_COLORS, label != "REAL", label))


def _color(label: str) -> str:
    return LABEL_COLORS.get(label, COLORS["inconclusive"])


def _pattern(label: str) -> str:
    return LABEL_PATTERNS.get(label, OTHER_PATTERN)
