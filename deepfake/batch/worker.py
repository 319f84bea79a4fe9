"""What a worker does with one clip: fetch, look it up, analyse, store. The clip's bytes are touched in a child process
only, which may crash or hang without costing the worker."""

import dataclasses
import functools
import logging
import multiprocessing
import multiprocessing.util
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.batch.clips import BatchClip
from deepfake.batch.files import LocalCopy, local_copy
from deepfake.batch.progress import BatchResult
from deepfake.errors import DeepfakeError, LimitError, StoreError, WorkerError
from deepfake.files import is_url, stamp_of
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, AnalysisSummary, open_store
from deepfake.worker_pool import WorkerPool, as_deepfake_error, end_with_parent, limit_threads

logger = logging.getLogger(__name__)

POLL_S = 0.25  # how soon a cancelled batch lets go of its clips

T = TypeVar("T")


class AnalyzeFile(Protocol):
    """What pipeline.analyze is to a batch; has to be a function of a module, which children import."""

    def __call__(self, path: Path, config: AnalysisConfig, *, settings: Settings) -> Analysis:
        """Return the analysis of a clip. Raises DeepfakeError."""
        ...


def analyze_file(path: Path, config: AnalysisConfig, *, settings: Settings) -> Analysis:
    """Analyse a clip as every part of the application does."""
    return analyze(path, config, settings=settings)


@dataclass(frozen=True, slots=True)
class Task:
    """What all clips of a batch share. fingerprint: of the caller's version; a worker of another version refuses.
    threads: for each child's libraries, None for what they take by themselves. cancel_file: its being there stops the
    workers on the caller's machine."""

    config: AnalysisConfig
    fingerprint: str
    settings: Settings
    timeout_s: float
    threads: int | None
    cancel_file: str
    analyze: AnalyzeFile

    def cancelled(self) -> bool:
        """Return whether the batch was stopped."""
        return os.path.exists(self.cancel_file)  # noqa: PTH110


class _Cancelled(Exception):  # noqa: N818
    """The batch was stopped while this clip was in hand."""


def start_worker(threads: int) -> None:
    """Make this process a batch's worker on the caller's machine."""
    # Ctrl-C in the terminal reaches the whole group: the caller stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    limit_threads(threads)
    # A worker of joblib's calls its own way of starting "loky", a name that a child which is spawned does not know.
    multiprocessing.set_start_method("spawn", force=True)


def run_clip(clip: BatchClip, task: Task) -> BatchResult | None:
    """Analyse a clip unless the store has it, and put what was found into the store; None when the batch was stopped.

    Raises StoreError when the store cannot be used and WorkerError when this worker's version differs: neither is the
    clip's fault.
    """
    _check_version(task)
    started = time.perf_counter()
    store = _store(task.settings)
    stamp = clip.stamp or ""
    try:
        with tempfile.TemporaryDirectory(prefix="deepfake-batch-") as folder:
            copy = _copy(clip, task, store, Path(folder))
            stamp = copy.stamp
            found = store.summaries([copy.sha256], task.fingerprint).get(copy.sha256)
            if found is not None:
                return known_result(clip, found)
            try:
                analysis = _in_child(task, clip.name, task.analyze, copy.file, task.config, settings=task.settings)
            except DeepfakeError as error:
                # A copy's place means nothing to anyone.
                return _failed(clip, task, store, stamp, error.beside(copy.file, clip.location, clip.name))
            return _stored(clip, store, analysis, copy, time.perf_counter() - started)
    except _Cancelled:
        return None
    except StoreError:
        raise
    except LimitError as error:
        return _failed(
            clip, task, store, stamp or stamp_of(clip.location) or "", error.beside(clip.location, clip.name)
        )
    except DeepfakeError as error:
        # It could not be read today; that is not recorded as the clip's fault.
        return BatchResult(clip, "failed", error=error.beside(clip.location, clip.name))


def known_result(clip: BatchClip, found: AnalysisSummary) -> BatchResult:
    """Return the result of a clip that the store has."""
    return BatchResult(clip, "known", found.sha256, found.probability_fake, found.verdict)


def _copy(clip: BatchClip, task: Task, store: AnalysisStore, folder: Path) -> LocalCopy:
    """Return the clip's bytes and SHA-256, which is remembered for the next run."""
    copy = _in_child(task, clip.name, local_copy, clip.location, folder, task.settings)
    if copy.stamp:
        store.remember_file(clip.location, copy.stamp, copy.sha256)
    return copy


def _stored(clip: BatchClip, store: AnalysisStore, analysis: Analysis, copy: LocalCopy, seconds: float) -> BatchResult:
    if is_url(clip.location):
        video = dataclasses.replace(analysis.video, path=Path(clip.name))
        analysis = dataclasses.replace(analysis, video=video)
    store.put(analysis, name=clip.name, location=clip.location)
    verdict = analysis.verdict
    return BatchResult(clip, "analyzed", copy.sha256, verdict.probability_fake, verdict.label, seconds=seconds)


def _failed(clip: BatchClip, task: Task, store: AnalysisStore, stamp: str, error: str) -> BatchResult:
    if stamp:
        store.put_failure(clip.location, stamp, task.fingerprint, error, name=clip.name)
    return BatchResult(clip, "failed", error=error)


def _in_child(task: Task, name: str, function: Callable[..., T], *args: Any, **options: Any) -> T:
    """Return function(*args, **options), run in this worker's child within the time limit.

    Raises its DeepfakeError, WorkerError for a crash or a timeout, or _Cancelled.
    """
    if task.cancelled():
        raise _Cancelled
    work = functools.partial(function, *args, **options)
    future = _pool(task.threads).schedule(work, timeout_s=task.timeout_s)
    while not wait([future], timeout=POLL_S).done:
        if task.cancelled():
            future.cancel()  # type: ignore[no-untyped-call]
            raise _Cancelled
    try:
        return future.result()
    except Exception as error:
        raise as_deepfake_error(error, name, task.timeout_s) from error


# What a worker keeps from clip to clip. A Dask worker may run several clips at once, each in a thread: each thread has
# a child process of its own.
_kept = threading.local()


def _pool(threads: int | None) -> WorkerPool:
    if getattr(_kept, "pool", None) is None:
        if threads is not None:
            limit_threads(threads)
        # Dask runs its workers as daemons, which multiprocessing does not allow children. Ours end with their parent
        # by themselves, which is what that rule is there for.
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        _kept.pool = WorkerPool(1, threads=threads)
        # At its end a process waits for its children, and this one for tasks: it is told before.
        multiprocessing.util.Finalize(None, _kept.pool.close, exitpriority=100)
    pool: WorkerPool = _kept.pool
    return pool


def close_child() -> None:
    """End the child process of this thread, if it has one."""
    pool, _kept.pool = getattr(_kept, "pool", None), None
    if pool is not None:
        pool.close()


@functools.cache
def _store(settings: Settings) -> AnalysisStore:
    return open_store(settings)


@functools.cache
def _fingerprint(config: AnalysisConfig) -> str:
    return config.fingerprint()


def _check_version(task: Task) -> None:
    if _fingerprint(task.config) != task.fingerprint:
        raise WorkerError(
            f"The worker on {platform.node()}",
            "it has another version of this program or of its weights than the caller; install the same on all.",
        )
