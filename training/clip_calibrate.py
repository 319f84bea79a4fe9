"""Fit the calibration of CLIP's scores on whole sources that were not trained on.

    python -m training.clip_calibrate WORK BASE.onnx TUNED.npz --out CALIBRATION.json

Real: the clips of the validation split and the held-out talking heads; fake: the validation split's recorded fakes;
each as it is and after courses of degradation. Platt's logistic regression, both classes alike, sources by the square
root of their clips. The logits of all examples are kept as the yardstick of false alarms and misses.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from deepfake.detectors.efficientnet import WHOLE
from training.calibrate import degraded_clip
from training.clip_judge import clip_logit
from training.clip_network import ClipVit
from training.metrics import auc, log_loss, platt
from training.pairs import base_kind, is_held_out
from training.shards import Shard, ShardInfo, read_shards

COURSES = {False: 2, True: 1}  # times that a real, a fake clip is degraded in another way
FALSE_ALARM_RATE = 0.02  # of real examples that may reach LIKELY_FAKE
MISS_RATE = 0.05  # of fake examples that may reach LIKELY_REAL
MIN_FAKE_PROBABILITY = 0.8


@dataclass(frozen=True, slots=True)
class Example:
    """A clip as it is (course -1) or degraded, and its mean logit."""

    info: ShardInfo
    course: int
    logit: float


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Fit the calibration of CLIP's scores.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("tuned", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shrink", type=float, default=1.0, help="factor on the slope: confidence on unseen sets")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    net = ClipVit(arguments.base).eval()
    net.load_tuned(arguments.tuned)
    examples = examples_of(net, arguments.work, arguments.frames)
    slope, offset = fit(examples)
    describe(examples, slope, offset)
    slope, offset = slope * arguments.shrink, offset * arguments.shrink
    real, fake = (sorted(round(e.logit, 3) for e in examples if e.info.is_fake is kind) for kind in (False, True))
    numbers = {
        "slope": round(slope, 4),
        "offset": round(offset, 4),
        "min_fake_probability": MIN_FAKE_PROBABILITY,
        "false_alarm_rate": FALSE_ALARM_RATE,
        "miss_rate": MISS_RATE,
        "real_logits": real,
        "fake_logits": fake,
    }
    arguments.out.write_text(json.dumps(numbers) + "\n")
    print(f"slope {slope:.3f}, offset {offset:.3f}, {len(real)} real, {len(fake)} fake examples -> {arguments.out}")


def examples_of(net: ClipVit, work: Path, frames: int) -> list[Example]:
    """Return the examples of all clips that may serve: held out by source."""
    examples = []
    for shard in read_shards(work / "crops", ("train", "val")):
        talking = base_kind(shard) == "video" and not shard.info.is_fake and is_held_out(shard)
        if talking or shard.info.split == "val":
            examples.append(Example(shard.info, -1, clip_logit(net, shard, frames)))
            for course in range(COURSES[shard.info.is_fake]):
                examples.append(Example(shard.info, course, _degraded_logit(net, shard, course, frames)))
    return examples


def _degraded_logit(net: ClipVit, shard: Shard, course: int, frames: int) -> float:
    crops = WHOLE.of(degraded_clip(shard, course, frames))
    with torch.no_grad():
        return float(net(torch.from_numpy(crops.transpose(0, 3, 1, 2).copy())).mean())


def fit(examples: Sequence[Example]) -> tuple[float, float]:
    """Return slope and offset of the logistic regression. Both classes weigh the same, and within a class the sources
    by the square root of their number of examples."""
    logits = np.array([example.logit for example in examples])
    is_fake = np.array([example.info.is_fake for example in examples])
    keys = [(example.info.is_fake, example.info.source) for example in examples]
    counts = Counter(keys)
    weights = np.array([counts[key] ** -0.5 for key in keys])
    for kind in (False, True):
        weights[is_fake == kind] *= 0.5 / weights[is_fake == kind].sum()
    return platt(logits, is_fake, weights)


def describe(examples: Sequence[Example], slope: float, offset: float) -> None:
    """Print, by source, how many there are, their mean probability and the shares above 0.5 and 0.8."""
    print(f"{'source':44} {'n':>4} {'mean P':>7} {'> 0.5':>6} {'> 0.8':>6}")
    for is_fake, source in sorted({(e.info.is_fake, e.info.source) for e in examples}):
        for degraded in (False, True):
            logits = [
                e.logit
                for e in examples
                if (e.info.is_fake, e.info.source, e.course >= 0) == (is_fake, source, degraded)
            ]
            p = 1 / (1 + np.exp(-(slope * np.array(logits) + offset)))
            name = f"{'fake' if is_fake else 'real'} {source}{' degraded' if degraded else ''}"
            print(f"{name:44} {len(p):4d} {p.mean():7.3f} {np.mean(p > 0.5):6.2f} {np.mean(p > 0.8):6.2f}")
    for name, some in (("as they are", [e for e in examples if e.course < 0]), ("all", list(examples))):
        logits, fake = np.array([e.logit for e in some]), np.array([e.info.is_fake for e in some])
        loss = log_loss(1 / (1 + np.exp(-(slope * logits + offset))), fake)
        print(f"{name}: {len(some)} examples, AUC {auc(logits, fake):.3f}, log loss {loss:.3f}")


if __name__ == "__main__":
    main()
