"""What stands in EXPORTS is offered everywhere, and every row makes its file."""

from __future__ import annotations

import csv
import io
import json

import pytest

from deepfake.analysis.recompression import RateOutcome, RateVerdict, Recompression
from deepfake.cli import main
from deepfake.report import EXPORTS
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
    alone = json.loads(BY_KIND["json"].make(analysis, shown_path="a.mp4"))
    assert alone["video"]["path"] == "a.mp4"
    assert "recompression" not in alone
    clip = RateVerdict(None, "LIKELY_FAKE", 0.9, (0.8, 0.95))
    result = Recompression((RateOutcome(None, 1e6, 10, clip, ()),), 0.4, 0.8, 1, 1, 0.1)
    both = json.loads(BY_KIND["json"].make(analysis, recompression=result))
    assert both["recompression"]["rates"][0]["clip"]["label"] == "LIKELY_FAKE"


def test_csv_has_a_row_per_frame_and_html_stands_alone() -> None:
    analysis = sample_analysis()
    rows = list(csv.reader(io.StringIO(BY_KIND["csv"].make(analysis).decode())))
    assert len(rows) == 1 + len(analysis.frame_timestamps_s)
    page = BY_KIND["html"].make(analysis, shown_path="<b>.mp4").decode()
    assert "&lt;b&gt;.mp4" in page
    assert "<script" not in page
