"""What people do to clips before they pass them on: captions, stickers, filters, tints, a screen filmed.

Each is put into both pictures of a pair with the same settings, so that none of it tells which of the two is fake
(grain is drawn anew for each).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.clip_vit import PATCHES, WHOLE
from deepfake.video.info import Image
from training.degradation import Random

Edit = Callable[[Image], Image]  # RGB uint8 (S, S, 3) to the same

SECOND_SHARE: Final = 0.35  # of the edited pairs, that are edited twice
JPEG_SHARE: Final = 0.4  # of the edited pairs, that are saved as JPEG afterwards
CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures, RGB in [0, 1]
CHANGED_LEVELS: Final = 24  # of 255, from which on a pixel counts as hidden
# Reach in px of a crop, times levels, times rounds. Of 37 real clips smoothed by less than the first the logit rises by
# 0.5 and less, by more than the second by 0.7 and more.
SLIGHT, STRONG = 750, 1125
PATCH_PX: Final = 16
BACKGROUND: Final = tuple(255 * value for value in CLIP_MEAN)
FONTS: Final = (
    cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX,
)  # fmt: skip
WORDS: Final = (
    "the", "who", "what", "they", "said", "live", "news", "today", "@user", "#now", "watch", "this", "why", "how",
    "2024", "never", "wait", "look", "BREAKING", "official", "video", "part", "one", "please", "share", "and", "then",
)  # fmt: skip
LETTERS: Final = ((255, 255, 255), (255, 240, 60), (20, 20, 20), (240, 60, 60))


def edited(pictures: Sequence[Image], random: Random) -> list[Image]:
    """Return pictures of one size, RGB uint8 (S, S, 3), all with the same one or two edits."""
    done = list(pictures)
    for _ in range(2 if random.random() < SECOND_SHARE else 1):
        edit = EDITS[int(random.integers(len(EDITS)))](done[0].shape[0], random)
        done = [edit(picture) for picture in done]
    if random.random() < JPEG_SHARE:
        quality = int(random.integers(40, 90))
        done = [_as_jpeg(picture, quality) for picture in done]
    return done


def head_alone(pictures: Sequence[Image], random: Random) -> list[Image]:
    """Return pictures with nothing but an ellipse about the head; the same one in each."""
    side = pictures[0].shape[0]
    across, down = np.meshgrid(np.arange(side) / side, np.arange(side) / side)
    x, y = random.uniform(0.45, 0.55, 2)
    distance = ((across - x) / random.uniform(0.28, 0.42)) ** 2 + ((down - y) / random.uniform(0.36, 0.5)) ** 2
    inside = 1 / (1 + np.exp(-np.clip((1 - distance) * 12, -50, 50)))[..., None]
    return [(picture * inside + np.array(BACKGROUND) * (1 - inside)).astype(np.uint8) for picture in pictures]


def writing(side: int, random: Random) -> Edit:
    """Draw lines of writing, as captions and names are put into clips. side: of the pictures, px."""
    lines = [" ".join(random.choice(WORDS, int(random.integers(1, 5)))) for _ in range(int(random.integers(1, 3)))]
    font, scale = FONTS[int(random.integers(len(FONTS)))], float(random.uniform(0.4, 1.1)) * side / 224
    stroke = int(random.integers(1, 4))
    color = LETTERS[int(random.integers(len(LETTERS)))] if random.random() < 0.8 else _color(random)
    at_top = random.random() < 0.3
    top = int(side * (random.uniform(0.07, 0.27) if at_top else random.uniform(0.54, 0.98)))
    shift = int(random.uniform(-0.22, 0.22) * side)
    in_box, outlined = random.random() < 0.35, random.random() < 0.6
    opacity, box = float(random.uniform(0.5, 1)), _color(random) if random.random() < 0.5 else (0, 0, 0)

    def edit(picture: Image) -> Image:
        done = picture.copy()
        for number, line in enumerate(lines):
            (width, height), _ = cv2.getTextSize(line, font, scale, stroke)
            left, base = (side - width) // 2 + shift, top + number * int(height * 1.6)
            if in_box:
                covered = done.copy()
                cv2.rectangle(covered, (left - 5, base - height - 5), (left + width + 5, base + 6), box, -1)
                done = cv2.addWeighted(covered, opacity, done, 1 - opacity, 0).astype(np.uint8)
            elif outlined:
                cv2.putText(done, line, (left, base), font, scale, (0, 0, 0), stroke + 3, cv2.LINE_AA)
            cv2.putText(done, line, (left, base), font, scale, color, stroke, cv2.LINE_AA)
        return done

    return edit


def sticker(side: int, random: Random) -> Edit:
    """Draw one flat shape. side: of the pictures, px."""
    x, y = (int(v) for v in random.uniform(0.09, 0.98, 2) * side)
    width, height = (int(v) for v in random.uniform(0.04, 0.15, 2) * side)
    color, angle, kind = _color(random), float(random.uniform(0, 180)), int(random.integers(3))
    stroke = int(random.integers(2, 7))

    def edit(picture: Image) -> Image:
        done = picture.copy()
        if kind == 0:
            cv2.ellipse(done, (x, y), (width, height), angle, 0, 360, color, -1, cv2.LINE_AA)
        elif kind == 1:
            cv2.rectangle(done, (x - width, y - height), (x + width, y + height), color, -1)
        else:
            cv2.circle(done, (x, y), width, color, stroke, cv2.LINE_AA)
        return done

    return edit


def _bars(side: int, random: Random) -> Edit:
    first, last = (int(v) for v in random.uniform(0, 0.2, 2) * side)
    upright, gray = random.random() < 0.3, int(random.choice([0, 0, 255]))

    def edit(picture: Image) -> Image:
        done = picture.copy()
        rows = done.transpose(1, 0, 2) if upright else done
        rows[:first] = gray
        rows[side - last :] = gray
        return done

    return edit


def _smooth_skin(side: int, random: Random) -> Edit:
    reach, levels = int(random.integers(5, 14) * side / 224), float(random.uniform(25, 80))
    rounds, share = int(random.integers(1, 3)), float(random.uniform(0.6, 1))

    def edit(picture: Image) -> Image:
        return cv2.addWeighted(smooth(picture, reach, levels, rounds), share, picture, 1 - share, 0).astype(np.uint8)

    return edit


def smooth(picture: Image, reach_px: int, levels: float, rounds: int) -> Image:
    """Return a picture in which all is smoothed but edges of more than some levels of 255, as beauty filters do."""
    for _ in range(rounds):
        picture = cv2.bilateralFilter(picture, reach_px, levels, reach_px).astype(np.uint8)
    return picture


def is_strong(reach_px: int, levels: float, rounds: int) -> bool | None:
    """Tell whether smoothing is strong; None where it is between strong and slight. reach_px: of a crop of 280 px."""
    amount = reach_px * levels * rounds
    return None if SLIGHT < amount < STRONG else amount >= STRONG


def hidden_patches(crop: Image, covered: Image) -> NDArray[np.float32]:
    """Return what share of each patch's pixels was changed, f32 (14, 14). Both: uint8 (280, 280, 3)."""
    before, after = WHOLE.of(np.stack([crop, covered])).astype(np.int16)
    changed = np.abs(before - after).max(axis=-1) > CHANGED_LEVELS
    share: NDArray[np.float32] = changed.reshape(PATCHES, PATCH_PX, PATCHES, PATCH_PX).mean((1, 3), dtype=np.float32)
    return share


def _tint(_side: int, random: Random) -> Edit:
    gain, offset, gamma = random.uniform(0.8, 1.22, 3), random.uniform(-14, 14, 3), float(random.uniform(0.75, 1.3))
    light = 255 * (np.arange(256) / 255) ** gamma
    tables = [np.clip(light * gain[c] + offset[c], 0, 255).astype(np.uint8) for c in range(3)]
    return lambda picture: np.stack([tables[c][picture[..., c]] for c in range(3)], axis=-1)


def _gray(_side: int, random: Random) -> Edit:
    share = float(random.uniform(0.7, 1))

    def edit(picture: Image) -> Image:
        gray = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return cv2.addWeighted(gray, share, picture, 1 - share, 0).astype(np.uint8)

    return edit


def _grain(_side: int, random: Random) -> Edit:
    levels, channels = float(random.uniform(3, 14)), 3 if random.random() < 0.3 else 1

    def edit(picture: Image) -> Image:
        noise = random.normal(0, levels, (*picture.shape[:2], channels))
        return np.clip(picture + noise, 0, 255).astype(np.uint8)

    return edit


def _filmed_screen(side: int, random: Random) -> Edit:
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    depth_x, depth_y = random.uniform(0.02, 0.14, 2)
    (pitch_x, pitch_y), (lean_x, lean_y) = random.uniform(0.6, 2.6, 2), random.uniform(-0.4, 0.4, 2)
    moire = depth_x * np.sin(across * pitch_x + down * lean_x) + depth_y * np.sin(down * pitch_y + across * lean_y)
    contrast, light = float(random.uniform(0.75, 1)), float(random.uniform(0, 30))
    blur_px = float(random.uniform(0.4, 1.3)) * side / 224

    def edit(picture: Image) -> Image:
        soft = cv2.GaussianBlur(picture, (0, 0), blur_px)
        return np.clip(soft * (1 + moire[..., None]) * contrast + light, 0, 255).astype(np.uint8)

    return edit


def _sharper(side: int, random: Random) -> Edit:
    amount, radius_px = float(random.uniform(0.4, 1.8)), float(random.uniform(0.8, 2.5)) * side / 224

    def edit(picture: Image) -> Image:
        sharp = picture.astype(np.float32)
        sharp += amount * (sharp - cv2.GaussianBlur(sharp, (0, 0), radius_px))
        return np.clip(sharp, 0, 255).astype(np.uint8)

    return edit


def _color(random: Random) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in random.integers(0, 256, 3))
    return red, green, blue


def _as_jpeg(picture: Image, quality: int) -> Image:
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)  # for JPEG red and blue are swapped: its brightness differs a little
    assert decoded is not None
    return decoded.astype(np.uint8)


# As often as each is named; of all edits, what covers or smooths a face more often.
KEEPS_THE_FACE: Final = (_tint, _tint, _gray, _grain, _filmed_screen, _filmed_screen, _sharper)
EDITS: Final = (writing, writing, writing, sticker, _bars, _smooth_skin, _smooth_skin, *KEEPS_THE_FACE)
