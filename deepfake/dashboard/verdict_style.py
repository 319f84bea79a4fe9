"""How a verdict looks on the pages: icons and colors. Its words are in report.wording."""

from dataclasses import dataclass
from typing import Final, Literal

from deepfake.analysis.verdict import Answer
from deepfake.figures.style import COLORS
from deepfake.report.card import ANSWER_MARKS, ANSWER_WORDS


@dataclass(frozen=True, slots=True)
class VerdictLook:
    """How one answer is drawn: icon and color beside the word, so that none of them carries the verdict alone.

    icon: Streamlit's name of it. color: of the theme, by name. chip_color: in a table, where the theme's gray is
    brownish. person: of one person among several, a mark and a word; "" where there is none. mark, words: in
    a table.
    """

    icon: str
    color: Literal["green", "gray", "orange"]
    chip_color: str
    person: str
    mark: str
    words: str

    @property
    def chip(self) -> str:
        """An answer in a table."""
        return f"{self.mark} {self.words}"


QUIET: Final = f"{COLORS['inconclusive']}55"  # translucent, as the chips of the other two are
VERDICT_LOOKS: Final[dict[Answer, VerdictLook]] = {
    "LIKELY_REAL": VerdictLook(
        ":material/search_off:", "green", "green", "○ no signs", ANSWER_MARKS["LIKELY_REAL"], "No signs of a fake"
    ),
    "INCONCLUSIVE": VerdictLook(
        ":material/help:", "gray", QUIET, "◌ unclear", ANSWER_MARKS["INCONCLUSIVE"], "Inconclusive"
    ),
    "LIKELY_FAKE": VerdictLook(
        ":material/warning:", "orange", "orange", "● fake", ANSWER_MARKS["LIKELY_FAKE"], "Likely fake"
    ),
    "NOT_JUDGED": VerdictLook(
        ":material/visibility_off:", "gray", QUIET, "◌ not judged", ANSWER_MARKS["NOT_JUDGED"], "Not judged"
    ),
    "NO_FACE": VerdictLook(":material/person_off:", "gray", QUIET, "", ANSWER_MARKS["NO_FACE"], "No face"),
}


def answer_markdown(answer: Answer) -> str:
    """Return an answer as colored Markdown: icon and words."""
    look = VERDICT_LOOKS[answer]
    return f":{look.color}[{look.icon} {ANSWER_WORDS[answer].upper()}]"
