"""How numbers and people are written for readers."""

import math

from deepfake.analysis.evidence import Direction
from deepfake.analysis.verdict import VerdictLabel

VERDICT_WORDS: dict[VerdictLabel, str] = {
    "LIKELY_REAL": "Likely real",
    "INCONCLUSIVE": "Inconclusive",
    "LIKELY_FAKE": "Likely fake",
}
VERDICT_ICONS: dict[VerdictLabel, str] = {"LIKELY_REAL": "✔", "INCONCLUSIVE": "?", "LIKELY_FAKE": "⚠"}
# What a reason speaks for, before its sentence; a limit says so itself.
DIRECTION_WORDS: dict[Direction, str] = {"for": "For a fake: ", "against": "Against a fake: ", "limits": ""}
CAUTION = (
    "P(fake) is calibrated for a world with as many fakes as genuine clips. The detector knows face swaps and "
    "re-enactments like those it was trained on: newer methods, generated people, lips moved by audio and strong "
    "compression can pass it, and soft or heavily processed genuine clips can look suspicious."
)


def format_time(seconds: float) -> str:
    """Return a time as m:ss.ff, hundredths rounded half up; "–" where it is not a number."""
    if not math.isfinite(seconds):
        return "–"
    hundredths = math.floor(abs(seconds) * 100 + 0.5)
    minutes, rest = divmod(hundredths, 6000)
    sign = "-" if seconds < 0 and hundredths else ""
    return f"{sign}{minutes}:{rest // 100:02d}.{rest % 100:02d}"


def person_name(track_id: int) -> str:
    """Return what a track is called for readers: track 0 is person 1."""
    return f"Person {track_id + 1}"
