"""From the packets of one stream to decoded pictures, each once, in presentation order; damage is counted."""

import logging
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

import av

from deepfake.errors import ClipError, LimitError

logger = logging.getLogger(__name__)

MAX_BROKEN_PACKETS: Final = 250  # where more come before the first picture, there is none
B_PICTURE: Final = 3  # FFmpeg's number for a picture that refers to both sides; later ones rarely refer to it
# Streams of network abstraction layer units: their packets hold more than pictures (parameter sets, delimiters), and
# how much more depends on the container. Which unit types are pictures: ITU-T H.264 table 7-1, H.265 table 7-1.
UNIT_CODECS: Final = {"h264": (0x1F, 0, range(1, 6)), "hevc": (0x3F, 1, range(32))}
START_CODE: Final = b"\0\0\1"


class Picture(NamedTuple):
    """One decoded picture as the decoder gives it. order: its number since decoding began. is_damaged: not all of it
    could be restored, or it refers to such a picture. packet_s: where asked for, the decoding time of the packet of the
    same rank in the file, seconds. time_s: from the first picture, as the clock of timing.py says, seconds.
    pixel_aspect: width over height of a pixel as the stream itself states it, None where it does not."""

    frame: Any
    order: int
    is_damaged: bool
    packet_s: float | None = None
    time_s: float = 0.0
    pixel_aspect: Fraction | None = None


@dataclass(slots=True)
class Tally:
    """What was counted while a stream was decoded. picture_bits: of the packets, pictures alone. damaged: pictures, as
    the decoder says; built_on_damage: those that refer to them. left_out: packets that could not be decoded.
    breaks_off: the last packet is cut, or the file ends with an error."""

    pictures: int = 0
    picture_bits: int = 0
    damaged: int = 0
    built_on_damage: int = 0
    left_out: int = 0
    breaks_off: bool = False


def decode(
    packets: Iterator[Any], stream: Any, tally: Tally, max_pixels: int, name: str, *, with_packet_times: bool = False
) -> Iterator[Picture]:
    """Yield the pictures of a stream, and count in tally.

    packets: of the stream, in the order of the file. Holds no reader and no picture that was handed out. name: of the
    file, for messages. Raises LimitError for pictures of more than max_pixels, ClipError when the decoder cannot be
    opened.
    """
    context = stream.codec_context
    if not context.is_open:
        _open(context, max_pixels, name)
    measure = _picture_bytes(context)
    damage = _Damage(tally)
    times_s: deque[float | None] = deque()
    has_begun, broken = False, 0
    aspect: Fraction | None = None
    for packet in _flushing(packets, stream, tally):
        if not packet.is_discard:
            tally.picture_bits += 8 * measure(packet)
        try:
            frames = _decoded(stream, packet)
        except av.FFmpegError:
            _check_size(context, max_pixels, name)
            damage.lost(packet)
            broken += 1
            if not has_begun and broken > MAX_BROKEN_PACKETS:
                return
            continue
        if with_packet_times and packet.size:
            times_s.append(None if packet.dts is None else float(packet.dts * packet.time_base))
        for frame in frames:
            if frame.key_frame or not has_begun:
                # The decoder says it, not the frame, and is ahead of what it gives: a shape begins with a key frame.
                aspect = context.sample_aspect_ratio
            has_begun = True
            _check_size(frame, max_pixels, name)
            order, tally.pictures = tally.pictures, tally.pictures + 1
            packet_s = times_s.popleft() if times_s else None
            yield Picture(frame, order, damage.touches(frame), packet_s, pixel_aspect=aspect)


def _open(context: Any, max_pixels: int, name: str) -> None:
    # FFmpeg asks for this before it allocates a picture; a stream may grow on the way.
    context.options = {**context.options, "max_pixels": str(max_pixels)}
    width, height = context.width, context.height
    try:
        context.open(strict=False)
    except av.FFmpegError as error:
        if width * height > max_pixels:
            raise LimitError(name, over_pixels(width, height, max_pixels)) from error
        raise ClipError(name, f"its pictures ({context.name}) cannot be decoded") from error


def _flushing(packets: Iterator[Any], stream: Any, tally: Tally) -> Iterator[Any]:
    """The packets of a stream and an empty one, which flushes the decoder. A last one that is cut comes after that: it
    would take the good ones before it with it."""
    held = None
    try:
        for packet in packets:
            if held is not None and packet.size:
                yield held
                held = None
            if packet.is_corrupt and packet.size:
                held = packet
            else:
                yield packet
    except av.FFmpegError:
        logger.info("the file ends with an error", exc_info=True)
        tally.breaks_off = True
        yield av.Packet()
    if held is not None:
        tally.breaks_off = True
        if held.is_keyframe:
            stream.codec_context.flush_buffers()
            yield held
            yield av.Packet()


def _decoded(stream: Any, packet: Any) -> list[Any]:
    if packet.size:
        return list(packet.decode())
    try:
        frames = list(stream.codec_context.decode(None))
    except av.EOFError:  # it was flushed before
        return []
    for frame in frames:
        frame.time_base = stream.time_base  # which PyAV takes from a packet
    return frames


def _check_size(item: Any, max_pixels: int, name: str) -> None:
    """item: a frame, or a decoder: one that refuses a size says only that the packet cannot be decoded, and knows the
    size."""
    if item.width * item.height > max_pixels:
        raise LimitError(name, over_pixels(item.width, item.height, max_pixels))


def over_pixels(width: int, height: int, max_pixels: int) -> str:
    """Return what is said of frames that are too large."""
    return (
        f"frames of {width}×{height} px are over the limit of {max_pixels:,} px; "
        "raise max_pixels in deepfake.toml or DEEPFAKE_MAX_PIXELS to allow it"
    )


class _Damage:
    """Tells which pictures are damaged: those of which the decoder says so, and later ones up to the next key frame,
    which refer to them. A damaged picture that refers to both sides is alone: others rarely refer to it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._spreads = False
        self._lost_at = math.inf  # the earliest time of the packets that were lost, in ticks; any, where one has none

    def lost(self, packet: Any) -> None:
        self._tally.left_out += 1
        if self._tally.pictures:  # before the first picture a stream that begins in the middle has nothing to show
            self._lost_at = min(self._lost_at, -math.inf if packet.pts is None else packet.pts)

    def touches(self, frame: Any) -> bool:
        if self._lost_at < math.inf and (frame.pts is None or frame.pts >= self._lost_at):
            self._spreads, self._lost_at = True, math.inf
        if frame.is_corrupt:
            self._tally.damaged += 1
            self._spreads = self._spreads or frame.pict_type != B_PICTURE
            return True
        if frame.key_frame:
            self._spreads = False
        self._tally.built_on_damage += self._spreads
        return self._spreads


def _picture_bytes(context: Any) -> Any:
    """Return what measures a packet in bytes, alike in every container."""
    units = UNIT_CODECS.get(context.name)
    if units is None:
        return lambda packet: packet.size
    extra = bytes(context.extradata or b"")
    if extra[:1] == b"\1":  # avcC, hvcC: units have their length before them
        length_bytes = (extra[4 if context.name == "h264" else 21] & 3) + 1
        return lambda packet: _length_prefixed(bytes(packet), length_bytes, *units)
    return lambda packet: _start_coded(bytes(packet), *units)


def _length_prefixed(data: bytes, length_bytes: int, mask: int, shift: int, pictures: range) -> int:
    total, at = 0, 0
    while at + length_bytes < len(data):
        length = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if length and at < len(data) and (data[at] & mask << shift) >> shift in pictures:
            total += min(length, len(data) - at)
        at += length
    return total


def _start_coded(data: bytes, mask: int, shift: int, pictures: range) -> int:
    total, at = 0, data.find(START_CODE)
    while at >= 0:
        start, at = at + 3, data.find(START_CODE, at + 3)
        unit = data[start : at if at >= 0 else len(data)].rstrip(b"\0")
        if unit and (unit[0] & mask << shift) >> shift in pictures:
            total += len(unit)
    return total
