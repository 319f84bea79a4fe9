"""What Analyze makes on demand: re-compression and the attributed clip, by a button, with progress and cancel."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

OpenApp = Callable[..., AppTest]
RunUntil = Callable[[AppTest, Callable[[AppTest], bool]], AppTest]


def texts(test: AppTest) -> str:
    places = [*test.markdown, *test.caption, *test.info, *test.success, *test.warning, *test.subheader]
    return "\n".join(str(element.value) for element in places)


def has_button(test: AppTest, key: str) -> bool:
    return any(item.key == key for item in test.button)


@pytest.fixture
def at_tab(app: OpenApp, run_until: RunUntil, talking_clip: Path) -> Callable[[str, str], AppTest]:
    """Factory: the page with a clip analysed, at a tab, when that shows a button."""

    def open_tab(tab: str, key: str) -> AppTest:
        test = app()
        test.session_state["analyze-tabs"] = tab
        test.file_uploader[0].set_value((talking_clip.name, talking_clip.read_bytes(), "video/mp4")).run()
        return run_until(test, lambda page: has_button(page, key))

    return open_tab


def test_recompression_runs_on_demand_can_be_cancelled_and_is_kept(
    at_tab: Callable[[str, str], AppTest], run_until: RunUntil
) -> None:
    test = at_tab(":material/compress: Re-compress", "analyze-recompress")
    assert len(test.dataframe) == 0
    test.button(key="analyze-recompress").click().run()
    assert test.get("progress")
    test.button(key="cancel-analyze-recompression").click().run()
    assert "cancelled" in texts(test)
    test.button(key="again-analyze-recompression").click().run()
    run_until(test, lambda page: len(page.dataframe) > 0)
    assert not test.exception
    table = test.dataframe[0].value
    assert table["Rate"].tolist() == ["as it is", "CRF 23", "CRF 32", "CRF 40"]
    assert all(re.fullmatch(r"0\.\d\d \(0\.\d\d–[01]\.\d\d\)", text) for text in table["P(fake)"])
    assert re.search(r"The verdict (stays|changes)", texts(test))
    # Shown at once from now on, without the button.
    test.run()
    assert len(test.dataframe) > 0
    assert not has_button(test, "analyze-recompress")


def test_the_attributed_clip_and_the_spectrum_are_on_the_evidence_tab(
    at_tab: Callable[[str, str], AppTest], run_until: RunUntil
) -> None:
    test = at_tab(":material/search_insights: Evidence", "analyze-looked")
    anchors = {item.anchor for item in test.subheader}
    assert {"evidence-learned_score", "evidence-high_frequency_excess", "evidence-eye_openness"} <= anchors
    assert "within the range of real faces" in texts(test)
    assert "A weak classifier: AUC" in texts(test)
    test.button(key="analyze-looked").click().run()
    run_until(test, lambda page: "left the face, right the same" in texts(page))
    assert not test.exception
    assert "P(fake) of 38 pictures of Person 1" in str([item.proto for item in test.get("plotly_chart")])
