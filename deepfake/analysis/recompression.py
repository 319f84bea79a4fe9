"""What if the clip is re-compressed: encoded again at several rates, and the same faces scored again.

The faces are not searched for again: the picture keeps its size, so the tracks of the original hold for the encoded
frames, and the very crops that the verdict rests on are cut and scored again. Frames are encoded in memory and decoded
at once, in one pass over the clip; nothing of it is written to disk.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType

from deepfake.analysis.evidence import SCORE, Evidence
from deepfake.analysis.judging import verdict_of
from deepfake.analysis.model import Analysis
from deepfake.analysis.quality import TrackView
from deepfake.analysis.verdict import Answer, TrackVerdict, Verdict, VerdictLabel, rate_share
from deepfake.detectors import Calibration, FaceClassifier, TrackScorer, TrackScores, classifier
from deepfake.faces.tracking import TOLERANCE, FaceTrack, track_crop_to_frame
from deepfake.settings import Settings
from deepfake.video.info import Frame, Image, VideoInfo
from deepfake.video.reader import VideoReader

# Constant rate factors of x264: its default; about what messengers send on; the c40 of FaceForensics++.
RATES_CRF = (23, 32, 40)
PRESET = "veryfast"
# Frames before a scored one that are encoded with it: a second of prediction, as within any group of pictures.
LEAD_FRAMES = 30
KEY_EVERY_FRAMES = 250  # that x264 puts between two key frames at most, where nobody asks for another number


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """A verdict on the clip (track_id None) or on one person. probability_fake, interval: as there, or None. abstained:
    why the quality gate stopped it, else empty. is_judged: whether the quality gate let anybody be judged."""

    track_id: int | None
    label: VerdictLabel
    probability_fake: float | None
    interval: tuple[float, float] | None
    abstained: tuple[Evidence, ...] = ()
    is_judged: bool = True

    @property
    def answer(self) -> Answer:
        """What a reader is told: the label, or that it was not judged."""
        return self.label if self.is_judged else "NOT_JUDGED"

    @property
    def told_probability(self) -> float | None:
        """P(fake) as a reader is told it: None where nobody was judged, whatever the score."""
        return self.probability_fake if self.is_judged else None


@dataclass(frozen=True, slots=True)
class RateOutcome:
    """The clip at one rate. crf: constant rate factor, None for the clip as it is. bit_rate: of the pictures, bit/s;
    size_bytes: of the pictures at that rate over the whole clip, for the clip as it is the size of the file; either is
    None where the container does not tell. tracks: of the people who were scored."""

    crf: int | None
    bit_rate: float | None
    size_bytes: int | None
    clip: RateVerdict
    tracks: tuple[RateVerdict, ...]

    def of(self, track_id: int | None) -> RateVerdict | None:
        """Return the outcome for a person, or for the clip (None); None where that person was not scored."""
        if track_id is None:
            return self.clip
        return next((outcome for outcome in self.tracks if outcome.track_id == track_id), None)


@dataclass(frozen=True, slots=True)
class Recompression:
    """How a verdict stands up to compression.

    rates: the clip as it is, then each rate, the least compressed first. likely_real_below, likely_fake_from: where
    the labels begin, as P(fake); None where no P(fake) reaches them. frames_encoded of frames_total: fewer where the
    scored frames lie far apart. seconds: what it took.
    """

    rates: tuple[RateOutcome, ...]
    likely_real_below: float | None
    likely_fake_from: float | None
    frames_encoded: int
    frames_total: int
    seconds: float

    @property
    def keeps_label(self) -> bool:
        """Whether the clip's label is the same at every rate, and it is judged at all of them or at none."""
        return len({rate.clip.answer for rate in self.rates}) == 1

    @property
    def spread(self) -> float | None:
        """The clip's greatest P(fake) less its least, over the rates at which it was judged; None without any."""
        known = [rate.clip.told_probability for rate in self.rates if rate.clip.told_probability is not None]
        return max(known) - min(known) if known else None


def recompress(
    path: Path | str,
    analysis: Analysis,
    *,
    rates_crf: Sequence[int] = RATES_CRF,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
    scorer: FaceClassifier | None = None,
) -> Recompression:
    """Encode a clip with H.264 at several rates and score the faces of its analysis again.

    analysis: of the same clip. progress is called after every frame with the frames done and their total. scorer: by
    default the classifier of the analysis. A clip without a scored face is a result, with the clip as it is alone.

    Raises ClipNotFoundError, ClipError or LimitError when the clip cannot be used, ClassifierError when the classifier
    of the analysis cannot.
    """
    started = time.perf_counter()
    scorer = scorer or classifier(analysis.config.classifier)
    cuts = _wanted_cuts(analysis, scorer.crop_px)
    with VideoReader(path, settings) as reader:
        patience_s = _longest_gap_s(analysis) + TOLERANCE
        scorers = [TrackScorer(scorer, patience_s=patience_s) for _ in rates_crf] if cuts else []
        encodings = [_Encoding(crf, reader.info, cuts, scorer) for crf, scorer in zip(rates_crf, scorers, strict=False)]
        _encode(reader, encodings, cuts, progress)
    tracks = {track_id for rows in cuts.values() for track_id, _ in rows}
    found = [encoding.finish(tracks) for encoding in encodings]
    real_below, fake_from = _label_limits(analysis.verdict, scorer.calibration)
    return Recompression(
        rates=(
            _as_it_is(Path(path), analysis),
            *(_outcome(analysis, scorer, *pair) for pair in zip(encodings, found, strict=True)),
        ),
        likely_real_below=real_below,
        likely_fake_from=fake_from,
        frames_encoded=encodings[0].frames if encodings else 0,
        frames_total=len(analysis.frame_timestamps_s),
        seconds=time.perf_counter() - started,
    )


_Cuts = Mapping[int, Sequence[tuple[int, np.ndarray[Any, np.dtype[np.float32]]]]]


def _wanted_cuts(analysis: Analysis, crop_px: int) -> _Cuts:
    """Return, by frame, which tracks' crops were scored there, each with its transform for a side of crop_px."""
    cuts: dict[int, list[tuple[int, Any]]] = {}
    for track in _scored_tracks(analysis):
        trace = analysis.trace(SCORE, track.track_id)
        assert trace is not None
        for frame_index in trace.frame_indices.tolist():
            transform = track_crop_to_frame(track, frame_index, crop_px)
            if transform is not None:
                cuts.setdefault(frame_index, []).append((track.track_id, transform))
    return cuts


def _scored_tracks(analysis: Analysis) -> list[FaceTrack]:
    return [track for track in analysis.tracks if analysis.trace(SCORE, track.track_id) is not None]


def _label_limits(verdict: Verdict, calibration: Calibration | None) -> tuple[float | None, float | None]:
    """Calibration.label_limits of the person whom the verdict is about, as the clip is; (None, None) without any."""
    person = verdict.of(verdict.most_suspicious)
    if calibration is None or person is None:
        return None, None
    return calibration.label_limits(rate_share(person, calibration))


def _longest_gap_s(analysis: Analysis) -> float:
    """The most seconds between two scored crops of one track: so long a scorer has to wait for the next. The times of a
    quick look are those of a promised even pace: of its few crops all are waited for."""
    if analysis.config.quick:
        return math.inf
    traces = [analysis.trace(SCORE, track.track_id) for track in _scored_tracks(analysis)]
    gaps_s = (float(np.diff(trace.timestamps_s).max(initial=0)) for trace in traces if trace is not None)
    return max(gaps_s, default=0.0)


def _encode(
    reader: VideoReader, encodings: Sequence["_Encoding"], cuts: _Cuts, progress: Callable[[int, int], None] | None
) -> None:
    """Push what has to be encoded: each scored frame and those before it, not more than LEAD_FRAMES."""
    if not cuts:
        return
    wanted = np.array(sorted(cuts))
    total, previous = int(wanted[-1]) + 1, -1
    for frame in reader.frames():
        upcoming = wanted[np.searchsorted(wanted, frame.index)]
        if upcoming - frame.index <= LEAD_FRAMES:
            picture = _yuv_picture(frame)
            for encoding in encodings:
                encoding.push(picture, frame, is_start=frame.index != previous + 1)
            previous = frame.index
        if progress is not None:
            progress(frame.index + 1, total)
        if frame.index + 1 == total:
            return


def _yuv_picture(frame: Frame) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a frame in the layout that the encoder takes, planes below each other, made even by repeating its edge."""
    image = frame.image
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)


class _Encoding:
    """The clip at one rate: encodes frames, decodes them at once, and scores the crops that are wanted of them."""

    def __init__(self, crf: int, info: VideoInfo, cuts: _Cuts, scorer: TrackScorer) -> None:
        self.crf = crf
        self.frames = 0
        self._key_bytes: list[int] = []
        self._other_bytes: list[int] = []
        self._starts = 0
        self._clip_frames = info.frame_count or KEY_EVERY_FRAMES
        self._size = (info.height, info.width)
        self._rate = info.frame_rate
        self._duration_s = info.duration_s
        self._cuts = cuts
        self._scorer = scorer
        self._indices: list[tuple[int, float]] = []
        self._encoder: Any = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height = info.width + info.width % 2, info.height + info.height % 2
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.framerate, self._encoder.time_base = self._rate, 1 / self._rate
        self._encoder.options = {"crf": str(crf), "preset": PRESET, "forced-idr": "1"}
        self._decoder: Any = av.CodecContext.create("h264", "r")
        self._decoder.thread_type = "AUTO"

    def push(self, picture: np.ndarray[Any, np.dtype[np.uint8]], frame: Frame, *, is_start: bool) -> None:
        """Encode the next frame. is_start: it does not follow the one before it, so nothing is predicted from that."""
        encoded = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        # Counted on without gaps: the encoder would take a pause for a frame that is shown long, and spend more on it.
        encoded.pts, encoded.time_base = self.frames, Fraction(1 / self._rate)
        encoded.pict_type = PictureType.I if is_start else PictureType.NONE
        self.frames += 1
        self._starts += is_start
        self._indices.append((frame.index, frame.timestamp_s))
        self._take(self._encoder.encode(encoded))

    def finish(self, track_ids: set[int]) -> dict[int, TrackScores]:
        """Encode and decode what is left and return the scores by track_id."""
        self._take(self._encoder.encode(None))
        for decoded in self._decoder.decode(None):
            self._offer(decoded)
        return self._scorer.finish(track_ids)

    @property
    def bit_rate(self) -> float:
        """Bits per second of the clip at this rate. Many short runs have more key frames than it would have, so one in
        KEY_EVERY_FRAMES is counted, and at least one."""
        frame_bytes = float(np.mean([*self._key_bytes, *self._other_bytes] or [0]))
        if self._starts > 1 and self._key_bytes and self._other_bytes:
            key, other = float(np.mean(self._key_bytes)), float(np.mean(self._other_bytes))
            frame_bytes = other + max(0.0, key - other) / min(KEY_EVERY_FRAMES, self._clip_frames)
        return frame_bytes * 8 * float(self._rate)

    @property
    def size_bytes(self) -> int | None:
        """What the whole clip would have at this bit rate."""
        return None if self._duration_s is None else round(self.bit_rate * self._duration_s / 8)

    def _take(self, packets: Iterator[Any]) -> None:
        for packet in packets:
            if packet.size:
                (self._key_bytes if packet.is_keyframe else self._other_bytes).append(packet.size)
            for decoded in self._decoder.decode(packet):
                self._offer(decoded)

    def _offer(self, decoded: Any) -> None:
        frame_index, timestamp_s = self._indices[decoded.pts]
        wanted = self._cuts.get(frame_index, ())
        if not wanted:
            return
        height, width = self._size
        image: Image = np.ascontiguousarray(decoded.to_ndarray(format="rgb24")[:height, :width])
        for track_id, transform in wanted:
            self._scorer.offer(track_id, Frame(frame_index, timestamp_s, image), transform)


def _as_it_is(path: Path, analysis: Analysis) -> RateOutcome:
    bit_rate = analysis.video.bit_rate
    return _rate_outcome(None, None if bit_rate is None else float(bit_rate), path.stat().st_size, analysis.verdict)


def _outcome(
    analysis: Analysis, scorer: FaceClassifier, encoding: _Encoding, scores: dict[int, TrackScores]
) -> RateOutcome:
    # What is encoded are the pictures as shown, whatever their size was in the file.
    video = replace(analysis.video, bit_rate=round(encoding.bit_rate), coded_width=None, coded_height=None)
    verdict = verdict_of(
        analysis.tracks,
        scores,
        video,
        classifier=scorer,
        frames=len(analysis.frame_timestamps_s),
        still_frames=analysis.still_frames,
        views={answer.track_id: _view(answer) for answer in analysis.verdict.tracks if answer.quality is not None},
        left_out=next((item for item in analysis.verdict.reasons if item.code == "faces_left_out"), None),
    )
    return _rate_outcome(encoding.crf, encoding.bit_rate, encoding.size_bytes, verdict)


def _view(answer: TrackVerdict) -> TrackView:
    """How the face was seen in the clip as it is: compression turns no head."""
    assert answer.quality is not None
    picture = next((item.values for item in answer.reasons if item.code == "a_picture"), {})
    return TrackView(answer.quality.frontal_share, answer.quality.yaw_deg, picture)


def _rate_outcome(crf: int | None, bit_rate: float | None, size_bytes: int | None, verdict: Verdict) -> RateOutcome:
    tracks = tuple(
        RateVerdict(
            track.track_id, track.label, track.probability_fake, track.interval, track.abstained, not track.abstained
        )
        for track in verdict.tracks
        if track.probability_fake is not None
    )
    why = tuple(reason for track in verdict.tracks for reason in track.abstained)
    abstained = why if verdict.label == "INCONCLUSIVE" else ()
    is_judged = verdict.answer != "NOT_JUDGED"
    clip = RateVerdict(None, verdict.label, verdict.probability_fake, verdict.interval, abstained, is_judged)
    return RateOutcome(crf, bit_rate, size_bytes, clip, tracks)
