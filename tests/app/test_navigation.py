"""A link straight to a page, as the first request to a server."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.dashboard import clip_choice

ROOT = Path(__file__).resolve().parents[2]


def test_a_link_to_a_sample_waits_until_the_samples_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_choice, "demo_when_ready", lambda: False)
    test = AppTest.from_file(str(ROOT / "pages" / "app.py"), default_timeout=60)
    test.query_params["clip"] = "demo/real_a.mp4"
    test.run()
    assert not test.exception
    assert not test.warning
    assert test.query_params["clip"] == "demo/real_a.mp4"
