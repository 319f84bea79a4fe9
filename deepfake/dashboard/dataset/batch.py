"""Analyze this data set: a batch in the background, found again by every session; progress, cancel, what failed."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch import BatchProgress
from deepfake.dashboard.browser import announce
from deepfake.dashboard.state import runtime
from deepfake.dashboard.text import cells, height_of, plain
from deepfake.dashboard.verdict_cells import batch_key, failures_of, verdicts_of
from deepfake.dataset import Dataset
from deepfake.detectors import classifier_title
from deepfake.server.batches import BatchRun, BatchState
from deepfake.words import counted, duration_text

POLL_S = 1.5
WATCHED = "_batch-watched"  # the batch whose progress this session saw last, until its end is announced
MOST_COUNTED = 5_000  # clips of a data set whose verdicts are counted on every run of the page


def draw_batch(dataset: Dataset, config: AnalysisConfig) -> None:
    """Draw how much of a data set is analyzed with these settings, and the batch that does the rest."""
    on_disk = [entry for entry in dataset.entries if entry.on_disk]
    if not on_disk:
        return
    fingerprint = config.fingerprint()
    key = batch_key(dataset, fingerprint)
    run = runtime().batches.find(key)
    with st.container(border=True, key="dataset-batch", gap="small"):
        if run is not None and run.is_active:
            _draw_progress(key)
            return
        verdicts = verdicts_of(on_disk, fingerprint) if len(on_disk) <= MOST_COUNTED else None
        # A file that was replaced since its batch failed at it stays in the list: its button tries it again.
        failures = (dict(run.failures) if run is not None else {}) | failures_of(dataset, fingerprint)
        for name in verdicts or ():  # a file that was replaced since it failed
            failures.pop(name, None)
        analyzed = None if verdicts is None else len(verdicts)
        if run is not None:
            _draw_end(run)
        _draw_start(key, dataset, config, analyzed, len(on_disk), len(failures))
        if failures:
            _draw_failures(failures)


def _draw_start(
    key: str, dataset: Dataset, config: AnalysisConfig, analyzed: int | None, on_disk: int, failed: int
) -> None:
    left = None if analyzed is None else on_disk - analyzed - failed
    if analyzed is None:
        st.markdown(f"**Analyze this data set** · {on_disk:,} clips on disk, of which only the missing are analyzed")
    else:
        heading = "Analyze this data set" if analyzed < on_disk else "Nothing left to analyze"
        st.markdown(f"**{heading}** · {analyzed:,} of {on_disk:,} clips on disk have a verdict")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if left is None or left > 0:
            are = "is" if left == 1 else "are"
            wanted = "Analyze this data set" if not analyzed else f"Analyze the {left:,} that {are} missing"
            if st.button(wanted, key="batch-start", icon=":material/play_arrow:", type="primary"):
                _start(key, dataset, config, retry_failed=False)
        if failed and st.button(
            f"Try the {failed:,} that failed again", key="batch-retry", icon=":material/refresh:", type="secondary"
        ):
            _start(key, dataset, config, retry_failed=True)
        if left == 0 and not failed:
            return
        st.caption(
            f"In the background, scored by {classifier_title(config.classifier)}. It goes on when you leave the page, "
            "and is found here again; what is analyzed is kept."
        )


def _start(key: str, dataset: Dataset, config: AnalysisConfig, *, retry_failed: bool) -> None:
    clips = [entry for entry in dataset.entries if entry.on_disk]
    runtime().batches.start(key, clips, config, runtime().settings, retry_failed=retry_failed)
    st.rerun()


@st.fragment(run_every=POLL_S)
def _draw_progress(key: str) -> None:
    batches = runtime().batches
    run = batches.find(key)
    if run is None or not run.is_active:
        st.rerun()
    st.session_state[WATCHED] = key
    progress = run.batch.progress()
    ahead = batches.ahead_of(run)
    announce("Analyzing this data set", place="batch")
    share = progress.done / progress.total if progress.total else 0.0
    if run.state is BatchState.WAITING:
        st.progress(0.0, text=f"**Analyzing this data set** — {waiting_text(ahead)}")
    else:
        st.progress(min(1.0, share), text=f"**Analyzing this data set** — {batch_text(progress)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Cancel", key="batch-cancel", icon=":material/close:", help="What is analyzed is kept."):
            batches.cancel(key)
            st.rerun()
        if st.button("Show new verdicts", key="batch-refresh", icon=":material/refresh:", type="tertiary"):
            st.rerun(scope="app")
        st.caption("You may leave the page: it goes on, and every session of this server finds it here.")
    if run.failures:
        _draw_failures(dict(run.failures), key="batch-failing")


def waiting_text(ahead: int) -> str:
    """Return what a batch waits for in words. ahead: how many others come before it."""
    return f"waiting: {counted(ahead, 'other data set')} {'comes' if ahead == 1 else 'come'} first"


def batch_text(progress: BatchProgress) -> str:
    """Return how far a batch is in words: done, known before, failed, rate, time left."""
    words = [f"{progress.done:,} of {progress.total:,} clips"]
    if progress.known:
        words.append(f"{progress.known:,} known before")
    if progress.failed:
        words.append(f"{progress.failed:,} failed")
    if progress.clips_per_minute is not None:
        words.append(f"{progress.clips_per_minute:.3g} clips per minute")
    if progress.seconds_left is not None:
        words.append(f"about {duration_text(progress.seconds_left)} left")
    return " · ".join(words)


def _draw_end(run: BatchRun) -> None:
    if st.session_state.get(WATCHED) == run.key:
        del st.session_state[WATCHED]
        announce(_end_of(run), place="batch")
    said = plain(_end_of(run))
    if run.state is BatchState.FAILED:
        st.error(said, icon=":material/error:")
    elif run.state is BatchState.CANCELED:
        st.info(f"{said} Start it again for the rest.", icon=":material/cancel:")
    else:
        st.success(said, icon=":material/check_circle:")


def _end_of(run: BatchRun) -> str:
    """Return in words how a batch ended."""
    if run.state is BatchState.FAILED:
        return f"The batch could not go on: {run.error}"
    progress = run.batch.progress()
    done = f"{progress.analyzed:,} analyzed, {progress.known:,} known before, {progress.failed:,} failed"
    if run.state is BatchState.CANCELED:
        return f"Canceled: {done}."
    rate = "" if progress.clips_per_minute is None else f", {progress.clips_per_minute:.3g} clips per minute"
    return f"Done in {duration_text(progress.seconds)}: {done}{rate}."


def _draw_failures(failures: Mapping[str, str], key: str = "batch-failures") -> None:
    title = f"{counted(len(failures), 'clip')} could not be analyzed"
    with st.expander(title, icon=":material/error:"):
        table = pd.DataFrame({"clip": list(failures), "why": list(failures.values())})
        st.dataframe(
            cells(table),
            hide_index=True,
            height=min(300, height_of(len(table))),
            key=key,
            alt="Clips that could not be analyzed, and why",
            column_config={"why": st.column_config.TextColumn(width="large")},
        )
