"""Waiting for a result on a page: its progress, a way to cancel, what went wrong, and its folder when it is there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.browser import announce, show_answer
from deepfake.dashboard.first_look import draw_first_look
from deepfake.dashboard.state import PageState, analyze_page, runtime, session
from deepfake.dashboard.text import plain
from deepfake.server import results
from deepfake.server.jobs import Job, JobQueue, JobState
from deepfake.server.progress import ProgressReport, read_first_look, read_preview, read_progress
from deepfake.server.results import Request

T = TypeVar("T")

POLL_S = 0.7
PANEL_HEIGHT_PX = 340


@dataclass(slots=True)
class Waits:
    """What a session waits for. at: at each place of its pages the result's key, and whether it is media. canceled:
    keys whose job its user canceled."""

    at: dict[str, tuple[str, bool]] = field(default_factory=dict)
    canceled: set[str] = field(default_factory=set)


def folder_when_ready(request: Request, *, heading: str, place: str, with_preview: bool = False) -> Path | None:
    """Return the folder of a result; while it is not there, draw how far its job is and return None.

    The job is started when nobody has.

    Args:
        request: what is wanted.
        heading: what is being done.
        place: of the page, shows one result at a time; asking for another one there stops waiting for the one before.
        with_preview: room for a picture and a curve.
    """
    found = job_or_folder(request, place=place)
    if isinstance(found, Path):
        return found
    if found is None:
        _draw_canceled(request, heading, place)
    elif found.state is JobState.FAILED:
        _draw_failure(found, request, place)
    else:
        _draw_progress(request, heading, place, with_preview)
    return None


def read_when_ready(
    request: Request, read: Callable[[Path], T], *, heading: str, place: str, with_preview: bool = False
) -> T | None:
    """Return what read() makes of the folder of a result; while it is not there, draw how far its job is. A result
    that is damaged is removed and told of."""
    folder = folder_when_ready(request, heading=heading, place=place, with_preview=with_preview)
    if folder is None:
        return None
    result = results.read_or_drop(runtime(), request, folder, read)
    if result is None:
        st.error(
            "What was kept of this could not be read and was removed. Reload the page to have it made anew.",
            icon=":material/error:",
        )
    return result


def job_or_folder(request: Request, *, place: str) -> Job | Path | None:
    """Return the folder of a result, or the job that makes it, without drawing anything; None where its user canceled.

    The job is started when nobody has, and goes on when the page shows another result at its own place.
    place: names what waits for it, see stop_waiting.
    """
    owner = session().session_id
    _leave_previous(place, request, owner)
    folder = results.find(runtime(), request, owner)
    if folder is not None:
        return folder
    return None if request.key in _waits().canceled else results.start(runtime(), request, owner)


def show_waiting(page: PageState, *places: str, is_asked: bool = False) -> None:
    """See to it that the answer of a page comes into view when it is there, and at once what came instead: why it
    failed, that it was canceled. Call it where none of the places has its result.

    is_asked: what was just asked for lies out of view, so that how far it is comes into view as well.
    """
    waits = _waits()
    waited_for = [waits.at[place] for place in places if place in waits.at]
    canceled = [key for key, _ in waited_for if key in waits.canceled]
    found = [results.queue(runtime(), is_media).find(key) for key, is_media in waited_for if key not in canceled]
    jobs = [job for job in found if job is not None]
    # Without any, what was made is done since the page asked for it: the next run has it.
    is_made = any(job.finished is None for job in jobs) or not (jobs or canceled)
    if is_asked or not is_made:
        states = ("failure", "canceled", "progress")
        show_answer(page, *(f".st-key-{state}-{place}" for state in states for place in places))
    page.was_waiting = is_made


def stop_waiting(place: str) -> None:
    """Stop waiting for what a place shows, because it shows nothing any more."""
    waited_for = _waits().at.pop(place, None)
    _leave_unless_awaited(waited_for, session().session_id)


def run_again() -> None:
    """Run the page again, because what it waited for is done. Not while the dialog that keeps a clip is open: it would
    be drawn anew, without the words that are just being typed. When it is closed the page runs again as well."""
    if analyze_page().keeps is None:
        st.rerun()


def _waits() -> Waits:
    waits: Waits = st.session_state.setdefault("_waits", Waits())
    return waits


def _leave_previous(place: str, request: Request, owner: str) -> None:
    at = _waits().at
    previous = at.get(place)
    at[place] = request.key, request.is_media
    _leave_unless_awaited(previous, owner)


def _leave_unless_awaited(waited_for: tuple[str, bool] | None, owner: str) -> None:
    """Stop waiting for a result that no place of the session's pages waits for any more."""
    if waited_for is not None and waited_for not in _waits().at.values():
        key, is_media = waited_for
        results.queue(runtime(), is_media).leave(key, owner)


def _draw_canceled(request: Request, heading: str, place: str) -> None:
    with st.container(key=f"canceled-{place}"):
        st.info(f"{plain(heading)}: canceled.", icon=":material/cancel:")
        if st.button("Start again", key=f"again-{place}", icon=":material/refresh:"):
            _waits().canceled.discard(request.key)
            st.rerun()


def _draw_failure(job: Job, request: Request, place: str) -> None:
    assert job.error is not None
    with st.container(key=f"failure-{place}"):
        st.error(plain(job.error.renamed(job.source, request.name)), icon=":material/error:")
        if st.button("Try again", key=f"retry-{place}", icon=":material/refresh:"):
            results.queue(runtime(), request.is_media).forget(job.key)
            st.rerun()


@st.fragment(run_every=POLL_S)
def _draw_progress(request: Request, heading: str, place: str, with_preview: bool) -> None:
    job = results.queue(runtime(), request.is_media).find(request.key)
    if job is None or job.finished is not None:
        run_again()
        return
    look = read_first_look(job.folder)
    if look is not None:
        draw_first_look(look)
    with st.container(border=True, height=PANEL_HEIGHT_PX if with_preview else "content", key=f"progress-{place}"):
        left, right = st.columns([3, 2], gap="medium") if with_preview else (st.container(), None)
        report = read_progress(job.folder)  # once: the job may end while this is drawn, and its report goes with it
        announce(f"{heading}: {'waiting' if report is None else report.stage}", place=place)
        with left:
            _draw_state(job, request, report, heading)
            if st.button("Cancel", key=f"cancel-{place}", icon=":material/close:"):
                _waits().canceled.add(request.key)
                results.queue(runtime(), request.is_media).leave(request.key, session().session_id)
                st.rerun()
            if with_preview and report is not None and len(report.curve) > 1:
                _draw_curve(report)
        if right is not None:
            _draw_preview(job, right)


def _draw_state(job: Job, request: Request, report: ProgressReport | None, heading: str) -> None:
    queue = results.queue(runtime(), request.is_media)
    if job.state is JobState.QUEUED and queue.ahead_of(job):
        st.progress(0.0, text=f"**{plain(heading)}** — {waiting_text(queue, job)}")
    elif report is None:
        st.progress(0.0, text=f"**{plain(heading)}** — starting; the worker loads what it needs")
    else:
        share = min(1.0, report.done / report.total) if report.total else 0.0
        st.progress(share, text=f"**{plain(heading)}** — {progress_text(report)}")


def waiting_text(queue: JobQueue, job: Job) -> str:
    """Return in words how long a job waits for its turn; in how many seconds once a job before it was timed."""
    wait_s = queue.wait_s(job)
    turn = "" if wait_s is None else f" · its turn comes in about {max(1, round(wait_s))} s"
    return f"waiting: {queue.ahead_of(job)} ahead in the queue{turn}"


def progress_text(report: ProgressReport) -> str:
    """Return a report in words: the stage, what is done, the time left."""
    words = [report.stage]
    if report.done:
        of_total = f" of {report.total}" if report.total else ""
        words.append(f"{report.done}{of_total} frames")
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
    picture = read_preview(job.folder)
    if picture is None:
        place.caption("The picture appears with the first frames.")
    else:
        place.image(picture, alt="The frame being read, with the faces found in it")
