"""Write a run's averaged weights as the file that the application loads.

    python -m training.export WORK/runs/b/ema.pt [MORE.pt ...] --out efficientnet_lite0_whole.npz

Several files are averaged (a "model soup", Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.network import Lite0


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write averaged weights for the application.")
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    net = Lite0()
    states = [torch.load(path, weights_only=True) for path in arguments.weights]
    net.load_state_dict(average(states), strict=False)  # the mask head, which is not written, may be missing
    arrays = {name: values.astype(np.float16) for name, values in net.exported().items()}
    np.savez_compressed(arguments.out, allow_pickle=False, **arrays)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


def average(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of state dictionaries, over the keys that all of them have."""
    common = set(states[0]).intersection(*states[1:])
    return {key: torch.stack([state[key] for state in states]).mean(dim=0) for key in states[0] if key in common}


if __name__ == "__main__":
    main()
