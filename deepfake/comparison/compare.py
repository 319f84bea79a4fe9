"""compare(): a fake and its original read side by side, one frame of each in memory, matched by time."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import CROP_SIZE_PX, Analysis, AnalysisConfig, Progress, config_given
from deepfake.analysis.pipeline import analyze
from deepfake.comparison.findings import (
    NUDGE_S,
    SHIFT_S,
    Finding,
    PairCheck,
    check_pair,
    find_difference,
    greatest_differences,
    main_trace,
    matched_tracks,
)
from deepfake.comparison.offset import find_place
from deepfake.comparison.overlap import Overlap, reduced_similarity
from deepfake.errors import SettingsError
from deepfake.faces.alignment import FaceCrop, crop_face
from deepfake.faces.tracking import FaceTrack, track_crop_to_frame
from deepfake.serialize import EqualByContent
from deepfake.settings import Settings, settings_given
from deepfake.signals.base import SignalTrace
from deepfake.signals.ssim import ssim
from deepfake.video.info import Frame, Image
from deepfake.video.reader import VideoReader, probe

MAX_COMPARED_TRACKS = 4  # the longest of the fake's tracks
SHIFT_EVERY_FRAMES = 4  # the similarity at other moments is taken at every so many frames


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """How far a comparison is. stage: "fake", "original" (their analyses) or "comparison". frames_total: an estimate,
    or None. analysis: the progress of the analysis, in its stages."""

    stage: str
    frames_done: int
    frames_total: int | None
    analysis: Progress | None = None


@dataclass(frozen=True, slots=True)
class ComparedMoment:
    """One moment of great difference. frame_index, timestamp_s: of the fake; similarity: of the whole frame;
    face_similarity: of the face that differs most, NaN where it is out of sight."""

    frame_index: int
    timestamp_s: float
    original_frame_index: int
    original_timestamp_s: float
    similarity: float
    face_similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(EqualByContent):
    """What was found out about a fake beside its original. Two are equal where all but timings_s is.

    Attributes:
        fake: The analysis of the fake.
        original: The analysis of the original.
        overlap: How one clip is laid on the other.
        cross_similarity: Signal "cross_similarity": SSIM of each of the fake's frames to the original's frame nearest
            in time, of the whole picture reduced to overlap.reduced_size. Its indices and timestamps are the fake's.
        face_similarity: Signal "cross_face_similarity": the same of the region of a face of the fake, cut out of both
            at 224×224 px. One trace for each of the longest tracks.
        original_frame_indices: i64 (m,), the original's frame of each value.
        original_timestamps_s: f64 (m,), its time in seconds from the original's first frame.
        matched_tracks: The fake's track, and the original's track at the same place or None.
        main_track: The fake's track that differs most from the original, or None.
        pair: Whether the two clips belong together.
        moments: The moments of greatest difference.
        timings_s: Seconds by stage.
        offset_s: What was added to the fake's time to have the original's: seconds by which the fake begins later in
            what both show.
    """

    fake: Analysis
    original: Analysis
    overlap: Overlap
    cross_similarity: SignalTrace
    face_similarity: tuple[SignalTrace, ...]
    original_frame_indices: NDArray[np.int64]
    original_timestamps_s: NDArray[np.float64]
    matched_tracks: tuple[tuple[int, int | None], ...]
    main_track: int | None
    pair: PairCheck
    moments: tuple[ComparedMoment, ...]
    timings_s: dict[str, float] = field(compare=False)
    offset_s: float = 0.0

    @property
    def finding(self) -> Finding:
        """What the comparison comes to."""
        return find_difference(self.pair, self.cross_similarity, main_trace(self.face_similarity))

    def face_trace(self, track_id: int | None) -> SignalTrace | None:
        """Return the face similarity of a track of the fake, or None where it was not compared."""
        return next((trace for trace in self.face_similarity if trace.track_id == track_id), None)

    def original_track(self, track_id: int | None) -> int | None:
        """Return the original's track at the place of a track of the fake, or None."""
        return dict(self.matched_tracks).get(track_id) if track_id is not None else None


def compare(
    fake_path: Path | str,
    original_path: Path | str,
    config: AnalysisConfig | None = None,
    *,
    settings: Settings | None = None,
    progress: Callable[[ComparisonProgress], None] | None = None,
    fake_analysis: Analysis | None = None,
    original_analysis: Analysis | None = None,
    on_faces: Callable[[FaceCrop, FaceCrop], None] | None = None,
) -> Comparison:
    """Compare a fake with its original at each moment.

    Frames are matched by time, never by number: each frame of the fake is compared with the frame of the original that
    is nearest in time. Where one clip is an excerpt of the other, it is first laid where it belongs (find_place). One
    that lies a frame's duration or more from all of them, at the original's frame rate, is not compared. Clips of
    different sizes are brought to one size. Memory does not grow with the length of the clips. The measure is the
    structural similarity of Wang et al. 2004, doi:10.1109/TIP.2003.819861.

    Args:
        fake_path: The clip in doubt.
        original_path: The clip that it was made from.
        config: Settings of both analyses; by default AnalysisConfig().
        settings: Limits; by default those in force (see Settings).
        progress: Called after every frame with a ComparisonProgress, and as the comparison begins.
        fake_analysis: Used instead of analyzing the fake, where it is given.
        original_analysis: Used instead of analyzing the original, where it is given.
        on_faces: Called at each moment for each compared track with the crop of its face and the crop of the same
            place in the original (224×224 px, RGB), both under the fake's track and time.

    Returns:
        Both analyses, and the similarity of frames and faces over time, in [−1, 1], 1 for equal pictures. Clips that
        do not belong together are a result, not an error.

    Raises:
        ClipNotFoundError: There is no such clip.
        ClipError: A clip cannot be used.
        LimitError: A clip is over a limit of the settings.
        SettingsError: config.quick is True, or an analysis is of a quick look: it has no face of every frame.
        TypeError: An argument is of another type than these.

    Example:
        >>> import deepfake
        >>> found = deepfake.compare("fake.mp4", "original.mp4")
        >>> found.cross_similarity.values.shape == found.original_timestamps_s.shape
        True
        >>> found.main_track
        0
    """
    started = time.perf_counter()
    config, settings = config_given(config), settings_given(settings)
    _check_full(config, fake_analysis, original_analysis)
    for path, other in ((fake_path, original_analysis), (original_path, fake_analysis)):
        if other is None:  # what cannot be used is told before minutes go into the other clip
            probe(path, settings)

    def analyzed(path: Path | str, stage: str) -> Analysis:
        def report(state: Progress) -> None:
            if progress is not None:
                progress(ComparisonProgress(stage, state.frames_done, state.frames_total, state))

        return analyze(path, config, settings=settings, progress=report)

    fake = fake_analysis or analyzed(fake_path, "fake")
    original = original_analysis or analyzed(original_path, "original")
    analyzed_s = time.perf_counter() - started
    total = min(len(fake.frame_timestamps_s), len(original.frame_timestamps_s))
    if progress is not None:  # where an excerpt belongs can take seconds
        progress(ComparisonProgress("comparison", 0, total))
    changes = fake.trace("frame_similarity"), original.trace("frame_similarity")
    offset_s, overlap = find_place(fake_path, original_path, *changes, settings)
    side_by_side = _SideBySide(overlap, fake, on_faces)
    for frame, counterpart in _pairs(fake_path, original_path, offset_s, settings):
        side_by_side.push(frame, counterpart)
        if progress is not None:
            progress(ComparisonProgress("comparison", frame.index + 1, max(total, frame.index + 1)))
    timings_s = {"analyses": analyzed_s, "total": time.perf_counter() - started}
    return side_by_side.result(fake, original, offset_s, timings_s)


def _check_full(config: AnalysisConfig, *given: Analysis | None) -> None:
    for analysis in given:
        if analysis is not None and not isinstance(analysis, Analysis):
            raise TypeError(f"an analysis has to be a deepfake.Analysis, not {analysis!r:.40}")
    configs = [config if analysis is None else analysis.config for analysis in given]
    if any(item.quick for item in configs):
        raise SettingsError("quick", "a comparison takes full analyses: a quick look has no face of every frame")


def _pairs(
    fake: Path | str, original: Path | str, offset_s: float, settings: Settings | None
) -> Iterator[tuple[Frame, Frame]]:
    """Yield each frame of the fake with the original's frame nearest in time, until one ends. A frame is left out where
    the original has none within its average period, as in a gap of its times: what moves there would look changed."""
    with VideoReader(fake, settings) as fake_reader, VideoReader(original, settings) as original_reader:
        walker = _NearestInTime(original_reader.frames(), 1 / float(original_reader.info.frame_rate))
        for frame in fake_reader.frames():
            counterpart = walker.at(frame.timestamp_s + offset_s)
            if counterpart is not None:
                yield frame, counterpart
            elif walker.is_over_by(frame.timestamp_s + offset_s):
                return


class _NearestInTime:
    """Walks a clip forwards and hands out the frame nearest to each of a growing series of times."""

    def __init__(self, frames: Iterator[Frame], period_s: float) -> None:
        self._frames = frames
        self._period_s = period_s
        self._current: Frame | None = next(frames, None)
        self._upcoming: Frame | None = next(frames, None)

    def at(self, timestamp_s: float) -> Frame | None:
        """Return the frame nearest to a time, or None where the clip has none within a period of it."""
        while self._upcoming is not None and self._is_nearer(timestamp_s):
            self._current, self._upcoming = self._upcoming, next(self._frames, None)
        assert self._current is not None, "a clip that could be opened has a frame"
        is_near = abs(timestamp_s - self._current.timestamp_s) < self._period_s - 1e-6
        return self._current if is_near else None

    def is_over_by(self, timestamp_s: float) -> bool:
        """Return whether the frame that is nearest to a time is the last, and lies before it. Call it after at()."""
        assert self._current is not None
        return self._upcoming is None and self._current.timestamp_s < timestamp_s

    def _is_nearer(self, timestamp_s: float) -> bool:
        assert self._current is not None
        assert self._upcoming is not None
        return abs(self._upcoming.timestamp_s - timestamp_s) <= abs(self._current.timestamp_s - timestamp_s)


class _SideBySide:
    """Collects what a pass over both clips measures."""

    def __init__(self, overlap: Overlap, fake: Analysis, on_faces: Callable[[FaceCrop, FaceCrop], None] | None) -> None:
        self._overlap = overlap
        self._on_faces = on_faces
        self._to_original = overlap.fake_to_original()
        self._tracks = sorted(fake.tracks, key=len, reverse=True)[:MAX_COMPARED_TRACKS]
        self._frames: list[tuple[int, float, int, float]] = []
        self._values: list[float] = []
        self._face_values: dict[int, list[float]] = {track.track_id: [] for track in self._tracks}
        self._past: deque[tuple[float, Image, Image]] = deque()
        self._shifts: list[tuple[float, float, float]] = []
        self._nudges: list[tuple[float, float, float]] = []

    def push(self, frame: Frame, counterpart: Frame) -> None:
        """Take one moment: a frame of the fake and the frame of the original that is shown then."""
        size = self._overlap.reduced_size
        fake_view = np.ascontiguousarray(self._overlap.fake_view(frame.image, size))
        original_view = np.ascontiguousarray(self._overlap.original_view(counterpart.image, size))
        value = reduced_similarity(fake_view, original_view)
        self._frames.append((frame.index, frame.timestamp_s, counterpart.index, counterpart.timestamp_s))
        self._values.append(value)
        self._compare_shifted(frame, fake_view, original_view, value)
        for track in self._tracks:
            self._face_values[track.track_id].append(self._face_value(track, frame, counterpart.image))

    def _compare_shifted(self, frame: Frame, fake_view: Image, original_view: Image, value: float) -> None:
        self._past.append((frame.timestamp_s, fake_view, original_view))
        while len(self._past) > 1 and self._past[1][0] <= frame.timestamp_s - SHIFT_S + 1e-6:
            self._past.popleft()
        if frame.index % SHIFT_EVERY_FRAMES:
            return
        earlier = self._last_before(frame.timestamp_s - NUDGE_S)
        if earlier is not None:
            nudged = reduced_similarity(fake_view, earlier[1]), reduced_similarity(earlier[0], original_view)
            self._nudges.append((value, *nudged))
        earlier = self._last_before(frame.timestamp_s - SHIFT_S)
        if earlier is not None:
            shifted = reduced_similarity(fake_view, earlier[1])
            self._shifts.append((value, shifted, reduced_similarity(original_view, earlier[1])))

    def _last_before(self, timestamp_s: float) -> tuple[Image, Image] | None:
        """Return the views of fake and original that were shown last until a time of the last second, or None."""
        past = reversed(self._past)
        return next(((fake, original) for past_s, fake, original in past if past_s <= timestamp_s + 1e-6), None)

    def _face_value(self, track: FaceTrack, frame: Frame, original_image: Image) -> float:
        transform = track_crop_to_frame(track, frame.index, CROP_SIZE_PX)
        if transform is None:
            return float("nan")
        on_original = self._to_original[:, :2] @ transform.astype(np.float64)
        on_original[:, 2] += self._to_original[:, 2]
        crops = [
            FaceCrop(track.track_id, frame.index, frame.timestamp_s, crop_face(image, matrix, CROP_SIZE_PX), matrix)
            for image, matrix in ((frame.image, transform), (original_image, on_original.astype(np.float32)))
        ]
        if self._on_faces is not None:
            self._on_faces(crops[0], crops[1])
        return ssim(crops[0].image, crops[1].image)

    def result(self, fake: Analysis, original: Analysis, offset_s: float, timings_s: dict[str, float]) -> Comparison:
        """Return what the finished pass found."""
        columns = list(zip(*self._frames, strict=True))
        indices, original_indices = (np.array(columns[row], dtype=np.int64) for row in (0, 2))
        times_s, original_times_s = (np.array(columns[row], dtype=np.float64) for row in (1, 3))

        def trace(signal: str, track_id: int | None, values: list[float]) -> SignalTrace:
            return SignalTrace(signal, track_id, indices, times_s, np.array(values, dtype=np.float32))

        cross = trace("cross_similarity", None, self._values)
        faces = tuple(trace("cross_face_similarity", track_id, rows) for track_id, rows in self._face_values.items())
        main = main_trace(faces)
        rows = greatest_differences(cross.values if main is None else main.values, times_s)
        moments = tuple(
            ComparedMoment(
                int(indices[row]),
                float(times_s[row]),
                int(original_indices[row]),
                float(original_times_s[row]),
                float(cross.values[row]),
                float("nan") if main is None else float(main.values[row]),
            )
            for row in rows
        )
        return Comparison(
            fake=fake,
            original=original,
            overlap=self._overlap,
            cross_similarity=cross,
            face_similarity=faces,
            original_frame_indices=original_indices,
            original_timestamps_s=original_times_s,
            matched_tracks=matched_tracks(fake, original, self._to_original, offset_s),
            main_track=None if main is None else main.track_id,
            pair=check_pair(cross.values, _table(self._shifts), _table(self._nudges)),
            moments=moments,
            timings_s=timings_s,
            offset_s=offset_s,
        )


def _table(rows: list[tuple[float, float, float]]) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
