"""Pairs to learn from: a real face and its fake, after the same degradation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepfake.detectors.efficientnet import WHOLE, View
from deepfake.video.reader import Image
from training.degradation import Mask, Random, degrade
from training.shards import Shard, read_shards
from training.synthesis import Eigenfaces, Forger, learn_eigenfaces

# Real people whose crops are never trained on: calibration needs them. Shards whose names end so or hold this.
HELD_OUT = ("ffhq_1000", "mebeauty_0900", "voteview_0200", "grid_bbaf2n", "grid_lrwp9a", "grid_sbwe5n",
            "hdtf_RD_Radio34_000", "hdtf_WDA_KatieHill_000")  # fmt: skip
# How often a face of a source is the base of a made fake.
BASE_SHARES = {"photographs": 0.36, "soft": 0.28, "ff++": 0.16, "talking": 0.14, "dftimit": 0.06}
DFTIMIT_SHARE = 0.06  # of the real fakes: easy and all of one kind
C40_SHARE = 0.4  # of the FaceForensics++ fakes


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """pairs: a batch. real_fakes: share of pairs whose fake is a manipulated clip's frame. without: sources (by the
    start of their names) that are left out altogether, so that they can be judged as unseen. view: what is shown."""

    pairs: int = 16
    real_fakes: float = 0.0
    without: tuple[str, ...] = ()
    view: View = WHOLE
    seed: int = 0


class PairMaker:
    """Draws one pair at a time from the shards of a work folder."""

    def __init__(self, work: Path, config: BatchConfig) -> None:
        shards = [s for s in read_shards(work / "crops") if not is_held_out(s) and not _left_out(s, config.without)]
        self._config = config
        self._by_name = {shard.info.name: shard for shard in shards}
        reals = [shard for shard in shards if not shard.info.is_fake]
        self._bases = {kind: [s for s in reals if base_kind(s) == kind] for kind in BASE_SHARES}
        self._bases = {kind: found for kind, found in self._bases.items() if found}
        self._shares = np.array([BASE_SHARES[kind] for kind in self._bases])
        self._shares /= self._shares.sum()
        self._fakes: dict[tuple[str, str], list[Shard]] = {}
        for shard in shards:
            if shard.info.is_fake and shard.info.original in self._by_name:
                self._fakes.setdefault((shard.info.source, shard.info.method), []).append(shard)
        photographs = self._bases["photographs"]
        self._forger = Forger(photographs, cached_eigenfaces(work, photographs))

    def pair(self, random: Random) -> tuple[Image, Image, Mask | None]:
        """Return a real crop and its fake, uint8 (224, 224, 3) each, and how much of each pixel of the fake is
        forged, f32 (S, S) in [0, 1], at the crop's resolution; None for a recorded fake, of which that is not known."""
        if self._fakes and random.random() < self._config.real_fakes:
            real, fake = self._recorded(random)
            mask = None
        else:
            shard = self._base(random)
            number = int(random.integers(len(shard.images)))
            real = np.asarray(shard.images[number])
            fake, mask = self._forger.fake(real, shard.meshes[number], random)
        pair, mask = degrade((real, fake), random, mask)
        real, fake = self._config.view.of(np.stack(pair))
        return real, fake, None if mask is None else mask[self._config.view.square]

    def _base(self, random: Random) -> Shard:
        kind = list(self._bases)[int(random.choice(len(self._shares), p=self._shares))]
        found = self._bases[kind]
        if kind in ("photographs", "soft"):  # sets differ in size; people should weigh the same
            sizes = np.array([len(shard.images) for shard in found], dtype=np.float64)
            return found[int(random.choice(len(found), p=sizes / sizes.sum()))]
        return found[int(random.integers(len(found)))]

    def _recorded(self, random: Random) -> tuple[Image, Image]:
        kinds = sorted(self._fakes)
        weights = np.array([_kind_weight(kind, kinds) for kind in kinds])
        found = self._fakes[kinds[int(random.choice(len(kinds), p=weights / weights.sum()))]]
        fake = found[int(random.integers(len(found)))]
        number = int(random.integers(len(fake.images)))
        real = self._by_name[fake.info.original]
        nearest = int(np.argmin(np.abs(real.frames - fake.frames[number])))
        return np.asarray(real.images[nearest]), np.asarray(fake.images[number])


def base_kind(shard: Shard) -> str:
    """Return which of BASE_SHARES a real shard belongs to."""
    source = shard.info.source
    if source.startswith("soft"):
        return "soft"
    if source.startswith("ff++"):
        return "ff++"
    if source in ("grid", "hdtf"):
        return "talking"
    return "dftimit" if source == "dftimit" else "photographs"


def is_held_out(shard: Shard) -> bool:
    """Tell whether a shard shows people who are kept for calibration."""
    return any(shard.info.name.endswith(name) for name in HELD_OUT)


def cached_eigenfaces(work: Path, photographs: Sequence[Shard]) -> Eigenfaces:
    """Return the eigenfaces of the photographs, computed once a work folder."""
    path = work / "eigenfaces.npz"
    if path.is_file():
        with np.load(path) as arrays:
            return Eigenfaces(arrays["mean"], arrays["components"])
    faces = learn_eigenfaces([image for shard in photographs for image in shard.images])
    part = work / f"eigenfaces.{os.getpid()}.part.npz"
    np.savez(part, mean=faces.mean, components=faces.components)
    part.replace(path)
    return faces


def _left_out(shard: Shard, without: Sequence[str]) -> bool:
    return any(shard.info.source.startswith(name) or shard.info.method == name for name in without)


def _kind_weight(kind: tuple[str, str], kinds: Sequence[tuple[str, str]]) -> float:
    if kind[0] == "dftimit":
        return DFTIMIT_SHARE
    share = C40_SHARE if kind[0].endswith("c40") else 1 - C40_SHARE
    return (1 - DFTIMIT_SHARE) * share / sum(other[0] == kind[0] for other in kinds)
