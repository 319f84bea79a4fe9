"""Clips: probe them, and decode each frame once, in presentation order, as a player shows it, with its real time."""

import dataclasses
import itertools
import logging
import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av
import numpy as np
from numpy.typing import NDArray

from deepfake.errors import ClipError, LimitError
from deepfake.files import file_sha256
from deepfake.settings import Settings, settings_given
from deepfake.video import boxes, elements
from deepfake.video.decoding import Picture, Tally, decode, over_pixels
from deepfake.video.geometry import Geometry, Orientation, pixel_aspect
from deepfake.video.info import Frame, Image, VideoInfo
from deepfake.video.interlace import FieldCount, deinterlaced
from deepfake.video.light import Light, ToneMapper
from deepfake.video.opening import (
    check_file,
    check_header,
    choose_stream,
    duration_of,
    open_container,
    over_duration,
)
from deepfake.video.outcome import PassCounts, after_one_pass
from deepfake.video.seeking import can_seek, first_after, from_key_frame, key_frames, shown_at, spread
from deepfake.video.timing import MEASURED_PACKETS, Clock, frame_rate, time_of

logger = logging.getLogger(__name__)

CLIP_SUFFIXES: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts"})
# Formats that state when packets are decoded, not when their pictures are shown; raw streams state neither.
WITHOUT_TIMES: Final = frozenset({"avi", "h264", "hevc", "m4v", "mpegvideo"})
MAX_PICTURES_AT_MOMENTS: Final = 600  # decoded for moments() …
MAX_PIXELS_AT_MOMENTS: Final = 360 * 1280 * 720  # … and of large ones fewer: about a second of one core
READ_THROUGH: Final = 4  # a clip of so many frames a moment, or fewer, is read through for moments()
MAX_LOST: Final = 2  # moments in a row that are not found; then the clip is read through
JUMPING_CLOCKS: Final = frozenset({"mpegts", "mpeg"})
# Formats that do not state the shape of a pixel: the pictures do, and it may change. In others the file's word counts.
WITHOUT_SHAPE: Final = frozenset({"mpegts", "mpeg", "h264", "hevc", "m4v", "mpegvideo"})


def probe(path: Path | str, settings: Settings | None = None, *, with_hash: bool = False) -> VideoInfo:
    """Return a clip's VideoInfo. Decodes no more than its first frame.

    with_hash: read the whole file for its SHA-256 as well; without it `sha256` is "".

    Raises ClipNotFoundError, ClipError (no usable video) or LimitError (over a configured limit).
    """
    with VideoReader(path, settings) as reader:
        info = reader.info
    return dataclasses.replace(info, sha256=file_sha256(Path(path))) if with_hash else info


class VideoReader:
    """One pass over a clip: its frames in presentation order, upright, RGB, each with its real timestamp.

    start_s: where the first picture lies on the file's own clock, seconds.

    `info` is known at once, but for what only the frames can tell: after the last frame it holds the bit rate, whether
    the pace is even, and what was mended on the way. Frames are decoded by several threads and handed out one at a
    time: memory does not grow with the length of the clip. The file is not hashed.

    Args:
        path: The clip.
        settings: Limits; by default those in force (see Settings).

    Raises:
        ClipNotFoundError: There is no such clip.
        ClipError: The clip cannot be used. What its header says is checked before the first frame is decoded.
        LimitError: The clip is over a limit of the settings.

    Example:
        >>> import deepfake
        >>> with deepfake.VideoReader("clip.mp4") as reader:
        ...     frames = list(reader.frames())
        >>> frames[1].index, round(frames[1].timestamp_s, 3), frames[1].image.shape
        (1, 0.04, (480, 640, 3))
    """

    def __init__(self, path: Path | str, settings: Settings | None = None) -> None:
        self.path = Path(path)
        self._settings = settings_given(settings)
        check_file(self.path, self._settings)
        self._tally, self._fields, self._fitted = Tally(), FieldCount(), 0
        self._decoded: Iterator[Picture] = iter(())
        self._is_closed = False
        self._container = open_container(self.path, max_pixels=self._settings.max_pixels)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._choice = choose_stream(self._container, self.path)
        self._stream = self._choice.stream
        check_header(self._choice, self._container, self.path, self._settings)
        format_name = self._container.format.name
        ahead = self._start()
        self._frame_rate = frame_rate(self._stream, ahead)
        self._clock = Clock(
            float(1 / self._frame_rate),
            states_times=format_name not in WITHOUT_TIMES,
            may_jump=format_name in JUMPING_CLOCKS,
            is_delayed=bool(self._stream.codec_context.has_b_frames),
        )
        first = next(self._decoded, None)
        if first is None:
            raise ClipError(self.path, "no frame of it can be decoded; it is empty, truncated or damaged")
        self.start_s = time_of(first.frame) or 0.0
        self._is_interlaced = bool(first.frame.interlaced_frame)
        self._is_shape_of_pictures = format_name in WITHOUT_SHAPE
        self._geometry = self._geometry_of(first)
        light = Light.of_frame(first.frame)
        self._mapper = None if light is None else ToneMapper(light)
        self.info = self._describe(first.frame)
        width, height = self._geometry.size
        if width * height > self._settings.max_pixels:
            raise LimitError(self.path, over_pixels(width, height, self._settings.max_pixels))
        self._first: Picture | None = first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the decoder and the file; no further frame can be read."""
        self._is_closed = True
        self._release()

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("the VideoReader is closed; read inside its `with`")

    def _check_undisturbed(self, decoded: Iterator[Picture]) -> None:
        """Raise RuntimeError where the reader was closed, or has gone elsewhere, since a frame was handed out."""
        self._check_open()
        if self._decoded is not decoded:
            raise RuntimeError(
                "frame_near() or moments() ended this walk over the frames; open the clip a second time for them"
            )

    def _release(self) -> None:
        # A generator that is not closed keeps the decoder, and with it the pictures it holds.
        with suppress(AttributeError):
            self._decoded.close()  # type: ignore[attr-defined]
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Yield every frame, in presentation order. Can be walked once, before the reader is closed, and not on after
        frame_near() or moments(): it raises RuntimeError otherwise."""
        self._check_open()
        times_s: list[float] = []
        for picture in self._pictures(self._clock, self._whole()):
            if picture.time_s > self._settings.max_duration_s:
                raise LimitError(self.path, over_duration(picture.time_s, self._settings))
            times_s.append(picture.time_s)
            decoded = self._decoded
            yield self._frame(len(times_s) - 1, picture)
            self._check_undisturbed(decoded)
        self._finish(np.array(times_s, dtype=np.float64))

    def frame_near(self, timestamp_s: float) -> tuple[Frame, Frame | None]:
        """Return the frame shown at a time (the last one not after it) and the one before it, or None at the start.

        Both are those that frames() gives, to the last bit: a seek is believed only where the decoded times say so.
        The index of both is -1: it is not known without reading the clip from its start. timestamp_s: seconds from the
        first frame. Raises ValueError where it is no finite number.
        """
        self._check_open()
        if not math.isfinite(timestamp_s):
            raise ValueError(f"timestamp_s has to be a finite number of seconds, not {timestamp_s!r}")
        shown = shown_at(timestamp_s, self._from, self._from_start)
        if shown.current is None:
            raise ClipError(self.path, f"no frame can be decoded at {timestamp_s:.2f} s")
        before = None if shown.before is None else self._frame(-1, shown.before)
        return self._frame(-1, shown.current), before

    def moments(self, count: int) -> Iterator[Frame]:
        """Yield up to `count` frames that are spread over the clip, in their order, numbered from 0.

        A short clip, and one without an index that is not long, is read through; another is decoded from key frames on,
        without the pictures that no other refers to, and where key frames lie far apart, the frames lie closer behind
        them. Of a long one that cannot be sought in, the frames are of its beginning. However long the clip is, about
        MAX_PICTURES_AT_MOMENTS pictures are decoded at most, and where seeking leads nowhere so many once more. `info`
        stays as the header has it. Raises ValueError for a count below 0, RuntimeError as frames() does.
        """
        self._check_open()
        if count < 0:
            raise ValueError(f"count has to be 0 or more, not {count!r}")
        if count == 0:
            return
        try:
            for index, picture in enumerate(itertools.islice(self._at_moments(count), count)):
                decoded = self._decoded
                yield self._frame(index, picture)
                self._check_undisturbed(decoded)
        finally:
            self._stream.codec_context.skip_frame = "DEFAULT"

    def _at_moments(self, count: int) -> Iterator[Picture]:
        duration_s, most = self.info.duration_s, MAX_PICTURES_AT_MOMENTS
        frames = self.info.frame_count or round((duration_s or 0) * self._frame_rate) or most
        found: Iterator[Picture] = iter(())
        keys_s = self._key_frames(duration_s) if duration_s and frames > READ_THROUGH * count else []
        if duration_s and (keys_s or frames > most):
            self._leave_out_unneeded()
            found = self._spread(count, duration_s, keys_s)
        first = next(found, None)
        if first is None:
            self._stream.codec_context.skip_frame = "DEFAULT"
            return _in_the_middle(count, min(frames, most), itertools.islice(self._from_start(), most))
        return itertools.chain((first,), found)

    def _spread(self, count: int, duration_s: float, keys_s: list[float]) -> Iterator[Picture]:
        """Pictures near `count` times. Where key frames of the index turn out to be none, the rest is read through."""
        times_s, most = _middles(0.0, duration_s, count), self._most_pictures(count) // count
        end_s = min(duration_s, float(MAX_PICTURES_AT_MOMENTS / self._frame_rate))
        latest_s, lost = 0.0, 0
        found = spread(times_s, most, self._from, lambda: self._tally.pictures, keys_s)
        for number, picture in enumerate(found, start=1):
            if picture is not None:
                latest_s, lost = picture.time_s, 0
                yield picture
                continue
            lost += 1
            if keys_s and lost == MAX_LOST and latest_s < end_s:
                missing_s = _middles(latest_s, end_s, count - number + lost)
                yield from first_after(missing_s, itertools.islice(self._from_start(), MAX_PICTURES_AT_MOMENTS))
                return

    def _key_frames(self, duration_s: float) -> list[float]:
        """About when the key frames are shown, seconds; [] where the file does not say so of the whole clip."""
        if self._container.format.name.startswith("matroska"):
            # FFmpeg reads the index at the first seek, and what it does not cover up to there.
            return [] if self._from(duration_s) is None else key_frames(self._stream, self.start_s)
        return key_frames(self._stream, self.start_s, duration_s)

    def _most_pictures(self, count: int) -> int:
        """How many pictures are decoded for `count` moments where the file can be sought in."""
        pixels = self._geometry.coded_width * self._geometry.coded_height
        return max(READ_THROUGH * count, min(MAX_PICTURES_AT_MOMENTS, MAX_PIXELS_AT_MOMENTS // pixels))

    def _leave_out_unneeded(self) -> None:
        """Have pictures left out that no other refers to: of most clips half. Fields need their neighbors, though."""
        if not self._is_interlaced:
            self._stream.codec_context.skip_frame = "NONREF"

    def _start(self) -> list[Any]:
        """Begin to decode; return the first packets, which are read ahead."""
        packets = self._container.demux(self._stream)
        ahead: list[Any] = []
        try:
            ahead.extend(itertools.islice(packets, MEASURED_PACKETS))
        except av.FFmpegError:
            logger.info("%s ends with an error within its first packets", self.path, exc_info=True)
            self._tally.breaks_off = True
        self._decoded = self._decode(itertools.chain(ahead, packets))
        return list(ahead)

    def _decode(self, packets: Iterator[Any]) -> Iterator[Picture]:
        return decode(
            packets,
            self._stream,
            self._tally,
            self._settings.max_pixels,
            str(self.path),
            with_packet_times=self._container.format.name == "avi",
        )

    def _whole(self) -> Iterator[Picture]:
        """The first picture, which was decoded to know what the clip is, and the rest."""
        if self._first is None:
            raise RuntimeError("the frames of a VideoReader can be read only once; open the clip again")
        first, self._first = self._first, None
        return itertools.chain((first,), self._decoded)

    def _pictures(self, clock: Clock, decoded: Iterator[Picture]) -> Iterator[Picture]:
        return deinterlaced(clock.timed(decoded), self._fields)

    def _from_start(self) -> Iterator[Picture]:
        if self._first is None:
            self._reopen()
        return self._pictures(self._clock, self._whole())

    def _from(self, timestamp_s: float) -> Iterator[Picture] | None:
        """Seek and return what is shown from a key frame on, or None where the file cannot be sought in."""
        if not can_seek(self.path, self._container, self._stream):
            return None
        self._first = None
        self._decoded.close()  # type: ignore[attr-defined]
        place = int((timestamp_s + self.start_s) / self._stream.time_base)
        try:
            self._container.seek(place, stream=self._stream, backward=True)
        except av.FFmpegError:
            logger.info("%s cannot seek; it is read from the start", self.path)
            return None
        self._decoded = self._decode(self._container.demux(self._stream))
        return deinterlaced(self._by_own_times(from_key_frame(self._decoded)), self._fields)

    def _by_own_times(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        for picture in pictures:
            time_s = time_of(picture.frame)
            if time_s is not None:
                yield picture._replace(time_s=time_s - self.start_s)

    def _reopen(self) -> None:
        self._release()
        self._container = open_container(self.path, max_pixels=self._settings.max_pixels)
        self._stream = choose_stream(self._container, self.path).stream
        self._tally = Tally()
        self._start()
        self._first = next(self._decoded, None)

    def _geometry_of(self, first: Picture) -> Geometry:
        width, height = first.frame.width, first.frame.height
        aperture = None
        if self._container.format.name.startswith("mov"):
            aperture = boxes.clean_aperture(self.path, self._stream.index, width, height)
        elif self._container.format.name.startswith("matroska"):
            aperture = elements.pixel_crop(self.path, self._stream.index, width, height)
        if aperture is not None and (aperture.width, aperture.height) == (width, height):
            aperture = None
        aspect = self._own_aspect(first) or pixel_aspect(self._stream.sample_aspect_ratio)
        return Geometry(width, height, aspect, aperture, Orientation.of_frame(first.frame))

    def _own_aspect(self, picture: Picture) -> Fraction | None:
        """The shape of a picture's pixels, or None where it is that of the file."""
        return pixel_aspect(picture.pixel_aspect) if self._is_shape_of_pictures else None

    def _describe(self, first: Any) -> VideoInfo:
        stream, container, geometry = self._stream, self._container, self._geometry
        average, base = stream.average_rate, stream.guessed_rate or stream.base_rate
        width, height = geometry.size
        light = () if self._mapper is None else (self._mapper.light.adjustment,)
        return VideoInfo(
            path=self.path,
            sha256="",
            width=width,
            height=height,
            rotation_deg=90 * geometry.orientation.quarter_turns,
            frame_rate=self._frame_rate,
            frame_count=self._promised_frames(),
            duration_s=duration_of(stream, container),
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            variable_frame_rate=bool(average and base and abs(average / base - 1) > 0.02),
            container=container.format.name,
            bit_rate=None,
            has_audio=bool(container.streams.audio),
            mirrored=geometry.orientation.mirrored,
            coded_width=geometry.coded_width,
            coded_height=geometry.coded_height,
            adjustments=(*self._choice.adjustments, *light, *geometry.adjustments()),
        )

    def _promised_frames(self) -> int | None:
        """What the header promises, less what an edit list leaves out."""
        claimed, duration_s = self._stream.frames, duration_of(self._stream, self._container)
        may_be_edited = self._container.format.name.startswith("mov")
        if may_be_edited and claimed and duration_s and claimed > duration_s * self._frame_rate + 1:
            shown = sum(not entry.is_discard for entry in self._stream.index_entries)
            return shown or claimed
        return claimed or None

    def _frame(self, index: int, picture: Picture) -> Frame:
        if self._mapper is not None:
            image: Image = self._mapper.image(picture.frame)
        else:
            image = picture.frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        image, fitted = self._geometry.apply(image, self._own_aspect(picture))
        self._fitted += fitted
        return Frame(index, picture.time_s, image, picture.is_damaged)

    def _finish(self, times_s: NDArray[np.float64]) -> None:
        """Put into info what only the whole clip can tell."""
        counts = PassCounts(self._tally, self._clock, self._fields.frames, self._fitted)
        tick_s = float(self._stream.time_base or 0)
        self.info = after_one_pass(self.info, times_s, counts, tick_s)


def _middles(start_s: float, end_s: float, count: int) -> list[float]:
    """The times in the middle of `count` equal parts of what lies between two times."""
    return [start_s + (end_s - start_s) * (number + 0.5) / count for number in range(count)]


def _in_the_middle(count: int, expected: int, pictures: Iterator[Picture]) -> Iterator[Picture]:
    """The pictures in the middle of `count` equal parts of a clip of `expected` pictures, all of one that has no more
    than `count`; where fewer come than expected, at least the last one."""
    wanted = {int(middle) for middle in _middles(0, expected, min(count, max(1, expected)))}
    last, is_taken = None, False
    for number, last in enumerate(pictures):
        if number in wanted:
            yield last
            is_taken = True
    if last is not None and not is_taken:
        yield last
