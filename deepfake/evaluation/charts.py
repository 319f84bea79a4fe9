"""The figures of one evaluation, or of two side by side: for the page and for the report."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.evaluation.measured import Measured
from deepfake.evaluation.metrics import share
from deepfake.figures.calibration import ReliabilityPoint, label_histogram, method_histograms, reliability_figure
from deepfake.figures.operating import OperatingCurve, confusion_figure, precision_recall_figure, roc_figure


def roc_chart(evaluations: Sequence[Measured], threshold: float) -> go.Figure:
    """Return the ROC curves with the chosen threshold marked, the AUC in the legend."""
    curves = []
    for measured in evaluations:
        if measured.roc is None:
            continue
        at = measured.confusion_at(threshold)
        point = (at.false_alarm_rate.rate or 0.0, at.found_rate.rate or 0.0)
        area = measured.evaluation.auc
        name = f"{measured.name}, AUC {area:.3f}" if area is not None else measured.name
        curve = measured.roc
        curves.append(OperatingCurve(name, curve.false_alarm_rate, curve.found_rate, curve.thresholds, point))
    return roc_figure(curves, threshold)


def precision_recall_chart(evaluations: Sequence[Measured], threshold: float) -> go.Figure:
    """Return precision over recall with the chosen threshold marked, the average precision in the legend."""
    curves, shares = [], set()
    for measured in evaluations:
        curve = measured.precision_recall
        if curve is None:
            continue
        at = measured.confusion_at(threshold)
        precision, recall = at.precision.rate, at.found_rate.rate
        point = (recall, precision) if recall is not None and precision is not None else None
        name = f"{measured.name}, average precision {curve.average_precision:.3f}"
        curves.append(OperatingCurve(name, curve.recall, curve.precision, curve.thresholds, point))
        shares.add(round(curve.share_fake, 3))
    return precision_recall_figure(curves, threshold, share_fake=shares.pop() if len(shares) == 1 else None)


def confusion_chart(measured: Measured, threshold: float, *, named: bool) -> go.Figure:
    """Return the four counts at a threshold. named: whether the title says whose they are."""
    at = measured.confusion_at(threshold)
    name = measured.name if named else ""
    return confusion_figure(at.found, at.missed, at.false_alarms, at.not_accused, threshold=threshold, name=name)


def reliability_chart(evaluations: Sequence[Measured]) -> go.Figure:
    """Return the reliability diagram, each point with the exact interval of its share of fakes."""
    return reliability_figure({measured.name: reliability_points(measured) for measured in evaluations})


def reliability_points(measured: Measured) -> tuple[ReliabilityPoint, ...]:
    """Return the bins of P(fake) that hold clips, each with the interval of its share (Clopper & Pearson 1934)."""
    points = []
    for row in measured.evaluation.calibration:
        low, high = share(round(row.share_fake * row.n), row.n).ci95 or (0.0, 1.0)
        points.append(ReliabilityPoint(row.mean_probability, row.share_fake, low, high, row.n))
    return tuple(points)


def label_chart(measured: Measured, threshold: float, *, named: bool) -> go.Figure:
    """Return the histogram of P(fake) by label."""
    return label_histogram(scores_by_label(measured), threshold, name=measured.name if named else "")


def method_chart(measured: Measured, threshold: float, *, named: bool) -> go.Figure:
    """Return the histograms of P(fake) by manipulation method, below that of the real clips."""
    scores = {"REAL": scores_by_label(measured)["REAL"]}
    scores |= {method.name: method.probabilities for method in measured.methods}
    return method_histograms(scores, threshold, name=measured.name if named else "")


def scores_by_label(measured: Measured) -> dict[str, NDArray[np.float64]]:
    """Return P(fake) of the clips, f64 (n,), by label."""
    clips = measured.clips
    return {"REAL": clips.probabilities[~clips.is_fake], "FAKE": clips.probabilities[clips.is_fake]}
