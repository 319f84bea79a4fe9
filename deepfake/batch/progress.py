"""How a batch goes: one clip's result, the count of all, and what is said at the end."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.verdict import Answer, VerdictLabel
from deepfake.dataset import ClipEntry

Status = Literal["analyzed", "known", "failed", "failed_before"]
Look = Literal["quick", "full"]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one clip.

    status: "analyzed" now; "known", in the store before; "failed" now; "failed_before", recorded and not tried again.
    reason: the verdict's first. error: why, without the clip's name, None where there is a verdict. seconds: that the
    analysis took, None where there was none. look: what the verdict rests on, a quick look or the full pass. answer:
    as Verdict.answer. declared: what the file declares, as Declaration.brief, or None.
    """

    clip: ClipEntry
    status: Status
    sha256: str | None = None
    probability_fake: float | None = None
    verdict: VerdictLabel | None = None
    reason: Evidence | None = None
    error: str | None = None
    seconds: float | None = None
    look: Look | None = None
    answer: Answer | None = None
    declared: str | None = None


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is. Of `total` clips `done` have a result: known + analyzed + failed.

    failed: those that failed now or before. clips_per_minute: of the clips that workers analyzed or failed at, None
    before the first; seconds_left: by that rate.
    """

    total: int
    done: int = 0
    known: int = 0
    analyzed: int = 0
    failed: int = 0
    seconds: float = 0.0
    clips_per_minute: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """A batch at its end. reasons: why clips failed, without their names, and how many each, most frequent first.
    canceled: whether it was stopped before it was through."""

    progress: BatchProgress
    reasons: tuple[tuple[str, int], ...]
    canceled: bool


class Tally:
    """Counts results as they come. Written by one thread; any may read."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._counts: Counter[Status] = Counter()
        self._reasons: Counter[str] = Counter()
        self._worked = 0
        self._started: float | None = None
        self._work_started: float | None = None
        self._ended: float | None = None

    @property
    def has_started(self) -> bool:
        """Whether the clock was started."""
        return self._started is not None

    def start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def start_work(self) -> None:
        """Start the clock of the rate: what needs no work is through, the first clip is given to a worker."""
        self._work_started = time.monotonic()

    def end(self) -> None:
        """Stop the clocks."""
        self._ended = time.monotonic()

    def add(self, result: BatchResult) -> None:
        """Count a result."""
        self._counts[result.status] += 1
        # Before the work, a clip fails because its file is missing: that takes no time, and says nothing of the rest.
        if self._work_started is not None and result.status in ("analyzed", "failed"):
            self._worked += 1
        if result.error is not None:
            self._reasons[result.error] += 1

    def progress(self) -> BatchProgress:
        """Return how far the batch is."""
        counts = Counter(dict(self._counts))
        now = self._ended or time.monotonic()
        done = counts.total()
        rate = None
        if self._work_started is not None and self._worked:
            rate = 60 * self._worked / max(now - self._work_started, 1e-3)
        return BatchProgress(
            total=self._total,
            done=done,
            known=counts["known"],
            analyzed=counts["analyzed"],
            failed=counts["failed"] + counts["failed_before"],
            seconds=0.0 if self._started is None else now - self._started,
            clips_per_minute=rate,
            seconds_left=None if rate is None else 60 * (self._total - done) / rate,
        )

    def reasons(self) -> tuple[tuple[str, int], ...]:
        """Return why clips failed, most frequent first."""
        return tuple(Counter(dict(self._reasons)).most_common())
