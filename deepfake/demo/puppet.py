"""The built-in data set's person: one public-domain portrait photograph, cut out and set in motion.

The photograph is scikit-image's `astronaut` (NASA, public domain). A Puppet holds it on a canvas and renders it in a
Pose: the head shifts, tilts, turns and nods, the jaw drops, the eyelids close. All geometry is in pixels of the
512 x 512 photograph, read off it once with a 468-point face mesh and corrected by eye.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from deepfake.video.info import Image

Floats = NDArray[np.float32]

HEAD_CENTER = (226.0, 105.0)
HEAD_RADII = (82.0, 100.0)
NECK = (222.0, 188.0)
CHIN_V = 176.0
COLLAR_V = 208.0
FACE_HULL = np.array(
    [(227, 68), (252, 71), (267, 82), (272, 97), (272, 116), (269, 136), (261, 155), (248, 166), (229, 175),
     (212, 174), (201, 167), (190, 157), (181, 141), (178, 120), (179, 92), (187, 77), (203, 68)], np.float32,
)  # fmt: skip
# Boxes u0, v0, u1, v1. Where an expression changes anything; and the face's hull with room for its motion and blur.
EXPRESSION_BOX = (172.0, 86.0, 272.0, 210.0)
FACE_BOX = (150.0, 44.0, 304.0, 204.0)
# For each eye: u, upper lid's v, lower lid's v, v of the skin above which nothing moves in a blink.
EYES = (
    np.array([(192, 100.3, 100.3, 91), (196, 98.3, 101.7, 91), (200, 96.9, 102.8, 90), (204, 96.3, 103.6, 90),
              (208, 97.2, 103.8, 90), (212, 99.8, 103.4, 91), (215, 102.6, 102.6, 92)], np.float32),
    np.array([(235, 104.2, 104.2, 94), (239, 101.5, 105.0, 93), (243, 99.8, 106.0, 92), (247, 99.3, 106.5, 92),
              (251, 99.9, 106.3, 93), (255, 102.0, 105.4, 94), (258, 104.2, 104.2, 95)], np.float32),
)  # fmt: skip
# The line between the upper teeth and the lower lip, from corner to corner: u, v.
MOUTH = np.array(
    [(201, 140.2), (205, 143.4), (209, 145.9), (214, 148.0), (222, 149.3), (230, 148.7), (236, 147.1), (241, 144.6),
     (245, 141.6)], np.float32,
)  # fmt: skip
JAW_HALF_WIDTH = 48.0
MOUTH_TOP_RGB, MOUTH_BOTTOM_RGB = (34.0, 12.0, 12.0), (112.0, 52.0, 52.0)
MOTION_GRID = 4  # the motion field is smooth: computed on every 4th pixel and interpolated


@dataclass(frozen=True, slots=True)
class Look:
    """How the person looks. hair_rgb, skin_rgb: gains for the channels. blue_suit: the orange suit in blue.
    features: (u, v, radius, magnification across, magnification down) of places that are made larger or smaller."""

    hair_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    skin_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blue_suit: bool = False
    features: tuple[tuple[float, float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the photograph lies on the canvas: canvas x = left + scale * u (or left - scale * u when mirrored),
    y = top + scale * v."""

    width: int
    height: int
    scale: float
    left: float
    top: float
    mirrored: bool = False

    @property
    def scale_x(self) -> float:
        """Canvas pixels for a pixel of the photograph; negative when mirrored."""
        return -self.scale if self.mirrored else self.scale

    def box(self, bounds_uv: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
        """Return the canvas box x0, y0, x1, y1 of a box of the photograph, cut at the canvas."""
        xs = sorted(self.left + self.scale_x * u for u in (bounds_uv[0], bounds_uv[2]))
        ys = [self.top + self.scale * v for v in (bounds_uv[1], bounds_uv[3])]
        return (max(0, int(xs[0])), max(0, int(ys[0])), min(self.width, int(xs[1])), min(self.height, int(ys[1])))

    def photo_grid(self, box: tuple[int, int, int, int], step: int = 1) -> tuple[Floats, Floats]:
        """Return u and v, float32 (h, w), of every step-th canvas pixel's center in box."""
        offset = (step - 1) / 2
        x = np.arange(box[0], box[2], step, dtype=np.float32) + np.float32(offset)
        y = np.arange(box[1], box[3], step, dtype=np.float32) + np.float32(offset)
        u, v = np.meshgrid((x - self.left) / self.scale_x, (y - self.top) / self.scale)
        return u.astype(np.float32), v.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Pose:
    """One moment. Lengths in pixels of the photograph, roll in radians, lean as a fraction of size,
    mouth_open in pixels, eyes_closed from 0 (open) to 1 (shut)."""

    sway: float = 0.0
    shift: float = 0.0
    bob: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    lean: float = 0.0
    mouth_open: float = 0.0
    eyes_closed: float = 0.0

    def body_and_head(self) -> Floats:
        """Return the seven weights of the motion basis, float32 (7,)."""
        return np.array([self.sway, self.shift, self.bob, self.roll, self.yaw, self.pitch, self.lean], np.float32)


def _smoothstep(values: Floats, start: float, end: float) -> Floats:
    t = np.clip((values - start) / (end - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def photograph(name: str) -> Image:
    """Return a photograph that scikit-image's wheel holds (nothing is downloaded), uint8 (height, width, 3) RGB."""
    return np.ascontiguousarray(getattr(skimage.data, name)(), np.uint8)


def cut_out() -> tuple[Image, Floats]:
    """Return the photograph, uint8 (512, 512, 3) RGB, and its person's opacity, float32 (512, 512) in [0, 1].

    GrabCut (Rother et al. 2004) from two hand-drawn outlines: surely the person, and perhaps.
    """
    photo = photograph("astronaut")
    perhaps = [(150, 60), (165, 30), (225, 12), (290, 40), (305, 100), (275, 135), (300, 200), (310, 250), (350, 290)]
    perhaps += [(370, 340), (370, 511), (0, 511), (20, 380), (60, 260), (110, 220), (115, 180), (150, 155), (180, 140)]
    surely = [(165, 60), (190, 30), (225, 25), (280, 45), (290, 85), (270, 110), (262, 150), (240, 185), (290, 200)]
    surely += [(300, 250), (345, 320), (345, 511), (40, 511), (60, 300), (115, 240), (130, 170), (190, 170)]
    surely += [(182, 110), (165, 95)]
    trimap = np.full(photo.shape[:2], cv2.GC_PR_BGD, np.uint8)
    cv2.fillPoly(trimap, [np.array(perhaps)], cv2.GC_PR_FGD)
    cv2.fillPoly(trimap, [np.array(surely)], cv2.GC_FGD)
    trimap[:8] = trimap[:140, :140] = trimap[:200, 315:] = cv2.GC_BGD
    models = np.zeros((2, 1, 65))
    whole = (0, 0, photo.shape[1], photo.shape[0])  # not read: the trimap says where to look
    cv2.setRNGSeed(1)
    rows = slice(0, 330)  # no clip shows more of the photograph
    cv2.grabCut(photo[rows, :, ::-1].copy(), trimap[rows], whole, models[0], models[1], 2, cv2.GC_INIT_WITH_MASK)
    person = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    opacity = np.clip(cv2.GaussianBlur(person, (0, 0), 1.3) * 2.0 - 0.9, 0.0, 1.0)
    return photo, np.asarray(opacity, np.float32)


def _polygon_mask(points: NDArray[Any], blur_px: float, grow: float = 1.0) -> Floats:
    """Return a soft mask, float32 (512, 512), of a polygon of the photograph, grown about its center."""
    center = points.mean(axis=0)
    mask = np.zeros((512, 512), np.float32)
    cv2.fillPoly(mask, [np.round(center + (points - center) * grow).astype(np.int32)], 1.0)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur_px), np.float32)


def dress(photo: Image, opacity: Floats, look: Look) -> tuple[Image, Floats]:
    """Return the photograph and the opacity in another look: recolored, with features made larger or smaller."""
    image = photo.astype(np.float32)
    v = np.arange(512, dtype=np.float32)[:, None]
    orange = np.asarray((image[..., 0] - image[..., 2]) / np.maximum(image[..., 0], 1.0), np.float32)
    neck = _polygon_mask(np.array([(185, 160), (268, 150), (256, 196), (232, 197), (190, 190)]), 2.0)
    ears = _polygon_mask(np.array([(168, 118), (184, 112), (186, 136), (172, 132)]), 1.5)
    skin = np.maximum.reduce([_polygon_mask(FACE_HULL, 3.0), neck, ears])
    skin *= _smoothstep(v, 76.0, 86.0)
    hair = np.clip(1.0 - skin, 0.0, 1.0) * (1.0 - _smoothstep(v, 118.0, 136.0))
    suit = _smoothstep(orange, 0.25, 0.5) * _smoothstep(v, 190.0, 200.0)
    for mask, gains in ((skin, look.skin_rgb), (hair, look.hair_rgb)):
        image *= 1.0 + mask[..., None] * (np.array(gains, np.float32) - 1.0)
    if look.blue_suit:
        blue = image[..., ::-1] * np.array([1.2, 1.0, 0.62], np.float32)
        image += suit[..., None] * (blue - image)
    recolored = np.clip(image, 0, 255).astype(np.uint8)
    if not look.features:
        return recolored, opacity
    map_u, map_v = _feature_map(look)
    reshaped = cv2.remap(recolored, map_u, map_v, cv2.INTER_CUBIC)
    return np.asarray(reshaped, np.uint8), np.asarray(cv2.remap(opacity, map_u, map_v, cv2.INTER_LINEAR), np.float32)


def _feature_map(look: Look) -> tuple[Floats, Floats]:
    v, u = np.mgrid[0:512, 0:512].astype(np.float32)
    map_u, map_v = u.copy(), v.copy()
    for center_u, center_v, radius, across, down in look.features:
        weight = np.exp(-((u - center_u) ** 2 + (v - center_v) ** 2) / (2 * radius**2))
        map_u += weight * (u - center_u) * (1 / across - 1)
        map_v += weight * (v - center_v) * (1 / down - 1)
    return map_u.astype(np.float32), map_v.astype(np.float32)


def figure_canvas(photo: Image, opacity: Floats, placement: Placement) -> Image:
    """Return the cut-out person on the canvas, uint8 (height, width, 4): RGB times opacity, and opacity."""
    premultiplied = np.dstack([photo * opacity[..., None], opacity * 255.0]).round().astype(np.uint8)
    return _place(premultiplied, placement)


def face_canvas(photo: Image, placement: Placement, *, blur_px: float, grow: float) -> Image:
    """Return the face on the canvas, uint8 (height, width, 4): RGB, and the soft mask of the face's hull.

    blur_px: the mask's blur, in pixels of the photograph. grow: the hull's size, 1 from brow to chin.
    """
    mask = _polygon_mask(FACE_HULL, blur_px, grow)
    return _place(np.dstack([photo, (mask * 255.0).round().astype(np.uint8)]), placement)


def _place(layers: Image, placement: Placement) -> Image:
    matrix = np.array([[placement.scale_x, 0, placement.left], [0, placement.scale, placement.top]], np.float64)
    size = (placement.width, placement.height)
    placed = cv2.warpAffine(layers, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(placed, np.uint8)


class Puppet:
    """A canvas with the photograph on it, and the fields that move it.

    canvas: uint8 (height, width, 4), from figure_canvas or face_canvas, made with the same placement. What is
    rendered is `box` (x0, y0, x1, y1) of the canvas: all of it, or the face's part when face_only.
    """

    def __init__(self, canvas: Image, placement: Placement, *, face_only: bool = False) -> None:
        self._canvas, self._placement = canvas, placement
        whole = (0, 0, placement.width, placement.height)
        self.box = placement.box(FACE_BOX) if face_only else whole
        self._expression = _Expression(placement, placement.box(EXPRESSION_BOX))
        x0, y0, x1, y1 = self.box
        self._basis = _motion_basis(*placement.photo_grid(self.box, MOTION_GRID), placement)
        self._grid = np.dstack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))).astype(np.float32)

    def render(self, pose: Pose) -> Image:
        """Return the canvas's box in this pose, uint8 (h, w, 4)."""
        x0, y0, x1, y1 = self._expression.box
        canvas = self._canvas.copy()
        canvas[y0:y1, x0:x1] = self._expression.apply(self._canvas, pose)
        coarse = np.tensordot(pose.body_and_head(), self._basis, axes=1)
        height, width = self._grid.shape[:2]
        field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        maps = self._grid - field
        rendered = cv2.remap(canvas, maps, np.empty(0), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(rendered, np.uint8)


def _motion_basis(u: Floats, v: Floats, placement: Placement) -> Floats:
    """Return by how many canvas pixels a point moves for a unit of each of Pose's seven weights, (7, h, w, 2).

    Turning and nodding are parallax: the nearer a point of the head's ellipsoid, the farther it moves.
    """
    bottom = (placement.height - placement.top) / placement.scale
    body = 1.0 - _smoothstep(v, 190.0, bottom)
    head = 1.0 - _smoothstep(v, 165.0, 250.0)
    squared = ((u - HEAD_CENTER[0]) / HEAD_RADII[0]) ** 2 + ((v - HEAD_CENTER[1]) / HEAD_RADII[1]) ** 2
    depth = np.sqrt(np.clip(1.0 - squared, 0.0, None))
    depth = np.asarray(cv2.GaussianBlur(depth, (0, 0), 10.0 * placement.scale / MOTION_GRID), np.float32)
    none = np.zeros_like(u)
    fields = [
        (body, none),
        (head, none),
        (none, head),
        (-head * (v - NECK[1]), head * (u - NECK[0])),
        (depth, none),
        (none, depth),
        (body * (u - NECK[0]), body * (v - bottom)),
    ]
    scales = np.array([placement.scale_x, placement.scale], np.float32)
    return np.stack([np.dstack(field) for field in fields]).astype(np.float32) * scales


class _Expression:
    """Jaw and eyelids, on the canvas before the head moves."""

    def __init__(self, placement: Placement, box: tuple[int, int, int, int]) -> None:
        self.box, self._placement = box, placement
        u, v = placement.photo_grid(box)
        self._u, self._v = u, v
        self._lip_v = np.interp(u[0], MOUTH[:, 0], MOUTH[:, 1]).astype(np.float32)
        across = (u[0] - MOUTH[:, 0].mean()) / (np.ptp(MOUTH[:, 0]) / 2)
        self._lip = np.clip(1.0 - across**2, 0.0, 1.0)
        jaw = np.clip(1.0 - ((u[0] - NECK[0]) / JAW_HALF_WIDTH) ** 2, 0.0, 1.0) ** 1.5
        below = 1.0 - _smoothstep(v, CHIN_V, COLLAR_V)
        ramp = _smoothstep(v - self._lip_v, 0.0, 26.0)
        self._lip_drop = self._lip * below * (v > self._lip_v)
        self._jaw_drop = np.clip(jaw - self._lip, 0.0, 1.0) * ramp * below

    def apply(self, canvas: Image, pose: Pose) -> Image:
        """Return the expression's box of the canvas with the mouth and the eyes of this pose, uint8 (h, w, 4)."""
        source_v = self._v - pose.mouth_open * (self._lip_drop + self._jaw_drop)
        for eye in EYES:
            self._close(eye, pose.eyes_closed, source_v)
        map_x = self._placement.left + self._placement.scale_x * self._u
        map_y = self._placement.top + self._placement.scale * source_v
        face = cv2.remap(canvas, map_x, map_y, cv2.INTER_LINEAR)
        return self._open_mouth(np.asarray(face, np.uint8), pose.mouth_open)

    def _close(self, eye: Floats, closed: float, source_v: Floats) -> None:
        """Draw the skin between brow and lid down over the eye, in place: it stretches, the eye below is covered."""
        columns = np.flatnonzero((self._u[0] > eye[0, 0]) & (self._u[0] < eye[-1, 0]))
        if closed <= 0.0 or not columns.size:
            return
        columns_slice = slice(columns[0], columns[-1] + 1)
        top, bottom, brow = (np.interp(self._u[0, columns_slice], eye[:, 0], eye[:, k]) for k in (1, 2, 3))
        lid = top + closed * (bottom - top)
        v = self._v[:, columns_slice]
        skin = brow + (v - brow) * (top - brow) / (lid - brow)
        moved = (v > brow) & (v < lid)
        source_v[:, columns_slice][moved] = skin[moved]

    def _open_mouth(self, face: Image, mouth_open: float) -> Image:
        gap = mouth_open * self._lip
        depth = (self._v - self._lip_v) / np.maximum(gap, 1e-3)
        edge = 1.0 / self._placement.scale
        inside = np.clip((self._v - self._lip_v) / edge, 0, 1) * np.clip((self._lip_v + gap - self._v) / edge, 0, 1)
        rows = np.flatnonzero(inside.any(axis=1))
        if mouth_open <= 0.0 or not rows.size:
            return face
        part = slice(rows[0], rows[-1] + 1)
        top, bottom = np.array(MOUTH_TOP_RGB, np.float32), np.array(MOUTH_BOTTOM_RGB, np.float32)
        color = top + np.clip(depth[part], 0, 1)[..., None] ** 2 * (bottom - top)
        weight = inside[part][..., None]
        face[part, :, :3] = (face[part, :, :3] * (1.0 - weight) + color * weight).round()
        return face
