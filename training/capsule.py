"""Train the capsule network that the learned detector is compared with.

    python -m training.capsule WORK --name capsule --steps 800 --real-fakes 0.35 --seed 5 \\
        --out deepfake/detectors/baselines/capsule.npz

Same crops, made fakes and degradations as for the learned detector (training/train.py), without the task of telling
the forged region. Only the capsules are trained; the extractor of features stays as ImageNet has it. Writes
WORK/runs/NAME: checkpoint.pt (to resume), ema.pt (the averaged weights), log.csv. A run that was stopped goes on from
its last checkpoint when the same command is given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from deepfake.detectors.baselines.capsule import (
    EPSILON,
    EXTRACTOR_STAGES,
    FEATURES,
    HIDDEN,
    MAPS,
    OUTPUT_DIMS,
    PRIMARY,
    PRIMARY_DIMS,
    ROUTING_ROUNDS,
)
from training.batches import PairBatches
from training.network import Lite0, layers
from training.pairs import BatchConfig
from training.runs import Pace, batch_config, begin, run_parser, train

THIRD = 8  # channels between the two convolutions along the maps


@dataclass(frozen=True, slots=True)
class Recipe(Pace):
    """How long and how fast. noise: standard deviation of what is added to the routing matrices; dropout: of the votes
    (both as in the second paper)."""

    rate: float = 1.5e-3
    warm_up: int = 30
    final_share: float = 0.02
    ema: float = 0.99
    weight_decay: float = 0.02
    noise: float = 0.01
    dropout: float = 0.05


class Extractor(Lite0):
    """The stem and the first five blocks of EfficientNet-Lite0 with ImageNet weights, frozen."""

    def __init__(self) -> None:
        super().__init__()
        blocks = sum(repeats for *_, repeats in EXTRACTOR_STAGES)
        self.used = [n for n, layer in enumerate(layers()) if layer.kind != "head" and (layer.block or 0) < blocks]
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return features (n, 40, 28, 28) of images uint8 (n, 3, 224, 224)."""
        scaled = ((images.float() - 127) / 128).contiguous(memory_format=torch.channels_last)
        return self._run(scaled, range(len(self.used)))


class Capsules(nn.Module):
    """Primary capsules, routing, and the two output capsules. All primary capsules are computed side by side, as groups
    of one convolution. noise, dropout: see Recipe; in training only."""

    def __init__(self, *, noise: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(FEATURES, PRIMARY * HIDDEN, 3, padding=1, bias=False)
        self.second = nn.Conv2d(PRIMARY * HIDDEN, PRIMARY * MAPS, 3, padding=1, groups=PRIMARY, bias=False)
        self.third = nn.Conv1d(PRIMARY * 2, PRIMARY * THIRD, 5, stride=2, padding=2, groups=PRIMARY, bias=False)
        self.fourth = nn.Conv1d(PRIMARY * THIRD, PRIMARY, 3, padding=1, groups=PRIMARY, bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(PRIMARY * HIDDEN), nn.BatchNorm2d(PRIMARY * MAPS)
        self.third_norm, self.fourth_norm = nn.BatchNorm1d(PRIMARY * THIRD), nn.BatchNorm1d(PRIMARY)
        self.routing = nn.Parameter(torch.randn(2, PRIMARY, OUTPUT_DIMS, PRIMARY_DIMS))
        self.noise, self.dropout = noise, dropout

    def forward(self, features: Tensor) -> Tensor:
        """Return the output capsules, real and fake, f32 (n, 2, OUTPUT_DIMS), of features (n, FEATURES, h, w)."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            x = F.relu(self.first_norm(self.first(features)))
            x = F.relu(self.second_norm(self.second(x)))
        maps = x.float().reshape(len(x), PRIMARY, MAPS, -1)
        statistics = torch.stack([maps.mean(dim=-1), maps.var(dim=-1, unbiased=False)], dim=2)
        x = self.third_norm(self.third(statistics.reshape(len(x), PRIMARY * 2, MAPS)))
        return self._routed(self.fourth_norm(self.fourth(x)))

    def _routed(self, primary: Tensor) -> Tensor:
        matrices = self.routing
        if self.training:
            matrices = matrices + self.noise * torch.randn_like(matrices)
        votes = torch.einsum("jpod,npd->njpo", matrices, squash(primary))
        votes = F.dropout(votes, self.dropout, self.training)
        agreement = torch.zeros(votes.shape[:3])
        outputs = votes.new_zeros(0)
        for _ in range(ROUTING_ROUNDS):
            outputs = squash(torch.einsum("njp,njpo->njo", agreement.softmax(dim=1), votes))
            agreement = agreement + torch.einsum("njpo,njo->njp", votes, outputs)
        return outputs

    def exported(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays that deepfake.detectors.baselines.capsule reads, normalization folded in, without those of
        the extractor."""
        first, first_bias = _folded(self.first, self.first_norm)
        second, second_bias = _folded(self.second, self.second_norm)
        third, third_bias = _folded(self.third, self.third_norm)
        fourth, fourth_bias = _folded(self.fourth, self.fourth_norm)
        return {
            "first.kernel": first.transpose(2, 3, 1, 0),
            "first.bias": first_bias,
            "second.kernel": second.reshape(PRIMARY, MAPS, HIDDEN, 3, 3).transpose(0, 3, 4, 2, 1),
            "second.bias": second_bias.reshape(PRIMARY, MAPS),
            "third.kernel": third.reshape(PRIMARY, THIRD, 2, 5),
            "third.bias": third_bias.reshape(PRIMARY, THIRD),
            "fourth.kernel": fourth,
            "fourth.bias": fourth_bias,
            "routing": self.routing.detach().numpy().copy(),
        }


def main() -> None:
    """Run the command."""
    parser = run_parser("Train the capsule network.", rate=Recipe(0).rate)
    parser.add_argument("--out", type=Path, help="write the averaged weights for the application when done")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe(arguments.steps, arguments.rate)
    average = run(arguments.work, arguments.name, recipe, batch_config(arguments))
    if arguments.out is not None:
        export(average, arguments.out)


def run(work: Path, name: str, recipe: Recipe, batches: BatchConfig) -> dict[str, Tensor]:
    """Train, or go on training. Return the averaged weights."""
    folder = begin(work, name, recipe, batches)
    extractor = Extractor().to(memory_format=torch.channels_last)
    net = Capsules(noise=recipe.noise, dropout=recipe.dropout).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    learn = partial(_train_step, extractor, net, optimizer)
    return train(folder, net, optimizer, recipe, batches=partial(PairBatches, work, batches), learn=learn)


def export(state: dict[str, Tensor], out: Path) -> None:
    """Write weights for the application, in float16, the extractor's among them."""
    net = Capsules()
    net.load_state_dict(state)
    extractor = Extractor()
    prefixes = tuple(f"{number}." for number in extractor.used)
    arrays = {name: values for name, values in extractor.exported().items() if name.startswith(prefixes)}
    arrays.update(net.exported())
    np.savez_compressed(out, allow_pickle=False, **{name: values.astype(np.float16) for name, values in arrays.items()})
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def squash(vectors: Tensor) -> Tensor:
    """Return vectors of the same direction and the length l² / (1 + l²), along the last axis."""
    squared = vectors.square().sum(dim=-1, keepdim=True)
    return vectors * (squared / (1 + squared) / torch.sqrt(squared + EPSILON))


def loss_of(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy between the two output capsules, mean over their components."""
    differences = outputs[:, 1] - outputs[:, 0]
    return F.binary_cross_entropy_with_logits(differences, labels[:, None].expand_as(differences))


def _train_step(
    extractor: Extractor, net: Capsules, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, _: Tensor
) -> float:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        features = extractor(images)
    loss = loss_of(net(features), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _folded(
    convolution: nn.Conv1d | nn.Conv2d, norm: nn.BatchNorm1d | nn.BatchNorm2d
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel and bias of a convolution without bias and of the normalization after it."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    kernel = convolution.weight * scale.reshape(-1, *[1] * (convolution.weight.ndim - 1))
    return kernel.detach().numpy(), (norm.bias - norm.running_mean * scale).detach().numpy()


if __name__ == "__main__":
    main()
