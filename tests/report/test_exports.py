"""What stands in EXPORTS is offered everywhere, and every row makes its file."""

from __future__ import annotations

import csv
import io
import json
import re

import PIL.Image
import pypdfium2 as pdfium
import pytest

from deepfake.analysis.moments import MomentPicture, Moments
from deepfake.analysis.recompression import RateOutcome, RateVerdict, Recompression
from deepfake.cli import main
from deepfake.detectors import classifier
from deepfake.report import EXPORTS, ExportOptions, Paper
from tests.store.samples import sample_analysis

BY_KIND = {export.kind: export for export in EXPORTS}


def test_every_kind_is_one_and_an_option_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BY_KIND) == len(EXPORTS)
    with pytest.raises(SystemExit):
        main(["analyze", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for export in EXPORTS:
        assert f"--{export.kind} FILE" in shown


def test_json_has_the_recompression_beside_the_analysis_where_there_is_one() -> None:
    analysis = sample_analysis()
    alone = json.loads(BY_KIND["json"].make(analysis, ExportOptions(shown_path="a.mp4")))
    assert alone["video"]["path"] == "a.mp4"
    assert "recompression" not in alone
    made = alone["made"]
    assert made["command"].startswith("deepfake analyze a.mp4 ")
    assert made["classifier_fingerprint"] == classifier().fingerprint()
    assert len(made["files"]) == len(classifier().files)
    assert made["calibration"]["false_alarm_rate"] == classifier().calibration.false_alarm_rate
    assert made["written"].startswith("20")
    clip = RateVerdict(None, "LIKELY_FAKE", 0.9, (0.8, 0.95))
    result = Recompression((RateOutcome(None, 1e6, 10, clip, ()),), 0.4, 0.8, 1, 1, 0.1)
    both = json.loads(BY_KIND["json"].make(analysis, ExportOptions(recompression=result)))
    assert both["recompression"]["rates"][0]["clip"]["label"] == "LIKELY_FAKE"


def test_csv_has_a_row_per_frame_and_html_stands_alone() -> None:
    analysis = sample_analysis()
    rows = list(csv.reader(io.StringIO(BY_KIND["csv"].make(analysis).decode())))
    assert len(rows) == 1 + len(analysis.frame_timestamps_s)
    page = BY_KIND["html"].make(analysis, ExportOptions(shown_path="<b>.mp4")).decode()
    assert "&lt;b&gt;.mp4" in page
    assert "<script" not in page


def picture(time_s: float) -> MomentPicture:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (64, 64), (200, 90, 20)).save(buffer, "JPEG")
    return MomentPicture(int(time_s * 25), time_s, 0.9, buffer.getvalue(), buffer.getvalue())


def words_of(made: bytes) -> str:
    with pdfium.PdfDocument(made) as document:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def pictures_in(made: bytes) -> int:
    with pdfium.PdfDocument(made) as document:
        return sum(len(list(page.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE]))) for page in document)


MOMENTS = Moments(0, (picture(0.2), picture(1.0), picture(1.8)))


def test_the_report_shows_the_faces_inside_the_page() -> None:
    page = BY_KIND["html"].make(sample_analysis(), ExportOptions(moments=MOMENTS)).decode()
    assert page.count("data:image/jpeg;base64,") == 3
    assert set(re.findall(r'src="([^:]*):', page)) == {"data"}
    for time in ("0:00.20", "0:01.00", "0:01.80"):
        assert time in page


def test_the_report_on_paper_has_the_answer_the_faces_and_the_command_but_no_table_of_frames() -> None:
    result = Recompression(
        (RateOutcome(None, 1e6, 10, RateVerdict(None, "LIKELY_FAKE", 0.9, (0.8, 0.95)), ()),), 0.4, 0.8, 1, 1, 0.1
    )
    shown = ExportOptions(shown_path="Prüfung #1 *so*.mp4", moments=MOMENTS, recompression=result)
    made = BY_KIND["pdf"].make(sample_analysis(), shown)
    assert made.startswith(b"%PDF-")
    text = words_of(made)
    for needed in (
        "Prüfung #1 *so*.mp4",
        "Likely fake",
        "0:01.80",
        "Too smooth",
        "What this cannot tell",
        "Re-compressed",
        "--classifier clip_vit",
        "Warnings",
        "People",
        "1 of ",
    ):
        assert needed in text, needed
    assert "Values of every frame" not in text
    assert sample_analysis().video.sha256 in text.replace("\r", "").replace("\n", ""), "it can be copied"
    assert pictures_in(made) == 3


@pytest.mark.parametrize(("paper", "width_pt"), [("a4", 595), ("us-letter", 612)])
def test_the_paper_is_the_readers(paper: Paper, width_pt: int) -> None:
    made = BY_KIND["pdf"].make(sample_analysis(), ExportOptions(paper=paper))
    with pdfium.PdfDocument(made) as document:
        assert round(document[0].get_width()) == width_pt
