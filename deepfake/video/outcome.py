"""What only a whole pass over a clip can tell of it: its bit rate, its pace, what was mended on the way, a cut end."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.video import boxes
from deepfake.video.decoding import Tally
from deepfake.video.info import Adjustment, VideoInfo
from deepfake.video.timing import Clock, is_variable_rate

MISSING_SHARE: Final = 0.02  # of the promised frames: what containers overstate
MISSING_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class PassCounts:
    """What was counted in one pass. deinterlaced, fitted: frames."""

    tally: Tally
    clock: Clock
    deinterlaced: int
    fitted: int


def after_one_pass(info: VideoInfo, times_s: NDArray[np.float64], counts: PassCounts, clock_tick_s: float) -> VideoInfo:
    """Return what is known of a clip after it was read.

    Args:
        info: as it was when the clip was opened.
        times_s: f64 (n,), of its frames, seconds.
        counts: of the pass.
        clock_tick_s: the smallest step of the file's clock, seconds.
    """
    bits = Fraction(counts.tally.picture_bits, len(times_s))
    return dataclasses.replace(
        info,
        bit_rate=round(bits * info.frame_rate),
        variable_frame_rate=is_variable_rate(times_s, clock_s=clock_tick_s, period_s=float(1 / info.frame_rate)),
        adjustments=(*info.adjustments, *_changes(info, counts), *_end(info, times_s, counts, clock_tick_s)),
    )


def _changes(info: VideoInfo, counts: PassCounts) -> Iterator[Adjustment]:
    tally, clock = counts.tally, counts.clock
    if counts.fitted:
        yield Adjustment("fitted", {"frames": counts.fitted})
    if counts.deinterlaced:
        yield Adjustment("deinterlaced", {"frames": counts.deinterlaced})
    if not clock.states_times:
        yield Adjustment("times_counted", {"frame_rate": round(float(info.frame_rate), 3)})
    if clock.jumps:
        yield Adjustment("times_mended", {"jumps": clock.jumps})
    if tally.damaged or tally.built_on_damage:
        yield Adjustment("damaged_frames", {"damaged": tally.damaged, "built_on_damage": tally.built_on_damage})
    if tally.left_out:
        yield Adjustment("packets_left_out", {"packets": tally.left_out})


def _end(
    info: VideoInfo, times_s: NDArray[np.float64], counts: PassCounts, clock_tick_s: float
) -> Iterator[Adjustment]:
    """Whether the clip ends before it should, and by what that is seen."""
    count, last_s = len(times_s), float(times_s[-1])
    claimed, duration_s = info.frame_count, info.duration_s
    end: dict[str, int | float | str] = {"at_s": round(last_s, 3)}
    reached = count
    if not counts.clock.states_times and clock_tick_s:  # it counts packets, those without a picture as well
        reached = max(count, round(last_s / clock_tick_s) + 1)
    if claimed and reached < claimed * (1 - MISSING_SHARE) - 1:
        yield Adjustment("breaks_off", {**end, "promised_frames": claimed, "frames": count})
        return
    # Matroska states no number of frames, and its duration is that of the longest track.
    may_tell = "matroska" in info.container and not info.has_audio
    if may_tell and duration_s and last_s < duration_s * (1 - MISSING_SHARE) - MISSING_S:
        yield Adjustment("breaks_off", {**end, "promised_s": duration_s})
    elif counts.tally.breaks_off or (info.container.startswith("mov") and boxes.breaks_off(info.path)):
        yield Adjustment("breaks_off", end)
