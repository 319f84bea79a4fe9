"""False alarms and misses by part of the clips: by group of people, split, method, or any column of a CSV."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from deepfake.dataset import ClipEntry
from deepfake.errors import DatasetError
from deepfake.evaluation.metrics import Share, share
from deepfake.evaluation.results import ClipResult

FIELDS = ("group", "split", "method", "compression", "original")
NO_VALUE = ""


@dataclass(frozen=True, slots=True)
class PartResult:
    """The clips that share a value of a column.

    value: "" for those that have none. n: all of them; abstained: analyzed and not decided. false_alarms: LIKELY_FAKE
    among the real clips that were analyzed; missed: LIKELY_REAL among the fake ones, both with exact 95% intervals.
    """

    value: str
    n: int
    n_real: int
    n_fake: int
    abstained: int
    failed: int
    false_alarms: Share
    missed: Share


def check_column(clips: Sequence[ClipEntry], column: str) -> None:
    """Raise DatasetError where no clip has a value in a column: its name is a wrong one."""
    if not any(_value(clip, column) for clip in clips):
        others = sorted({name for clip in clips for name in clip.extra})
        raise DatasetError("--by", f"no clip has a {column}; it can be {', '.join((*FIELDS, *others))}")


def by_column(results: Sequence[ClipResult], column: str) -> tuple[PartResult, ...]:
    """Return the results by the values of a column, in their order.

    Args:
        results: of the labeled clips; those without a value are one part, also where no clip has one.
        column: a name of FIELDS, or a further column of the CSV.
    """
    parts: dict[str, list[ClipResult]] = defaultdict(list)
    for result in results:
        parts[_value(result.clip, column)].append(result)
    return tuple(_part(value, parts[value]) for value in sorted(parts))


def false_alarms_and_misses(results: Sequence[ClipResult]) -> tuple[Share, Share]:
    """Return LIKELY_FAKE among the real clips that were analyzed, and LIKELY_REAL among the fake ones."""
    analyzed = [result for result in results if result.error is None]
    reals = [result.verdict for result in analyzed if not result.clip.is_fake]
    fakes = [result.verdict for result in analyzed if result.clip.is_fake]
    return share(reals.count("LIKELY_FAKE"), len(reals)), share(fakes.count("LIKELY_REAL"), len(fakes))


def _value(clip: ClipEntry, column: str) -> str:
    return (getattr(clip, column) if column in FIELDS else clip.extra.get(column)) or NO_VALUE


def _part(value: str, results: Sequence[ClipResult]) -> PartResult:
    false_alarms, missed = false_alarms_and_misses(results)
    n_fake = sum(result.clip.is_fake for result in results)
    return PartResult(
        value=value,
        n=len(results),
        n_real=len(results) - n_fake,
        n_fake=n_fake,
        abstained=sum(result.abstained for result in results),
        failed=sum(result.error is not None for result in results),
        false_alarms=false_alarms,
        missed=missed,
    )
