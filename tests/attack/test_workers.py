"""Workers and what they leave: memory, temporary files, processes whose owner was killed."""

from __future__ import annotations

import importlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from pebble.pool.base_pool import PoolStatus

from deepfake import worker_pool
from deepfake.errors import WorkerError
from deepfake.worker_pool import LAST_NICENESS, STRAY_AGE_S, WorkerPool, resident_bytes, run_last
from tests.waiting import LIMIT_S, until

MIB = 2**20
held: list[bytearray] = []  # by a worker, from task to task
OWNER = """
import sys
from deepfake.worker_pool import WorkerPool
from tests.attack.test_workers import temporary_file
pool = WorkerPool(1)
print(pool.call(temporary_file, timeout_s=60, name=""), flush=True)
sys.stdin.read()
"""


# Tasks: functions of a module, which workers import.
def hold(mib: int) -> int:
    held.append(bytearray(os.urandom(MIB) * mib))
    return os.getpid()


def pid() -> int:
    return os.getpid()


def temporary_file() -> str:
    handle, name = tempfile.mkstemp()
    os.close(handle)
    return name


def threads_of_opencv_after_work_that_gives_way() -> int:
    cv2.setNumThreads(2)

    def work() -> None:
        picture = importlib.import_module("skimage.data").astronaut()
        cv2.GaussianBlur(np.tile(picture, (2, 2, 1)), (31, 31), 0)

    run_last(work)
    until(lambda: LAST_NICENESS not in niceness_of_all_threads())  # the one that did it is gone at once, or soon
    return cv2.getNumThreads()


def niceness_of_all_threads() -> list[int]:
    found = []
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # ended meanwhile
            found.append(os.getpriority(os.PRIO_PROCESS, int(thread.name)))
    return found


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="module")
def limit_mb() -> int:
    """100 MiB more than a worker holds at its start."""
    pool = WorkerPool(1)
    try:
        return 100 + pool.call(resident_bytes, timeout_s=LIMIT_S, name="") // MIB
    finally:
        pool.close()


def test_a_worker_that_holds_too_much_memory_is_replaced_after_its_task(limit_mb: int) -> None:
    pool = WorkerPool(1, memory_mb=limit_mb)
    try:
        small = pool.call(hold, 1, timeout_s=LIMIT_S, name="")
        assert pool.call(pid, timeout_s=LIMIT_S, name="") == small, "a worker below the limit stays"
        assert pool.call(hold, 120, timeout_s=LIMIT_S, name="") == small, "its task is done"
        until(lambda: not psutil.pid_exists(small))
        # What was waiting meanwhile is not lost, and the pool is not broken.
        waiting = [pool.schedule(pid, timeout_s=LIMIT_S) for _ in range(5)]
        after = {future.result() for future in waiting}
        assert small not in after
        assert len(after) == 1
    finally:
        pool.close()


def test_tasks_that_wait_while_a_worker_is_replaced_are_done(limit_mb: int) -> None:
    pool = WorkerPool(1, memory_mb=limit_mb)
    try:
        futures = [pool.schedule(hold, 120 if number % 2 == 0 else 1, timeout_s=LIMIT_S) for number in range(4)]
        assert len([future.result() for future in futures]) == 4
    finally:
        pool.close()


def test_temporary_files_of_workers_go_with_their_pool(tmp_path: Path) -> None:
    pool = WorkerPool(1)
    path = Path(pool.call(temporary_file, timeout_s=LIMIT_S, name=""))
    assert path.is_relative_to(tmp_path)
    assert path.exists()
    pool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_somebody_cleared_is_made_again_for_workers_and_owner(tmp_path: Path) -> None:
    pool = WorkerPool(1)
    try:
        first = Path(pool.call(temporary_file, timeout_s=LIMIT_S, name=""))
        shutil.rmtree(first.parent)
        with pool.temporary_folder("clip-") as folder:
            assert list(folder.iterdir()) == []
            assert folder.parent == first.parent
            assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
            other = WorkerPool(1)
            with other.temporary_folder("clip-"):
                assert folder.exists(), "it is marked as in use again"
            other.close()
        assert not folder.exists()
        assert Path(pool.call(temporary_file, timeout_s=LIMIT_S, name="")).parent == first.parent
    finally:
        pool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pool_refuses_work_and_leaves_nothing(tmp_path: Path) -> None:
    pool = WorkerPool(1)
    pool.close()
    with pytest.raises(WorkerError, match="were ended"):
        pool.schedule(pid)
    with pytest.raises(WorkerError, match="were ended"), pool.temporary_folder("clip-"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_owner_left_goes_at_the_next_start_and_its_workers_end_at_once(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert owner.stdout is not None
    left = Path(owner.stdout.readline().strip())
    workers = psutil.Process(owner.pid).children(recursive=True)
    assert workers
    assert left.exists()
    owner.kill()
    owner.wait()
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    pool = WorkerPool(1)
    try:
        pool.call(pid, timeout_s=LIMIT_S, name="")
        assert not left.parent.exists()
    finally:
        pool.close()


def test_sources_that_tensorflow_left_long_ago_are_removed(tmp_path: Path) -> None:
    old, new = (tmp_path / f"__autograph_generated_file{name}.py" for name in ("old", "new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - STRAY_AGE_S - 60,) * 2)
    worker_pool._remove_strays(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_task_that_comes_as_the_pool_breaks_ends_and_the_next_one_is_done() -> None:
    workers = WorkerPool(1)
    try:
        assert workers.call(abs, -1, timeout_s=LIMIT_S, name="") == 1
        lost = workers.schedule(time.sleep, LIMIT_S)
        # What Pebble does where an idle worker dies: its threads end, and forget what is still on its way to them.
        workers._pool._context.status = PoolStatus.ERROR
        with pytest.raises(BrokenProcessPool):
            lost.result(timeout=LIMIT_S)
        assert workers.call(abs, -2, timeout_s=LIMIT_S, name="") == 2
    finally:
        workers.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_what_comes_last_gives_way_and_leaves_its_process_as_it_was() -> None:
    def own_and_of_a_thread() -> list[int]:
        with ThreadPoolExecutor(1) as thread:
            return [nice_of_this_thread(), thread.submit(nice_of_this_thread).result()]

    def nice_of_this_thread() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = nice_of_this_thread()
    assert run_last(own_and_of_a_thread) == [LAST_NICENESS, LAST_NICENESS]
    assert nice_of_this_thread() == before
    with pytest.raises(ZeroDivisionError):
        run_last(lambda: 1 / 0)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_no_thread_of_a_library_goes_on_giving_way_after_what_came_last() -> None:
    pool = WorkerPool(1)
    try:
        assert pool.call(threads_of_opencv_after_work_that_gives_way, timeout_s=LIMIT_S / 2, name="") == 2
    finally:
        pool.close()
