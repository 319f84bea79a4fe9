"""How numbers and people are written for readers."""

import math

from deepfake.verdict import VerdictLabel

VERDICT_WORDS: dict[VerdictLabel, str] = {
    "LIKELY_REAL": "Likely real",
    "INCONCLUSIVE": "Inconclusive",
    "LIKELY_FAKE": "Likely fake",
}
VERDICT_ICONS: dict[VerdictLabel, str] = {"LIKELY_REAL": "✔", "INCONCLUSIVE": "?", "LIKELY_FAKE": "⚠"}
CAUTION = (
    "This verdict is a heuristic: it measures how steady the picture is from frame to frame, not whether a face is "
    "genuine. A cut or a moving camera can look suspicious to it, and a well-made fake can look real."
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
