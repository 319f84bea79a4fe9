"""How well each manipulation method is found."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepfake.dataset import ClipEntry
from deepfake.evaluation.bootstrap import GroupDraws, auc_draws, percentile_interval
from deepfake.evaluation.metrics import Share, auc, share
from deepfake.evaluation.results import ClipResult
from deepfake.evaluation.scored import ScoredClips, scored_clips

NO_METHOD = "no method named"


@dataclass(frozen=True, slots=True)
class MethodResult:
    """The fakes of one method against real clips.

    name: the method, with the compression where the set has several. n: its clips, analyzed; n_scored: those with a
    probability. n_real: the real clips that it stands against: of its own compression where there are any, else
    all. auc: NaN without both. abstained: not decided. probabilities: f64 (n_scored,).
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


def by_method(results: Sequence[ClipResult], drawn: GroupDraws | None = None) -> tuple[MethodResult, ...]:
    """Return the result of each method by name, those without a name last; empty where no fake was analyzed.

    drawn: the draws of the clips that have a probability, in their order, which the methods' intervals rest on too.
    """
    fakes: dict[tuple[str, str], list[ClipResult]] = defaultdict(list)
    for result in results:
        if result.error is None and result.clip.is_fake:
            fakes[method_of(result.clip), _compression(result)].append(result)
    clips = scored_clips(results)
    names = np.array([method_of(result.clip) if result.clip.is_fake else "" for result in clips.results], dtype=str)
    compressions = np.array([_compression(result) for result in clips.results], dtype=str)
    several = len({compression for _, compression in fakes}) > 1
    found = []
    for (method, compression), members in sorted(fakes.items(), key=lambda item: (item[0][0] == NO_METHOD, item[0])):
        alike = compressions == compression
        own = ~clips.is_fake & alike
        against = own if compression and own.any() else ~clips.is_fake
        chosen = np.flatnonzero((clips.is_fake & (names == method) & alike) | against)
        name = f"{method} · {compression}" if several and compression else method
        found.append(_result(name, members, clips, chosen, drawn))
    return tuple(found)


def _compression(result: ClipResult) -> str:
    return result.clip.compression or ""


def method_of(clip: ClipEntry) -> str:
    """Return the manipulation method of a fake, or "no method named"."""
    return clip.method or NO_METHOD


def _result(
    name: str,
    fakes: Sequence[ClipResult],
    clips: ScoredClips,
    chosen: NDArray[np.int64],
    drawn: GroupDraws | None,
) -> MethodResult:
    """chosen: i64 (k,), the places among the clips of the method's fakes and of the reals that they stand against."""
    scores, is_fake = clips.probabilities[chosen], clips.is_fake[chosen]
    area, interval = auc(scores, is_fake), None
    if drawn is not None and len({clips.groups[place] for place in chosen}) > 1:
        part = GroupDraws(drawn.members[chosen], drawn.counts)
        interval = percentile_interval(auc_draws(scores, is_fake, part))
    return MethodResult(
        name=name,
        n=len(fakes),
        n_scored=int(is_fake.sum()),
        n_real=int((~is_fake).sum()),
        auc=area,
        auc_ci95=interval,
        abstained=sum(result.abstained for result in fakes),
        probabilities=scores[is_fake],
    )
