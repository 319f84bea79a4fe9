"""What Analyze makes on demand: re-compression and the attributed clip, by a button, with progress and cancel."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deepfake.server.tasks import RECOMPRESSION_FILE
from tests import quick_network
from tests.app.driver import User


@pytest.fixture
def at_tab(talking_clip: Path) -> Callable[[str, str], User]:
    """Factory: the page with a clip analyzed, at a tab, when that shows a button."""

    def open_tab(tab: str, key: str) -> User:
        user = User().arrive().at_tab(tab).upload(talking_clip)
        return user.wait_until(lambda page: page.has_button(key))

    return open_tab


def test_recompression_runs_on_demand_can_be_canceled_and_is_kept(at_tab: Callable[[str, str], User]) -> None:
    user = at_tab("recompress", "analyze-recompress")
    assert len(user.dataframe) == 0
    with quick_network.held():
        user.click("analyze-recompress")
        assert user.is_waiting
        user.cancel("analyze-recompress")
        assert "canceled" in user.words
    user.start_again("analyze-recompress")
    user.wait_until(lambda page: len(page.dataframe) > 0)
    assert not user.exception
    table = user.dataframe[0].value
    assert table["Rate"].tolist() == ["as it is", "CRF 23", "CRF 32", "CRF 40"]
    assert all(re.fullmatch(r"0\.\d\d \(0\.\d\d–[01]\.\d\d\)", text) for text in table["P(fake)"])
    assert re.search(r"The verdict (stays|changes)", user.words)
    # Shown at once from now on, without the button.
    user.run()
    assert len(user.dataframe) > 0
    assert not user.has_button("analyze-recompress")
    # One that is damaged is said to be, and made anew.
    [kept] = Path(os.environ["DEEPFAKE_CACHE_DIR"]).rglob(RECOMPRESSION_FILE)
    kept.write_text("{")
    with quick_network.held():
        user.run()
        assert "could not be read and was removed" in user.errors[0]
        assert user.run().is_waiting


def test_the_attributed_clip_and_the_spectrum_are_on_the_evidence_tab(at_tab: Callable[[str, str], User]) -> None:
    user = at_tab("evidence", "analyze-looked")
    anchors = {item.anchor for item in user.subheader}
    assert {"evidence-learned_score", "evidence-high_frequency_excess", "evidence-eye_openness"} <= anchors
    assert "within the range of real faces" in user.words
    assert "Do not rely on it (an AUC of 0.5 is chance): AUC" in user.words
    user.click("analyze-looked")
    user.wait_until(lambda page: "left the face, right the same" in page.words)
    assert not user.exception
    assert "P(fake) of 38 pictures of Person 1" in str([item.proto for item in user.get("plotly_chart")])
