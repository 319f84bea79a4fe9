"""How a verdict looks on the pages: icons and colors. Its words are in report.wording."""

from dataclasses import dataclass
from typing import Final, Literal

from deepfake.analysis.verdict import Answer, VerdictLabel
from deepfake.figures.style import COLORS
from deepfake.report.card import ANSWER_WORDS


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
    "LIKELY_REAL": VerdictLook(":material/search_off:", "green", "green", "○ no signs"),
    # Translucent, as the other two are.
    "INCONCLUSIVE": VerdictLook(":material/help:", "gray", f"{COLORS['inconclusive']}55", "◌ unclear"),
    "LIKELY_FAKE": VerdictLook(":material/warning:", "orange", "orange", "● fake"),
}
NO_ANSWER_ICONS: Final[dict[Answer, str]] = {
    "NOT_JUDGED": ":material/visibility_off:",
    "NO_FACE": ":material/person_off:",
}


def answer_markdown(answer: Answer) -> str:
    """Return an answer as colored Markdown: icon and words."""
    words = ANSWER_WORDS[answer].upper()
    if answer == "NOT_JUDGED" or answer == "NO_FACE":
        return f":gray[{NO_ANSWER_ICONS[answer]} {words}]"
    look = VERDICT_LOOKS[answer]
    return f":{look.color}[{look.icon} {words}]"
