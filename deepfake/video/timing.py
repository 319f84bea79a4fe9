"""When a frame is shown: presentation times from the first frame on, and how many frames per second there are."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deepfake.video.decoding import Picture

VARIABLE_RATE_TOLERANCE: Final = 0.25  # of a frame's duration: container time bases round a constant rate by less
FALLBACK_FRAME_RATE: Final = Fraction(25)  # where a container names none and its frames have no timestamps
# A stated mean is believed where the packets' own steps are within this factor of it: a long pause, or a file that
# counts fields, makes it a number that no part of the clip has.
MEAN_RATE_FACTOR: Final = 1.5
RATE_TOLERANCE: Final = 2.5e-4  # of a rate: what clocks round 30000/1001 by; it differs from 30 by four times as much
MEASURED_PACKETS: Final = 32  # read ahead to see at what pace pictures come
# What FFmpeg's own tool takes for a clock that jumped in a transport or program stream, not for a pause.
MAX_STREAM_GAP_S: Final = 10.0
MAX_REPEATED: Final = 3  # times that one is stated again; a clock that stands still for longer is a broken one
COARSE_CLOCK_SHARE: Final = 1e-3  # a period that is a whole number of ticks, but for this share, is not rounded


@dataclass(slots=True)
class Clock:
    """The clock of one stream.

    period_s: of one frame, seconds. states_times: whether the file states presentation times; without them those of its
    packets, in order, count. may_jump: a gap of more than ten seconds is a jump, not a pause. is_delayed: the encoder
    changed the order of pictures. jumps: filled while pictures are taken: of the file's clock that were closed.
    """

    period_s: float
    states_times: bool = True
    may_jump: bool = False
    is_delayed: bool = False
    jumps: int = 0

    def timed(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        """Yield pictures with their times, seconds from the first one, increasing.

        A time that is missing continues at the clip's pace. A clock that jumps back (pieces that were joined), or far
        ahead where it may, goes on evenly: what comes after the jump is shifted. A single picture with a time out of
        order is put where it would be at the clip's pace, one with the time of the picture before it between that and
        the next; both shift nothing.
        """
        return self._stated(pictures) if self.states_times else self._counted(pictures)

    def _stated(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        max_gap_s = MAX_STREAM_GAP_S if self.may_jump else math.inf
        line: _Line | None = None
        held, following = next(pictures, None), None
        while held is not None:
            raw_s = time_of(held.frame)
            if line is None:
                line = _Line(raw_s)
            elif line.continues(raw_s, max_gap_s) and not (self.may_jump and line.leaves_a_gap(raw_s, self.period_s)):
                line.advance(raw_s)
            else:
                following = next(pictures, None)
                self._mend(line, raw_s, None if following is None else time_of(following.frame), max_gap_s)
            yield held._replace(time_s=line.time_s)
            held, following = following if following is not None else next(pictures, None), None

    def _mend(self, line: "_Line", raw_s: float | None, next_s: float | None, max_gap_s: float) -> None:
        continues = line.continues(raw_s, max_gap_s)
        if continues and (next_s is None or raw_s is None or next_s > raw_s):
            line.advance(raw_s)
        elif raw_s is None or line.is_slip(next_s, self.period_s):
            line.step(self.period_s)
        elif line.repeats(raw_s, next_s, self.period_s):
            line.squeeze(next_s, self.period_s)
        else:  # a jump, or the last picture of a torn piece: those that were to be shown before it are missing
            self.jumps += not continues
            line.jump(raw_s, self.period_s)

    def _counted(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        """Times of a file that states none for its pictures: those of its packets in their order, or at its pace."""
        first_s, previous_s = 0.0, -self.period_s
        for picture in pictures:
            packet_s = picture.packet_s
            if picture.order == 0:
                first_s = packet_s or 0.0
            elif picture.order == 1 and self.is_delayed and packet_s is not None:
                first_s = max(first_s, packet_s - self.period_s)  # empty packets before it are the encoder's delay
            time_s = previous_s + self.period_s
            if picture.order and packet_s is not None and packet_s - first_s > previous_s:
                time_s = packet_s - first_s
            previous_s = time_s
            yield picture._replace(time_s=time_s)


class _Line:
    """Where the clock of the file stands, and the clip's own time."""

    def __init__(self, raw_s: float | None) -> None:
        self.time_s = 0.0
        self._raw_s = raw_s
        self._shift_s = -(raw_s or 0.0)  # from the file's time to the clip's
        self._repeated = 0  # how often the time was stated again

    def continues(self, raw_s: float | None, max_gap_s: float) -> bool:
        return raw_s is not None and self._raw_s is not None and 0 < raw_s - self._raw_s <= max_gap_s

    def leaves_a_gap(self, raw_s: float | None, period_s: float) -> bool:
        return raw_s is not None and self._raw_s is not None and raw_s - self._raw_s > 1.5 * period_s

    def is_slip(self, next_s: float | None, period_s: float) -> bool:
        """Whether the time after one that is out of order is where it would be without it."""
        if next_s is None or self._raw_s is None:
            return False
        return abs(next_s - self._raw_s - 2 * period_s) < period_s / 2

    def repeats(self, raw_s: float, next_s: float | None, period_s: float) -> bool:
        """Whether a picture has the time of the one before it, and the clock goes on after it, or after a few of them,
        so that there is room for it."""
        if raw_s != self._raw_s or next_s is None or next_s < raw_s or self._repeated == MAX_REPEATED:
            return False
        return self._room_until(next_s, period_s) > self.time_s

    def advance(self, raw_s: float | None) -> None:
        assert raw_s is not None
        self.time_s = raw_s + self._shift_s
        self._raw_s, self._repeated = raw_s, 0

    def jump(self, raw_s: float, period_s: float) -> None:
        self.time_s += period_s
        self._raw_s, self._shift_s = raw_s, self.time_s - raw_s

    def squeeze(self, next_s: float | None, period_s: float) -> None:
        """Go halfway to the next time, and leave the file's clock where it is."""
        assert next_s is not None
        self.time_s = (self.time_s + self._room_until(next_s, period_s)) / 2
        self._repeated += 1

    def _room_until(self, next_s: float, period_s: float) -> float:
        """The clip's time until which there is room for a picture whose time is repeated: that of the next one, or
        where that has the same time, a tenth of a period."""
        assert self._raw_s is not None
        return self._raw_s + self._shift_s + (min(next_s - self._raw_s, period_s) or period_s / 10)

    def step(self, period_s: float) -> None:
        self.time_s += period_s
        if self._raw_s is not None:
            self._raw_s += period_s


def time_of(frame: Any) -> float | None:
    """Return a decoded frame's presentation time on its file's clock, seconds, or None."""
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base)


def frame_rate(stream: Any, packets: Sequence[Any]) -> Fraction:
    """Return how many frames per second a stream has.

    The mean that the container states counts where the first packets come at about that pace; else the pace of the
    packets. The same packets in another container have the same rate: what its clock rounds is undone.
    """
    average, base = stream.average_rate, stream.guessed_rate or stream.base_rate
    measured_s = _median_step_s(packets)
    if measured_s is None:
        return _whole(average or base or FALLBACK_FRAME_RATE)
    if average and 1 / MEAN_RATE_FACTOR < float(average) * measured_s < MEAN_RATE_FACTOR:
        return _whole(average)
    if base and 1 / MEAN_RATE_FACTOR < float(base) * measured_s < MEAN_RATE_FACTOR:
        return _whole(base)
    return _whole(Fraction(1 / measured_s).limit_denominator(1001))


def _median_step_s(packets: Sequence[Any]) -> float | None:
    times = sorted(set(stamps)) if (stamps := _stamps(packets)) else []
    if len(times) < 3:
        return None
    return float(statistics.median(after - before for before, after in zip(times, times[1:], strict=False)))


def _stamps(packets: Sequence[Any]) -> list[float]:
    """The decoding times of packets, or their presentation times where those are missing, seconds."""
    shown = [packet for packet in packets if packet.size]
    name = "pts" if any(packet.dts is None for packet in shown) else "dts"
    stamps = [getattr(packet, name) for packet in shown]
    return [float(stamp * packet.time_base) for stamp, packet in zip(stamps, shown, strict=True) if stamp is not None]


def _whole(rate: Fraction) -> Fraction:
    """The common rate next to a rounded one: a whole number of frames per second, or that times 1000/1001."""
    rate = Fraction(rate)
    whole = max(1, round(rate))
    for common in (Fraction(whole), Fraction(round(rate * 1001 / 1000) * 1000, 1001)):
        if common and abs(rate / common - 1) < RATE_TOLERANCE:
            return common
    return rate


def is_variable_rate(timestamps_s: NDArray[np.float64], *, clock_s: float = 0.0, period_s: float | None = None) -> bool:
    """Tell whether frames come at an uneven pace.

    Args:
        timestamps_s: f64 (n,), seconds, increasing.
        clock_s: the tick of the clock that the times were rounded to, seconds; 0 for an exact one. A period that is no
            whole number of ticks may be off by one of them.
        period_s: what the clip says of itself, seconds per frame; without it the median step counts.
    """
    if len(timestamps_s) < 3:
        return False
    steps = np.diff(timestamps_s)
    median = float(np.median(steps))
    if period_s is None or abs(period_s - median) > clock_s + VARIABLE_RATE_TOLERANCE * median:
        period_s = median
    ticks = period_s / clock_s if clock_s > 0 else 0.0
    is_rounded = ticks > 0 and abs(ticks - round(ticks)) > COARSE_CLOCK_SHARE * ticks
    tolerance = max(VARIABLE_RATE_TOLERANCE * period_s, 1.01 * clock_s if is_rounded else 0.0)
    return bool(np.any(np.abs(steps - period_s) > tolerance))
