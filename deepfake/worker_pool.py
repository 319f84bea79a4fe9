"""A pool of worker processes that survives what it runs: a crash or a timeout costs one worker, never its owner."""

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from deepfake.errors import DeepfakeError, DiskError, WorkerError, disk_problem

T = TypeVar("T")

logger = logging.getLogger(__name__)

THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
KILLED = 9  # SIGKILL: what Linux ends a process with when memory runs out, and what nothing in a worker raises itself


class WorkerPool:
    """Spawned worker processes, replaced when they die. Safe to use from several threads.

    Workers are started when the first task comes, and end with the process that owns the pool, however that ends.
    niceness: added to the workers' own, so that a long task leaves the processor to the pages. threads: for the
    numerical libraries of each worker; None leaves them be.
    """

    def __init__(self, workers: int, *, niceness: int = 0, threads: int | None = None) -> None:
        self._workers = workers
        self._start = (niceness, threads)
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None

    def schedule(self, function: Callable[..., T], *args: Any, timeout_s: float | None = None) -> ProcessFuture[T]:
        """Run function(*args) in a worker; canceling the future ends the worker that runs it."""
        with self._lock:
            for _ in range(2):
                if self._pool is None:
                    self._pool = ProcessPool(
                        max_workers=self._workers,
                        initializer=_start_worker,
                        initargs=self._start,
                        context=multiprocessing.get_context("spawn"),
                    )
                try:
                    return self._pool.schedule(function, args=args, timeout=timeout_s)
                except RuntimeError:
                    # A worker that was killed while idle breaks the pool, not a task: begin with a new pool.
                    logger.warning("the pool of workers was broken and is replaced")
                    self._discard()
        raise WorkerError("", "The worker processes cannot be started; see the log.")

    def call(self, function: Callable[..., T], *args: Any, timeout_s: float, name: str) -> T:
        """Run function(*args) in a worker and return what it returns. name: what to call the clip in a message.

        Raises the function's own DeepfakeError, or WorkerError when the worker crashed or ran out of time.
        """
        future = self.schedule(function, *args, timeout_s=timeout_s)
        try:
            return future.result()
        except Exception as error:
            raise as_deepfake_error(error, name, timeout_s) from error

    def close(self) -> None:
        """End all workers at once; their tasks are lost."""
        with self._lock:
            self._discard()

    def _discard(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()


def limit_threads(threads: int) -> None:
    """Give the numerical libraries of this process, and of those that it starts, so many threads each.

    They read these variables when they are loaded: call this before. What the user has set stays.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, str(threads))


def _end_with_parent() -> None:
    """End this process as soon as the one that started it is gone: a parent that is killed cannot stop its children.

    A parent that ends in good order does so itself. The pipe to it was there before this process was: it tells of its
    end also where that came first.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        watch = threading.Thread(target=_await_end, args=(parent.sentinel,), name="end-with-parent", daemon=True)
        watch.start()


def _await_end(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _start_worker(niceness: int, threads: int | None) -> None:
    # Ctrl-C in the terminal reaches the whole group: the owner decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    if threads is not None:
        limit_threads(threads)  # before the libraries are loaded
        import cv2

        cv2.setNumThreads(threads)


def as_deepfake_error(error: BaseException, name: str, timeout_s: float | None) -> DeepfakeError:
    """Return what went wrong in a worker as an error with one clear sentence. name: of the clip."""
    if isinstance(error, DeepfakeError):
        return error
    problem = disk_problem(error)
    if problem is not None:
        return DiskError(name, f"the analysis was ended: {problem}.")
    if isinstance(error, MemoryError) or (isinstance(error, ProcessExpired) and error.exitcode == -KILLED):
        return WorkerError(
            name,
            "the analysis needed more memory than there is, and was ended. Use a shorter or smaller clip, or "
            "fewer workers. A new worker was started; other clips are not affected.",
        )
    if isinstance(error, ProcessExpired):
        return WorkerError(
            name,
            "the clip made the decoder crash, or it needed more memory than there is. A new worker was "
            "started; other clips are not affected.",
        )
    if isinstance(error, TimeoutError):
        return WorkerError(
            name,
            f"stopped after {timeout_s:g} s, the limit; raise job_timeout_s in deepfake.toml or "
            "DEEPFAKE_JOB_TIMEOUT_S, or use a shorter clip.",
        )
    if isinstance(error, BrokenProcessPool | CancelledError):
        return WorkerError(name, "the worker process ended before it was done; try again.")
    logger.error("a task failed unexpectedly", exc_info=error)
    return WorkerError(
        name,
        f"the program failed on this clip ({type(error).__name__}); this is a fault of the program, and "
        "the log says where.",
    )
