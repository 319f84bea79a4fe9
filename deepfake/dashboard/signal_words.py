"""What pages say of any signal: which side is suspicious, and how well it tells fakes apart by itself."""

from collections.abc import Sequence

from deepfake.signals.base import SignalInfo
from deepfake.signals.registry import CHANCE, SignalAuc, is_weak, is_worse_than_chance

SIDES = {
    "high": "High values are the suspicious ones.",
    "low": "Low values are the suspicious ones.",
    None: "Neither high nor low values speak for a fake.",
}


def side_sentence(info: SignalInfo, measured: Sequence[SignalAuc]) -> str:
    """Return which side of a signal is the suspicious one."""
    if info.suspicious is not None and measured and not _tells_some(measured):
        return f"{info.suspicious.capitalize()} values were expected in fakes."
    return SIDES[info.suspicious]


def auc_sentence(info: SignalInfo, measured: Sequence[SignalAuc]) -> str:
    """Return how well a signal by itself tells fakes from real clips, by set of clips."""
    if not measured:
        return "How well it tells fakes from real clips by itself was not measured."
    sets = "; ".join(
        f"{item.clips}: AUC {item.auc:.2f} [{item.interval[0]:.2f}, {item.interval[1]:.2f}], "
        f"{item.real} real and {item.fake} fake clips"
        for item in measured
    )
    chance = "0.5 is chance" if info.suspicious else "0.5 is chance, more where fakes have the higher values"
    return f"By itself ({chance}): {sets}.{_worth(info, measured)}"


def _worth(info: SignalInfo, measured: Sequence[SignalAuc]) -> str:
    if info.suspicious is None:
        return ""
    if is_worse_than_chance(measured):
        return " On some clips it points the wrong way: it speaks neither for nor against a fake."
    if not _tells_some(measured):
        return " No better than chance: it speaks neither for nor against a fake."
    return " A weak signal." if is_weak(measured) else ""


def _tells_some(measured: Sequence[SignalAuc]) -> bool:
    """Whether it is better than chance on some clips, and worse on none."""
    return not is_worse_than_chance(measured) and any(item.interval[0] > CHANCE for item in measured)
