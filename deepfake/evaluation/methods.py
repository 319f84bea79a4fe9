"""How well each manipulation method is found."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepfake.evaluation.bootstrap import BOOTSTRAP_DRAWS
from deepfake.evaluation.clips import ClipResult
from deepfake.evaluation.manifest import ManifestRow
from deepfake.evaluation.metrics import Share, auc, auc_interval, share
from deepfake.evaluation.scored import scored_clips

NO_METHOD = "no method named"


@dataclass(frozen=True, slots=True)
class MethodResult:
    """The fakes of one method against genuine clips.

    name: the method, with the compression where the set has several. n: its clips, analysed; n_scored: those with a
    probability. n_real: the genuine clips that it stands against: of its own compression where there are any, else
    all. auc: NaN without both. abstained: not judged. probabilities: f64 (n_scored,).
    """

    name: str
    n: int
    n_scored: int
    n_real: int
    auc: float
    auc_ci95: tuple[float, float] | None
    abstained: int
    probabilities: NDArray[np.float64]

    def found_at(self, threshold: float) -> Share:
        """Return the share that a threshold calls fake, of those with a probability."""
        return share(int((self.probabilities >= threshold).sum()), self.n_scored)


def by_method(
    results: Sequence[ClipResult], *, seed: int = 0, draws: int = BOOTSTRAP_DRAWS
) -> tuple[MethodResult, ...]:
    """Return the result of each method by name, those without a name last; empty where no fake was analysed."""
    analysed = [result for result in results if result.error is None]
    reals: dict[str, list[ClipResult]] = defaultdict(list)
    fakes: dict[tuple[str, str], list[ClipResult]] = defaultdict(list)
    for result in analysed:
        compression = result.row.extra.get("compression", "")
        if result.row.is_fake:
            fakes[method_of(result.row), compression].append(result)
        else:
            reals[compression].append(result)
    all_reals = [result for result in analysed if not result.row.is_fake]
    several = len({compression for _, compression in fakes}) > 1
    found = []
    for (method, compression), clips in sorted(fakes.items(), key=lambda item: (item[0][0] == NO_METHOD, item[0])):
        name = f"{method} · {compression}" if several and compression else method
        against = reals.get(compression) or all_reals
        found.append(_result(name, clips, against, seed=seed, draws=draws))
    return tuple(found)


def method_of(row: ManifestRow) -> str:
    """Return the manipulation method that a row names, or "no method named"."""
    return row.extra.get("method") or NO_METHOD


def _result(
    name: str, fakes: Sequence[ClipResult], reals: Sequence[ClipResult], *, seed: int, draws: int
) -> MethodResult:
    clips = scored_clips([*fakes, *reals])
    probabilities = clips.probabilities[clips.is_fake]
    interval = None
    if clips.has_both_classes:
        low, high = auc_interval(clips.probabilities, clips.is_fake, clips.groups, seed=seed, draws=draws)
        interval = None if np.isnan(low) else (low, high)
    return MethodResult(
        name=name,
        n=len(fakes),
        n_scored=len(probabilities),
        n_real=int((~clips.is_fake).sum()),
        auc=auc(clips.probabilities, clips.is_fake),
        auc_ci95=interval,
        abstained=sum(result.abstained for result in fakes),
        probabilities=probabilities,
    )
