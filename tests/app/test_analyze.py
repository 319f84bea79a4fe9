"""The Analyze page: samples, a verdict, the panels that follow a moment, canceling, and clips that cannot be used."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepfake.dashboard import waiting
from deepfake.dashboard.analyze import banner
from deepfake.dashboard.text import plain, without_first_folders
from deepfake.detectors import DEFAULT_CLASSIFIER
from deepfake.files import file_sha256
from deepfake.server.progress import ProgressReport
from deepfake.settings import load_settings
from tests.app.driver import User

MOST_WORDS = 250  # on Analyze before a tab is opened


@pytest.fixture(scope="module")
def no_face_clip(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    return write_clip(tmp_path_factory.mktemp("no-face") / "wall.mp4", (30, (96, 128)))


def test_the_empty_page_offers_three_samples_and_says_that_they_are_synthetic() -> None:
    user = User().arrive().wait_for_samples()
    labels = [item.label for item in user.samples]
    assert len(set(labels)) == 3, "each is known by its name"
    assert all(label.startswith("Analyze ") for label in labels)
    assert "Synthetic" in user.words
    assert not user.has_verdict()


def test_a_sample_is_one_click_from_its_verdict() -> None:
    user = User().arrive().wait_for_samples()
    user.take_sample("fake_pair_right.mp4")
    assert user.is_waiting
    assert user.button(key="cancel-analyze").label == "Cancel"
    user.wait_for_verdict()
    assert not user.exception
    shown = user.words
    assert re.search(r"P\(fake\) 0\.\d\d \(0\.\d\d–\u2060[01]\.\d\d\)", shown)
    assert "notebook" not in shown
    assert len(user.moments) == 3
    badges = " ".join(str(item.proto) for item in user.markdown)
    for person in ("Person 1", "Person 2"):  # each with a word, never color alone
        assert re.search(rf"{person} [●○◌] (fake|no signs|unclear)", badges)
    assert user.query_params["clip"] == "demo/fake_pair_right.mp4"
    assert {item.label for item in user.get("download_button")} == {"JSON", "CSV", "Report", "PDF"}
    assert 100 < len(user.words_in_view) <= MOST_WORDS, " ".join(user.words_in_view)


def test_one_moment_rules_the_panels(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    user.move_to(0.4)
    assert "frame 10, 0:00.40" in user.pictures
    user.one_frame_on()
    assert "frame 11, 0:00.44" in user.pictures
    assert user.query_params["t"] == "0.440"
    assert "clip" not in user.query_params  # an upload is never named in an address


def test_both_detectors_show_where_they_agree(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    user.segmented_control(key="analyze-detector").set_value("Both").run()
    assert not user.exception
    assert "1 found by both" in user.words


def test_a_drop_in_the_list_leads_to_its_frames(
    tmp_path: Path, write_clip: Callable[..., Path], talking_frames: list[np.ndarray]
) -> None:
    frames = [*talking_frames]
    frames[20] = np.ascontiguousarray(frames[20][:, ::-1])
    clip = write_clip(tmp_path / "jump.mp4", frames)
    user = User().arrive().at_tab("similarity").upload(clip).wait_for_verdict()
    drops = user.buttons_of("analyze-drop-frame_similarity-")
    assert {"20", "21"} & {item.key.rsplit("-", 1)[1] for item in drops if item.key}
    drops[0].click().run()
    assert not user.exception
    captions = user.pictures
    assert "Before: frame" in captions
    assert "similarity to the one before" in captions
    assert user.get("plotly_chart")


@pytest.mark.parametrize("tab", ["motion", "frames", "file"])
def test_every_tab_opens(talking_clip: Path, tab: str) -> None:
    user = User().arrive().at_tab(tab).upload(talking_clip).wait_for_verdict()
    assert not user.exception
    assert not user.error


def test_the_file_tab_names_the_clip_and_no_folder_of_the_server(talking_clip: Path) -> None:
    user = User().arrive().at_tab("file").upload(talking_clip).wait_for_verdict()
    rows = dict(user.table[0].value.itertuples(index=False))
    assert rows["Name"] == talking_clip.name
    assert (rows["Size"], rows["Frames"]) == ("640×480 px", "38")
    assert file_sha256(talking_clip) in [item.value for item in user.code]
    assert "sessions" not in str([item.value for item in user.table]) + user.words


def test_no_face_is_a_result_with_its_reason(no_face_clip: Path) -> None:
    user = User().arrive().upload(no_face_clip).wait_for_verdict()
    assert "NO FACE" in user.words
    (reason,) = user.reasons
    assert "No face was found" in reason.label
    assert "What can help" in user.words
    assert user.moments == []
    assert not user.error
    assert not user.exception


def test_a_text_file_named_mp4_is_one_clear_sentence_about_the_users_file(tmp_path: Path) -> None:
    path = tmp_path / "holiday.mp4"
    path.write_text("this is no clip")
    user = User().arrive().upload(path).wait_for_error()
    message = user.error[0].value
    assert message.startswith("holiday.mp4: this cannot be read as a video")
    assert "sessions" not in message
    assert not user.exception


def test_an_empty_file_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    user = User().arrive().upload(tmp_path / "empty.mp4").wait_for_error()
    assert user.error[0].value == "empty.mp4: the file is empty"


def test_an_analysis_can_be_canceled_and_begun_again(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    clip = write_clip(tmp_path / "long.mp4", (400, (240, 320)))
    user = User().arrive().upload(clip)
    user.cancel()
    assert "canceled" in user.words
    assert not user.is_waiting
    assert ".st-key-canceled-analyze" in user.scrolls_to, "the button that had the focus is gone"
    user.start_again()
    assert user.scrolls_to == ""
    user.wait_until(lambda user: user.scrolls_to == ".st-key-verdict")


def test_few_buttons_of_charts_lie_on_the_way_of_the_tab_key() -> None:
    user = User().arrive().wait_for_samples().take_sample("real_a.mp4").wait_for_verdict()
    configs = [json.loads(chart.proto.config) for chart in user.get("plotly_chart")]
    assert configs
    assert all({"zoom", "pan"} <= set(config["modeBarButtonsToRemove"]) for config in configs)


def test_a_report_that_goes_while_it_is_drawn_is_no_error(no_face_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends takes its report with it, at any moment of a page's run."""
    report = ProgressReport("Reading", 2, 4, 1.0, (0.9, 0.8), 1)
    answers = itertools.cycle([report, report, None])
    monkeypatch.setattr(waiting, "read_progress", lambda _: next(answers))
    User().arrive().upload(no_face_clip).wait_for_verdict()


def test_a_deleted_upload_is_gone(no_face_clip: Path) -> None:
    user = User().arrive().upload(no_face_clip).wait_for_verdict()
    user.click("analyze-delete")
    assert not user.has_verdict()
    assert "uploads" not in user.chooser("source").options
    assert not user.exception


def test_one_file_by_two_names_is_listed_once_and_told(no_face_clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(no_face_clip.read_bytes())
    user = User().arrive().upload(no_face_clip, copy).wait_for_verdict()
    assert user.chooser("clip").options == ["copy.mp4"]
    assert f"{no_face_clip.name} and copy.mp4 are the same file" in user.info[0].value
    assert "same file" not in user.upload(copy).words
    assert "same file" in user.upload(no_face_clip).words
    user.click("analyze-delete")
    assert "same file" not in user.words


def test_two_files_by_one_name_can_be_told_apart(no_face_clip: Path, moving_square_clip: Path, tmp_path: Path) -> None:
    copies = []
    for number, clip in enumerate((no_face_clip, moving_square_clip)):
        copies.append(tmp_path / str(number) / "clip.mp4")
        copies[-1].parent.mkdir()
        copies[-1].write_bytes(clip.read_bytes())
    user = User().arrive().with_haar()
    for copy in copies:
        user.upload(copy)
    chooser = user.chooser("clip")
    assert chooser.options == ["clip.mp4 (2)", "clip.mp4"]
    first = file_sha256(no_face_clip)
    chooser.set_value(first).run()
    assert user.chooser("clip").value == first


def test_an_address_with_anothers_upload_shows_nothing(no_face_clip: Path) -> None:
    owner = User().arrive().upload(no_face_clip).wait_for_verdict()
    sha256 = owner.chooser("clip").value
    stranger = User().arrive(clip=f"uploads/{sha256}")
    assert not stranger.has_verdict()
    assert "not here" in stranger.warning[0].value


def test_an_address_of_anothers_upload_says_where_uploads_stay(no_face_clip: Path) -> None:
    words = "An upload stays with the browser"
    owner = User().arrive().upload(no_face_clip).wait_for_verdict()
    address = {name: owner.query_params[name] for name in ("t", "panel")}
    stranger = User().arrive(**address)
    assert words in stranger.words
    stranger.upload(no_face_clip).wait_for_verdict()
    assert words not in stranger.words
    assert words not in User().arrive().words
    lost = User().arrive(clip="nosuch/x.mp4", t="1.2")
    assert "nosuch/x.mp4" in lost.warning[0].value
    assert words not in lost.words
    assert words not in owner.click(owner.buttons_of("analyze-delete")[0].key).words


def test_an_address_names_clip_and_moment() -> None:
    User().arrive().wait_for_samples()
    user = User().arrive(clip="demo/fake_pair_right.mp4", t="1.2").wait_for_verdict()
    assert user.time_slider.value == pytest.approx(1.2)


def test_an_address_of_a_card_leads_to_it_also_where_the_clip_is_analyzed_first() -> None:
    user = User()
    user.session_state["settings-search"] = 1.4  # no other test has it analyzed like this
    user.arrive(clip="demo/fake_b_warped.mp4", panel="evidence", signal="face_sharpness").wait_for_verdict()
    assert not user.exception
    assert "#evidence-face_sharpness" in "".join(str(item.proto) for item in user.get("bidi_component"))


def test_a_link_that_was_clicked_and_an_answer_that_was_waited_for_are_one_place_to_go_to() -> None:
    user = User().arrive(clip="demo/real_a.mp4").wait_for_verdict()
    page = user.session_state["_page-analyze"]
    page.was_waiting = page.scrolls = True  # the run after the click was stopped by another clip that was chosen
    user.run()
    assert not user.exception
    assert user.scrolls_to.startswith(".st-key-analyze-tabs")


def test_an_address_names_a_classifier_that_is_not_the_usual_one(talking_clip: Path) -> None:
    user = User().scored_by("capsule").arrive().upload(talking_clip).wait_for_verdict()
    assert user.query_params["classifier"] == "capsule"
    assert "by Capsule network" in user.words
    shared = User().arrive(classifier="capsule")
    assert shared.chosen_classifier == "capsule"
    usual = User().arrive()
    assert usual.chosen_classifier == DEFAULT_CLASSIFIER
    assert "classifier" not in usual.query_params
    odd = User().arrive(classifier="*none*")
    assert plain("*none*") in odd.warning[0].value
    assert odd.chosen_classifier == DEFAULT_CLASSIFIER


def test_a_moment_within_a_second_says_where_the_player_starts(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    words = "The player starts at whole seconds"
    assert words not in user.words
    assert f"{words}: at 0:00.00, not 0:00.80" in user.move_to(0.8).words
    assert words not in user.move_to(1.0).words


def test_choices_survive_a_visit_to_another_page(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    user.move_to(0.8)
    user.open_tab("frames")
    user.go_to("methods")
    user.go_to("analyze")
    assert user.has_verdict()
    assert user.time_slider.value == pytest.approx(0.8)
    assert user.tab == "Frames"


def test_a_wrong_setting_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFAKE_WORKERS", "many")
    user = User().arrive()
    assert "DEEPFAKE_WORKERS" in user.error[0].value
    assert not user.exception


def test_the_evidence_shows_where_the_detector_looked_and_leads_to_moments(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    user.open_tab("evidence")
    assert "Where the classifier looked" in [item.value for item in user.subheader]
    assert re.search(r"Person 1, frame \d+, ", user.words)  # the picture nearest to the moment
    captions = user.pictures
    assert re.search(r"P\(fake\) [01]\.\d\d of this picture alone", captions)
    assert "solid outline" in user.words  # told apart without color
    moments = user.buttons_of("analyze-suspicious-")
    assert len(moments) == 4
    scores = [float(item.label.rsplit(" ", 1)[1]) for item in moments]
    assert scores == sorted(scores, reverse=True)
    moments[1].click().run()
    frame = int(moments[1].key.rsplit("-", 1)[1])
    assert f"Person 1, frame {frame}, " in user.words
    assert user.time_slider.value == pytest.approx(frame / 25)
    assert not user.exception


def test_a_reason_opens_its_own_panel_and_the_address_says_so(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    assert 1 <= len(user.reasons) <= 3
    assert all(item.help.startswith("Opens the tab ") for item in user.reasons)
    score = next(item for item in user.reasons if "pictures of the face" in item.label)
    score.click().run()
    assert "Evidence" in user.tab
    assert (user.query_params["panel"], user.query_params["signal"]) == ("evidence", "learned_score")
    assert not user.exception


def test_a_moment_of_the_card_rules_the_page(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    times = [item.label for item in user.moments]
    assert len(times) == 3
    assert times == sorted(times)
    user.moments[-1].click().run()
    frame = int(user.moments[-1].key.rsplit("-", 1)[1])
    assert user.time_slider.value == pytest.approx(frame / 25)
    assert not user.exception


def test_what_can_help_is_one_click_away(talking_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banner, "next_steps", lambda verdict: ("moments", "compare"))
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    user.click("banner-moments")
    highest = user.buttons_of("analyze-suspicious-")[0]
    assert user.tab == "Evidence"
    assert user.time_slider.value == pytest.approx(int(highest.key.rsplit("-", 1)[1]) / 25)
    user.click("banner-compare")
    assert user.at == "compare"
    assert user.chooser("clip").value == file_sha256(talking_clip)
    assert not user.exception


def test_an_analysis_that_came_without_pictures_gets_them(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    kept = load_settings().cache_dir / "servers"
    for folder in kept.glob(f"*/of-uploads/{file_sha256(talking_clip)}*-moments"):
        shutil.rmtree(folder)  # made for an analysis that came from the store
    for path in kept.glob(f"*/of-uploads/{file_sha256(talking_clip)}*/moments.bin"):
        path.unlink()
    user.run()
    user.wait_until(lambda user: len(user.moments) == 3)


def test_the_rule_of_the_notebook_is_on_the_tab_of_similarity(talking_clip: Path) -> None:
    user = User().arrive().at_tab("similarity").upload(talking_clip).wait_for_verdict()
    assert "The rule that this project began with says" in user.words
    assert "not whether a face is real" in user.words


def test_the_faces_panel_says_how_good_the_pictures_are(talking_clip: Path) -> None:
    user = User().arrive().upload(talking_clip).wait_for_verdict()
    quality = next(item for item in user.caption if "Quality of Person 1" in item.value)
    assert re.search(r"\d+ px wide \(at least 48\)", quality.value)
    assert re.search(r"edges smeared by \d\.\d of 224 px", quality.help)
    assert "seen in 100% of the clip's frames" in quality.help


def test_the_evidence_of_a_clip_without_faces_says_why_it_is_empty(no_face_clip: Path) -> None:
    user = User().arrive().at_tab("evidence").upload(no_face_clip).wait_for_verdict()
    assert "there is nothing to score" in user.words
    alts = [chart.proto.alt for chart in user.get("plotly_chart")]
    assert any(alt.endswith(". No face was found in any frame.") for alt in alts), "read out where there is no timeline"
    assert not user.exception


def test_the_person_of_the_verdict_is_shown_first() -> None:
    user = User().arrive().wait_for_samples()
    user.take_sample("fake_pair_right.mp4")
    user.wait_for_verdict()
    accused = re.search(r"Person (\d)’s face", " ".join(item.label for item in user.reasons))
    assert accused is not None
    assert user.person_choice.value == int(accused.group(1)) - 1


def test_faces_without_landmarks_get_no_probability_and_the_reason(talking_clip: Path) -> None:
    user = User().with_haar().arrive().at_tab("evidence").upload(talking_clip).wait_for_verdict()
    assert not user.exception
    assert "NOT JUDGED" in user.words
    assert "MTCNN" in user.words
    assert "MTCNN" in "\n".join(item.value for item in user.info)
    assert not re.search(r"P\(fake\) [01]\.\d\d \(", user.words)


def test_long_names_of_a_set_are_cut_only_where_they_can_still_be_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path
) -> None:
    folder = tmp_path / "clips"
    names = [
        "real/id00012/21Uxsk56VDQ/00001/fake_video_real_audio.mp4",
        "real/id00076/31Uxsk56VDQ/00001/fake_video_real_audio.mp4",
        "real/id00076/31Uxsk56VDQ/00002/real_video_real_audio.mp4",
    ]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(moving_square_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(folder))
    options = User().arrive().choose(source="clips").chooser("clip").options
    assert [option.split(" ")[0] for option in options] == [*names[:2], without_first_folders(names[2])]
    assert without_first_folders(names[0]) == without_first_folders(names[1])
