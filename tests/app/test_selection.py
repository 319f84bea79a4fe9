"""What rules a page, the time and the person, is what was chosen last, whatever the browser still says of before."""

from __future__ import annotations

import json

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from tests.app.driver import RUN_LIMIT_S


def selection_page() -> None:
    from types import SimpleNamespace

    import numpy as np
    import streamlit as st

    from deepfake.analysis.evidence import Evidence
    from deepfake.dashboard import selection
    from deepfake.dashboard.analyze import tabs
    from deepfake.dashboard.state import analyze_page

    page, times_s = analyze_page(), np.arange(100) / 25
    people = {number: SimpleNamespace(track_id=number) for number in range(2)}
    analysis = SimpleNamespace(tracks=list(people.values()), track=people.get)
    tabs.choose_tab_from_url(page)
    person = selection.chosen_person(page, analysis, "clip", at_first=0)
    _, time_s = selection.chosen_time(page, "clip", times_s)
    st.button("2 s", key="time", on_click=selection.set_time, args=(page, 2.0))
    st.button("Person 2", key="person", on_click=selection.set_person, args=(page, 1))
    reason = Evidence("compressed_too_hard", "bit_rate", None)
    st.button("The bit rate", key="tab", on_click=tabs.open_evidence, args=(page, reason))
    selection.choose_person(page, analysis)
    selection.time_slider(page, times_s)
    key = page.key("tabs")
    st.tabs(list(tabs.TABS.values()), key=key, on_change=tabs.left_tab, args=(page, key))
    tabs.keep_tab_in_url(page)
    tab = f"{st.session_state[key]}, {st.query_params.get('signal')}"
    st.write({"time": time_s, "person": person, "tab": tab})


def said(test: AppTest) -> WidgetStates:
    """What a browser that has the page says of its widgets whenever it asks for a run."""
    states = test._tree.get_widget_states()
    (tabs,) = test.get("tab_container")
    states.widgets.add(id=tabs.proto.id, string_value=tabs.children[tabs.proto.tab_container.default_tab_index].label)
    return states


@pytest.mark.parametrize(
    ("button", "what", "chosen"), [("time", "time", 2.0), ("person", "person", 1), ("tab", "tab", "File, bit_rate")]
)
def test_what_the_browser_says_a_moment_too_late_does_not_undo_a_click(button: str, what: str, chosen: object) -> None:
    test = AppTest.from_function(selection_page, default_timeout=RUN_LIMIT_S).run()
    before = said(test)
    test.button(key=button).click().run()
    test._run(before)
    test.run()
    assert not test.exception
    assert json.loads(test.json[0].value)[what] == chosen
