"""Where the classifier looked, as a clip along a track: the face, its attribution, the score over time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.model import Analysis
from deepfake.detectors import FaceClassifier, classifier
from deepfake.faces.tracking import FaceTrack, track_crop_to_frame
from deepfake.figures.attribution import AttributionPanels, full_color
from deepfake.settings import Settings
from deepfake.signals.base import SignalTrace
from deepfake.video.info import Image
from deepfake.video.reader import VideoReader
from deepfake.video.writer import ClipWriter

MAX_SCORED = 150  # pictures of a part: five a second of its longest
MAX_PART_S = 30.0
SMOOTHING_STEPS = 0.75  # width of the smoothing in time, of the usual step between two scored pictures
LEAST_SMOOTHING_S = 0.06
SCORING, DRAWING = "scoring", "drawing"
BATCH = 16  # crops that are scored together


@dataclass(frozen=True, slots=True)
class AttributionClip:
    """What an attributed clip shows. scores: of the pictures that were scored for it, times of the whole clip.
    full_logits: the strength that is drawn in full color. start_s, end_s: its part of the whole clip."""

    scores: SignalTrace
    full_logits: float
    start_s: float
    end_s: float


def part_bounds(track: FaceTrack, frame_timestamps_s: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the parts that a track is shown in, as rows [first, last + 1): of equal length, at most 30 s each."""
    times_s = frame_timestamps_s[track.frame_indices]
    count = max(1, int(np.ceil((times_s[-1] - times_s[0]) / MAX_PART_S)))
    edges = np.searchsorted(times_s, np.linspace(times_s[0], times_s[-1], count + 1)[1:-1])
    bounds = [0, *edges.tolist(), len(track)]
    return [(low, high) for low, high in zip(bounds, bounds[1:], strict=False) if high > low]


def part_at(track: FaceTrack, frame_timestamps_s: NDArray[np.float64], moment_s: float) -> int:
    """Return which part of a track shows a time, or the nearest to it."""
    starts_s = [frame_timestamps_s[track.frame_indices[low]] for low, _ in part_bounds(track, frame_timestamps_s)]
    return max(0, int(np.searchsorted(starts_s, moment_s + 1e-6, side="right")) - 1)


def write_attribution_clip(
    out: Path | str,
    path: Path | str,
    analysis: Analysis,
    track_id: int,
    face_clip: Path | str,
    *,
    part: int = 0,
    settings: Settings | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    scorer: FaceClassifier | None = None,
) -> AttributionClip:
    """Write one part of a track to out, H.264: the plain face, the attributed face, and the score over time.

    At most 150 pictures are cut out of the clip and scored; between them the attribution is smoothed over time. The
    pictures drawn on are those of face_clip, see FaceClips: one per frame of the track. progress is called with
    "scoring" or "drawing", the frames done and their total. Memory does not grow with the length of the clip.

    scorer: by default the classifier of the analysis.

    Raises KeyError for a track or a part that is not there, ValueError for a track without landmarks or a classifier
    without attributions, and what VideoReader raises.
    """
    scorer = scorer or classifier(analysis.config.classifier)
    report = progress or (lambda stage, done, total: None)
    shown = _Part(analysis, track_id, part)
    batches = _batches(path, shown.wanted_crops(scorer.crop_px), scorer, settings, report)
    parts = [_attributed(scorer, batch) for batch in batches]
    scores, maps = (np.concatenate(column) for column in zip(*parts, strict=True))
    found = shown.described(scores, full_color(maps), scorer.crop_px)
    with VideoReader(face_clip, settings) as reader:
        panels = AttributionPanels(found.scores, (found.start_s, found.end_s), found.full_logits, reader.info.width)
        with ClipWriter(out, analysis.video.frame_rate, panels.size) as writer:
            for row, time_s, face in shown.faces(reader):
                attribution = smoothed_attribution(found.scores.timestamps_s, maps, time_s)
                writer.write(panels.picture(face, attribution, time_s), time_s - found.start_s)
                report(DRAWING, row + 1, len(shown))
    return found


class _Part:
    """A part of a track."""

    def __init__(self, analysis: Analysis, track_id: int, part: int) -> None:
        track = analysis.track(track_id)
        if track is None:
            raise KeyError(f"there is no track {track_id}")
        self._track, self._frame_times_s = track, analysis.frame_timestamps_s
        self._low, self._high = part_bounds(track, analysis.frame_timestamps_s)[part]
        self._times_s = self._frame_times_s[track.frame_indices[self._low : self._high]]

    def __len__(self) -> int:
        return self._high - self._low

    def wanted_crops(self, crop_px: int) -> dict[int, NDArray[np.float32]]:
        """Return by frame the transforms of the crops to score, for a side of crop_px, evenly spread."""
        places = np.linspace(self._low, self._high - 1, min(len(self), MAX_SCORED))
        frames = self._track.frame_indices[np.unique(np.round(places).astype(np.int64))].tolist()
        transforms = {frame: track_crop_to_frame(self._track, frame, crop_px) for frame in frames}
        return {frame: transform for frame, transform in transforms.items() if transform is not None}

    def described(self, scores: NDArray[np.float32], full_logits: float, crop_px: int) -> AttributionClip:
        """Return what the clip shows. scores: f32 (n,), of the first n wanted crops: a clip may break off."""
        indices = np.array(sorted(self.wanted_crops(crop_px)), dtype=np.int64)[: len(scores)]
        trace = SignalTrace(SCORE, self._track.track_id, indices, self._frame_times_s[indices], scores)
        return AttributionClip(trace, full_logits, float(self._times_s[0]), float(self._times_s[-1]))

    def faces(self, reader: VideoReader) -> Iterator[tuple[int, float, Image]]:
        """Yield row within the part, time in the whole clip and picture of each face. reader: of the face clip."""
        for frame in islice(reader.frames(), self._low, self._high):
            yield frame.index - self._low, float(self._times_s[frame.index - self._low]), frame.image


def smoothed_attribution(times_s: NDArray[np.float64], maps: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
    """Return the attribution at a time, f32 (h, w): the mean of those around it, weighted by a Gaussian over time.

    times_s: f64 (n,), increasing, of maps f32 (n, h, w). Width: three quarters of the usual step, 0.06 s at least.
    """
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    width_s = max(LEAST_SMOOTHING_S, SMOOTHING_STEPS * step_s)
    exponent = -0.5 * ((times_s - time_s) / width_s) ** 2
    weights = np.exp(exponent - exponent.max())
    smooth: NDArray[np.float32] = np.tensordot(weights / weights.sum(), maps, axes=1).astype(np.float32)
    return smooth


def _attributed(scorer: FaceClassifier, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scores, maps = scorer.scores_and_attributions(images)
    if maps is None:
        raise ValueError(f"the classifier {scorer.name} has no attributions")
    return scores, maps


def _batches(
    path: Path | str,
    wanted: dict[int, NDArray[np.float32]],
    scorer: FaceClassifier,
    settings: Settings | None,
    report: Callable[[str, int, int], None],
) -> Iterator[NDArray[np.uint8]]:
    crops: list[Image] = []
    last = max(wanted)
    with VideoReader(path, settings) as reader:
        for frame in reader.frames():
            transform = wanted.get(frame.index)
            if transform is not None:
                crops.append(scorer.cut(frame.image, transform))
            if len(crops) == BATCH:
                yield np.stack(crops)
                crops = []
            report(SCORING, frame.index + 1, last + 1)
            if frame.index == last:
                break
    if crops:
        yield np.stack(crops)
