"""MesoNet (Afchar et al. 2018, arXiv:1809.00888) as a baseline, with its published weights given by the user.

The weights (Apache-2.0) are not shipped: Meso4_DF.h5, Meso4_F2F.h5, MesoInception_DF.h5 and MesoInception_F2F.h5 are
looked for in the folder that the setting `weights_dir` names.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.base import ClassifierInfo, CropScores, FaceClassifier, TrackCrops
from deepfake.errors import ClassifierError
from deepfake.settings import load_settings

CROP_PX: Final = 224  # side of a crop as it is cut out of a frame
INPUT_PX: Final = 256
BATCH: Final = 16
BN_EPSILON: Final = 1e-3
LEAK: Final = 0.1
CONVOLUTIONS: Final = {4: "Meso4", 16: "MesoInception4"}  # number of convolutions in the file: which of the two
# By the name of the classifier: file, and what its authors trained it on.
PUBLISHED_WEIGHTS: Final = {
    "meso4_df": ("Meso4_DF.h5", "swapped faces (Deepfakes)"),
    "meso4_f2f": ("Meso4_F2F.h5", "faces moved by another person (Face2Face)"),
    "mesoinception_df": ("MesoInception_DF.h5", "swapped faces (Deepfakes)"),
    "mesoinception_f2f": ("MesoInception_F2F.h5", "faces moved by another person (Face2Face)"),
}

Convolution = tuple[NDArray[np.float32], NDArray[np.float32]]


_given_dirs: list[Path] = []  # the latest of them counts


def look_for_weights_in(folder: Path | None) -> None:
    """Look for the weights in this folder from now on, in this process. None changes nothing.

    folder: weights_dir of the settings that an analysis was asked for with.
    """
    if folder is not None:
        _given_dirs[:] = [folder]


def weights_dir() -> Path | None:
    """Return the folder of the published weights: the one given last, else that of the settings in force."""
    return _given_dirs[0] if _given_dirs else load_settings().weights_dir


class MesoNetClassifier(FaceClassifier):
    """P(fake) of face crops by one of the published networks, not calibrated. See MesoNet for when it misleads."""

    crop_px = CROP_PX

    def __init__(self, name: str) -> None:
        """Take one of PUBLISHED_WEIGHTS by its name."""
        self._file, trained_on = PUBLISHED_WEIGHTS[name]
        self.info = ClassifierInfo(  # one class stands for four classifiers
            name=name,
            title=f"MesoNet {Path(self._file).stem} (baseline)",
            looks_at=f"A small network with few layers is shown the whole picture; it was trained on {trained_on}.",
            misleads="It was trained on one kind of fakes of 2018 and is at chance on many newer ones.",
            paper="Afchar et al. 2018, arXiv:1809.00888",
        )
        self._lock = threading.Lock()
        self._networks: dict[Path, MesoNet] = {}

    @property
    def files(self) -> Sequence[Path]:
        """The published weights. Raises ClassifierError where no folder for them is set, or they are not in it."""
        path = self._path
        if path is None:
            raise ClassifierError(
                self._file,
                "the published weights of MesoNet are not shipped; set weights_dir "
                "(DEEPFAKE_WEIGHTS_DIR) to the folder that holds them",
            )
        if not path.is_file():
            raise ClassifierError(
                path, "there is no such file; set weights_dir (DEEPFAKE_WEIGHTS_DIR) to the folder that holds it"
            )
        return (path,)

    @property
    def is_available(self) -> bool:
        """Whether the folder is set and holds the weights."""
        return self._path is not None and self._path.is_file()

    @property
    def _path(self) -> Path | None:
        folder = weights_dir()
        return None if folder is None else folder / self._file

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop, f32 (n,). images: RGB uint8 (n, 224, 224, 3).

        Raises ValueError for another shape or type; ClassifierError when the weights cannot be read.
        """
        crops = self.checked(images)
        (path,) = self.files
        with self._lock:
            network = self._networks.get(path) or MesoNet(path)
            self._networks[path] = network
        return network.scores(crops)

    def score_track(self, crops: TrackCrops) -> CropScores:
        """Return the scores of the crops, and their mean for the track: as the authors have it, and without ties where
        scores saturate, as a mean of log odds would give. Raises ClassifierError."""
        scores = self.scores(crops.images)
        return CropScores(scores, float(scores.mean()))


class MesoNet:
    """P(fake) of face crops by Meso4 or MesoInception4, whichever the weights file holds.

    When it misleads: it was trained on two kinds of fakes of 2018 and is at chance on many newer ones; its scores are
    not calibrated.
    """

    def __init__(self, weights_path: Path) -> None:
        """Read the weights. Raises ClassifierError when the file is missing or holds something else."""
        self._convolutions, self._norms, self._dense = _read(weights_path)
        self.architecture: Final = CONVOLUTIONS[len(self._convolutions)]

    def scores(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop, f32 (n,). crops: RGB uint8 (n, S, S, 3); they are resized to 256 px."""
        scores = np.empty(len(crops), np.float32)
        for start in range(0, len(crops), BATCH):
            batch = [cv2.resize(crop, (INPUT_PX, INPUT_PX)) for crop in crops[start : start + BATCH]]
            real = self._network(np.stack(batch).astype(np.float32) / 255).numpy()
            scores[start : start + BATCH] = 1 - real
        return scores

    @functools.cached_property
    def _network(self) -> Any:
        import tensorflow as tf

        shape = tf.TensorSpec((None, INPUT_PX, INPUT_PX, 3), tf.float32)
        return tf.function(lambda x: self._forward(tf, x), input_signature=[shape])

    def _forward(self, tf: Any, x: Any) -> Any:
        convolutions = iter(self._convolutions)
        for number, norm in enumerate(self._norms):
            if self.architecture == "MesoInception4" and number < 2:
                x = _inception(tf, x, convolutions)
            else:
                x = _convolved(tf, x, next(convolutions))
            gamma, beta, mean, variance = norm
            x = (x - mean) * (gamma / np.sqrt(variance + BN_EPSILON)) + beta
            x = tf.nn.max_pool2d(x, 4 if number == 3 else 2, 4 if number == 3 else 2, "SAME")
        (hidden, hidden_bias), (last, last_bias) = self._dense
        x = tf.nn.leaky_relu(tf.reshape(x, (-1, hidden.shape[0])) @ hidden + hidden_bias, LEAK)
        return tf.sigmoid(x @ last + last_bias)[:, 0]


def _convolved(tf: Any, x: Any, convolution: Convolution, dilation: int = 1) -> Any:
    kernel, bias = convolution
    return tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME", dilations=dilation) + bias)


def _inception(tf: Any, x: Any, convolutions: Any) -> Any:
    """Four branches: 1×1, and 1×1 followed by 3×3 with dilation 1, 2 and 3."""
    branches = [_convolved(tf, x, next(convolutions))]
    for dilation in (1, 2, 3):
        inner = _convolved(tf, x, next(convolutions))
        branches.append(_convolved(tf, inner, next(convolutions), dilation))
    return tf.concat(branches, axis=-1)


def _read(path: Path) -> tuple[list[Convolution], list[tuple[NDArray[np.float32], ...]], list[Convolution]]:
    """Convolutions, normalizations and dense layers, each in the order of their numbers."""
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(path) as file:
            layers = {name: _arrays(file[name]) for name in file}
    except OSError as error:
        raise ClassifierError(path, f"MesoNet's weights cannot be read ({error})") from error
    ordered = sorted(layers, key=lambda name: int((re.findall(r"\d+$", name) or ["0"])[0]))
    by_kind = {
        kind: [layers[name] for name in ordered if name.startswith(kind) and layers[name]]
        for kind in ("conv2d", "batch_normalization", "dense")
    }
    if len(by_kind["conv2d"]) not in CONVOLUTIONS or len(by_kind["batch_normalization"]) != 4:
        raise ClassifierError(path, "these are not the published weights of Meso4 or MesoInception4")
    pairs = [(part["kernel"], part["bias"]) for kind in ("conv2d", "dense") for part in by_kind[kind]]
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    norms = [tuple(part[name] for name in names) for part in by_kind["batch_normalization"]]
    count = len(by_kind["conv2d"])
    return pairs[:count], norms, pairs[count:]


def _arrays(group: Any) -> dict[str, NDArray[np.float32]]:
    """A layer's arrays by their bare names."""
    found: dict[str, NDArray[np.float32]] = {}

    def visit(name: str, item: Any) -> None:
        if hasattr(item, "shape"):
            found[name.split("/")[-1].split(":")[0]] = np.asarray(item, dtype=np.float32)

    group.visititems(visit)
    return found
