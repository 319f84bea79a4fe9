"""What was not decided, and why: abstentions and failures counted by cause."""

from collections import Counter
from collections.abc import Sequence

from deepfake.evaluation.results import ClipResult
from deepfake.report.wording import cause_of_abstention


def abstention_causes(results: Sequence[ClipResult]) -> tuple[tuple[str, int], ...]:
    """Return why clips were analyzed and not decided, and how many for each cause, the most frequent first."""
    return _counted([cause_of_abstention(result.reason) for result in results if result.abstained])


def failure_causes(results: Sequence[ClipResult]) -> tuple[tuple[str, int], ...]:
    """Return why clips could not be analyzed, and how many for each cause, the most frequent first."""
    return _counted([" ".join(result.error.split()) for result in results if result.error is not None])


def _counted(causes: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(causes).items(), key=lambda item: (-item[1], item[0])))
