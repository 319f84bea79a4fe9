"""How a verdict looks on the pages: icons and colors. Its words are in report.wording."""

from dataclasses import dataclass
from typing import Final, Literal

from deepfake.analysis.verdict import VerdictLabel
from deepfake.figures import COLORS
from deepfake.report.wording import VERDICT_WORDS


@dataclass(frozen=True, slots=True)
class VerdictLook:
    """How one verdict is drawn: icon and color beside the word, so that none of them carries the verdict alone.

    icon: Streamlit's name of it. color: of the theme, by name. chip_color: in a table, where the theme's gray is
    brownish. person: of one person among several, a mark and a word.
    """

    icon: str
    color: Literal["green", "gray", "orange"]
    chip_color: str
    person: str


VERDICT_LOOKS: Final[dict[VerdictLabel, VerdictLook]] = {
    "LIKELY_REAL": VerdictLook(":material/verified:", "green", "green", "○ real"),
    # Translucent, as the other two are.
    "INCONCLUSIVE": VerdictLook(":material/help:", "gray", f"{COLORS['inconclusive']}55", "◌ unclear"),
    "LIKELY_FAKE": VerdictLook(":material/warning:", "orange", "orange", "● fake"),
}


def verdict_markdown(label: VerdictLabel) -> str:
    """Return a verdict as colored Markdown: icon and word."""
    look = VERDICT_LOOKS[label]
    return f":{look.color}[{look.icon} {VERDICT_WORDS[label].upper()}]"
