"""Figures of an evaluation: what they show is what they were given, and an empty one says why."""

from __future__ import annotations

import numpy as np
import pytest

from deepfake.figures.calibration import (
    MAX_ROWS,
    ReliabilityPoint,
    label_histogram,
    method_histograms,
    reliability_figure,
)
from deepfake.figures.operating import (
    MAX_POINTS,
    OperatingCurve,
    confusion_figure,
    precision_recall_figure,
    roc_figure,
)


def words(figure) -> str:
    return " ".join(annotation.text for annotation in figure.layout.annotations)


def curve(name: str = "MTCNN", count: int = 5, point: tuple[float, float] | None = (0.2, 0.8)) -> OperatingCurve:
    steps = np.linspace(0, 1, count)
    return OperatingCurve(name, steps, np.sqrt(steps), np.array([np.inf, *steps[::-1][1:]]), point)


@pytest.mark.parametrize("figure", [roc_figure, precision_recall_figure])
def test_curves_mark_the_chosen_threshold_and_differ_by_more_than_color(figure) -> None:
    drawn = figure([curve(), curve("Haar", point=None)], 0.8)
    lines = [trace for trace in drawn.data if trace.name in ("MTCNN", "Haar")]
    assert [(trace.x[0], trace.y[-1]) for trace in lines] == [(0, 1), (0, 1)]
    assert len({trace.line.dash for trace in lines}) == 2
    marks = [trace for trace in drawn.data if trace.mode == "markers"]
    assert [(mark.x[0], mark.y[0], "0.80" in mark.name) for mark in marks] == [(0.2, 0.8, True)]


def test_a_long_curve_keeps_its_ends_and_few_points() -> None:
    line = next(trace for trace in roc_figure([curve(count=5000)], 0.5).data if trace.name == "MTCNN")
    assert len(line.x) <= MAX_POINTS
    assert (line.x[0], line.x[-1], line.text[0]) == (0, 1, "nothing called fake")


@pytest.mark.parametrize("figure", [roc_figure, precision_recall_figure])
def test_without_both_labels_the_chart_says_what_it_needs(figure) -> None:
    assert "needs fakes and real clips" in words(figure([], 0.8))


def test_guessing_is_drawn_at_the_share_of_fakes() -> None:
    line = next(trace for trace in precision_recall_figure([curve()], 0.8, share_fake=0.89).data if trace.y[0] == 0.89)
    assert "89%" in line.name


def test_the_four_counts_stand_in_their_cells() -> None:
    figure = confusion_figure(28, 42, 1, 8, threshold=0.8)
    cells = {(note.y.partition("<")[0], note.x): note.text for note in figure.layout.annotations}
    assert cells["FAKE", "called fake"].startswith("<b>28</b> found<br>40%")
    assert cells["FAKE", "not called fake"].startswith("<b>42</b> missed<br>60%")
    assert cells["REAL", "called fake"].startswith("<b>1</b> false alarm<br>11%")
    assert cells["REAL", "not called fake"].startswith("<b>8</b> not accused<br>89%")
    assert "No clip" in words(confusion_figure(0, 0, 0, 0, threshold=0.8))
    one_label = words(confusion_figure(1, 0, 0, 0, threshold=0.8))
    assert (
        one_label == "<b>0</b> missed<br>0% <b>1</b> found<br>100% <b>0</b> not accused<br>– <b>0</b> false alarms<br>–"
    )


def test_reliability_has_a_point_a_bin_with_its_interval() -> None:
    figure = reliability_figure({"MTCNN": [ReliabilityPoint(0.2, 0.3, 0.1, 0.6, 10)], "Haar": []})
    line = next(trace for trace in figure.data if trace.name == "MTCNN")
    assert (line.x, line.y) == ((0.2,), (0.3,))
    assert line.error_y.array[0] == pytest.approx(0.3)
    assert line.error_y.arrayminus[0] == pytest.approx(0.2)
    assert "No clip" in words(reliability_figure({"MTCNN": []}))


def test_histograms_count_every_clip_once() -> None:
    scores = {"REAL": np.array([0.0, 0.01, 0.5]), "FAKE": np.array([0.99, 1.0])}
    bars = {trace.name: trace for trace in label_histogram(scores, 0.8).data}
    assert sum(bars["REAL (3)"].y) == 3
    assert bars["FAKE (2)"].y[-1] == 2
    assert bars["REAL (3)"].marker.pattern.shape != bars["FAKE (2)"].marker.pattern.shape
    assert "No clip" in words(label_histogram({"REAL": np.empty(0), "FAKE": np.empty(0)}, 0.8))


def test_methods_have_a_row_each_and_a_bounded_number() -> None:
    scores = {"REAL": np.array([0.1]), "FaceSwap": np.array([0.9, 0.8]), "empty": np.empty(0)}
    figure = method_histograms(scores, 0.8)
    assert words(figure) == "real (1) FaceSwap (2)"
    assert [trace.yaxis for trace in figure.data] == ["y", "y2"]
    assert len(method_histograms({f"m{k}": np.ones(1) for k in range(40)}, 0.8).data) == MAX_ROWS
    assert "No clip" in words(method_histograms({}, 0.8))
