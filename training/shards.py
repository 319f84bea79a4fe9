"""Shards: the crops of one source (a clip, a hundred photographs) in one file, read by mapping it into memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import CROP_PX

MARGIN_PX = 40  # on each side of the detector's crop, in its pixels: room to shift, turn and scale
STORED_PX = CROP_PX + 2 * MARGIN_PX


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """What all crops of a shard share.

    source: "ffhq", "ff++ c23", "dftimit", ...; method: how it was faked, or "real"; group: people linked by a swap;
    split: train, val or test; original: name of the shard with the untouched clip, or "".
    """

    name: str
    source: str
    method: str
    group: str
    split: str
    original: str = ""

    @property
    def is_fake(self) -> bool:
        """Whether the crops show manipulated faces."""
        return self.method != "real"


@dataclass(frozen=True, slots=True)
class Shard:
    """images: uint8 (n, 360, 360, 3); meshes: f32 (n, 468, 2), px in these images; frames: i64 (n,), the frame or
    photograph that each was cut from; sides: f32 (n,), the side of the inner crop in source px."""

    info: ShardInfo
    images: NDArray[np.uint8]
    meshes: NDArray[np.float32]
    frames: NDArray[np.int64]
    sides: NDArray[np.float32]


def write_shard(folder: Path, shard: Shard) -> None:
    """Write a shard; its JSON file comes last, so that a shard that has one is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / shard.info.name
    np.save(f"{stem}.images.npy", shard.images)
    np.savez(f"{stem}.geometry.npz", meshes=shard.meshes, frames=shard.frames, sides=shard.sides)
    Path(f"{stem}.json").write_text(json.dumps(asdict(shard.info)))


def has_shard(folder: Path, name: str) -> bool:
    """Tell whether a shard of that name is complete."""
    return (folder / f"{name}.json").is_file()


def read_shard(folder: Path, name: str) -> Shard:
    """Return a shard, its images mapped, not read."""
    info = ShardInfo(**json.loads((folder / f"{name}.json").read_text()))
    images = np.load(folder / f"{name}.images.npy", mmap_mode="r")
    with np.load(folder / f"{name}.geometry.npz") as geometry:
        return Shard(info, images, geometry["meshes"], geometry["frames"], geometry["sides"])


def read_shards(folder: Path, splits: Iterable[str] = ("train",)) -> list[Shard]:
    """Return all complete shards of these splits that are not empty, by name."""
    wanted = set(splits)
    shards = [read_shard(folder, path.stem) for path in sorted(folder.glob("*.json"))]
    return [shard for shard in shards if shard.info.split in wanted and len(shard.images)]


def clip_name(path: str) -> str:
    """Return a clip's name as a shard: its path with its folders joined."""
    parts = [part for part in Path(path).with_suffix("").parts if part not in ("videos",) and "sequences" not in part]
    return "-".join(parts)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
