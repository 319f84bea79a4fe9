"""FaceClassifier: what every classifier of faces has in common, and what the application asks of one.

A classifier is one file with a subclass of FaceClassifier, and one row in `deepfake.detectors.CLASSIFIERS`. The
pipeline, the verdict, the pages, the command line, the store and the documents take all they need from there.
"""

from __future__ import annotations

import functools
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.calibration import Calibration
from deepfake.errors import ClassifierError
from deepfake.faces.alignment import crop_face


@dataclass(frozen=True, slots=True)
class ClassifierInfo:
    """What a reader needs to know of a classifier.

    name: in settings, on the command line, in JSON and in the store. title: for a choice. looks_at: what it is shown
    and how it comes to a number, a sentence or two. misleads: when it is wrong, one sentence. paper: a citation, or "".
    attribution: how its attribution is to be read, sentences; "" where it has none. threshold: why its verdict asks for
    the probability that it asks for, a sentence, or "".
    """

    name: str
    title: str
    looks_at: str
    misleads: str
    paper: str = ""
    attribution: str = ""
    threshold: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many crops of a track a classifier is given, spread evenly over the track: at most `most`, and at least
    `least` of a track that has so many."""

    least: int = 16
    most: int = 32


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What the pictures of a track need for a score to count. They rest on measurements with a classifier's weights.

    min_face_width_px: median width of the face in the frame. max_edge_blur_px: median blur of the crops, sigma in px
    of a crop of 224 px. min_bits_per_pixel: of one frame. min_scored_crops: how many. max_outside_share: of the area of
    the crops, what lies outside the frame. max_hidden_share: of the face, what something else hides.
    max_smoothed_probability: that a filter smoothed the face. Of both, the median of the crops. The defaults ask for
    nothing.
    """

    min_face_width_px: float = 0.0
    max_edge_blur_px: float = math.inf
    min_bits_per_pixel: float = 0.0
    min_scored_crops: int = 1
    max_outside_share: float = 1.0
    max_hidden_share: float = 1.0
    max_smoothed_probability: float = 1.0


@dataclass(frozen=True, slots=True)
class TrackCrops:
    """The sampled crops of one track, in the order of time.

    images: RGB uint8 (n, S, S, 3), S the classifier's crop_px, as its `cut` makes them. frame_indices: i64 (n,).
    timestamps_s: f64 (n,), seconds from the first frame of the clip.
    """

    images: NDArray[np.uint8]
    frame_indices: NDArray[np.int64]
    timestamps_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frame_indices)


@dataclass(frozen=True, slots=True)
class CropScores:
    """What a classifier says of the crops of one track.

    probabilities_fake: f32 (n,), P(fake) of each crop, in [0, 1], NaN for crops that it did not look at; at least one
    has a number. track_probability: P(fake) of the track as a whole, or None: then it is the mean log odds of the crops
    (pooling.pool_track). attributions: as of scores_and_attributions, where they cost nothing beside the scores; else
    None.
    hidden_shares: f32 (n,), of each crop the share of the face that something else hides, as writing does;
    smoothed_probabilities: f32 (n,), that a filter smoothed it; None where the classifier cannot tell. An analysis ends
    with ClassifierError where any of these numbers is something else.
    """

    probabilities_fake: NDArray[np.float32]
    track_probability: float | None = None
    attributions: NDArray[np.float32] | None = None
    hidden_shares: NDArray[np.float32] | None = None
    smoothed_probabilities: NDArray[np.float32] | None = None


class FaceClassifier(ABC):
    """Gives P(fake) of the face of one track.

    An object is made once per process, before it is known whether it is needed: weights are read at the first score. It
    is shared by threads.

    What a subclass gives: `info`, and `scores`, P(fake) of single crops. All else has a default. A classifier that
    looks at a sequence overrides `score_track`; one that needs another picture than the aligned crop overrides `cut`,
    which has the whole frame.
    """

    info: ClassifierInfo
    crop_px: int = 280  # side of a crop as it is cut out of a frame
    sampling: Sampling = Sampling()
    limits: QualityLimits = QualityLimits()
    training_list: Path | None = None  # SHA-256 of the clips that it was trained on, one per line

    @property
    def name(self) -> str:
        """What it is called in settings, JSON and the store."""
        return self.info.name

    @property
    def calibration(self) -> Calibration | None:
        """How far its probabilities can be trusted; None where nobody has measured it: then no verdict rests on it.

        Raises ClassifierError.
        """
        return None

    @property
    def device(self) -> str:
        """What it runs on: "CPU", "GPU (CUDA)", or "" where it leaves that to its library."""
        return ""

    @abstractmethod
    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop by itself, f32 (n,), calibrated where there is a calibration.

        images: RGB uint8 (n, S, S, 3), S = crop_px. Raises ValueError for another shape or type; ClassifierError when
        the weights cannot be read.
        """

    def score_track(self, crops: TrackCrops) -> CropScores:
        """Return what is to be said of a track; crops: as `sampling` asks for. Raises ClassifierError."""
        return CropScores(self.scores(crops.images))

    def cut(self, image: NDArray[np.uint8], crop_to_frame: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return what it wants to keep of a frame, uint8 (S, S, 3): by default the aligned crop.

        image: the frame, RGB uint8 (H, W, 3). crop_to_frame: f32 (2, 3), of a crop with a side of crop_px.
        """
        return crop_face(image, crop_to_frame, self.crop_px)

    def scores_and_attributions(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return scores f32 (n,) and attributions f32 (n, h, w): what each place of a crop adds to its logit, positive
        for fake. None for the attributions of a classifier that cannot tell (info.attribution is "")."""
        return self.scores(images), None

    def hidden_parts(self, images: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
        """Return which parts of each crop something else hides, such as writing, bool (n, h, w), where it hides more
        than limits allow; None of a classifier that cannot tell. images and Raises as for scores."""
        return None

    @property
    def files(self) -> Sequence[Path]:
        """The files that its scores depend on: weights and calibration."""
        return ()

    @property
    def is_available(self) -> bool:
        """Whether its files are there."""
        return all(path.is_file() for path in self.files)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that change with whatever can change a score or a verdict: name, weights,
        calibration, sampling, limits. Raises ClassifierError where a file cannot be read."""
        fixed = f"{self.name} {self.crop_px} {self.sampling} {self.limits}"
        return _fingerprint(fixed, tuple(self.files))

    def training_clips(self) -> frozenset[str]:
        """Return the SHA-256 of the clips that it was trained on, in hexadecimal, as far as they are known: that it is
        right about these says nothing about others. Raises ClassifierError when the list is missing."""
        return frozenset() if self.training_list is None else _lines(self.training_list)

    def checked(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return crops of the right shape and type. Raises ValueError for others."""
        side = self.crop_px
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (side, side, 3):
            raise ValueError(f"crops must be uint8 (n, {side}, {side}, 3), not {images.dtype} {images.shape}")
        return images


@functools.cache
def _fingerprint(fixed: str, files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256(fixed.encode())
    for path in files:
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise ClassifierError(path, f"cannot be read ({error}); reinstall the application") from error
    return digest.hexdigest()[:16]


@functools.cache
def _lines(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text(encoding="ascii").split())
    except (OSError, UnicodeError) as error:
        raise ClassifierError(path, f"cannot be read ({error}); reinstall the application") from error
