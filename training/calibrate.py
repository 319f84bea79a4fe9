"""Fit the calibration that ships beside the weights, on people who were not trained on.

    python -m training.calibrate WORK [--whole WEIGHTS.npz] [--close WEIGHTS.npz] --out CALIBRATION.json

Real: the unedited clips of the validation split and the held-out talking heads, as they are and degraded; the held-out
photographs, as they are and as soft clips. Fake: the validation split's fakes, as they are and degraded, and made fakes
of the held-out photographs, degraded. Platt's
logistic regression with equal weight for both classes and for recorded and made examples. The logits of all unedited
examples are kept as the yardstick of false alarms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.calibration import FALSE_ALARM_RATE, MISS_RATE
from deepfake.detectors.efficientnet import EfficientNetClassifier
from deepfake.evaluation.metrics import log_loss
from deepfake.spread import spread
from training.degradation import degrade, plain_cut
from training.judge import add_weights, chosen_detector, clip_logit
from training.pairs import base_kind, cached_eigenfaces, is_held_out
from training.platt import platt
from training.shards import Shard, read_shards
from training.synthesis import Forger

VIEWS = 3  # degraded views of a photograph that stand for the frames of a clip
FRAMES = 12  # of a recorded clip
COURSES = {False: 6, True: 2}  # times that a real, a fake recorded clip is degraded in another way
SEED = 11


@dataclass(frozen=True, slots=True)
class Example:
    """name and kind: where it comes from; logit: mean over its crops."""

    name: str
    kind: str
    is_fake: bool
    logit: float


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Fit the calibration on held-out people.")
    parser.add_argument("work", type=Path)
    add_weights(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--least", type=float, default=0.8, help="P(fake) below which nothing is called LIKELY_FAKE")
    parser.add_argument("--shrink", type=float, default=1.0, help="factor on the slope: confidence on unseen sets")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    detector = chosen_detector(arguments)
    recorded = recorded_examples(arguments.work, detector)
    examples = [*recorded, *made_examples(arguments.work, detector)]
    slope, offset = fit(examples)
    describe(examples, slope, offset)
    slope, offset = slope * arguments.shrink, offset * arguments.shrink
    reals = sorted(round(example.logit, 3) for example in examples if not example.is_fake)
    # Made fakes are easier than recorded ones: with them, a clip would be called real that recorded fakes resemble.
    fakes = sorted(round(example.logit, 3) for example in recorded if example.is_fake)
    numbers = {
        "slope": round(slope, 4),
        "offset": round(offset, 4),
        "min_fake_probability": arguments.least,
        "false_alarm_rate": FALSE_ALARM_RATE,
        "miss_rate": MISS_RATE,
        "real_logits": reals,
        "fake_logits": fakes,
    }
    arguments.out.write_text(json.dumps(numbers) + "\n")
    print(f"slope {slope:.3f}, offset {offset:.3f}, {len(reals)} real examples -> {arguments.out}")


def recorded_examples(work: Path, detector: EfficientNetClassifier) -> list[Example]:
    """Clips of people who were held out, the validation split's and some of the talking heads: as they are, and after
    several courses of degradation, each the same for all frames of a clip."""
    examples = []
    for shard in read_shards(work / "crops", ("train", "val")):
        talking = base_kind(shard) == "video" and not shard.info.is_fake and is_held_out(shard)
        if talking or (shard.info.split == "val" and shard.info.source.startswith("ff++")):
            kind = f"{shard.info.source} {shard.info.method}"
            examples.append(Example(shard.info.name, kind, shard.info.is_fake, clip_logit(detector, shard, FRAMES)))
            for course in range(COURSES[shard.info.is_fake]):
                logit = float(detector.logits(degraded_clip(shard, course)).mean())
                name = f"{shard.info.name} degraded {course}"
                examples.append(Example(name, f"{kind} degraded", shard.info.is_fake, logit))
    return examples


def degraded_clip(shard: Shard, course: int, frames: int = FRAMES) -> NDArray[np.uint8]:
    """Return crops (n, 280, 280, 3) spread over a clip, all after the same course of degradation."""
    seed = [SEED, course, *shard.info.name.encode()]
    chosen = spread(len(shard.images), frames)
    return np.stack([degrade((np.asarray(shard.images[k]),), np.random.default_rng(seed))[0][0] for k in chosen])


def made_examples(work: Path, detector: EfficientNetClassifier) -> list[Example]:
    """Photographs of held-out people: as they are, as soft clips, and degraded beside a made fake of each."""
    shards = read_shards(work / "crops")
    photographs = [shard for shard in shards if base_kind(shard) == "photographs" and not shard.info.is_fake]
    train = [shard for shard in photographs if not is_held_out(shard)]
    forger = Forger([shard for shard in photographs if is_held_out(shard)], cached_eigenfaces(work, train))
    random = np.random.default_rng(SEED)
    examples = []
    for shard in shards:
        if not is_held_out(shard) or base_kind(shard) not in ("photographs", "soft"):
            continue
        for number, logit in enumerate(detector.logits(plain_cut(np.asarray(shard.images)))):
            examples.append(Example(f"{shard.info.name} {number}", f"{base_kind(shard)} as is", False, float(logit)))
        for number in range(len(shard.images)):
            real, fake = _views(shard, number, forger, random)
            name = f"{shard.info.name} {number}"
            examples.append(Example(name, f"{base_kind(shard)} degraded", False, float(detector.logits(real).mean())))
            examples.append(Example(name, f"{base_kind(shard)} forged", True, float(detector.logits(fake).mean())))
    return examples


def fit(examples: Sequence[Example]) -> tuple[float, float]:
    """Return slope and offset of the logistic regression. Recorded and made examples of a class weigh the same."""
    logits = np.array([example.logit for example in examples])
    fake = np.array([example.is_fake for example in examples])
    made = np.array([example.kind.split()[0] in ("photographs", "soft") for example in examples])
    weights = np.zeros(len(examples))
    for part in (fake & made, fake & ~made, ~fake & made, ~fake & ~made):
        weights[part] = 0.25 / max(1, int(part.sum()))
    return platt(logits, fake, weights)


def describe(examples: Sequence[Example], slope: float, offset: float) -> None:
    """Print, by kind, how many there are, their mean probability and the share above one half and above 0.9."""
    print(f"{'kind':28} {'n':>5} {'mean P':>7} {'> 0.5':>6} {'> 0.9':>6}")
    for kind in sorted({(example.is_fake, example.kind) for example in examples}):
        some = [example for example in examples if (example.is_fake, example.kind) == kind]
        p = 1 / (1 + np.exp(-(slope * np.array([example.logit for example in some]) + offset)))
        label = ("fake " if kind[0] else "real ") + kind[1]
        print(f"{label:28} {len(some):5d} {p.mean():7.3f} {np.mean(p > 0.5):6.2f} {np.mean(p > 0.9):6.2f}")
    logits = np.array([example.logit for example in examples])
    fake = np.array([example.is_fake for example in examples])
    print(f"log loss {log_loss(1 / (1 + np.exp(-(slope * logits + offset))), fake):.3f} over all {len(examples)}")


def _views(
    shard: Shard, number: int, forger: Forger, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    real = np.asarray(shard.images[number])
    fake, _ = forger.fake(real, shard.meshes[number], random)
    pairs = [degrade((real, fake), random)[0] for _ in range(VIEWS)]
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


if __name__ == "__main__":
    main()
