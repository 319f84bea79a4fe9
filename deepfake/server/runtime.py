"""What one server has once: settings, worker pools, the cache, the sessions."""

from collections.abc import Callable
from typing import Any, TypeVar

from deepfake.server.batches import BatchRuns
from deepfake.server.cache import ResultCache, folder_bytes
from deepfake.server.jobs import JobQueue
from deepfake.server.sessions import SessionFiles, SessionRegistry, claim_server_folder
from deepfake.server.store_access import StoreAccess
from deepfake.server.tasks import load_detector, load_looks
from deepfake.settings import Settings
from deepfake.worker_pool import WorkerPool

T = TypeVar("T")

ANALYSIS_NICENESS = 5  # an analysis takes all processors it gets; the pages come first
LOOK_TIMEOUT_S = 120.0


class Runtime:
    """All that the sessions of a server share.

    jobs: analyses, in `settings.workers` processes. media_jobs: clips made for the browser, in a process of their own.
    look(): short tasks for what is on the screen, in another, so that a page answers while an analysis runs. No clip is
    ever decoded in the server's own process. store: analyses kept from one server to the next.
    batches: whole data sets, in processes of their own that come last.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.demo_folder = settings.cache_dir / "demo"
        self.server_folder, self._lock = claim_server_folder(settings.cache_dir / "servers")
        fixed_bytes = folder_bytes(self.demo_folder) if self.demo_folder.is_dir() else 0
        self.cache = ResultCache(
            settings.cache_dir / "results",
            self.server_folder / "building",
            max_bytes=max(settings.cache_mb * 2**20 - fixed_bytes, 0),
        )
        self.cache.trim()
        self.store = StoreAccess(settings)
        self.batches = BatchRuns()
        self._pool = WorkerPool(settings.workers, niceness=ANALYSIS_NICENESS)
        self._media_pool = WorkerPool(1)
        self._looks = WorkerPool(1)
        self.jobs = JobQueue(self._pool, self.cache, settings.job_timeout_s)
        self.media_jobs = JobQueue(self._media_pool, self.cache, settings.job_timeout_s)
        self._warm = False
        self.sessions = SessionRegistry(self.server_folder / "sessions", self._end_session)

    def look(self, function: Callable[..., T], *args: Any, name: str) -> T:
        """Run a short task in the worker for looks and return its result. name: what the user calls the clip.

        Raises DeepfakeError with a sentence for the user.
        """
        return self._looks.call(function, *args, timeout_s=LOOK_TIMEOUT_S, name=name)

    def warm_up(self) -> None:
        """Let the workers load what the first clip will need, once, while its user is still choosing it."""
        if not self._warm:
            self._warm = True
            self._looks.schedule(load_looks)
            self._pool.schedule(load_detector)

    def close(self) -> None:
        """End all workers."""
        self.batches.close()
        for pool in (self._pool, self._media_pool, self._looks):
            pool.close()
        self.store.close()

    def delete_upload(self, files: SessionFiles, sha256: str) -> None:
        """Delete an upload of a session and what was made from it."""
        files.remove(sha256)
        self.cache.drop_all(sha256, files.session_id)

    def _end_session(self, files: SessionFiles) -> None:
        for queue in (self.jobs, self.media_jobs):
            queue.leave_all(files.session_id)
        for sha256 in list(files.uploads):
            self.delete_upload(files, sha256)
        self.cache.release(files.session_id)
