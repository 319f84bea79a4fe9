"""The JSON reads back as it was written, the CSV lines up with the frames, the page stands alone."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import shlex
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepfake import __version__
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.keeping import analysis_from_bytes, analysis_to_bytes
from deepfake.analysis.model import SCHEMA_VERSION, Analysis, AnalysisConfig
from deepfake.analysis.notebook_rule import NotebookRule
from deepfake.analysis.quality import TrackQuality
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.cli.entry import _parser
from deepfake.cli.options import config_of
from deepfake.faces.tracking import FaceTrack
from deepfake.files import csv_text
from deepfake.report.analysis_json import analysis_to_dict, json_text
from deepfake.report.files import write_text
from deepfake.report.html import document_html
from deepfake.report.page import analysis_document, command_of
from deepfake.report.table import frames_table, people_table
from deepfake.signals.base import SignalTrace
from deepfake.video.info import Adjustment, VideoInfo
from deepfake.words import format_time
from tests.told import told

FRAMES = 12
STEADY = Evidence("as_kept", "learned_score", 0, {"sentence": "It is <steady>."}, 0.125, "against", True)


def _track(track_id: int, frames: list[int], *, landmarks: int = 5) -> FaceTrack:
    random = np.random.default_rng(track_id)
    count = len(frames)
    return FaceTrack(
        track_id=track_id,
        frame_indices=np.array(frames, dtype=np.int64),
        boxes_xyxy=(random.random((count, 4)) * 100).astype(np.float32),
        landmarks=(random.random((count, landmarks, 2)) * 100).astype(np.float32),
        confidences=np.full(count, np.nan if landmarks == 0 else 0.1, dtype=np.float32),
    )


def _trace(signal: str, track_id: int | None, frames: list[int]) -> SignalTrace:
    values = np.linspace(0.9, 1, len(frames)).astype(np.float32)
    values[1] = np.nan
    indices = np.array(frames, dtype=np.int64)
    return SignalTrace(signal, track_id, indices, indices * (1001 / 30000), values)


@pytest.fixture
def analysis() -> Analysis:
    """Two people, one with a gap, one without landmarks; a cut; a name that HTML has to escape."""
    video = VideoInfo(
        path=Path("/somewhere/private/a <b>&.mp4"), sha256="ab" * 32, width=320, height=240, rotation_deg=90,
        frame_rate=Fraction(30000, 1001), frame_count=None, duration_s=0.4, codec="h264", pixel_format="yuv420p",
        variable_frame_rate=False, container="mov,mp4", bit_rate=None, has_audio=True,
        adjustments=(Adjustment("breaks_off", {"at_s": 0.4}),),
    )  # fmt: skip
    return Analysis(
        schema_version=SCHEMA_VERSION,
        software_version=__version__,
        video=video,
        config=AnalysisConfig(face_detector="haar", min_track_s=0.1),
        frame_timestamps_s=np.arange(FRAMES) * (1001 / 30000),
        cuts=np.array([6], dtype=np.int64),
        tracks=(_track(0, [0, 1, 2, 5, 6, 7]), _track(3, [2, 3, 4], landmarks=0)),
        traces=(
            _trace("frame_similarity", None, list(range(1, FRAMES))),
            _trace("face_similarity", 0, [1, 2, 6, 7]),
            _trace("face_similarity", 3, [3, 4]),
        ),
        notebook_rule=NotebookRule("REAL", 0.05, 0.95),
        verdict=Verdict(
            "LIKELY_REAL",
            0.125,
            (STEADY,),
            (0.0625, 0.25),
            (
                TrackVerdict(
                    0,
                    "LIKELY_REAL",
                    0.125,
                    (0.0625, 0.25),
                    0.5,
                    (STEADY,),
                    TrackQuality(
                        80.5, None, 12, 0.5, 0.25, 0.5, 0.03125, hidden_share=0.125, smoothed_probability=0.03125
                    ),
                ),
                TrackVerdict(3, "INCONCLUSIVE", None, None, None, (told("too small", 3, code="face_too_small"),)),
            ),
        ),
        timings_s={"decode": np.float64(0.25)},
    )


def report_html(analysis: Analysis, **options: Any) -> str:
    return document_html(analysis_document(analysis, **options))


def assert_same(left: Any, right: Any) -> None:
    """Assert that two nested dataclasses are equal, types of arrays included; NaN equals NaN."""
    if dataclasses.is_dataclass(left):
        assert type(left) is type(right)
        for item in dataclasses.fields(left):
            assert_same(getattr(left, item.name), getattr(right, item.name))
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right, strict=True)
    elif isinstance(left, tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert left == right or (left != left and right != right)


def test_json_file_gives_the_same_analysis_back(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, json_text(analysis_to_dict(analysis)))
    assert json.loads(path.read_text()) == analysis_to_dict(analysis)
    assert_same(analysis_from_bytes(analysis_to_bytes(analysis)), analysis)
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"], "no temporary file stays"


def test_what_could_not_be_measured_is_null_and_round_trips(analysis: Analysis) -> None:
    empty = dataclasses.replace(
        analysis,
        frame_timestamps_s=np.zeros(1),
        cuts=np.empty(0, np.int64),
        tracks=(),
        traces=(SignalTrace("frame_similarity", None, np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32)),),
        notebook_rule=NotebookRule(None, None, None),
        verdict=Verdict("INCONCLUSIVE", None, (told("One frame."),)),
    )
    data = json.loads(json.dumps(analysis_to_dict(empty), allow_nan=False))
    assert data["notebook_rule"] == {"label": None, "amplitude": None, "minimum": None}
    assert_same(analysis_from_bytes(analysis_to_bytes(empty)), empty)
    assert "There is no curve" in report_html(empty)
    assert len(csv_text(frames_table(empty)).splitlines()) == 2


def test_json_keeps_the_exact_rate_and_short_numbers(analysis: Analysis) -> None:
    data = analysis_to_dict(analysis)
    assert data["video"]["frame_rate_exact"] == "30000/1001"
    assert data["video"]["frame_rate"] == pytest.approx(29.97003)
    assert data["tracks"][0]["confidences"][0] == 0.1, "not 0.10000000149011612"
    assert data["traces"][0]["values"][1] is None
    assert (data["tracks"][0]["first_frame"], data["tracks"][0]["last_frame"], data["tracks"][0]["frames"]) == (0, 7, 6)


def test_shown_path_replaces_the_folders(analysis: Analysis) -> None:
    assert analysis_to_dict(analysis, shown_path="a.mp4")["video"]["path"] == "a.mp4"
    assert "private" not in json.dumps(analysis_to_dict(analysis, shown_path="a.mp4"))
    assert "private" not in report_html(analysis, shown_path="a.mp4")
    assert "/somewhere/private/" in report_html(analysis)


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": 99}', '{"schema_version": 1}', "\xff\xfe", "{"])
def test_reading_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (what is wrong differs)
        analysis_from_bytes(text.encode("latin-1"))


def test_failed_write_leaves_the_old_file(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_text(path, json_text(analysis_to_dict(dataclasses.replace(analysis, timings_s={"decode": float("nan")}))))
    assert path.read_text() == "before"
    with pytest.raises(OSError, match="missing"):
        write_text(tmp_path / "missing" / "a.json", json_text(analysis_to_dict(analysis)))


def test_csv_has_one_row_a_frame_with_values_in_the_right_one(analysis: Analysis) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(frames_table(analysis)))))
    assert [int(row["frame"]) for row in rows] == list(range(FRAMES))
    assert [row["cut"] for row in rows].index("1") == 6
    assert sum(row["cut"] == "1" for row in rows) == 1
    assert rows[0]["frame_similarity"] == "", "nothing is before the first frame"
    assert rows[2]["frame_similarity"] == "", "not measured"
    seen = [index for index, row in enumerate(rows) if row["track0_left_px"]]
    assert seen == [0, 1, 2, 5, 6, 7]
    box = [np.float32(rows[5][f"track0_{side}_px"]) for side in ("left", "top", "right", "bottom")]
    np.testing.assert_array_equal(box, analysis.tracks[0].boxes_xyxy[3])
    assert rows[3]["track3_confidence"] == "", "Haar has none"
    assert np.float32(rows[7]["track0_face_similarity"]) == np.float32(1)
    assert float(rows[10]["time_s"]) == pytest.approx(10 * 1001 / 30000, abs=1e-6)


def test_csv_has_the_answer_and_every_signal_of_each_person(analysis: Analysis) -> None:
    scored = dataclasses.replace(
        analysis, traces=(*analysis.traces, _trace("edge_blur", 0, [0, 2]), _trace("learned_score", 0, [0, 2, 6]))
    )
    rows = list(csv.DictReader(io.StringIO(csv_text(frames_table(scored)))))
    assert {row["track0_verdict"] for row in rows if row["track0_left_px"]} == {"LIKELY_REAL"}
    assert {row["track3_verdict"] for row in rows if row["track3_left_px"]} == {"INCONCLUSIVE"}
    assert (rows[0]["track0_probability_fake"], rows[2]["track3_probability_fake"]) == ("0.1250", "")
    assert [index for index, row in enumerate(rows) if row["track0_learned_score"]] == [0, 6], "2 was not measured"
    columns = list(rows[0])
    assert columns.index("track0_learned_score") < columns.index("track0_edge_blur") < columns.index("track3_left_px")


def test_who_was_not_judged_is_named_with_times_and_codes_in_every_export(analysis: Analysis) -> None:
    assert analysis_to_dict(analysis)["not_judged"] == [
        {
            "track_id": 3,
            "person": "Person 4",
            "from_s": pytest.approx(2 * 1001 / 30000),
            "to_s": pytest.approx(4 * 1001 / 30000),
            "codes": ["face_too_small"],
            "sentence": "Person 4, 0:00.07 to 0:00.13, was not judged: the face is too small.",
        }
    ]
    rows = list(csv.DictReader(io.StringIO(csv_text(frames_table(analysis)))))
    assert [index for index, row in enumerate(rows) if row["track3_not_judged"] == "face_too_small"] == [2, 3, 4]
    assert {row["track0_not_judged"] for row in rows} == {""}
    assert [row[-1] for row in people_table(analysis)] == ["judged", "yes", "no: the face is too small"]
    assert "<td>no: the face is too small</td>" in report_html(analysis)


def test_somebody_whom_an_earlier_version_left_out_is_not_called_judged(analysis: Analysis) -> None:
    former = dataclasses.replace(analysis.verdict, tracks=analysis.verdict.tracks[:1])
    assert [row[-1] for row in people_table(dataclasses.replace(analysis, verdict=former))][1:] == ["yes", "no"]


def test_the_command_that_makes_it_again_names_all_that_is_not_the_default() -> None:
    config = AnalysisConfig(face_detector="haar", classifier="efficientnet", quick=True)
    line = command_of("analyze", config, "/private/a b.mp4", recompress=True, paper="us-letter")
    words = shlex.split(line)
    assert words[:3] == ["deepfake", "analyze", "a b.mp4"]
    options = _parser().parse_args(words[1:])
    assert (options.quick, options.recompress, options.paper) == (True, True, "us-letter")
    assert config_of(options) == config
    plain = command_of("analyze", AnalysisConfig(), "a.mp4")
    assert not {"--quick", "--recompress", "--paper"} & set(plain.split())
    assert _parser().parse_args(shlex.split(command_of("compare", config, "a.mp4", "b.mp4"))[1:]).fake == Path("a.mp4")
    dash = command_of("analyze", AnalysisConfig(), "/clips/-Ab3 d.mp4")
    assert _parser().parse_args(shlex.split(dash)[1:]).clip == Path("-Ab3 d.mp4")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_report_stands_alone_and_escapes(analysis: Analysis) -> None:
    text = report_html(analysis)
    page = _Page()
    page.feed(text)
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "img", "iframe", "b"}]
    assert not [name for _, attrs in page.tags for name in attrs if name in {"src", "href"}]
    assert not re.search(r"https?://|url\(|@import", text)
    assert "a &lt;b&gt;&amp;.mp4" in text
    assert "It is &lt;steady&gt;." in text
    for needed in (
        "ab" * 32,
        __version__,
        "min_track_s = 0.1",
        "No signs of a fake found",
        "30000/1001",
        "breaks off",
        "opencv",
        "CLIP ViT-B/16",
        "SHA-256 of clip_vit",
        "deepfake analyze",
        "--face-detector haar",
    ):
        assert needed in text


def test_report_draws_a_line_for_each_stretch_without_a_gap(analysis: Analysis) -> None:
    page = _Page()
    page.feed(report_html(analysis))
    lines = [attrs for tag, attrs in page.tags if tag == "polyline"]
    # Whole frame: split by one missing value. Track 0: values at 1, (2 missing), 6, 7. Track 3: at 3 only.
    assert [line["class"] for line in lines] == ["frame", "frame", "face", "face", "face"]
    assert sum(attrs.get("class") == "cut" for tag, attrs in page.tags if tag == "line") == 1


def test_long_curve_is_thinned_but_keeps_its_deepest_drop(analysis: Analysis) -> None:
    count = 20_000
    values = np.full(count - 1, 0.99, np.float32)
    values[12_345] = 0.2
    indices = np.arange(1, count)
    trace = SignalTrace("frame_similarity", None, indices, indices / 25, values)
    times = np.arange(count) / 25
    long = dataclasses.replace(analysis, frame_timestamps_s=times, tracks=(), traces=(trace,))
    page = _Page()
    page.feed(report_html(long))
    points = next(str(attrs["points"]).split() for tag, attrs in page.tags if tag == "polyline")
    assert len(points) < 2000
    heights = [float(point.split(",")[1]) for point in points]
    assert max(heights) == pytest.approx(232.0, abs=0.1), "the drop to 0.2 reaches the chart's bottom"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.00"), (3.2, "0:03.20"), (59.996, "1:00.00"), (61.005, "1:01.01"), (-0.04, "-0:00.04"),
     (-0.001, "0:00.00"), (3600, "60:00.00"), (float("nan"), "–")],
)  # fmt: skip
def test_format_time(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


def test_the_page_says_what_its_reasons_speak_for_and_how_good_the_faces_are(analysis: Analysis) -> None:
    page = report_html(analysis)
    assert "<li>Against a fake: Person 1: It is &lt;steady&gt;.</li>" in page
    assert (
        "<td>Person 1</td><td>80</td><td>–</td><td>12</td><td>50%</td><td>–</td><td>12.5%</td><td>3.1%</td><td>25%</td>"
        in page
    )
    assert "face width, px (at least 48)" in page
