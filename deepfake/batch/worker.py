"""What becomes of one clip: fetched, looked up, analyzed, stored. Its bytes are touched in a child process only, which
may crash or hang without costing anybody else."""

import functools
import logging
import platform
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import CancelledError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pebble import ProcessExpired

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.quick import decides
from deepfake.batch.progress import BatchResult, Look
from deepfake.batch.remote import LocalCopy, local_copy
from deepfake.dataset import ClipEntry
from deepfake.detectors import look_for_weights_in
from deepfake.errors import (
    ClassifierError,
    ClipError,
    DeepfakeError,
    LimitError,
    SignalError,
    StoreError,
    WorkerError,
)
from deepfake.files import is_url, stamp_of
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, AnalysisSummary, open_store
from deepfake.worker_pool import WorkerPool, as_deepfake_error

logger = logging.getLogger(__name__)

POLL_S = 0.25  # how soon a canceled batch lets go of its clips
ATTEMPTS = 2  # at a clip whose child is ended from outside: it may have been another clip that wanted the memory
ENDED_FROM_OUTSIDE = (-9, -15)  # exit codes of a child: SIGKILL, SIGTERM
SAME_EVERYWHERE = (
    "install the same on all, and register your own classifiers and signals where a worker imports them, not below "
    '`if __name__ == "__main__":`'
)
BUSY_PATIENCE_S = 60.0  # for a store that another process keeps to itself: an analysis is worth the wait
MOST_BREAKS = 3  # of a child's pool over one clip, for no fault of the clip


class AnalyzeFile(Protocol):
    """What pipeline.analyze is to a batch; has to be a function of a module, which children import."""

    def __call__(self, path: Path, config: AnalysisConfig, *, settings: Settings, sha256: str) -> Analysis:
        """Return the analysis of a clip. sha256: of its bytes. Raises DeepfakeError."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What all clips of a batch share. fingerprint: of the caller's version; a child of another version refuses. looks:
    the fingerprints of the analyses that count, and what each of them rests on; the best first."""

    config: AnalysisConfig
    fingerprint: str
    looks: Mapping[str, Look]
    settings: Settings
    timeout_s: float
    analyze: AnalyzeFile


class BatchCanceled(Exception):  # noqa: N818
    """The batch was stopped while this clip was in hand."""


def run_clip(clip: ClipEntry, task: Task, pool: WorkerPool, canceled: threading.Event | None = None) -> BatchResult:
    """Have a child of this process analyze a clip, unless the store has it, and return what became of it.

    A clip that crashes the child or takes too long is a failure, and recorded. One whose child is ended from outside
    is tried a second time.

    Args:
        clip: the clip.
        task: what all clips of the batch share.
        pool: has the child, its models loaded from clip to clip.
        canceled: when it is set, the clip is given up.

    Raises:
        StoreError: the store cannot be used.
        WorkerError: the child is of another version, lacks the classifier, or cannot be kept alive. None of it is the
            clip's fault.
        BatchCanceled: the batch was stopped.
    """
    killed = broken = 0
    while True:
        try:
            return _asked(clip, task, pool, canceled or threading.Event())
        except (StoreError, WorkerError, BatchCanceled):
            raise
        except (BrokenProcessPool, CancelledError) as error:
            broken += 1
            if broken == MOST_BREAKS:
                raise WorkerError(
                    clip.shown,
                    f"workers ended {broken} times before they took this clip. They import the program that runs the "
                    'batch anew: it has to be a file, and to do nothing but below `if __name__ == "__main__":`. '
                    "Otherwise something outside ends them, most likely for want of memory; use fewer workers. What is "
                    "done is in the store: run it again to go on.",
                ) from error
            logger.warning("%s: the worker was lost, another takes it", clip.name)
        except Exception as error:
            is_killed = isinstance(error, ProcessExpired) and error.exitcode in ENDED_FROM_OUTSIDE
            killed += is_killed
            if is_killed and killed < ATTEMPTS:
                logger.warning("%s: the worker was ended from outside, another takes it", clip.name)
                continue
            why = as_deepfake_error(error, clip.name, task.timeout_s).detail
            is_over = isinstance(error, TimeoutError)
            # Opened for this alone: a worker holds one connection to the store, its child's.
            with open_store(task.settings, wait_s=BUSY_PATIENCE_S) as store:
                return _failed(clip, task, store, clip.version or _version(clip), why, is_over=is_over)


def _asked(clip: ClipEntry, task: Task, pool: WorkerPool, canceled: threading.Event) -> BatchResult:
    if canceled.is_set():
        raise BatchCanceled
    try:
        # The folder is made here, as a child may die; it is the pool's, so that none is left where this one is killed.
        with pool.temporary_folder("clip-") as folder:
            future = pool.schedule(analyze_clip, clip, task, str(folder), timeout_s=task.timeout_s)
            while not wait([future], timeout=POLL_S).done:
                if canceled.is_set():
                    future.cancel()  # type: ignore[no-untyped-call]
                    raise BatchCanceled
            return future.result()
    except Exception as error:
        if canceled.is_set():  # the pool is closed, at whatever moment: no fault of the clip
            raise BatchCanceled from error
        raise


def analyze_clip(clip: ClipEntry, task: Task, folder: str) -> BatchResult:
    """Analyze a clip in this process, unless the store has it, and put what was found into the store.

    folder: for the copy of a remote clip. Raises StoreError, WorkerError; the clip's own errors are results.
    """
    look_for_weights_in(task.settings.weights_dir)
    _check_version(task)
    started = time.perf_counter()
    store, version = _store(task.settings), clip.version or ""
    try:
        copy = local_copy(clip.location, Path(folder), task.settings)
        version = copy.stamp
        if version:
            store.remember_file(clip.location, version, copy.sha256)
        known = kept(store, [copy.sha256], task.looks, task.settings.max_faces)
        found = known.get(copy.sha256)
        if found is not None:
            return known_result(clip, found, task.looks)
        try:
            analysis = _analyzed(copy, task)
        except (ClassifierError, SignalError) as error:
            return BatchResult(clip, "failed", error=str(error))  # the caller's code: no fault of the clip either
        except DeepfakeError as error:
            # A copy's place means nothing to anyone.
            why, is_over = error.beside(copy.file, *_names(clip)), isinstance(error, LimitError)
            return _failed(clip, task, store, version, why, is_over=is_over)
        return _stored(clip, store, analysis, copy, time.perf_counter() - started)
    except StoreError:
        raise
    except LimitError as error:
        why = error.beside(*_names(clip))
        return _failed(clip, task, store, version or _version(clip), why, is_over=True)
    except DeepfakeError as error:
        # It could not be read today; that is not recorded as the clip's fault.
        return BatchResult(clip, "failed", error=error.beside(*_names(clip)))


def looks_of(config: AnalysisConfig) -> dict[str, Look]:
    """Return what an analysis of a batch may rest on, by its fingerprint, the best first."""
    looks: dict[str, Look] = {replace(config, quick=False).fingerprint(): "full"}
    if config.quick:
        looks[config.fingerprint()] = "quick"
    return looks


def kept(
    store: AnalysisStore, sha256s: Iterable[str], looks: Mapping[str, Look], max_faces: int
) -> dict[str, AnalysisSummary]:
    """Return what the store has of each clip, by SHA-256; of several analyses the best. looks: as in Task. max_faces:
    of the settings; an analysis that left out faces below this limit does not count."""
    wanted = list(sha256s)
    found: dict[str, AnalysisSummary] = {}
    for fingerprint in reversed(list(looks)):
        summaries = store.summaries(wanted, fingerprint)
        found.update((sha256, summary) for sha256, summary in summaries.items() if summary.is_enough_for(max_faces))
    return found


def limits_of(settings: Settings, timeout_s: float) -> str:
    """Return the limits that can keep a clip from being analyzed, as text that changes with them."""
    named = {name: getattr(settings, name) for name in ("max_clip_mb", "max_duration_s", "max_pixels")}
    return ", ".join(f"{name} = {value}" for name, value in {**named, "timeout_s": timeout_s}.items())


def known_result(clip: ClipEntry, found: AnalysisSummary, looks: Mapping[str, Look]) -> BatchResult:
    """Return the result of a clip that the store has. looks: as in Task."""
    answer = found.probability_fake, found.verdict, found.reason
    look = looks[found.fingerprint]
    return BatchResult(clip, "known", found.sha256, *answer, look=look, answer=found.answer, declared=found.declared)


def _analyzed(copy: LocalCopy, task: Task) -> Analysis:
    """The analysis of a clip; of a quick batch the full one where the quick look does not decide."""
    analysis = task.analyze(copy.file, task.config, settings=task.settings, sha256=copy.sha256)
    if not task.config.quick or decides(analysis):
        return analysis
    return task.analyze(copy.file, replace(task.config, quick=False), settings=task.settings, sha256=copy.sha256)


def _stored(clip: ClipEntry, store: AnalysisStore, analysis: Analysis, copy: LocalCopy, seconds: float) -> BatchResult:
    if is_url(clip.location):
        analysis = analysis.with_path(Path(clip.name))
    store.put(analysis, name=_store_name(clip), location=clip.location)
    verdict = analysis.verdict
    look: Look = "quick" if analysis.config.quick else "full"
    answer = verdict.probability_fake, verdict.label, verdict.first_reason
    declared = None if analysis.video.declared is None else analysis.video.declared.brief
    return BatchResult(
        clip,
        "analyzed",
        copy.sha256,
        *answer,
        seconds=seconds,
        look=look,
        answer=verdict.answer,
        declared=declared,
    )


def _failed(
    clip: ClipEntry, task: Task, store: AnalysisStore, version: str, error: str, *, is_over: bool
) -> BatchResult:
    """Record a failure. is_over: whether the clip is over a limit: it is tried again once the limits are others."""
    if version:
        limits = limits_of(task.settings, task.timeout_s) if is_over else ""
        name = _store_name(clip)
        store.put_failure(clip.location, version, task.fingerprint, error, name=name, limits=limits)
    return BatchResult(clip, "failed", error=error)


def _store_name(clip: ClipEntry) -> str:
    """Return the name of a clip, without its folders where a list names it by its whole place."""
    elsewhere = is_url(clip.name) or Path(clip.name).is_absolute()
    return clip.name.rpartition("/")[2] if elsewhere else clip.name


def _names(clip: ClipEntry) -> tuple[str, ...]:
    return clip.location, clip.name, clip.shown


def _version(clip: ClipEntry) -> str:
    try:
        return stamp_of(clip.location) or ""
    except ClipError:
        return ""


@functools.cache
def _store(settings: Settings) -> AnalysisStore:
    return open_store(settings, wait_s=BUSY_PATIENCE_S)


@functools.cache
def _fingerprint(config: AnalysisConfig) -> str:
    return config.fingerprint()


def _check_version(task: Task) -> None:
    """Raise WorkerError where results of this process would not be those that the caller asks for: no clip's fault."""
    worker = f"The worker on {platform.node()}"
    try:
        fingerprint = _fingerprint(task.config)
    except ClassifierError as error:
        raise WorkerError(worker, f"it does not have the caller's classifier ({error}); {SAME_EVERYWHERE}") from error
    if fingerprint != task.fingerprint:
        raise WorkerError(
            worker,
            f"it has another version of this program, its weights or its signals than the caller; {SAME_EVERYWHERE}",
        )
