"""The Data set page: numbers, charts, filters, what is missing, thumbnails, and the ways into Analyze and Compare."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard.dataset.batch import waiting_text
from deepfake.dashboard.dataset.gallery import says_the_same
from deepfake.dashboard.dataset.panels import csv_of
from deepfake.dataset import open_dataset
from deepfake.figures.counts import NO_LABEL
from deepfake.server import batches
from tests import batch_work
from tests.app.driver import User

OpenSet = Callable[[], User]


def clips(user: User) -> list[str]:
    return user.table_with("clip")["clip"].tolist()


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
def opened(challenge: Path) -> User:
    user = User("dataset").arrive()
    return user.choose(source=challenge.name)


def test_the_built_in_set_is_shown_first_and_named_synthetic() -> None:
    user = User("dataset").arrive().wait_until(lambda user: bool(user.dataframe))
    assert user.query_params["set"] == "demo"
    assert "synthetic" in user.words
    assert "fake_pair_right.mp4" in clips(user)
    titles = [json.loads(chart.proto.spec)["layout"]["title"] for chart in user.get("plotly_chart")]
    assert [(title["x"], title["xref"]) for title in titles] == [(0, "container")] * 3, "nothing cuts them off"
    assert not user.exception


def test_numbers_and_what_is_missing(opened: User) -> None:
    shown = opened.words
    assert "**30** fake" in shown
    assert "**4** real" in shown
    assert "**4** test" in shown
    assert "**10** originals named, **1** on disk" in shown
    missing = {str(table.value["name"].tolist()) for table in opened.dataframe if "name" in table.value}
    assert str([f"real{number}.mp4" for number in range(10) if number != 3]) in missing
    assert any("fake26.mp4" in names and "other0.mp4" in names for names in missing)
    assert opened.expander[0].label == "Missing: 9 originals, 8 clips"
    assert not opened.exception


def test_filters_narrow_the_table(opened: User) -> None:
    assert opened.pills(key="split").options == ["train", "test"], "as above the charts"
    assert len(clips(opened)) == 35
    opened.pills(key="label").set_value(["FAKE"]).run()
    assert len(clips(opened)) == 30
    opened.segmented_control(key="where").set_value("Missing").run()
    assert clips(opened) == ["fake26.mp4", "fake27.mp4", "fake28.mp4", "fake29.mp4"]
    assert "4 of 35 clips pass the filters" in opened.words
    opened.text_input(key="name").set_value("real7").run()
    assert clips(opened) == ["fake27.mp4"]
    opened.text_input(key="name").set_value("nobody").run()
    assert "No clip passes the filters" in opened.words
    assert not opened.exception


def test_a_selected_row_does_not_become_another_clip_when_a_filter_changes(opened: User) -> None:
    opened.select_rows(2, table="dataset-table-")
    assert "Select a row to open its clip" not in opened.words
    opened.text_input(key="name").set_value("fake1").run()
    assert "Select a row to open its clip" in opened.words
    assert not opened.exception


def test_the_address_names_the_filters_and_the_open_tab(challenge: Path) -> None:
    address = {"set": challenge.name, "label": "FAKE", "where": "Missing", "name": "real7"}
    assert clips(User("dataset").arrive(**address)) == ["fake27.mp4"]
    user = User("dataset").arrive(set=challenge.name, view="Gallery", name="fake0")
    assert len(user.get("image")) == 10
    user.go_to("methods").go_to("dataset")
    assert len(user.get("image")) == 10
    odd = User("dataset").arrive(set=challenge.name, label="UNHEARD", where="nowhere", view="x")
    assert len(clips(odd)) == 35
    assert not odd.exception
    assert len(clips(User("dataset").arrive(set=challenge.name, where=""))) == 35


def test_the_table_says_what_is_on_disk_and_has_no_paths(opened: User, challenge: Path) -> None:
    table = next(table.value for table in opened.dataframe if "clip" in table.value).set_index("clip")
    assert bool(table.loc["fake03.mp4", "clip on disk"])
    assert bool(table.loc["fake03.mp4", "original on disk"])
    assert not table.loc["fake04.mp4", "original on disk"]
    assert str(challenge.parent) not in table.to_csv()
    assert opened.get("download_button")[0].label == "CSV of these 35 rows"


def test_thumbnails_come_in_pages_of_24(opened: User) -> None:
    opened.open_tab("gallery")
    assert len(opened.get("image")) == 24
    assert "Clips 1 to 24 of 27 on disk; 8 not on disk" in opened.words
    opened.session_state["gallery-page"] = 2
    opened.run()
    assert len(opened.get("image")) == 3
    assert not opened.exception


def test_the_address_names_the_page_of_the_gallery_and_other_filters_begin_at_the_first(challenge: Path) -> None:
    linked = User("dataset").arrive(set=challenge.name, view="Gallery", **{"gallery-page": "2"})
    assert "Clips 25 to 27 of 27 on disk" in linked.words
    linked.session_state["name"] = "fake"
    linked.run()
    assert "Clips 1 to" in linked.words
    far = User("dataset").arrive(set=challenge.name, view="Gallery", **{"gallery-page": "9"})
    assert "Clips 1 to 24 of 27 on disk" in far.words
    assert not far.exception


def test_a_thumbnail_opens_in_compare(opened: User, challenge: Path) -> None:
    opened.open_tab("gallery")
    opened.click("gallery-compare-fake04.mp4")
    assert opened.heading == "Compare two clips"
    assert opened.chooser("clip").value == "fake04.mp4"
    assert "real4.mp4 as the original" in opened.words


def test_a_thumbnail_opens_in_analyze(opened: User) -> None:
    opened.open_tab("gallery")
    opened.click("gallery-analyze-fake04.mp4")
    assert opened.heading == "Analyze a clip"
    assert opened.chooser("clip").value == "fake04.mp4"


def test_an_address_of_a_data_set_that_is_not_here_is_told_of_once() -> None:
    linked = User("dataset").arrive(set="elsewhere")
    assert [item.value for item in linked.warning] == ["The address names a data set that is not here: elsewhere"]
    assert not linked.run().warning


@pytest.mark.parametrize("button", ["gallery-analyze-fake04.mp4", "gallery-compare-fake04.mp4"])
def test_a_thumbnail_opens_also_where_the_address_names_tab_and_filters(challenge: Path, button: str) -> None:
    linked = User("dataset").arrive(set=challenge.name, view="Gallery", where="On disk")
    linked.click(button)
    assert not linked.exception
    assert linked.chooser("clip").value == "fake04.mp4"


def test_a_clip_that_cannot_be_read_spoils_no_other_thumbnail(opened: User, challenge: Path) -> None:
    (challenge / "train_sample_videos" / "fake02.mp4").write_text("no clip")
    opened.open_tab("gallery")
    assert len(opened.get("image")) == 23
    assert "fake02.mp4: this cannot be read as a video" in opened.words
    assert str(challenge.parent) not in opened.words
    assert not opened.exception


def test_an_address_names_the_set_and_a_stranger_folder_cannot_be_named(challenge: Path) -> None:
    user = User("dataset").arrive()
    assert user.chooser("source").options[1:] == [challenge.name]
    named = User("dataset").arrive(set=challenge.name)
    assert named.chooser("source").value == challenge.name
    stranger = User("dataset").arrive(set="/etc")
    assert stranger.chooser("source").value == "demo"


def test_the_way_back_leads_to_the_set_that_its_address_names(challenge: Path) -> None:
    user = User("dataset").arrive().choose(source=challenge.name)
    assert user.query_params["set"] == challenge.name
    user.arrive(set="demo")
    assert user.chooser("source").value == "demo"
    user.choose(source=challenge.name).go_to("evaluate")
    assert user.chooser("source").value == challenge.name, "a choice without an address goes along"


def test_two_folders_by_one_name_can_be_told_apart(tmp_path: Path, monkeypatch, moving_square_clip: Path) -> None:
    folders = [tmp_path / place / "clips" for place in ("here", "there")]
    for folder in folders:
        (folder / "real").mkdir(parents=True)
        (folder / "real" / f"{folder.parent.name}.mp4").write_bytes(moving_square_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", os.pathsep.join(map(str, folders)))
    user = User("dataset").arrive()
    assert user.chooser("source").options[1:] == ["clips", "clips (2)"]
    assert clips(user.choose(source="clips")) == ["real/here.mp4"]
    assert clips(user.choose(source="clips-2")) == ["real/there.mp4"]


def test_malformed_metadata_is_one_clear_sentence(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "metadata.json").write_text("{oops")
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(folder))
    user = User("dataset").arrive()
    user.choose(source="broken")
    assert "is not valid JSON at line 1" in user.error[0].value
    assert not user.exception


# --- Analyze this data set ------------------------------------------------------------------------------------------


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
def small(small_set: Path) -> OpenSet:
    """Factory: the page with the small set chosen, in a session of its own."""

    def at_set() -> User:
        return User("dataset").arrive().choose(source="small")

    return at_set


def test_a_filter_that_another_data_set_does_not_know_is_dropped(small_set: Path) -> None:
    user = User("dataset").arrive(set="demo", label=NO_LABEL)
    assert clips(user) == ["test_1.mp4", "test_2.mp4"]
    user.choose(source="small")
    assert len(clips(user)) == 4
    assert not user.exception


def calls_file() -> Path:
    """Where the stand-in notes what it was asked to analyze."""
    return Path(os.environ["DEEPFAKE_CACHE_DIR"]) / "calls.txt"


def calls() -> list[str]:
    return sorted(calls_file().read_text().split("\n")[:-1]) if calls_file().is_file() else []


def batch_is_over(user: User) -> bool:
    return bool(user.success) or "Canceled" in user.words or bool(user.error)


def table(user: User) -> pd.DataFrame:
    return user.table_with("label").set_index("clip")


def test_a_data_set_is_analyzed_in_the_background_and_carries_its_verdicts(small: OpenSet, small_set: Path) -> None:
    user = small()
    assert "0 of 4 clips on disk have a verdict" in user.words
    assert "verdict" not in table(user)
    user.click("batch-start")
    user.wait_until(batch_is_over)
    assert "3 analyzed, 0 known before, 1 failed" in user.success[0].value
    assert "3 of 4 clips on disk have a verdict" in user.words
    assert "Nothing left to analyze" not in user.words
    rows = table(user)
    expected = batch_work.probability_of(b"one of real")
    assert rows.loc["real/one.mp4", "P(fake)"] == pytest.approx(expected)
    assert list(rows.loc["real/one.mp4", "verdict"]) == ["⚠ Likely fake" if expected > 0.5 else "○ No signs of a fake"]
    assert list(rows.loc["fake/bad.mp4", "verdict"]) == ["✕ Failed"]
    dataset = open_dataset(small_set)
    exported = pd.read_csv(io.StringIO(csv_of(dataset, dataset.entries, AnalysisConfig().fingerprint())))
    assert exported.set_index("clip").loc["fake/bad.mp4", "verdict"] == "Failed"
    failed = next(item.value for item in user.dataframe if "why" in item.value)
    assert failed.to_dict("records") == [{"clip": "fake/bad.mp4", "why": "bad.mp4: this is not a video"}]
    assert str(small_set.parent) not in failed.to_csv()
    assert not user.exception


@pytest.mark.skipif(sys.platform != "linux", reason="a name of bytes")
def test_a_clip_that_was_replaced_is_no_longer_called_failed(small: OpenSet, small_set: Path) -> None:
    user = small().click("batch-start")
    user.wait_until(batch_is_over)
    assert list(table(user).loc["fake/bad.mp4", "verdict"]) == ["✕ Failed"]
    (small_set / "fake" / "bad.mp4").write_text("another clip of that name")
    assert list(table(user.run()).loc["fake/bad.mp4", "verdict"]) == []


def test_names_that_are_no_text_or_formulas_stop_no_page_and_no_export(small: OpenSet, small_set: Path) -> None:
    for name in (os.fsdecode(b"caf\xe9.mp4"), "=1+1.mp4", "new\nline.mp4"):
        (small_set / "real" / name).write_text("one of real")
    (small_set / "list.csv").write_text("path,label,method\nreal/one.mp4,REAL,=1+1\nfake/three.mp4,FAKE,+x\n")
    user = small()
    assert {"real/caf\\xe9.mp4", "real/=1+1.mp4", "real/new\nline.mp4"} <= set(table(user).index)
    assert not user.exception
    exported = csv_of(open_dataset(small_set / "list.csv"), open_dataset(small_set / "list.csv").entries, "none")
    assert "'=1+1" in exported
    assert "'+x" in exported


def test_a_long_name_leaves_room_for_the_verdict(small: OpenSet, small_set: Path) -> None:
    folder = small_set / "real" / "clips_of_the_first_week" / "from_a_reader"
    folder.mkdir(parents=True)
    (folder / "four.mp4").write_text("four")
    assert "…/from_a_reader/four.mp4" in table(small()).index


def test_the_end_of_a_batch_is_announced_once_to_who_waited_for_it(
    small: OpenSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("deepfake.dashboard.dataset.batch.announce", lambda text, **_: said.append(text))
    user = small()
    user.click("batch-start")
    user.wait_until(batch_is_over)
    assert said[0] == "Analyzing this data set"
    assert said[-1] in user.success[0].value
    said.clear()
    user.run()
    user.go_to("methods").go_to("dataset")
    assert user.success
    assert small().success, "whoever comes later sees how it ended"
    assert said == []


def test_a_batch_is_found_again_by_another_session_and_not_started_twice(small: OpenSet, small_set: Path) -> None:
    (small_set / "real" / "one.mp4").write_text("slow one of real")
    first, second = small(), small()
    first.click("batch-start")
    second.click("batch-start")
    assert {item.key for item in second.button} >= {"batch-cancel"}
    first.go_to("methods")
    second.wait_until(batch_is_over)
    first.go_to("dataset")
    assert "3 of 4 clips on disk have a verdict" in first.words
    assert len(calls()) == 4  # each clip once


def test_a_canceled_batch_keeps_what_it_found_and_goes_on_with_the_rest(small: OpenSet, small_set: Path) -> None:
    (small_set / "fake" / "three.mp4").write_text("hang three of fake")
    user = small()
    user.click("batch-start")
    user.wait_until(lambda _: "hang three of fake" in calls())
    user.click("batch-cancel")
    user.wait_until(batch_is_over)
    assert "Start it again for the rest" in user.words
    (small_set / "fake" / "three.mp4").write_text("three of fake")
    calls_file().unlink()
    user.run()
    kept = int(re.search(r"\*\* · (\d) of 4 clips", user.words)[1])
    user.click("batch-start")
    user.wait_until(lambda page: bool(page.success))
    assert "3 of 4 clips on disk have a verdict" in user.words
    assert "three of fake" in calls()
    assert len(calls()) <= 4 - kept


def test_failed_clips_are_tried_again_on_request(small: OpenSet, small_set: Path) -> None:
    user = small()
    user.click("batch-start")
    user.wait_until(batch_is_over)
    assert "batch-start" not in {item.key for item in user.button}  # nothing is missing but what failed
    (small_set / "fake" / "bad.mp4").write_text("mended")
    user.click("batch-retry")
    user.wait_until(lambda page: "4 of 4 clips on disk have a verdict" in page.words)
    assert "Nothing left to analyze" in user.words
    assert not [item for item in user.dataframe if "why" in item.value]


def test_one_clip_and_one_data_set_are_no_plural(small: OpenSet, small_set: Path) -> None:
    user = small()
    user.click("batch-start")
    user.wait_until(batch_is_over)
    (small_set / "real" / "one.mp4").write_text("another clip of that name")
    user.run()
    assert "Analyze the 1 that is missing" in {item.label for item in user.button}
    assert waiting_text(1) == "waiting: 1 other data set comes first"
    assert waiting_text(2) == "waiting: 2 other data sets come first"


def test_a_failed_clip_that_was_replaced_by_a_known_one_is_no_failure(small: OpenSet, small_set: Path) -> None:
    user = small()
    user.click("batch-start")
    user.wait_until(batch_is_over)
    (small_set / "fake" / "bad.mp4").write_text((small_set / "real" / "one.mp4").read_text())
    user.click("batch-retry")
    user.wait_until(lambda page: "4 of 4 clips on disk have a verdict" in page.words)
    assert "batch-retry" not in {item.key for item in user.button}
    assert not [item for item in user.dataframe if "why" in item.value]


def test_why_a_clip_failed_and_has_no_picture_is_told_once() -> None:
    assert says_the_same("fake/bad.mp4: it ends early", "bad.mp4: it ends early")
    assert not says_the_same("fake/bad.mp4: permission denied", "bad.mp4: it took longer than 600 s")


def test_a_thumbnail_carries_the_verdict_beside_the_label(
    small: OpenSet, small_set: Path, moving_square_clip: Path
) -> None:
    user = small()
    user.click("batch-start")
    user.wait_until(batch_is_over)
    user.open_tab("gallery")
    badges = next(item.value for item in user.markdown if "real/one.mp4" in item.value)
    assert "REAL" in badges
    assert re.search(r":small\[found\] :(green|orange)-badge\[.* Likely (real|fake) [01]\.\d\d\]", badges)
    failed = next(item.value for item in user.markdown if "fake/bad.mp4" in item.value)
    assert "this is not a video" in failed
    assert [item.value for item in user.caption if "broken_image" in item.value and "bad.mp4: " in item.value]


def test_without_a_store_the_page_warns_once_and_works(
    small: OpenSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_text("no database at all, but text that is long enough to be read as a header" * 20)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{damaged}")
    user = small()
    assert len(user.warning) == 1
    assert "Analyses are not kept at the moment" in user.warning[0].value
    assert len(table(user)) == 4
    assert not user.exception
