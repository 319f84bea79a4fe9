"""Batches that the pages start: in the background, one after the other, found again by every session of the server."""

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.batch import Batch
from deepfake.dataset import ClipEntry
from deepfake.errors import DeepfakeError
from deepfake.settings import Settings

logger = logging.getLogger(__name__)

BATCH_NICENESS = 10  # of its workers: what somebody waits for at a page comes first
MAX_FAILURES_NAMED = 500  # the rest is counted
CLOSE_S = 5.0  # workers end with the server in any case


class BatchState(StrEnum):
    """Where a batch is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class BatchRun:
    """A batch that somebody started. key: of what it is about. failures: why clips failed, by their names; error: why
    the batch as a whole could not go on."""

    key: str
    batch: Batch
    state: BatchState = BatchState.WAITING
    failures: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether it runs or waits for its turn."""
        return self.state in (BatchState.WAITING, BatchState.RUNNING)


class BatchRuns:
    """The batches of a server, run one after the other in a thread. Safe to use from several threads.

    What was found is in the store: a batch that ends in whatever way is gone on with by starting it again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, BatchRun] = {}
        self._waiting: list[BatchRun] = []
        self._thread: threading.Thread | None = None

    def start(
        self,
        key: str,
        clips: Sequence[ClipEntry],
        config: AnalysisConfig,
        settings: Settings,
        *,
        retry_failed: bool = False,
    ) -> BatchRun:
        """Return the batch of that key, a new one where none runs or waits."""
        with self._lock:
            run = self._runs.get(key)
            if run is not None and run.is_active:
                return run
            batch = Batch(
                clips,
                config=config,
                settings=settings,
                workers=settings.workers,
                retry_failed=retry_failed,
                analyze=analyze_in_background,
            )
            run = self._runs[key] = BatchRun(key, batch)
            self._waiting.append(run)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
                self._thread.start()
        return run

    def find(self, key: str) -> BatchRun | None:
        """Return the latest batch of that key, or None."""
        with self._lock:
            return self._runs.get(key)

    def ahead_of(self, run: BatchRun) -> int:
        """Return how many batches have to end before this one starts."""
        with self._lock:
            return 1 + self._waiting.index(run) if run in self._waiting else 0

    def cancel(self, key: str) -> None:
        """Stop a batch; what it found stays in the store."""
        with self._lock:
            run = self._runs.get(key)
            if run is None or not run.is_active:
                return
            if run in self._waiting:
                self._waiting.remove(run)
                run.state = BatchState.CANCELED
        run.batch.cancel()

    def close(self) -> None:
        """Stop all batches and wait a little for their workers to end."""
        with self._lock:
            keys, thread = list(self._runs), self._thread
        for key in keys:
            self.cancel(key)
        if thread is not None:
            thread.join(timeout=CLOSE_S)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                run = self._waiting.pop(0)
                run.state = BatchState.RUNNING
            run.state = _worked_through(run)


def _worked_through(run: BatchRun) -> BatchState:
    """Run a batch to its end, keeping why clips failed, and return how it ended."""
    try:
        for result in run.batch.run():
            if result.error is not None and len(run.failures) < MAX_FAILURES_NAMED:
                run.failures[result.clip.name] = result.error
    except DeepfakeError as error:
        logger.warning("the batch %s ended: %s", run.key, error)
        run.error = str(error)
        return BatchState.FAILED
    except Exception:
        # A fault here must not end the thread that the next batches need.
        logger.exception("the batch %s ended unexpectedly", run.key)
        run.error = "The batch ended by a fault of the program; the log says where. What was found is kept."
        return BatchState.FAILED
    return BatchState.CANCELED if run.batch.summary().canceled else BatchState.DONE


def analyze_in_background(path: Path, config: AnalysisConfig, *, settings: Settings, sha256: str) -> Analysis:
    """Analyze a clip as every part of the application does, but leave the processor to who waits at a page."""
    if hasattr(os, "setpriority"):
        nicest = max(BATCH_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, 0, nicest)
    return analyze(path, config, settings=settings, sha256=sha256)
