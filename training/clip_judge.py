"""Score the prepared crops of every clip with tuned weights of CLIP, and print how well fakes are told from reals.

    python -m training.clip_judge WORK BASE.onnx TUNED.npz --out SCORES.csv [--splits val,test] [--frames 4]

SCORES.csv: one row per clip: name, source, method, group, split, logit (mean over its frames). Prints the AUC with its
95 % interval by group, over all clips and by method against all reals.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from deepfake.detectors.efficientnet import WHOLE
from training.clip_network import ClipVit
from training.degradation import plain_cut
from training.judge import ClipScore
from training.metrics import auc, auc_interval
from training.pairs import method_kind
from training.shards import Shard, read_shards


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Score the prepared crops of every clip.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("tuned", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--splits", default="val,test")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    net = ClipVit(arguments.base).eval()
    net.load_tuned(arguments.tuned)
    shards = [s for s in read_shards(arguments.work / "crops", arguments.splits.split(",")) if "-" in s.info.name]
    scores = [ClipScore(shard.info, clip_logit(net, shard, arguments.frames)) for shard in shards]
    write_scores(arguments.out, scores)
    print_table(scores)


def clip_logit(net: ClipVit, shard: Shard, frames: int) -> float:
    """Return the mean logit of at most `frames` crops spread over a clip."""
    count = min(frames, len(shard.images))
    chosen = np.unique(np.round((np.arange(count) + 0.5) * len(shard.images) / count - 0.5).astype(int))
    crops = WHOLE.of(plain_cut(shard.images[chosen]))
    with torch.no_grad():
        return float(net(torch.from_numpy(crops.transpose(0, 3, 1, 2).copy())).mean())


def write_scores(path: Path, scores: Sequence[ClipScore]) -> None:
    """Write one row per clip."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "source", "method", "group", "split", "logit"])
        for score in scores:
            info = score.info
            rows.writerow([info.name, info.source, info.method, info.group, info.split, f"{score.logit:.4f}"])


def print_table(scores: Sequence[ClipScore]) -> None:
    """Print the AUC of all fakes, and of those of each kind, against all reals."""
    reals = [score for score in scores if not score.info.is_fake]
    kinds = sorted({method_kind(score.info.method) for score in scores if score.info.is_fake})
    fakes = {kind: [s for s in scores if s.info.is_fake and method_kind(s.info.method) == kind] for kind in kinds}
    for name, some in {"all": [s for s in scores if s.info.is_fake], **fakes}.items():
        both = [*reals, *some]
        logits = np.array([score.logit for score in both])
        is_fake = np.array([score.info.is_fake for score in both])
        low, high = auc_interval(logits, is_fake, [score.info.group for score in both])
        print(f"{name:24} {len(reals):4d} {len(some):4d} {auc(logits, is_fake):.3f} [{low:.2f}, {high:.2f}] "
              f"{logits[~is_fake].mean():6.2f} {logits[is_fake].mean():6.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
