"""Several uploads at once: a table of answers that fills while they are analyzed; each row opens its clip."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.dashboard.browser import ROW_KEYS
from deepfake.dashboard.clip_choice import set_choice
from deepfake.dashboard.downloads import draw_download
from deepfake.dashboard.results import analysis_of_folder
from deepfake.dashboard.sources import UPLOADS_ID
from deepfake.dashboard.state import AnalyzePage, runtime, session
from deepfake.dashboard.text import cells, height_of
from deepfake.dashboard.visitor import owner
from deepfake.dashboard.waiting import POLL_S, job_or_folder, progress_text, run_again, waiting_text
from deepfake.report.card import marked_answer
from deepfake.report.table import answers_csv, first_reason
from deepfake.server.jobs import Job, JobState
from deepfake.server.progress import read_progress
from deepfake.server.results import analysis_request
from deepfake.server.sessions import Upload

MAX_ROWS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One upload of the queue. analysis: None until it is there; state: how far it is, or why it failed."""

    upload: Upload
    analysis: Analysis | None
    state: str
    failed: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is still to be analyzed."""
        return self.analysis is None and not self.failed


def draw_queue(page: AnalyzePage, config: AnalysisConfig, *, is_open: bool) -> None:
    """Draw the table of a session's uploads, where there are several; all of them are analyzed, one after the other.

    is_open: whether the table shows at first.
    """
    if len(session().uploads) < 2:
        return
    waits = any(row.waits for row in _rows(config))
    st.fragment(_draw_rows, run_every=POLL_S if waits else None)(page, config, is_polling=waits, is_open=is_open)


def _rows(config: AnalysisConfig) -> list[QueueRow]:
    return [queue_row(upload, config) for upload in session().uploads.values()]


def open_clicked(page: AnalyzePage) -> bool:
    """Choose the clip whose row was clicked, and return whether one was. Call it before the choice of a clip is
    drawn."""
    if page.opens is None:
        return False
    set_choice(page, UPLOADS_ID, page.opens)
    page.opens = None
    page.was_waiting = True  # the table fills the screen: the answer below it is to come into view
    return True


def _draw_rows(page: AnalyzePage, config: AnalysisConfig, *, is_polling: bool, is_open: bool) -> None:
    rows = _rows(config)
    done = sum(not row.waits for row in rows)
    how_far = f"{done} of {len(rows)} done"
    if is_polling and done == len(rows):
        run_again()  # the table needs no more polling
    above = st.empty()  # always there: the expander would close if it moved
    if is_polling:
        above.progress(done / len(rows), text=f"Your files: {how_far}")
    with st.expander(f"Your {len(rows)} files", expanded=is_open, icon=":material/playlist_play:"):
        _draw_table(page, rows, how_far)


def _draw_table(page: AnalyzePage, rows: list[QueueRow], how_far: str) -> None:
    event = st.dataframe(
        cells(queue_table(rows)),
        key=page.key("queue"),
        hide_index=True,
        height=height_of(min(MAX_ROWS_SHOWN, len(rows))),
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        column_config={"P(fake)": st.column_config.NumberColumn(format="%.2f", width="small")},
        alt=f"{len(rows)} files with their answers; select a row to open it",
    )
    if event.selection.rows:
        page.opens = rows[event.selection.rows[0]].upload.sha256
        page.renew("queue")  # a new key of the table lets go of the selection
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{how_far}. Select a row to open it.", width="content", help=ROW_KEYS)
        draw_download(
            "Save the table", lambda: answers_csv(map(_cells, rows)), "answers.csv", key=page.key("queue-csv")
        )


def queue_row(upload: Upload, config: AnalysisConfig) -> QueueRow:
    """Return how far an upload is; its analysis is started where nobody has."""
    request = analysis_request(upload.path, upload.sha256, upload.name, config, runtime(), None, kept_by=owner())
    found = job_or_folder(request, place=f"queue-{upload.sha256}")
    if isinstance(found, Path):
        return QueueRow(upload, analysis_of_folder(found), "done")
    if found is None:
        return QueueRow(upload, None, "canceled", failed=True)
    if found.state is JobState.FAILED and found.error is not None:
        return QueueRow(upload, None, str(found.error.renamed(found.source, upload.name)), failed=True)
    return QueueRow(upload, None, _how_far(found))


def _how_far(job: Job) -> str:
    report = read_progress(job.folder)
    if job.state is JobState.QUEUED and runtime().jobs.ahead_of(job):
        return waiting_text(runtime().jobs, job)
    return "starting" if report is None else progress_text(report)


def queue_table(rows: list[QueueRow]) -> pd.DataFrame:
    """Return the table that the page shows."""
    return pd.DataFrame(
        [
            {
                "file": row.upload.name,
                "answer": "" if row.analysis is None else marked_answer(row.analysis.verdict.answer),
                "P(fake)": None if row.analysis is None else row.analysis.verdict.told_probability,
                "why": first_reason(row.analysis) if row.analysis is not None else row.state,
            }
            for row in rows
        ]
    )


def _cells(row: QueueRow) -> tuple[str, str, Analysis | None, str]:
    return row.upload.name, row.upload.sha256, row.analysis, row.state if row.failed else ""
