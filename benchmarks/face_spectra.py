"""Spectra of real and fake faces: the range that the figure of the spectrum is drawn against, and a classifier.

    python benchmarks/face_spectra.py DATA [--photos 600] [--seconds 5] [--cache DIR] [--out FILE]

DATA is a folder with faces/index.csv (photographs with five landmarks each) and clips.csv. Of every clip the mean
spectrum of the face that is seen longest counts once. Range: percentiles, bin by bin, of the leveled spectra of
photographs and of the real clips of the train split, both weighing the same in all. Classifier: logistic regression
on the leveled spectra of the FaceForensics++ clips of the train split; its AUC is that of clips whose group was left
out of the training, one group after the other, with a 95% interval that draws groups; and its AUC on the clips of all
other sources, which it was not trained on.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.signals import SAMPLED_HZ, crops, face_path, source_of  # noqa: E402
from deepfake.analysis.model import CROP_SIZE_PX  # noqa: E402
from deepfake.dataset import ClipEntry, open_dataset  # noqa: E402
from deepfake.evaluation.metrics import auc, auc_interval  # noqa: E402
from deepfake.faces.alignment import crop_to_frame_from_landmarks  # noqa: E402
from deepfake.signals.spectrum import SPECTRUM_BINS, face_square, leveled, radial_power_spectrum  # noqa: E402
from training.prepare import read_image  # noqa: E402

OUT = ROOT / "deepfake" / "signals" / "reference" / "spectrum_range.json"
PERCENTILES = {"p5": 5, "p50": 50, "p95": 95}
LANDMARK_COLUMNS = [f"{point}_{axis}" for point in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"]
REGULARIZATION = 0.01  # of standardized bins: neighbors are nearly the same number
MIN_SQUARE_PX = 128  # smaller squares leave bins empty


def photo_spectra(index: Path, count: int) -> list[NDArray[np.float32]]:
    with index.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = np.random.default_rng(0).permutation(len(rows))[:count]
    spectra = []
    for row in (rows[k] for k in chosen):
        landmarks = np.array([float(row[name]) for name in LANDMARK_COLUMNS], dtype=np.float32).reshape(5, 2)
        transform = crop_to_frame_from_landmarks(landmarks, CROP_SIZE_PX)
        square = face_square(read_image(index.parent / row["file"]), transform, CROP_SIZE_PX)
        if square is not None and square.shape[0] >= MIN_SQUARE_PX:
            spectra.append(leveled(radial_power_spectrum(square)))
    return spectra


@dataclass(frozen=True, slots=True)
class ClipSpectrum:
    """The leveled mean spectrum of a clip's face, f32 (64,)."""

    source: str
    group: str
    split: str
    is_fake: bool
    spectrum: NDArray[np.float32]


def clip_spectra(manifest: Path, seconds: float, cache: Path) -> list[ClipSpectrum]:
    found = []
    for clip in open_dataset(manifest, anywhere=True).entries:
        spectrum = mean_spectrum(clip, seconds, cache)
        if np.isfinite(spectrum).all():
            found.append(ClipSpectrum(source_of(clip), clip.group, clip.split or "", clip.is_fake, leveled(spectrum)))
    return found


def mean_spectrum(clip: ClipEntry, seconds: float, cache: Path) -> NDArray[np.float32]:
    """Return the mean spectrum of a clip's face, f32 (64,), NaN where there is none."""
    sums, counts, next_sample_s = np.zeros(SPECTRUM_BINS), np.zeros(SPECTRUM_BINS), 0.0
    face = face_path(clip, seconds, cache / "faces")
    for crop, frame, _ in crops(clip.path, face) if len(face.frame_indices) else ():
        if crop.timestamp_s >= next_sample_s:
            next_sample_s += 1 / SAMPLED_HZ
            square = face_square(frame.image, crop.crop_to_frame, crop.image.shape[0])
            spectrum = np.full(SPECTRUM_BINS, np.nan) if square is None else radial_power_spectrum(square)
            sums += np.nan_to_num(spectrum)
            counts += np.isfinite(spectrum)
    mean = np.full(SPECTRUM_BINS, np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean.astype(np.float32)


def fitted(clips: Sequence[ClipSpectrum]) -> tuple[NDArray[np.float64], float]:
    """Return weights (64,) and bias of a logistic regression on leveled spectra."""
    spectra = np.array([clip.spectrum for clip in clips], dtype=np.float64)
    spread = spectra.std(axis=0) + 0.1
    fakes = np.array([clip.is_fake for clip in clips])
    model = LogisticRegression(C=REGULARIZATION, class_weight="balanced", max_iter=2000)
    model.fit((spectra - spectra.mean(axis=0)) / spread, fakes)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - spectra.mean(axis=0) @ weights)


def left_out_scores(clips: Sequence[ClipSpectrum]) -> NDArray[np.float64]:
    """Return the score of each clip by a classifier that was fitted without its group."""
    scores = np.empty(len(clips))
    for group in {clip.group for clip in clips}:
        weights, bias = fitted([clip for clip in clips if clip.group != group])
        for row, clip in enumerate(clips):
            if clip.group == group:
                scores[row] = clip.spectrum @ weights + bias
    return scores


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


def _auc_of(scores: NDArray[np.float64], clips: Sequence[ClipSpectrum]) -> str:
    fake = np.array([clip.is_fake for clip in clips])
    low, high = auc_interval(scores, fake, [clip.group for clip in clips])
    return f"AUC {auc(scores, fake):.2f} [{low:.2f}, {high:.2f}] on {len(clips)} clips ({int((~fake).sum())} real)"


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
    reals = [clip for clip in clips if clip.split == "train" and not clip.is_fake]
    judged = [clip for clip in clips if clip.source.startswith("ff++") and "actors" not in clip.source]
    others = [clip for clip in clips if not clip.source.startswith("ff++")]
    weights, bias = fitted([clip for clip in judged if clip.split == "train"])
    source = (
        f"{len(photos)} photographs (FFHQ, MEBeauty, US Congress) and {len(reals)} real clips of "
        f"{len({clip.source for clip in reals})} sources, weighing the same"
    )
    worth = (
        f"{_auc_of(left_out_scores(judged), judged)} of FaceForensics++, of {len({clip.group for clip in judged})} "
        "groups of people, each left out in turn; "
        f"{_auc_of(np.array([clip.spectrum @ weights + bias for clip in others]), others)} of other sources"
    )
    found = {
        "n": len(photos) + len(reals),
        "source": source,
        "command": "python benchmarks/face_spectra.py DATA",
        **percentiles(photos, [clip.spectrum for clip in reals]),
        "classifier": {"weights": weights.round(4).tolist(), "bias": round(bias, 4), "worth": worth},
    }
    arguments.out.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(source, worth, sep="\n")


if __name__ == "__main__":
    main()
