"""Batches that are ended, and batches whose workers are: nothing runs on, and only the clips in hand are lost."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch import collect_clips
from deepfake.batch.worker import BatchCanceled, Task, looks_of, run_clip
from deepfake.settings import Settings
from deepfake.store import open_store
from deepfake.worker_pool import WorkerPool
from tests import batch_work
from tests.batch.runs import calls, new_batch, stored, write_clips
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


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
    folder = write_clips(tmp_path / "clips", *(f"slow {n}" for n in range(40)))
    out = tmp_path / "table.csv"
    with _start_command(folder, settings, "--workers", "2", "--out", str(out)) as process:
        until(lambda: len(calls(settings)) >= 5)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to go on" in stderr
    assert "Traceback" not in stderr
    done = set(stored(settings))
    assert 0 < len(done) < 40
    assert 0 < len(pd.read_csv(out)) <= len(done)
    with _start_command(folder, settings, "--workers", "1", "--out", str(out)) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert f"{40 - len(done)} analyzed, {len(done)} known before, 0 failed" in stdout
    assert len(stored(settings)) == len(pd.read_csv(out)) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_batch_leaves_the_table_that_is_there(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", *(f"slow {n}" for n in range(40)))
    out = tmp_path / "table.csv"
    out.write_text("complete")
    with _start_command(folder, settings, "--workers", "2", "--out", str(out)) as process:
        until(lambda: len(calls(settings)) >= 5)
        os.killpg(process.pid, signal.SIGTERM)  # as a service manager does: the whole group
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.read_text() == "complete"
    assert f"Wrote {tmp_path / 'table-interrupted.csv'}; {out} is as it was" in stdout
    rows = pd.read_csv(tmp_path / "table-interrupted.csv")
    assert 0 < len(rows) < 40
    assert rows["error"].isna().all(), "the workers that ended with it failed no clip"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_batch_leaves_no_process_and_loses_only_the_clips_in_hand(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    folder = write_clips(tmp_path / "clips", *(f"slow {n}" for n in range(10)), "hang")
    with _start_command(folder, settings, "--workers", "2") as process:
        until(lambda: len(calls(settings)) >= 5)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=30)
    assert list(tmp_path.glob("deepfake-*/clip-*")), "the clip in hand had a folder"
    until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    done, tried = set(stored(settings)), len(calls(settings))
    assert len(done) >= tried - 2
    (folder / "10.mp4").write_text("well")
    results = list(new_batch(folder, settings, workers=2).run())
    assert Counter(r.status for r in results) == {"known": len(done), "analyzed": 11 - len(done)}
    assert len(stored(settings)) == 11
    assert not list(tmp_path.glob("deepfake-*")), "the next batch removes what the killed one left"


def test_a_worker_that_is_killed_is_replaced_and_its_clip_done_again(tmp_path: Path, settings: Settings) -> None:
    import psutil

    folder = write_clips(tmp_path / "clips", *(f"slow {n}" for n in range(10)))
    batch = new_batch(folder, settings, workers=2)
    others = set(psutil.Process().children())  # of tests before
    results = []
    for result in batch.run():
        results.append(result)
        if len(results) == 3:
            children = [child for child in psutil.Process().children() if child not in others]
            workers = [child for child in children if any("spawn_main" in word for word in child.cmdline())]
            assert len(workers) == 2
            workers[0].kill()
    assert Counter(result.clip.name for result in results) == {f"{n:02}.mp4": 1 for n in range(10)}
    assert all(result.error is None for result in results)
    assert len(stored(settings)) == 10


@pytest.mark.parametrize("moment", ["before", "temporary_folder", "schedule"])
def test_a_clip_whose_workers_are_closed_at_any_moment_is_given_up_and_no_failure(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (clip,) = collect_clips([str(write_clips(tmp_path / "clips", "a"))])
    config = AnalysisConfig()
    task = Task(config, config.fingerprint(), looks_of(config), settings, 60, batch_work.analyze)
    pool, canceled = WorkerPool(1), threading.Event()

    def close() -> None:
        canceled.set()
        pool.close()

    if moment == "before":
        close()
    else:
        undisturbed = getattr(pool, moment)
        monkeypatch.setattr(pool, moment, lambda *args, **options: (close(), undisturbed(*args, **options))[1])
    with pytest.raises(BatchCanceled):
        run_clip(clip, task, pool, canceled)
    with open_store(settings) as store:
        assert not store.failures(task.fingerprint)
    assert list(temporary.iterdir()) == []


def test_a_clip_that_always_ends_its_worker_is_tried_twice_and_recorded(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a", "kill b", "c")
    results = {result.clip.name: result for result in new_batch(folder, settings).run()}
    assert Counter(calls(settings)) == {"a": 1, "kill b": 2, "c": 1}
    assert "more memory than there is" in (results["01.mp4"].error or "")
    assert [results[name].status for name in ("00.mp4", "01.mp4", "02.mp4")] == ["analyzed", "failed", "analyzed"]
    assert Counter(r.status for r in new_batch(folder, settings).run()) == {"known": 2, "failed_before": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_workers_that_are_still_starting_end_with_a_batch_that_is_killed(tmp_path: Path, settings: Settings) -> None:
    import psutil

    folder = write_clips(tmp_path / "clips", "hang a", "hang b")
    with _start_command(folder, settings, "--workers", "2") as process:
        family = psutil.Process(process.pid)

        def workers() -> list[psutil.Process]:
            return [p for p in family.children(recursive=True) if any("spawn_main" in word for word in p.cmdline())]

        until(lambda: bool(workers()))
        started = workers()
        process.kill()
        process.wait(30)
    assert not calls(settings)  # they had not begun
    until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in started))


def test_a_program_without_a_guard_is_told_what_it_lacks(tmp_path: Path, settings: Settings) -> None:
    """A worker imports the program anew, which starts a batch there as well."""
    clips = write_clips(tmp_path / "clips", "0.5")
    program = tmp_path / "program.py"
    program.write_text(
        "from deepfake import Batch, Settings\nfrom deepfake.batch import collect_clips\n"
        f"settings = Settings(database_url={settings.database_url!r})\n"
        f"print(list(Batch(collect_clips({str(clips)!r}), settings=settings, workers=1).run()))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    *_, told = done.stderr.strip().splitlines()
    assert "ended 3 times before they took this clip" in told
    assert '`if __name__ == "__main__":`' in told
    assert "put what runs it below" in done.stderr  # each worker says so, in place of its threads' tracebacks
    assert "_end_lost_tasks" not in done.stderr
