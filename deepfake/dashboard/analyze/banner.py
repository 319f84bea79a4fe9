"""The answer: the verdict with its word, icon and color, its reasons, and what it cannot tell."""

from collections.abc import Callable
from itertools import islice

import streamlit as st

from deepfake.analysis.evidence import Direction, Evidence
from deepfake.analysis.model import Analysis
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.dashboard.analyze.tabs import TABS, tab_of
from deepfake.dashboard.navigation import METHODS
from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.verdict_style import VERDICT_LOOKS, verdict_markdown
from deepfake.detectors import training_clips
from deepfake.figures import person_name
from deepfake.report.wording import (
    DIRECTION_WORDS,
    KNOWN_CLIP,
    LIMITS_BRIEFLY,
    RULE_BLIND_SPOT,
    limits_of,
    reason_sentences,
    rule_sentence,
    score_text,
)

MAX_REASONS = 3
MAX_PERSON_BADGES = 6
# What a reason speaks for, in words as well as by its icon.
DIRECTION_ICONS: dict[Direction, str] = {
    "for": ":material/add_circle:",
    "against": ":material/do_not_disturb_on:",
    "limits": ":material/info:",
}
# Streamlit centers the words of a button, which nobody can read over several lines.
REASONS_STYLE = """<style>
.st-key-reasons button, .st-key-reasons button * { text-align: left; justify-content: flex-start; }
.st-key-reasons button { align-items: flex-start; padding-block: 0.25rem; min-height: 0; }
</style>"""
RULE_NAME = "A heuristic beside it, no part of the verdict: the notebook's rule"


def draw_banner(
    analysis: Analysis,
    clip: ClipChoice,
    *,
    on_evidence: Callable[[], None],
    on_reason: Callable[[Evidence], None],
) -> None:
    """Draw the verdict, up to three reasons, the rule's numbers, and what the verdict cannot tell.

    on_evidence: opens the tab of the evidence. on_reason: opens the tab that shows a reason.
    """
    verdict = analysis.verdict
    with st.container(border=True, key="verdict", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"## {verdict_markdown(verdict.label)}", width="content")
            _draw_probability(verdict)
            _draw_badges(analysis, clip)
        _draw_reasons(verdict, on_reason)
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            if verdict.probability_fake is not None:
                st.button(
                    "Show the evidence", icon=":material/search_insights:", type="tertiary", key="banner-evidence",
                    on_click=on_evidence,
                )  # fmt: skip
            _draw_limits(analysis.config.classifier)
            st.caption(LIMITS_BRIEFLY, width="content")
        st.caption(f"{RULE_NAME} {rule_sentence(analysis.notebook_rule)}. {RULE_BLIND_SPOT}")


def _draw_reasons(verdict: Verdict, on_reason: Callable[[Evidence], None]) -> None:
    """Each reason is a button: the keyboard reaches it, and a screen reader says the sentence and where it leads."""
    with st.container(gap=None, key="reasons"):
        st.html(REASONS_STYLE)
        told = zip(verdict.reasons, reason_sentences(verdict), strict=True)
        for number, (evidence, reason) in enumerate(islice(told, MAX_REASONS)):
            words = DIRECTION_WORDS[evidence.direction].strip()
            st.button(
                f"{f'**{words}** ' if words else ''}{reason} → {TABS[tab_of(evidence)][0]}",
                key=f"banner-reason-{number}",
                on_click=on_reason,
                args=(evidence,),
                type="tertiary",
                icon=DIRECTION_ICONS[evidence.direction],
                wrap=True,
            )


def _draw_probability(verdict: Verdict) -> None:
    text = score_text(verdict.probability_fake, verdict.interval)
    if not text:
        st.markdown(":gray[no probability: nothing could be scored]", width="content")
    elif verdict.label == "INCONCLUSIVE":
        # Quiet: a number that decides nothing must not look like an answer.
        st.markdown(f":gray[{text}, not enough to decide]", width="content")
    else:
        st.markdown(f"#### {text}", width="content")


def _draw_limits(classifier: str) -> None:
    with st.popover("What this cannot tell", icon=":material/info:", type="tertiary"):
        st.markdown("\n".join(f"- {sentence}" for sentence in limits_of(classifier)))
        if st.button("How it is computed, and the papers", icon=":material/menu_book:", type="tertiary"):
            st.switch_page(METHODS)


def _draw_badges(analysis: Analysis, clip: ClipChoice) -> None:
    with st.container(horizontal=True, gap="small", width="content"):
        _draw_persons(analysis)
        if clip.label is not None:
            st.badge(
                f"labeled {clip.label}",
                icon=":material/sell:",
                color="green" if clip.label == "REAL" else "orange",
                help="What the data set says of the clip. The verdict does not know it.",
            )

        if analysis.video.sha256 in training_clips(analysis.config.classifier):
            st.badge(
                "trained on this clip",
                icon=":material/school:",
                color="gray",
                help=KNOWN_CLIP,
            )


def _draw_persons(analysis: Analysis) -> None:
    people, judged = len(analysis.tracks), analysis.verdict.tracks
    if len(judged) < 2:
        st.badge(
            "no face" if people == 0 else "1 person" if people == 1 else f"{people} persons",
            icon=":material/person:",
            color="gray",
            help="Faces that were followed. Somebody who comes back later counts as another person.",
        )
        return
    # With many people the most suspicious are named, in the order of their numbers.
    ranked = sorted(judged, key=lambda track: -(track.probability_fake or 0.0))[:MAX_PERSON_BADGES]
    for track in sorted(ranked, key=lambda track: track.track_id):
        _draw_person(track)
    rest = [f"{len(judged) - len(ranked)} more judged"] if len(judged) > len(ranked) else []
    if rest:
        st.badge(", ".join(rest), icon=":material/person:", color="gray")


def _draw_person(track: TrackVerdict) -> None:
    look = VERDICT_LOOKS[track.label]
    numbers = score_text(track.probability_fake, track.interval)
    st.badge(
        f"{person_name(track.track_id)} {look.person}",
        icon=look.icon,
        color=look.color,
        help="\n".join([f"{numbers}.  " if numbers else "", *reason_sentences(track)]).strip(),
    )
