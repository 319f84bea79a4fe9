"""Waiting for a job on a page: its progress, a way to cancel, what went wrong, and its result when it is there."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.state import runtime, session
from deepfake.server.jobs import Job, JobQueue, JobState
from deepfake.server.progress import ProgressReport

POLL_S = 0.7
PANEL_HEIGHT_PX = 340
WAITING_KEY = "_waiting"  # what each slot of the session waits for
CANCELLED_KEY = "_cancelled"  # keys whose job the user of this session cancelled


def folder_when_ready(
    key: str,
    task: Callable[..., None],
    *args: object,
    source: Path,
    name: str,
    heading: str,
    slot: str,
    with_preview: bool = True,
    queue: JobQueue | None = None,
) -> Path | None:
    """Return the folder of the result `key`; while it is not there, draw how far its job is and return None.

    The job is started when nobody has: task(folder, *args) in a worker. source, name: the clip on the server and
    what the user calls it. heading: what is being done. slot: a place of the page that shows one result at a time;
    asking for another result in the same slot stops waiting for the one before. with_preview: room for a
    picture and a curve. queue: runtime().jobs, or another.
    """
    owner = session().session_id
    queue = queue or runtime().jobs
    _leave_previous(slot, key, owner, queue)
    folder = runtime().cache.get(key, owner)
    if folder is not None:
        return folder
    if key in st.session_state.get(CANCELLED_KEY, ()):
        _draw_cancelled(key, heading, slot)
        return None
    job = queue.submit(key, task, *args, owner=owner, source=source, name=name)
    if job.state is JobState.FAILED:
        _draw_failure(job, name, slot, queue)
        return None
    _draw_progress(key, heading, slot, queue, with_preview)
    return None


def stop_waiting(slot: str, queue: JobQueue | None = None) -> None:
    """Stop waiting for what a slot shows, because it shows nothing any more."""
    key = st.session_state.get(WAITING_KEY, {}).pop(slot, None)
    if key is not None:
        (queue or runtime().jobs).leave(key, session().session_id)


def _leave_previous(slot: str, key: str, owner: str, queue: JobQueue) -> None:
    waiting = st.session_state.setdefault(WAITING_KEY, {})
    previous = waiting.get(slot)
    waiting[slot] = key
    if previous not in (None, key) and list(waiting.values()).count(previous) == 0:
        queue.leave(previous, owner)


def _draw_cancelled(key: str, heading: str, slot: str) -> None:
    st.info(f"{heading}: cancelled.", icon=":material/cancel:")
    if st.button("Start again", key=f"again-{slot}", icon=":material/refresh:"):
        st.session_state[CANCELLED_KEY].discard(key)
        st.rerun()


def _draw_failure(job: Job, name: str, slot: str, queue: JobQueue) -> None:
    assert job.error is not None
    st.error(str(job.error.renamed(job.source, name)), icon=":material/error:")
    if st.button("Try again", key=f"retry-{slot}", icon=":material/refresh:"):
        queue.forget(job.key)
        st.rerun()


@st.fragment(run_every=POLL_S)
def _draw_progress(key: str, heading: str, slot: str, queue: JobQueue, with_preview: bool) -> None:
    job = queue.find(key)
    if job is None or job.finished is not None:
        st.rerun()
    with st.container(border=True, height=PANEL_HEIGHT_PX if with_preview else "content", key=f"progress-{slot}"):
        left, right = st.columns([3, 2], gap="medium") if with_preview else (st.container(), None)
        report = job.read_progress()  # once: the job may end while this is drawn, and its report goes with it
        with left:
            _draw_state(job, report, heading, queue)
            if st.button("Cancel", key=f"cancel-{slot}", icon=":material/close:"):
                st.session_state.setdefault(CANCELLED_KEY, set()).add(key)
                queue.leave(key, session().session_id)
                st.rerun()
            if with_preview and report is not None and len(report.curve) > 1:
                _draw_curve(report)
        if right is not None:
            _draw_preview(job, right)


def _draw_state(job: Job, report: ProgressReport | None, heading: str, queue: JobQueue) -> None:
    ahead = queue.ahead_of(job)
    if job.state is JobState.QUEUED and ahead:
        st.progress(0.0, text=f"**{heading}** — waiting: {ahead} ahead in the queue")
    elif report is None:
        st.progress(0.0, text=f"**{heading}** — starting; the worker loads what it needs")
    else:
        share = min(1.0, report.done / report.total) if report.total else 0.0
        st.progress(share, text=f"**{heading}** — {progress_text(report)}")


def progress_text(report: ProgressReport) -> str:
    """Return a report in words: the stage, what is done, the time left."""
    words = [report.stage]
    if report.done:
        of_total = f" of {report.total}" if report.total else ""
        words.append(f"{report.done}{of_total} {report.unit}")
    if report.left_s is not None:
        words.append(f"about {max(1, round(report.left_s))} s left")
    return " · ".join(words)


def _draw_curve(report: ProgressReport) -> None:
    frames = [1 + index * report.curve_step for index in range(len(report.curve))]
    last = max(report.total or 0, frames[-1])
    scales = {"frame": {"domain": [0, last]}, "similarity": {"zero": False, "domainMax": 1}}
    axes = {
        axis: {"field": name, "type": "quantitative", "scale": scales[name]}
        for axis, name in (("x", "frame"), ("y", "similarity"))
    }
    table = pd.DataFrame({"frame": frames, "similarity": report.curve})
    spec = {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": axes}
    st.vega_lite_chart(table, spec, height=190, width="stretch")


def _draw_preview(job: Job, place: DeltaGenerator) -> None:
    picture = job.read_preview()
    if picture is None:
        place.caption("The picture appears with the first frames.")
    else:
        place.image(picture, alt="The frame being read, with the faces found in it")
