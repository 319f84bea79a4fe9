"""analyze(): one pass over a clip, from frames to an Analysis. The only module that knows the order."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deepfake import __version__
from deepfake.analysis.evidence import SCORE
from deepfake.analysis.judging import is_person, left_out_evidence, no_person_evidence, verdict_of
from deepfake.analysis.model import CROP_SIZE_PX, SCHEMA_VERSION, Analysis, AnalysisConfig, Progress, config_given
from deepfake.analysis.notebook_rule import notebook_rule
from deepfake.analysis.quality import TrackView, picture_values, track_view
from deepfake.analysis.quick import quick_look
from deepfake.analysis.stillness import StillnessCheck
from deepfake.detectors import OnScored, TrackScorer, TrackScores, classifier, look_for_weights_in
from deepfake.faces.alignment import FaceCrop, crop_face, scale_transform
from deepfake.faces.base import FaceDetection
from deepfake.faces.detection import face_detector, gives_landmarks
from deepfake.faces.picture import PictureCheck
from deepfake.faces.tracking import (
    SMOOTHING_RADIUS_FRAMES,
    TOLERANCE,
    FaceTrack,
    FaceTracker,
    smoothed_crop_to_frame,
)
from deepfake.files import SHA256, file_sha256
from deepfake.settings import Settings, settings_given
from deepfake.signals.base import SignalTrace
from deepfake.signals.cuts import CutDetector
from deepfake.signals.dissolve import DissolveDetector
from deepfake.signals.face_similarity import FaceSimilaritySignal
from deepfake.signals.measuring import FaceSignals
from deepfake.signals.ssim import FrameSimilarity
from deepfake.video.declared import read_declaration
from deepfake.video.info import Frame, Image
from deepfake.video.reader import VideoReader

# Frames whose similarity may still be computed while the next ones are read; each is held in memory as long.
SIMILARITY_LAG_FRAMES = 4

_Found = TypeVar("_Found", SignalTrace, TrackScores)


def analyze(
    path: Path | str,
    config: AnalysisConfig | None = None,
    *,
    settings: Settings | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_crop: Callable[[FaceCrop, Frame], None] | None = None,
    on_scored: OnScored | None = None,
    sha256: str | None = None,
) -> Analysis:
    """Analyze a clip in one pass: similarity of successive frames, faces, tracks, face signals, verdict.

    With config.quick only a few moments are looked at, whatever the length: see quick.quick_look.
    Memory does not grow with the length of the clip. No face, too short a clip, or a clip that breaks off are results,
    not errors: the verdict is INCONCLUSIVE and says why.

    Args:
        path: The clip.
        config: What may be chosen; by default AnalysisConfig().
        settings: Limits; by default those in force (see Settings).
        progress: Called after every frame with a Progress.
        on_crop: Called with every face crop (RGB uint8) and its frame, in the order of frames, a few frames after the
            frame was read: the geometry of a crop is smoothed over both neighbors. Crops of a track that turns out too
            short to be kept come as well.
        on_scored: Called with the track_id of a face that was scored, the crops (TrackCrops) and what the classifier
            said of them (CropScores). Not called by a quick look.
        sha256: Of the file, 64 hexadecimal digits, where the caller has it; otherwise the file is hashed once.

    Returns:
        Tracks, signals over time, and the verdict. Times are in seconds from the first frame.

    Raises:
        ClipNotFoundError: There is no such clip.
        ClipError: The clip cannot be used.
        LimitError: The clip is over a limit of the settings.
        SettingsError: There is no face detector of that name.
        ClassifierError: There is no classifier of that name, its weights are missing, or it gives no probabilities.
        ValueError: sha256 is no SHA-256 as file_sha256 writes it.

    Example:
        >>> import deepfake
        >>> analysis = deepfake.analyze("clip.mp4")
        >>> analysis.verdict.label in ("LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE")
        True
        >>> len(analysis.tracks)
        1
    """
    config = config_given(config)
    settings = settings_given(settings)
    if sha256 and not SHA256.fullmatch(sha256):
        raise ValueError(f"sha256 has to be 64 hexadecimal digits, a to f in small letters, not {sha256!r:.80}")
    look_for_weights_in(settings.weights_dir)
    if config.quick:
        return quick_look(path, config, settings, progress=progress, on_crop=on_crop, sha256=sha256)
    started = time.perf_counter()
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(path, settings))
        if progress is not None:
            progress(Progress("models", 0, reader.info.frame_count))
        tracker = FaceTracker(
            face_detector(config.face_detector),
            search_every=config.search_every_s,
            resume_within=config.resume_within_s,
            max_faces=settings.max_faces,
        )
        # Classifiers are trained on crops aligned by landmarks, which not every face detector gives.
        scorer = None
        if gives_landmarks(config.face_detector):
            patience_s = config.resume_within_s + TOLERANCE
            scorer = TrackScorer(classifier(config.classifier), patience_s=patience_s, on_scored=on_scored)
        models_s = time.perf_counter() - started
        clip_pass = _Pass(reader, tracker, scorer, on_crop)
        stack.enter_context(clip_pass)
        clip_pass.run(progress)
        sha256 = sha256 or file_sha256(Path(path))
    analysis = clip_pass.result(config, sha256)
    total_s = time.perf_counter() - started
    return replace(analysis, timings_s={**analysis.timings_s, "models": models_s, "total": total_s})


class _Pass:
    """The state of one pass over a clip."""

    def __init__(
        self,
        reader: VideoReader,
        tracker: FaceTracker,
        scorer: TrackScorer | None,
        on_crop: Callable[[FaceCrop, Frame], None] | None,
    ) -> None:
        self._reader = reader
        self._tracker = tracker
        self._scorer = scorer
        self._face_signals = FaceSignals(float(reader.info.frame_rate))
        self._picture_checks: dict[int, PictureCheck] = {}
        self._on_crop = on_crop
        self._similarity_thread = ThreadPoolExecutor(1, thread_name_prefix="similarity")
        self._compared: deque[tuple[Frame, Future[float]]] = deque()
        self._frame_similarity = FrameSimilarity()
        self._stillness = StillnessCheck()
        self._cut_detector = CutDetector()
        self._dissolve_detector = DissolveDetector(float(reader.info.frame_rate))
        self._pending: deque[tuple[Frame, dict[int, FaceDetection]]] = deque()
        self._recent: deque[tuple[int, dict[int, FaceDetection]]] = deque(maxlen=2 * SMOOTHING_RADIUS_FRAMES + 1)
        self._timestamps_s: list[float] = []
        self._similarity: list[float] = []
        self._timings_s = dict.fromkeys(("decode", "faces", "crops", "signals", "scoring", "similarity_wait"), 0.0)

    def __enter__(self) -> "_Pass":
        return self

    def __exit__(self, *_: object) -> None:
        self._similarity_thread.shutdown(cancel_futures=True)

    def run(self, progress: Callable[[Progress], None] | None) -> None:
        """Walk the clip. The whole-frame similarity is computed in a second thread while this one looks for faces."""
        total = self._reader.info.frame_count
        for frame in self._timed("decode", self._reader.frames()):
            self._compared.append((frame, self._similarity_thread.submit(self._compare_frames, frame.image)))
            faces = self._track(frame)
            self._emit_crops(keep=SMOOTHING_RADIUS_FRAMES)
            self._collect(keep=SIMILARITY_LAG_FRAMES)
            if progress is not None:
                done = frame.index + 1
                progress(Progress("frames", done, max(total or 0, done), frame, faces, self._similarity))
        self._emit_crops(keep=0)
        self._collect(keep=0)
        if progress is not None:
            done = len(self._timestamps_s)
            progress(Progress("finishing", done, done, similarity=self._similarity))

    def _compare_frames(self, image: Image) -> float:
        self._stillness.push(image)
        return self._frame_similarity.push(image)

    def _timed(self, stage: str, frames: Iterator[Frame]) -> Iterator[Frame]:
        while True:
            started = time.perf_counter()
            frame = next(frames, None)
            self._timings_s[stage] += time.perf_counter() - started
            if frame is None:
                return
            yield frame

    def _track(self, frame: Frame) -> dict[int, FaceDetection]:
        started = time.perf_counter()
        is_cut = self._cut_detector.push(frame.image)
        dissolve = self._dissolve_detector.push(frame.image, is_cut=is_cut)
        mixed_from = None if dissolve is None else dissolve.first
        faces = self._tracker.update(frame, is_cut=is_cut, mixed_from=mixed_from)
        if mixed_from is not None:
            self._drop_mixed(mixed_from)
        self._pending.append((frame, faces))
        self._recent.append((frame.index, faces))
        self._timings_s["faces"] += time.perf_counter() - started
        return faces

    def _drop_mixed(self, first: int) -> None:
        """Score no face in the frames from the first of a dissolve up to now: the tracks end before it."""
        self._pending = deque((frame, {} if frame.index >= first else faces) for frame, faces in self._pending)
        if self._scorer is not None:
            self._scorer.cut_back(first)

    def _collect(self, *, keep: int) -> None:
        """Take the similarities of all frames but the latest `keep`: some frames take longer to look for faces in, and
        others to compare, and neither thread should wait for the other at each of them."""
        started = time.perf_counter()
        while len(self._compared) > keep:
            frame, similarity = self._compared.popleft()
            value = similarity.result()
            self._timestamps_s.append(frame.timestamp_s)
            if frame.index > 0:
                self._similarity.append(value)
        self._timings_s["similarity_wait"] += time.perf_counter() - started

    def _emit_crops(self, *, keep: int) -> None:
        """Cut the crops of all frames but the latest `keep`, whose neighbors are not all known yet."""
        while len(self._pending) > keep:
            frame, faces = self._pending.popleft()
            self._face_signals.keep(faces)
            for track_id in faces:
                self._emit_crop(frame, track_id)

    def _emit_crop(self, frame: Frame, track_id: int) -> None:
        started = time.perf_counter()
        near = [
            (index, faces[track_id])
            for index, faces in self._recent
            if track_id in faces and abs(index - frame.index) <= SMOOTHING_RADIUS_FRAMES
        ]
        indices = np.array([index for index, _ in near], dtype=np.int64)
        transform = smoothed_crop_to_frame(frame.index, indices, [face for _, face in near], CROP_SIZE_PX)
        image = crop_face(frame.image, transform, CROP_SIZE_PX)
        crop = FaceCrop(track_id, frame.index, frame.timestamp_s, image, transform)
        self._timings_s["crops"] += time.perf_counter() - started
        started = time.perf_counter()
        self._face_signals.push(crop, frame)
        if not frame.is_damaged:
            check = self._picture_checks.setdefault(track_id, PictureCheck())
            check.push(frame.image, transform, CROP_SIZE_PX, frame.timestamp_s)
        self._timings_s["signals"] += time.perf_counter() - started
        if self._scorer is not None:
            started = time.perf_counter()
            self._scorer.offer(track_id, frame, scale_transform(transform, self._scorer.crop_px / CROP_SIZE_PX))
            self._timings_s["scoring"] += time.perf_counter() - started
        if self._on_crop is not None:
            self._on_crop(crop, frame)

    def result(self, config: AnalysisConfig, sha256: str) -> Analysis:
        """Return what the finished pass found."""
        timestamps_s = np.array(self._timestamps_s, dtype=np.float64)
        found = self._kept_tracks(config, timestamps_s)
        tracks = tuple(track for track in found if is_person(self._yaw_deg(track)))
        frame_trace = _trace("frame_similarity", None, range(1, len(timestamps_s)), self._similarity, timestamps_s)
        by_id = {track.track_id: track for track in tracks}
        signal_traces = [
            _within(trace, by_id, "timestamps_s", "values")
            for trace in self._face_signals.traces(by_id.keys(), timestamps_s)
        ]
        scores = self._track_scores(tracks)
        rule = notebook_rule(frame_trace.values)
        cuts = self._cut_detector.cuts()
        return Analysis(
            schema_version=SCHEMA_VERSION,
            software_version=__version__,
            video=replace(self._reader.info, sha256=sha256, declared=read_declaration(self._reader.path)),
            config=config,
            frame_timestamps_s=timestamps_s,
            cuts=cuts,
            tracks=tracks,
            traces=_in_order(frame_trace, _score_traces(scores, timestamps_s), signal_traces),
            notebook_rule=rule,
            verdict=verdict_of(
                tracks,
                scores,
                self._reader.info,
                classifier=classifier(config.classifier),
                frames=len(timestamps_s),
                still_frames=self._stillness.still_frames,
                signals=signal_traces,
                views={i: self._view(track) for i, track in by_id.items()},
                no_persons=no_person_evidence([track for track in found if track.track_id not in by_id], timestamps_s),
                left_out=left_out_evidence(self._tracker),
            ),
            timings_s=self._timings_s,
            still_frames=self._stillness.still_frames,
            device=classifier(config.classifier).device,
        )

    def _track_scores(self, tracks: Sequence[FaceTrack]) -> dict[int, TrackScores]:
        if self._scorer is None:
            return {}
        started = time.perf_counter()
        scores = self._scorer.finish({track.track_id for track in tracks})
        self._timings_s["scoring"] += time.perf_counter() - started
        by_id = {track.track_id: track for track in tracks}
        arrays = ("probabilities_fake", "edge_blur_px", "hidden_shares", "smoothed_probabilities")
        return {i: _within(item, by_id, *arrays) for i, item in scores.items()}

    def _yaw_deg(self, track: FaceTrack) -> NDArray[np.float32]:
        return self._face_signals.yaw_deg(track.track_id, track.frame_indices)

    def _view(self, track: FaceTrack) -> TrackView:
        picture = picture_values(self._picture_checks.get(track.track_id), self._stillness.still_frames)
        return track_view(track, self._yaw_deg(track), picture)

    def _kept_tracks(self, config: AnalysisConfig, timestamps_s: NDArray[np.float64]) -> tuple[FaceTrack, ...]:
        shown_s = np.append(np.diff(timestamps_s), 1 / float(self._reader.info.frame_rate))
        shortest_s = min(config.min_track_s, float(shown_s.sum()) / 2) - TOLERANCE
        return tuple(track for track in self._tracker.tracks() if shown_s[track.frame_indices].sum() >= shortest_s)


def _within(found: _Found, tracks: Mapping[int, FaceTrack], *arrays: str) -> _Found:
    """Leave out what was measured in frames that turned out to belong to a dissolve. arrays: names of the fields that
    have a value for each of its frame_indices, or are None."""
    assert found.track_id is not None  # what is measured of a face is of one person
    keep = np.isin(found.frame_indices, tracks[found.track_id].frame_indices)
    if keep.all():
        return found
    measured = {name: getattr(found, name) for name in ("frame_indices", *arrays)}
    return replace(found, **{name: values[keep] for name, values in measured.items() if values is not None})


def _in_order(
    frame_trace: SignalTrace, scores: Sequence[SignalTrace], signals: Sequence[SignalTrace]
) -> tuple[SignalTrace, ...]:
    """The similarities, the scores, the other signals: the order that JSON has had from the first version on."""
    name = FaceSimilaritySignal.info.name
    similarities = [trace for trace in signals if trace.signal == name]
    others = [trace for trace in signals if trace.signal != name]
    return frame_trace, *similarities, *scores, *others


def _score_traces(scores: dict[int, TrackScores], timestamps_s: NDArray[np.float64]) -> list[SignalTrace]:
    found = []
    for track_id, item in sorted(scores.items()):
        frames = item.frame_indices.tolist()
        found.append(_trace(SCORE, track_id, frames, item.probabilities_fake.tolist(), timestamps_s))
        blur = _trace("edge_blur", track_id, frames, item.edge_blur_px.tolist(), timestamps_s)
        found.append(replace(blur, unit="px"))
    return found


def _trace(
    signal: str,
    track_id: int | None,
    frame_indices: Sequence[int],
    values: Sequence[float],
    frame_timestamps_s: NDArray[np.float64],
) -> SignalTrace:
    indices = np.array(frame_indices, dtype=np.int64)
    return SignalTrace(signal, track_id, indices, frame_timestamps_s[indices], np.array(values, dtype=np.float32))
