"""Pairs to learn from: a real face and its fake, after the same degradation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import WHOLE
from deepfake.detectors.view import View
from deepfake.faces.blur import edge_blur_px
from deepfake.files import replacing
from deepfake.video.info import Image
from training.degradation import Mask, Random, cut_off, degrade, plain_cut
from training.shards import Shard, read_shards
from training.synthesis import Eigenfaces, Forger, learn_eigenfaces

# Real people whose crops are never trained on: calibration needs them. Shards whose names end so or hold this.
HELD_OUT = ("ffhq_1000", "mebeauty_0900", "voteview_0200", "grid_bbaf2n", "grid_lrwp9a", "grid_sbwe5n",
            "hdtf_RD_Radio34_000", "hdtf_WDA_KatieHill_000")  # fmt: skip
PHOTOGRAPH_SOURCES = ("ffhq", "mebeauty", "voteview")
# How often a face of a kind is the base of a made fake.
BASE_SHARES = {"photographs": 0.3, "soft": 0.2, "video": 0.5}
OWN_ORIGINAL_SHARE = 0.85  # of the recorded fakes whose original is there; the others meet a real face like them
ALIKE = 60  # real clips most like a fake in size and blur of the face
MATCHES = 10  # of these, the ones whose picture is most like the fake's, among which its partner is drawn
CONTENT_FILE = "content.npz"  # of training.content, in the work folder
SIDE_WEIGHT = 2.0  # of an e-fold of the face's size against a pixel of blur, when likeness is measured


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """pairs: per batch. real_fakes: share of pairs whose fake is a manipulated clip's frame. without: sources (by the
    start of their names) or methods that are left out altogether, so that they can be judged as unseen.
    photographs_only: nothing is shown but photographs and the soft clips made of them. view: what is shown."""

    pairs: int = 16
    real_fakes: float = 0.0
    without: tuple[str, ...] = ()
    photographs_only: bool = False
    view: View = WHOLE
    by_content: bool = False
    cut_off_share: float = 0.0
    seed: int = 0
    splits: tuple[str, ...] = ("train",)


@dataclass(frozen=True, slots=True)
class Pair:
    """A real crop and its fake, uint8 (224, 224, 3) each, after the same degradation. mask: how much of each pixel of
    the fake is forged, f32 (S, S) in [0, 1] at the crop's resolution; None for a recorded fake, of which that is not
    known. shards: the real one's name, and the recorded fake's."""

    real: Image
    fake: Image
    mask: Mask | None
    shards: tuple[str, ...]


class PairMaker:
    """Draws one pair at a time from the shards of a work folder."""

    def __init__(self, work: Path, config: BatchConfig) -> None:
        shards = read_shards(work / "crops", config.splits)
        shards = [s for s in shards if not is_held_out(s) and not _left_out(s, config.without)]
        if config.photographs_only:
            shards = [shard for shard in shards if base_kind(shard) in {"photographs", "soft"}]
        self.config = config
        self._by_name = {shard.info.name: shard for shard in shards}
        reals = [shard for shard in shards if not shard.info.is_fake]
        self._bases = {kind: [s for s in reals if base_kind(s) == kind] for kind in BASE_SHARES}
        self._bases = {kind: found for kind, found in self._bases.items() if found}
        self._shares = np.array([BASE_SHARES[kind] for kind in self._bases])
        self._shares /= self._shares.sum()
        self._fakes: dict[str, list[Shard]] = {}
        for shard in shards:
            if shard.info.is_fake:
                self._fakes.setdefault(method_kind(shard.info.method), []).append(shard)
        content = read_content(work) if config.by_content else {}
        self._partners = _Partners(self._bases["video"], content) if self._bases.get("video") else None
        photographs = self._bases["photographs"]
        # Other faces come from photographs alone: a clip's would show a network people whom its fold leaves out.
        self._forger = Forger(photographs, cached_eigenfaces(work, photographs))

    def pair(self, random: Random) -> Pair:
        """Return the next pair."""
        if self._fakes and random.random() < self.config.real_fakes:
            real, fake, shards = self._recorded(random)
            mask = None
        else:
            shard = self._base(random)
            number = int(random.integers(len(shard.images)))
            real, shards = np.asarray(shard.images[number]), (shard.info.name,)
            fake, mask = self._forger.fake(real, shard.meshes[number], random)
        pair, mask = degrade((real, fake), random, mask)
        if random.random() < self.config.cut_off_share:
            pair, outside = cut_off(pair, random)
            mask = None if mask is None else np.where(outside, np.float32(0), mask)
        real, fake = self.config.view.of(np.stack(pair))
        return Pair(real, fake, None if mask is None else mask[self.config.view.square], shards)

    def _base(self, random: Random) -> Shard:
        kind = list(self._bases)[int(random.choice(len(self._shares), p=self._shares))]
        found = self._bases[kind]
        if kind == "video":
            return _drawn(found, random)
        # Sets of photographs differ in size; people should weigh the same.
        sizes = np.array([len(shard.images) for shard in found], dtype=np.float64)
        return found[int(random.choice(len(found), p=sizes / sizes.sum()))]

    def _recorded(self, random: Random) -> tuple[Image, Image, tuple[str, ...]]:
        kinds = sorted(self._fakes)
        weights = np.sqrt([len(self._fakes[kind]) for kind in kinds])  # neither the many clips of a kind nor the few
        found = self._fakes[kinds[int(random.choice(len(kinds), p=weights / weights.sum()))]]
        fake = _by_group(found, random)
        number = int(random.integers(len(fake.images)))
        real = self._by_name.get(fake.info.original)
        if real is not None and (self._partners is None or random.random() < OWN_ORIGINAL_SHARE):
            nearest = int(np.argmin(np.abs(real.frames - fake.frames[number])))
        else:
            if self._partners is None:
                raise ValueError("recorded fakes without an original need real clips to be paired with")
            real = self._partners.like(fake, random)
            nearest = int(random.integers(len(real.images)))
        names = (real.info.name, fake.info.name)
        return np.asarray(real.images[nearest]), np.asarray(fake.images[number]), names


class _Partners:
    """Real clips by the size and the blur of their faces and by what their pictures show: a fake without an original
    is paired with one like it, so that none of these tells which of the two is fake."""

    def __init__(self, shards: Sequence[Shard], content: Mapping[str, NDArray[np.float32]]) -> None:
        self._shards = list(shards)
        self._looks = np.array([_look(shard) for shard in shards])
        self._content = content
        self._cache: dict[str, NDArray[np.int64]] = {}

    def like(self, fake: Shard, random: Random) -> Shard:
        """Return one of the MATCHES real clips most like a fake, other people's."""
        nearest = self._cache.get(fake.info.name)
        if nearest is None:
            distance = np.abs(self._looks - _look(fake)).sum(axis=1)
            distance[[shard.info.group == fake.info.group for shard in self._shards]] = np.inf
            alike = np.argsort(distance)[: min(ALIKE, int(np.isfinite(distance).sum()))]
            nearest = self._cache.setdefault(fake.info.name, self._nearest_content(fake, alike)[:MATCHES])
        return self._shards[int(random.choice(nearest))]

    def _nearest_content(self, fake: Shard, alike: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self._content:
            return alike
        wanted = self._content[fake.info.name]
        unlike = [-float(self._content[self._shards[k].info.name] @ wanted) for k in alike]
        return alike[np.argsort(unlike, kind="stable")]


def _look(shard: Shard) -> tuple[float, float]:
    """How large and how blurred a shard's faces are, on scales that can be added."""
    middle = len(shard.images) // 2
    blur = edge_blur_px(WHOLE.of(plain_cut(shard.images[middle : middle + 1]))[0])
    return SIDE_WEIGHT * float(np.log(np.median(shard.sides))), 2.0 if np.isnan(blur) else blur


def _drawn(shards: Sequence[Shard], random: Random) -> Shard:
    """Draw a source by the square root of its people, then one of them, then a clip."""
    sources: dict[str, list[Shard]] = {}
    for shard in shards:
        sources.setdefault(shard.info.source, []).append(shard)
    names = sorted(sources)
    weights = np.sqrt([len({shard.info.group for shard in sources[name]}) for name in names])
    return _by_group(sources[names[int(random.choice(len(names), p=weights / weights.sum()))]], random)


def _by_group(shards: Sequence[Shard], random: Random) -> Shard:
    groups = sorted({shard.info.group for shard in shards})
    group = groups[int(random.integers(len(groups)))]
    found = [shard for shard in shards if shard.info.group == group]
    return found[int(random.integers(len(found)))]


def method_kind(method: str) -> str:
    """Return the first word of a method's name: variants of one method are one kind."""
    return re.split(r"[ /(-]", method)[0]


def base_kind(shard: Shard) -> str:
    """Return which of BASE_SHARES a real shard belongs to, or "dftimit", whose shape tells its label."""
    source = shard.info.source
    if source.startswith("soft"):
        return "soft"
    if source == "dftimit":
        return "dftimit"
    return "photographs" if source in PHOTOGRAPH_SOURCES else "video"


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
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, mean=faces.mean, components=faces.components)
    return faces


def read_content(work: Path) -> dict[str, NDArray[np.float32]]:
    """Return what clips show, f32 (768,) by shard, of unit length. Raises FileNotFoundError where training.content has
    not been run."""
    with np.load(work / CONTENT_FILE) as arrays:
        return dict(zip(arrays["names"].tolist(), arrays["tokens"], strict=True))


def _left_out(shard: Shard, without: Sequence[str]) -> bool:
    return any(shard.info.source.startswith(name) or shard.info.method == name for name in without)
