"""What is drawn over a frame: faces and their boxes, and a map of differences."""

import base64
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.faces.base import FaceDetection
from deepfake.faces.detection import face_detector_title
from deepfake.figures.style import styled
from deepfake.video.info import Image

MAX_MAP_WIDTH_PX = 640
LEAST_SHOWN_DIFFERENCE = 0.1  # the colors span at least this, so that noise stays pale
JPEG_QUALITY = 85
# From nothing through violet and red to yellow: darker to lighter, so it reads in gray as well.
DIFFERENCE_SCALE = [
    [0.0, "rgba(40,0,70,0)"],
    [0.15, "rgba(90,10,110,0.35)"],
    [0.5, "rgba(200,60,60,0.75)"],
    [1.0, "rgba(255,235,120,0.95)"],
]

Style = tuple[tuple[int, int, int], bool]  # RGB, dashed
# Sky blue and yellow stay apart for every color vision, and from skin.
DETECTOR_STYLES: dict[str, Style] = {"mtcnn": ((86, 200, 255), False), "haar": ((255, 225, 60), True)}
OTHER_STYLES: tuple[Style, ...] = (
    ((86, 200, 255), False),
    ((255, 225, 60), True),
    ((255, 150, 200), False),
    ((160, 255, 160), True),
)
BLACK = (0, 0, 0)


def difference_figure(difference: NDArray[np.float32], image: Image, *, title: str = "Where they differ") -> go.Figure:
    """Return a map of differences over the frame that it belongs to.

    difference: f32 (h, w), 0 where nothing differs, for instance 1 − ssim_map(); NaN where not known. A map smaller
    than the frame, as a filter without padding leaves it, is centered. image: uint8 (H, W, 3). Axes are in frame px.
    """
    height, width = image.shape[:2]
    map_height, map_width = difference.shape
    small = _reduced(difference)
    step = map_width / small.shape[1], map_height / small.shape[0]
    offset = (width - map_width) / 2, (height - map_height) / 2
    backdrop = _reduced(image)
    figure = go.Figure()
    figure.add_trace(
        go.Image(
            source=_data_uri(backdrop),
            dx=width / backdrop.shape[1],
            dy=height / backdrop.shape[0],
            x0=(width / backdrop.shape[1] - 1) / 2,
            y0=(height / backdrop.shape[0] - 1) / 2,
            hoverinfo="skip",
        )
    )
    known = small[np.isfinite(small)]
    figure.add_trace(
        go.Heatmap(
            z=small.astype(np.float32),
            x0=offset[0] + (step[0] - 1) / 2,
            dx=step[0],
            y0=offset[1] + (step[1] - 1) / 2,
            dy=step[1],
            zmin=0,
            zmax=max(LEAST_SHOWN_DIFFERENCE, float(known.max()) if len(known) else 0.0),
            colorscale=DIFFERENCE_SCALE,
            colorbar={
                "title": {"text": "difference (1 − SSIM)", "side": "bottom"},
                "orientation": "h",
                "thickness": 10,
                "y": -0.2,
                "yanchor": "top",
            },
            hovertemplate="x %{x:.0f} px, y %{y:.0f} px<br>difference %{z:.3f}<extra></extra>",
        )
    )
    styled(figure, title=title, height_px=480, x_title="x (px)", y_title="y (px)")
    figure.update_xaxes(range=[-0.5, width - 0.5], constrain="domain", showgrid=False)
    return figure.update_yaxes(
        range=[height - 0.5, -0.5], scaleanchor="x", scaleratio=1, constrain="domain", showgrid=False
    )


def drawn_faces(
    image: Image,
    faces_by_name: Mapping[str, Sequence[FaceDetection]],
    *,
    selected: tuple[str, int] | None = None,
) -> Image:
    """Return a copy of an image with every face's box, landmarks, label and confidence drawn on it.

    faces_by_name: faces by detector ("mtcnn", "haar") or by what else they are to be called ("Person 1"): each name has
    its own color and line style; where a name has several faces they are numbered from 1. selected: name and position
    of the face whose box is drawn thicker. image: uint8 (H, W, 3). Widths follow the image's size.
    """
    drawn = np.ascontiguousarray(image).copy()
    labels = []
    for position, (name, faces) in enumerate(faces_by_name.items()):
        style = DETECTOR_STYLES.get(name, OTHER_STYLES[position % len(OTHER_STYLES)])
        for number, face in enumerate(faces):
            _draw_box(drawn, face, style, is_selected=selected == (name, number))
            _draw_landmarks(drawn, face, style)
            labels.append((face, _label(name, number, len(faces), face.confidence), style))
    # Last, so that no box strikes a label through.
    for face, text, style in labels:
        _draw_label(drawn, face, text, style)
    return drawn


def _reduced(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.shape[1] <= MAX_MAP_WIDTH_PX:
        return pixels
    size = MAX_MAP_WIDTH_PX, max(1, round(pixels.shape[0] * MAX_MAP_WIDTH_PX / pixels.shape[1]))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _data_uri(image: NDArray[Any]) -> str:
    written, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not written:
        raise ValueError(f"an image of shape {image.shape} cannot be written as JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _label(name: str, number: int, count: int, confidence: float | None) -> str:
    parts = [face_detector_title(name)]
    if count > 1:
        parts.append(str(number + 1))
    if confidence is not None and np.isfinite(confidence):
        parts.append(f"{confidence:.2f}")
    return " ".join(parts)


def _line_width(image: Image) -> int:
    longer: int = max(image.shape[:2])
    return max(2, round(longer / 320))


def _draw_box(image: Image, face: FaceDetection, style: Style, *, is_selected: bool) -> None:
    color, is_dashed = style
    plain_px = _line_width(image)
    width_px = 2 * plain_px + 2 if is_selected else plain_px
    dash_px = 6 * plain_px if is_dashed else None
    left, top, right, bottom = (round(float(value)) for value in face.box_xyxy)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    # A dark rim keeps the line visible on bright ground.
    for line_color, line_width in ((BLACK, width_px + 2), (color, width_px)):
        for start, end in pairwise(corners):
            _draw_line(image, start, end, line_color, line_width, dash_px=dash_px)


def _draw_line(
    image: Image,
    start: tuple[int, int],
    end: tuple[int, int],
    color: tuple[int, int, int],
    width_px: int,
    *,
    dash_px: int | None,
) -> None:
    a, b = np.array(start, dtype=np.float64), np.array(end, dtype=np.float64)
    length = float(np.hypot(*(b - a)))
    if dash_px is None or length < 2 * dash_px:
        cv2.line(image, start, end, color, width_px)
        return
    pieces = 2 * max(1, round(length / dash_px / 2)) + 1  # odd: a dash at either end
    points = a + (b - a) * np.linspace(0, 1, pieces + 1)[:, None]
    for first, second in zip(points[:-1:2], points[1::2], strict=True):
        cv2.line(image, _point(first), _point(second), color, width_px)


def _point(position: NDArray[np.floating]) -> tuple[int, int]:
    return round(float(position[0])), round(float(position[1]))


def _draw_landmarks(image: Image, face: FaceDetection, style: Style) -> None:
    if face.landmarks is None:
        return
    for landmark in face.landmarks:
        cv2.circle(image, _point(landmark), _line_width(image) + 1, BLACK, -1)
        cv2.circle(image, _point(landmark), _line_width(image), style[0], -1)


def _draw_label(image: Image, face: FaceDetection, text: str, style: Style) -> None:
    """Dark text on a filled bar over or below the box; inside the box where there is no room, within the image always.

    Two detectors' boxes of one face nearly coincide: one has its labels above, the other below.
    """
    color, below = style  # dashed boxes have theirs below
    # The fonts of OpenCV have ASCII only.
    text = text.encode("ascii", "replace").decode()
    scale, stroke = max(0.35, max(image.shape[:2]) / 1400), max(1, round(max(image.shape[:2]) / 800))
    (width, height), baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    pad = max(2, height // 3)
    bar_width, bar_height = width + 2 * pad, height + baseline + 2 * pad
    left, top, _, bottom = (round(float(value)) for value in face.box_xyxy)
    x = max(0, min(left, image.shape[1] - bar_width))
    if below:
        y = bottom if bottom + bar_height < image.shape[0] else min(bottom, image.shape[0]) - bar_height
    else:
        y = top - bar_height if top >= bar_height else max(0, top)
    cv2.rectangle(image, (x, y), (x + bar_width, y + bar_height), color, -1)
    origin = x + pad, y + pad + height
    cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, BLACK, stroke, cv2.LINE_AA)
