"""Evidence: one fact about a clip or a person in it, as a code with its numbers; and what the signals give."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from deepfake.signals.base import SignalInfo, SignalTrace
from deepfake.signals.registry import (
    CHANCE,
    FACE_SIGNALS,
    SignalAuc,
    is_weak,
    is_worse_than_chance,
    real_values,
    signal_auc,
)

Direction = Literal["for", "against", "limits"]
# Each of these keeps a person from being judged.
StoppingCode = Literal[
    "unscored",
    "all_damaged",
    "uncalibrated",
    "face_too_small",
    "face_too_blurred",
    "cut_off",
    "face_hidden",
    "face_smoothed",
    "compressed_too_hard",
    "seen_too_briefly",
    "turned_away",
    "hardly_a_face",
    "nothing_moves",
    "a_picture",
]
EvidenceCode = Literal[
    "no_face",
    "no_persons",
    "faces_left_out",
    StoppingCode,
    "score",
    "reals_as_suspicious",
    "fakes_as_low",
    "too_close",
    "too_many_people",
    "seen_in_part",
    "signal_rare",
    "signal_usual",
    "as_kept",
]
STOPPING: Final = frozenset[EvidenceCode](get_args(StoppingCode))
Values = dict[str, int | float | str]  # the numbers of a fact, by name
SCORE: Final = "learned_score"  # the trace of a classifier's P(fake)

RARE_SHARE: Final = 0.10  # of real clips at least as suspicious: at most so many, and a value speaks for a fake
USUAL_SHARE: Final = 0.50  # at least so many, and it speaks against one; in between it says nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact about a clip or about one person in it. `report.wording` has its sentence.

    Attributes:
        code: Which fact.
        signal: What it rests on, by the name of a trace or of a measure of quality.
        track_id: The person, or None where it is about the clip.
        values: Its numbers, by code:

            - score: `probability_fake` over `frames`, of which `share_fake` are above 0.5.
            - reals_as_suspicious: `count` of `of` real calibration examples score at least as high.
            - fakes_as_low: `count` of `of` fake examples score as low, of which the share `at_most` may.
            - too_close: `min_probability_fake` and `at_most_reals` (a share) that a fake needs, `at_most_fakes` (a
              share) that a real one needs. too_many_people: the score is enough for one person alone, but `judged`
              share the rate of false alarms `at_most_reals`.
            - face_too_small: `px` wide, `at_least` px are needed. face_too_blurred: edges smeared by `px` `of_px`,
              `at_most`. cut_off: the share `outside_share` of what the classifier is shown lies outside the picture,
              `at_most`. face_hidden: something else hides the share `hidden_share` of the face, `at_most`.
              face_smoothed: a filter smoothed it with the `probability`, which is not calibrated, `at_most`.
              compressed_too_hard: `bits_per_pixel`, `at_least`; `bit_rate` bit/s where it is known,
              `width` and `height` px, `frame_rate`. seen_too_briefly: `pictures`, `at_least`. turned_away: near
              frontal in the share `frontal_share`, `at_least`; `yaw_deg`, where it was measured, in the middle frame.
              hardly_a_face: `frames` `of` the clip's show one, at least the share `at_least` is needed.
              nothing_moves: all `frames` show the same picture.
            - a_picture: the face is a picture of one: over `seconds` it changes by at most `change` levels of 255.
            - no_persons: `count` of detections that are no person; they are seen from `from_s` to `to_s`, seconds.
            - faces_left_out: `count` of faces that were in one frame besides the `most` that are followed.
            - seen_in_part: `share` of the clip's frames.
            - signal_rare, signal_usual: the `value` of the signal; `count` of `of` real clips are at least as
              suspicious; alone it has an AUC of `auc_low` to `auc_high`.
            - any of an earlier version: its `sentence`; the code is as_kept where it told no more.
        suspicion: In [0, 1], or None where it gives none.
        direction: It speaks "for" a fake, "against" one, or it "limits" what can be said.
        is_weak: Its signal was not better than chance in all sets of clips.
    """

    code: EvidenceCode
    signal: str
    track_id: int | None
    values: Values = field(default_factory=dict)
    suspicion: float | None = None
    direction: Direction = "limits"
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class SignalReading:
    """A signal's statistic of one track, with what is needed to judge it. real: f64 (n,), its statistic of real
    clips, increasing. auc: how well it alone tells fakes from real clips, by set of clips."""

    info: SignalInfo
    value: float
    real: NDArray[np.float64]
    auc: tuple[SignalAuc, ...]


def signal_readings(traces: Sequence[SignalTrace], track_id: int) -> tuple[SignalReading, ...]:
    """Return the statistics of every face signal that was measured on a track and long enough for one."""
    by_name = {trace.signal: trace for trace in traces if trace.track_id == track_id}
    found = []
    for signal in FACE_SIGNALS:
        trace = by_name.get(signal.info.name)
        value = float("nan") if trace is None else float(signal().statistic(trace))
        if np.isfinite(value):
            name = signal.info.name
            found.append(SignalReading(signal.info, value, real_values(name), signal_auc(name)))
    return tuple(found)


def signal_evidence(readings: Sequence[SignalReading], track_id: int) -> tuple[Evidence, ...]:
    """Return what the signals say of a track, the strongest first.

    A signal has a say where it was better than chance, its 95% interval clear of an AUC of 0.5, in at least one set
    of clips, and worse in none; where it was not better in all of them it is weak, and comes last. A value speaks for a
    fake where at most a tenth of the real clips are as suspicious, against one where at least half are, and is left out
    in between.
    """
    found = [item for reading in readings if (item := _reading_evidence(reading, track_id)) is not None]
    return tuple(sorted(found, key=lambda item: (item.is_weak, -abs((item.suspicion or 0.0) - 0.5))))


def _reading_evidence(reading: SignalReading, track_id: int) -> Evidence | None:
    side, count = reading.info.suspicious, len(reading.real)
    if side is None or count == 0 or is_worse_than_chance(reading.auc):
        return None
    if not any(item.interval[0] > CHANCE for item in reading.auc):
        return None
    if side == "high":
        as_suspicious = int(np.sum(reading.real >= reading.value))
    else:
        as_suspicious = int(np.sum(reading.real <= reading.value))
    share = as_suspicious / count
    if RARE_SHARE < share < USUAL_SHARE:
        return None
    areas = [item.auc for item in reading.auc]
    return Evidence(
        "signal_rare" if share <= RARE_SHARE else "signal_usual",
        reading.info.name,
        track_id,
        {
            "value": reading.value,
            "count": as_suspicious,
            "of": count,
            "auc_low": min(areas),
            "auc_high": max(areas),
        },
        1 - (as_suspicious + 1) / (count + 1),
        "for" if share <= RARE_SHARE else "against",
        is_weak(reading.auc),
    )
