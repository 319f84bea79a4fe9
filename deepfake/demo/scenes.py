"""What is filmed: the people, the backgrounds, and the flaws of each fake."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepfake.demo.puppet import Look, Placement

Floats = NDArray[np.float32]

TRAIN_FOLDER, TEST_FOLDER = "train_sample_videos", "test_videos"
FRAME_RATE = 25
FRAME_COUNT = 85

LOOK_A = Look()
LOOK_B = Look(
    hair_rgb=(0.42, 0.34, 0.33),
    skin_rgb=(0.9, 0.80, 0.72),
    blue_suit=True,
    features=((223, 124, 16, 1.22, 1.08), (225, 165, 30, 1.12, 1.05), (228, 30, 24, 0.94, 0.80)),
)
SWAPPED_ONTO_A = replace(LOOK_B, skin_rgb=(0.97, 0.90, 0.86))
SWAPPED_ONTO_B = replace(LOOK_A, skin_rgb=(0.92, 0.84, 0.77))


@dataclass(frozen=True, slots=True)
class Fake:
    """How one fake is made from its original.

    person: which of the scene's people. downscale: the face's resolution is divided by this. mask_blur_px, hull: blur
    and size of the blended region, in pixels of the photograph and relative to the face. gain_rgb: the tone that is
    off. offset_px: constant misplacement; jitter_px: its random part in every frame; canvas pixels. blinks: whether
    the swapped face does. flicker_frames: where the face jumps in place, size and brightness, for one frame;
    flicker: by how much, 1 being JUMP_PX, JUMP_SIZE and JUMP_TONE.
    """

    name: str
    look: Look
    flicker_frames: tuple[int, ...]
    person: int = 0
    downscale: float = 2.5
    mask_blur_px: float = 3.0
    hull: float = 0.95
    gain_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset_px: tuple[float, float] = (0.0, 0.0)
    jitter_px: float = 0.3
    blinks: bool = True
    flicker: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One take: people before a background, the fakes made from it, and where the clips go. name: the original's
    file name, or None when only its fake is kept."""

    name: str | None
    seed: int
    backdrop: str
    people: tuple[tuple[Look, Placement], ...]
    fakes: tuple[Fake, ...] = ()
    folder: str = TRAIN_FOLDER

    @property
    def clip_count(self) -> int:
        """Clips that the scene writes."""
        return len(self.fakes) + (self.name is not None)


SCENES = (
    Scene(
        "real_pair.mp4",
        seed=31,
        backdrop="gray",
        people=(
            (LOOK_A, Placement(854, 480, 1.5, -128.0, 62.0)),
            (LOOK_B, Placement(854, 480, 1.46, 966.0, 70.0, mirrored=True)),
        ),
        fakes=(Fake("fake_pair_right.mp4", SWAPPED_ONTO_B, (24, 25, 58, 80), person=1, gain_rgb=(1.05, 0.98, 0.94)),),
    ),
    Scene(
        "real_a.mp4",
        seed=11,
        backdrop="warm",
        people=((LOOK_A, Placement(640, 480, 2.1, -154.0, -4.0)),),
        fakes=(
            Fake("fake_a_flicker.mp4", SWAPPED_ONTO_A, (20, 21, 47, 70, 71), flicker=2.0, gain_rgb=(1.03, 1.0, 0.96)),
            Fake("fake_a_blurred.mp4", SWAPPED_ONTO_A, (55,), downscale=5, mask_blur_px=7, hull=0.9, blinks=False),
        ),
    ),
    Scene(
        "real_b.mp4",
        seed=23,
        backdrop="rocket",
        people=((LOOK_B, Placement(640, 480, 1.75, 712.0, 12.0, mirrored=True)),),
        fakes=(
            Fake("fake_b_misplaced.mp4", SWAPPED_ONTO_B, (33, 64), offset_px=(4, -3), jitter_px=0.7, mask_blur_px=1.5),
            Fake("fake_b_warped.mp4", SWAPPED_ONTO_B, (15, 50, 51, 78), downscale=4, gain_rgb=(0.92, 0.96, 1.05)),
        ),
    ),
    Scene(
        "test_1.mp4",
        seed=47,
        backdrop="rocket",
        people=((LOOK_A, Placement(640, 480, 1.55, 640.0, 50.0, mirrored=True)),),
        folder=TEST_FOLDER,
    ),
    Scene(
        None,
        seed=59,
        backdrop="warm",
        people=((LOOK_B, Placement(640, 480, 1.6, -30.0, 40.0)),),
        fakes=(Fake("test_2.mp4", SWAPPED_ONTO_B, (28, 29, 66), downscale=3, blinks=False),),
        folder=TEST_FOLDER,
    ),
)
