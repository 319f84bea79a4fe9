"""A batch on a real Dask cluster: a scheduler and two worker processes on this machine, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deepfake.batch import Batch, collect_clips
from deepfake.errors import WorkerError
from deepfake.settings import Settings
from deepfake.store import open_store
from tests import batch_work

pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]
CLIPS = 14


class Cluster(NamedTuple):
    address: str
    workers: list[subprocess.Popen[bytes]]


def _until(condition: Callable[[], bool], *, limit_s: float = 90) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


@pytest.fixture
def python_path() -> str:
    """Where scheduler and workers find packages."""
    return str(ROOT)


@pytest.fixture
def cluster(tmp_path: Path, python_path: str) -> Iterator[Cluster]:
    """A scheduler and two workers with one thread each, started as docs/scale.md has it, each in its own group."""
    if sys.platform == "win32":
        pytest.skip("process groups of POSIX")
    file = tmp_path / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": python_path}
    processes: list[subprocess.Popen[bytes]] = []

    def start(command: str, *options: str) -> subprocess.Popen[bytes]:
        code = f"from distributed.cli.dask_{command} import main; main()"
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code, "--no-dashboard", "--scheduler-file", str(file), *options],
                env=environment,
                cwd=tmp_path,
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return processes[-1]

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0")
        _until(lambda: file.exists() and bool(file.read_text()))
        workers = [start("worker", "--nthreads", "1", "--name", name) for name in ("one", "two")]
        yield Cluster(json.loads(file.read_text())["address"], workers)
    finally:
        for process in reversed(processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def test_every_clip_is_in_the_store_once_when_one_of_two_workers_is_killed(tmp_path: Path, cluster: Cluster) -> None:
    from distributed import Client

    home, folder = tmp_path / "home", tmp_path / "clips"
    home.mkdir()
    folder.mkdir()
    for number in range(CLIPS):
        (folder / f"{number:02}.mp4").write_text(f"slow {number}")
    (folder / "bad.mp4").write_text("bad clip")
    settings = Settings(cache_dir=home, database_url=f"sqlite:///{home}/store.db", job_timeout_s=60)
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    clips = collect_clips([str(folder)])
    batch = Batch(clips, settings=settings, scheduler=cluster.address, analyze=batch_work.analyze)
    results = []
    for result in batch.run():
        results.append(result)
        if len(results) == CLIPS // 2:
            os.killpg(cluster.workers[0].pid, signal.SIGKILL)  # with its nanny: nobody starts it again
    assert Counter(result.clip.name for result in results) == {clip.name: 1 for clip in clips}
    assert [result.clip.name for result in results if result.error is not None] == ["bad.mp4"]
    with open_store(settings) as store:
        page = store.find(limit=1000)
    assert page.total == CLIPS
    assert {row.name for row in page.rows} == {clip.name for clip in clips} - {"bad.mp4"}
    assert cluster.workers[1].poll() is None
    again = Batch(clips, settings=settings, scheduler=cluster.address, analyze=batch_work.analyze)
    assert Counter(result.status for result in again.run()) == {"known": CLIPS, "failed_before": 1}


def test_a_cluster_of_one_worker_does_the_work_itself(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the caller, who may sit on a login node."""
    from distributed import Client

    os.killpg(cluster.workers[0].pid, signal.SIGKILL)
    with Client(cluster.address, set_as_default=False) as client:
        _until(lambda: len(client.ncores()) == 1)
    monkeypatch.setattr("deepfake.batch.cluster.run_clip", lambda *_, **__: pytest.fail("done by the caller"))
    (tmp_path / "clips").mkdir()
    for number in range(3):
        (tmp_path / "clips" / f"{number}.mp4").write_text(f"clip {number}")
    settings = Settings(cache_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/store.db", job_timeout_s=60)
    clips = collect_clips([str(tmp_path / "clips")])
    batch = Batch(clips, settings=settings, scheduler=cluster.address, analyze=batch_work.analyze)
    assert [(result.status, result.error) for result in batch.run()] == [("analyzed", None)] * 3


@pytest.mark.parametrize("python_path", [""])
def test_a_cluster_without_the_application_is_one_clear_sentence(tmp_path: Path, cluster: Cluster) -> None:
    (tmp_path / "a.mp4").write_text("a")
    settings = Settings(cache_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/store.db")
    batch = Batch(collect_clips([str(tmp_path / "a.mp4")]), settings=settings, scheduler=cluster.address)
    with pytest.raises(WorkerError, match="scheduler cannot import deepfake"):
        list(batch.run())


def test_a_scheduler_that_is_not_there_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deepfake.batch.cluster.CONNECT_S", 0.5)
    (tmp_path / "a.mp4").write_text("a")
    settings = Settings(cache_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/store.db")
    batch = Batch(collect_clips([str(tmp_path)]), settings=settings, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(WorkerError, match="no Dask scheduler answers"):
        list(batch.run())


def test_without_dask_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    (tmp_path / "a.mp4").write_text("a")
    settings = Settings(cache_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/store.db")
    batch = Batch(collect_clips([str(tmp_path)]), settings=settings, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(WorkerError, match=r"requirements-cluster\.txt"):
        list(batch.run())
