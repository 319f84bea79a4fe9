"""A batch: what is missing goes to workers, what they find comes back as it is done."""

import multiprocessing
import os
import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from deepfake.analysis.model import AnalysisConfig, config_given
from deepfake.analysis.pipeline import analyze
from deepfake.batch.cluster import ClusterWorkers
from deepfake.batch.local import LocalWorkers
from deepfake.batch.plan import plan
from deepfake.batch.progress import BatchProgress, BatchResult, BatchSummary, Tally
from deepfake.batch.worker import AnalyzeFile, Task, limits_of, looks_of
from deepfake.dataset import ClipEntry
from deepfake.detectors import look_for_weights_in
from deepfake.errors import WorkerError
from deepfake.faces.detection import face_detector_row
from deepfake.settings import Settings, converted, settings_given
from deepfake.store import open_store

WORKER_MEMORY_BYTES = 2 * 2**30  # about 0.9 GiB at its peak on 1080p (facts.json, speed), larger frames take more
NEEDS_GUARD = (
    "this program runs a batch while a worker process imports it anew: put what runs it below "
    '`if __name__ == "__main__":`'
)
POLL_S = 0.2  # how soon the caller notices that the batch was canceled


def default_workers() -> int:
    """Return how many workers this machine's cores and memory carry."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return cores
    return max(1, min(cores, memory_bytes // WORKER_MEMORY_BYTES))


class Batch:
    """Many clips into the store. Results come from run(), in the order in which they are done.

    Workers put what they find into the store themselves: a batch that is stopped in any way loses no more than the
    clips in hand, and the next batch over the same clips does only what is missing. cancel() and progress() may be
    called from any thread. A program that uses Batch needs `if __name__ == "__main__":`, because worker processes
    import it anew.

    Args:
        clips: The clips, as collect_clips lists them.
        config: What may be chosen for an analysis; by default AnalysisConfig(). With its `quick`, every clip gets a
            quick look first, and the full analysis where that does not decide (quick.decides); a full analysis that is
            in the store already counts, and so does one that failed.
        settings: Limits, and the store (database_url), which a cluster's workers have to reach; by default those in
            force.
        workers: Number of processes on this machine; by default as many as its cores and memory carry.
        scheduler: Address of a Dask scheduler (tcp://…) whose workers do the work instead.
        timeout_s: For one clip, in seconds; by default settings.job_timeout_s.
        retry_failed: Try clips whose failure was recorded again; those that were over a limit are tried again anyway
            once a limit is another.
        analyze: What does the work: a function of a module that workers can import.

    Raises:
        SettingsError: There is no face detector of that name, or workers or timeout_s is no number above 0.
        TypeError: An argument is of another type than these.

    Example:
        >>> import deepfake
        >>> from deepfake.batch import collect_clips
        >>> settings = deepfake.Settings(database_url="sqlite:///batch.db")
        >>> batch = deepfake.Batch(collect_clips(["clips"]), settings=settings, workers=1)
        >>> len(list(batch.run()))
        2
    """

    def __init__(
        self,
        clips: Sequence[ClipEntry],
        *,
        config: AnalysisConfig | None = None,
        settings: Settings | None = None,
        workers: int | None = None,
        scheduler: str | None = None,
        timeout_s: float | None = None,
        retry_failed: bool = False,
        analyze: AnalyzeFile = analyze,
    ) -> None:
        self._clips = _each_once(clips)
        self._config = config_given(config)
        face_detector_row(self._config.face_detector)
        self._settings = settings_given(settings)
        look_for_weights_in(self._settings.weights_dir)
        self._workers: int = default_workers() if workers is None else converted("workers", workers, "Batch")
        self._scheduler = scheduler
        self._timeout_s: float = (
            self._settings.job_timeout_s if timeout_s is None else converted("timeout_s", timeout_s, "Batch")
        )
        self._retry_failed = retry_failed
        if not callable(analyze):
            raise TypeError(f"analyze has to be a function, not {analyze!r:.40}")
        self._analyze = analyze
        self._canceled = threading.Event()
        self._tally = Tally(len(self._clips))

    def run(self) -> Iterator[BatchResult]:
        """Yield a result for every clip. Leaving the loop stops the batch, and so does cancel(); to go on takes another
        Batch.

        Raises StoreError when the store cannot be used, WorkerError when workers cannot be had or are of another
        version, RuntimeError when it was run before.
        """
        # As multiprocessing finds out itself; told here, before threads and processes each raise it in their way.
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise WorkerError("", NEEDS_GUARD)
        if self._tally.has_started:
            raise RuntimeError("a Batch runs once; make another for what is missing")
        self._tally.start()
        fingerprint, looks = self._config.fingerprint(), looks_of(self._config)
        try:
            with closing(open_store(self._settings)) as store:
                todo = plan(
                    self._clips,
                    store,
                    looks,
                    max_faces=self._settings.max_faces,
                    limits=limits_of(self._settings, self._timeout_s),
                    retry_failed=self._retry_failed,
                )
            for result in todo.settled:
                self._tally.add(result)
                yield result
            if todo.pending and not self._canceled.is_set():
                task = Task(self._config, fingerprint, looks, self._settings, self._timeout_s, self._analyze)
                for result in self._worked(todo.pending, task):
                    self._tally.add(result)
                    yield result
        finally:
            self._tally.end()

    def cancel(self) -> None:
        """Stop soon: clips in hand are given up, run() ends."""
        self._canceled.set()

    def progress(self) -> BatchProgress:
        """Return how far the batch is."""
        return self._tally.progress()

    def summary(self) -> BatchSummary:
        """Return what is to be said at the end."""
        progress = self.progress()
        return BatchSummary(progress, self._tally.reasons(), progress.done < progress.total)

    def _worked(self, clips: Sequence[ClipEntry], task: Task) -> Iterator[BatchResult]:
        """Give the clips to workers, some ahead of what is done, and yield what they return."""
        workers = self._start_workers(task)
        waiting, in_hand = iter(clips), set[Any]()
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()  # futures, in the order in which they are done
        self._tally.start_work()
        try:
            while not self._canceled.is_set():
                for clip in islice(waiting, workers.ahead - len(in_hand)):
                    future = workers.submit(clip)
                    in_hand.add(future)
                    future.add_done_callback(done.put)
                if not in_hand:
                    return
                try:
                    future = done.get(timeout=POLL_S)
                except queue.Empty:
                    workers.check()
                    continue
                in_hand.discard(future)
                yield future.result()
        finally:
            workers.close()

    def _start_workers(self, task: Task) -> LocalWorkers | ClusterWorkers:
        if self._scheduler is not None:
            return ClusterWorkers(self._scheduler, task)
        return LocalWorkers(self._workers, task)


def _each_once(clips: object) -> tuple[ClipEntry, ...]:
    wanted = "a Batch takes the clips that deepfake.batch.collect_clips lists, or the entries of a data set"
    if isinstance(clips, str) or not isinstance(clips, Iterable):
        raise TypeError(f"{wanted}, not {clips!r:.60}")
    by_location: dict[str, ClipEntry] = {}
    for clip in clips:
        if not isinstance(clip, ClipEntry):
            raise TypeError(f"{wanted}, not {clip!r:.60}")
        by_location[clip.location] = clip
    return tuple(by_location.values())
