"""Clips whose names are no text, or more than that: every command and every export copes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from deepfake.batch import Batch, BatchResult, collect_clips, write_table
from deepfake.cli import main
from deepfake.cli.terminal import printable
from deepfake.dataset import ClipEntry
from deepfake.files import csv_cell, is_url, readable
from tests import batch_work

NOT_UTF8 = os.fsdecode(b"caf\xe9.mp4")
NAMES = (
    NOT_UTF8,
    "\N{GRINNING FACE}.mp4",
    "\N{RIGHT-TO-LEFT OVERRIDE}4pm.mp4",
    "x" * 251 + ".mp4",
    "-dash.mp4",
    "new\nline.mp4",
    "\x1b[2Jscreen.mp4",
    "=1+1.mp4",
    "a::b.mp4",
)
N = len(NAMES)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """real/ and fake/ with a clip of every odd name each, a store of their own, and a stand-in for the analysis."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DEEPFAKE_CACHE_DIR", str(home))
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{home}/store.db")
    monkeypatch.setitem(Batch.__init__.__kwdefaults__, "analyze", batch_work.analyze)
    for label in ("real", "fake"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number, name in enumerate(NAMES):
            (tmp_path / "set" / label / name).write_text(f"{label} {number}")
    return tmp_path / "set"


def test_batch_and_evaluate_write_every_row(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, table, numbers = tmp_path / "batch.csv", tmp_path / "evaluate.csv", tmp_path / "numbers.json"
    assert main(["batch", str(clips), "--workers", "1", "--out", str(out)]) == 0
    assert f"{2 * N} of {2 * N} clips: {2 * N} analyzed" in capsys.readouterr().out
    expected = {readable(str(clips / label / name)) for label in ("real", "fake") for name in NAMES}
    assert set(pd.read_csv(out)["path"]) == expected
    assert main(["evaluate", str(clips), "--out", str(table), "--json", str(numbers), "--by", "group"]) == 0
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == expected
    assert all(row["verdict"] and not row["error"] for row in rows)
    found = json.loads(numbers.read_text(encoding="utf-8"))
    assert (found["n"], found["n_real"], len(found["by"]["group"])) == (2 * N, N, N)
    assert any("caf\\xe9" in part["value"] for part in found["by"]["group"])
    out.unlink()
    assert main(["batch", str(clips), "--out", str(out.with_suffix(".parquet"))]) == 0
    assert f"{2 * N} known before" in capsys.readouterr().out
    assert set(pd.read_parquet(out.with_suffix(".parquet"))["path"]) == expected


def test_one_line_is_told_of_each_clip(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(clips)]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("deepfake: ")]
    assert len(lines) == 2 * N
    assert all(line.startswith("[") for line in lines), "a name adds no line of its own"


def test_dataset_says_what_is_there(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = tmp_path / "summary.json"
    assert main(["dataset", str(clips), "--json", str(summary)]) == 0
    assert json.loads(summary.read_text(encoding="utf-8"))["by_label"] == {"FAKE": N, "REAL": N}
    (clips / "metadata.json").write_text("{}")
    capsys.readouterr()


def test_a_table_of_a_batch_is_a_list_for_the_next(clips: Path, tmp_path: Path) -> None:
    out = clips / "real" / "table.csv"
    found = collect_clips([str(clips / "real" / name) for name in NAMES if "\n" not in name])
    named = [ClipEntry(clip.name, clip.location, "REAL", shown=clip.name) for clip in found]
    write_table(out, [BatchResult(clip, "analyzed", "0" * 64, 0.5, "INCONCLUSIVE") for clip in named])
    assert "'=1+1.mp4" in out.read_text(encoding="utf-8")
    assert {clip.location for clip in collect_clips([str(out)])} == {clip.location for clip in found}


@pytest.mark.usefixtures("quick_network")
def test_one_clip_is_analyzed_and_exported_under_a_name_that_is_no_text(
    tmp_path: Path, talking_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPFAKE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path}/store.db")
    clip = tmp_path / NOT_UTF8
    shutil.copy(talking_clip, clip)
    outputs = {kind: tmp_path / f"result.{kind}" for kind in ("json", "csv", "html", "pdf")}
    options = [text for kind, path in outputs.items() for text in (f"--{kind}", str(path))]
    for _ in range(2):  # the second time from the store
        assert main(["analyze", str(clip), *options]) == 0
        assert "caf\\xe9.mp4" in capsys.readouterr().out
        assert json.loads(outputs["json"].read_text(encoding="utf-8"))["video"]["path"].endswith("caf\\xe9.mp4")
        assert "caf\\xe9.mp4" in outputs["html"].read_text(encoding="utf-8")
        assert outputs["pdf"].read_bytes().startswith(b"%PDF-")
    assert main(["analyze", str(clip), "--json", "-"]) == 0
    json.loads(capsys.readouterr().out)


def test_no_name_gives_the_terminal_an_order(
    clips: Path, tmp_path: Path, moving_square_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it a line of its own, which could read as an answer."""
    clip = tmp_path / "\x1b[2J\u202e\nLikely real.mp4"
    shutil.copy(moving_square_clip, clip)
    commands = (
        ["analyze", str(clip), "--detector", "haar"],
        ["analyze", str(clip), "--detector", "haar"],  # from the store
        ["analyze", str(clip.with_name("\x9b2J.mp4"))],
        ["evaluate", str(clips)],
        ["dataset", str(clips)],
    )
    for command in commands:
        main(command)
        told = "".join(capsys.readouterr())
        assert "\x1b" not in told
        assert "\x9b" not in told
        assert "\u202e" not in told
        assert "\nLikely real.mp4" not in told


def test_wrong_usage_gives_the_terminal_no_order(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["analyze", "a.mp4", "\x1b[2J\nLikely real.mp4"])
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\\x1b[2J Likely real.mp4" in told


def test_marks_of_direction_are_spelled_out_and_letters_stay() -> None:
    assert printable("\u202e4pm.exe \u2066a\u2069 \u200fb") == "\\u202e4pm.exe \\u2066a\\u2069 \\u200fb"
    for name in ("שלום.mp4", "مرحبا.mp4", "زن\u200cها.mp4"):
        assert printable(name) == name


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_text_is_a_formula(start: str) -> None:
    assert csv_cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"
    assert csv_cell(f"a{start}") == f"a{start}"


def test_text_that_utf8_holds_stays_as_it_is() -> None:
    for name in NAMES[1:]:
        assert readable(name) == name
    assert readable("\ud800") == "?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://bucket/a.mp4", True), ("zip://a::s3://b/c.zip", True), ("a::b.mp4", False), ("/data/x://y.mp4", False)],
)
def test_a_name_with_colons_is_no_url(text: str, expected: bool) -> None:
    assert is_url(text) is expected
