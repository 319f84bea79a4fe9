"""A first look at a clip: a few moments spread over it, and a provisional verdict; as fast for a long clip."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake import __version__
from deepfake.analysis.evidence import SCORE
from deepfake.analysis.judging import is_person, left_out_evidence, no_person_evidence, verdict_of
from deepfake.analysis.model import CROP_SIZE_PX, SCHEMA_VERSION, Analysis, AnalysisConfig, Progress
from deepfake.analysis.notebook_rule import notebook_rule
from deepfake.analysis.quality import TrackView, picture_values, track_view
from deepfake.analysis.stillness import StillnessCheck
from deepfake.analysis.verdict import is_settled
from deepfake.detectors import TrackScorer, TrackScores, classifier
from deepfake.faces.alignment import FaceCrop, crop_face, scale_transform
from deepfake.faces.base import FaceDetection
from deepfake.faces.detection import face_detector, gives_landmarks
from deepfake.faces.picture import PictureCheck
from deepfake.faces.tracking import FaceTrack, FaceTracker, smoothed_crop_to_frame
from deepfake.files import file_sha256
from deepfake.settings import Settings
from deepfake.signals.base import SignalTrace
from deepfake.signals.cuts import CUT_THRESHOLD, CutDetector
from deepfake.signals.measuring import FaceSignals
from deepfake.video.declared import read_declaration
from deepfake.video.info import Frame, VideoInfo
from deepfake.video.reader import VideoReader

MOMENTS: Final = 16  # twice what efficientnet wants at least of a person: not everybody is seen at all of them
REACH: Final = 2.0  # between two moments a face may move by about its own width


def quick_look(
    path: Path | str,
    config: AnalysisConfig,
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    on_crop: Callable[[FaceCrop, Frame], None] | None = None,
    sha256: str | None = None,
) -> Analysis:
    """Look at up to 16 moments of a clip: who is seen, and what the classifier says of them.

    The rules of the verdict are those of the full pass, and it is provisional: bit rate and signals over time are not
    measured, and somebody who is seen for a moment only may be missed. Frames are numbered by their times, as in a clip
    of constant pace, and tracks have gaps from moment to moment.

    When it misleads: people who are not seen at several moments of one scene are told as too little to judge; between
    two moments two people may change places.

    The arguments, what is returned and what is raised: as for analyze().
    """
    started = time.perf_counter()
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(path, settings))
        if progress is not None:
            progress(Progress("models", 0, MOMENTS))
        look = _Look(config, on_crop, settings.max_faces)
        models_s = time.perf_counter() - started
        for frame in _ahead(reader.moments(MOMENTS), stack):
            faces = look.push(frame)
            if progress is not None:
                progress(Progress("frames", frame.index + 1, MOMENTS, frame, faces))
        info = replace(reader.info, sha256=sha256 or file_sha256(Path(path)), declared=read_declaration(path))
    analysis = look.result(config, info)
    return replace(analysis, timings_s={"models": models_s, "total": time.perf_counter() - started})


def decides(look: Analysis) -> bool:
    """Return whether a quick look leaves nothing to the full pass: its answer is settled, see verdict.is_settled.

    When it misleads: the full pass may see somebody whom the look missed, and a bit rate too low to judge by.
    """
    return is_settled(look.verdict, classifier(look.config.classifier).calibration)


def _ahead(frames: Iterator[Frame], stack: ExitStack) -> Iterator[Frame]:
    """Yield the frames; each is decoded in a second thread while the one before it is looked at."""
    decoder = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="moments"))
    coming = decoder.submit(next, frames, None)
    while (frame := coming.result()) is not None:
        coming = decoder.submit(next, frames, None)
        yield frame


class _Look:
    def __init__(
        self, config: AnalysisConfig, on_crop: Callable[[FaceCrop, Frame], None] | None, max_faces: int
    ) -> None:
        detector = face_detector(config.face_detector)
        self._tracker = FaceTracker(
            detector,
            search_every=2,
            resume_within=MOMENTS,
            reach=REACH,
            max_faces=max_faces,
            clock=attrgetter("index"),  # in moments: they are seconds or minutes apart
        )
        self._scorer = None
        if gives_landmarks(config.face_detector):
            self._scorer = TrackScorer(classifier(config.classifier), patience_s=math.inf)
        self._on_crop = on_crop
        self._changes = CutDetector()
        self._stillness = StillnessCheck()
        self._meshes = FaceSignals(frame_rate=1.0, signals=())
        self._picture_checks: dict[int, PictureCheck] = {}
        self._timestamps_s: list[float] = []

    def push(self, frame: Frame) -> dict[int, FaceDetection]:
        """Look at the next moment; return its faces by track_id."""
        self._timestamps_s.append(frame.timestamp_s)
        self._stillness.push(frame.image)
        self._changes.push(frame.image)
        is_cut = frame.index > 0 and bool(self._changes.values[-1] >= CUT_THRESHOLD)
        faces = self._tracker.update(frame, is_cut=is_cut)
        for track_id, face in faces.items():
            transform = smoothed_crop_to_frame(frame.index, np.array([frame.index]), [face], CROP_SIZE_PX)
            image = crop_face(frame.image, transform, CROP_SIZE_PX)
            crop = FaceCrop(track_id, frame.index, frame.timestamp_s, image, transform)
            self._meshes.push(crop, frame)
            if not frame.is_damaged:
                check = self._picture_checks.setdefault(track_id, PictureCheck())
                check.push(frame.image, transform, CROP_SIZE_PX, frame.timestamp_s)
            if self._scorer is not None:
                self._scorer.offer(track_id, frame, scale_transform(transform, self._scorer.crop_px / CROP_SIZE_PX))
            if self._on_crop is not None:
                self._on_crop(crop, frame)
        return faces

    def result(self, config: AnalysisConfig, info: VideoInfo) -> Analysis:
        """Return what was found at the moments so far."""
        timestamps_s = np.array(self._timestamps_s, dtype=np.float64)
        found = self._tracker.tracks()
        yaws = {track.track_id: self._meshes.yaw_deg(track.track_id, track.frame_indices) for track in found}
        people = tuple(track for track in found if is_person(yaws[track.track_id]))
        others = [track for track in found if not is_person(yaws[track.track_id])]
        scores = {} if self._scorer is None else self._scorer.finish({track.track_id for track in people})
        numbers, timeline_s = _timeline(timestamps_s, info)
        return Analysis(
            schema_version=SCHEMA_VERSION,
            software_version=__version__,
            video=info,
            config=config,
            frame_timestamps_s=timeline_s,
            cuts=np.empty(0, dtype=np.int64),
            tracks=tuple(replace(track, frame_indices=numbers[track.frame_indices]) for track in people),
            traces=tuple(_score_trace(item, numbers, timeline_s) for _, item in sorted(scores.items())),
            notebook_rule=notebook_rule(np.empty(0, dtype=np.float32)),
            verdict=verdict_of(
                people,
                scores,
                info,
                classifier=classifier(config.classifier),
                frames=len(timestamps_s),
                still_frames=self._stillness.still_frames,
                views={track.track_id: self._view(track, yaws[track.track_id]) for track in people},
                no_persons=no_person_evidence(others, timestamps_s),
                left_out=left_out_evidence(self._tracker),
            ),
            timings_s={},
            still_frames=self._stillness.still_frames,
            device=classifier(config.classifier).device,
        )

    def _view(self, track: FaceTrack, yaw_deg: NDArray[np.float32]) -> TrackView:
        picture = picture_values(self._picture_checks.get(track.track_id), self._stillness.still_frames)
        return track_view(track, yaw_deg, picture)


def _timeline(moments_s: NDArray[np.float64], info: VideoInfo) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of each moment's frame, i64 (n,), increasing, and the times of all frames that are promised."""
    rate = float(info.frame_rate)
    places = np.arange(len(moments_s))
    numbers = np.maximum.accumulate(np.rint(moments_s * rate).astype(np.int64) - places) + places
    promised = info.frame_count or round((info.duration_s or 0.0) * rate)
    count = max(promised, int(numbers[-1]) + 1)
    # Beyond the last moment the pace is the clip's own.
    known = np.append(numbers, count), np.append(moments_s, moments_s[-1] + (count - numbers[-1]) / rate)
    if numbers[0] > 0:
        known = np.insert(known[0], 0, 0), np.insert(known[1], 0, 0.0)
    return numbers, np.interp(np.arange(count), *known)


def _score_trace(scores: TrackScores, numbers: NDArray[np.int64], timeline_s: NDArray[np.float64]) -> SignalTrace:
    frames = numbers[scores.frame_indices]
    return SignalTrace(SCORE, scores.track_id, frames, timeline_s[frames], scores.probabilities_fake)
