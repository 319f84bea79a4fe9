"""The frame that is shown at a time, whatever the container: after a seek the decoder's own times decide."""

import bisect
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import av

from deepfake.video.decoding import Picture
from deepfake.video.opening import choose_stream, open_container
from deepfake.video.timing import MAX_STREAM_GAP_S

logger = logging.getLogger(__name__)

UNSEEKABLE: Final = frozenset({"h264", "hevc", "m4v", "mpegvideo"})  # raw streams have no timestamps to seek by
# Formats whose clock cannot jump: they store how long each picture lasts.
STEADY_CLOCKS: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})
# How far before the wanted time decoding begins, seconds: first where an index leads to a key frame, then further.
BACK_S: Final = (0.0, 1.0, 4.0, 16.0)
TIME_TOLERANCE_S: Final = 1e-6
# Frames that have to be known before the wanted one: the one before it, and what deinterlacing looks at before that.
FRAMES_BEFORE: Final = 2
# More pictures before the first key frame, and the seek has led to none: of clips with intra refresh the index calls
# pictures key frames that the decoder does not.
MAX_LEADING: Final = 64
MAX_REORDERED: Final = 16  # pictures that are decoded after one and shown before it: H.264 and H.265 allow no more
VP8_SHOW_FRAME: Final = 0x10  # in the first byte of a picture, RFC 6386 section 9.1
INDEXED_PART: Final = 0.9  # of the duration: what an index covers that is believed to be whole


class Shown:
    """The picture shown at a time and the one before it, found in one walk over pictures in their order."""

    def __init__(self, timestamp_s: float) -> None:
        self._wanted_s = timestamp_s
        self.before: Picture | None = None
        self.current: Picture | None = None
        self.seen = 0

    def take(self, pictures: Iterator[Picture]) -> "Shown":
        """Walk until the first picture after the wanted time, or to the end."""
        for picture in pictures:
            if self.current is not None and picture.time_s > self._wanted_s + TIME_TOLERANCE_S:
                break
            self.before, self.current = self.current, picture
            self.seen += 1
        return self

    @property
    def is_certain(self) -> bool:
        """Return whether enough pictures before the shown one were seen to know both as one pass gives them."""
        if self.current is None or self.current.time_s > self._wanted_s + TIME_TOLERANCE_S:
            return False
        # What is missing in a damaged picture is filled from what was decoded before it.
        damaged = self.current.is_damaged or (self.before is not None and self.before.is_damaged)
        return self.seen > FRAMES_BEFORE and not damaged


def from_key_frame(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Yield pictures from the first key frame on that the decoder gives: what it gives before that refers to pictures
    that were not decoded. None where more than MAX_LEADING come before it."""
    found = False
    for number, picture in enumerate(pictures):
        found = found or (picture.frame.key_frame and not picture.is_damaged)
        if found:
            yield picture
        elif number == MAX_LEADING:
            return


def shown_at(
    timestamp_s: float, seek: Callable[[float], Iterator[Picture] | None], restart: Callable[[], Iterator[Picture]]
) -> Shown:
    """Return the picture shown at a time: of the seeks from near to far the first that is certain, else from the start.

    seek: goes to a time and returns the pictures from there on, with their times, or None where it cannot. restart:
    returns all pictures.
    """
    for back_s in BACK_S:
        start_s = timestamp_s - back_s
        if start_s <= 0:
            break
        pictures = seek(start_s)
        if pictures is None:
            break
        shown = Shown(timestamp_s).take(pictures)
        if shown.is_certain:
            return shown
    return Shown(timestamp_s).take(restart())


def spread(
    times_s: Sequence[float],
    most: int,
    seek: Callable[[float], Iterator[Picture] | None],
    decoded: Callable[[], int],
    key_frames_s: Sequence[float] = (),
) -> Iterator[Picture | None]:
    """Yield pictures near increasing times, in their order, and None where nothing new is found; nothing where the file
    cannot be sought in.

    Of each time, about `most` pictures are decoded: where they do not reach it, the last of them is taken. Decoding
    goes on from one time to the next where no key frame lies between them. seek: as for shown_at. decoded: returns how
    many pictures were decoded so far. key_frames_s: increasing; empty where they are not known.
    """
    run: Iterator[Picture] | None = None
    latest_s, before = -1.0, decoded()
    for number, time_s in enumerate(times_s):
        key = bisect.bisect_right(key_frames_s, time_s) - 1
        if run is None or not key_frames_s or (key >= 0 and key_frames_s[key] > latest_s):
            run = seek(time_s)
            if run is None:
                return
        found = None
        for picture in run:
            if picture.time_s > latest_s:
                found, latest_s = picture, picture.time_s
            if latest_s >= time_s or decoded() - before >= (number + 1) * most:
                break
        yield found


def first_after(times_s: Sequence[float], pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Yield of pictures in their order the first at or after each of increasing times; none twice."""
    number = 0
    for picture in pictures:
        if picture.time_s >= times_s[number]:
            yield picture
            number = bisect.bisect_right(times_s, picture.time_s)
            if number == len(times_s):
                return


def key_frames(stream: Any, start_s: float, duration_s: float = 0.0) -> list[float]:
    """Return about when the key frames are shown, seconds, by the index of the file.

    [] without an index that reaches to about the end: of a fragmented file, FFmpeg knows only the fragments that it has
    been to. start_s: of the first picture, on the file's own clock.
    """
    base_s = float(stream.time_base or 0)
    entries = [(entry.timestamp * base_s - start_s, entry.is_keyframe) for entry in stream.index_entries]
    if not entries or max(entries)[0] < INDEXED_PART * duration_s:
        return []
    return sorted(time_s for time_s, is_key in entries if is_key)


def can_seek(path: Path, container: Any, stream: Any) -> bool:
    """Return whether a time in the file means one moment of the clip: it states its times, and its clock runs on."""
    name = container.format.name
    if stream.time_base is None or name in UNSEEKABLE:
        return False
    if name == "avi":  # it counts packets: where pictures are reordered, that is not when they are shown
        return not stream.codec_context.has_b_frames
    if name in STEADY_CLOCKS:
        return True
    status = path.stat()
    return _clock_runs_on(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _clock_runs_on(path: Path, size: int, version: int) -> bool:
    """Read the packets' times (nothing is decoded): whether the clock neither jumps back or far ahead nor stands still,
    which one pass over the clip mends.

    No picture before a key frame in the file is shown after it, whatever the order within.
    """
    del size, version  # of the file: what makes a kept answer hold
    latest_s = None
    with open_container(path) as container:
        stream = choose_stream(container, path).stream
        is_in_order, is_vp8 = not stream.codec_context.has_b_frames, stream.codec_context.name == "vp8"
        recent: deque[int] = deque(maxlen=MAX_REORDERED)
        try:
            for packet in container.demux(stream):
                if packet.pts is None or (is_vp8 and _is_hidden(packet)):
                    continue
                time_s = float(packet.pts * packet.time_base)
                step_s = 0.0 if latest_s is None else time_s - latest_s
                jumps = latest_s is not None and packet.is_keyframe and not 0 < step_s <= MAX_STREAM_GAP_S
                if jumps or packet.pts in recent or (is_in_order and step_s < 0):
                    return False
                recent.append(packet.pts)
                latest_s = time_s if latest_s is None else max(latest_s, time_s)
        except av.FFmpegError:
            logger.info("%s: its packets end with an error", path, exc_info=True)
    return True


def _is_hidden(packet: Any) -> bool:
    """Whether a packet of VP8 only helps to decode others: it has the time of the next one, and is not shown."""
    return packet.size > 0 and not memoryview(packet)[0] & VP8_SHOW_FRAME
