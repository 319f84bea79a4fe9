"""A link straight to a page, as the first request to a server."""

import pytest

from deepfake.dashboard import clip_choice
from tests.app.driver import User


def test_a_link_to_a_sample_waits_until_the_samples_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_choice, "demo_when_ready", lambda: False)
    user = User().arrive(clip="demo/real_a.mp4")
    assert not user.exception
    assert not user.warning
    assert user.query_params["clip"] == "demo/real_a.mp4"
