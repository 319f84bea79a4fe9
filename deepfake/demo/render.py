"""A scene frame by frame, and a face in it swapped for another."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.demo.puppet import Pose, Puppet, dress, face_canvas, figure_canvas, photograph
from deepfake.demo.scenes import FRAME_COUNT, FRAME_RATE, Fake, Floats, Scene
from deepfake.video.info import Image

NOISE_STD = 1.6  # gray levels
BACKDROP_BLUR_PX = 30.0
BACKDROP_RGB = {"gray": (146, 150, 158), "warm": (158, 128, 104)}
JUMP_PX, JUMP_SIZE, JUMP_TONE = (5.0, 3.0), 0.05, 0.13  # of the face in a flicker: place, size and brightness
LIGHT_DRIFT = 0.035  # fraction of brightness


def performance(seed: int) -> list[Pose]:
    """Return FRAME_COUNT poses of a person who talks: slow head motion, syllables, a blink every two seconds or so."""
    rng = np.random.default_rng(seed)
    t = np.arange(FRAME_COUNT) / FRAME_RATE

    def wave(amplitude: float, *periods_s: float) -> NDArray[np.float64]:
        parts = [np.sin(2 * np.pi * (t / period + rng.random())) / (k + 1) for k, period in enumerate(periods_s)]
        return np.asarray(amplitude * np.sum(parts, axis=0))

    blinks = np.cumsum([rng.uniform(0.5, 1.1), rng.uniform(1.4, 2.0), rng.uniform(1.8, 2.4)])
    closed = np.max([np.interp(t, b + np.array([0.0, 0.08, 0.12, 0.24]), [0, 1, 1, 0]) for b in blinks], axis=0)
    phrases = np.clip(0.55 + wave(0.6, 1.9, 1.1), 0.0, 1.0)
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 3.6 * t + wave(0.9, 0.9, 0.5))
    columns = {
        "sway": wave(2.6, 4.1, 2.3),
        "shift": wave(2.6, 3.1, 1.7),
        "bob": wave(1.3, 2.2, 1.2),
        "roll": wave(0.026, 3.7, 1.9),
        "yaw": wave(4.0, 2.9, 1.6),
        "pitch": wave(1.8, 2.4, 1.3),
        "lean": wave(0.012, 5.0, 3.0),
        "mouth_open": 6.5 * phrases * syllables,
        "eyes_closed": closed,
    }
    return [Pose(**{name: float(values[k]) for name, values in columns.items()}) for k in range(FRAME_COUNT)]


def take(scene: Scene, performances: Sequence[list[Pose]], portrait: tuple[Image, Floats]) -> Iterator[Image]:
    """Yield the scene's frames, uint8 (height, width, 3) RGB: people, background, drifting light, sensor noise."""
    first = scene.people[0][1]
    puppets = [Puppet(figure_canvas(*dress(*portrait, look), place), place) for look, place in scene.people]
    rng = np.random.default_rng(scene.seed + 1000)
    background = _backdrop(scene.backdrop, first.width, first.height)
    noise = _gray(rng.normal(0.0, NOISE_STD, (first.height + 64, first.width + 64)).astype(np.float32))
    slope = _gray(np.tile(np.linspace(0.0, 2.0, first.width, dtype=np.float32), (first.height, 1)))
    for index in range(FRAME_COUNT):
        image = background.copy()
        for puppet, poses in zip(puppets, performances, strict=True):
            figure = puppet.render(poses[index])
            image -= image * _opacity(figure)
            image += figure[..., :3]
        drift = LIGHT_DRIFT * np.sin(2 * np.pi * index / FRAME_RATE / 5.3 + scene.seed)
        y, x = rng.integers(0, 64, 2)
        image += image * (np.float32(drift) * slope)
        image += noise[y : y + first.height, x : x + first.width]
        yield np.clip(image, 0, 255, out=image).astype(np.uint8)


def _gray(plane: Floats) -> Floats:
    """Return plane in three equal channels: NumPy is several times faster on these than on one broadcast to three."""
    return np.asarray(cv2.merge([plane, plane, plane]), np.float32)


def _opacity(layers: Image) -> Floats:
    """Return the fourth channel as opacity in [0, 1], float32 (h, w, 3)."""
    return _gray(layers[..., 3].astype(np.float32) * np.float32(1 / 255))


def _backdrop(name: str, width: int, height: int) -> Floats:
    """Return a background out of focus, float32 (height, width, 3): soft blotches of a color, or the blurred
    photograph of that name."""
    if name not in BACKDROP_RGB:
        photo = cv2.resize(photograph(name), (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), BACKDROP_BLUR_PX), np.float32)
    blotches = np.random.default_rng(5).normal(0.0, 11.0, (6, 10)).astype(np.float32)
    smooth = _gray(np.asarray(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC), np.float32))
    fall = np.linspace(1.08, 0.86, height, dtype=np.float32)[:, None, None]
    return (smooth + np.array(BACKDROP_RGB[name], np.float32)) * fall


class Swap:
    """Replaces one person's face in the frames of a take."""

    def __init__(self, fake: Fake, scene: Scene, poses: Sequence[Pose], photo: Image, opacity: Floats) -> None:
        placement = scene.people[fake.person][1]
        face, _ = dress(photo, opacity, fake.look)
        canvas = face_canvas(face, placement, blur_px=fake.mask_blur_px, grow=fake.hull)
        self._puppet = Puppet(canvas, placement, face_only=True)
        self._poses = list(poses) if fake.blinks else [replace(pose, eyes_closed=0.0) for pose in poses]
        self._fake = fake
        self._rng = np.random.default_rng(scene.seed + 2000 + len(fake.name))

    def apply(self, frame: Image, index: int) -> Image:
        """Return a copy of the frame with the face of this moment replaced, uint8 (height, width, 3) RGB."""
        fake, (x0, y0, x1, y1) = self._fake, self._puppet.box
        layers = self._puppet.render(self._poses[index])
        jump = fake.flicker * (1 if index % 2 else -1) if index in fake.flicker_frames else 0.0
        offset = np.array(fake.offset_px) + self._rng.normal(0.0, fake.jitter_px, 2) + jump * np.array(JUMP_PX)
        coarse = _coarsened(layers, fake.downscale * (1.0 + abs(jump)), offset, 1.0 + JUMP_SIZE * jump)
        tone = np.array(fake.gain_rgb, np.float32) * np.float32(1.0 + JUMP_TONE * jump)
        weight, below = _opacity(coarse), frame[y0:y1, x0:x1].astype(np.float32)
        result = frame.copy()
        blended = below + (coarse[..., :3] * tone - below) * weight
        result[y0:y1, x0:x1] = np.clip(blended, 0, 255, out=blended)
        return result


def _coarsened(layers: Image, downscale: float, offset_px: NDArray[np.float64], size: float) -> Image:
    """Return layers reduced by downscale and enlarged again, moved by offset_px and resized about the center."""
    height, width = layers.shape[:2]
    small = cv2.resize(layers, (round(width / downscale), round(height / downscale)), interpolation=cv2.INTER_AREA)
    scale = np.array([width / small.shape[1], height / small.shape[0]]) * size
    # Pixel centers lie at half-integers in both images: (x + 0.5) / scale, then about the box's center.
    shift = (1.0 - size) * np.array([width, height]) / 2 + offset_px + 0.5 * scale - 0.5
    matrix = np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]]])
    enlarged = cv2.warpAffine(small, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(enlarged, np.uint8)
