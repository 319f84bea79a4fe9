"""History on a page: filters whose choice is in the URL, the table, and opening and deleting what is selected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.analysis.verdict import VerdictLabel
from deepfake.dashboard.address import open_page
from deepfake.dashboard.browser import ROW_KEYS
from deepfake.dashboard.clip_choice import choice_of, set_choice
from deepfake.dashboard.grid import draw_page_choice
from deepfake.dashboard.history.rows import Place, history_table, places_of, settings_title, shown_name
from deepfake.dashboard.navigation import ANALYSIS_PARAMETER, ANALYZE
from deepfake.dashboard.state import analyze_page, history_page, runtime, session
from deepfake.dashboard.text import CLIP_WIDTH_PX, cells, height_of, plain
from deepfake.dashboard.verdict_cells import DECLARED_HELP, DECLARED_WIDTH_PX, verdict_badge, verdict_column
from deepfake.dashboard.visitor import owner
from deepfake.errors import DeepfakeError
from deepfake.report.wording import VERDICT_WORDS, named_sentence
from deepfake.store import AnalysisStore, AnalysisSummary, StoredFingerprint, SummaryPage
from deepfake.words import counted

PAGE_ROWS = 50
MAX_ROWS_SHOWN = 15
SEARCH_RANGE_S = (0.2, 5.0)  # that the settings panel can show
MOST_NAMED = 5
# The store finds by label: who was not judged, and where no face was, is among the inconclusive.
FILTER_WORDS: dict[VerdictLabel, str] = {**VERDICT_WORDS, "INCONCLUSIVE": "Inconclusive, not judged, no face"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for. fingerprint: of one set of settings and weights, or None for all."""

    text: str
    verdict: VerdictLabel | None
    fingerprint: str | None

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.verdict or self.fingerprint)

    def find(self, store: AnalysisStore, *, offset: int = 0, limit: int) -> SummaryPage:
        """Return the analyses that pass, the newest first."""
        return store.find(
            text=self.text,
            verdict=self.verdict,
            fingerprint=self.fingerprint,
            owner=owner(),
            offset=offset,
            limit=limit,
        )


def draw_filters(known: Sequence[StoredFingerprint]) -> Filters:
    """Draw the filters and return what they say. known: settings and weights that there are analyses of."""
    by_text, by_verdict, by_settings = st.columns([4, 3, 5], gap="medium", vertical_alignment="bottom")
    text = by_text.text_input(
        "Name contains", key="text", bind="query-params", persist_state="session",
        placeholder="part of a name", type="search",
    )  # fmt: skip
    verdict = by_verdict.selectbox(
        "Verdict", get_args(VerdictLabel), index=None, format_func=FILTER_WORDS.__getitem__, key="verdict",
        bind="query-params", persist_state="session", placeholder="All",
    )  # fmt: skip
    titles = {item.fingerprint: settings_title(item, in_force=AnalysisConfig().fingerprint()) for item in known}
    chosen = None
    if len(known) > 1:
        chosen = by_settings.selectbox(
            "Classifier and version", list(titles), index=None, format_func=lambda value: titles[value], key="settings",
            bind="query-params", persist_state="session", placeholder="All",
            help="Other settings, another version and other weights are analyses of their own.",
        )  # fmt: skip
    return Filters((text or "").strip(), verdict, chosen)


def clear_filters() -> None:
    """Ask for everything again."""
    st.session_state.update(text="", verdict=None, settings=None)


def draw_page(filters: Filters, total: int) -> tuple[SummaryPage, int]:
    """Draw how many there are with the choice of a page; return that page and its number."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        place = st.empty()
        number = draw_page_choice(total, PAGE_ROWS, key="page", of=filters)
    first = (number - 1) * PAGE_ROWS
    nothing = SummaryPage(0, ())
    page = runtime().store.ask(lambda store: filters.find(store, offset=first, limit=PAGE_ROWS), nothing)
    count = counted(total, "analysis", "analyses")
    shown = "" if total <= PAGE_ROWS else f", {first + 1:,} to {first + len(page.rows):,} shown"
    place.markdown(f"**{count}**{' pass the filters' * filters.any}{shown}, newest first", width="content")
    return page, number


def draw_table(page: SummaryPage, key: str) -> list[AnalysisSummary]:
    """Draw the analyses and return those selected."""
    places = places_of(page.rows)
    event = st.dataframe(
        cells(history_table(page.rows, places)),
        key=f"{history_page().key('table')}-{key}",
        hide_index=True,
        height=height_of(min(MAX_ROWS_SHOWN, len(page.rows))),
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="",
        alt=f"{len(page.rows)} kept analyses, the newest first: verdict, clip, P(fake), when, data set",
        column_config={
            "clip": st.column_config.TextColumn(width=CLIP_WIDTH_PX),
            "verdict": verdict_column("What was found. The data set's label is not looked at."),
            "P(fake)": st.column_config.NumberColumn(format="%.2f", width="small"),
            "the file says": st.column_config.TextColumn(help=DECLARED_HELP, width=DECLARED_WIDTH_PX),
            "analyzed": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=st.context.timezone),
            "data set": st.column_config.TextColumn(help="Empty where this server may not open the clip's folder."),
            "length": st.column_config.NumberColumn(format="%.1f s", width="small"),
            "persons": st.column_config.NumberColumn(width="small"),
        },
    )
    chosen = [page.rows[row] for row in event.selection.rows if row < len(page.rows)]
    _draw_selected(chosen, places)
    return chosen


def _draw_selected(chosen: Sequence[AnalysisSummary], places: Mapping[int, Place]) -> None:
    if not chosen:
        st.caption("Select a row to open its analysis; select one or several to delete them.", help=ROW_KEYS)
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="history-selected"):
        if len(chosen) == 1:
            _draw_one(chosen[0], places.get(chosen[0].id))
        else:
            st.markdown(f"**{len(chosen)} analyses selected**", width="content")
        label = "Delete this analysis" if len(chosen) == 1 else f"Delete these {len(chosen)} analyses"
        if st.button(label, key="history-delete", icon=":material/delete:"):
            _confirm_delete(chosen, [shown_name(row, places.get(row.id)) for row in chosen])


def _draw_one(row: AnalysisSummary, place: Place | None) -> None:
    name = shown_name(row, place)
    reason = "" if row.reason is None else named_sentence(row.reason)
    st.markdown(f"**{plain(name)}** {verdict_badge(row)}  \n:small[{plain(reason)}]", width="stretch")
    opens = place is not None and place.name is not None
    if st.button(
        f"Open {plain(name)}",
        key="history-open",
        icon=":material/frame_inspect:",
        type="primary",
        help=None if opens else "The clip cannot be opened here: what was found is shown without pictures.",
    ):
        open_analysis(row, place)


def open_analysis(row: AnalysisSummary, place: Place | None) -> None:
    """Go to Analyze where the clip is there, unchanged, and these settings are in force; else show what is kept."""
    if place is not None and place.name is not None and _chosen_in_analyze(row, place.source.source_id, place.name):
        open_page(ANALYZE, clip=f"{place.source.source_id}/{place.name}")
    st.query_params[ANALYSIS_PARAMETER] = f"{row.sha256}-{row.fingerprint}"
    st.rerun()


def _chosen_in_analyze(row: AnalysisSummary, source_id: str, name: str) -> bool:
    try:
        clip = choice_of(source_id, name)
    except (DeepfakeError, OSError):
        return False
    analysis = runtime().store.ask(lambda store: store.get(row.sha256, row.fingerprint), None)
    if clip is None or clip.sha256 != row.sha256 or analysis is None:
        return False
    config, (low, high) = analysis.config, SEARCH_RANGE_S
    shown = AnalysisConfig(config.face_detector, config.classifier, search_every_s=config.search_every_s)
    if shown.fingerprint() != row.fingerprint or not low <= config.search_every_s <= high:
        return False
    st.session_state["settings-face-detector"] = config.face_detector
    st.session_state["settings-classifier"] = config.classifier
    st.session_state["settings-search"] = config.search_every_s
    set_choice(analyze_page(), source_id, name)
    return True


@st.dialog("Delete kept analyses?", icon=":material/delete:")
def _confirm_delete(rows: Sequence[AnalysisSummary], names: Sequence[str]) -> None:
    listed = "\n".join(f"- {plain(name)}" for name in names[:MOST_NAMED])
    more = f"\n- and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    st.markdown(listed + more)
    st.markdown(
        "The clips stay where they are; the analyses go out of your History."
        if owner()
        else "The clips stay where they are; what was found is deleted for everybody who uses this store, and "
        "analyzing them again takes the whole time."
    )
    with st.container(horizontal=True, gap="small"):
        words = "Delete this analysis" if len(rows) == 1 else f"Delete {len(rows)} analyses"
        if st.button(
            words, key="history-delete-yes", icon=":material/delete:", type="primary", on_click=delete_analyses,
            args=(rows,),
        ):  # fmt: skip
            st.rerun()
        if st.button("Keep", key="history-delete-no", icon=":material/close:"):
            st.rerun()


def delete_analyses(rows: Sequence[AnalysisSummary]) -> None:
    """Delete analyses from the store, and what the server keeps of them besides."""
    visitor = owner()
    deleted = runtime().store.ask(lambda store: store.delete([row.id for row in rows], owner=visitor), None)
    if deleted is None:
        return
    for row in rows:
        runtime().cache.drop_all(f"{row.sha256}-{row.fingerprint}", session().session_id)
    page = history_page()
    page.renew("table")  # a new key of the table lets go of the selection
    page.told = f"{counted(deleted, 'analysis', 'analyses')} deleted"


def tell_done() -> None:
    """Say once what was deleted or saved. Not where it happens: drawing in a dialog's callback breaks the page."""
    page = history_page()
    told, page.told = page.told, None
    if told:
        st.toast(told, icon=":material/check:")
