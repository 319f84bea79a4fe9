"""A pool of worker processes that survives what it runs: a crash or a timeout costs one worker, never its owner."""

import logging
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, InvalidStateError, ThreadPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from filelock import FileLock
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from deepfake.errors import DeepfakeError, DiskError, WorkerError, disk_problem
from deepfake.files import claim_folder

if sys.platform != "win32":
    import resource

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
STRAYS = "__autograph_generated_file*.py"  # read when they are written, and never again
STRAY_AGE_S = 24 * 3600.0
TEMPORARY_PREFIX = "deepfake-workers-"
IDLE_CHECK_S = 0.1
POOL_CHECK_S = 0.5
LAST_NICENESS = 19  # nothing comes after it
KILLED = 9  # SIGKILL: what Linux ends a process with when memory runs out, and what nothing in a worker raises itself


class WorkerPool:
    """Spawned worker processes, replaced when they die. Safe to use from several threads.

    Workers are started when the first task comes, and end with the process that owns the pool, however that ends.
    niceness: added to the workers' own, so that a long task leaves the processor to the pages. threads: for the
    numerical libraries of each worker; None leaves them be. memory_mb: a worker that holds more after a task is
    replaced; None keeps it. What workers and their libraries leave in the folder for temporary files goes with the
    pool, or when the next pool of this computer starts. A pool that is closed refuses work.
    """

    def __init__(
        self, workers: int, *, niceness: int = 0, threads: int | None = None, memory_mb: int | None = None
    ) -> None:
        self._workers = workers
        self._start = (niceness, threads)
        self._memory_bytes = None if memory_mb is None else memory_mb * 2**20
        self._temporary: tuple[Path, FileLock] | None = None
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._is_closed = False
        self._futures: weakref.WeakSet[ProcessFuture[Any]] = weakref.WeakSet()

    def schedule(self, function: Callable[..., T], *args: Any, timeout_s: float | None = None) -> ProcessFuture[T]:
        """Run function(*args) in a worker; canceling the future ends the worker that runs it.

        Raises WorkerError where workers cannot be started, or the pool is closed.
        """
        with self._lock:
            for _ in range(2):
                if self._pool is None:
                    self._pool = self._new_pool()
                try:
                    task = (self._memory_bytes, function, *args)
                    future = self._pool.schedule(_run_and_check_memory, args=task, timeout=timeout_s)
                    self._futures.add(future)
                    return future
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

    @contextmanager
    def temporary_folder(self, prefix: str) -> Iterator[Path]:
        """Make a folder that goes at the end of the block, and wherever workers' temporary files go. Raises WorkerError
        where the pool is closed."""
        with self._lock:  # close() would remove it half made
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._claimed()))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End all workers at once and for good; their tasks are lost."""
        with self._lock:
            self._is_closed = True
            self._discard()
            if self._temporary is not None:
                folder, lock = self._temporary
                lock.release()
                shutil.rmtree(folder, ignore_errors=True)
                self._temporary = None

    def _claimed(self) -> Path:
        if self._is_closed:
            raise WorkerError("", "The worker processes were ended; try again.")
        if self._temporary is None:
            _remove_strays(Path(tempfile.gettempdir()))
            self._temporary = claim_folder(Path(tempfile.gettempdir()), TEMPORARY_PREFIX)
        folder, lock = self._temporary
        if not folder.exists():  # somebody cleared the folder for temporary files; workers know it by this name
            lock.release()
            folder.mkdir(mode=0o700)
            lock.acquire()
        return folder

    def _new_pool(self) -> ProcessPool:
        temporary = self._claimed()
        pool = ProcessPool(
            max_workers=self._workers,
            initializer=_start_worker,
            initargs=(str(temporary), *self._start),
            context=multiprocessing.get_context("spawn"),
        )
        self._futures = weakref.WeakSet()
        threading.Thread(target=_end_lost_tasks, args=(pool, self._futures), daemon=True).start()
        return pool

    def _discard(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()


def _end_lost_tasks(pool: ProcessPool, futures: "weakref.WeakSet[ProcessFuture[Any]]") -> None:
    """Once a pool is broken or stopped, end what still waits for it.

    Pebble ends the tasks that it knows of, but not one that comes at the very moment in which an idle worker dies.
    """
    while pool.active:
        time.sleep(POOL_CHECK_S)
    time.sleep(POOL_CHECK_S)
    for future in list(futures):
        with suppress(InvalidStateError):  # ended meanwhile
            if not future.done():
                future.set_exception(BrokenProcessPool("the workers ended before the task began"))


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


def _start_worker(temporary: str, niceness: int, threads: int | None) -> None:
    # Ctrl-C in the terminal reaches the whole group: the owner decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    # TensorFlow leaves sources there that a worker which is ended does not remove.
    tempfile.tempdir = temporary
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    if threads is not None:
        limit_threads(threads)  # before the libraries are loaded
        import cv2

        cv2.setNumThreads(threads)


def run_last(function: Callable[[], T]) -> T:
    """Run a function in a thread that gets the processor where nothing else wants it; return its result, or raise what
    it raises. Where threads have no niceness of their own (not on Linux), it runs as any other."""
    import cv2
    import scipy.linalg  # noqa: F401 - its threads start when it is loaded, and would keep the niceness

    def behind() -> T:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LAST_NICENESS)
        return function()

    # OpenCV keeps its threads as well. With one it starts none, and later those that it needs.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="last") as thread:
            return thread.submit(behind).result()
    finally:
        cv2.setNumThreads(threads)


def _remove_strays(folder: Path) -> None:
    """Remove what TensorFlow left in the folder for temporary files, in processes that were killed."""
    for path in folder.glob(STRAYS):
        with suppress(OSError):  # somebody else's, or gone by now
            if time.time() - path.stat().st_mtime > STRAY_AGE_S:
                path.unlink()


def _run_and_check_memory(memory_bytes: int | None, function: Callable[..., T], *args: Any) -> T:
    try:
        return function(*args)
    finally:
        if memory_bytes is not None and resident_bytes() > memory_bytes:
            _end_when_idle()


def resident_bytes() -> int:
    """Return the memory that this process holds, bytes; where the system does not tell, the most that it ever held, and
    0 on Windows."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pass
    if sys.platform == "win32":
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _end_when_idle() -> None:
    """Have this worker end once its result is sent, without another task in its hands; the pool starts a new one."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _end_if_idle)
        signal.setitimer(signal.ITIMER_REAL, IDLE_CHECK_S, IDLE_CHECK_S)


def _end_if_idle(_: int, frame: FrameType | None) -> None:
    # Pebble's worker waits for its next task in fetch_task, and holds a lock only in task_transaction. An EOFError
    # there means to it that nothing more comes: it ends in good order.
    names = {entry.f_code.co_name for entry, _ in traceback.walk_stack(frame)}
    if "fetch_task" in names and "task_transaction" not in names:
        raise EOFError


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
