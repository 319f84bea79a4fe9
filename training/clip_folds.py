"""Folds over whole sources for CLIP: what it is worth on sources and methods that it has not seen.

Each fold leaves out whole sources of real clips and whole methods of fakes, and everybody who is linked to them by a
swap. A network that was trained without a fold scores its clips; recipes are chosen, and the calibration is made, by
these scores alone. What ships is trained by the same recipe on all folds.

    python -m training.pool WORK POOL --pairs 120000 &
    python -m training.clip_folds WORK BASE.onnx POOL --out OUT --steps 600 --seeds 1,2

Writes OUT/fold K seed S.npz and OUT/all seed S.npz (tuned values), OUT/scores.npz (logits of every crop by the network
that did not see its source).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from training.clip_network import ClipVit
from training.metrics import auc
from training.pool import PAIRS_A_BLOCK, take_blocks
from training.shards import Shard, ShardInfo

# Sources by fold, by the start of their names. Each holds kinds of fakes that no other holds.
FOLDS: tuple[tuple[str, ...], ...] = (
    ("ff++", "grid", "dfdc"),
    ("wild_deepfacelive", "wild_simswap", "wild_faceswap_tutorial", "wild_mead_256", "wild_signing",
     "wild_telegram_round", "wild_keep_degraded"),
    ("wild_wav2lip", "wild_dreamtalk", "wild_emo", "wild_sda", "wild_xuniren", "wild_videoretalking", "hdtf", "wild_hdtf",
     "wild_youtube_student", "wild_stock", "wild_tv_indexer", "wild_svfr_lq"),
    ("wild_fomm", "wild_anitalker", "wild_celebv", "wild_intern_input", "wild_driving_misc", "wild_tpsmm", "wild_student",
     "wild_dpe", "wild_rppg", "wild_pyfeat", "wild_antispoof", "wild_face_", "wild_metrical"),
    ("wild_vasa1", "wild_loopy", "wild_ditto", "wild_fantasytalking", "wild_float", "wild_aegisai",
     "wild_liveportrait_driving", "wild_styletalk", "wild_web_social", "wild_av_speech", "wild_marlin", "wild_lrs3",
     "wild_dfew", "wild_emotion", "wild_douyin", "wild_edtalk", "wild_iplap", "wild_joygen", "wild_latentsync",
     "wild_vidtimit", "wild_deeperforensics"),
)  # fmt: skip
EVALUATED_AT_ONCE = 256
POOL_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class FoldRecipe:
    """pairs: per step. real_fakes: share of them whose fake was recorded. rate: of the LayerNorms; head_rate: of the
    head; both fall by half a cosine after warm_up steps. keep: share of the patches that are looked at. biases: tune
    the biases of the linear layers as well. uniformity, alignment: weights of these terms on the unit class tokens
    (Wang & Isola 2020, arXiv:2005.10242; as in GenD)."""

    steps: int = 600
    pairs: int = 128
    real_fakes: float = 0.5
    rate: float = 1e-3
    head_rate: float = 4e-3
    warm_up: int = 40
    smoothing: float = 0.03
    keep: float = 0.6
    ema: float = 0.99
    biases: bool = False
    uniformity: float = 0.0
    alignment: float = 0.0
    seed: int = 0


def fold_of(source: str) -> int | None:
    """Return the fold of a source; None of photographs, which belong to none: every network may learn from them."""
    for fold, starts in enumerate(FOLDS):
        if source.startswith(starts):
            return fold
    return None


def left_out(infos: Sequence[ShardInfo], fold: int) -> set[str]:
    """Return the names of the shards that a network of this fold may not see: its sources', and their people's."""
    groups = {info.group for info in infos if fold_of(info.source) == fold}
    return {info.name for info in infos if fold_of(info.source) == fold or info.group in groups}


class DevicePool:
    """Pairs in the memory of the device, with the shards that they were drawn from."""

    def __init__(self, folder: Path, capacity: int, device: torch.device) -> None:
        self._folder = folder
        self._images = torch.empty((capacity, 2, 224, 224, 3), dtype=torch.uint8, device=device)
        self.shards: list[list[str]] = []

    def fill(self, least: int = 0) -> None:
        """Take what is there, and wait until there are `least`."""
        while True:
            for block in take_blocks(self._folder):
                if len(self.shards) + len(block.shards) > len(self._images):
                    return
                start = len(self.shards)
                self._images[start : start + len(block.shards)] = torch.from_numpy(block.images)
                self.shards += block.shards
            if len(self.shards) >= least:
                return
            time.sleep(POOL_WAIT_S)

    def batch(self, chosen: NDArray[np.int64]) -> Tensor:
        """Return uint8 (2 n, 3, 224, 224), the reals first."""
        pairs = self._images[torch.from_numpy(chosen).to(self._images.device)]
        return pairs.transpose(0, 1).flatten(0, 1).permute(0, 3, 1, 2)


class Drawer:
    """Draws pairs that a network may see, recorded and made ones by their shares."""

    def __init__(self, pool: DevicePool, recipe: FoldRecipe, forbidden: set[str]) -> None:
        self._pool, self._recipe, self._forbidden = pool, recipe, forbidden
        self._random = np.random.default_rng([recipe.seed, 7])
        self._kinds = [np.empty(0, np.int64), np.empty(0, np.int64)]  # made, recorded
        self._seen = 0

    def draw(self) -> Tensor:
        """Return the next batch."""
        new: tuple[list[int], list[int]] = ([], [])
        for number in range(self._seen, len(self._pool.shards)):
            shards = self._pool.shards[number]
            if self._forbidden.isdisjoint(shards):
                new[len(shards) == 2].append(number)
        self._seen = len(self._pool.shards)
        if new[0] or new[1]:
            self._kinds = [np.concatenate([k, np.array(n, np.int64)]) for k, n in zip(self._kinds, new, strict=True)]
        recorded = round(self._recipe.pairs * self._recipe.real_fakes)
        counts = (self._recipe.pairs - recorded, recorded)
        chosen = [self._random.choice(kind, count) for kind, count in zip(self._kinds, counts, strict=True)]
        return self._pool.batch(np.concatenate(chosen))


def train(
    base: Path, start: Path | None, recipe: FoldRecipe, pool: DevicePool, forbidden: set[str], device: torch.device
) -> ClipVit:
    """Return the tuned network, its weights averaged over the last steps."""
    torch.manual_seed(recipe.seed)
    net = ClipVit(base, biases=recipe.biases).to(device).train()
    if start is not None:
        net.load_tuned(start)
    parameters = {False: [], True: []}
    for name, parameter in net.named_parameters():
        parameters[name.startswith("head")].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": parameters[False], "peak": recipe.rate}, {"params": parameters[True], "peak": recipe.head_rate}],
        weight_decay=0.0, betas=(0.9, 0.99),
    )  # fmt: skip
    drawer = Drawer(pool, recipe, forbidden)
    average = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    labels = torch.arange(2 * recipe.pairs, device=device) >= recipe.pairs
    targets = labels.float() * (1 - 2 * recipe.smoothing) + recipe.smoothing
    for step in range(recipe.steps):
        if step % 20 == 0:
            pool.fill()
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * _rate_share(step, recipe)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            tokens = net.embedding(drawer.draw(), recipe.keep)
        loss = F.binary_cross_entropy_with_logits(net.head(tokens), targets)
        if recipe.uniformity or recipe.alignment:
            unit = F.normalize(tokens.float(), dim=1)
            loss = loss + recipe.uniformity * _uniformity(unit) + recipe.alignment * _alignment(unit, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        decay = min(recipe.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                average[name].lerp_(parameter, 1 - decay)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(average[name])
    return net.eval()


def _rate_share(step: int, recipe: FoldRecipe) -> float:
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)))


def _uniformity(unit: Tensor) -> Tensor:
    """Log of the mean Gaussian potential of all pairs."""
    return torch.pdist(unit).square().mul(-2).exp().mean().log()


def _alignment(unit: Tensor, labels: Tensor) -> Tensor:
    """Mean square distance of pairs of one class."""
    return torch.stack([torch.pdist(unit[labels == label]).square().mean() for label in (False, True)]).mean()


@torch.no_grad()
def scores(net: ClipVit, images: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the logits f32 (n,) and unit class tokens f32 (n, 768) of images uint8 (n, 224, 224, 3)."""
    tokens = []
    for part in images.split(EVALUATED_AT_ONCE):
        with torch.autocast(images.device.type, torch.bfloat16, enabled=images.device.type == "cuda"):
            tokens.append(net.embedding(part.permute(0, 3, 1, 2)).float())
    joined = torch.cat(tokens)
    return net.head(joined).cpu().numpy(), F.normalize(joined, dim=1).cpu().numpy()
