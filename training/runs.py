"""What every training run shares: its learning rate over time, averaged weights, checkpoints, log."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn


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
        part = folder / f"{name}.part"
        torch.save(content, part)
        part.replace(folder / name)


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
