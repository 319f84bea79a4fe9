"""What every training run shares: options, the loop, its learning rate, averaged weights, checkpoints, log."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from deepfake.files import replacing
from training.batches import PairBatches
from training.pairs import BatchConfig

SAVE_EVERY = 25  # steps
LOG_EVERY = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how fast. rate: the highest learning rate; warm_up: steps until it is reached."""

    steps: int
    rate: float
    warm_up: int
    final_share: float
    ema: float


def run_parser(description: str, *, rate: float) -> argparse.ArgumentParser:
    """Return a parser with the options of every run. rate: the default learning rate."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("work", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--real-fakes", type=float, default=0.0)
    parser.add_argument("--without", default="", help="sources or methods to leave out, by comma")
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def batch_config(arguments: argparse.Namespace) -> BatchConfig:
    """Return the batches that the options of run_parser ask for."""
    return BatchConfig(
        pairs=arguments.pairs,
        real_fakes=arguments.real_fakes,
        without=tuple(name for name in arguments.without.split(",") if name),
        seed=arguments.seed,
    )


def begin(work: Path, name: str, recipe: Pace, batches: BatchConfig, **more: str) -> Path:
    """Return the folder of a run, with what it is in recipe.json, and seed PyTorch."""
    folder = work / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    described = {"recipe": asdict(recipe), "batches": asdict(batches), **more}
    (folder / "recipe.json").write_text(json.dumps(described, indent=1))
    torch.manual_seed(batches.seed)
    return folder


def train(
    folder: Path,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    pace: Pace,
    *,
    batches: Callable[..., PairBatches],
    learn: Callable[[Tensor, Tensor, Tensor], float],
) -> dict[str, Tensor]:
    """Train, or go on from the last checkpoint in the folder. Return the averaged weights.

    optimizer: a group may have a "factor" on its learning rate. batches: called with start, the step. learn: does a
    step on images, labels and masks, and returns its loss.
    """
    average = {key: value.clone() for key, value in net.state_dict().items()}
    step = resume(folder, net, optimizer, average)
    loader = iter(DataLoader(batches(start=step), batch_size=None, num_workers=1, prefetch_factor=4))
    begun, losses = time.monotonic(), []
    while step < pace.steps:
        rate = pace.rate * rate_share(step, pace.steps, pace.warm_up, pace.final_share)
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
        images, labels, masks = next(loader)
        losses.append(learn(images, labels, masks))
        step += 1
        update_average(average, net, min(pace.ema, (1 + step) / (10 + step)))
        if step % LOG_EVERY == 0:
            log(folder, step, losses[-LOG_EVERY:], len(losses) * len(labels) / (time.monotonic() - begun))
        if step % SAVE_EVERY == 0 or step == pace.steps:
            save(folder, net, optimizer, average, step)
    return average


def rate_share(step: int, steps: int, warm_up: int, final_share: float) -> float:
    """Return the share of the highest learning rate at a step: linear warm-up, then half a cosine down to
    final_share."""
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return final_share + (1 - final_share) * 0.5 * (1 + math.cos(math.pi * done))


def update_average(average: dict[str, Tensor], net: nn.Module, decay: float) -> None:
    """Move the averaged weights toward those of the network by the share 1 - decay, in place."""
    with torch.no_grad():
        for key, value in net.state_dict().items():
            if value.is_floating_point():
                average[key].lerp_(value, 1 - decay)
            else:  # how many batches a normalization has seen
                average[key].copy_(value)


def save(folder: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor], step: int) -> None:
    """Write checkpoint.pt, to resume from, and ema.pt, the averaged weights; each whole or not at all."""
    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "average": average, "step": step}
    for name, content in (("checkpoint.pt", state), ("ema.pt", average)):
        with replacing(folder / name) as part:
            torch.save(content, part)


def resume(folder: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]) -> int:
    """Load the last checkpoint, if there is one, and return its step, else 0."""
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    for key, value in state["average"].items():
        average[key].copy_(value)
    return int(state["step"])


def log(folder: Path, step: int, losses: list[float], images_per_s: float) -> None:
    """Add a line to log.csv: step, mean of the losses, images per second."""
    line = f"{step},{sum(losses) / len(losses):.4f},{images_per_s:.1f}"
    with (folder / "log.csv").open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)
