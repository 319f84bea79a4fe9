"""The words of the verdict, and where its reasons lead."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.analysis.evidence import Evidence
from deepfake.dashboard.analyze.banner import DIRECTION_ICONS
from deepfake.dashboard.analyze.tabs import TABS, card_targets, tab_of
from deepfake.dashboard.state import AnalyzePage
from deepfake.dashboard.verdict_style import VERDICT_LOOKS, answer_markdown
from deepfake.report import wording
from deepfake.report.card import ANSWER_WORDS
from deepfake.report.wording import VERDICT_WORDS
from deepfake.words import score_text
from tests.app.driver import RUN_LIMIT_S
from tests.store.samples import sample_analysis


def test_the_probability_is_told_with_its_interval_where_there_is_one() -> None:
    assert score_text(0.934, (0.861, 0.9688)) == "P(fake) 0.93 (0.86–0.97)"
    assert score_text(0.5, None) == "P(fake) 0.50"
    assert score_text(None, None) == ""


def test_verdicts_differ_in_word_and_icon_as_well_as_in_color() -> None:
    looks = VERDICT_LOOKS.values()
    assert len({look.icon for look in looks}) == len({look.person for look in looks}) == 5
    assert len({look.color for look in looks}) == 3
    assert len(set(VERDICT_WORDS.values())) == 3
    assert len({answer_markdown(answer) for answer in ANSWER_WORDS}) == 5
    assert len(set(DIRECTION_ICONS.values())) == 3


def test_a_card_is_looked_for_before_the_tabs() -> None:
    assert card_targets(AnalyzePage("analyze"), "face_sharpness") == [
        "#evidence-face_sharpness",
        ".st-key-analyze-tabs",
    ]


def test_what_hides_a_face_is_shown_where_it_is_outlined() -> None:
    codes = {"face_hidden": "hidden_share", "face_smoothed": "smoothed_probability"}
    tabs = [tab_of(Evidence(code, signal, 0)) for code, signal in codes.items()]
    assert tabs == ["evidence", "faces"]


def panels_page() -> None:
    import streamlit as st

    from deepfake.analysis.evidence import Evidence
    from deepfake.dashboard.analyze import tabs
    from deepfake.dashboard.state import analyze_page

    page = analyze_page()
    tabs.choose_tab_from_url(page)
    bit_rate = Evidence("compressed_too_hard", "bit_rate", 1)
    st.button("reason", key="reason", on_click=tabs.open_evidence, args=(page, bit_rate))
    st.button("plain", key="plain", on_click=tabs.open_tab, args=(page, "evidence"))
    titles = list(tabs.TABS.values())
    key = page.key("tabs")
    drawn = st.tabs(titles, key=key, on_change=tabs.left_tab, args=(page, key))
    st.write(next((title for tab, title in zip(drawn, titles, strict=True) if tab.open), "none"))
    tabs.keep_tab_in_url(page)
    tabs.scroll_to_tab(page)


def shown(test: AppTest) -> str:
    assert not test.exception
    return test.markdown[-1].value


def scripts(test: AppTest) -> str:
    return "".join(str(item.proto) for item in test.get("bidi_component"))


def test_a_reason_opens_its_panel_for_its_person_and_names_it_in_the_url() -> None:
    test = AppTest.from_function(panels_page, default_timeout=RUN_LIMIT_S).run()
    assert shown(test) == TABS["faces"]
    assert scripts(test) == ""
    test.button(key="reason").click().run()
    assert shown(test) == TABS["file"]
    assert test.session_state["_page-analyze"].track_id == 1
    assert test.query_params["panel"] == "file"
    assert test.query_params["signal"] == "bit_rate"
    assert "#evidence-bit_rate" in scripts(test)
    test.run()
    assert scripts(test) == "", "it scrolls once"
    assert test.query_params["signal"] == "bit_rate"


def test_a_second_click_scrolls_again() -> None:
    test = AppTest.from_function(panels_page, default_timeout=RUN_LIMIT_S).run()
    first = scripts(test.button(key="reason").click().run())
    second = scripts(test.button(key="reason").click().run())
    assert first != second != ""


def test_a_panel_without_a_card_leaves_no_signal_in_the_url() -> None:
    test = AppTest.from_function(panels_page, default_timeout=RUN_LIMIT_S).run()
    test.button(key="reason").click().run()
    test.button(key="plain").click().run()
    assert shown(test) == TABS["evidence"]
    assert test.query_params["panel"] == "evidence"
    assert "signal" not in test.query_params
    assert f".st-key-{test.session_state['_page-analyze'].key('tabs')}" in scripts(test)


@pytest.mark.parametrize("panel", TABS)
def test_a_shared_address_opens_its_panel(panel: str) -> None:
    test = AppTest.from_function(panels_page, default_timeout=RUN_LIMIT_S)
    test.query_params["panel"] = panel
    test.query_params["signal"] = "face_sharpness"
    test.run()
    assert shown(test) == TABS[panel]
    assert "#evidence-face_sharpness" in scripts(test)


def test_a_shared_address_of_a_tab_leaves_the_answer_in_view() -> None:
    test = AppTest.from_function(panels_page, default_timeout=RUN_LIMIT_S)
    test.query_params["panel"] = "evidence"
    test.run()
    assert shown(test) == TABS["evidence"]
    assert scripts(test) == ""


@pytest.mark.parametrize(("panel", "signal"), [("nowhere", "x"), ("evidence", '");alert(1);//'), ("evidence", "a b")])
def test_what_an_address_invents_is_not_followed(panel: str, signal: str) -> None:
    test = AppTest.from_function(panels_page, default_timeout=RUN_LIMIT_S)
    test.query_params["panel"] = panel
    test.query_params["signal"] = signal
    test.run()
    assert shown(test) == TABS[panel if panel in TABS else "faces"]
    assert signal not in scripts(test)
    assert "signal" not in test.query_params


def banner_page() -> None:
    from types import SimpleNamespace

    from deepfake.dashboard.analyze.banner import draw_banner
    from tests.store.samples import sample_analysis

    ready = SimpleNamespace(
        analysis=sample_analysis(1), clip=SimpleNamespace(label=None), moments_when_ready=lambda place: None
    )
    draw_banner(ready, on_tab=lambda _: None, on_reason=lambda _: None, on_moment=lambda *_: None)


def test_a_clip_of_the_training_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    badge = "seen in training"
    assert badge not in shown_words(AppTest.from_function(banner_page, default_timeout=RUN_LIMIT_S).run())
    monkeypatch.setattr(wording, "training_clips", lambda name: frozenset({sample_analysis(1).video.sha256}))
    assert badge in shown_words(AppTest.from_function(banner_page, default_timeout=RUN_LIMIT_S).run())


def shown_words(test: AppTest) -> str:
    assert not test.exception
    return "\n".join(item.value for item in test.markdown)
