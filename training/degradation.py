"""What happens to a picture on its way to a viewer: codecs, scaling, blur, noise. The same to real and fake.

Every function draws its numbers first and applies them to all images that it is given alike, so that a real picture
and its fake differ by the forgery alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import CROP_PX
from deepfake.video.info import Image
from training.shards import MARGIN_PX, STORED_PX

INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
CUT_OFF_SIDES = ("top", "top", "left", "right", "bottom")  # heads are cut off at the top most often
Random = np.random.Generator
Mask = NDArray[np.float32]


def degrade(images: Sequence[Image], random: Random, mask: Mask | None = None) -> tuple[list[Image], Mask | None]:
    """Return the images (uint8, (360, 360, 3)) after the same random course, at the size of a crop (280 px). A mask
    (f32, (360, 360)) is only cut, at the same place."""
    images = list(images)
    if random.random() < 0.5:
        images = color_jitter(images, random)
    if random.random() < 0.25:
        images = blur(images, random)
    if random.random() < 0.55:
        images = shrink(images, random)
    if random.random() < 0.2:
        images = add_noise(images, random)
    if random.random() < 0.15:
        images = sharpen(images, random)
    if random.random() < 0.12:
        images = smooth(images, random)
    for _ in range(int(random.choice((0, 1, 2), p=(0.15, 0.5, 0.35)))):
        images = compress(images, random)
    matrix = random_place(random)
    return cut(images, matrix), None if mask is None else cut([mask], matrix)[0]


def compress(images: Sequence[Image], random: Random) -> list[Image]:
    """JPEG, or a real video codec."""
    kind = random.choice(("jpeg", "h264", "h264 inter", "mpeg4"), p=(0.25, 0.3, 0.35, 0.1))
    if kind == "jpeg":
        quality = int(random.integers(35, 96))
        return [jpeg(image, quality) for image in images]
    if kind == "mpeg4":
        quantizer = int(random.integers(2, 14))
        return [through_codec([image], "mpeg4", {"qmin": str(quantizer), "qmax": str(quantizer)}) for image in images]
    options = {
        "crf": str(random.integers(18, 45)),
        "preset": str(random.choice(("superfast", "veryfast", "medium"), p=(0.5, 0.4, 0.1))),
        "tune": "zerolatency",
    }
    before = int(random.integers(1, 5)) if kind == "h264 inter" else 0
    shift = random.normal(0, 0.8, 2)
    return [through_codec(_moving(image, shift, before), "libx264", options) for image in images]


def through_codec(frames: Sequence[Image], codec: str, options: dict[str, str]) -> Image:
    """Return the last of the frames after the codec. Sides are padded to even numbers and cut back."""
    height, width = frames[0].shape[:2]
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = width + width % 2, height + height % 2
    encoder.pix_fmt, encoder.framerate, encoder.time_base = "yuv420p", Fraction(25), Fraction(1, 25)
    encoder.options, encoder.thread_count = options, 1
    packets = []
    for image in frames:
        if image.shape[0] % 2 or image.shape[1] % 2:
            image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE).astype(np.uint8)
        packets += encoder.encode(av.VideoFrame.from_ndarray(image, format="rgb24"))
    packets += encoder.encode(None)
    decoder: Any = av.CodecContext.create("h264" if codec == "libx264" else codec, "r")
    decoder.thread_count = 1
    decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return np.ascontiguousarray(decoded[-1].to_ndarray(format="rgb24")[:height, :width])


def jpeg(image: Image, quality: int) -> Image:
    """Return an RGB image after JPEG at that quality."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])


def shrink(images: Sequence[Image], random: Random) -> list[Image]:
    """Reduce to the resolution of a smaller face. It stays small: the codec sees the small picture."""
    factor = float(np.exp(random.uniform(np.log(0.18), 0)))
    how = int(random.choice(INTERPOLATIONS))
    small = [cv2.resize(image, None, fx=factor, fy=factor, interpolation=how) for image in images]
    if random.random() < 0.3:  # a poor picture that someone enlarged before it was encoded again
        size = images[0].shape[1::-1]
        small = [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in small]
    return [image.astype(np.uint8) for image in small]


def blur(images: Sequence[Image], random: Random) -> list[Image]:
    """Gaussian blur, or motion blur along a random line."""
    if random.random() < 0.75:
        sigma = float(random.uniform(0.3, 2.7))
        return [cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8) for image in images]
    length = int(random.integers(3, 10))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), float(random.uniform(0, 180)), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return [cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.uint8) for image in images]


def sharpen(images: Sequence[Image], random: Random) -> list[Image]:
    """Unsharp masking, as phones and editors do."""
    amount, sigma = float(random.uniform(0.3, 1.5)), float(random.uniform(0.6, 2))
    return [
        cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), sigma), -amount, 0).astype(np.uint8)
        for image in images
    ]


def smooth(images: Sequence[Image], random: Random) -> list[Image]:
    """Smooth what is not an edge, as denoising cameras and beauty filters do."""
    levels, reach = float(random.uniform(10, 45)), float(random.uniform(1.5, 4))
    return [cv2.bilateralFilter(image, 0, levels, reach).astype(np.uint8) for image in images]


def add_noise(images: Sequence[Image], random: Random) -> list[Image]:
    """The same Gaussian noise in all, sometimes in brightness only."""
    shape = (*images[0].shape[:2], 3 if random.random() < 0.5 else 1)
    noise = random.standard_normal(shape, np.float32) * np.float32(random.uniform(1, 9))
    return [np.clip(image + noise, 0, 255).astype(np.uint8) for image in images]


def color_jitter(images: Sequence[Image], random: Random) -> list[Image]:
    """Gain per channel, offset, gamma; sometimes dark, rarely gray."""
    gain = random.normal(1, 0.04, 3) * (
        random.uniform(0.8, 1.2) if random.random() < 0.85 else random.uniform(0.3, 0.8)
    )
    offset, gamma = random.uniform(-15, 15), float(np.exp(random.uniform(-0.25, 0.25)))
    levels = np.arange(256, dtype=np.float64)[:, None] / 255
    table = np.clip(levels**gamma * 255 * gain + offset, 0, 255).astype(np.uint8)[None]
    changed = [cv2.LUT(image, table).astype(np.uint8) for image in images]
    if random.random() < 0.04:
        changed = [
            cv2.cvtColor(cv2.cvtColor(i, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.uint8) for i in changed
        ]
    return changed


def cut_off(images: Sequence[Image], random: Random) -> tuple[list[Image], NDArray[np.bool_]]:
    """Return crops (280 px) as of a head at the edge of its picture, and where nothing is left of it, bool (280, 280):
    the same straight edge in all, and beyond it the mean color of each."""
    side = str(random.choice(CUT_OFF_SIDES))
    depth, tilt = random.uniform(0.03, 0.28) * CROP_PX, random.normal(0, 0.06)
    y, x = np.mgrid[:CROP_PX, :CROP_PX]
    inwards = {"top": y, "bottom": CROP_PX - 1 - y, "left": x, "right": CROP_PX - 1 - x}[side]
    along = (x if side in ("top", "bottom") else y) - CROP_PX / 2
    outside = inwards + along * tilt < depth
    cut = [image.copy() for image in images]
    for image in cut:
        image[outside] = image[~outside].mean(axis=0)
    return cut, outside


def random_place(random: Random) -> NDArray[np.float64]:
    """Return the map (2, 3) from a picture with a margin to its inner crop: a little shifted, turned and scaled, half
    of the time mirrored."""
    turn, scale = random.normal(0, 4), float(np.exp(random.uniform(-0.14, 0.13)))
    middle = STORED_PX / 2 - 0.5
    matrix = cv2.getRotationMatrix2D((middle, middle), turn, scale).astype(np.float64)
    matrix[:, 2] += random.normal(0, 4, 2) - MARGIN_PX
    if random.random() < 0.5:
        matrix = np.array([[-1, 0, CROP_PX - 1], [0, 1, 0]]) @ np.vstack([matrix, [0, 0, 1]])
    return matrix


def cut(images: Sequence[NDArray[Any]], matrix: NDArray[np.float64]) -> list[NDArray[Any]]:
    """Return the crops (280 px) that lie at a place of pictures with a margin, which may have been reduced."""
    return [_warped(image, matrix) for image in images]


def plain_cut(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the inner crops (n, 280, 280, 3) of stored pictures (n, 360, 360, 3), as the application cuts them."""
    inner = slice(MARGIN_PX, MARGIN_PX + CROP_PX)
    return np.ascontiguousarray(images[:, inner, inner])


def _warped(image: NDArray[Any], matrix: NDArray[np.float64]) -> NDArray[Any]:
    """Apply a transform meant for a picture of STORED_PX to one that may have been reduced."""
    ratio = image.shape[1] / STORED_PX
    scaled = matrix.copy()
    scaled[:, :2] /= ratio
    scaled[:, 2] += matrix[:, :2].sum(axis=1) * (0.5 / ratio - 0.5)  # pixel centers
    return cv2.warpAffine(
        image, scaled, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(image.dtype)


def _moving(image: Image, shift: NDArray[np.float64], before: int) -> list[Image]:
    """The picture after so many others in which everything lay a little elsewhere: it is then coded by prediction
    from predictions, as most frames of a clip are."""
    frames = []
    for number in range(before, 0, -1):
        matrix = np.array([[1, 0, shift[0] * number], [0, 1, shift[1] * number]])
        frames.append(cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))
    return [*(frame.astype(np.uint8) for frame in frames), image]
