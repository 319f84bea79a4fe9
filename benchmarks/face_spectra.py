"""The range of the power spectra of real faces, which the figure of the spectrum is drawn against.

    python benchmarks/face_spectra.py DATA [--photos 600] [--seconds 5] [--cache DIR] [--out FILE]

DATA is a folder with faces/index.csv (photographs with five landmarks each) and clips.csv. Of every real clip of the
train split the mean spectrum of its face counts once; photographs and clips weigh the same in all. The percentiles are
of the levelled spectra, bin by bin.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from signals import ROOT, SAMPLED_HZ, Clip, crops, face_path

from deepfake.faces.alignment import crop_to_frame_from_landmarks
from deepfake.pipeline import CROP_SIZE_PX
from deepfake.signals.spectrum import SpectrumSignal, face_square, levelled, radial_power_spectrum

OUT = ROOT / "deepfake" / "signals" / "spectrum_range.json"
PERCENTILES = {"p5": 5, "p50": 50, "p95": 95}
LANDMARK_COLUMNS = [f"{point}_{axis}" for point in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"]
MIN_SQUARE_PX = 128  # smaller squares leave bins empty


def photo_spectra(index: Path, count: int) -> list[NDArray[np.float32]]:
    with index.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = np.random.default_rng(0).permutation(len(rows))[:count]
    spectra = []
    for row in (rows[k] for k in chosen):
        bgr = cv2.imread(str(index.parent / row["file"]))
        landmarks = np.array([float(row[name]) for name in LANDMARK_COLUMNS], dtype=np.float32).reshape(5, 2)
        transform = crop_to_frame_from_landmarks(landmarks, CROP_SIZE_PX)
        square = face_square(np.ascontiguousarray(bgr[..., ::-1]), transform, CROP_SIZE_PX)
        if square is not None and square.shape[0] >= MIN_SQUARE_PX:
            spectra.append(levelled(radial_power_spectrum(square)))
    return spectra


def clip_spectra(manifest: Path, seconds: float, cache: Path) -> list[NDArray[np.float32]]:
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "REAL" and row["split"] == "train"]
    spectra = []
    for row in rows:
        clip = Clip(manifest.parent / row["path"], False, row["set"], row["group"])
        signal, next_sample_s = SpectrumSignal(), 0.0
        for crop, frame, mesh in crops(clip.path, face_path(clip, seconds, cache / "faces")):
            if crop.timestamp_s >= next_sample_s:
                next_sample_s += 1 / SAMPLED_HZ
                signal.push(crop, frame, mesh)
        if np.isfinite(signal.mean_spectrum).all():
            spectra.append(levelled(signal.mean_spectrum))
    return spectra


def weighted_percentile(values: NDArray[np.float32], weights: NDArray[np.float64], percent: float) -> float:
    order = np.argsort(values)
    shares = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(percent / 100 * weights.sum(), shares, values[order]))


def percentiles(photos: Sequence[NDArray[np.float32]], clips: Sequence[NDArray[np.float32]]) -> dict[str, list[float]]:
    stacked = np.array([*photos, *clips])
    weights = np.repeat([1 / len(photos), 1 / len(clips)], [len(photos), len(clips)])
    return {
        name: [round(weighted_percentile(column, weights, percent), 2) for column in stacked.T]
        for name, percent in PERCENTILES.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--cache", type=Path, default=Path("signals-cache"))
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    photos = photo_spectra(arguments.data / "faces" / "index.csv", arguments.photos)
    clips = clip_spectra(arguments.data / "clips.csv", arguments.seconds, arguments.cache)
    source = (
        f"{len(photos)} photographs (FFHQ, MEBeauty, US Congress) and {len(clips)} real clips (FaceForensics++ c23 and "
        "c40, GRID, HDTF), weighing the same; python benchmarks/face_spectra.py DATA"
    )
    found = {"n": len(photos) + len(clips), "source": source, **percentiles(photos, clips)}
    arguments.out.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(source)


if __name__ == "__main__":
    main()
