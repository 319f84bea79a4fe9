"""Figures hold the numbers that they are given, at the right frame and time, and say why they are empty."""

from __future__ import annotations

import base64
import dataclasses
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import plotly.graph_objects as go
import pytest

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import SCHEMA_VERSION, Analysis, AnalysisConfig
from deepfake.analysis.notebook_rule import NotebookRule
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.faces.base import FaceDetection
from deepfake.faces.tracking import FaceTrack
from deepfake.figures.attribution import attributed_crop, hidden_crop
from deepfake.figures.counts import fakes_per_original, label_pie, labels_by_split
from deepfake.figures.curves import comparison_figure, cross_similarity_figure, similarity_figure
from deepfake.figures.pictures import difference_figure, drawn_faces
from deepfake.figures.scores import paired_signal_figure, score_figure, signal_figure, why_no_score
from deepfake.figures.style import COLORS, empty_figure
from deepfake.figures.timeline import timeline_figure
from deepfake.report.curves import score_svg
from deepfake.signals.base import SignalTrace
from deepfake.video.info import VideoInfo

RATE = Fraction(25)


def a_trace(signal: str, track_id: int | None, frames: list[int], values: list[float]) -> SignalTrace:
    indices = np.array(frames, dtype=np.int64)
    return SignalTrace(signal, track_id, indices, indices / 25, np.array(values, dtype=np.float32))


def a_track(track_id: int, frames: list[int]) -> FaceTrack:
    count = len(frames)
    boxes = np.tile(np.array([10, 10, 50, 50], np.float32), (count, 1))
    return FaceTrack(
        track_id, np.array(frames, np.int64), boxes, np.zeros((count, 5, 2), np.float32), np.ones(count, np.float32)
    )


def an_analysis(frames: int = 20, *, tracks: tuple[FaceTrack, ...] = (), traces: tuple[SignalTrace, ...] = (),
                cuts: tuple[int, ...] = ()) -> Analysis:  # fmt: skip
    video = VideoInfo(
        Path("clip.mp4"), "0" * 64, 320, 240, 0, RATE, frames, frames / 25, "h264", "yuv420p", False, "mp4", None, False
    )
    return Analysis(
        SCHEMA_VERSION, "0.0.1", video, AnalysisConfig(), np.arange(frames) / 25, np.array(cuts, dtype=np.int64),
        tracks, traces, NotebookRule("REAL", 0.01, 0.98), Verdict("LIKELY_REAL", None, ()), {},
    )  # fmt: skip


@pytest.fixture
def analysis() -> Analysis:
    """20 frames, a cut at 12, one drop at 5; track 0 is out of sight from frame 4 to 6, track 2 short."""
    frames = list(range(1, 20))
    values = [0.98] * 19
    values[4] = 0.93
    face_frames = [1, 2, 3, 8, 9, 10]
    return an_analysis(
        tracks=(a_track(0, [0, 1, 2, 3, 7, 8, 9, 10]), a_track(2, [5, 6])),
        traces=(
            a_trace("frame_similarity", None, frames, values),
            a_trace("face_similarity", 0, face_frames, [0.95] * 6),
        ),
        cuts=(12,),
    )


def named(figure: go.Figure, name: str) -> object:
    return next(trace for trace in figure.data if trace.name == name)


def shapes(figure: go.Figure, name: str) -> list[float]:
    return [shape.x0 for shape in figure.layout.shapes if shape.name == name]


def annotation(figure: go.Figure) -> str:
    assert len(figure.data) == 0
    return str(figure.layout.annotations[0].text)


def test_similarity_has_both_curves_with_frame_and_time_at_every_point(analysis: Analysis) -> None:
    figure = similarity_figure(analysis, 0, drops=[5], moment_s=0.3)
    whole = named(figure, "whole frame")
    np.testing.assert_array_equal(whole.x, np.arange(1, 20) / 25)
    assert whole.y[4] == pytest.approx(0.93)
    assert list(whole.customdata[4]) == [5, "0:00.20"]
    assert "markers" in whole.mode, "a click finds markers only"
    assert "customdata[0]" in whole.hovertemplate
    face = named(figure, "face of Person 1")
    assert (whole.line.dash, face.line.dash) == ("solid", "dash")
    assert whole.marker.symbol != face.marker.symbol
    assert shapes(figure, "cut") == [12 / 25]
    assert shapes(figure, "moment") == [0.3]
    drop = named(figure, "drop, whole frame")
    assert (list(drop.x), list(drop.y), drop.customdata[0][0]) == ([0.2], [pytest.approx(0.93)], 5)


def test_curve_breaks_where_the_face_is_out_of_sight(analysis: Analysis) -> None:
    face = named(similarity_figure(analysis, 0), "face of Person 1")
    assert np.isnan(face.y).sum() == 1
    np.testing.assert_allclose(np.array(face.x)[np.isfinite(face.y)], np.array([1, 2, 3, 8, 9, 10]) / 25)
    assert np.flatnonzero(np.isnan(face.y)).tolist() == [3], "between frame 3 and frame 8"


def test_axis_covers_the_curve_and_never_less_than_a_tenth(analysis: Analysis) -> None:
    low, high = similarity_figure(analysis, None).layout.yaxis.range
    assert low <= 0.9
    assert high > 1
    deep = an_analysis(traces=(a_trace("frame_similarity", None, [1, 2], [-0.2, 0.9]),))
    assert similarity_figure(deep, None).layout.yaxis.range[0] < -0.2


def test_zoom_survives_a_redraw_and_the_page_decides_fonts_and_background(analysis: Analysis) -> None:
    figures = [similarity_figure(analysis, 0), timeline_figure(analysis, 0), label_pie({"REAL": 1})]
    for figure in figures:
        assert figure.layout.uirevision == "constant"
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.font.color is None
        assert figure.layout.title.text


@pytest.mark.parametrize("track_id", [None, 0])
def test_a_single_frame_has_no_curve_and_the_figure_says_why(track_id: int | None) -> None:
    nothing = an_analysis(1, traces=(a_trace("frame_similarity", None, [], []),))
    assert "two frames" in annotation(similarity_figure(nothing, track_id))
    assert "two frames" in annotation(comparison_figure(nothing, nothing))
    assert "No face" in annotation(timeline_figure(nothing, None))
    unknown = a_trace("cross_similarity", None, [0], [float("nan")])
    assert "no moment" in annotation(cross_similarity_figure(unknown))


def test_a_long_clip_is_thinned_and_keeps_its_deepest_frame() -> None:
    count = 30_000
    values = np.full(count, 0.99)
    values[17_777] = 0.3
    long = an_analysis(count + 1, traces=(a_trace("frame_similarity", None, list(range(1, count + 1)), list(values)),))
    whole = named(similarity_figure(long, None), "whole frame")
    assert len(whole.x) <= 3000
    lowest = int(np.argmin(whole.y))
    assert whole.customdata[lowest][0] == 17_778
    assert whole.x[lowest] == pytest.approx(17_778 / 25)


def test_comparison_tells_a_and_b_apart_and_accuses_neither(analysis: Analysis) -> None:
    figure = comparison_figure(analysis, analysis, fake_track=0, original_track=0, moment_s=0.1)
    assert [trace.name for trace in figure.data] == [
        "B, whole frame",
        "B, face",
        "A, whole frame",
        "A, face",
    ]
    for trace in figure.data:
        assert trace.line.color == COLORS["a" if trace.name.startswith("A") else "b"]
        assert trace.line.dash == ("dash" if trace.name.endswith("face") else "solid")
        assert trace.customdata[0][2] == trace.name.split(",")[0]
        assert trace.legendrank == (1 if trace.name.startswith("A") else 2), "A is named first"
    symbols = {trace.marker.symbol for trace in figure.data}
    assert len(symbols) == 4, "told apart without color"


def test_cross_similarity_marks_the_greatest_differences() -> None:
    trace = a_trace("cross_similarity", None, [0, 1, 2, 3], [0.9, 0.5, 0.8, 0.9])
    figure = cross_similarity_figure(trace, marked=[1])
    marked = named(figure, "greatest difference")
    assert (list(marked.x), marked.customdata[0][0]) == ([1 / 25], 1)


def test_timeline_has_a_bar_a_stretch_and_hatches_the_others(analysis: Analysis) -> None:
    figure = timeline_figure(analysis, 0, moment_s=0.2)
    first, second = figure.data
    np.testing.assert_allclose(first.base, [0, 7 / 25])
    np.testing.assert_allclose(first.x, [4 / 25, 4 / 25])
    assert [list(row) for row in first.customdata] == [
        [0, 0, 3, "0:00.00", "0:00.16"],
        [0, 7, 10, "0:00.28", "0:00.44"],
    ]
    assert (first.name, second.name) == ("Person 1", "Person 3")
    assert (first.marker.pattern.shape, second.marker.pattern.shape) == ("", "/")
    assert shapes(figure, "cut") == [12 / 25]
    assert figure.layout.yaxis.autorange == "reversed", "the first person on top"


def test_timeline_ends_with_the_last_frame() -> None:
    figure = timeline_figure(an_analysis(5, tracks=(a_track(0, [3, 4]),)), 0)
    assert figure.data[0].base[0] + figure.data[0].x[0] == pytest.approx(0.2)
    assert list(figure.layout.xaxis.range) == [0, pytest.approx(0.2)]


def test_difference_map_lies_over_its_place_in_the_frame() -> None:
    image = np.full((1080, 1920, 3), 90, np.uint8)
    difference = np.zeros((1070, 1910), np.float32)
    difference[500:540, 1000:1040] = 0.8
    figure = difference_figure(difference, image)
    picture, heat = figure.data
    assert heat.z.shape[1] <= 640
    row, column = np.unravel_index(np.argmax(heat.z), heat.z.shape)
    assert heat.x0 + column * heat.dx == pytest.approx(1005 + 19.5, abs=25)
    assert heat.y0 + row * heat.dy == pytest.approx(505 + 19.5, abs=25)
    data = base64.b64decode(picture.source.split(",")[1])
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[1] <= 640
    assert picture.x0 - picture.dx / 2 == pytest.approx(-0.5)
    assert picture.x0 + picture.dx * (shown.shape[1] - 0.5) == pytest.approx(1919.5)
    assert heat.x0 - heat.dx / 2 == pytest.approx(4.5), "the map is 10 px narrower and centered"
    assert len(figure.to_json()) < 2_500_000


def test_identical_frames_have_a_pale_map() -> None:
    heat = difference_figure(np.zeros((64, 64), np.float32), np.zeros((64, 64, 3), np.uint8)).data[1]
    assert heat.zmax >= 0.1
    assert heat.colorscale[0][1].endswith(",0)"), "zero is transparent"


def test_pie_counts_real_before_fake_in_their_colors() -> None:
    pie = label_pie({"FAKE": 323, "REAL": 77, "UNKNOWN": 0}).data[0]
    assert (list(pie.labels), list(pie.values)) == (["REAL", "FAKE"], [77, 323])
    assert list(pie.marker.colors) == [COLORS["real"], COLORS["fake"]]
    assert len(set(pie.marker.pattern.shape)) == 2
    assert "400 clips" in label_pie({"FAKE": 323, "REAL": 77}).layout.title.text


def test_bars_by_split_add_up() -> None:
    figure = labels_by_split({"train": {"REAL": 2, "FAKE": 5}, "test": {"UNKNOWN": 4}})
    assert {bar.name: list(bar.y) for bar in figure.data} == {"REAL": [2, 0], "FAKE": [5, 0], "UNKNOWN": [0, 4]}
    assert figure.layout.barmode == "stack"


def test_clips_without_label_or_split_are_named_so() -> None:
    assert list(label_pie({None: 4, "REAL": 1}).data[0].labels) == ["REAL", "no label"]
    figure = labels_by_split({None: {None: 4}})
    assert [(bar.name, list(bar.x), list(bar.y)) for bar in figure.data] == [("no label", ["no split"], [4])]


def test_histogram_counts_originals_by_their_fakes() -> None:
    bars = fakes_per_original([1, 1, 3]).data[0]
    assert dict(zip(bars.x, bars.y, strict=True)) == {1: 2, 2: 0, 3: 1}


@pytest.mark.parametrize("figure", [label_pie({}), labels_by_split({}), labels_by_split({"train": {}}),
                                    fakes_per_original([]), empty_figure("Title", "Why.")])  # fmt: skip
def test_figures_without_data_say_why(figure: go.Figure) -> None:
    assert annotation(figure).endswith(".")


def test_figures_are_json(analysis: Analysis) -> None:
    for figure in (similarity_figure(analysis, 0, drops=[5], face_drops=[8]), timeline_figure(analysis, None)):
        assert json.loads(figure.to_json())["data"]


def a_face(box: tuple[int, int, int, int], confidence: float | None = 0.97) -> FaceDetection:
    return FaceDetection(np.array(box, np.float32), None, confidence)


def test_faces_are_drawn_on_a_copy_and_only_near_their_boxes() -> None:
    image = np.full((480, 640, 3), 128, np.uint8)
    drawn = drawn_faces(image, {"mtcnn": [a_face((100, 200, 200, 300))]})
    assert (image == 128).all()
    changed = (drawn != 128).any(axis=2)
    assert changed[200, 110:190].all(), "the upper edge is one line"
    assert not changed[220:280, 120:180].any(), "the face stays free"
    assert not changed[:, 420:].any()
    assert not changed[330:].any()


def test_detectors_differ_by_color_and_line_style() -> None:
    image = np.full((480, 640, 3), 128, np.uint8)
    solid = drawn_faces(image, {"mtcnn": [a_face((100, 200, 300, 400))]})
    dashed = drawn_faces(image, {"haar": [a_face((100, 200, 300, 400), None)]})
    bottom_solid, bottom_dashed = ((picture[400, 100:300] != 128).any(axis=1) for picture in (solid, dashed))
    assert bottom_solid.all()
    breaks = sum(not after and before for before, after in pairwise(bottom_dashed.tolist()))
    assert breaks >= 3
    assert tuple(solid[300, 100]) == (86, 200, 255)
    assert (255, 225, 60) in {tuple(pixel) for pixel in dashed[200:400, 100].tolist()}


def test_the_selected_face_has_a_thicker_box_and_lines_grow_with_the_image() -> None:
    def width_px(size: int, selected: tuple[str, int] | None) -> int:
        image = np.full((size, size, 3), 128, np.uint8)
        box = (size // 4, size // 4, size // 2, size // 2)
        drawn = drawn_faces(image, {"mtcnn": [a_face(box)]}, selected=selected)
        return int((drawn[3 * size // 8, : 3 * size // 8] == (86, 200, 255)).all(axis=1).sum())

    assert width_px(400, ("mtcnn", 0)) > width_px(400, None)
    assert width_px(1600, None) > 2 * width_px(400, None)


@pytest.mark.parametrize("box", [(0, 0, 30, 30), (600, 0, 640, 40), (610, 440, 640, 480), (-20, -20, 700, 500)])
def test_faces_at_the_border_keep_their_label_in_the_image(box: tuple[int, int, int, int]) -> None:
    image = np.full((480, 640, 3), 128, np.uint8)
    drawn = drawn_faces(image, {"Person 1": [a_face(box)]})
    label = (drawn == np.array((86, 200, 255), np.uint8)).all(axis=2)
    assert label.sum() > 600
    assert drawn.shape == image.shape


@pytest.mark.parametrize("size", [(8, 8), (1, 3)])
def test_tiny_images_can_be_drawn_on(size: tuple[int, int]) -> None:
    drawn = drawn_faces(np.zeros((*size, 3), np.uint8), {"mtcnn": [a_face((0, 0, 4, 4))], "haar": []})
    assert drawn.shape == (*size, 3)


def a_scored_analysis() -> Analysis:
    frames = list(range(20))
    traces = (
        a_trace("frame_similarity", None, frames[1:], [0.98] * 19),
        a_trace("face_similarity", 0, frames[1:], [0.97] * 19),
        a_trace("learned_score", 0, [0, 5, 10, 15], [0.2, 0.9, 0.8, 0.4]),
    )
    person = TrackVerdict(0, "INCONCLUSIVE", 0.6, (0.3, 0.8), 0.4, ())
    verdict = Verdict("INCONCLUSIVE", 0.6, (), (0.3, 0.8), (person,))
    analysis = an_analysis(20, tracks=(a_track(0, frames),), traces=traces, cuts=(8,))
    return dataclasses.replace(analysis, verdict=verdict)


def test_scores_lie_above_the_similarity_under_one_time_axis() -> None:
    figure = score_figure(a_scored_analysis(), 0, moment_s=0.4)
    points = next(curve for curve in figure.data if curve.name == "P(fake) of a frame")
    assert points.y == pytest.approx([0.2, 0.9, 0.8, 0.4])
    assert points.x == pytest.approx([0, 0.2, 0.4, 0.6])
    assert points.customdata[1] == (5, "0:00.20") or list(points.customdata[1]) == [5, "0:00.20"]
    # Filled above one half: not told apart by color alone.
    assert list(points.marker.symbol) == ["circle-open", "circle", "circle", "circle-open"]
    below = next(curve for curve in figure.data if curve.name == "whole frame")
    assert (points.yaxis, below.yaxis) == ("y", "y2")
    assert figure.layout.xaxis.matches == "x2"
    assert figure.layout.yaxis.range == (-0.04, 1.04)
    names = [shape.name for shape in figure.layout.shapes]
    assert names.count("moment") == names.count("cut") == 1


def test_the_band_and_the_line_are_the_persons_interval_and_probability() -> None:
    figure = score_figure(a_scored_analysis(), 0)
    band = next(curve for curve in figure.data if (curve.name or "").startswith("95%"))
    assert (min(band.y), max(band.y)) == (0.3, 0.8)
    line = next(curve for curve in figure.data if curve.name == "person's P(fake)")
    assert set(line.y) == {0.6}


def test_who_was_not_judged_has_no_line() -> None:
    analysis = a_scored_analysis()
    [person] = analysis.verdict.tracks
    small = dataclasses.replace(person, reasons=(Evidence("face_too_small", "face_width", 0, {}),))
    unjudged = dataclasses.replace(analysis, verdict=dataclasses.replace(analysis.verdict, tracks=(small,)))
    names = [curve.name or "" for curve in score_figure(unjudged, 0).data]
    assert "P(fake) of a frame" in names
    assert not [name for name in names if name == "person's P(fake)" or name.startswith("95%")]
    assert 'class="level"' in score_svg(analysis, 0)
    assert 'class="level"' not in score_svg(unjudged, 0)


def test_without_scores_the_similarity_stays_and_the_reason_is_told() -> None:
    traces = (a_trace("frame_similarity", None, [1, 2], [0.9, 0.95]),)
    analysis = an_analysis(3, traces=traces)
    figure = score_figure(analysis, None)
    # Plotly draws neither axes nor words where no curve has these axes: the upper ones have an empty one.
    assert [(curve.yaxis, curve.name) for curve in figure.data] == [("y2", "whole frame"), ("y", "")]
    [note] = [note for note in figure.layout.annotations if note.yref == "y domain"]
    assert note.text.replace("<br>", " ") == why_no_score(analysis, None)
    haar = dataclasses.replace(analysis, config=AnalysisConfig(face_detector="haar"))
    assert "MTCNN" in why_no_score(haar, 0)


def test_a_signal_is_broken_where_it_was_not_measured() -> None:
    figure = signal_figure(a_trace("sharp", 0, [3, 4, 5], [1.0, float("nan"), 2.0]), title="Sharpness", unit="dB")
    assert figure.data[0].y == pytest.approx([1.0, float("nan"), 2.0], nan_ok=True)
    assert not figure.data[0].connectgaps
    assert [row[0] for row in figure.data[0].customdata] == [3, 4, 5]
    assert figure.layout.yaxis.title.text == "dB"


def test_a_long_signal_keeps_its_spikes_and_its_gaps() -> None:
    values = np.full(9000, 0.1)
    values[4321], values[7000:7010] = 9.0, np.nan
    figure = signal_figure(a_trace("sharp", 0, list(range(9000)), values.tolist()), title="Sharpness", unit="dB")
    drawn = np.array(figure.data[0].y)
    assert np.nanmax(drawn) == 9.0
    assert len(drawn) <= 1502
    assert np.isnan(drawn).sum() == 1
    values[::3] = np.nan
    many = np.array(signal_figure(a_trace("s", 0, list(range(9000)), values.tolist()), title="S", unit="dB").data[0].y)
    assert len(many) <= 2 * 1502


def test_an_attribution_colors_what_speaks_for_fake_and_for_real() -> None:
    crop = np.full((224, 224, 3), 128, np.uint8)
    attribution = np.zeros((7, 7), np.float32)
    attribution[3, 1], attribution[3, 5] = 8, -8
    drawn = attributed_crop(crop, attribution).astype(int)
    fake, real = drawn[224, 96], drawn[224, 352]
    assert fake[0] > fake[2] + 40  # orange
    assert real[2] > real[0] + 40  # teal
    assert np.abs(drawn[10, 10] - 128).max() <= 2  # where nothing was added the picture stays
    assert np.array_equal(np.unique(attributed_crop(crop, np.zeros((7, 7), np.float32))), [128])


def test_what_is_hidden_is_outlined_and_not_covered() -> None:
    crop = np.full((280, 280, 3), 128, np.uint8)
    hidden = np.zeros((70, 70), bool)
    hidden[20:40, 20:40] = True
    drawn = hidden_crop(crop, hidden)
    assert drawn.shape == (448, 448, 3)
    assert (drawn[192, 128] != 128).any(), "the edge"
    assert (drawn[192, 192] == 128).all(), "inside"
    assert (drawn[20, 20] == 128).all(), "outside"


def test_one_odd_place_does_not_pale_the_rest_of_a_picture() -> None:
    crop = np.full((224, 224, 3), 128, np.uint8)
    attribution = np.zeros((70, 70), np.float32)
    attribution[30:40, 10:20] = 6
    plain = attributed_crop(crop, attribution)[224, 96].astype(int)
    attribution[50:55, 50:55] = 60  # one patch of the network
    beside = attributed_crop(crop, attribution)[224, 96].astype(int)
    assert plain[0] > plain[2] + 40
    assert np.abs(plain - beside).max() <= 2


def test_both_faces_of_a_pair_are_told_apart_without_color() -> None:
    fake, original = a_trace("x", 0, [1, 2], [1.0, 2.0]), a_trace("x", 0, [1, 2], [3.0, 4.0])
    figure = paired_signal_figure(fake, original, title="X", moment_s=0.04)
    by_name = {curve.name: curve for curve in figure.data}
    assert list(by_name["A"].y) == [1.0, 2.0]
    assert list(by_name["B"].y) == [3.0, 4.0]
    assert by_name["A"].marker.symbol != by_name["B"].marker.symbol
    assert [curve.name for curve in paired_signal_figure(fake, None, title="X").data] == ["A"]
    assert not paired_signal_figure(None, None, title="X").data


def test_a_signal_lies_beside_the_band_of_real_clips() -> None:
    trace = a_trace("sharp", 0, [3, 4, 5], [1.0, 3.0, 2.0])
    figure = signal_figure(trace, title="Sharpness", unit="dB", real=(-1.5, 0.5), value=2.0)
    band, line = (next(curve for curve in figure.data if word in (curve.name or "")) for word in ("real", "this clip"))
    assert (min(band.y), max(band.y)) == (-1.5, 0.5)
    assert set(line.y) == {2.0}
    assert figure.layout.showlegend


def test_p_fake_lies_beside_the_band_of_real_examples() -> None:
    figure = score_figure(a_scored_analysis(), 0)
    band = next(curve for curve in figure.data if curve.name == "9 in 10 real examples")
    assert 0 < min(band.y) < max(band.y) < 1
