"""What pages say of any signal: which side is suspicious, and how well it tells fakes apart by itself."""

from collections.abc import Sequence

from deepfake.signals.registry import SignalAuc, is_weak, misleads

SIDES = {
    "high": "High values are the suspicious ones.",
    "low": "Low values are the suspicious ones.",
    None: "Neither high nor low values speak for a fake.",
}


def auc_sentence(measured: Sequence[SignalAuc]) -> str:
    """Return how well a signal by itself tells fakes from real clips, by set of clips."""
    if not measured:
        return "How well it tells fakes from real clips by itself was not measured."
    sets = "; ".join(
        f"{item.clips.replace('ff++', 'FaceForensics++')}: AUC {item.auc:.2f} "
        f"[{item.interval[0]:.2f}, {item.interval[1]:.2f}], {item.real} real and {item.fake} fake clips"
        for item in measured
    )
    if misleads(measured):
        worth = " On some clips it points the wrong way: it speaks neither for nor against a fake."
    else:
        worth = " A weak signal." if is_weak(measured) else ""
    return f"By itself (0.5 is chance): {sets}.{worth}"
