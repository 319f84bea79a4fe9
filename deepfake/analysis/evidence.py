"""Evidence: a sentence with its number, what it speaks for, and the panel that shows it; and that of the signals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from deepfake.signals.registry import FACE_SIGNALS, SignalInfo, SignalWorth, genuine_values, signal_worth
from deepfake.signals.trace import SignalTrace

Direction = Literal["for", "against", "limits"]
Panel = Literal["faces", "motion", "frames", "similarity", "evidence", "file"]

CHANCE: Final = 0.5  # AUC of a signal that tells nothing
RARE_SHARE: Final = 0.10  # of genuine clips at least as suspicious: at most so many, and a value speaks for a fake
USUAL_SHARE: Final = 0.50  # at least so many, and it speaks against one; in between it says nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one signal, detector or measure of quality says of the clip or of one track.

    signal: which one, by the name of its trace. suspicion: in [0, 1], or None where it gives none. reason: one sentence
    with its number. direction: it speaks "for" a fake, "against" one, or it "limits" what can be said. panel: of the
    page, where it can be looked at. is_weak: it was measured to be little better than chance, or not on all clips.
    """

    signal: str
    track_id: int | None
    suspicion: float | None
    reason: str
    direction: Direction = "limits"
    panel: Panel = "evidence"
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class SignalReading:
    """A signal's statistic of one track, with what is needed to judge it. genuine: f64 (n,), its statistic of genuine
    clips, increasing. worth: how well it alone tells fakes from genuine clips, by set of clips."""

    info: SignalInfo
    value: float
    genuine: NDArray[np.float64]
    worth: tuple[SignalWorth, ...]


def signal_readings(traces: Sequence[SignalTrace], track_id: int) -> tuple[SignalReading, ...]:
    """Return the statistics of every face signal that was measured on a track and long enough for one."""
    by_name = {trace.signal: trace for trace in traces if trace.track_id == track_id}
    found = []
    for signal in FACE_SIGNALS:
        trace = by_name.get(signal.info.name)
        value = float("nan") if trace is None else float(signal().statistic(trace))
        if np.isfinite(value):
            name = signal.info.name
            found.append(SignalReading(signal.info, value, genuine_values(name), signal_worth(name)))
    return tuple(found)


def signal_evidence(readings: Sequence[SignalReading], track_id: int) -> tuple[Evidence, ...]:
    """Return what the signals say of a track, the strongest first.

    A signal has a say where it was better than chance, its 95 % interval clear of an AUC of 0.5, in at least one set
    of clips; where it was not so in all of them it is weak, and comes last. A value speaks for a fake where at most a
    tenth of the genuine clips are as suspicious, against one where at least half are, and is left out in between.
    """
    found = [item for reading in readings if (item := _reading_evidence(reading, track_id)) is not None]
    return tuple(sorted(found, key=lambda item: (item.is_weak, -abs((item.suspicion or 0.0) - 0.5))))


def _reading_evidence(reading: SignalReading, track_id: int) -> Evidence | None:
    side, count = reading.info.suspicious, len(reading.genuine)
    better = [item.interval[0] > CHANCE for item in reading.worth]
    if side is None or count == 0 or not any(better):
        return None
    if side == "high":
        as_suspicious = int(np.sum(reading.genuine >= reading.value))
    else:
        as_suspicious = int(np.sum(reading.genuine <= reading.value))
    share = as_suspicious / count
    if RARE_SHARE < share < USUAL_SHARE:
        return None
    is_weak = not all(better)
    direction: Direction = "for" if share <= RARE_SHARE else "against"
    suspicion = 1 - (as_suspicious + 1) / (count + 1)
    reason = f"{_comparison(reading, as_suspicious)}; {_worth(reading.worth, is_weak=is_weak)}."
    return Evidence(reading.info.name, track_id, suspicion, reason, direction, "evidence", is_weak)


def _comparison(reading: SignalReading, as_suspicious: int) -> str:
    count = len(reading.genuine)
    value = f"{reading.info.title}: {reading.value:.2g}" + (f" {reading.info.unit}" if reading.info.unit else "")
    if as_suspicious <= RARE_SHARE * count:
        than = "higher" if reading.info.suspicious == "high" else "lower"
        return f"{value}, {than} than in {count - as_suspicious} of {count} genuine clips, as in fakes"
    return f"{value}, and {as_suspicious} of {count} genuine clips look at least as suspicious"


def _worth(worth: Sequence[SignalWorth], *, is_weak: bool) -> str:
    low, high = min(item.auc for item in worth), max(item.auc for item in worth)
    measured = f"AUC {low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"AUC {low:.2f} to {high:.2f}"
    return f"alone it {'is a weak signal' if is_weak else 'tells some fakes apart'} ({measured}, 0.5 is chance)"
