"""Jobs: long tasks in worker processes that sessions wait for together, with progress, canceling and a queue."""

import shutil
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from deepfake.errors import DeepfakeError
from deepfake.server.cache import ResultCache, is_made_of
from deepfake.server.progress import remove_progress
from deepfake.worker_pool import WorkerPool, as_deepfake_error

MAX_FAILURES_KEPT = 64
JOBS_TIMED = 8  # the latest, from one end to the next, so that several workers count as the faster queue they are


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(slots=True, eq=False)
class Job:
    """A task that makes one entry of the cache.

    key: of that entry. source: the file that the task reads. name: what the user calls it. folder: where it is made,
    with the reports of `progress` on it. owners: the sessions that wait for it. error: why it failed. asked_s: when it
    came, on the monotonic clock.
    """

    key: str
    source: Path
    name: str
    folder: Path
    owners: set[str]
    finished: JobState | None = None
    error: DeepfakeError | None = None
    future: "Future[Any] | None" = field(default=None, repr=False)
    asked_s: float = 0.0

    @property
    def state(self) -> JobState:
        """Where the job is now."""
        if self.finished is not None:
            return self.finished
        return JobState.RUNNING if self.future is not None and self.future.running() else JobState.QUEUED


class JobQueue:
    """Jobs in the order in which they came. Safe to use from several threads.

    A task is called as task(folder, *args) in a worker and leaves its result as files in that folder; when it returns
    the folder becomes the entry `key` of the cache. Asked twice for a key, the second waits for the first's job.
    """

    def __init__(self, pool: WorkerPool, cache: ResultCache, timeout_s: float) -> None:
        self._pool = pool
        self._cache = cache
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._took_s: deque[float] = deque(maxlen=JOBS_TIMED)
        self._last_end_s = 0.0

    def submit(self, key: str, task: Callable[..., None], *args: Any, owner: str, source: Path, name: str) -> Job:
        """Return the job that makes the entry `key`, a new one where none is under way.

        A failed job of the same source is returned as it is; `forget` it to try again.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and not (job.state is JobState.FAILED and job.source != source):
                job.owners.add(owner)
                return job
            job = Job(key, source, name, self._cache.new_folder(), {owner}, asked_s=time.monotonic())
            self._jobs[key] = job
            self._forget_old_failures()
        # Outside the lock: replacing a broken pool waits for its threads, and those call _finish.
        try:
            job.future = self._pool.schedule(task, job.folder, *args, timeout_s=self._timeout_s)
        except DeepfakeError as error:
            job.error, job.finished = error, JobState.FAILED
            return job
        job.future.add_done_callback(lambda future: self._finish(job, future))
        if job.finished is JobState.CANCELED:
            job.future.cancel()  # type: ignore[no-untyped-call]
        return job

    def find(self, key: str) -> Job | None:
        """Return the job of a key that is under way or failed, or None."""
        with self._lock:
            return self._jobs.get(key)

    def has_failed(self, source: Path) -> bool:
        """Return whether a job that reads this file has failed, and was not forgotten since."""
        with self._lock:
            return any(job.source == source and job.state is JobState.FAILED for job in self._jobs.values())

    def ahead_of(self, job: Job) -> int:
        """Return how many jobs have to end or start before this one does."""
        with self._lock:
            unfinished = [other for other in self._jobs.values() if other.finished is None]
            return unfinished.index(job) if job in unfinished else 0

    def wait_s(self, job: Job) -> float | None:
        """Return how long a job still waits for its turn, in seconds, at the pace of the latest jobs; None before the
        first of them."""
        with self._lock:
            return self.ahead_of(job) * statistics.mean(self._took_s) if self._took_s else None

    def leave(self, key: str, owner: str) -> None:
        """Stop waiting for a job; it is canceled when nobody else waits."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.finished is not None:
                return
            job.owners.discard(owner)
            if job.owners:
                return
            del self._jobs[key]
            if job.state is JobState.RUNNING:
                self._last_end_s = time.monotonic()
            job.finished = JobState.CANCELED
        if job.future is not None:
            job.future.cancel()

    def leave_all(self, owner: str) -> None:
        """Stop waiting for every job, as a session does that ends."""
        self._leave(owner, lambda _: True)

    def leave_made_of(self, sha256: str, owner: str) -> None:
        """Stop waiting for every job that makes something of an upload, or of a clip of a case, that is deleted."""
        self._leave(owner, lambda key: is_made_of(key, sha256))

    def forget(self, key: str) -> None:
        """Forget a failed job, so that the next `submit` tries again."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.state is JobState.FAILED:
                del self._jobs[key]

    def _leave(self, owner: str, is_meant: Callable[[str], bool]) -> None:
        with self._lock:
            keys = [key for key, job in self._jobs.items() if owner in job.owners and is_meant(key)]
        for key in keys:
            self.leave(key, owner)

    def _finish(self, job: Job, future: "Future[Any]") -> None:
        error = None if future.cancelled() else future.exception()
        with self._lock:
            before_s = self._last_end_s
            if not future.cancelled():
                self._last_end_s = time.monotonic()
            if error is None and not future.cancelled() and job.finished is None:
                try:
                    remove_progress(job.folder)
                    self._cache.commit(job.folder, job.key)
                except OSError as problem:
                    error = problem
                else:
                    job.finished = JobState.DONE
                    del self._jobs[job.key]
                    self._took_s.append(self._last_end_s - max(job.asked_s, before_s))
                    return
            if job.finished is None:
                job.finished = JobState.FAILED
                reason = error if error is not None else InterruptedError("canceled")
                job.error = as_deepfake_error(reason, job.name, self._timeout_s)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _forget_old_failures(self) -> None:
        failed = [key for key, job in self._jobs.items() if job.state is JobState.FAILED]
        for key in failed[:-MAX_FAILURES_KEPT]:
            del self._jobs[key]
