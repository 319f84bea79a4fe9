"""How a verdict is drawn: word, icon and colour, and P(fake) with its interval."""

from deepfake.analysis.verdict import VerdictLabel

# Word, icon and colour together: none of them carries the verdict alone.
VERDICT_LOOKS: dict[VerdictLabel, tuple[str, str, str]] = {
    "LIKELY_REAL": ("LIKELY REAL", ":material/verified:", "green"),
    "INCONCLUSIVE": ("INCONCLUSIVE", ":material/help:", "gray"),
    "LIKELY_FAKE": ("LIKELY FAKE", ":material/warning:", "orange"),
}


def probability_text(probability: float | None, interval: tuple[float, float] | None) -> str:
    """Return P(fake) with its 95 % interval in one line, "" where there is none."""
    if probability is None:
        return ""
    return f"P(fake) {probability:.2f}" + ("" if interval is None else f" ({interval[0]:.2f}–{interval[1]:.2f})")
