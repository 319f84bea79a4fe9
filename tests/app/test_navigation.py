"""A link straight to a page, as the first request to a server."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.dashboard import clip_choice, navigation

ROOT = Path(__file__).resolve().parents[2]

LONE_PAGE = """
import streamlit as st
from deepfake.dashboard.navigation import ensure_navigation

st.session_state["runs"] = st.session_state.get("runs", 0) + 1
ensure_navigation()
st.header("drawn")
"""


@pytest.mark.parametrize(("alone", "runs"), [(True, 2), (False, 1)])
def test_a_page_that_runs_on_its_own_starts_over_once(monkeypatch: pytest.MonkeyPatch, alone: bool, runs: int) -> None:
    manager = SimpleNamespace(uses_pages_directory=alone)
    monkeypatch.setattr(navigation, "PagesManager", manager)
    test = AppTest.from_string(LONE_PAGE).run()
    assert test.session_state["runs"] == runs
    assert manager.uses_pages_directory is False
    assert [header.value for header in test.header] == ["drawn"]


def test_a_link_to_a_sample_waits_until_the_samples_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_choice, "demo_when_ready", lambda: False)
    test = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    test.query_params["clip"] = "demo/real_a.mp4"
    test.run()
    assert not test.exception
    assert not test.warning
    assert test.query_params["clip"] == "demo/real_a.mp4"
