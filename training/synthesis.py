"""Fakes made from real faces while training runs.

Four ways, each the trace of one kind of forgery:
- self-blended images (Shiohara & Yamasaki 2022, arXiv:2204.08376): a face pasted onto itself with slightly other
  colors, sharpness and place;
- another person's face of similar pose, fitted by its mesh (the idea of Face X-ray, Li et al. 2020, arXiv:1912.13458);
- the face at a lower resolution, warped back (Face Warping Artifacts, Li & Lyu 2019, arXiv:1811.00656);
- a face rebuilt from a small code, as the autoencoders of face swaps do: principal components of aligned faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.faces.landmarks import FACE_OVAL, LEFT_BROW, LEFT_EYE, LIPS, NOSE, RIGHT_BROW, RIGHT_EYE
from deepfake.video.info import Image
from training.degradation import INTERPOLATIONS, Mask, Random, compress
from training.shards import STORED_PX, Shard

Mesh = NDArray[np.float32]

WAYS = ("self-blended", "another person", "low resolution", "rebuilt")
WAY_SHARES = (0.55, 0.2, 0.1, 0.15)
BLEND_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
CANDIDATES = 150  # people among whom the one of the most similar face is sought
CODE_PX = 64  # side of the picture that the principal components describe
CODE_REGION = (slice(60, 310), slice(65, 295))  # of a stored picture: brows to chin, ear to ear
COMPONENTS = 192
FIELD_CELLS, FIELD_SIGMA_PX = 19, 17.5  # of the smooth field that fits one mesh to another
INNER_FEATURES = RIGHT_EYE + LEFT_EYE + RIGHT_BROW + LEFT_BROW + NOSE + LIPS


@dataclass(frozen=True, slots=True)
class Eigenfaces:
    """mean: f32 (64 * 64 * 3,); components: f32 (k, 64 * 64 * 3), orthonormal rows."""

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    def rebuilt(self, image: Image, other: Image, share: float) -> Image:
        """Return the face region as the components show it, mixed with another face's code by `share`."""
        codes = [self.components @ (_code_input(one) - self.mean) for one in (image, other)]
        code = (1 - share) * codes[0] + share * codes[1]
        flat = code @ self.components + self.mean
        return np.clip(flat, 0, 255).astype(np.uint8).reshape(CODE_PX, CODE_PX, 3)


def learn_eigenfaces(images: Sequence[Image]) -> Eigenfaces:
    """Return the principal components of aligned faces (Turk & Pentland 1991)."""
    flat = np.stack([_code_input(image) for image in images])
    mean = flat.mean(axis=0)
    centered = flat - mean
    values, vectors = np.linalg.eigh(centered @ centered.T)
    chosen = np.argsort(values)[::-1][: min(COMPONENTS, len(images) - 1)]
    components = vectors[:, chosen].T @ centered
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    return Eigenfaces(mean.astype(np.float32), components.astype(np.float32))


class Forger:
    """Makes a fake of a real face. donors: shards of many people, from which other faces are taken."""

    def __init__(self, donors: Sequence[Shard], eigenfaces: Eigenfaces) -> None:
        self._donors = [shard for shard in donors if len(shard.images)]
        self._meshes = np.concatenate([shard.meshes for shard in self._donors])
        self._places = [(s, k) for s, shard in enumerate(self._donors) for k in range(len(shard.images))]
        self._eigenfaces = eigenfaces

    def fake(self, image: Image, mesh: Mesh, random: Random) -> tuple[Image, Mask]:
        """Return a manipulated copy of a stored picture (360, 360, 3) and how much of each pixel is forged, f32
        (360, 360) in [0, 1]. mesh: f32 (468, 2)."""
        way = str(random.choice(WAYS, p=WAY_SHARES))
        target = image
        if way == "self-blended":
            source = image
            if random.random() < 0.5:
                source = shifted_look(image, random)
            else:
                target = shifted_look(image, random)
            source, moved = displaced(source, mesh, random)
        elif way == "another person":
            source, moved = self._another(image, mesh, random), mesh
        elif way == "low resolution":
            source, moved = low_resolution(image, random), mesh
        else:
            source, moved = self._rebuilt(image, mesh, random), mesh
        mask = face_mask(moved if random.random() < 0.5 else mesh, random)
        ratio = float(random.choice(BLEND_RATIOS)) if way == "self-blended" else float(random.uniform(0.6, 1))
        mask = mask * np.float32(ratio)
        share = mask[..., None]
        return np.clip(source * share + target * (1 - share) + 0.5, 0, 255).astype(np.uint8), mask

    def _similar(self, mesh: Mesh, random: Random) -> tuple[Image, Mesh]:
        tried = random.integers(0, len(self._places), CANDIDATES)
        inner = list(INNER_FEATURES)
        distance = np.square(self._meshes[tried][:, inner] - mesh[inner]).sum(axis=(1, 2))
        nearest = tried[np.argsort(distance)[:8]]
        shard, number = self._places[int(random.choice(nearest))]
        return np.asarray(self._donors[shard].images[number]), self._donors[shard].meshes[number]

    def _another(self, image: Image, mesh: Mesh, random: Random) -> Image:
        other, other_mesh = self._similar(mesh, random)
        fitted = fitted_to(other, other_mesh, mesh)
        mask = hull_mask(mesh[list(FACE_OVAL)])
        if random.random() < 0.85:
            fitted = with_colors_of(fitted, image, mask)
        return shifted_look(fitted, random, gentle=True) if random.random() < 0.5 else fitted

    def _rebuilt(self, image: Image, mesh: Mesh, random: Random) -> Image:
        other, _ = self._similar(mesh, random)
        share = float(random.uniform(0, 0.6)) if random.random() < 0.6 else 0.0
        face = self._eigenfaces.rebuilt(image, other, share)
        rows, columns = CODE_REGION
        size = (columns.stop - columns.start, rows.stop - rows.start)
        large = cv2.resize(face, size, interpolation=int(random.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC))))
        if random.random() < 0.7:  # part of the fine detail survives, as in better autoencoders
            keep = float(random.uniform(0.2, 0.9))
            region = image[rows, columns].astype(np.float32)
            detail = region - cv2.GaussianBlur(region, (0, 0), float(random.uniform(1.5, 5)))
            large = np.clip(large + keep * detail, 0, 255).astype(np.uint8)
        source = image.copy()
        source[rows, columns] = large
        return with_colors_of(source, image, hull_mask(mesh[list(FACE_OVAL)])) if random.random() < 0.8 else source


def shifted_look(image: Image, random: Random, *, gentle: bool = False) -> Image:
    """Return the picture with slightly other colors, and a little blurred, sharpened or compressed."""
    size = 0.5 if gentle else 1.0
    shift = random.uniform(-20, 20, 3) * size
    contrast, brightness = 1 + random.uniform(-0.12, 0.12) * size, random.uniform(-12, 12) * size
    changed = image.astype(np.float32)
    if random.random() < 0.7:
        changed = (changed - 128) * np.float32(contrast) + np.float32(128 + brightness) + shift.astype(np.float32)
    if random.random() < 0.35:
        hsv = cv2.cvtColor(np.clip(changed, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV).astype(np.int16)
        hsv += (random.uniform(-1, 1, 3) * (5, 40, 25) * size).astype(np.int16)
        hsv[..., 0] %= 180
        changed = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    out = np.clip(changed, 0, 255).astype(np.uint8)
    kind = random.choice(("none", "reduce", "blur", "sharpen", "codec"), p=(0.2, 0.3, 0.15, 0.2, 0.15))
    if kind == "reduce":
        out = low_resolution(out, random)
    elif kind == "blur":
        out = cv2.GaussianBlur(out, (0, 0), float(random.uniform(0.5, 1.8))).astype(np.uint8)
    elif kind == "sharpen":
        amount = float(random.uniform(0.3, 1.2))
        out = cv2.addWeighted(out, 1 + amount, cv2.GaussianBlur(out, (0, 0), 1.2), -amount, 0).astype(np.uint8)
    elif kind == "codec":
        out = compress([out], random)[0]
    return out


def low_resolution(image: Image, random: Random) -> Image:
    """Return the picture reduced and enlarged again, each with a random interpolation."""
    factor = 1 / float(random.uniform(1.5, 5.5))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=int(random.choice(INTERPOLATIONS)))
    how = int(random.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)))
    return cv2.resize(small, image.shape[1::-1], interpolation=how).astype(np.uint8)


def displaced(image: Image, mesh: Mesh, random: Random) -> tuple[Image, Mesh]:
    """Return picture and mesh moved by up to 3%, scaled by up to 5%, and sometimes bent smoothly."""
    side = image.shape[0]
    matrix = cv2.getRotationMatrix2D(
        (side / 2, side / 2), float(random.normal(0, 1.5)), float(random.uniform(0.95, 1.05))
    )
    matrix[0] *= random.uniform(0.97, 1.03)
    matrix[:, 2] += random.uniform(-0.03, 0.03, 2) * side
    moved = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    moved_mesh = (mesh @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    if random.random() < 0.5:
        field = smooth_field(random, side, float(random.uniform(1, 5)))
        moved = _remapped(moved, field)
    return moved.astype(np.uint8), moved_mesh


def face_mask(mesh: Mesh, random: Random) -> Mask:
    """Return a soft mask f32 (360, 360) in [0, 1] over the whole face or part of it, its edge bent and blurred."""
    part = random.choice(
        ("oval", "hull", "features", "lower", "mouth", "subset"), p=(0.26, 0.18, 0.18, 0.14, 0.14, 0.1)
    )
    if part == "lower":
        level = float(mesh[list(NOSE), 1].mean() + random.normal(0, 6))
        points = mesh[mesh[:, 1] > level]
    else:
        chosen = {
            "oval": list(FACE_OVAL),
            "hull": list(range(len(mesh))),
            "features": list(INNER_FEATURES),
            "mouth": list(LIPS),
            "subset": random.choice(len(mesh), 40, replace=False).tolist(),
        }[str(part)]
        points = mesh[chosen]
    center = points.mean(axis=0)
    grow = random.uniform(1.2, 1.9) if part == "mouth" else random.uniform(0.88, 1.08)
    mask = hull_mask((points - center) * grow + center)
    if random.random() < 0.7:
        mask = _remapped(mask, smooth_field(random, len(mask), float(random.uniform(2, 9))))
    sigma = float(np.exp(random.uniform(np.log(0.7), np.log(12))))
    mask = cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32)
    if random.random() < 0.4:  # keep the soft edge inside the contour
        mask = np.clip(mask * 2 - 1, 0, 1)
    return mask


def hull_mask(points: Mesh) -> Mask:
    """Return 1 inside the convex hull of points f32 (n, 2), 0 outside; f32 (360, 360)."""
    mask = np.zeros((STORED_PX, STORED_PX), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1.0)
    return mask


def smooth_field(random: Random, side: int, size_px: float) -> NDArray[np.float32]:
    """Return a smooth random displacement f32 (side, side, 2) with a standard deviation of about size_px."""
    knots = int(random.integers(4, 9))
    coarse = random.normal(0, size_px, (knots, knots, 2)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def fitted_to(image: Image, mesh: Mesh, wanted: Mesh) -> Image:
    """Return the picture warped so that its mesh comes to lie on the wanted one: an affine map, then a smooth
    field that takes up what is left."""
    homogeneous = np.column_stack([wanted, np.ones(len(wanted))])
    back, *_ = np.linalg.lstsq(homogeneous, mesh, rcond=None)  # wanted -> image
    rest = mesh - homogeneous @ back
    cells = (np.arange(FIELD_CELLS) + 0.5) * STORED_PX / FIELD_CELLS - 0.5  # cv2.resize puts its values there
    grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
    every = slice(None, None, 3)
    weights = np.exp(-np.square(grid[:, None] - wanted[None, every]).sum(axis=2) / (2 * FIELD_SIGMA_PX**2))
    coarse = (weights @ rest[every]) / (weights.sum(axis=1, keepdims=True) + 0.3)
    coarse = coarse.reshape(FIELD_CELLS, FIELD_CELLS, 2).astype(np.float32)
    field = cv2.resize(coarse, (STORED_PX, STORED_PX), interpolation=cv2.INTER_LINEAR)
    pixels = np.arange(STORED_PX, dtype=np.float32)
    everywhere = np.stack(np.meshgrid(pixels, pixels), axis=-1)
    places = (everywhere @ back[:2].astype(np.float32) + back[2].astype(np.float32) + field).astype(np.float32)
    nothing = np.empty(0, np.float32)  # the second map, where the first holds both
    return cv2.remap(image, places, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(np.uint8)


def with_colors_of(image: Image, reference: Image, mask: Mask) -> Image:
    """Return the picture with mean and spread of its Lab colors within a mask as in a reference (Reinhard 2001)."""
    inside = mask > 0.5
    if not inside.any():
        return image
    ours, theirs = (cv2.cvtColor(one, cv2.COLOR_RGB2LAB).astype(np.float32) for one in (image, reference))
    a, b = ours[inside], theirs[inside]
    ratio = np.clip(b.std(axis=0) / (a.std(axis=0) + 1e-3), 0.5, 2)
    moved = (ours - a.mean(axis=0)) * ratio + b.mean(axis=0)
    return cv2.cvtColor(np.clip(moved, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB).astype(np.uint8)


def _remapped(image: NDArray[Any], field: NDArray[np.float32]) -> NDArray[Any]:
    side = image.shape[0]
    x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    return cv2.remap(image, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _code_input(image: Image) -> NDArray[np.float32]:
    rows, columns = CODE_REGION
    small = cv2.resize(np.asarray(image)[rows, columns], (CODE_PX, CODE_PX), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32).ravel()
