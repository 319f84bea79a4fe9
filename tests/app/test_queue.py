"""Several files at once: the table of answers fills, a row opens its clip, and the table can be taken away."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.dashboard.analyze import queue
from deepfake.dashboard.analyze.queue import QueueRow, open_clicked, queue_table
from deepfake.dashboard.state import AnalyzePage
from deepfake.server.sessions import Upload
from tests.app.driver import RUN_LIMIT_S
from tests.store.samples import sample_analysis

UPLOADS = [Upload(Path(f"{i}.mp4"), f"clip {i}.mp4", f"{i:064x}", 1) for i in range(3)]


def queue_page() -> None:
    import streamlit as st

    from deepfake.analysis.model import AnalysisConfig
    from deepfake.dashboard.analyze.queue import draw_queue
    from deepfake.dashboard.state import analyze_page

    page = analyze_page()
    draw_queue(page, AnalysisConfig(), is_open=True)
    st.write(f"opens {page.opens}")


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, QueueRow]:
    """How far each upload is, to be changed by a test; no worker is asked."""
    rows = {upload.sha256: QueueRow(upload, None, "waiting") for upload in UPLOADS}
    session = SimpleNamespace(uploads={upload.sha256: upload for upload in UPLOADS})
    monkeypatch.setattr(queue, "session", lambda: session)
    monkeypatch.setattr(queue, "queue_row", lambda upload, config: rows[upload.sha256])
    return rows


def rows_of(test: AppTest) -> list[dict[str, object]]:
    assert not test.exception
    return test.dataframe[0].value.to_dict("records")


def test_the_answers_of_several_files_fill_a_table(states: dict[str, QueueRow]) -> None:
    test = AppTest.from_function(queue_page, default_timeout=RUN_LIMIT_S).run()
    assert [row["why"] for row in rows_of(test)] == ["waiting"] * 3
    states[UPLOADS[0].sha256] = QueueRow(UPLOADS[0], sample_analysis(1), "done")
    states[UPLOADS[2].sha256] = QueueRow(UPLOADS[2], None, "clip 2.mp4: no clip", failed=True)
    test.run()
    assert [row["answer"] for row in rows_of(test)] == ["⚠ Likely fake", "", ""]
    assert [row["why"] for row in rows_of(test)] == ["Too smooth: Ünïcode …", "waiting", "clip 2.mp4: no clip"]
    assert [item.proto.text for item in test.get("progress")] == ["Your files: 2 of 3 done"]
    assert [item.label for item in test.get("download_button")] == ["Save the table"]


def test_a_row_that_is_clicked_opens_its_clip_and_lets_go_of_the_selection(states: dict[str, QueueRow]) -> None:
    test = AppTest.from_function(queue_page, default_timeout=RUN_LIMIT_S).run()
    (key,) = [item.key for item in test.dataframe]
    test.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    test.run()
    assert not test.exception
    assert f"opens {UPLOADS[1].sha256}" in [item.value for item in test.markdown]
    assert [item.key for item in test.dataframe] != [key]


def test_what_was_clicked_is_chosen_once() -> None:
    page = AnalyzePage("analyze", opens="ab" * 32)
    assert open_clicked(page)
    assert (page.choice, page.opens) == (("uploads", "ab" * 32), None)
    assert not open_clicked(page)


def test_one_file_has_no_table(states: dict[str, QueueRow], monkeypatch: pytest.MonkeyPatch) -> None:
    one = SimpleNamespace(uploads={UPLOADS[0].sha256: UPLOADS[0]})
    monkeypatch.setattr(queue, "session", lambda: one)
    assert not AppTest.from_function(queue_page, default_timeout=RUN_LIMIT_S).run().dataframe


def test_the_table_says_what_failed_and_what_waits() -> None:
    rows = [QueueRow(UPLOADS[0], None, "notes.mp4: no", failed=True), QueueRow(UPLOADS[1], None, "waiting")]
    assert list(queue_table(rows)["why"]) == ["notes.mp4: no", "waiting"]


def test_a_clip_that_was_not_judged_has_no_probability() -> None:
    small = Evidence("face_too_small", "face_width", 0, {"px": 31.2, "at_least": 48.0})
    person = TrackVerdict(0, "INCONCLUSIVE", 0.4, (0.3, 0.5), 0.4, (small,))
    verdict = Verdict("INCONCLUSIVE", 0.4, (small,), (0.3, 0.5), (person,))
    unjudged = dataclasses.replace(sample_analysis(1), verdict=verdict)
    [shown] = queue_table([QueueRow(UPLOADS[0], unjudged, "done")]).to_dict("records")
    assert (shown["answer"], shown["P(fake)"]) == ("– Not judged", None)
