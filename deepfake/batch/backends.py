"""Who does a batch's work: this process's own child, worker processes on this machine, or a Dask cluster.

joblib drives all three with the same code; what differs is how its workers are set up and put away.
"""

import importlib
import importlib.util
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from importlib.machinery import ModuleSpec
from typing import Any, Protocol

import joblib
from joblib.externals.loky import get_reusable_executor

from deepfake.batch.clips import BatchClip
from deepfake.batch.progress import BatchResult
from deepfake.batch.worker import Task, close_child, run_clip, start_worker
from deepfake.errors import WorkerError

logger = logging.getLogger(__name__)

CLIPS_AHEAD = 2  # clips given to a worker at a time, so that it never waits
CLUSTER_CLIPS_AHEAD = 1000  # at least: a cluster that grows with its queue has to see one
CONNECT_S = 15.0
FIRST_WORKER_S = 600.0  # for a cluster's first worker to come: it may have to wait for a machine


class WorkersLostError(WorkerError):
    """The cluster lost the workers that had a clip, more often than it tries again."""


class Backend(Protocol):
    """threads: for the libraries of each worker's child, None to leave them be. sees_cancel_file: whether workers are
    on this machine."""

    threads: int | None
    sees_cancel_file: bool

    def results(self, clips: Iterable[BatchClip], task: Task) -> Iterator[BatchResult | None]:
        """Yield results as they are done, None for clips that were given up. Raises BrokenProcessPool or
        WorkersLostError when workers are lost."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class OwnBackend:
    """One clip after the other in a child of this process."""

    threads: int | None = None  # the libraries take all cores by themselves
    sees_cancel_file = True

    def results(self, clips: Iterable[BatchClip], task: Task) -> Iterator[BatchResult | None]:
        """Yield the results in order."""
        try:
            yield from _parallel(joblib.parallel_config("sequential"), clips, task, ahead=1)
        finally:
            close_child()  # of the thread that runs this

    def close(self) -> None:
        """Nothing is left to let go."""


class LocalBackend:
    """Worker processes on this machine, which share its cores. joblib has one set of them a process: one batch at a
    time."""

    sees_cancel_file = True

    _taken = threading.Lock()

    def __init__(self, workers: int) -> None:
        if not self._taken.acquire(blocking=False):
            raise WorkerError(
                "", "A batch with several workers is running in this process; start the next one after it."
            )
        self._workers = workers
        self.threads: int | None = max(1, (os.cpu_count() or 1) // workers)

    def results(self, clips: Iterable[BatchClip], task: Task) -> Iterator[BatchResult | None]:
        """Yield the results as they are done."""
        config = joblib.parallel_config(
            "loky",
            n_jobs=self._workers,
            inner_max_num_threads=self.threads,
            initializer=start_worker,
            initargs=(self.threads,),
        )
        yield from _parallel(config, clips, task, ahead=CLIPS_AHEAD * self._workers)

    def close(self) -> None:
        """End the worker processes, which would wait five minutes for more."""
        get_reusable_executor(self._workers, reuse=True).shutdown(wait=True, kill_workers=True)
        self._taken.release()


class ClusterBackend:
    """The workers of a Dask scheduler. Each of their threads takes a clip at a time and counts as one core."""

    threads: int | None = 1
    sees_cancel_file = False

    def __init__(self, address: str) -> None:
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
        self._lost = distributed.scheduler.KilledWorker
        try:
            self._check_that_it_knows_us(address)
        except WorkerError:
            self._client.close()
            raise

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

    def results(self, clips: Iterable[BatchClip], task: Task) -> Iterator[BatchResult | None]:
        """Yield the results as they are done. A worker that is lost is replaced by another without a word."""
        config = joblib.parallel_config(_dask_backend(self._client))
        cores = sum(self._client.ncores().values())
        try:
            yield from _parallel(config, clips, task, ahead=max(CLUSTER_CLIPS_AHEAD, 2 * CLIPS_AHEAD * cores))
        except self._lost as error:
            raise WorkersLostError("", str(error)) from error
        except TimeoutError as error:
            raise WorkerError("The Dask scheduler", "it has no workers; start some, then run it again.") from error

    def close(self) -> None:
        """Leave the cluster; clips in hand there are finished, those waiting are given up."""
        self._client.close()


def _dask_backend(client: Any) -> Any:
    """Return joblib's backend for the workers of a client's cluster."""
    from joblib._dask import DaskDistributedBackend

    class DaskWorkers(DaskDistributedBackend):  # type: ignore[misc]
        """Where a cluster has a single core, and one that grows has only that at first, joblib would do all the work
        in the caller's process."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            """Return how many cores the cluster has, two at least."""
            return max(2, int(super().effective_n_jobs(n_jobs)))

    return DaskWorkers(client=client, wait_for_workers_timeout=FIRST_WORKER_S)


def _parallel(
    config: AbstractContextManager[Any], clips: Iterable[BatchClip], task: Task, *, ahead: int
) -> Iterator[BatchResult | None]:
    with config:
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=ahead)
        yield from parallel(joblib.delayed(run_clip)(clip, task) for clip in clips)
