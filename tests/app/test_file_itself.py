"""What the file says of itself, as the tab File shows it; the worker that reads the file stands beside these tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from deepfake.dashboard.analyze import file_itself
from deepfake.dashboard.analyze.file_itself import rate_sentence, zipped
from deepfake.video.credentials import Credentials
from deepfake.video.file_facts import FileFacts, Tag, read_file_facts
from deepfake.views.stills import frame_grid
from tests.app.driver import RUN_LIMIT_S


def file_page() -> None:
    import streamlit as st

    from deepfake.dashboard.analyze.file_itself import draw_file_itself

    draw_file_itself(st.session_state["ready"])


@pytest.fixture
def page(moving_square_clip: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The part of the tab for a clip without credentials and tags of a place, run without a worker."""
    monkeypatch.setattr(file_itself, "file_facts", lambda clip: read_file_facts(clip.path))
    monkeypatch.setattr(file_itself, "credentials", lambda clip: Credentials("none"))
    monkeypatch.setattr(
        file_itself, "frame_grid", lambda clip, *args, **options: frame_grid(clip.path, *args, **options)
    )
    test = AppTest.from_function(file_page, default_timeout=RUN_LIMIT_S)
    clip = SimpleNamespace(path=moving_square_clip, name="folder/square.mp4")
    analysis = SimpleNamespace(frame_timestamps_s=np.arange(24) / 24)
    test.session_state["ready"] = SimpleNamespace(clip=clip, analysis=analysis)
    return test


def words(test: AppTest) -> str:
    assert not test.exception
    return "\n".join(str(item.value) for kind in ("markdown", "caption", "warning") for item in getattr(test, kind))


def test_tags_credentials_rate_and_key_frames_are_shown(page: AppTest) -> None:
    shown = words(page.run())
    assert "None of this changes the verdict" in shown
    assert "No Content Credentials" in shown
    assert "encoding library" in set(page.dataframe[0].value["tag"])
    assert "it has one key frame" in shown
    assert "place" not in set(page.dataframe[0].value["tells"])
    assert not page.warning
    assert "0:00.00" in str([item.proto for item in page.get("image")])
    assert [item.label for item in page.get("download_button")] == ["Save these key frames"]


def test_a_place_is_warned_of(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_place(clip: SimpleNamespace) -> FileFacts:
        facts = read_file_facts(clip.path)
        return FileFacts((Tag("file", "location", "+14+120/", "place"),), facts.streams, facts.key_times_s,
                         facts.second_s, facts.bit_rate)  # fmt: skip

    monkeypatch.setattr(file_itself, "file_facts", with_place)
    assert "before you pass it on" in words(page.run())


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Credentials("valid", signer="Camera 7", claims=("c2pa.edited",)),
            ("what was signed", "c2pa.edited"),
        ),
        (Credentials("tampered", problems=("hash mismatch",)), ("was changed after it was signed", "hash mismatch")),
        (Credentials("unreadable"), ("could not be read",)),
    ],
)
def test_what_credentials_say_is_said_with_what_they_cannot_tell(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, found: Credentials, said: tuple[str, ...]
) -> None:
    monkeypatch.setattr(file_itself, "credentials", lambda clip: found)
    shown = words(page.run())
    for sentence in said:
        assert sentence in shown


def test_the_pace_of_key_frames_is_told() -> None:
    facts = FileFacts((), (), np.array([0, 1.0, 3.0]), np.empty(0), np.empty(0))
    assert rate_sentence(facts).startswith("key frames lie 1.00 to 2.00 s apart, usually 1.50 s")


def test_key_frames_are_saved_as_pictures_named_by_time(moving_square_clip: Path) -> None:
    tiles = frame_grid(moving_square_clip, [0, 12], [0.0, 0.5])
    with zipfile.ZipFile(io.BytesIO(zipped(tiles))) as archive:
        assert archive.namelist() == ["0m00s00-frame0.jpg", "0m00s50-frame12.jpg"]
