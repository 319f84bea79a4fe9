"""The answer: the verdict with its word, icon and colour, its reasons, and what it cannot tell."""

from collections.abc import Callable

import streamlit as st

from deepfake.analysis.evidence import Direction, Evidence
from deepfake.analysis.model import Analysis
from deepfake.analysis.verdict import TrackVerdict, Verdict, VerdictLabel, linked_reasons
from deepfake.dashboard.analyze.panels import PANELS
from deepfake.dashboard.navigation import METHODS
from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.verdict_style import VERDICT_LOOKS, probability_text
from deepfake.detectors import CLASSIFIERS, training_clips
from deepfake.figures import person_name
from deepfake.report.wording import DIRECTION_WORDS

MAX_REASONS = 3
MAX_PERSON_BADGES = 6
PERSON_LOOKS: dict[VerdictLabel, str] = {"LIKELY_REAL": "○ real", "INCONCLUSIVE": "◌ unclear", "LIKELY_FAKE": "● fake"}
# What a reason speaks for, in words as well as by its icon.
DIRECTION_ICONS: dict[Direction, str] = {
    "for": ":material/add_circle:",
    "against": ":material/do_not_disturb_on:",
    "limits": ":material/info:",
}
# Streamlit centres the words of a button, which nobody can read over several lines.
REASONS_STYLE = """<style>
.st-key-reasons button, .st-key-reasons button * { text-align: left; justify-content: flex-start; }
.st-key-reasons button { align-items: flex-start; padding-block: 0.25rem; min-height: 0; }
</style>"""
RULE_NAME = "A heuristic beside it, no part of the verdict: the notebook's rule"
RULE_BLIND_SPOT = "It measures how evenly the picture changes, not whether a face is genuine."
CANNOT_TELL_BRIEFLY = "It can miss forgeries of other kinds, and says nothing of the sound or of who made the clip."
CANNOT_TELL = (
    "P(fake) assumes that fakes are as frequent as genuine clips; its interval holds the choice of frames, not what "
    "the classifier gets wrong about the clip as a whole.",
    "It does not say who made a clip, whether its sound is genuine, or whether the scene is staged.",
)


def draw_banner(
    analysis: Analysis,
    clip: ClipChoice,
    *,
    on_evidence: Callable[[], None],
    on_reason: Callable[[Evidence], None],
) -> None:
    """Draw the verdict, up to three reasons, the rule's numbers, and what the verdict cannot tell.

    on_evidence: opens the panel of the evidence. on_reason: opens the panel that shows a reason.
    """
    verdict = analysis.verdict
    word, icon, colour = VERDICT_LOOKS[verdict.label]
    with st.container(border=True, key="verdict", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"## :{colour}[{icon} {word}]", width="content")
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
            st.caption(CANNOT_TELL_BRIEFLY, width="content")
        st.caption(_rule_sentence(analysis))


def _draw_reasons(verdict: Verdict, on_reason: Callable[[Evidence], None]) -> None:
    """Each reason is a button: the keyboard reaches it, and a screen reader says the sentence and where it leads."""
    with st.container(gap=None, key="reasons"):
        st.html(REASONS_STYLE)
        for number, (reason, evidence) in enumerate(linked_reasons(verdict)[:MAX_REASONS]):
            if evidence is None:
                st.markdown(reason)
                continue
            words = DIRECTION_WORDS[evidence.direction].strip()
            st.button(
                f"{f'**{words}** ' if words else ''}{reason} → {PANELS[evidence.panel][0]}",
                key=f"banner-reason-{number}",
                on_click=on_reason,
                args=(evidence,),
                type="tertiary",
                icon=DIRECTION_ICONS[evidence.direction],
                wrap=True,
            )


def _draw_probability(verdict: Verdict) -> None:
    text = probability_text(verdict.probability_fake, verdict.interval)
    if not text:
        st.markdown(":gray[no probability: nothing could be scored]", width="content")
    elif verdict.label == "INCONCLUSIVE":
        # Quiet: a number that decides nothing must not look like an answer.
        st.markdown(f":gray[{text}, not enough to decide]", width="content")
    else:
        st.markdown(f"#### {text}", width="content")


def cannot_tell(classifier: str) -> tuple[str, ...]:
    """Return what a verdict that rests on a classifier cannot tell, sentences."""
    scorer = CLASSIFIERS.get(classifier)
    if scorer is None:
        return CANNOT_TELL
    rates = ""
    if scorer.calibration is not None:
        rates = (
            f" Of genuine clips like those it was held against, at most {scorer.calibration.false_alarm_rate:.0%} are "
            f"called fake, and of fakes like those, at most {scorer.calibration.miss_rate:.0%} real: yours may not be "
            "like them."
        )
    return (f"{scorer.info.misleads}{rates}", *CANNOT_TELL)


def _draw_limits(classifier: str) -> None:
    with st.popover("What this cannot tell", icon=":material/info:", type="tertiary"):
        st.markdown("\n".join(f"- {sentence}" for sentence in cannot_tell(classifier)))
        if st.button("How it is computed, and the papers", icon=":material/menu_book:", type="tertiary"):
            st.switch_page(METHODS)


def _rule_sentence(analysis: Analysis) -> str:
    rule = analysis.notebook_rule
    if rule.label is None:
        return f"{RULE_NAME} needs at least two frames. {RULE_BLIND_SPOT}"
    numbers = f"amplitude {rule.amplitude:.3f}, lowest similarity {rule.minimum:.3f}"
    return f"{RULE_NAME} says {rule.label.replace('_', ' ')} ({numbers}). {RULE_BLIND_SPOT}"


def _draw_badges(analysis: Analysis, clip: ClipChoice) -> None:
    with st.container(horizontal=True, gap="small", width="content"):
        _draw_persons(analysis)
        if clip.label is not None:
            st.badge(
                f"labelled {clip.label}",
                icon=":material/sell:",
                color="green" if clip.label == "REAL" else "orange",
                help="What the data set says of the clip. The verdict does not know it.",
            )

        if analysis.video.sha256 in training_clips(analysis.config.classifier):
            st.badge(
                "trained on this clip",
                icon=":material/school:",
                color="gray",
                help="The classifier knows this clip. That it is right here says nothing about other clips.",
            )


def _draw_persons(analysis: Analysis) -> None:
    people, judged = len(analysis.tracks), analysis.verdict.tracks
    if len(judged) < 2:
        st.badge(
            "no face" if people == 0 else "1 person" if people == 1 else f"{people} persons",
            icon=":material/person:",
            color="gray",
            help="Faces that were followed. Somebody who comes back later counts as another person. "
            "Glimpses far shorter than the longest are not judged.",
        )
        return
    # With many people the most suspicious are named, in the order of their numbers.
    ranked = sorted(judged, key=lambda track: -(track.probability_fake or 0.0))[:MAX_PERSON_BADGES]
    for track in sorted(ranked, key=lambda track: track.track_id):
        _draw_person(track)
    rest = [f"{len(judged) - len(ranked)} more judged"] if len(judged) > len(ranked) else []
    rest += [f"{people - len(judged)} seen too briefly"] if people > len(judged) else []
    if rest:
        st.badge(", ".join(rest), icon=":material/person:", color="gray",
                 help="Glimpses far shorter than the longest are not judged.")  # fmt: skip


def _draw_person(track: TrackVerdict) -> None:
    _, icon, colour = VERDICT_LOOKS[track.label]
    numbers = probability_text(track.probability_fake, track.interval)
    st.badge(
        f"{person_name(track.track_id)} {PERSON_LOOKS[track.label]}",
        icon=icon,
        color=colour,  # type: ignore[arg-type]
        help="\n".join([f"{numbers}.  " if numbers else "", *track.reasons]).strip(),
    )
