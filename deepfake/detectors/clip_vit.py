"""ClipVitClassifier: CLIP's image tower ViT-B/16 (Radford et al. 2021), the LayerNorms of its last four blocks and a
linear head tuned twice: on recorded and made fakes, and on made ones alone, whose seams give them away.

How it was made and what it is worth: MODEL_CARD.md beside this file.
"""

from __future__ import annotations

import functools
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.base import ClassifierInfo, CropScores, FaceClassifier, QualityLimits, Sampling, TrackCrops
from deepfake.detectors.calibration import Calibration, read_calibration
from deepfake.detectors.devices import CPU, device_name, may_use_card, open_session
from deepfake.detectors.view import View
from deepfake.errors import ClassifierError
from deepfake.faces.alignment import crop_face
from deepfake.faces.blur import edge_blur_px

Tuned = dict[str, NDArray[np.float32]]  # by the names of the network's inputs

CROP_PX: Final = 280  # side of a crop as it is cut out of a frame
PATCHES: Final = 14  # of 16 px on each side of the 224 px that the network is shown
WIDTH: Final = 768  # of a token
MAP_PX: Final = 70  # side of an attribution map of a crop: crop_px / 4
WEIGHTS_FOLDER: Final = Path(__file__).parent / "weights"
BASE_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16.onnx"  # the matrices, which both parts read from there
BELOW_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16_below.onnx"  # from crops to tokens; its LayerNorms are inputs
ABOVE_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16_above.onnx"  # from tokens to logits; what was tuned are its inputs
TUNED_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16_tuned.npz"
EDITS_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16_edits.npz"
SEAMS_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16_seams.npz"
CALIBRATION_PATH: Final = WEIGHTS_FOLDER / "clip_vit_b16_calibration.json"
TRAINING_LIST: Final = WEIGHTS_FOLDER / "clip_vit_b16_training_clips.txt"
BATCH: Final = 1  # crops in one run on a processor: more of them take as long per crop, and more memory
GPU_BATCH: Final = 32  # on a graphics card
WHOLE: Final = View("whole", 0, 0, CROP_PX)
VIEWS: Final = (WHOLE, View("mouth", 80, 136, 120))  # the mean of their logits counts
# Of what a seam adds to the logit. Where there is none, nothing is taken: what is generated whole has none either.
SEAM_WEIGHT: Final = 0.7
# A soft picture of a real person looks more suspicious than a sharp one: so much is taken from the logit for each px of
# blur above SHARP_PX, about the median of the folds' clips, up to SOFT_PX, beyond which nothing is judged.
SOFTNESS_WEIGHT: Final = 1.0
SHARP_PX: Final = 1.5
SOFT_PX: Final = 3.0
EDITS: Final = ("hidden", "smoothed")  # what is told of a face beside its score
# Middle and reach of an ellipse about an aligned face, from brows to chin, in sides of a crop (set by eye).
FACE_ACROSS, FACE_DOWN = (0.5, 0.27), (0.58, 0.33)


def _about_the_face() -> NDArray[np.bool_]:
    """Which patches of the whole view have their middle in an ellipse about the face, from brows to chin: 56."""
    middles = (np.arange(PATCHES) + 0.5) / PATCHES
    across, down = ((middles - middle) / reach for middle, reach in (FACE_ACROSS, FACE_DOWN))
    inside: NDArray[np.bool_] = (across[None] ** 2 + down[:, None] ** 2 < 1).ravel()
    return inside


FACE_PATCHES: Final = _about_the_face()  # bool (196,)


class ClipVitClassifier(FaceClassifier):
    """P(fake) of face crops by CLIP's image tower with tuned LayerNorms and a linear head, calibrated.

    The logit of a crop is that of the values tuned on recorded and made fakes, the mean of both views, and SEAM_WEIGHT
    times that of the values tuned on made fakes alone, of the whole view, where it is above zero, less SOFTNESS_WEIGHT
    times how soft the crop is. Beside the score it tells how much of the face something hides, and whether a filter
    smoothed it: both raise the score of real people, so that the quality gate stops them.

    Source: Radford et al. 2021 (arXiv:2103.00020) for the network; after Yermakov et al. 2025 (arXiv:2508.06248), who
    tune the LayerNorms alone. The matrices are stored as int8 and multiplied in float32, so that every processor gives
    the same score.

    When it misleads: kinds of forgery that it has not seen, above all heads that are generated whole and lips that are
    moved to another voice; fakes filmed from a screen; soft, re-encoded, filtered pictures of real people; see the
    model card.
    """

    info = ClassifierInfo(
        name="clip_vit",
        title="CLIP ViT-B/16, tuned LayerNorms",
        looks_at=(
            "A large network that was trained to match pictures with captions looks at the whole head, and at the "
            "mouth from nose to chin. What it learned is kept; only the scales between its upper layers and its last "
            "step were tuned: on real heads and mouths beside recorded and made forgeries of them, each pair "
            "compressed in the same way. The higher its number, the more a picture looks like the forgeries. A second "
            "set of these values was tuned on photographs and forgeries made of them alone: it looks for the traces "
            "of a face that was put in. Where it sees some, the number rises; where it sees none, nothing changes. A "
            "soft picture looks more suspicious than a sharp one: a part of that is taken off again. It also tells "
            "whether something, such as writing or a sticker, hides a part of the face, and whether a filter smoothed "
            "it strongly; in either case no verdict is given."
        ),
        misleads=(
            "Kinds of forgery that it has not seen can score low, above all heads that are generated whole and lips "
            "that are moved to another voice, and so can a fake that was filmed from a screen; re-encoded, filtered "
            "and, less so, soft pictures of real people can score high."
        ),
        paper="Radford et al. 2021, CLIP, arXiv:2103.00020; Yermakov et al. 2025, arXiv:2508.06248",
        attribution=(
            f"The map shows, for {PATCHES}×{PATCHES} patches of each view, what each adds to the score through the "
            "network's last attention, to first order (its value times the gradient of the score). It is exact for a "
            "small change of that step; earlier layers have already mixed what neighboring patches show. What no "
            "single patch adds is spread evenly over the picture."
        ),
        threshold=(
            "Its calibration rests on 287 real and 238 fake clips, each scored by networks that had seen nothing of "
            "its source, as they are and degraded: so the verdict asks for a P(fake) that at most two in a hundred of "
            "the real ones reach."
        ),
    )
    crop_px = CROP_PX
    sampling = Sampling(least=4, most=4)
    # Blur: of the 537 clips of the folds 3 are more blurred. Outside: real faces of which more is cut off have a mean
    # logit of 0.0 by the folds, the others of -0.9 (6 and 289). Four fakes are cut off as far: too few to judge.
    # Hidden: three of the 56 patches about the face stop a crop; of the folds 7 real clips and no fake are above it,
    # and of 70 clips all with writing over the mouth, a caption over the chin or a sticker over an eye. Smoothed: none,
    # and all of the 70 that were strongly smoothed.
    limits = QualityLimits(
        min_face_width_px=48.0,
        max_edge_blur_px=SOFT_PX,
        min_bits_per_pixel=0.002,
        min_scored_crops=4,
        max_outside_share=0.25,
        max_hidden_share=0.05,
        max_smoothed_probability=0.5,
    )
    training_list = TRAINING_LIST

    def __init__(
        self,
        *,
        below: Path = BELOW_PATH,
        above: Path = ABOVE_PATH,
        tuned: Path = TUNED_PATH,
        seams: Path = SEAMS_PATH,
        edits: Path = EDITS_PATH,
        calibration_path: Path = CALIBRATION_PATH,
    ) -> None:
        """Take the files of the network's lower and upper part; tuned: values of the upper part, tuned on all fakes;
        seams: values of both parts, tuned on made fakes; edits: what tells hidden and smoothed faces; and the
        calibration."""
        self._parts = {"below": below, "above": above}
        self._tuned, self._seams, self._edits, self._calibration_path = tuned, seams, edits, calibration_path
        self._lock = threading.Lock()

    @property
    def files(self) -> Sequence[Path]:
        """The matrices, the network's parts, both sets of tuned values, what tells edits, and the calibration."""
        base = self._parts["below"].parent / BASE_PATH.name
        return base, *self._parts.values(), self._tuned, self._seams, self._edits, self._calibration_path

    @functools.cached_property
    def calibration(self) -> Calibration:
        """How logits become probabilities. Raises ClassifierError."""
        return read_calibration(self._calibration_path)

    @property
    def device(self) -> str:
        """See FaceClassifier. Raises ClassifierError."""
        if "_sessions" not in self.__dict__ and not may_use_card():
            return "CPU"  # the sessions are made at the first score: they are not needed to know this
        return device_name(self._session("below"))

    def cut(self, image: NDArray[np.uint8], crop_to_frame: NDArray[np.float32]) -> NDArray[np.uint8]:
        """See FaceClassifier. What lies outside the frame has the mean color, nearly as in training: a repeated edge
        looked suspicious."""
        return crop_face(image, crop_to_frame, self.crop_px, outside="mean")

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop, f32 (n,), calibrated for a world with as many fakes as reals.

        images: RGB uint8 (n, 280, 280, 3) as `cut` makes them.

        Raises ValueError for another shape or type; ClassifierError when the weights cannot be read.
        """
        return self.calibration.probability(self.logits(images))

    def score_track(self, crops: TrackCrops) -> CropScores:
        """See FaceClassifier. The network computes the attributions in any case."""
        seen = self._look(crops.images, "logits", "attributions")
        scores, attributions = self._scores_and_attributions(seen)
        return CropScores(
            scores,
            attributions=attributions,
            hidden_shares=seen.hidden_shares,
            smoothed_probabilities=seen.smoothed_probabilities,
        )

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the raw outputs, f32 (n,); larger is more suspicious. images and Raises as for scores."""
        return self._look(images, "logits").logits

    def embeddings(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the head sees of the whole view of each crop, f32 (n, 768), of length 1. images and Raises as
        for scores."""
        found = [self._above(self._tuned_values, tokens, "embeddings")[0] for tokens in self._tokens(WHOLE, images)]
        return np.concatenate(found)

    def scores_and_attributions(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scores f32 (n,) and what each place of a crop adds to the logit through the last attention, f32
        (n, 70, 70), to first order: the maps of all that counts laid over each other. What no single patch adds is
        spread evenly, so that the mean of a map is its logit. images and Raises as for scores."""
        return self._scores_and_attributions(self._look(images, "logits", "attributions"))

    def hidden_parts(self, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which patches of each crop something hides, of those about the face, bool (n, 14, 14); none where it
        hides no more than max_hidden_share of them. images and Raises as for scores."""
        found = [hidden_patches(tokens, self._edit_values) for tokens in self._tokens(WHOLE, images)]
        hidden = np.concatenate(found)
        hidden[hidden.mean(axis=1) <= self.limits.max_hidden_share] = False
        parts = np.zeros((len(images), PATCHES**2), np.bool_)  # the whole view is the whole crop
        parts[:, FACE_PATCHES] = hidden
        return parts.reshape(-1, PATCHES, PATCHES)

    def _scores_and_attributions(self, seen: _Seen) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rest = seen.logits - seen.maps.mean(axis=(1, 2))  # what no single patch adds
        return self.calibration.probability(seen.logits), seen.maps + rest[:, None, None]

    def _look(self, images: NDArray[np.uint8], *outputs: str) -> _Seen:
        """What the network gives of crops; the maps are zero where outputs do not ask for them."""
        logits = -np.float32(SOFTNESS_WEIGHT) * softness(WHOLE.of(self.checked(images)))
        maps = np.zeros((len(images), MAP_PX, MAP_PX), np.float32)
        hidden, smoothed = np.zeros_like(logits), np.zeros_like(logits)
        looks = {view: [(self._tuned_values, 1 / len(VIEWS), -np.inf)] for view in VIEWS}
        looks.setdefault(WHOLE, []).append((self._seam_values["above"], SEAM_WEIGHT, 0.0))
        for view, sets in looks.items():
            start = 0
            for tokens in self._tokens(view, images):
                part = slice(start, start := start + len(tokens))
                if view == WHOLE:
                    hidden[part] = hidden_share(tokens, self._edit_values)
                    smoothed[part] = smoothed_probability(tokens, self._edit_values)
                for values, weight, least in sets:
                    found, *attributions = self._above(values, tokens, *outputs)
                    weights = np.float32(weight) * (found > least)
                    logits[part] += weights * found
                    for by_patch in attributions:  # spread so that the mean is the sum
                        spread = by_patch.reshape(-1, PATCHES, PATCHES) * np.float32(PATCHES**2)
                        maps[part] += weights[:, None, None] * view.spread(spread, MAP_PX, CROP_PX)
        return _Seen(logits, maps, hidden, smoothed)

    def _tokens(self, view: View, images: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        """Yield what the lower part makes of the crops of one run after the other, f32 (k, 197, 768)."""
        shown = view.of(self.checked(images))
        values, session = self._seam_values["below"], self._session("below")
        batch = BATCH if session.get_providers()[0] == CPU else GPU_BATCH
        for start in range(0, max(1, len(shown)), batch):  # no crops are one run too: outputs of length 0
            yield session.run(["tokens"], {"crops": shown[start : start + batch], **values})[0]

    def _above(self, values: Tuned, tokens: NDArray[np.float32], *outputs: str) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = self._session("above").run(outputs, {"tokens": tokens, **values})
        return found

    def _session(self, part: str) -> Any:
        with self._lock:
            return self._sessions[part]

    @functools.cached_property
    def _sessions(self) -> Mapping[str, Any]:
        """The lower and the upper part, by name."""
        import onnxruntime  # only where it is used: the classifiers are listed without it

        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # int8 becomes float32 once, when loaded
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other work shares the cores
        # Without an arena, what the network needed for a crop is free again: 90 MiB less, at the same speed.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        options.log_severity_level = 3
        sessions = {}
        for part, path in self._parts.items():
            try:
                sessions[part] = open_session(path, options)
            except Exception as error:  # onnxruntime's errors have no common base
                raise ClassifierError(path, f"the weights cannot be read ({error})") from error
        return sessions

    @functools.cached_property
    def _tuned_values(self) -> Tuned:
        return self._read(self._tuned, ("above",))["above"]

    @functools.cached_property
    def _seam_values(self) -> Mapping[str, Tuned]:
        return self._read(self._seams, ("below", "above"))

    @functools.cached_property
    def _edit_values(self) -> Tuned:
        shapes = {f"{edit}.{part}": [size] for edit in EDITS for part, size in (("weight", WIDTH), ("bias", 1))}
        return _stored(self._edits, shapes)

    def _read(self, path: Path, parts: Sequence[str]) -> Mapping[str, Tuned]:
        """The inputs of parts of the network, by part, from a file that has nothing else."""
        inputs = {part: {item.name: item.shape for item in self._session(part).get_inputs()} for part in parts}
        wanted = {
            part: {name: shape for name, shape in of_part.items() if name not in ("crops", "tokens")}
            for part, of_part in inputs.items()
        }
        shapes = {name: shape for of_part in wanted.values() for name, shape in of_part.items()}
        stored = _stored(path, shapes)
        return {part: {name: stored[name] for name in of_part} for part, of_part in wanted.items()}


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the network gives of n crops. logits: f32 (n,). maps: f32 (n, 70, 70), what each place adds to them.
    hidden_shares, smoothed_probabilities: f32 (n,), as of CropScores."""

    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    hidden_shares: NDArray[np.float32]
    smoothed_probabilities: NDArray[np.float32]


def _stored(path: Path, shapes: Mapping[str, Sequence[int]]) -> Tuned:
    """The arrays of a file that has these and nothing else. Raises ClassifierError."""
    try:
        with np.load(path) as arrays:
            stored = dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ClassifierError(path, f"the weights cannot be read ({error})") from error
    if {name: [*array.shape] for name, array in stored.items()} != {name: [*shape] for name, shape in shapes.items()}:
        raise ClassifierError(path, "these are not the weights of this network")
    return stored


def hidden_share(tokens: NDArray[np.float32], values: Tuned) -> NDArray[np.float32]:
    """Return the share of the face that something else hides, as writing and stickers do, f32 (n,), in [0, 1]. tokens,
    values: as of hidden_patches."""
    share: NDArray[np.float32] = hidden_patches(tokens, values).mean(axis=1, dtype=np.float32)
    return share


def hidden_patches(tokens: NDArray[np.float32], values: Tuned) -> NDArray[np.bool_]:
    """Return which of the patches about the face look as if something else hid them, bool (n, 56), as FACE_PATCHES
    names them. tokens: f32 (n, 197, 768), what the lower part makes of the whole view of crops. values: of
    training.clip_edits."""
    hidden: NDArray[np.bool_] = tokens[:, 1:][:, FACE_PATCHES] @ values["hidden.weight"] + values["hidden.bias"] > 0
    return hidden


def smoothed_probability(tokens: NDArray[np.float32], values: Tuned) -> NDArray[np.float32]:
    """Return the probability that a filter smoothed the face, f32 (n,). tokens, values: as of hidden_share."""
    logits = tokens[:, 0] @ values["smoothed.weight"] + values["smoothed.bias"]
    probability: NDArray[np.float32] = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return probability


def softness(shown: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return by how much the blur of pictures is above SHARP_PX, f32 (n,), px, at most SOFT_PX - SHARP_PX; 0 where
    there are no edges. shown: uint8 (n, 224, 224, 3), the whole view of crops."""
    blur = np.array([edge_blur_px(picture) for picture in shown], np.float32)
    return np.clip(np.nan_to_num(blur, nan=SHARP_PX), SHARP_PX, SOFT_PX) - np.float32(SHARP_PX)
