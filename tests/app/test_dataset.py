"""The Data set page: numbers, charts, filters, what is missing, thumbnails, and the ways into Analyze and Compare."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from deepfake.server import batches
from tests import batch_work

OpenApp = Callable[..., AppTest]
RunUntil = Callable[[AppTest, Callable[[AppTest], bool]], AppTest]
GALLERY = ":material/grid_view: Gallery"


def texts(test: AppTest) -> str:
    return "\n".join(element.value for element in [*test.markdown, *test.caption, *test.info, *test.warning])


def has_table(test: AppTest) -> bool:
    return bool(test.dataframe)


def button(test: AppTest, key: str):
    return next(item for item in test.button if item.key == key)


def clips(test: AppTest) -> list[str]:
    return next(table.value for table in test.dataframe if "clip" in table.value)["clip"].tolist()


@pytest.fixture
def challenge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path) -> Path:
    """A DFDC folder: 30 fakes of 10 originals and 4 others that are real; 26 fakes and one original are on disk."""
    part = tmp_path / "challenge" / "train_sample_videos"
    part.mkdir(parents=True)
    rows = {
        f"fake{number:02d}.mp4": {"label": "FAKE", "split": "train", "original": f"real{number % 10}.mp4"}
        for number in range(30)
    }
    rows |= {f"other{number}.mp4": {"label": "REAL", "split": "test", "original": None} for number in range(4)}
    (part / "metadata.json").write_text(json.dumps(rows))
    for name in [*(f"fake{number:02d}" for number in range(26)), "real3"]:
        (part / f"{name}.mp4").write_bytes(moving_square_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "challenge"))
    return tmp_path / "challenge"


@pytest.fixture
def opened(app: OpenApp, challenge: Path) -> AppTest:
    test = app("dataset")
    return test.selectbox(key="dataset-source").set_value(challenge.name).run()


def test_the_built_in_set_is_shown_first_and_named_synthetic(app: OpenApp, run_until: RunUntil) -> None:
    test = run_until(app("dataset"), has_table)
    assert test.query_params["set"] == "demo"
    assert "synthetic" in texts(test)
    assert "fake_pair_right.mp4" in clips(test)
    assert len(test.get("plotly_chart")) == 3
    assert not test.exception


def test_numbers_and_what_is_missing(opened: AppTest) -> None:
    shown = texts(opened)
    assert "**30** fake" in shown
    assert "**4** real" in shown
    assert "**4** test" in shown
    assert "**10** originals named, **1** on disk" in shown
    missing = {str(table.value["name"].tolist()) for table in opened.dataframe if "name" in table.value}
    assert str([f"real{number}.mp4" for number in range(10) if number != 3]) in missing
    assert any("fake26.mp4" in names and "other0.mp4" in names for names in missing)
    assert opened.expander[0].label == "Missing: 9 originals, 8 clips"
    assert not opened.exception


def test_filters_narrow_the_table(opened: AppTest) -> None:
    assert len(clips(opened)) == 35
    opened.pills(key="dataset-label").set_value(["FAKE"]).run()
    assert len(clips(opened)) == 30
    opened.segmented_control(key="dataset-on-disk").set_value("Missing").run()
    assert clips(opened) == ["fake26.mp4", "fake27.mp4", "fake28.mp4", "fake29.mp4"]
    opened.text_input(key="dataset-text").set_value("real7").run()
    assert clips(opened) == ["fake27.mp4"]
    opened.text_input(key="dataset-text").set_value("nobody").run()
    assert "No clip passes the filters" in texts(opened)
    assert not opened.exception


def test_the_table_says_what_is_on_disk_and_has_no_paths(opened: AppTest, challenge: Path) -> None:
    table = next(table.value for table in opened.dataframe if "clip" in table.value).set_index("clip")
    assert bool(table.loc["fake03.mp4", "clip on disk"])
    assert bool(table.loc["fake03.mp4", "original on disk"])
    assert not table.loc["fake04.mp4", "original on disk"]
    assert str(challenge.parent) not in table.to_csv()
    assert opened.get("download_button")[0].label == "CSV of these 35 rows"


def test_thumbnails_come_in_pages_of_24(opened: AppTest) -> None:
    opened.session_state["dataset-tabs"] = GALLERY
    opened.run()
    assert len(opened.get("image")) == 24
    assert "Clips 1 to 24 of 27 on disk; 8 more are not on disk" in texts(opened)
    opened.session_state["dataset-page"] = 2
    opened.run()
    assert len(opened.get("image")) == 3
    assert not opened.exception


def test_a_thumbnail_opens_in_compare(opened: AppTest, challenge: Path) -> None:
    opened.session_state["dataset-tabs"] = GALLERY
    opened.run()
    button(opened, "gallery-compare-fake04.mp4").click().run()
    assert opened.header[0].value == "Compare a fake with its original"
    assert opened.selectbox(key="compare-clip").value == "fake04.mp4"
    assert "real4.mp4 as the original" in texts(opened)


def test_a_thumbnail_opens_in_analyze(opened: AppTest) -> None:
    opened.session_state["dataset-tabs"] = GALLERY
    opened.run()
    button(opened, "gallery-analyze-fake04.mp4").click().run()
    assert opened.header[0].value == "Analyze a clip"
    assert opened.selectbox(key="analyze-clip").value == "fake04.mp4"


def test_a_clip_that_cannot_be_read_spoils_no_other_thumbnail(opened: AppTest, challenge: Path) -> None:
    (challenge / "train_sample_videos" / "fake02.mp4").write_text("no clip")
    opened.session_state["dataset-tabs"] = GALLERY
    opened.run()
    assert len(opened.get("image")) == 23
    assert "fake02.mp4: this cannot be read as a video" in texts(opened)
    assert str(challenge.parent) not in texts(opened)
    assert not opened.exception


def test_an_address_names_the_set_and_a_stranger_folder_cannot_be_named(app: OpenApp, challenge: Path) -> None:
    test = app("dataset")
    assert test.selectbox(key="dataset-source").options[1:] == [challenge.name]
    named = app()
    named.switch_page("dataset.py")
    named.query_params["set"] = challenge.name
    named.run()
    assert named.selectbox(key="dataset-source").value == challenge.name
    stranger = app()
    stranger.switch_page("dataset.py")
    stranger.query_params["set"] = "/etc"
    stranger.run()
    assert stranger.selectbox(key="dataset-source").value == "demo"


def test_malformed_metadata_is_one_clear_sentence(app: OpenApp, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "metadata.json").write_text("{oops")
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(folder))
    test = app("dataset")
    test.selectbox(key="dataset-source").set_value("broken").run()
    assert "is not valid JSON at line 1" in test.error[0].value
    assert not test.exception


# --- Analyse this data set ------------------------------------------------------------------------------------------


@pytest.fixture
def small_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with four clips, one of which cannot be read, and an empty store. The analysis is a stand-in
    that takes its answer from the clip's bytes."""
    for label, names in {"real": ("one", "two"), "fake": ("three", "bad")}.items():
        (tmp_path / "small" / label).mkdir(parents=True)
        for name in names:
            (tmp_path / "small" / label / f"{name}.mp4").write_text(f"{name} of {label}")
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "small"))
    calls_file().unlink(missing_ok=True)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setattr(batches, "analyze_in_background", batch_work.analyze)
    return tmp_path / "small"


@pytest.fixture
def small(app: OpenApp, small_set: Path) -> OpenApp:
    """Factory: the page with the small set chosen, in a session of its own."""

    def at_set() -> AppTest:
        return app("dataset").selectbox(key="dataset-source").set_value("small").run()

    return at_set


def calls_file() -> Path:
    """Where the stand-in notes what it was asked to analyse."""
    return Path(os.environ["DEEPFAKE_CACHE_DIR"]) / "calls.txt"


def calls() -> list[str]:
    return sorted(calls_file().read_text().split("\n")[:-1]) if calls_file().is_file() else []


def batch_is_over(test: AppTest) -> bool:
    return bool(test.success) or "Cancelled" in texts(test) or bool(test.error)


def table(test: AppTest) -> pd.DataFrame:
    return next(item.value for item in test.dataframe if "label" in item.value).set_index("clip")


def test_a_data_set_is_analysed_in_the_background_and_carries_its_verdicts(
    small: OpenApp, small_set: Path, run_until: RunUntil
) -> None:
    test = small()
    assert "0 of 4 clips on disk have a verdict" in texts(test)
    assert "verdict" not in table(test)
    button(test, "batch-start").click().run()
    run_until(test, batch_is_over)
    assert "3 analysed, 0 known before, 1 failed" in test.success[0].value
    assert "3 of 4 clips on disk have a verdict" in texts(test)
    rows = table(test)
    expected = batch_work.probability_of(b"one of real")
    assert rows.loc["real/one.mp4", "P(fake)"] == pytest.approx(expected)
    assert list(rows.loc["real/one.mp4", "verdict"]) == ["⚠ Likely fake" if expected > 0.5 else "✔ Likely real"]
    assert list(rows.loc["fake/bad.mp4", "verdict"]) == []
    failed = next(item.value for item in test.dataframe if "why" in item.value)
    assert failed.to_dict("records") == [{"clip": "fake/bad.mp4", "why": "bad.mp4: this is not a video"}]
    assert str(small_set.parent) not in failed.to_csv()
    assert not test.exception


def test_a_batch_is_found_again_by_another_session_and_not_started_twice(
    small: OpenApp, small_set: Path, run_until: RunUntil
) -> None:
    (small_set / "real" / "one.mp4").write_text("slow one of real")
    first, second = small(), small()
    button(first, "batch-start").click().run()
    button(second, "batch-start").click().run()
    assert {item.key for item in second.button} >= {"batch-cancel"}
    first.switch_page("methods.py").run()
    run_until(second, batch_is_over)
    first.switch_page("dataset.py").run()
    assert "3 of 4 clips on disk have a verdict" in texts(first)
    assert len(calls()) == 4  # each clip once


def test_a_cancelled_batch_keeps_what_it_found_and_goes_on_with_the_rest(
    small: OpenApp, small_set: Path, run_until: RunUntil
) -> None:
    (small_set / "fake" / "three.mp4").write_text("hang three of fake")
    test = small()
    button(test, "batch-start").click().run()
    run_until(test, lambda _: "hang three of fake" in calls())
    button(test, "batch-cancel").click().run()
    run_until(test, batch_is_over)
    assert "Start it again for the rest" in texts(test)
    (small_set / "fake" / "three.mp4").write_text("three of fake")
    calls_file().unlink()
    test.run()
    kept = int(re.search(r"\*\* · (\d) of 4 clips", texts(test))[1])
    button(test, "batch-start").click().run()
    run_until(test, lambda page: bool(page.success))
    assert "3 of 4 clips on disk have a verdict" in texts(test)
    assert "three of fake" in calls()
    assert len(calls()) <= 4 - kept


def test_failed_clips_are_tried_again_on_request(small: OpenApp, small_set: Path, run_until: RunUntil) -> None:
    test = small()
    button(test, "batch-start").click().run()
    run_until(test, batch_is_over)
    assert "batch-start" not in {item.key for item in test.button}  # nothing is missing but what failed
    (small_set / "fake" / "bad.mp4").write_text("mended")
    button(test, "batch-retry").click().run()
    run_until(test, lambda page: "4 of 4 clips on disk have a verdict" in texts(page))
    assert not [item for item in test.dataframe if "why" in item.value]


def test_a_thumbnail_carries_the_verdict_beside_the_label(
    small: OpenApp, small_set: Path, run_until: RunUntil, moving_square_clip: Path
) -> None:
    test = small()
    button(test, "batch-start").click().run()
    run_until(test, batch_is_over)
    test.session_state["dataset-tabs"] = GALLERY
    test.run()
    badges = next(item.value for item in test.markdown if "real/one.mp4" in item.value)
    assert "REAL" in badges
    assert re.search(r"found :(green|orange)-badge\[.* Likely (real|fake) [01]\.\d\d\]", badges)


def test_without_a_store_the_page_warns_once_and_works(
    small: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_text("no database at all, but text that is long enough to be read as a header" * 20)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{damaged}")
    test = small()
    assert len(test.warning) == 1
    assert "Analyses are not kept at the moment" in test.warning[0].value
    assert len(table(test)) == 4
    assert not test.exception
