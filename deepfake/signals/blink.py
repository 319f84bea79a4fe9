"""Eye openness over time, the blinks in it, and whether there are as many as people have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from deepfake.faces.iris import LEFT_CORNERS, RIGHT_CORNERS, Eye, iris_model
from deepfake.faces.landmarks import Mesh
from deepfake.signals.base import FaceSignal, FaceView, SignalInfo, SignalTrace

MIN_EYE_PX = 12.0  # from corner to corner; below it the lids are a guess
# Of an Eye's lids, the middle of the upper one and what lies under it; the ends by the corners hardly move.
CORNERS: Final = (0, 8)
UPPER_LID: Final = slice(10, 15)
LOWER_LID: Final = slice(2, 7)

OPEN_WINDOW_S = 2.0  # the open eye is the 90th percentile of so long on either side
BLINK_MIN_DEPTH = 0.3  # of the open eye; looking down closes it by as much, but not for so short a time
BLINK_MAX_S = 0.6  # longer than the longest blink of 0.4 s and the frames beside it: eyes shut or looking down

# Doughty 2001, "Consideration of three types of spontaneous eyeblink activity in normal humans", Optometry and Vision
# Science 78: 95% intervals of 8.0 to 21.0 blinks per minute in people who look ahead and 10.5 to 32.5 in conversation.
# Readers have 1.4 to 14.4: someone who reads from a screen may lie below the range.
USUAL_PER_MINUTE: Final = (8.0, 32.5)
# Someone at rest, 17 blinks per minute (Bentivoglio et al. 1997, Movement Disorders 12), goes so long without a blink
# once in twenty times if blinks came at random: 60 · ln(20) / 17.
MIN_MEASURED_S = 10.6

BlinkRate = Literal["too short", "fewer", "usual", "more"]


@dataclass(frozen=True, slots=True)
class Blink:
    """One blink. start_s, end_s: where it is half as deep as at its deepest; lowest_s: then. depth: how far it closes,
    as a share of the open eye, at most 1."""

    start_s: float
    end_s: float
    lowest_s: float
    depth: float


@dataclass(frozen=True, slots=True)
class BlinkSummary:
    """The blinks of a track. measured_s: how long its eyes were seen. per_minute and interval95, the exact interval of
    a Poisson rate (Garwood 1936): NaN when that is too short. rate: "fewer" and "more" than usual only when the whole
    interval lies beyond the usual range."""

    blinks: tuple[Blink, ...]
    measured_s: float
    per_minute: float
    interval95: tuple[float, float]
    rate: BlinkRate


def eye_openness(eye: Eye) -> float:
    """Return the height of an eye's opening over its width, NaN when it is under 12 px wide.

    About 0.35 wide open to 0.05 shut. The eye aspect ratio of Soukupová & Čech 2016 ("Real-time eye blink detection
    using facial landmarks", CVWW), with five pairs of lid points in place of two.
    """
    width = float(np.linalg.norm(eye.lids[CORNERS[1]] - eye.lids[CORNERS[0]]))
    if not width >= MIN_EYE_PX:
        return float("nan")
    return float(np.linalg.norm(eye.lids[UPPER_LID] - eye.lids[LOWER_LID], axis=1).mean()) / width


def find_blinks(trace: SignalTrace) -> tuple[Blink, ...]:
    """Return the blinks in a trace of eye openness, in order.

    A blink is a dip of at least 0.3 of the open eye that lasts at most 0.6 s at half its depth. One that is under way
    where the trace begins, ends or has a gap is counted when its lowest point was seen.
    """
    from scipy.signal import find_peaks  # imports slowly

    known = np.isfinite(trace.values)
    if known.sum() < 3:
        return ()
    seconds = trace.timestamps_s[known].astype(np.float64)
    step_s = float(np.median(np.diff(seconds)))
    closure = _closure(trace.values[known].astype(np.float64), max(1, round(OPEN_WINDOW_S / max(step_s, 1e-3))))
    # A closure that begins or ends with the trace is a peak too: the trace is closed off by open eyes.
    peaks, found = find_peaks(np.pad(closure, 1), prominence=BLINK_MIN_DEPTH, width=0, rel_height=0.5)
    positions = np.arange(len(seconds))
    starts = np.interp(found["left_ips"] - 1, positions, seconds)
    ends = np.interp(found["right_ips"] - 1, positions, seconds)
    blinks = (
        Blink(float(start), float(end), float(seconds[peak]), float(closure[peak]))
        for start, end, peak in zip(starts, ends, peaks - 1, strict=True)
    )
    return tuple(blink for blink in blinks if blink.end_s - blink.start_s <= BLINK_MAX_S)


def _closure(openness: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return how far the eyes are closed, as a share of the open eye around each value: 0 open, 1 shut."""
    reach = min(reach, len(openness) - 1)
    windows = sliding_window_view(np.pad(openness, reach, constant_values=np.nan), 2 * reach + 1)
    opened = np.nanpercentile(windows, 90, axis=1)
    return np.clip(1 - openness / np.maximum(opened, 1e-6), 0, 1)


def summarize_blinks(trace: SignalTrace) -> BlinkSummary:
    """Return the blinks of a trace of eye openness and how their rate compares with people's."""
    blinks = find_blinks(trace)
    known = np.isfinite(trace.values)
    measured_s = float(_shown_s(trace)[known].sum())
    if measured_s < MIN_MEASURED_S:
        nan = float("nan")
        return BlinkSummary(blinks, measured_s, nan, (nan, nan), "too short")
    low, high = (60 * bound / measured_s for bound in _poisson_interval(len(blinks)))
    rate: BlinkRate = "fewer" if high < USUAL_PER_MINUTE[0] else "more" if low > USUAL_PER_MINUTE[1] else "usual"
    return BlinkSummary(blinks, measured_s, 60 * len(blinks) / measured_s, (low, high), rate)


def _shown_s(trace: SignalTrace) -> NDArray[np.float64]:
    """Return how long each frame is shown, f64 (n,): until the next one. Before a gap, in which the face was not seen,
    and at the end it is the usual time."""
    steps = np.diff(trace.timestamps_s)
    usual = float(np.median(steps)) if len(steps) else 0.0
    return np.append(np.where(np.diff(trace.frame_indices) > 1, usual, steps), usual)[: len(trace.timestamps_s)]


def _poisson_interval(count: int) -> tuple[float, float]:
    """Return the exact 95% interval of the mean of a Poisson variable that was seen to be `count`."""
    from scipy.stats import chi2

    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * count + 2) / 2)


class BlinkSignal(FaceSignal):
    """How far the eyes are open, frame by frame.

    Value: height over width of the opening, mean of both eyes, about 0.05 shut to 0.35 wide open; parts: each eye.
    The lids come from the iris model, as those of the face mesh hardly move in a blink. The statistic is blinks a
    minute, NaN for less than 10.6 s. Li, Chang, Lyu 2018, "In Ictu Oculi", arXiv:1806.02877: fakes that were made from
    photographs of open eyes blinked too seldom.

    When it misleads: people who read or stare blink seldom, most clips are too short to tell, eyes under 12 px wide
    and dark glasses hide blinks, and fakes of today blink as their source does: by benchmarks/signals.py the AUC is
    0.55 [0.46, 0.62] on 50 FaceForensics++ c23 clips. Blinking often is no sign of a fake: the nine real people among
    them have 4 to 85 blinks per minute.
    """

    info = SignalInfo(
        name="eye_openness",
        title="Eyes and blinks",
        unit="",
        quantity="openness",
        measures="How far the eyes are open, the height of their opening over its width, and how often they blink.",
        papers=(
            ("Li, Chang, Lyu 2018, In ictu oculi", "https://arxiv.org/abs/1806.02877"),
            (
                "Soukupová, Čech 2016, Real-time eye blink detection using facial landmarks",
                "https://vision.fe.uni-lj.si/cvww2016/proceedings/papers/05.pdf",
            ),
        ),
        formula=r"\frac{1}{5\,\|c_1 - c_2\|} \sum_{i=1}^{5} \|u_i - l_i\|",
        details=(
            "u and l are points of the upper and the lower lid, c the corners of the eye; the value is the mean of "
            "both eyes, about 0.35 wide open and 0.05 shut.",
            f"A blink is a dip of at least {BLINK_MIN_DEPTH:g} of the open eye that lasts at most {BLINK_MAX_S:g} s.",
        ),
        misleads="Readers blink seldom, most clips are too short to tell, and the fakes of today blink.",
        suspicious="low",
    )
    every_frame = True

    def __init__(self) -> None:
        self._parts: Mapping[str, float] = {}

    def push(self, view: FaceView) -> float:
        """Return the mean openness of the eyes that can be measured at the next crop, or NaN."""
        self._parts = {}
        mesh = view.mesh
        if mesh is None or not _eyes_are_large(mesh):
            return float("nan")
        right, left = (eye_openness(eye) for eye in iris_model().eyes(view.frame.image, mesh))
        self._parts = {"right": right, "left": left}
        measured = [value for value in (right, left) if not np.isnan(value)]
        return sum(measured) / len(measured) if measured else float("nan")

    @property
    def parts(self) -> Mapping[str, float]:
        """The openness of the subject's "right" and "left" eye at the latest crop; none where there was no mesh."""
        return self._parts

    statistic_unit = "blinks per minute"

    def statistic(self, trace: SignalTrace) -> float:
        """Return blinks per minute, NaN for less than 10.6 s."""
        return summarize_blinks(trace).per_minute


def _eyes_are_large(mesh: Mesh) -> bool:
    """Return whether either eye is at least 12 px wide; False where the mesh has no positions."""
    widths = [np.linalg.norm(mesh[a, :2] - mesh[b, :2]) for a, b in (RIGHT_CORNERS, LEFT_CORNERS)]
    return bool(np.max(widths) >= MIN_EYE_PX)
