"""A kept analysis without its clip: verdict, curves, tables and downloads; no pictures."""

import re
from pathlib import Path

import streamlit as st

from deepfake.analysis.model import Analysis
from deepfake.dashboard.address import open_page
from deepfake.dashboard.charts import draw_chart
from deepfake.dashboard.clip_choice import set_choice
from deepfake.dashboard.file_tab import draw_export, draw_file
from deepfake.dashboard.history.rows import Place, places_of, shown_name, why_unavailable
from deepfake.dashboard.navigation import ANALYSIS_PARAMETER, ANALYZE
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.selection import choose_person, chosen_person
from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.state import analyze_page, history_page, runtime
from deepfake.dashboard.text import plain, unbroken
from deepfake.dashboard.verdict_style import answer_markdown
from deepfake.dashboard.visitor import owner
from deepfake.figures.scores import score_figure
from deepfake.figures.timeline import timeline_figure
from deepfake.report.wording import notes_of, reason_sentences
from deepfake.store import AnalysisSummary
from deepfake.words import score_text

REFERENCE = re.compile(r"([0-9a-f]{64})-([0-9a-f]{16})")


def draw_stored(reference: str) -> None:
    """Draw the kept analysis that the URL names, with a way back to the list."""
    if st.button("All analyses", key="history-back", icon=":material/arrow_back:", type="tertiary"):
        del st.query_params[ANALYSIS_PARAMETER]
        st.rerun()
    match = REFERENCE.fullmatch(reference)
    found = None if match is None else _kept(*match.groups())
    if found is None:
        st.warning("The address names an analysis that is not kept here.", icon=":material/link_off:")
        return
    row, analysis = found
    place = places_of([row]).get(row.id)
    name = shown_name(row, place)
    _draw_why(row, place, name)
    path = Path(name)
    clip = ClipChoice(path, name, row.sha256, None, history_page().name)
    draw_found(ReadyAnalysis(clip, analysis.with_path(path), path, f"{row.sha256}-{row.fingerprint}"))


def draw_found(ready: ReadyAnalysis) -> None:
    """Draw an analysis without its clip: verdict, warnings, curves, tables and downloads."""
    _draw_verdict(ready.analysis, ready.clip.name)
    for warning in notes_of(ready.analysis):
        st.warning(plain(warning), icon=":material/warning:")
    _draw_curves(ready)
    draw_file(ready)
    draw_export(ready)


def _kept(sha256: str, fingerprint: str) -> tuple[AnalysisSummary, Analysis] | None:
    store = runtime().store
    visitor = owner()
    row = store.ask(lambda kept: kept.summaries([sha256], fingerprint, owner=visitor).get(sha256), None)
    analysis = store.ask(lambda kept: kept.get(sha256, fingerprint), None)
    return None if row is None or analysis is None else (row, analysis)


def _draw_why(row: AnalysisSummary, place: Place | None, name: str) -> None:
    if place is None or place.name is None:
        st.info(
            f"{plain(why_unavailable(place))} This is what was found when it was analyzed, without pictures.",
            icon=":material/image_not_supported:",
        )
        return
    st.info(
        f"This was found by version {plain(row.software_version)} with settings or weights other than those in force, "
        "or the file has changed since. It is shown as it was kept, without pictures.",
        icon=":material/history:",
    )
    if st.button(f"Analyze {plain(name)} as it is now", key="history-anew", icon=":material/frame_inspect:"):
        set_choice(analyze_page(), place.source.source_id, place.name)
        open_page(ANALYZE, clip=f"{place.source.source_id}/{place.name}")


def _draw_verdict(analysis: Analysis, name: str) -> None:
    verdict = analysis.verdict
    with st.container(border=True, gap="small", key="stored-verdict"):
        st.markdown(f"**{plain(name)}**")
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"## {answer_markdown(verdict.answer)}", width="content")
            text = unbroken(score_text(verdict.told_probability, verdict.interval))
            st.markdown(text or ":gray[no probability]", width="content")
        st.markdown("\n".join(f"- {plain(reason)}" for reason in reason_sentences(verdict)))


def _draw_curves(ready: ReadyAnalysis) -> None:
    analysis = ready.analysis
    page = history_page()
    track_id = chosen_person(page, analysis, ready.key)
    choose_person(page, analysis)
    for figure, key, alt in (
        (score_figure(analysis, track_id), "stored-score", "P(fake) and the similarity of successive frames over time"),
        (timeline_figure(analysis, track_id), "stored-timeline", "Which person is visible when"),
    ):
        draw_chart(figure, key=key, alt=alt)
