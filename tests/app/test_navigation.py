"""A link straight to a page, as the first request to a server."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.dashboard import navigation

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
