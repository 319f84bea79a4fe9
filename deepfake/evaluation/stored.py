"""What the store knows of a labeled data set: results to evaluate, without opening a single clip."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepfake.dataset import ClipEntry, Dataset
from deepfake.detectors import training_clips
from deepfake.evaluation.results import ClipResult

if TYPE_CHECKING:
    from deepfake.store import AnalysisStore, AnalysisSummary, Failure


@dataclass(frozen=True, slots=True)
class StoredResults:
    """The labeled clips of a data set and what the store has of them, for one setting.

    results: clips with an analysis, or with an error where it failed; in the data set's order. missing: on disk,
    neither analyzed nor failed, or changed since. absent: named by the data set and not on disk, without a result.
    unlabeled: how many clips have no label, which nothing can be measured with. left_out: how many labeled clips
    were left out on purpose and are in none of these.
    """

    fingerprint: str
    results: tuple[ClipResult, ...]
    missing: tuple[ClipEntry, ...]
    absent: tuple[ClipEntry, ...]
    unlabeled: int
    left_out: int = 0

    @property
    def n_labeled(self) -> int:
        """How many clips have a label: N of "n of N"."""
        return len(self.results) + len(self.missing) + len(self.absent)

    @property
    def n_analyzed(self) -> int:
        """How many of them have an analysis."""
        return sum(result.error is None for result in self.results)

    @property
    def n_trained_on(self) -> int:
        """How many of the results are of clips that the classifier was trained on."""
        return sum(result.trained_on for result in self.results)


@dataclass(frozen=True, slots=True)
class KnownClips:
    """The labeled clips of a data set, once for all settings. stamps: of the files that are there, by location.
    sha256s: of those that the store has seen in this state, by location."""

    entries: tuple[ClipEntry, ...]
    unlabeled: int
    stamps: Mapping[str, str]
    sha256s: Mapping[str, str]


def known_clips(dataset: Dataset, store: "AnalysisStore") -> KnownClips:
    """Ask the file system what the labeled clips look like now, and the store which of them it has seen like that.

    A clip is found by its absolute path, size and time of change, so that none has to be read. Raises StoreError.
    """
    from deepfake.files import stamp_of

    entries = tuple(entry for entry in dataset.entries if entry.label is not None)
    found = {entry.location: stamp_of(entry.location) for entry in entries if entry.on_disk}
    stamps = {location: stamp for location, stamp in found.items() if stamp}
    return KnownClips(entries, len(dataset.entries) - len(entries), stamps, store.known_hashes(stamps))


def stored_results(
    dataset: Dataset,
    store: "AnalysisStore",
    fingerprint: str,
    *,
    known: KnownClips | None = None,
    left_out: Collection[str] = (),
) -> StoredResults:
    """Return what the store has of a data set's labeled clips with the settings of this fingerprint.

    known: known_clips of the same data set, where it has been asked before. left_out: SHA-256 of clips that do not
    count. Raises StoreError, ClassifierError.
    """
    known = known or known_clips(dataset, store)
    n_left_out = 0
    summaries = store.summaries(set(known.sha256s.values()), fingerprint)
    failures = store.failures(fingerprint, list(known.stamps))
    results: list[ClipResult] = []
    missing: list[ClipEntry] = []
    absent: list[ClipEntry] = []
    for entry in known.entries:
        location = entry.location
        sha256 = known.sha256s.get(location, "")
        if sha256 in left_out:
            n_left_out += 1
            continue
        summary, failure = summaries.get(sha256), failures.get(location)
        if summary is not None:
            results.append(_analyzed(entry, summary, trained_on=sha256 in training_clips(summary.classifier)))
        elif failure is not None and failure.stamp == known.stamps.get(location):
            results.append(_failed(entry, failure))
        else:
            (missing if location in known.stamps else absent).append(entry)
    return StoredResults(
        fingerprint,
        tuple(results),
        tuple(missing),
        tuple(absent),
        known.unlabeled,
        left_out=n_left_out,
    )


def counts_by_fingerprint(known: KnownClips, store: "AnalysisStore", fingerprints: Sequence[str]) -> dict[str, int]:
    """Return how many of the clips each setting has analyzed. Raises StoreError."""
    sha256s = list(known.sha256s.values())
    counts = {}
    for fingerprint in fingerprints:
        there = store.has(set(sha256s), fingerprint)
        counts[fingerprint] = sum(sha256 in there for sha256 in sha256s)
    return counts


def _analyzed(entry: ClipEntry, summary: "AnalysisSummary", *, trained_on: bool) -> ClipResult:
    judged = summary.verdict != "INCONCLUSIVE" and summary.probability_fake is not None
    reason = None if judged else summary.reason
    return ClipResult(
        entry, summary.probability_fake, summary.verdict, reason, trained_on=trained_on, answer=summary.answer
    )


def _failed(entry: ClipEntry, failure: "Failure") -> ClipResult:
    return ClipResult(entry, None, None, error=failure.error)
