"""The answer: the verdict with its word, icon and colour, its reasons, and what it cannot tell."""

import streamlit as st

from deepfake.dashboard.clips import ClipChoice
from deepfake.pipeline import Analysis
from deepfake.verdict import VerdictLabel

MAX_REASONS = 3
# Word, icon and colour together: none of them carries the verdict alone.
VERDICT_LOOKS: dict[VerdictLabel, tuple[str, str, str]] = {
    "LIKELY_REAL": ("LIKELY REAL", ":material/verified:", "green"),
    "INCONCLUSIVE": ("INCONCLUSIVE", ":material/help:", "gray"),
    "LIKELY_FAKE": ("LIKELY FAKE", ":material/warning:", "orange"),
}
RULE_NAME = "Heuristic: the notebook's rule on the similarity (SSIM) of successive frames"
RULE_BLIND_SPOT = "It measures how evenly the picture changes, not whether a face is genuine."
CANNOT_TELL = (
    "The rule measures how evenly the picture changes from frame to frame. It does not look at the face itself: a "
    "well-made fake without flicker passes, and camera shake, a cut or strong compression make a real clip look bad."
)


def draw_banner(analysis: Analysis, clip: ClipChoice) -> None:
    """Draw the verdict, up to three reasons, the rule's numbers, and what the verdict cannot tell."""
    word, icon, colour = VERDICT_LOOKS[analysis.verdict.label]
    probability = analysis.verdict.probability_fake
    chance = "" if probability is None else f" · P(fake) {probability:.2f}"
    with st.container(border=True, key="verdict", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"## :{colour}[{icon} {word}]{chance}", width="content")
            _draw_badges(analysis, clip)
            _draw_limits()
        st.markdown("\n".join(f"- {reason}" for reason in analysis.verdict.reasons[:MAX_REASONS]))
        st.caption(_rule_sentence(analysis))


def _draw_limits() -> None:
    with st.popover("What this cannot tell", icon=":material/info:", type="tertiary"):
        st.markdown(f"{CANNOT_TELL} It does not ask who made a clip, or whether its sound is genuine.")
        if st.button("How it is computed, and the papers", icon=":material/menu_book:", type="tertiary"):
            st.switch_page("pages/methods.py")


def _rule_sentence(analysis: Analysis) -> str:
    rule = analysis.notebook_rule
    if rule.label is None:
        return f"{RULE_NAME} needs at least two frames. {RULE_BLIND_SPOT}"
    # The reasons give the numbers where the rule decided; where it abstained they are still worth knowing.
    decided = any(evidence.signal == "notebook_rule" for evidence in analysis.verdict.evidence)
    numbers = "" if decided else f" (amplitude {rule.amplitude:.3f}, lowest similarity {rule.minimum:.3f})"
    return f"{RULE_NAME} says {rule.label.replace('_', ' ')}{numbers}. {RULE_BLIND_SPOT}"


def _draw_badges(analysis: Analysis, clip: ClipChoice) -> None:
    with st.container(horizontal=True, gap="small", width="content"):
        if analysis.verdict.probability_fake is None:
            st.badge("Heuristic, not calibrated", icon=":material/rule:", color="gray", help=CANNOT_TELL)
        people = len(analysis.tracks)
        st.badge(
            "no face" if people == 0 else "1 person" if people == 1 else f"{people} persons",
            icon=":material/person:",
            color="gray",
            help="Faces that were followed. Somebody who comes back later counts as another person.",
        )
        if clip.label is not None:
            st.badge(
                f"labelled {clip.label}",
                icon=":material/sell:",
                color="green" if clip.label == "REAL" else "orange",
                help="What the data set says of the clip. The verdict does not know it.",
            )
