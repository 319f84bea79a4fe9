"""Judge weights on the prepared crops, clip by clip: a quick measure while training.

    python -m training.judge WORK [--whole WEIGHTS.npz] [--close WEIGHTS.npz] [--splits val,test] [--frames 12]
                             [--capsule WEIGHTS.npz]

Prints the AUC of clips with its bootstrap interval by group, by source and by method. The measure that counts,
with the application's own tracking, is training.evaluate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.baselines.capsule import CapsuleClassifier
from deepfake.detectors.efficientnet import VIEWS, WEIGHTS_PATHS, WHOLE, EfficientNetClassifier
from deepfake.evaluation.metrics import auc, auc_interval
from deepfake.spread import spread
from training.degradation import plain_cut
from training.platt import platt
from training.shards import Shard, ShardInfo, read_shards

JUDGED_SOURCES = ("ff++", "dfdc", "dftimit")


@dataclass(frozen=True, slots=True)
class ClipScore:
    """A shard's mean logit."""

    info: ShardInfo
    logit: float


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Judge weights on the prepared crops.")
    parser.add_argument("work", type=Path)
    add_weights(parser)
    parser.add_argument("--splits", default="val,test")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--capsule", type=Path, help="judge these weights of the capsule network instead")
    arguments = parser.parse_args()
    detector = chosen_detector(arguments) if arguments.capsule is None else CapsuleClassifier(arguments.capsule)
    shards = read_shards(arguments.work / "crops", arguments.splits.split(","))
    judged = [shard for shard in shards if shard.info.source.startswith(JUDGED_SOURCES)]
    print_tables([ClipScore(shard.info, clip_logit(detector, shard, arguments.frames)) for shard in judged])


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add one option per view: the weights of that view's network."""
    for view in VIEWS:
        parser.add_argument(f"--{view.name}", type=Path, metavar="WEIGHTS.npz", help="both left out: those that ship")


def chosen_detector(arguments: argparse.Namespace) -> EfficientNetClassifier:
    """Return the detector of the weights that were given, of one view or both; the shipped one where none were."""
    given = {view.name: path for view in VIEWS if (path := getattr(arguments, view.name)) is not None}
    return EfficientNetClassifier(given or WEIGHTS_PATHS)


def clip_logit(detector: EfficientNetClassifier | CapsuleClassifier, shard: Shard, frames: int) -> float:
    """Return the mean logit of at most `frames` crops spread over a shard."""
    chosen = spread(len(shard.images), frames)
    crops = plain_cut(shard.images[chosen])
    return float(detector.logits(WHOLE.of(crops) if isinstance(detector, CapsuleClassifier) else crops).mean())


def print_tables(scores: Sequence[ClipScore]) -> None:
    """Print AUC and mean logits by source, and for FaceForensics++ by rate and method."""
    print(f"{'what':34} {'real':>5} {'fake':>5} {'AUC':>6} {'95% by group':>15} {'real':>6} {'fake':>6}")
    for source in sorted({score.info.source for score in scores}):
        _row(source, [s for s in scores if s.info.source == source])
        methods = sorted({s.info.method for s in scores if s.info.source == source and s.info.is_fake})
        for method in methods if source.startswith("ff++") else ():
            _row(f"  {method}", [s for s in scores if s.info.source == source and s.info.method in (method, "real")])
    others = [score for score in scores if score.info.source != "dftimit"]
    _row("all but dftimit", others)
    slope, offset = platt(np.array([s.logit for s in others]), np.array([s.info.is_fake for s in others]))
    print(f"the calibration that would fit all but dftimit best: slope {slope:.3f}, offset {offset:.3f}")


def _row(name: str, scores: Sequence[ClipScore]) -> None:
    logits = np.array([score.logit for score in scores])
    fake = np.array([score.info.is_fake for score in scores])
    low, high = auc_interval(logits, fake, [score.info.group for score in scores])
    mean: Callable[[NDArray[np.float64]], float] = lambda x: float(x.mean()) if len(x) else float("nan")  # noqa: E731
    print(
        f"{name:34} {int((~fake).sum()):5d} {int(fake.sum()):5d} {auc(logits, fake):6.3f} [{low:5.2f}, {high:5.2f}] "
        f"{mean(logits[~fake]):8.2f} {mean(logits[fake]):6.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
