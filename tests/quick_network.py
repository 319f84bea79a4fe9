"""Stands in for the network of the default classifier in tests that do not ask what it says of a face: crops, views,
calibration, pooling and verdict around it are the real ones. Worker processes import this module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake import worker_pool
from deepfake.detectors.clip_vit import EDITS, PATCHES, SEAMS_PATH, TUNED_PATH, ClipVitClassifier
from deepfake.detectors.devices import CPU
from tests.waiting import until

EMBEDDING = 768
SLOPE = 8.0  # of the logit over brightness: black and white are as far from each other as real and fake can be

# Tells of no face that something hides it, or that a filter smoothed it.
NOTHING_EDITED = {
    f"{edit}.{part}": np.full(1, value, np.float32) for edit in EDITS for part, value in (("weight", 0), ("bias", -9))
}

SetAttribute = Callable[[object, str, object], None]


class QuickSession:
    """Takes and gives what the sessions of both parts of the network do: uint8 (n, 224, 224, 3), of which the tokens
    are nothing and the brightness of the picture's patches, f32 (n, 197, 1); logits, attributions and embeddings follow
    from these."""

    def __init__(self, part: str) -> None:
        self._part = part

    def get_providers(self) -> list[str]:
        return [CPU]

    def get_inputs(self) -> list[SimpleNamespace]:
        with np.load(TUNED_PATH) as tuned, np.load(SEAMS_PATH) as seams:
            return [
                SimpleNamespace(name=name, shape=list(seams[name].shape))
                for name in seams
                if (name in tuned) == (self._part == "above")
            ]

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        until(lambda: not _hold().exists())
        if "crops" in feeds:
            shown = feeds["crops"]
            count, side = len(shown), shown.shape[1] // PATCHES
            patches = shown.reshape(count, PATCHES, side, PATCHES, side * 3).mean(axis=(2, 4), dtype=np.float32)
            return [np.pad(patches.reshape(count, PATCHES**2, 1), ((0, 0), (1, 0), (0, 0)))]
        patches = feeds["tokens"][:, 1:, 0]
        count = len(patches)
        attributions = np.float32(SLOPE) * (patches / np.float32(255) - np.float32(0.5))
        logits = attributions.mean(axis=1)
        made = {
            "logits": logits,
            "attributions": attributions / np.float32(PATCHES**2),
            "embeddings": np.full((count, EMBEDDING), EMBEDDING**-0.5, np.float32),
        }
        return [made[name] for name in outputs]


@contextmanager
def held() -> Iterator[None]:
    """Have the stand-in answer nobody inside the block, in whatever process: what asks it is under way as long."""
    _hold().touch()
    try:
        yield
    finally:
        _hold().unlink()


def _hold() -> Path:
    return Path(os.environ["DEEPFAKE_CACHE_DIR"]) / "network-is-held"


def put_in_place(set_attribute: SetAttribute) -> None:
    """Put the stand-in behind the classifier, here and in the workers of every pool that begins from now on.

    set_attribute: setattr, or one that takes it back.
    """
    parts = {part: QuickSession(part) for part in ("below", "above")}
    set_attribute(ClipVitClassifier, "_sessions", property(lambda _: parts))
    set_attribute(ClipVitClassifier, "_edit_values", property(lambda _: NOTHING_EDITED))
    # Part of the key of what is kept: nothing that the stand-in said is taken for the network's word, or the reverse.
    set_attribute(ClipVitClassifier, "files", property(lambda _: (Path(__file__),)))
    set_attribute(worker_pool, "_start_worker", start_worker)


_start_worker = worker_pool._start_worker


def start_worker(*args: object) -> None:
    """Begin a worker with the stand-in: also one that replaces another."""
    _start_worker(*args)
    put_in_place(setattr)
