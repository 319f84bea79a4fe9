"""The Compare page: sample pairs, the original by metadata or by hand, one moment for both, what is no pair."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.app.driver import User
from tests.comparison.test_comparison import walk
from tests.conftest import WriteClip


@pytest.fixture
def compared() -> User:
    """The page with a fake of the built-in set and the original that its metadata names."""
    user = User("compare").arrive().wait_for_samples()
    user.take_sample("fake_a_flicker.mp4")
    return user.wait_for_answer()


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


def test_the_empty_page_offers_three_pairs_and_says_that_they_are_synthetic() -> None:
    user = User("compare").arrive().wait_for_samples()
    labels = [item.label for item in user.samples]
    assert len(set(labels)) == 3, "each is known by its name"
    assert all(label.startswith("Compare ") for label in labels)
    assert "Synthetic" in user.words
    assert not user.has_answer()


def test_a_sample_finds_its_original_and_shows_both(compared: User) -> None:
    assert not compared.exception
    assert not compared.error
    shown = compared.words
    assert "Same scene" in shown
    assert "named as the original by the data set's metadata" in shown
    assert "Same frame rate (25 frames/s)" in shown
    assert "Same size (640×480 px)" in shown
    assert "**A** · fake_a_flicker.mp4" in shown
    assert len(re.findall(r"P\(fake\) 0\.\d\d \(0\.\d\d–\u2060[01]\.\d\d\)", shown)) == 2, "on one line"
    assert "of that clip alone" in shown
    assert "**B** · real_a.mp4" in shown
    for panel in ("A: frame", "A: 1 face", "A: face", "B: frame", "B: 1 face", "B: face"):
        assert panel in compared.pictures
    assert (
        len(compared.get("plotly_chart")) == 4
    )  # both curves, fake against original, where they differ, P(fake) of both
    assert compared.query_params["a"] == "demo/fake_a_flicker.mp4"
    assert compared.query_params["b"] == "demo/real_a.mp4"
    assert [item.label for item in compared.get("download_button")] == [
        "Report",
        "PDF",
        "JSON",
        "Picture of this moment",
    ]


def test_the_greatest_differences_are_the_planted_flickers(compared: User) -> None:
    moments = compared.buttons_of("compare-moment-")
    assert len(moments) == 5
    frames = {int(item.key.rsplit("-", 1)[1]) for item in moments}
    assert frames & {20, 21}
    assert frames & {47}
    assert frames & {70, 71}


def test_a_moment_leads_both_clips_there(compared: User) -> None:
    flicker = next(item for item in compared.button if item.key == "compare-moment-47")
    flicker.click().run()
    assert "A: frame 47, 0:01.88" in compared.pictures
    assert "B: frame 47, 0:01.88" in compared.pictures
    assert compared.query_params["t"] == "1.880"
    compared.move_to(0.4)
    assert "A: frame 10, 0:00.40" in compared.pictures
    assert "B: frame 10, 0:00.40" in compared.pictures
    assert not compared.exception


def test_both_faces_are_in_motion_at_three_speeds(compared: User) -> None:
    assert len(compared.get("video")) == 1
    compared.segmented_control(key="compare-speed").set_value("Quarter speed").run()
    assert len(compared.get("video")) == 1
    assert not compared.exception


def test_a_stranger_chosen_by_hand_is_told_as_such(compared: User) -> None:
    toggle = next(item for item in compared.toggle if item.label == "Another B")
    toggle.set_value(True).run()
    assert "not on disk" not in compared.words, "its named original is"
    compared.choose("real_b.mp4", original=True)
    compared.wait_until(lambda page: "NOT A PAIR" in page.words)
    assert "do not belong together" in compared.words
    assert "A: frame" in compared.pictures  # all is shown nevertheless
    assert compared.query_params["b"] == "demo/real_b.mp4"


def test_a_clip_that_begins_later_than_the_other_is_laid_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_clip: WriteClip
) -> None:
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path))
    images = walk(70)
    write_clip(tmp_path / "whole.mp4", images)
    write_clip(tmp_path / "trimmed.mp4", images[8:])
    user = User("compare").arrive()
    user.choose("trimmed.mp4", source=tmp_path.name)
    user.choose("whole.mp4", source=tmp_path.name, original=True).wait_for_answer()
    assert "Same scene, A begins at 0:00.32 of B." in user.words
    assert "B is drawn where it belongs on A's time." in user.words
    user.click("compare-swap").wait_for_answer()
    assert "Same scene, B begins at 0:00.32 of A." in user.words
    slider = user.slider[0]
    assert slider.min == pytest.approx(0.32)
    assert slider.label.endswith("(8 to 69)")


def test_a_and_b_change_places_and_another_a_lets_go_of_b(compared: User) -> None:
    compared.click("compare-swap").wait_for_answer()
    assert "**A** · real_a.mp4" in compared.words
    assert "**B** · fake_a_flicker.mp4" in compared.words
    compared.click("compare-swap").wait_for_answer()
    assert "**A** · fake_a_flicker.mp4" in compared.words
    assert "named as the original by" in compared.words
    compared.click("compare-swap").wait_for_answer()
    compared.choose("real_b.mp4")
    assert compared.chooser("clip", original=True).value is None
    assert "b" not in compared.query_params
    assert not compared.exception


def test_both_can_be_taken_away_as_one_clip(compared: User) -> None:
    compared.click("compare-side-by-side")
    compared.wait_until(lambda page: "Side-by-side clip" in [item.label for item in page.get("download_button")])


def test_an_original_that_is_not_on_disk_is_named_and_can_be_given(lonely_set: Path, moving_square_clip: Path) -> None:
    user = User("compare").arrive()
    user.choose("fake.mp4", source=lonely_set.name)
    assert "gone.mp4 as the original of fake.mp4, but that clip is not on disk" in user.words
    assert not user.has_answer()
    user.upload(moving_square_clip, as_original=True).wait_for_answer()
    assert "Same scene" in user.words
    assert "identical to itself" in user.words
    assert "b" not in user.query_params  # an upload is never named in an address


def test_a_fake_without_its_original_can_be_analyzed_alone(lonely_set: Path) -> None:
    user = User("compare").arrive()
    user.choose("fake.mp4", source=lonely_set.name)
    user.click("compare-alone")
    assert user.heading == "Analyze a clip"
    assert user.chooser("clip").value == "fake.mp4"


def test_an_original_chosen_as_the_fake_offers_the_fakes_made_from_it() -> None:
    user = User("compare").arrive().wait_for_samples()
    user.choose("real_a.mp4")
    assert "labeled REAL" in user.words
    assert {item.label for item in user.button} >= {"fake_a_flicker.mp4", "fake_a_blurred.mp4"}
    user.click("compare-fake-of-fake_a_blurred.mp4")
    assert user.chooser("clip").value == "fake_a_blurred.mp4"


def test_a_text_file_as_the_original_is_one_clear_sentence(lonely_set: Path, tmp_path: Path) -> None:
    user = User("compare").arrive()
    user.choose("fake.mp4", source=lonely_set.name)
    notes = tmp_path / "notes.mp4"
    notes.write_bytes(b"these are notes")
    user.upload(notes, as_original=True).wait_for_error()
    assert user.error[0].value.startswith("notes.mp4: this cannot be read as a video")
    assert not user.exception


def test_after_a_clip_that_cannot_be_compared_the_next_answer_does_not_take_the_focus(
    compared: User, tmp_path: Path
) -> None:
    assert compared.scrolls_to == ".st-key-comparison"
    notes = tmp_path / "notes.mp4"
    notes.write_bytes(b"these are notes")
    compared.upload(notes).choose("real_a.mp4", source="demo", original=True).wait_for_error()
    assert not compared.is_waiting
    assert "compare" not in compared.session_state["_waits"].at, "nobody waits for a comparison of two others"
    compared.choose("fake_a_flicker.mp4", source="demo")
    assert compared.has_answer()
    assert compared.scrolls_to == ""


def test_every_signal_of_the_face_can_be_compared(compared: User) -> None:
    choice = compared.selectbox(key="compare-signal")
    assert choice.value == "learned_score"
    assert {"P(fake) of the scored frames", "Flicker of the face"} <= set(choice.options)
    choice.select_index(len(choice.options) - 1).run()
    assert not compared.exception
    assert "When it misleads" in compared.words
