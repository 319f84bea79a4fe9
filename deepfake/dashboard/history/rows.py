"""Kept analyses as rows for the reader, and which of their clips this server may open.

A server shows the names of all analyses in its store, but where a clip lies only for data sets that it may open: of
others the last part of the name, never a folder.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from deepfake.dashboard.sources import LISTING_TTL_S, DatasetSource, dataset_sources
from deepfake.dashboard.text import without_first_folders
from deepfake.dashboard.verdict_cells import verdict_chip, with_declared
from deepfake.dataset import Dataset
from deepfake.detectors import classifier_title
from deepfake.faces.detection import face_detector_title
from deepfake.store import AnalysisSummary, StoredFingerprint

ELSEWHERE = ""  # in the column of data sets


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clip can be opened. source: the data set; name: of the clip in it, None where it is not on disk."""

    source: DatasetSource
    name: str | None


def places_of(rows: Sequence[AnalysisSummary]) -> dict[int, Place]:
    """Return where the clips of some analyses are, by the analyses' id; those of no data set are left out."""
    sources = [source for source in dataset_sources() if source.dataset is not None]
    found = {row.id: _place(row.location, sources) for row in rows if row.location and "://" not in row.location}
    return {number: place for number, place in found.items() if place is not None}


def _place(location: str, sources: Sequence[DatasetSource]) -> Place | None:
    for path in dict.fromkeys((location, os.path.realpath(location))):
        for source in sources:
            root = source.dataset.root if source.dataset is not None else source.root
            if source.dataset is not None and Path(path).is_relative_to(root):
                return Place(source, _clips_on_disk(str(root), len(source.dataset.entries), source.dataset).get(path))
    return None


@st.cache_resource(ttl=LISTING_TTL_S, max_entries=16, show_spinner=False)
def _clips_on_disk(root: str, count: int, _dataset: Dataset) -> dict[str, str]:
    return {str(entry.path): entry.name for entry in _dataset.entries if entry.on_disk}


def shown_name(row: AnalysisSummary, place: Place | None) -> str:
    """Return what a clip is called for the reader: its name in the data set, or the last part of its name."""
    if place is not None and place.name is not None:
        return place.name
    return row.name.replace("\\", "/").rstrip("/").rpartition("/")[2] or row.name


def why_unavailable(place: Place | None) -> str:
    """Return why a clip cannot be opened, a sentence."""
    if place is None:
        return "The clip is in no folder that this server may open."
    return f"The clip is no longer in the data set {place.source.title}."


def history_table(rows: Sequence[AnalysisSummary], places: Mapping[int, Place]) -> pd.DataFrame:
    """Return a page of analyses for the reader, a row each, in their order. The verdict comes first: a phone shows
    little more than one column."""
    table = pd.DataFrame(
        {
            "verdict": [[verdict_chip(row)] for row in rows],
            "clip": [without_first_folders(shown_name(row, places.get(row.id))) for row in rows],
            "P(fake)": pd.array([row.told_probability for row in rows], dtype="Float64"),
            "95% interval": [_interval(row) for row in rows],
            "analyzed": pd.to_datetime([row.created_at for row in rows], utc=True),
            "data set": [places[row.id].source.title if row.id in places else ELSEWHERE for row in rows],
            "length": pd.array([row.duration_s for row in rows], dtype="Float64"),
            "persons": [row.faces for row in rows],
            "classifier": [classifier_title(row.classifier) for row in rows],
            "face detector": [face_detector_title(row.face_detector) for row in rows],
            "version": [row.software_version for row in rows],
        }
    )
    return with_declared(table, rows)


def settings_title(item: StoredFingerprint, *, in_force: str) -> str:
    """Return what one set of settings and weights is called. in_force: the fingerprint of those used now."""
    mark = " · in force" if item.fingerprint == in_force else ""
    return (
        f"{classifier_title(item.classifier)} · faces by {face_detector_title(item.face_detector)} · version "
        f"{item.software_version} · weights {item.model[:6]} · settings {item.fingerprint[:6]}{mark}"
    )


def _interval(row: AnalysisSummary) -> str:
    if row.told_probability is None or row.interval_low is None or row.interval_high is None:
        return ""
    return f"{row.interval_low:.2f}–{row.interval_high:.2f}"
