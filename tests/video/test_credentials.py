"""Content Credentials: a clip signed with a test certificate holds, one that was changed since does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake.video.credentials import read_credentials
from tests.video.signing import SIGNER, change, sign


@pytest.fixture(scope="module")
def signed_clip(moving_square_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sign(moving_square_clip, tmp_path_factory.mktemp("signed") / "signed.mp4")


def test_a_signed_clip_says_who_signed_it_and_what_was_done(signed_clip: Path) -> None:
    found = read_credentials(signed_clip)
    assert found.state == "valid"
    assert found.signer == SIGNER
    assert found.tool == "Test camera 1.0"
    assert found.claims == ("c2pa.created", "c2pa.edited")
    assert found.sources == ("digitalCapture",)
    assert found.problems == ()


def test_a_clip_that_was_changed_since_is_told(signed_clip: Path, tmp_path: Path) -> None:
    found = read_credentials(change(signed_clip, tmp_path / "changed.mp4"))
    assert found.state == "tampered"
    assert found.signer == SIGNER
    assert found.problems


def test_most_clips_have_none(moving_square_clip: Path) -> None:
    assert read_credentials(moving_square_clip).state == "none"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_what_is_no_clip_raises_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("no clip")
    assert read_credentials(path).state in ("none", "unreadable")
