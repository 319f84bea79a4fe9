"""Tune CLIP's LayerNorms and a head to tell real faces from fakes.

    python -m training.clip_train WORK BASE.onnx --name w2 --start TUNED.npz --real-fakes 0.5 --steps 700

Writes WORK/runs/NAME: checkpoint.pt (to resume), tuned.npz (the averaged weights), log.csv. A run that was stopped goes
on from its last checkpoint when the same command is given again, with more steps if wanted: the rate stays level after
its warm-up, and the average over steps takes the place of its decay.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.data import DataLoader

from training.batches import PairBatches
from training.clip_network import ClipVit
from training.pairs import BatchConfig
from training.runs import log, resume, save, update_average

SAVE_EVERY = 20  # steps
LOG_EVERY = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast. rate: of the LayerNorms; head_rate: of the head; warm_up: steps until they are reached;
    keep: share of the patches that are looked at."""

    steps: int
    rate: float = 1e-3
    head_rate: float = 4e-3
    warm_up: int = 30
    clip_norm: float = 1.0
    ema: float = 0.99
    smoothing: float = 0.03
    keep: float = 0.6


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Tune CLIP to tell real faces from fakes.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the application")
    parser.add_argument("--name", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--start", type=Path, help="tuned.npz of another run")
    parser.add_argument("--real-fakes", type=float, default=0.5)
    parser.add_argument("--without", default="", help="sources or methods to leave out, by comma")
    parser.add_argument("--rate", type=float, default=Recipe.rate)
    parser.add_argument("--head-rate", type=float, default=Recipe.head_rate)
    parser.add_argument("--ema", type=float, default=Recipe.ema)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    batches = BatchConfig(
        pairs=arguments.pairs,
        real_fakes=arguments.real_fakes,
        without=tuple(name for name in arguments.without.split(",") if name),
        seed=arguments.seed,
    )
    recipe = Recipe(arguments.steps, arguments.rate, arguments.head_rate, ema=arguments.ema)
    run(arguments.work, arguments.base, arguments.name, recipe, batches, arguments.start)


def run(work: Path, base: Path, name: str, recipe: Recipe, batches: BatchConfig, start: Path | None) -> None:
    """Train, or go on training."""
    folder = work / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(
        json.dumps({"recipe": asdict(recipe), "batches": asdict(batches), "start": str(start or "CLIP")}, indent=1,
                   default=lambda view: view.name)
    )  # fmt: skip
    torch.manual_seed(batches.seed)
    net = ClipVit(base).train()
    if start is not None:
        net.load_tuned(start)
    optimizer = torch.optim.AdamW(
        [{"params": list(net.norms.parameters()), "peak": recipe.rate},
         {"params": [net.head_weight, net.head_bias], "peak": recipe.head_rate}], weight_decay=0.0, betas=(0.9, 0.99)
    )  # fmt: skip
    average = {key: value.clone() for key, value in net.state_dict().items()}
    step = resume(folder, net, optimizer, average)
    loader = iter(DataLoader(PairBatches(work, batches, start=step), batch_size=None, num_workers=1, prefetch_factor=4))
    begun, losses = time.monotonic(), []
    while step < recipe.steps:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1.0, (step + 1) / recipe.warm_up)
        images, labels, _ = next(loader)
        losses.append(_train_step(net, optimizer, images, labels, recipe))
        step += 1
        update_average(average, net, min(recipe.ema, (1 + step) / (10 + step)))
        if step % LOG_EVERY == 0:
            log(folder, step, losses[-LOG_EVERY:], len(losses) * len(labels) / (time.monotonic() - begun))
        if step % SAVE_EVERY == 0 or step == recipe.steps:
            save(folder, net, optimizer, average, step)
            _save_tuned(folder, net, average)


def _train_step(
    net: ClipVit, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, recipe: Recipe
) -> float:
    logits = net(images, recipe.keep)
    targets = labels * (1 - 2 * recipe.smoothing) + recipe.smoothing
    loss = F.binary_cross_entropy_with_logits(logits, targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_((p for p in net.parameters() if p.requires_grad), recipe.clip_norm)
    optimizer.step()
    return float(loss.detach())


def _save_tuned(folder: Path, net: ClipVit, average: dict[str, Tensor]) -> None:
    """Write tuned.npz, the averaged weights, whole or not at all."""
    own = {key: value.clone() for key, value in net.state_dict().items()}
    net.load_state_dict(average)
    part = folder / f"tuned.{os.getpid()}.part.npz"
    np.savez(part, **net.tuned())
    part.replace(folder / "tuned.npz")
    net.load_state_dict(own)


if __name__ == "__main__":
    main()
