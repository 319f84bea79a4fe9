"""A batch: what is missing goes to workers, what they find comes back as it is done."""

import logging
import os
import queue
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch.backends import Backend, ClusterBackend, LocalBackend, OwnBackend, WorkersLostError
from deepfake.batch.clips import BatchClip
from deepfake.batch.plan import plan
from deepfake.batch.progress import BatchProgress, BatchResult, BatchSummary, Tally
from deepfake.batch.worker import AnalyzeFile, Task, analyze_file
from deepfake.errors import WorkerError
from deepfake.settings import Settings, load_settings
from deepfake.store import open_store

logger = logging.getLogger(__name__)

WORKER_MEMORY_BYTES = 2 * 2**30  # benchmarks/clip_speed.py: 1277 MiB at its peak, and what the worker itself takes
POLL_S = 0.2  # how soon the caller notices that the batch was cancelled
CANCEL_GRACE_S = 15.0  # for workers of this machine to let go of their clips
MOST_LOSSES = 3  # that workers are lost without a single clip done in between
CANCEL_FILE = "cancelled"


def default_workers() -> int:
    """Return how many workers this machine's cores and memory carry."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return cores
    return max(1, min(cores, memory_bytes // WORKER_MEMORY_BYTES))


class Batch:
    """Many clips into the store. Results come from run(), in the order in which they are done; cancel() and progress()
    may be called from any thread.

    What workers find they put into the store themselves: a batch that is stopped in any way loses no more than the
    clips in hand, and the next one over the same clips does only what is missing.

    workers: processes on this machine, by default as many as its cores and memory carry. scheduler: address of a Dask
    scheduler (tcp://…) whose workers do the work instead. timeout_s: for one clip, by default settings.job_timeout_s.
    retry_failed: clips whose failure was recorded are tried again. settings.database_url names the store; a cluster's
    workers have to reach it. analyze: what does the work; a function of a module that workers can import.
    """

    def __init__(
        self,
        clips: Sequence[BatchClip],
        *,
        config: AnalysisConfig | None = None,
        settings: Settings | None = None,
        workers: int | None = None,
        scheduler: str | None = None,
        timeout_s: float | None = None,
        retry_failed: bool = False,
        analyze: AnalyzeFile = analyze_file,
    ) -> None:
        self._clips = tuple({clip.location: clip for clip in clips}.values())
        self._config = config or AnalysisConfig()
        self._settings = settings or load_settings()
        self._workers = workers or default_workers()
        self._scheduler = scheduler
        self._timeout_s = timeout_s or self._settings.job_timeout_s
        self._retry_failed = retry_failed
        self._analyze = analyze
        self._cancelled = threading.Event()
        self._tally = Tally(len(self._clips))

    def run(self) -> Iterator[BatchResult]:
        """Yield a result for every clip; once. Leaving the loop stops the batch, and so does cancel().

        Raises StoreError when the store cannot be used, WorkerError when workers cannot be had or are of another
        version.
        """
        self._tally.start()
        fingerprint = self._config.fingerprint()
        try:
            with closing(open_store(self._settings)) as store:
                todo = plan(self._clips, store, fingerprint, retry_failed=self._retry_failed)
            for result in todo.settled:
                self._tally.add(result)
                yield result
            if todo.pending and not self._cancelled.is_set():
                for result in self._worked(todo.pending, fingerprint):
                    self._tally.add(result)
                    yield result
        finally:
            self._tally.end()

    def cancel(self) -> None:
        """Stop soon: clips in hand are given up, run() ends."""
        self._cancelled.set()

    def progress(self) -> BatchProgress:
        """Return how far the batch is."""
        return self._tally.progress()

    def summary(self) -> BatchSummary:
        """Return what is to be said at the end."""
        progress = self.progress()
        return BatchSummary(progress, self._tally.reasons(), progress.done < progress.total)

    def _worked(self, clips: Sequence[BatchClip], fingerprint: str) -> Iterator[BatchResult]:
        """Give the clips to workers from a thread of its own, so that cancelling need not wait for the next result."""
        with tempfile.TemporaryDirectory(prefix="deepfake-cancel-") as folder:
            cancel_file = Path(folder, CANCEL_FILE)
            backend = self._backend()
            task = Task(
                config=self._config,
                fingerprint=fingerprint,
                settings=self._settings,
                timeout_s=self._timeout_s,
                threads=backend.threads,
                cancel_file=str(cancel_file),
                analyze=self._analyze,
            )
            pump = _Pump(backend, clips, task, self._cancelled)
            self._tally.start_work()
            pump.start()
            try:
                yield from pump.results()
            finally:
                self._cancelled.set()
                cancel_file.touch()
                pump.join(CANCEL_GRACE_S if backend.sees_cancel_file else POLL_S)
                backend.close()

    def _backend(self) -> Backend:
        if self._scheduler is not None:
            return ClusterBackend(self._scheduler)
        return OwnBackend() if self._workers == 1 else LocalBackend(self._workers)


class _Pump(threading.Thread):
    """Runs the workers and queues what they return, beginning anew with the rest when they are lost."""

    def __init__(self, backend: Backend, clips: Sequence[BatchClip], task: Task, cancelled: threading.Event) -> None:
        super().__init__(name="batch", daemon=True)
        self._backend = backend
        self._left = {clip.location: clip for clip in clips}
        self._task = task
        self._cancelled = cancelled
        self._queue: queue.SimpleQueue[BatchResult | BaseException | None] = queue.SimpleQueue()

    def results(self) -> Iterator[BatchResult]:
        """Yield results until all are there or the batch is cancelled. Raises what the workers' side raised."""
        while not self._cancelled.is_set():
            try:
                item = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def run(self) -> None:
        """Run in the thread."""
        try:
            losses = 0
            while self._left and not self._cancelled.is_set() and losses < MOST_LOSSES:
                losses = 0 if self._round() else losses + 1
            if self._left and not self._cancelled.is_set():
                raise WorkerError(
                    "",
                    f"Workers were lost {losses} times without a clip done: something outside ends them, most likely "
                    "for want of memory; use fewer workers. What is done is in the store: run it again to go on.",
                )
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error)

    def _round(self) -> int:
        """Work through what is left until all is done or the workers are lost; return how many clips were done."""
        done = 0
        pending = (clip for clip in list(self._left.values()) if not self._cancelled.is_set())
        try:
            for result in self._backend.results(pending, self._task):
                if result is not None:
                    done += 1
                    del self._left[result.clip.location]
                    self._queue.put(result)
        except (BrokenProcessPool, WorkersLostError) as error:
            if not self._cancelled.is_set():
                logger.warning("workers were lost, %d clips are left: %s", len(self._left), error)
        return done
