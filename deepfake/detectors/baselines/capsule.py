"""A small capsule network (Nguyen, Yamagishi, Echizen 2019, arXiv:1810.11215 and arXiv:1910.12467), trained by us.

It is a comparison: benchmarks/accuracy.py measures it beside the default classifier, and no verdict rests on it.
Its authors take features from VGG-19 up to the third pooling, 28×28×256. Ours come from the stem and the first five
blocks of EfficientNet-Lite0 with ImageNet weights, 28×28×40, which is what could be had under a free license and run
on two cores. What the capsules do with them follows the paper. How it was trained: training/capsule.py.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.base import ClassifierInfo, CropScores, FaceClassifier, TrackCrops
from deepfake.detectors.efficientnet import BATCH, STAGES, feature_map, read_weights
from deepfake.detectors.view import VIEW_PX

WEIGHTS_PATH: Final = Path(__file__).with_name("capsule.npz")
EXTRACTOR_STAGES: Final = STAGES[:3]
FEATURES: Final = 40
PRIMARY: Final = 10  # capsules, each a small network of its own, as many as in the second paper
HIDDEN: Final = 32  # channels of a primary capsule's first convolution; 64 in the papers
MAPS: Final = 16  # channels of its second, whose mean and variance are all that it keeps
PRIMARY_DIMS: Final = 8
OUTPUT_DIMS: Final = 4
ROUTING_ROUNDS: Final = 2
EPSILON: Final = 1e-8  # under the root of a squared length

Array = NDArray[np.float32]


class CapsuleClassifier(FaceClassifier):
    """P(fake) of face crops by the capsules, not calibrated.

    When it misleads: wherever the default classifier does, and more often: only the capsules were trained, its features
    were made for recognizing objects. Its scores lie between 0.27 and 0.73 by construction.
    """

    info = ClassifierInfo(
        name="capsule",
        title="Capsule network (baseline)",
        looks_at=(
            "Ten primary capsules keep mean and variance of their maps over the whole picture, on features of the "
            "frozen first five blocks of EfficientNet-Lite0; dynamic routing leads to a capsule for real and one for "
            "fake."
        ),
        misleads="Only the capsules were trained: it is wrong more often, and its scores lie between 0.27 and 0.73.",
        paper="Nguyen, Yamagishi, Echizen 2019, arXiv:1810.11215 and arXiv:1910.12467",
    )
    crop_px = VIEW_PX

    def __init__(self, weights_path: Path = WEIGHTS_PATH) -> None:
        self._weights_path = weights_path
        self._lock = threading.Lock()

    @property
    def files(self) -> Sequence[Path]:
        """The weights."""
        return (self._weights_path,)

    def scores(self, images: NDArray[np.uint8]) -> Array:
        """Return P(fake) of each crop, f32 (n,).

        images: RGB uint8 (n, 224, 224, 3) as crop_face cuts them with crop_to_frame_from_landmarks. Nothing is random
        here: the noise that routing has in training is left out.

        Raises ValueError for another shape or type; ClassifierError when the weights cannot be read.
        """
        crops = self.checked(images)
        with self._lock:
            weights, network = self._weights, self._network
        scores = np.empty(len(crops), np.float32)
        for start in range(0, len(crops), BATCH):
            part = slice(start, start + BATCH)
            primary = primary_capsules(network(crops[part]).numpy(), weights)
            scores[part] = probability_fake(routed(primary, weights["routing"]))
        return scores

    def score_track(self, crops: TrackCrops) -> CropScores:
        """Return the scores of the crops, and their mean for the track: as the authors have it, and without ties where
        scores saturate, as a mean of log odds would give. Raises ClassifierError."""
        scores = self.scores(crops.images)
        return CropScores(scores, float(scores.mean()))

    def logits(self, images: NDArray[np.uint8]) -> Array:
        """Return the log odds of the scores, f32 (n,), in [-1, 1]; images and Raises as for scores."""
        scores = self.scores(images)
        odds: Array = np.log(scores / (1 - scores))
        return odds

    @functools.cached_property
    def _weights(self) -> dict[str, Array]:
        return read_weights(self._weights_path, "routing")

    @functools.cached_property
    def _network(self) -> Any:
        return build_statistics(self._weights)


def build_statistics(weights: dict[str, Array]) -> Any:
    """Return a TensorFlow function: uint8 (n, 224, 224, 3) to what each primary capsule measures, f32
    (n, PRIMARY, 2, MAPS): mean and variance of each of its maps over all places.

    weights: the extractor's as in efficientnet.build_network; then, normalization folded in, "first.kernel"
    (3, 3, FEATURES, PRIMARY * HIDDEN), "first.bias", "second.kernel" (PRIMARY, 3, 3, HIDDEN, MAPS), "second.bias"
    (PRIMARY, MAPS), and those of primary_capsules and routed.
    """
    import tensorflow as tf

    with tf.device("/CPU:0"):
        constants = {name: tf.constant(value) for name, value in weights.items()}

    def forward(crops: Any) -> Any:
        x = feature_map(tf, (tf.cast(crops, tf.float32) - 127.0) / 128.0, constants, EXTRACTOR_STAGES)
        x = tf.nn.relu(tf.nn.conv2d(x, constants["first.kernel"], 1, "SAME") + constants["first.bias"])
        capsules = []
        for number, inputs in enumerate(tf.split(x, PRIMARY, axis=-1)):
            maps = tf.nn.conv2d(inputs, constants["second.kernel"][number], 1, "SAME")
            maps = tf.nn.relu(maps + constants["second.bias"][number])
            capsules.append(tf.stack(tf.nn.moments(maps, axes=(1, 2)), axis=1))
        return tf.stack(capsules, axis=1)

    return tf.function(forward, input_signature=[tf.TensorSpec((None, VIEW_PX, VIEW_PX, 3), tf.uint8)])


def primary_capsules(statistics: Array, weights: dict[str, Array]) -> Array:
    """Return the vectors of the primary capsules, f32 (n, PRIMARY, PRIMARY_DIMS).

    Two convolutions along the list of maps, as in the paper: "third.kernel" (PRIMARY, 8, 2, 5) in steps of two with
    "third.bias" (PRIMARY, 8), then "fourth.kernel" (PRIMARY, 8, 3) with "fourth.bias" (PRIMARY,).
    """
    padded = np.pad(statistics, ((0, 0), (0, 0), (0, 0), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=-1)[..., ::2, :]
    inner = np.einsum("npslk,posk->npol", windows, weights["third.kernel"]) + weights["third.bias"][:, :, None]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(inner, ((0, 0), (0, 0), (0, 0), (1, 1))), 3, axis=-1)
    outer: Array = np.einsum("npolk,pok->npl", windows, weights["fourth.kernel"]) + weights["fourth.bias"][:, None]
    return outer


def squash(vectors: Array) -> Array:
    """Return vectors of the same direction and the length l² / (1 + l²), along the last axis (Sabour et al. 2017,
    arXiv:1710.09829)."""
    squared = np.square(vectors).sum(axis=-1, keepdims=True)
    squashed: Array = vectors * (squared / (1 + squared) / np.sqrt(squared + EPSILON))
    return squashed


def routed(primary: Array, routing: Array, rounds: int = ROUTING_ROUNDS) -> Array:
    """Return the two output capsules, real and fake, f32 (n, 2, OUTPUT_DIMS), by dynamic routing.

    Every primary capsule f32 (n, PRIMARY, PRIMARY_DIMS) votes for both by a matrix of its own, routing f32
    (2, PRIMARY, OUTPUT_DIMS, PRIMARY_DIMS); it then gives more of its vote to the one that the others agree with.
    """
    votes = np.einsum("jpod,npd->njpo", routing, squash(primary))
    agreement = np.zeros(votes.shape[:3], votes.dtype)
    outputs = np.zeros((*votes.shape[:2], votes.shape[3]), votes.dtype)
    for _ in range(rounds):
        shares = np.exp(agreement - agreement.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        outputs = squash(np.einsum("njp,njpo->njo", shares, votes))
        agreement = agreement + np.einsum("njpo,njo->njp", votes, outputs)
    return outputs


def probability_fake(outputs: Array) -> Array:
    """Return P(fake), f32 (n,): the softmax between the two output capsules (n, 2, OUTPUT_DIMS), component by
    component, and its mean."""
    differences = outputs[:, 1] - outputs[:, 0]
    mean: Array = (1 / (1 + np.exp(-differences))).mean(axis=-1)
    return mean
