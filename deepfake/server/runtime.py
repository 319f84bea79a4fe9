"""What one server has once: settings, worker pools, the cache, the sessions."""

import atexit
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from deepfake.errors import LimitError
from deepfake.files import claim_folder
from deepfake.server.batches import BatchRuns
from deepfake.server.cache import ResultCache, folder_bytes
from deepfake.server.jobs import JobQueue
from deepfake.server.sessions import SessionFiles, SessionRegistry, Upload
from deepfake.server.store_access import StoreAccess
from deepfake.server.tasks import load_models, load_stills
from deepfake.settings import Settings
from deepfake.worker_pool import WorkerPool

T = TypeVar("T")

ANALYSIS_NICENESS = 5  # an analysis takes all processors it gets; the pages come first
SNAPSHOT_TIMEOUT_S = 120.0


class Workers:
    """The worker processes of a server. No clip is ever decoded in the server's own process.

    analyses: as many as the settings say. media: one that makes clips for the browser. snapshots: one for short tasks,
    so that a page answers while an analysis runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.analyses = WorkerPool(settings.workers, niceness=ANALYSIS_NICENESS, memory_mb=settings.worker_mb)
        self.media = WorkerPool(1, memory_mb=settings.worker_mb)
        self.snapshots = WorkerPool(1, memory_mb=settings.worker_mb)
        self._warm = False

    def warm_up(self) -> None:
        """Load what the first clip will need, once, while its user is still choosing it."""
        if not self._warm:
            self._warm = True
            self.snapshots.schedule(load_stills)
            self.analyses.schedule(load_models)

    def close(self) -> None:
        """End all workers."""
        for pool in (self.analyses, self.media, self.snapshots):
            pool.close()


class Runtime:
    """All that the sessions of a server share.

    jobs: analyses. media_jobs: clips made for the browser. run_now(): short tasks for what is on the screen. store:
    analyses kept from one server to the next. batches: whole data sets, in processes of their own that come last.
    """

    def __init__(self, settings: Settings, workers: Workers | None = None) -> None:
        """Begin with the workers of another server, which then ends them, or with workers of its own."""
        self.settings = settings
        self._workers = workers or Workers(settings)
        self._own_workers = workers is None
        self.demo_folder = settings.cache_dir / "demo"
        servers = settings.cache_dir / "servers"
        for folder in (servers, settings.cache_dir / "results"):  # uploads with what was found in them, and results
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.server_folder, self._lock = claim_folder(servers)
        atexit.register(self._end)  # where it cannot, the next server that starts does
        fixed_bytes = folder_bytes(self.demo_folder) if self.demo_folder.is_dir() else 0
        self.cache = ResultCache(
            settings.cache_dir / "results",
            self.server_folder,
            max_bytes=max(settings.cache_mb * 2**20 - fixed_bytes, 0),
            besides=lambda: self.sessions.upload_bytes,
        )
        self.store = StoreAccess(settings)
        self.batches = BatchRuns()
        self.jobs = JobQueue(self._workers.analyses, self.cache, settings.job_timeout_s)
        self.media_jobs = JobQueue(self._workers.media, self.cache, settings.job_timeout_s)
        self.sessions = SessionRegistry(self.server_folder / "sessions", self._end_session)
        self.cache.trim()

    def run_now(self, function: Callable[..., T], *args: Any, name: str) -> T:
        """Run a short task in the worker for snapshots and return its result. name: what the user calls the clip.

        Raises DeepfakeError with a sentence for the user.
        """
        return self._workers.snapshots.call(function, *args, timeout_s=SNAPSHOT_TIMEOUT_S, name=name)

    def warm_up(self) -> None:
        """Let the workers load what the first clip will need, once, while its user is still choosing it."""
        self._workers.warm_up()

    def close(self) -> None:
        """End batches and own workers, and let go of the store."""
        self.batches.close()
        if self._own_workers:
            self._workers.close()
        self.store.close()

    def save_upload(self, files: SessionFiles, name: str, stream: BinaryIO) -> Upload:
        """Keep an upload for its session. name: the user's own name of the file.

        Raises what SessionFiles.save raises, and LimitError where uploads would take more room than they may.
        """
        limits = self.settings
        room = {
            "your uploads of this session": limits.session_uploads_mb * 2**20 - files.upload_bytes,
            "the uploads of all visitors": limits.uploads_mb * 2**20 - self.sessions.upload_bytes,
        }
        whose = min(room, key=lambda key: room[key])
        most = limits.max_clip_mb * 2**20
        try:
            upload = files.save(name, stream, max(0, min(most, room[whose])))
        except LimitError as error:
            if room[whose] >= most:
                raise
            raise LimitError(
                error.subject,
                f"there is room for {max(0, room[whose]) / 2**20:.0f} MiB more of {whose}; delete one that is no "
                "longer needed, or come back later. The limits are session_uploads_mb and uploads_mb in deepfake.toml",
            ) from error
        self.cache.trim()
        return upload

    def delete_upload(self, files: SessionFiles, sha256: str) -> None:
        """Delete an upload of a session and what was made from it."""
        files.remove(sha256)
        self.drop_made_of(sha256, files.session_id)

    def drop_made_of(self, sha256: str, owner: str) -> None:
        """Remove what was made of an upload or of a clip of a case, and end the jobs that make more of it. owner: the
        session that gives it up; what another one shows or waits for stays."""
        # The jobs first: one that ended after the rest is removed would leave its result.
        for queue in (self.jobs, self.media_jobs):
            queue.leave_made_of(sha256, owner)
        self.cache.drop_made_of(sha256, owner)

    def _end(self) -> None:
        """End with the process: who still writes is ended first, then what uploads left is removed, whatever fails."""
        try:
            self.close()
        finally:
            _clear(self.server_folder)

    def _end_session(self, files: SessionFiles) -> None:
        for queue in (self.jobs, self.media_jobs):
            queue.leave_all(files.session_id)
        for sha256 in list(files.uploads):
            self.delete_upload(files, sha256)
        self.cache.release(files.session_id)


def _clear(server_folder: Path) -> None:
    """Remove uploads and what was made of them. The lock stays: a folder without one is nobody's to remove."""
    for path in server_folder.glob("*/"):
        shutil.rmtree(path, ignore_errors=True)
