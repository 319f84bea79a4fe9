"""Compare: two clips side by side, a fake and its original, say; one moment for both."""

import streamlit as st

from deepfake.comparison.report import comparison_document, side_by_side
from deepfake.comparison.to_json import comparison_to_dict
from deepfake.dashboard.browser import show_answer
from deepfake.dashboard.charts import draw_how_to_read
from deepfake.dashboard.clip_choice import choose_clip, choose_from_url, keep_url
from deepfake.dashboard.compare.choice import (
    A_PARAMETER,
    B_PARAMETER,
    choose_other,
    draw_sample_pairs,
    draw_swap,
    offer_fakes_of,
)
from deepfake.dashboard.compare.panels import (
    draw_answer,
    draw_difference,
    draw_moments,
    draw_motion,
    draw_panels,
    draw_signals,
)
from deepfake.dashboard.compare.results import ReadyComparison, comparison_when_ready, places_of_both
from deepfake.dashboard.downloads import draw_document_downloads, draw_download, stem_of
from deepfake.dashboard.selection import (
    choose_person,
    chosen_person,
    chosen_time,
    time_chart,
    time_slider,
)
from deepfake.dashboard.sidebar import analysis_config
from deepfake.dashboard.snapshots import cached_frame
from deepfake.dashboard.sources import demo_when_ready
from deepfake.dashboard.state import ComparePage, compare_page, compared_choice, warn_of_store
from deepfake.dashboard.text import plain
from deepfake.dashboard.waiting import show_waiting
from deepfake.errors import DeepfakeError
from deepfake.figures.curves import comparison_figure, cross_similarity_figure
from deepfake.figures.style import LEGEND
from deepfake.report.analysis_json import json_text
from deepfake.report.document import Document
from deepfake.views.stills import jpeg

CHART_HEIGHT_PX = 380


def page() -> None:
    st.title("Compare two clips")
    warn_of_store()
    state, choice = compare_page(), compared_choice()
    choose_from_url(state, A_PARAMETER)
    a = choose_clip(state, label="Clip A")
    keep_url(state, a, A_PARAMETER)
    config = analysis_config()
    if a is None:
        if demo_when_ready():
            draw_sample_pairs(state)
        return
    offer_fakes_of(a, state)
    b = choose_other(a, state, choice)
    keep_url(choice, b, B_PARAMETER)
    if b is None:
        return
    draw_swap(state, choice, a, b)
    if b.sha256 == a.sha256:
        st.info("Both are the same file: it is identical to itself.", icon=":material/content_copy:")
    ready = comparison_when_ready(a, b, config, place=state.name)
    if ready is None:
        show_waiting(state, state.name, *places_of_both(state.name))
        return
    show_answer(state, ".st-key-comparison")
    draw_result(state, ready)


def draw_result(state: ComparePage, ready: ReadyComparison) -> None:
    comparison = ready.comparison
    draw_answer(ready)
    # At first the person who differs most, at the moment of the greatest difference.
    track_id = chosen_person(state, ready.fake.analysis, ready.key, at_first=comparison.main_track)
    times_s = comparison.cross_similarity.timestamps_s
    row, moment_s = chosen_time(state, ready.key, times_s, initial_frame=first_row(ready))
    draw_curves(state, ready, track_id, moment_s)
    choose_person(state, ready.fake.analysis)
    draw_moments(comparison, state)
    time_slider(state, times_s, comparison.cross_similarity.frame_indices)
    try:
        draw_panels(ready, row, track_id)
        where, motion = st.columns([3, 2], gap="medium")
        with where:
            draw_difference(ready, row)
        with motion:
            draw_motion(ready, track_id, state)
        draw_signals(ready, track_id, moment_s, state)
    except DeepfakeError as error:
        st.error(plain(error), icon=":material/error:")
    draw_export(ready, row, state)


def first_row(ready: ReadyComparison) -> int:
    """The moment to begin with: the greatest difference."""
    moments = ready.comparison.moments
    if not moments:
        return 0
    least = min(moments, key=lambda moment: moment.similarity)
    return int(ready.comparison.cross_similarity.frame_indices.searchsorted(least.frame_index))


def draw_curves(state: ComparePage, ready: ReadyComparison, track_id: int | None, moment_s: float) -> None:
    comparison = ready.comparison
    both = comparison_figure(
        ready.fake.analysis,
        ready.original.analysis,
        fake_track=track_id,
        original_track=comparison.original_track(track_id),
        moment_s=moment_s,
        offset_s=comparison.offset_s,
    )
    is_main = track_id == comparison.main_track
    marked = [moment.frame_index for moment in comparison.moments] if is_main else []
    cross = cross_similarity_figure(
        comparison.cross_similarity, comparison.face_trace(track_id), marked=marked, moment_s=moment_s
    )
    left, right = st.columns(2, gap="medium")
    for column, figure, key, caption in (
        (
            left,
            both,
            "compare-both",
            "a dip is a frame unlike the one before it; suspect are dips that only one of them has."
            + (" B is drawn where it belongs on A's time." if comparison.offset_s else ""),
        ),
        (right, cross, "compare-cross", "the lower, the more A and B differ at that moment."),
    ):
        with column:
            # Narrow places: the legend at the very bottom.
            figure.update_layout(legend=LEGEND, height=CHART_HEIGHT_PX)
            time_chart(state, figure, key=key, alt=f"{figure.layout.title.text}: {caption}")
            draw_how_to_read(figure, f"{caption} Click a point to go there.")


def draw_export(ready: ReadyComparison, row: int, state: ComparePage) -> None:
    names = ready.fake.clip.name, ready.original.clip.name
    stem = f"{stem_of(names[0])}-compared"

    def document() -> Document:
        return comparison_document(ready.comparison, shown_paths=names, pictures=ready.pictures)

    with st.container(horizontal=True, gap="small"):
        draw_document_downloads(document, stem, key="compare")
        draw_download(
            "JSON",
            lambda: json_text(comparison_to_dict(ready.comparison, shown_paths=names)),
            f"{stem}.json",
            key="compare-json",
        )
        draw_download("Picture of this moment", lambda: picture_of(ready, row), f"{stem}.jpg", key="compare-jpg")
        clip = ready.side_by_side_when_ready(state)
        if clip is not None:
            draw_download("Side-by-side clip", clip.read_bytes, f"{stem}.mp4", key="compare-mp4")


def picture_of(ready: ReadyComparison, row: int) -> bytes:
    """A moment of both clips as one picture, A on the left."""
    comparison = ready.comparison
    times_s = comparison.cross_similarity.timestamps_s[row], comparison.original_timestamps_s[row]
    clips = ready.fake.clip, ready.original.clip
    return jpeg(side_by_side(*(cached_frame(clip, float(at)).view for clip, at in zip(clips, times_s, strict=True))))


page()
