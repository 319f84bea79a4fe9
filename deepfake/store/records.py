"""What the store returns to searches: light rows, never traces."""

from dataclasses import dataclass
from datetime import datetime

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.verdict import Answer, VerdictLabel


@dataclass(frozen=True, slots=True)
class AnalysisSummary:
    """One kept analysis without its arrays.

    name, location: as the clip was called and where it was when it was analyzed; location is "" where nobody may know.
    created_at: UTC. probability_fake, interval_low, interval_high, false_alarm_p: in [0, 1], or None where the verdict
    has none. reason: the verdict's first, or None. faces: tracks. duration_s: Analysis.length_s (in rows of before
    0.2.0 that of the header), or None; width, height: px. faces_limit: as in Analysis. answer: what a reader is told,
    as Verdict.answer. declared: what the file declares, as Declaration.brief, or None.
    """

    id: int
    sha256: str
    fingerprint: str
    name: str
    location: str
    created_at: datetime
    verdict: VerdictLabel
    probability_fake: float | None
    interval_low: float | None
    interval_high: float | None
    false_alarm_p: float | None
    reason: Evidence | None
    faces: int
    duration_s: float | None
    width: int
    height: int
    face_detector: str
    classifier: str
    software_version: str
    faces_limit: int | None
    answer: Answer
    declared: str | None

    def is_enough_for(self, max_faces: int) -> bool:
        """Return whether an analysis that follows so many faces at once would find no more people."""
        return self.faces_limit is None or self.faces_limit >= max_faces

    @property
    def told_probability(self) -> float | None:
        """P(fake) as a reader is told it, as Verdict.told_probability."""
        return None if self.answer == "NOT_JUDGED" else self.probability_fake


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """Some of the analyses that were asked for. total: how many there are in all."""

    total: int
    rows: tuple[AnalysisSummary, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A clip that could not be analyzed. stamp: what the file looked like then. error: why, without the clip's
    name. created_at: UTC. limits: those in force, where the clip was over one of them, else ""."""

    location: str
    stamp: str
    fingerprint: str
    error: str
    name: str
    created_at: datetime
    limits: str = ""


@dataclass(frozen=True, slots=True)
class StoredFingerprint:
    """One face detector and one classifier with one set of settings and weights. model: 16 hexadecimal digits that
    change with the classifier's weights and calibration. count: its analyses. newest: when the latest was made, UTC."""

    fingerprint: str
    face_detector: str
    classifier: str
    software_version: str
    model: str
    count: int
    newest: datetime
