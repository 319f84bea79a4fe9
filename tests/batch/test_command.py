"""`deepfake batch`: with the real analysis, and with a stand-in (batch_work) where only its answer matters."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch import Batch, BatchResult
from deepfake.cli import main
from deepfake.errors import StoreError
from deepfake.settings import Settings
from deepfake.store import open_store
from tests import batch_work
from tests.batch.runs import write_clips

ROOT = Path(__file__).resolve().parents[2]
FINGERPRINT = AnalysisConfig().fingerprint()


def test_the_command_analyses_real_clips(tmp_path: Path, settings: Settings, talking_clip: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    shutil.copy(talking_clip, folder / "talking.mp4")
    (folder / "broken.mp4").write_text("this is no clip")
    out = tmp_path / "table.csv"
    environment = os.environ | {"DEEPFAKE_DATABASE_URL": settings.database_url}
    command = [sys.executable, "-m", "deepfake", "batch", str(folder), "--out", str(out), "--workers", "2"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 clips: 1 analyzed, 0 known before, 1 failed" in done.stdout
    assert f"failed: {folder / 'broken.mp4'}: this cannot be read as a video" in done.stderr
    rows = {Path(row["path"]).name: row for row in pd.read_csv(out).to_dict("records")}
    assert rows["talking.mp4"]["verdict"] in ("LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE")
    assert "cannot be read as a video" in rows["broken.mp4"]["error"]
    with open_store(settings) as store:
        analysis = store.get(rows["talking.mp4"]["sha256"], FINGERPRINT)
    assert analysis is not None
    assert len(analysis.tracks) == 1


@pytest.fixture
def stand_in(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `main` analyze with batch_work, into the test's store."""
    monkeypatch.setitem(Batch.__init__.__kwdefaults__, "analyze", batch_work.analyze)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("DEEPFAKE_CACHE_DIR", str(settings.cache_dir))


@pytest.mark.usefixtures("stand_in")
def test_a_quick_batch_says_what_its_answers_rest_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_clips(tmp_path / "clips", "sure", "open", "sure too")
    out = tmp_path / "table.csv"
    assert main(["batch", str(folder), "--quick", "--workers", "1", "--out", str(out)]) == 0
    assert pd.read_csv(out)["look"].tolist() == ["quick", "full", "quick"]
    assert "Answers: 2 by a quick look, 1 by the full analysis" in capfd.readouterr().out


@pytest.mark.usefixtures("stand_in")
def test_files_that_say_that_they_were_generated_are_named_now_and_when_they_are_known(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_clips(tmp_path / "clips", "made", "recorded")
    out = tmp_path / "table.csv"
    for _ in range(2):
        assert main(["batch", str(folder), "--workers", "1", "--out", str(out)]) == 0
        assert pd.read_csv(out)["declared"].fillna("").tolist() == ["generated (unsigned)", ""]
        assert "a program made their pictures (column declared): 1\n" in capfd.readouterr().out


@pytest.mark.usefixtures("stand_in")
def test_a_batch_whose_store_goes_away_writes_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Batch.run

    def run_until_the_store_is_gone(batch: Batch) -> Iterator[BatchResult]:
        with closing(run(batch)) as results:
            yield next(results)
        raise StoreError("store.db", "the store cannot be used")

    monkeypatch.setattr(Batch, "run", run_until_the_store_is_gone)
    folder = write_clips(tmp_path / "clips", "sure", "sure too")
    out = tmp_path / "table.csv"
    assert main(["batch", str(folder), "--workers", "1", "--out", str(out)]) == 1
    assert len(pd.read_csv(out)) == 1
    said = capfd.readouterr()
    assert "1 of 2 clips" in said.out
    assert "store.db: the store cannot be used" in said.err
    assert main(["batch", str(folder), "--workers", "1", "--out", str(out)]) == 1
    assert len(pd.read_csv(out.with_stem("table-interrupted"))) == 1


@pytest.mark.parametrize("command", ["batch", "evaluate", "dataset"])
def test_what_is_odd_about_a_list_is_told_once(command: str, tmp_path: Path, settings: Settings) -> None:
    write_clips(tmp_path, "bad a")
    (tmp_path / "list.csv").write_text("path,label\n00.mp4,FAKE\n,REAL\n")
    environment = os.environ | {"DEEPFAKE_DATABASE_URL": settings.database_url}
    line = [sys.executable, "-m", "deepfake", command, str(tmp_path / "list.csv")]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("line 3: the path is empty") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nowhere"], 1, "there is no such file or folder"),
        (["--workers", "0", "x"], 2, "'0' is not a whole number from 1 on"),
        (["--workers", "two", "x"], 2, "'two' is not a whole number from 1 on"),
        (["--timeout", "nan", "x"], 2, "'nan' is not a number of seconds above 0"),
        ([""], 1, "a name is empty"),
        (["--workers", "2", "--scheduler", "tcp://host:1", "x"], 2, "the cluster has its own"),
        (["--out", "table.txt", "x"], 1, ".csv or .parquet"),
    ],
)
def test_wrong_usage_is_told_at_once(
    arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        found = main(["batch", *arguments])
    except SystemExit as stop:
        found = stop.code
    assert found == status
    assert says in capsys.readouterr().err
