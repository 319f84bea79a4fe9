"""Classifiers: crops of a face in, probability that it is fake out. To add one: a file, and a row in CLASSIFIERS."""

from typing import Final

from deepfake.detectors.base import ClassifierInfo, CropScores, FaceClassifier, QualityLimits, Sampling, TrackCrops
from deepfake.detectors.baselines.capsule import CapsuleClassifier
from deepfake.detectors.baselines.mesonet import PUBLISHED_WEIGHTS, MesoNetClassifier, look_for_weights_in
from deepfake.detectors.calibration import Calibration
from deepfake.detectors.clip_vit import ClipVitClassifier
from deepfake.detectors.efficientnet import EfficientNetClassifier
from deepfake.detectors.pooling import choose_frames
from deepfake.detectors.scoring import OnScored, TrackScorer, TrackScores
from deepfake.errors import ClassifierError

__all__ = [
    "CLASSIFIERS",
    "DEFAULT_CLASSIFIER",
    "Calibration",
    "ClassifierInfo",
    "CropScores",
    "FaceClassifier",
    "OnScored",
    "QualityLimits",
    "Sampling",
    "TrackCrops",
    "TrackScorer",
    "TrackScores",
    "choose_frames",
    "classifier",
    "classifier_title",
    "look_for_weights_in",
    "quality_limits",
    "register_classifier",
    "training_clips",
]

# The first is the default. Weights are read when a classifier is first asked for a score.
CLASSIFIERS: Final[dict[str, FaceClassifier]] = {
    row.name: row
    for row in (
        ClipVitClassifier(),
        EfficientNetClassifier(),
        CapsuleClassifier(),
        *(MesoNetClassifier(name) for name in PUBLISHED_WEIGHTS),
    )
}
DEFAULT_CLASSIFIER: Final = next(iter(CLASSIFIERS))


def register_classifier(row: FaceClassifier) -> None:
    """Add a classifier of your own to CLASSIFIERS, for this process.

    The worker processes of a Batch import the program anew: call it where that import does, not below
    `if __name__ == "__main__":`. Raises ValueError where its name is taken, TypeError for what is no classifier.
    """
    if not isinstance(row, FaceClassifier):
        raise TypeError(f"an object of a subclass of FaceClassifier is expected (one for all clips), not {row!r}")
    if row.name in CLASSIFIERS:
        raise ValueError(f"there is a classifier {row.name!r} already")
    CLASSIFIERS[row.name] = row


def classifier(name: str = DEFAULT_CLASSIFIER) -> FaceClassifier:
    """Return the process's classifier of that name. Raises ClassifierError where there is none."""
    try:
        return CLASSIFIERS[name]
    except KeyError as error:
        raise ClassifierError(name, f"there is no such classifier; known are {', '.join(CLASSIFIERS)}") from error


def classifier_title(name: str) -> str:
    """Return what a classifier is called for readers: its name where it is not known, as a store may hold another's."""
    return CLASSIFIERS[name].info.title if name in CLASSIFIERS else name


def quality_limits(name: str = DEFAULT_CLASSIFIER) -> QualityLimits:
    """Return what a classifier asks of pictures; limits that ask for nothing for one that is not known."""
    return CLASSIFIERS[name].limits if name in CLASSIFIERS else QualityLimits()


def training_clips(name: str = DEFAULT_CLASSIFIER) -> frozenset[str]:
    """Return the SHA-256 of the clips that a classifier was trained on; empty for one that is not known.

    Raises ClassifierError when its list is missing.
    """
    return CLASSIFIERS[name].training_clips() if name in CLASSIFIERS else frozenset()
