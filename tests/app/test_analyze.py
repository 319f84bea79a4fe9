"""The Analyze page: samples, a verdict, the panels that follow a moment, cancelling, and clips that cannot be used."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from deepfake.files import file_sha256
from deepfake.server import jobs
from deepfake.server.progress import ProgressReport

OpenApp = Callable[..., AppTest]
RunUntil = Callable[[AppTest, Callable[[AppTest], bool]], AppTest]


def texts(test: AppTest) -> str:
    return "\n".join(element.value for element in [*test.markdown, *test.caption, *test.info])


def has_verdict(test: AppTest) -> bool:
    return any(word in texts(test) for word in ("LIKELY REAL", "INCONCLUSIVE", "LIKELY FAKE"))


def has_samples(test: AppTest) -> bool:
    return any(button.label == "Analyze this sample" for button in test.button)


def upload(test: AppTest, path: Path) -> AppTest:
    test.file_uploader[0].set_value((path.name, path.read_bytes(), "video/mp4")).run()
    return test


def reasons(test: AppTest):
    return [item for item in test.button if (item.key or "").startswith("banner-reason-")]


def button(test: AppTest, key: str):
    return next(item for item in test.button if item.key == key)


@pytest.fixture(scope="module")
def no_face_clip(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    return write_clip(tmp_path_factory.mktemp("no-face") / "wall.mp4", (30, (96, 128)))


def test_the_empty_page_offers_three_samples_and_says_that_they_are_synthetic(
    app: OpenApp, run_until: RunUntil
) -> None:
    test = run_until(app(), has_samples)
    assert sum(item.label == "Analyze this sample" for item in test.button) == 3
    assert "Synthetic" in texts(test)
    assert not has_verdict(test)


def test_a_sample_is_one_click_from_its_verdict(app: OpenApp, run_until: RunUntil) -> None:
    test = run_until(app(), has_samples)
    button(test, "analyze-sample-fake_pair_right.mp4").click().run()
    assert test.get("progress")
    assert button(test, "cancel-analyze").label == "Cancel"
    run_until(test, has_verdict)
    assert not test.exception
    shown = texts(test)
    assert re.search(r"P\(fake\) 0\.\d\d \(0\.\d\d–[01]\.\d\d\)", shown)
    assert "A heuristic beside it, no part of the verdict" in shown
    assert "not whether a face is genuine" in shown
    badges = " ".join(str(item.proto) for item in test.markdown)
    for person in ("Person 1", "Person 2"):  # each with a word, never colour alone
        assert re.search(rf"{person} [●○◌] (fake|real|unclear)", badges)
    assert test.query_params["clip"] == "demo/fake_pair_right.mp4"
    assert {item.label for item in test.get("download_button")} == {"JSON", "CSV", "Report"}


def test_one_moment_rules_the_panels(app: OpenApp, run_until: RunUntil, talking_clip: Path) -> None:
    test = run_until(upload(app(), talking_clip), has_verdict)
    test.slider(key="analyze-moment-slider").set_value(0.4).run()
    assert "frame 10, 0:00.40" in str([item.proto for item in test.get("image")])
    button(test, "analyze-on").click().run()
    assert "frame 11, 0:00.44" in str([item.proto for item in test.get("image")])
    assert test.query_params["t"] == "0.440"
    assert "clip" not in test.query_params  # an upload is never named in an address


def test_both_detectors_show_where_they_agree(app: OpenApp, run_until: RunUntil, talking_clip: Path) -> None:
    test = run_until(upload(app(), talking_clip), has_verdict)
    test.segmented_control(key="analyze-detector").set_value("Both").run()
    assert not test.exception
    assert "1 found by both" in texts(test)


def test_a_drop_in_the_list_leads_to_its_frames(
    app: OpenApp, run_until: RunUntil, tmp_path: Path, write_clip: Callable[..., Path], talking_frames: list[np.ndarray]
) -> None:
    frames = [*talking_frames]
    frames[20] = np.ascontiguousarray(frames[20][:, ::-1])
    clip = write_clip(tmp_path / "jump.mp4", frames)
    test = app()
    test.session_state["analyze-tabs"] = ":material/show_chart: Similarity"
    run_until(upload(test, clip), has_verdict)
    drops = [item for item in test.button if (item.key or "").startswith("analyze-drop-frame_similarity-")]
    assert {"20", "21"} & {item.key.rsplit("-", 1)[1] for item in drops if item.key}
    drops[0].click().run()
    assert not test.exception
    captions = str([item.proto for item in test.get("image")])
    assert "Before: frame" in captions
    assert "similarity to the one before" in captions
    assert test.get("plotly_chart")


@pytest.mark.parametrize("tab", ["animation: In motion", "grid_view: Frames", "info: File"])
def test_every_tab_opens(app: OpenApp, run_until: RunUntil, talking_clip: Path, tab: str) -> None:
    test = app()
    test.session_state["analyze-tabs"] = f":material/{tab}"
    run_until(upload(test, talking_clip), has_verdict)
    assert not test.exception
    assert not test.error


def test_the_file_tab_names_the_clip_and_no_folder_of_the_server(
    app: OpenApp, run_until: RunUntil, talking_clip: Path
) -> None:
    test = app()
    test.session_state["analyze-tabs"] = ":material/info: File"
    run_until(upload(test, talking_clip), has_verdict)
    rows = dict(test.table[0].value.itertuples(index=False))
    assert rows["Name"] == talking_clip.name
    assert (rows["Size"], rows["Frames"]) == ("640×480 px", "38")
    assert file_sha256(talking_clip) in [item.value for item in test.code]
    assert "sessions" not in str([item.value for item in test.table]) + texts(test)


def test_no_face_is_a_result_with_its_reason(app: OpenApp, run_until: RunUntil, no_face_clip: Path) -> None:
    test = run_until(upload(app(), no_face_clip), has_verdict)
    assert "INCONCLUSIVE" in texts(test)
    (reason,) = reasons(test)
    assert "No face was found" in reason.label
    assert not test.error
    assert not test.exception


def test_a_text_file_named_mp4_is_one_clear_sentence_about_the_users_file(
    app: OpenApp, run_until: RunUntil, tmp_path: Path
) -> None:
    path = tmp_path / "holiday.mp4"
    path.write_text("this is no clip")
    test = run_until(upload(app(), path), lambda page: bool(page.error))
    message = test.error[0].value
    assert message.startswith("holiday.mp4: this cannot be read as a video")
    assert "sessions" not in message
    assert not test.exception


def test_an_empty_file_is_one_clear_sentence(app: OpenApp, run_until: RunUntil, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    test = run_until(upload(app(), tmp_path / "empty.mp4"), lambda page: bool(page.error))
    assert test.error[0].value == "empty.mp4: the file is empty"


def test_an_analysis_can_be_cancelled_and_begun_again(
    app: OpenApp, run_until: RunUntil, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    clip = write_clip(tmp_path / "long.mp4", (400, (240, 320)))
    test = upload(app(), clip)
    button(test, "cancel-analyze").click().run()
    assert "cancelled" in texts(test)
    assert not test.get("progress")
    button(test, "again-analyze").click().run()
    run_until(test, has_verdict)


def test_a_report_that_goes_while_it_is_drawn_is_no_error(
    app: OpenApp, run_until: RunUntil, no_face_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that ends takes its report with it, at any moment of a page's run."""
    report = ProgressReport("Reading", 2, 4, 1.0, 1.0, "frames", (0.9, 0.8), 1)
    answers = itertools.cycle([report, report, None])
    monkeypatch.setattr(jobs, "read_progress", lambda _: next(answers))
    run_until(upload(app(), no_face_clip), has_verdict)


def test_a_deleted_upload_is_gone(app: OpenApp, run_until: RunUntil, no_face_clip: Path) -> None:
    test = run_until(upload(app(), no_face_clip), has_verdict)
    button(test, "analyze-delete").click().run()
    assert not has_verdict(test)
    assert "uploads" not in test.selectbox(key="analyze-source").options
    assert not test.exception


def test_an_address_with_anothers_upload_shows_nothing(app: OpenApp, run_until: RunUntil, no_face_clip: Path) -> None:
    owner = run_until(upload(app(), no_face_clip), has_verdict)
    sha256 = owner.selectbox(key="analyze-clip").value
    stranger = app()
    stranger.query_params["clip"] = f"uploads/{sha256}"
    stranger.run()
    assert not has_verdict(stranger)
    assert "not here" in stranger.warning[0].value


def test_an_address_names_clip_and_moment(app: OpenApp, run_until: RunUntil) -> None:
    run_until(app(), has_samples)
    test = app()
    test.query_params["clip"] = "demo/fake_pair_right.mp4"
    test.query_params["t"] = "1.2"
    run_until(test.run(), has_verdict)
    assert test.slider(key="analyze-moment-slider").value == pytest.approx(1.2)


def test_choices_survive_a_visit_to_another_page(app: OpenApp, run_until: RunUntil, talking_clip: Path) -> None:
    test = run_until(upload(app(), talking_clip), has_verdict)
    test.slider(key="analyze-moment-slider").set_value(0.8).run()
    test.switch_page("methods.py").run()
    test.switch_page("analyze.py").run()
    assert has_verdict(test)
    assert test.slider(key="analyze-moment-slider").value == pytest.approx(0.8)


def test_a_wrong_setting_is_one_clear_sentence(app: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFAKE_WORKERS", "many")
    test = app()
    assert "DEEPFAKE_WORKERS" in test.error[0].value
    assert not test.exception


EVIDENCE = ":material/search_insights: Evidence"


def test_the_evidence_shows_where_the_detector_looked_and_leads_to_moments(
    app: OpenApp, run_until: RunUntil, talking_clip: Path
) -> None:
    test = run_until(upload(app(), talking_clip), has_verdict)
    button(test, "banner-evidence").click().run()
    assert test.session_state["analyze-tabs"] == EVIDENCE
    assert "Where the classifier looked" in [item.value for item in test.subheader]
    assert "Person 1, frame 0, " in texts(test)
    captions = str([item.proto for item in test.get("image")])
    assert re.search(r"P\(fake\) [01]\.\d\d of this picture alone", captions)
    assert "solid outline" in texts(test)  # told apart without colour
    moments = [item for item in test.button if (item.key or "").startswith("analyze-suspicious-")]
    assert len(moments) == 5
    scores = [float(item.label.rsplit(" ", 1)[1]) for item in moments]
    assert scores == sorted(scores, reverse=True)
    moments[1].click().run()
    frame = int(moments[1].key.rsplit("-", 1)[1])
    assert f"Person 1, frame {frame}, " in texts(test)
    assert test.slider(key="analyze-moment-slider").value == pytest.approx(frame / 25)
    assert not test.exception


def test_a_reason_opens_its_own_panel_and_the_address_says_so(
    app: OpenApp, run_until: RunUntil, talking_clip: Path
) -> None:
    test = run_until(upload(app(), talking_clip), has_verdict)
    assert 1 <= len(reasons(test)) <= 3
    assert all("→ " in item.label for item in reasons(test))  # says where it leads
    score = next(item for item in reasons(test) if "P(fake) is" in item.label)
    score.click().run()
    assert test.session_state["analyze-tabs"] == EVIDENCE
    assert (test.query_params["panel"], test.query_params["signal"]) == ("evidence", "learned_score")
    assert not test.exception


def test_the_faces_panel_says_how_good_the_pictures_are(app: OpenApp, run_until: RunUntil, talking_clip: Path) -> None:
    test = run_until(upload(app(), talking_clip), has_verdict)
    quality = next(item.value for item in test.caption if "Quality of Person 1" in item.value)
    assert re.search(r"\d+ px wide \(at least 48\) · edges smeared by \d\.\d of 224 px", quality)
    assert "seen in 100% of the clip's frames" in quality


def test_the_evidence_of_a_clip_without_faces_says_why_it_is_empty(
    app: OpenApp, run_until: RunUntil, no_face_clip: Path
) -> None:
    test = app()
    test.session_state["analyze-tabs"] = EVIDENCE
    run_until(upload(test, no_face_clip), has_verdict)
    assert "there is nothing to score" in texts(test)
    assert "no probability" in texts(test)
    assert not test.exception


def test_the_person_of_the_verdict_is_shown_first(app: OpenApp, run_until: RunUntil) -> None:
    test = run_until(app(), has_samples)
    button(test, "analyze-sample-fake_pair_right.mp4").click().run()
    run_until(test, has_verdict)
    accused = re.search(r"Person (\d): P\(fake\)", " ".join(item.label for item in reasons(test)))
    assert accused is not None
    pills = next(item for item in test.get("button_group") if item.key == "analyze-person")
    assert pills.value == int(accused.group(1)) - 1


def test_faces_without_landmarks_get_no_probability_and_the_reason(
    app: OpenApp, run_until: RunUntil, talking_clip: Path
) -> None:
    test = app()
    test.session_state["analyze-tabs"] = EVIDENCE
    test.selectbox(key="settings-face-detector").set_value("haar").run()
    run_until(upload(test, talking_clip), has_verdict)
    assert not test.exception
    assert "INCONCLUSIVE" in texts(test)
    assert "no probability" in texts(test)
    assert "MTCNN" in "\n".join(item.value for item in test.info)
    assert not re.search(r"P\(fake\) [01]\.\d\d \(", texts(test))
