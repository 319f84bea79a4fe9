"""A batch's work on this machine: as many children of this process as there are workers."""

import os
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from deepfake.batch.progress import BatchResult
from deepfake.batch.worker import Task, run_clip
from deepfake.dataset import ClipEntry
from deepfake.worker_pool import WorkerPool


class LocalWorkers:
    """Worker processes, which share the machine's cores. Each is watched by a thread of this process."""

    def __init__(self, workers: int, task: Task) -> None:
        self.ahead = workers
        # A single worker's libraries take all cores by themselves.
        threads = None if workers == 1 else max(1, (os.cpu_count() or 1) // workers)
        self._task = task
        self._canceled = threading.Event()
        self._pools = [WorkerPool(1, threads=threads, memory_mb=task.settings.worker_mb) for _ in range(workers)]
        self._free: queue.SimpleQueue[WorkerPool] = queue.SimpleQueue()
        for pool in self._pools:
            self._free.put(pool)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="batch")

    def submit(self, clip: ClipEntry) -> Future[BatchResult]:
        """Give a clip to the next worker that is free."""
        return self._threads.submit(self._run, clip)

    def check(self) -> None:
        """Do nothing: workers that are lost are replaced."""

    def close(self) -> None:
        """End the workers at once; clips in hand are given up."""
        self._canceled.set()
        for pool in self._pools:
            pool.close()
        self._threads.shutdown(cancel_futures=True)

    def _run(self, clip: ClipEntry) -> BatchResult:
        pool = self._free.get()
        try:
            return run_clip(clip, self._task, pool, self._canceled)
        finally:
            self._free.put(pool)
