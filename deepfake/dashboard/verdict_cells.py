"""Verdicts that the store has of a data set's clips, without reading a clip, and how they are written in a table."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from deepfake.dashboard.state import runtime
from deepfake.dashboard.verdict_style import QUIET, VERDICT_LOOKS
from deepfake.dataset import ClipEntry, Dataset
from deepfake.files import stamp_of
from deepfake.store import AnalysisStore, AnalysisSummary

CHIP_WIDTH_PX = 165
DECLARED_WIDTH_PX = 270  # "generated (changed since it was signed)"
FAILED: Final = "Failed"  # where the other clips have their answer
FAILED_CHIP: Final = f"✕ {FAILED}"
DECLARED_HELP = (
    "What the file itself says of how its pictures were made, in its Content Credentials, its XMP or its label AIGC. "
    "The verdict does not rest on it."
)


def verdicts_of(entries: Sequence[ClipEntry], fingerprint: str) -> dict[str, AnalysisSummary]:
    """Return the analysis of these settings of each clip, by name, where the store has one.

    A file whose size and time are those that it had when it was analyzed is taken for the same.
    """
    stamps = {str(entry.path): stamp_of(str(entry.path)) for entry in entries if entry.on_disk}
    seen = {location: stamp for location, stamp in stamps.items() if stamp}
    name_of = {str(entry.path): entry.name for entry in entries}

    def look_up(store: AnalysisStore) -> dict[str, AnalysisSummary]:
        hashes = store.known_hashes(seen)
        found = store.summaries(set(hashes.values()), fingerprint)
        return {name_of[location]: found[sha256] for location, sha256 in hashes.items() if sha256 in found}

    return runtime().store.ask(look_up, {})


def failures_of(dataset: Dataset, fingerprint: str) -> dict[str, str]:
    """Return why clips of the data set failed with these settings, by name: what the store has of them as they are
    now, and what the last batch saw of clips that the store does not know."""
    kept = runtime().store.ask(lambda store: store.failures(fingerprint), {})
    run = runtime().batches.find(batch_key(dataset, fingerprint))
    found = {} if run is None else dict(run.failures)
    for entry in dataset.entries if kept else ():
        failure = kept.get(entry.location)
        if failure is None:
            continue
        if failure.stamp == stamp_of(entry.location):
            found[entry.name] = failure.error
        else:  # the file was replaced since
            found.pop(entry.name, None)
    return found


def batch_key(dataset: Dataset, fingerprint: str) -> str:
    """Return what names the batch that analyzes a data set with these settings."""
    return f"{dataset.root}|{fingerprint}"


def verdict_chip(summary: AnalysisSummary) -> str:
    """Return an answer in a mark and few words, as a table shows it."""
    return VERDICT_LOOKS[summary.answer].chip


def words_of(summary: AnalysisSummary) -> str:
    """Return an answer in few words."""
    return VERDICT_LOOKS[summary.answer].words


def with_declared(table: pd.DataFrame, rows: Sequence[AnalysisSummary | None]) -> pd.DataFrame:
    """Return a table with what the files say of themselves after P(fake), where any of them says something."""
    said = [row.declared if row else None for row in rows]
    if any(said):
        table.insert(list(table.columns).index("P(fake)") + 1, "the file says", [words or "" for words in said])
    return table


def verdict_column(note: str) -> ColumnConfig:
    """Return how a table draws a column of [verdict_chip(…)] and [FAILED_CHIP]: colored, and in words. note: its
    help."""
    return st.column_config.MultiselectColumn(
        "verdict",
        options=[*(look.chip for look in VERDICT_LOOKS.values()), FAILED_CHIP],
        color=[*(look.chip_color for look in VERDICT_LOOKS.values()), QUIET],
        width=CHIP_WIDTH_PX,
        help=note,
    )


def verdict_badge(summary: AnalysisSummary) -> str:
    """Return a verdict as a badge in Markdown: word, icon and color, with P(fake) where there is one."""
    look = VERDICT_LOOKS[summary.answer]
    number = "" if summary.told_probability is None else f" {summary.told_probability:.2f}"
    return f":{look.color}-badge[{look.icon} {look.words}{number}]"
