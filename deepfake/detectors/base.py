"""FaceClassifier: what every classifier of faces has in common, and what the application asks of one.

A classifier is one file with a subclass of FaceClassifier, and one row in `deepfake.detectors.CLASSIFIERS`. The
pipeline, the verdict, the pages, the command line, the store and the documents take all they need from there.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.errors import ClassifierError
from deepfake.faces.alignment import crop_face

FALSE_ALARM_RATE: Final = 0.05  # of real clips that may be called LIKELY_FAKE, unless a calibration says otherwise
MISS_RATE: Final = 0.10  # of fake clips that may be called LIKELY_REAL, unless a calibration says otherwise
VIEW_PX: Final = 224  # side of the picture that a network is shown


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
    the crops, what lies outside the frame. The defaults ask for nothing.
    """

    min_face_width_px: float = 0.0
    max_edge_blur_px: float = math.inf
    min_bits_per_pixel: float = 0.0
    min_scored_crops: int = 1
    max_outside_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """From the logit of a classifier to a probability: sigmoid(slope * logit + offset), fitted on held-out people with
    as many fakes as reals; and what a verdict may be given at.

    real_logits: f32 (n,), logits of n real examples of held-out people, increasing: the yardstick for "as suspicious as
    k of n real ones". A clip counts as it is and once more degraded, so that they are fewer clips than n. fake_logits:
    f32 (m,), those of the recorded fakes of held-out people.
    min_fake_probability: below it nothing is called LIKELY_FAKE. false_alarm_rate, miss_rate: the shares of real_logits
    and fake_logits that may be called LIKELY_FAKE and LIKELY_REAL.
    """

    slope: float
    offset: float
    real_logits: NDArray[np.float32]
    fake_logits: NDArray[np.float32]
    min_fake_probability: float = 0.5
    false_alarm_rate: float = FALSE_ALARM_RATE
    miss_rate: float = MISS_RATE

    def probability(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return P(fake) for logits of any shape, f32."""
        return (1 / (1 + np.exp(-(self.slope * logits.astype(np.float64) + self.offset)))).astype(np.float32)

    def logit(self, probability: float) -> float:
        """Return the logit that a calibrated probability in (0, 1) stands for."""
        return float((np.log(probability / (1 - probability)) - self.offset) / self.slope)

    def real_at_least(self, probability: float) -> tuple[int, int]:
        """Return (k, n): k of the n real ones score at least as high as this calibrated probability in (0, 1)."""
        k = int(np.sum(self.real_logits >= self.logit(probability)))
        return k, len(self.real_logits)

    def fake_at_most(self, probability: float) -> tuple[int, int]:
        """Return (k, m): k of the m fakes score at most as high as this calibrated probability in (0, 1)."""
        return int(np.sum(self.fake_logits <= self.logit(probability))), len(self.fake_logits)

    def p_value_real(self, probability: float) -> float:
        """Return the conformal p-value of "this is real" (Vovk et al. 2005): the share of real ones, this one counted
        among them, that are at least as suspicious. Of real clips like them at most a share p gets one of p or less."""
        higher, total = self.real_at_least(probability)
        return (higher + 1) / (total + 1)

    def p_value_fake(self, probability: float) -> float:
        """Return the conformal p-value of "this is a known kind of fake": the share of fakes no more suspicious."""
        lower, total = self.fake_at_most(probability)
        return (lower + 1) / (total + 1)

    def shares(self, probabilities: Sequence[float | None]) -> list[float]:
        """Return by how much the p-value of each of several people of one clip is multiplied, at least 1: the more
        people, the more chances of a false alarm, and the more of them are as suspicious, the fewer.

        Benjamini & Hochberg 1995: of a clip with real people only, at most false_alarm_rate get a LIKELY_FAKE. It holds
        for conformal p-values that share their examples (Bates et al. 2023, arXiv:2104.08279). One suspicious face
        among m counts m times, as with Bonferroni; m that are alike count once, as one person does whom cuts divide.
        None stands for somebody of whom nothing may be said: one more chance of a false alarm, and no support.
        """
        p_values = np.array([1.0 if value is None else self.p_value_real(value) for value in probabilities])
        order = np.argsort(p_values)
        ranked = p_values[order] * len(order) / np.arange(1, len(order) + 1)
        shares = np.empty(len(order))
        shares[order] = np.minimum.accumulate(ranked[::-1])[::-1] / p_values[order]
        return [float(share) for share in shares]

    def is_fake(self, probability: float, share: float = 1.0) -> bool:
        """Return whether a probability is enough for LIKELY_FAKE. share: of shares, where several people are judged."""
        p_value = min(1.0, share * self.p_value_real(probability))
        return p_value <= self.false_alarm_rate and probability >= self.min_fake_probability

    def label_limits(self, share: float = 1.0) -> tuple[float | None, float | None]:
        """Return below which P(fake) a person is LIKELY_REAL and from which on LIKELY_FAKE, each within 0.001, or None
        where no P(fake) is enough. share: as in is_fake; the larger, the higher the second."""
        steps = [step / 1000 for step in range(1, 1000)]
        real = [step for step in steps if self.is_real(step)]
        fake = [step for step in steps if self.is_fake(step, share)]
        return max(real, default=None), min(fake, default=None)

    def is_real(self, probability: float) -> bool:
        """Return whether a probability is low enough for LIKELY_REAL."""
        return self.p_value_fake(probability) <= self.miss_rate and probability < 0.5


def read_calibration(path: Path) -> Calibration:
    """Return the calibration in a JSON file: the fields of Calibration by name; those with a default may be missing.

    Raises ClassifierError where the file is missing or damaged.
    """
    try:
        numbers = json.loads(path.read_text())
        reals, fakes = (np.sort(np.asarray(numbers[key], np.float32)) for key in ("real_logits", "fake_logits"))
        optional = ("min_fake_probability", "false_alarm_rate", "miss_rate")
        given = {key: float(numbers[key]) for key in optional if key in numbers}
        return Calibration(float(numbers["slope"]), float(numbers["offset"]), reals, fakes, **given)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClassifierError(path, f"the calibration cannot be read ({error})") from error


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
    (pooling.pool_track). An analysis ends with ClassifierError where they are something else.
    attributions: as of scores_and_attributions, where they cost nothing beside the scores; else None.
    """

    probabilities_fake: NDArray[np.float32]
    track_probability: float | None = None
    attributions: NDArray[np.float32] | None = None


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


@dataclass(frozen=True, slots=True)
class View:
    """What a network is shown of a crop: the square at (left_px, top_px), side_px on each side, brought to 224 px."""

    name: str
    left_px: int
    top_px: int
    side_px: int

    @property
    def square(self) -> tuple[slice, slice]:
        """Its rows and columns in a crop."""
        return slice(self.top_px, self.top_px + self.side_px), slice(self.left_px, self.left_px + self.side_px)

    def of(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view of crops uint8 (n, S, S, 3), uint8 (n, 224, 224, 3)."""
        inside: NDArray[Any] = crops[:, *self.square]
        if self.side_px == VIEW_PX:
            return np.ascontiguousarray(inside)
        seen = np.empty((len(crops), VIEW_PX, VIEW_PX, 3), np.uint8)
        for picture, smaller in zip(inside, seen, strict=True):
            cv2.resize(picture, (VIEW_PX, VIEW_PX), dst=smaller, interpolation=cv2.INTER_AREA)
        return seen

    def spread(self, maps: NDArray[np.float32], side: int, crop_px: int) -> NDArray[np.float32]:
        """Return maps f32 (n, k, k) of this view laid over the whole crop, f32 (n, side, side), zero outside the view.

        The mean of each stays: linear enlargement by a whole number keeps it, and a smaller area weighs more. crop_px:
        side of the crop.
        """
        scale = crop_px / side
        inner, left, top = (round(px / scale) for px in (self.side_px, self.left_px, self.top_px))
        spread = np.zeros((len(maps), side, side), np.float32)
        for one, whole in zip(maps, spread, strict=True):
            whole[top : top + inner, left : left + inner] = cv2.resize(
                one, (inner, inner), interpolation=cv2.INTER_LINEAR
            )
        return spread * np.float32((side / inner) ** 2)
