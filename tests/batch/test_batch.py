"""Batches: every clip ends as one analysis in the store or one row with its error, whatever happens on the way.

Most tests put a stand-in (batch_work) in the place of the analysis: what becomes of a clip is in its bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch import Batch, BatchResult, collect_clips
from deepfake.cli import main
from deepfake.errors import StoreError
from deepfake.settings import Settings
from deepfake.store import open_store
from tests import batch_work

ROOT = Path(__file__).resolve().parents[2]
FINGERPRINT = AnalysisConfig().fingerprint()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    return Settings(cache_dir=home, database_url=f"sqlite:///{home}/store.db", job_timeout_s=60)


def _clips(folder: Path, *contents: str) -> Path:
    """Write files named 00.mp4, 01.mp4 … that hold these words."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:02}.mp4").write_text(content)
    return folder


def _batch(folder: Path | str, settings: Settings, **options) -> Batch:
    options.setdefault("workers", 1)
    return Batch(collect_clips([str(folder)]), settings=settings, analyze=batch_work.analyze, **options)


def _calls(settings: Settings) -> list[str]:
    """What the stand-in was asked to analyze, in the order of asking."""
    file = settings.cache_dir / "calls.txt"
    return file.read_text().splitlines() if file.exists() else []


def _stored(settings: Settings) -> dict[str, float | None]:
    """P(fake) of everything in the store by the clip's name."""
    with open_store(settings) as store:
        page = store.find(limit=1000)
        assert page.total == len(page.rows) == len({row.sha256 for row in page.rows})
        return {row.name: row.probability_fake for row in page.rows}


def _until(condition: Callable[[], bool], *, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


# --- what a batch does ---


@pytest.mark.parametrize("workers", [1, 2])
def test_every_clip_has_one_result_and_is_in_the_store(tmp_path: Path, settings: Settings, workers: int) -> None:
    words = ["a", "b", "bad c", "d", "bug e", "f"]
    batch = _batch(_clips(tmp_path / "clips", *words), settings, workers=workers)
    results = {result.clip.name: result for result in batch.run()}
    assert {name: result.status for name, result in results.items()} == {
        "00.mp4": "analyzed", "01.mp4": "analyzed", "02.mp4": "failed",
        "03.mp4": "analyzed", "04.mp4": "failed", "05.mp4": "analyzed",
    }  # fmt: skip
    expected = {f"{n:02}.mp4": batch_work.probability_of(w.encode()) for n, w in enumerate(words) if n not in (2, 4)}
    assert {name: results[name].probability_fake for name in expected} == expected
    assert _stored(settings) == expected
    assert "this is not a video" in (results["02.mp4"].error or "")
    assert "KeyError" in (results["04.mp4"].error or "")
    summary = batch.summary()
    assert (summary.progress.done, summary.progress.analyzed, summary.progress.failed) == (6, 4, 2)
    assert ("this is not a video", 1) in summary.reasons
    assert not summary.canceled


def test_a_second_run_reads_nothing_and_gives_the_same_results(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _clips(tmp_path / "clips", "a", "bad b", "c")
    first = {result.clip.name: result for result in _batch(folder, settings).run()}
    monkeypatch.setattr("builtins.open", None)
    second = {result.clip.name: result for result in _batch(folder, settings).run()}
    assert [second[name].status for name in sorted(second)] == ["known", "failed_before", "known"]
    for name, result in second.items():
        assert (result.probability_fake, result.verdict, result.error) == (
            first[name].probability_fake, first[name].verdict, first[name].error,
        )  # fmt: skip
    assert Counter(_calls(settings)) == Counter({"a": 1, "bad b": 1, "c": 1})


def test_a_changed_file_and_a_changed_setting_are_analyzed_again(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a", "b")
    list(_batch(folder, settings).run())
    (folder / "00.mp4").write_text("another a")
    assert sorted(result.status for result in _batch(folder, settings).run()) == ["analyzed", "known"]
    assert _calls(settings)[2:] == ["another a"]
    other = _batch(folder, settings, config=AnalysisConfig(min_track_s=0.3))
    assert {result.status for result in other.run()} == {"analyzed"}


def test_the_same_clip_under_another_name_is_not_analyzed_again(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a", "a")
    assert [result.status for result in _batch(folder, settings).run()] == ["analyzed", "known"]
    assert _calls(settings) == ["a"]


def test_a_recorded_failure_is_tried_again_on_request_only(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "bad a")
    for retry, status in ((False, "failed"), (False, "failed_before"), (True, "failed")):
        (result,) = _batch(folder, settings, retry_failed=retry).run()
        assert result.status == status
        assert "this is not a video" in (result.error or "")
    assert _calls(settings) == ["bad a", "bad a"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_clip_that_hangs_or_crashes_costs_no_other(tmp_path: Path, settings: Settings, workers: int) -> None:
    folder = _clips(tmp_path / "clips", "a", "hang b", "c", "crash d", "e", "exit f", "g")
    batch = _batch(folder, settings, workers=workers, timeout_s=8)
    results = {result.clip.name: result for result in batch.run()}
    assert sorted(_stored(settings)) == ["00.mp4", "02.mp4", "04.mp4", "06.mp4"]
    assert "stopped after 8 s" in (results["01.mp4"].error or "")
    assert "crash" in (results["03.mp4"].error or "")
    assert "crash" in (results["05.mp4"].error or "")
    assert batch.progress().failed == 3
    again = {result.clip.name: result.status for result in _batch(folder, settings).run()}
    assert Counter(again.values()) == {"known": 4, "failed_before": 3}


def test_a_file_that_is_missing_is_a_row_and_is_looked_for_again(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a")
    table = tmp_path / "clips" / "list.csv"
    table.write_text("path,label\n00.mp4,REAL\n01.mp4,FAKE\n")
    results = {result.clip.shown: result for result in _batch(table, settings).run()}
    assert results["00.mp4"].status == "analyzed"
    assert "there is no such file" in (results["01.mp4"].error or "")
    (folder / "01.mp4").write_text("b")
    assert Counter(r.status for r in _batch(table, settings).run()) == {"known": 1, "analyzed": 1}


def test_a_clip_over_the_limit_is_a_failure_that_names_the_setting(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a" * 2**20, "b")
    (folder / "00.mp4").write_bytes(b"a" * (2**20 + 1))
    results = {r.clip.name: r for r in _batch(folder, dataclasses.replace(settings, max_clip_mb=1)).run()}
    assert "max_clip_mb" in (results["00.mp4"].error or "")
    assert results["01.mp4"].status == "analyzed"


def test_a_store_that_cannot_be_used_stops_the_batch(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a")
    (settings.cache_dir / "store.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError):
        list(_batch(folder, settings).run())


# --- stopping and going on ---


@pytest.mark.parametrize("workers", [1, 2])
def test_cancel_from_another_thread_gives_up_the_clips_in_hand_and_the_rest_follows(
    tmp_path: Path, settings: Settings, workers: int
) -> None:
    folder = _clips(tmp_path / "clips", "a", "b", "hang c", "hang d", "e", "f")
    batch = _batch(folder, settings, workers=workers)
    seen: list[BatchResult] = []
    thread = threading.Thread(target=lambda: seen.extend(batch.run()))
    thread.start()
    _until(lambda: sum(call.startswith("hang") for call in _calls(settings)) == workers)
    started = time.monotonic()
    batch.cancel()
    thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - started < 15
    assert {result.clip.name for result in seen} == {"00.mp4", "01.mp4"}
    assert batch.summary().canceled
    for name in ("02.mp4", "03.mp4"):
        (folder / name).write_text(f"well {name}")
    assert Counter(r.status for r in _batch(folder, settings).run()) == {"known": 2, "analyzed": 4}


def test_leaving_the_loop_stops_the_batch(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a", "hang b", "c")
    for result in (run := _batch(folder, settings).run()):
        assert result.clip.name == "00.mp4"
        break
    run.close()
    assert sorted(_stored(settings)) == ["00.mp4"]


def _start_command(folder: Path, settings: Settings, *options: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "DEEPFAKE_DATABASE_URL": settings.database_url,
        "DEEPFAKE_CACHE_DIR": str(settings.cache_dir),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, str(ROOT / "tests" / "batch_work.py"), "batch", str(folder), *options]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs tests in the background ignores SIGINT, and children inherit that; a terminal does not.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_with_130_and_running_again_goes_on(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", *(f"slow {n}" for n in range(40)))
    out = tmp_path / "table.csv"
    with _start_command(folder, settings, "--workers", "2", "--out", str(out)) as process:
        _until(lambda: len(_calls(settings)) >= 5)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to go on" in stderr
    assert "Traceback" not in stderr
    done = set(_stored(settings))
    assert 0 < len(done) < 40
    assert 0 < len(pd.read_csv(out)) <= len(done)
    with _start_command(folder, settings, "--workers", "1", "--out", str(out)) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert f"{40 - len(done)} analyzed, {len(done)} known before, 0 failed" in stdout
    assert len(_stored(settings)) == len(pd.read_csv(out)) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_batch_leaves_no_process_and_loses_only_the_clips_in_hand(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    folder = _clips(tmp_path / "clips", *(f"slow {n}" for n in range(10)), "hang")
    with _start_command(folder, settings, "--workers", "2") as process:
        _until(lambda: len(_calls(settings)) >= 5)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=30)
    assert list(tmp_path.glob("deepfake-*/clip-*")), "the clip in hand had a folder"
    _until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    done, tried = set(_stored(settings)), len(_calls(settings))
    assert len(done) >= tried - 2
    (folder / "10.mp4").write_text("well")
    results = list(_batch(folder, settings, workers=2).run())
    assert Counter(r.status for r in results) == {"known": len(done), "analyzed": 11 - len(done)}
    assert len(_stored(settings)) == 11
    assert not list(tmp_path.glob("deepfake-*")), "the next batch removes what the killed one left"


def test_a_worker_that_is_killed_is_replaced_and_its_clip_done_again(tmp_path: Path, settings: Settings) -> None:
    import psutil

    folder = _clips(tmp_path / "clips", *(f"slow {n}" for n in range(10)))
    batch = _batch(folder, settings, workers=2)
    results = []
    for result in batch.run():
        results.append(result)
        if len(results) == 3:
            workers = [p for p in psutil.Process().children() if any("spawn_main" in word for word in p.cmdline())]
            assert len(workers) == 2
            workers[0].kill()
    assert Counter(result.clip.name for result in results) == {f"{n:02}.mp4": 1 for n in range(10)}
    assert all(result.error is None for result in results)
    assert len(_stored(settings)) == 10


def test_a_clip_that_always_ends_its_worker_is_tried_twice_and_recorded(tmp_path: Path, settings: Settings) -> None:
    folder = _clips(tmp_path / "clips", "a", "kill b", "c")
    results = {result.clip.name: result for result in _batch(folder, settings).run()}
    assert Counter(_calls(settings)) == {"a": 1, "kill b": 2, "c": 1}
    assert "more memory than there is" in (results["01.mp4"].error or "")
    assert [results[name].status for name in ("00.mp4", "01.mp4", "02.mp4")] == ["analyzed", "failed", "analyzed"]
    assert Counter(r.status for r in _batch(folder, settings).run()) == {"known": 2, "failed_before": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_that_are_still_starting_end_with_a_batch_that_is_killed(tmp_path: Path, settings: Settings) -> None:
    import psutil

    folder = _clips(tmp_path / "clips", "hang a", "hang b")
    with _start_command(folder, settings, "--workers", "2") as process:
        family = psutil.Process(process.pid)

        def workers() -> list[psutil.Process]:
            return [p for p in family.children(recursive=True) if any("spawn_main" in word for word in p.cmdline())]

        _until(lambda: bool(workers()))
        started = workers()
        process.kill()
        process.wait(30)
    assert not _calls(settings)  # they had not begun
    _until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in started))


# --- the command, with the real analysis ---


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


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nowhere"], 1, "there is no such file or folder"),
        (["--workers", "0", "x"], 2, "invalid number value"),
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
