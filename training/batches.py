"""Endless batches of pairs for PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from training.degradation import Mask
from training.network import MASK_CELLS
from training.pairs import BatchConfig, PairMaker


class PairBatches(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Yields images uint8 (2 * pairs, 3, 224, 224), reals first; labels f32 (2 * pairs,); and what share of each of
    14 x 14 places is forged, f32 (2 * pairs, 14, 14), NaN where that is not known."""

    def __init__(self, work: Path, config: BatchConfig, *, start: int = 0) -> None:
        self._work, self._config, self._start = work, config, start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches from `start` on: each has its own seed, so that a resumed run goes on as if never stopped."""
        cv2.setNumThreads(1)
        maker = PairMaker(self._work, self._config)
        labels = torch.cat([torch.zeros(self._config.pairs), torch.ones(self._config.pairs)])
        info = torch.utils.data.get_worker_info()
        first, step = (self._start + info.id, info.num_workers) if info else (self._start, 1)
        number = first
        while True:
            random = np.random.default_rng([self._config.seed, number])
            pairs = [maker.pair(random) for _ in range(self._config.pairs)]
            stacked = np.stack([pair.real for pair in pairs] + [pair.fake for pair in pairs])
            masks = np.zeros((len(stacked), MASK_CELLS, MASK_CELLS), np.float32)
            masks[len(pairs) :] = [_cells(pair.mask) for pair in pairs]
            yield torch.from_numpy(stacked).permute(0, 3, 1, 2), labels, torch.from_numpy(masks)
            number += step


def _cells(mask: Mask | None) -> Mask:
    size = (MASK_CELLS, MASK_CELLS)
    if mask is None:
        return np.full(size, np.nan, np.float32)
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32)
