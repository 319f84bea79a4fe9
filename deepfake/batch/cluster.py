"""A batch's work on a Dask cluster. A Dask worker touches no clip itself: it has a child, as a batch here has."""

import importlib
import importlib.util
import multiprocessing
import multiprocessing.util
import threading
import time
from importlib.machinery import ModuleSpec
from typing import Any

from deepfake.batch.progress import BatchResult
from deepfake.batch.worker import Task, run_clip
from deepfake.dataset import ClipEntry
from deepfake.errors import WorkerError
from deepfake.worker_pool import WorkerPool

CLIPS_AHEAD = 4  # clips given to a core at a time, so that it never waits
MIN_CLIPS_AHEAD = 1000  # a cluster that grows with its queue has to see one
CONNECT_S = 15.0
FIRST_WORKER_S = 600.0  # for a cluster's first worker to come: it may have to wait for a machine


class ClusterWorkers:
    """The workers of a Dask scheduler. Each of their threads takes a clip at a time and counts as one core."""

    def __init__(self, address: str, task: Task) -> None:
        try:
            distributed = importlib.import_module("distributed")
        except ImportError as error:
            raise WorkerError(
                "--scheduler",
                "it needs dask.distributed, which is not installed: pip install -r requirements-cluster.txt",
            ) from error
        try:
            self._client: Any = distributed.Client(address, timeout=CONNECT_S, set_as_default=False, name="deepfake")
        except (OSError, TimeoutError, ValueError) as error:
            raise WorkerError(address, f"no Dask scheduler answers there: {error}") from error
        try:
            self._check_that_it_knows_us(address)
        except WorkerError:
            self._client.close()
            raise
        self._task = task
        self._last_seen_s = time.monotonic()
        self.ahead = max(MIN_CLIPS_AHEAD, CLIPS_AHEAD * sum(self._client.ncores().values()))

    def submit(self, clip: ClipEntry) -> Any:
        """Give a clip to the cluster. A worker that is lost is replaced by another without a word."""
        return self._client.submit(run_clip_here, clip, self._task, pure=False)

    def check(self) -> None:
        """Raise WorkerError where the cluster has had no worker for a long time."""
        if self._client.scheduler_info().get("workers"):
            self._last_seen_s = time.monotonic()
        elif time.monotonic() - self._last_seen_s > FIRST_WORKER_S:
            raise WorkerError("The Dask scheduler", "it has no workers; start some, then run it again.")

    def close(self) -> None:
        """Leave the cluster; clips in hand there are finished, those waiting are given up."""
        self._client.close()

    def _check_that_it_knows_us(self, address: str) -> None:
        """Raise WorkerError where scheduler or workers cannot import this package: work given to them would never be
        answered. Workers that come later are not asked."""
        package = __name__.partition(".")[0]
        asked = {"The Dask scheduler": self._client.run_on_scheduler(importlib.util.find_spec, package)}
        found = self._client.run(importlib.util.find_spec, package, on_error="return")
        asked |= {f"The Dask worker {name}": spec for name, spec in found.items()}
        strangers = [name for name, spec in asked.items() if not isinstance(spec, ModuleSpec)]
        if strangers:
            raise WorkerError(
                address,
                f"{strangers[0]} cannot import {package}. Start scheduler and workers with PYTHONPATH set "
                "to the application's folder, as docs/scale.md has it.",
            )


# A Dask worker may run several clips at once, each in a thread: each thread has a child process of its own, which it
# keeps from clip to clip.
_kept = threading.local()


def run_clip_here(clip: ClipEntry, task: Task) -> BatchResult:
    """Analyze a clip in the child of this thread of a Dask worker. Raises as run_clip does."""
    if getattr(_kept, "pool", None) is None:
        # Dask runs its workers as daemons, which multiprocessing does not allow children. Ours end with their parent
        # by themselves, which is what that rule is there for.
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        _kept.pool = WorkerPool(1, threads=1, memory_mb=task.settings.worker_mb)
        # At its end a process waits for its children, and this one for tasks: it is told before.
        multiprocessing.util.Finalize(None, _kept.pool.close, exitpriority=100)
    return run_clip(clip, task, _kept.pool)
