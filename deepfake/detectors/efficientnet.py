"""The learned detector: two EfficientNet-Lite0 (Tan & Le 2019), fine-tuned on self-blended and recorded fakes, that
look at the same face in two views, the whole head and close up.

How it was made and what it is worth: MODEL_CARD.md beside this file.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.errors import DetectorError

CROP_PX: Final = 280  # side of a crop as it is cut out of a frame
VIEW_PX: Final = 224  # side of what a network is shown of it
MAP_PX: Final = 7  # side of a network's last feature map
ATTRIBUTION_PX: Final = 70  # side of an attribution: one place stands for 4×4 px of the crop
BATCH: Final = 16
WEIGHTS_FOLDER: Final = Path(__file__).parent / "weights"
CALIBRATION_PATH: Final = WEIGHTS_FOLDER / "efficientnet_lite0_calibration.json"

Stage = tuple[int, int, int, int, int]  # expansion, output channels, kernel, stride of the first repeat, repeats
STAGES: Final[tuple[Stage, ...]] = ((1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3),
                                    (6, 112, 5, 1, 3), (6, 192, 5, 2, 4), (6, 320, 3, 1, 1))  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """What one of the networks is shown of a crop: the square at (left_px, top_px), side_px a side, at VIEW_PX."""

    name: str
    left_px: int
    top_px: int
    side_px: int

    @property
    def square(self) -> tuple[slice, slice]:
        """Its rows and columns in a crop."""
        return slice(self.top_px, self.top_px + self.side_px), slice(self.left_px, self.left_px + self.side_px)

    def of(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view of crops uint8 (n, 280, 280, 3), uint8 (n, 224, 224, 3)."""
        inside = crops[:, *self.square]
        if self.side_px == VIEW_PX:
            return np.ascontiguousarray(inside)
        seen = np.empty((len(crops), VIEW_PX, VIEW_PX, 3), np.uint8)
        for picture, smaller in zip(inside, seen, strict=True):
            cv2.resize(picture, (VIEW_PX, VIEW_PX), dst=smaller, interpolation=cv2.INTER_AREA)
        return seen

    def spread(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps f32 (n, 7, 7) laid over the whole crop, f32 (n, 70, 70), zero outside the view. The mean of
        each stays: linear enlargement by a whole number keeps it, and a smaller area weighs more."""
        scale = CROP_PX // ATTRIBUTION_PX
        side, left, top = (round(px / scale) for px in (self.side_px, self.left_px, self.top_px))
        spread = np.zeros((len(maps), ATTRIBUTION_PX, ATTRIBUTION_PX), np.float32)
        for one, whole in zip(maps, spread, strict=True):
            whole[top : top + side, left : left + side] = cv2.resize(one, (side, side), interpolation=cv2.INTER_LINEAR)
        return spread * np.float32((ATTRIBUTION_PX / side) ** 2)


WHOLE: Final = View("whole", 0, 0, CROP_PX)
CLOSE: Final = View("close", 28, 40, VIEW_PX)  # from brows to chin, at the crop's full resolution
VIEWS: Final = (WHOLE, CLOSE)
WEIGHTS_PATHS: Final = {view.name: WEIGHTS_FOLDER / f"efficientnet_lite0_{view.name}.npz" for view in VIEWS}


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a mean logit of the networks to a probability: sigmoid(slope * logit + offset), fitted on held-out people
    with as many fakes as reals. real_logits: f32 (n,), mean logits of n unedited clips and photographs of held-out
    people, increasing: the yardstick for "as suspicious as k of n real ones". fake_logits: f32 (m,), those of the
    recorded fakes of held-out people."""

    slope: float
    offset: float
    real_logits: NDArray[np.float32]
    fake_logits: NDArray[np.float32]

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

    def p_value_real(self, probability: float) -> float:
        """Return the conformal p-value of "this is real" (Vovk et al. 2005): the share of real ones, this one counted
        among them, that are at least as suspicious. Of real clips like them at most a share p gets one of p or less."""
        higher, total = self.real_at_least(probability)
        return (higher + 1) / (total + 1)

    def p_value_fake(self, probability: float) -> float:
        """Return the conformal p-value of "this is a known kind of fake": the share of fakes no more suspicious."""
        lower = int(np.sum(self.fake_logits <= self.logit(probability)))
        return (lower + 1) / (len(self.fake_logits) + 1)


class LearnedDetector:
    """P(fake) of face crops: the mean logit of a network a view, calibrated. The weights are read at the first call;
    an instance may be shared by threads. weights_paths: by the names of the views; one of them may be left out.
    Raises ValueError for none, or a name that is no view's.

    When it misleads: forgeries unlike the ones it saw (whole generated faces, lips moved by audio), strong
    compression, faces smaller than about 60 px, heavy make-up, masks and beauty filters; see the model card.
    """

    name: Final = "efficientnet_lite0"

    def __init__(
        self, weights_paths: Mapping[str, Path] = WEIGHTS_PATHS, calibration_path: Path = CALIBRATION_PATH
    ) -> None:
        if not weights_paths or not weights_paths.keys() <= WEIGHTS_PATHS.keys():
            views = ", ".join(WEIGHTS_PATHS)
            raise ValueError(f"weights are needed for one or more of {views}, not {[*weights_paths]}")
        self._weights_paths, self._calibration_path = dict(weights_paths), calibration_path
        self._lock = threading.Lock()

    @functools.cached_property
    def calibration(self) -> Calibration:
        """How logits become probabilities. Raises DetectorError."""
        try:
            numbers = json.loads(self._calibration_path.read_text())
            reals, fakes = (np.sort(np.asarray(numbers[key], np.float32)) for key in ("real_logits", "fake_logits"))
            return Calibration(float(numbers["slope"]), float(numbers["offset"]), reals, fakes)
        except (OSError, ValueError, KeyError) as error:
            raise DetectorError(self._calibration_path, f"the calibration cannot be read ({error})") from error

    def scores(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop, f32 (n,), calibrated for a world with as many fakes as reals.

        crops: RGB uint8 (n, 280, 280, 3) as crop_face cuts them with crop_to_frame_from_landmarks.

        Raises ValueError for another shape or type; DetectorError when the weights cannot be read.
        """
        return self.calibration.probability(self.logits(crops))

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the mean of the networks' raw outputs, f32 (n,); larger is more suspicious. crops and
        Raises as for scores."""
        return self._run(crops)[0]

    def attributions(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what each place of a crop adds to its logit, f32 (n, 70, 70): positive speaks for fake.

        A network's last layer is linear in its averaged feature map, so that this class activation map (Zhou et al.
        2016, arXiv:1512.04150) is exact: its mean plus the bias is the logit. The maps of the two views, 7×7 places
        each, are laid over the crop and averaged. crops and Raises as for scores.
        """
        return self._run(crops)[1]

    def scores_and_attributions(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scores f32 (n,) and attributions f32 (n, 70, 70) of one pass."""
        logits, maps = self._run(crops)
        return self.calibration.probability(logits), maps

    def _run(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (CROP_PX, CROP_PX, 3):
            raise ValueError(f"crops must be uint8 (n, {CROP_PX}, {CROP_PX}, 3), not {crops.dtype} {crops.shape}")
        with self._lock:
            networks = self._networks
        logits = np.zeros(len(crops), np.float32)
        maps = np.zeros((len(crops), ATTRIBUTION_PX, ATTRIBUTION_PX), np.float32)
        for start in range(0, len(crops), BATCH):
            part = slice(start, start + BATCH)
            for view, network in networks:
                view_logits, view_maps = (output.numpy() for output in network(view.of(crops[part])))
                logits[part] += view_logits / len(networks)
                maps[part] += view.spread(view_maps) / len(networks)
        return logits, maps

    @functools.cached_property
    def _networks(self) -> list[tuple[View, Any]]:
        chosen = [view for view in VIEWS if view.name in self._weights_paths]
        return [(view, build_network(read_weights(self._weights_paths[view.name]))) for view in chosen]


@functools.cache
def learned_detector() -> LearnedDetector:
    """Return the process's detector, its weights loaded once."""
    return LearnedDetector()


@functools.cache
def shipped_fingerprint() -> str:
    """Return 16 hexadecimal digits that change with the shipped weights or calibration. Raises DetectorError."""
    digest = hashlib.sha256()
    for path in (*WEIGHTS_PATHS.values(), CALIBRATION_PATH):
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise DetectorError(path, f"cannot be read ({error}); reinstall the application") from error
    return digest.hexdigest()[:16]


def read_weights(path: Path, last: str = "head.kernel") -> dict[str, NDArray[np.float32]]:
    """Return the arrays of a weights file as f32. Raises DetectorError when it is missing, damaged, or lacks `last`."""
    try:
        with np.load(path) as arrays:
            weights = {name: arrays[name].astype(np.float32) for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DetectorError(path, f"the detector's weights cannot be read ({error}); reinstall them") from error
    if last not in weights:
        raise DetectorError(path, f"these are not the detector's weights: they lack {last}")
    return weights


def build_network(weights: dict[str, NDArray[np.float32]]) -> Any:
    """Return a TensorFlow function: uint8 (n, 224, 224, 3) to logits f32 (n,) and attributions f32 (n, 7, 7).

    weights: "0.kernel", "0.bias" and so on in the order of the layers, with the normalisation folded in, then
    "head.kernel" (1280,) and "head.bias" ().
    """
    import tensorflow as tf

    with tf.device("/CPU:0"):
        constants = {name: tf.constant(value) for name, value in weights.items()}

    def forward(crops: Any) -> tuple[Any, Any]:
        x = (tf.cast(crops, tf.float32) - 127.0) / 128.0
        features = feature_map(tf, x, constants)
        maps = tf.linalg.matvec(features, constants["head.kernel"])
        return tf.reduce_mean(maps, axis=(1, 2)) + constants["head.bias"], maps

    shape = tf.TensorSpec((None, VIEW_PX, VIEW_PX, 3), tf.uint8)
    return tf.function(forward, input_signature=[shape])


def feature_map(tf: Any, x: Any, constants: dict[str, Any], stages: Sequence[Stage] = STAGES) -> Any:
    """Return what the network makes of x f32 (n, S, S, 3), scaled as (value - 127) / 128: after its last convolution,
    or, with the first few of its stages, after these. constants: its weights as in build_network."""
    number = 0

    def convolved(x: Any, *, stride: int = 1, depthwise: bool = False, activated: bool = True) -> Any:
        nonlocal number
        kernel, bias = constants[f"{number}.kernel"], constants[f"{number}.bias"]
        number += 1
        strides = (1, stride, stride, 1)
        convolve = tf.nn.depthwise_conv2d if depthwise else tf.nn.conv2d
        x = tf.nn.bias_add(convolve(x, kernel, strides, "SAME"), bias)
        return tf.nn.relu6(x) if activated else x

    x = convolved(x, stride=2)
    channels = 32
    for expansion, outputs, _, first_stride, repeats in stages:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            inner = convolved(x) if expansion != 1 else x
            inner = convolved(inner, stride=stride, depthwise=True)
            inner = convolved(inner, activated=False)
            x = x + inner if stride == 1 and channels == outputs else inner
            channels = outputs
    return convolved(x) if len(stages) == len(STAGES) else x
