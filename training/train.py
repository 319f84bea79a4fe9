"""Train the detector.

    python -m training.train WORK --name a --steps 1500 --without ff++
    python -m training.train WORK --name b --steps 2500 --view close --start WORK/runs/a/ema.pt --real-fakes 0.35

Writes WORK/runs/NAME: checkpoint.pt (to resume), ema.pt (the averaged weights), log.csv. A run that was stopped goes
on from its last checkpoint when the same command is given again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from deepfake.detectors.efficientnet import VIEWS, WHOLE
from training.batches import PairBatches
from training.network import Lite0
from training.pairs import BatchConfig
from training.runs import Pace, batch_config, begin, run_parser, train

FROZEN_BLOCKS = 2  # the stem and these stay as they start: a sixth less time a step
HEAD_RATE = 4.0  # the last layer starts at zero, the others from ImageNet


@dataclass(frozen=True, slots=True)
class Recipe(Pace):
    """How long and how fast, and what holds the network back."""

    rate: float = 3e-4
    warm_up: int = 60
    final_share: float = 0.03
    ema: float = 0.995
    weight_decay: float = 0.02
    clip_norm: float = 2.0
    smoothing: float = 0.02
    mask_weight: float = 0.5  # of the loss at the forged region
    drop_path: float = 0.05
    dropout: float = 0.2
    frozen_blocks: int = FROZEN_BLOCKS


def main() -> None:
    """Run the command."""
    parser = run_parser("Train the detector.", rate=Recipe(0).rate)
    parser.add_argument("--start", type=Path, help="averaged weights of another run (ema.pt)")
    parser.add_argument("--view", choices=[view.name for view in VIEWS], default=WHOLE.name)
    parser.add_argument("--frozen-blocks", type=int, default=FROZEN_BLOCKS, help="0: all layers are trained")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    view = next(view for view in VIEWS if view.name == arguments.view)
    batches = replace(batch_config(arguments), view=view)
    recipe = Recipe(arguments.steps, arguments.rate, frozen_blocks=arguments.frozen_blocks)
    run(arguments.work, arguments.name, recipe, batches, arguments.start)


def run(work: Path, name: str, recipe: Recipe, batches: BatchConfig, start: Path | None) -> None:
    """Train, or go on training."""
    folder = begin(work, name, recipe, batches, start=str(start or "ImageNet"))
    net = Lite0(drop_path=recipe.drop_path, dropout=recipe.dropout, frozen_blocks=recipe.frozen_blocks)
    if start is not None:
        net.load_state_dict(torch.load(start, weights_only=True), strict=False)  # its mask head may be missing
    net = net.to(memory_format=torch.channels_last).train()
    optimizer = _optimizer(net, recipe)
    learn = partial(_train_step, net, optimizer, recipe)
    train(folder, net, optimizer, recipe, batches=partial(PairBatches, work, batches), learn=learn)


def normalized(images: Tensor) -> Tensor:
    """Return uint8 (n, 3, H, W) as the network takes them."""
    return ((images.float() - 127) / 128).contiguous(memory_format=torch.channels_last)


def _train_step(
    net: Lite0, optimizer: torch.optim.Optimizer, recipe: Recipe, images: Tensor, labels: Tensor, masks: Tensor
) -> float:
    """Return the loss of the label alone."""
    with torch.autocast("cpu", torch.bfloat16):
        logits, mask_logits = net.with_mask(normalized(images))
    targets = labels * (1 - 2 * recipe.smoothing) + recipe.smoothing
    label_loss = F.binary_cross_entropy_with_logits(logits.float(), targets)
    known = ~masks.isnan()
    mask_loss = F.binary_cross_entropy_with_logits(mask_logits.float()[known], masks[known])
    loss = label_loss + recipe.mask_weight * mask_loss
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_((p for p in net.parameters() if p.requires_grad), recipe.clip_norm)
    optimizer.step()
    return float(label_loss.detach())


def _optimizer(net: Lite0, recipe: Recipe) -> torch.optim.Optimizer:
    decayed = [parameter for parameter in net.kernels if parameter.requires_grad]
    plain = [parameter for parameter in net.biases if parameter.requires_grad]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay, "factor": 1.0},
        {"params": plain, "weight_decay": 0.0, "factor": 1.0},
        {"params": [net.weight, net.bias, net.mask_weight, net.mask_bias], "weight_decay": 0.0, "factor": HEAD_RATE},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate)


if __name__ == "__main__":
    main()
