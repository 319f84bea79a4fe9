"""The card: the answer in plain words, its reasons, the faces that it rests on, how often it is right, what helps."""

from collections.abc import Callable

import streamlit as st

from deepfake.analysis.evidence import SCORE, Direction, Evidence
from deepfake.analysis.model import Analysis
from deepfake.analysis.moments import MomentPicture, suspicious_rows
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.dashboard.address import open_page
from deepfake.dashboard.analyze.tabs import TABS, tab_of
from deepfake.dashboard.browser import announce
from deepfake.dashboard.clip_choice import set_choice
from deepfake.dashboard.navigation import COMPARE, METHODS
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.state import compare_page
from deepfake.dashboard.text import plain, unbroken
from deepfake.dashboard.verdict_style import VERDICT_LOOKS, answer_markdown
from deepfake.detectors import DEFAULT_CLASSIFIER, classifier_title
from deepfake.report.card import (
    ANSWER_WORDS,
    STEP_WORDS,
    StepCode,
    card_reasons,
    next_steps,
    rate_sentence,
    strength_text,
)
from deepfake.report.file_wording import declared_sentences
from deepfake.report.wording import (
    KNOWN_CLIP,
    directed_sentences,
    has_rates,
    is_known_clip,
    limits_of,
    person_name,
    reason_sentences,
)
from deepfake.words import counted, format_time, score_text

MAX_PERSON_BADGES = 6
# Steps that a tab of the page is for, and their icons.
STEP_TABS: dict[StepCode, tuple[str, str]] = {
    "recompress": ("recompress", ":material/compress:"),
    "moments": ("evidence", ":material/search_insights:"),
}
STEP_ICONS: dict[StepCode, str] = {
    "better_copy": ":material/high_quality:",
    "other_part": ":material/content_cut:",
    "face_detector": ":material/tune:",
    "classifier": ":material/tune:",
}
# What a reason speaks for, by an icon; its sentence says it in words.
DIRECTION_ICONS: dict[Direction, str] = {
    "for": ":material/add_circle:",
    "against": ":material/do_not_disturb_on:",
    "limits": ":material/info:",
}
# The answer is the largest thing on the page but its title. Streamlit centers the words of a button, which nobody can
# read over several lines; of a pressed one and of an open popover it darkens the words, on a dark page out of sight.
CARD_STYLE = """<style>
.st-key-verdict h2 { font-size: 1.75rem; padding-top: 0; }
.st-key-verdict button:active, .st-key-verdict button[aria-expanded="true"] { color: inherit; }
.st-key-reasons button, .st-key-reasons button * { text-align: left; justify-content: flex-start; }
.st-key-reasons button { align-items: flex-start; padding-block: 0.25rem; min-height: 0; }
</style>"""
# On a narrow screen Streamlit puts columns below each other: three faces would fill three screens. The button of a
# moment takes clicks on its face as well.
MOMENTS_STYLE = """<style>
.st-key-moments [data-testid="stHorizontalBlock"] { flex-wrap: nowrap; }
.st-key-moments [data-testid="stColumn"] { min-width: 0; flex: 1 1 0; position: relative; }
.st-key-moments [class*="st-key-banner-moment-"], .st-key-moments [class*="st-key-banner-moment-"] * {
  position: static;
}
.st-key-moments [data-testid="stBaseButton-tertiary"]::after { content: ""; position: absolute; inset: 0; }
.st-key-moments [data-testid="stElementToolbar"] { z-index: 1; }
</style>"""


def draw_banner(
    ready: ReadyAnalysis,
    *,
    on_tab: Callable[[str], None],
    on_reason: Callable[[Evidence], None],
    on_moment: Callable[[int, float], None],
) -> None:
    """Draw the answer with its strength, up to three reasons, its measured rate, and its three strongest moments.

    Args:
        ready: the analysis of a clip.
        on_tab: opens a tab, by its name.
        on_reason: opens the tab that shows a reason.
        on_moment: goes to a moment of a person: track_id and time, seconds.
    """
    analysis = ready.analysis
    verdict = analysis.verdict
    announce(f"{ANSWER_WORDS[verdict.answer]}. {strength_text(verdict).lstrip('●○ ')}", place="verdict")
    with st.container(border=True, key="verdict", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"## {answer_markdown(verdict.answer)}", width="content")
            _draw_strength(verdict)
            _draw_badges(analysis, ready.clip)

        for sentence in declared_sentences(analysis.video):
            st.warning(plain(sentence), icon=":material/smart_toy:")

        def on_step(step: StepCode) -> None:
            if step == "moments":
                _go_to_highest(analysis, on_moment)
            on_tab(STEP_TABS[step][0])

        if verdict.most_suspicious is None:
            _draw_words(ready, on_step, on_reason)
            return
        words, pictures = st.columns([3, 2], gap="medium")
        with words:
            _draw_words(ready, on_step, on_reason)
        with pictures:
            _draw_moments(ready, on_moment)


def _draw_strength(verdict: Verdict) -> None:
    text = unbroken(strength_text(verdict))
    if text:
        # Quiet: a number that decides nothing must not look like an answer.
        st.markdown(f":gray[{text}]" if verdict.answer == "INCONCLUSIVE" else f"**{text}**", width="content")


def _go_to_highest(analysis: Analysis, on_moment: Callable[[int, float], None]) -> None:
    track_id = analysis.verdict.most_suspicious
    trace = None if track_id is None else analysis.trace(SCORE, track_id)
    if track_id is not None and trace is not None:
        for row in suspicious_rows(trace, 1):
            on_moment(track_id, float(trace.timestamps_s[row]))


def _draw_words(
    ready: ReadyAnalysis, on_step: Callable[[StepCode], None], on_reason: Callable[[Evidence], None]
) -> None:
    analysis = ready.analysis
    verdict = analysis.verdict
    _draw_reasons(verdict, on_reason)
    _draw_steps(next_steps(verdict), ready.clip, on_step)
    rate = rate_sentence(analysis)
    if rate:
        st.caption(rate)
    with st.container(horizontal=True, gap="medium"):
        _draw_numbers(verdict)
        _draw_limits(analysis)


def _draw_reasons(verdict: Verdict, on_reason: Callable[[Evidence], None]) -> None:
    """Each reason is a button: the keyboard reaches it, and a screen reader says the sentence."""
    with st.container(gap=None, key="reasons"):
        st.html(CARD_STYLE)
        for number, reason in enumerate(card_reasons(verdict)):
            st.button(
                plain(reason.sentence),
                key=f"banner-reason-{number}",
                help=f"Opens the tab {TABS[tab_of(reason.evidence)]}",
                on_click=on_reason,
                args=(reason.evidence,),
                type="tertiary",
                icon=DIRECTION_ICONS[reason.direction],
                wrap=True,
            )


def _draw_steps(steps: tuple[StepCode, ...], clip: ClipChoice, on_step: Callable[[StepCode], None]) -> None:
    if not steps:
        return
    with st.container(gap=None, key="next-steps"):
        st.markdown("**What can help**")
        for step in steps:
            if step == "compare":
                if st.button(STEP_WORDS[step], key="banner-compare", icon=":material/compare:", type="tertiary"):
                    set_choice(compare_page(), clip.source_id, clip.key)
                    open_page(COMPARE)
            elif step in STEP_TABS:
                icon = STEP_TABS[step][1]
                st.button(
                    STEP_WORDS[step], key=f"banner-{step}", icon=icon, type="tertiary", on_click=on_step, args=(step,)
                )
            else:
                st.markdown(f"{STEP_ICONS[step]} {STEP_WORDS[step]}")


def _draw_numbers(verdict: Verdict) -> None:
    with st.popover("Numbers", icon=":material/123:", type="tertiary"):
        if verdict.told_probability is not None:
            st.markdown(unbroken(score_text(verdict.told_probability, verdict.interval)))
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in directed_sentences(verdict)))


def _draw_limits(analysis: Analysis) -> None:
    limits = limits_of(analysis.config.classifier, with_rates=has_rates(analysis))
    with st.popover("What this cannot tell", icon=":material/info:", type="tertiary"):
        st.markdown("\n".join(f"- {sentence}" for sentence in limits))
        if st.button("How it is computed, and the papers", icon=":material/menu_book:", type="tertiary"):
            open_page(METHODS)


def _draw_moments(ready: ReadyAnalysis, on_moment: Callable[[int, float], None]) -> None:
    moments = ready.moments_when_ready(place="moments")
    if moments is None or moments.track_id is None or not moments.pictures:
        return
    several = len(ready.analysis.tracks) > 1
    whose = f" of {person_name(moments.track_id)}" if several else ""
    with st.container(gap="small", key="moments"):
        st.html(MOMENTS_STYLE)
        st.caption(f"Moments{whose} that score highest")
        for picture, column in zip(moments.pictures, st.columns(len(moments.pictures), gap="small"), strict=True):
            with column:
                _draw_moment(moments.track_id, picture, on_moment)


def _draw_moment(track_id: int, picture: MomentPicture, on_moment: Callable[[int, float], None]) -> None:
    time = format_time(picture.timestamp_s)
    drawn = "the face" if picture.looked is None else "the face with what speaks for a fake (orange) and against (teal)"
    st.image(picture.looked or picture.face, width="stretch", alt=f"{drawn} at {time}")
    st.button(
        time,
        key=f"banner-moment-{picture.frame_index}",
        help=f"Go to this moment: P(fake) {picture.probability_fake:.2f} of this picture alone",
        on_click=on_moment,
        args=(track_id, picture.timestamp_s),
        type="tertiary",
    )


def _draw_badges(analysis: Analysis, clip: ClipChoice) -> None:
    with st.container(horizontal=True, gap="small", width="content"):
        _draw_persons(analysis)
        _draw_classifier(analysis.config.classifier)
        if clip.label is not None:
            st.badge(
                f"labeled {plain(clip.label)}",
                icon=":material/sell:",
                color="green" if clip.label == "REAL" else "orange",
                help="What the data set says of the clip. The verdict does not know it.",
            )

        if is_known_clip(analysis):
            st.badge(
                "seen in training: proves little",
                icon=":material/school:",
                color="orange",
                help=KNOWN_CLIP,
            )


def _draw_classifier(name: str) -> None:
    if name != DEFAULT_CLASSIFIER:
        st.badge(
            f"by {plain(classifier_title(name))}",
            icon=":material/tune:",
            color="gray",
            help="Another classifier than the usual one was chosen in the settings of the analysis.",
        )


def _draw_persons(analysis: Analysis) -> None:
    people, judged = len(analysis.tracks), analysis.verdict.tracks
    if people == 0:
        return
    if len(judged) < 2:
        st.badge(
            counted(people, "person"),
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
    numbers = score_text(track.told_probability, track.interval)
    st.badge(
        f"{person_name(track.track_id)} {look.person}",
        icon=look.icon,
        color=look.color,
        help="\n".join([f"{numbers}.  " if numbers else "", *map(plain, reason_sentences(track))]).strip(),
    )
