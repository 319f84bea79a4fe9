"""The Compare page: sample pairs, the original by metadata or by hand, one moment for both, what is no pair."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

OpenApp = Callable[..., AppTest]
RunUntil = Callable[[AppTest, Callable[[AppTest], bool]], AppTest]


def texts(test: AppTest) -> str:
    return "\n".join(element.value for element in [*test.markdown, *test.caption, *test.info, *test.warning])


def captions(test: AppTest) -> str:
    return str([item.proto for item in test.get("image")])


def has_samples(test: AppTest) -> bool:
    return any(button.label == "Compare this pair" for button in test.button)


def has_answer(test: AppTest) -> bool:
    return any(word in texts(test) for word in ("SAME SCENE", "NOT A PAIR", "CANNOT BE COMPARED"))


def button(test: AppTest, key: str):
    return next(item for item in test.button if item.key == key)


@pytest.fixture
def compared(app: OpenApp, run_until: RunUntil) -> AppTest:
    """The page with a fake of the built-in set and the original that its metadata names."""
    test = run_until(app("compare"), has_samples)
    button(test, "compare-sample-fake_a_flicker.mp4").click().run()
    return run_until(test, has_answer)


@pytest.fixture
def lonely_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path) -> Path:
    """A DFDC folder whose only fake names an original that is not there."""
    folder = tmp_path / "lonely"
    folder.mkdir()
    (folder / "fake.mp4").write_bytes(moving_square_clip.read_bytes())
    rows = {"fake.mp4": {"label": "FAKE", "split": "train", "original": "gone.mp4"}}
    (folder / "metadata.json").write_text(json.dumps(rows))
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(folder))
    return folder


def test_the_empty_page_offers_three_pairs_and_says_that_they_are_synthetic(app: OpenApp, run_until: RunUntil) -> None:
    test = run_until(app("compare"), has_samples)
    assert sum(item.label == "Compare this pair" for item in test.button) == 3
    assert "Synthetic" in texts(test)
    assert not has_answer(test)


def test_a_sample_finds_its_original_and_shows_both(compared: AppTest) -> None:
    assert not compared.exception
    assert not compared.error
    shown = texts(compared)
    assert "SAME SCENE" in shown
    assert "real_a.mp4, named by the data set's metadata" in shown
    assert "Same frame rate (25 fps)" in shown
    assert "Same size (640×480 px)" in shown
    assert "**Fake** · fake_a_flicker.mp4" in shown
    assert len(re.findall(r"P\(fake\) 0\.\d\d \(0\.\d\d–[01]\.\d\d\)", shown)) == 2
    assert "of that clip alone" in shown
    assert "**Original** · real_a.mp4" in shown
    for panel in ("Fake: frame", "Fake: 1 face", "Fake: face", "Original: frame", "Original: 1 face", "Original: face"):
        assert panel in captions(compared)
    assert (
        len(compared.get("plotly_chart")) == 4
    )  # both curves, fake against original, where they differ, P(fake) of both
    assert compared.query_params["fake"] == "demo/fake_a_flicker.mp4"
    assert compared.query_params["original"] == "demo/real_a.mp4"
    assert [item.label for item in compared.get("download_button")] == ["JSON"]


def test_the_greatest_differences_are_the_planted_flickers(compared: AppTest) -> None:
    moments = [item for item in compared.button if (item.key or "").startswith("compare-moment-")]
    assert len(moments) == 5
    frames = {int(item.key.rsplit("-", 1)[1]) for item in moments}
    assert frames & {20, 21}
    assert frames & {47}
    assert frames & {70, 71}


def test_a_moment_leads_both_clips_there(compared: AppTest) -> None:
    flicker = next(item for item in compared.button if item.key == "compare-moment-47")
    flicker.click().run()
    assert "Fake: frame 47, 0:01.88" in captions(compared)
    assert "Original: frame 47, 0:01.88" in captions(compared)
    assert compared.query_params["t"] == "1.880"
    compared.slider(key="compare-moment-slider").set_value(0.4).run()
    assert "Fake: frame 10, 0:00.40" in captions(compared)
    assert "Original: frame 10, 0:00.40" in captions(compared)
    assert not compared.exception


def test_both_faces_are_in_motion_at_three_speeds(compared: AppTest) -> None:
    assert len(compared.get("video")) == 1
    compared.segmented_control(key="compare-speed").set_value("Quarter").run()
    assert len(compared.get("video")) == 1
    assert not compared.exception


def test_a_stranger_chosen_by_hand_is_told_as_such(compared: AppTest, run_until: RunUntil) -> None:
    toggle = next(item for item in compared.toggle if item.label == "Another original")
    toggle.set_value(True).run()
    compared.selectbox(key="compare-original-clip").set_value("real_b.mp4").run()
    run_until(compared, lambda page: "NOT A PAIR" in texts(page))
    assert "do not belong together" in texts(compared)
    assert "Fake: frame" in captions(compared)  # all is shown nevertheless
    assert compared.query_params["original"] == "demo/real_b.mp4"


def test_an_original_that_is_not_on_disk_is_named_and_can_be_given(
    app: OpenApp, run_until: RunUntil, lonely_set: Path, moving_square_clip: Path
) -> None:
    test = app("compare")
    test.selectbox(key="compare-source").set_value(lonely_set.name).run()
    test.selectbox(key="compare-clip").set_value("fake.mp4").run()
    assert "gone.mp4 as the original of fake.mp4, but that clip is not on disk" in texts(test)
    assert not has_answer(test)
    test.file_uploader[1].set_value(("mine.mp4", moving_square_clip.read_bytes(), "video/mp4")).run()
    run_until(test, has_answer)
    assert "SAME SCENE" in texts(test)
    assert "identical to itself" in texts(test)
    assert "original" not in test.query_params  # an upload is never named in an address


def test_a_fake_without_its_original_can_be_analysed_alone(app: OpenApp, lonely_set: Path) -> None:
    test = app("compare")
    test.selectbox(key="compare-source").set_value(lonely_set.name).run()
    test.selectbox(key="compare-clip").set_value("fake.mp4").run()
    button(test, "compare-alone").click().run()
    assert test.header[0].value == "Analyze a clip"
    assert test.selectbox(key="analyze-clip").value == "fake.mp4"


def test_an_original_chosen_as_the_fake_offers_the_fakes_made_from_it(app: OpenApp, run_until: RunUntil) -> None:
    test = run_until(app("compare"), has_samples)
    test.selectbox(key="compare-clip").set_value("real_a.mp4").run()
    assert "labelled REAL" in texts(test)
    assert {item.label for item in test.button} >= {"fake_a_flicker.mp4", "fake_a_blurred.mp4"}
    button(test, "compare-fake-of-fake_a_blurred.mp4").click().run()
    assert test.selectbox(key="compare-clip").value == "fake_a_blurred.mp4"


def test_a_text_file_as_the_original_is_one_clear_sentence(
    app: OpenApp, run_until: RunUntil, lonely_set: Path, tmp_path: Path
) -> None:
    test = app("compare")
    test.selectbox(key="compare-source").set_value(lonely_set.name).run()
    test.selectbox(key="compare-clip").set_value("fake.mp4").run()
    test.file_uploader[1].set_value(("notes.mp4", b"these are notes", "video/mp4")).run()
    run_until(test, lambda page: bool(page.error))
    assert test.error[0].value.startswith("notes.mp4: this cannot be read as a video")
    assert not test.exception


def test_every_signal_of_the_face_can_be_compared(compared: AppTest) -> None:
    choice = compared.selectbox(key="compare-signal")
    assert choice.value == "learned_score"
    assert {"P(fake) of the scored frames", "Flicker of the face"} <= set(choice.options)
    choice.select_index(len(choice.options) - 1).run()
    assert not compared.exception
    assert "When it misleads" in texts(compared)
