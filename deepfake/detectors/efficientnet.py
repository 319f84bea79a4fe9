"""EfficientNetClassifier: two EfficientNet-Lite0 (Tan & Le 2019), fine-tuned on self-blended and recorded fakes, that
look at the same face in two views, the whole head and close up.

How it was made and what it is worth: MODEL_CARD_EFFICIENTNET.md beside this file.
"""

from __future__ import annotations

import functools
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.base import ClassifierInfo, FaceClassifier, QualityLimits
from deepfake.detectors.calibration import Calibration, read_calibration
from deepfake.detectors.view import VIEW_PX, View
from deepfake.errors import ClassifierError

CROP_PX: Final = 280  # side of a crop as it is cut out of a frame
MAP_PX: Final = 7  # side of a network's last feature map
ATTRIBUTION_PX: Final = 70  # side of an attribution: one place stands for 4×4 px of the crop
BATCH: Final = 16
WEIGHTS_FOLDER: Final = Path(__file__).parent / "weights"
CALIBRATION_PATH: Final = WEIGHTS_FOLDER / "efficientnet_lite0_calibration.json"
TRAINING_LIST: Final = WEIGHTS_FOLDER / "efficientnet_lite0_training_clips.txt"

Stage = tuple[int, int, int, int, int]  # expansion, output channels, kernel, stride of the first repeat, repeats
STAGES: Final[tuple[Stage, ...]] = ((1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3),
                                    (6, 112, 5, 1, 3), (6, 192, 5, 2, 4), (6, 320, 3, 1, 1))  # fmt: skip

WHOLE: Final = View("whole", 0, 0, CROP_PX)
CLOSE: Final = View("close", 28, 40, VIEW_PX)  # from brows to chin, at the crop's full resolution
VIEWS: Final = (WHOLE, CLOSE)
WEIGHTS_PATHS: Final = {view.name: WEIGHTS_FOLDER / f"efficientnet_lite0_{view.name}.npz" for view in VIEWS}

# Measured on 39 clips (16 real, 23 fakes; FaceForensics++ c23, HDTF, DFDC) scored as they are and made poorer step by
# step, and on what the networks were trained on (training/degradation.py). Where two numbers are given, they are the
# AUC and the share of the fakes that still reach P(fake) 0.8; untouched clips have 0.95 and 0.7.
LIMITS: Final = QualityLimits(
    # 80 px: 0.92, 0.48; 40 px: 0.88, 0.48; 28 px: 0.87, 0.30; 20 px: 0.86, 0.17.
    min_face_width_px=48.0,
    # Gaussian blur of 3 px: AUC 0.91, real clips up to P(fake) 0.5; of 6 px: 0.89, and half of the real clips are over
    # 0.5, one at 0.75; of 9 px: 0.82, one at 0.85. 99.9% of the training examples are below 3.8, every untouched clip
    # below 2.5.
    max_edge_blur_px=4.0,
    # H.264 at CRF 43: 0.83, 0.43; at CRF 51, the most that it can compress, 0.83, 0.13, at 0.0017 to 0.008 bits per
    # pixel. FaceForensics++ c40, the hardest compressed clips that were not made so for this, has 0.0024 to 0.009:
    # 0.96, 0.62.
    min_bits_per_pixel=0.002,
    min_scored_crops=8,
)


class EfficientNetClassifier(FaceClassifier):
    """P(fake) of face crops: the mean logit of one network per view, calibrated.

    When it misleads: forgeries unlike the ones it saw (whole generated faces, lips moved by audio), strong
    compression, faces smaller than about 60 px, heavy make-up, masks and beauty filters; see its card.
    """

    info = ClassifierInfo(
        name="efficientnet",
        title="EfficientNet-Lite0, two views",
        looks_at=(
            "Two convolutional networks give each picture a number: the higher, the more it looks like one of the "
            "forgeries that they were trained on. One is shown the whole picture, reduced, the other the face from "
            "brows to chin at full size; the mean of their numbers counts. Most of these forgeries are faces of real "
            "pictures laid over themselves with small faults along the seam, so that they learn the seam rather than "
            "one method's style."
        ),
        misleads=(
            "Forgeries unlike those of its training (a face generated whole, lips moved to another voice) can score "
            "low; strong compression, small faces, heavy make-up, masks and beauty filters move the score either way."
        ),
        paper="Tan & Le 2019, EfficientNet, arXiv:1905.11946; Shiohara & Yamasaki 2022, arXiv:2204.08376",
        attribution=(
            f"The map is exact, for {MAP_PX}×{MAP_PX} places of the whole picture and {MAP_PX}×{MAP_PX} of its inner "
            "part, which the second network sees larger: its mean decides the score (class activation map, Zhou et al. "
            "2016, arXiv:1512.04150)."
        ),
        # The highest real clip of held-out people: FaceForensics++ 720, c40; the degraded ones: the examples of
        # training.calibrate.
        threshold=(
            "Nearly all of its calibration examples are photographs, and compressed clips are harder: so P(fake) has "
            "to be higher as well than any real clip of the people held out has reached, as it is (0.56) or in one "
            "of 54 degraded versions (0.79)."
        ),
    )
    crop_px = CROP_PX
    limits = LIMITS

    def __init__(
        self, weights_paths: Mapping[str, Path] = WEIGHTS_PATHS, calibration_path: Path = CALIBRATION_PATH
    ) -> None:
        """Take the weights by the names of the views; one of them may be left out.

        Raises ValueError for none, or for a name that is no view's.
        """
        if not weights_paths or not weights_paths.keys() <= WEIGHTS_PATHS.keys():
            views = ", ".join(WEIGHTS_PATHS)
            raise ValueError(f"weights are needed for one or more of {views}, not {[*weights_paths]}")
        self._weights_paths, self._calibration_path = dict(weights_paths), calibration_path
        self._lock = threading.Lock()
        self.training_list = TRAINING_LIST

    @property
    def files(self) -> Sequence[Path]:
        """The weights of each view, and the calibration."""
        return (*self._weights_paths.values(), self._calibration_path)

    @functools.cached_property
    def calibration(self) -> Calibration:
        """How logits become probabilities. Raises ClassifierError."""
        return read_calibration(self._calibration_path)

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop, f32 (n,), calibrated for a world with as many fakes as reals.

        images: RGB uint8 (n, 280, 280, 3) as crop_face cuts them with crop_to_frame_from_landmarks.

        Raises ValueError for another shape or type; ClassifierError when the weights cannot be read.
        """
        return self.calibration.probability(self.logits(images))

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the mean of the networks' raw outputs, f32 (n,); larger is more suspicious. images and
        Raises as for scores."""
        return self._run(images)[0]

    def scores_and_attributions(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scores f32 (n,) and what each place of a crop adds to its logit, f32 (n, 70, 70), of one pass.

        A network's last layer is linear in its averaged feature map, so that this class activation map (Zhou et al.
        2016, arXiv:1512.04150) is exact: its mean plus the bias is the logit. The maps of the two views, 7×7 places
        each, are laid over the crop and averaged. images and Raises as for scores.
        """
        logits, maps = self._run(images)
        return self.calibration.probability(logits), maps

    def _run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        crops = self.checked(images)
        with self._lock:
            networks = self._networks
        logits = np.zeros(len(crops), np.float32)
        maps = np.zeros((len(crops), ATTRIBUTION_PX, ATTRIBUTION_PX), np.float32)
        for start in range(0, len(crops), BATCH):
            part = slice(start, start + BATCH)
            for view, network in networks:
                view_logits, view_maps = (output.numpy() for output in network(view.of(crops[part])))
                logits[part] += view_logits / len(networks)
                maps[part] += view.spread(view_maps, ATTRIBUTION_PX, CROP_PX) / len(networks)
        return logits, maps

    @functools.cached_property
    def _networks(self) -> list[tuple[View, Any]]:
        chosen = [view for view in VIEWS if view.name in self._weights_paths]
        return [(view, build_network(read_weights(self._weights_paths[view.name]))) for view in chosen]


def read_weights(path: Path, last: str = "head.kernel") -> dict[str, NDArray[np.float32]]:
    """Return the arrays of a weights file as f32.

    Raises ClassifierError when it is missing, damaged, or lacks `last`.
    """
    try:
        with np.load(path) as arrays:
            weights = {name: arrays[name].astype(np.float32) for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ClassifierError(path, f"the classifier's weights cannot be read ({error}); reinstall them") from error
    if last not in weights:
        raise ClassifierError(path, f"these are not the classifier's weights: they lack {last}")
    return weights


def build_network(weights: dict[str, NDArray[np.float32]]) -> Any:
    """Return a TensorFlow function: uint8 (n, 224, 224, 3) to logits f32 (n,) and attributions f32 (n, 7, 7).

    weights: "0.kernel", "0.bias" and so on in the order of the layers, with the normalization folded in, then
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
