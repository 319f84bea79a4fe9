"""Pairs made ahead, by several processes, for training.clip_folds.

    python -m training.pool WORK POOL --pairs 4096 --real-fakes 0.75

WORK holds what training.prepare and training.content wrote. Writes blocks of pairs to the folder POOL, 77 MB each.
clip_folds reads them as they come and deletes them. The order of the blocks' content follows
from the seed; they are finished in any order.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pairs import BatchConfig, PairMaker

PAIRS_A_BLOCK = 256
CUT_OFF_SHARE = 0.12  # of the pairs
LEFT_OUT = ("dftimit",)  # its people are in clips of a fold, and its shape tells its label


@dataclass(frozen=True, slots=True)
class Block:
    """images: uint8 (n, 2, 224, 224, 3), the real crop and its fake; shards: of each pair, the names of those it was
    drawn from, the real one's first."""

    images: NDArray[np.uint8]
    shards: list[list[str]]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Make pairs ahead.")
    parser.add_argument("work", type=Path)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--real-fakes", type=float, default=0.5)
    parser.add_argument("--splits", default="train,val")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    config = BatchConfig(
        pairs=PAIRS_A_BLOCK,
        real_fakes=arguments.real_fakes,
        by_content=True,
        cut_off_share=CUT_OFF_SHARE,
        without=LEFT_OUT,
        seed=arguments.seed,
        splits=tuple(arguments.splits.split(",")),
    )
    arguments.pool.mkdir(parents=True, exist_ok=True)
    blocks = -(-arguments.pairs // PAIRS_A_BLOCK)
    PairMaker(arguments.work, config)  # what is computed once in a work folder is there when the processes start
    with multiprocessing.get_context("spawn").Pool(
        arguments.processes, _begin, (arguments.work, arguments.pool, config)
    ) as pool:
        for _ in pool.imap_unordered(_make, range(blocks)):
            pass


_maker: PairMaker
_folder: Path


def _begin(work: Path, folder: Path, config: BatchConfig) -> None:
    global _maker, _folder
    cv2.setNumThreads(1)
    _maker, _folder = PairMaker(work, config), folder


def _make(number: int) -> None:
    random = np.random.default_rng([_maker.config.seed, number])
    pairs = [_maker.pair(random) for _ in range(PAIRS_A_BLOCK)]
    write_block(
        _folder,
        number,
        Block(np.stack([np.stack([p.real, p.fake]) for p in pairs]), [list(p.shards) for p in pairs]),
    )


def write_block(folder: Path, number: int, block: Block) -> None:
    """Write a block; its JSON file comes last, so that a block that has one is complete."""
    np.save(folder / f"{number:06d}.npy", block.images)
    part = folder / f"{number:06d}.part"
    part.write_text(json.dumps(block.shards))
    part.rename(folder / f"{number:06d}.json")


def take_blocks(folder: Path) -> Iterator[Block]:
    """Yield the blocks that are complete; each is deleted when the next one is asked for."""
    for path in sorted(folder.glob("*.json")):
        images = path.with_suffix(".npy")
        yield Block(np.load(images), json.loads(path.read_text()))
        path.unlink()
        images.unlink()


if __name__ == "__main__":
    main()
