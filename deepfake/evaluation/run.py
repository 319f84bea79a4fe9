"""Run something on many clips: in this process or in workers, one bad clip never stopping the others."""

import functools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.analysis.verdict import VerdictLabel
from deepfake.detectors import training_clips
from deepfake.errors import DeepfakeError
from deepfake.evaluation.manifest import ManifestRow
from deepfake.worker_pool import WorkerPool, as_deepfake_error, limited_threads

logger = logging.getLogger(__name__)

CLIPS_AHEAD = 2  # clips a worker has waiting, so that it never idles

T = TypeVar("T")


class AnalyzeClip(Protocol):
    """What pipeline.analyze is to an evaluation."""

    def __call__(self, path: Path, config: AnalysisConfig | None = None) -> Analysis:
        """Return the analysis of a clip. Raises DeepfakeError."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of one clip: a value, or what stood in the way, without the clip's name."""

    row: ManifestRow
    value: T | None
    error: str | None


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One labelled clip and what the analysis says of it.

    probability_fake: in [0, 1], or None where the verdict gives none. verdict: None where the clip failed. reason: of
    a verdict without a probability. error: why the clip could not be analysed, without its name, else None.
    trained_on: whether the classifier was trained on the clip, as far as that is known.
    """

    row: ManifestRow
    probability_fake: float | None
    verdict: VerdictLabel | None
    reason: Evidence | None = None
    error: str | None = None
    trained_on: bool = False

    @property
    def failure(self) -> str:
        """The error in one line behind the clip's name; "" where there is none."""
        return "" if self.error is None else f"{self.row.path}: {' '.join(self.error.split())}"

    @property
    def abstained(self) -> bool:
        """Whether the clip was analysed and not judged: INCONCLUSIVE, or without a probability."""
        return self.error is None and (self.verdict == "INCONCLUSIVE" or self.probability_fake is None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The part of a verdict that an evaluation needs; small enough to send between processes."""

    verdict: VerdictLabel
    probability_fake: float | None
    reason: Evidence | None
    trained_on: bool


def judge_clip(path: Path, *, config: AnalysisConfig | None = None, analyze: AnalyzeClip = analyze) -> Judgement:
    """Analyse one clip and return its verdict. Raises what analyze raises."""
    analysis = analyze(path, config)
    verdict = analysis.verdict
    reason = verdict.first_reason
    trained_on = analysis.video.sha256 in training_clips(analysis.config.classifier)
    return Judgement(verdict.label, verdict.probability_fake, reason, trained_on)


def evaluate_clips(
    rows: Sequence[ManifestRow],
    *,
    config: AnalysisConfig | None = None,
    analyze: AnalyzeClip = analyze,
    workers: int = 0,
    timeout_s: float | None = None,
) -> Iterator[ClipResult]:
    """Analyse labelled clips and yield each result as it is there; see outcomes for workers and timeout_s."""
    judge = functools.partial(judge_clip, config=config, analyze=analyze)
    for outcome in outcomes(rows, judge, workers=workers, timeout_s=timeout_s):
        found = outcome.value
        if found is None:
            yield ClipResult(outcome.row, None, None, error=outcome.error)
        else:
            reason = found.reason if found.probability_fake is None else None
            yield ClipResult(outcome.row, found.probability_fake, found.verdict, reason, trained_on=found.trained_on)


def outcomes(
    rows: Sequence[ManifestRow],
    task: Callable[[Path], T],
    *,
    workers: int = 0,
    timeout_s: float | None = None,
) -> Iterator[Outcome[T]]:
    """Run task on each row's file and yield an outcome for each.

    workers: processes that share the cores; a clip that crashes one costs that clip alone. They need a task that can
    be pickled, and outcomes come in the order in which clips are done. 0 runs the task here, in the manifest's order,
    without protection from crashes. timeout_s: with workers, a clip that takes longer is stopped.
    """
    if workers < 1:
        for row in rows:
            yield _outcome(row, task)
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    with limited_threads(threads), closing(WorkerPool(workers, threads=threads)) as pool:
        waiting = iter(rows)
        row_of: dict[Any, ManifestRow] = {}  # by the future of its outcome
        while True:
            for row in islice(waiting, workers * CLIPS_AHEAD - len(row_of)):
                row_of[pool.schedule(_outcome, row, task, timeout_s=timeout_s)] = row
            if not row_of:
                return
            for future in wait(row_of, return_when=FIRST_COMPLETED).done:
                yield _outcome_of_future(row_of.pop(future), future, timeout_s)


def _outcome(row: ManifestRow, task: Callable[[Path], T]) -> Outcome[T]:
    try:
        return Outcome(row, task(row.file), None)
    except DeepfakeError as error:
        return Outcome(row, None, error.beside(row.file, row.path))
    except Exception as error:
        logger.exception("%s: the analysis failed unexpectedly", row.path)
        return Outcome(row, None, f"the program failed on this clip: {type(error).__name__}: {error}")


def _outcome_of_future(row: ManifestRow, future: Any, timeout_s: float | None) -> Outcome[T]:
    try:
        outcome: Outcome[T] = future.result()
        return outcome
    except Exception as error:
        return Outcome(row, None, as_deepfake_error(error, row.path, timeout_s).beside(row.file, row.path))
