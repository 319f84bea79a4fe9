"""Endless batches of pairs for PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from training.pairs import BatchConfig, PairMaker


class PairBatches(IterableDataset[tuple[Tensor, Tensor]]):
    """Yields images uint8 (2 * pairs, 3, 224, 224), reals first, and labels f32 (2 * pairs,)."""

    def __init__(self, work: Path, config: BatchConfig, *, start: int = 0) -> None:
        self._work, self._config, self._start = work, config, start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
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
            stacked = np.stack([real for real, _ in pairs] + [fake for _, fake in pairs])
            yield torch.from_numpy(stacked).permute(0, 3, 1, 2), labels
            number += step
