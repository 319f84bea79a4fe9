"""Evaluate: what the verdicts on a labeled data set are worth, from the analyses in the store."""

from collections.abc import Sequence

import streamlit as st

from deepfake.dashboard.dataset.batch import draw_batch
from deepfake.dashboard.evaluate.choice import (
    choose_only_new,
    choose_settings,
    choose_threshold,
    names_of,
)
from deepfake.dashboard.evaluate.errors import draw_errors
from deepfake.dashboard.evaluate.panels import (
    draw_all_numbers,
    draw_caveats,
    draw_coverage,
    draw_curves,
    draw_downloads,
    draw_methods,
    draw_not_decided,
    draw_nothing_yet,
    draw_numbers,
    draw_scores,
    draw_side_by_side,
)
from deepfake.dashboard.evaluate.results import SetInStore, difference_of, measured_settings, set_in_store
from deepfake.dashboard.sources import DatasetSource, chosen_dataset
from deepfake.dashboard.state import warn_of_store
from deepfake.dataset import Dataset
from deepfake.evaluation.measured import Measured
from deepfake.store import StoredFingerprint

TABS = {
    "errors": "Worst errors",
    "methods": "By method",
    "not_decided": "Not decided",
    "numbers": "All numbers",
}


def page() -> None:
    st.title("Evaluate a data set")
    warn_of_store()
    chosen = chosen_dataset("The built-in clips are synthetic: what is measured on them says nothing about real fakes.")
    if chosen is None:
        return
    source, dataset = chosen
    found = set_in_store(dataset)
    if found is not None:
        draw_set(source, dataset, found)


def draw_set(source: DatasetSource, dataset: Dataset, found: SetInStore) -> None:
    labeled = len(found.known.entries)
    st.header("1 labeled clip" if labeled == 1 else f"{labeled:,} labeled clips")
    if not labeled:
        st.info(
            "This data set has no labels. A verdict can be held against REAL or FAKE only: name them in metadata.json, "
            "in a CSV with the columns path and label, or by the folders real/ and fake/.",
            icon=":material/label_off:",
        )
    elif not any(found.counts.values()):
        draw_nothing_yet(source, labeled, len(found.known.stamps))
    else:
        settings = choose_settings(found.settings, found.counts)
        chosen = settings.analyzed
        only_new = choose_only_new(dataset, found, chosen)
        evaluations = measured_settings(dataset, found, chosen, names_of(chosen), only_new=only_new)
        missing = {measured.stored.fingerprint: measured.stored.missing for measured in evaluations}
        if settings.compared is not None and (len(chosen) == 1 or missing.get(chosen[1].fingerprint)):
            draw_batch(dataset, settings.compared)
        if evaluations:
            draw_evaluations(source, dataset, evaluations, chosen)


def draw_evaluations(
    source: DatasetSource, dataset: Dataset, evaluations: list[Measured], chosen: Sequence[StoredFingerprint]
) -> None:
    difference = difference_of(evaluations)
    draw_coverage(source, evaluations)
    threshold = choose_threshold(chosen)
    if len(evaluations) > 1:
        draw_side_by_side(evaluations, threshold, difference)
    else:
        draw_numbers(evaluations[0], threshold)
    draw_downloads(source.title, evaluations, threshold, difference)
    draw_caveats(evaluations)
    st.header("Charts")
    draw_curves(evaluations, threshold)
    draw_scores(evaluations, threshold)
    st.header("Clip by clip")
    draw_details(source, dataset, evaluations, threshold)


def draw_details(source: DatasetSource, dataset: Dataset, evaluations: list[Measured], threshold: float) -> None:
    errors, methods, not_decided, numbers = st.tabs(
        list(TABS.values()), key="details", bind="query-params", on_change="rerun"
    )
    # Only the open tab is drawn: pictures of clips take time.
    if methods.open:
        with methods:
            draw_methods(evaluations, threshold)
    elif not_decided.open:
        with not_decided:
            draw_not_decided(evaluations)
    elif numbers.open:
        with numbers:
            draw_all_numbers(evaluations, threshold)
    else:
        with errors:
            draw_errors(source, dataset, evaluations, threshold)


page()
