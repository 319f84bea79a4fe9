"""The History page: what was analysed, found again, opened without computing, deleted; what a shared server hides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.verdict import VerdictLabel
from deepfake.dashboard.history.rows import Place, history_table
from deepfake.dashboard.sources import DatasetSource
from deepfake.detectors import DEFAULT_CLASSIFIER, classifier_title
from deepfake.files import file_sha256
from deepfake.server.store_access import StoreAccess
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, open_store
from tests import batch_work

OpenApp = Callable[..., AppTest]
RunUntil = Callable[[AppTest, Callable[[AppTest], bool]], AppTest]
Keep = Callable[..., Analysis]


def texts(test: AppTest) -> str:
    return "\n".join(element.value for element in [*test.markdown, *test.caption, *test.info, *test.warning])


def button(test: AppTest, key: str):
    return next(item for item in test.button if item.key == key)


def listed(test: AppTest) -> list[str]:
    return test.dataframe[0].value["clip"].tolist()


def select(test: AppTest, *rows: int) -> AppTest:
    """Select rows of the table, which AppTest itself cannot."""
    key = f"history-table-{test.session_state['_history-turn']}-1-None-None-"
    test.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return test.run()


@pytest.fixture(autouse=True)
def _no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application begins at Analyze, which would have the built-in set made."""
    monkeypatch.setattr("deepfake.dashboard.sources.demo_when_ready", lambda: False)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnalysisStore]:
    """An empty store that the application uses."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", url)
    with open_store(url=url) as opened:
        yield opened


@pytest.fixture
def keep(store: AnalysisStore) -> Keep:
    """Factory: put an analysis of a made-up clip into the store."""

    def put(
        name: str,
        label: VerdictLabel = "LIKELY_REAL",
        *,
        location: str = "",
        config: AnalysisConfig | None = None,
        sha256: str | None = None,
    ) -> Analysis:
        analysis = batch_work.analysis(name.encode(), Path(name), config or AnalysisConfig())
        verdict = dataclasses.replace(analysis.verdict, label=label)
        video = dataclasses.replace(analysis.video, sha256=sha256 or analysis.video.sha256)
        analysis = dataclasses.replace(analysis, verdict=verdict, video=video)
        store.put(analysis, name=name, location=location)
        return analysis

    return put


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talking_clip: Path) -> Path:
    """A data set that the server may open, with one clip in which somebody talks."""
    (tmp_path / "shown" / "real").mkdir(parents=True)
    (tmp_path / "shown" / "real" / "talking.mp4").write_bytes(talking_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "shown"))
    return tmp_path / "shown"


def test_an_empty_history_says_what_to_do(app: OpenApp, store: AnalysisStore) -> None:
    test = app("history")
    assert "Nothing was analysed yet" in texts(test)
    assert "Uploads are not kept" in texts(test)
    assert [item.proto.label for item in test.get("page_link")] == ["Analyze a clip", "Analyse a data set"]
    assert not test.exception


def test_what_was_analysed_is_listed_newest_first(app: OpenApp, keep: Keep) -> None:
    for name in ("first.mp4", "second.mp4", "third.mp4"):
        keep(name, "LIKELY_FAKE" if name == "second.mp4" else "INCONCLUSIVE")
    test = app("history")
    assert listed(test) == ["third.mp4", "second.mp4", "first.mp4"]
    assert "**3 analyses**" in texts(test)
    row = test.dataframe[0].value.set_index("clip").loc["second.mp4"]
    assert list(row["verdict"]) == ["⚠ Likely fake"]
    assert row["P(fake)"] == pytest.approx(batch_work.probability_of(b"second.mp4"))
    assert row["face detector"] == "MTCNN"
    assert row["classifier"] == classifier_title(DEFAULT_CLASSIFIER)
    assert not test.exception


def test_search_and_verdict_narrow_the_list(app: OpenApp, keep: Keep) -> None:
    for name, label in {"Anna.mp4": "LIKELY_FAKE", "annex.mp4": "LIKELY_REAL", "bob.mp4": "LIKELY_FAKE"}.items():
        keep(name, label)
    test = app("history")
    test.text_input(key="text").set_value("ann").run()
    assert sorted(listed(test)) == ["Anna.mp4", "annex.mp4"]
    test.selectbox(key="verdict").set_value("LIKELY_FAKE").run()
    assert listed(test) == ["Anna.mp4"]
    test.text_input(key="text").set_value("nobody").run()
    assert "No analysis passes the filters" in texts(test)
    button(test, "history-clear").click().run()
    assert len(listed(test)) == 3
    assert not test.exception


def test_two_settings_are_told_apart(app: OpenApp, keep: Keep) -> None:
    keep("clip.mp4")
    keep("clip.mp4", config=AnalysisConfig(face_detector="haar"))
    test = app("history")
    assert sorted(test.dataframe[0].value["face detector"]) == ["Haar", "MTCNN"]
    options = test.selectbox(key="settings").options
    assert sum("in force" in option for option in options) == 1
    test.selectbox(key="settings").set_value(AnalysisConfig(face_detector="haar").fingerprint()).run()
    assert test.dataframe[0].value["face detector"].tolist() == ["Haar"]


def test_the_address_names_filters_and_page(app: OpenApp, keep: Keep) -> None:
    for number in range(60):
        keep(f"clip{number:02d}.mp4", "LIKELY_FAKE" if number < 55 else "LIKELY_REAL")
    test = app("history")
    assert len(listed(test)) == 50
    assert "**60 analyses**, 1 to 50 shown" in texts(test)
    named = app()
    named.switch_page("history.py")
    for name, value in {"verdict": "Likely fake", "page": "2", "text": "clip"}.items():
        named.query_params[name] = value
    named.run()
    assert listed(named) == [f"clip{number:02d}.mp4" for number in reversed(range(5))]
    assert "**55 analyses** pass the filters, 51 to 55 shown" in texts(named)
    named.text_input(key="text").set_value("clip0").run()
    assert listed(named)[0] == "clip09.mp4"  # a new search begins at its first page


def test_an_analysis_opens_without_being_computed_again(
    app: OpenApp, keep: Keep, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = folder / "real" / "talking.mp4"
    config = AnalysisConfig(face_detector="haar", search_every_s=2.0)
    keep("talking.mp4", "LIKELY_FAKE", location=str(clip), sha256=file_sha256(clip), config=config)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    test = app("history")
    assert test.dataframe[0].value.loc[0, ["clip", "data set"]].tolist() == ["real/talking.mp4", "shown"]
    select(test, 0)
    monkeypatch.setattr("deepfake.server.jobs.JobQueue.submit", refuse)
    button(test, "history-open").click().run()
    assert test.header[0].value == "Analyze a clip"
    assert "LIKELY FAKE" in texts(test)
    assert test.selectbox(key="settings-face-detector").value == "haar"
    assert test.query_params["clip"] == "shown/real/talking.mp4"
    assert not test.exception


def test_a_clip_of_a_folder_that_may_not_be_opened_shows_its_name_and_no_path(
    app: OpenApp, keep: Keep, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "somebody" / "private"
    secret.mkdir(parents=True)
    (secret / "face.mp4").write_bytes((folder / "real" / "talking.mp4").read_bytes())
    keep("somebody/private/face.mp4", "LIKELY_FAKE", location=str(secret / "face.mp4"))
    test = app("history")
    assert listed(test) == ["face.mp4"]
    assert test.dataframe[0].value.loc[0, "data set"] == ""
    select(test, 0)
    button(test, "history-open").click().run()
    assert test.header[0].value == "History"
    assert "no folder that this server may open" in texts(test)
    assert "LIKELY FAKE" in texts(test)
    assert "a reason" in texts(test)
    assert len(test.get("plotly_chart")) == 2
    everything = texts(test) + str([item.value for item in test.table]) + str(test.main)
    assert "private" not in everything
    assert not test.get("imgs")
    assert not test.exception
    button(test, "history-back").click().run()
    assert listed(test) == ["face.mp4"]


def test_a_clip_that_is_gone_shows_what_was_kept(app: OpenApp, keep: Keep, folder: Path) -> None:
    keep("gone.mp4", location=str(folder / "real" / "gone.mp4"))
    test = select(app("history"), 0)
    button(test, "history-open").click().run()
    assert "no longer in the data set shown" in texts(test)
    assert "LIKELY REAL" in texts(test)


def test_a_file_that_changed_since_does_not_open_as_if_it_had_not(app: OpenApp, keep: Keep, folder: Path) -> None:
    keep("talking.mp4", location=str(folder / "real" / "talking.mp4"))  # of other bytes
    test = select(app("history"), 0)
    button(test, "history-open").click().run()
    assert test.header[0].value == "History"
    assert "the file has changed since" in texts(test)
    assert button(test, "history-anew").label == "Analyze real/talking.mp4 as it is now"


def test_an_address_of_an_analysis_that_is_not_kept_is_told(app: OpenApp, store: AnalysisStore) -> None:
    for reference in ("nonsense", f"{'0' * 64}-{'1' * 16}"):
        test = app()
        test.switch_page("history.py")
        test.query_params["analysis"] = reference
        test.run()
        assert "not kept here" in test.warning[0].value
        assert not test.exception


def test_selected_analyses_are_deleted_after_a_question(app: OpenApp, keep: Keep, store: AnalysisStore) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        keep(name)
    test = select(app("history"), 0, 2)
    assert button(test, "history-delete").label == "Delete these 2 analyses"
    button(test, "history-delete").click().run()
    assert store.find().total == 3  # nothing happens before the answer
    assert "- c.mp4\n- a.mp4" in texts(test)
    button(test, "history-delete-yes").click().run()
    assert [row.name for row in store.find().rows] == ["b.mp4"]
    assert listed(test) == ["b.mp4"]
    assert test.toast[0].value == "2 analyses deleted"
    assert not test.exception


def test_deleting_can_be_thought_better_of(app: OpenApp, keep: Keep, store: AnalysisStore) -> None:
    keep("a.mp4")
    test = select(app("history"), 0)
    button(test, "history-delete").click().run()
    button(test, "history-delete-no").click().run()
    assert store.find().total == 1
    assert listed(test) == ["a.mp4"]


def test_a_store_that_cannot_be_opened_is_one_warning(
    app: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "damaged.db").write_text("this is no database, and long enough to be taken for one" * 20)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'damaged.db'}")
    test = app("history")
    assert len(test.warning) == 1
    assert "damaged.db" in test.warning[0].value
    assert not test.dataframe
    assert not test.exception


def test_a_store_is_asked_again_once_it_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("this is no database, and long enough to be taken for one" * 20)
    access = StoreAccess(Settings(database_url=f"sqlite:///{path}"), retry_s=0.0)
    assert access.ask(lambda store: store.find().total, -1) == -1
    assert access.problem is not None
    path.unlink()
    assert access.ask(lambda store: store.find().total, -1) == 0
    assert access.problem is None
    access.close()


def test_long_names_lose_their_first_folders(keep: Keep, store: AnalysisStore) -> None:
    keep("clip.mp4")
    name = "faceforensics/manipulated_sequences/FaceSwap/c40/videos/720_672.mp4"
    [row] = store.find().rows
    place = Place(DatasetSource("ff", "ff", Path("/ff"), None), name)
    assert history_table([row], {row.id: place})["clip"].tolist() == ["…/FaceSwap/c40/videos/720_672.mp4"]
