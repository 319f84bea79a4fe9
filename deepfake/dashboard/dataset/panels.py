"""A data set on a page: its numbers, charts, the table of clips with filters, a gallery, what is missing."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.charts import draw_chart
from deepfake.dashboard.clip_card import label_badge
from deepfake.dashboard.downloads import draw_download
from deepfake.dashboard.grid import draw_page_choice
from deepfake.dashboard.sources import DatasetSource
from deepfake.dashboard.text import CLIP_WIDTH_PX, cells, height_of, plain, without_first_folders
from deepfake.dashboard.verdict_cells import (
    DECLARED_HELP,
    DECLARED_WIDTH_PX,
    FAILED,
    FAILED_CHIP,
    failures_of,
    verdict_badge,
    verdict_chip,
    verdict_column,
    verdicts_of,
    with_declared,
    words_of,
)
from deepfake.dataset import ClipEntry, Counts, Dataset, layout_title, to_frame
from deepfake.figures.counts import NO_LABEL, NO_SPLIT, fakes_per_original, label_pie, labels_by_split
from deepfake.store import AnalysisSummary
from deepfake.words import counted

WHERE = {"All": None, "On disk": True, "Missing": False}  # and whether a clip is to be on disk
TABLE_HEIGHT_PX = 420
PAGE_ROWS = 500
VERDICT_HELP = (
    "What was found, with the settings in the sidebar. Failed: the clip could not be analyzed; select its row to see "
    "why. Empty where it was not analyzed with them."
)


def counts_markdown(total: Counts) -> str:
    """Return the data set in Markdown: a heading with its size, and a line of splits, labels and originals."""
    where = "all on disk" if total.missing == 0 else f"{total.on_disk} on disk"
    parts = []
    if set(total.by_split) != {None}:
        parts += [f"**{total.by_split[split]}** {plain(split or NO_SPLIT)}" for split in _in_order(total.by_split)]
    for label, color in (("FAKE", "orange"), ("REAL", "green")):
        if label in total.by_label:
            parts.append(f":{color}[**{total.by_label[label]}** {label.lower()}]")  # type: ignore[index]
    if None in total.by_label:
        parts.append(f"**{total.by_label[None]}** without a label")
    if total.originals_named:
        parts.append(f"**{total.originals_named}** originals named, **{total.originals_present}** on disk")
    return f"## {counted(total.clips, 'clip')} ({where})\n{' · '.join(parts)}"


def draw_charts(total: Counts) -> None:
    """Draw the labels as a pie and, where there are splits, by split, and how many fakes each original has."""
    by_split = {split: total.labels_by_split[split] for split in _in_order(total.labels_by_split)}
    charts = [
        (label_pie(total.by_label), "Labels of the data set"),
        *([(labels_by_split(by_split), "Labels by split")] if set(by_split) != {None} else []),
        (fakes_per_original(total.fakes_per_original.values()), "Fakes made from one original"),
    ]
    for (figure, alt), place in zip(charts, st.columns(len(charts), gap="medium"), strict=True):
        with place:
            draw_chart(figure, key=f"dataset-{alt}", alt=alt, is_whole=True)


def filtered_entries(dataset: Dataset) -> list[ClipEntry]:
    """Draw the filters (label, split, on disk, text), which the URL names by their keys, and return the entries that
    pass them."""
    labels = sorted({entry.label or NO_LABEL for entry in dataset.entries})
    splits = [split or NO_SPLIT for split in _in_order({entry.split for entry in dataset.entries})]
    by_label, by_split, on_disk, text = st.columns([4, 3, 4, 4], gap="medium")
    chosen_labels = _pills(by_label, "Label", labels)
    chosen_splits = _pills(by_split, "Split", splits)
    where = on_disk.segmented_control(
        "Clip", list(WHERE), default="All", required=True, key="where", bind="query-params", persist_state="session"
    )
    wanted = text.text_input(
        "Name or original contains", key="name", bind="query-params", persist_state="session",
        placeholder="part of a name",
    )  # fmt: skip
    wanted_on_disk = WHERE.get(where)  # an address can name none: `?where=`
    words = wanted.lower().split()
    return [
        entry
        for entry in dataset.entries
        if (not chosen_labels or (entry.label or NO_LABEL) in chosen_labels)
        and (not chosen_splits or (entry.split or NO_SPLIT) in chosen_splits)
        and wanted_on_disk in (None, entry.on_disk)
        and all(word in f"{entry.name} {entry.original or ''} {entry.method or ''}".lower() for word in words)
    ]


def _pills(place: DeltaGenerator, label: str, values: list[str]) -> list[str]:
    """Draw the choice of values, none chosen meaning all; what another data set had and this has not is dropped."""
    key = label.lower()
    if key in st.session_state:
        st.session_state[key] = [value for value in st.session_state[key] if value in values]
    if len(values) < 2:
        return []
    return place.pills(
        label, values, selection_mode="multi", format_func=plain, key=key, bind="query-params", persist_state="session"
    )


def draw_table(dataset: Dataset, entries: Sequence[ClipEntry], key: str, fingerprint: str) -> ClipEntry | None:
    """Draw the table of clips, a page of it where it is long, with a download of all; return the clip of the selected
    row, or None. fingerprint: of the settings whose verdicts are shown."""
    page = draw_page_choice(len(entries), PAGE_ROWS, key="table-page", of=(key, *(entry.name for entry in entries)))
    if len(entries) > PAGE_ROWS:
        st.caption(
            f"Rows {(page - 1) * PAGE_ROWS + 1:,} to {min(page * PAGE_ROWS, len(entries)):,} of {len(entries):,}."
        )
    shown = entries[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    # A selection does not carry over to other rows, as after a change of filters.
    rows_key = hash(tuple(entry.name for entry in shown))
    table = table_of(dataset, shown, verdicts_of(shown, fingerprint), failures_of(dataset, fingerprint))
    table["clip"] = table["clip"].map(without_first_folders)
    event = st.dataframe(
        cells(table),
        key=f"dataset-table-{key}-{rows_key}",
        alt="The clips of the data set",
        placeholder="",
        hide_index=True,
        height=min(TABLE_HEIGHT_PX, height_of(max(1, len(table)))),
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "clip": st.column_config.TextColumn(width=CLIP_WIDTH_PX),
            "verdict": verdict_column(VERDICT_HELP),
            "P(fake)": st.column_config.NumberColumn(format="%.2f", width="small"),
            "the file says": st.column_config.TextColumn(help=DECLARED_HELP, width=DECLARED_WIDTH_PX),
            "clip on disk": st.column_config.CheckboxColumn(width="small"),
            "original on disk": st.column_config.CheckboxColumn(width="small", help="Empty where none is named."),
        },
    )
    draw_download(
        f"CSV of these {len(entries)} rows" if len(entries) != 1 else "CSV of this row",
        lambda: csv_of(dataset, entries, fingerprint),
        f"{dataset.root.name}.csv",
        key="dataset-csv",
    )
    rows: list[int] = event.selection.rows
    return shown[rows[0]] if rows and rows[0] < len(shown) else None


def csv_of(dataset: Dataset, entries: Sequence[ClipEntry], fingerprint: str) -> str:
    """Return the table of some entries as CSV."""
    verdicts = verdicts_of(entries, fingerprint)
    failures = failures_of(dataset, fingerprint)
    table = table_of(dataset, entries, verdicts, failures)
    if "verdict" in table:
        words = {**dict.fromkeys(failures, FAILED), **{name: words_of(found) for name, found in verdicts.items()}}
        table["verdict"] = [words.get(name, "") for name in table["clip"]]
    return cells(table).to_csv(index=False)


def table_of(
    dataset: Dataset,
    entries: Sequence[ClipEntry],
    verdicts: Mapping[str, AnalysisSummary],
    failures: Mapping[str, str],
) -> pd.DataFrame:
    """Return the rows of some entries for the reader; columns that the data set leaves empty are left out.

    verdicts: of those that have one, by name. failures: why others failed, by name. Without either there is no
    column of them.
    """
    wanted = {entry.name for entry in entries}
    frame = to_frame(dataset)
    frame = frame[frame["name"].isin(wanted)].drop(columns=["path", "group"])
    empty = [name for name in ("split", "original", "method", "compression") if frame[name].isna().all()]
    if "original" in empty:
        empty.append("original_on_disk")
    frame = frame.drop(columns=empty)
    if "original_on_disk" in frame:
        frame["original_on_disk"] = frame["original_on_disk"].astype("boolean")
    order = ["name", "label", "split", "original", "on_disk", "original_on_disk", "method", "compression"]
    frame = frame[[name for name in order if name in frame]].reset_index(drop=True)
    names = {"name": "clip", "on_disk": "clip on disk", "original_on_disk": "original on disk"}
    texts = frame.columns.difference(["on_disk", "original_on_disk"])
    frame[texts] = frame[texts].astype(object).fillna("")
    frame = frame.rename(columns=names)
    chips = {name: [FAILED_CHIP] for name in failures if name in wanted}
    chips |= {name: [verdict_chip(found)] for name, found in verdicts.items()}
    if chips:
        found = [verdicts.get(name) for name in frame["clip"]]
        place = list(frame.columns).index("label") + 1
        frame.insert(place, "verdict", [chips.get(name, []) for name in frame["clip"]])
        frame.insert(place + 1, "P(fake)", [item.told_probability if item else None for item in found])
        frame["P(fake)"] = frame["P(fake)"].astype("Float64")
        with_declared(frame, found)
    return frame


def draw_label(
    entry: ClipEntry, verdict: AnalysisSummary | None, failure: str | None, *, is_told: bool = False
) -> None:
    """Draw a clip's name, its label and what was found, in word, icon and color. failure: why it has no verdict;
    is_told: whether that stands there already."""
    found = ""
    if verdict is not None:
        found = f"  \n:small[found] {verdict_badge(verdict)}"
    elif failure is not None:
        found = f"  \n:gray-badge[:material/error: {FAILED}]" + ("" if is_told else f" :small[{plain(failure)}]")
    st.markdown(f":small[{plain(entry.name)}]  \n:small[label] {label_badge(entry.label)}{found}")


def draw_missing(dataset: Dataset, total: Counts) -> None:
    """Draw which originals and which clips are named and not on disk."""
    if not total.originals_missing and not total.missing:
        return
    counted = [(total.originals_missing, "original"), (total.missing, "clip")]
    title = "Missing: " + ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counted)
    with st.expander(title, icon=":material/link_off:"):
        st.caption(
            "Named by the metadata and not in the folder. A fake whose original is missing can be analyzed alone, and "
            "compared with an original that you upload."
        )
        originals, clips = st.columns(2, gap="medium")
        with originals:
            _draw_names("Originals", dataset.missing_originals(), "dataset-missing-originals")
        with clips:
            _draw_names("Clips", [entry.name for entry in dataset.missing_clips()], "dataset-missing-clips")


def _draw_names(title: str, names: Sequence[str], key: str) -> None:
    st.markdown(f"**{title}** ({len(names)})")
    if not names:
        st.caption("None is missing.")
        return
    st.dataframe(cells(pd.DataFrame({"name": names})), hide_index=True, height=240, key=key)


def draw_notes(source: DatasetSource, dataset: Dataset) -> None:
    """Draw how the folder was recognized and what was odd about it."""
    st.caption(f"{plain(source.title)}: recognized as {layout_title(dataset.layout)}.")
    for warning in dataset.warnings:
        st.warning(plain(warning), icon=":material/warning:")


def _in_order(splits: Iterable[str | None]) -> list[str | None]:
    order = {"train": 0, "val": 1, "test": 2}
    return sorted(splits, key=lambda split: (order.get(split or "", 3), split or ""))
