"""Fit the calibration of CLIP's scores, on what networks said that had not seen the clip's source.

    python -m training.clip_calibrate training/folds/clip_vit_b16.csv --out CALIBRATION.json

clip_folds, clip_seams and clip_edits have written that file. Platt's logistic regression over all clips as they are
and degraded, both classes alike, and within a class the sources by the square root of their clips. The logits of all
examples are kept as the yardstick of false alarms and misses. Heads that are cut off, hidden or smoothed are left out:
they get no verdict.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.clip_vit import SEAM_WEIGHT, SOFTNESS_WEIGHT, ClipVitClassifier
from deepfake.evaluation.metrics import auc, log_loss
from training.platt import platt
from training.shards import read_rows

# Of real examples that may reach LIKELY_FAKE. By the folds 2 real clips and 71 fakes of 537 get
# that answer, at 0.03 3 and 72.
FALSE_ALARM_RATE = 0.02
# Of fake examples, all of kinds not trained on, that may reach LIKELY_REAL. By the folds 58 real clips and 6 fakes of
# 537 get that answer, at 0.04 72 and 9: a missed fake is worse than one more clip left open.
MISS_RATE = 0.03
MIN_FAKE_PROBABILITY = 0.65
STATES = ("", "degraded_")  # of a clip's crops; how the names of their columns begin
Example = tuple[dict[str, str], str]  # a clip's row and the state of its crops


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Fit the calibration of CLIP's scores.")
    parser.add_argument("scores", type=Path, help="training/folds/clip_vit_b16.csv")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rows = read_rows(arguments.scores)
    numbers = calibration_of(rows)
    arguments.out.write_text(json.dumps(numbers) + "\n")
    logits, is_fake = _numbers(_examples(rows))
    probabilities = 1 / (1 + np.exp(-(numbers["slope"] * logits + numbers["offset"])))
    counts = f"{int((~is_fake).sum())} real and {int(is_fake.sum())} fake examples"
    fit = f"AUC {auc(logits, is_fake):.3f}, log loss {log_loss(probabilities, is_fake):.3f}"
    print(f"slope {numbers['slope']}, offset {numbers['offset']}, {counts}, {fit}")


def calibration_of(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Return what the calibration file holds, from rows with label, set, outside_share, and for each of STATES logit,
    seams, softness, hidden and smoothed."""
    examples = _examples(rows)
    logits, is_fake = _numbers(examples)
    slope, offset = platt(logits, is_fake, example_weights([(row["label"], row["set"]) for row, _ in examples]))
    real, fake = (np.sort(logits[is_fake == kind]).round(3).tolist() for kind in (False, True))
    return {
        "slope": round(slope, 4),
        "offset": round(offset, 4),
        "min_fake_probability": MIN_FAKE_PROBABILITY,
        "false_alarm_rate": FALSE_ALARM_RATE,
        "miss_rate": MISS_RATE,
        "real_logits": real,
        "fake_logits": fake,
    }


def clip_logit(row: dict[str, str], state: str) -> float:
    """Return what the classifier says of a clip's crops; state: of STATES."""
    logit, seams, soft = (float(row[state + name]) for name in ("logit", "seams", "softness"))
    return logit + SEAM_WEIGHT * seams - SOFTNESS_WEIGHT * soft


def is_judged(row: dict[str, str], state: str) -> bool:
    """Tell whether the classifier is asked about a clip: not where the head is cut off, hidden or smoothed. state: of
    STATES."""
    limits = ClipVitClassifier.limits
    most = {
        "outside_share": limits.max_outside_share,
        f"{state}hidden": limits.max_hidden_share,
        f"{state}smoothed": limits.max_smoothed_probability,
    }
    return all(float(row[name]) <= limit for name, limit in most.items())


def _examples(rows: Sequence[dict[str, str]]) -> list[Example]:
    return [(row, state) for state in STATES for row in rows if is_judged(row, state)]


def _numbers(examples: Sequence[Example]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Logits f64 (n,), and which are of fakes, bool (n,)."""
    logits = np.array([clip_logit(row, state) for row, state in examples])
    return logits, np.array([row["label"] == "FAKE" for row, _ in examples])


def example_weights(keys: list[tuple[str, str]]) -> NDArray[np.float64]:
    """Return the weights of examples with these (label, source): one half for each label, and within it the sources
    by the square root of their number of examples."""
    counts = Counter(keys)
    weights = np.array([counts[key] ** -0.5 for key in keys])
    labels = np.array([label for label, _ in keys])
    for label in np.unique(labels):
        weights[labels == label] *= 0.5 / weights[labels == label].sum()
    return weights


if __name__ == "__main__":
    main()
