"""Clips: probe them, and decode each frame once, in presentation order, upright, with its real timestamp."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from deepfake.errors import ClipError, ClipNotFoundError, LimitError
from deepfake.files import file_sha256
from deepfake.settings import Settings, load_settings

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]

CLIP_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg"})
VARIABLE_RATE_TOLERANCE = 0.25  # of a frame's duration: container time bases round a constant rate by less
FALLBACK_FRAME_RATE = Fraction(25)  # where a container names none and its frames have no timestamps
# Formats that hold their pictures themselves. A playlist (HLS, DASH, ffconcat) is a text that names other files, and
# would open what the user may not.
CONTAINER_FORMATS = "mov,matroska,avi,mpeg,mpegvideo,mpegts,asf,flv,ogg,h264,hevc,m4v"
UNSEEKABLE = frozenset({"h264", "hevc", "m4v"})  # raw streams have no timestamps to seek by
BIT_RATE_TOLERANCE = 1.1  # a stated rate may round, and a file may break off a little before its stated end
MAX_BROKEN_PACKETS = 250  # a stream with more in a row is over


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a clip before it is decoded.

    width, height: px, after rotation. rotation_deg: clockwise turn that the container asks for (0, 90, 180, 270).
    frame_rate: frames a second as the container states it. frame_count: the container's claim, an estimate; None
    where it makes none. duration_s: seconds, or None. variable_frame_rate: the stated mean and base rate disagree
    (the timestamps decide; see Analysis.frame_timestamps_s). bit_rate: bits a second of the pictures as the stream
    states it; where it states none, or more than the whole file holds, that of the file, sound included; or None.
    """

    path: Path
    sha256: str
    width: int
    height: int
    rotation_deg: int
    frame_rate: Fraction
    frame_count: int | None
    duration_s: float | None
    codec: str
    pixel_format: str
    variable_frame_rate: bool
    container: str
    bit_rate: int | None
    has_audio: bool

    @property
    def bits_per_pixel(self) -> float | None:
        """Return the bits that one pixel of one frame has on average, or None where the bit rate is not known."""
        if self.bit_rate is None:
            return None
        return self.bit_rate / (self.width * self.height * float(self.frame_rate))


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. index: from 0 in presentation order; timestamp_s: seconds from the first frame's
    timestamp; image: uint8 (height, width, 3), RGB, upright."""

    index: int
    timestamp_s: float
    image: Image


def probe(path: Path | str, settings: Settings | None = None) -> VideoInfo:
    """Return a clip's VideoInfo. Decodes no more than its first frame.

    Raises ClipNotFoundError, ClipError (no usable video) or LimitError (over a configured limit).
    """
    with VideoReader(path, settings) as reader:
        return reader.info


class VideoReader:
    """One pass over a clip.

    with VideoReader(path) as reader:
        for frame in reader.frames(): ...

    `info` is known at once; `warnings` fills while frames are read (a clip that breaks off, frames that change
    their size). Frames are decoded by several threads and handed out one at a time: memory does not grow with the
    length of the clip.

    Raises ClipNotFoundError, ClipError or LimitError when opened.
    """

    def __init__(self, path: Path | str, settings: Settings | None = None) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self._settings = settings or load_settings()
        _check_file(self.path, self._settings)
        self._container = open_container(self.path)
        try:
            self._stream = _video_stream(self._container, self.path)
            self._decoded = self._decode()
            first = next(self._decoded, None)
            if first is None:
                raise ClipError(self.path, "no frame of it can be decoded; it is empty, truncated or damaged")
            self._first: av.VideoFrame | None = first
            self.info = self._describe(first)
            _check_limits(self.info, self._settings)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the decoder and the file."""
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Yield every frame, in presentation order. Can be walked once."""
        if self._first is None:
            raise RuntimeError("the frames of a VideoReader can be read only once; open the clip again")
        first, self._first = self._first, None
        start_s = _time_s(first)
        count, last_s = 0, -math.inf
        for decoded in _chain(first, self._decoded):
            time_s = self._timestamp_s(decoded, start_s, count, last_s)
            if time_s > self._settings.max_duration_s:
                raise LimitError(self.path, _over_duration(time_s, self._settings))
            yield Frame(count, time_s, self._upright(decoded))
            count, last_s = count + 1, time_s
        self._check_end(count, last_s)

    def frame_near(self, timestamp_s: float) -> tuple[Frame, Frame | None]:
        """Return the frame shown at a time (the last one not after it) and the one before it, or None at the start.

        Seeks to the key frame before that time by timestamp, never by frame number. The index of both is -1: it is
        not known without reading the clip from its start. timestamp_s: seconds from the first frame.
        """
        assert self._first is not None, "frame_near needs a fresh reader"
        start_s = _time_s(self._first) or 0.0
        first, self._first = self._first, None
        frames = _chain(first, self._decoded)
        if self._seekable() and timestamp_s > 0:
            frames = self._seek(max(0.0, timestamp_s - self._seek_margin_s()) + start_s)
        previous: tuple[float, av.VideoFrame] | None = None
        current: tuple[float, av.VideoFrame] | None = None
        for count, decoded in enumerate(frames):
            time_s = self._timestamp_s(decoded, start_s, count, -math.inf)
            if current is not None and time_s > timestamp_s + 1e-6:
                break
            previous, current = current, (time_s, decoded)
        if current is None:
            raise ClipError(self.path, f"no frame can be decoded at {timestamp_s:.2f} s")
        before = None if previous is None else Frame(-1, previous[0], self._upright(previous[1]))
        return Frame(-1, current[0], self._upright(current[1])), before

    def _seekable(self) -> bool:
        return self._stream.time_base is not None and self._container.format.name not in UNSEEKABLE

    def _seek_margin_s(self) -> float:
        # Two frames: the frame before the wanted one is asked for as well, and may lie before its key frame.
        return float(2 / self.info.frame_rate)

    def _seek(self, time_s: float) -> Iterator[av.VideoFrame]:
        assert self._stream.time_base is not None
        try:
            self._container.seek(int(time_s / self._stream.time_base), stream=self._stream, backward=True)
        except av.FFmpegError:
            logger.info("%s cannot seek; reading it from the start", self.path)
            self._container.close()
            self._container = open_container(self.path)
            self._stream = _video_stream(self._container, self.path)
        self._decoded = self._decode()
        return self._decoded

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Yield decoded frames; skip packets that cannot be decoded and say so at the end."""
        broken = broken_in_a_row = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    broken, broken_in_a_row = broken + 1, broken_in_a_row + 1
                    if broken_in_a_row > MAX_BROKEN_PACKETS:
                        break
                    continue
                if frames:
                    broken_in_a_row = 0
                yield from frames
        except av.FFmpegError as error:
            self.warnings.append(f"The clip breaks off: {_reason(error)}. What was read before is analysed.")
        if broken:
            self.warnings.append(f"{broken} damaged packets could not be decoded and were left out.")

    def _describe(self, first: av.VideoFrame) -> VideoInfo:
        stream, container = self._stream, self._container
        rotation = round(-(first.rotation or 0) / 90) * 90 % 360
        width, height = first.width, first.height
        if rotation in (90, 270):
            width, height = height, width
        average, base = stream.average_rate, stream.guessed_rate or stream.base_rate
        rate = average or base or FALLBACK_FRAME_RATE
        return VideoInfo(
            path=self.path,
            sha256=file_sha256(self.path),
            width=width,
            height=height,
            rotation_deg=rotation,
            frame_rate=Fraction(rate),
            frame_count=stream.frames or None,
            duration_s=_duration_s(stream, container),
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            variable_frame_rate=bool(average and base and abs(average / base - 1) > 0.02),
            container=container.format.name,
            bit_rate=_bit_rate(stream, container, self.path),
            has_audio=bool(container.streams.audio),
        )

    def _timestamp_s(self, decoded: av.VideoFrame, start_s: float | None, count: int, last_s: float) -> float:
        """Seconds from the first frame; counted from the frame rate where the container has no usable timestamp."""
        time_s = _time_s(decoded)
        if time_s is not None and start_s is not None and time_s - start_s > last_s:
            return time_s - start_s
        period_s = float(1 / self.info.frame_rate)
        return count * period_s if last_s == -math.inf else last_s + period_s

    def _upright(self, decoded: av.VideoFrame) -> Image:
        turns = self.info.rotation_deg // 90
        size = (self.info.height, self.info.width) if turns % 2 else (self.info.width, self.info.height)
        if (decoded.width, decoded.height) != size:
            message = "The frame size changes within the clip; all frames are shown at the size of the first."
            if message not in self.warnings:
                self.warnings.append(message)
            decoded = decoded.reformat(*size)
        image: Image = decoded.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        return np.ascontiguousarray(np.rot90(image, -turns)) if turns else image

    def _check_end(self, count: int, last_s: float) -> None:
        if any("breaks off" in warning for warning in self.warnings):
            return
        claimed, duration_s = self.info.frame_count, self.info.duration_s
        promise = None
        if claimed and count < claimed * 0.98 - 1:
            promise = f"{claimed} frames, {count} can be read"
        # Matroska states no number of frames, and its duration is that of the longest track.
        elif "matroska" in self.info.container and duration_s and not self.info.has_audio:
            promise = f"{duration_s:.2f} s" if last_s < duration_s * 0.98 - 0.5 else None
        if promise is not None:
            self.warnings.append(
                f"The clip breaks off at {last_s:.2f} s: its header promises {promise}. What was read is analysed."
            )


def is_variable_rate(timestamps_s: NDArray[np.float64]) -> bool:
    """Tell whether frames come at an uneven pace. timestamps_s: f64 (n,), seconds, increasing."""
    if len(timestamps_s) < 3:
        return False
    steps = np.diff(timestamps_s)
    return bool(np.any(np.abs(steps - np.median(steps)) > VARIABLE_RATE_TOLERANCE * np.median(steps)))


def _check_file(path: Path, settings: Settings) -> None:
    if not path.exists():
        raise ClipNotFoundError(path, "there is no such file")
    if not path.is_file():
        raise ClipError(path, "this is not a file; name a video clip")
    size = path.stat().st_size
    if size == 0:
        raise ClipError(path, "the file is empty")
    if size > settings.max_clip_mb * 2**20:
        raise LimitError(
            path,
            f"{size / 2**20:.0f} MiB is over the limit of {settings.max_clip_mb} MiB; "
            "raise max_clip_mb in deepfake.toml or DEEPFAKE_MAX_CLIP_MB to allow it",
        )


def open_container(path: Path) -> Any:
    """Return the PyAV input container of a clip, for its sound or its packets; VideoReader reads its pictures.

    Raises ClipError when it is no video file, or a playlist that names other files.
    """
    try:
        # "file:" keeps a name such as "concat:x" from being taken for a protocol.
        options = {"format_whitelist": CONTAINER_FORMATS, "protocol_whitelist": "file"}
        return av.open(f"file:{path}", container_options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipError(path, f"this cannot be read as a video ({_reason(error)}); it may be truncated or of "
                        "another kind than its name says") from error  # fmt: skip


def _video_stream(container: Any, path: Path) -> Any:
    for stream in container.streams.video:
        # A cover picture of an audio file is a video stream of one frame.
        if not stream.disposition & av.stream.Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    what = "only audio" if container.streams.audio else "no video track"
    raise ClipError(path, f"the file holds {what}; a clip with pictures is needed")


def _check_limits(info: VideoInfo, settings: Settings) -> None:
    if info.duration_s is not None and info.duration_s > settings.max_duration_s:
        raise LimitError(info.path, _over_duration(info.duration_s, settings))
    if info.width * info.height > settings.max_pixels:
        raise LimitError(
            info.path,
            f"frames of {info.width}×{info.height} px are over the limit of {settings.max_pixels} px; "
            "raise max_pixels in deepfake.toml or DEEPFAKE_MAX_PIXELS to allow it",
        )


def _over_duration(duration_s: float, settings: Settings) -> str:
    return (
        f"{duration_s:.1f} s is over the limit of {settings.max_duration_s:g} s; "
        "raise max_duration_s in deepfake.toml or DEEPFAKE_MAX_DURATION_S to allow it"
    )


def _duration_s(stream: Any, container: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(container.duration / av.time_base)
    return None


def _bit_rate(stream: Any, container: Any, path: Path) -> int | None:
    duration_s = _duration_s(stream, container)
    of_file = round(path.stat().st_size * 8 / duration_s) if duration_s else container.bit_rate or None
    stated = stream.bit_rate or None
    # MPEG-1 writes 104857200 for "not stated"; no stream has more bits than its file.
    if stated is None or (of_file is not None and stated > of_file * BIT_RATE_TOLERANCE):
        return of_file
    return int(stated)


def _time_s(decoded: av.VideoFrame) -> float | None:
    if decoded.pts is None or decoded.time_base is None:
        return None
    return float(decoded.pts * decoded.time_base)


def _chain(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    yield first
    yield from rest


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()
