"""Where the classifier looked: what each place of a face adds to its score, laid over a picture, still or in motion."""

import cv2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from deepfake.figures.scores import score_points
from deepfake.figures.style import COLORS, styled, vertical_lines
from deepfake.report.wording import person_name
from deepfake.signals.base import SignalTrace
from deepfake.video.info import Image
from deepfake.words import format_time

PICTURE_SIDE_PX = 448
MAX_OPACITY = 0.5
# Of one place, in logits. A map that stays below is drawn paler, so that a face without findings looks quiet.
LEAST_FULL_COLOR = 4.0
FULL_COLOR_PERCENTILE = 99  # of the places of all pictures of a clip: one odd place does not pale all others
SMOOTHING_SHARE = 0.025  # of a picture's side: no edge where the view of one network ends
OUTLINED_SHARE = 0.4  # of the full color: stronger places are outlined
DASH_PX = 9

PANEL_GAP_PX = 8
STRIP_HEIGHT_PX = 80
STRIP_MARGIN_PX = 12
STRIP_TEXT_PX = 22
STRIP_GROUND = (24, 28, 34)
STRIP_QUIET = (150, 158, 168)
STRIP_TEXT = (235, 238, 242)
GAP_IN_STEPS = 3.0  # scored pictures further apart than so many usual steps are not joined by a line

SCALE_HEIGHT_PX = 120
SCORE_HEIGHT_PX = 240
SCALE_STEPS = 101


def full_color(attributions: NDArray[np.float32]) -> float:
    """Return the strength of a place, logits, that is drawn in full color in all pictures of a clip.

    attributions: f32 (n, h, w), logits; of one picture f32 (h, w).
    """
    strongest = float(np.percentile(np.abs(attributions), FULL_COLOR_PERCENTILE)) if attributions.size else 0.0
    return max(LEAST_FULL_COLOR, strongest)


def attributed_crop(
    crop: Image, attribution: NDArray[np.float32], *, full: float | None = None, side_px: int = PICTURE_SIDE_PX
) -> Image:
    """Return a face crop with its attribution over it, uint8 (side_px, side_px, 3).

    Orange with a solid outline speaks for fake, teal with a broken outline for real; the stronger, the denser. crop:
    uint8 (S, S, 3). attribution: f32 (h, w), logits, positive for fake, of equal parts of the crop. full: the strength
    drawn in full color, logits; by default full_color of this picture.
    """
    size = (side_px, side_px)
    picture = _resized(crop, side_px).astype(np.float32)
    smooth = cv2.resize(attribution.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(smooth, (0, 0), SMOOTHING_SHARE * side_px, borderType=cv2.BORDER_REPLICATE)
    full = full or full_color(attribution)
    strength = np.clip(smooth / full, -1, 1)
    colors = np.where(strength[..., None] > 0, _rgb("fake"), _rgb("real"))
    opacity = MAX_OPACITY * np.abs(strength)[..., None]
    drawn: Image = np.clip(np.rint(picture * (1 - opacity) + colors * opacity), 0, 255).astype(np.uint8)
    _outline(drawn, strength >= OUTLINED_SHARE, "fake", dash_px=None)
    _outline(drawn, strength <= -OUTLINED_SHARE, "real", dash_px=DASH_PX)
    return drawn


def hidden_crop(crop: Image, hidden: NDArray[np.bool_]) -> Image:
    """Return a face crop with an outline around what something else hides, uint8 (448, 448, 3). crop: uint8 (S, S, 3).
    hidden: bool (h, w), of equal parts of the crop."""
    drawn = _resized(crop, PICTURE_SIDE_PX).copy()
    region = cv2.resize(hidden.astype(np.uint8), drawn.shape[:2], interpolation=cv2.INTER_NEAREST)
    _outline(drawn, region > 0, "frame", dash_px=None)
    return drawn


class AttributionPanels:
    """Pictures of a clip: the plain face, beside it the attributed one, and under both the score over time.

    scores: P(fake) of the scored pictures. span_s: the times, seconds, that the strip begins and ends with. full: see
    full_color. side_px: of a face. The scale of colors is the same in every picture.
    """

    def __init__(self, scores: SignalTrace, span_s: tuple[float, float], full: float, side_px: int) -> None:
        self.size = (2 * side_px + PANEL_GAP_PX, side_px + STRIP_HEIGHT_PX)
        self._times_s, self._scores = scores.timestamps_s, scores.values
        self._start_s, self._length_s = span_s[0], max(span_s[1] - span_s[0], 1e-6)
        self._full, self._side_px = full, side_px
        self._strip = self._drawn_strip()

    def picture(self, face: Image, attribution: NDArray[np.float32], time_s: float) -> Image:
        """Return the picture of a moment, uint8 (height, width, 3). face: uint8 (side, side, 3). attribution: f32
        (h, w), logits. time_s: of the moment."""
        drawn = np.full((self.size[1], self.size[0], 3), STRIP_GROUND, dtype=np.uint8)
        drawn[: self._side_px, : self._side_px] = face
        attributed = attributed_crop(face, attribution, full=self._full, side_px=self._side_px)
        drawn[: self._side_px, self._side_px + PANEL_GAP_PX :] = attributed
        strip = drawn[self._side_px :]
        strip[:] = self._strip
        nearest = int(np.argmin(np.abs(self._times_s - time_s)))
        score = float(self._scores[nearest])
        x = self._column(time_s)
        cv2.line(strip, (x, STRIP_TEXT_PX - 4), (x, STRIP_HEIGHT_PX - 6), STRIP_TEXT, 2)
        cv2.circle(strip, (x, self._row(score)), 5, _bright("fake" if score > 0.5 else "real"), -1, cv2.LINE_AA)
        _say(strip, f"P(fake) {score:.2f}  {format_time(time_s)}", (STRIP_MARGIN_PX, 15))
        return drawn

    def _drawn_strip(self) -> Image:
        strip = np.full((STRIP_HEIGHT_PX, self.size[0], 3), STRIP_GROUND, dtype=np.uint8)
        middle = self._row(0.5)
        for x in range(STRIP_MARGIN_PX, self.size[0] - STRIP_MARGIN_PX, 12):
            cv2.line(strip, (x, middle), (x + 5, middle), STRIP_QUIET, 1)
        _say(strip, "0.5", (self.size[0] - 32, middle - 4))
        points = [
            (self._column(float(t)), self._row(float(p))) for t, p in zip(self._times_s, self._scores, strict=True)
        ]
        steps = np.diff(self._times_s)
        joined = steps <= GAP_IN_STEPS * float(np.median(steps)) if len(steps) else steps
        for (start, end), is_joined in zip(zip(points, points[1:], strict=False), joined, strict=True):
            if is_joined:
                cv2.line(strip, start, end, STRIP_QUIET, 1, cv2.LINE_AA)
        for point, score in zip(points, self._scores.tolist(), strict=True):
            # As in the page's charts: filled where it looks more fake than real.
            name, width = ("fake", -1) if score > 0.5 else ("real", 1)
            cv2.circle(strip, point, 3, _bright(name), width, cv2.LINE_AA)
        return strip

    def _column(self, time_s: float) -> int:
        room = self.size[0] - 2 * STRIP_MARGIN_PX
        return STRIP_MARGIN_PX + round(room * min(max((time_s - self._start_s) / self._length_s, 0.0), 1.0))

    def _row(self, score: float) -> int:
        room = STRIP_HEIGHT_PX - STRIP_TEXT_PX - 12
        return STRIP_TEXT_PX + 4 + round(room * (1 - score))


def attribution_scale_figure(full: float) -> go.Figure:
    """Return the legend of an attributed clip: which color stands for how much. full: see full_color, logits."""
    values = np.linspace(-full, full, SCALE_STEPS)
    shades = [
        [0, _rgba("real", MAX_OPACITY)],
        [0.5, _rgba("real", 0)],
        [0.5, _rgba("fake", 0)],
        [1, _rgba("fake", MAX_OPACITY)],
    ]
    bar = go.Heatmap(
        x=values, y=[0], z=[values], zmin=-full, zmax=full, colorscale=shades, showscale=False,
        hovertemplate="%{x:.1f} logits<extra></extra>",
    )  # fmt: skip
    title = "Colors of the clip: what a place adds to the score"
    figure = styled(go.Figure([bar]), title=title, height_px=SCALE_HEIGHT_PX)
    figure.update_layout(title={"font": {"size": 14}}, margin={"t": 36})
    limit = OUTLINED_SHARE * full
    for value, dash, name in ((-limit, "dash", "real"), (limit, "solid", "fake")):
        figure.add_vline(value, line={"dash": dash, "width": 2, "color": COLORS[name]})
    for value, text, side in (
        (-full, f"−{full:.1f} logits, for real", "left"),
        (full, f"+{full:.1f}, for fake", "right"),
    ):
        figure.add_annotation(
            x=value, y=0, yref="paper", yanchor="top", xanchor=side, text=text, showarrow=False, yshift=-4
        )
    figure.update_layout(margin={"b": 30})
    figure.update_xaxes(tickvals=[0], ticktext=["0"], showgrid=False, range=[-full, full])
    return figure.update_yaxes(visible=False)


def dense_score_figure(trace: SignalTrace, track_id: int, *, moment_s: float | None = None) -> go.Figure:
    """Return P(fake) of the pictures scored for an attributed clip over time; dotted at 0.5.

    Filled points look more fake than real. Every point's customdata is [frame index, "m:ss.ff"].
    """
    title = f"P(fake) of {len(trace.values)} pictures of {person_name(track_id)}"
    points = score_points(trace, size_px=6)
    figure = styled(go.Figure([points]), title=title, height_px=SCORE_HEIGHT_PX, x_title="time (s)", y_title="P(fake)")
    figure.update_yaxes(range=[-0.04, 1.04], tickvals=[0, 0.5, 1])
    figure.add_hline(0.5, line={"dash": "dot", "width": 1.5, "color": COLORS["quiet"]})
    shapes = [*figure.layout.shapes, *vertical_lines([], moment_s)]
    return figure.update_layout(showlegend=False, shapes=shapes, clickmode="event+select")


def _resized(crop: Image, side_px: int) -> Image:
    if crop.shape[:2] == (side_px, side_px):
        return crop
    resized: Image = cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
    return resized


def _rgb(name: str) -> NDArray[np.float32]:
    text = COLORS[name].lstrip("#")
    return np.array([int(text[place : place + 2], 16) for place in (0, 2, 4)], dtype=np.float32)


def _rgba(name: str, opacity: float) -> str:
    red, green, blue = (int(value) for value in _rgb(name))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _bright(name: str) -> tuple[float, ...]:
    """A color as it is seen on the dark strip."""
    return tuple((0.6 * _rgb(name) + 0.4 * 255).tolist())


def _say(picture: Image, text: str, place: tuple[int, int]) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, STRIP_TEXT, 1, cv2.LINE_AA)


def _outline(picture: Image, region: NDArray[np.bool_], name: str, *, dash_px: int | None) -> None:
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A light rim keeps the line visible on dark ground.
    for color, width in (((255, 255, 255), 4), (tuple(_rgb(name).tolist()), 2)):
        for contour in contours:
            points = contour[:, 0]
            step = dash_px or len(points)
            pieces = [points[start : start + step] for start in range(0, len(points), 2 * step if dash_px else step)]
            cv2.polylines(picture, pieces, dash_px is None, color, width, cv2.LINE_AA)
